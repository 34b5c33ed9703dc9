"""What can be wrong with a rubric, in the words of somebody who edits a YAML file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError

from autograder.records import Json
from autograder.rubric.finding import did_you_mean
from autograder.rubric.plain import KeyPath, Problem
from autograder.rubric.shape import Criterion, File, Item, Limits, Title


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A keyword of a check that a rubric may set."""

    name: str
    type: Any
    """Annotation, as pydantic understands it; values are checked strictly: ``1`` is a float, ``true`` is no number."""
    required: bool
    default: Any = None


class CheckSpec(Protocol):
    """What a rubric needs to know of a check."""

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...


def dotted(path: KeyPath) -> str:
    """``criteria[0].items[1].points``"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def explained(error: ValidationError, content: Json) -> Iterator[Problem]:
    """pydantic's errors in the words of somebody who edits a YAML file."""
    for fault in error.errors(include_url=False, include_context=True):
        path: KeyPath = fault["loc"]
        if fault["type"] == "extra_forbidden":
            known = sorted(_fields(path[:-1]))
            hint = did_you_mean(str(path[-1]), known) or f" here; known: {', '.join(known)}"
            yield Problem(path, f"unknown key{hint}")
        elif fault["type"] == "missing":
            yield Problem(path, "is missing")
        elif fault["type"] in {"model_type", "dict_type"}:
            yield Problem(path, "must be a mapping of keys to values")
        else:
            yield Problem(path, fault["msg"].removeprefix("Value error, "))


_MODELS: Mapping[str | int, type[BaseModel]] = {
    "title": Title,
    "limits": Limits,
    "criteria": Criterion,
    "items": Item,
}


def _fields(path: KeyPath) -> Iterable[str]:
    """The keys that are known at this place of the file."""
    return next((_MODELS[part] for part in reversed(path) if part in _MODELS), File).model_fields


def inconsistencies(file: File, checks: Mapping[str, CheckSpec]) -> list[Problem]:
    """What is wrong with a file whose every value is well formed."""
    return [*_repeated(file), *_sums(file), *_calls(file, checks), *_limits(file)]


def _repeated(file: File) -> Iterator[Problem]:
    """Ids name columns of the grades file: each is there once."""
    seen: dict[str, str] = {}
    for number, criterion in enumerate(file.criteria):
        named: list[tuple[KeyPath, str]] = [(("criteria", number, "id"), criterion.id)]
        named += [(("criteria", number, "items", n, "id"), item.id) for n, item in enumerate(criterion.items)]
        for path, name in named:
            if name in seen:
                yield Problem(path, f"the id {name!r} is taken by {seen[name]}")
            seen.setdefault(name, dotted(path[:-1]))


def _sums(file: File) -> Iterator[Problem]:
    for number, criterion in enumerate(file.criteria):
        items = sum((item.points for item in criterion.items), Decimal(0))
        if items != criterion.points:
            yield Problem(("criteria", number, "points"), f"the items add up to {items:f}, not to {criterion.points:f}")
    total = sum((criterion.points for criterion in file.criteria), Decimal(0))
    if total != file.points:
        yield Problem(("points",), f"the criteria add up to {total:f}, not to {file.points:f}")
    if file.points == 0:
        yield Problem(("points",), "must be more than 0")


def _limits(file: File) -> Iterator[Problem]:
    if file.limits.cell_seconds > file.limits.run_seconds:
        yield Problem(("limits", "cell_seconds"), f"is more than run_seconds ({file.limits.run_seconds})")


def _calls(file: File, checks: Mapping[str, CheckSpec]) -> Iterator[Problem]:
    for number, criterion in enumerate(file.criteria):
        for place, item in enumerate(criterion.items):
            path: KeyPath = ("criteria", number, "items", place)
            if item.check in checks:
                yield from _arguments(item, checks[item.check], path)
            else:
                hint = did_you_mean(item.check, checks) or f"; known: {', '.join(sorted(checks))}"
                yield Problem((*path, "check"), f"unknown check {item.check!r}{hint}")


def _arguments(item: Item, spec: CheckSpec, path: KeyPath) -> Iterator[Problem]:
    """A check is called with what it declares, or the file is refused."""
    for name in item.parameters:
        if name not in spec.parameters:
            hint = did_you_mean(name, spec.parameters) or f"; known: {', '.join(sorted(spec.parameters)) or 'none'}"
            yield Problem((*path, "parameters", name), f"unknown parameter of {item.check}{hint}")
    for name, parameter in spec.parameters.items():
        here: KeyPath = (*path, "parameters", name)
        if name in item.parameters:
            yield from (Problem((*here, *where), text) for where, text in _mistyped(parameter, item.parameters[name]))
        elif parameter.required:
            yield Problem(here, f"is missing: {item.check} needs it")


def adapted(parameter: Parameter, value: Json) -> Json:
    """The value as the check will get it: ``1`` is 1.0 for a float; raises pydantic's ValidationError."""
    return TypeAdapter(parameter.type).validate_python(value, strict=True)


def _mistyped(parameter: Parameter, value: Json) -> list[tuple[KeyPath, str]]:
    try:
        adapted(parameter, value)
    except ValidationError as error:
        return [(fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in error.errors()]
    return []
