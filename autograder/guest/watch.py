"""Keeps the time of a cell and of the whole run: interrupts the kernel, and kills it where that is ignored."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

GRACE_SECONDS = 6.0
"""Between the interrupt and the end of a kernel that ignores it: what holds on is gone ten seconds after its limit."""
LAST_SECONDS = 7.0
"""Beyond the time of the run: for what is read from the kernel at the end."""

_TICK = 0.05


class Watch:
    """One thread beside the client that runs the cells."""

    def __init__(self, cell_seconds: float, run_seconds: float, grace: float = GRACE_SECONDS) -> None:
        self.cell_seconds = cell_seconds
        self.grace = grace
        self.run_end = time.monotonic() + run_seconds
        self.group: int | None = None
        """Process group of the kernel."""
        self.killed = False
        self._interrupt_at = self._kill_at = float("inf")
        self._scope = self._interrupted = ""
        self._paused_at: float | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self, group: int) -> None:
        self.group = group
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def over(self) -> bool:
        """Whether the time of the run is used up."""
        return time.monotonic() >= self.run_end

    @property
    def left(self) -> float:
        """Seconds that remain to what is read at the end."""
        return max(0.0, self.run_end + LAST_SECONDS - time.monotonic())

    def waited(self, seconds: float) -> None:
        """The host took so long to answer a question at the end: that is not the notebook's time."""
        self.run_end += seconds

    def begin(self, seconds: float | None = None, *, last: bool = False) -> None:
        """Something starts in the kernel; ``last`` may use the seconds beyond the time of the run."""
        now = time.monotonic()
        cell_end = now + (self.cell_seconds if seconds is None else seconds)
        run_end = self.run_end + (LAST_SECONDS if last else 0)
        with self._lock:
            self._interrupted = ""
            self._scope = "cell" if cell_end < run_end else "run"
            self._interrupt_at = min(cell_end, run_end)
            self._kill_at = self._interrupt_at + (0 if last else self.grace)

    def end(self) -> str:
        """It has ended; answers the limit that had to stop it: ``cell``, ``run`` or nothing."""
        with self._lock:
            self._interrupt_at = self._kill_at = float("inf")
            return self._interrupted

    def pause(self) -> None:
        """From now on the host is at work for the notebook, which waits: none of its time passes."""
        with self._lock:
            self._paused_at = time.monotonic()

    def go_on(self) -> None:
        with self._lock:
            if self._paused_at is None:
                return
            waited = time.monotonic() - self._paused_at
            self._paused_at = None
            self.run_end += waited
            self._interrupt_at += waited
            self._kill_at += waited

    def kill(self) -> None:
        """End the kernel and the programs it has started in its process group."""
        self.killed = True
        self._send(signal.SIGKILL)

    def _run(self) -> None:
        while not self._ended.wait(_TICK):
            with self._lock:
                self._look(time.monotonic())

    def _look(self, now: float) -> None:
        if self._paused_at is not None:
            return
        if now >= self._kill_at:
            self._interrupted = self._scope
            self._kill_at = float("inf")
            self.kill()
        elif now >= self._interrupt_at:
            self._interrupted = self._scope
            self._interrupt_at = float("inf")
            self._send(signal.SIGINT)

    def _send(self, number: signal.Signals) -> None:
        if self.group is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, number)
