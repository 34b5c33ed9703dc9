"""What a pipeline of ``tf.data`` is made of, seen in the kernel without drawing from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.records import Ledger
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook

SET_UP = """import numpy as np, keras, tensorflow as tf
x, y = np.random.rand(400, 8).astype("float32"), np.arange(400) % 10
more = from_ = tf.data.Dataset.from_tensor_slices((x[:100], y[:100]))
drawn = []
def one_by_one():
    for row in zip(x, y):
        drawn.append(1)
        yield row
def fit(flow):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(flow, epochs=1, verbose=0)
"""
PIPELINES = {
    "tf.data.Dataset.from_tensor_slices((x, y)).shuffle(9).map(lambda a, b: (a + 1, b)).batch(50)": [400],
    "tf.data.Dataset.from_tensor_slices((x, y)).concatenate(more).cache().batch(50).prefetch(1)": [400, 100],
    "tf.data.Dataset.from_tensor_slices((x, y)).take(200).batch(50)": [],
    "tf.data.Dataset.from_tensors((x, y))": [400],
    "tf.data.Dataset.from_generator(one_by_one, output_signature=(tf.TensorSpec((8,)), tf.TensorSpec(())))"
    ".batch(50)": [],
    "tf.data.Dataset.range(100).map(lambda at: (tf.ones((8,)), at % 10)).batch(50)": [],
}


@pytest.mark.kernel
def test_the_arrays_behind_a_pipeline(tmp_path: Path) -> None:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(tmp_path / "state")
    cells = [SET_UP, *(f"fit({pipeline})" for pipeline in PIPELINES)]
    execution = execute(Job(notebook=notebook(*cells), data=data, data_file=room_file(data, tmp_path)), Plain(), store)
    assert [run.state.value for run in execution.cells] == ["ran"] * len(cells)
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    assert ledger.notes == ()
    found = [[shown.shape[0] for shown in training.roots] for training in ledger.trainings]
    assert dict(zip(PIPELINES, found, strict=True)) == PIPELINES
    first = ledger.trainings[0].roots[0]
    assert first.sample in execution.artifacts and len(first.rows) == 32 and first.rows[-1] == 399
