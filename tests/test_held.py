"""What a training step of the notebook's own brings in beside its batches, seen while TensorFlow traces it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.guest.recording.held import _in_rows
from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
x, y = np.zeros((320, 64), "float32"), np.arange(320) % 10
more, labels = np.ones((50, 64), "float32"), tf.constant(np.arange(50) % 10)
held, kept, few = tf.constant(more), tf.Variable(more, trainable=False), tf.ones((64,))

def train(step, eagerly=False, **options):
    class Own(keras.Model):
        def train_step(self, data):
            return super().train_step(step(self, *data))
    inputs = keras.Input((64,))
    model = Own(inputs, keras.layers.Dense(10, activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=eagerly)
    model.fit(x, y, batch_size=32, epochs=1, verbose=0, **options)

def mixed(images):
    def step(model, a, b):
        rows = tf.random.uniform((8,), 0, 50, "int32")
        return tf.concat([a, tf.gather(images, rows)], 0), tf.concat([b, tf.cast(tf.gather(labels, rows), b.dtype)], 0)
    return step

@tf.function
def elsewhere(a):
    return tf.concat([a[:-50], held], 0)
"""
TRAININGS = {
    "train(lambda model, a, b: (a, b))": [],
    "train(lambda model, a, b: (a * 0.5 + few, b))": [],
    "train(mixed(held))": [50],
    "train(mixed(kept))": [50],
    "train(mixed(more))": [50],
    "train(lambda model, a, b: (elsewhere(tf.repeat(a, 2, 0))[-32:], b))": [50],
    "train(mixed(held), eagerly=True)": [10],
    "train(lambda model, a, b: (a, b), eagerly=True, validation_data=(more, labels))": [10],
}
"""Code -> the rows of each array that is seen; of batches that are no graph, how many passed."""


@pytest.mark.kernel
def test_what_a_step_brings_in(tmp_path: Path) -> None:
    cells = [SET_UP, *TRAININGS]
    kernel = recorded(tmp_path, *cells)
    ledger = kernel.ledger
    assert all(training.own_step for training in ledger.trainings)
    found = [[shown.shape[0] for shown in training.roots] for training in ledger.trainings]
    assert dict(zip(TRAININGS, found, strict=True)) == TRAININGS
    samples = [[kernel.array(one.sample) for one in training.roots] for training in ledger.trainings]
    ones = [[bool(content.max() == 1) for content in each] for each in samples]
    assert ones == [[], [], [True], [True], [True], [True], [True], [False]], "the last one only validates with them"


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((50, 64), (50, 64)), ((1, 50, 8, 8), (50, 8, 8)), ((3200,), (50, 64)), ((784, 10), (784, 10)), ((65,), (65,))],
)
def test_images_in_an_array_of_another_form(shape: tuple[int, ...], rows: tuple[int, ...]) -> None:
    assert _in_rows(np.zeros(shape), 64).shape == rows
    assert _in_rows(np.zeros(shape), 0).shape == shape, "where it is not known how long an image is"
