"""Optimisers as they were called before: ``lr``, ``decay``, ``epsilon=None``, those of TensorFlow 1."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Keywords, by_notebook, method, safely, signed, translated

_PLAIN: Mapping[str, Any] = {"lr": "learning_rate", "schedule_decay": None, "use_locking": None}
_V1 = {
    "GradientDescentOptimizer": "SGD",
    "MomentumOptimizer": "SGD",
    "AdamOptimizer": "Adam",
    "RMSPropOptimizer": "RMSprop",
    "AdagradOptimizer": "Adagrad",
    "AdadeltaOptimizer": "Adadelta",
    "FtrlOptimizer": "Ftrl",
}
"""Optimisers of TensorFlow 1 -> those of Keras."""


_KERAS_1 = (
    "border_mode",
    "nb_epoch",
    "nb_filter",
    "Convolution2D",
    "image_dim_ordering",
    "output_dim",
    "W_regularizer",
)
_THEN: Mapping[str, float] = {"Adadelta": 1.0, "Adamax": 0.002, "Nadam": 0.002, "Adagrad": 0.01}
"""Rates that Keras 1 chose where none was given, and that are others today."""


def actions(session: Thing) -> Actions:
    return {
        "keras.src.optimizers": partial(_optimizers, session),
        "keras.src.optimizers.base_optimizer": partial(_base, session),
        "keras.src.backend.tensorflow.optimizer": _updates,
    }


def _optimizers(session: Thing, module: ModuleType) -> None:
    for found in module.ALL_OBJECTS:
        if "__init__" in vars(found) and found is not module.Optimizer:
            found.__init__ = initialised(session, found.__init__)


def initialised(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    """An optimiser's ``__init__`` that also takes what it took before Keras 3."""

    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        arguments, new = safely(
            session, modern, session, type(self).__name__, arguments, keywords, otherwise=(arguments, keywords)
        )
        original(self, *arguments, **new)

    return signed(call, original)  # type: ignore[no-any-return]


def modern(
    session: Thing, name: str, arguments: tuple[Any, ...], keywords: Keywords
) -> tuple[tuple[Any, ...], Keywords]:
    """Arguments of an optimiser in today's spelling."""
    if arguments and (number := _float(arguments[0])) is not None:
        arguments = (number, *arguments[1:])
    new = translated(session, name, _PLAIN, keywords) if _PLAIN.keys() & keywords.keys() else dict(keywords)
    if (number := _float(new.get("learning_rate"))) is not None:
        new["learning_rate"] = number
    if "epsilon" in new and new["epsilon"] is None:
        del new["epsilon"]
        session.adapt("spelling", f"{name}(epsilon=None)", f"{name}()")
    if name in _THEN and not arguments and "learning_rate" not in new and _is_of_keras_1(session):
        new["learning_rate"] = _THEN[name]
        session.adapt("spelling", f"{name}()", f"{name}(learning_rate={_THEN[name]})")
    if "decay" in new:
        arguments = _decayed(session, name, arguments, new)
    return arguments, new


def _is_of_keras_1(session: Thing) -> bool:
    """By what it has spelt so far; a notebook for Keras 2 is not told apart from one for today."""
    return any(mark in one["old"] for one in session.adaptations for mark in _KERAS_1)


def _float(value: Thing) -> float | None:
    """A whole number or one of numpy's as Keras wants it; None where it is one already, or none at all."""
    scalar = isinstance(value, numbers.Real) and not isinstance(value, (bool, float))
    return float(value) if scalar else None


def _decayed(session: Thing, name: str, arguments: tuple[Any, ...], keywords: Keywords) -> tuple[Any, ...]:
    """Turn ``decay`` into the schedule that it was: rate / (1 + decay * updates)."""
    decay = keywords.pop("decay")
    schedule = "InverseTimeDecay(..., decay_steps=1, decay_rate=...)" if decay else "..."
    session.adapt("spelling", f"{name}(decay=...)", f"{name}(learning_rate={schedule})")
    if not decay:
        return arguments
    given = arguments[0] if arguments else keywords.get("learning_rate", _default_rate(name))
    if not isinstance(given, float):
        return arguments
    made = inverse_time_decay(given, float(decay))
    if arguments:
        return (made, *arguments[1:])
    keywords["learning_rate"] = made
    return arguments


def _default_rate(name: str) -> float:
    return 0.01 if name == "SGD" else 0.001


def inverse_time_decay(rate: float, decay: float) -> Thing:
    """Keras' own schedule; its first rate is a variable, since callbacks set it while the training goes on."""
    from keras.src import backend
    from keras.src.optimizers.schedules.learning_rate_schedule import InverseTimeDecay

    made = InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
    first = backend.Variable(rate, name="initial_learning_rate", dtype=backend.floatx(), trainable=False)
    made.initial_learning_rate = first
    made.get_config = lambda: {**type(made).get_config(made), "initial_learning_rate": float(first.numpy())}
    made.settable = True
    return made


def _base(session: Thing, module: ModuleType) -> None:
    """Let callbacks read and set the rate that ``decay`` starts from, as they did; and ``lr`` as an attribute."""
    owner = module.BaseOptimizer
    rate = owner.learning_rate

    def get(self: Thing) -> Thing:
        schedule = self._learning_rate
        return schedule.initial_learning_rate if _settable(schedule) else rate.fget(self)

    def put(self: Thing, value: Thing) -> None:
        schedule = self._learning_rate
        if _settable(schedule) and not callable(value):
            schedule.initial_learning_rate.assign(value)
        else:
            rate.fset(self, value)

    owner.learning_rate = property(get, put, doc=rate.__doc__)
    method(
        session,
        owner,
        "optimizer._decayed_lr",
        "optimizer.learning_rate",
        lambda optimizer, kind=None: rate.fget(optimizer),
    )
    method(session, owner, "optimizer.get_weights", "optimizer.variables", _weights)
    owner.lr = property(partial(_get_lr, session), partial(_put_lr, session))


def _settable(schedule: Thing) -> bool:
    return getattr(schedule, "settable", False) is True


def _get_lr(session: Thing, optimizer: Thing) -> Thing:
    if not by_notebook():
        raise AttributeError(f"{type(optimizer).__name__!r} object has no attribute 'lr'")
    session.adapt("spelling", "optimizer.lr", "optimizer.learning_rate")
    return optimizer.learning_rate


def _put_lr(session: Thing, optimizer: Thing, value: Thing) -> None:
    session.adapt("spelling", "optimizer.lr", "optimizer.learning_rate")
    optimizer.learning_rate = value


def _weights(optimizer: Thing) -> list[Any]:
    return [variable.numpy() for variable in optimizer.variables]


def _updates(module: ModuleType) -> None:
    """Updates take the rate as it has decayed by now, not the one that ``learning_rate`` tells."""
    owner = module.TFOptimizer
    original = owner._backend_update_step

    @wraps(original)
    def step(self: Thing, grads: Thing, variables: Thing, rate: Thing) -> Thing:
        if _settable(self._learning_rate):
            rate = self._learning_rate(self._iterations)
        return original(self, grads, variables, rate)

    owner._backend_update_step = step


# --- TensorFlow 1 ----------------------------------------------------------------------------------------------------


def of_keras(session: Thing, optimizer: Thing) -> Thing:
    """An optimiser of TensorFlow 1 as Keras' one of the same name and figures; anything else as it is."""
    name = _V1.get(type(optimizer).__name__)
    if name is None or not type(optimizer).__module__.startswith("tensorflow.python"):
        return optimizer
    from keras.src import optimizers

    figures = {
        new: vars(optimizer)[old]
        for new, old in (
            ("learning_rate", "_lr"),
            ("learning_rate", "_learning_rate"),
            ("momentum", "_momentum"),
            ("beta_1", "_beta1"),
            ("beta_2", "_beta2"),
            ("epsilon", "_epsilon"),
        )
        if isinstance(vars(optimizer).get(old), (int, float))
    }
    session.adapt("spelling", f"tf.train.{type(optimizer).__name__}(...)", f"keras.optimizers.{name}(...)")
    return getattr(optimizers, name)(**figures)
