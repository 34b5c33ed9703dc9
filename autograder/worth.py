"""Whether a training is worth a room of its own: what that room costs, and what others are likely to save by it.

Nothing here decides what a training leaves. Durations may be what kernels claim, and a wrong guess costs seconds.
"""

from __future__ import annotations

import statistics
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from autograder.records import Json

START_SECONDS: Final = 5.0
"""What a room costs before it trains: Keras' import, and the training's data on their way."""


@dataclass(kw_only=True, eq=False)
class Worth:
    """What has been seen of the trainings of one run, whose notebooks may ask at the same time."""

    start_seconds: float = START_SECONDS
    _asked: Counter[str] = field(default_factory=Counter)
    _paces: list[float] = field(default_factory=list)
    """Seconds for each image and epoch of the trainings whose durations are known."""
    _desk: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, key: str) -> None:
        with self._desk:
            self._asked[key] += 1

    def took(self, head: Mapping[str, Json], seconds: float) -> None:
        with self._desk:
            self._paces.append(seconds / _images(head))

    def is_enough(self, head: Mapping[str, Json], times: int, seconds: float) -> bool:
        """Whether a training that was asked for so often before, and took so long (0: not known), is to have a room."""
        with self._desk:
            likely = times or self._chance()
            return likely * (seconds or self._expected(head)) >= self.start_seconds

    def _chance(self) -> float:
        """That what is new will be asked for again, by what became of all trainings so far: Laplace's rule of
        succession (Essai philosophique sur les probabilités, 1814), for what has not happened yet may still happen."""
        again = sum(times > 1 for times in self._asked.values())
        return (again + 1) / (len(self._asked) + 2)

    def _expected(self, head: Mapping[str, Json]) -> float:
        """Seconds, at the median pace of the others, whatever the model; 0 where none is known.

        No single one moves it far, whatever its kernel claims.
        """
        return statistics.median(self._paces) * _images(head) if self._paces else 0.0


def _images(head: Mapping[str, Json]) -> int:
    """At least one: what a kernel says may be anything."""
    shape = head["data"]["x"][1] if "x" in head["data"] else ()
    epochs = head["arguments"].get("epochs")
    rows = shape[0] if shape else 1
    return max(1, rows) * (epochs if type(epochs) is int and 0 < epochs < 1_000_000 else 1)
