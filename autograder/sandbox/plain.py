"""Rooms without a wall: limits, a temporary folder and a clock, nothing more; only ever used where it is asked for."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SandboxError
from autograder.sandbox import keeper
from autograder.sandbox.job import Interpreter, Job, Pipes, environment, interpreter, open_pipes, prepared
from autograder.sandbox.limits import GRACE_SECONDS, ceiling, inside
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.sandbox.watch import DRAIN_SECONDS, Child, Storage, attend, tree

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
            return _with_exit_code(outcome, _reported(status))


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
    for command in (("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        subprocess.run([shutil.which(command[0]) or command[0], *command[1:], "--", str(folder)], check=False)  # noqa: S603
