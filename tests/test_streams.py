"""The streams of random numbers around a training."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from autograder.guest.recording import streams
from autograder.guest.things import Thing


@pytest.fixture
def tensorflow() -> Iterator[Thing]:
    import keras
    import tensorflow as tf

    yield tf
    keras.utils.set_random_seed(1)


def drawn(tensorflow: Thing) -> list[float]:
    """From each stream some."""
    here = np.random.random(2)
    return [random.random(), *map(float, here), *map(float, tensorflow.random.normal((3,)))]


def test_a_training_begins_as_if_its_seed_had_been_set(tensorflow: Thing) -> None:
    import keras

    streams.enter(4711)
    ours = drawn(tensorflow)
    keras.utils.set_random_seed(4711)
    assert drawn(tensorflow) == ours


def test_what_is_drawn_after_a_training_does_not_depend_on_what_it_drew(tensorflow: Thing) -> None:
    after = []
    for within in (0, 5):
        streams.enter(4712 + within)  # kernels that have drawn are not to be met again
        tensorflow.random.set_seed(4713)
        random.seed(1)
        np.random.seed(1)
        with streams.passed(streams.place()):
            for _ in range(within):
                drawn(tensorflow)
        after.append(drawn(tensorflow))
    assert after[0] == after[1]


@pytest.mark.parametrize("again", [True, False])
def test_functions_of_a_model_that_is_trained_again_are_kept(
    again: bool, tensorflow: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorflow.python import pywrap_tfe

    drawn(tensorflow)  # there is nothing to forget before
    forgotten: list[Thing] = []
    clear = pywrap_tfe.TFE_ContextClearCaches
    monkeypatch.setattr(pywrap_tfe, "TFE_ContextClearCaches", lambda context: (forgotten.append(1), clear(context)))
    tensorflow.random.set_seed(4714)
    assert forgotten, "the name by which TensorFlow does so"
    forgotten.clear()
    with streams.passed(streams.place(), again=again):
        drawn(tensorflow)
    assert bool(forgotten) is not again
