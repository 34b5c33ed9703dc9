"""From the labels of a few recognised images to the classes that a notebook tells apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import load
from autograder.extraction.grouping import Grouping, another_task, grouping, mislabelled, scope
from autograder.extraction.matching import Candidate, Sighting
from autograder.extraction.probing import Probed, gallery
from autograder.extraction.recipes import Recipe
from autograder.records import ArrayPrint, Ledger
from autograder.store import Store
from tests import evidence as make

DATA = load("digits", split_seed=5, hidden_images=90)
ALL = tuple(range(10))


class Known:
    """Knows the classes of the rows of every sample."""

    def __init__(self, classes: Sequence[int]) -> None:
        self.classes = tuple(classes)

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        return Sighting(recipe=Recipe((), 0.0, ()), rows=len(self.classes), public=0, labels=self.classes)


def found(classes: Sequence[int], labels: Sequence[float], distinct: int) -> Grouping | None:
    training = make.training(1, y_sample=tuple(labels), y_classes=distinct)
    one = Candidate(id="c", model="m1", training=training, artifact=None, weights="")
    return grouping(one, Ledger(trainings=(training,)), [one], {}, Known(classes), 10)  # type: ignore[arg-type]


class Strangers(Known):
    """Knows none of them."""

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        return None


SHOWN = ArrayPrint(shape=(3200, 28, 28), digest="x", sample="sample-1.npy")
CLASSES = tuple(int(number) for number in np.random.default_rng(1).integers(0, 10, 32))


def noisy(share: float, seed: int) -> tuple[int, ...]:
    """The classes, so many of them drawn anew."""
    drawn = np.random.default_rng(seed)
    return tuple(int(drawn.integers(0, 10)) if drawn.random() < share else number for number in CLASSES)


def wrong(labels: Sequence[float], classes: Sequence[int] = CLASSES, distinct: int = 0, ends: int = 10) -> bool:
    known = {"y_sample": tuple(labels), "y_classes": distinct or len(set(labels)), "outputs": ((None, ends),)}
    made = make.training(1, x=SHOWN, **known)
    return mislabelled(made, Known(classes), 10)  # type: ignore[arg-type]


def test_labels_that_have_nothing_to_do_with_the_images() -> None:
    assert sum(wrong(noisy(1.0, seed)) for seed in range(50)) >= 43
    assert sum(wrong(noisy(0.5, seed)) for seed in range(50)) == 0
    assert sum(wrong(noisy(0.7, seed)) for seed in range(50)) <= 5
    many = np.random.default_rng(2).integers(0, 10, 256).tolist()
    coin = np.random.default_rng(3).integers(0, 2, 256).tolist()
    assert wrong(coin, many)
    assert not wrong(
        [number % 2 if at % 5 else side for at, (number, side) in enumerate(zip(many, coin, strict=True))], many
    )


def test_labels_of_another_kind_are_not_wrong() -> None:
    assert not wrong(CLASSES)
    assert not wrong([(number * 3 + 4) % 10 for number in CLASSES]), "other names"
    assert not wrong([int(number == 0) for number in CLASSES]), "is it a nought?"
    assert not wrong(range(32), distinct=3200), "which image it is"
    assert not wrong([0] * 32), "one class"
    assert not wrong(noisy(1.0, 0), ends=1) and wrong(noisy(1.0, 0)), "whether two images are of one class"
    assert not wrong([0.5] * 32, distinct=3), "no classes"
    assert not wrong(noisy(1.0, 0)[:12], CLASSES[:12]), "too few"
    assert not wrong(noisy(1.0, 0), (-1,) * 32), "other images"
    strange = make.training(1, y_sample=noisy(1.0, 0), y_classes=10, x=SHOWN, outputs=((None, 10),))
    assert not mislabelled(strange, Strangers(CLASSES), 10)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "labels", "another"),
    [
        (Known(ALL * 2), ALL * 2, False),
        (Known(ALL * 2), [number % 2 for number in ALL] * 2, False),
        (Known(ALL * 2), [*ALL, *ALL[::-1]], True),
        (Strangers(ALL), ALL, True),
        (Known(ALL), (), False),
        (Strangers(ALL), (), False),
        (Known((-1,) * 10), ALL, False),
    ],
    ids=["classes", "groups", "drawn anew", "other images", "no labels", "nothing known", "not found"],
)
def test_what_is_another_task(known: Any, labels: Sequence[int], another: bool) -> None:  # noqa: ANN401
    made = make.training(1, y_sample=tuple(labels), x=ArrayPrint(shape=(20, 28, 28), digest="x", sample="sample-1.npy"))
    assert another_task(made, known) is another
    assert not another_task(make.training(1, y_sample=tuple(labels)), known), "no sample"


@pytest.mark.parametrize(
    ("classes", "labels", "distinct"),
    [
        (ALL, ALL, 10),
        (ALL, ALL, 9),
        (ALL[:5], ALL[:5], 10),
        (ALL[:5], ALL[:5], 0),
        (ALL, (), 0),
        (ALL, ALL[:5], 10),
        ((1, 1, 2, 2) * 5, (0, 1, 1, 0) * 5, 2),
        (ALL, [0.5] * 10, 0),
        (ALL, [-1 if number % 2 else 1 for number in ALL], 2),
        ((-1,) * 10, ALL, 10),
    ],
    ids=[
        "all",
        "all, of which no batch has all",
        "some of all",
        "unknown",
        "none",
        "misfit",
        "noise",
        "figures",
        "minus one",
        "not found",
    ],
)
def test_nothing_else_than_the_data_sets_own_classes(classes: Any, labels: Any, distinct: int) -> None:  # noqa: ANN401
    assert found(classes, labels, distinct) is None


@pytest.mark.parametrize(
    ("classes", "labels", "distinct", "wanted"),
    [
        (ALL, [number % 2 for number in ALL], 2, {number: number % 2 for number in ALL}),
        ((3, 8, 3, 8), (0, 1, 0, 1), 2, {3: 0, 8: 1}),
        ((3, 8, 3, 8), (3, 8, 3, 8), 2, {3: 3, 8: 8}),
        (ALL, [9 - number for number in ALL], 10, {number: 9 - number for number in ALL}),
        ((3, -1, 8), (0, 1, 1), 2, {3: 0, 8: 1}),
    ],
    ids=["groups", "two classes", "two classes as they were", "other order", "one row not found"],
)
def test_subsets_and_groups(classes: Any, labels: Any, distinct: int, wanted: dict[int, int]) -> None:  # noqa: ANN401
    assert found(classes, labels, distinct) == Grouping(wanted)


def test_the_images_of_a_subset(tmp_path: Path) -> None:
    shown = gallery(DATA, robustness_images=20, seed=1, store=Store(tmp_path))
    within = scope(Grouping({3: 0, 8: 1}), DATA, shown)
    data = within.data
    assert set(data.y_hidden) == set(data.y_public) == {0, 1}
    assert len(data.x_hidden) == np.isin(DATA.y_hidden, (3, 8)).sum()
    assert data.public_counts.sum() == len(data.x_test) == np.isin(DATA.y_test, (3, 8)).sum()
    assert np.array_equal(data.x_test[data.public_rows], data.x_public)
    assert np.array_equal(data.x_hidden[within.shown.altered_rows], DATA.x_hidden[shown.altered_rows[within.altered]])
    everything = Probed(hidden=numbered(len(DATA.x_hidden)), public=numbered(len(DATA.x_public)))
    part = within.of(everything)
    assert part.hidden is not None and part.public is not None
    assert np.array_equal(DATA.y_hidden[part.hidden[:, 0].astype(int)] == 8, data.y_hidden == 1)
    assert np.array_equal(DATA.x_public[part.public[:, 0].astype(int)], data.x_public)


def numbered(rows: int) -> npt.NDArray[np.float32]:
    return np.arange(rows, dtype=np.float32)[:, None]


def test_the_baseline_answers_for_groups(tmp_path: Path) -> None:
    shown = gallery(DATA, robustness_images=20, seed=1, store=Store(tmp_path))
    outputs = np.zeros((len(DATA.x_hidden), 10), np.float32)
    outputs[:, 2], outputs[:, [1, 3, 5]] = 0.4, 0.2
    odd = scope(Grouping({number: number % 2 for number in ALL}), DATA, shown)
    assert odd.folded(outputs)[0] == pytest.approx([0.4, 0.6])
    subset = scope(Grouping({3: 3, 5: 5}), DATA, shown)
    folded = subset.folded(outputs)
    assert folded.shape == (np.isin(DATA.y_hidden, (3, 5)).sum(), 6)
    assert set(folded.argmax(axis=1)) == {3}
    assert scope(None, DATA, shown).folded(outputs) is outputs
