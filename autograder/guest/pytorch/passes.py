"""What is known of one pass over data and of one training, both made of calls of a PyTorch model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..recording import prints
from ..things import Thing
from . import batches
from .batches import Feed

WHOLE = 1000
"""A batch of at least so many rows that comes without a loader is taken for all of the data."""
EPOCHS = 2000
DIGITS = 16


@dataclass(eq=False)
class Pass:
    """Calls of one model on one iteration of a loader, or on data that come without one."""

    model: Thing
    feed: Feed | None
    count: int | None
    learning: bool
    """Derivatives can be taken: tells apart what comes without a loader, and nothing else, since people forget."""
    caller: dict[str, Any]
    began: float
    rows: int = 0
    batch: int = 0
    """Rows of the largest call."""
    dtype: Thing = None
    sample: list[Any] = field(default_factory=list)
    sampled: int = 0
    sampled_labels: list[int] = field(default_factory=list)
    labels: set[int] = field(default_factory=set)
    gives: list[int] | None = None
    """Shape of what is given for each row."""
    takes: int = 0
    """Numbers in each row."""
    part_of: str = ""
    """Id of a trained model that this one is a part of."""
    right: int = 0
    judged: int = 0
    loss: float = 0.0
    losses: int = 0
    trained: bool = False
    entry: dict[str, Any] = field(default_factory=dict)
    """Of the ledger, once it was an evaluation."""

    def take(self, x: Thing) -> None:
        """Rows of one call, some of which are kept."""
        self.rows += len(x)
        self.takes = math.prod(x.shape[1:])
        self.batch = max(self.batch, len(x))
        self.dtype = x.dtype
        few = prints.SAMPLE_BYTES // max(1, 4 * math.prod(x.shape[1:]))
        lacking = max(1, min(prints.SAMPLE_ROWS, few)) - self.sampled
        if lacking > 0:
            some = x[:lacking].detach().cpu().float().numpy().copy()
            self.sample.append(some)
            self.sampled += len(some)

    def judge(self, output: Thing, labels: Thing) -> None:
        """Count the outputs whose largest is at the label, as notebooks do by hand."""
        self.gives = [int(length) for length in output.shape[1:]] if output.ndim else None
        if labels is None or output.ndim != 2 or len(labels) != len(output):
            return
        wanted = (labels.argmax(dim=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)).cpu()
        if len(wanted) != len(output):
            return
        if wanted.is_floating_point():  # as a loss for one probability wants them
            if not bool((wanted == wanted.round()).all()):
                return
            wanted = wanted.long()
        self.labels.update(wanted.unique().tolist())
        self.sampled_labels += wanted[: max(0, self.sampled - len(self.sampled_labels))].tolist()
        if self.width is not None and self.width > 1:
            self.right += int((output.detach().argmax(dim=1).cpu() == wanted).sum())
            self.judged += len(output)

    def told(self) -> dict[str, Any]:
        """Of the labels and the outputs, as an entry of the ledger has them."""
        whole = len(self.sampled_labels) == self.sampled > 0
        return {
            "outputs": [] if self.gives is None else [[None, *self.gives]],
            "y_sample": self.sampled_labels if whole else [],
            "y_classes": len(self.labels),
        }

    def forget(self) -> None:
        """A training of a thousand epochs keeps the images of one."""
        self.sample.clear()
        self.sampled = prints.SAMPLE_ROWS

    @property
    def width(self) -> int | None:
        """Outputs for each row, where these are one row of numbers."""
        return self.gives[0] if self.gives is not None and len(self.gives) == 1 else None

    @property
    def accuracy(self) -> float | None:
        """None where the outputs are no scores for the labels: codes, or the images once more."""
        if not self.judged or self.judged != self.rows or self.width is None or self.width < len(self.labels):
            return None
        surplus = self.width > max(self.labels) + 1
        return None if surplus and (self.part_of or self.width == self.takes) else self.right / self.judged


@dataclass(eq=False)
class Training:
    """A stretch of steps of one optimiser on one model within one run of a cell."""

    entry: dict[str, Any]
    model: Thing
    optimizer: Thing
    epochs: list[Pass] = field(default_factory=list)
    steps: int = 0
    rows: int = 0
    last: float = 0.0
    pending: list[Pass] = field(default_factory=list)
    """Evaluations since the last step: on the weights that are left, unless more steps follow."""
    validations: list[Pass] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    """Weights that were evaluated on the way -> after which epoch; the notebook may put the best of them back."""
    schedules: list[str] = field(default_factory=list)

    @property
    def mid_epoch(self) -> bool:
        feed = self.epochs[-1].feed if self.epochs else None
        return feed is not None and not feed.ended

    def release(self) -> None:
        """Let go of what needs memory: models are held elsewhere, and not all of them."""
        self.model = self.optimizer = None
        self.epochs, self.pending, self.validations = [], [], []

    @property
    def looked(self) -> list[Pass]:
        """Every evaluation within it, in order."""
        return [*self.validations, *self.pending]

    def validation(self) -> Pass | None:
        """The first data other than its own on which it was looked at."""
        own = {id(one.feed.loader.dataset) for one in self.epochs if one.feed is not None}
        return next((one for one in self.looked if one.feed is None or id(one.feed.loader.dataset) not in own), None)

    def epochs_run(self, train_rows: int) -> int:
        """Iterations of the loader; without one, as often as the rows of the training set were seen."""
        if self.epochs[0].feed is not None:
            return len(self.epochs)
        largest = max(one.batch for one in self.epochs)
        return max(1, round(self.rows / (largest if largest >= WHOLE else train_rows)))

    def arguments(self, train_rows: int) -> dict[str, Any]:
        """As Keras' ``fit`` would have been given them."""
        first = self.epochs[0]
        told: dict[str, Any] = {"loop": True, "epochs": self.epochs_run(train_rows), "steps": self.steps}
        told["batch_size"] = (batches.size(first.feed.loader) if first.feed else None) or first.batch
        if first.feed is not None and (found := batches.augmentations(first.feed.loader)):
            told["augmentations"] = found
        if self.schedules:
            told["callbacks"] = list(self.schedules)
        if self.looked:
            told["validation"] = "data"
        return told

    def history(self) -> dict[str, list[float | None]]:
        """Per epoch; validation where every epoch had one on the same data."""
        found: dict[str, list[float | None]] = {
            "loss": [prints.finite(one.loss / one.losses) if one.losses else None for one in self.epochs],
            "accuracy": [one.accuracy for one in self.epochs],
        }
        first = self.validation()
        if first is not None and first.feed is not None:
            data = first.feed.loader.dataset
            same = [one.accuracy for one in self.looked if one.feed is not None and one.feed.loader.dataset is data]
            if len(same) >= len(self.epochs):
                found["val_accuracy"] = same[-len(self.epochs) :]
        return {name: figures[:EPOCHS] for name, figures in found.items() if any(one is not None for one in figures)}

    def epoch_weights(self) -> list[str]:
        """Digits of the weights after each epoch; empty where they were not looked at."""
        found: dict[int, str] = {}
        for digest, epoch in self.passed.items():
            found.setdefault(epoch, digest[:DIGITS])
        return [found.get(epoch, "") for epoch in range(1, len(self.epochs) + 1)] if found else []

    def plan(self, first: Feed) -> dict[str, float]:
        """What it would cost had it not been rehearsed; as many epochs are known as were begun."""
        checks = [one.feed for one in self.looked if one.feed is not None]
        plan = {
            "epochs": len(self.epochs),
            "steps": math.ceil(batches.count(first.loader) / first.stride),
            "step_seconds": batches.pace([one.feed for one in self.epochs if one.feed is not None]),
            "validations": len(checks),
            "validation_steps": batches.count(checks[0].loader) if checks else 0,
            "validation_rows": batches.rows(checks[0].loader) if checks else 0,
            "validation_step_seconds": batches.pace(checks),
            "public": 1.0,  # what evaluates is never cut
        }
        return {name: float(value) for name, value in plan.items()}
