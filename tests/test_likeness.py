"""Which raw image a row of a sample is, whatever was done to its values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from autograder.extraction.likeness import BLOCK, Floats, look_up

RAW = np.random.default_rng(0).integers(0, 256, (BLOCK + 500, 8, 8)).astype(np.uint8)
RAW[:, :, 0] = 0
"""More than a block of images; a column is the same in all of them."""
CHOSEN = np.array([3, BLOCK - 1, BLOCK, len(RAW) - 1, 700, 701])


@pytest.mark.parametrize(
    ("done", "among"),
    [
        pytest.param(lambda some: some / 255, 0, id="scaled"),
        pytest.param(lambda some: 1 - some / 255, 0, id="inverted"),
        pytest.param(lambda some: (some - RAW.mean(axis=0)) / (RAW.std(axis=0) + 1e-3), 1, id="by pixel"),
        pytest.param(lambda some: some / np.linalg.norm(some, axis=2, keepdims=True), 1, id="by line"),
        pytest.param(lambda some: some[:, 1:7, 1:7], 0, id="middle"),
        pytest.param(lambda some: np.pad(some, ((0, 0), (2, 2), (2, 2))), 0, id="padded"),
        pytest.param(lambda some: some.repeat(2, axis=1).repeat(2, axis=2), 0, id="enlarged"),
    ],
)
def test_an_image_is_found_again(done: Callable[[Floats], npt.NDArray[np.float64]], among: int) -> None:
    sample = done(RAW[CHOSEN].astype(np.float32)).astype(np.float32)[..., np.newaxis]
    guesses = [rows for rows, _ in zip(look_up(sample, RAW), range(among + 1), strict=False)]
    assert any(np.array_equal(rows, CHOSEN) for rows in guesses)


def test_no_guess_is_made_twice() -> None:
    guesses = [tuple(rows) for rows in look_up(RAW[CHOSEN].astype(np.float32)[..., np.newaxis], RAW)]
    assert len(guesses) == len(set(guesses))


def test_an_image_of_one_value_is_like_none() -> None:
    raw = RAW.copy()
    raw[:10] = 200
    sample = RAW[CHOSEN[1:]].astype(np.float32)
    sample[0] = 7.0
    first = next(look_up(sample[..., np.newaxis], raw))
    assert first[1:].tolist() == CHOSEN[2:].tolist()
