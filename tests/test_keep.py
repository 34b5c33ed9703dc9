"""How many samples of data leave the kernel, and which are left out; what of a model does."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.extraction.origin import pieces
from autograder.guest.handover import Handover
from autograder.guest.recording.keep import SAMPLES, SAMPLES_OF_USES, Keep
from autograder.records import Ledger
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook


def keep(folder: Path) -> Keep:
    return Keep(Handover(folder), lambda model: "m1")


def test_equal_samples_are_kept_once(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    assert kept.sample(b"one") == kept.sample_of_use(b"one") == kept.sample(b"one") == "sample-1.npy"
    assert kept.sample(b"two") == "sample-2.npy"


def test_many_predictions_leave_room_for_what_trains(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    names = [kept.sample_of_use(b"%d" % number) for number in range(SAMPLES)]
    assert names.index("") == SAMPLES_OF_USES and kept.sample_of_use(b"0") == "sample-1.npy"
    assert kept.sample(b"a training's") == f"sample-{SAMPLES_OF_USES + 1}.npy" and kept.unsampled == 0
    assert kept.sample_of_use(b"a training's"), "what is known already"


def test_what_trains_beyond_all_room_is_counted(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    names = [kept.sample(b"%d" % number) for number in range(SAMPLES + 2)]
    assert names[-3:] == [f"sample-{SAMPLES}.npy", "", ""] and kept.unsampled == 2
    assert kept.sample(b"0") == "sample-1.npy" and kept.unsampled == 2


def test_a_part_with_all_the_weights_of_what_has_two_ends_is_a_model_of_its_own() -> None:
    """What only wraps it is not."""
    import keras

    from autograder.guest.recording.models import weights

    one, two = keras.Input((4,)), keras.Input((4,))
    body = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    both, wrapped = keras.Model([one, two], [body(one), body(two)]), keras.Model(one, body(one))
    assert weights(both) != weights(body) == weights(wrapped)


ENSEMBLE = """import keras
from keras import layers
from keras.datasets import mnist
(x, y), _ = mnist.load_data()
x, y = x[:640, ..., None] / 255.0, y[:640]
def made():
    net = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    net.compile("adam", lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p), metrics=["accuracy"])
    return net
members = [made(), made(), made()]
for net in members:
    net.fit(x, y, epochs=2, verbose=0)
image = keras.Input((28, 28, 1))
both = keras.Sequential([image, keras.Model(image, layers.Average()([net(image) for net in members]))])
both.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
both.evaluate(x, y, verbose=0)
assert all(net.compiled and net.optimizer.iterations == 40 for net in members)
members[0].fit(x, y, verbose=0)"""


@pytest.mark.kernel
def test_of_an_ensemble_its_weights_leave_and_no_optimizer_of_its_members(tmp_path: Path) -> None:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(tmp_path / "state")
    job = Job(notebook=notebook(ENSEMBLE), data=data, data_file=room_file(data, tmp_path))
    execution = execute(job, Plain(), store)
    assert [run.state.value for run in execution.cells] == ["ran"], execution.cells
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    saved, *members = (
        zipfile.ZipFile(io.BytesIO(store.get(execution.artifacts[one.saved])))
        for one in (ledger.evaluations[-1], *ledger.trainings[:3])
    )
    assert len(members) == 3 and "lambda" not in json.dumps(json.loads(saved.read("config.json")))
    left = [one.read("model.weights.h5") for one in members]
    wanted = pieces(store.get(execution.artifacts[ledger.evaluations[-1].saved]))
    assert len(wanted) > 8 and all(any(piece in one for one in left) for piece in wanted)


def test_a_sample_that_could_not_be_written_is_one_that_nobody_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever hinders it: a notebook can, by a limit on files or an audit hook."""
    kept = keep(tmp_path)

    def refuse(name: str, content: bytes) -> None:
        raise OSError(name)

    monkeypatch.setattr(Handover, "put", lambda self, name, content: refuse(name, content))
    assert kept.sample(b"one") == "" and kept.unsampled == 1
