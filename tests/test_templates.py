"""Weights that are as long as an image, of layers that a training leaves alone."""

from __future__ import annotations

import io

import numpy as np
import pytest

from autograder.guest.recording.prints import SAMPLE_ROWS
from autograder.guest.recording.templates import FEWEST, MOST, templates

IMAGES = np.random.default_rng(1).random((40, 8, 8, 1)).astype(np.float32)
FLAT = IMAGES.reshape(40, 64)


class Frozen:
    def __init__(self, *weights: object) -> None:
        self.non_trainable_variables = weights


@pytest.mark.parametrize(
    "weight", [FLAT.T, IMAGES, FLAT, np.moveaxis(IMAGES, 0, -1)], ids=["units", "images", "a table", "filters"]
)
def test_in_every_layout(weight: object) -> None:
    kept = list[bytes]()
    (told,) = templates(Frozen(np.zeros(64), weight), (999, 8, 8, 1), lambda content: kept.append(content) or "sample")
    rows = np.load(io.BytesIO(kept[0]))
    assert told["kind"] == "weights" and told["shape"] == [SAMPLE_ROWS, 8, 8, 1] == [*rows.shape[:1], 8, 8, 1]
    assert all(any(np.array_equal(row, one) for one in FLAT) for row in rows)


@pytest.mark.parametrize("weight", [np.zeros(64), FLAT[:, 1:], FLAT[: FEWEST - 1].T, np.zeros((3, 3, 1, 64))])
def test_what_is_of_another_length(weight: object) -> None:
    assert templates(Frozen(weight), (999, 8, 8, 1), lambda _: "sample") == []


def test_few_of_one_model() -> None:
    assert len(templates(Frozen(*[FLAT] * 9), (999, 64), lambda _: "sample")) == MOST
    assert templates(Frozen(FLAT), (), lambda _: "sample") == templates(Frozen(FLAT), (999, 64), lambda _: "") == []
