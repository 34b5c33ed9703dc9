"""How many of a class are still to come: no more rooms are kept ready than will be needed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from autograder.console import Watcher
from autograder.pipeline import Progress

_NOT_BEGUN = "waiting"
_ENDED = ("done", "failed")


class Turnout:
    """Counts students by what is told of them; until a class begins, nothing is expected."""

    def __init__(self) -> None:
        self._expected = 0
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    def watched(self, watcher: Watcher, expected: int) -> Watcher:
        """A class of so many begins: ``watcher`` is told as before, and here it is counted."""
        self._expected, self._begun, self._ended = expected, set(), set()
        return _Counting(watcher, self)

    def note(self, progress: Progress) -> None:
        if progress.stage != _NOT_BEGUN:
            self._begun.add(progress.student)
        if progress.stage in _ENDED:
            self._ended.add(progress.student)

    def demand(self, program: str) -> int:
        """``sandbox.ahead.Demand``: a notebook's room for all that have not begun, one for models but for the last."""
        gone = len(self._begun) if program == "runner.py" else len(self._ended) + 1
        return max(0, self._expected - gone)


class _Counting:
    """A watcher that passes everything on."""

    def __init__(self, watcher: Watcher, turnout: Turnout) -> None:
        self._watcher = watcher
        self._turnout = turnout

    def tell(self, progress: Progress) -> None:
        self._turnout.note(progress)
        self._watcher.tell(progress)

    def __enter__(self) -> Self:
        self._watcher.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watcher.__exit__(kind, error, trace)
