"""To each submission the course of its data set: loaded and trained once, and only what the class asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from autograder import checks, rubric
from autograder.course import Course
from autograder.courses import Assorted
from autograder.datasets import load, room_file
from autograder.errors import AutograderError, DataError
from autograder.keys import execution_key
from autograder.messages import render
from autograder.pipeline import grade_class, run_notebook
from autograder.records import Baseline, State, StudentId, Submission
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.stock import Entry, Stock
from autograder.store import Store, digest
from autograder.wellknown import COLOUR, GREY
from tests.classroom import QuickRooms, a_folder, a_notebook

MNIST = "(x, y), (a, b) = mnist.load_data()"
FASHION = "(x, y), (a, b) = fashion_mnist.load_data()"
CIFAR = "(x, y), (a, b) = cifar10.load_data()"
BOTH = f"{CIFAR}\nmodel.fit(x, y)\n{MNIST.replace('x, y', 'u, v')}"


@dataclass
class Desk:
    """Small images under well-known names, and a count of what was asked for."""

    folder: Path
    store: Store
    opened: list[str] = field(default_factory=list)
    trained: list[str] = field(default_factory=list)
    broken: Sequence[str] = ()
    """Sets whose baseline does not run."""

    def open(self, source: str) -> Course:
        self.opened.append(Path(source).stem)
        data = load(source, split_seed=20, hidden_images=10)
        return Course(
            rubric=rubric.load(self.folder / "rubrics" / "tiny.yaml", checks.signatures()),
            data=data,
            data_file=room_file(data, self.folder / "rooms"),
            sandbox=QuickRooms(),
            store=self.store,
        )

    def train(self, course: Course) -> Course:
        name = course.data.card.name.removesuffix(".npz")
        self.trained.append(name)
        if name in self.broken:
            raise AutograderError("the reference did not run", remedy="Open it.")
        nothing = digest(name.encode())
        baseline = Baseline(
            accuracies=(0.9,), seeds=(1,), mean_errors=nothing, predictions=(), robustness={}, clean_accuracy=0.9
        )
        return replace(course, baseline=baseline)

    def courses(self, *names: str) -> Assorted:
        entries = {name: Entry(source=str(self.file(name)), shape=shape(name), classes=10) for name in names}
        course = self.open(str(self.file("any")))
        self.opened.clear()
        return Assorted(
            rubric=course.rubric,
            slots=("cpu", "cpu"),
            limit_mb=0.0,
            stock=Stock(entries=entries),
            store=self.store,
            open=self.open,
            train=self.train,
        )

    def file(self, name: str) -> Path:
        path = self.folder / f"{name}.npz"
        number = len(name)
        pixels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2) + np.uint8(number)
        labels = np.arange(60, dtype=np.uint8) % 10
        np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
        return path


def shape(name: str) -> tuple[int, ...]:
    return COLOUR if name.startswith("cifar") else GREY


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Desk:
    return Desk(a_folder(tmp_path / "desk", {}), store)


def handed_in(store: Store, name: str, source: str) -> Submission:
    return Submission(student=StudentId(name), name=name, source=name, notebook=store.put(a_notebook(source)))


def test_each_set_is_loaded_and_trained_once_and_only_if_somebody_asks(desk: Desk) -> None:
    courses = desk.courses("mnist", "cifar10", "cifar100")
    sources = {"ada": MNIST, "bob": CIFAR, "cid": FASHION, "eve": MNIST}
    class_ = [courses.told(handed_in(desk.store, name, source)) for name, source in sources.items()]
    assert courses.needed(class_) == ("mnist", "cifar10") and desk.opened == [], "recognising loads nothing"
    results = {one.report.submission.student: one.report for one in grade_class(class_, courses)}
    assert sorted(desk.opened) == sorted(desk.trained) == ["cifar10", "mnist"]
    cards = {
        name: report.evidence.data.name for name, report in results.items() if report.evidence and report.evidence.data
    }
    assert cards == {"ada": "mnist.npz", "bob": "cifar10.npz", "cid": "mnist.npz", "eve": "mnist.npz"}
    baselines = {name: report.evidence.baseline for name, report in results.items() if report.evidence}
    assert baselines["ada"] == baselines["eve"] != baselines["bob"]
    assert "Fashion-MNIST" in render(results[StudentId("cid")].submission.notes[0], "fr")
    assert results[StudentId("ada")].submission.notes == ()


def test_what_cannot_be_served_waits_and_is_no_0(desk: Desk) -> None:
    courses = desk.courses("mnist")
    submission = courses.told(handed_in(desk.store, "bob", CIFAR))
    [result] = grade_class([submission], courses)
    grade = result.report.grade
    assert result.fault is None and result.report.evidence is None
    assert grade.state is State.FAILED and grade.total is None and grade.undecided == grade.possible
    assert grade.reason is not None and "CIFAR-10" in render(grade.reason, "fr")
    assert desk.opened == desk.trained == []


def test_a_baseline_that_fails_costs_only_those_who_need_it(desk: Desk) -> None:
    desk.broken = ("cifar10",)
    courses = desk.courses("mnist", "cifar10")
    class_ = [
        handed_in(desk.store, name, source) for name, source in {"ada": MNIST, "bob": CIFAR, "cid": CIFAR}.items()
    ]
    results = {one.report.submission.student: one for one in grade_class(class_, courses)}
    assert results[StudentId("ada")].fault is None
    for name in ("bob", "cid"):
        fault = results[StudentId(name)].fault
        assert fault is not None and fault.remedy == "Open it."
        assert results[StudentId(name)].report.grade.state is State.NEEDS_REVIEW
    assert desk.trained.count("cifar10") == 1, "it is not tried again for each of them"


def test_a_set_that_cannot_be_loaded_is_a_fault_of_ours(desk: Desk) -> None:
    courses = desk.courses("mnist")
    Path(courses.stock.entries["mnist"].source).write_bytes(b"broken")
    [result] = grade_class([handed_in(desk.store, "ada", MNIST)], courses)
    assert result.fault is not None and "mnist.npz" in result.fault.problem
    with pytest.raises(DataError):
        courses.course("mnist")


def test_a_notebook_that_loads_two_sets_gets_both(desk: Desk) -> None:
    courses = desk.courses("mnist", "cifar10")
    submission = handed_in(desk.store, "ada", BOTH)
    course = courses.of(submission)
    assert course.data.card.name == "cifar10.npz"
    assert course.others == {"mnist": courses.course("mnist").data_file}
    with np.load(course.others["mnist"]) as served:
        assert len(np.unique(served["x_train"], axis=0)) == 50, "the hidden images of the other set are not among them"
    assert desk.trained == ["cifar10"], "no baseline is needed of what only lies beside it"


def test_an_execution_depends_on_the_other_sets(desk: Desk) -> None:
    courses = desk.courses("mnist", "cifar10")
    submission = handed_in(desk.store, "ada", BOTH)
    course = courses.bare(submission)
    keys = {execution_key(submission, one, 20, "cpu") for one in (course, replace(course, others={}))}
    assert len(keys) == 2


def test_a_refusal_of_intake_stands(desk: Desk) -> None:
    courses = desk.courses("mnist")
    refused = Submission(student=StudentId("x"), name="x", source="x", notebook=None)
    assert courses.told(refused).refusal is None and courses.needed([refused]) == ()


def test_the_text_of_the_starter_notebook_asks_for_nothing(desk: Desk) -> None:
    courses = desk.courses("mnist", "cifar10")
    starter = {"cell_type": "markdown", "metadata": {}, "source": "*MNIST, Fashion-MNIST, MNIST ...*"}
    notebook = json.loads(a_notebook("x = lire('train.csv')"))
    notebook["cells"] = [starter, {**starter, "source": "Mon jeu : CIFAR-10"}, *notebook["cells"]]
    content = desk.store.put(json.dumps(notebook).encode())
    submission = Submission(student=StudentId("ada"), name="ada", source="ada", notebook=content)
    assert courses.choice(submission).name == "mnist", "named twice"
    courses = desk.courses("mnist", "cifar10")
    courses.template = (starter["source"],)
    assert courses.choice(submission).name == "cifar10"


def test_the_room_holds_the_other_sets(desk: Desk) -> None:
    rooms: list[Room] = []

    class Watched(QuickRooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            rooms.append(room)
            return super().run(room, on_frame, cancelled)

    courses = desk.courses("mnist", "cifar10")
    submission = handed_in(desk.store, "ada", BOTH)
    course = replace(courses.of(submission), sandbox=Watched())
    run_notebook(submission, course, seed=20)
    assert set(course.others.values()) < set(rooms[0].inputs.values())
