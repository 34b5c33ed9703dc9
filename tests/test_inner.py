"""What a trained part is called with, where tables that nobody trains stand before it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from autograder.guest.recording.inner import TRIED, inner
from autograder.records import Json

keras: Any = None
layers: Any = None
IMAGES = np.random.default_rng(5).random((50, 8, 8, 1)).astype(np.float32)
NUMBERS = np.arange(0, 50, 2)[:, None]


@pytest.fixture(autouse=True)
def imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is needed: who collects all tests need not wait for it."""
    monkeypatch.setitem(globals(), "keras", pytest.importorskip("keras"))
    monkeypatch.setitem(globals(), "layers", keras.layers)


def core() -> object:
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(10)])


def by_number(trained: object, frozen: bool = True) -> object:
    number = keras.Input((1,), dtype="int32")
    table = layers.Embedding(50, 64, trainable=not frozen)
    model = keras.Model(number, trained(layers.Reshape((8, 8, 1))(table(number))))  # type: ignore[operator]
    table.set_weights([IMAGES.reshape(50, 64)])
    return model


def seen(model: object, rows: object) -> tuple[list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]], list[Json]]:
    kept = list[bytes]()
    told = inner(model, rows, [0.0] * len(NUMBERS), lambda content: kept.append(content) or "sample")  # type: ignore[arg-type]
    return [np.load(io.BytesIO(content)) for content in kept], told  # type: ignore[return-value]


def test_images_by_their_numbers() -> None:
    for model in (by_number(core()), keras.Sequential([by_number(core()), layers.Softmax()])):
        [images, *_], [told, *_] = seen(model, NUMBERS)
        assert np.allclose(images, IMAGES[NUMBERS[:, 0]])
        assert told["kind"] == "inner" and len(told["labels"]) == len(images)  # type: ignore[call-overload, index, arg-type]


def test_what_is_trained_or_smaller_than_an_image() -> None:
    assert seen(by_number(core(), frozen=False), NUMBERS) == ([], [])
    assert seen(core(), IMAGES) == ([], [])
    small = keras.Sequential([keras.Input((1,)), layers.Dense(32, trainable=False), layers.Dense(10)])
    assert seen(small, NUMBERS) == ([], [])


def test_no_more_than_a_few_places() -> None:
    rows, given = IMAGES.reshape(50, 64)[: len(NUMBERS)], keras.Input((64,))
    made = [layers.Dense(8)(layers.Dense(64, trainable=False)(given)) for _ in range(9)]
    assert len(seen(keras.Model(given, layers.Concatenate()(made)), rows)[0]) == TRIED


def test_what_a_trained_layer_made_is_not_looked_at() -> None:
    rows, trained = IMAGES.reshape(50, 64)[: len(NUMBERS)], [layers.Dense(64) for _ in range(9)]
    deep = keras.Sequential([keras.Input((64,)), layers.Dense(64, trainable=False), *trained])
    [images], _ = seen(deep, rows)
    assert np.allclose(images, np.asarray(deep.layers[0](rows)), atol=1e-5)


def test_no_name_of_the_notebooks_is_taken() -> None:
    before, model = keras.Model(*[keras.Input((3,))] * 2).name, by_number(core())
    wrapped = keras.Model(model.inputs, model.outputs).name  # type: ignore[attr-defined]
    seen(model, NUMBERS)
    after = keras.Model(model.inputs, model.outputs).name  # type: ignore[attr-defined]
    numbers = [int(name.rpartition("_")[2]) if "_" in name else 0 for name in (wrapped, after)]
    assert numbers[1] == numbers[0] + 1 and before
