"""Carries out a training in a room of its own, which holds no code of a notebook's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace

from autograder import parcel
from autograder.errors import Cancelled, SandboxError
from autograder.execution.job import GUEST, Job, programs, threads
from autograder.frames import Frame
from autograder.sandbox.room import Room, Sandbox
from autograder.trainings import Asked

START_SECONDS = 60
"""To begin, and to build what is trained; then it may take as long as a cell, or what is left to the room that asks."""


def train(
    asked: Asked, contents: bytes, job: Job, sandbox: Sandbox, seconds: float, cancelled: Callable[[], bool]
) -> bytes | None:
    """What the training leaves, as a parcel; None where it could not be carried out, whatever the reason: then the
    kernel trains itself, and nothing is kept.

    ``contents`` were held against the digests in ``asked``. Raises Cancelled.
    """
    _, arrays = parcel.unpacked(contents)
    given = json.loads(json.dumps(asked.head))
    left: list[bytes] = []

    def hear(frame: Frame) -> None:
        if frame.head.get("kind") == "trained":
            left.append(frame.body)

    room = Room(
        program="trainer.py",
        inputs={**programs(), "trainer.py": GUEST / "trainer.py", "training.bin": parcel.packed(given, arrays)},
        limits=replace(job.limits, run_seconds=START_SECONDS + int(min(seconds, job.limits.cell_seconds))),
        environment=threads(job.threads) | dict(job.environment),
    )
    try:
        outcome = sandbox.run(room, hear, cancelled)
    except SandboxError as error:
        logging.getLogger(__name__).debug("a training was not carried out again: %s", error)
        return None
    if outcome.killed == "cancelled":
        raise Cancelled
    if outcome.killed or outcome.exit_code != 0 or len(left) != 1:
        logging.getLogger(__name__).debug("a training was not carried out again: %s", outcome.log[-2000:])
        return None
    return left[0]
