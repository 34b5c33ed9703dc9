"""From the limits of a rubric to the figures that the kernel and the watchdog enforce."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.records import Limits

MB = 1 << 20
GRACE_SECONDS = 20.0
"""Beyond ``run_seconds``, so that the runner inside can end the run itself and still report."""

SPARE_THREADS = 256
"""For other rooms, and for whatever else a user starts meanwhile."""

_LARGEST_FLOOR = 2 << 30


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the watchdog outside a room compares with; sizes in bytes."""

    seconds: float
    memory: int
    processes: int
    log: int
    disk: int
    host_floor: int
    """Memory that the machine itself keeps available."""


def ceiling(limits: Limits, grace: float = GRACE_SECONDS) -> Ceiling:
    """Derive the watchdog's figures.

    A process is rarer than a thread: a quarter of the threads allowed, and two for each core (process pools).
    """
    return Ceiling(
        seconds=limits.run_seconds + grace,
        memory=limits.memory_mb * MB,
        processes=limits.processes // 4 + 2 * _cores(),
        log=limits.output_mb * MB,
        disk=limits.disk_mb * MB,
        host_floor=memory_floor(),
    )


def inside(limits: Limits, *, device: str = "cpu", others: int | None = 0) -> str:
    """JSON for ``AUTOGRADER_LIMITS``, which a room's program puts on itself.

    RLIMIT_DATA, not RLIMIT_AS: TensorFlow reserves far more addresses than it uses, and a process that meets
    RLIMIT_DATA gets a MemoryError in the guilty cell instead of being killed. CUDA maps memory in ways that
    RLIMIT_DATA counts, so a GPU room has the watchdog alone. RLIMIT_NPROC counts the threads of a user: ``others``
    are those that are not the room's. Where there are any, it only keeps who forks without end from outrunning who ends
    it; None: it is not set.
    """
    figures = {"file_bytes": limits.disk_mb * MB, "open_files": limits.open_files, "core_bytes": 0}
    figures["priority"] = 0  # none higher than it has
    if device == "cpu":
        figures["data_bytes"] = process_mb(limits) * MB
    if others is not None:
        figures["threads"] = threads_allowed(limits) + others
    return json.dumps(figures)


def process_mb(limits: Limits) -> int:
    """Of the memory of a room, what one process may have: the rest is for those beside it, and for files in memory."""
    return limits.memory_mb * 3 // 4


def threads_allowed(limits: Limits) -> int:
    """More on a machine with many cores: libraries start some for each."""
    return limits.processes + 16 * max(0, _cores() - 2)


def threads_counted_by_namespace() -> bool:
    """Whether RLIMIT_NPROC is counted per user namespace: Linux 5.14 and later."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)


def threads_of_others() -> int:
    """Of this user now, all programs together, with some to spare for what begins meanwhile."""
    found = SPARE_THREADS
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += len(os.listdir(process / "task")) if process.stat().st_uid == os.getuid() else 0  # noqa: PTH208
    return found


def memory_floor() -> int:
    """Bytes that rooms leave to the machine."""
    return min(_LARGEST_FLOOR, _memory_total() // 12)


def memory_available() -> int:
    """Bytes that could be had without swapping, for the whole machine."""
    return meminfo("MemAvailable")


def _memory_total() -> int:
    return meminfo("MemTotal")


def meminfo(key: str) -> int:
    """Bytes, by a line of ``/proc/meminfo``; 0 where there is no such line."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _cores() -> int:
    return os.cpu_count() or 1
