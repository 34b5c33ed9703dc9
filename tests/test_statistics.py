"""Figures against SciPy, against scikit-learn, and against cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from autograder import statistics


def wrong(count: int, images: int = 1000) -> np.ndarray:
    return np.arange(images) < count


def test_accuracy_and_errors_by_hand() -> None:
    predicted, labels = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])
    assert statistics.accuracy(predicted, labels) == 0.75
    assert statistics.confusion(predicted, labels, 3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert statistics.per_class_error(predicted, labels, 4).tolist() == [0, 0, 0.5, 0]


def test_a_prediction_that_is_no_class_is_an_error_and_in_no_column() -> None:
    predicted, labels = np.array([0, 7]), np.array([0, 1])
    assert statistics.accuracy(predicted, labels) == 0.5
    assert statistics.confusion(predicted, labels, 2).tolist() == [[1, 0], [0, 0]]
    assert statistics.per_class_error(predicted, labels, 2).tolist() == [0, 1]


def test_calibration_by_hand() -> None:
    """Two bins: confidence 0.9 with half right, confidence 0.6 with all right."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([0, 1, 1, 1])
    assert statistics.expected_calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def test_perfect_confidence_is_calibrated() -> None:
    assert statistics.expected_calibration_error(np.eye(10), np.arange(10)) == 0


def test_cross_entropy_by_hand() -> None:
    losses = statistics.cross_entropy(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1]))
    assert losses == pytest.approx([np.log(2), -np.log(1e-7)])


def test_the_reduction_and_its_interval() -> None:
    estimate = statistics.error_reduction(wrong(60), wrong(100).astype(float), seed=1)
    assert estimate.value == pytest.approx(0.4)
    assert 0.25 < estimate.low < 0.35 < 0.45 < estimate.high < 0.55


def test_the_interval_agrees_with_resampling_images() -> None:
    generator = np.random.default_rng(0)
    baseline = generator.choice([0, 1 / 3, 2 / 3, 1], 2000, p=[0.85, 0.05, 0.05, 0.05])
    own = generator.random(2000) < baseline * 0.7
    reference = stats.bootstrap(
        (own.astype(float), baseline),
        lambda x, y, axis: 1 - x.sum(axis) / y.sum(axis),
        paired=True,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    estimate = statistics.error_reduction(own, baseline, seed=2)
    assert estimate.low == pytest.approx(reference.low, abs=0.02)
    assert estimate.high == pytest.approx(reference.high, abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    pair = wrong(20), wrong(50).astype(float)
    assert statistics.error_reduction(*pair, seed=3) == statistics.error_reduction(*pair, seed=3)


def test_equal_models_gain_nothing() -> None:
    assert statistics.error_reduction(wrong(50), wrong(50).astype(float), seed=1) == (0, 0, 0)
    assert statistics.mcnemar_exact(wrong(50), wrong(50)) == 1


@pytest.mark.parametrize(("own", "value"), [(0, 0.0), (1, -1.0), (5, -9.0)])
def test_a_baseline_without_error(own: int, value: float) -> None:
    estimate = statistics.error_reduction(wrong(own), np.zeros(1000), seed=1)
    assert estimate.value == value
    assert np.isfinite(estimate).all()


@pytest.mark.parametrize("own", [True, False])
def test_one_image(own: bool) -> None:
    estimate = statistics.error_reduction(np.array([own]), np.array([1.0]), seed=1)
    assert estimate == (0, 0, 0) if own else estimate == (1, 1, 1)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 9), (12, 12), (40, 90), (0, 7)])
def test_mcnemar_agrees_with_the_binomial_test(first: int, second: int) -> None:
    one, other = np.zeros(500, bool), np.zeros(500, bool)
    one[:first], other[100 : 100 + second] = True, True
    expected = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert statistics.mcnemar_exact(one, other) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_thousands_of_images() -> None:
    one, other = np.zeros(9000, bool), np.zeros(9000, bool)
    one[:3900], other[4000:8000] = True, True
    expected = stats.binomtest(3900, 7900, 0.5).pvalue
    assert statistics.mcnemar_exact(one, other) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("successes", "images"), [(0, 10), (10, 10), (3, 7), (970, 1000)])
def test_wilson_agrees_with_scipy(successes: int, images: int) -> None:
    expected = stats.binomtest(successes, images).proportion_ci(method="wilson")
    estimate = statistics.wilson(successes, images)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert estimate.low <= estimate.value <= estimate.high


def test_the_ratio_of_means() -> None:
    generator = np.random.default_rng(0)
    estimate = statistics.mean_ratio(generator.exponential(2.0, 4000), generator.exponential(1.0, 4000))
    assert estimate is not None
    assert estimate.low < estimate.value < estimate.high
    assert estimate.value == pytest.approx(2, abs=0.2) and estimate.high - estimate.low < 0.4
    assert statistics.mean_ratio(np.ones(3), np.zeros(3)) is None
    assert statistics.mean_ratio(np.ones(1), np.ones(3)) is None
    assert statistics.mean_ratio(np.zeros(3), np.ones(3)) == (0, 0, 0)


def test_the_ends_of_its_interval_are_where_the_difference_of_means_may_be_nought() -> None:
    generator = np.random.default_rng(1)
    above, below = generator.exponential(3.0, 50), generator.exponential(1.0, 80)
    estimate = statistics.mean_ratio(above, below, confidence=0.9)
    assert estimate is not None
    for end in (estimate.low, estimate.high):
        spread = math.sqrt(above.var(ddof=1) / 50 + end**2 * below.var(ddof=1) / 80)
        assert abs(above.mean() - end * below.mean()) / spread == pytest.approx(1.6448536)


def test_a_lower_mean_that_may_be_nought_leaves_the_ratio_open() -> None:
    rare = np.zeros(40)
    rare[0] = 1.0
    estimate = statistics.mean_ratio(np.full(40, 2.0), rare)
    assert estimate is not None and estimate.high == math.inf and 0 < estimate.low < estimate.value
    nothing = statistics.mean_ratio(rare, rare)
    assert nothing is not None and (nothing.low, nothing.high) == (-math.inf, math.inf)


def test_how_often_the_ratio_of_skewed_losses_is_thought_too_high() -> None:
    """Losses are mostly near 0 and a few are large; one in 1,000 equal pairs may be flagged at 99.8 %."""
    generator = np.random.default_rng(2)
    flagged = 0
    for _ in range(40):
        losses = generator.exponential(1.0, (200, 1500)) * (generator.random((200, 1500)) < 0.1)
        found = [statistics.mean_ratio(one[:500], one[500:], confidence=0.998) for one in losses]
        flagged += sum(one is not None and one.low > 1 for one in found)
    assert flagged < 8000 * 0.002


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_the_difference_of_shares_is_newcombes(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Table II of Newcombe (1998), rows a, c and h, column of method 10."""
    estimate = statistics.difference(first, second)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)
    assert estimate.value == pytest.approx(first[0] / first[1] - second[0] / second[1])


def test_a_factor_weighs_the_second_share() -> None:
    plain, weighed = (statistics.difference((30, 1000), (20, 2000), factor=factor) for factor in (1.0, 3.0))
    assert (plain.value, weighed.value) == pytest.approx((0.02, 0.0))
    assert weighed.low < 0 < weighed.high and plain.low > 0
    assert weighed.high - weighed.low > plain.high - plain.low
    wide = statistics.difference((30, 1000), (20, 2000), deviations=statistics.NORMAL_998)
    assert wide.low < plain.low and wide.high > plain.high
