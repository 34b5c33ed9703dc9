"""What learns on the weights of a model past the steps of its ``fit``, and what only looks as if it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asides import SET_UP, dark, ran

OWN = """held, wanted = tf.constant(dark, "float32"), tf.constant(labels)
cross = keras.losses.sparse_categorical_crossentropy
def some():
    rows = tf.random.uniform((8,), 0, len(held), "int32")
    return tf.gather(held, rows), tf.gather(wanted, rows)
def mean(net, images, answers):
    return tf.reduce_mean(cross(answers, net(images)))
class Metric(keras.metrics.Mean):
    def __init__(self, work, net):
        super().__init__()
        self.work, self.net = work, net
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(self.work(self.net, y_true, y_pred))
def measured(work, eagerly=False, **settings):
    net = made()
    rule.build(net.trainable_variables)
    net.compile("adam", "sparse_categorical_crossentropy", metrics=[Metric(work, net)], run_eagerly=eagerly)
    net.fit(x[:320], y[:320], epochs=1, verbose=0, **settings)
def step(net, *_):
    with tf.GradientTape() as tape:
        value = mean(net, *some())
    rule.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
    return value
def by_hand(net, *_):
    with tf.GradientTape() as tape:
        value = mean(net, *some())
    for one, slope in zip(net.trainable_variables, tape.gradient(value, [v.value for v in net.trainable_variables])):
        one.assign_sub(0.01 * slope)
    return value
def layered(net, images):
    for layer in net.layers:
        images = layer(images)
    return images
def layerwise(net):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(labels[:64], layered(net, tf.constant(dark[:64], "float32"))))
    rule.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
def called(net):
    own = net.trainable_variables
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(labels[:64], net.call(tf.constant(dark[:64], "float32"))))
    for one, slope in zip(own, tape.gradient(value, [one.value for one in own])):
        one.assign_sub(0.01 * slope)
def multiplied(net):
    kernel, bias = net.trainable_variables
    with tf.GradientTape() as tape:
        logits = tf.reshape(tf.constant(dark[:64], "float32"), (64, -1)) @ kernel.value + bias.value
        value = tf.reduce_mean(cross(labels[:64], tf.nn.softmax(logits)))
    rule.apply(tape.gradient(value, [kernel, bias]), [kernel, bias])
"""
NEW = "rule = keras.optimizers.SGD(0.01)\n"
"""An optimiser is of one model."""
LEARNS = {
    "a metric": ("measured(step)", 10),
    "a metric by hand": ("measured(by_hand)", 0),
    "a metric, eagerly": ("measured(step, eagerly=True)", 10),
    "a regularizer": (
        """net = made()
net.layers[-1].kernel.regularizer = lambda kernel: mean(net, *some())
net.fit(x, y, epochs=1, verbose=0)""",
        0,
    ),
    "a regularizer, within a function": (
        """net = made()
@tf.function
def rough(number):
    rows = tf.random.uniform((8,), 0, len(dark), "int32")
    return number * mean(net, tf.gather(dark.astype("float32"), rows), tf.gather(labels, rows))
net.layers[-1].kernel.regularizer = lambda kernel: rough(tf.reduce_sum(kernel))
net.fit(x, y, epochs=1, verbose=0)""",
        0,
    ),
    "a regularizer, on a condition": (
        """net = made()
def rough():
    rows = tf.random.uniform((8,), 0, len(dark), "int32")
    return mean(net, tf.gather(dark.astype("float32"), rows), tf.gather(labels, rows))
net.layers[-1].kernel.regularizer = lambda kernel: tf.cond(tf.reduce_sum(kernel) < 99, rough, lambda: 0.0)
net.fit(x, y, epochs=1, verbose=0)""",
        0,
    ),
    "a constraint": (
        """net = made()
net.layers[-1].kernel.constraint = lambda kernel: kernel - 0.1 * tf.gradients(mean(net, *some()), [kernel.value])[0]
net.fit(x, y, epochs=1, verbose=0)""",
        0,
    ),
    "a loss": (
        """net = made()
net.compile("adam", lambda y, p: mean(net, *some()))
net.fit(x, y, epochs=1, verbose=0)""",
        0,
    ),
    "layer by layer": ("fitted(layerwise, epochs=1)", 0),
    "by hand in a callback": ("fitted(called, epochs=1)", 0),
    "compiled, of arrays from outside": (
        "fitted(tf.function(step), epochs=1)",
        0,
    ),
    "compiled, by hand": ("fitted(tf.function(by_hand), epochs=1)", 0),
    "in validation": (
        """net = made()
rule.build(net.trainable_variables)
look = Aside(layerwise, "on_test_batch_end")
net.fit(x, y, validation_data=(x[:64], y[:64]), epochs=1, verbose=0, callbacks=[look])""",
        0,
    ),
    "in a callback of a prediction": (
        """net, other = made(), made()
other.compile("sgd", "sparse_categorical_crossentropy")
look = Aside(lambda _: other.train_on_batch(dark[:64], labels[:64]), "on_predict_batch_end")
net.predict(x[:320], verbose=0, callbacks=[look])""",
        0,
    ),
}
"""What learns from images below zero -> how many steps cannot be followed."""
LOOP = """net = made()
rule.build(net.trainable_variables)
flow = tf.data.Dataset.from_tensor_slices((dark.astype("float32"), labels)).repeat().batch(32)
its = iter(flow)
def learn(images, answers):
    with tf.GradientTape() as tape:
        value = mean(net, images, answers)
    rule.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
"""
LOOPS = {
    "arrays": """@tf.function
def once(rows):
    learn(tf.gather(dark.astype("float32"), rows), tf.gather(labels, rows))
for at in range(3): once(tf.range(at, at + 8))""",
    "an iterator": """@tf.function
def once(given):
    learn(*next(given))
for _ in range(3): once(its)""",
    "an iterator from outside": """@tf.function
def once():
    learn(*next(its))
for _ in range(3): once()""",
    "a pipeline from outside": """@tf.function
def epoch():
    for images, answers in flow.take(3):
        learn(images, answers)
epoch()""",
}
"""What compiled loops learn from that is not handed to them as it is."""
IN_USE = """net = made()
rule.build(net.trainable_variables)
net.compile("adam", "sparse_categorical_crossentropy", metrics=[Metric(step, net)])
net.evaluate(x[:320], y[:320], verbose=0)
del net  # whose last weights were put to no use"""
UNSEEN = {"past all layers": ("fitted(multiplied, epochs=1)", 40)}
HONEST = {
    "a metric that computes": (
        """def f1(net, y_true, y_pred):
    right = tf.cast(tf.cast(y_true, "int64") == tf.argmax(y_pred, 1)[:, None], "float32")
    return 2 * tf.reduce_sum(right) / (tf.reduce_sum(right) + 32)
measured(f1, validation_data=(dark, labels))"""
    ),
    "a metric that evaluates": "measured(lambda net, *_: mean(net, held, wanted))",
    "a metric that evaluates, eagerly": "measured(lambda net, *_: mean(net, held, wanted), eagerly=True)",
    "parts that compute": """@keras.saving.register_keras_serializable()
def swish(x):
    return x * tf.sigmoid(x)
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.001 / (1 + tf.cast(step, "float32"))
net = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(9, activation=swish,
    kernel_regularizer=lambda k: 1e-4 * tf.reduce_sum(k**2), kernel_constraint=lambda k: tf.clip_by_value(k, -1, 1)),
    layers.SpectralNormalization(layers.Dense(9)), layers.BatchNormalization(), layers.Dense(10, "softmax")])
net.compile(keras.optimizers.Adam(Rate()), "sparse_categorical_crossentropy")
net.fit(x, y, epochs=1, verbose=0)""",
    "layer by layer, of images that come from a generator": """def learn(net):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(y[:64], layered(net, tf.constant(x[:64], "float32"))))
    rule.apply(tape.gradient(value, net.trainable_variables), (one for one in net.trainable_variables))
net = made()
flow = ((x[at : at + 32], y[at : at + 32]) for at in range(0, 320, 32))
net.fit(flow, steps_per_epoch=9, epochs=1, verbose=0, callbacks=[Aside(learn, "on_train_batch_end")])""",
    "layers without names": "fitted(lambda net: layered(net, dark[:64]))",
    "gradients that are looked at": """def look(net):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(labels[:64], layered(net, tf.constant(dark[:64], "float32"))))
    print(len(tape.gradient(value, net.trainable_variables)))
class Mean(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        for one in self.model.trainable_variables:
            one.assign(one * 0.999)
net = made()
net.fit(x, y, epochs=1, verbose=0, callbacks=[Aside(look, "on_train_batch_end"), Mean()])""",
    "images that are looked at, then a step": """def cam(net):
    images = tf.constant(dark[:64], "float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        top = tf.reduce_max(layered(net, images), 1)
    tape.gradient(top, images)
    net.train_on_batch(x[:64], y[:64])
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(y[:64], net(x[:64])))
    rule.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
fitted(cam, epochs=1)""",
    "a teacher": """teacher = made(layers.Dense(64))
teacher.fit(x, y, epochs=1, verbose=0)
class Student(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return tf.reduce_mean(keras.losses.kl_divergence(teacher(x), y_pred))
net = Student(*(lambda net: (net.inputs, net.outputs))(made()))
net.compile("adam", "mse")
net.fit(x, y, epochs=1, verbose=0)""",
    "numbers of sixteen bits": """keras.mixed_precision.set_global_policy("mixed_float16")
net = made()
net.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
net.fit(x, y, epochs=1, verbose=0)
keras.mixed_precision.set_global_policy("float32")""",
    "a probe on features": """head, own = keras.Sequential([layers.Dense(10)]), keras.optimizers.SGD(0.01)
def probe(net):
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(cross(y[:64], tf.nn.softmax(head(tf.reshape(net(x[:64]), (64, -1))))))
    own.apply(tape.gradient(value, head.trainable_variables), head.trainable_variables)
fitted(probe, epochs=1)""",
}


@pytest.mark.kernel
def test_what_learns_beside_the_steps_is_seen(tmp_path: Path) -> None:
    wanted = {**LEARNS, **{name: (LOOP + code, 0) for name, code in LOOPS.items()}, **UNSEEN}
    ledger, samples = ran(tmp_path, SET_UP + OWN, *(NEW + code for code, _ in wanted.values()), NEW + IN_USE)
    found = dict(zip(wanted, ledger.trainings, strict=True))
    assert {name: one.unfollowed for name, one in found.items()} == {name: steps for name, (_, steps) in wanted.items()}
    assert [name for name, one in found.items() if not dark(one, samples)] == list(UNSEEN)
    assert ledger.learnt_in_use == 1, "as often as TensorFlow traced it"


@pytest.mark.kernel
def test_nothing_is_told_of_what_only_computes_or_looks(tmp_path: Path) -> None:
    ledger, samples = ran(tmp_path, SET_UP + OWN, *(NEW + code for code in HONEST.values()))
    assert len(ledger.trainings) > len(HONEST) and ledger.learnt_in_use == 0
    assert [one.number for one in ledger.trainings if one.unfollowed or dark(one, samples)] == []
