"""How many of a class are still to come: no more rooms are kept ready than will be needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from autograder.cli.desk import Watch
from autograder.console import Watcher
from autograder.pipeline import Progress
from autograder.turns import Turn

_MEASURED = ("grading", "done", "failed")
_EXECUTED = ("measuring", *_MEASURED)


class Turnout:
    """Counts students by what is told of them; until a class begins, nothing is expected."""

    def __init__(self) -> None:
        self._expected: frozenset[str] = frozenset()
        self._executed: set[str] = set()
        self._measured: set[str] = set()

    def counting(self, watch: Watch) -> Watch:
        """The same, of whose classes it is counted how many are still to come; who is remembered needs no room."""

        def begin(turns: Sequence[Turn], *, longest: float, done: str = "graded") -> Watcher:
            expected = frozenset(turn.student for turn in turns if not turn.remembered)
            return self.watched(watch(turns, longest=longest, done=done), expected)

        return begin

    def watched(self, watcher: Watcher, expected: Iterable[str]) -> Watcher:
        """A class of these students begins: ``watcher`` is told as before, and here it is counted."""
        self._expected, self._executed, self._measured = frozenset(expected), set(), set()
        return _Counting(watcher, self)

    def note(self, progress: Progress) -> None:
        if progress.stage in _EXECUTED:
            self._executed.add(progress.student)
        if progress.stage in _MEASURED:
            self._measured.add(progress.student)

    def demand(self, program: str) -> int:
        """``sandbox.ahead.Demand``: who has not come through the rooms of notebooks, or those of models."""
        return len(self._expected - (self._executed if program == "runner.py" else self._measured))


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
