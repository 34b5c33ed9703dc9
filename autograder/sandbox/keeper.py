"""Stands above a room that has no pid namespace; a program of its own, it gathers what the room leaves behind.

It is the subreaper of everything below it, so that a daemon's double fork does not get away, and it holds a pipe whose
other end is the host's: when that closes, for whatever reason, it kills everything and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from autograder.sandbox import ruleset
from autograder.sandbox.job import memory_file
from autograder.sandbox.watch import tree

_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
_NOT_STARTED = 127
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """All that a keeper is told."""

    argv: Sequence[str]
    variables: dict[str, str]
    folder: str
    lifeline: int
    """The host holds the other end."""
    status: int
    """Where the keeper writes the room's exit code, or why it could not start."""
    uid: int | None = None
    """Whom to become; None: stay."""
    grants: Sequence[tuple[str, int]] | None = None
    """Paths and their Landlock rights; None: no wall."""
    filtered: str = ""
    """The seccomp program in hexadecimal."""


def line(order: Order) -> tuple[list[str], int]:
    """A command that starts a keeper, and the descriptor that it must inherit besides those of the order."""
    fd = memory_file(json.dumps(asdict(order)).encode())
    root = str(Path(__file__).parents[2])
    start = "import sys; sys.path.insert(0, sys.argv[1]); from autograder.sandbox.keeper import keep; keep(sys.argv[2])"
    return [sys.executable, "-I", "-c", start, root, str(fd)], fd


def keep(fd: str) -> NoReturn:
    """The keeper's whole life."""
    with os.fdopen(int(fd), "rb") as file:
        order = Order(**json.load(file))
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    room = os.fork()
    if not room:
        _enter(order)
    handle = os.pidfd_open(room)
    select.select([order.lifeline, handle], [], [])
    code = _end_all(room, order.uid)
    with suppress(BrokenPipeError):
        os.write(order.status, json.dumps({"exit-code": code}).encode() + b"\n")
    os._exit(0)


def _enter(order: Order) -> NoReturn:
    """Become the room's program; never returns to the keeper's code."""
    try:
        os.close(order.lifeline)
        os.set_inheritable(order.status, False)
        os.setsid()
        os.chdir(order.folder)
        if order.uid is not None:
            os.setgroups([])
            os.setresgid(order.uid, order.uid, order.uid)
            os.setresuid(order.uid, order.uid, order.uid)
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if order.grants is not None:
            ruleset.enter([(path, rights) for path, rights in order.grants], bytes.fromhex(order.filtered))
        os.execve(order.argv[0], list(order.argv), order.variables)  # noqa: S606
    except BaseException as error:
        with suppress(OSError):
            os.write(order.status, json.dumps({"problem": f"{type(error).__name__}: {error}"}).encode() + b"\n")
    os._exit(_NOT_STARTED)


def _end_all(room: int, uid: int | None) -> int:
    """Kill and bury all descendants; return the exit code of ``room``, as a shell would give it."""
    code = 0
    while True:
        _kill_below(uid)
        for pid, status in _buried():
            if pid == room:
                exited = os.waitstatus_to_exitcode(status)
                code = exited if exited >= 0 else 128 - exited
        if not _has_children():
            return code
        time.sleep(_PAUSE_SECONDS)  # the dying need a moment, and a fork may have slipped through: look again


def _buried() -> Iterator[tuple[int, int]]:
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            yield found


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _kill_below(uid: int | None) -> None:
    """Kill what descends from this process; with a user of its own, all of that user at one stroke."""
    if uid is not None and not (reaper := os.fork()):
        os.setresuid(uid, uid, uid)
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    if uid is not None:
        os.waitpid(reaper, 0)
    _stop_below()
    for pid in tree(os.getpid())[1:]:
        _send(pid, signal.SIGKILL)


def _stop_below() -> None:
    """All of them, before any is killed: what is stopped forks no more, and still counts among those allowed."""
    stopped: set[int] = set()
    while found := set(tree(os.getpid())[1:]) - stopped:
        for pid in found:
            _send(pid, signal.SIGSTOP)
        stopped |= found


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
