"""Trainings within a budget: a rehearsal finds out what each would cost, and then each takes a share of its steps.

The arguments of ``fit`` are left as they are, so that epochs, histories, callbacks and batch sizes keep their meaning;
what is cut are the iterators through which Keras draws its batches (``iterators.py``). A *rehearsal* runs the notebook
with a few steps of each training and notes its plan; nothing else of it is kept.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..things import Thing

VALIDATION_ROWS = 1000
"""Validation takes no fewer rows than this, or all."""
REHEARSED_EPOCHS = 3
"""The first two trace graphs; the last one shows what an epoch costs beyond its steps."""
REHEARSED_ROWS = 256
"""Of what ``predict`` is asked for in a rehearsal; the answers are repeated to the full length."""


# --- arithmetic ----------------------------------------------------------------------------------------------------


def steps_at(share: float, steps: int) -> int:
    """Of an epoch of so many steps; never none."""
    return max(1, math.ceil(share * steps))


def every(share: float, rows: int) -> int:
    """Validation takes each so-manieth batch of its ``rows``."""
    return max(1, min(round(1 / share), rows // VALIDATION_ROWS))


def validations(epochs: int, initial: int, frequency: Thing) -> int:
    """How often a training validates; ``frequency`` is Keras' ``validation_freq``: a number, or numbers of epochs."""
    numbers = range(initial + 1, epochs + 1)
    if isinstance(frequency, int) and not isinstance(frequency, bool) and frequency > 0:
        return sum(number % frequency == 0 for number in numbers)
    try:
        return sum(number in frequency for number in numbers)
    except TypeError:
        return 0


# --- one training --------------------------------------------------------------------------------------------------


class Pace:
    """What the iterators of one ``fit`` saw."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        """The arguments of ``fit``, repeated images left out."""
        self.cut = False
        """Whether its training went through an iterator of ours."""
        self.iterator: Any = None
        """The one that is cut to a share."""
        self.steps: int | None = None
        """Per epoch, had it not been cut."""
        self.epochs: list[list[float]] = []
        """Seconds of each step, by epoch."""
        self.begun: list[float] = []
        """When each epoch began."""
        self.validation_steps = 0
        self.validation_rows = 0
        self.validation: list[list[float]] = []

    def plan(self, epochs: int, checks: int, ended: float, test_rows: int) -> dict[str, float]:
        """Figures from which the seconds of the whole training follow; ``checks``: how often it validates."""
        pace, checked = _usual(self.epochs), _usual(self.validation)
        plan = {
            "epochs": epochs,
            "steps": self.steps or max(map(len, self.epochs), default=0),
            "first_seconds": self.epochs[0][0] if self.epochs and self.epochs[0] else 0.0,
            "step_seconds": pace,
            "validations": checks if self.validation_steps else 0,
            "validation_steps": self.validation_steps,
            "validation_rows": self.validation_rows,
            "validation_step_seconds": checked,
            "public": float(0 < test_rows == self.validation_rows),
            **self._besides(pace, checked, ended),
        }
        return {name: float(value) for name, value in plan.items()}

    def _besides(self, pace: float, checked: float, ended: float) -> dict[str, float]:
        """Beyond the steps: to begin a pass over the data (shuffling, opening), and at the end of each epoch."""
        last = self.epochs[-1] if len(self.epochs) > 1 else ()
        if not last:
            return {}
        opening = max(0.0, last[0] - pace)
        known = opening + pace * len(last) + checked * sum(map(len, self.validation[-1:]))
        return {"pass_seconds": opening, "epoch_seconds": max(0.0, ended - self.begun[-1] - known)}


def _usual(epochs: Sequence[Sequence[float]]) -> float:
    """Median of the steps but the first of each epoch, which traces a graph or opens the data."""
    steps = [seconds for epoch in epochs for seconds in epoch[1:]] or [step for epoch in epochs[1:] for step in epoch]
    ordered = sorted(steps)
    return ordered[len(ordered) // 2] if ordered else 0.0


class Cuts:
    """What is cut in this run, and the trainings that are under way."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.rehearsal = bool(job.get("rehearsal", False))
        self.share = float(job.get("share", 1.0))
        self.whole_tests = bool(job.get("whole_tests", True))
        """Whether the public test set stays whole where it is the validation data."""
        self.train_rows = int(job["train_rows"])
        self.test_rows = int(job["test_rows"])
        self._running: list[Pace] = []

    def told(self) -> dict[str, Any]:
        """All that an outcome depends on."""
        return {
            "share": self.share,
            "whole_tests": self.whole_tests,
            "train_rows": self.train_rows if self.share < 1 else 0,
            "test_rows": self.test_rows if self.share < 1 else 0,
        }

    @property
    def pace(self) -> Pace:
        """Of the innermost ``fit``; one that nobody reads where there is none."""
        return self._running[-1] if self._running else Pace({})

    def begin(self, given: dict[str, Any]) -> dict[str, Any]:
        """A ``fit`` begins: the arguments to train with, which only a rehearsal changes."""
        self._running.append(Pace(given))
        if not self.rehearsal:
            return given
        first = int(given.get("initial_epoch") or 0)
        epochs = min(int(given.get("epochs", 1)), first + REHEARSED_EPOCHS)
        return given | {"epochs": epochs, "validation_freq": 1}

    def end(self, entry: dict[str, Any], result: Thing) -> None:
        """It has ended, or was interrupted (no ``result``): note its plan, or its share."""
        pace, ended = self._running.pop(), time.monotonic()
        given = pace.given
        if pace.iterator is not None:
            pace.iterator.finish()
        if not self.rehearsal:
            # What is reused is of the same share, which is part of what was asked for.
            entry["share"] = self.share if pace.cut or entry.get("reused") else 1.0
            return
        first, epochs = int(given.get("initial_epoch") or 0), _epochs(given)
        checks = validations(epochs, first, given.get("validation_freq", 1))
        entry["plan"] = pace.plan(max(0, epochs - first), checks, ended, self.test_rows)
        if result is not None:
            lengthen(result, range(first, epochs), checks)


def _epochs(given: Mapping[str, Any]) -> int:
    """As many as would be run: Keras itself can be told to stop earlier."""
    cap = os.environ.get("KERAS_MAX_EPOCHS", "")
    epochs = int(given.get("epochs", 1))
    return min(epochs, int(cap)) if cap.isdigit() and int(cap) else epochs


def lengthen(history: Thing, epochs: range, checks: int) -> None:
    """Repeat the last figures of a rehearsed training, lest code that draws them per epoch fails."""
    history.epoch = list(epochs)
    for name, figures in history.history.items():
        wanted = checks if name.startswith("val_") else len(epochs)
        if figures:
            figures[:] = (figures + figures[-1:] * wanted)[:wanted]


# --- predict -------------------------------------------------------------------------------------------------------


def few_rows(x: Thing) -> Thing:
    """The first rows of a large array or tensor, None for anything else."""
    shape = getattr(x, "shape", None)
    if shape is None or not len(shape) or not hasattr(x, "__getitem__") or int(shape[0]) <= 2 * REHEARSED_ROWS:
        return None
    return x[:REHEARSED_ROWS]


def repeated(outputs: Thing, rows: int) -> Thing:
    """Predictions of the first rows, as if they were for all."""
    import numpy as np

    if isinstance(outputs, dict):
        return {name: repeated(output, rows) for name, output in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(repeated(output, rows) for output in outputs)
    return np.resize(outputs, (rows, *outputs.shape[1:]))
