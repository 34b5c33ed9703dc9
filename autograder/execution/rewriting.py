"""Whether what a kernel said of its trainings is still what it says: our recorder writes of each but once."""

from __future__ import annotations

from autograder.records import Ledger, Training

_SETTLED = (
    *("number", "model", "execution_count", "functions", "builder", "labels", "layers", "parameters"),
    *("optimizer", "loss", "loss_settings", "arguments", "history", "epochs_run", "seconds"),
)
"""Of a training that has ended. The weights are none: PyTorch's are those that an evaluation used later."""


def rewritten(before: Ledger | None, after: Ledger) -> set[int]:
    """Numbers of trainings that had ended by ``before``, and that are otherwise, or missing, in ``after``."""
    known = before.trainings if before is not None else ()
    now = dict(enumerate(after.trainings))
    return {one.number for place, one in enumerate(known) if one.finished and not _same(one, now.get(place))}


def _same(one: Training, other: Training | None) -> bool:
    return other is not None and all(getattr(one, name) == getattr(other, name) for name in _SETTLED)
