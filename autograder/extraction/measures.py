"""From a model's outputs to figures; labels are used here and nowhere a student's code runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder import statistics
from autograder.corruptions import SEVERITIES
from autograder.datasets import DataSet
from autograder.errors import ConfigError
from autograder.extraction.grouping import Scope
from autograder.extraction.probing import Gallery, Probed
from autograder.records import Baseline, FinalMeasures, Gain, Interval, Message, Robustness, say
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]
Classes: TypeAlias = npt.NDArray[np.integer[Any]]

LOSS_RATIO_CONFIDENCE = 0.998
"""A class of a hundred has a hundred chances of a false alarm, and a false suspicion is worse than a missed one."""

_AGAIN = "Run 'autograder reference' again."


def predicted(outputs: Floats) -> Classes:
    """Class of each row: the largest output; for a single output 1 above one half, or above 0 when it is no share."""
    if outputs.shape[1] > 1:
        classes: Classes = outputs.argmax(axis=1)
        return classes
    column = outputs[:, 0]
    cut = 0.5 if column.min() >= 0 and column.max() <= 1 else 0.0
    return (column > cut).astype(np.intp)


def probabilities(outputs: Floats) -> npt.NDArray[np.float64] | None:
    """Rows that sum to 1, as they are or by softmax of logits; None for outputs that are neither, such as sigmoids."""
    values = outputs.astype(np.float64)
    if values.shape[1] == 1:
        inside = values.min() >= 0 and values.max() <= 1
        return np.hstack([1 - values, values]) if inside else None
    if are_probabilities(outputs):
        return values
    if values.min() >= 0:
        return None
    exponents = np.exp(values - values.max(axis=1, keepdims=True))
    softmax: npt.NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return softmax


def are_probabilities(outputs: Floats) -> bool:
    if outputs.shape[1] == 1:
        return bool(outputs.min() >= 0 and outputs.max() <= 1)
    return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=1), 1, atol=1e-3))


def unfit(outputs: Floats, classes: int) -> Message | None:
    """Why no class can be read from the outputs."""
    if outputs.shape[1] == 1 and classes > 2:
        return say("The model gives one number per image, the data have {classes:int} classes.", classes=classes)
    if 1 < outputs.shape[1] < classes:
        return say(
            "The model gives {outputs:int} numbers per image, the data have {classes:int} classes.",
            outputs=outputs.shape[1],
            classes=classes,
        )
    return None


def public_accuracy(outputs: Floats, data: DataSet) -> float:
    """On the test set as served: an image that was repeated more often counts for more, as it did in the notebook."""
    right = predicted(outputs) == data.y_public
    return int(data.public_counts[right].sum()) / len(data.x_test)


def hidden_accuracy(outputs: Floats, data: DataSet) -> float:
    return statistics.accuracy(predicted(outputs), data.y_hidden)


def curves(altered: Floats, data: DataSet, shown: Gallery) -> dict[str, tuple[float, ...]]:
    """Corruption -> accuracy at each severity."""
    labels = data.y_hidden[shown.altered_rows]
    return {
        name: tuple(statistics.accuracy(predicted(outputs), labels) for outputs in kind)
        for name, kind in zip(SEVERITIES, altered, strict=True)
    }


def mean_curves(measured: Sequence[Mapping[str, tuple[float, ...]]]) -> dict[str, tuple[float, ...]]:
    """Of several seeds of one model."""
    return {name: tuple(np.mean([one[name] for one in measured], axis=0).tolist()) for name in measured[0]}


def clean_accuracy(hidden: Floats, data: DataSet, shown: Gallery) -> float:
    """On the very images that the suite alters."""
    rows = shown.altered_rows
    return statistics.accuracy(predicted(hidden[rows]), data.y_hidden[rows])


def loss_ratio(hidden: Floats, public: Floats, data: DataSet) -> statistics.Estimate | None:
    """Loss on hidden images over loss on public ones; None when the outputs are no probabilities for the classes."""
    fresh, known = probabilities(hidden), probabilities(public)
    if fresh is None or known is None or min(fresh.shape[1], known.shape[1]) < data.card.classes:
        return None
    return statistics.mean_ratio(
        statistics.cross_entropy(fresh, data.y_hidden),
        statistics.cross_entropy(known, data.y_public),
        confidence=LOSS_RATIO_CONFIDENCE,
    )


def final_measures(
    probed: Probed,
    scope: Scope,
    *,
    baseline: Baseline | None,
    seed: int,
    store: Store,
) -> FinalMeasures | None:
    """The figures of the final model; None when it gave no outputs for the hidden images."""
    probed, data = scope.of(probed), scope.data
    if probed.hidden is None or unfit(probed.hidden, data.card.classes) is not None:
        return None
    guesses, classes = predicted(probed.hidden), data.card.classes
    public = None if probed.public is None else public_accuracy(probed.public, data)
    calibrated = are_probabilities(probed.hidden) and probed.hidden.shape[1] > 1
    robust = robustness(probed, scope, baseline, store=store)
    confusion = statistics.confusion(guesses, data.y_hidden, classes)
    return FinalMeasures(
        accuracy=hidden_accuracy(probed.hidden, data),
        classes=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        per_class_error=tuple(float(share) for share in statistics.per_class_error(guesses, data.y_hidden, classes)),
        calibration_error=statistics.expected_calibration_error(probed.hidden, data.y_hidden) if calibrated else None,
        public_accuracy=public,
        gain=None if baseline is None else gain(probed.hidden, scope, baseline, seed=seed, store=store),
        robustness=robust if isinstance(robust, Robustness) else None,
        robustness_problem=None if isinstance(robust, Robustness) else robust,
        task=None if scope.grouping is None else scope.grouping.told(len(data.y_hidden)),
    )


def gain(hidden: Floats, scope: Scope, baseline: Baseline, *, seed: int, store: Store) -> Gain:
    """Against the mean error of the baseline's seeds; McNemar against the seed of median accuracy.

    Where the notebook's classes are others, the baseline's outputs are summed per class of the notebook.
    """
    labels = scope.data.y_hidden
    wrong = predicted(hidden) != labels
    if scope.grouping is None:
        errors, accuracies = store.get_array(baseline.mean_errors), baseline.accuracies
    else:
        seeds = [predicted(scope.folded(store.get_array(one))) != labels for one in baseline.predictions]
        errors = np.mean(seeds, axis=0).astype(np.float32)
        accuracies = tuple(float(1 - one.mean()) for one in seeds)
    if errors.shape != wrong.shape:
        raise ConfigError("the baseline was measured on other images", remedy=_AGAIN)
    reduction = statistics.error_reduction(wrong, errors, seed=seed)
    median = int(np.argsort(accuracies, kind="stable")[(len(accuracies) - 1) // 2])
    other = predicted(scope.folded(store.get_array(baseline.predictions[median]))) != labels
    return Gain(
        relative_error_reduction=reduction.value,
        ci95=Interval(low=reduction.low, high=reduction.high),
        p_value=statistics.mcnemar_exact(wrong, other),
        accuracy=float(1 - wrong.mean()),
        baseline_accuracy=sum(accuracies) / len(accuracies),
        images=len(wrong),
    )


def robustness(probed: Probed, scope: Scope, baseline: Baseline | None, *, store: Store) -> Robustness | Message | None:
    """Accuracy on altered images beside the baseline's, or why there is none; ``probed`` is of the scope's images."""
    if baseline is None:
        return say("The reference baseline was not measured.")
    if probed.altered is None or probed.hidden is None:
        return probed.unaltered or probed.problem
    data, shown = scope.data, scope.shown
    if not len(shown.altered_rows):
        return say("None of the altered images belongs to a class of the notebook.")
    measured, usual = curves(probed.altered, data, shown), _usual(scope, baseline, store)
    return Robustness(
        curves=measured,
        baseline_curves=usual,
        clean_accuracy=clean_accuracy(probed.hidden, data, shown),
        mean_accuracy=mean_of(measured),
        baseline_mean_accuracy=mean_of(usual),
        images=len(shown.altered_rows),
    )


def _usual(scope: Scope, baseline: Baseline, store: Store) -> Mapping[str, tuple[float, ...]]:
    """The baseline's curves; of its outputs summed per class of the notebook, where these are others."""
    if scope.grouping is None:
        return baseline.robustness
    if not baseline.altered:
        raise ConfigError("the baseline's answers to altered images are not here", remedy=_AGAIN)
    answers = (scope.folded_altered(store.get_array(one)) for one in baseline.altered)
    return mean_curves([curves(one, scope.data, scope.shown) for one in answers])


def mean_of(measured: Mapping[str, tuple[float, ...]]) -> float:
    """Over corruptions and severities."""
    return float(np.mean(list(measured.values())))
