"""The first process of a container, sent into it: starts the room's program, buries the dead, and ends with it.

Standard library only. What it is to do is in ``order.json`` beside it. It holds on to the standard input: when that
closes, the grader is gone, and the room ends with this process.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import struct
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

OUT_OF_MEMORY = 98
"""Exit code: the kernel has ended something in here for lack of memory."""
SIGNALLED = 200
"""With the signal's number added, the exit code where the room's program was killed: what an engine says of a killed
program, it says of this process."""

_SET_DUMPABLE, _SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 4, 38, 22, 2
_PAUSE_MILLISECONDS = 100
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def main(folder: Path) -> NoReturn:
    """The whole life of the process."""
    order = json.loads((folder / "order.json").read_text("utf-8"))
    if order["memory"] and (problem := _unlimited(order["memory"])):
        sys.exit(f"the engine does not keep its limits: {problem}")
    out, back = os.dup(1), os.dup(0)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(2, 1)
    room = os.fork()
    if not room:
        _enter(order, out, back)
    # A notebook has the same user as this process, and must not open its descriptors. Not before the fork: what cannot
    # be looked into cannot say of itself that it should be ended first.
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    os.close(out)
    os._exit(_attend(room, back, time.monotonic() + order["seconds"]))


def _enter(order: Mapping[str, Any], out: int, back: int) -> NoReturn:
    try:
        os.set_inheritable(out, True)
        os.set_inheritable(back, True)
        os.setsid()
        _first_to_go()
        _confine(bytes.fromhex(order["filter"]))
        variables = order["variables"] | {"AUTOGRADER_OUT": str(out), "AUTOGRADER_IN": str(back)}
        os.execve(order["argv"][0], order["argv"], variables)  # noqa: S606
    except BaseException as error:
        sys.stderr.write(f"the room could not be started: {type(error).__name__}: {error}\n")
    os._exit(1)


def _first_to_go() -> None:
    """Where memory is short, the kernel shall not end the one process that can tell."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _unlimited(wanted: int) -> str:
    """What is wrong with this container's limit of memory: rootless engines leave it out where nothing is delegated."""
    for path in _LIMITS:
        with suppress(OSError):
            found = Path(path).read_text("ascii").strip()
            return "" if found.isdigit() and int(found) <= wanted else f"{path} says {found}, not {wanted}"
    return "no control group limits its memory"


def _confine(program: bytes) -> None:
    """Load the system-call filter, in addition to the engine's own."""
    if not program:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ctypes.create_string_buffer(program, len(program))
    holder = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, holder, 0, 0):
        raise OSError(ctypes.get_errno(), "no system-call filter")


def _attend(room: int, back: int, deadline: float) -> int:
    """Wait for the room's program, the grader's end or that of all patience; return the exit code."""
    lifeline = select.poll()
    lifeline.register(back, 0)
    while not lifeline.poll(_PAUSE_MILLISECONDS) and time.monotonic() < deadline:
        code = _bury(room)
        if _short_of_memory():
            return OUT_OF_MEMORY
        if code is not None:
            return code
    return 1


def _bury(room: int) -> int | None:
    """All that have died; the exit code of the room's program, None while it runs."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == room:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else SIGNALLED - code


def _short_of_memory() -> bool:
    for path in _EVENTS:
        try:
            lines = Path(path).read_text("ascii").splitlines()
        except OSError:
            continue
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)
    return False


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
