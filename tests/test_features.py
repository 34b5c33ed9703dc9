"""Images behind answers that a training is given, however these were ordered, scaled or mixed with others."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.guest.recording.features import BYTES, LOOKED, ROWS, Behind, Features
from tests.recorded import recorded

CHANCE = np.random.default_rng(1)
IMAGES = CHANCE.random((1000, 12, 12)).astype(np.float32)
PROJECTED = CHANCE.normal(size=(144, 80)).astype(np.float32)
ANSWERS = np.maximum((IMAGES.reshape(1000, 144) - 0.5) @ PROJECTED, 0)
OTHERS = np.maximum((CHANCE.random((1000, 144)).astype(np.float32) - 0.5) @ PROJECTED, 0)
ORDER = CHANCE.permutation(1000)
Array = np.ndarray[Any, np.dtype[Any]]


def behind(rows: object, labels: object = None, **used: object) -> tuple[Array, dict[str, Any]] | None:
    features, kept = Features(), list[bytes]()
    features.answered(used.get("images", IMAGES), used.get("answers", ANSWERS))
    training = Behind(features)
    training.given(rows, labels)
    told = training.printed(lambda content: kept.append(content) or "sample")
    return (np.load(io.BytesIO(kept[0])), told[0]) if told else None


def places(images: Array) -> list[int]:
    """Which of ours they are."""
    found = [np.flatnonzero((IMAGES == image).all(axis=(1, 2))) for image in images]
    assert all(len(each) == 1 for each in found)
    return [int(each[0]) for each in found]


GIVEN: dict[str, Array] = {
    "as they are": ANSWERS,
    "some, in another order": ANSWERS[ORDER[:600]],
    "among others": np.concatenate([OTHERS, ANSWERS, ANSWERS]),
    "scaled": ANSWERS[ORDER] / 7.3,
    "standardised": (ANSWERS - ANSWERS.mean(axis=0)) / ANSWERS.std(axis=0),
    "rotated": ANSWERS @ np.linalg.qr(CHANCE.normal(size=(80, 80)))[0],
    "of half the precision": ANSWERS.astype(np.float16),
}


@pytest.mark.parametrize("way", GIVEN)
def test_the_images_are_found(way: str) -> None:
    found = behind(GIVEN[way], np.arange(len(GIVEN[way])) % 10)
    assert found is not None
    images, told = found
    assert told["kind"] == "answers" and len(set(places(images))) > 20 and len(told["labels"]) == len(images)


def test_each_with_its_label() -> None:
    found = behind(ANSWERS[ORDER], ORDER % 10)
    assert found is not None
    assert found[1]["labels"] == [place % 10 for place in places(found[0])]


@pytest.mark.parametrize("rows", [OTHERS, OTHERS[:300], IMAGES, ANSWERS[:, :1], CHANCE.random((1000, 80)), None])
def test_what_is_no_answer(rows: object) -> None:
    assert behind(rows) is None


def test_sure_class_scores_and_few_figures_tell_nothing() -> None:
    sure = np.eye(10, dtype=np.float32)[np.arange(1000) % 10]
    assert behind(np.concatenate([sure, sure]), answers=sure) is None
    assert behind(ANSWERS, images=CHANCE.random((1000, 8)).astype(np.float32)) is None, "they are no images"


def test_answers_of_several_images_are_nobodys() -> None:
    features = Features()
    for images in (IMAGES, IMAGES[::-1]):
        features.answered(images[:ROWS], ANSWERS[:ROWS])
    training = Behind(features)
    training.given(ANSWERS[:400], None)
    assert training.found == []


def test_answers_to_answers() -> None:
    features, deeper = Features(), np.maximum(ANSWERS @ PROJECTED.T, 0)
    features.answered(IMAGES[:400], ANSWERS[:400])
    features.answered(ANSWERS[:400], deeper[:400])
    training = Behind(features)
    training.given(deeper[:300], None)
    assert len(training.found) > 50 and {image.shape for image, _ in training.found} == {(12, 12)}


def test_batches_that_pass_and_images_that_are_forgotten() -> None:
    features = Features()
    features.answered(IMAGES, ANSWERS)
    training = Behind(features)
    for at in range(0, 1000, 50):
        training.see(ANSWERS[at : at + 50])
    assert len(training.found) > 50
    large = np.zeros((ROWS, BYTES // ROWS // 16), np.float32)
    for number in range(12):
        features.answered(large + number, ANSWERS[:ROWS] + number + CHANCE.random((ROWS, 80)))
    assert sum(one.nbytes for one in features._images.values() if one is not None) <= BYTES


def test_no_more_of_a_large_array_is_looked_up() -> None:
    asked, features = list[int](), Features()
    features.answered(IMAGES, ANSWERS)
    image: Callable[[bytes], Any] = features.image
    features.image = lambda key: asked.append(1) or image(key)  # type: ignore[method-assign]
    Behind(features).given(np.repeat(ANSWERS, 20, axis=0), None)
    assert len(asked) == LOOKED


SET_UP = """import numpy as np, keras, tensorflow as tf
x, y = np.random.default_rng(0).random((400, 64)).astype("float32"), np.arange(400) % 10
body = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, activation="relu")])
slices = tf.data.Dataset.from_tensor_slices
def head():
    model = keras.Sequential([keras.Input((32,)), keras.layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model
"""
FITS = {
    "head().fit(body.predict(x, verbose=0), y, epochs=1, verbose=0)": True,
    "head().fit(body(x), y, epochs=1, verbose=0)": True,
    "head().fit(body.predict(slices(x).batch(50), verbose=0), y, epochs=1, verbose=0)": True,
    "head().fit(slices((body.predict(x, verbose=0), y)).shuffle(400).batch(50), epochs=1, verbose=0)": True,
    "f, one = np.concatenate([body.predict_on_batch(x[at:at + 50]) for at in range(0, 400, 50)]), head()\n"
    "for at in range(0, 400, 40): one.train_on_batch(f[at:at + 40], y[at:at + 40])": True,
    "head().fit(((f[at:at + 50], y[at:at + 50]) for at in range(0, 400, 50)), verbose=0)": True,
    "head().fit(np.random.default_rng(1).random((400, 32)), y, epochs=1, verbose=0)": False,
}


@pytest.mark.kernel
def test_in_a_notebook(tmp_path: Path) -> None:
    cells = [SET_UP, *FITS]
    kernel = recorded(tmp_path, *cells)
    ledger = kernel.ledger
    found = [any(root.kind == "answers" for root in training.roots) for training in ledger.trainings]
    assert dict(zip(FITS, found, strict=True)) == FITS
