"""A function that builds a Keras model, dressed as an estimator of scikit-learn; imported when a notebook asks."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ..things import Thing

_PREDICT = frozenset({"verbose", "batch_size", "steps"})
_FIT = _PREDICT | {
    "epochs",
    "nb_epoch",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
    "class_weight",
    "steps_per_epoch",
}


class Wrapped(BaseEstimator):  # type: ignore[misc, unused-ignore]
    """Every argument beside ``build_fn`` is one of the builder's, or of ``fit`` and ``predict``."""

    def __init__(self, build_fn: Thing = None, **sk_params: Thing) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Thing) -> Thing:
        self.build_fn = params.pop("build_fn", self.build_fn)
        self.sk_params.update(params)
        return self

    def fit(self, x: Thing, y: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        build = self.build_fn if self.build_fn is not None else self.__call__  # type: ignore[operator, unused-ignore]
        names = inspect.signature(build).parameters
        self.model = build(**{name: value for name, value in self.sk_params.items() if name in names})
        self.history = self.model.fit(x, self.targets(y), **{**self._given(_FIT), **keywords})
        return self.history

    def _given(self, known: frozenset[str]) -> dict[str, Any]:
        return {name: value for name, value in self.sk_params.items() if name in known}

    def targets(self, y: Thing) -> Thing:
        return y

    def scores(self, x: Thing, keywords: dict[str, Any]) -> Thing:
        __tracebackhide__ = True
        return self.model.predict(x, **{**self._given(_PREDICT), **keywords})


class KerasClassifier(ClassifierMixin, Wrapped):  # type: ignore[misc, unused-ignore]
    def targets(self, y: Thing) -> Thing:
        """Class numbers, or one column a class where the loss asks for them."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            return y
        self.classes_ = np.unique(y)
        codes = np.searchsorted(self.classes_, y.reshape(-1))
        categorical = str(self.model.loss) == "categorical_crossentropy"
        return np.eye(len(self.classes_))[codes] if categorical else codes

    def predict_proba(self, x: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        scores = self.scores(x, keywords)
        return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores

    def predict(self, x: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        return self.classes_[self.predict_proba(x, **keywords).argmax(axis=-1)]

    def score(self, x: Thing, y: Thing, **keywords: Thing) -> float:
        __tracebackhide__ = True
        y = np.asarray(y)
        wanted = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
        return float((self.predict(x) == wanted).mean())


class KerasRegressor(RegressorMixin, Wrapped):  # type: ignore[misc, unused-ignore]
    def predict(self, x: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        return self.scores(x, keywords).squeeze()
