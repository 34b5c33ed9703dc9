"""The order of the stages, what is remembered of them, and how a class is carried through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from weakref import WeakSet

import numpy as np
import pytest

from autograder import checks, keys, pipeline, rubric
from autograder.course import Course
from autograder.datasets import load, room_file
from autograder.errors import MachineShort, OutputError, StoreError
from autograder.pipeline import Progress, Result, grade_class, grade_one
from autograder.recall import Flights, Recall
from autograder.records import Criterion, Ending, Evidence, Finding, Item, State, StudentId, Submission, Verdict, say
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store, digest
from tests.classroom import OUR_BUG, OUR_FAULT, QuickRooms, a_folder, a_notebook


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 2x2 images, so that nothing here waits for data."""
    path = tmp_path_factory.mktemp("data") / "small.npz"
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    return path


@pytest.fixture
def course(tmp_path: Path, images: Path, store: Store) -> Course:
    folder = a_folder(tmp_path / "desk", {})
    data = load(str(images), split_seed=20, hidden_images=20)
    return Course(
        rubric=rubric.load(folder / "rubrics" / "tiny.yaml", checks.signatures()),
        data=data,
        data_file=room_file(data, tmp_path / "data"),
        sandbox=QuickRooms(),
        store=store,
    )


def handed_in(store: Store, *sources: str) -> Submission:
    content = a_notebook(*sources)
    name = "".join(letter for letter in sources[0] if letter.isalnum())[:20]
    return Submission(student=StudentId(name), name=name, source=f"{name}.ipynb", notebook=store.put(content))


def ran(course: Course) -> list[str]:
    assert isinstance(course.sandbox, QuickRooms)
    return course.sandbox.ran


def test_the_same_question_is_asked_once(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    first, second = grade_one(submission, course).grade, grade_one(submission, course).grade
    assert first == second and first.state is State.GRADED
    assert ran(course) == ["x = 1"]


CHANGES: dict[str, Callable[[Course], Course]] = {
    "force": lambda course: replace(course, force=True, flights=Flights()),
    "seed": lambda course: replace(course, rubric=replace(course.rubric, seed=21)),
    "parameters": lambda course: replace(course, rubric=replace(course.rubric, parameters={"EPOCHS": 3})),
    "limits": lambda course: replace(
        course, rubric=replace(course.rubric, limits=replace(course.rubric.limits, cell_seconds=31))
    ),
    "environment": lambda course: replace(course, environment={"KERAS_MAX_EPOCHS": "1"}),
    "threads": lambda course: replace(course, threads=1),
    "other sets": lambda course: replace(course, others={"cifar10": Path("abc.npz")}),
    "data": lambda course: replace(
        course, data=replace(course.data, card=replace(course.data.card, digest=digest(b"other")))
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_execution_depends_on_executes_anew(course: Course, change: str) -> None:
    submission = handed_in(course.store, "x = 1")
    grade_one(submission, course)
    grade_one(submission, CHANGES[change](course))
    assert len(ran(course)) == 2


KEPT: dict[str, Callable[[Course], Course]] = {
    "title": lambda course: replace(course, rubric=replace(course.rubric, title={"fr": "Autre", "en": "Other"})),
    "cutoffs": lambda course: replace(course, rubric=replace(course.rubric, version=2)),
    "slots": lambda course: replace(course, slots=("cpu",) * 3),
    "template": lambda course: replace(course, template=("# start",)),
}


@pytest.mark.parametrize("change", KEPT)
def test_what_an_execution_does_not_depend_on_does_not(course: Course, change: str) -> None:
    submission = handed_in(course.store, "x = 1")
    grade_one(submission, course)
    grade_one(submission, KEPT[change](course))
    assert len(ran(course)) == 1


def test_evidence_depends_on_files_and_on_the_secret(course: Course, tmp_path: Path) -> None:
    submission = handed_in(course.store, "x = 1")
    execution = pipeline.run_notebook(submission, course, seed=1)
    with_file = replace(submission, files={"best.h5": course.store.put(b"weights")})
    elsewhere = replace(course, store=Store(tmp_path / "elsewhere"))
    elsewhere.store.put(a_notebook("x = 1"))
    found = {
        keys.evidence_key(execution, submission, course),
        keys.evidence_key(execution, with_file, course),
        keys.evidence_key(execution, submission, elsewhere),
    }
    assert len(found) == 3
    runs = {keys.execution_key(submission, one, 1, "cpu") for one in (course, elsewhere)}
    assert len(runs) == 2, "what a model in its kernel was asked there is told apart by it"
    assert keys.evidence_key(execution, submission, course) in found


def test_bytes_that_were_lost_are_made_again(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    key = keys.execution_key(submission, course, course.rubric.seed, "cpu")
    grade_one(submission, course)
    kept = course.store.recall(str(key))
    assert kept is not None
    course.store.path(kept).unlink()
    assert grade_one(submission, course).grade.state is State.GRADED
    assert len(ran(course)) == 2


def test_damaged_bytes_are_made_again_while_grading(course: Course) -> None:
    submission = handed_in(course.store, "x = 1")
    execution = pipeline.run_notebook(submission, course, seed=course.rubric.seed)
    assert execution.notebook is not None
    whole = course.store.get(execution.notebook)
    course.store.path(execution.notebook).write_bytes(whole.replace(b"x = 1", b"x = 2"))
    [result] = grade_class([submission], course)
    assert result.fault is None and result.report.grade.state is State.GRADED
    assert course.store.get(execution.notebook) == whole
    assert ran(course) == ["x = 1"], "from what the room said, which is whole"
    for blob in (course.store.root / "blobs").rglob("*"):
        if blob.is_file() and blob != course.store.path(submission.notebook or digest(b"")):
            blob.write_bytes(b"damaged")
    [again] = grade_class([submission], course)
    assert again.fault is None and again.report.grade == result.report.grade
    assert ran(course) == ["x = 1", "x = 1"]


def test_a_store_that_stays_damaged_is_a_fault_of_ours(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = handed_in(course.store, "x = 1")

    def broken(_: Store, name: str) -> bytes:
        raise StoreError("damaged in the store", place=name, remedy="Look at the disk.")

    monkeypatch.setattr(Store, "get", broken)
    [result] = grade_class([submission], course)
    assert result.fault is not None and result.fault.remedy == "Look at the disk."
    assert result.report.grade.state is State.NEEDS_REVIEW


RECALLED: dict[str, tuple[Callable[[Course], Course], tuple[str, ...]]] = {
    "nothing": (lambda course: course, ()),
    "rubric": (lambda course: replace(course, rubric=replace(course.rubric, digest=digest(b"other"))), ()),
    "forced": (CHANGES["force"], ("forced",)),
    "seed": (CHANGES["seed"], ("images", "seed")),
    "parameters": (CHANGES["parameters"], ("parameters",)),
    "limits": (CHANGES["limits"], ("limits",)),
    "environment": (CHANGES["environment"], ("environment",)),
    "threads": (CHANGES["threads"], ("device",)),
    "other sets": (CHANGES["other sets"], ("data",)),
    "data": (CHANGES["data"], ("data",)),
    "sandbox": (lambda course: replace(course, sandbox=QuickRooms(name="docker")), ("sandbox",)),
}


@pytest.mark.parametrize("change", RECALLED)
def test_why_a_notebook_was_executed_is_told(course: Course, change: str) -> None:
    submission = handed_in(course.store, "x = 1")
    changed, why = RECALLED[change]
    [first] = grade_class([submission], course)
    [second] = grade_class([submission], changed(course))
    told = [{recall.stage: recall for recall in result.recalls}["execution"] for result in (first, second)]
    assert told[0] == Recall(stage="execution", reused=False, why=("new",))
    assert told[1] == Recall(stage="execution", reused=not why, why=why)


def test_only_the_checks_that_are_asked_something_new_are_carried_out(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = handed_in(course.store, "x = 1")
    carried_out: list[str] = []
    finding = checks._finding

    def counted(item: Item, evidence: Evidence) -> Finding:
        carried_out.append(item.id)
        return finding(item, evidence)

    monkeypatch.setattr(checks, "_finding", counted)

    def graded(criteria: tuple[Criterion, ...], name: str) -> tuple[Result, list[str]]:
        carried_out.clear()
        changed = replace(course.rubric, criteria=criteria, digest=digest(name.encode()))
        [result] = grade_class([submission], replace(course, rubric=changed))
        return result, list(carried_out)

    [criterion] = course.rubric.criteria
    completes, readable = criterion.items
    dearer = replace(criterion, items=(replace(completes, points=Decimal(9), title={"fr": "x", "en": "y"}), readable))
    stricter = replace(criterion, items=(completes, replace(readable, parameters={"comments": 0.9})))
    assert graded((criterion,), "first")[1] == ["completes", "readable"]
    assert graded((criterion,), "first")[1] == []
    again, anew = graded((dearer,), "dearer")
    assert anew == [] and again.report.grade.awards[0].possible == 9
    assert {recall.stage: recall for recall in again.recalls}["grade"].why == ("rubric",)
    assert graded((stricter,), "stricter")[1] == ["readable"]
    assert graded((criterion,), "first")[1] == []


def test_what_waits_for_a_person_is_remembered_and_what_failed_is_not(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = handed_in(course.store, "x = 1")
    [criterion] = course.rubric.criteria
    items = [replace(criterion.items[0], id=name, check=name, parameters={}) for name in ("person.reads", "fails")]
    carried_out: list[str] = []

    def fails(evidence: Evidence) -> Finding:
        raise ZeroDivisionError

    reads = checks.signatures()["person.reads"]
    called = {"person.reads": reads, "fails": replace(reads, name="fails", function=fails)}
    finding = checks._finding

    def counted(item: Item, evidence: Evidence) -> Finding:
        carried_out.append(item.id)
        return finding(item, evidence)

    monkeypatch.setattr(checks, "signatures", lambda: called)
    monkeypatch.setattr(checks, "_finding", counted)
    waiting = replace(course.rubric, criteria=(replace(criterion, items=tuple(items)),), digest=digest(b"waiting"))
    for _ in range(2):
        [result] = grade_class([submission], replace(course, rubric=waiting))
    assert [award.finding.verdict for award in result.report.grade.awards] == [Verdict.NEEDS_REVIEW] * 2
    assert carried_out == ["person.reads", "fails", "fails"]


def test_a_check_that_failed_or_waited_is_carried_out_again(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = handed_in(course.store, "x = 1")
    [criterion] = course.rubric.criteria
    waiting = replace(criterion, items=(replace(criterion.items[0], check="person.reads", parameters={}),))
    of_person = replace(course, rubric=replace(course.rubric, criteria=(waiting,), digest=digest(b"waiting")))
    for _ in range(2):
        [result] = grade_class([submission], of_person)
    assert {recall.stage: recall for recall in result.recalls}["grade"].reused
    monkeypatch.setattr("autograder.checks.code.lint", lambda _: None)
    [without] = grade_class([submission], course)
    monkeypatch.undo()
    [linted] = grade_class([submission], course)
    told = [result.report.grade.awards[1].finding.settled for result in (without, linted)]
    assert told == [False, True]


def test_changed_packages_and_changed_code_of_ours_are_told(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = handed_in(course.store, "x = 1")
    grade_one(submission, course)
    list(grade_class([submission], course))
    monkeypatch.setattr(keys, "packages", lambda: {"keras": "9"})
    [upgraded] = grade_class([submission], course)
    monkeypatch.setattr(keys, "code_digest", lambda *_: "changed")
    [changed] = grade_class([submission], course)
    told = [{recall.stage: recall for recall in result.recalls}["execution"].why for result in (upgraded, changed)]
    assert told == [("packages",), ("program",)]


def test_a_refused_submission_runs_nothing(course: Course) -> None:
    submission = replace(handed_in(course.store, "x = 1"), notebook=None, refusal=say("The file is empty."))
    report = grade_one(submission, course)
    assert report.grade.state is State.FAILED and report.evidence is None
    assert {award.finding.verdict for award in report.grade.awards} == {Verdict.UNREACHED}
    assert ran(course) == []


def test_a_submission_whose_data_are_not_here_runs_nothing_and_is_no_0(course: Course) -> None:
    submission = replace(handed_in(course.store, "x = 1"), refusal=say("No such images here."))
    report = grade_one(submission, course)
    assert report.grade.state is State.FAILED and report.grade.total is None
    assert {award.finding.verdict for award in report.grade.awards} == {Verdict.NEEDS_REVIEW}
    [result] = grade_class([submission], course)
    assert result.fault is None and ran(course) == []


def test_one_failure_of_ours_does_not_hold_the_class(course: Course) -> None:
    told: list[Progress] = []
    class_ = [handed_in(course.store, source) for source in ("x = 1", OUR_FAULT, OUR_BUG, "y = 2")]
    results = {one.report.submission.name: one for one in grade_class(class_, course, tell=told.append)}
    faults = {name: result.fault for name, result in results.items() if result.fault}
    assert results["x1"].report.grade.state is results["y2"].report.grade.state is State.GRADED
    assert {fault.remedy for fault in faults.values() if fault} == {"Look at the room.", pipeline.REPORT_IT}
    for name in faults:
        grade = results[name].report.grade
        assert grade.state is State.NEEDS_REVIEW and grade.possible == 4
        assert all(award.points is None for award in grade.awards)
    assert sorted(p.stage for p in told if p.stage in ("done", "failed")) == ["done", "done", "failed", "failed"]


def test_a_full_disk_is_told_as_such(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    submission = handed_in(course.store, "x = 1")
    monkeypatch.setattr("os.fsync", full)
    [result] = grade_class([submission], course)
    assert result.fault is not None and "The disk is full" in result.fault.remedy
    assert result.report.grade.state is State.NEEDS_REVIEW


def test_stopping_keeps_what_is_finished_and_drops_the_rest(course: Course) -> None:
    stop = threading.Event()
    class_ = [handed_in(course.store, f"x = {number}") for number in range(5)]
    finished = []
    for result in grade_class(class_, course, cancelled=stop.is_set):
        finished.append(result)
        stop.set()
    assert 1 <= len(finished) <= 2, "one slot: at most the one that was already under way"
    assert all(result.fault is None for result in finished)


@dataclass
class Gates(QuickRooms):
    """The second notebook waits until it is asked to stop."""

    waiting: threading.Event = field(default_factory=threading.Event)
    tick: threading.Event = field(default_factory=threading.Event)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        if self.ran:
            self.waiting.set()
            while not cancelled():
                self.tick.wait(0.01)
        return super().run(room, on_frame, cancelled)


def test_whoever_stops_listening_does_not_wait_for_the_class(course: Course) -> None:
    rooms = Gates()
    class_ = [handed_in(course.store, f"x = {number}") for number in range(5)]
    with closing(grade_class(class_, replace(course, sandbox=rooms))) as results:
        next(results)
        assert rooms.waiting.wait(10)
    assert len(rooms.ran) == 2, "the one that ran was stopped, the others never began"


@pytest.mark.parametrize("force", [False, True])
def test_two_who_handed_in_the_same_code_are_executed_once(course: Course, force: bool) -> None:
    class Slow(QuickRooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            threading.Event().wait(0.2)  # the other one has begun by then
            return super().run(room, on_frame, cancelled)

    content = a_notebook("x = 1", "y = 2")
    notebook = course.store.put(content)
    class_ = [
        Submission(student=StudentId(name), name=name, source=f"{name}.ipynb", notebook=notebook)
        for name in ("ada", "bob", "eve")
    ]
    rooms = Slow()
    together = replace(course, sandbox=rooms, slots=("cpu", "cpu", "cpu"), force=force)
    evidences = [result.report.evidence for result in grade_class(class_, together)]
    assert rooms.ran == ["x = 1"]
    assert {evidence.student for evidence in evidences if evidence} == {"ada", "bob", "eve"}
    list(grade_class(class_, replace(together, force=False)))
    assert rooms.ran == ["x = 1"]


def test_each_slot_runs_one_notebook_at_a_time(course: Course) -> None:
    at_once: list[int] = []
    running = threading.Semaphore(2)

    class Counted(QuickRooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            at_once.append(running.acquire(blocking=False))
            try:
                return super().run(room, on_frame, cancelled)
            finally:
                running.release()

    class_ = [handed_in(course.store, f"x = {number}") for number in range(6)]
    devices = {
        result.report.evidence.execution.device
        for result in grade_class(class_, replace(course, sandbox=Counted(), slots=("gpu:0", "gpu:1")))
        if result.report.evidence
    }
    assert at_once == [True] * 6
    assert devices <= {"gpu:0", "gpu:1"} and devices


@pytest.mark.parametrize(("times", "fault"), [(1, False), (2, True)])
def test_what_the_machine_had_no_memory_for_is_tried_once_more_alone(course: Course, times: int, fault: bool) -> None:
    class Crowded(QuickRooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            outcome = super().run(room, on_frame, cancelled)
            if "x = 0" in self.ran[-1] and self.ran.count(self.ran[-1]) <= times:
                raise MachineShort("no memory left", remedy="Grade with fewer workers.")
            return outcome

    rooms = Crowded()
    class_ = [handed_in(course.store, f"x = {number}") for number in range(4)]
    results = list(grade_class(class_, replace(course, sandbox=rooms, slots=("cpu", "cpu"))))
    assert rooms.ran[-1] == "x = 0" and rooms.ran.count("x = 0") == 2, "the last of all"
    assert [result.fault is not None for result in results] == [False, False, False, fault]


@pytest.mark.parametrize(("slots", "times"), [(("gpu:0", "gpu:0"), 2), (("gpu:0", "gpu:1"), 1), (("cpu", "cpu"), 1)])
def test_who_found_a_shared_gpu_full_is_run_again_alone(course: Course, slots: tuple[str, ...], times: int) -> None:
    """Of those who share it nobody can tell whose fault it was; who has it alone can."""
    rooms = QuickRooms(error="ResourceExhaustedError: OOM when allocating tensor by allocator GPU_0_bfc")
    class_ = [handed_in(course.store, f"x = {number}") for number in range(2)]
    results = list(grade_class(class_, replace(course, sandbox=rooms, slots=slots)))
    assert [result.fault for result in results] == [None, None]
    assert sorted(rooms.ran) == sorted(["x = 0", "x = 1"] * times)
    endings = [result.report.evidence.execution.ending for result in results if result.report.evidence]
    assert endings == [Ending.RAISED] * 2


@pytest.mark.parametrize(
    "error",
    [
        "InternalError: Failed copying input tensor to GPU:0 in order to run it: Dst tensor is not initialized.",
        "InternalError: Graph execution error: Out of memory while trying to allocate 823132160 bytes.",
        "",
    ],
)
def test_whatever_may_come_of_a_full_gpu_is_run_again_alone(course: Course, error: str) -> None:
    """Without any error, it is the kernel that died."""
    rooms = QuickRooms(error=error, ending="died")
    class_ = [handed_in(course.store, f"x = {number}") for number in range(2)]
    results = list(grade_class(class_, replace(course, sandbox=rooms, slots=("gpu:0", "gpu:0"))))
    assert [result.fault for result in results] == [None, None]
    assert sorted(rooms.ran) == ["x = 0", "x = 0", "x = 1", "x = 1"]


def test_a_students_own_error_is_not_tried_again_for_a_shared_gpu(course: Course) -> None:
    rooms = QuickRooms(error="ValueError: Exception encountered when calling Conv2D.call(): negative dimension size")
    class_ = [handed_in(course.store, f"x = {number}") for number in range(2)]
    list(grade_class(class_, replace(course, sandbox=rooms, slots=("gpu:0", "gpu:0"))))
    assert sorted(rooms.ran) == ["x = 0", "x = 1"]


def test_progress_counts_cells_of_the_notebook_as_handed_in(course: Course) -> None:
    told: list[Progress] = []
    grade_one(handed_in(course.store, "x = 1", "y = 2"), course, tell=told.append)
    assert stages(told) == ["executing", "measuring", "grading"]
    assert (1, 2) in {(progress.cell, progress.cells) for progress in told}
    assert (2, 2) in {(progress.cell, progress.cells) for progress in told}


def stages(told: Iterable[Progress]) -> list[str]:
    return list(dict.fromkeys(progress.stage for progress in told))


def test_a_run_does_not_begin_on_a_full_disk(tmp_path: Path) -> None:
    pipeline.ensure_space(tmp_path / "state", needed_mb=0)
    with pytest.raises(OutputError, match="MB are free") as caught:
        pipeline.ensure_space(tmp_path / "state", needed_mb=1 << 40)
    assert "--state" in caught.value.remedy
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        pipeline.ensure_space(tmp_path / "file" / "state")


def test_a_result_that_was_put_away_is_not_kept(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty students on two lanes: some results are under way, two wait, and the others are gone."""
    alive: WeakSet[Heavy] = WeakSet()

    class Heavy:
        evidence = None

        def __init__(self, submission: Submission) -> None:
            self.submission = submission
            alive.add(self)

    def result(submission: Submission, *_: object) -> Result:
        return Result(report=Heavy(submission))  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "_result", result)
    class_ = [handed_in(course.store, f"x = {number}") for number in range(50)]
    most = 0
    for one in grade_class(class_, replace(course, slots=("cpu", "cpu"))):
        del one
        most = max(most, len(alive))
    assert 1 <= most <= 8
