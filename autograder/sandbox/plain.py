"""Rooms without a wall: limits, a temporary folder and a clock, nothing more; only ever used where it is asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.errors import SandboxError
from autograder.sandbox import keeper
from autograder.sandbox.cgroup import Group, grouped
from autograder.sandbox.job import Interpreter, Job, Pipes, environment, interpreter, open_pipes, prepared
from autograder.sandbox.limits import GRACE_SECONDS, ceiling, inside, threads_of_others
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.sandbox.watch import Child, Storage, attend

_PLACES = ("out", "tmp", "home")
_DISK_SECONDS = 1.0
_MOST_FILES = 100_000
_TOO_MUCH = 1 << 62


class Plain:
    """No isolation at all."""

    name = "plain"

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """See ``Sandbox.run``."""
        return keep_room(room, on_frame, cancelled, grace=self._grace, wall=lambda job, python: Wall())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What keeps a room in; as it stands, nothing."""

    uid: int | None = None
    """Whom the room's programs are run as; None: as ourselves."""
    grants: Sequence[tuple[str, int]] | None = None
    filtered: bytes = b""
    variables: Mapping[str, str] | None = None


def keep_room(
    room: Room,
    on_frame: OnFrame,
    cancelled: Callable[[], bool],
    *,
    grace: float,
    wall: Callable[[Job, Interpreter], Wall],
) -> Outcome:
    """Run a room without namespaces below a keeper."""
    with prepared(room, copy=True) as job, _places(job):
        python = interpreter()
        built = wall(job, python)
        _open_to(job, built.uid)
        with _started(room, job, python, built) as (child, status):
            outcome = attend(child, ceiling(room.limits, grace), on_frame, cancelled)
            if outcome.killed:
                return outcome
            return replace(outcome, exit_code=_reported(status))


@contextmanager
def _places(job: Job) -> Iterator[None]:
    for name in _PLACES:
        (job.folder / name).mkdir(mode=0o700)
    try:
        yield
    finally:
        _remove(job.folder)


def _remove(folder: Path) -> None:
    """Remove what a student made, however deep and however closed."""
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        found = shutil.which(command[0]) or command[0]
        subprocess.run([found, *command[1:], "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S603


def _open_to(job: Job, uid: int | None) -> None:
    """Give the writable folders to the room's user, who gets in by a name that cannot be guessed."""
    if uid is not None:
        job.folder.parent.chmod(0o711)
        for name in _PLACES:
            os.chown(job.folder / name, uid, uid)


@contextmanager
def _started(room: Room, job: Job, python: Interpreter, wall: Wall) -> Iterator[tuple[Child, int]]:
    """Start a keeper and its room; when this is left, both are dead."""
    with ExitStack() as stack:
        pipes = open_pipes()
        stack.callback(pipes.close_host)
        status_read, status_write = os.pipe()
        stack.callback(os.close, status_read)
        group = stack.enter_context(grouped(room.limits))
        lifeline_room, lifeline = os.pipe()
        end = _Lifeline(lifeline).cut
        stack.callback(end)
        with ExitStack() as handed_over:
            handed_over.callback(pipes.close_room)
            handed_over.callback(os.close, status_write)
            handed_over.callback(os.close, lifeline_room)
            order = keeper.Order(
                argv=(str(python.executable), "-I", str(job.inputs / room.program)),
                variables=_variables(room, job, python, pipes, wall),
                folder=str(job.folder / "out"),
                lifeline=lifeline_room,
                status=status_write,
                uid=wall.uid,
                grants=wall.grants,
                filtered=wall.filtered.hex(),
            )
            process = _launch(order, pipes, group)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield _child(process, pipes, end, job, group), status_read


class _Lifeline:
    """The pipe whose end tells a keeper to end its room."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._lock = threading.Lock()

    def cut(self) -> None:
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None


def _launch(order: keeper.Order, pipes: Pipes, group: Group | None) -> subprocess.Popen[bytes]:
    line, order_fd = keeper.line(order)
    try:
        return subprocess.Popen(  # noqa: S603
            line if group is None else group.entering(line),
            stdin=subprocess.DEVNULL,
            stdout=pipes.room_log,
            stderr=pipes.room_log,
            env={},
            cwd="/",
            pass_fds=(order_fd, order.lifeline, order.status, pipes.room_out, pipes.room_in),
            start_new_session=True,
        )
    finally:
        os.close(order_fd)


def _variables(room: Room, job: Job, python: Interpreter, pipes: Pipes, wall: Wall) -> dict[str, str]:
    shell = "/usr/bin:/bin" if room.shell else ""
    home, temporary = str(job.folder / "home"), str(job.folder / "tmp")
    common = environment(room, python, job=str(job.folder), home=home, temporary=temporary, shell=shell)
    return common | {
        **(wall.variables or {}),
        "AUTOGRADER_OUT": str(pipes.room_out),
        "AUTOGRADER_IN": str(pipes.room_in),
        "AUTOGRADER_LIMITS": inside(
            room.limits, device=room.device, others=threads_of_others() if wall.uid is None else 0
        ),
    }


def _child(
    process: subprocess.Popen[bytes], pipes: Pipes, end: Callable[[], None], job: Job, group: Group | None
) -> Child:
    return Child(
        process=process,
        root=process.pid,
        frames=pipes.frames,
        answers=pipes.answers,
        log=pipes.log,
        end=end,
        storage=_Disk([job.folder / name for name in _PLACES]).storage,
        gauge=group,
    )


class _Disk:
    """Adds up the files of a room, once a second: walking a folder is slower than reading ``/proc``."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._due = 0.0
        self._last = Storage()

    def storage(self) -> Storage:
        if time.monotonic() >= self._due:
            self._last = Storage(disk=_bytes_below(self._places))
            self._due = time.monotonic() + _DISK_SECONDS
        return self._last


def _bytes_below(places: Sequence[Path]) -> int:
    """Bytes on disk; more than any limit when there are too many files to count. Links are not followed."""
    folders, used, files = [str(place) for place in places], 0, 0
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                files += 1
                used += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                if files > _MOST_FILES:
                    return _TOO_MUCH
    return used


def _reported(status: int) -> int:
    """The exit code that the keeper wrote; raises SandboxError with its words when it could not start the room."""
    os.set_blocking(status, False)
    with suppress(BlockingIOError), os.fdopen(os.dup(status), "rb") as file:
        for said in map(json.loads, file):
            if "problem" in said:
                raise SandboxError(
                    f"the room could not be started: {said['problem']}", remedy="Run `autograder doctor`."
                )
            return int(said["exit-code"])
    raise SandboxError("the keeper of the room ended before the room", remedy="Run `autograder doctor`.")
