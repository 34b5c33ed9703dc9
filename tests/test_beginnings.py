"""What a model could do before its training began: seen in the kernel, followed back on the host, told to a person."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from autograder.extraction.beginnings import MANY, Origin, before, explained, held, line, put, root, told
from autograder.extraction.origin import akin
from autograder.guest.recording import beginnings
from autograder.records import Evaluation, Json, Ledger, Training
from autograder.store import Store
from tests import evidence as make
from tests.recorded import recorded

LABELS = np.arange(40) % 10

# --- in the kernel -------------------------------------------------------------------------------------------------


def outputs(right: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """One row for each label: so many of them named rightly, the rest as the next class."""
    named = np.where(np.arange(40) < round(40 * right), LABELS, (LABELS + 1) % 10)
    return np.eye(10)[named]


@pytest.mark.parametrize(("right", "able"), [(0.1, False), (0.5, False), (0.6, True), (1.0, True)])
def test_more_than_half_of_what_can_be_known(right: float, able: bool) -> None:
    found = beginnings.answered(outputs(right), LABELS, lambda: "digest")
    assert (found is not None) is able
    assert found is None or (found.accuracy, found.weights) == (pytest.approx(right), "digest")


def test_labels_may_be_columns() -> None:
    assert beginnings.answered(outputs(1.0), np.eye(10)[LABELS], lambda: "digest") is not None


@pytest.mark.parametrize(
    "labels",
    [LABELS[:39], LABELS % 2, np.zeros(40, int), None],
    ids=["another number", "two classes", "one class", "none"],
)
def test_what_says_nothing(labels: Json) -> None:
    assert beginnings.answered(np.eye(10)[LABELS], labels, lambda: "digest") is None


def test_where_most_are_of_one_class() -> None:
    labels = np.concatenate([np.zeros(36, int), [1, 2, 3, 4]])
    guessed = np.eye(10)[np.zeros(40, int)]
    assert beginnings.answered(guessed, labels, lambda: "digest") is None


SET_UP = """import numpy as np, keras, tensorflow as tf
from keras import layers
from keras.datasets import mnist
keras.utils.set_random_seed(3)
(x, y), _ = mnist.load_data()
order = np.random.permutation(len(x))[:3000]
x, y = x[order, ..., None] / 255.0, y[order]
def made(extra=()):
    net = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), *extra, layers.Dense(10, activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net
def around(net):
    aside, image = keras.Input((28, 28, 1), name="aside"), keras.Input((28, 28, 1), name="image")
    scores = layers.Add()([net(image), layers.Dense(10, "softmax")(layers.Flatten()(aside))])
    both = keras.Model({"aside": aside, "image": image}, layers.Rescaling(0.5)(scores))
    both.compile("sgd", "sparse_categorical_crossentropy")
    return both
first = made()
first.compile("adam", "sparse_categorical_crossentropy")
first.fit(x, y, epochs=4, verbose=0)
weights = [np.round(one, 2) for one in first.get_weights()]
before = keras.random.uniform((1,), seed=None), tf.random.uniform((1,))
"""
WAYS = {
    "fit": "net.fit(x, y, epochs=1, verbose=0)",
    "a data set": "net.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(64), epochs=1, verbose=0)",
    "train_on_batch": "net.train_on_batch(x[:64], y[:64])",
    "a tape": """loss = keras.losses.SparseCategoricalCrossentropy()
with tf.GradientTape() as tape:
    value = loss(y[:64], net(x[:64], training=True))
net.optimizer.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)""",
    "a compiled step": """loss = keras.losses.SparseCategoricalCrossentropy()
@tf.function
def step(images, labels):
    with tf.GradientTape() as tape:
        value = loss(labels, net(images, training=True))
    net.optimizer.apply_gradients(zip(tape.gradient(value, net.trainable_variables), net.trainable_variables))
for start in range(0, 640, 64):
    step(tf.constant(x[start:start + 64], tf.float32), tf.constant(y[start:start + 64]))""",
    "sorted rows": """sort = np.argsort(y, kind="stable")
net.fit(tf.data.Dataset.from_tensor_slices((x[sort], y[sort])).batch(64), epochs=1, verbose=0)""",
    "four rows": "net.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(4).take(30), epochs=1, verbose=0)",
    "four rows by hand": "for at in range(0, 400, 4): net.train_on_batch(x[at:at + 4], y[at:at + 4])",
    "sorted rows by hand": """sort = np.argsort(y, kind="stable")
for at in range(0, 3000, 10): net.train_on_batch(x[sort[at:at + 10]], y[sort[at:at + 10]])""",
    "four rows on a tape": """loss = keras.losses.SparseCategoricalCrossentropy()
for at in range(0, 100, 4):
    with tf.GradientTape() as tape:
        value = loss(y[at:at + 4], net(x[at:at + 4], training=True))
    net.optimizer.apply(tape.gradient(value, net.trainable_variables), net.trainable_variables)""",
    "a generator": """batches = ((x[at:at + 4], y[at:at + 4]) for at in range(0, 400, 4))
net.fit(batches, steps_per_epoch=100, epochs=1, verbose=0)""",
    "two inputs": """both = around(net)
both.fit([0 * x, x], y, epochs=1, verbose=0)""",
    "two inputs by name": """both = around(net)
rows = tf.data.Dataset.from_tensor_slices(({"aside": 0 * x, "image": x}, y)).batch(64)
both.fit(rows, epochs=1, verbose=0)""",
    "two inputs by hand": """both = around(net)
for at in range(0, 640, 64): both.train_on_batch([0 * x[at:at + 64], x[at:at + 64]], y[at:at + 64])""",
    "soft labels": """net.compile("sgd", "categorical_crossentropy")
net.fit(x, np.eye(10)[y] * 0.98 + 0.004, epochs=1, verbose=0)""",
}
FRESH = [f"net = made()\n{way}" for way in WAYS.values()]
PASTED = [f"net = made()\nnet.set_weights(weights)\n{way}" for way in WAYS.values()]
LATER = """first.fit(x, y, epochs=1, verbose=0)
again = keras.models.clone_model(first)
again.set_weights(first.get_weights())
again.compile("sgd", "sparse_categorical_crossentropy")
again.fit(x, y, epochs=1, verbose=0)
wider = made([layers.Dropout(0.1)])
wider.set_weights(first.get_weights())
wider.fit(x, y, epochs=1, verbose=0)"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, Store, Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("beginnings")
    cells = (SET_UP, *FRESH, *PASTED, LATER)
    kernel = recorded(folder, *cells)
    return kernel.ledger, kernel.store, kernel.execution.artifacts


@pytest.mark.kernel
def test_in_every_way_of_training(ran: tuple[Ledger, Store, Mapping[str, str]]) -> None:
    ledger, store, artifacts = ran
    assert ledger.notes == ()
    ways = len(WAYS)
    fresh, pasted, later = (
        ledger.trainings[1 : 1 + ways],
        ledger.trainings[1 + ways : 1 + 2 * ways],
        ledger.trainings[1 + 2 * ways :],
    )
    assert [one.start_accuracy for one in (ledger.trainings[0], *fresh)] == [None] * (1 + ways)
    assert [(one.start_accuracy or 0) > 0.6 for one in pasted] == [True] * ways
    assert all(one.start_saved in artifacts for one in pasted)
    assert [root(one, ledger, Origin(artifacts, store)) in pasted for one in pasted] == [True] * ways
    fits = [one for one in ledger.trainings if not one.arguments.get("loop")]
    assert all(len(one.start_weights) == 64 and one.start_weights != one.weights for one in fits)
    # Trained on; copied into another object; and into another architecture.
    assert [(one.start_accuracy or 0) > 0.6 for one in later] == [True] * 3
    assert [root(one, ledger, Origin(artifacts, store)) for one in later] == [None] * 3


# --- on the host ---------------------------------------------------------------------------------------------------


def model(store: Store, seed: int) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.weights.h5", np.random.default_rng(seed).normal(0, 0.1, 5000).astype("<f4").tobytes())
    return store.put(buffer.getvalue())


def able(number: int, **changes: Json) -> Training:
    return make.training(number, **{"start_accuracy": 0.9, "start_weights": f"s{number}" * 16, **changes})


def ledger(*trainings: Training) -> Ledger:
    return Ledger(trainings=trainings)


def test_fresh_weights_have_no_root(tmp_path: Path) -> None:
    one = make.training(1)
    assert root(one, ledger(one), Origin({}, Store(tmp_path))) is None


def test_weights_that_an_earlier_training_left(tmp_path: Path) -> None:
    first = make.training(1, weights="a" * 64, epoch_weights=("b" * 16,))
    for digest in ("a" * 64, "b" * 64):
        second = able(2, start_weights=digest)
        assert root(second, ledger(first, second), Origin({}, Store(tmp_path))) is None


def test_a_chain_is_followed_to_its_beginning(tmp_path: Path) -> None:
    first = able(1, weights="a" * 64, epoch_weights=("c" * 16,) * 5)
    second = able(2, start_weights="a" * 64, weights="b" * 64)
    third = able(3, start_weights="b" * 64)
    assert root(third, ledger(first, second, third), Origin({}, Store(tmp_path))) == first


def test_what_callbacks_trained_comes_before_its_end(tmp_path: Path) -> None:
    within = {"within": 2}
    trainings = [able(1), able(2, start_weights="d" * 64), able(3, weights="d" * 64, arguments=within)]
    trainings += [make.training(4, arguments=within), able(5)]
    whole = ledger(*trainings)
    assert [[one.number for one in before(other, whole)] for other in trainings] == [
        *([], [1, 3, 4], [1], [1, 3]),
        [1, 2, 3, 4],
    ]
    assert [one.number for one in line(trainings[1], whole, Origin({}, Store(tmp_path)))] == [2, 3]


def test_weights_taken_over_by_another_architecture(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifacts = {"fit-1.keras": model(store, 1), "start-2.keras": model(store, 1), "start-3.keras": model(store, 2)}
    first = make.training(1, saved="fit-1.keras", epoch_weights=("c" * 16,) * 5)
    second, third = able(2, start_saved="start-2.keras"), able(3, start_saved="start-3.keras")
    whole = ledger(first, replaced := second, third)
    assert root(replaced, whole, Origin(artifacts, store)) is None
    # Nothing is known of the epochs of the second, which is as large: it may have left what the third began with.
    assert root(third, whole, Origin(artifacts, store)) is None
    assert root(third, ledger(first, third), Origin(artifacts, store)) == third


def test_what_is_said() -> None:
    began = able(1, start_accuracy=7.0)
    found = told(began, 0.9, 0.98, 10)
    assert found is not None and found.values == {"accuracy": 0.9, "final": 0.98}
    assert told(began, 0.4, 0.98, 10) is None
    unmeasured = told(began, None, 0.98, 10)
    assert unmeasured is not None and unmeasured.values == {"accuracy": 1.0}


def near(store: Store, seed: int, change: float) -> str:
    """The weights of ``model``, each changed by so much of their size."""
    draw = np.random.default_rng(seed).normal(0, 0.1, 5000)
    moved = draw + np.random.default_rng(seed + 100).normal(0, 0.1 * change, 5000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.weights.h5", moved.astype("<f4").tobytes())
    return store.put(buffer.getvalue())


def test_kin_are_known_by_their_signs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one = store.get(model(store, 1))
    assert akin(one, store.get(near(store, 1, 0.5))) and akin(one, one)
    assert not akin(one, store.get(model(store, 2)))
    assert not akin(one, b"no archive") and not akin(b"", b"")


@pytest.mark.parametrize(
    ("start", "earlier", "kin", "known"),
    [
        (0.90, 0.90, False, True),  # no better than what was reached
        (0.93, 0.90, True, True),  # an average of its epochs
        (0.93, 0.90, False, False),
        (0.98, 0.90, True, False),  # a fifth of the error: learnt elsewhere, from the same seed
    ],
)
def test_what_an_earlier_training_accounts_for(
    tmp_path: Path, start: float, earlier: float, kin: bool, known: bool
) -> None:
    store = Store(tmp_path)
    artifacts = {"fit-1.keras": model(store, 1), "start-2.keras": near(store, 1, 0.3) if kin else model(store, 2)}
    first, second = make.training(1, saved="fit-1.keras"), able(2, start_saved="start-2.keras")
    measured = make.model(id="m1-t1", training=1, hidden_accuracy=earlier, chosen=False)
    whole, origin = ledger(first, second), Origin(artifacts, store)
    assert explained(second, start, whole, [measured], origin) is known
    later = [make.model(id="m2-t2", training=2, hidden_accuracy=1.0)]
    assert not explained(second, start, whole, later, origin), "only what came before"


def test_what_earlier_trainings_account_for_together(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parts = [np.random.default_rng(seed).normal(0, 0.1, 5000).astype("<f4").tobytes() for seed in range(4)]
    artifacts = {f"fit-{number}.keras": model(store, number) for number in (1, 2)}

    def started(*seeds: int) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("model.weights.h5", b"".join(parts[seed] for seed in seeds))
        return store.put(buffer.getvalue())

    members = [make.training(number, saved=f"fit-{number}.keras") for number in (1, 2)]
    both = able(3, start_saved="start-3.keras", start_accuracy=1.0)
    measured = [make.model(id=f"m{number}", training=number, hidden_accuracy=0.9) for number in (1, 2)]
    for seeds, known in (((1, 2, 0), True), ((1, 0, 3), False)):
        origin = Origin({**artifacts, "start-3.keras": started(*seeds)}, store)
        for figure in (0.95, None):
            assert explained(both, figure, ledger(*members, both), measured, origin) is known


def test_where_the_beginning_was_not_measured(tmp_path: Path) -> None:
    origin, second = Origin({}, Store(tmp_path)), able(2, start_accuracy=0.9)
    for reached, known in ((0.95, True), (0.8, False)):
        first = make.training(1, history={"accuracy": (0.1, None, reached)})
        assert explained(second, None, ledger(first, second), [], origin) is known
    store = Store(tmp_path)
    for weights, known in ((near(store, 1, 0.3), True), (model(store, 2), False)):
        origin = Origin({"fit-1.keras": model(store, 1), "start-2.keras": weights}, store)
        first, second = make.training(1, saved="fit-1.keras"), able(2, start_saved="start-2.keras")
        assert explained(second, None, ledger(first, second), [], origin) is known


def test_a_part_that_was_brought_along() -> None:
    plain, few, many = make.training(1), make.training(2, brought=MANY - 1), make.training(3, brought=5000)
    whole = ledger(plain, few, many, above := make.training(4, learnt_from=(3,)))
    assert put([plain, few], whole) is None and put([], whole) is None
    for own in ([many, few], [above]):
        found = put(own, whole)
        assert found is not None and found.values == {"number": 3, "count": 5000}


def test_a_table_beside_what_was_trained() -> None:
    few, many = (Evaluation(kind="predict", model="m1", brought=count) for count in (MANY - 1, 9000))
    assert held([]) is None and held([few]) is None
    found = held([few, many])
    assert found is not None and found.values == {"count": 9000}
