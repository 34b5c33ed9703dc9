"""Learning rates that follow a count of steps, in a training that is cut: they fall as far as in a whole one.

A cosine over all steps of a training would hardly have begun when a sixteenth of them is taken.
"""

from __future__ import annotations

from ..things import Thing

CURRENT = "_get_current_learning_rate"
"""What Keras' optimisers ask at each step; asked of the object, so that nothing that is saved changes."""


def hurry(model: Thing, times: float) -> Thing:
    """From now on each step counts as ``times`` steps, a whole number; the optimiser, where it has a schedule."""
    outer = getattr(model, "optimizer", None)
    optimizer: Thing = getattr(outer, "inner_optimizer", outer)
    schedule: Thing = getattr(optimizer, "_learning_rate", None)
    count = int(times)
    if count <= 1 or not any(base.__name__ == "LearningRateSchedule" for base in type(schedule).__mro__):
        return None

    def current() -> Thing:
        return schedule(optimizer.iterations * count)

    optimizer.__dict__[CURRENT] = current
    return optimizer


def restore(optimizer: Thing) -> None:
    """The optimiser is again what the notebook made."""
    if optimizer is not None:
        optimizer.__dict__.pop(CURRENT, None)
