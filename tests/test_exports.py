"""What leaves for other programs: CSV, Gradescope's results.json, grade.json."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import (
    HOSTILE,
    a_final,
    a_finding,
    a_grade,
    a_model,
    a_refusal,
    a_report,
    a_rubric,
    a_submission,
    an_evidence,
    an_execution,
)
from hypothesis import given
from hypothesis import strategies as st

from autograder import exports
from autograder.messages import visible
from autograder.records import Audit, Grade, Replay, Report, Reuse, State, StudentId, Verdict, say

SCHEMA_PAGE = Path(__file__).resolve().parent.parent / "docs" / "grade-schema.md"
REVIEWED = (Verdict.MET, Verdict.NEEDS_REVIEW, Verdict.UNREACHED)


def _rows(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter))


def _named(name: str) -> Grade:
    return a_grade(name=name)


# --- CSV -----------------------------------------------------------------------------------------------------------


def test_csv_has_a_column_for_each_criterion_and_item() -> None:
    rubric = a_rubric()
    (row,) = _rows(exports.csv.grades([a_grade()], rubric))
    ids = [criterion.id for criterion in rubric.criteria] + [item.id for _, item in rubric.items]
    assert list(row) == ["student", "name", "state", "total", "undecided", "possible", *ids]
    assert row["student"] == "amelie-benoit"
    assert row["name"] == "Amélie Benoît"
    assert (row["state"], row["possible"]) == ("graded", "20")
    assert Decimal(row["total"]) == a_grade().total
    assert sum(Decimal(row[criterion.id]) for criterion in rubric.criteria) == a_grade().total


def test_csv_leaves_what_nobody_decided_empty() -> None:
    (row,) = _rows(exports.csv.grades([a_grade(REVIEWED)], a_rubric()))
    assert row["state"] == "needs_review"
    assert row["structure"] == ""
    assert row["readability"] == "0"
    assert row["code"] == "2"
    assert Decimal(row["undecided"]) == a_grade(REVIEWED).undecided > 0


def test_csv_leaves_a_missing_submission_empty() -> None:
    missing = a_grade(awards=(), state=State.MISSING)
    (row,) = _rows(exports.csv.grades([missing], a_rubric()))
    assert row.pop("possible") == "20"
    assert {row.pop(name) for name in ("student", "name", "state")} == {"amelie-benoit", "Amélie Benoît", "missing"}
    assert set(row.values()) == {""}


def test_csv_of_a_refused_notebook_has_zeros_not_gaps() -> None:
    (row,) = _rows(exports.csv.grades([a_refusal().grade], a_rubric()))
    assert (row["state"], row["total"], row["runs"]) == ("failed", "0", "0")


def test_csv_with_decimal_comma_separates_by_semicolon() -> None:
    text = exports.csv.grades([a_grade((Verdict.PARTLY,))], a_rubric(), decimal_comma=True)
    (row,) = _rows(text, ";")
    assert row["sections"] == "0,75"
    assert row["total"] == "10"


def test_csv_begins_with_a_byte_order_mark_on_request_only() -> None:
    assert exports.csv.grades([], a_rubric(), bom=True).startswith("\ufeffstudent,")
    assert exports.csv.grades([], a_rubric()).startswith("student,")


@pytest.mark.parametrize(
    "name",
    [
        "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\ufeff=1",
        "＝1", "＠x", "%0A", "|calc", "=HYPERLINK(\"http://evil.example\",\"x\")",
    ],
)  # fmt: skip
def test_csv_holds_no_formula(name: str) -> None:
    for decimal_comma, delimiter in ((False, ","), (True, ";")):
        text = exports.csv.grades([_named(name)], a_rubric(), decimal_comma=decimal_comma)
        cell = _rows(text, delimiter)[0]["name"]
        assert cell.strip()[0] in "'[", cell
        assert cell.replace("'", "") == visible(name).replace("'", "")


SIGNS = set("=+-@＝＋－＠−﹦﹢﹣﹫⁼⁺⁻₌₊₋")
UNSEEN = "".join(map(chr, [0xA0, 0x300, 0x301, 0x200B, 0x2800, 0x3164, 0xFE0F, 0xFEFF, 0xE0100])) + " \t\r\n\v\f"


def _formulas(text: str) -> list[str]:
    """Cells that begin with a sign of formulas for some program, by whichever mark it parts them."""
    cells = (
        cell for mark in ",;\t" for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) for cell in row
    )
    bare = (cell.lstrip(UNSEEN) for cell in cells)
    return [cell for cell in bare if cell[:1] in SIGNS and not re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", cell)]


@pytest.mark.parametrize(
    "name",
    [
        ";=1+1", "a;=1+1", "1,=2+5", "a\t=1", "a\n=1", "a\r\n;=1", 'a";=1', 'x;"=1+1"', '";"",;=1', "; \u00a0=1",
        ";\u0301=1", ";\u200b=1", "a;-5,6+7", "a;＝1", ",−2+3", "a;;;@x", ";\u3164=1", "\u2800=1", ";\ufe0f=1",
        ";\U000e0100=1",
        "a\v;+1+1", "a,\n;\t \"'=1\";=2",
    ],
)  # fmt: skip
def test_no_part_of_a_cell_is_a_formula_by_any_separator(name: str) -> None:
    assert not _formulas(exports.csv.grades([_named(name)], a_rubric()))
    assert not _formulas(exports.csv.grades([_named(name)], a_rubric(), decimal_comma=True, bom=True))
    assert _formulas(f"student;name\na;{name}\n") or _formulas(f"student,name\na,{name}\n"), "no attack at all"


@given(st.lists(st.text(alphabet=[*",;\t\n\r\"' =+-@1a", *SIGNS, *UNSEEN], max_size=12), max_size=3), st.booleans())
def test_no_name_at_all_makes_a_formula(names: list[str], decimal_comma: bool) -> None:
    assert not _formulas(exports.csv.grades([_named(name) for name in names], a_rubric(), decimal_comma=decimal_comma))


@pytest.mark.parametrize(
    "name", ["-5", "+3.5", "12,5", 'O\'Neil; "Zoë", 李 明', "d’Arc\nJeanne", "a=b", "", "Jean-Marie", "Dupont; Léa"]
)
def test_csv_leaves_harmless_names_as_they_are(name: str) -> None:
    assert _rows(exports.csv.grades([_named(name)], a_rubric()))[0]["name"] == name


@given(st.lists(st.text(), min_size=1, max_size=5), st.booleans())
def test_csv_round_trip_of_any_name(names: list[str], decimal_comma: bool) -> None:
    text = exports.csv.grades([_named(name) for name in names], a_rubric(), decimal_comma=decimal_comma)
    rows = _rows(text, ";" if decimal_comma else ",")
    assert [row["name"] for row in rows] == [exports.csv.guarded(name) for name in names]
    assert all(len(row) == len(rows[0]) and None not in row for row in rows)
    assert text.encode()


# --- Gradescope ----------------------------------------------------------------------------------------------------


def test_gradescope_has_a_numbered_visible_test_per_item() -> None:
    results = exports.gradescope.results(a_report(), "en")
    tests = results["tests"]
    assert [test["number"] for test in tests[:5]] == ["1.1", "1.2", "1.3", "2.1", "2.2"]
    assert tests[-1]["number"] == "5.3"
    assert sum(test["max_score"] for test in tests) == 20
    assert sum(test["score"] for test in tests) == results["score"] == float(a_grade().total or 0)
    assert {test["visibility"] for test in tests} == {"visible"}
    assert tests[2] == {
        "number": "1.3",
        "name": "Readability",
        "max_score": 1.0,
        "output": "2 of 3 found.\nAdd what is missing.",
        "visibility": "visible",
        "score": 0.5,
        "status": "failed",
    }
    assert (tests[0]["name"], tests[0]["status"]) == ("Runs completely", "passed")
    assert exports.gradescope.results(a_report(), "fr")["tests"][0]["name"] == "Exécution complète"


def test_gradescope_gives_no_score_to_what_nobody_decided() -> None:
    results = exports.gradescope.results(a_report(grade=a_grade(REVIEWED)), "en")
    waiting = results["tests"][1]
    assert "score" not in waiting
    assert "status" not in waiting
    assert "await" in results["output"]


def test_gradescope_says_nothing_that_is_meant_for_the_teacher() -> None:
    finding = a_finding(for_teacher=say("Looks copied."))
    awards = tuple(replace(award, finding=finding) for award in a_grade().awards)
    assert "copied" not in json.dumps(exports.gradescope.results(a_report(grade=a_grade(awards=awards)), "en"))
    assert "copied" in json.dumps(exports.record.grade(a_report(grade=a_grade(awards=awards)), "en"))


def test_gradescope_of_a_refused_notebook_tells_why() -> None:
    results = exports.gradescope.results(a_refusal(), "en")
    assert results["score"] == 0
    assert results["output"] == "The file is not a notebook."


# --- grade.json ------------------------------------------------------------------------------------------------------


def _schema() -> dict[str, Any]:
    blocks = re.findall(r"```json\n(.*?)```", SCHEMA_PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    schema: dict[str, Any] = json.loads(blocks[0])
    return schema


@pytest.mark.parametrize(
    "report", [a_report(), a_refusal(), a_report(grade=a_grade(REVIEWED))], ids=["graded", "refused", "review"]
)
def test_record_follows_its_documented_schema(report: Report) -> None:
    schema = _schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    found = json.loads(exports.record.text(exports.record.grade(report)))
    jsonschema.Draft202012Validator(schema).validate(found)


def test_schema_describes_every_key_it_requires() -> None:
    schema = _schema()
    assert set(schema["required"]) <= set(schema["properties"])
    found = exports.record.grade(a_report())
    assert set(found) <= set(schema["properties"])
    for name in ("item", "model"):
        assert set(schema["$defs"][name]["required"]) <= set(found[f"{name}s"][0])


def test_record_tells_what_became_of_the_trainings() -> None:
    reuse = Reuse(
        replayed=(Replay(key="k", short="ab", seconds=60.0), Replay(key="k", short="ab", seconds=24.5)),
        audited=(Audit(key="l", short="cd", difference=0.0), Audit(key="m", short="ef", difference=None)),
        trained=1,
        refused={"tf.data": 2},
    )
    evidence = an_evidence(execution=an_execution(reuse=reuse))
    assert exports.record.grade(a_report(evidence=evidence), "en")["execution"]["reuse"] == {
        "replayed": 2,
        "replayed_seconds": 84.5,
        "trained": 1,
        "refused": {"tf.data": 2},
        "audited": [{"training": "cd", "difference": 0.0}, {"training": "ef", "difference": None}],
    }
    assert exports.record.grade(a_report(), "en")["execution"]["reuse"] is None


def test_record_holds_the_figures_of_the_report() -> None:
    found = exports.record.grade(a_report(), "en")
    assert found["robustness"]["rotation"] == [0.95, 0.9, 0.85, 0.8, 0.75]
    assert found["gain"]["ci95"] == [0.55, 0.83]
    assert found["baseline"]["spread"] == pytest.approx(0.014)
    assert [model["chosen"] for model in found["models"]] == [False, False, True]
    assert found["models"][0]["cell"] == 5
    assert found["table"]["rows"][2]["claimed_accuracy"] == 0.997
    assert found["table"]["rows"][2]["measured_accuracy"] == 0.96
    assert found["execution"]["cells"][-1] == {
        "cell": 8,
        "state": "raised",
        "seconds": 10.5,
        "error": "NameError: name 'x' is not defined",
    }
    assert found["items"][0]["evidence"]["cells"] == [3, 5]
    assert found["items"][0]["message"] == "3 of 3 found."
    assert found["ledger"]["trainings"][0]["cell"] == 5


def test_record_holds_what_a_person_weighs() -> None:
    doubt = say("The model behaves like a memory.")
    final = a_final(doubts=(doubt,), flags=(doubt, say("A claim does not hold.")))
    found = exports.record.grade(a_report(evidence=an_evidence(final=final)), "en")["final"]
    assert (found["doubts"], found["flags"]) == ([doubt.text], [doubt.text, "A claim does not hold."])
    assert found["facts"] == ["The public test set was used for validation."]
    assert found["gap"]["ci95"] == [-0.015, 0.033]
    assert found["nudges"][0]["kept"] == 279


def test_record_never_holds_nan() -> None:
    nan = float("nan")
    finding = a_finding(found={"x": nan, "y": [float("inf"), Decimal("1.5")]}, wanted=nan)
    awards = tuple(replace(award, finding=finding) for award in a_grade().awards)
    report = a_report(
        grade=a_grade(awards=awards),
        evidence=an_evidence(models=(a_model(notebook_accuracy=nan, chosen=True),)),
    )
    text = exports.record.text(exports.record.grade(report))
    assert "NaN" not in text
    assert "Infinity" not in text
    found = json.loads(text)
    assert found["models"][0]["notebook_accuracy"] is None
    assert found["items"][0]["evidence"]["found"] == {"x": None, "y": [None, 1.5]}
    assert json.loads(exports.record.text({"x": nan})) == {"x": None}


@pytest.mark.parametrize("payload", [*HOSTILE, "\ud800"])
def test_record_shows_tricks_for_what_they_are(payload: str) -> None:
    report = a_report(submission=a_submission(name=payload))
    for value in (exports.record.grade(report), exports.gradescope.results(report)):
        text = exports.record.text(value)
        assert text.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066]", text)
    assert exports.record.grade(report)["name"] == visible(payload)


def test_award_table_needs_no_evidence() -> None:
    found = exports.record.award_table(a_grade(awards=(), state=State.MISSING, student=StudentId("x")))
    assert (found["state"], found["total"], found["items"]) == ("missing", None, [])
