"""Images of the test set that were altered beyond recognition before a model was given them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter, rotate

from autograder.datasets import load
from autograder.extraction.disguised import recognised
from autograder.extraction.leaks import SHARE
from autograder.extraction.matching import Resemblances, Sightings
from autograder.extraction.resembling import resembling
from autograder.records import ArrayPrint
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]

DIGITS = load("digits", split_seed=20, hidden_images=200)
PUBLIC, HIDDEN = DIGITS.x_public[::18] / np.float32(255), DIGITS.x_hidden[::11] / np.float32(255)
TRAIN = DIGITS.x_train[DIGITS.train_rows[1::24]] / np.float32(255)
OTHERS = DIGITS.x_train[DIGITS.train_rows[::-7]] / np.float32(255)


def noisy(images: Floats, size: float) -> Floats:
    return np.asarray(images + np.random.default_rng(0).normal(0, size, images.shape), np.float32)


ALTERED: dict[str, Callable[[Floats], Floats]] = {
    "blurred": lambda images: gaussian_filter(images, (0, 0.7, 0.7)),
    "with noise": lambda images: noisy(images, 0.1),
    "moved, with noise": lambda images: noisy(np.roll(images, 1, 2), 0.05),
    "moved by half a pixel": lambda images: (images + np.roll(images, 1, 2)) / 2,
    "coarser": lambda images: np.round(images * 4) / 4,
    "turned by a small angle": lambda images: rotate(images, 3, (1, 2), reshape=False, order=1),
    "mixed with another": lambda images: 0.75 * images + 0.25 * OTHERS[: len(images)],
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_copy_is_most_like_its_source(name: str) -> None:
    for images, at in ((PUBLIC, 0), (HIDDEN, 1)):
        marks = resembling(ALTERED[name](images), DIGITS)
        assert marks[at].mean() > 0.3 and not np.any(marks[1 - at]), (name, at)


@pytest.mark.parametrize("name", [*ALTERED, "bent a lot"])
def test_training_images_are_like_themselves(name: str) -> None:
    bent = ALTERED | {"bent a lot": lambda images: rotate(np.roll(images, 3, 1), 20, (1, 2), reshape=False, order=1)}
    for marks in resembling(np.asarray(bent[name](TRAIN), np.float32), DIGITS):
        assert marks.mean() < SHARE / 2


def test_what_cannot_be_compared_is_like_nothing() -> None:
    small, strange = PUBLIC[:, :20, :20], np.full_like(PUBLIC, np.nan)
    for sample in (small, strange, np.zeros_like(PUBLIC), PUBLIC[:0]):
        assert not np.any(resembling(sample, DIGITS))


def test_what_is_in_several_sets_is_like_none() -> None:
    shared = replace(DIGITS, x_public=DIGITS.x_public.copy())
    shared.x_public[:12] = DIGITS.x_train[DIGITS.train_rows[:12]]
    for sample in (shared.x_public[:12] / np.float32(255), noisy(shared.x_public[:12] / np.float32(255), 0.05)):
        assert not np.any(resembling(sample, shared))


def test_only_rows_that_nothing_was_found_for_are_compared(tmp_path: Path) -> None:
    public = DIGITS.x_public[:16] / np.float32(255)
    rows = np.concatenate([0.9 * np.roll(public[:6], 1, 1), TRAIN[:10], noisy(public[6:], 0.1)])
    assert (recognised(rows, DIGITS)[0] >= 0).sum() == 6
    store = Store(tmp_path)
    kept = {"sample-1.npy": store.put_array(rows.astype(np.float32))}
    shown = ArrayPrint(shape=rows.shape, sample="sample-1.npy", rows=tuple(range(len(rows))))
    seen = Sightings(DIGITS, kept, store).resemblances(shown)
    assert (seen.rows, seen.hidden) == (20, 0) and seen.public >= 7
    assert Sightings(DIGITS, {}, store).resemblances(shown) == Resemblances()


def test_rows_that_were_all_made_alike(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def told(sample: Floats, rows: npt.NDArray[np.intp]) -> Resemblances:
        kept = {"sample-1.npy": store.put_array(sample.astype(np.float32))}
        shown = ArrayPrint(shape=(6000, *sample.shape[1:]), sample="sample-1.npy", rows=tuple(map(int, rows)))
        return Sightings(DIGITS, kept, store).resemblances(shown)

    rows = np.linspace(0, 5999, 32).astype(np.intp)
    test, train = (images[rows].reshape(32, -1) / np.float32(255) for images in (DIGITS.x_test, DIGITS.x_train))
    order = np.random.default_rng(0).permutation(784)
    axes = np.linalg.svd(DIGITS.x_train[::120].reshape(500, -1) / 255.0, full_matrices=False)[2][:60]
    for images, public in ((test, 32), (train, 0)):
        assert told(images[:, order], rows).public == public
        assert told(images @ axes.T, rows).public == public
        assert told(images[::-1, order], rows).public == 0, "in another order"
    assert told(test[:, order], rows - 1) == told(test[:, order], rows + 5000) == Resemblances(rows=32)
    assert told(test[:, order] * np.nan, rows).public == 0
