"""``compile``, ``fit``, ``evaluate``, ``predict`` as they were called before Keras 3, and the methods beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .figures import metric_names
from .rates import of_keras
from .spelling import Keywords, Rules, by_notebook, method, safely, signed, translated

_NO_EFFECT: Rules = dict.fromkeys(
    ("workers", "use_multiprocessing", "max_queue_size", "max_q_size", "nb_worker", "pickle_safe"), None
)


def _samples(value: Thing, keywords: Keywords) -> str:
    batch = getattr(keywords.get("x"), "batch_size", None) or 32
    keywords["steps_per_epoch"] = math.ceil(value / batch)
    return "steps_per_epoch=..."


def _validation_samples(value: Thing, keywords: Keywords) -> str:
    batch = getattr(keywords.get("validation_data"), "batch_size", None) or 32
    keywords["validation_steps"] = math.ceil(value / batch)
    return "validation_steps=..."


_FIT: Rules = {
    **_NO_EFFECT,
    "nb_epoch": "epochs",
    "show_accuracy": None,
    "samples_per_epoch": _samples,
    "nb_val_samples": _validation_samples,
}
_COMPILE: Rules = dict.fromkeys(
    ("sample_weight_mode", "target_tensors", "experimental_run_tf_function", "distribute"), None
)
_LOSSES: Mapping[str, str] = {
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "logcosh": "log_cosh",
}
_WHOLE = ("steps_per_epoch", "validation_steps", "steps", "epochs", "nb_epoch", "batch_size")
"""Arguments that may have been a float once: 60000 / 32."""


def actions(session: Thing) -> Actions:
    return {
        "keras.src.trainers.trainer": partial(_base, session),
        "keras.src.backend.tensorflow.trainer": partial(_trainer, session),
        "keras.src.trainers.epoch_iterator": partial(_epochs, session),
        "keras.src.metrics.metric": partial(_metrics, session),
        "keras.src.losses.loss": partial(_losses, session),
    }


# --- compile, fit, evaluate, predict ---------------------------------------------------------------------------------


def _trainer(session: Thing, module: ModuleType) -> None:
    for name, rules in (("fit", _FIT), ("evaluate", _NO_EFFECT), ("predict", _NO_EFFECT)):
        original = getattr(module.TensorFlowTrainer, name)
        setattr(module.TensorFlowTrainer, name, _called(session, original, rules))


def _called(session: Thing, original: Callable[..., Any], rules: Rules) -> Callable[..., Any]:
    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        keywords = safely(session, whole, session, original.__name__, rules, keywords, otherwise=keywords)
        given = safely(session, arrays, session, original.__name__, arguments, keywords, otherwise=None)
        arguments, keywords = given or (arguments, keywords)
        return original(self, *arguments, **keywords)

    return signed(call, original)  # type: ignore[no-any-return]


def whole(session: Thing, name: str, rules: Rules, keywords: Keywords) -> Keywords:
    """Keywords in today's spelling, with whole numbers where Keras counts."""
    if not rules.keys().isdisjoint(keywords):
        keywords = translated(session, f"model.{name}", rules, keywords)
    for argument in _WHOLE:
        value = keywords.get(argument)
        if isinstance(value, float) and math.isfinite(value):
            keywords = {**keywords, argument: math.ceil(value)}
            session.adapt("spelling", f"model.{name}({argument}={value!r})", f"{argument}={math.ceil(value)}")
    return keywords


def arrays(
    session: Thing, name: str, arguments: tuple[Any, ...], keywords: Keywords
) -> tuple[tuple[Any, ...], Keywords] | None:
    """Data that are lists of numbers as arrays; None where there are none."""
    data = [*arguments[:2], keywords.get("x"), keywords.get("y")]
    if not any(isinstance(part, list) and _numbers(part) for part in data):
        return None
    import numpy

    session.adapt("spelling", f"model.{name}([[...]])", f"model.{name}(np.array([[...]]))")
    made = tuple(numpy.array(part) if isinstance(part, list) and _numbers(part) else part for part in arguments[:2])
    named = {
        key: numpy.array(part) if key in ("x", "y") and isinstance(part, list) and _numbers(part) else part
        for key, part in keywords.items()
    }
    return (*made, *arguments[2:]), named


def _numbers(value: Thing) -> bool:
    """Whether lists within lists hold numbers; lists of arrays are several inputs."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float))


def _base(session: Thing, module: ModuleType) -> None:
    owner = module.Trainer
    owner.compile = _compiled(session, owner.compile)
    method(session, owner, "model.fit_generator", "model.fit(...)", _fit_generator)
    method(session, owner, "model.evaluate_generator", "model.evaluate(...)", _evaluate_generator)
    method(session, owner, "model.predict_generator", "model.predict(...)", _predict_generator)
    method(session, owner, "model.predict_classes", "model.predict(...).argmax(axis=-1)", _predict_classes)
    method(
        session,
        owner,
        "predict_proba",
        "model.predict(...)",
        lambda model, *given, **named: model.predict(*given, **named),
    )
    method(session, owner, "model.to_yaml", "model.to_json()", lambda model, **_named: model.to_json())
    for name in ("_make_predict_function", "_make_train_function", "_make_test_function"):
        method(session, owner, f"model.{name}", "", lambda model: None)
    _reset(session, owner)
    owner.metrics_names = property(partial(_metrics_names, session, owner.metrics_names))


def _compiled(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def compile(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        arguments, keywords = safely(
            session, _modern, session, original, arguments, keywords, otherwise=(arguments, keywords)
        )
        return original(self, *arguments, **keywords)

    return signed(compile, original)  # type: ignore[no-any-return]


def _modern(
    session: Thing, original: Callable[..., Any], arguments: tuple[Any, ...], keywords: Keywords
) -> tuple[tuple[Any, ...], Keywords]:
    """Arguments of ``compile`` in today's spelling."""
    keywords = translated(session, "model.compile", _COMPILE, keywords)
    arguments, keywords = _placed(session, arguments, keywords)
    if arguments:
        arguments = (of_keras(session, arguments[0]), *arguments[1:])
    if "optimizer" in keywords:
        keywords["optimizer"] = of_keras(session, keywords["optimizer"])
    metrics = keywords.get("metrics")
    if isinstance(metrics, (str, set, frozenset)) or callable(metrics):
        keywords["metrics"] = sorted(metrics) if isinstance(metrics, (set, frozenset)) else [metrics]
        session.adapt("spelling", f"model.compile(metrics={metrics!r})", f"metrics={keywords['metrics']!r}")
    for place, loss in (("loss", keywords.get("loss")), (1, arguments[1] if len(arguments) > 1 else None)):
        today = _LOSSES.get(loss) if isinstance(loss, str) else None
        if today:
            session.adapt("spelling", f"model.compile(loss={loss!r})", f"loss={today!r}")
            if place == "loss":
                keywords["loss"] = today
            else:
                arguments = (arguments[0], today, *arguments[2:])
    if keywords.get("steps_per_execution", 1) is None:
        del keywords["steps_per_execution"]
    return arguments, keywords


def _placed(session: Thing, arguments: tuple[Any, ...], keywords: Keywords) -> tuple[tuple[Any, ...], Keywords]:
    """The third argument was ``metrics``; it is ``loss_weights`` now, which are numbers."""
    if len(arguments) < 3 or "metrics" in keywords:
        return arguments, keywords
    third = arguments[2]
    first = next(iter(third), None) if isinstance(third, (list, tuple)) else third
    if not (isinstance(first, str) or callable(first)):
        return arguments, keywords
    session.adapt("spelling", "model.compile(..., ..., [...])", "model.compile(..., ..., metrics=[...])")
    weights = {"loss_weights": arguments[3]} if len(arguments) > 3 else {}
    return arguments[:2], {**keywords, **weights, "metrics": third}


# --- methods that are gone -------------------------------------------------------------------------------------------


def _fit_generator(
    model: Thing,
    generator: Thing,
    steps_per_epoch: Thing = None,
    epochs: int = 1,
    verbose: Thing = 1,
    callbacks: Thing = None,
    **more: Thing,
) -> Thing:
    __tracebackhide__ = True
    if steps_per_epoch is not None:
        more["steps_per_epoch"] = steps_per_epoch
    return model.fit(x=generator, epochs=more.pop("nb_epoch", epochs), verbose=verbose, callbacks=callbacks, **more)


def _evaluate_generator(
    model: Thing,
    generator: Thing,
    steps: Thing = None,
    callbacks: Thing = None,
    max_queue_size: Thing = None,
    workers: Thing = None,
    use_multiprocessing: Thing = None,
    verbose: Thing = 0,
) -> Thing:
    __tracebackhide__ = True
    return model.evaluate(x=generator, steps=steps, callbacks=callbacks, verbose=verbose)


def _predict_generator(
    model: Thing,
    generator: Thing,
    steps: Thing = None,
    callbacks: Thing = None,
    max_queue_size: Thing = None,
    workers: Thing = None,
    use_multiprocessing: Thing = None,
    verbose: Thing = 0,
) -> Thing:
    __tracebackhide__ = True
    return model.predict(x=generator, steps=steps, callbacks=callbacks, verbose=verbose)


def _predict_classes(model: Thing, x: Thing, batch_size: Thing = None, verbose: Thing = 0, **more: Thing) -> Thing:
    __tracebackhide__ = True
    scores = model.predict(x, batch_size=batch_size, verbose=verbose, **more)
    return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")


def _reset(session: Thing, owner: type) -> None:
    def reset_states(model: Thing) -> None:
        for layer in model.layers:
            if hasattr(layer, "reset_state") and getattr(layer, "stateful", False):
                layer.reset_state()

    method(session, owner, "model.reset_states", "layer.reset_state()", reset_states)


def _metrics(session: Thing, module: ModuleType) -> None:
    method(session, module.Metric, "metric.reset_states", "metric.reset_state()", lambda metric: metric.reset_state())


def _losses(session: Thing, module: ModuleType) -> None:
    """``reduction='auto'``, which was the mean over the batch."""
    original = module.standardize_reduction

    @wraps(original)
    def standardize_reduction(reduction: Thing) -> Thing:
        if reduction == "auto":
            session.adapt("spelling", "reduction='auto'", "reduction='sum_over_batch_size'")
            reduction = "sum_over_batch_size"
        return original(reduction)

    module.standardize_reduction = signed(standardize_reduction, original)  # type: ignore[attr-defined]


def _metrics_names(session: Thing, original: property, model: Thing) -> list[str]:
    """One name for each figure that ``evaluate`` returns, as before; Keras 3 names a container."""
    assert original.fget is not None
    if not by_notebook():
        return list(original.fget(model))
    session.adapt("spelling", "model.metrics_names", "model.evaluate(..., return_dict=True)")
    return metric_names(model.metrics)


# --- generators ------------------------------------------------------------------------------------------------------


def _epochs(session: Thing, module: ModuleType) -> None:
    """A Keras sequence went round and round, whatever ``steps_per_epoch`` was; Keras 3 ends an epoch where it ends.

    With one batch fewer than the sequence has, every second epoch would be a single batch.
    """
    owner = module.EpochIterator
    original = owner._enumerate_iterator

    @wraps(original)
    def enumerated(self: Thing) -> Thing:
        uneven = self.steps_per_epoch and self._num_batches and self._num_batches % self.steps_per_epoch
        if not uneven or self.steps_per_execution != 1 or type(self.data_adapter).__name__ != "PyDatasetAdapter":
            return original(self)
        session.adapt("spelling", f"model.fit(sequence, steps_per_epoch={self.steps_per_epoch})", "model.fit(sequence)")
        return _round(self)

    owner._enumerate_iterator = enumerated


def _round(epochs: Thing) -> Thing:
    epochs.data_adapter.on_epoch_begin()
    for step in range(epochs.steps_per_epoch):
        if epochs._current_iterator is None or epochs._steps_seen >= epochs._num_batches:
            epochs._current_iterator = iter(epochs._get_iterator())
            epochs._steps_seen = 0
        epochs._steps_seen += 1
        yield step, step, epochs._current_iterator
    epochs.data_adapter.on_epoch_end()
