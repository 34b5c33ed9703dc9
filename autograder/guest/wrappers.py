"""``keras.wrappers.scikit_learn``: a function that builds a model, dressed as an estimator of scikit-learn."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from .imports import Actions
from .spelling import by_notebook
from .things import Thing

NAMES = (
    "keras.wrappers.scikit_learn",
    "tensorflow.keras.wrappers",
    "tensorflow.keras.wrappers.scikit_learn",
    "keras._tf_keras.keras.wrappers.scikit_learn",
    "tensorflow.contrib.keras.wrappers.scikit_learn",
)


def stand_ins(session: Thing) -> Actions:
    return dict.fromkeys(NAMES, lambda module: _fill(session, module))


def _fill(session: Thing, module: ModuleType) -> None:
    if not by_notebook():
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)
    if not module.__name__.endswith("scikit_learn"):
        return
    session.adapt("spelling", module.__name__, "scikeras.wrappers")
    module.KerasClassifier, module.KerasRegressor = estimators()  # type: ignore[attr-defined]


def estimators() -> tuple[Any, Any]:
    """The two classes; made here, since scikit-learn is imported late."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Wrapped(BaseEstimator):  # type: ignore[misc, unused-ignore]
        """Every argument beside ``build_fn`` is one of the builder's, or of ``fit`` and ``predict``."""

        def __init__(self, build_fn: Thing = None, **sk_params: Thing) -> None:
            self.build_fn = build_fn
            self.sk_params = sk_params

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return {**self.sk_params, "build_fn": self.build_fn}

        def set_params(self, **params: Thing) -> Any:
            self.build_fn = params.pop("build_fn", self.build_fn)
            self.sk_params.update(params)
            return self

        def _build(self) -> Thing:
            build = self.build_fn if self.build_fn is not None else self.__call__  # type: ignore[operator]
            return build(**_meant_for(build, self.sk_params))

        def fit(self, x: Thing, y: Thing, **keywords: Thing) -> Any:
            self.model = self._build()
            self.history = self.model.fit(x, self._targets(y), **{**self._given("fit"), **keywords})
            return self

        def _given(self, name: str) -> dict[str, Any]:
            known = {"verbose", "batch_size", "steps", "callbacks"}
            if name == "fit":
                known |= {"epochs", "nb_epoch", "validation_split", "validation_data", "shuffle", "class_weight"}
            return {key: value for key, value in self.sk_params.items() if key in known}

        def _targets(self, y: Thing) -> Thing:
            return y

    class KerasClassifier(ClassifierMixin, Wrapped):  # type: ignore[misc, unused-ignore]
        def _targets(self, y: Thing) -> Thing:
            import numpy as np

            y = np.asarray(y)
            if y.ndim == 2 and y.shape[1] > 1:
                self.classes_ = np.arange(y.shape[1])
                return y
            self.classes_ = np.unique(y)
            codes = np.searchsorted(self.classes_, y.reshape(-1))
            if "sparse" not in str(self.model.loss) and len(self.classes_) > 2:
                return np.eye(len(self.classes_))[codes]
            return codes

        def predict_proba(self, x: Thing, **keywords: Thing) -> Thing:
            import numpy as np

            scores = self.model.predict(x, **{**self._given("predict"), **keywords})
            return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores

        def predict(self, x: Thing, **keywords: Thing) -> Thing:
            return self.classes_[self.predict_proba(x, **keywords).argmax(axis=-1)]

        def score(self, x: Thing, y: Thing, **keywords: Thing) -> float:
            import numpy as np

            y = np.asarray(y)
            return float(
                (self.predict(x) == (y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1))).mean()
            )

    class KerasRegressor(RegressorMixin, Wrapped):  # type: ignore[misc, unused-ignore]
        def predict(self, x: Thing, **keywords: Thing) -> Thing:
            return self.model.predict(x, **{**self._given("predict"), **keywords}).squeeze()

    return KerasClassifier, KerasRegressor


def _meant_for(function: Thing, given: dict[str, Any]) -> dict[str, Any]:
    """What the builder takes."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in names}
