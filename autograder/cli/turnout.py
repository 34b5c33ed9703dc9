"""How many of a class are still to come: no more rooms are kept ready than will be needed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from autograder.console import Watcher
from autograder.pipeline import Progress

_MEASURED = ("grading", "done", "failed")
_EXECUTED = ("measuring", *_MEASURED)


class Turnout:
    """Counts students by what is told of them; until a class begins, nothing is expected."""

    def __init__(self) -> None:
        self._expected = 0
        self._executed: set[str] = set()
        self._measured: set[str] = set()

    def watched(self, watcher: Watcher, expected: int) -> Watcher:
        """A class of so many begins: ``watcher`` is told as before, and here it is counted."""
        self._expected, self._executed, self._measured = expected, set(), set()
        return _Counting(watcher, self)

    def note(self, progress: Progress) -> None:
        if progress.stage in _EXECUTED:
            self._executed.add(progress.student)
        if progress.stage in _MEASURED:
            self._measured.add(progress.student)

    def demand(self, program: str) -> int:
        """``sandbox.ahead.Demand``: who has not come through the rooms of notebooks, or those of models."""
        return self._expected - len(self._executed if program == "runner.py" else self._measured)


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
