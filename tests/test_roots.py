"""What a pipeline of ``tf.data`` is made of, and what stands beside a first input: seen without drawing from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.guest.recording.roots import upstream
from tests.recorded import recorded

SET_UP = """import functools, numpy as np, keras, tensorflow as tf
x, y = np.random.rand(400, 64).astype("float32"), np.arange(400) % 10
slices, tensors = tf.data.Dataset.from_tensor_slices, tf.data.Dataset.from_tensors
flow, more = slices((x, y)), slices((x[:100], y[:100]))
def one_by_one():
    yield from zip(x, y)
made = tf.data.Dataset.from_generator(one_by_one, output_signature=(tf.TensorSpec((64,)), tf.TensorSpec(())))
def joined(parts):
    return functools.reduce(lambda one, two: one.concatenate(two), parts)
def deep(data):
    return functools.reduce(lambda one, _: one.repeat(1), range(60), data)
class Turning(tuple):
    def __iter__(self):
        mine[...] = 1 - x
        return super().__iter__()
mine = x.copy()
def replaced(work):
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
    own = ArrayDataAdapter.__init__
    ArrayDataAdapter.__init__ = lambda self, x, *more, **named: own(self, 1 - x, *more, **named)
    work()
    ArrayDataAdapter.__init__ = own
def fit(data, labels=None, inputs=1, **more):
    wanted = [keras.Input((64,)) for _ in range(inputs)]
    output = keras.layers.Dense(10, activation="softmax")(wanted[-1])
    model = keras.Model(wanted if inputs > 1 else wanted[0], output)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(data, labels, epochs=1, verbose=0, **more)
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
    "fit(tf.data.Dataset.range(100).map(lambda at: (tf.gather(x, at), at % 10)).batch(50))": [ALL],
    "fit(deep(flow.concatenate(more)).batch(50))": [ALL, (100, 0, 99)],
    "fit(joined([flow] + [slices((x[at:], y[at:])) for at in range(9)]).batch(50))": [
        ALL,
        *((400 - at, 0, 399 - at) for at in range(6)),
    ],
    "fit([x, x[::-1]], y, inputs=2)": [ALL],
    "fit([x] * 10, y, inputs=10)": [ALL] * 7,
    "fit(slices(((x[:, ::-1], x), y)).batch(50), inputs=2)": [ALL, ALL],
    "fit(x, y)": [],
    "fit(x.astype('float64'), y, validation_split=0.25, class_weight={1: 2.0})": [],
    "fit((255 * x).astype('uint8'), y, shuffle=False)": [],
    "fit(tf.constant(x), y)": [],
    "fit(mine, y, validation_data=Turning((x, y)))": [ALL],
    "replaced(lambda: fit(x, y))": [ALL],
}
"""Code -> the size of each array, with the first and the last row that a sample may have been taken from."""


class Joined:
    """A pipeline of others."""

    def __init__(self, *parts: Joined) -> None:
        self._parts = parts

    def _inputs(self) -> list[Joined]:
        return [*self._parts]


def test_what_a_pipeline_is_made_of_is_met_once_in_however_many_ways_it_is_joined() -> None:
    whole = first = Joined()
    for _ in range(40):
        whole = Joined(whole, whole)
    met = list(upstream(whole))
    assert len(met) == 41 and met[-1] is first


@pytest.mark.kernel
def test_the_arrays_behind_what_a_model_is_given(tmp_path: Path) -> None:
    cells = [SET_UP, *FITS]
    kernel = recorded(tmp_path, *cells)
    ledger = kernel.ledger
    behind = [[shown for shown in training.roots if shown.kind == "array"] for training in ledger.trainings]
    found = [[(shown.shape[0], shown.rows[0], shown.rows[-1]) for shown in each] for each in behind]
    assert dict(zip(FITS, found, strict=True)) == FITS
    together = [shown for training in ledger.trainings for shown in training.roots if shown.kind == "sequence"]
    assert [shown.shape for shown in together[1:]] == [(3 * 400 - 6 - 7 - 8, 64), (2 * 400, 64)]
    first = behind[0][0]
    assert first.sample in kernel.execution.artifacts and len(first.rows) == 32
