"""``keras.wrappers.scikit_learn``: a function that builds a model, dressed as an estimator of scikit-learn."""

from __future__ import annotations

from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .spelling import by_notebook

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
    from . import classifier

    module.KerasClassifier = classifier.KerasClassifier  # type: ignore[attr-defined]
    module.KerasRegressor = classifier.KerasRegressor  # type: ignore[attr-defined]
