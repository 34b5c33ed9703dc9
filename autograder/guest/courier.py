"""Brings to the host what the kernel left in the handover folder, while cells run and in between."""

from __future__ import annotations

import threading
import time
from typing import Any

from .frames import Pipe
from .handover import LEDGER, PROGRESS, Handover

LEDGER_BYTES = 16 << 20
ARTIFACT_BYTES = 200 << 20
PROGRESS_FRAMES = 4000
EARLY_BYTES = 128 << 20
"""Of ledgers sent before their cell has ended: a long ledger many times over would use up what a room may send."""

_TICK = 0.25
_LEDGER_EVERY = 5.0


class Courier:
    """One thread; ``deliver`` may be called from any other."""

    def __init__(self, pipe: Pipe, handover: Handover) -> None:
        self.pipe = pipe
        self.handover = handover
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._progress: Any = None
        self._progress_left = PROGRESS_FRAMES
        self._ledger = b""
        self._ledger_at = 0.0
        self._early_left = EARLY_BYTES
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Bring the rest and end."""
        self._ended.set()
        self._thread.join()
        self.deliver()

    def deliver(self) -> None:
        """Send everything that is complete."""
        with self._lock:
            self._send_artifacts()
            self._send_ledger()

    def after_cell(self) -> None:
        """What a cell trained is known outside before the next one could write to the records of it."""
        with self._lock:
            self._send_artifacts()
            self._send_early()

    def _run(self) -> None:
        while not self._ended.wait(_TICK):
            with self._lock:
                self._send_progress()
                self._send_artifacts()
                if time.monotonic() - self._ledger_at > _LEDGER_EVERY:
                    self._send_early()

    def _send_artifacts(self) -> None:
        for name in self.handover.artifacts():
            content = self.handover.take(name, ARTIFACT_BYTES)
            if content is not None:
                self.pipe.send({"kind": "artifact", "name": name}, content)

    def _send_early(self) -> None:
        if self._early_left > 0:
            self._early_left -= self._send_ledger()

    def _send_ledger(self) -> int:
        """Bytes that were sent."""
        content = self.handover.read(LEDGER, LEDGER_BYTES)
        self._ledger_at = time.monotonic()
        if content is None or content == self._ledger:
            return 0
        self._ledger = content
        self.pipe.send({"kind": "ledger"}, content)
        return len(content)

    def _send_progress(self) -> None:
        progress = self.handover.read_json(PROGRESS, 1 << 12)
        if not isinstance(progress, dict) or progress == self._progress or self._progress_left == 0:
            return
        self._progress = progress
        self._progress_left -= 1
        training = progress.get("training")
        known = training if isinstance(training, int) else None
        self.pipe.send({"kind": "progress", "text": str(progress.get("text", ""))[:100], "training": known})
