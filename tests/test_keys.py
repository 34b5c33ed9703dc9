"""What each key contains: whatever a result depends on changes it, under the name that people are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograder import checks, keys, rubric
from autograder.checks import registry
from autograder.course import Course
from autograder.datasets import load, room_file
from autograder.recall import Key
from autograder.records import Baseline, CellRun, CellState, Ending, Execution, Json, StudentId, Submission, say
from autograder.store import Store, digest
from tests.classroom import QuickRooms, a_folder, a_notebook

RUN = Execution(ending=Ending.COMPLETED, cells=(CellRun(index=0, state=CellState.RAN),))
BASELINE = Baseline(
    accuracies=(0.9,),
    seeds=(1,),
    mean_errors=digest(b"errors"),
    predictions=(digest(b"one"),),
    robustness={},
    clean_accuracy=0.9,
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    folder = tmp_path_factory.mktemp("keys")
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(folder / "small.npz", x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    data = load(str(folder / "small.npz"), split_seed=20, hidden_images=20)
    desk = a_folder(folder / "desk", {})
    return Course(
        rubric=rubric.load(desk / "rubrics" / "tiny.yaml", checks.signatures()),
        data=data,
        data_file=room_file(data, folder / "rooms"),
        sandbox=QuickRooms(),
        store=Store(folder / "state"),
        baseline=BASELINE,
    )


@pytest.fixture
def submission(course: Course) -> Submission:
    notebook = course.store.put(a_notebook("x = 1"))
    return Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=notebook)


def other_data(course: Course) -> Course:
    return replace(course, data=replace(course.data, card=replace(course.data.card, digest=digest(b"other"))))


def other_rubric(course: Course, **changes: Json) -> Course:
    return replace(course, rubric=replace(course.rubric, **changes))


Asked = tuple[Submission, Course, Execution]
COURSES: Mapping[str, Callable[[Course], Course]] = {
    "data": other_data,
    "images": lambda course: other_rubric(course, robustness_images=7),
    "seed of the rubric": lambda course: other_rubric(course, seed=7),
    "rubric": lambda course: other_rubric(course, digest=digest(b"other")),
    "baseline": lambda course: replace(course, baseline=replace(BASELINE, nudged=(digest(b"two"),))),
    "time to measure": lambda course: other_rubric(course, limits=replace(course.rubric.limits, model_seconds=7)),
    "no baseline": lambda course: replace(course, baseline=None),
    "template": lambda course: replace(course, template=("# start",)),
    "slots": lambda course: replace(course, slots=("cpu", "cpu")),
    "points": lambda course: other_rubric(course, points=99),
}
SUBMISSIONS: Mapping[str, Mapping[str, Json]] = {
    "text": {"notebook": digest(b"other")},
    "files": {"files": {"best.h5": digest(b"weights")}},
    "name": {"name": "Eve"},
    "refusal": {"refusal": say("No {what}.", what="images")},
    "where it lay": {"source": "elsewhere.ipynb", "notes": (say("Hm."),)},
}
RUNS: Mapping[str, Execution] = {
    "execution": replace(RUN, seconds=2.0),
    "ending": replace(RUN, ending=Ending.RAISED),
}
KEYS: Mapping[str, Callable[[Submission, Course, Execution], Key]] = {
    "placed": lambda submission, course, run: keys.placed_key(run, submission.notebook or digest(b"")),
    "final": lambda submission, course, run: keys.final_key(run, submission, course),
    "evidence": lambda submission, course, run: keys.evidence_key(run, submission, course),
    "baseline": lambda submission, course, run: keys.baseline_key([run], (1, 2), course),
    "findings": lambda submission, course, run: keys.findings_key(keys.execution_digest(run), course.rubric),
    "grade": lambda submission, course, run: keys.grade_key(keys.execution_digest(run), submission, course.rubric),
}
HOLDS: Mapping[str, Mapping[str, str]] = {
    "placed": {"text": "text", "execution": "execution", "ending": "execution"},
    "final": {
        **{"text": "text", "execution": "execution", "ending": "execution"},
        **{"data": "data", "images": "images", "seed of the rubric": "images"},
    },
    "evidence": {
        **{"text": "text", "files": "files", "execution": "execution", "ending": "execution", "data": "data"},
        **{"images": "images", "seed of the rubric": "images", "template": "template"},
        **{"baseline": "baseline", "no baseline": "baseline", "time to measure": "limits"},
    },
    "baseline": {
        **{"execution": "execution", "ending": "execution", "data": "data"},
        **{"images": "images", "seed of the rubric": "images", "time to measure": "limits"},
    },
    "findings": {"execution": "evidence", "ending": "evidence"},
    "grade": {
        **{"execution": "evidence", "ending": "evidence", "rubric": "rubric"},
        **{"name": "submission", "refusal": "submission"},
    },
}
"""Stage -> what changes its key -> the part that differs; whatever else is changed here changes nothing."""


@pytest.mark.parametrize("stage", KEYS)
@pytest.mark.parametrize("change", [*COURSES, *SUBMISSIONS, *RUNS])
def test_what_a_key_contains(course: Course, submission: Submission, stage: str, change: str) -> None:
    before = KEYS[stage](submission, course, RUN)
    after = KEYS[stage](
        replace(submission, **SUBMISSIONS.get(change, {})),
        COURSES.get(change, lambda course: course)(course),
        RUNS.get(change, RUN),
    )
    expected = HOLDS[stage].get(change)
    assert after.differing(dict(before.parts)) == (() if expected is None else (expected,))
    assert (str(after) == str(before)) == (expected is None)


@pytest.mark.parametrize("stage", [*KEYS, "execution"])
def test_our_own_code_is_in_every_key(
    course: Course, submission: Submission, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> Key:
        return (
            keys.execution_key(submission, course, 1, "cpu")
            if stage == "execution"
            else KEYS[stage](submission, course, RUN)
        )

    before = made()
    monkeypatch.setattr(keys, "code_digest", lambda *_: "changed")
    assert made().differing(dict(before.parts)) == ("program",)


def test_a_teachers_own_checks_are_in_the_keys_of_what_they_find(
    course: Course, submission: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_CHECKS", dict(registry._CHECKS))
    plugin = tmp_path / "checks.py"
    lines = (
        "from autograder.checks import check",
        "from autograder.records import Evidence, Finding",
        "@check('own.test_keys')",
        "def own(evidence: Evidence) -> Finding:",
        "    raise NotImplementedError",
    )
    plugin.write_text("\n".join(lines))
    checks.load_plugins(tmp_path)
    criterion = course.rubric.criteria[0]
    asks = replace(criterion, items=(replace(criterion.items[0], check="own.test_keys", parameters={}),))
    own = other_rubric(course, criteria=(asks,)).rubric
    before = keys.findings_key("evidence", own), keys.grade_key("evidence", submission, own)
    plugin.write_text("\n".join(lines) + "  # another one")
    after = keys.findings_key("evidence", own), keys.grade_key("evidence", submission, own)
    assert [new.differing(dict(old.parts)) for old, new in zip(before, after, strict=True)] == [("checks",)] * 2
