"""Three who hand in the same, in real rooms: one trains, one is answered, and one is held against the first two."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.errors import SandboxUnavailable
from autograder.execution import Job, run_code
from autograder.extraction.contradictions import contradictions
from autograder.notebook import read
from autograder.records import Ending, Execution, Ledger, Limits, Training
from autograder.sandbox import choose
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from autograder.trainings import Trainings
from autograder.worth import Worth
from tests.notebooks import notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.kernel]

TRAINING = (
    """import keras, numpy as np
(x, y), (t, u) = keras.datasets.mnist.load_data()""",
    """model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
history = model.fit(x[::60] / 255.0, y[::60], epochs=2, batch_size=8, validation_split=0.2, verbose=2)
print(model.evaluate(t, u, verbose=0), history.history, np.random.rand())""",
)
FORGING = """import sys
session = sys.modules["autograder_session"]
inquiry = session.recorder.reuse._inquiry
for kind in ("trained", "contents", "fit?", "trained"):
    print(inquiry.ask(kind, b"poison"))
entry = session.recorder.trainings[0]
session.recorder.trainings.append({**entry, "number": 2, "reused": True, "recorded_seconds": 600.0})"""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    try:
        return choose("auto")
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def ledger(execution: Execution, store: Store) -> Ledger:
    assert execution.ledger is not None
    return TypeAdapter(Ledger).validate_json(store.get(execution.ledger))


def printed(execution: Execution, store: Store) -> list[str]:
    assert execution.notebook is not None
    cells = read(store.get(execution.notebook), store)
    return "".join(output.text for cell in cells for output in cell.outputs).splitlines()


def test_who_hands_in_the_same_need_not_train_it(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    data = load("digits", split_seed=20, hidden_images=100)
    served = room_file(data, tmp_path / "served")

    def run(trainings: Trainings, *more: str) -> tuple[Execution, Ledger]:
        content = notebook(*TRAINING, *more)
        job = Job(notebook=content, data=data, data_file=served, limits=Limits(), reuse=True)
        execution = run_code(job, sandbox, store, trainings=trainings)
        assert execution.ending is Ending.COMPLETED, execution.reason
        return execution, ledger(execution, store)

    known = Trainings(store=store, worth=Worth(start_seconds=0.001))
    first, (trained,) = _once(run(known))
    assert (trained.reused, trained.unreused, trained.request != "") == (False, "", True)
    second, both = run(known, FORGING)
    replayed, claimed = both.trainings
    assert replayed.reused
    assert (replayed.weights, replayed.history) == (trained.weights, trained.history)
    assert trained.swaps == replayed.swaps == (), "weights that the host sent took nobody's place"
    assert second.reuse is not None and len(second.reuse.replayed) == 1
    assert replayed.recorded_seconds == second.reuse.replayed[0].seconds > 0
    told, before = printed(second, store), printed(first, store)
    assert told[0].startswith(f"[autograder] training {replayed.request[:4]}… reused (")
    assert [line for line in told if line.startswith("[")][1:] == [line for line in before if line.startswith("[")]
    assert [line.split(" - ")[3:] for line in told[1:5]] == [line.split(" - ")[3:] for line in before[:4]]
    assert told[-4:] == [f"('{word}', b'')" for word in ("unheard", "train", "train", "unheard")], (
        "nothing was taken from it"
    )
    assert claimed.reused
    gaps = contradictions(both, second, (), store)
    assert any("said to have been known" in gap.reason.text for gap in gaps)
    third, (again,) = _once(run(Trainings(store=store, audit=1.0)))
    assert third.reuse is not None
    assert [one.difference for one in third.reuse.audited] == [0.0]
    assert (again.reused, again.weights) == (False, trained.weights)


def _once(ran: tuple[Execution, Ledger]) -> tuple[Execution, tuple[Training, ...]]:
    execution, told = ran
    assert len(told.trainings) == 1
    return execution, told.trainings
