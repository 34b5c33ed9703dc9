"""Uses of a model in small pieces: ``model(x)``, ``predict_on_batch``, ``predict`` on one image after the other.

One piece says little and there may be tens of thousands. Together they are what the notebook used the model for: one
entry in the ledger, once they come to enough rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..things import Thing
from . import prints, targets
from .keep import Keep

ENOUGH = 100
"""Rows from which on a use is worth an entry."""
LARGE = 5000
"""Rows of a call that is a whole by itself, and no batch."""
ENTRIES = 300
"""Of this kind in all."""
IN_A_CELL = 20
"""Of one model, where each call is a whole."""
IN_A_LOOP = 50
"""Of this kind within one hand-written training."""


class InTraining(Protocol):
    """Knows which models are being trained by hand."""

    def number(self, model: Thing) -> int | None: ...


class Book(Protocol):
    """What the ledger is to a tally."""

    count: Callable[[], int | None]
    evaluations: list[dict[str, Any]]
    keep: Keep
    classes: int

    @property
    def steps(self) -> InTraining: ...

    def model_id(self, model: Thing) -> str: ...

    def add_use(self, kind: str, model: Thing, shown: dict[str, Any]) -> dict[str, Any]: ...


@dataclass
class Run:
    """Calls of one model, in one cell, on data of one form, while its weights stay as they are."""

    rows: int = 0
    calls: int = 0
    parts: list[tuple[prints.Array, Any]] = field(default_factory=list)
    kept: int = 0
    entry: dict[str, Any] | None = None


class Tally:
    """Counts until there is enough."""

    def __init__(self, recorder: Book) -> None:
        self._recorder = recorder
        self._runs: dict[tuple[Any, ...], Run] = {}
        self._entries = 0
        self._within: dict[int, int] = {}
        """Number of a training -> entries while it went on."""

    def add(self, model: Thing, x: Thing, y: Thing = None, outputs: Thing = None) -> None:
        shape = _shape(x)
        if len(shape) < 2 or not shape[0]:
            return
        number = self._recorder.model_id(model)
        key = (number, self._recorder.count(), shape[1:])
        whole = shape[0] >= LARGE or self._is_whole(model, number, shape)
        run = Run() if whole else self._runs.setdefault(key, Run())
        run.rows += shape[0]
        run.calls += 1
        if run.entry is not None:
            _grow(run)
            return
        if run.kept < targets.FEW:
            part = prints.as_array(x)
            if part is not None:
                run.parts.append((part, y))
                run.kept += len(part)
        if self._is_enough(run, model):
            self._enter(run, model, x, outputs)

    def _is_whole(self, model: Thing, number: str, shape: tuple[int, ...]) -> bool:
        """Whether a call is on as many images as a model was shown at once in an earlier cell: the test set again, or
        what was made of it. Of a model in training it may be a batch."""
        now = self._recorder.count()
        if shape[0] < ENOUGH or self._recorder.steps.number(model) is not None:
            return False
        uses = self._recorder.evaluations
        if sum(use["model"] == number and use["execution_count"] == now for use in uses) >= IN_A_CELL:
            return False
        return any(
            use["execution_count"] != now and use["x"].get("kind") == "array" and use["x"].get("shape") == [*shape]
            for use in uses
        )

    def _is_enough(self, run: Run, model: Thing) -> bool:
        if run.rows < ENOUGH or not run.parts or self._entries >= ENTRIES:
            return False
        training = self._recorder.steps.number(model)
        if training is None:
            return True
        # A loop that asks for its training accuracy calls the model once more on each batch: that is no evaluation.
        return (run.calls > 1 or run.rows >= LARGE) and self._within.get(training, 0) < IN_A_LOOP

    def _enter(self, run: Run, model: Thing, x: Thing, outputs: Thing) -> None:
        recorder = self._recorder
        self._entries += 1
        if (training := recorder.steps.number(model)) is not None:
            self._within[training] = self._within.get(training, 0) + 1
        if run.calls == 1:
            shown = targets.described(x, run.parts[0][1], recorder.keep.sample_of_use, recorder.classes)
        else:
            shown = targets.of_batches(run.parts, run.rows, recorder.keep.sample_of_use, recorder.classes)
        run.parts = []
        run.entry = recorder.add_use("predict", model, shown)
        self._drop_repetition(run.entry)
        if not run.entry["outputs"] and (shape := _shape(outputs)):
            run.entry["outputs"] = [[None, *shape[1:]]]

    def _drop_repetition(self, entry: dict[str, Any]) -> None:
        """The same weights on the same data, in the same cell, say nothing new."""
        uses = self._recorder.evaluations
        known = [(use["model"], use["execution_count"], use.get("weights"), use["x"].get("digest")) for use in uses]
        if entry["x"].get("digest") and known[-1] in known[:-1]:
            uses.pop()

    def forget(self, model: Thing) -> None:
        """Its weights change: what follows is another use."""
        if self._runs:
            number = self._recorder.model_id(model)
            self._runs = {key: run for key, run in self._runs.items() if key[0] != number}

    def end_cell(self) -> None:
        self._runs = {}


def _grow(run: Run) -> None:
    """More calls of the same kind: what looked like the whole was a batch."""
    shown = (run.entry or {})["x"]
    if shown.get("shape"):
        shown |= {"kind": "sequence", "rows": [], "digest": "", "shape": [run.rows, *shown["shape"][1:]]}


def _shape(x: Thing) -> tuple[int, ...]:
    """Without a copy of the data; empty for what has none, and for symbols."""
    if isinstance(x, dict):
        x = next(iter(x.values()), None)
    if isinstance(x, (list, tuple)):
        x = x[0] if x and hasattr(x[0], "shape") and len(x[0].shape) > 1 else np.asarray(prints.as_array(x))
    shape = tuple(getattr(x, "shape", None) or ())
    return shape if all(isinstance(size, int) for size in shape) else ()
