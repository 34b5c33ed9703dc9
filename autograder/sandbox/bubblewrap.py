"""Rooms made by bubblewrap: namespaces of their own, no network, nothing writable but sized memory.

bubblewrap never makes a room with root's identity outside: such a room could write the host's sysctls. Started by
root, there are two stages: the first only shows a few folders at places where another user can read them and becomes
that user; the second, bubblewrap, makes the room.
"""

from __future__ import annotations

import functools
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SandboxError, SandboxUnavailable
from autograder.sandbox import seccomp
from autograder.sandbox.arguments import (
    ETC,
    Plan,
    command,
    inner,
    joined,
    rebound,
    room_variables,
    sizes,
    staged,
)
from autograder.sandbox.cgroup import Group, grouped
from autograder.sandbox.job import Job, Pipes, interpreter, lay, memory_file, open_pipes, prepared, room_user
from autograder.sandbox.limits import GRACE_SECONDS, ceiling, inside, threads_counted_by_namespace
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.sandbox.watch import BURIAL_SECONDS, DRAIN_SECONDS, Child, Storage, attend

START_SECONDS = 30.0

_INODE_BYTES = 1024
"""What an empty file of a tmpfs costs the kernel, roughly."""


class Bubblewrap:
    """Needs the ``bwrap`` program, and user namespaces or root."""

    name = "bubblewrap"

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """See ``Sandbox.run``."""
        with prepared(room) as job, _started(room, job) as (child, status):
            outcome = attend(child, ceiling(room.limits, self._grace), on_frame, cancelled)
            if not outcome.killed and status.exit_code() is None:
                raise SandboxError(
                    f"bubblewrap failed: {outcome.log.strip()[-300:] or 'it said nothing'}",
                    remedy="Run `autograder doctor`.",
                )
            return outcome


@functools.cache
def program() -> str:
    """Path of bubblewrap; raises SandboxUnavailable."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxUnavailable("bubblewrap is not installed", remedy="Install the package `bubblewrap`.")
    return found


@functools.cache
def features() -> frozenset[str]:
    """Which of the options that older versions lack are there."""
    text = subprocess.run([program(), "--help"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    return frozenset(option for option in ("--size", "--disable-userns") if option in text)


@dataclass(frozen=True, slots=True)
class Status:
    """What bubblewrap itself says about a room, one JSON object a line, where the room cannot write."""

    fd: int

    def first_process(self) -> int | None:
        """Wait for the pid of the room's first process; None when bubblewrap ended before there was one."""
        deadline = time.monotonic() + START_SECONDS
        content = b""
        while not content.endswith(b"\n"):
            if not select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise SandboxError("bubblewrap did not start a room in time", remedy="Is the machine overloaded?")
            if not (part := os.read(self.fd, 4096)):
                return None
            content += part
        return int(json.loads(content.splitlines()[0])["child-pid"])

    def exit_code(self) -> int | None:
        """Of the program in the room; None when bubblewrap never came to start it."""
        with os.fdopen(os.dup(self.fd), "rb") as file:
            lines = [json.loads(line) for line in file]
        return next((int(line["exit-code"]) for line in lines if "exit-code" in line), None)


@contextmanager
def _started(room: Room, job: Job) -> Iterator[tuple[Child, Status]]:
    """Start a room; when this is left, every process of it is dead."""
    with ExitStack() as stack:
        pipes = open_pipes()
        stack.callback(pipes.close_host)
        status_read, status_write = os.pipe()
        stack.callback(os.close, status_read)
        group = stack.enter_context(grouped(room.limits))
        process = _launch(room, job, pipes, status_write, group)
        stack.callback(_bury, process)
        status = Status(status_read)
        first = status.first_process()
        if first is None:
            raise SandboxError(f"bubblewrap failed: {_last_words(pipes.log)}", remedy="Run `autograder doctor`.")
        handle = os.pidfd_open(first)
        stack.callback(os.close, handle)
        stack.callback(_wait_until_dead, handle)
        end = functools.partial(_end, handle)
        stack.callback(end)
        child = Child(
            process=process,
            root=first,
            frames=pipes.frames,
            answers=pipes.answers,
            log=pipes.log,
            end=end,
            storage=functools.partial(_storage, first, tuple(sizes(room.limits, room.places))),
            gauge=group,
        )
        yield child, status


def _launch(room: Room, job: Job, pipes: Pipes, status_fd: int, group: Group | None) -> subprocess.Popen[bytes]:
    with ExitStack() as stack:
        stack.callback(pipes.close_room)
        stack.callback(os.close, status_fd)
        filtered = seccomp.program()
        plan = _plan(room, job, pipes, status_fd, None if filtered is None else _held(stack, filtered))
        inner_fd = _held(stack, joined(inner(plan)))
        line = [program(), "--args", str(inner_fd), *command(plan)]
        passed = [pipes.room_out, pipes.room_in, status_fd, inner_fd]
        passed += [] if plan.seccomp_fd is None else [plan.seccomp_fd]
        if plan.stage:
            (job.folder.parent / "stage").mkdir()
            line = [*staged(plan.stage, job.folder.parent / "stage", room_user()), *line]
        return _popen(line if group is None else group.entering(line), pipes.room_log, passed)


def _plan(room: Room, job: Job, pipes: Pipes, status_fd: int, seccomp_fd: int | None) -> Plan:
    (job.folder / "etc").mkdir(mode=0o755)
    for name, text in ETC.items():
        lay(job.folder / "etc" / name, text.encode("ascii"))
    python = interpreter()
    root = os.geteuid() == 0
    variables = room_variables(room, python) | {
        "AUTOGRADER_OUT": str(pipes.room_out),
        "AUTOGRADER_IN": str(pipes.room_in),
        "AUTOGRADER_LIMITS": inside(
            room.limits, device=room.device, others=0 if root or threads_counted_by_namespace() else None
        ),
    }
    return Plan(
        room=room,
        job=job,
        python=python,
        variables=variables,
        status_fd=status_fd,
        seccomp_fd=seccomp_fd,
        stage=rebound(job, python) if root else {},
        features=features(),
    )


def _popen(line: list[str], log: int, passed: list[int]) -> subprocess.Popen[bytes]:
    """Start with nothing of ours: bubblewrap's own memory, environment included, can be read from inside."""
    return subprocess.Popen(  # noqa: S603
        line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={}, cwd="/", pass_fds=passed, start_new_session=True
    )


def _held(stack: ExitStack, content: bytes) -> int:
    fd = memory_file(content)
    stack.callback(os.close, fd)
    return fd


def _end(first: int) -> None:
    """Kill the first process of the namespace, and with it all others; bubblewrap buries it, and ends too."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(first, signal.SIGKILL)


def _bury(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_dead(first: int) -> None:
    """The kernel reports the end of a namespace's first process only after all others are gone."""
    if not select.select([first], [], [], BURIAL_SECONDS)[0]:
        raise SandboxError("the room did not die", remedy="Look for its processes and end them.")


def _storage(first: int, places: tuple[str, ...]) -> Storage:
    """Bytes in the room's memory file systems; nothing while they are not yet mounted or hidden from this user."""
    used = 0
    for place in places:
        with suppress(OSError):
            inside_path = f"/proc/{first}/root{place}"
            if Path(inside_path).stat().st_dev != _device(place):
                found = os.statvfs(inside_path)
                used += (found.f_blocks - found.f_bfree) * found.f_frsize
                used += (found.f_files - found.f_ffree) * _INODE_BYTES
    return Storage(memory=used)


def _device(place: str) -> int:
    """Where the host has a folder of that name; before its mounts are made, a room still sees that one."""
    try:
        return Path(place).stat().st_dev
    except OSError:
        return -1


def _last_words(log: int) -> str:
    os.set_blocking(log, False)
    with suppress(BlockingIOError):
        return os.read(log, 4096).decode("utf-8", "replace").strip()[-300:] or "it said nothing"
    return "it said nothing"
