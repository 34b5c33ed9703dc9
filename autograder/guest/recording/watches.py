"""What is remembered of a training that goes on, so that weights which are put back are known for its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..things import Thing
from . import prints
from .several import Inputs

FREE_SECONDS, LOOKING_SHARE = 0.5, 0.01
"""What trying weights may take of one training; beyond that, so much of its time."""
FREE_NUMBERS, PER_VARIABLE = 400_000_000, 20_000
"""Numbers that may be copied and compared to remember its states, whatever the time: on a busy machine too, a state
must be known when it is put back. Reading a variable costs as much as so many of its numbers."""
LATEST = 5
"""Remembered states that weights must be better than, once some could not be remembered."""
NEAR = 0.01
"""Of their own size, by which weights may differ that are the same but for rounding: a swap of averages adds and
subtracts."""
REMEMBERED, REMEMBERED_NUMBERS = 30, 40_000_000
"""States of a training that may be put back, and numbers in all of them; two at least."""

Weights = list[prints.Array]


@dataclass
class Leap:
    """A change by which the model could suddenly do what it could not."""

    before: Weights
    after: Weights
    steps: int
    known: int
    earlier: float
    able: float


@dataclass
class Change:
    """What a row of changes did."""

    before: Weights
    after: Weights
    steps: int
    """Of the optimiser in between."""
    known: int
    """Digests of epochs by then."""


@dataclass
class Watch:
    """One training that goes on."""

    model: Any
    entry: dict[str, Any]
    shown: Callable[[], tuple[Inputs, Any] | None]
    """Some of its images and their labels, once there are any that tell something."""
    began: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    before: Weights | None = None
    """Weights right before something else than a step began to change them."""
    stepped: int = 0
    """Steps of the optimiser by then."""
    within: bool = False
    """Whether that was in the midst of a step."""
    begun: Weights | None = None
    """Weights before the first step, until images are there by which they can be tried."""
    waiting: Change | None = None
    """Until then, or until there is time to try it."""
    further: Leap | None = None
    """Of those beyond the ones that are kept as they come, what the model could do best after, or the last of such."""
    edge: Weights | None = None
    """Weights at the end of the last epoch."""
    between: bool = False
    """Whether no epoch is at work: before the first, between two, and after the last one."""
    inside: bool = False
    """Whether a step is being taken."""
    stirred: bool = False
    """Whether a step gave weights other numbers by itself, as one does that looks for flat minima."""
    moved: bool = False
    """Whether weights were given other numbers while none was taken, as callbacks do that prune, clip or average."""
    past: deque[Weights] = field(default_factory=deque)
    """What the training itself had reached whenever it was changed, or its weights were asked for."""

    numbers: int = 0
    """That were copied and compared."""
    blind: bool = False
    """Whether a state was not remembered, for there were too many: it may be put back at any time from then on."""

    @property
    def idle(self) -> bool:
        """Whether there is time to try weights."""
        return self.spent <= max(FREE_SECONDS, self._share)

    @property
    def affordable(self) -> bool:
        """Whether a state may be remembered."""
        return self.numbers <= FREE_NUMBERS or self.spent <= self._share

    @property
    def _share(self) -> float:
        return LOOKING_SHARE * (time.monotonic() - self.began)

    def copied(self) -> Weights:
        found = copy(self.model)
        self.numbers += sum(one.size + PER_VARIABLE for one in found)
        return found

    def remembers(self, weights: Weights) -> bool:
        self.numbers += sum(one.size for one in weights) * len(self.past)
        return any(near(one, weights) for one in self.past)


@contextmanager
def put(model: Thing, weights: Weights, back: Weights) -> Iterator[None]:
    """The model with other weights for a moment; the optimiser is not asked."""
    if unchanged(model, weights):
        yield
        return
    assign(model, weights)
    try:
        yield
    finally:
        assign(model, back)


def copy(model: Thing) -> Weights:
    return [np.array(variable) for variable in model.weights]


def assign(model: Thing, weights: Sequence[prints.Array]) -> None:
    for variable, value in zip(model.weights, weights, strict=True):
        variable.assign(value)


def unchanged(model: Thing, weights: Weights) -> bool:
    """As nearly always; quicker than to say by how much."""
    return all(np.array_equal(np.asarray(one), value) for one, value in zip(model.weights, weights, strict=False))


def near(one: Weights, two: Weights) -> bool:
    if len(one) != len(two):
        return False
    moved = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(one, two, strict=True))
    size = sum(float(np.square(a, dtype=np.float64).sum()) for a in one)
    return moved <= NEAR**2 * size


@contextmanager
def timed(watch: Watch) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        watch.spent += time.monotonic() - began
