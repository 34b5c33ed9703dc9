"""Rooms that are started before anybody needs them, and wait with everything imported for a submission.

Each serves one submission and ends with it; until then it holds our programs and the data that all share, and nothing
of any student. Such a room asks for its late inputs (``Room.late``) in its very first frame. Whatever goes wrong
before they have reached it is nobody's fault: the submission gets a room that is started then.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from autograder.errors import Cancelled, SandboxError
from autograder.frames import Frame
from autograder.sandbox.limits import MB, memory_available, memory_floor
from autograder.sandbox.room import Later, OnFrame, Outcome, Room, Sandbox

VARIABLE = "AUTOGRADER_AHEAD"
"""Tells a room's program that its late inputs are to be asked for."""
QUESTION = "orders?"
ABLE = ("bubblewrap", "landlock", "plain")
"""Walls behind which a room can wait: a container counts its time from its start."""
START_SECONDS = 300
"""Until a room has asked for its late inputs."""
ROOM_BYTES = 768 * MB
"""What a room may take while it waits; it takes about 500 MB."""
LOST = 3
"""Rooms after which no more are started: whatever ends them would end the next one too."""
LATE_BYTES = 48 * MB
"""Of late inputs: in a room they lie in memory."""

Demand: TypeAlias = Callable[[str], int]
"""How many submissions are not yet done with rooms of a program, by the program's name."""


class Ahead:
    """A sandbox that has rooms ready; ``close`` ends those that nobody came for."""

    def __init__(self, sandbox: Sandbox, demand: Demand) -> None:
        self.name = sandbox.name
        self._sandbox = sandbox
        self._demand = demand
        self._lock = threading.Lock()
        self.waiting: list[Waiting] = []
        """Oldest first."""
        self._busy: list[Room] = []
        """Of what mould those are that serve somebody."""
        self._lost = 0
        """Rooms that ended while they should have waited."""

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """See ``Sandbox.run``."""
        if not room.late or sum(map(_size, _late(room).values())) > LATE_BYTES:
            return self._sandbox.run(room, on_frame, cancelled)
        wanted = mould(room)
        with self._serving(wanted):
            ready = self._taken(wanted)
            self._replenish(wanted)
            outcome = None if ready is None else ready.serve(room, on_frame, cancelled)
            if outcome is not None:
                return outcome
            self._lost += ready is not None
            return self._sandbox.run(room, on_frame, cancelled)

    def keep(self, room: Room) -> None:
        """Start a room for the next of this kind, whatever is needed by others."""
        with self._lock:
            self.waiting.append(Waiting(self._sandbox, mould(room), lambda one: False))

    def ready(self, room: Room) -> bool:
        """Whether one waits for its orders, and nothing is left to be imported."""
        with self._lock:
            return any(one.asked and not one.over for one in self.waiting if one.room == mould(room))

    def close(self) -> None:
        """End all that wait, and return when they are gone."""
        with self._lock:
            self._demand = lambda program: 0
            waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.end()
        for one in waiting:
            one.join()

    @contextmanager
    def _serving(self, wanted: Room) -> Iterator[None]:
        with self._lock:
            self._busy.append(wanted)
        try:
            yield
        finally:
            with self._lock:
                self._busy.remove(wanted)

    def _taken(self, wanted: Room) -> Waiting | None:
        """The one that has waited longest; it may still be at its imports, and is ahead all the same."""
        with self._lock:
            over = [one for one in self.waiting if one.over]
            found = next((one for one in self.waiting if not one.over and one.room == wanted), None)
            self.waiting = [one for one in self.waiting if one not in over and one is not found]
            self._lost += sum(one.lost for one in over)
        for one in over:
            one.join()
        return found

    def _replenish(self, wanted: Room) -> None:
        """As many as serve somebody now, if so many will be needed and the machine has the memory for one more."""
        with self._lock:
            ready = sum(one.room == wanted for one in self.waiting)
            needed = min(self._busy.count(wanted), self._needed(wanted.program))
            if ready < needed and self._lost < LOST and memory_available() > memory_floor() + 2 * ROOM_BYTES:
                self.waiting.append(Waiting(self._sandbox, wanted, self._superfluous))

    def _superfluous(self, one: Waiting) -> bool:
        """Of more rooms than will be needed the latest stay; where memory runs short, none."""
        with self._lock:
            alike = [other for other in self.waiting if other.room.program == one.room.program]
            kept = alike[max(0, len(alike) - self._needed(one.room.program)) :]
            # One that is not in the list was just taken, or is about to enter it.
            return (one in alike and one not in kept) or memory_available() < memory_floor() + ROOM_BYTES

    def _needed(self, program: str) -> int:
        """By those who are in none now."""
        return max(0, self._demand(program) - sum(room.program == program for room in self._busy))


class Waiting:
    """One such room and its thread: bubblewrap ends a room with the thread that started it."""

    def __init__(self, sandbox: Sandbox, room: Room, superfluous: Callable[[Waiting], bool]) -> None:
        self.room = room
        self.over = False
        self.lost = False
        """Whether it ended without being told to."""
        self.asked = False
        self._late: tuple[bytes, float] = (b"", 0.0)
        self._cancelled: Callable[[], bool] = lambda: superfluous(self)
        self._said: SimpleQueue[Frame | Outcome | BaseException] = SimpleQueue()
        self._replies: SimpleQueue[bytes | Later | BaseException | None] = SimpleQueue()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._live, args=(sandbox,), name="room-ahead", daemon=True)
        self._thread.start()

    # --- the room's own thread

    def _live(self, sandbox: Sandbox) -> None:
        try:
            said: Outcome | BaseException = sandbox.run(self.room, self._hear, lambda: self._cancelled())
        except BaseException as error:
            said = error
        self.lost = not (isinstance(said, Outcome) and said.killed == "cancelled")
        self.over = True
        self._said.put(said)

    def _hear(self, frame: Frame) -> bytes | Later | None:
        """The first frame is answered when somebody has come; all others by whoever that is, on a thread of theirs."""
        if not self.asked:
            self.asked = True
            if frame.head.get("kind") != QUESTION:
                raise SandboxError("a room that was started ahead did not ask for its orders")
            return self
        self._said.put(frame)
        reply = self._replies.get()
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def fileno(self) -> int:
        """See ``Later``."""
        return self._bell

    def answer(self) -> tuple[bytes, float]:
        """See ``Later``."""
        return self._late

    # --- the thread of those who need it

    def serve(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome | None:
        """Hand over what was late, and stay to the end; None when the room was gone before it had heard of it."""
        self._late = packed(_late(room)), room.limits.run_seconds - self.room.limits.run_seconds
        self._cancelled = cancelled
        os.eventfd_write(self._bell, 1)
        heard = False
        try:
            while isinstance(said := self._said.get(), Frame):
                heard = True
                self._replies.put(_reply(on_frame, said))
        finally:  # also where somebody insists on stopping
            self.end()
            self.join()
        if not heard:
            logging.getLogger(__name__).debug("a room that was started ahead is gone: %s", said)
            return None
        if isinstance(said, BaseException):
            raise said
        return said

    def end(self) -> None:
        """Nobody needs it any more."""
        self._cancelled = lambda: True
        self._replies.put(Cancelled())

    def join(self) -> None:
        """Wait until it is gone."""
        self._thread.join()
        os.close(self._bell)


@contextmanager
def ahead(sandbox: Sandbox, demand: Demand) -> Iterator[Sandbox]:
    """``sandbox`` with rooms ready, where its wall allows it; none is left at the end."""
    if sandbox.name not in ABLE:
        yield sandbox
        return
    kept = Ahead(sandbox, demand)
    try:
        yield kept
    finally:
        kept.close()


def mould(room: Room) -> Room:
    """What of a room does not depend on the submission: rooms of the same mould can stand for each other."""
    return replace(
        room,
        inputs={name: content for name, content in room.inputs.items() if name not in room.late},
        limits=replace(room.limits, run_seconds=START_SECONDS),
        environment={**room.environment, VARIABLE: "1"},
        late=frozenset(),
    )


def packed(inputs: Mapping[str, bytes | Path]) -> bytes:
    """An archive of inputs as they would lie in the room's folder, for ``zipfile``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in inputs.items():
            archive.writestr(zipfile.ZipInfo(name), content if isinstance(content, bytes) else content.read_bytes())
    return buffer.getvalue()


def _late(room: Room) -> dict[str, bytes | Path]:
    return {name: content for name, content in room.inputs.items() if name in room.late}


def _size(content: bytes | Path) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _reply(on_frame: OnFrame, frame: Frame) -> bytes | Later | BaseException | None:
    try:
        return on_frame(frame)
    except BaseException as error:
        return error
