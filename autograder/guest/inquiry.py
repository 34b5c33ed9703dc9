"""A question that the kernel has for the host while a cell runs; it goes through the handover folder and the runner."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress

from .handover import ANSWER, QUESTION, Handover

UNHEARD_SECONDS = 10.0
"""A question that nobody has taken up by then is withdrawn: a notebook waits for nobody who is not there."""
UNHEARD = "unheard"
ANSWER_BYTES = 256 << 20

_TICK = 0.02


class Inquiry:
    """The kernel's side; what answers is ``errand.py``."""

    def __init__(self, handover: Handover, patience: float = UNHEARD_SECONDS) -> None:
        self._handover = handover
        self._patience = patience
        self._numbers = itertools.count(1)

    def ask(self, kind: str, body: bytes) -> tuple[str, bytes]:
        """The first word of the answer and what follows it; ``UNHEARD`` where there is none.

        Once the question was taken up, the host keeps the time.
        """
        number = next(self._numbers)
        question, answer = QUESTION.format(number), ANSWER.format(number)
        self._handover.put(question, kind.encode() + b"\n" + body)
        try:
            until = time.monotonic() + self._patience
            while (self._handover.folder / question).exists():
                if time.monotonic() > until:
                    return UNHEARD, b""
                time.sleep(_TICK)
            while (content := self._handover.take(answer, ANSWER_BYTES)) is None:
                time.sleep(_TICK)
        finally:
            with suppress(OSError):
                (self._handover.folder / question).unlink(missing_ok=True)
        word, _, rest = content.partition(b"\n")
        return word.decode("ascii", "replace") or UNHEARD, rest
