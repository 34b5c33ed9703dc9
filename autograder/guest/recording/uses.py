"""What learns while a model is only used: callbacks of ``evaluate`` and ``predict``, and what is put into their steps.

A callback is the notebook's own code, and is heard as what stands in a cell is; within validation, as any other
callback of the training. An optimiser that steps elsewhere, in a metric say, is followed by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..things import Thing
from . import hooks
from .depth import Depth

TURNS = tuple(
    f"on_{kind}_{moment}" for kind in ("test", "predict") for moment in ("begin", "batch_begin", "batch_end", "end")
)


class Uses:
    """That are at work, one within the other."""

    def __init__(self, inside: Depth) -> None:
        self._inside = inside
        self._levels: list[int] = []
        """How deep the kernel was within calls that are not the student's, before each of them."""
        self.learnt = 0
        """Steps of an optimiser outside of callbacks; a traced one counts once."""

    @contextmanager
    def around(self) -> Iterator[None]:
        self._levels.append(int(self._inside))
        try:
            with self._inside.deeper():
                yield
        finally:
            self._levels.pop()

    def install(self, kind: type) -> None:
        for name in TURNS:
            hooks.wrap(kind, name, self._turn)

    def _turn(self, original: Thing, callbacks: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """Callbacks that were given to a use are as deep as who called it."""
        __tracebackhide__ = True
        if not self._levels:
            return original(callbacks, *arguments, **keywords)
        levels, self._levels = self._levels, []
        try:
            with self._inside.at(levels[-1]):
                return original(callbacks, *arguments, **keywords)
        finally:
            self._levels = levels

    def stepped(self) -> None:
        """An optimiser takes a step."""
        self.learnt += bool(self._levels)
