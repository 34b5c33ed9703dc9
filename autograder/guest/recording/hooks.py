"""How a function of a library's is replaced by one that also tells us."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..things import Thing

Record = Callable[[Callable[..., Any], Any, Sequence[Any], Mapping[str, Any]], Any]
"""Called with the original, the object, the arguments and the keywords; answers what the original would."""


def wrap(kind: type, name: str, record: Record) -> None:
    """Replace a method where it is defined, so that every way of import meets it."""
    setattr(kind, name, wrapped(getattr(kind, name), record))


def wrapped(original: Callable[..., Any], record: Record) -> Callable[..., Any]:
    @functools.wraps(original)  # also copies Keras' marks on the function
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        return record(original, self, arguments, keywords)

    return call


def bound(original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> dict[str, Any]:
    """Arguments by name; raises TypeError where the call itself would."""
    given = dict(_signature(original).bind(model, *arguments, **keywords).arguments)
    given.pop("self", None)
    given.update(given.pop("kwargs", {}))
    return given


@functools.lru_cache(maxsize=64)
def _signature(original: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(original)
