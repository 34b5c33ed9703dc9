"""Learning rates that follow a count of steps, in a training that is cut: they fall as far as in a whole one.

A cosine over all steps of a training would hardly have begun when a sixteenth of them is taken.
"""

from __future__ import annotations

import numpy as np

from ..things import Thing
from .prints import finite

CURRENT = "_get_current_learning_rate"
"""What Keras' optimisers ask at each step; asked of the object, so that nothing that is saved changes."""
PLACES, STEADY = 16, 1e-3
"""At which it is asked for the rates of one training, and the relative difference of two rates that are one."""
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


def steady(optimizer: Thing, first: float, last: float) -> list[float]:
    """The lowest and the highest rate between two steps, where such a schedule does not leave its rate within these.

    ``extremes`` is beyond them. Most schedules are seen to move by their rates at the first and the last step.
    """
    schedule: Thing = getattr(optimizer, "_learning_rate", None)
    if last <= first or not _is_schedule(schedule) or not type(schedule).__module__.startswith("keras."):
        return []
    bounds = [int(bound) for bound in list(getattr(schedule, "boundaries", ()))[:100]]
    near = {step for bound in bounds if first <= bound < last for step in (bound, bound + 1)}
    between = {round(step) for step in np.linspace(first, last, PLACES)} | near
    rates: list[float] = []
    for step in (round(first), round(last), *sorted(between)):
        rate = finite(np.asarray(schedule(step)))
        if rate is None or abs(rate - (rates or [rate])[0]) > STEADY * abs(rate):
            return []
        rates.append(rate)
    return [min(rates), max(rates)]


def taken(model: Thing) -> int:
    """Steps that its optimiser has taken."""
    return counted(getattr(model, "optimizer", None))


def counted(outer: Thing) -> int:
    """Steps that an optimiser has taken."""
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
