"""What people open afterwards cannot act, and what the grader itself reads does not stop it."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import checks, exports, feedback, rubric
from autograder.feedback import handed
from autograder.feedback.brief import brief
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary
from autograder.notebook.source import parse, pieces, python
from autograder.records import Cell, CellKind, CellRun, CellState, Frame, Ledger, Output, Report, TableRow
from autograder.sandbox.watch import plain_text
from autograder.store import Store
from tests import builders as make
from tests.attacks.record import Text
from tests.attacks.texts import CODE, TEXTS, Code
from tests.pages import assert_inert

SUSPECT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")


def everywhere(text: str, store: Store) -> Report:
    """A report in which a text stands wherever a student can put one."""
    outputs = (
        Output(kind="stream", stream="stdout", text=text),
        Output(kind="error", text=text),
        Output(kind="display_data", text=text, html=f"<table><tr><td>{text}</td></tr></table>{text}"),
    )
    cells = (
        Cell(index=0, kind=CellKind.MARKDOWN, source=f"# {text}\n\n{text}\n\n| a |\n|---|\n| {text} |"),
        Cell(index=1, kind=CellKind.CODE, source=text, outputs=outputs),
    )
    execution = make.an_execution(cells=(CellRun(index=1, state=CellState.RAISED, execution_count=1, error=text),))
    training = make.a_training(labels={"model_name": text}, functions=(text,))
    ledger = Ledger(trainings=(training,), frames=(Frame(name=text, kind="dict", columns=(text,), rows=((text,),)),))
    table = make.a_table(rows=(TableRow(label=text, accuracy=0.9, comment=text),))
    evidence = make.an_evidence(cells=cells, execution=execution, ledger=ledger, table=table)
    submission = make.a_submission(name=text, source=text)
    grade = replace(make.a_grade(), name=text)
    return make.a_report(store, evidence=evidence, submission=submission, grade=grade)


@pytest.mark.parametrize("attack", TEXTS, ids=lambda attack: attack.id)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_are_inert(attack: Text, language: str, tmp_path: Path) -> None:
    store = make.a_store(tmp_path)
    report = everywhere(attack.text, store)
    pages = (
        sheet(report, make.a_rubric(), language),
        feedback.executed(report, make.a_rubric(), language, store),
        summary([brief(report, make.a_rubric(), language)], rubric=make.a_rubric(), language=language),
    )
    for html in pages:
        assert_inert(html)
        assert not SUSPECT.search(html)
        assert "49" not in re.findall(r">\s*(49)\s*<", html), "a template was filled in"


@pytest.mark.parametrize("attack", TEXTS, ids=lambda attack: attack.id)
def test_tables_hold_no_formula(attack: Text) -> None:
    text = exports.csv.grades([replace(make.a_grade(), name=attack.text)], make.a_rubric())
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert not re.match(r"[\s\u00a0\ufeff]*[=+\-@|%\uff1d]", row["name"])
    assert not SUSPECT.search(row["name"])


@pytest.mark.parametrize("attack", TEXTS, ids=lambda attack: attack.id)
def test_logs_do_not_act_on_a_terminal(attack: Text) -> None:
    assert not SUSPECT.search(plain_text(attack.text.encode("utf-8", "replace")))


@pytest.mark.parametrize("attack", TEXTS, ids=lambda attack: attack.id)
def test_a_notebook_that_is_handed_out_holds_no_active_output(attack: Text) -> None:
    kinds = ("application/javascript", "image/svg+xml", "text/markdown", "text/latex", "application/vnd.x+json")
    html = f"<table><tr><td>{attack.text}</td></tr></table>{attack.text}"
    data = {**dict.fromkeys(kinds, attack.text), "text/html": [html], "text/plain": attack.text}
    output = {"output_type": "display_data", "data": data, "metadata": {"isolated": True}}
    cell = {"cell_type": "code", "source": "x", "outputs": [output], "metadata": {}}
    [shown] = json.loads(handed.notebook(json.dumps({"cells": [cell]}).encode(), "en"))["cells"][0]["outputs"]
    assert set(shown["data"]) <= {"text/plain", "text/html"} and shown["metadata"] == {}
    assert not re.search(r"<(?!/?(?:table|thead|tbody|tr|t[hd])\b)", shown["data"].get("text/html", ""))


# --- what the grader reads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", CODE, ids=lambda attack: attack.id)
def test_code_that_costs_more_than_any_honest_cell_is_passed_over(attack: Code) -> None:
    source = attack.build()
    began = time.monotonic()
    parse(python(source))
    cells = [Cell(index=index, kind=CellKind.CODE, source=source) for index in range(20)]
    cells.insert(0, Cell(index=99, kind=CellKind.CODE, source="fit()"))
    found = pieces(cells)
    assert time.monotonic() - began < 20
    assert found[0].cell == 99


def test_a_notebook_of_bombs_is_graded(tmp_path: Path) -> None:
    """All checks together, on every text at once: each answers, and none takes long."""
    sources = [attack.build()[:400_000] for attack in CODE] + [attack.text for attack in TEXTS]
    cells = tuple(Cell(index=index, kind=CellKind.CODE, source=source) for index, source in enumerate(sources))
    shipped = Path(__file__).resolve().parents[2] / "rubrics" / "mnist-individuel.yaml"
    chosen = rubric.load(shipped, checks.signatures())
    began = time.monotonic()
    findings = checks.run(chosen, make.an_evidence(cells=cells))
    assert time.monotonic() - began < 60
    assert len(findings) == len(chosen.items)
    assert not [name for name, finding in findings if "fault" in finding.message.text]
