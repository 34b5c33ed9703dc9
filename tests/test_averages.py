"""Batch normalisation within a budget: its averages keep pace with the epochs, and its layers stay what they were."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.guest.recording.averages import hasten, restore


class BatchNormalization:
    def __init__(self, momentum: Any) -> None:  # noqa: ANN401
        self.momentum = momentum


class Dense:
    momentum = 0.5


class Model:
    def __init__(self, *layers: object) -> None:
        self.layers = layers

    def _flatten_layers(self) -> tuple[object, ...]:
        return (self, *self.layers)


def far(momentum: float, steps: int) -> float:
    """How near an average that begins at 0 has come to a constant 1."""
    average = 0.0
    for _ in range(steps):
        average = average * momentum + (1 - momentum)
    return average


@pytest.mark.parametrize("times", [2, 8, 64])
def test_few_steps_go_as_far_as_many(times: int) -> None:
    layer = BatchNormalization(0.99)
    hasten(Model(layer, Dense()), times)
    assert far(layer.momentum, 10) == pytest.approx(far(0.99, 10 * times))


def test_afterwards_the_layers_are_what_they_were() -> None:
    first, second, other = BatchNormalization(0.99), BatchNormalization(0.9), Dense()
    restore(hasten(Model(first, second, other), 16))
    assert (first.momentum, second.momentum, other.momentum) == (0.99, 0.9, 0.5)
    restore(None)


def test_nothing_is_touched_where_nothing_is_cut() -> None:
    layer = BatchNormalization(0.99)
    assert hasten(Model(layer), 1.0) == [] and layer.momentum == 0.99
    for momentum in (0, 1.0, None, "0.9"):
        assert hasten(Model(BatchNormalization(momentum)), 4) == []
    assert hasten(object(), 4) == []
