"""What has no effect on a training, seen in the kernel while it takes place, and what has one."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from autograder.checks.differences import differences
from autograder.checks.slight import Slight, Why, slight
from autograder.records import Ledger, Training
from tests.evidence import evidence
from tests.recorded import recorded

SET_UP = """import numpy as np, keras, tensorflow as tf
from keras import layers, callbacks as cb
from keras.datasets import mnist
keras.utils.set_random_seed(3)
(x, y), _ = mnist.load_data()
order = np.random.permutation(len(x))[:640]
x, y = x[order, ..., None] / 255.0, y[order]
Mine, Own = keras.layers.Layer, keras.callbacks.Callback
def net(*first, flat=(), **last):
    return keras.Sequential([keras.Input((28, 28, 1)), *first, layers.AveragePooling2D(4), layers.Flatten(), *flat,
                             layers.Dense(10, activation="softmax", **last)])
def fit(model, rate=0.001, x=x, y=y, loss="sparse_categorical_crossentropy", **settings):
    optimizer = rate if isinstance(rate, keras.optimizers.Optimizer) else keras.optimizers.Adam(rate)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(x, y, **({"epochs": 2, "verbose": 0} | settings))
class Nothing(Mine):
    def call(self, inputs):
        print("asked")
        return inputs * 1.0
class Sometimes(Mine):
    def call(self, inputs, training=None):
        if not training:
            return inputs
        return inputs * tf.where(tf.random.uniform([]) < 0.3, 0.5, 1.0)
class Draws(Mine):
    def call(self, inputs):
        tf.random.uniform([])
        return inputs
class Half(Mine):
    def call(self, inputs):
        return inputs * 0.5
class Fading(Mine):
    def build(self, shape):
        self.strength = self.add_weight(shape=(), initializer="ones", trainable=False)
    def call(self, inputs):
        return inputs + self.strength * 0.1
class Stops(Mine):
    def call(self, inputs):
        return tf.stop_gradient(inputs)
class Punished(Mine):
    def call(self, inputs):
        self.add_loss(0.01 * keras.ops.mean(keras.ops.abs(inputs)))
        return inputs
class Net(keras.Model):
    def __init__(self, rate, training):
        super().__init__()
        self.pool, self.flat, self.drop = layers.AveragePooling2D(4), layers.Flatten(), layers.Dropout(rate)
        self.left, self.last = layers.Dense(99), layers.Dense(10, activation="softmax")
        self.told = training
    def call(self, inputs):
        return self.last(self.drop(self.flat(self.pool(inputs)), training=self.told))
def graph(layer):
    image = keras.Input((28, 28, 1))
    hidden = layer(layers.Flatten()(layers.AveragePooling2D(4)(image)), training=False)
    return keras.Model(image, layers.Dense(10, activation="softmax")(hidden))
class FadeOut(Own):
    def on_epoch_end(self, epoch, logs=None):
        self.model.layers[0].strength.assign(0.0)
class EarlyPass(Own):
    pass
class StopPrinting(Own):
    def __init__(self):
        super().__init__()
        self.losses = []
    def on_epoch_end(self, epoch, logs=None):
        self.losses.append((logs or {}).get("loss"))
        print(f"epoch {epoch}: {self.losses[-1]:.3f}")
class EarlyStop(Own):
    def on_epoch_end(self, epoch, logs=None):
        self.seen = logs
class StopEarly(Own):
    def on_epoch_end(self, epoch, logs=None):
        if (logs or {}).get("accuracy", 0) > 2:
            self.model.stop_training = True
class RateOf(Own):
    def __init__(self, optimizer):
        super().__init__()
        self.optimizer = optimizer
    def on_epoch_end(self, epoch, logs=None):
        self.optimizer.learning_rate = 0.01
fit(net())
"""
IDLE: Mapping[str, str] = {
    "a frozen convolution of one": "fit(net(layers.Conv2D(1, 1, kernel_initializer='ones', use_bias=False, "
    "trainable=False)))",
    "a frozen identity": "fit(net(flat=(layers.Dense(49, kernel_initializer='identity', trainable=False),)))",
    "a frozen normalisation": "fit(net(layers.BatchNormalization(trainable=False)))",
    "a depthwise one": "fit(net(layers.DepthwiseConv2D(1, depthwise_initializer='ones', use_bias=False, "
    "trainable=False)))",
    "a layer of one's own": "fit(net(Nothing()))",
    "within a model": "fit(net(keras.Sequential([Nothing(), layers.Lambda(lambda one: one)])))",
    "a model that is built by fit": """late = [Nothing(), layers.AveragePooling2D(4), layers.Flatten()]
fit(keras.Sequential([*late, layers.Dense(10, activation="softmax")]))""",
    "stopping blindly": "fit(net(), callbacks=[cb.EarlyStopping('val_loss', patience=1, restore_best_weights=True)])",
    "a plateau of nothing": "fit(net(), callbacks=[cb.ReduceLROnPlateau('nothing', patience=1)])",
    "a floor": "fit(net(), callbacks=[cb.ReduceLROnPlateau('loss', patience=1, min_lr=0.001)])",
    "equal values": "fit(net(), keras.optimizers.schedules.PiecewiseConstantDecay([10, 20], [0.001] * 3))",
    "values beyond the end": "fit(net(), keras.optimizers.schedules.PiecewiseConstantDecay([10**6], [0.001, 0.0001]))",
    "a schedule for ages": "fit(net(), keras.optimizers.schedules.CosineDecay(0.001, 10**8))",
    "a limit far beyond the gradients": "fit(net(), keras.optimizers.Adam(0.001, clipnorm=1000.0))",
    "a norm far beyond the weights": "fit(net(kernel_constraint=keras.constraints.MaxNorm(1000.0)))",
    "a penalty of nothing on biases": "fit(net(bias_regularizer=keras.regularizers.L2(1e-6)))",
    "a mask of what no image holds": "fit(net(layers.Masking(-7.0)))",
    "a divergence": "fit(net(), y=keras.utils.to_categorical(y), loss='kl_divergence')",
    "dropout without training": "fit(Net(0.5, False))",
    "rows twice": "fit(net(), x=np.concatenate([x, x]), y=np.concatenate([y, y]), epochs=1)",
    "an empty callback": "fit(net(), callbacks=[EarlyPass()])",
    "a callback that keeps": "fit(net(), callbacks=[EarlyStop()])",
    "a callback that prints": "fit(net(), callbacks=[StopPrinting()])",
}
ACTING: Mapping[str, tuple[str, str]] = {
    "a frozen convolution": ("fit(net(layers.Conv2D(1, 3, padding='same', trainable=False)))", "layers"),
    "a convolution that learns": (
        "fit(net(layers.Dense(1, kernel_initializer='ones')))", "layers"
    ),
    "a normalisation": ("fit(net(layers.BatchNormalization()))", "BatchNormalization"),
    "now and then": ("fit(net(Sometimes()))", "layers"),
    "fading": ("fit(net(Fading()), callbacks=[FadeOut()])", "layers"),
    "no gradient": ("fit(net(flat=(layers.Dense(49), Stops())))", "layers"),
    "a penalty": ("fit(net(Punished()))", "layers"),
    "early stopping": ("fit(net(), callbacks=[cb.EarlyStopping('loss', patience=1)])", "EarlyStopping"),
    "validation": (
        "fit(net(), validation_split=0.1, callbacks=[cb.EarlyStopping('val_loss', patience=1)])", "EarlyStopping"
    ),
    "an old name": ("fit(net(), callbacks=[cb.EarlyStopping('acc', patience=1)])", "EarlyStopping"),
    "a plateau": ("fit(net(), callbacks=[cb.ReduceLROnPlateau('loss', patience=1)])", "ReduceLROnPlateau"),
    "dropout in training": ("fit(Net(0.5, True))", "Dropout"),
    "dropout that Keras tells itself": ("fit(graph(layers.Dropout(0.05)))", "Dropout"),
    "noise that Keras tells itself": ("fit(graph(layers.GaussianNoise(0.1)))", "GaussianNoise"),
    "a limit": ("fit(net(), keras.optimizers.Adam(0.001, clipnorm=1.0))", "clipnorm"),
    "a limit of each": ("fit(net(), keras.optimizers.Adam(0.001, clipvalue=0.5))", "clipvalue"),
    "a norm": ("fit(net(kernel_constraint=keras.constraints.MaxNorm(3.0)))", "MaxNorm"),
    "a small penalty": ("fit(net(kernel_regularizer=keras.regularizers.L2(1e-4)))", "L2"),
    "a small penalty on biases": ("fit(net(bias_regularizer=keras.regularizers.L2(1e-4)))", "L2"),
    "values": (
        "fit(net(), keras.optimizers.schedules.PiecewiseConstantDecay([30], [0.001, 0.0001]))",
        "PiecewiseConstantDecay",
    ),
    "rows of another kind": (
        "fit(net(), x=np.concatenate([x, np.roll(x, 1, 1)]), y=np.concatenate([y, y]))", "rows"
    ),
    "some rows twice": ("fit(net(), x=np.concatenate([x, x[:64]]), y=np.concatenate([y, y[:64]]))", "rows"),
    "a stop of one's own": ("fit(net(), callbacks=[StopEarly()])", "StopEarly"),
    "a rate of one's own": (
        "rate = keras.optimizers.Adam(0.001)\nfit(net(), rate, callbacks=[RateOf(rate)])", "RateOf"
    ),
}  # fmt: skip


UNTAUGHT: Mapping[str, tuple[str, Why]] = {
    "a rate of nothing": ("fit(net(), 1.1e-9)", Why.HARDLY),
    "weights of nothing": ("fit(net(), sample_weight=np.zeros(len(x)))", Why.UNMOVED),
    "clipped to nothing": ("fit(net(), keras.optimizers.SGD(0.001, clipnorm=1e-12))", Why.HARDLY),
    "no numbers": ("fit(net(), x=np.full_like(x, np.nan))", Why.LOST),
    "black": ("fit(net(), x=x * 0)", Why.BLANK),
    "one image": ("fit(net(), x=np.repeat(x[:1], 640, axis=0))", Why.FEW),
}
TAUGHT: Mapping[str, str] = {
    "a small rate": "fit(net(), 1e-6)",
    "built by fit": "fit(keras.Sequential([layers.Flatten(), layers.Dense(10, activation='softmax')]))",
    "noise on labels": "fit(net(), y=np.where(np.arange(len(y)) % 3 == 0, np.roll(y, 1), y))",
}
DRAWN = """def drawn(layer):
    keras.utils.set_random_seed(5)
    fit(net(layer))
    return float(tf.random.uniform(())), float(keras.random.uniform(())), np.random.rand()
assert drawn(Draws()) == drawn(Half())"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, bytes]:
    """What was recorded, and the executed notebook."""
    folder = tmp_path_factory.mktemp("effects")
    sources = {**IDLE, **{name: source for name, (source, _) in (ACTING | UNTAUGHT).items()}, **TAUGHT}
    cells = (SET_UP, *sources.values(), DRAWN)
    kernel = recorded(folder, *cells)
    assert kernel.execution.notebook is not None
    return kernel.ledger, kernel.store.get(kernel.execution.notebook)


@pytest.fixture(scope="module")
def trained(ran: tuple[Ledger, bytes]) -> tuple[Training, Mapping[str, Training]]:
    """The first training, and that of each cell."""
    first, *others = ran[0].trainings
    return first, dict(zip((*IDLE, *ACTING), others, strict=False))


@pytest.mark.kernel
def test_looking_leaves_nothing_behind(ran: tuple[Ledger, bytes]) -> None:
    """Layers are called once more in the kernel: what they print and draw then is not to be seen."""
    ledger, executed = ran
    assert ledger.notes == ()
    assert [training.layers[0].idle for training in ledger.trainings[-2:]] == [True, False]
    cells = json.loads(executed)["cells"][1:]
    printed = ["".join(one.get("text", "")) for one in cells[1 + list(IDLE).index("a layer of one's own")]["outputs"]]
    assert 1 <= "".join(printed).count("asked") < 10


@pytest.mark.kernel
@pytest.mark.parametrize("name", IDLE)
def test_without_effect(trained: tuple[Training, Mapping[str, Training]], name: str) -> None:
    assert differences(trained[0], trained[1][name]) == ()


@pytest.mark.kernel
@pytest.mark.parametrize("name", ACTING)
def test_with_an_effect(trained: tuple[Training, Mapping[str, Training]], name: str) -> None:
    assert [change.name for change in differences(trained[0], trained[1][name])][:1] == [ACTING[name][1]]


def slightly(ran: tuple[Ledger, bytes], number: int) -> Slight | None:
    made = ran[0].trainings[1 + len(IDLE) + len(ACTING) + number]
    return slight([made], evidence(trainings=[made]), 10)


@pytest.mark.kernel
@pytest.mark.parametrize("name", UNTAUGHT)
def test_what_teaches_nothing(ran: tuple[Ledger, bytes], name: str) -> None:
    found = slightly(ran, list(UNTAUGHT).index(name))
    assert found is not None and (found.why, found.sure) == (UNTAUGHT[name][1], True)


@pytest.mark.kernel
@pytest.mark.parametrize("name", TAUGHT)
def test_what_teaches_a_little(ran: tuple[Ledger, bytes], name: str) -> None:
    found = slightly(ran, len(UNTAUGHT) + list(TAUGHT).index(name))
    assert found is None or not found.sure
