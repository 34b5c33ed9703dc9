"""Trainings of many kinds, in a process of their own: ``python -m tests.reuse_cases WAY FOLDER``.

``carried-out``: each training takes place and leaves what it was given and what it led to in the folder. ``replayed``:
what lies there is taken instead. ``off``: nobody is asked. Each writes, as JSON, of each case what came of it, as a
digest, and what the ledger says of its trainings. ``trainer``: what was given is trained by the trainer, and compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "2"}
os.environ |= {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"}

PACKAGE = Path(__file__).resolve().parent.parent / "autograder"
room = ModuleType("autograder_guest")
room.__path__ = [str(PACKAGE / "guest"), str(PACKAGE)]
sys.modules["autograder_guest"] = room

from autograder_guest.collector import paused  # type: ignore[import-not-found]  # noqa: E402

with paused():
    import keras
    import numpy as np
    import tensorflow as tf
from autograder_guest import parcel, trainer  # type: ignore[import-not-found]  # noqa: E402
from autograder_guest.handover import Handover  # type: ignore[import-not-found]  # noqa: E402
from autograder_guest.recording import iterators  # type: ignore[import-not-found]  # noqa: E402
from autograder_guest.recording import reuse as asking  # type: ignore[import-not-found]  # noqa: E402
from autograder_guest.recording.ledger import Recorder  # type: ignore[import-not-found]  # noqa: E402
from keras import layers  # noqa: E402

asking.SOME = 1000  # short as they are, all of them are asked about

Thing = Any
OFF = {"plain", "dropout", "early_stopping", "unbuilt"}
"""Enough to know that it makes no difference whether anybody is asked."""
NUMBERS = np.random.default_rng(0)
X = NUMBERS.random((96, 6, 6, 1))
Y = NUMBERS.integers(0, 4, 96)
V, W = NUMBERS.random((32, 6, 6, 1)).astype("float32"), NUMBERS.integers(0, 4, 32)
LOSS = "sparse_categorical_crossentropy"


def dense(*between: Thing, built: bool = True, kind: Thing = keras.Sequential) -> Thing:
    first = [layers.Input((6, 6, 1))] if built else []
    return kind([*first, layers.Flatten(), *between, layers.Dense(4, activation="softmax")])


def compiled(model: Thing, optimizer: Thing = "adam", loss: Thing = LOSS, metrics: Thing = ("accuracy",)) -> Thing:
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def fit(model: Thing, x: Thing = X, y: Thing = Y, **more: Thing) -> Thing:
    return model.fit(x, y, **{"epochs": 2, "verbose": 0, **more})


def told(model: Thing, *histories: Thing) -> Iterator[Thing]:
    """All that a training can change."""
    yield from (np.asarray(one) for one in (*model.variables, *model.optimizer.variables, *model.metrics_variables))
    yield [(history.history, history.epoch, history.params) for history in histories]
    yield model.stop_training


# --- understood ------------------------------------------------------------------------------------------------------


def plain() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(model, fit(model, batch_size=16))


def dropout() -> Iterator[Thing]:
    model = compiled(dense(layers.Dropout(0.4), layers.BatchNormalization()))
    yield from told(model, fit(model, validation_split=0.25))


def trained_twice() -> Iterator[Thing]:
    for _ in range(2):
        model = compiled(dense())
        yield from told(model, fit(model))


def continued() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(model, fit(model, epochs=1), fit(model, epochs=3, initial_epoch=1))


def own_loop_afterwards() -> Iterator[Thing]:
    model = compiled(dense())
    history = fit(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(Y, model(X)))
    model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    yield from told(model, history)


def early_stopping() -> Iterator[Thing]:
    model = compiled(dense(), keras.optimizers.SGD(2.0, momentum=0.9))
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    slow = keras.callbacks.ReduceLROnPlateau(patience=0, cooldown=1)
    yield from told(model, fit(model, epochs=6, validation_data=(V, W), callbacks=[stop, slow]))
    kept = vars(stop) | {f"slow {name}": value for name, value in vars(slow).items()}
    yield [(name, getattr(value, "__name__", value)) for name, value in sorted(kept.items()) if "model" not in name]


def weights_set_before() -> Iterator[Thing]:
    model = compiled(dense())
    model.set_weights([np.full_like(weight, 0.01) for weight in model.get_weights()])
    yield from told(model, fit(model))


def rate_changed() -> Iterator[Thing]:
    model = compiled(dense())
    model.optimizer.learning_rate = 0.05
    yield from told(model, fit(model))


def frozen() -> Iterator[Thing]:
    model = compiled(dense(layers.Dense(8, activation="relu")))
    first = fit(model, epochs=1)
    model.layers[1].trainable = False
    compiled(model)
    yield from told(model, first, fit(model))


def drawn_afterwards() -> Iterator[Thing]:
    model = compiled(dense())
    history = fit(model)
    other = compiled(dense(layers.Dropout(0.5)))
    yield from told(other, history, fit(other))


def one_pixel() -> Iterator[Thing]:
    x = X.copy()
    x[3, 2, 1, 0] += 0.25
    model = compiled(dense())
    yield from told(model, fit(model, x))


def functional_saved() -> Iterator[Thing]:
    inputs = layers.Input((6, 6, 1))
    one = layers.Conv2D(3, 3, activation="relu")(inputs)
    two = layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2")(inputs)
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(layers.Flatten()(layers.Add()([one, two]))))
    first = fit(compiled(model), epochs=1)
    model.save("saved.keras")
    again = keras.models.load_model("saved.keras")
    Path("saved.keras").unlink()
    yield from told(again, first, fit(again))


def augmented() -> Iterator[Thing]:
    model = compiled(dense())
    model = compiled(keras.Sequential([layers.Input((6, 6, 1)), layers.RandomTranslation(0.2, 0.2), model]))
    yield from told(model, fit(model, X.astype("float32")))


def unbuilt() -> Iterator[Thing]:
    model = compiled(dense(layers.Dense(5), built=False))
    yield from told(model, fit(model))


def validated() -> Iterator[Thing]:
    model = compiled(dense(), keras.optimizers.RMSprop(keras.optimizers.schedules.ExponentialDecay(0.01, 4, 0.9)))
    more = {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0, 3: 0.5}, "validation_freq": 2, "shuffle": False}
    yield from told(model, fit(model, validation_data=(V, W), **more))


def cut() -> Iterator[Thing]:
    """Within a budget: a share of the steps, moving averages and schedules that keep pace."""
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
    model = compiled(dense(layers.BatchNormalization(), layers.Dropout(0.2)), keras.optimizers.Adam(rate))
    yield from told(model, fit(model, batch_size=8, epochs=3, validation_split=0.25))


def regularized() -> Iterator[Thing]:
    kept = {"kernel_regularizer": "l2", "bias_constraint": keras.constraints.MaxNorm(0.1)}
    yield from told(model := compiled(dense(layers.Dense(8, "relu", **kept))), fit(model))


def evaluated() -> Iterator[Thing]:
    model = compiled(dense())
    before = model.evaluate(V, W, verbose=0)
    history = fit(model)
    yield [before, model.evaluate(V, W, verbose=0), model.predict(V[:4], verbose=0).tolist()]
    yield from told(model, history)


# --- not understood --------------------------------------------------------------------------------------------------


class Watching(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Thing = None) -> None:
        self.last = epoch


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Dense(4, activation="softmax")

    def call(self, x: Thing) -> Thing:
        return self.inner(keras.ops.reshape(x, (-1, 36)))


class OwnStep(keras.Sequential):
    def train_step(self, data: Thing) -> Thing:
        return super().train_step(data)


def own_loss_of(y: Thing, answers: Thing) -> Thing:
    return keras.losses.sparse_categorical_crossentropy(y, answers) * 2


def accuracy(y: Thing, answers: Thing) -> Thing:
    return keras.ops.mean(answers)


def own_callback() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(model, fit(model, callbacks=[Watching()]))


def scheduled_by_a_function() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(
        model, fit(model, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))])
    )


def a_lambda() -> Iterator[Thing]:
    model = compiled(dense(layers.Lambda(lambda x: x * 2)))
    yield from told(model, fit(model))


def own_loss() -> Iterator[Thing]:
    model = compiled(dense(), loss=own_loss_of)
    yield from told(model, fit(model))


def own_metric() -> Iterator[Thing]:
    model = compiled(dense(), metrics=[accuracy])
    yield from told(model, fit(model))


def tf_data() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(model, fit(model, tf.data.Dataset.from_tensor_slices((X, Y)).batch(32), None))


def generator() -> Iterator[Thing]:
    def batches() -> Iterator[Thing]:
        while True:
            yield X[:32], Y[:32]

    model = compiled(dense())
    yield from told(model, fit(model, batches(), None, steps_per_epoch=2))


def own_model() -> Iterator[Thing]:
    model = compiled(Own())
    yield from told(model, fit(model))


def own_step() -> Iterator[Thing]:
    model = compiled(dense(kind=OwnStep))
    yield from told(model, fit(model))


def changed_keras() -> Iterator[Thing]:
    former = layers.Flatten.call
    layers.Flatten.call = lambda self, x: former(self, x) * 2
    try:
        model = compiled(dense())
        yield from told(model, fit(model))
    finally:
        layers.Flatten.call = former


def regularizer_put_on() -> Iterator[Thing]:
    model = compiled(dense())
    model.layers[-1].kernel.regularizer = keras.regularizers.L2(0.5)
    yield from told(model, fit(model))


def constraint_put_on() -> Iterator[Thing]:
    model = compiled(dense())
    model.layers[-1].kernel.constraint = keras.constraints.MaxNorm(0.1)
    yield from told(model, fit(model))


def writing_callback() -> Iterator[Thing]:
    model = compiled(dense())
    yield from told(model, fit(model, callbacks=[keras.callbacks.TerminateOnNaN(), keras.callbacks.CSVLogger("log")]))
    Path("log").unlink()


UNDERSTOOD: tuple[Callable[[], Iterator[Thing]], ...] = (
    *(plain, dropout, trained_twice, continued, own_loop_afterwards, early_stopping, weights_set_before, rate_changed),
    *(frozen, drawn_afterwards, one_pixel, functional_saved, augmented, unbuilt, validated, cut, evaluated),
    regularized,
)
REFUSED = {
    own_callback: "own callback",
    scheduled_by_a_function: "callback",
    a_lambda: "Lambda",
    own_loss: "own loss",
    own_metric: "own metric",
    tf_data: "tf.data",
    generator: "generator",
    own_model: "own model",
    own_step: "own model",
    changed_keras: "changed Keras",
    regularizer_put_on: "changed Keras",
    constraint_put_on: "changed Keras",
    writing_callback: "callback",
}


# --- the ways --------------------------------------------------------------------------------------------------------


class Host:
    """Answers as the host would, from a folder."""

    def __init__(self, folder: Path, *, replays: bool) -> None:
        self.folder = folder
        self.replays = replays
        self.number = 0
        self.asked = b""

    def ask(self, kind: str, body: bytes) -> tuple[str, bytes]:
        if kind == "fit?":
            self.asked = body
            known = self.folder / f"{self._name()}.result"
            return ("replay", known.read_bytes()) if self.replays and known.exists() else ("send", b"")
        suffix = {"contents": "given", "trained": "result"}[kind]
        if kind == "contents":
            (self.folder / f"{self._name()}.asked").write_bytes(self.asked)
        (self.folder / f"{self._name()}.{suffix}").write_bytes(body)
        return "tell", b""

    def _name(self) -> str:
        return hashlib.sha256(self.asked).hexdigest()[:16]


def played(way: str, folder: Path) -> dict[str, Any]:
    recorder = Recorder({"stride": 1, "train_rows": 96, "test_rows": 32}, Handover(folder / "handover"), lambda: 1)
    if way != "off":
        recorder.reuse._inquiry = Host(folder, replays=way == "replayed")
    recorder.install(sys.modules["keras.src.backend.tensorflow.trainer"].TensorFlowTrainer)
    found = {}
    for number, case in enumerate((*UNDERSTOOD, *REFUSED)):
        if way == "off" and case.__name__ not in OFF:
            continue
        before = len(recorder.trainings)
        keras.utils.set_random_seed(number)
        with halved(recorder) if case is cut else nullcontext():
            state = digest([*case(), *drawn()])
        entries = recorder.trainings[before:]
        found[case.__name__] = {
            "state": state,
            "reused": [bool(entry.get("reused")) for entry in entries],
            "unreused": [entry.get("unreused", "") for entry in entries],
            "ledger": digest(
                [{name: entry[name] for name in ("history", "weights", "epoch_weights", "share")} for entry in entries]
            ),
        }
    return {"cases": found, "notes": recorder.notes}


@contextmanager
def halved(recorder: Thing) -> Iterator[None]:
    """As in a run that takes half of the steps of each epoch."""
    with own_iterator():
        recorder.cuts.share, former = 0.5, recorder.reuse._cut
        recorder.reuse._cut = recorder.cuts.told()
        iterators.install(sys.modules[iterators.TRAINER], recorder.cuts)
        yield
        recorder.cuts.share, recorder.reuse._cut = 1.0, former


@contextmanager
def own_iterator() -> Iterator[None]:
    """What draws Keras' batches is Keras' own again afterwards."""
    trainers: Thing = sys.modules[iterators.TRAINER]
    former = trainers.TFEpochIterator
    yield
    trainers.TFEpochIterator = former


def drawn() -> Iterator[Thing]:
    yield tf.random.uniform((3,)).numpy()
    yield np.random.rand(3)
    yield random.random()
    yield np.asarray(keras.random.uniform((3,)))


def digest(things: list[Thing]) -> str:
    """Of every bit."""
    hashed = hashlib.sha256()
    for thing in things:
        array = thing if isinstance(thing, np.ndarray) else None
        hashed.update(repr(thing).encode() if array is None else str(array.shape).encode() + array.tobytes())
    return hashed.hexdigest()


def trained_elsewhere(folder: Path) -> dict[str, Any]:
    """Of each training that took place, whether the trainer comes to the same bits."""
    alike = {}
    for path in sorted(folder.glob("*.asked")):
        _, arrays = parcel.unpacked(path.with_suffix(".given").read_bytes())
        with own_iterator():
            values, left = parcel.unpacked(trainer.train(json.loads(path.read_bytes()), arrays))
        others, kept = parcel.unpacked(path.with_suffix(".result").read_bytes())
        same = [one.tobytes() == two.tobytes() for one, two in zip(left, kept, strict=True)]
        figures = {**values, "seconds": 0} == {**others, "seconds": 0}
        alike[path.stem] = all(same) and figures
    return {"alike": alike}


if __name__ == "__main__":
    (Path(sys.argv[2]) / "handover").mkdir(exist_ok=True)
    way, place = sys.argv[1], Path(sys.argv[2])
    sys.stdout.write(json.dumps(trained_elsewhere(place) if way == "trainer" else played(way, place)))
