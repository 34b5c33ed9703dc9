"""Memory that the kernel holds for a room, and that stands in no process's resident size.

Shared memory whose pages nobody has mapped at the moment, page tables, what waits in sockets, and locks on files. To
add it up takes long, so that is done only while the machine holds more of it than when the room began, and never more
than that is counted: a large mapping may well be empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from autograder.sandbox.limits import meminfo

CONSPICUOUS = 256 << 20
SOCKETS, SOCKET_BYTES = 500, 512 << 10
"""Of a room that has more of them, each may hold so many bytes, by Linux' usual limits: twice what a program may ask
for, and what the kernel adds to small messages."""
LOCKS, LOCKS_BYTES = 500, 64 << 10
"""Of the list of all locks on files, so much is read; where that is fewer, they are not what fills the memory."""
_HOLDER = re.compile(rb"^\d+: (?:-> )?\S+ +\S+ +\S+ +(-?\d+) ", re.MULTILINE)
_SHARED = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) .{3}s ([0-9a-f]+) (\S+ \d+) .*\(deleted\)$", re.MULTILINE)
_TABLES = re.compile(rb"^VmPTE:\s+(\d+) kB", re.MULTILINE)
_RESIDENT = re.compile(rb"^RssShmem:\s+(\d+) kB", re.MULTILINE)


class Unmapped:
    """Compares with the moment at which it is made."""

    def __init__(self) -> None:
        self._before = _held()

    def of(self, pids: Iterable[int]) -> int:
        """Bytes that these processes may be to blame for."""
        shared, tables, slabs = (max(0, now - then) for now, then in zip(_held(), self._before, strict=True))
        if shared + tables + slabs < CONSPICUOUS:
            return 0
        known = list(pids)
        status = [_read(pid, "status") for pid in known]
        mapped = _sum(_RESIDENT, status)
        found = min(shared, max(0, _shared(known) - mapped)) + min(tables, _sum(_TABLES, status))
        sockets = _sockets(known)
        waiting = sockets * SOCKET_BYTES if sockets > SOCKETS else 0
        return found + min(slabs, waiting + round(slabs * _locking(known)))


def _held() -> tuple[int, int, int]:
    return meminfo("Shmem"), meminfo("PageTables"), meminfo("SUnreclaim")


def _sum(pattern: re.Pattern[bytes], texts: Iterable[bytes]) -> int:
    return sum(int(found[1]) * 1024 for text in texts if (found := pattern.search(text)))


def _shared(pids: Iterable[int]) -> int:
    """Bytes of all shared mappings without a file, each once; a piece of one ends where the whole may end."""
    ends: dict[bytes, int] = {}
    for pid in pids:
        for start, end, offset, name in _SHARED.findall(_read(pid, "maps")):
            size = int(offset, 16) + int(end, 16) - int(start, 16)
            ends[name] = max(ends.get(name, 0), size)
    return sum(ends.values())


def _sockets(pids: Iterable[int]) -> int:
    return len({name for pid in pids for name in _descriptors(pid) if name.startswith("socket:")})


def _locking(pids: Collection[int]) -> float:
    """The part of the locks on files that these processes hold, by the first of the machine's list."""
    try:
        with Path("/proc/locks").open("rb") as listed:
            holders = [int(pid) for pid in _HOLDER.findall(listed.read(LOCKS_BYTES))]
    except OSError:
        return 0.0
    return sum(pid in pids for pid in holders) / len(holders) if len(holders) > LOCKS else 0.0


def _descriptors(pid: int) -> Iterator[str]:
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # gone, or closed to us
        return
    for link in links:
        with suppress(OSError):
            yield str(link.readlink())


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
