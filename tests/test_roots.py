"""What a pipeline of ``tf.data`` is made of, and what stands beside a first input: seen without drawing from it."""

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
x, y = np.random.rand(400, 64).astype("float32"), np.arange(400) % 10
slices, tensors = tf.data.Dataset.from_tensor_slices, tf.data.Dataset.from_tensors
flow, more = slices((x, y)), slices((x[:100], y[:100]))
def one_by_one():
    yield from zip(x, y)
made = tf.data.Dataset.from_generator(one_by_one, output_signature=(tf.TensorSpec((64,)), tf.TensorSpec(())))
def fit(data, labels=None, inputs=1):
    wanted = [keras.Input((64,)) for _ in range(inputs)]
    output = keras.layers.Dense(10, activation="softmax")(wanted[-1])
    model = keras.Model(wanted if inputs > 1 else wanted[0], output)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(data, labels, epochs=1, verbose=0)
"""
ALL = (400, 0, 399)
FITS: dict[str, list[tuple[int, int, int]]] = {
    "fit(flow.shuffle(9).map(lambda a, b: (a + 1, b)).batch(50))": [ALL],
    "fit(flow.concatenate(more).cache().batch(50).prefetch(1))": [ALL, (100, 0, 99)],
    "fit(tensors((x, y)))": [ALL],
    "fit(flow.take(200).batch(50))": [(400, 0, 199)],
    "fit(flow.skip(100).map(lambda a, b: (a, b)).take(200).batch(50))": [(400, 100, 299)],
    "fit(flow.batch(50).skip(6).repeat(2))": [(400, 300, 399)],
    "fit(flow.shuffle(400).take(200).batch(50))": [ALL],
    "fit(flow.shard(2, 0).batch(50))": [ALL],
    "fit(flow.filter(lambda a, b: b < 9).batch(50))": [],
    "fit(flow.concatenate(more).take(200).batch(50))": [],
    "fit(made.batch(50))": [],
    "fit(tf.data.Dataset.range(100).map(lambda at: (tf.ones((64,)), at % 10)).batch(50))": [],
    "fit([x, x[::-1]], y, inputs=2)": [ALL],
    "fit(slices(((x[:, ::-1], x), y)).batch(50), inputs=2)": [ALL, ALL],
    "fit(x, y)": [],
}
"""Code -> the size of each array, with the first and the last row that a sample may have been taken from."""


@pytest.mark.kernel
def test_the_arrays_behind_what_a_model_is_given(tmp_path: Path) -> None:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(tmp_path / "state")
    cells = [SET_UP, *FITS]
    execution = execute(Job(notebook=notebook(*cells), data=data, data_file=room_file(data, tmp_path)), Plain(), store)
    assert [run.state.value for run in execution.cells] == ["ran"] * len(cells), [run.error for run in execution.cells]
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    assert ledger.notes == ()
    behind = [[shown for shown in training.roots if shown.kind == "array"] for training in ledger.trainings]
    found = [[(shown.shape[0], shown.rows[0], shown.rows[-1]) for shown in each] for each in behind]
    assert dict(zip(FITS, found, strict=True)) == FITS
    first = behind[0][0]
    assert first.sample in execution.artifacts and len(first.rows) == 32
