"""Keras' iterators over batches, cut: a few steps in a rehearsal, a share of each epoch within a budget.

Every kind of data (arrays, tensors, ``tf.data``, ``PyDataset``, generators) is drawn through these: one place to cut,
below whatever ``fit`` was given.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..imports import Actions
from ..things import Thing
from .budget import Cuts, every, steps_at

TRAINER = "keras.src.backend.tensorflow.trainer"
REHEARSED_STEPS = 8
"""In the first epoch."""
LATER_STEPS = 3
REHEARSED_SECONDS = 2.0
"""After its first step an epoch of a rehearsal ends here, if not before."""
COUNTING_SECONDS = 5.0
"""To count batches of data that do not know their length; then the size of the training set stands for it."""
USUAL_BATCH = 32


_Base: Any = object
"""Stands for Keras' ``TFEpochIterator``, which comes after these classes in the order of methods."""


def actions(session: Thing) -> Actions:
    """Nothing is touched unless the orders ask for a rehearsal or a share."""
    if not session.job.get("rehearsal") and session.job.get("share", 1.0) >= 1.0:
        return {}

    def cut(module: Thing) -> None:
        if not hasattr(module, "TFEpochIterator"):
            session.recorder.note("this Keras draws its batches in another way: no training is cut or rehearsed")
            return
        install(module, session.recorder.cuts)

    return {TRAINER: cut}


def install(module: Thing, cuts: Cuts) -> None:
    """Let the trainer's module find our iterators under the name of its own."""
    original = module.TFEpochIterator
    mixed = type("EpochIterator", (Rehearsed if cuts.rehearsal else Shared, original), {})
    kinds = ("training", "validation", "evaluation") if cuts.rehearsal else ("training", "validation")

    def iterator(*arguments: Thing, **keywords: Thing) -> Thing:
        kind = _kind(keywords, sys._getframe(1).f_code.co_name)
        return mixed(cuts, kind, *arguments, **keywords) if kind in kinds else original(*arguments, **keywords)

    module.TFEpochIterator = iterator


def _kind(keywords: Thing, caller: str) -> str:
    """What the iterator is for; empty for ``predict``, which owes an answer for every row."""
    if "class_weight" in keywords:
        return "training"
    return {"fit": "validation", "evaluate": "evaluation"}.get(caller, "")


def rows_of(iterator: Thing, full: int | None, likely: int) -> int:
    """Rows of its data as far as they can be known without using up anything; ``likely``, where it can be that many."""
    known = getattr(iterator.data_adapter, "_num_samples", None)
    if isinstance(known, int):
        return known
    batch = _batch_size(iterator.data_adapter) if full else 0
    most = (full or 0) * batch
    return likely if 0 <= most - likely < batch else most


def _batch_size(adapter: Thing) -> int:
    for place in (adapter, getattr(adapter, "py_dataset", None)):
        size = getattr(place, "batch_size", None)
        if isinstance(size, int) and size > 0:
            return size
    dataset: Any = getattr(adapter, "_dataset", None)
    first: Any = next(iter(dataset.take(1)), None) if hasattr(dataset, "take") else None
    while isinstance(first, (tuple, list)) and first:
        first = first[0]
    return int(first.shape[0]) if hasattr(first, "shape") and len(first.shape) else USUAL_BATCH


# --- a share of the steps --------------------------------------------------------------------------------------------


class Shared(_Base):  # type: ignore[misc, unused-ignore]
    """Each epoch goes on where the last one stopped; each pass over the data begins as Keras begins an epoch."""

    def __init__(self, cuts: Cuts, kind: str, *arguments: Thing, **keywords: Thing) -> None:
        self._cuts = cuts
        self._kind = kind
        self._every: int | None = None
        self._offset = 0
        self._drawn = 0
        self._current_iterator: Any = None
        super().__init__(*arguments, **keywords)
        self._unsized = super().num_batches is None
        if kind == "training":
            cuts.pace.cut, cuts.pace.iterator = True, self

    def finish(self) -> None:
        """Close the pass that the last epoch left open: a ``PyDataset`` may have threads at work."""
        if self._current_iterator is not None:
            self._current_iterator = None
            self.data_adapter.on_epoch_end()

    @property
    def num_batches(self) -> int | None:
        full = super().num_batches
        if full is None:
            return None
        return steps_at(self._cuts.share, full) if self._kind == "training" else math.ceil(full / self._stride(full))

    def _stride(self, full: int | None) -> int:
        """Validation uses each so-manieth batch."""
        if self._every is None:
            tests = self._cuts.test_rows
            # Data that do not know their length are taken to be as many as the test set.
            rows = rows_of(self, full, tests) if full else tests
            self._every = 1 if self._cuts.whole_tests and rows == tests else every(self._cuts.share, rows)
        return self._every

    def _enumerate_iterator(self) -> Iterator[Any]:
        full = super().num_batches
        if full is None:
            return self._unsized_epoch()
        return self._epoch(full) if self._kind == "training" else self._validation(full)

    def _epoch(self, full: int) -> Iterator[Any]:
        for step in range(0, steps_at(self._cuts.share, full), self.steps_per_execution):
            if self._current_iterator is None:
                self.data_adapter.on_epoch_begin()
                self._current_iterator = iter(self._get_iterator())
                self._steps_seen = 0
            self._steps_seen += self.steps_per_execution
            yield step, step + self.steps_per_execution - 1, self._current_iterator
            if self._num_batches and self._steps_seen >= self._num_batches:
                self._current_iterator = None
                self.data_adapter.on_epoch_end()

    def _validation(self, full: int) -> Iterator[Any]:
        stride = self._stride(full)
        self.data_adapter.on_epoch_begin()
        # With steps given, the first ones are taken: the data may have no end.
        iterator = iter(self._get_iterator() if self.steps_per_epoch else self._thinned(stride, 0))
        for step in range(0, math.ceil(full / stride), self.steps_per_execution):
            yield step, step + self.steps_per_execution - 1, iterator
        self.data_adapter.on_epoch_end()

    def _thinned(self, stride: int, offset: int) -> Thing:
        batches = self._get_iterator()
        # What a strategy has distributed over devices has no such method: its first batches stand for all.
        return batches.shard(stride, offset) if stride > 1 and hasattr(batches, "shard") else batches

    def _unsized_epoch(self) -> Iterator[Any]:
        """Data that do not know their length: each so-manieth batch to their end, the first one in turn."""
        stride = round(1 / self._cuts.share) if self._kind == "training" else self._stride(None)
        self.data_adapter.on_epoch_begin()
        iterator = iter(self._thinned(stride, self._offset))
        self._drawn = 0
        while True:
            yield self._drawn, self._drawn + self.steps_per_execution - 1, iterator
            self._drawn += self.steps_per_execution

    @contextmanager
    def catch_stop_iteration(self) -> Iterator[None]:
        if not self._unsized:
            with super().catch_stop_iteration():
                yield
            return
        try:
            yield
            self.tf_sync()
        except Exception as error:
            if type(error).__name__ not in ("StopIteration", "OutOfRangeError"):
                raise
            # A pass of two steps or more had at least as many batches as are skipped: then every start has one.
            if self._kind == "training" and (self._offset or self._drawn > 1):
                self._offset = (self._offset + 1) % round(1 / self._cuts.share)
            self.data_adapter.on_epoch_end()


# --- a rehearsal -----------------------------------------------------------------------------------------------------


class Rehearsed(_Base):  # type: ignore[misc, unused-ignore]
    """A few steps of an epoch, and how long each took."""

    def __init__(self, cuts: Cuts, kind: str, *arguments: Thing, **keywords: Thing) -> None:
        self._cuts = cuts
        self._kind = kind
        super().__init__(*arguments, **keywords)
        cuts.pace.cut = True

    def _enumerate_iterator(self) -> Iterator[Any]:
        full, wide = self.num_batches, self.steps_per_execution
        self.data_adapter.on_epoch_begin()
        iterator = iter(self._get_iterator())
        seconds = self._clock(full)
        few = LATER_STEPS if self._cuts.pace.epochs[1:] else REHEARSED_STEPS
        for step in range(0, min(full or few, max(few, 2 * wide)), wide):
            start = time.monotonic()
            yield step, step + wide - 1, iterator
            seconds.append((time.monotonic() - start) / wide)
            if len(seconds) > 1 and sum(seconds[1:]) > REHEARSED_SECONDS:
                break
        if self._kind == "training" and self._cuts.pace.steps is None:
            self._cuts.pace.steps = len(seconds) * wide + self._rest(iterator)
        self.data_adapter.on_epoch_end()

    def _clock(self, full: int | None) -> list[float]:
        """Where the seconds of this epoch's steps are to be noted."""
        seconds: list[float] = []
        pace = self._cuts.pace
        if self._kind == "training":
            pace.begun.append(time.monotonic())
            pace.epochs.append(seconds)
            pace.steps = pace.steps or full
        elif self._kind == "validation":
            pace.validation.append(seconds)
            if not pace.validation_steps:
                pace.validation_rows = rows_of(self, full, self._cuts.test_rows)
                pace.validation_steps = full or math.ceil(self._cuts.test_rows / USUAL_BATCH)
        return seconds

    def _rest(self, iterator: Thing) -> int:
        """Batches that are left; estimated where that takes long."""
        end, count = time.monotonic() + COUNTING_SECONDS, 0
        for _ in iterator:
            count += 1
            if time.monotonic() > end:
                return math.ceil(self._cuts.train_rows / USUAL_BATCH)
        return count
