"""The shape of a rubric file: its keys, their types and ranges."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from autograder.records import Json


def _decimal(value: object) -> Decimal:
    """Through the shortest decimal that reads back as the same float: 0.1 is one tenth."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return Decimal(str(value))


def _identifiers(values: Mapping[str, Json]) -> Mapping[str, Json]:
    wrong = [name for name in values if not name.isidentifier() or keyword.iskeyword(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} cannot be the name of a variable in a notebook")
    return values


_Points = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=10_000, max_digits=8, decimal_places=4)]
_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
_Text = Annotated[str, Field(min_length=1, max_length=300)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Title(Strict):
    fr: _Text
    en: _Text


class Limits(Strict):
    run_seconds: int = Field(900, ge=10, le=86_400)
    cell_seconds: int = Field(600, ge=5, le=86_400)
    memory_mb: int = Field(4096, ge=512, le=1_048_576)
    disk_mb: int = Field(512, ge=16, le=65_536)
    processes: int = Field(256, ge=32, le=32_768)
    open_files: int = Field(1024, ge=64, le=65_536)
    output_mb: int = Field(8, ge=1, le=256)
    outputs: int = Field(4000, ge=10, le=100_000)
    budget_seconds: int = Field(0, ge=0, le=86_400)
    measuring_seconds: int = Field(120, ge=30, le=3600)
    model_seconds: int = Field(180, ge=10, le=3600)
    over_budget: Literal["reduce", "refuse"] = "reduce"


class Item(Strict):
    id: _Id
    title: Title
    points: _Points
    check: str
    parameters: dict[str, Json] = {}


class Criterion(Strict):
    id: _Id
    title: Title
    points: _Points
    items: list[Item] = Field(min_length=1)


class File(Strict):
    id: _Id
    version: int = Field(ge=1)
    title: Title
    points: _Points
    criteria: list[Criterion] = Field(min_length=1)
    data: str = "digits"
    limits: Limits = Limits.model_validate({})
    parameters: Annotated[dict[str, Json], AfterValidator(_identifiers)] = {}
    seed: int = Field(20, ge=0, lt=2**31)
    hidden_images: int = Field(5000, ge=1, le=1_000_000)
    robustness_images: int = Field(2000, ge=1, le=1_000_000)
    reference_seeds: list[Annotated[int, Field(ge=0, lt=2**31)]] = Field([1, 2, 3], min_length=1, max_length=20)
