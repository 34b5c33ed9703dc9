"""What is expected of a submission before its turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder import checks, keys, rubric
from autograder.course import Course
from autograder.datasets import load, room_file
from autograder.forecast import forecast
from autograder.pipeline import grade_class, run_notebook
from autograder.recall import Flights, Memory
from autograder.records import Ending, Execution, Ledger, StudentId, Submission, Training, say
from autograder.store import Store
from tests.classroom import QuickRooms, a_folder, a_notebook

PLAN = {"epochs": 5.0, "steps": 100.0, "step_seconds": 0.2}


@pytest.fixture
def course(tmp_path: Path, store: Store) -> Course:
    path = tmp_path / "small.npz"
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    data = load(str(path), split_seed=20, hidden_images=20)
    return Course(
        rubric=rubric.load(a_folder(tmp_path / "desk", {}) / "rubrics" / "tiny.yaml", checks.signatures()),
        data=data,
        data_file=room_file(data, tmp_path / "data"),
        sandbox=QuickRooms(),
        store=store,
    )


def handed_in(store: Store, source: str) -> Submission:
    return Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=store.put(a_notebook(source)))


def remember(submission: Submission, course: Course, *, rehearsal: bool, seconds: float, peak: float) -> None:
    """As if that run had taken so long."""
    training = Training(number=1, model="m1", plan=PLAN if rehearsal else {})
    ledger = course.store.put(TypeAdapter(Ledger).dump_json(Ledger(trainings=(training,))))
    run = Execution(ending=Ending.COMPLETED, seconds=seconds, peak_memory_mb=peak, ledger=ledger)
    key = keys.execution_key(submission, course, course.rubric.seed, "cpu", rehearsal=rehearsal)
    memory = Memory(course.store, f"{course.rubric.id}/ada")
    memory.note(key, reused=False)
    memory.keep(key, TypeAdapter(Execution), run)
    if not rehearsal:
        memory.close()


def test_nothing_is_known_of_a_new_one(course: Course) -> None:
    turn = forecast(handed_in(course.store, "x = 1"), course)
    assert (turn.remembered, turn.rehearsed, turn.seconds, turn.memory_mb) == (False, False, None, None)


def test_what_was_graded_is_remembered(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    list(grade_class([submission], course))
    turn = forecast(submission, course)
    assert turn.remembered and turn.seconds == pytest.approx(0.1)
    forced = replace(course, force=True, flights=Flights())
    assert not forecast(submission, forced).remembered and forecast(submission, forced).seconds == pytest.approx(0.1)


def test_the_same_code_under_another_number_of_threads_takes_about_as_long(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    remember(submission, course, rehearsal=False, seconds=80.0, peak=900.0)
    turn = forecast(submission, replace(course, threads=1))
    assert (turn.remembered, turn.seconds, turn.memory_mb) == (False, 80.0, 900.0)


def test_a_rehearsal_tells_more_than_what_the_student_handed_in_before(course: Course) -> None:
    remember(handed_in(course.store, "x = 1"), course, rehearsal=False, seconds=80.0, peak=900.0)
    changed = handed_in(course.store, "x = 2")
    assert forecast(changed, course).seconds == 80.0, "better than nothing"
    remember(changed, course, rehearsal=True, seconds=12.0, peak=700.0)
    turn = forecast(changed, course)
    assert (turn.rehearsed, turn.seconds, turn.memory_mb) == (True, pytest.approx(112.0), 700.0)


def test_of_other_data_nothing_follows(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    remember(submission, course, rehearsal=False, seconds=80.0, peak=900.0)
    assert forecast(submission, replace(course, others={"cifar10": Path("abc.npz")})).seconds is None


def test_a_budget_is_kept_to(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    limits = replace(course.rubric.limits, budget_seconds=30)
    tight = replace(course, rubric=replace(course.rubric, limits=limits))
    remember(submission, tight, rehearsal=True, seconds=12.0, peak=700.0)
    turn = forecast(submission, tight)
    assert turn.seconds is not None and 12 < turn.seconds < 45, "of 100 planned"
    assert not turn.remembered


def test_what_is_not_run_takes_no_turn(course: Course) -> None:
    refused = replace(handed_in(course.store, "x"), notebook=None, refusal=say("No."))
    assert forecast(refused, course).remembered


def test_nothing_is_carried_out_or_noted(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    run_notebook(submission, course, seed=course.rubric.seed)
    before = course.store.trace(f"{course.rubric.id}/ada")
    forecast(submission, course)
    assert isinstance(course.sandbox, QuickRooms) and len(course.sandbox.ran) == 1
    assert course.store.trace(f"{course.rubric.id}/ada") == before
