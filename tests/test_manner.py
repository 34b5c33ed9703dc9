"""Steps of the notebook's own are told apart by their code and by the plain settings that it names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, SimpleNamespace

import pytest

from autograder.guest.recording.manner import of_frames, of_model
from autograder.records import Json

Change = Callable[[float], float]


def is_student(name: str) -> bool:
    return name == __file__


class Plain:
    factor = 1.0

    def train_step(self, data: float) -> float:
        return data


class Same:
    factor = 1.0

    def train_step(self, data: float) -> float:
        return data


class Noisy:
    def __init__(self, sigma: float = 0.1) -> None:
        self.sigma = sigma

    def train_step(self, data: float) -> float:
        return self.alter(data)

    def alter(self, data: float) -> float:
        return data + self.sigma


class Doubled(Noisy):
    def alter(self, data: float) -> float:
        return 2 * data + self.sigma


def test_steps_of_models_by_their_code_and_what_it_names() -> None:
    told = [of_model(one, is_student) for one in (Plain(), Same(), Noisy(), Noisy(), Noisy(0.2), Doubled())]
    assert told[0] == told[1] and told[2] == told[3]
    assert len(set(told)) == 4
    assert all(len(one) == 16 for one in told)


def test_a_step_that_was_laid_over_a_model() -> None:
    def laid(factor: float) -> SimpleNamespace:
        return SimpleNamespace(train_step=lambda data: factor * data)

    assert of_model(laid(1.0), is_student) == of_model(laid(1.0), is_student) != of_model(laid(2.0), is_student)


def frames() -> list[FrameType]:
    """From the caller's on to the one below the test's."""
    found, frame = [], sys._getframe(1)
    while frame is not None and not frame.f_code.co_name.startswith("test_"):
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return found[::-1]


def loop(change: Change | None = None, clip: float | None = None, model: Json = None) -> str:
    """A loop, at its first step."""
    for image in range(3):
        image = change(image) if change is not None else image
        if clip is not None:
            image = min(clip, image)
        return of_frames(frames(), is_student)
    return ""


def other_loop(model: Json = None) -> str:
    for image in range(3):
        image = image * 0.9
        return of_frames(frames(), is_student)
    return ""


def shifted(by: float) -> Change:
    return lambda image: image + by


class Compiled:
    """As TensorFlow's compiled functions are, which keep what they were made of."""

    def __init__(self, inner: Change) -> None:
        self.python_function = inner

    def __call__(self, image: float) -> float:
        return self.python_function(image)


Compiled.__module__ = "tensorflow.made.up"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (lambda: loop(), lambda: loop(), True),
        (lambda: loop(model=object()), lambda: loop(model=object()), True),
        (lambda: loop(), lambda: loop(clip=0.5), False),
        (lambda: loop(clip=0.5), lambda: loop(clip=0.5), True),
        (lambda: loop(shifted(1)), lambda: loop(shifted(1)), True),
        (lambda: loop(shifted(1)), lambda: loop(shifted(2)), False),
        (lambda: loop(Compiled(shifted(1))), lambda: loop(Compiled(shifted(2))), False),
        (lambda: loop(Compiled(shifted(1))), lambda: loop(Compiled(shifted(1))), True),
        (lambda: loop(), lambda: other_loop(), False),
    ],
)
def test_loops_by_their_code_and_what_they_were_given(
    one: Callable[[], str], other: Callable[[], str], same: bool
) -> None:
    assert (one() == other()) is same
