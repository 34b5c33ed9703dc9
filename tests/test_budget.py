"""Budgets: the arithmetic of plans and shares, trainings that are really cut, and what a grade says of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import budget, checks, exports, keys, reference, rubric
from autograder.budget import Cut, cut, seconds
from autograder.cli import main
from autograder.course import Course
from autograder.datasets import load, room_file
from autograder.errors import RubricError
from autograder.execution import Job, execute
from autograder.extraction import read_ledger
from autograder.feedback import brief, sheet, summary
from autograder.feedback.sheet import claims
from autograder.frames import Frame
from autograder.guest.handover import Handover
from autograder.guest.recording import budget as guest
from autograder.guest.recording.asides import Fit
from autograder.guest.recording.epochs import Epochs
from autograder.guest.recording.ledger import Recorder
from autograder.messages import render
from autograder.pipeline import Progress, grade_one
from autograder.recall import Key
from autograder.records import (
    ArrayPrint,
    Baseline,
    DataCard,
    Ending,
    Evaluation,
    Evidence,
    Execution,
    Json,
    Ledger,
    Limits,
    State,
    StudentId,
    Submission,
    Training,
    Verdict,
)
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.settings import settings
from autograder.store import Store, digest
from tests import evidence as evidences
from tests.builders import a_report, a_rubric
from tests.classroom import QuickRooms, a_folder, a_notebook, use
from tests.notebooks import notebook
from tests.notebooks.budgets import BROKEN_OFF, REHEARSED, SHARED

PLAN = {"epochs": 10.0, "steps": 100.0, "step_seconds": 0.5, "first_seconds": 2.0}
CHECKED = {"validations": 10.0, "validation_steps": 400.0, "validation_rows": 10_000.0, "validation_step_seconds": 0.05}


def planned(**figures: float) -> Training:
    return Training(number=1, model="m1", plan=PLAN | figures)


# --- what is planned -------------------------------------------------------------------------------------------------


def test_a_plan_is_the_sum_of_its_parts() -> None:
    assert seconds([planned()]) == 2 + 10 * 100 * 0.5
    assert seconds([planned(epoch_seconds=0.1, pass_seconds=0.3)]) == pytest.approx(502 + 10 * 0.4)
    assert seconds([planned(**CHECKED)]) == pytest.approx(502 + 10 * 400 * 0.05)
    assert seconds([planned(), planned()]) == 2 * seconds([planned()])


def test_what_is_not_known_costs_nothing() -> None:
    assert seconds([Training(number=1, model="m1"), planned(step_seconds=float("nan"))]) == 2.0
    assert seconds([planned(step_seconds=-1e9)]) == 2.0


def test_a_share_costs_its_steps_and_no_fewer_validation_rows_than_a_thousand() -> None:
    assert seconds([planned()], 1 / 4) == 2 + 10 * 25 * 0.5
    assert seconds([planned(steps=3.0)], 1 / 8) == 2 + 10 * 0.5, "a step at least"
    assert seconds([planned(**CHECKED)], 1 / 4) == pytest.approx(127 + 10 * 100 * 0.05)
    assert seconds([planned(**CHECKED)], 1 / 1024) == pytest.approx(7 + 10 * 40 * 0.05)
    assert seconds([planned(**CHECKED, public=1.0)], 1 / 4, whole_tests=True) == pytest.approx(127 + 10 * 400 * 0.05)
    assert seconds([planned(**CHECKED, public=1.0)], 1 / 4, whole_tests=False) == pytest.approx(127 + 10 * 100 * 0.05)


def test_nothing_is_cut_from_what_keeps_the_budget() -> None:
    assert cut([planned()], 502) == Cut(planned_seconds=502)
    assert cut([], 1) == Cut(planned_seconds=0)


@pytest.mark.parametrize(("limit", "share"), [(501, 1 / 2), (252, 1 / 2), (251, 1 / 4), (70, 1 / 8), (10, 1 / 128)])
def test_the_share_is_the_largest_power_of_two_that_keeps_the_budget(limit: int, share: float) -> None:
    assert cut([planned()], limit).share == share


def test_nothing_is_cut_that_saves_nothing() -> None:
    """An epoch of one step cannot be cut, nor what an epoch costs besides: other models need not suffer for it."""
    stubborn = planned(steps=1.0, epochs=1000.0)
    assert cut([stubborn, planned()], 400).share == 1 / 32
    assert cut([stubborn], 100) == Cut(planned_seconds=502)


def test_the_test_set_stays_whole_where_that_is_affordable() -> None:
    training = planned(**CHECKED, public=1.0)
    assert cut([training], 460) == Cut(planned_seconds=702, share=1 / 2, whole_tests=True)
    assert cut([training], 400) == Cut(planned_seconds=702, share=1 / 2, whole_tests=False)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(1, 10_000))
def test_a_budget_is_kept_or_nothing_more_can_be_saved(steps: list[int], limit: int) -> None:
    trainings = [planned(steps=float(count)) for count in steps]
    found = cut(trainings, limit)
    spent = seconds(trainings, found.share, whole_tests=found.whole_tests)
    assert np.log2(found.share).is_integer() and budget.SMALLEST <= found.share <= 1
    assert spent <= limit or spent <= budget.WORTH * seconds(trainings, budget.SMALLEST)
    if found.share < 1:
        assert seconds(trainings, 2 * found.share) > limit


def test_host_and_room_follow_the_same_rule() -> None:
    assert budget.VALIDATION_ROWS == guest.VALIDATION_ROWS
    for share in (1.0, 1 / 2, 1 / 8, 1 / 1024):
        for steps in (1, 7, 100, 1875):
            assert seconds([planned(steps=float(steps), first_seconds=0.0, epochs=1.0, step_seconds=1.0)], share) == (
                guest.steps_at(share, steps)
            )


# --- by what the reference is cut ------------------------------------------------------------------------------------

REFERENCE = evidences.training(1)
"""Five epochs of 48,000 images, in batches of 128."""


def judged(share: float, *trainings: Training, chosen: int = 0, **changes: Json) -> Evidence:
    """Evidence of a notebook that was cut to this share; the last of its trainings made the final model."""
    last = chosen or trainings[-1].number
    made = evidences.evidence(
        trainings=[replace(one, share=share) for one in trainings],
        models=(evidences.model(training=last),),
        baseline=evidences.baseline(training=replace(REFERENCE, share=share)),
    )
    return replace(made, execution=replace(made.execution, share=share), **changes)


def stopped(epochs: int, *, planned: int = 100, number: int = 1, **changes: Json) -> Training:
    """A training that ended before its plan."""
    arguments = {"epochs": planned, "callbacks": ["EarlyStopping"], **changes.pop("arguments", {})}
    return evidences.training(number, arguments=arguments, epochs_run=epochs, **changes)


@pytest.mark.parametrize("share", [1.0, 1 / 2, 1 / 8, 1 / 64, 1 / 1024])
@pytest.mark.parametrize("epochs", [1, 8, 15, 30])
def test_who_stops_early_is_judged_by_a_reference_cut_alike(share: float, epochs: int) -> None:
    """100 epochs with a patience of 3 end after 8 or 30 of them; more than that of one epoch is no advantage."""
    assert budget.fair(judged(share, stopped(epochs))) == share


def test_a_plan_that_is_carried_out_is_fair_as_it_is() -> None:
    assert budget.fair(judged(1 / 16, evidences.training(1, arguments={"epochs": 20}))) == 1 / 16
    assert budget.fair(judged(1.0, evidences.training(1, arguments={"epochs": 5000}))) == 1.0


@pytest.mark.parametrize(
    ("epochs", "fair"),
    [(3, 1 / 1024), (39, 1 / 1024), (300, 1 / 32), (3000, 1 / 4), (30_000, 1.0), (10_000_000, 1.0)],
)
def test_an_absurd_plan_does_not_weaken_the_reference(epochs: int, fair: float) -> None:
    """Of 100,000 epochs planned, those that were run had a step each: 128 images, where the reference sees 240,000."""
    few = ArrayPrint(shape=(8000, 28, 28, 1), digest="few")
    absurd = stopped(epochs, planned=10**8, x=few, arguments={"validation_split": 0})
    found = budget.fair(judged(1 / 1024, absurd))
    assert found == fair
    assert found == 1 or 5 * guest.steps_at(found, 375) > epochs / 8, "an eighth of what the final model saw, at least"


@given(st.integers(0, 10), st.integers(1, 10**7), st.integers(1, 60_000))
def test_the_reference_is_never_cut_more_than_the_notebook(power: int, epochs: int, rows: int) -> None:
    share = 2.0**-power
    evidence = judged(share, stopped(epochs, x=ArrayPrint(shape=(rows, 28, 28, 1), digest="x")))
    assert share <= budget.fair(evidence) <= 1
    assert np.log2(budget.fair(evidence)).is_integer()


def test_epochs_of_one_step_cannot_be_cut() -> None:
    whole = stopped(400, arguments={"batch_size": 60_000})
    assert budget.fair(judged(1 / 1024, whole)) == 1.0, "each of them saw all images"


def test_what_one_model_has_learnt_may_be_handed_on() -> None:
    long = stopped(20_000, number=1, parameters=1000)
    short = stopped(1, number=2, parameters=1000)
    assert budget.fair(judged(1 / 1024, long, short)) == budget.fair(judged(1 / 1024, long)) > 1 / 1024
    other = replace(long, parameters=999)
    assert budget.fair(judged(1 / 1024, other, short)) == 1 / 1024, "a model of another size"
    again = [stopped(20, number=number, parameters=1000) for number in range(1, 9)]
    assert budget.fair(judged(1 / 8, *again)) == 1 / 8, "the same network tried with eight settings"
    loop = [stopped(20, number=number, model="m1") for number in range(1, 9)]
    assert budget.fair(judged(1 / 8, *loop)) == 1.0, "one model, trained eight times over"


def test_a_model_that_was_not_trained_says_nothing_of_the_reference() -> None:
    seen = judged(1 / 8, stopped(10_000))
    assert budget.fair(replace(seen, models=())) == 1 / 8
    assert budget.fair(replace(seen, models=(evidences.model(training=None),))) == 1 / 8
    assert budget.fair(replace(seen, baseline=None)) == 1 / 8
    assert budget.fair(replace(seen, baseline=evidences.baseline(training=None))) == 1 / 8


def test_of_models_that_answer_together_the_longest_training_counts() -> None:
    seen = judged(1 / 8, stopped(2, number=1), stopped(100, number=2))
    parts = [evidences.model(id=f"m{n}", training=n, chosen=False) for n in (1, 2)]
    together = evidences.model(id="e", training=None, members=("m1", "m2"))
    assert budget.fair(replace(seen, models=(*parts, together))) == budget.fair(seen) == 1 / 2


def test_batches_that_do_not_tell_how_many_they_are_stand_for_the_training_set() -> None:
    card = DataCard(
        name="mnist", digest="d", classes=10, image_shape=(28, 28), train_images=48_000, public_images=10_000,
        hidden_images=5000, split_seed=1, train_rows=60_000, test_rows=10_000,
    )  # fmt: skip
    unknown = ArrayPrint(kind="sequence", shape=(32, 28, 28, 1))
    assert budget.fair(judged(1 / 8, stopped(30, x=unknown), data=card)) == 1 / 8
    assert budget.fair(judged(1 / 8, stopped(400, x=unknown), data=card)) == 1.0


def test_how_the_reference_was_cut_is_told() -> None:
    execution = replace(judged(1 / 1024, stopped(1)).execution, planned_seconds=1240.0)

    def sentence(reference: float | None) -> str:
        told = budget.told(execution, reference)
        return "" if told is None else render(told, "en") + render(told, "fr")

    assert "cut alike" in sentence(None) and "cut alike." in sentence(1 / 1024)
    assert "cut to 1/8 only" in sentence(1 / 8) and "réduite qu’à 1/8" in sentence(1 / 8)
    assert "was not cut" in sentence(1.0)


def test_a_rehearsal_has_its_own_time() -> None:
    assert budget.rehearsal(Limits(budget_seconds=600)).run_seconds == 120
    assert budget.rehearsal(Limits(budget_seconds=100)).run_seconds == 100
    assert budget.rehearsal(Limits(budget_seconds=10)).run_seconds == 60
    short = budget.rehearsal(Limits(budget_seconds=600, run_seconds=30, memory_mb=2000))
    assert (short.run_seconds, short.cell_seconds, short.memory_mb) == (30, 10, 2000)


# --- what is noted in the room ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "initial", "frequency", "times"),
    [
        (10, 0, 1, 10),
        (10, 0, 5, 2),
        (10, 4, 5, 2),
        (10, 5, 5, 1),
        (10, 0, [1, 3, 50], 2),
        (10, 0, "odd", 0),
        (3, 0, 0, 0),
    ],
)
def test_how_often_a_training_validates(epochs: int, initial: int, frequency: Json, times: int) -> None:
    assert guest.validations(epochs, initial, frequency) == times


@dataclass
class History:
    epoch: list[int] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)


def test_figures_of_a_rehearsal_are_repeated_to_their_full_length() -> None:
    history = History([0, 1], {"loss": [3.0, 2.0], "val_loss": [3.0, 1.0], "none": []})
    guest.lengthen(history, range(0, 5), 2)
    assert history.epoch == [0, 1, 2, 3, 4]
    assert history.history == {"loss": [3.0, 2.0, 2.0, 2.0, 2.0], "val_loss": [3.0, 1.0], "none": []}


def test_a_pace_becomes_a_plan() -> None:
    pace = guest.Pace({})
    pace.steps, pace.validation_steps, pace.validation_rows = 200, 10, 500
    pace.begun, pace.epochs = [0.0, 100.0], [[5.0, 0.1, 0.1, 0.4], [0.6, 0.1]]
    pace.validation = [[1.0, 0.2], [0.2]]
    plan = pace.plan(50, 25, ended=101.2, test_rows=500)
    assert (plan["epochs"], plan["steps"], plan["validations"], plan["public"]) == (50, 200, 25, 1)
    assert (plan["first_seconds"], plan["step_seconds"], plan["validation_step_seconds"]) == (5.0, 0.1, 0.2)
    assert plan["pass_seconds"] == pytest.approx(0.5)
    assert plan["epoch_seconds"] == pytest.approx(1.2 - 0.5 - 0.2 - 0.2)
    assert guest.Pace({}).plan(3, 3, ended=1.0, test_rows=500)["step_seconds"] == 0.0


def test_a_few_rows_stand_for_many() -> None:
    assert guest.few_rows(np.zeros((100, 2))) is None
    assert guest.few_rows(iter([1])) is None
    assert len(guest.few_rows(np.zeros((10_000, 2)))) == guest.REHEARSED_ROWS
    answers = guest.repeated([np.zeros((3, 2)), {"a": np.zeros((3, 5, 1))}], 7)
    assert answers[0].shape == (7, 2) and answers[1]["a"].shape == (7, 5, 1)


class Trained:
    """As much of a Keras model as is saved."""

    layers: Sequence[Any] = ()


def test_a_long_training_is_kept_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder({"stride": 1, "train_rows": 100, "test_rows": 10}, Handover(tmp_path), lambda: 1)
    module = "autograder.guest.recording.ledger"
    written: list[bytes] = []
    monkeypatch.setattr(f"{module}.models.save", lambda model, path: written.append(b"x") or path.write_bytes(b"model"))
    monkeypatch.setattr(f"{module}.models.strangers", lambda path: [])
    monkeypatch.setattr(f"{module}.models.foreign", lambda model: [])
    monkeypatch.setattr(f"{module}.models.weights", lambda model: f"w{len(written)}")
    clock = iter((1010.0, 1061.0, 1070.0, 1095.0))
    monkeypatch.setattr(f"{module}.time.monotonic", lambda: next(clock))
    entry: dict[str, Any] = {"number": 3}
    epochs = Epochs(Fit(entry, None), start=1000.0)
    kept = []
    for _ in range(4):
        recorder._keep_meanwhile(entry, Trained(), epochs)
        kept.append(len(written))
    assert kept == [0, 1, 1, 2], "after a minute, and then each half a minute"
    assert (tmp_path / "fit-3.keras").read_bytes() == b"model"
    assert (entry["saved"], entry["weights"]) == ("fit-3.keras", "w2")


# --- trainings that are cut ------------------------------------------------------------------------------------------


def run_cells(folder: Path, *cells: str, **orders: Json) -> tuple[Execution, Ledger, list[dict[str, Any]], str]:
    """Execution, ledger, what was printed as JSON lines, and what stood on stderr."""
    data, store = load("digits", split_seed=20, hidden_images=50), Store(folder / "state")
    job = Job(notebook=notebook(*cells), data=data, data_file=room_file(data, folder), **orders)
    execution = execute(job, Plain(), store)
    assert execution.notebook is not None
    outputs = [out for one in json.loads(store.get(execution.notebook))["cells"] for out in one.get("outputs", [])]
    texts = {name: "".join(out["text"] for out in outputs if out.get("name") == name) for name in ("stdout", "stderr")}
    lines = [json.loads(line) for line in texts["stdout"].splitlines() if line.startswith("{")]
    return execution, read_ledger(execution, store)[0], lines, texts["stderr"]


Shared = tuple[Execution, Ledger, dict[str, dict[str, Any]], str]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Every kind of data with a share of a quarter."""
    folder = tmp_path_factory.mktemp("shared")
    execution, ledger, lines, errors = run_cells(folder, *SHARED, share=0.25, whole_tests=False)
    return execution, ledger, {line["name"]: line for line in lines}, errors


STEPS = {
    "arrays": [5, 5, 5],
    "short": [1, 1, 1],
    "tensors": [3, 3],
    "weights": [5, 5],
    "steps": [2] * 6,
    "execution": [3, 3],
    "later": [5, 5],
    "split": [4] * 4,
    "dataset": [5, 5, 5],
    "endless": [5, 5, 5],
    "unsized": [5] * 5,
    "generator": [5, 5, 5],
    "drained": [5],
    "sequence": [5] * 8,
    "threads": [5] * 5,
    "stopped": [4, 4],
    "plateau": [5] * 6,
    "scheduled": [5, 5, 5],
}


@pytest.mark.kernel
@pytest.mark.parametrize("name", STEPS)
def test_every_kind_of_data_is_cut_to_the_share(shared: Shared, name: str) -> None:
    told = shared[2][name]
    assert told["train"] == STEPS[name]
    assert told["finite"]
    epochs = len(STEPS[name])
    assert len(told["epoch"]) == epochs
    assert {length for key, length in told["history"].items() if not key.startswith("val_")} == {epochs}
    assert told["said"] in (STEPS[name][0], None) or name == "execution", "what the progress bar counts to"


@pytest.mark.kernel
def test_image_generators_are_cut(shared: Shared) -> None:
    if "train" not in shared[2]["images"]:
        pytest.skip("ImageDataGenerator is gone")
    assert shared[2]["images"]["train"] == [5, 5]


@pytest.mark.kernel
def test_epochs_go_on_where_the_last_one_stopped(shared: Shared) -> None:
    assert shared[2]["seen"]["rows"] == 256, "four quarters, with shuffling: each row once"


@pytest.mark.kernel
def test_validation_takes_no_fewer_than_a_thousand_rows(shared: Shared) -> None:
    tested = {name: told["test"] for name, told in shared[2].items() if any(told.get("test", ()))}
    assert tested["split"] == [0, 4, 0, 4], "128 rows are too few to leave any out; every second epoch"
    assert tested["data"] == [32] and tested["batches"] == [20] and tested["first"] == [25]
    assert tested["tests"] == [25], "the orders allowed the test set to be cut"


@pytest.mark.kernel
def test_callbacks_keep_their_meaning(shared: Shared) -> None:
    assert shared[2]["stopped"]["history"]["val_loss"] == 2, "EarlyStopping with a patience of 0 stops after the second"
    rates = shared[2]["rates"]["rates"]
    assert rates[0] == 0.01 and rates[-1] < 0.001, "ReduceLROnPlateau saw every epoch"


@pytest.mark.kernel
def test_a_cut_is_recorded_and_makes_no_noise(shared: Shared) -> None:
    execution, ledger, _, errors = shared
    assert execution.ending is Ending.COMPLETED, execution.reason
    assert ledger.notes == ()
    assert {training.share for training in ledger.trainings} == {0.25}
    assert ledger.trainings[0].arguments["epochs"] == 3, "as the student wrote it"
    assert "ran out of data" not in errors and "Traceback" not in errors


@pytest.mark.kernel
def test_a_rehearsal_knows_the_plan(tmp_path: Path) -> None:
    execution, ledger, _, _ = run_cells(tmp_path, *REHEARSED, rehearsal=True)
    assert execution.ending is Ending.COMPLETED, execution.reason
    assert not execution.artifacts and ledger.notes == ()
    plans = [training.plan for training in ledger.trainings]
    known = ("epochs", "steps", "validations", "validation_steps", "validation_rows", "public")
    assert [tuple(int(plan[name]) for name in known) for plan in plans] == [
        (50, 15, 50, 5, 160, 0),
        (4, 20, 4, 313, 10_000, 1),
        (1, 20, 0, 0, 0, 0),
        (10, 20, 2, 20, 640, 0),
    ]
    assert all(0 < plan["step_seconds"] < 5 for plan in plans)
    assert seconds(ledger.trainings) > 0


@pytest.mark.kernel
def test_a_training_that_time_broke_off_leaves_its_model(tmp_path: Path) -> None:
    execution, ledger, _, _ = run_cells(tmp_path, *BROKEN_OFF)
    assert execution.ending is Ending.DIED
    interrupted, killed = ledger.trainings
    assert [(one.finished, one.epochs_run, len(one.history["loss"])) for one in (interrupted, killed)] == [
        (False, 2, 2),
        (False, 2, 2),
    ]
    for training in (interrupted, killed):
        assert training.saved == f"fit-{training.number}.keras"
        assert training.saved in execution.artifacts and training.weights


# --- the stages around it --------------------------------------------------------------------------------------------


@dataclass
class BudgetRooms(QuickRooms):
    """In a rehearsal the notebook's plan is told; what was ordered is remembered."""

    plan: dict[str, float] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        content = room.inputs["job.json"]
        assert isinstance(content, bytes)
        self.orders.append(json.loads(content))
        training = {"number": 1, "model": "m1", "share": self.orders[-1]["share"], "plan": self.plan, "epochs_run": 1}
        outcome = super().run(room, on_frame, cancelled)
        on_frame(Frame({"kind": "ledger"}, json.dumps({"trainings": [training]}).encode()))
        return outcome


BASELINE = Baseline(
    accuracies=(0.9,),
    seeds=(1,),
    mean_errors=digest(b"errors"),
    predictions=(digest(b"predictions"),),
    robustness={},
    clean_accuracy=0.9,
)


@pytest.fixture
def course(tmp_path: Path, store: Store) -> Course:
    """Notebooks that plan 1,000 s of training; with a budget of 150 s."""
    folder = a_folder(tmp_path / "desk", {})
    path = tmp_path / "small.npz"
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    data = load(str(path), split_seed=20, hidden_images=20)
    tiny = rubric.load(folder / "rubrics" / "tiny.yaml", checks.signatures())
    return Course(
        rubric=replace(tiny, limits=replace(tiny.limits, budget_seconds=150)),
        data=data,
        data_file=room_file(data, tmp_path / "data"),
        sandbox=BudgetRooms(plan={"epochs": 10.0, "steps": 100.0, "step_seconds": 1.0}),
        store=store,
        baseline=BASELINE,
        baseline_for=lambda share, device, cancelled: replace(BASELINE, accuracies=(share,)),
    )


def handed_in(course: Course, source: str = "x = 1") -> Submission:
    return Submission(
        student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=course.store.put(a_notebook(source))
    )


def rooms_of(course: Course) -> BudgetRooms:
    assert isinstance(course.sandbox, BudgetRooms)
    return course.sandbox


def limited(course: Course, **limits: Json) -> Course:
    return replace(course, rubric=replace(course.rubric, limits=replace(course.rubric.limits, **limits)))


def test_a_notebook_over_budget_is_cut_and_judged_against_a_baseline_cut_alike(course: Course) -> None:
    told: list[Progress] = []
    evidence = grade_one(handed_in(course), course, tell=told.append).evidence
    assert evidence is not None and evidence.baseline is not None
    assert [(one["rehearsal"], one["share"]) for one in rooms_of(course).orders] == [(True, 1.0), (False, 0.125)]
    assert (evidence.execution.share, evidence.execution.planned_seconds) == (0.125, 1000)
    assert evidence.baseline.accuracies == (0.125,), "the baseline of the same share"
    assert list(dict.fromkeys(one.stage for one in told)) == ["rehearsing", "executing", "measuring", "grading"]
    sentence = budget.told(evidence.execution)
    assert sentence is not None and "1/8 of their steps" in render(sentence, "en")


def test_a_reference_that_was_cut_too_much_is_trained_again(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "fair", lambda evidence: 1.0 if evidence.baseline.accuracies == (0.125,) else 0.5)
    evidence = grade_one(handed_in(course), course).evidence
    assert evidence is not None and evidence.execution.share == 0.125
    assert evidence.baseline == BASELINE, "the whole one"


def test_a_notebook_within_its_budget_is_left_alone(course: Course) -> None:
    evidence = grade_one(handed_in(course), limited(course, budget_seconds=2000)).evidence
    assert evidence is not None and evidence.baseline == BASELINE
    assert (evidence.execution.share, evidence.execution.planned_seconds) == (1.0, 1000)
    assert budget.told(evidence.execution) is None


def test_without_a_budget_nothing_is_rehearsed(course: Course) -> None:
    evidence = grade_one(handed_in(course), limited(course, budget_seconds=0)).evidence
    assert evidence is not None and evidence.execution.planned_seconds is None
    assert [one["rehearsal"] for one in rooms_of(course).orders] == [False]


def test_rehearsal_and_run_are_remembered(course: Course) -> None:
    first = grade_one(handed_in(course), course).grade
    assert grade_one(handed_in(course), course).grade == first
    assert len(rooms_of(course).orders) == 2
    evidence = grade_one(handed_in(course), limited(course, budget_seconds=140)).evidence
    assert [one["rehearsal"] for one in rooms_of(course).orders] == [True, False], "the same share, the same run"
    assert evidence is not None and evidence.execution.limits.budget_seconds == 140


def test_refused_by_the_rubric_is_said_everywhere(course: Course) -> None:
    report = grade_one(handed_in(course), limited(course, over_budget="refuse"))
    assert report.evidence is not None and report.grade.reason is not None
    execution = report.evidence.execution
    assert [one["rehearsal"] for one in rooms_of(course).orders] == [True], "it was rehearsed, and not run"
    assert execution.ending is Ending.REFUSED and not report.evidence.executed
    sentence = render(report.grade.reason, "en").replace("\u00a0", " ")
    assert "plans 16 min 40 s" in sentence and "allows 2 min 30 s" in sentence
    assert report.grade.state is State.GRADED
    (completes,) = [award for award in report.grade.awards if award.item == "completes"]
    assert completes.finding.verdict is Verdict.UNREACHED
    assert execution.reason in completes.finding.details and completes.finding.advice is not None


def test_one_share_has_one_baseline_however_many_ask(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, tuple[str, ...]]] = []
    begun = threading.Barrier(3)

    def measure(course: Course, places: Json, seeds: Json, *, share: float, cancelled: Json) -> Baseline:
        asked.append((share, course.slots))
        return replace(BASELINE, accuracies=(share,))

    monkeypatch.setattr(reference, "measure", measure)
    baseline_for = reference.baselines(course, settings(Path.cwd(), None), (1,))

    def ask(share: float) -> Baseline | None:
        begun.wait(10)
        return baseline_for(share, "gpu:1", lambda: False)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(ask, (0.5, 0.5, 0.25)))
    assert [baseline.accuracies if baseline else None for baseline in found] == [(0.5,), (0.5,), (0.25,)]
    assert sorted(asked) == [(0.25, ("gpu:1",)), (0.5, ("gpu:1",))]


def test_the_share_is_part_of_what_an_execution_depends_on(course: Course) -> None:
    submission = handed_in(course)

    def key(course: Course = course, **options: Json) -> Key:
        return keys.execution_key(submission, course, 1, "cpu", **options)

    half = Cut(planned_seconds=10, share=0.5)
    assert key() == key(cut=Cut(planned_seconds=3)) == key(limited(course, budget_seconds=7, over_budget="refuse"))
    assert len({key(), key(cut=half), key(cut=replace(half, whole_tests=False)), key(rehearsal=True)}) == 4


# --- what a cut does to the items ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "verdict"), [(1.0, Verdict.MET), (0.25, Verdict.MET), (0.5, Verdict.NEEDS_REVIEW)])
def test_a_gain_over_a_baseline_that_alone_was_cut_waits_for_a_person(share: float, verdict: Verdict) -> None:
    """The final model is that of training 3, whose share is a quarter in two of the cases."""
    report = a_report()
    assert report.evidence is not None and report.evidence.chosen is not None and report.evidence.final is not None
    chosen = report.evidence.chosen
    trainings = tuple(
        replace(training, share=0.25 if share == 0.25 else 1.0) for training in report.evidence.ledger.trainings
    )
    evidence = replace(
        report.evidence,
        ledger=replace(report.evidence.ledger, trainings=trainings),
        execution=replace(report.evidence.execution, share=share),
    )
    assert chosen.training in {training.number for training in trainings}
    found = checks.signatures()["model.gain"](evidence, cutoffs=[[0.0, 0.0], [0.01, 1.0]], fidelity=1.0)
    assert found.verdict is verdict


MADE_OF: dict[str, tuple[dict[str, Json], dict[str, Json], bool]] = {
    "of what was cut": ({}, {}, True),
    "of something else as well": ({"brought": 4096}, {}, False),
    "beside a loop": ({}, {"arguments": {"loop": True}}, False),
    "beside one that was not cut": ({}, {"share": 1.0}, False),
    "beside what nobody followed": ({}, {"unfollowed": 3}, False),
}


@pytest.mark.parametrize(("used", "trained", "alike"), MADE_OF.values(), ids=MADE_OF.keys())
def test_an_average_of_what_a_budget_cut_was_cut_as_well(
    used: dict[str, Json], trained: dict[str, Json], alike: bool
) -> None:
    report = a_report()
    assert report.evidence is not None and report.evidence.chosen is not None
    ledger = report.evidence.ledger
    unfollowed, settings = trained.get("unfollowed", 0), {k: v for k, v in trained.items() if k != "unfollowed"}
    cut_alike = tuple(replace(one, share=0.25) for one in ledger.trainings)
    evidence = replace(
        report.evidence,
        models=(replace(report.evidence.chosen, id="m9-e1", training=None),),
        ledger=replace(
            ledger,
            trainings=(replace(cut_alike[0], **settings), *cut_alike[1:]),
            evaluations=(Evaluation(kind="evaluate", model="m9", **used),),
            unfollowed=unfollowed,
        ),
        execution=replace(report.evidence.execution, share=0.25),
    )
    found = checks.signatures()["model.gain"](evidence, cutoffs=[[0.0, 0.0], [0.01, 1.0]], fidelity=1.0)
    assert (found.verdict is not Verdict.NEEDS_REVIEW) is alike


def test_typed_figures_of_a_full_training_are_not_held_against_a_cut_one() -> None:
    report = a_report()
    assert report.evidence is not None and report.evidence.table is not None
    rows = tuple(replace(row, accuracy=0.99, measured_accuracy=0.9, training=1) for row in report.evidence.table.rows)
    evidence = replace(report.evidence, table=replace(report.evidence.table, rows=rows, origin="markdown"))
    cut_short = replace(evidence, execution=replace(evidence.execution, share=0.5))
    check = checks.signatures()["document.comparison"]
    assert check(evidence).verdict is not Verdict.NEEDS_REVIEW
    assert check(cut_short).verdict is Verdict.NEEDS_REVIEW
    assert {claim.verdict for claim in claims(evidence, 0.01)} == {"unmet"}
    assert {claim.verdict for claim in claims(cut_short, 0.01)} == {""}


def test_a_cut_is_told_on_the_sheet_in_the_record_and_to_the_teacher() -> None:
    report = a_report()
    assert report.evidence is not None
    limits = replace(report.evidence.execution.limits, budget_seconds=150)
    execution = replace(report.evidence.execution, share=0.125, planned_seconds=1240.0, limits=limits)
    report = replace(report, evidence=replace(report.evidence, execution=execution))
    told = "Trainings were cut to 1/8 of their steps"
    assert told in sheet(report, a_rubric(), "en") and "réduits à 1/8" in sheet(report, a_rubric(), "fr")
    assert told in summary([brief(report, a_rubric(), "en")], rubric=a_rubric(), language="en")
    found = exports.record.grade(report, "en")["execution"]
    assert (found["share"], found["planned_seconds"], found["limits"]["budget_seconds"]) == (0.125, 1240.0, 150)


def test_a_class_with_a_budget_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = a_folder(tmp_path / "desk", {"ada.ipynb": a_notebook("x = 1"), "bob.ipynb": b"no notebook"})
    monkeypatch.chdir(desk)
    rooms = use(BudgetRooms(plan={"epochs": 10.0, "steps": 100.0, "step_seconds": 1.0}), monkeypatch)
    assert main(["run", "class", "--rubric", "tiny", "--budget", "150", "--lang", "en"]) == 0
    told = capsys.readouterr().out
    assert "rehearsing" in told
    assert "budget: 150 s of training; 1 of 2 notebooks planned more" in told
    assert "ada: planned 1000 s, trainings cut to 1/8" in told
    assert main(["check", "class/ada.ipynb", "--rubric", "tiny", "--budget", "500", "--lang", "en"]) == 0
    assert "cut to 1/2 of their steps" in " ".join(capsys.readouterr().out.split())
    assert main(["check", "class/ada.ipynb", "--rubric", "tiny", "--budget", "500", "--fast"]) == 0
    assert isinstance(rooms, BudgetRooms)
    assert [(one["rehearsal"], one["share"]) for one in rooms.orders] == [
        (True, 1.0),
        (False, 0.125),
        (True, 1.0),
        (False, 0.5),
    ], "a fast check of the same is the rehearsal that was made already"


def test_a_rubric_can_set_the_budget(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "desk", {})
    path = folder / "rubrics" / "tiny.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("limits: {", "limits: {budget_seconds: 90, over_budget: refuse, "), "utf-8")
    limits = rubric.load(path, checks.signatures()).limits
    assert (limits.budget_seconds, limits.over_budget) == (90, "refuse")
    path.write_text(text.replace("limits: {", "limits: {over_budget: refused, "), "utf-8")
    with pytest.raises(RubricError, match="over_budget"):
        rubric.load(path, checks.signatures())
