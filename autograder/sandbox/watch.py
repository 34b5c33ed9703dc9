"""Attends to a running room: takes its frames, sends the answers, and ends it when it passes a limit.

Two threads. The calling thread talks (frames, answers, log); the watchdog measures five times a second, also while a
frame is being worked on, and kills. Everything is read from ``/proc``: nothing in the room takes part in the measuring.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import MachineShort, SandboxError
from autograder.frames import FrameReader, ProtocolBreach, answer
from autograder.sandbox.limits import MB, Ceiling, memory_available
from autograder.sandbox.room import OnFrame, Outcome

INTERVAL_SECONDS = 0.2
DRAIN_SECONDS = 5.0
"""For what still lies in the pipes, and for the dead to be gone."""
LOG_BYTES = 64 << 10

_PATIENCE = 10
"""Intervals for which a modest room may see the machine short of memory: the greedy one is stopped first."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A started room, as each kind of sandbox hands it over."""

    process: subprocess.Popen[bytes]
    """Ends when the room has ended."""
    root: int
    """Every process of the room descends from this one."""
    frames: int
    answers: int
    log: int
    end: Callable[[], None]
    """Kill everything; may be called at any time, from any thread, more than once."""
    storage: Callable[[], Storage]


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes in the files of a room."""

    memory: int = 0
    """Of them, those that live in memory."""
    disk: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    memory: int
    processes: int
    disk: int = 0


def attend(child: Child, ceiling: Ceiling, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
    """Stay with a room to its end; what ``on_frame`` raises ends the room and passes through.

    Raises SandboxError when the machine, not the room, is at fault.
    """
    watch = Watch(child, ceiling)
    guard = threading.Thread(target=watch.guard, name="room-watchdog", daemon=True)
    with closing(Conversation(child, on_frame)) as talk:
        guard.start()
        try:
            while child.process.poll() is None and not watch.stopped:
                watch.obey(cancelled)
                watch.hear(talk)
        finally:
            watch.close()
            guard.join()
        _drain(watch, talk)
        return watch.outcome(talk)


def _drain(watch: Watch, talk: Conversation) -> None:
    """Take what the dead have left in the pipes."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while talk.open and time.monotonic() < deadline:
        watch.hear(talk)


class Watch:
    """Knows why a room was ended; the first reason stands."""

    def __init__(self, child: Child, ceiling: Ceiling) -> None:
        self.child = child
        self.ceiling = ceiling
        self.peak = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._killed = ""
        self._detail = ""
        self._fault: Exception | None = None
        self._short = 0

    @property
    def stopped(self) -> bool:
        return bool(self._killed) or self._fault is not None

    def stop(self, killed: str, detail: str) -> None:
        with self._lock:
            if not self._killed and not self._closed.is_set():
                self._killed, self._detail = killed, detail
        self.child.end()

    def close(self) -> None:
        """End whatever is left and the watchdog with it; no reason is accepted from here on."""
        with self._lock:
            self._closed.set()
        self.child.end()
        try:
            self.child.process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._fault = SandboxError("the room did not die", remedy="Look for its processes and end them.")

    def obey(self, cancelled: Callable[[], bool]) -> None:
        if cancelled():
            self.stop("cancelled", "cancelled by the caller")

    def hear(self, talk: Conversation) -> None:
        """Wait at most one interval for something to be said, and deal with it."""
        try:
            talk.turn(INTERVAL_SECONDS)
        except ProtocolBreach as breach:
            talk.frames_ended()
            self.stop("protocol", str(breach))
        if talk.log_bytes > self.ceiling.log:
            allowed = self.ceiling.log // MB
            self.stop("output", f"{allowed} MB of raw output allowed, more was written")

    def guard(self) -> None:
        """The watchdog; if it fails itself, the room ends: a room is never left unwatched."""
        try:
            while not self._closed.wait(INTERVAL_SECONDS) and not self.stopped:
                self._look()
        except Exception as error:
            self._fault = error
            self.child.end()

    def _look(self) -> None:
        usage = measure(self.child, self.ceiling.memory)
        self.peak = max(self.peak, usage.memory)
        if (found := breach(usage, time.monotonic() - self._started, self.ceiling)) is not None:
            self.stop(*found)
        elif self._machine_is_short(usage):
            raise MachineShort(
                "the machine ran out of memory while this room was within its limits",
                remedy="Grade with fewer workers, or close other programs.",
            )

    def _machine_is_short(self, usage: Usage) -> bool:
        self._short = self._short + 1 if memory_available() < self.ceiling.host_floor else 0
        return self._short > (0 if usage.memory > self.ceiling.memory // 2 else _PATIENCE)

    def outcome(self, talk: Conversation) -> Outcome:
        if isinstance(self._fault, MachineShort):
            raise self._fault
        if self._fault is not None:
            raise SandboxError(f"the room could not be watched: {self._fault}") from self._fault
        return Outcome(
            exit_code=None if self._killed else self.child.process.returncode,
            killed=self._killed,
            detail=self._detail,
            seconds=time.monotonic() - self._started,
            peak_memory_mb=self.peak / MB,
            log=talk.log,
        )


class Conversation:
    """The three pipes of a room; never blocks for longer than it is told."""

    def __init__(self, child: Child, on_frame: OnFrame) -> None:
        self._child = child
        self._on_frame = on_frame
        self._reader = FrameReader(child.frames)
        self._pending = bytearray()
        self._tail: deque[bytes] = deque()
        self.log_bytes = 0
        os.set_blocking(child.answers, False)
        os.set_blocking(child.log, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.frames, selectors.EVENT_READ, self._take_frames)
        self._selector.register(child.log, selectors.EVENT_READ, self._take_log)

    @property
    def open(self) -> bool:
        """Whether frames or log may still come."""
        return any(key.fd != self._child.answers for key in self._selector.get_map().values())

    def turn(self, seconds: float) -> None:
        """Wait for something to do, and do it; raises ProtocolBreach."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def close(self) -> None:
        self._selector.close()

    @property
    def log(self) -> str:
        return plain_text(b"".join(self._tail)[-LOG_BYTES:])

    def frames_ended(self) -> None:
        self._forget(self._child.frames)

    def _take_frames(self) -> None:
        for frame in self._reader.read():
            reply = self._on_frame(frame)
            if reply is not None:
                self._reply(reply)
        if self._reader.ended:
            self.frames_ended()

    def _reply(self, content: bytes) -> None:
        if not self._pending:
            self._selector.register(self._child.answers, selectors.EVENT_WRITE, self._give_answers)
        self._pending += answer(content)

    def _give_answers(self) -> None:
        try:
            with memoryview(self._pending) as view:
                sent = os.write(self._child.answers, view[: 1 << 20])
            del self._pending[:sent]
        except BlockingIOError:
            return
        except BrokenPipeError:  # nobody is left to hear it; the room's end is noticed elsewhere
            self._pending.clear()
        if not self._pending:
            self._forget(self._child.answers)

    def _take_log(self) -> None:
        try:
            part = os.read(self._child.log, LOG_BYTES)
        except BlockingIOError:
            return
        if not part:
            self._forget(self._child.log)
        self.log_bytes += len(part)
        self._tail.append(part)
        while sum(map(len, self._tail)) - len(self._tail[0]) >= LOG_BYTES:
            self._tail.popleft()

    def _forget(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)


def breach(usage: Usage, seconds: float, ceiling: Ceiling) -> tuple[str, str] | None:
    """Name the limit that was passed, with what was allowed and what was used."""
    if seconds > ceiling.seconds:
        return "wall", f"{ceiling.seconds:.0f} s allowed"
    if usage.memory > ceiling.memory:
        return "memory", f"{ceiling.memory // MB} MB allowed, {usage.memory // MB} MB used"
    if usage.processes > ceiling.processes:
        return "processes", f"{ceiling.processes} processes allowed, {usage.processes} running"
    if usage.disk > ceiling.disk:
        return "output", f"{ceiling.disk // MB} MB of files allowed, {usage.disk // MB} MB written"
    return None


def measure(child: Child, memory_limit: int) -> Usage:
    """Add up a room.

    Resident sizes count shared pages once per process, so that a hundred forks of an innocent parent look like a bomb;
    proportional sizes are right but slow to read. The first are asked always, the second only when the first exceed.
    """
    pids = tree(child.root)
    storage = child.storage()
    memory = sum(map(_resident, pids)) + storage.memory
    if memory > memory_limit:
        memory = sum(map(_proportional, pids)) + storage.memory
    return Usage(memory, len(pids), storage.disk)


def tree(root: int) -> list[int]:
    """``root`` and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (content := _proc(int(entry.name), "stat")):
            # The name of a program stands in parentheses and may itself contain some.
            yield int(entry.name), int(content[content.rindex(b")") + 1 :].split()[1])


def _resident(pid: int) -> int:
    content = _proc(pid, "statm")
    return int(content.split()[1]) * _PAGE if content else 0


def _proportional(pid: int) -> int:
    """Proportional set size; the resident size where the kernel does not let us see it."""
    found = _PSS.search(_proc(pid, "smaps_rollup"))
    return int(found[1]) * 1024 if found else _resident(pid)


def _proc(pid: int, name: str) -> bytes:
    """A file of ``/proc/<pid>``; empty when the process is gone or closed to us."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def plain_text(content: bytes) -> str:
    """Make a log harmless to a terminal: escape sequences and invisible characters go, line ends and tabs stay."""
    text = _ESCAPES.sub("", content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cs"})
