"""Several at a time, without rooms."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from autograder import lanes
from autograder.lanes import carried, cores
from autograder.turns import Turn

Stopped = Callable[[], bool]


def nothing(_: object) -> None:
    return None


def a_class(*seconds: float) -> list[Turn]:
    return [Turn(student=f"s{number}", seconds=value) for number, value in enumerate(seconds)]


def test_the_longest_begins_and_all_come_back() -> None:
    begun: list[str] = []

    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        begun.append(turn.student)
        return device

    found = list(carried(a_class(1, 3, 2), ["gpu:0"], work, limit_mb=1, peak=nothing))
    assert found == ["gpu:0"] * 3 and begun == ["s1", "s2", "s0"]
    assert list(carried([], ["cpu"], work, limit_mb=1, peak=nothing)) == []


def test_what_goes_wrong_is_raised_where_results_are_taken() -> None:
    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        raise ZeroDivisionError(turn.student)

    with pytest.raises(ZeroDivisionError, match="s0"):
        list(carried(a_class(1, 1), ["cpu", "cpu"], work, limit_mb=1, peak=nothing))


def test_a_fault_in_admission_does_not_hold_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise OSError("no /proc here")

    monkeypatch.setattr(lanes, "available_mb", broken)
    gate = threading.Barrier(2, timeout=5)

    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        with suppress(threading.BrokenBarrierError):
            gate.wait(0.5)
        return turn.student

    with pytest.raises(OSError, match="no /proc here"):
        list(carried(a_class(1, 1, 1), ["cpu"] * 2, work, limit_mb=1, peak=nothing))


def test_results_do_not_pile_up_before_who_puts_them_away() -> None:
    made: list[str] = []

    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        made.append(turn.student)
        return turn.student

    with closing(carried(a_class(*[1] * 50), ["cpu"] * 2, work, limit_mb=1, peak=nothing)) as results:
        next(results)
        threading.Event().wait(0.3)
        assert len(made) <= 6, "one was taken, two wait, and each lane may hold one more"


def test_who_stops_listening_stops_those_that_run() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        if turn.student == "s1":
            begun.set()
            while not stopped():
                threading.Event().wait(0.01)
            ended.set()
        return turn.student

    with closing(carried(a_class(2, 1, 0), ["cpu"], work, limit_mb=1, peak=nothing)) as results:
        assert next(results) == "s0"
        assert begun.wait(10)
    assert ended.is_set()


def test_one_that_memory_does_not_hold_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four lanes, and memory for two: until it is known that each takes little."""
    monkeypatch.setattr(lanes, "available_mb", lambda: 8500.0)
    monkeypatch.setattr(lanes, "used_mb", lambda: 0.0)
    monkeypatch.setattr(lanes, "_LOOK_SECONDS", 0.05)
    desk, running, most = threading.Lock(), [0], [0]
    first = threading.Barrier(2)

    def work(turn: Turn, device: str, stopped: Stopped) -> str:
        with desk:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if turn.student in ("s0", "s1"):
            first.wait(10)
            threading.Event().wait(0.2)
            assert most[0] == 2
        with desk:
            running[0] -= 1
        return turn.student

    found = list(carried(a_class(9, 9, 1, 1, 1, 1), ["cpu"] * 4, work, limit_mb=4096, peak=lambda _: 1000.0))
    assert sorted(found) == [f"s{number}" for number in range(6)]
    tight = lanes._Desk([Turn(student=str(number), memory_mb=1000.0) for number in range(12)], 4096)
    assert [bool(tight.take()) for _ in range(7)] == [True] * 7, "8500 MB hold seven of 1100"
    assert tight._place() is None


def test_processors_are_those_that_are_granted(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    assert cores(quota) >= 1
    quota.write_text("100000 100000\n")
    assert cores(quota) == 1
    quota.write_text("max 100000\n")
    assert cores(quota) == cores(tmp_path / "none")
