"""Callbacks that train while ``fit`` is at work on some digits, and what the record of that shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autograder.records import Ledger, Training
from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
from keras import layers
from keras.datasets import mnist
keras.utils.set_random_seed(3)
(x, y), _ = mnist.load_data()
x, y = x[..., None] / 255.0, y
x, y, dark, labels = x[:1280], y[:1280], -1 - x[1280:1800], y[1280:1800]
def made(*extra, **settings):
    net = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), *extra, layers.Dense(10, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    return net
class Aside(keras.callbacks.Callback):
    def __init__(self, work, at):
        super().__init__()
        setattr(self, at, lambda *_, **logs: work(self.model))
def fitted(work, at="on_train_batch_end", epochs=2, **settings):
    net = made(**settings)
    net.fit(x, y, epochs=epochs, validation_data=(x[:200], y[:200]), callbacks=[Aside(work, at)], verbose=0)
    return net
def batch(net):
    net.train_on_batch(dark[:64], labels[:64])
optimizer, loss = keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy()
def steps(net):
    for at in range(0, 320, 64):
        with tf.GradientTape() as tape:
            value = loss(labels[at:at + 64], net(dark[at:at + 64], training=True))
        optimizer.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
"""


def ran(folder: Path, *cells: str) -> tuple[Ledger, dict[str, object]]:
    kernel = recorded(folder, *cells)
    return kernel.ledger, {name: kernel.array(name) for name in kernel.execution.artifacts if "npy" in name}


def dark(training: Training, samples: dict[str, object]) -> bool:
    """Whether the record of this training shows images that the callback brought in: they are -1 or less."""
    return any(np.min(samples[one.sample]) < -1 for one in (training.x, *training.roots) if one.sample)
