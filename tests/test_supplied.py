"""Training images from a file that was handed in."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest

from autograder.extraction.matching import Disguises, Floats, Sighting
from autograder.extraction.origin import Brought
from autograder.extraction.recipes import Recipe
from autograder.extraction.supplied import supplied
from autograder.records import ArrayPrint

IMAGES = np.random.default_rng(4).integers(0, 256, (20, 12, 12, 1), np.uint8)
SHOWN = ArrayPrint(shape=(300, 12, 12, 1), digest="x", sample="sample-1.npy")


class Seen:
    """Of a sample: its rows, and the class of each that is an image of the data set."""

    def __init__(self, rows: Floats, labels: Sequence[int]) -> None:
        self.rows, self.labels = rows, tuple(labels)

    def sample(self, shown: ArrayPrint) -> Floats:
        return self.rows

    def of(self, shown: ArrayPrint) -> Sighting:
        return Sighting(recipe=Recipe((), 0.0, ()), rows=20, public=0, labels=self.labels)

    def disguises(self, shown: ArrayPrint) -> Disguises:
        return Disguises(rows=20)


def file(images: object) -> list[Brought]:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.asarray(images))
    return [Brought(name="notes.txt", content=b"nothing"), Brought(name="set.npz", content=buffer.getvalue())]


def told(rows: Floats, labels: Sequence[int], things: list[Brought]) -> tuple[object, ...] | None:
    found = supplied([SHOWN], Seen(rows, labels), things)  # type: ignore[arg-type]
    return None if found is None else tuple(found.values[name] for name in ("found", "looked", "name"))


@pytest.mark.parametrize("stored", [IMAGES, IMAGES / np.float32(255)], ids=["pixels", "shares"])
@pytest.mark.parametrize("scale", [1, 255])
def test_images_of_a_file_that_are_none_of_the_data_sets(stored: Floats, scale: int) -> None:
    rows = IMAGES.astype(np.float32) / np.float32(scale)
    assert told(rows, [-1] * 20, file(stored)) == (16, 16, "set.npz")
    assert told(rows, [-1] * 6 + [3] * 14, file(stored)) == (6, 6, "set.npz")


def test_the_data_sets_own_images_and_other_ones_are_not() -> None:
    rows = IMAGES.astype(np.float32) / 255
    assert told(rows, [3] * 20, file(IMAGES)) is None, "a copy of the data set"
    assert told(rows, [-1] * 3 + [3] * 17, file(IMAGES)) is None, "a few that are not recognised"
    assert told(rows, [-1] * 20, file(255 - IMAGES)) is None and told(rows, [-1] * 20, []) is None
    assert told(rows - 0.5, [-1] * 20, file(IMAGES)) is None, "no pixels"
    assert supplied([], Seen(rows, ()), file(IMAGES)) is None  # type: ignore[arg-type]
