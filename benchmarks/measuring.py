"""Wall and CPU seconds of commands, side by side, and the machine on which they were measured."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


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
    """Run a command to its end; raises RuntimeError with the end of its log where it fails."""
    before, began = _children(), time.monotonic()
    with log.open("ab") as out:
        done = subprocess.run(command, cwd=cwd, env=dict(env), stdout=out, stderr=subprocess.STDOUT, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{log.read_text('utf-8')[-2000:]}")
    return Spent(time.monotonic() - began, _children() - before)


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
