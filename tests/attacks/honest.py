"""A small model as Keras would save it."""

from __future__ import annotations

import io
import json

import numpy as np

from autograder.records import Json
from tests.attacks.models import packed


def _layer(kind: str, **config: Json) -> dict[str, Json]:
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def model() -> bytes:
    """Two dense layers on flattened images."""
    import h5py

    layers = [
        _layer("InputLayer", batch_shape=[None, 28, 28], dtype="float32", name="input"),
        _layer("Flatten", name="flatten"),
        _layer("Dense", units=16, activation="relu", name="dense"),
        _layer("Dense", units=10, activation="softmax", name="dense_1"),
    ]
    for layer, shape in ((layers[2], [None, 784]), (layers[3], [None, 16])):
        layer["build_config"] = {"input_shape": shape}
    config = {"module": "keras", "class_name": "Sequential", "registered_name": "Sequential"}
    whole = {**config, "config": {"name": "model", "trainable": True, "dtype": "float32", "layers": layers}}
    generator, buffer = np.random.default_rng(0), io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, shape in (("dense", (784, 16)), ("dense_1", (16, 10))):
            variables = file.create_group(f"layers/{name}/vars")
            variables["0"] = generator.normal(0, 0.1, shape).astype(np.float32)
            variables["1"] = np.zeros(shape[1], np.float32)
    return packed(
        {
            "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}).encode(),
            "config.json": json.dumps(whole).encode(),
            "model.weights.h5": buffer.getvalue(),
        }
    )
