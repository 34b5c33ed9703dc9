"""Rooms without namespaces: Landlock for files and signals, the system-call filter for the network.

Weaker than bubblewrap, and labelled so in every grade: other processes can be counted, names of files can be tested,
files lie on the host's disk and are limited by the watchdog alone. Where it would be weaker than that, it refuses.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from autograder.errors import SandboxUnavailable
from autograder.sandbox import cuda, ruleset, seccomp
from autograder.sandbox.job import Interpreter, Job, gpu_number, interpreter, room_user
from autograder.sandbox.limits import GRACE_SECONDS
from autograder.sandbox.plain import Wall, keep_room
from autograder.sandbox.room import OnFrame, Outcome, Room

_SYSTEM = (
    *("/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib32", "/lib64", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts", "/etc/passwd", "/etc/nsswitch.conf"),
    *("/usr/share/fonts", "/usr/share/zoneinfo"),
    *("/proc", "/sys/devices/system/cpu"),
    *("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
)
"""TensorFlow reads ``/proc/self``, which cannot be granted for processes to come: all of ``/proc`` is. Memory,
environment and descriptors of processes outside stay closed, since Landlock refuses to trace them."""
_SHELL = ("/usr/bin", "/bin")
_BUS = "/sys/bus/pci"
_SOCKET_FOLDERS = ("/run", "/var/run", "/tmp")  # noqa: S108
_LISTENING = 0x10000
_HARMLESS = ("/run/systemd/journal/", "/run/systemd/notify", "/run/systemd/io.system", "/run/systemd/userdb/")
"""Log and name services, open to every user of a machine."""
_DEPTH = 4


class Landlock:
    """Needs a kernel with Landlock; as root a Python that others can read, else Linux 6.12."""

    name = "landlock"

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """See ``Sandbox.run``."""
        filtered = require()
        return keep_room(
            room, on_frame, cancelled, grace=self._grace, wall=lambda job, python: _wall(room, job, python, filtered)
        )


@functools.cache
def require() -> bytes:
    """Make sure that the wall would stand, and build the filter; raises SandboxUnavailable."""
    filtered = seccomp.program(internet=False)
    if filtered is None:
        raise SandboxUnavailable(f"no system-call filter is known for {os.uname().machine}")
    abi = ruleset.version()
    if not abi:
        raise SandboxUnavailable("this kernel has no Landlock", remedy="Linux 5.13 or later has it.")
    if os.geteuid() == 0:
        _require_readable(interpreter())
    else:
        _require_own_signals(abi)
        _require_no_sockets()
    return filtered


def grants(room: Room, job: Job, python: Interpreter) -> list[tuple[str, int]]:
    """What a room may open, and how."""
    readable = [*_SYSTEM, *(_SHELL if room.shell else ()), *map(str, python.folders), *map(str, python.hops)]
    closed = tuple(path.resolve() for path in room.unreadable)
    rules = [rule for path in readable for rule in _but(path, closed)]
    rules += [("/dev/null", ruleset.DEVICE), (str(job.inputs), ruleset.READ)]
    rules += [(str(job.folder / name), ruleset.RUN | ruleset.CHANGE) for name in ("out", "tmp", "home")]
    if gpu_number(room.device) is not None:
        rules += [(node, ruleset.DEVICE) for node in cuda.nodes()]
        rules += [(path, ruleset.RUN) for path in (_BUS, *cuda.folders())]
    return rules


def _but(path: str, closed: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Grants for all that lies below ``path`` but the closed files.

    Landlock knows no exception: on the way to such a file a folder is listed, and its neighbours are granted singly.
    """
    place = Path(path).resolve()
    if place in closed:
        return
    if not any(place in one.parents for one in closed):
        yield path, ruleset.RUN
        return
    yield path, ruleset.READ_DIR
    for entry in sorted(Path(path).iterdir()):
        yield from _but(str(entry), closed)


def _wall(room: Room, job: Job, python: Interpreter, filtered: bytes) -> Wall:
    return Wall(
        uid=room_user() if os.geteuid() == 0 else None,
        grants=grants(room, job, python),
        filtered=filtered,
        variables={"AUTOGRADER_TRANSPORT": "ipc"},
    )


def _require_readable(python: Interpreter) -> None:
    for path in (*python.folders, *python.hops):
        closed = [folder for folder in path.resolve().parents if not folder.stat().st_mode & stat.S_IXOTH]
        if closed:
            raise SandboxUnavailable(
                f"Python lies below {closed[-1]}, which is closed to other users",
                remedy="Start as an ordinary user, or install bubblewrap.",
            )


def _require_own_signals(abi: int) -> None:
    if abi < ruleset.SCOPE_ABI:
        raise SandboxUnavailable(
            f"Landlock version {abi} cannot keep a room from killing your other programs",
            remedy="Install bubblewrap; or Linux 6.12 or later.",
        )


def _require_no_sockets() -> None:
    """Landlock does not stop a connection to a socket file: a desktop's message bus would start anything outside."""
    found = next(_reachable_sockets(), None)
    if found is not None:
        raise SandboxUnavailable(
            f"a room could talk to another program through {found}",
            remedy="Install bubblewrap, or start as a user without a session (not on a desktop).",
        )


def _reachable_sockets() -> Iterator[str]:
    candidates = [*_listening(), *(path for folder in _SOCKET_FOLDERS for path in _sockets_below(folder, _DEPTH))]
    for path in candidates:
        if not path.startswith(_HARMLESS) and os.access(path, os.W_OK):
            yield path


def _listening() -> list[str]:
    """Socket files that some program listens to, by ``/proc/net/unix``: flags in column 4, path in column 8."""
    rows = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text("utf-8", "replace").splitlines()[1:]]
    return [row[7] for row in rows if len(row) == 8 and int(row[3], 16) & _LISTENING and row[7].startswith("/")]


def _sockets_below(folder: str, depth: int) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and depth > 1:
            yield from _sockets_below(entry.path, depth - 1)
        elif not entry.is_symlink() and stat.S_ISSOCK(_mode(entry)):
            yield entry.path


def _mode(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return 0
