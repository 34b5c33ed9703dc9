"""Weights in another form are still those of the training that left them, where Keras alone put them into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.guest.recording.rounded import Rounded


class Layer:
    """As a layer of Keras'."""


Layer.__module__ = "keras.src.layers.dense"


class Own:
    """As a layer of the notebook's own."""


class Model:
    """As a model of Keras'."""

    def __init__(self, *layers: object) -> None:
        self.layers = layers
        self.mode = ""

    def _flatten_layers(self) -> tuple[object, ...]:
        return self.layers

    def quantize(self, mode: str, config: object = None, filters: Callable[[object], bool] | None = None) -> str:
        self.mode = mode
        return mode


Model.__module__ = "keras.src.models.model"


class Config:
    """As what Keras makes of a mode."""

    def __init__(self, quantizer: object) -> None:
        self.mode, self.weight_quantizer, self.bits = "int4", quantizer, 4


Config.__module__ = "keras.src.quantizers.quantization_config"


class Book:
    """A ledger after the trainings of two models, as far as this needs one."""

    def __init__(self, brought: int) -> None:
        self.trainings = [{"number": 1, "model": "m1"}, {"number": 2, "model": "m2"}]
        self.steps = type("Steps", (), {"_open": {}})()
        self.lineage = self
        self.left: list[tuple[int, str]] = []
        self._brought = brought

    def brought(self, *_: object) -> int:
        return self._brought

    def end(self, number: int, model: str, *_: object) -> None:
        self.left.append((number, model))

    def model_id(self, _: object) -> str:
        return "m1"

    def _safely(self, work: Callable[..., Any], *arguments: object) -> object:
        return work(*arguments)


@pytest.mark.parametrize(
    ("layers", "settings", "brought", "left"),
    [
        ([Layer()], {}, 0, [(1, "m1")]),
        ([Layer()], {}, 64, []),
        ([Layer(), Own()], {}, 0, []),
        ([Layer()], {"filters": bool}, 0, []),
        ([Layer()], {"config": Config(None)}, 0, [(1, "m1")]),
        ([Layer()], {"config": Config(Layer())}, 0, [(1, "m1")]),
        ([Layer()], {"config": Config(Own())}, 0, []),
        ([Layer()], {"config": Own()}, 0, []),
    ],
)
def test_what_keras_rounded(
    layers: list[object], settings: dict[str, Any], brought: int, left: list[tuple[int, str]]
) -> None:
    kind = type("Model", (Model,), {"__module__": Model.__module__})
    book = Book(brought)
    Rounded(book).install(kind)  # type: ignore[arg-type]
    assert kind(*layers).quantize("int4", **settings) == "int4"
    assert book.left == left
