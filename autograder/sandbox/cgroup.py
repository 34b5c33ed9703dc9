"""A control group for each room, where version 2 is delegated to this user: the kernel itself then limits memory.

Whether it is delegated is found out by doing it: a group is made, limited, entered and removed. A room's group lies
beside the group of this process (under a user's systemd that is a folder which belongs to the user) or in it. Where
neither can be had, the watchdog's own measuring limits memory, as it does anyhow for everything else.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SandboxUnavailable
from autograder.records import Limits
from autograder.sandbox.limits import MB, threads_allowed

REMEDY = (
    "Start under your own systemd, `systemd-run --user --scope autograder run ...`; else the watchdog limits alone."
)

_CONTROLLERS = "+memory +pids"
_CACHED = ("file ", "shmem ")
_ENTER = 'echo 0 > "$0" || exit 125; exec "$@"'
_EMPTY_SECONDS = 5.0
_REASONS = {
    errno.EACCES: "belongs to somebody else",
    errno.EPERM: "belongs to somebody else",
    errno.EROFS: "is read-only",
    errno.EBUSY: "has processes of its own, and so no groups below it",
    errno.ENOENT: "memory is not counted there (version 1 counts it, or nobody)",
}
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Group:
    """One folder of the kernel's; reading needs no rights, so that it may be somebody else's."""

    path: Path
    limit: int
    """Bytes."""

    def entering(self, line: Sequence[str]) -> list[str]:
        """A command that enters the group and becomes ``line``: no process of the room is ever outside."""
        return [shutil.which("sh") or "/bin/sh", "-c", _ENTER, str(self.path / "cgroup.procs"), *line]

    def used(self) -> int:
        """Bytes that cannot be had back: what is cached of files is counted by the kernel, and given up when needed."""
        cached = dict(line.split() for line in self._read("memory.stat").splitlines() if line.startswith(_CACHED))
        files = int(cached.get("file", 0)) - int(cached.get("shmem", 0))
        return max(0, int(self._read("memory.current") or 0) - files)

    def processes(self) -> int:
        return len(self._read("cgroup.procs").split())

    def exhausted(self) -> bool:
        """Whether the kernel has ended processes because the limit was reached."""
        events = dict(line.split() for line in self._read("memory.events").splitlines())
        return int(events.get("oom_kill", 0)) > 0

    def _read(self, name: str) -> str:
        """Empty when the group is gone."""
        try:
            return (self.path / name).read_text("ascii")
        except OSError:
            return ""


@contextmanager
def grouped(limits: Limits) -> Iterator[Group | None]:
    """A group for one room, removed when this is left and with it whatever still runs there; None: not delegated."""
    with ExitStack() as stack:
        group = None
        with suppress(SandboxUnavailable, OSError):  # the watchdog measures then
            group = stack.enter_context(_made(delegated(), limits))
        yield group


@functools.cache
def delegated() -> Path:
    """The folder in which groups can be made, proved by making one; raises SandboxUnavailable with the reason."""
    return first_usable(candidates())


def candidates(mounts: Path = Path("/proc/self/mounts"), own: Path = Path("/proc/self/cgroup")) -> list[Path]:
    """The group of this process and the one above it; empty where version 2 is not mounted."""
    rows = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    mounted = next((Path(row[1]) for row in rows if len(row) > 2 and row[2] == "cgroup2"), None)
    within = next((line[3:] for line in own.read_text("utf-8").splitlines() if line.startswith("0::")), None)
    if mounted is None or within is None or ".." in within:  # "..": the namespace shows less than we are in
        return []
    here = mounted / within.lstrip("/")
    return [here] if here == mounted else [here, here.parent]


def group_of(pid: int, limit: int) -> Group | None:
    """The group that somebody else has put a process into; None where it cannot be read, as with version 1."""
    try:
        found = candidates(own=Path(f"/proc/{pid}/cgroup"))
    except OSError:
        return None
    return Group(found[0], limit) if found and (found[0] / "memory.current").exists() else None


def first_usable(folders: Sequence[Path]) -> Path:
    """Raises SandboxUnavailable with what each of them lacks."""
    problems = []
    for folder in folders:
        try:
            _prove(folder)
        except (OSError, SandboxUnavailable) as error:
            problems.append(f"{folder}: {_words(error)}")
        else:
            _sweep(folder)
            return folder
    raise SandboxUnavailable("; ".join(problems) or "version 2 is not mounted", remedy=REMEDY)


def _words(error: OSError | SandboxUnavailable) -> str:
    if isinstance(error, SandboxUnavailable):
        return error.problem
    return _REASONS.get(error.errno or 0) or str(error.strerror or error)


def _prove(parent: Path) -> None:
    with _made(parent, Limits(memory_mb=64)) as group:
        cat = shutil.which("cat") or "/bin/cat"
        entered = subprocess.run(  # noqa: S603
            group.entering([cat, "/proc/self/cgroup"]), capture_output=True, text=True, check=False, timeout=10
        )
        if group.path.name not in entered.stdout:
            raise SandboxUnavailable(entered.stderr.strip()[-200:] or "a process could not be moved there")


@contextmanager
def _made(parent: Path, limits: Limits) -> Iterator[Group]:
    path = parent / f"autograder-{os.getpid()}-{next(_NUMBERS)}"
    path.mkdir()
    try:
        if not (path / "memory.max").exists():
            _set(parent / "cgroup.subtree_control", _CONTROLLERS)
        for name, value in figures(limits).items():
            _set(path / name, value)
        yield Group(path, limits.memory_mb * MB)
    finally:
        _remove(path)


def figures(limits: Limits) -> dict[str, str]:
    """File of the group -> what is written there."""
    return {
        "memory.max": str(limits.memory_mb * MB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",  # not only its largest process: a room without one of its own would go on, and lie
        "pids.max": str(threads_allowed(limits)),
    }


def _set(path: Path, value: str) -> None:
    """Write to a file of the kernel's, which is there or not: nothing is ever created."""
    if path.name == "memory.swap.max" and not path.exists():
        return  # this kernel does not count what is swapped out
    with path.open("r+", encoding="ascii") as file:
        file.write(value)


def _remove(path: Path) -> None:
    """Kill what is left in a group, and remove it as soon as the kernel has let go of the dead."""
    deadline = time.monotonic() + _EMPTY_SECONDS
    with suppress(OSError):  # Linux 5.14; before, everything in it has been killed by now in another way
        _set(path / "cgroup.kill", "1")
    while path.exists():
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                return  # swept by the next grader
            time.sleep(0.01)


def _sweep(parent: Path) -> None:
    """Remove the empty groups of graders that were killed."""
    for path in parent.glob("autograder-*-*"):
        number = path.name.split("-")[1]
        if number.isdigit() and not Path("/proc", number).exists():
            with suppress(OSError):
                path.rmdir()
