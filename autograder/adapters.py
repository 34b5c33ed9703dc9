"""What reads and writes records as JSON: one for each type, for all stages."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


def adapter(kind: type[T]) -> TypeAdapter[T]:
    """Made when first asked for: that takes up to twenty milliseconds for a type, of which few starts need all."""
    return _made(cast("Hashable", kind))  # which mypy does not know of a class


@cache
def _made(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401
    return TypeAdapter(kind)
