"""Several submissions at a time: who begins when a lane is free and the memory of the machine holds one more."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from typing import Final, Generic, TypeVar

import psutil

from autograder.turns import Turn, admitted, ordered, peak_mb

T = TypeVar("T")

Work = Callable[[Turn, str, Callable[[], bool]], T]
"""From whose turn it is, the device of the lane, and whether nobody listens any more, to the result."""
Peak = Callable[[T], "float | None"]
"""Megabytes that the room of a result took; None where it had none."""

_LOOK_SECONDS: Final = 1.0
"""Meanwhile others on this machine may have given memory back."""


@dataclass(frozen=True, slots=True)
class _Ended(Generic[T]):
    result: T | None = None
    error: BaseException | None = None


def carried(
    turns: Sequence[Turn], slots: Sequence[str], work: Work[T], *, limit_mb: float, peak: Peak[T]
) -> Generator[T]:
    """Results as they finish, a lane for each slot; what ``work`` raises is raised here.

    No more results wait to be taken than there are lanes: who is slow to put them away holds the others up instead of
    filling the memory. Whoever stops listening waits until those that have begun notice it.
    """
    desk = _Desk(turns, limit_mb)
    lanes = slots[: len(turns)]
    ready: Queue[_Ended[T]] = Queue(maxsize=max(1, len(lanes)))

    def lane(device: str) -> None:
        try:
            while (turn := desk.take()) is not None:
                result = work(turn, device, lambda: desk.closed)
                desk.put_back(turn, peak(result))
                _put(_Ended(result), ready, desk)
                del result
        except BaseException as error:
            _put(_Ended(error=error), ready, desk)

    threads = [threading.Thread(target=lane, args=(device,), name=f"lane {device}") for device in lanes]
    for thread in threads:
        thread.start()
    try:
        for _ in turns:
            yield _result(ready.get())
    finally:
        desk.close()
        for thread in threads:
            thread.join()


def _result(ended: _Ended[T]) -> T:
    if ended.error is not None:
        raise ended.error
    return ended.result  # type: ignore[return-value]  # None only where T holds it


def _put(ended: _Ended[T], ready: Queue[_Ended[T]], desk: _Desk) -> None:
    """Wait until it is taken in, or until nobody listens any more."""
    while not desk.closed:
        with suppress(Full):
            ready.put(ended, timeout=_LOOK_SECONDS)
            return


class _Desk:
    """Where lanes ask whose turn it is."""

    def __init__(self, turns: Sequence[Turn], limit_mb: float) -> None:
        self.closed = False
        self._waiting = list(ordered(turns))
        self._limit_mb = limit_mb
        self._seen = [turn.memory_mb for turn in turns if turn.memory_mb]
        self._running: dict[str, float] = {}
        """Student -> the memory that is kept free for it."""
        self._changed = threading.Condition()

    def take(self) -> Turn | None:
        """Wait for the next turn; None when there is no more."""
        with self._changed:
            while self._waiting and not self.closed:
                place = self._place()
                if place is not None:
                    turn = self._waiting.pop(place)
                    self._running[turn.student] = peak_mb(turn, self._seen, self._limit_mb)
                    return turn
                self._changed.wait(_LOOK_SECONDS)
            return None

    def put_back(self, turn: Turn, peak: float | None) -> None:
        """Its room is empty."""
        with self._changed:
            self._running.pop(turn.student, None)
            if peak:
                self._seen.append(peak)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _place(self) -> int | None:
        if not any(self._running.values()) or self._waiting[0].remembered:
            return 0
        peaks = (peak_mb(turn, self._seen, self._limit_mb) for turn in self._waiting)
        return admitted(peaks, tuple(self._running.values()), available_mb(), used_mb())


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors that this process may use: those it is bound to, and no more than its container is granted."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = quota.read_text("ascii").split()
        return max(1, min(bound, int(granted) // int(period)))
    except (OSError, ValueError):  # no control group, or "max"
        return bound


def available_mb() -> float:
    """Memory that could be taken now without anybody else losing theirs."""
    return float(psutil.virtual_memory().available) / 2**20


def used_mb() -> float:
    """Memory that the rooms have for themselves alone, as far as they descend from this process."""
    used = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            known = process.memory_info()
            used += known.rss - getattr(known, "shared", 0)
    return used / 2**20
