"""No more rooms are wanted than there are students to come."""

from __future__ import annotations

from autograder.cli.turnout import Turnout
from autograder.console import Silent
from autograder.pipeline import Progress


def test_until_a_class_begins_nobody_is_expected() -> None:
    turnout = Turnout()
    assert (turnout.demand("runner.py"), turnout.demand("probe.py")) == (0, 0)


def test_students_leave_one_kind_of_room_after_the_other() -> None:
    turnout = Turnout()
    with turnout.watched(Silent(), ["a", "b"]) as watcher:
        seen = []
        for student, stage in (("a", "executing"), ("a", "measuring"), ("b", "waiting"), ("a", "grading")):
            watcher.tell(Progress(student=student, stage=stage))
            seen.append((turnout.demand("runner.py"), turnout.demand("probe.py")))
        watcher.tell(Progress(student="b", stage="failed"))
        seen.append((turnout.demand("runner.py"), turnout.demand("probe.py")))
    assert seen == [(2, 2), (1, 2), (1, 2), (1, 1), (0, 0)]


def test_what_people_see_is_passed_on() -> None:
    told: list[Progress] = []

    class Shown(Silent):
        def tell(self, progress: Progress) -> None:
            told.append(progress)

    with Turnout().watched(Shown(), ["a"]) as watcher:
        watcher.tell(Progress(student="a", stage="executing"))
    assert [progress.student for progress in told] == ["a"]
