"""Whether targets go by the classes of their images: labels, finer ones, and anything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from autograder.extraction.goals import PAIRS, alike, by_class, classes, follow
from autograder.extraction.matching import Disguises, Floats, Sighting
from autograder.extraction.recipes import Recipe
from autograder.records import ArrayPrint, Json, Training
from tests import evidence as make

CHANCE = np.random.default_rng(2)
CLASSES = tuple(int(number) for number in CHANCE.integers(0, 10, 32))
MEANS = CHANCE.random((10, 8, 8)).astype(np.float32)
KINDS = MEANS[list(CLASSES)]
IMAGES = KINDS + CHANCE.normal(0, 0.5, KINDS.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("targets", "by_heart"),
    [
        (KINDS, True),
        (KINDS + CHANCE.normal(0, 0.05, KINDS.shape), True),
        (CHANCE.normal(size=(10, 5))[list(CLASSES)], True),
        (IMAGES, False),
        (CHANCE.random(KINDS.shape), False),
        (np.ones(KINDS.shape), False),
        (KINDS[:20], False),
        (np.full(KINDS.shape, np.nan), False),
        (None, False),
    ],
    ids=["means", "a little noise", "codes", "the images", "chance", "one for all", "fewer", "no numbers", "none"],
)
def test_targets_of_any_form(targets: Floats | None, by_heart: bool) -> None:
    assert alike(CLASSES, targets) is by_heart


def test_too_few_are_known() -> None:
    few = (*CLASSES[: PAIRS // 2], *[-1] * (32 - PAIRS // 2))
    assert not alike(few, KINDS) and not follow((-1,) * 32, CLASSES)


@pytest.mark.parametrize(
    ("labels", "by_heart"),
    [
        (CLASSES, True),
        ([2 * number + (at % 2) for at, number in enumerate(CLASSES)], True),
        ([at % 4 for at in range(32)], False),
        (list(range(32)), False),
        ([7] * 32, True),
        ([0] * 31, False),
    ],
    ids=["classes", "two of each", "angles", "numbers of images", "one for all", "fewer"],
)
def test_labels(labels: Sequence[float], by_heart: bool) -> None:
    assert follow(CLASSES, labels) is by_heart


X, INNER = (ArrayPrint(shape=(32, 8, 8), digest=name, sample=name) for name in ("x", "inner"))


class Seen:
    """Knows ``INNER``, of which four rows are images that are kept back, and of ``X`` what it is told."""

    def __init__(self, x: Sequence[int] = ()) -> None:
        self.x = tuple(x)
        self.classes = 0

    def of(self, shown: ArrayPrint) -> Sighting | None:
        labels = (*CLASSES[:-4], *[-1] * 4) if shown.digest == "inner" else self.x if shown.digest == "x" else ()
        return Sighting(recipe=Recipe((), 0.0, ()), rows=32, public=0, labels=labels) if labels else None

    def disguises(self, shown: ArrayPrint) -> Disguises:
        kept = (*[-1] * 28, *CLASSES[-4:]) if shown.digest == "inner" else ()
        return Disguises(rows=32, kept=kept, labels=(-1,) * len(kept))

    def sample(self, shown: ArrayPrint) -> Floats | None:
        return {"means": KINDS, "images": IMAGES}.get(shown.sample)


def learns(seen: Seen, **changes: Json) -> bool:
    training: Training = make.training(1, **{"x": X, **changes})
    return by_class(training, seen)  # type: ignore[arg-type]


def test_of_a_training() -> None:
    assert classes(INNER, Seen()) == CLASSES  # type: ignore[arg-type]
    known = Seen(CLASSES)
    assert learns(known, y_sample=CLASSES) and not learns(known, y_sample=[at % 4 for at in range(32)])
    assert not learns(Seen([-1] * 32), y=ArrayPrint(sample="means")), "none of its rows is an image of ours"
    assert learns(known, y=ArrayPrint(sample="means")) and not learns(known, y=ArrayPrint(sample="images"))
    assert not learns(Seen(), y_sample=CLASSES) and not learns(Seen(), y=ArrayPrint(sample="means"))


def test_by_what_a_part_of_it_was_called_with() -> None:
    assert learns(Seen(), y_sample=tuple(range(32)), roots=(make_inner(CLASSES),))
    assert not learns(Seen(), y_sample=tuple(range(32)), roots=(make_inner(tuple(at % 4 for at in range(32))),))


def test_of_several_outputs_whose_targets_are_not_known() -> None:
    """A list of labels for each of two inputs, say: nobody knows which is which."""
    seen = Seen(CLASSES)
    seen.classes = 10
    two = {"outputs": ((None, 10), (None, 10)), "y": ArrayPrint(shape=(2, 32))}
    assert learns(seen, loss="several", **two) and not learns(seen, loss="", **two), "nothing of what it is to answer"
    assert not learns(seen, loss="mse", outputs=((None, 8, 8), (None, 2)))
    assert not learns(seen, loss="several", y=ArrayPrint(sample="images"), outputs=((None, 8, 8), (None, 10)))


def make_inner(labels: tuple[int, ...]) -> ArrayPrint:
    return ArrayPrint(kind="inner", shape=(32, 8, 8), digest="inner", sample="inner", labels=labels)
