"""Images of the public test set that were altered a little before a model was given them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import DataSet, load
from autograder.extraction.disguised import CLEARLY, SAME, recognised
from autograder.extraction.matching import FEWER_ROWS, ROWS_LAID, Disguises, Sightings
from autograder.records import ArrayPrint
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]

DIGITS = load("digits", split_seed=20, hidden_images=200)
CHOSEN = np.arange(0, 300, 25)


def coloured(data: DataSet) -> DataSet:
    """The same with three colours that are no multiples of each other, from other images each, in 24 by 24."""

    def dyed(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        planes = [np.roll(images, number, 0)[:, 2:26, 2:26] for number in range(3)]
        return np.stack(planes, axis=3)

    return replace(
        data,
        x_train=dyed(data.x_train[data.train_rows]),
        x_public=dyed(data.x_public),
        x_hidden=dyed(data.x_hidden),
        train_rows=ROWS,
    )


ROWS = np.arange(len(DIGITS.train_rows))
COLOURS = coloured(DIGITS)


def public_rows(sample: Floats, data: DataSet) -> npt.NDArray[np.intp]:
    return recognised(sample, data)[0]


def scaled(images: npt.NDArray[np.uint8]) -> Floats:
    return (images / 255).astype(np.float32)


ALTERED: dict[str, Callable[[Floats], Floats]] = {
    "rolled": lambda images: np.roll(images, (1, -2), (1, 2)),
    "moved, and what is new is grey": lambda images: moved(images, 2, 1, 0.5),
    "mirrored": lambda images: images[:, :, ::-1],
    "upside down": lambda images: images[:, ::-1],
    "a quarter turn": lambda images: np.rot90(images, 1, (1, 2)),
    "half a turn, moved and dimmed": lambda images: 0.6 * np.roll(np.rot90(images, 2, (1, 2)), 1, 1) + 0.1,
    "from -1 to 1": lambda images: 2 * np.roll(images, 1, 2) - 1,
    "standardised": lambda images: (np.roll(images, 1, 2) - images.mean()) / images.std(),
    "in negative": lambda images: 1 - np.roll(images, 1, 2),
    "only dimmed": lambda images: 0.9 * images,
}


def moved(images: Floats, down: int, right: int, value: float) -> Floats:
    rolled = np.roll(images, (down, right), (1, 2))
    rolled[:, :down] = rolled[:, :, :right] = value
    return rolled


@pytest.mark.parametrize("name", ALTERED)
@pytest.mark.parametrize("data", [DIGITS, COLOURS], ids=["grey", "colours"])
def test_an_altered_public_image_is_known(name: str, data: DataSet) -> None:
    altered = ALTERED[name](scaled(data.x_public[CHOSEN]))
    assert public_rows(altered.astype(np.float32), data).tolist() == CHOSEN.tolist()


@pytest.mark.parametrize("name", ALTERED)
@pytest.mark.parametrize("data", [DIGITS, COLOURS], ids=["grey", "colours"])
def test_an_altered_training_image_is_none(name: str, data: DataSet) -> None:
    altered = ALTERED[name](scaled(data.x_train[data.train_rows[::20]]))
    assert set(public_rows(altered.astype(np.float32), data)) == {-1}


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (DIGITS, (28, 28, 1)),
        (DIGITS, (1, 28, 28)),
        (DIGITS, (784,)),
        (COLOURS, (24 * 24 * 3,)),
    ],
    ids=str,
)
def test_shapes(data: DataSet, shape: tuple[int, ...]) -> None:
    rolled = np.roll(scaled(data.x_public[CHOSEN]), 1, 1)
    assert public_rows(rolled.reshape(len(CHOSEN), *shape), data).tolist() == CHOSEN.tolist()


SEVERAL: dict[str, Callable[[Floats, Floats], Floats]] = {
    "behind": lambda one, two: np.stack([one, two], axis=-1),
    "channels first": lambda one, two: np.stack([one, two], axis=1),
    "beside": lambda one, two: np.concatenate([one, two], axis=2)[..., np.newaxis],
    "below": lambda one, two: np.concatenate([one, two], axis=1),
    "in a square": lambda one, two: np.concatenate([np.concatenate([one, two], 1), np.concatenate([one, one], 1)], 2),
    "in a row": lambda one, two: np.concatenate([each.reshape(len(each), -1) for each in (one, two)], axis=1),
    "as colours": lambda _, two: np.repeat(two[..., np.newaxis], 3, axis=3),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_images_in_a_row(name: str) -> None:
    others = scaled(DIGITS.x_train[DIGITS.train_rows[: len(CHOSEN)]])
    altered = np.roll(scaled(DIGITS.x_public[CHOSEN]), 1, 1)
    assert public_rows(SEVERAL[name](others, altered), DIGITS).tolist() == CHOSEN.tolist()
    assert set(public_rows(SEVERAL[name](others, others[::-1]), DIGITS)) == {-1}


def test_several_images_in_colours() -> None:
    others = scaled(COLOURS.x_train[: len(CHOSEN)])
    sample = np.concatenate([others, scaled(COLOURS.x_public[CHOSEN])], axis=3)
    assert public_rows(sample, COLOURS).tolist() == CHOSEN.tolist()


def test_colours_first() -> None:
    turned = np.moveaxis(np.roll(scaled(COLOURS.x_public[CHOSEN]), 1, 1), 3, 1)
    for sample in (turned, turned.reshape(len(CHOSEN), -1)):
        assert public_rows(np.ascontiguousarray(sample), COLOURS).tolist() == CHOSEN.tolist()


def test_each_colour_by_its_own_figures() -> None:
    rolled = np.roll(scaled(COLOURS.x_public[CHOSEN]), 1, 1)
    sample = (rolled - np.float32([0.5, 0.4, 0.3])) / np.float32([0.2, 0.3, 0.6])
    assert public_rows(sample, COLOURS).tolist() == CHOSEN.tolist()


def test_an_image_of_both_sets_is_no_public_one() -> None:
    both = DIGITS.x_public.copy()
    both[CHOSEN] = DIGITS.x_train[DIGITS.train_rows[: len(CHOSEN)]]
    rolled = np.roll(scaled(both[CHOSEN]), 1, 1)
    assert set(public_rows(rolled, replace(DIGITS, x_public=both))) == {-1}


@pytest.mark.parametrize("name", ["rolled", "in negative", "only dimmed"])
@pytest.mark.parametrize("data", [DIGITS, COLOURS], ids=["grey", "colours"])
def test_an_image_that_is_kept_back_is_known(name: str, data: DataSet) -> None:
    at = np.arange(0, 200, 20)
    for images in (scaled(data.x_hidden[at]), ALTERED[name](scaled(data.x_hidden[at])).astype(np.float32)):
        public, hidden = recognised(images, data)
        assert hidden.tolist() == at.tolist() and set(public) == {-1}


def test_an_image_of_the_hidden_set_and_another_is_none() -> None:
    for others in ("x_public", "x_train"):
        both = DIGITS.x_hidden.copy()
        both[:8] = getattr(DIGITS, others)[:8]
        public, hidden = recognised(scaled(both[:8]), replace(DIGITS, x_hidden=both))
        assert set(hidden) == {-1} == set(public)


def test_what_is_not_known_is_none() -> None:
    images = scaled(DIGITS.x_public[CHOSEN])
    large = np.where(images > 0.5, 3e38, -3e38).astype(np.float32)
    resized, many = images[:, :20, :20], images[:, :, :, np.newaxis].repeat(5, 3)
    for strange in (np.full_like(images, np.nan), np.zeros_like(images), large, resized, many):
        assert set(public_rows(strange, DIGITS)) == {-1}
    small = replace(DIGITS, x_public=DIGITS.x_public[:, ::2, ::2], x_train=DIGITS.x_train[:, ::2, ::2])
    assert set(public_rows(np.roll(images[:, ::2, ::2], 1, 1), small)) == {-1}


def looked_at(rows: Floats, folder: Path) -> Disguises:
    store = Store(folder)
    kept = {"sample-1.npy": store.put_array(rows)}
    places = tuple(range(len(rows)))
    return Sightings(DIGITS, kept, store).disguises(ArrayPrint(shape=rows.shape, sample="sample-1.npy", rows=places))


def test_rows_of_a_sample_that_are_not_recognised_are_looked_at(tmp_path: Path) -> None:
    plain = scaled(DIGITS.x_train[DIGITS.train_rows[:24]])
    disguised = 0.9 * scaled(DIGITS.x_public[CHOSEN])
    seen = looked_at(np.concatenate([disguised, plain]), tmp_path)
    labels = DIGITS.y_public[CHOSEN].tolist()
    assert (seen.labels, seen.public, seen.rows) == ((*labels, *[-1] * len(plain)), len(CHOSEN), len(CHOSEN) + 24)
    assert looked_at(plain, tmp_path) == Disguises(rows=len(plain))
    none = (-1,) * len(plain)
    assert looked_at(np.roll(plain, 1, 1), tmp_path) == Disguises(none, len(plain), kept=none)
    mixed = looked_at(np.roll(np.concatenate([disguised, plain[:8]]), (2, 1), (1, 2)), tmp_path)
    assert mixed == Disguises((*labels, *[-1] * 8), len(CHOSEN) + 8, kept=(-1,) * (len(CHOSEN) + 8))
    beside = looked_at(np.concatenate([scaled(DIGITS.x_hidden[:5]), plain]), tmp_path)
    assert (beside.hidden, beside.public, beside.rows) == (5, 0, 29)
    assert beside.kept == (*DIGITS.y_hidden[:5].tolist(), *none)
    many = looked_at(np.roll(scaled(DIGITS.x_public[:100]), (1, 1), (1, 2)), tmp_path)
    assert (many.public, many.rows, len(many.labels)) == (ROWS_LAID, ROWS_LAID, 100)
    assert Sightings(DIGITS, {}, Store(tmp_path)).disguises(ArrayPrint(sample="sample-1.npy")) == Disguises()


def test_many_other_samples_hide_none(tmp_path: Path) -> None:
    store, turned = Store(tmp_path), np.roll(scaled(DIGITS.x_train[DIGITS.train_rows[:8]]), 1, 1)
    samples = {f"sample-{at}.npy": store.put_array(turned * np.float32(1 - at / 1000)) for at in range(70)}
    samples["last.npy"] = store.put_array(np.roll(scaled(DIGITS.x_public[CHOSEN]), 1, 1))
    sightings = Sightings(DIGITS, samples, store)
    prints = [
        ArrayPrint(shape=(8, 28, 28), sample=name, rows=tuple(range(8))) for name in samples if name != "last.npy"
    ]
    assert {sightings.disguises(one).public for one in prints} == {0}
    last = sightings.disguises(ArrayPrint(shape=(12, 28, 28), sample="last.npy", rows=tuple(range(12))))
    assert (last.public, last.rows) == (FEWER_ROWS, FEWER_ROWS)


def test_no_other_image_comes_near() -> None:
    """Of the digits that are as they are in both sets; the threshold leaves as much again to the nearest."""
    both = DIGITS.x_public, DIGITS.x_train[DIGITS.train_rows]
    inner = [images[:, 2:-2, 2:-2].reshape(len(images), -1).astype(np.float64) for images in both]
    units = [one - one.mean(axis=1, keepdims=True) for one in inner]
    first, second = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in units)
    nearest = float((first @ second.T).max())
    assert 0.97 < nearest < 1 - 2 * (1 - SAME) < SAME < 1 - CLEARLY
