"""Altered images: how much, how often, and that each severity is worse than the one before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from autograder.corruptions import SEVERITIES, blur, corrupt, rotation, suite, translation
from autograder.datasets import load

DIGITS = load("digits", split_seed=1, hidden_images=60).x_hidden
COLOUR = np.random.default_rng(0).integers(0, 256, (20, 16, 12, 3), dtype=np.uint8)


def test_the_suite_is_complete_and_keeps_form() -> None:
    for images in (DIGITS, COLOUR):
        made = dict(suite(images, 1))
        assert list(made) == list(SEVERITIES) and len(made) == 8
        for severities in made.values():
            assert len(severities) == 5
            assert all(one.shape == images.shape and one.dtype == np.uint8 for one in severities)


@pytest.mark.parametrize("name", SEVERITIES)
def test_each_severity_is_worse(name: str) -> None:
    distances = [np.abs(corrupt(DIGITS, name, severity, 1).astype(float) - DIGITS).mean() for severity in range(1, 6)]
    assert distances[0] > 0
    assert all(later > earlier for earlier, later in pairwise(distances))


@pytest.mark.parametrize("name", ["gaussian_noise", "rotation", "occlusion", "brightness"])
def test_the_seed_decides(name: str) -> None:
    assert np.array_equal(corrupt(DIGITS, name, 2, 5), corrupt(DIGITS, name, 2, 5))
    assert not np.array_equal(corrupt(DIGITS, name, 2, 5), corrupt(DIGITS, name, 2, 6))


def test_the_original_stays_as_it_was() -> None:
    before = DIGITS.copy()
    dict(suite(DIGITS, 1))
    assert np.array_equal(DIGITS, before)


def test_the_course_s_noise() -> None:
    grey = np.full((200, 28, 28), 128, np.uint8)
    assert (corrupt(grey, "gaussian_noise", 2, 0).astype(float) - 128).std() == pytest.approx(25.5, rel=0.02)


def test_the_course_s_rotation_is_scipy_s() -> None:
    images = DIGITS[:5].astype(np.float32)
    angles = np.random.default_rng(9).uniform(-15, 15, 5)
    made = rotation(images[..., None], 15.0, np.random.default_rng(9))[..., 0]
    for image, angle, turned in zip(images, angles, made, strict=True):
        expected = ndimage.rotate(image, angle, reshape=False, order=1)
        assert np.abs(turned - expected).max() < 0.5


def test_a_translation_keeps_the_ink_and_moves_its_centre() -> None:
    spot = np.zeros((30, 28, 28, 1), np.float32)
    spot[:, 14, 14] = 200
    moved = translation(spot, 4 / 28, np.random.default_rng(0))[..., 0]
    assert np.allclose(moved.sum(axis=(1, 2)), 200, atol=0.1)
    centres = np.array([ndimage.center_of_mass(image) for image in moved]) - 14
    assert np.allclose(np.hypot(*centres.T), 4, atol=1e-3)


def test_blurring_is_scipy_s() -> None:
    images = DIGITS[:3].astype(np.float32)
    made = blur(images[..., None], 1 / 28, np.random.default_rng(0))[..., 0]
    expected = ndimage.gaussian_filter(images, (0, 1, 1), mode="constant", truncate=28)
    assert np.abs(made - expected).max() < 0.1


def test_outside_is_black_for_grey_and_the_edge_for_colour() -> None:
    white = np.full((4, 20, 20), 255, np.uint8)
    assert corrupt(white, "rotation", 5, 0).min() == 0
    plain = np.full((4, 20, 20, 3), 200, np.uint8)
    for name in ("rotation", "translation", "zoom", "blur"):
        assert np.ptp(corrupt(plain, name, 5, 0)) <= 1


def test_a_covered_square_lies_inside() -> None:
    white = np.full((50, 28, 28), 255, np.uint8)
    covered = (corrupt(white, "occlusion", 3, 0) == 0).sum(axis=(1, 2))
    assert set(covered) == {64}
