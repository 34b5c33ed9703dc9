"""What the terminal shows while a class is graded, and the table at the end."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autograder.messages import points
from autograder.pipeline import Progress
from autograder.records import Grade, Rubric, State, record
from autograder.sandbox.watch import plain_text
from autograder.turns import Pace, Turn, outlook, told
from autograder.unseen import UNSEEN, belongs

_STATES = {
    State.GRADED: "green",
    State.NEEDS_REVIEW: "yellow",
    State.FAILED: "red",
    State.MISSING: "dim",
}


def safe(text: str, width: int = 60) -> str:
    """A student's text for a terminal: no escapes, no direction tricks, not too long."""
    line = text.replace("\n", " ")
    clean = UNSEEN.sub(lambda match: match[0] if belongs(line, match.start()) else "�", line)
    return clean if len(clean) <= width else clean[: width - 1] + "…"


def printer(*, quiet: bool = False) -> Console:
    """As wide as the terminal; in a pipe or a file, wide enough for the table of a class.

    Brackets and colons in a name are what they are: no colour, no picture, and no error where they do not match.
    """
    width = None if sys.stdout.isatty() else 120
    return Console(quiet=quiet, highlight=False, markup=False, emoji=False, width=width)


class Harmless(logging.Formatter):
    """Lines for a terminal of what is logged of students' work: errors quote it as it is."""

    def format(self, record: logging.LogRecord) -> str:
        return plain_text(super().format(record).encode("utf-8", "replace"))


_LOOK_SECONDS = 5.0
"""Between two estimates in a log."""
_ENDS = ("done", "failed")
"""Stages after which nothing more is heard of a student."""


@record
class Plan:
    """What is expected of the class that is watched."""

    turns: Sequence[Turn]
    lanes: int
    """Notebooks at a time."""
    longest: float
    """Seconds after which one is stopped in any case."""


class Clocks:
    """Since when each is at work, and how long those took that are finished."""

    def __init__(self) -> None:
        self.finished: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def tell(self, progress: Progress) -> None:
        now = time.monotonic()
        since = self._since.pop(progress.student, now)
        if progress.stage in _ENDS:
            self.finished[progress.student] = now - since
        elif progress.stage != "waiting":  # what had no room begins anew
            self._since[progress.student] = since

    def pace(self) -> Pace:
        now = time.monotonic()
        return Pace(finished=dict(self.finished), running={who: now - since for who, since in self._since.items()})


class Watcher(Protocol):
    """Shows the progress of a class."""

    def tell(self, progress: Progress) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Silent:
    """``--quiet`` and ``--json``: nothing."""

    def tell(self, progress: Progress) -> None:
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Lines(Silent):
    """A line per change of stage: for logs and pipes; with ``verbose`` one per cell as well."""

    def __init__(self, console: Console, total: int, *, plan: Plan | None = None, verbose: bool = False) -> None:
        self._console = console
        self._total = total
        self._plan = plan
        self._verbose = verbose
        self._seen: dict[str, tuple[str, int]] = {}
        self._clocks = Clocks()
        self._again = 0.0
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def tell(self, progress: Progress) -> None:
        with self._lock:
            mark = (progress.stage, progress.cell if self._verbose else 0)
            if self._seen.get(progress.student) == mark:
                return
            self._seen[progress.student] = mark
            self._clocks.tell(progress)
            elapsed = clock(time.monotonic() - self._began)
            cell = f" cell {progress.cell}/{progress.cells}" if progress.cell else ""
            done, left = len(self._clocks.finished), self._left() if progress.stage in _ENDS else ""
            self._console.print(
                f"{elapsed}  {done}/{self._total}  {safe(progress.student, 32)}: {progress.stage}{cell}{left}",
                markup=False,
                highlight=False,
            )

    def _left(self) -> str:
        """Now and then: it is new arithmetic over the whole class each time."""
        now = time.monotonic()
        if self._plan is None or len(self._clocks.finished) == self._total or now < self._again:
            return ""
        self._again = now + _LOOK_SECONDS
        return f"  ({left(self._plan, self._clocks.pace())})"


class Board(Silent):
    """A live board: who is at which cell and epoch, what is finished, and when the class will be."""

    def __init__(self, console: Console, total: int, *, plan: Plan, done: str = "graded") -> None:
        self._total = total
        self._plan = plan
        self._done = done
        self._rows: dict[str, Progress] = {}
        self._clocks = Clocks()
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def tell(self, progress: Progress) -> None:
        with self._lock:
            self._clocks.tell(progress)
            self._rows[progress.student] = progress
            if progress.stage in (*_ENDS, "waiting"):
                del self._rows[progress.student]

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _render(self) -> RenderableType:
        with self._lock:
            rows, pace = list(self._rows.values()), self._clocks.pace()
        table = Table.grid(padding=(0, 2))
        for progress in rows:
            cell = f"cell {progress.cell}/{progress.cells}" if progress.cell else ""
            table.add_row(
                Text(safe(progress.student, 32), style="bold"),
                Text(progress.stage),
                Text(cell),
                Text(safe(progress.text, 32), style="cyan"),
                Text(clock(pace.running.get(progress.student, 0.0)), style="dim"),
            )
        done = len(pace.finished)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{done}/{self._total} {self._done}"),
            ProgressBar(total=max(1, self._total), completed=done, width=30),
            Text(f"elapsed {clock(time.monotonic() - self._began)}"),
            Text(left(self._plan, pace), style="dim"),
        )
        return Group(head, table)


def watched(
    console: Console,
    turns: Sequence[Turn],
    *,
    lanes: int,
    longest: float,
    done: str = "graded",
    silent: bool = False,
    verbose: bool = False,
) -> Watcher:
    """What fits where it is shown: nothing, a board on a terminal, or lines."""
    if silent:
        return Silent()
    plan = Plan(turns=turns, lanes=lanes, longest=longest)
    if console.is_terminal and not verbose:
        return Board(console, len(turns), plan=plan, done=done)
    return Lines(console, len(turns), plan=plan, verbose=verbose)


def left(plan: Plan, pace: Pace) -> str:
    """How long the class will still take, in words."""
    return told(outlook(plan.turns, pace, plan.lanes, plan.longest))


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def grades_table(grades: Sequence[Grade], rubric: Rubric, language: str) -> Table:
    """One row per student, one column per criterion."""
    table = Table(title=f"{rubric.title[language]} — /{rubric.points}", title_justify="left")
    table.add_column("student", overflow="fold", min_width=min(12, max((len(g.student) for g in grades), default=7)))
    for criterion in rubric.criteria:
        table.add_column(f"{criterion.title[language]} /{criterion.points}", justify="right", overflow="fold")
    table.add_column("total", justify="right", style="bold")
    table.add_column("state")
    for grade in grades:
        earned = [criterion_points(grade, criterion.id, language) for criterion in rubric.criteria]
        total = "" if grade.total is None else points(grade.total, language)
        undecided = f" (+{points(grade.undecided, language)}?)" if grade.undecided and grade.total is not None else ""
        table.add_row(
            safe(grade.student, 32),
            *earned,
            total + undecided,
            Text(grade.state.value, style=_STATES[grade.state]),
        )
    return table


def criterion_points(grade: Grade, criterion: str, language: str) -> str:
    """Points of a criterion; ``?`` marks those that wait for a person, empty those of a missing submission."""
    awards = [award for award in grade.awards if award.criterion == criterion]
    if not awards:
        return ""
    earned = sum((award.points for award in awards if award.points is not None), Decimal(0))
    return points(earned, language) + ("?" if any(award.points is None for award in awards) else "")


def plain_rows(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    """A small table of strings."""
    table = Table(show_header=True)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(safe(cell, 200) for cell in row.values()))
    console.print(table)
