"""One-purpose notebooks of the ways in which models are made, trained and kept, all run in one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from autograder.datasets import DataSet, load, room_file
from autograder.execution import Job, execute
from autograder.extraction import prepare_fallback
from autograder.extraction.choice import Choice, choose
from autograder.extraction.matching import Candidate, Sightings, candidates, prepare, used
from autograder.records import Digest, Execution, Ledger, Rubric, Score, Showing, Training
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook
from tests.notebooks.models import CASES, SMALL, Case

pytestmark = pytest.mark.kernel

NOWHERE = Digest("sha256:" + "0" * 64)
RUBRIC = Rubric(id="r", version=1, title={}, points=Decimal(20), criteria=(), digest=NOWHERE, robustness_images=10)


@dataclass(frozen=True)
class Run:
    """All notebooks as one, and what each left in the ledger."""

    execution: Execution
    ledger: Ledger
    store: Store
    data: DataSet
    parts: Mapping[str, Ledger]

    def known(self, name: str) -> tuple[Candidate, ...]:
        return candidates(self.parts[name], self.execution.artifacts)

    def choice(self, name: str) -> Choice:
        found = choose(
            self.parts[name],
            self.known(name),
            self.execution.artifacts,
            (),
            self.execution,
            self.data.card.image_shape,
        )
        assert found is not None
        return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("models")
    data, store = load("digits", split_seed=20, hidden_images=100), Store(folder / "state")
    cells = [SMALL, *(cell for case in CASES.values() for cell in case.cells)]
    job = Job(notebook=notebook(*cells), data=data, data_file=room_file(data, folder))

    def prepare(known: Ledger, so_far: Execution) -> Showing | None:
        return prepare_fallback(known, so_far, (), data=data, rubric=RUBRIC, store=store)

    execution = execute(job, Plain(), store, prepare=prepare)
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    return Run(execution, ledger, store, data, _parts(execution, ledger))


def _parts(execution: Execution, ledger: Ledger) -> dict[str, Ledger]:
    """What each notebook's cells did, as if it had been run alone."""
    counts, parts, place = [run.execution_count for run in execution.cells], {}, 1
    for name, case in CASES.items():
        own = set(counts[place : place + len(case.cells)])
        place += len(case.cells)
        trainings = tuple(one for one in ledger.trainings if one.execution_count in own)
        uses = tuple(one for one in ledger.evaluations if one.execution_count in own)
        models = {one.model for one in (*trainings, *uses)}
        parts[name] = replace(
            ledger,
            trainings=trainings,
            evaluations=uses,
            scores=tuple(one for one in ledger.scores if one.execution_count in own),
            bindings={variable: model for variable, model in ledger.bindings.items() if model in models},
        )
    return parts


def training(ran: Run, name: str, number: int = 1) -> Training:
    return ran.parts[name].trainings[number - 1]


def test_every_cell_ran(ran: Run) -> None:
    assert [(run.index, run.error) for run in ran.execution.cells if run.error] == []


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=list(CASES))
def test_trainings_and_candidates(ran: Run, name: str, case: Case) -> None:
    assert [one.finished for one in ran.parts[name].trainings] == [True] * case.trainings
    assert [one.epochs_run > 0 for one in ran.parts[name].trainings] == [True] * case.trainings
    assert len(ran.known(name)) == case.candidates, [one.id for one in ran.known(name)]


@pytest.mark.parametrize(
    ("name", "number"), [(name, case.final) for name, case in CASES.items() if case.final], ids=str
)
def test_the_training_that_made_the_final_model(ran: Run, name: str, number: int) -> None:
    assert ran.choice(name).candidate.training == training(ran, name, number)


@pytest.mark.parametrize(
    ("name", "variable"), [(name, case.variable) for name, case in CASES.items() if case.variable], ids=str
)
def test_the_variable_that_holds_the_final_model(ran: Run, name: str, variable: str) -> None:
    part, known = ran.parts[name], ran.known(name)
    model = part.bindings[variable]
    uses = [used(use, known, ran.execution.artifacts) for use in part.evaluations if use.model == model]
    assert ran.choice(name).candidate == uses[-1]


def test_all_final_models_left_the_room_or_answered_in_it(ran: Run) -> None:
    final = {name: ran.choice(name).candidate for name in CASES}
    assert {name for name, one in final.items() if one.artifact is None} == {"compiled", "unsaveable"}
    assert {final["compiled"].model, final["unsaveable"].model} <= set(ran.execution.fallbacks)


def test_steps_of_a_loop_are_one_training(ran: Run) -> None:
    steps = {name: training(ran, name).arguments["steps"] for name in ("batches", "tape", "compiled", "whole")}
    assert steps == {"batches": 24, "tape": 12, "compiled": 30, "whole": 24}
    assert {name: training(ran, name).optimizer["name"] for name in steps} == {
        "batches": "adam",
        "tape": "adam",
        "compiled": "sgd",
        "whole": "sgd",
    }
    assert {training(ran, name).loss for name in steps} == {"sparse_categorical_crossentropy"}
    assert (training(ran, "tape").x.kind, training(ran, "tape").x.shape) == ("sequence", (1200, 28, 28, 1))
    assert (training(ran, "whole").x.kind, training(ran, "whole").x.shape) == ("dataset", (600, 28, 28))


def test_calls_and_predictions_in_pieces_are_one_use(ran: Run) -> None:
    (use,) = ran.parts["batches"].evaluations
    assert (use.x.kind, use.x.shape, use.saved) == ("sequence", (10_000, 28, 28), training(ran, "batches").saved)
    shapes = [use.x.shape for use in ran.parts["tape"].evaluations]
    assert shapes == [(10_000, 28, 28, 1)] * 3 + [(200, 28, 28, 1)]
    assert [use.saved for use in ran.parts["tape"].evaluations][2:] == [training(ran, "tape").saved] * 2
    singles = [use for use in ran.parts["singles"].evaluations if use.x.kind == "sequence"]
    assert [use.x.shape for use in singles] == [(106, 28, 28)]
    assert singles[0].saved in ran.execution.artifacts


def test_images_are_recognised_wherever_they_were_seen(ran: Run) -> None:
    """Candidates with inputs of different shape have preparations of their own."""
    sightings = Sightings(ran.data, ran.execution.artifacts, ran.store)

    def found(name: str) -> list[bool]:
        part, known = ran.parts[name], ran.known(name)
        return [prepare(one, part, known, ran.execution.artifacts, sightings) is not None for one in known]

    for name in ("batches", "tape", "compiled", "whole", "shapes", "singles"):
        assert all(found(name)), name
    part, known = ran.parts["shapes"], ran.known("shapes")
    flat, square = (prepare(one, part, known, ran.execution.artifacts, sightings) for one in known)
    assert flat is not None and square is not None
    assert flat.recipe.steps != square.recipe.steps
    assert (flat.accuracy, square.accuracy) == tuple(use.results["accuracy"] for use in part.evaluations[::-1])


def test_labels_of_the_sampled_rows(ran: Run) -> None:
    fives, odd, pair, mixed, batched = ran.parts["subsets"].trainings
    assert [one.y_classes for one in (fives, odd, pair, mixed, batched)] == [2, 2, 2, 10, 10]
    assert set(fives.y_sample) == set(odd.y_sample) == {0, 1}
    assert len(fives.y_sample) == len(fives.x.rows) > 250
    assert set(pair.y_sample) == {3, 7}
    assert set(mixed.y_sample) == set(batched.y_sample) == set(range(10))
    content = ran.store.get_array(ran.execution.artifacts[fives.x.sample])
    assert len(content) == len(fives.y_sample)
    truth = dict(zip(mixed.x.rows, mixed.y_sample, strict=True))
    for one, label in zip(odd.x.rows, odd.y_sample, strict=True):
        assert one not in truth or label == ((int(truth[one]) - 1) * 7 % 10) % 2, "7 undoes the multiplication by 3"


def test_what_the_notebook_computed_itself(ran: Run) -> None:
    def scores(name: str) -> list[Score]:
        return [score for score in ran.parts[name].scores if score.rows == 10_000]

    assert [score.kind for score in scores("batches")] == ["accuracy_score"]
    assert [score.kind for score in scores("compiled")] == ["sparse_categorical_accuracy"]
    assert 0.1 < scores("compiled")[0].value <= 1
    assert "accuracy_score" in {score.kind for score in scores("beside")}


def test_classifiers_beside_the_network_are_noted(ran: Run) -> None:
    kinds = [(one.kind, one.rows) for one in ran.ledger.estimators]
    assert kinds == [("RandomForestClassifier", 600), ("KNeighborsClassifier", 600)]


def test_processes_that_would_train_unseen_are_not_started(ran: Run) -> None:
    absent = [(one.old, one.new) for one in ran.ledger.adaptations if one.kind == "absent"]
    assert absent == [("n_jobs=-1", "n_jobs=1")]


def test_parts_and_wrappings_of_a_model_are_known(ran: Run) -> None:
    part = ran.parts["decoys"]
    own = part.trainings[0].model
    related = [(use.part_of, use.same_as, use.outputs) for use in part.evaluations if use.part_of or use.same_as]
    assert (own, "", ((None, 16),)) in related
    assert ("", own, ((None, 10),)) in related
    assert ("", own, ((None, 16), (None, 10))) in related


def test_what_nobody_saw_is_said(ran: Run) -> None:
    """Models never trained and never used."""
    assert all(note.startswith("bound-") for note in ran.ledger.notes), ran.ledger.notes
