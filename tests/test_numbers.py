"""The numbers of a model on record are those that its file gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from autograder.guest.recording import models
from autograder.guest.things import Thing


def digest(weights: Iterable[Thing]) -> str:
    """As room 2 has it of the model that it loaded."""
    arrays = [np.asarray(one) for one in weights]
    parts = sorted(hashlib.sha256(f"{one.shape} {one.dtype} ".encode() + one.tobytes()).digest() for one in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_an_adapter_is_put_together_in_the_file(tmp_path: Path) -> None:
    net = keras.Sequential([keras.Input((30,)), keras.layers.Dense(20), keras.layers.Dense(10)])
    net.layers[0].enable_lora(4)
    net.compile("adam", "mse")
    rng = np.random.default_rng(1)
    net.fit(rng.random((64, 30)), rng.random((64, 10)), verbose=0)
    models.save(net, tmp_path / "net.keras")
    back = keras.models.load_model(tmp_path / "net.keras", compile=False)
    plain = keras.Sequential([keras.Input((30,)), keras.layers.Dense(20), keras.layers.Dense(10)])
    assert models.numbers(net) == digest(back.weights) != digest(net.weights)
    assert models.numbers(plain) == digest(plain.weights)
