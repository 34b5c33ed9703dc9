"""What alters images at random on their way to a training, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator
x, y = np.random.rand(80, 8, 8, 1).astype("float32"), np.arange(80) % 10
flow = tf.data.Dataset.from_tensor_slices((x, y))
turn = keras.Sequential([keras.layers.RandomRotation(0.1), keras.layers.RandomZoom(0.1)])
def noisy(image, label):
    return image + tf.random.normal(tf.shape(image)), label
def sometimes(image, label):
    return tf.cond(tf.random.uniform(()) < 0.5, lambda: tf.image.random_brightness(image, 0.1), lambda: image), label
def fit(data):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data, epochs=1, verbose=0)
"""
FITS: dict[str, list[str]] = {
    "fit(flow.shuffle(80).batch(20))": [],
    "fit(flow.map(lambda a, b: (a * 2, b)).batch(20))": [],
    "fit(flow.map(lambda a, b: (tf.image.random_flip_left_right(a), b)).batch(20))": ["random_flip_left_right"],
    "fit(flow.batch(20).map(lambda a, b: (turn(a, training=True), b)).prefetch(1))": ["random_rotation", "random_zoom"],
    "fit(flow.map(noisy, num_parallel_calls=2).batch(20))": ["noisy"],
    "fit(flow.map(sometimes).batch(20))": ["adjust_brightness"],
    "fit(flow.concatenate(flow.map(noisy)).batch(20))": ["noisy"],
    "fit(ImageDataGenerator().flow(x, y, batch_size=20))": [],
    "fit(ImageDataGenerator(rotation_range=9, zoom_range=0.1).flow(x, y))": ["rotation_range", "zoom_range"],
}


@pytest.mark.kernel
def test_the_names_of_what_alters_images(tmp_path: Path) -> None:
    cells = [SET_UP, *FITS]
    kernel = recorded(tmp_path, *cells)
    ledger = kernel.ledger
    named = [training.arguments.get("augmentations", []) for training in ledger.trainings]
    assert dict(zip(FITS, named, strict=True)) == FITS
