"""Whose turn it is: the order of a class, who is admitted beside whom, and when all will be finished.

Pure arithmetic over what is expected of each notebook; nothing here knows of rooms, threads or clocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from autograder.records import record

GROWTH: Final = 1.1
"""By how much a notebook may exceed the memory that it took before."""
OTHERS: Final = 1.25
"""By how much one of which nothing is known may exceed the most that any other of its class took."""
UNTRIED: Final = (0.6, 1.7)
"""Around what is expected, before any notebook of this run has shown how much that is worth."""
FEW: Final = 5
"""Durations below this number do not tell how far others lie apart."""
LOOSE: Final = 0.25
"""Share of an estimate by which it may be wrong in any case: the load of a machine changes."""


@record
class Turn:
    """What is expected of one submission."""

    student: str
    remembered: bool = False
    """Whether nothing is to be executed for it."""
    rehearsed: bool = False
    """Whether a rehearsal of just this is remembered."""
    seconds: float | None = None
    """Of its execution; None where nothing is known."""
    memory_mb: float | None = None
    """At its peak; None where nothing is known."""


@record
class Outlook:
    """Seconds until all are finished: with luck, most likely, and at worst."""

    low: float
    likely: float
    high: float


@record
class Pace:
    """What has become of the class so far, in seconds."""

    finished: Mapping[str, float]
    """Student -> what it took."""
    running: Mapping[str, float]
    """Student -> how long it has been at it."""


def ordered(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """What is remembered first, since it takes no time; then the longest first, so that none is left alone at the end.

    One of which nothing is known stands where the middle one of the others does.
    """
    known = [turn.seconds for turn in turns if turn.seconds is not None and not turn.remembered]
    middle = median(known) if known else 0.0
    rest = [turn for turn in turns if not turn.remembered]
    rest.sort(key=lambda turn: -(middle if turn.seconds is None else turn.seconds))
    return (*(turn for turn in turns if turn.remembered), *rest)


# --- memory ----------------------------------------------------------------------------------------------------------


def peak_mb(turn: Turn, seen: Sequence[float], limit_mb: float) -> float:
    """The memory to keep free for one: by what it took before, else by what others took, else all that it may have."""
    if turn.remembered:
        return 0.0
    if turn.memory_mb:
        return min(limit_mb, GROWTH * turn.memory_mb)
    return min(limit_mb, OTHERS * max(seen)) if seen else limit_mb


def admitted(waiting: Iterable[float], running: Sequence[float], available_mb: float, used_mb: float) -> int | None:
    """Place of the first whose peak the machine can hold beside the peaks of those that run; None where it is nobody.

    ``used_mb`` is what the running ones have of theirs already: what is available, less what they may still grow to, is
    left for the next. There is always at least one that runs.
    """
    if not any(running):
        return 0
    left = available_mb - max(0.0, sum(running) - used_mb)
    return next((place for place, peak in enumerate(waiting) if peak <= left), None)


# --- time ------------------------------------------------------------------------------------------------------------


def outlook(turns: Sequence[Turn], pace: Pace, lanes: int, longest: float) -> Outlook | None:
    """When those that run and those that wait will be finished; None while nothing is known of how long they take.

    ``longest``: seconds after which a notebook is stopped in any case. One that is slower than all others counts with
    as much as may be left to it, and no other waits for it but those that need its lane.
    """
    measure = _Measure(turns, pace, longest)
    waiting = [
        turn for turn in ordered(turns) if turn.student not in pace.finished and turn.student not in pace.running
    ]
    running = [turn for turn in turns if turn.student in pace.running]
    spans = [measure.span(turn) for turn in waiting]
    rests = [measure.rest(turn, pace.running[turn.student]) for turn in running]
    if any(span is None for span in (*spans, *rests)):
        return None
    likely = _finished([rest[1] for rest in rests if rest], [span[1] for span in spans if span], lanes)
    low = _finished([rest[0] for rest in rests if rest], [span[0] for span in spans if span], lanes)
    high = _finished([rest[2] for rest in rests if rest], [span[2] for span in spans if span], lanes)
    return Outlook(low=min(low, likely), likely=likely, high=max(high, likely))


def _finished(running: Sequence[float], waiting: Sequence[float], lanes: int) -> float:
    """When the last lane is empty, where each takes the next as soon as it is free."""
    ends = sorted(running) + [0.0] * max(0, lanes - len(running))
    for seconds in waiting:
        first = min(range(len(ends)), key=ends.__getitem__)
        ends[first] += seconds
    return max(ends, default=0.0)


Span = tuple[float, float, float]
"""Low, likely and high."""


class _Measure:
    """What those that are finished say of the others: by how much they differed from what was expected of them."""

    def __init__(self, turns: Sequence[Turn], pace: Pace, longest: float) -> None:
        of = {turn.student: turn for turn in turns}
        done = [(of[student], seconds) for student, seconds in pace.finished.items() if student in of]
        self._longest = longest
        self._quick = [seconds for turn, seconds in done if turn.remembered]
        self._slow = [seconds for turn, seconds in done if not turn.remembered]
        self._ratios = [
            seconds / turn.seconds
            for turn, seconds in done
            if turn.seconds and turn.seconds >= 1 and not turn.remembered
        ]
        expected = [turn.seconds for turn in turns if turn.seconds and not turn.remembered]
        self._usual = median(expected) if expected else None
        self._narrower = max(0.5, 1 / math.sqrt(max(1, len(turns) - len(done))))
        """Of many, the short ones make up for the long ones."""

    def span(self, turn: Turn) -> Span | None:
        """Of one that has not begun."""
        if turn.remembered:
            return self._around(self._quick) if self._quick else (0.0, 0.1, 1.0)
        if turn.seconds and self._ratios:
            low, likely, high = self._around(self._ratios)
            return turn.seconds * low, turn.seconds * likely, min(self._longest, turn.seconds * high)
        if self._slow:
            return self._around(self._slow)
        expected = turn.seconds or self._usual
        return None if expected is None else (expected * UNTRIED[0], expected, expected * UNTRIED[1])

    def rest(self, turn: Turn, spent: float) -> Span | None:
        """Of one that has begun so many seconds ago; once it is slower than all others, anything may be left to it."""
        span = self.span(turn)
        if span is None:
            return None
        low, likely, high = (max(0.0, seconds - spent) for seconds in span)
        most = max(0.0, self._longest - spent)
        if high > 0:
            return low, likely or high / 2, high
        return 0.0, min(most, spent / 2), most

    def _around(self, values: Sequence[float]) -> Span:
        """The middle one, and how far others lie from it; of few, farther than was seen."""
        middle, least, most = median(values), min(values), max(values)
        if len(values) < FEW:
            least, most = least * UNTRIED[0], most * UNTRIED[1]
        low, high = middle - (middle - least) * self._narrower, middle + (most - middle) * self._narrower
        return min(low, middle * (1 - LOOSE)), middle, max(high, middle * (1 + LOOSE))


# --- in words --------------------------------------------------------------------------------------------------------


def told(view: Outlook | None) -> str:
    """``4 to 9 min left``: in the unit that the larger figure asks for."""
    if view is None:
        return "estimating …"
    if view.high <= 1:
        return "1 s left"
    if view.high < 90:
        return _between(view.low, view.high, 1, "s")
    if view.high < 5400:
        return _between(view.low, view.high, 60, "min")
    return _between(view.low, view.high, 3600, "h")


def _between(low: float, high: float, unit: int, name: str) -> str:
    least, most = math.floor(low / unit), max(1, math.ceil(high / unit))
    return f"{most} {name} left" if least == most else f"{least} to {most} {name} left"
