"""Weights that Keras rounded to a few bits: in another form, what a training left is still its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..things import Thing
from . import hooks
from .lineage import Lineage
from .steps import Steps, learning


class Book(Protocol):
    """What the ledger is to this."""

    lineage: Lineage
    steps: Steps
    trainings: list[dict[str, Any]]

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing: ...

    def model_id(self, model: Thing) -> str: ...


class Rounded:
    """Of one notebook."""

    def __init__(self, recorder: Book) -> None:
        self._recorder = recorder

    def install(self, kind: type) -> None:
        hooks.wrap(kind, "quantize", self._quantize)

    def _quantize(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        # A filter, a layer or a quantizer of the notebook's own could put other weights in place meanwhile.
        usual = len(arguments) <= 1 and not keywords.keys() - {"mode", "config"}
        plain = usual and self._recorder._safely(_is_keras, model, keywords.get("config"))
        known = plain and self._recorder._safely(self._is_known, model)
        result = original(model, *arguments, **keywords)
        if known:
            self._recorder._safely(self._note, model)
        return result

    def _is_known(self, model: Thing) -> bool:
        recorder = self._recorder
        return bool(recorder.trainings) and not recorder.lineage.brought(model, learning(recorder.steps))

    def _note(self, model: Thing) -> None:
        number = self._recorder.model_id(model)
        own = [entry for entry in self._recorder.trainings if entry["model"] == number]
        entry = (own or self._recorder.trainings)[-1]
        self._recorder.lineage.end(entry["number"], entry["model"], model, frozenset())


def _is_keras(model: Thing, config: Thing) -> bool:
    """``config``: what Keras makes of the mode, where nothing else is given."""
    settings = [value for value in getattr(config, "__dict__", {}).values() if not _is_plain(value)]
    each = [model, *model._flatten_layers(), *([] if config is None else [config]), *settings]
    return all(type(one).__module__.startswith("keras.") for one in each)


def _is_plain(value: Thing) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
