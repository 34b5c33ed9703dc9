"""Takes the kernel's questions about trainings to the host and lays the answers down for it.

The time that the host needs for one is not the notebook's: meanwhile the watch stands still.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .frames import Pipe
from .handover import ANSWER, QUESTION, Handover
from .watch import Watch

KINDS = ("fit?", "contents", "trained")
QUESTIONS = 1500
"""Of one room; what it may send in all is limited, and a room that says more is ended."""
QUESTION_BYTES = 220 << 20
ALL_BYTES = 256 << 20

_TICK = 0.03


class Errand:
    """One thread, which takes up one question after the other."""

    def __init__(self, pipe: Pipe, handover: Handover, watch: Watch) -> None:
        self._pipe = pipe
        self._handover = handover
        self._watch = watch
        self._left = ALL_BYTES
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="errand", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        number = 1
        while not self._ended.wait(_TICK) and number <= QUESTIONS:
            asked, content = self._handover.took(QUESTION.format(number), QUESTION_BYTES)
            if not asked:
                continue
            answer = b"" if content is None else self._answer(content)  # too large to be read: the kernel waits for it
            if not self._handover.show(ANSWER.format(number), answer):  # no room for it, while the kernel waits
                self._handover.show(ANSWER.format(number), b"")
            number += 1

    def _answer(self, content: bytes) -> bytes:
        named, _, body = content.partition(b"\n")
        kind = named.decode("ascii", "replace")
        self._left -= len(body)
        if kind not in KINDS or self._left < 0:
            return b""
        return self._away(lambda: self._pipe.ask({"kind": kind}, body))

    def _away(self, ask: Callable[[], bytes]) -> bytes:
        self._watch.pause()
        try:
            return ask()
        finally:
            self._watch.go_on()
