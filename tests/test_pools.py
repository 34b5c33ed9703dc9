"""Weights of few numbers each, held together."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.guest.recording.lineage import Lineage
from autograder.guest.things import Thing


@pytest.fixture(autouse=True)
def drawn_alike_each_time() -> None:
    import keras

    keras.utils.set_random_seed(12)


def net(filters: int = 4, initializer: str = "glorot_uniform") -> Thing:
    import keras
    from keras import layers

    inputs = here = keras.Input((8, 8, 1))
    for _ in range(8):
        here = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer=initializer)(here)
        here = layers.DepthwiseConv2D(3, padding="same", depthwise_initializer=initializer)(here)
        here = layers.BatchNormalization()(here)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(here)))


def learnt(model: Thing, layers: int) -> int:
    """What a training may have made of the kernels of so many layers; their numbers."""
    random, kernels = np.random.default_rng(3), [one for one in model.trainable_variables if len(one.shape) > 1]
    for kernel in kernels[:layers]:
        kernel.assign(np.asarray(kernel) + random.normal(0, 0.2, kernel.shape))
    return sum(int(np.prod(kernel.shape)) for kernel in kernels[:layers])


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "orthogonal", "lecun_uniform"])
def test_what_was_drawn(initializer: str) -> None:
    assert [Lineage().brought(net(filters, initializer)) for filters in (2, 3, 4)] == [0] * 3


def test_what_was_learnt_elsewhere() -> None:
    model = net()
    total = learnt(model, 99)
    assert Lineage().brought(model) >= 0.6 * total
    partly = net()
    some = learnt(partly, 9)
    assert 0.4 * some <= Lineage().brought(partly) <= 1.2 * some


def test_pieces_of_what_a_training_left() -> None:
    lineage, first, second = Lineage(), net(), net(3)
    learnt(first, 99)
    lineage.end(1, "m1", first, frozenset())
    for old, new in zip(first.weights, second.weights, strict=True):
        new.assign(np.asarray(old)[tuple(slice(0, size) for size in new.shape)])
    assert lineage.strange(second) == (0, {1})


def test_a_table_of_few_numbers_in_place_of_each_initializer() -> None:
    import keras

    values = keras.initializers.Constant(np.random.default_rng(3).normal(size=(3, 3, 4, 4)).tolist())
    layers = [keras.layers.Conv2D(4, 3, padding="same", kernel_initializer=values) for _ in range(3)]
    assert Lineage().brought(keras.Sequential([keras.Input((8, 8, 4)), *layers])) == 3 * 144
