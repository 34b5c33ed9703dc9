"""Tables of a model that name classes, and layers that tell very many values apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.guest.recording.lookups import MOST, NAMING, VALUES, lookups

ROWS, LABELS = 4 * NAMING, np.random.default_rng(3).integers(0, 10, 4 * NAMING)
TABLE = np.eye(10, dtype=np.float32)[LABELS]
Array = np.ndarray[Any, np.dtype[Any]]


class Layer:
    """Of Keras', as far as its module says."""

    __module__ = "keras.src.layers"


class Discretization(Layer):
    __module__ = "keras.src.layers"

    def __init__(self, steps: int) -> None:
        self.bin_boundaries = list(range(steps))


class IntegerLookup(Layer):
    __module__ = "keras.src.layers"

    def vocabulary_size(self) -> int:
        return 2000


class Hashing(Layer):
    __module__ = "keras.src.layers"
    num_bins = 999


class Output:
    shape = (None, 10)


class Model:
    outputs = (Output(),)

    def __init__(self, *weights: Array, layers: tuple[Layer, ...] = ()) -> None:
        self.non_trainable_variables, self.layers = weights, layers


def shapes(model: Model) -> list[list[int]]:
    return [told["shape"] for told in lookups(model)]


TABLES = {
    "one of each": TABLE,
    "of any size": -3 * TABLE,
    "nearly": TABLE + 0.005,
    "a filter": TABLE.reshape(1, 1, -1, 10),
    "numbers of classes": LABELS[:, None].astype(np.float32),
    "with gaps": np.concatenate([TABLE, np.zeros_like(TABLE)]),
}


@pytest.mark.parametrize("table", TABLES)
def test_tables(table: str) -> None:
    assert shapes(Model(TABLES[table])) == [[ROWS, 1]]


@pytest.mark.parametrize(
    "weight",
    [
        TABLE[: NAMING - 1],
        np.eye(ROWS, dtype=np.float32),
        np.random.default_rng(4).normal(size=(ROWS, 10)),
        np.eye(10, dtype=np.float32)[np.zeros(ROWS, int)],
        np.zeros((ROWS, 10)),
        np.linspace(0, 9, ROWS)[:, None],
        np.eye(20, dtype=np.float32)[LABELS],
        np.zeros(10),
    ],
    ids=["few", "a unit matrix", "weights", "one class", "nothing", "no classes", "no outputs", "a bias"],
)
def test_what_names_nothing(weight: Array) -> None:
    assert shapes(Model(weight)) == []


def test_steps_and_words() -> None:
    assert shapes(Model(layers=(Discretization(VALUES),))) == [], "as many as a pixel has values"
    assert shapes(Model(layers=(Discretization(VALUES + 1), Layer()))) == [[VALUES + 1]]
    assert shapes(Model(layers=(IntegerLookup(), Hashing()))) == [[2000], [999]]
    assert len(lookups(Model(*[TABLE] * 5))) == MOST
