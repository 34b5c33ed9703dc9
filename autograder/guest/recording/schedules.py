"""Learning rates that follow a count of steps, in a training that is cut: they fall as far as in a whole one.

A cosine over all steps of a training would hardly have begun when a sixteenth of them is taken.
"""

from __future__ import annotations

import numpy as np

from ..things import Thing
from .prints import finite

CURRENT = "_get_current_learning_rate"
"""What Keras' optimisers ask at each step; asked of the object, so that nothing that is saved changes."""
PLACES = 200
"""At which it is asked for the rates of one training: a warm restart is met somewhere."""
STEPS = (*range(8), *(round(1.4**power) for power in range(6, 62)))
"""At which a schedule is asked for its rate: far beyond the end of any training."""


def extremes(optimizer: Thing) -> list[float]:
    """The lowest and the highest learning rate of a schedule of Keras' own; empty for another, which may do anything.

    A schedule that lists its values has them beyond a boundary, at whatever step that is.
    """
    schedule: Thing = getattr(optimizer, "_learning_rate", None)
    if not _is_schedule(schedule) or not type(schedule).__module__.startswith("keras."):
        return []
    bounds: Thing = getattr(schedule, "boundaries", ())
    near = {step for bound in list(bounds)[:100] for step in (int(bound), int(bound) + 1)}
    rates = [finite(np.asarray(schedule(step))) for step in sorted({*STEPS, *near})]
    known = [rate for rate in rates if rate is not None]
    return [min(known), max(known)] if len(known) == len(rates) else []


def passed(optimizer: Thing, first: float, last: float) -> list[float]:
    """The lowest and the highest rate of such a schedule between two steps, for what ``extremes`` is beyond them."""
    schedule: Thing = getattr(optimizer, "_learning_rate", None)
    if last <= first or not _is_schedule(schedule) or not type(schedule).__module__.startswith("keras."):
        return []
    bounds = [bound for bound in list(getattr(schedule, "boundaries", ()))[:100] if first <= int(bound) < last]
    near = {step for bound in bounds for step in (int(bound), int(bound) + 1)}
    steps = {round(step) for step in np.linspace(first, last, PLACES)} | near
    rates = [finite(np.asarray(schedule(step))) for step in sorted(steps)]
    known = [rate for rate in rates if rate is not None]
    return [min(known), max(known)] if len(known) == len(rates) else []


def taken(model: Thing) -> int:
    """Steps that its optimiser has taken."""
    outer = getattr(model, "optimizer", None)
    steps: Thing = getattr(getattr(outer, "inner_optimizer", outer), "iterations", 0)
    return int(np.asarray(steps))


def _is_schedule(schedule: Thing) -> bool:
    return any(base.__name__ == "LearningRateSchedule" for base in type(schedule).__mro__)


def hurry(model: Thing, times: float) -> Thing:
    """From now on each step counts as ``times`` steps, a whole number; the optimiser, where it has a schedule."""
    outer = getattr(model, "optimizer", None)
    optimizer: Thing = getattr(outer, "inner_optimizer", outer)
    schedule: Thing = getattr(optimizer, "_learning_rate", None)
    count = int(times)
    if count <= 1 or not _is_schedule(schedule):
        return None

    def current() -> Thing:
        return schedule(optimizer.iterations * count)

    optimizer.__dict__[CURRENT] = current
    return optimizer


def restore(optimizer: Thing) -> None:
    """The optimiser is again what the notebook made."""
    if optimizer is not None:
        optimizer.__dict__.pop(CURRENT, None)
