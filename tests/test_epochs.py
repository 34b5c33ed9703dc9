"""What is noted once ``fit`` has ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autograder.guest.recording.asides import Fit
from autograder.guest.recording.epochs import Epochs, note_optimizer


class Adam:
    def __init__(self, steps: int) -> None:
        self.iterations = steps

    def apply_gradients(self) -> None: ...

    def get_config(self) -> dict[str, float]:
        return {"learning_rate": 0.002}


@pytest.mark.parametrize(
    ("compiled", "held", "own", "told"),
    [
        (0, [9], True, {"name": "adam", "learning_rate": 0.002}),
        (0, [9, 9], True, {}),
        (0, [], True, {}),
        (9, [9], True, "as compiled"),
        (0, [9], False, "as compiled"),
    ],
    ids=["its own", "two, as of a GAN", "none", "the one it was compiled with", "Keras' step"],
)
def test_the_optimizer_that_a_step_of_ones_own_uses(compiled: int, held: list[int], own: bool, told: object) -> None:
    parts = {f"optimizer_{at}": Adam(steps) for at, steps in enumerate(held)}
    model = SimpleNamespace(optimizer=Adam(compiled), encoder=object(), **parts)
    entry: dict[str, Any] = {"optimizer": "as compiled", "epochs_run": 2}
    note_optimizer(entry, model, Epochs(Fit(entry, model), own=own))
    assert entry["optimizer"] == told
