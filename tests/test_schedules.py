"""Schedules of the learning rate within a budget: they keep pace with the epochs, and nothing else changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from autograder.guest.recording.schedules import hurry, restore, steady


class LearningRateSchedule:
    pass


class Halving(LearningRateSchedule):
    def __call__(self, step: int) -> float:
        return 0.5 ** (step / 100)


class Optimizer:
    def __init__(self, rate: object, iterations: int = 25) -> None:
        self._learning_rate = rate
        self.iterations = iterations

    def _get_current_learning_rate(self) -> object:
        return self._learning_rate(self.iterations) if callable(self._learning_rate) else self._learning_rate

    learning_rate = property(lambda self: self._get_current_learning_rate())


@pytest.mark.parametrize("wrapped", [False, True])
def test_few_steps_go_as_far_as_many(wrapped: bool) -> None:
    optimizer = Optimizer(Halving())
    found = hurry(SimpleNamespace(optimizer=SimpleNamespace(inner_optimizer=optimizer) if wrapped else optimizer), 8.0)
    assert optimizer.learning_rate == Halving()(200)
    restore(found)
    assert optimizer.learning_rate == Halving()(25)
    assert vars(optimizer).keys() == {"_learning_rate", "iterations"}


@pytest.mark.parametrize(("rate", "times"), [(Halving(), 1.0), (0.001, 8.0), (abs, 8.0)])
def test_nothing_is_touched_where_nothing_is_cut_or_nothing_follows_steps(rate: object, times: float) -> None:
    optimizer = Optimizer(rate)
    assert hurry(SimpleNamespace(optimizer=optimizer), times) is None
    assert vars(optimizer).keys() == {"_learning_rate", "iterations"}
    assert hurry(object(), 8.0) is None
    restore(None)


class Dropping(LearningRateSchedule):
    __module__ = "keras.schedules"
    boundaries = (50, 50_000)

    def __call__(self, step: int) -> float:
        return 1.0 if step <= 50 or step == 100 else 0.9 if step <= 50_000 else 0.1


class Slow(LearningRateSchedule):
    __module__ = "keras.schedules"

    def __call__(self, step: int) -> float:
        return 0.01 * 0.96 ** (step / 100_000)


@pytest.mark.parametrize(
    ("rate", "first", "last", "stays"),
    [
        (Dropping(), 0, 40, True),
        (Dropping(), 0, 51, False),
        (Dropping(), 0, 100, False),
        (Dropping(), 60, 99, True),
        (Dropping(), 40, 40, False),
        (Slow(), 0, 1000, True),
        (Slow(), 0, 20_000, False),
        (Halving(), 0, 1, False),
        (0.001, 0, 40, False),
    ],
)
def test_a_schedule_may_stay_at_its_rate_for_a_whole_training(rate: object, first: int, last: int, stays: bool) -> None:
    """Between the first and the last step it may leave it, too; what is no schedule of Keras' own is not asked."""
    assert bool(steady(Optimizer(rate), first, last)) is stays
