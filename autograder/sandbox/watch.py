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
from dataclasses import dataclass, replace
from typing import Protocol

from autograder.errors import MachineShort, SandboxError
from autograder.frames import FrameReader, ProtocolBreach, answer
from autograder.sandbox.limits import MB, Ceiling, memory_available
from autograder.sandbox.room import Later, OnFrame, Outcome
from autograder.sandbox.unmapped import Unmapped
from autograder.unseen import UNSEEN

INTERVAL_SECONDS = 0.2
DRAIN_SECONDS = 5.0
"""For what still lies in the pipes."""
BURIAL_SECONDS = 60.0
"""For the killed to be gone: on a machine with no time to spare, gigabytes are slowly given back."""
LOG_BYTES = 64 << 10

_PATIENCE = 10
"""Intervals for which a modest room may see the machine short of memory: the greedy one is stopped first."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC_BYTES = 4096
"""More than any file there has that is read here."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


class Gauge(Protocol):
    """Measures a room that the kernel itself keeps within its memory."""

    def used(self) -> int:
        """Bytes of memory."""

    def processes(self) -> int: ...

    def exhausted(self) -> bool:
        """Whether the kernel has ended something for lack of memory."""


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
    gauge: Gauge | None = None
    """None: the processes below ``root`` are added up."""


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


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was passed."""

    killed: str
    """As in ``Outcome``."""
    allowed: float
    used: float
    words: str = "{allowed:.0f} {unit} allowed, {used:.0f} {unit} used"
    unit: str = "MB"

    @property
    def detail(self) -> str:
        return self.words.format(allowed=self.allowed, used=self.used, unit=self.unit)


def attend(child: Child, ceiling: Ceiling, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
    """Stay with a room to its end; what ``on_frame`` raises ends the room and passes through.

    Raises SandboxError when the machine, not the room, is at fault.
    """
    clock = Clock()
    with closing(Conversation(child, on_frame, clock)) as talk:
        watch = Watch(child, ceiling, clock, talk.waited)
        guard = threading.Thread(target=watch.guard, name="room-watchdog", daemon=True)
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


class Clock:
    """The time of a room; it stands still where a room waits for what it is to do."""

    def __init__(self) -> None:
        self.more = 0.0
        """Seconds beyond the limit that the room was made with; negative: of it."""
        self._since: float | None = time.monotonic()

    @property
    def seconds(self) -> float:
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def stop(self) -> None:
        self._since = None

    def begin(self, more: float) -> None:
        self.more, self._since = more, time.monotonic()


class Watch:
    """Knows why a room was ended; the first reason stands."""

    def __init__(self, child: Child, ceiling: Ceiling, clock: Clock, waited: Callable[[], float]) -> None:
        """``waited``: seconds for which the room waited for an answer, none of which are its own."""
        self.child = child
        self._waited = waited
        self.ceiling = ceiling
        self.clock = clock
        self.peak = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._breach: Breach | None = None
        self._fault: Exception | None = None
        self._short = 0
        self._unmapped = Unmapped()

    @property
    def stopped(self) -> bool:
        return self._breach is not None or self._fault is not None

    def stop(self, breach: Breach) -> None:
        with self._lock:
            if self._breach is None and not self._closed.is_set():
                self._breach = breach
        self.child.end()

    def close(self) -> None:
        """End whatever is left and the watchdog with it; no reason is accepted from here on."""
        self._heed_the_kernel()  # which may have ended the room before the watchdog looked again
        with self._lock:
            self._closed.set()
        self.child.end()
        try:
            self.child.process.wait(BURIAL_SECONDS)
        except subprocess.TimeoutExpired:
            self._fault = SandboxError("the room did not die", remedy="Look for its processes and end them.")

    def obey(self, cancelled: Callable[[], bool]) -> None:
        if cancelled():
            self.stop(Breach("cancelled", 0, 0, "cancelled by the caller"))

    def hear(self, talk: Conversation) -> None:
        """Wait at most one interval for something to be said, and deal with it."""
        try:
            talk.turn(INTERVAL_SECONDS)
        except ProtocolBreach as broken:
            talk.frames_ended()
            self.stop(Breach("protocol", 0, 0, str(broken).replace("{", "{{").replace("}", "}}")))
        if talk.log_bytes > self.ceiling.log:
            words = "{allowed:.0f} MB of raw output allowed, {used:.1f} MB written"
            self.stop(Breach("output", self.ceiling.log / MB, talk.log_bytes / MB, words))

    def guard(self) -> None:
        """The watchdog; if it fails itself, the room ends: a room is never left unwatched."""
        try:
            while not self._closed.wait(INTERVAL_SECONDS) and not self.stopped:
                self._look()
        except Exception as error:
            self._fault = error
            self.child.end()

    def _look(self) -> None:
        self._heed_the_kernel()
        usage = measure(self.child, self.ceiling, self._unmapped)
        self.peak = max(self.peak, usage.memory)
        ceiling = replace(self.ceiling, seconds=self.ceiling.seconds + self.clock.more)
        if (found := breach(usage, self.clock.seconds - self._waited(), ceiling)) is not None:
            self.stop(found)
        elif self._machine_is_short(usage):
            raise MachineShort(
                "the machine ran out of memory while this room was within its limits",
                remedy="Grade with fewer workers, or close other programs.",
            )

    def _heed_the_kernel(self) -> None:
        if self.child.gauge is not None and self.child.gauge.exhausted():
            self.peak = max(self.peak, self.ceiling.memory)
            self.stop(Breach("memory", self.ceiling.memory / MB, self.peak / MB))

    def _machine_is_short(self, usage: Usage) -> bool:
        self._short = self._short + 1 if memory_available() < self.ceiling.host_floor else 0
        return self._short > (0 if usage.memory > self.ceiling.memory // 2 else _PATIENCE)

    def outcome(self, talk: Conversation) -> Outcome:
        if isinstance(self._fault, MachineShort):
            raise self._fault
        if self._fault is not None:
            remedy = self._fault.remedy if isinstance(self._fault, SandboxError) else ""
            raise SandboxError(f"the room could not be watched: {self._fault}", remedy=remedy) from self._fault
        found = self._breach
        return Outcome(
            exit_code=self.child.process.returncode if found is None else None,
            killed="" if found is None else found.killed,
            detail="" if found is None else found.detail,
            allowed=0.0 if found is None else found.allowed,
            used=0.0 if found is None else found.used,
            seconds=self.clock.seconds,
            peak_memory_mb=self.peak / MB,
            log=talk.log,
        )


class Conversation:
    """The three pipes of a room; never blocks for longer than it is told."""

    def __init__(self, child: Child, on_frame: OnFrame, clock: Clock) -> None:
        self._child = child
        self._on_frame = on_frame
        self._clock = clock
        self._reader = FrameReader(child.frames)
        self._pending = bytearray()
        self._tail: deque[bytes] = deque()
        self.log_bytes = 0
        self._waits = 0.0
        self._heard_at: float | None = None
        os.set_blocking(child.answers, False)
        os.set_blocking(child.log, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.frames, selectors.EVENT_READ, self._take_frames)
        self._selector.register(child.log, selectors.EVENT_READ, self._take_log)

    @property
    def open(self) -> bool:
        """Whether frames or log may still come."""
        return any(key.fd in (self._child.frames, self._child.log) for key in self._selector.get_map().values())

    def waited(self) -> float:
        """Seconds that we took over questions so far, of which the room had none."""
        heard_at = self._heard_at
        return self._waits + (0.0 if heard_at is None else time.monotonic() - heard_at)

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
            self._heard_at = heard_at = time.monotonic()
            try:
                reply = self._on_frame(frame)
            finally:
                self._heard_at = None
            if isinstance(reply, bytes):
                self._waits += time.monotonic() - heard_at
                self._reply(reply)
            elif reply is not None:
                self._await(reply)
        if self._reader.ended:
            self.frames_ended()

    def _await(self, later: Later) -> None:
        def arrived() -> None:
            self._forget(later.fileno())
            content, more = later.answer()
            self._clock.begin(more)
            self._reply(content)

        self._clock.stop()
        self._selector.register(later, selectors.EVENT_READ, arrived)

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


def breach(usage: Usage, seconds: float, ceiling: Ceiling) -> Breach | None:
    """Name the limit that was passed, with what was allowed and what was used."""
    if seconds > ceiling.seconds:
        return Breach("wall", ceiling.seconds, seconds, unit="s")
    if usage.memory > ceiling.memory:
        return Breach("memory", ceiling.memory / MB, usage.memory / MB)
    if usage.processes > ceiling.processes:
        return Breach(
            "processes", ceiling.processes, usage.processes, "{allowed:.0f} processes allowed, {used:.0f} running"
        )
    if usage.disk > ceiling.disk:
        return Breach(
            "disk", ceiling.disk / MB, usage.disk / MB, "{allowed:.0f} MB of files allowed, {used:.0f} MB written"
        )
    return None


def measure(child: Child, ceiling: Ceiling, unmapped: Unmapped) -> Usage:
    """Add up a room; of one with too many processes nothing else, since hundreds that all compute are slow to read.

    Resident sizes count shared pages once per process, so that a hundred forks of an innocent parent look like a bomb;
    proportional sizes are right but slow to read. The first are asked always, the second only when the first exceed.
    """
    if child.gauge is not None:
        return Usage(child.gauge.used(), child.gauge.processes(), child.storage().disk)
    pids = tree(child.root)
    if len(pids) > ceiling.processes:
        return Usage(0, len(pids))
    storage = child.storage()
    beside = storage.memory + unmapped.of(pids)
    memory = sum(map(resident, pids)) + beside
    if memory > ceiling.memory:
        memory, counted = beside, time.monotonic()
        for pid in pids:
            memory += _proportional(pid)  # waits for a process that forks without end, each time it does
            if time.monotonic() - counted > INTERVAL_SECONDS:
                if (processes := len(tree(child.root))) > ceiling.processes:
                    return Usage(0, processes)
                counted = time.monotonic()
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


def resident(pid: int) -> int:
    """Bytes of memory that a process has touched."""
    content = _proc(pid, "statm")
    return int(content.split()[1]) * _PAGE if content else 0


def _proportional(pid: int) -> int:
    """Proportional set size; the resident size where the kernel does not let us see it."""
    found = _PSS.search(_proc(pid, "smaps_rollup"))
    return int(found[1]) * 1024 if found else resident(pid)


def _proc(pid: int, name: str) -> bytes:
    """A file of ``/proc/<pid>``; empty when the process is gone or closed to us.

    Read at once, for this is done of every process of the machine, five times a second for each room.
    """
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _PROC_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def plain_text(content: bytes) -> str:
    """Make a log harmless to a terminal: escape sequences and invisible characters go, line ends and tabs stay."""
    text = _ESCAPES.sub("", content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))
    text = UNSEEN.sub("", text)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cf", "Co"})
