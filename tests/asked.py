"""A question about a training as a kernel puts it, and what such a training may leave."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from autograder import parcel

WEIGHTS = (np.arange(6, dtype=np.float32).reshape(3, 2), np.zeros(2, np.float32))
SLOTS = (np.array(0, np.int64),)
DATA = {"x": np.ones((4, 3), np.float32), "y": np.array([0, 1, 0, 1], np.uint8)}

MODEL: dict[str, Any] = {
    "module": "keras",
    "class_name": "Sequential",
    "registered_name": None,
    "config": {
        "name": "n0",
        "layers": [
            {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {"name": "n1"}},
        ],
    },
    "compile_config": {
        "optimizer": {"module": "keras.optimizers", "class_name": "SGD", "registered_name": None, "config": {}},
        "loss": "mse",
        "metrics": ["accuracy"],
    },
}


def head(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    plain = {
        "form": 1,
        "model": MODEL,
        "variables": [[*parcel.print_of(one), True] for one in WEIGHTS],
        "optimizer": [parcel.print_of(one) for one in SLOTS],
        "data": {name: parcel.print_of(array) for name, array in DATA.items()},
        "arguments": {"epochs": 2},
        "callbacks": [],
        "seed": 7,
        "cut": {"share": 1.0, "whole_tests": True, "train_rows": 0, "test_rows": 0, "times": 1.0},
        "setting": {"variables": {}, "caps": [None, None]},
    }
    return plain | changes


def body(**changes: Any) -> bytes:  # noqa: ANN401
    return json.dumps(head(**changes), sort_keys=True).encode()


def contents() -> bytes:
    return parcel.packed({}, [*WEIGHTS, *SLOTS, *(DATA[name] for name in sorted(DATA))])


def result(add: float = 1.0, **changes: Any) -> bytes:  # noqa: ANN401
    values = {
        "variables": [len(WEIGHTS), len(SLOTS), 0],
        "figures": [[["loss", (0.5).hex()]], [["loss", (0.25).hex()]]],
        "epochs": [0, 1],
        "steps": 1,
        "weights": [],
        "stopped": False,
        "callbacks": [],
        "seconds": 84.5,
    }
    return parcel.packed(values | changes, [WEIGHTS[0] + np.float32(add), WEIGHTS[1], SLOTS[0] + 2])
