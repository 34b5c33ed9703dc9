"""What a notebook computes beside Keras: accuracies of its own, and classifiers of scikit-learn's.

Nothing of scikit-learn's leaves the kernel: that such a classifier was trained is noted, so that nobody takes it for
one of the networks.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from ..imports import Actions
from ..things import Thing

ROWS = 100
SCORES = 500
ESTIMATORS = 200


def actions(session: Thing) -> Actions:
    """Hooks where scikit-learn, Keras and joblib define what is watched."""
    return {
        "sklearn.metrics._classification": lambda module: _watch_accuracy(session, module),
        "sklearn.base": lambda module: _watch_estimators(session, module),
        "keras.src.metrics.reduction_metrics": lambda module: _watch_metrics(session, module),
        "joblib.parallel": lambda module: _in_this_process(session, module.Parallel),
    }


# --- accuracies ----------------------------------------------------------------------------------------------------


def _watch_accuracy(session: Thing, module: Thing) -> None:
    original = module.accuracy_score

    @functools.wraps(original)
    def accuracy_score(y_true: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        value = original(y_true, *arguments, **keywords)
        if keywords.get("normalize", True):
            recorder = session.recorder
            recorder._safely(_add_score, recorder, "accuracy_score", value, len(y_true))
        return value

    module.accuracy_score = accuracy_score


def _watch_metrics(session: Thing, module: Thing) -> None:
    """``SparseCategoricalAccuracy().result()`` in a loop of the student's own; the last answer counts."""
    latest: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
    original = module.Mean.result

    @functools.wraps(original)
    def result(self: Thing) -> Thing:
        __tracebackhide__ = True
        value = original(self)
        kind = type(self).__name__
        if kind.endswith("Accuracy") and "TopK" not in kind and not session.recorder._inside:
            session.recorder._safely(_note_result, session.recorder, latest, self, value)
        return value

    module.Mean.result = result


def _note_result(recorder: Thing, latest: Thing, metric: Thing, value: Thing) -> None:
    from .models import snake

    if not hasattr(value, "numpy"):  # a symbol, while a function is traced
        return
    rows, known = round(float(metric.count.numpy())), latest.get(metric)
    going_on = known is not None and known["execution_count"] == recorder.count() and known["rows"] <= rows
    if going_on:
        known |= {"value": float(value.numpy()), "rows": rows}
    elif (entry := _add_score(recorder, snake(type(metric).__name__), value.numpy(), rows)) is not None:
        latest[metric] = entry


def _add_score(recorder: Thing, kind: str, value: Thing, rows: int) -> dict[str, Any] | None:
    from .prints import finite

    figure = finite(value)
    if figure is None or rows < ROWS or len(recorder.scores) >= SCORES:
        return None
    entry = {"kind": kind, "value": figure, "rows": rows, **recorder.where()}
    recorder.scores.append(entry)
    return entry


# --- scikit-learn --------------------------------------------------------------------------------------------------


def _watch_estimators(session: Thing, module: Thing) -> None:
    """Each ``fit`` of scikit-learn's passes through one decorator."""
    original = module._fit_context

    @functools.wraps(original)
    def fit_context(*options: Thing, **keywords: Thing) -> Callable[..., Any]:
        decorate = original(*options, **keywords)
        return lambda fit: _noting(session, decorate(fit))

    module._fit_context = fit_context


def _noting(session: Thing, fit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fit)
    def noted(estimator: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        recorder = session.recorder
        before = len(recorder.trainings)
        recorder.fitting.append(estimator)
        try:
            result = fit(estimator, *arguments, **keywords)
        finally:
            recorder.fitting.pop()
        # Within another fit it is a part of a pipeline, or one of a search's many; with a training, it is a wrapper.
        if not recorder.fitting and before == len(recorder.trainings):
            recorder._safely(_add_estimator, recorder, estimator, arguments[0] if arguments else keywords.get("X"))
        return result

    return noted


def _add_estimator(recorder: Thing, estimator: Thing, x: Thing) -> None:
    from . import prints  # needs numpy

    found = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(found, "classes_") or not hasattr(found, "predict"):
        return
    found = getattr(found, "_final_estimator", found)  # a pipeline's last step
    shape = getattr(x, "shape", None) or (len(x) if hasattr(x, "__len__") else 0,)
    if len(recorder.estimators) >= ESTIMATORS:
        recorder.keep.unsampled += int(shape[0]) >= ROWS
        return
    entry = {"kind": type(found).__name__[:100], "rows": int(shape[0]), **recorder.where()}
    if prints.as_array(x) is not None and not recorder.cuts.rehearsal:
        entry["x"] = recorder._safely(prints.fingerprint, x, recorder.keep.sample)
    recorder.estimators.append(entry)


# --- joblib --------------------------------------------------------------------------------------------------------


def _in_this_process(session: Thing, kind: Thing) -> None:
    """A grid search over Keras models trains here, one after the other: what other processes train nobody sees."""
    original = kind.__init__

    @functools.wraps(original)
    def __init__(self: Thing, n_jobs: Thing = None, *arguments: Thing, **keywords: Thing) -> None:
        threads = keywords.get("prefer") == "threads" or keywords.get("require") == "sharedmem"
        if n_jobs not in (None, 1) and not threads and "keras" in sys.modules:
            session.adapt("absent", f"n_jobs={n_jobs}", "n_jobs=1")
            n_jobs = 1
        original(self, n_jobs, *arguments, **keywords)

    kind.__init__ = __init__
