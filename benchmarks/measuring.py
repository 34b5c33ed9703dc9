"""Wall and CPU seconds of commands, side by side, and the machine on which they were measured."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one command and of all that it started; ``cpu`` is user and system time."""

    wall: float
    cpu: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


def spent(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, codes: Sequence[int] = (0,)
) -> Spent:
    """Run a command to its end; raises RuntimeError with the end of its log where it fails.

    Who is killed from outside, as kernels are, passes no CPU time on to who started it. So all processes are looked at
    again and again, and the last sight of each counts, or what was passed on where that is more.
    """
    before, began = _children(), time.monotonic()
    seen: dict[tuple[int, float], float] = {}
    with log.open("ab") as out, subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=out) as running:
        while running.poll() is None:
            seen |= dict(_sights(running.pid))
            time.sleep(LOOK_SECONDS)
    wall = time.monotonic() - began
    if running.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {running.returncode}:\n{log.read_text('utf-8')[-2000:]}")
    return Spent(wall, max(sum(seen.values()), _children() - before))


def _sights(pid: int) -> Iterator[tuple[tuple[int, float], float]]:
    """Each process of a tree, by number and start, and what it has used itself."""
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for one in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used = one.cpu_times()
                yield (one.pid, one.create_time()), used.user + used.system


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median(found: Sequence[Spent]) -> Spent:
    """Of each figure by itself."""
    return Spent(statistics.median(one.wall for one in found), statistics.median(one.cpu for one in found))


def interleaved(ways: Mapping[str, Callable[[], Spent]], repeats: int) -> dict[str, list[Spent]]:
    """A B A B …, so that a change of the machine's load meets all of them."""
    found: dict[str, list[Spent]] = {name: [] for name in ways}
    for turn in range(repeats):
        for name, way in ways.items():
            found[name].append(way())
            print(
                f"  {turn + 1}/{repeats} {name}: wall {found[name][-1].wall:.1f} s, CPU {found[name][-1].cpu:.1f} s",
                flush=True,
            )
    return found


def machine() -> str:
    """What a reader needs to know to compare, and how busy it is; no name of it."""
    load = os.getloadavg()[0]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GB, {platform.system()} {platform.release().split('-')[0]} on "
        f"{platform.machine()}, Python {platform.python_version()}, load {load:.1f} at the start"
    )
