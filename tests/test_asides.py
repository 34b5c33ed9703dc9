"""What callbacks train while ``fit`` is at work: a part of its record, or a training of its own."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from autograder.guest.recording.asides import Asides, Fit
from autograder.guest.recording.depth import Depth
from tests.asides import SET_UP, dark, ran


class Weighted:
    def __init__(self, *weights: object) -> None:
        self.trainable_variables = self.weights = weights


def test_whose_turn_it_is() -> None:
    inside = Depth()
    asides, fit = Asides(inside), Fit({"number": 1}, Weighted(), stepping=False)
    with inside.deeper(), asides.around(fit):
        assert asides.now is fit
        with inside.deeper():
            assert asides.now is None, "the recorder, or Keras on its behalf"
        fit.stepping = True
        assert asides.now is None and asides.outermost is fit
    assert asides.now is None and asides.outermost is None


def test_models_that_share_weights() -> None:
    inside = Depth()
    one, two = object(), object()
    asides, fit = Asides(inside), Fit({"number": 1}, Weighted(one))
    with asides.around(fit):
        assert asides.of(fit.model) == asides.of(Weighted(one, two)) == [fit]
        assert asides.of(Weighted(two)) == []


@pytest.mark.parametrize("several", [False, True])
def test_of_a_large_array_rows_from_everywhere(several: bool) -> None:
    fit, kept = Fit({"number": 1, "roots": []}, Weighted()), list[bytes]()
    images = np.arange(4000.0).reshape(1000, 4)
    fit.saw([images[:, :1], images] if several else images, lambda _: "")
    assert fit.late.printed(lambda content: kept.append(content) or "sample")
    rows = np.load(io.BytesIO(kept[0]))[:, 0] // 4
    assert len(rows) > 20 and rows.min() < 100 and rows.max() > 900


OWN = {
    "after each batch": "net = fitted(batch)",
    "eager": "net = fitted(batch, run_eagerly=True, epochs=1)",
    "after an epoch": "net = fitted(lambda net: [batch(net) for _ in range(9)], 'on_epoch_end')",
    "before the first": "net = fitted(lambda net: [batch(net) for _ in range(200)], 'on_train_begin')",
    "before an epoch": "net = fitted(lambda net: [batch(net) for _ in range(200)], 'on_epoch_begin')",
    "a fit": "net = fitted(lambda net: net.fit(dark, labels, verbose=0), 'on_epoch_end')",
    "a data set": """rows = tf.data.Dataset.from_tensor_slices((dark, labels)).batch(64)
net = fitted(lambda net: net.fit(rows, verbose=0), 'on_epoch_end')""",
    "a loop": "net = fitted(steps, 'on_epoch_end')",
    "a compiled step": """another = keras.optimizers.SGD(0.01)
@tf.function
def compiled(net, images, answers):
    with tf.GradientTape() as tape:
        value = loss(answers, net(images, training=True))
    another.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)
net = fitted(lambda net: [compiled(net, dark[:320], labels[:320]) for _ in range(200)], 'on_train_begin')""",
    "a wrapping": """def around(net):
    whole = keras.Sequential([keras.Input((28, 28, 1)), net])
    whole.compile("sgd", "sparse_categorical_crossentropy")
    whole.fit(dark, labels, verbose=0)
net = fitted(around, 'on_epoch_end')""",
}
QUIET = {
    "looked at": """def look(net):
    net.evaluate(dark, labels, verbose=0)
    net.predict(dark, verbose=0)
    net.test_on_batch(dark[:64], labels[:64])
    with tf.GradientTape() as tape:
        images = tf.constant(dark[:200], "float32")
        tape.watch(images)
        top = tf.reduce_max(net(images), axis=1)
    tape.gradient(top, images)
    tf.function(lambda images: net(images))(images)
net = fitted(look, 'on_epoch_end')""",
    "eagerly": "net = fitted(lambda net: None, run_eagerly=True, epochs=1)",
}
OTHERS = """other, third, probe = made(), made(), made()
def work(net):
    other.train_on_batch(dark[:64], labels[:64])
    steps(third)
    probe.fit(dark, labels, epochs=2, verbose=0)
net = fitted(work, 'on_epoch_end')
other.evaluate(x, y, verbose=0)"""


@pytest.mark.kernel
def test_of_the_model_that_is_fitted_it_is_a_part(tmp_path: Path) -> None:
    ledger, samples = ran(tmp_path, SET_UP, *OWN.values(), *QUIET.values())
    assert [one.model for one in ledger.trainings] == list(dict.fromkeys(one.model for one in ledger.trainings))
    assert [dark(one, samples) for one in ledger.trainings] == [True] * len(OWN) + [False] * len(QUIET)
    assert [(one.swaps, one.start_accuracy) for one in ledger.trainings] == [((), None)] * len(ledger.trainings)
    assert all(one.finished and one.epochs_run == len(one.epoch_weights) > 0 for one in ledger.trainings)
    assert len(ledger.evaluations) == 0


@pytest.mark.kernel
def test_of_another_model_it_is_a_training_within(tmp_path: Path) -> None:
    ledger, samples = ran(tmp_path, SET_UP, OTHERS)
    net, *within = ledger.trainings
    assert not dark(net, samples) and "within" not in net.arguments and net.epochs_run == 2
    assert [one.arguments.get("within") for one in within] == [1] * 4 and all(dark(one, samples) for one in within)
    assert [one.epochs_run for one in within if not one.arguments.get("loop")] == [2, 2]
    assert sorted(one.arguments["steps"] for one in within if one.arguments.get("loop")) == [2, 10]
    assert net.seconds + sum(one.seconds for one in within if one.epochs_run == 2) < 60 and net.seconds > 0
    assert ledger.evaluations[-1].weights in {one.weights for one in within}
