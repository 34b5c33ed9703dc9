"""Rows that come late in a ``PyDataset`` or in a pipeline made of a generator, seen as they pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook
from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
x = np.repeat(np.arange(400, dtype="float32")[:, None], 8, axis=1)
y = np.arange(400) % 10
rest = x[:80] + 1000

class Batches(keras.utils.PyDataset):
    def __init__(self, x, **options):
        super().__init__(**options)
        self.x = x
    def __len__(self):
        return len(self.x) // 40
    def __getitem__(self, at):
        return self.x[40 * at : 40 * at + 40], y[:40]

def rows():
    yield from zip(x, y)

def batches(data=x):
    for at in range(0, len(data), 40):
        yield data[at : at + 40], y[:40]

class Rows:
    shape, dtype, ndim = x.shape, x.dtype, 2
    def __len__(self):
        return len(x)
    def __getitem__(self, at):
        return np.zeros((40, 8)), y[:40]
    def __array__(self, *_, **__):
        return x

class Array(np.ndarray):
    def __getitem__(self, at):
        return np.zeros((len(at), 8)) if hasattr(at, "__len__") else np.zeros((40, 8))

def flow(make, shape):
    signature = (tf.TensorSpec(shape), tf.TensorSpec(shape[:-1], tf.int32))
    return tf.data.Dataset.from_generator(generator=make, output_signature=signature)

def mapped(call, size=None):
    def made(at):
        rows = call(lambda at: x[np.asarray(at)], [at], tf.float32)
        return tf.ensure_shape(rows, (8,) if size is None else (size, 8)), tf.cast(at, tf.int32) % 10
    return made

def fit(data, epochs=1, **options):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(data, epochs=epochs, verbose=0, **options)
"""
WHOLE = (0, 399)
FLOWS = {
    "fit(Batches(x))": WHOLE,
    "fit(Batches(x, workers=2), epochs=3)": WHOLE,
    "fit(Batches(x), validation_data=Batches(rest))": WHOLE,
    "fit(flow(batches, (None, 8)))": WHOLE,
    "fit(flow(rows, (8,)).shuffle(9).batch(50).prefetch(1))": WHOLE,
    "fit(flow(batches, (None, 8)), validation_data=flow(lambda: batches(rest), (None, 8)))": WHOLE,
    "data = flow(batches, (None, 8))\nfor _ in range(60): data = data.repeat(1)\nfit(data)": WHOLE,
    "fit(batches())": WHOLE,
    "fit(tf.data.Dataset.range(400).map(mapped(tf.numpy_function)).batch(40))": WHOLE,
    "fit(tf.data.Dataset.range(400).batch(40).map(mapped(tf.py_function, 40)).prefetch(1))": WHOLE,
    "list(flow(batches, (None, 8))); fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(40))": None,
}
"""Code -> the lowest and the highest number that the rows may hold; None where nothing is to be seen passing."""

ARRAYS = ("fit(Rows(), y=y)", "fit(x.view(Array), y=y)", "fit([x.view(Array)], y=y)")
"""Code that gives arrays: all rows of ``x``."""


@pytest.mark.kernel
def test_what_passes_while_a_model_learns(tmp_path: Path) -> None:
    cells = [SET_UP, *FLOWS, *ARRAYS]
    kernel = recorded(tmp_path, *cells)
    ledger = kernel.ledger
    for code, training in zip(ARRAYS, ledger.trainings[len(FLOWS) :], strict=True):
        rows = kernel.array(training.x.sample)
        assert training.x.shape == (400, 8) and rows.max() == 399, code
    for code, training in zip(FLOWS, ledger.trainings, strict=False):
        seen = [shown for shown in training.roots if shown.kind == "sequence"]
        if FLOWS[code] is None:
            assert not seen, code
            continue
        assert len(seen) == 1 and seen[0].sample, code
        kept = kernel.array(seen[0].sample)
        assert kept.shape[1:] == (8,) and len(kept) >= 16, code
        low, high = WHOLE
        assert low <= kept.min() < 80 and 320 < kept.max() <= high, code


@pytest.mark.kernel
def test_what_tensorflow_refuses_is_refused_as_ever(tmp_path: Path) -> None:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(tmp_path / "state")
    cells = [SET_UP, "tf.data.Dataset.from_generator([1, 2], output_signature=tf.TensorSpec(()))"]
    execution = execute(Job(notebook=notebook(*cells), data=data, data_file=room_file(data, tmp_path)), Plain(), store)
    error = execution.cells[1].error
    assert error is not None and "must be a Python callable" in error
