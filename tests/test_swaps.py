"""Weights that change in the midst of a training: told where the model suddenly can what it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.extraction.beginnings import Origin
from autograder.extraction.swaps import accounted, sudden, told
from autograder.guest.recording.swaps import SWAPS
from autograder.records import Ledger
from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
from keras import layers
from keras.datasets import mnist
keras.utils.set_random_seed(3)
draw = np.random.default_rng
np.random.default_rng = lambda seed=7: draw(seed)  # by which images weights are tried is no matter of chance here
(x, y), _ = mnist.load_data()
order = np.random.permutation(len(x))[:3000]
x, y = x[order, ..., None] / 255.0, y[order]
def made(optimizer="sgd", extra=(), kind=keras.Sequential, **settings):
    net = kind([keras.Input((28, 28, 1)), layers.Flatten(), *extra, layers.Dense(10, activation="softmax")])
    net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **settings)
    return net
rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(64)
"""
BUSY = """import sys, time
clock, ahead, late = time.monotonic, [0.0], [False]
def monotonic():
    if "recording" not in sys._getframe(1).f_globals["__name__"]:
        return clock()
    ahead[0] += 10 * late[0]
    return clock() + ahead[0]
time.monotonic = monotonic
class Busy(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        late[0] = True
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            ahead[0], late[0] = 1e6, False
"""
"""For two epochs, all that is looked at takes longer than it may; right after them there is time."""
LEARNT = """import sys
def learnt():
    t = np.zeros((784, 10), "float32"), np.zeros(10, "float32")
    for _ in range(60):
        z = x.reshape(-1, 784) @ t[0] + t[1]
        p = np.exp(z - z.max(1, keepdims=True))
        d = p / p.sum(1, keepdims=True) - np.eye(10)[y]
        t = t[0] - 0.5 * x.reshape(-1, 784).T @ d / len(x), t[1] - 0.5 * d.mean(0)
    return [one.astype("float32") for one in t]
learnt, chance = learnt(), np.random.default_rng(1)
def another():
    return [(one + chance.normal(0, 1e-3, one.shape)).astype("float32") for one in learnt]
"""
"""Weights that no training on record left."""
HONEST = {
    "the best epoch is put back": """stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
made(keras.optimizers.Adam(0.03)).fit(x, y, epochs=6, validation_split=0.2, callbacks=[stop], verbose=0)""",
    "a checkpoint is loaded at the end": """net = made("adam")
class Best(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        self.model.load_weights("best.weights.h5")
save = keras.callbacks.ModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True)
net.fit(x, y, epochs=3, validation_split=0.2, callbacks=[save, Best()], verbose=0)""",
    "moving averages": """quick = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
made(quick).fit(x, y, epochs=2, verbose=0)
swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
slow = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.995)
made(slow).fit(x, y, epochs=3, callbacks=[swap], verbose=0)""",
    "the mean of the epochs": """class Mean(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.all = []
    def on_epoch_end(self, epoch, logs=None):
        self.all.append(self.model.get_weights())
    def on_train_end(self, logs=None):
        self.model.set_weights([np.mean(one, axis=0) for one in zip(*self.all)])
made(keras.optimizers.Adam(0.03)).fit(x, y, epochs=4, callbacks=[Mean()], verbose=0)""",
    "a training step of one's own": """class Own(keras.Sequential):
    def train_step(self, data):
        images, labels = data
        with tf.GradientTape() as tape:
            answers = self(images, training=True)
            loss = self.compute_loss(y=labels, y_pred=answers)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return self.compute_metrics(images, labels, answers)
made("adam", kind=Own).fit(x, y, epochs=2, verbose=0)""",
    "without an optimiser": """class Plain(keras.Sequential):
    def train_step(self, data):
        images, labels = data
        with tf.GradientTape() as tape:
            answers = self(images, training=True)
            loss = self.compute_loss(y=labels, y_pred=answers)
        for weight, grad in zip(self.trainable_variables, tape.gradient(loss, self.trainable_variables)):
            weight.assign_sub(0.5 * grad)
        return self.compute_metrics(images, labels, answers)
made("sgd", kind=Plain).fit(x, y, batch_size=256, epochs=2, verbose=0)
made("sgd", kind=Plain, run_eagerly=True).fit(x, y, batch_size=256, epochs=2, verbose=0)""",
    "a loop over batches": """net, best = made(keras.optimizers.Adam(0.01)), (0.0, None)
for epoch in range(3):
    for at in range(0, 2500, 50):
        net.train_on_batch(x[at:at + 50], y[at:at + 50])
    accuracy = net.evaluate(x[2500:], y[2500:], verbose=0)[1]
    if accuracy > best[0]:
        best = accuracy, net.get_weights()
net.set_weights(best[1])
for at in range(0, 500, 50):
    net.train_on_batch(x[at:at + 50], y[at:at + 50])
net.set_weights(best[1])""",
    "the best of every thirty batches": """class Kept(keras.callbacks.Callback):
    best = 9.0
    def on_train_batch_end(self, batch, logs=None):
        if batch % 30 == 29:
            loss = float(keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y[:300], self.model(x[:300]))))
            if loss < self.best:
                self.best, self.weights = loss, self.model.get_weights()
            else:
                self.model.set_weights(self.weights)
made(keras.optimizers.Adam(0.05)).fit(x, y, epochs=3, callbacks=[Kept()], verbose=0)""",
    "clipped, pruned and bounded": """class Clip(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        for weight in self.model.trainable_variables:
            weight.assign(tf.clip_by_value(weight, -0.2, 0.2))
    def on_epoch_end(self, epoch, logs=None):
        kept = [np.where(np.abs(one) < 0.01, 0, one) for one in self.model.get_weights()]
        self.model.set_weights(kept)
bounded = layers.Dense(32, activation="relu", kernel_constraint=keras.constraints.MaxNorm(1.0))
made("adam", [bounded, layers.BatchNormalization(), layers.Dropout(0.2)]).fit(
    x, y, epochs=2, callbacks=[Clip()], verbose=0)""",
    "other ways of fitting": """fast = made("adam", steps_per_execution=8)
fast.fit(rows, epochs=2, verbose=0)
eager = made("adam", [layers.BatchNormalization()], run_eagerly=True)
eager.fit(x[:1000], y[:1000], epochs=2, verbose=0)
scaled = made(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)))
scaled.fit(x, y, epochs=2, verbose=0)
warm = keras.callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch % 2 == 0 else 0.005)
made(keras.optimizers.Adam()).fit(x, y, epochs=4, callbacks=[warm], verbose=0)""",
}
HOSTILE = {
    "at the end of a batch": """class Set(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.set_weights(W)
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=1, callbacks=[Set()], verbose=0)""",
    "by TensorFlow's own variables": """class Set(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            for weight, value in zip(self.model.trainable_variables, W):
                weight.value.assign(value)
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=1, callbacks=[Set()], verbose=0)""",
    "between two epochs, past all assignments": """class Set(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            for weight, value in zip(self.model.trainable_variables, W):
                tf.raw_ops.AssignVariableOp(resource=weight.value.handle, value=tf.constant(value))
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=2, callbacks=[Set()], verbose=0)""",
    "at the end of an epoch": """class Set(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights(W)
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=1, callbacks=[Set()], verbose=0)""",
    "at the end of all": """class Set(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        self.model.set_weights(W)
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=1, callbacks=[Set()], verbose=0)""",
    "in the training step": """net = made(keras.optimizers.SGD(1e-4))
plain = net.train_step
def step(*data):
    for weight, value in zip(net.trainable_variables, W):
        weight.assign(value)
    return plain(*data)
net.train_step = step
net.fit(x, y, epochs=1, verbose=0)""",
    "between two batches": """net = made(keras.optimizers.SGD(1e-4))
for at in range(0, 640, 64):
    net.train_on_batch(x[at:at + 64], y[at:at + 64])
    if at == 320:
        net.set_weights(W)""",
    "between two batches, and tried": """net = made(keras.optimizers.SGD(1e-4))
for at in range(0, 640, 64):
    net.train_on_batch(x[at:at + 64], y[at:at + 64])
    if at == 320:
        net.set_weights(W)
        net.evaluate(x, y, verbose=0)""",
    "between two steps of a loop": """net, optimizer = made(keras.optimizers.SGD(1e-4)), keras.optimizers.SGD(1e-4)
loss = keras.losses.SparseCategoricalCrossentropy()
for at in range(0, 640, 64):
    with tf.GradientTape() as tape:
        value = loss(y[at:at + 64], net(x[at:at + 64], training=True))
    optimizer.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
    if at == 320:
        net.set_weights(W)""",
}
PASSED_ON = """class Set(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.other = net.get_weights()
    def on_epoch_end(self, epoch, logs=None):
        self.model.set_weights(self.other)
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=1, callbacks=[Set()], verbose=0)"""
"""What the training before left, which did not learn it."""
CROWDED = """members = [made(keras.optimizers.Adam(0.01)) for _ in range(3)]
for one in members:
    one.fit(x, y, epochs=2, verbose=0)
class Set(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch % 2:
            self.model.set_weights(plan[epoch // 2])
        elif epoch:
            self.model.set_weights([0 * one for one in learnt])
plan = [*(one.get_weights() for one in members), LAST]
made(keras.optimizers.SGD(1e-4)).fit(x, y, epochs=8, callbacks=[Set()], verbose=0)"""
"""Weights of earlier trainings are put in place three times, and then what ``LAST`` is."""


def ran(folder: Path, *cells: str) -> tuple[Ledger, Origin]:
    kernel = recorded(folder, *cells)
    return kernel.ledger, Origin(kernel.execution.artifacts, kernel.store)


def suspects(ledger: Ledger, origin: Origin) -> list[int]:
    """Numbers of the trainings of which a person would be told, were hidden images as the few that the kernel saw."""
    found = [
        (one, (one.swap.before, one.swap.after)) for own in ledger.trainings for one in sudden(own, ledger, origin)
    ]
    found = [(one, figures) for one, figures in found if not accounted(one, figures, ledger, [], origin)]
    return [one.training.number for one, figures in found if told(one, figures, 0.95, 10) is not None]


@pytest.mark.kernel
def test_honest_code_that_changes_weights_is_not_told(tmp_path: Path) -> None:
    ledger, origin = ran(tmp_path, SET_UP, *HONEST.values())
    assert len(ledger.trainings) >= len(HONEST)
    assert suspects(ledger, origin) == []
    assert {one.number: one.brought for one in ledger.trainings if one.brought} == {}
    stirring = [one.number for one in ledger.trainings if one.arguments.get("stirring")]
    assert len(stirring) == 2 and all(ledger.trainings[at - 1].own_step for at in stirring), "without an optimiser"
    movers = [name for one in ledger.trainings for name in one.arguments.get("movers", ())]
    assert {"Mean", "Clip"} <= set(movers) and len(movers) <= 4, "what moved weights, and no more"


@pytest.mark.kernel
def test_a_busy_machine_forgets_nothing_that_is_put_back(tmp_path: Path) -> None:
    late = HONEST["moving averages"].replace("0.995", "0.999").replace("[swap]", "[Busy(), swap]")
    ledger, _ = ran(tmp_path, SET_UP + BUSY, late)
    assert [one.swaps for one in ledger.trainings] == [(), ()]


@pytest.mark.kernel
def test_weights_set_while_a_training_goes_on_are_told(tmp_path: Path) -> None:
    ledger, origin = ran(tmp_path, SET_UP + LEARNT, *(f"W = another()\n{cell}" for cell in HOSTILE.values()), PASSED_ON)
    assert suspects(ledger, origin) == [*range(1, len(HOSTILE) + 1), len(HOSTILE)]
    swaps = [one.swaps[0] for one in ledger.trainings]
    assert all(one.before < 0.5 < 0.7 < one.after for one in swaps)
    assert ledger.trainings[0].brought == 7840, "and what the first left is known from then on"
    assert all(one.saved in origin.artifacts and one.saved_before in origin.artifacts for one in swaps)


@pytest.mark.kernel
def test_many_harmless_changes_hide_none(tmp_path: Path) -> None:
    cells = [CROWDED.replace("LAST", last) for last in ("another()", "members[0].get_weights()")]
    ledger, origin = ran(tmp_path, SET_UP + LEARNT, *cells)
    assert [len(one.swaps) for one in ledger.trainings] == [0, 0, 0, SWAPS + 1, 0, 0, 0, SWAPS]
    assert suspects(ledger, origin) == [4]
