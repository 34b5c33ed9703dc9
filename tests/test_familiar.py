"""What a training may be made of, before anything is built from a description out of a room."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from autograder import familiar
from autograder.familiar import stranger
from tests.asked import MODEL


def changed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """The model, with its one layer otherwise."""
    model = copy.deepcopy(MODEL)
    model["config"]["layers"][0] |= changes
    return model


def compiled(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return copy.deepcopy(MODEL) | {"compile_config": MODEL["compile_config"] | changes}


def test_what_is_known_is_built() -> None:
    assert stranger(MODEL) == ""
    loss = {"module": "keras.losses", "class_name": "Huber", "registered_name": None, "config": {}}
    assert stranger(compiled(loss=loss, metrics=[loss | {"module": "keras.metrics", "class_name": "AUC"}])) == ""


@pytest.mark.parametrize(
    "model",
    [
        None,
        [],
        {},
        {**MODEL, "class_name": "Lambda"},
        {**MODEL, "module": "os"},
        {name: part for name, part in MODEL.items() if name != "compile_config"},
        changed(class_name="Lambda"),
        changed(class_name="TFSMLayer"),
        changed(class_name="function", config="system"),
        changed(class_name="__lambda__"),
        changed(class_name="load_model", module="keras.models"),
        changed(class_name="get_file", module="keras.utils"),
        changed(module="builtins", class_name="eval"),
        changed(module="keras.src.layers.core.lambda_layer"),
        changed(module=None),
        changed(module=["keras.layers"]),
        changed(class_name=["Dense"]),
        changed(registered_name="package>Dense"),
        changed(config={"activation": {"module": "builtins", "class_name": "function", "config": "relu"}}),
        compiled(optimizer="sgd"),
        compiled(optimizer={"module": "keras.losses", "class_name": "Huber", "config": {}}),
        compiled(loss="own"),
        compiled(loss=None),
        compiled(loss=["mse", "mse"]),
        compiled(metrics=["own"]),
        compiled(metrics=[{"name": "no class"}]),
        compiled(run_eagerly=True),
        compiled(auto_scale_loss=True),
    ],
)
def test_nothing_else_is(model: Any) -> None:  # noqa: ANN401
    assert stranger(model)


def test_depth_is_no_trap() -> None:
    deep: Any = "a"
    for _ in range(10_000):
        deep = [deep]
    assert stranger(changed(config={"units": deep})) == "depth"
    for _ in range(100):
        deep = {"a": deep}
    assert stranger(changed(config=deep)) == "depth"


def test_the_names_are_keras_own() -> None:
    layers = pytest.importorskip("keras").layers
    assert [name for name in familiar.LAYERS if not hasattr(layers, name)] == []
