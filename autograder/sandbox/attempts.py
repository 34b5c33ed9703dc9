"""Further ways out of a room, tried harmlessly; sent into it beside ``escapes.py``, whose form of telling it has.

Each is one that a room which shows all of ``/`` read-only, as is often advised, leaves open.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_IN = Path(os.environ.get("AUTOGRADER_JOB", "/job"), "in")
Attempt = tuple[bool, str]
Targets = Mapping[str, Any]

_NEW_USER_NAMESPACE = 0x10000000
_SEIZE, _DETACH = 0x4206, 17
_SESSION_KEYRING = -3
_NUMBERS: Mapping[str, Mapping[str, int]] = {
    "x86_64": {"clone": 56, "keyctl": 250, "bpf": 321, "perf_event_open": 298},
    "aarch64": {"clone": 220, "keyctl": 219, "bpf": 280, "perf_event_open": 241},
}
_IO_URING_SETUP = 425
_SETTINGS = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/sys")
_MOST_SETTINGS = 5000
_SAID = 5


def command_lines(targets: Targets) -> Attempt:
    """That of the grader, which names students' files, in any process that is seen."""
    wanted = targets["command"].encode()
    found = [path for path in Path("/proc").glob("[0-9]*/cmdline") if wanted in _content(path)]
    return not found, _named(found)


def descriptors(targets: Targets) -> Attempt:
    """Files or pipes of the grader that this process has inherited."""
    return not targets["descriptors"], _named(targets["descriptors"])


def settings(targets: Targets) -> Attempt:
    """The kernel's, each of them opened for writing; nothing is written."""
    opened = []
    for tried, path in enumerate(_files(*_SETTINGS)):
        if tried > _MOST_SETTINGS:
            break
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
        except OSError:
            continue
        opened.append(path)
    return not opened, _named(opened)


def abstract_sockets(targets: Targets) -> Attempt:
    """A listener of the host that has a name but no file."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect("\0" + targets["abstract"])
    except OSError as error:
        return True, str(error)
    return False, "a listener of the host answered"


def tracing(targets: Targets) -> Attempt:
    """The first process that is seen, and the grader: to trace a process is to own it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    reached = []
    for pid in (1, targets["pid"]):
        if pid != os.getpid() and libc.ptrace(_SEIZE, pid, None, None) == 0:
            reached.append(pid)
            libc.ptrace(_DETACH, pid, None, None)
    return not reached, _named(reached)


def devices(targets: Targets) -> Attempt:
    """Something new in ``/dev``, a device made by hand, and disks."""
    reached = []
    for name, attempt in (("written to /dev", _write_dev), ("made a device", _make_device)):
        try:
            attempt()
        except OSError:
            continue
        reached.append(name)
    for path in _entries("/dev"):
        try:
            if stat.S_ISBLK(path.stat().st_mode):
                os.close(os.open(path, os.O_RDONLY))
                reached.append(str(path))
        except OSError:
            continue
    return not reached, _named(reached)


def kernel_doors(targets: Targets) -> Attempt:
    """Calls that a notebook never needs: keys, memory that no file system counts, and what exploits begin with."""
    allowed = [name for name, call in _doors().items() if call()]
    return not allowed, ", ".join(allowed) or "refused"


def _entries(folder: str) -> list[Path]:
    """What a folder shows; one that may not be read shows nothing."""
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []


def _write_dev() -> None:
    place = Path(f"/dev/autograder-escape-{os.getpid()}")
    place.touch()
    place.unlink()


def _make_device() -> None:
    place = Path(os.environ.get("TMPDIR", "/tmp"), "device")  # noqa: S108
    os.mknod(place, 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    place.unlink()


def _doors() -> dict[str, Callable[[], bool]]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    numbers = _NUMBERS.get(platform.machine(), {})

    def call(name: str, *arguments: int) -> Callable[[], bool]:
        """Zeros are refused for what they are, with another error, where the call itself is not."""
        return lambda: (
            name in numbers
            and (
                libc.syscall(numbers[name], *map(ctypes.c_long, arguments)) >= 0
                or ctypes.get_errno() not in (1, 13, 38)
            )
        )

    return {
        "user namespace": lambda: _nested(libc, numbers.get("clone")),
        "keyctl": call("keyctl", 0, _SESSION_KEYRING, 0),
        "bpf": call("bpf", 0, 0, 0),
        "perf_event_open": call("perf_event_open", 0, 0, -1, -1, 0),
        "memfd": _memfd,
        "io_uring": lambda: libc.syscall(_IO_URING_SETUP, 1, None) >= 0 or ctypes.get_errno() not in (1, 13, 38),
    }


def _nested(libc: ctypes.CDLL, clone: int | None) -> bool:
    """Whether a process can be started in a user namespace of its own, where it would have all capabilities."""
    if clone is None:
        return False
    pid = libc.syscall(clone, ctypes.c_long(_NEW_USER_NAMESPACE | signal.SIGCHLD), *[ctypes.c_long(0)] * 4)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return bool(pid > 0)


def _memfd() -> bool:
    try:
        os.close(os.memfd_create("escape"))
    except OSError:
        return False
    return True


def inherited(own: set[int]) -> list[str]:
    """Open descriptors besides the standard ones and our own, as far as they are anything."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:
            continue
        if int(name) > 2 and int(name) not in own:
            found.append(f"{name}: {target}")
    return found


def _files(*tops: str) -> Iterator[str]:
    for top in tops:
        if not Path(top).is_dir():
            yield top
        for folder, _, names in os.walk(top):
            yield from (f"{folder}/{name}" for name in names)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _named(found: list[Any]) -> str:
    more = f" and {len(found) - _SAID} more" if len(found) > _SAID else ""
    return ", ".join(map(str, found[:_SAID])) + more or "nothing"


OLD = ("network", "reading", "writing", "environment", "processes", "signals", "system_calls")
NEW = (command_lines, descriptors, settings, abstract_sockets, tracing, devices, kernel_doors)


def main() -> None:
    """Try everything, one frame for each."""
    import escapes  # type: ignore[import-not-found]
    from frames import Pipe, harden  # type: ignore[import-not-found]

    own = {int(os.environ["AUTOGRADER_OUT"]), int(os.environ["AUTOGRADER_IN"])}
    left = inherited(own)
    pipe = Pipe.from_environment()
    harden()
    targets = json.loads((_IN / "targets.json").read_text("utf-8")) | {"descriptors": left}
    for attempt in (*(getattr(escapes, name) for name in OLD), *NEW):
        held, detail = attempt(targets)
        pipe.send({"kind": "escape", "name": attempt.__name__, "held": held, "detail": detail})


if __name__ == "__main__":
    sys.path.insert(0, str(_IN))
    main()
