"""What a training tells, epoch by epoch, under the names of then: ``history['acc']``, ``logs.get('val_acc')``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import safely, signed


def actions(session: Thing) -> Actions:
    return {
        "keras.src.callbacks.history": partial(_history, session),
        "keras.src.callbacks.callback_list": partial(_callbacks, session),
        "keras.src.callbacks.monitor_callback": partial(_monitors, session),
    }


def modern(name: Thing) -> str:
    """``val_acc`` -> ``val_accuracy``, ``lr`` -> ``learning_rate``; empty for a name that has not changed."""
    if not isinstance(name, str):
        return ""
    prefix, bare = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    today = {"acc": "accuracy", "lr": "learning_rate"}.get(bare, "")
    return prefix + today if today else ""


class Figures(dict[str, Any]):
    """A dictionary that also answers old names, without showing them; metrics that are named ``acc`` stay ``acc``."""

    def __init__(self, content: Thing, tell: Callable[[str, str], None]) -> None:
        super().__init__(content)
        self.tell = tell

    def __missing__(self, name: str) -> Thing:
        today = modern(name)
        if today not in self:
            raise KeyError(name)
        self.tell(name, today)
        return self[today]

    def get(self, name: str, default: Thing = None) -> Thing:
        return self[name] if name in self or modern(name) in self else default

    def __reduce__(self) -> Thing:
        return (dict, (dict(self),))

    def copy(self) -> Figures:
        return Figures(self, self.tell)


def _tell(session: Thing, what: str) -> Callable[[str, str], None]:
    return lambda old, new: session.adapt("spelling", f"{what}[{old!r}]", f"{what}[{new!r}]")


def _history(session: Thing, module: ModuleType) -> None:
    original = module.History.__init__

    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        original(self, *arguments, **keywords)
        self.history = Figures(self.history, _tell(session, "history.history"))

    module.History.__init__ = signed(call, original)


def _callbacks(session: Thing, module: ModuleType) -> None:
    """What callbacks are handed goes through one function, which is replaced for this module alone."""
    original = module.python_utils
    own = ModuleType(original.__name__)
    vars(own).update(vars(original))

    def pythonify_logs(logs: Thing) -> Figures:
        return Figures(original.pythonify_logs(logs), _tell(session, "logs"))

    own.pythonify_logs = pythonify_logs  # type: ignore[attr-defined]
    module.python_utils = own  # type: ignore[attr-defined]


def _monitors(session: Thing, module: ModuleType) -> None:
    """``monitor='val_acc'``, and monitors of which Keras 3 does not know whether more is better."""
    original = module.MonitorCallback._set_monitor_op

    @wraps(original)
    def call(self: Thing) -> None:
        __tracebackhide__ = True
        safely(session, _rename_monitor, session, self)
        try:
            original(self)
        except ValueError:
            if self.mode != "auto":
                raise
            self.mode = "max" if any(mark in self.monitor for mark in ("acc", "auc", "fmeasure")) else "min"
            called = f"{type(self).__name__}(monitor={self.monitor!r}"
            session.adapt("spelling", f"{called})", f"{called}, mode={self.mode!r})")
            original(self)
            self.mode = "auto"

    module.MonitorCallback._set_monitor_op = call


def _rename_monitor(session: Thing, callback: Thing) -> None:
    names = set(metric_names(getattr(callback.model, "metrics", ())))
    today = modern(callback.monitor)
    if today and callback.monitor.removeprefix("val_") not in names and today.removeprefix("val_") in names:
        called = type(callback).__name__
        session.adapt("spelling", f"{called}(monitor={callback.monitor!r})", f"{called}(monitor={today!r})")
        callback.monitor = today


def metric_names(metrics: Iterable[Any]) -> list[str]:
    """Names of the metrics, those within Keras' own containers included."""
    names: list[str] = []
    for metric in metrics:
        names += metric_names(metric.metrics) if hasattr(metric, "metrics") else [metric.name]
    return names
