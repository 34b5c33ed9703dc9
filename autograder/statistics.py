"""The figures a grade rests on: pure functions of predictions and labels."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Classes: TypeAlias = npt.NDArray[np.integer[Any]]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Wrong: TypeAlias = npt.NDArray[np.bool_]

NORMAL_95 = 1.959963984540054
NORMAL_998 = 3.090232306167813
"""Half-width of a 99.8 % interval in standard deviations: where a class of a hundred is looked at for suspicions."""


class Estimate(NamedTuple):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def accuracy(predicted: Classes, labels: Classes) -> float:
    """Share of the images whose class was predicted, 0..1."""
    return float(np.mean(predicted == labels))


def confusion(predicted: Classes, labels: Classes, classes: int) -> npt.NDArray[np.int64]:
    """Counts (true class, predicted class); a prediction that is no class of the data is left out."""
    known = (predicted >= 0) & (predicted < classes)
    pairs = labels[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def per_class_error(predicted: Classes, labels: Classes, classes: int) -> npt.NDArray[np.float64]:
    """Share of each class's images that were taken for another; 0 for a class without images."""
    totals = np.bincount(labels, minlength=classes)
    wrong = np.bincount(labels[predicted != labels], minlength=classes)
    shares: npt.NDArray[np.float64] = wrong / np.maximum(totals, 1)
    return shares


def expected_calibration_error(probabilities: Floats, labels: Classes, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equally wide bins (Guo et al. 2017, equation 3)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)
    surplus = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))


def cross_entropy(probabilities: Floats, labels: Classes) -> npt.NDArray[np.float64]:
    """Loss of each image in nats; probabilities below 1e-7 count as 1e-7, as in Keras."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(chosen, 1e-7, 1.0))


def error_reduction(wrong: Wrong, baseline_errors: Floats, *, seed: int, resamples: int = 2000) -> Estimate:
    """Relative error reduction, 1 - error / baseline error, with a paired bootstrap interval (Efron 1979).

    ``baseline_errors`` holds, for the same images, the share of the baseline's seeds that got each one wrong.
    A baseline without error counts as half an image wrong when the model has errors, and the reduction is 0 when
    neither has. The resampling draws how often each distinct pair of outcomes occurs, which has the same
    distribution as drawing images and costs nothing.
    """
    images = len(wrong)
    pairs, counts = np.unique(np.stack([wrong.astype(np.float64), baseline_errors]), axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(images, counts / images, size=resamples)
    samples = _reduction(drawn @ pairs[0], drawn @ pairs[1])
    value = _reduction(np.atleast_1d(counts @ pairs[0]), np.atleast_1d(counts @ pairs[1]))
    low, high = np.quantile(samples, [0.025, 0.975])
    return Estimate(float(value[0]), float(low), float(high))


def _reduction(errors: Floats, baseline: Floats) -> npt.NDArray[np.float64]:
    """Of counts of errors."""
    reduced = 1.0 - errors / np.maximum(baseline, 0.5)
    return np.where((errors == 0) & (baseline == 0), 0.0, reduced)


def mcnemar_exact(first_wrong: Wrong, second_wrong: Wrong) -> float:
    """Two-sided p-value of McNemar's exact test: does one classifier err more often than the other on the same images?

    The binomial test with share 1/2 on the images that exactly one of them got wrong (Dietterich 1998).
    """
    only_first = int(np.sum(first_wrong & ~second_wrong))
    only_second = int(np.sum(second_wrong & ~first_wrong))
    discordant = only_first + only_second
    term = tail = 1
    for k in range(min(only_first, only_second)):
        term = term * (discordant - k) // (k + 1)
        tail += term
    return min(1.0, float(2 * tail / (1 << discordant)))


def wilson(successes: int, images: int, deviations: float = NORMAL_95) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927; of 95 %), which stays sensible near 0 and 1."""
    share, z2 = successes / images, deviations**2
    centre = (share + z2 / (2 * images)) / (1 + z2 / images)
    half = deviations / (1 + z2 / images) * math.sqrt(share * (1 - share) / images + z2 / (4 * images**2))
    # Rounding must not push an end past the share itself.
    return Estimate(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def difference(
    first: tuple[int, int], second: tuple[int, int], *, factor: float = 1.0, deviations: float = NORMAL_95
) -> Estimate:
    """First share minus ``factor`` times the second, of independent samples given as (successes, images).

    The interval is Newcombe's hybrid score interval (1998, method 10), made of Wilson's for each share; with a factor,
    its generalisation by Zou & Donner (2008). It holds near 0 and 1, where the textbook's normal interval does not.
    """
    one, other = wilson(*first, deviations), wilson(*second, deviations)
    value = one.value - factor * other.value
    below = math.hypot(one.value - one.low, factor * (other.high - other.value))
    above = math.hypot(one.high - one.value, factor * (other.value - other.low))
    return Estimate(value, value - below, value + above)


def mean_ratio(numerator: Floats, denominator: Floats, *, confidence: float = 0.95) -> Estimate | None:
    """Ratio of two means of independent samples; None when the lower one is not above 0, or one has a single value.

    The interval is Fieller's (1954): the ratios r for which the difference of the means, numerator - r denominator, may
    be 0. Its high end is infinite where the denominator is not told from 0.
    """
    above, below = float(numerator.mean()), float(denominator.mean())
    if below <= 0 or min(len(numerator), len(denominator)) < 2:
        return None
    deviations = NormalDist().inv_cdf((1 + confidence) / 2)
    over, under = (deviations**2 * float(one.var(ddof=1)) / len(one) for one in (numerator, denominator))
    square, product, constant = below**2 - under, above * below, above**2 - over
    root = product**2 - square * constant
    if root < 0:
        return Estimate(above / below, -math.inf, math.inf)
    sum_of_both = product + math.sqrt(root)
    low = constant / sum_of_both if sum_of_both > 0 else 0.0  # without any loss above
    return Estimate(above / below, low, sum_of_both / square if square > 0 else math.inf)
