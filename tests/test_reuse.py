"""What a run says of what it remembered."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import autograder
from autograder.cli import options, reuse, trainings
from autograder.cli.reuse import lines, told
from autograder.errors import ConfigError
from autograder.recall import Recall
from autograder.records import Audit, Replay, Reuse, StudentId

PACKAGE = Path(autograder.__file__).resolve().parent


def known(stage: str) -> Recall:
    return Recall(stage=stage, reused=True)


def anew(stage: str, *why: str) -> Recall:
    return Recall(stage=stage, reused=False, why=why)


CLASS = {
    "ada": (known("execution"), known("evidence"), known("grade")),
    "bob": (
        anew("execution", "code"),
        anew("evidence", "execution"),
        known("measurement/m1-t1"),
        anew("measurement/m2-t2", "model"),
        anew("grade", "evidence"),
    ),
    "eve": (anew("execution", "new"), anew("measurement/m1-t1", "new"), anew("grade", "new")),
    "joe": (known("execution"), anew("measurement/m1-t1", "packages"), anew("grade", "evidence", "rubric")),
    "kim": (anew("execution", "code", "files"), anew("grade", "evidence")),
    "refused": (),
}


def test_a_line_for_each_stage() -> None:
    assert list(lines(CLASS)) == [
        "executions: 2 of 5 reused; 1 code cells changed, 1 new, 1 code cells changed and files beside the notebook "
        "changed",
        "measurements: 1 of 4 reused; 2 executed, 1 packages changed",
        "grades: 1 of 5 reused; 2 evidence changed, 1 new, 1 evidence changed and rubric changed",
    ]


def test_verbose_names_the_students() -> None:
    shown = list(lines(CLASS, verbose=True))
    assert "  eve: execution anew: new" in shown
    assert "  joe: measurement anew: packages changed" in shown
    assert not any(line.startswith("  ada") for line in shown)


def test_all_reused_is_one_short_line_each() -> None:
    assert list(lines({"ada": CLASS["ada"]})) == [
        "executions: 1 of 1 reused",
        "measurements: 1 of 1 reused",
        "grades: 1 of 1 reused",
    ]
    assert list(lines({"refused": ()})) == [], "nothing was asked of a submission that is refused"


def test_what_is_forced_is_said_to_be() -> None:
    forced = (anew("execution", "forced"), anew("measurement/m1-t1", "forced"), anew("grade", "forced"))
    assert list(lines({"ada": forced}))[1] == "measurements: 0 of 1 reused; 1 forced"


def test_for_a_program() -> None:
    assert told(CLASS["joe"]) == {
        "execution": {"reused": True, "why": []},
        "measurement": {"reused": False, "why": ["packages"]},
        "grade": {"reused": False, "why": ["evidence", "rubric"]},
    }


def parts() -> set[str]:
    """Names of the parts of every key that is made anywhere in the package."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "key" and node.args:
                stage = node.args[0].value if isinstance(node.args[0], ast.Constant) else "execution"
                if stage in reuse.STAGES:
                    found |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found


def test_each_part_of_a_key_has_its_words() -> None:
    assert len(parts()) > 12
    assert parts() <= reuse._WHY.keys()


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0%", 0.0), ("100 %", 1.0), ("0.25", 0.25), ("1", 1.0)])
def test_a_share_as_people_write_it(text: str, share: float) -> None:
    assert options.share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "some", "-1%", "101%", "5", "nan", "inf%"])
def test_what_is_no_share_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="no share"):
        options.share(text)


# --- trainings -------------------------------------------------------------------------------------------------------


REPLAYED = Replay(key="k", short="abcdef", seconds=78.0)
TRAINED = {
    StudentId("ada"): Reuse(trained=8, refused={"own callback": 1, "tf.data": 1}),
    StudentId("bob"): Reuse(replayed=(REPLAYED,) * 9, trained=4, refused={"own callback": 1}),
    StudentId("eve"): Reuse(audited=(Audit(key="k", short="abcdef", difference=0.0),)),
}


def test_what_became_of_the_trainings_of_this_run() -> None:
    assert list(trainings.lines(TRAINED)) == [
        "reuse: 12 trained, 9 replayed (702 s saved), 3 not understood: own callback 2, tf.data 1; "
        "audited 1: difference 0.0"
    ]
    assert list(trainings.lines({StudentId("ada"): TRAINED[StudentId("ada")]})) == [
        "reuse: 8 trained, 0 replayed, 2 not understood: own callback 1, tf.data 1"
    ]
    assert list(trainings.lines({})) == []
    assert list(trainings.apart(TRAINED)) == []


def test_a_training_that_was_kept_as_another_is_told_loudly() -> None:
    apart = Reuse(audited=(Audit(key="k", short="abcdef", difference=0.25),))
    found = {**TRAINED, StudentId("zoe"): apart}
    attention, others, remedy = trainings.apart(found)
    assert "training abcd… of zoe" in attention and "difference 0.25" in attention
    assert others == "  Answered with it in this run: bob."
    assert "same command again" in remedy
    assert "difference 0.25" in next(trainings.lines(found))
    other_form = {StudentId("zoe"): Reuse(audited=(Audit(key="x", short="abcdef", difference=None),))}
    assert "of another form" in next(trainings.apart(other_form))
