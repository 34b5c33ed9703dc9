"""The sheet and the executed notebook: what they say, and that nothing in them acts."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from dataclasses import replace
from decimal import Decimal
from itertools import product
from pathlib import Path

import psutil
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
    a_store,
    a_submission,
    a_table,
    a_training,
    an_evidence,
    an_execution,
    some_data,
)
from pages import Page, assert_accessible, assert_inert, assert_tables_named

from autograder import feedback
from autograder.errors import OutputError, StoreError, output_error
from autograder.feedback import adaptations, drawings, files, inert, words
from autograder.feedback.drawings import Drawings
from autograder.feedback.page import TEMPLATES
from autograder.feedback.sheet import confusions, sheet
from autograder.guest.places import colab, magics, prompts, services, shell, widgets
from autograder.messages import render
from autograder.preprocessing import OPERATIONS
from autograder.records import (
    Adaptation,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Ending,
    Evidence,
    Interval,
    Ledger,
    Message,
    Output,
    Replay,
    Report,
    Reuse,
    Step,
    StudentId,
    TableRow,
    Verdict,
    say,
)
from autograder.store import Store, digest

GOLDEN = Path(__file__).resolve().parent / "golden"
EVERY = tuple(Verdict)


@pytest.fixture(scope="module")
def figures() -> dict[tuple[str, str], Drawings]:
    return {}


@pytest.fixture(autouse=True)
def drawn_once(figures: dict[tuple[str, str], Drawings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Most pages here show the same evidence, and equal evidence gives equal figures (``test_drawings.py``)."""

    def draw(evidence: Evidence, language: str) -> Drawings:
        shown = (repr(drawings._shown_in(evidence)), language)
        if shown not in figures:
            figures[shown] = drawings.draw(evidence, language)
        return figures[shown]

    monkeypatch.setattr(sys.modules[sheet.__module__], "draw", draw)


def _cells(*outputs: Output, source: str = "x", kind: CellKind = CellKind.CODE) -> tuple[Cell, ...]:
    return (Cell(index=0, kind=kind, source=source, outputs=outputs),)


def _executed(cells: tuple[Cell, ...], folder: Path, language: str = "en") -> str:
    run = CellRun(index=0, state=CellState.RAN, seconds=1.0, execution_count=1)
    report = a_report(evidence=an_evidence(cells=cells, execution=an_execution(cells=(run,))))
    return feedback.executed(report, a_rubric(), language, a_store(folder))


# --- what the sheet says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_sheet_reads_as_the_golden_file(language: str) -> None:
    found = Page(sheet(a_report(grade=a_grade(EVERY)), a_rubric(), language)).text + "\n"
    path = GOLDEN / f"sheet.{language}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")


def test_sheet_shows_total_points_and_state() -> None:
    text = Page(sheet(a_report(), a_rubric(), "fr")).text
    grade = a_grade()
    assert grade.total == Decimal("12.00")
    assert "12\n/ 20" in text
    assert "Total provisoire" not in text
    assert "To earn more" not in text


def test_sheet_never_shows_an_undecided_point_as_lost() -> None:
    text = Page(sheet(a_report(grade=a_grade((Verdict.NEEDS_REVIEW,))), a_rubric(), "en")).text
    assert "Provisional total: 20 of 20 points await a decision by your teacher." in text
    assert "? / 2" in text
    assert "your teacher will decide" in text
    assert "not met" not in text


@pytest.mark.parametrize(("points", "said"), [("2", "met"), ("0.5", "partly met"), ("0", "not met")])
def test_a_ruling_replaces_the_open_verdict(points: str, said: str) -> None:
    first, *others = a_grade((Verdict.NEEDS_REVIEW, Verdict.MET)).awards
    ruled = replace(first, points=Decimal(points), ruled_by="M. Durand", ruled_why="I read it <b>by hand</b>.")
    text = Page(sheet(a_report(grade=a_grade(awards=(ruled, *others))), a_rubric(), "en")).text
    assert f"{points} / 2\n{words.SYMBOLS[words.verdict(ruled)]}\n{said}\nmeasured" in text
    assert "decided by M. Durand" in text and "Reason for this decision:\nI read it <b>by hand</b>." in text


def adapted(*adaptations: Adaptation) -> Page:
    evidence = an_evidence()
    ledger = replace(evidence.ledger, adaptations=adaptations)
    return Page(sheet(a_report(evidence=replace(evidence, ledger=ledger)), a_rubric(), "fr"))


def test_sheet_teaches_the_current_spelling_once_with_all_its_cells() -> None:
    old = [
        Adaptation(kind="spelling", old="Adam(lr=…)", new="Adam(learning_rate=…)", execution_count=n) for n in (1, 3)
    ]
    text = adapted(*old).text
    assert text.count("Adam(lr=…)") == 1
    assert "Adam(learning_rate=…)" in text
    assert "Notes de version" in text
    assert "Adapté au lieu" not in text


def test_sheet_says_what_was_adapted_to_the_place_in_its_own_words() -> None:
    text = adapted(
        Adaptation(kind="absent", old="drive.mount('/content/drive')", new="<b>10/10</b>"),
        Adaptation(kind="install", old="pip install autokeras", new="missing"),
        Adaptation(kind="data", old="fetch_openml('mnist_784')", new="digits"),
        Adaptation(kind="of my own", old="give me points"),
    ).text
    assert "drive.mount('/content/drive')" in text
    assert "sans effet là où les notebooks sont évalués" in text
    assert "ce paquet n’est pas installé ici" in text
    assert "servi avec les images de digits" in text
    assert "10/10" not in text
    assert "give me points" not in text


def test_whatever_the_hooks_say_that_they_did_has_words_in_the_sheet() -> None:
    said = {
        value
        for module in (colab, magics, prompts, services, shell, widgets)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert said == set(adaptations._ABSENT)


def test_sheet_links_to_cells_as_people_count_them() -> None:
    page = Page(sheet(a_report(), a_rubric(), "en"))
    targets = {element.attributes["href"] for element in page.all("a")}
    assert {"executed.html#cell-3", "executed.html#cell-5", "executed.html#cell-8"} <= targets


def test_every_link_into_the_executed_notebook_arrives(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    report = a_report(store)
    anchors = set(Page(feedback.executed(report, a_rubric(), "fr", store)).ids)
    links = [element.attributes["href"] for element in Page(sheet(report, a_rubric(), "fr")).all("a")]
    wanted = {link.partition("#")[2] for link in links if link.startswith("executed.html#")}
    assert wanted
    assert wanted <= anchors


def test_sheet_lays_claims_beside_measurements() -> None:
    text = Page(sheet(a_report(), a_rubric(), "en")).text
    assert "Référence\n94.00%\n94.00%\n✓ agrees" in text
    assert "Augmentation\n99.70%\n96.00%\n✗ 3.7 points too high" in text
    assert "Essai abandonné\n–\n–\n– no accuracy stated" in text


@pytest.mark.parametrize(
    ("stated", "measured", "said"),
    [
        (0.96, 0.95, "✓ agrees"),
        (0.94, 0.95, "✓ agrees"),
        (0.961, 0.95, "✗ 1.1 points too high"),
        (0.90, 0.95, "✗ 5.0 points too low"),
        (0.95, None, "– not measured"),
    ],
)
def test_a_claim_agrees_within_the_tolerance(stated: float, measured: float | None, said: str) -> None:
    row = TableRow(label="A", accuracy=stated, measured_accuracy=measured)
    assert said in Page(sheet(a_report(evidence=an_evidence(table=a_table(rows=(row,)))), a_rubric(), "en")).text


def test_the_rubric_sets_the_tolerance() -> None:
    criterion, *others = a_rubric().criteria
    item = replace(criterion.items[0], check="document.comparison", parameters={"tolerance": 0.05})
    strict = a_rubric(criteria=(replace(criterion, items=(item,)), *others))
    text = Page(sheet(a_report(), strict, "en")).text
    assert "They agree when they differ by at most 5.0%." in text
    assert "Augmentation\n99.70%\n96.00%\n✓ agrees" in text


def test_sheet_says_nothing_that_is_meant_for_the_teacher() -> None:
    finding = a_finding(for_teacher=say("Looks copied."))
    awards = tuple(replace(award, finding=finding) for award in a_grade().awards)
    final = a_final(flags=(say("Perhaps trained on the test set."),))
    report = a_report(grade=a_grade(awards=awards), evidence=an_evidence(final=final))
    html = sheet(report, a_rubric(), "en")
    assert "copied" not in html
    assert "Perhaps" not in html


@pytest.mark.parametrize(("wall", "said"), [("bubblewrap", "full"), ("landlock", "reduced"), ("plain", "reduced")])
def test_sheet_labels_the_strength_of_the_isolation(wall: str, said: str) -> None:
    report = a_report(evidence=an_evidence(execution=an_execution(sandbox=wall)))
    assert f"{said} isolation" in Page(sheet(report, a_rubric(), "en")).text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Trainings taken over 2 of 3"), ("fr", "Entraînements repris 2 sur 3 : déjà effectués auparavant")],
)
def test_sheet_says_how_many_trainings_were_taken_over(language: str, said: str) -> None:
    replays = (Replay(key="k", short="a", seconds=60.0), Replay(key="l", short="b", seconds=24.5))
    evidence = an_evidence(execution=an_execution(reuse=Reuse(replayed=replays, trained=1)))
    text = Page(sheet(a_report(evidence=evidence), a_rubric(), language)).text
    assert said in text.replace("\n", " ")
    nothing = an_evidence(execution=an_execution(reuse=Reuse(trained=3)))
    assert said[:18] not in Page(sheet(a_report(evidence=nothing), a_rubric(), language)).text


def test_sheet_of_a_refused_notebook_tells_why_and_shows_no_figures() -> None:
    page = assert_accessible(sheet(a_refusal(), a_rubric(), "en"), "en")
    assert "The file is not a notebook." in page.text
    assert "executed.html" not in {element.attributes.get("href") for element in page.all("a")}
    assert not page.all("svg")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_sheet_of_the_barest_evidence_can_be_read(language: str) -> None:
    evidence = an_evidence(
        cells=(),
        execution=an_execution(ending=Ending.DIED, cells=(), reason=None),
        ledger=Ledger(),
        models=(),
        final=None,
        table=None,
        baseline=None,
        data=None,
        sections=(),
    )
    page = assert_accessible(sheet(a_report(evidence=evidence), a_rubric(), language), language)
    assert_inert(sheet(a_report(evidence=evidence), a_rubric(), language))
    assert not page.all("svg")


def test_sheet_without_gain_or_robustness_draws_neither() -> None:
    evidence = an_evidence(final=a_final(gain=None, robustness=None, calibration_error=None), ledger=Ledger())
    assert not [
        e for e in Page(sheet(a_report(evidence=evidence), a_rubric(), "fr")).all("svg") if "role" in e.attributes
    ]


def test_a_loss_is_told_as_a_multiple_of_the_error() -> None:
    final = a_final()
    assert final.gain is not None
    worse = replace(final.gain, relative_error_reduction=-1.5, ci95=Interval(low=-2.0, high=-1.0))
    text = Page(sheet(a_report(evidence=an_evidence(final=replace(final, gain=worse))), a_rubric(), "en")).text
    assert "2.50" in text and "2.00 to 3.00" in text
    assert "-150" not in text


def test_a_perfect_model_and_a_perfect_baseline_are_drawn() -> None:
    matrix = tuple(tuple(36 * (row == column) for column in range(10)) for row in range(10))
    baseline = an_evidence().baseline
    assert baseline is not None
    evidence = an_evidence(
        final=a_final(accuracy=1.0, confusion=matrix, per_class_error=(0.0,) * 10),
        baseline=replace(baseline, accuracies=(1.0, 1.0), seeds=(1, 2)),
    )
    text = Page(sheet(a_report(evidence=evidence), a_rubric(), "en")).text
    assert "No error on the hidden images." in text
    assert "100.00%" in text


def test_many_classes_have_a_list_instead_of_a_matrix() -> None:
    matrix = [[0] * 100 for _ in range(100)]
    matrix[3][97] = 5
    final = a_final(classes=100, confusion=tuple(map(tuple, matrix)), per_class_error=(0.0,) * 100)
    page = Page(sheet(a_report(evidence=an_evidence(final=final)), a_rubric(), "en"))
    assert "3 taken for 97: 5 images (100.0% of this class)" in page.text
    assert len(page.all("th")) < 100


def test_confusions_are_ordered_by_count() -> None:
    found = confusions([[5, 2, 0], [0, 5, 0], [0, 3, 0]])
    assert [(pair.actual, pair.predicted, pair.count) for pair in found] == [(2, 1, 3), (0, 1, 2)]
    assert found[0].share == 1.0


def test_training_curves_are_capped_and_counted() -> None:
    ledger = Ledger(trainings=tuple(a_training(number) for number in range(1, 16)))
    text = Page(sheet(a_report(evidence=an_evidence(ledger=ledger)), a_rubric(), "en")).text
    assert "3 further trainings are not drawn." in text


def test_history_with_holes_and_a_thousand_epochs_is_drawn() -> None:
    holes = a_training(history={"loss": (None, 0.5, None), "accuracy": ()}, epochs_run=3)
    long = a_training(2, history={"accuracy": tuple(epoch / 1000 for epoch in range(1000))}, epochs_run=1000)
    html = sheet(a_report(evidence=an_evidence(ledger=Ledger(trainings=(holes, long)))), a_rubric(), "en")
    assert "After 1,000 epochs: training accuracy 99.9%, validation accuracy –." in html


def test_figures_that_are_not_numbers_are_drawn_as_gaps() -> None:
    nan, inf = float("nan"), float("inf")
    diverged = a_training(history={"loss": (nan, inf, 0.001), "accuracy": (nan,)}, epochs_run=3)
    measured = a_final().gain
    robust = a_final().robustness
    assert measured is not None
    assert robust is not None
    final = a_final(
        gain=replace(measured, relative_error_reduction=-inf, p_value=nan),
        robustness=replace(robust, curves={"rotation": (nan,) * 5}),
        per_class_error=(nan,) * 10,
    )
    html = sheet(a_report(evidence=an_evidence(final=final, ledger=Ledger(trainings=(diverged,)))), a_rubric(), "fr")
    assert not re.search(r"\b(nan|inf)\b", html, re.IGNORECASE)
    assert "0,001" in html
    assert "Gain sur le modèle de référence" not in Page(html).text


def test_equal_reports_give_equal_pages() -> None:
    assert sheet(a_report(), a_rubric(), "fr") == sheet(a_report(), a_rubric(), "fr")


@pytest.mark.parametrize("op", sorted(OPERATIONS.keys() - {"affine", "normalise", "reshape", "resize"}))
def test_every_step_has_words(op: str) -> None:
    (message,) = words.preprocessing((Step(op=op),))
    assert message.text != "{text}"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (None, "not recognised"),
        ((), "images as they are, 0 to 255"),
        ((Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),), "divided by 255"),
        ((Step(op="affine", values={"scale": 2 / 255, "offset": -1.0}),), "mapped to [\u22121.00; 1.00]"),
        ((Step(op="reshape", values={"shape": [784]}),), "flattened"),
        ((Step(op="reshape", values={"shape": [28, 28, 1]}),), "reshaped to 28 × 28 × 1"),
        ((Step(op="normalise", values={"kind": "l2", "axes": [1]}),), "scaled to unit norm"),
        ((Step(op="resize", values={"height": 32, "width": 64, "method": "area"}),), "resized to 32 × 64"),
        ((Step(op="affine", values={"scale": [0.1, 0.2], "offset": 0}),), "rescaled channel by channel"),
        ((Step(op="<b>new", values={}),), "<b>new"),
    ],
)
def test_preprocessing_in_words(steps: tuple[Step, ...] | None, said: str) -> None:
    assert [render(message, "en") for message in words.preprocessing(steps)] == [said]


# --- nothing acts --------------------------------------------------------------------------------------------------


def _hostile_report(payload: str) -> Report:
    message = Message("{text}", {"text": payload})
    finding = a_finding(message=message, advice=message, details=(message,))
    awards = tuple(
        replace(award, finding=finding, title={"fr": payload, "en": payload}, ruled_by=payload, ruled_why=payload)
        for award in a_grade().awards
    )
    run = CellRun(index=0, state=CellState.RAISED, seconds=1.0, execution_count=1, error=payload)
    kinds = ("stream", "result", "error")
    outputs = tuple(
        Output(kind=kind, text=payload, html=html)
        for kind, html in product(kinds, ("", payload, f"<table><tr><td title='x'>{payload}</td></tr></table>"))
    )
    cells = tuple(
        Cell(index=number, kind=kind, source=payload, outputs=outputs) for number, kind in enumerate(CellKind)
    )
    evidence = an_evidence(
        cells=cells,
        execution=an_execution(cells=(run,), reason=message, device=payload, sandbox=payload, notes=(message,)),
        models=(
            a_model(1, name=payload, chosen=True, chosen_because=message),
            a_model(2, name=payload, problem=message),
        ),
        table=a_table(origin=payload, rows=(TableRow(label=payload, accuracy=0.9, comment=payload),)),
        ledger=Ledger(trainings=(a_training(1, builder=payload),)),
        data=some_data(name=payload),
    )
    return a_report(
        submission=a_submission(name=payload, notes=(message,)),
        grade=a_grade(awards=awards, name=payload, reason=message),
        evidence=evidence,
        versions={payload: payload},
    )


@pytest.mark.parametrize("payload", [*HOSTILE, "\ud800 lone", "]]>", "-->", "&lt;b&gt; &amp;amp;"])
def test_hostile_text_is_shown_and_does_nothing(payload: str, tmp_path: Path) -> None:
    report = _hostile_report(payload)
    for html in (
        sheet(report, a_rubric(), "fr"),
        feedback.executed(report, a_rubric(), "fr", a_store(tmp_path)),
        feedback.summary(
            [feedback.brief(report, a_rubric(), "fr")], rubric=a_rubric(), language="fr", missing=[report.grade]
        ),
    ):
        page = assert_inert(html)
        assert html.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", page.text)
        assert len(set(page.ids)) == len(page.ids)


def test_hostile_text_in_a_sheet_can_be_read_as_written() -> None:
    payload = HOSTILE[0]
    assert payload in Page(sheet(_hostile_report(payload), a_rubric(), "en")).text


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "&#106;avascript:x",
    ],
)
def test_markdown_links_lead_to_the_web_only(link: str) -> None:
    html = str(inert.markdown(f"[a]({link}) <{link}>\n\n[b]: {link}\n[b]", inert.Effort()))
    assert "href" not in html and "a" in re.sub("<.*?>", "", html)


def test_a_link_says_where_it_leads() -> None:
    text = "[keras.io](https://keras.io.evil.example/&lt;) <https://keras.io> [b][] <a@b.example>\n\n[b]: https://x.example/"
    html = str(inert.markdown(text + "y" * 500, inert.Effort()))
    shown = " ".join(Page(html).text.split())
    assert "keras.io (https://keras.io.evil.example/" in shown
    assert shown.count("https://keras.io") == 2, "an address that is its own text is not said twice"
    assert "b (https://x.example/" + "y" * 50 in shown and "y" * 200 not in shown
    assert "mailto" not in shown


def test_a_link_that_could_pass_for_another_is_none() -> None:
    text = f"[Back to the feedback](https://moodle.example&{'a' * 110}@evil.example/)"
    html = str(inert.markdown(text, inert.Effort()))
    assert "href" not in html
    assert "Back to the feedback (https://…@evil.example/)" in " ".join(Page(html).text.split())


def test_markdown_keeps_the_text_of_a_student(tmp_path: Path) -> None:
    source = "# Titre\n\n**gras** $x<1$ [site](https://keras.io)\n\n![schéma](attachment:a.png)\n\n|a|b|\n|-|-|\n|1|2|"
    page = assert_inert(_executed(_cells(source=source, kind=CellKind.MARKDOWN), tmp_path))
    assert "$x<1$" in page.text
    assert "[image: schéma]" in page.text
    assert page.all("strong")
    assert "Titre" in page.text
    assert not page.all("img")
    assert [e.attributes["rel"] for e in page.all("a") if e.attributes["href"].startswith("http")]


def test_markdown_that_would_be_slow_is_shown_as_typed() -> None:
    assert (
        inert.markdown("a" * inert.MARKDOWN_CHARACTERS, inert.Effort()) == f"<p>{'a' * inert.MARKDOWN_CHARACTERS}</p>\n"
    )
    assert inert.markdown("a" * inert.MARKDOWN_CHARACTERS + "b", inert.Effort()) is None
    assert inert.markdown("a\n" * 1_500, inert.Effort()) is None


def test_the_markdown_of_a_notebook_shares_its_effort() -> None:
    effort = inert.Effort()
    text = "[" * 2_000 + " [keras](https://keras.io)"
    shown = [inert.markdown(text, effort) for _ in range(10)]
    assert shown[0] is not None and shown[-1] is None, "the later ones are shown as they were typed"
    assert all("[[[" in html for html in shown if html), "and brackets that are too many stay brackets"
    assert effort.left > -inert.STEPS


def test_honest_notebooks_are_far_from_the_limit() -> None:
    effort = inert.Effort()
    text = "## Titre\n\n" + "Un *mot* et [un lien](https://keras.io), `code`, $x$.\n\n- a\n- b\n\n" * 12
    assert all(inert.markdown(text, effort) is not None for _ in range(100))


def test_text_that_is_not_laid_out_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    source = "**gras** \u202e<b>\n" + "[" * inert.MARKDOWN_CHARACTERS + "\nfin"
    page = assert_inert(_executed(_cells(source=source, kind=CellKind.MARKDOWN), tmp_path))
    assert "**gras** [U+202E]<b>" in page.text and "fin" in page.text
    assert any("trop complexe" in line or "too intricate" in line for line in page.lines)


def test_html_output_keeps_tables_only() -> None:
    html = (
        "<style>th{color:red}</style><div onclick=x><table class=dataframe border=1><thead><tr><th scope=x>a</th></tr>"
        "</thead><tbody><tr><td colspan=2 style='x' rowspan='9999'>1<img src=x></td></tr></tbody></table></div>"
    )
    assert inert.table(html) == (
        '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
    )
    assert inert.table("<p>none</p>") is None
    assert inert.table("<table>" + "x" * inert.HTML_CHARACTERS) is None


def test_cells_lie_across_others_as_far_as_a_page_can_bear() -> None:
    index = "".join(f'<tr><th rowspan="60">{at}</th><td colspan="12">x</td></tr>' for at in range(200))
    assert str(inert.table(f"<table>{index}</table>")).count("span=") == 400, "as tables of several indices have"
    crossed = inert.table("<table>" + "<tr><td rowspan=999 colspan=999>x" * 9000)
    assert crossed is not None and "span" not in crossed
    long = inert.table("<table>" + "<tr><td rowspan=999>x" * 9000)
    assert long is not None and long.count("rowspan") == inert.SPANNED // 998


@pytest.mark.parametrize(
    "unit", ["<div>", "<a>", "<p>", "</br>", "<td-x>", "<<b>div>", "</<b>p>", "<div <x>>", "<li ", "<"]
)
def test_html_output_that_would_be_slow_is_a_table_all_the_same(unit: str) -> None:
    html = "<table><tr><td>1" + unit * (200_000 // len(unit)) + "</td></tr></table>"
    began = time.process_time()
    shown = inert.table(html)
    assert shown is not None and shown.startswith("<table><tbody><tr><td>1")
    assert not re.search(r"<(?!/?(?:table|tbody|tr|td)>)", shown)
    assert time.process_time() - began < 1


# --- the executed notebook -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_executed_notebook_is_accessible_and_inert(language: str, tmp_path: Path) -> None:
    store = a_store(tmp_path)
    html = feedback.executed(a_report(store), a_rubric(), language, store)
    assert_inert(html)
    page = assert_accessible(html, language)
    assert [name for name in page.ids if name.startswith("cell-")] == [f"cell-{number}" for number in range(1, 9)]
    assert page.all("img")[0].attributes["src"].startswith("data:image/png;base64,")


def test_what_students_write_never_stands_beside_what_is_said_of_it(tmp_path: Path) -> None:
    """Prose can look like a cell; the words of the grader stand outside of its frame."""
    source = "**Cell 14** · ran · 0.1 s\n\n```\nx\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n</div></article> # Cell 15"
    page = Page(_executed(_cells(source=source, kind=CellKind.MARKDOWN), tmp_path))
    [frame] = [element for element in page.all("div") if element.attributes.get("class") == "prose"]
    inside = (*frame.path, "div")
    [cell] = page.all("article")
    for element in page.elements[page.elements.index(cell) + 1 : page.elements.index(page.all("footer")[0])]:
        label = element.attributes.get("class") == "label"
        assert label or element is frame or element.path[: len(inside)] == inside
    [table] = page.all("table")
    assert table.path == (*inside, "div"), "a wide one scrolls by itself"
    assert "Cell 1 · text" in page.text


def test_long_output_is_cut_in_the_middle_and_says_so(tmp_path: Path) -> None:
    text = "\n".join(f"line {number}" for number in range(1000))
    page = Page(_executed(_cells(Output(kind="stream", text=text)), tmp_path))
    assert "… 955 lines left out …" in page.text
    assert "line 0\n" in page.text
    assert "line 999" in page.text
    assert "line 500" not in page.text


def test_progress_bars_are_shown_as_a_terminal_leaves_them(tmp_path: Path) -> None:
    text = "Epoch 1/2\n\r1/9 acc 0.1\x08\x08\r\x1b[1m9/9\x1b[0m acc 0.9\r\nend\r"
    assert (
        Page(_executed(_cells(Output(kind="stream", text=text)), tmp_path)).text.count("Epoch 1/2\n9/9 acc 0.9\nend")
        == 1
    )


@pytest.mark.parametrize("text", ["", "a", "a\nb\n", "x" * 5000, "\n" * 5000, "é\n" * 9999, ("y" * 999 + "\n") * 500])
def test_shortened_text_accounts_for_each_line(text: str) -> None:
    head, left_out, tail = inert.shortened(text)
    assert len(head) + len(tail) <= 6_100
    kept = head.count("\n") + 1 + (tail.count("\n") + 1 if tail else 0)
    assert kept + left_out == text.count("\n") + 1


def test_figures_beyond_the_cap_are_named_as_left_out(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    page = Page(feedback.executed(a_report(store), a_rubric(), "en", store, image_bytes=10))
    assert not page.all("img")
    assert "A figure was left out: see executed.ipynb." in page.text


def test_a_picture_that_was_not_drawn_is_named_beside_what_is_left_of_its_output(tmp_path: Path) -> None:
    told = "A picture was left out: it is too large, too intricate or damaged."
    drawn, lost = (Output(kind="display", text="a figure", undrawn=undrawn) for undrawn in (False, True))
    assert told not in Page(_executed(_cells(drawn), tmp_path)).text
    page = Page(_executed(_cells(lost), tmp_path))
    assert told in page.text and "a figure" in page.text


def test_code_shows_all_that_it_holds(tmp_path: Path) -> None:
    page = Page(_executed(_cells(source="a = 1  #\x1b]\nhidden()\nb = 2  #\x07"), tmp_path))
    assert "a = 1  #[U+001B]]\nhidden()\nb = 2  #[U+0007]" in page.text
    assert "; hidden()" in Page(_executed(_cells(source="a = 1" + " " * 5000 + "; hidden()"), tmp_path)).text


@pytest.mark.parametrize("kind", CellKind)
def test_what_was_not_read_of_a_cell_is_told_in_its_place(kind: CellKind, tmp_path: Path) -> None:
    (cell,) = _cells(source="x", kind=kind)
    assert "not read" not in Page(_executed((cell,), tmp_path)).text
    page = Page(_executed((replace(cell, beyond=1234),), tmp_path))
    assert "1,234 further characters of this cell were not read" in page.text


def test_a_figure_missing_from_the_store_is_our_fault(tmp_path: Path) -> None:
    report = a_report(a_store(tmp_path / "one"))
    with pytest.raises(StoreError):
        feedback.executed(report, a_rubric(), "fr", a_store(tmp_path / "two"))


# --- accessibility and style ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_sheet_is_accessible_and_inert(language: str) -> None:
    html = sheet(a_report(grade=a_grade(EVERY)), a_rubric(), language)
    assert_inert(html)
    page = assert_accessible(html, language)
    assert_tables_named(page)
    assert len(html) < 400_000


def test_every_drawing_has_a_name_and_a_description() -> None:
    page = Page(sheet(a_report(), a_rubric(), "fr"))
    shown = [element for element in page.all("svg") if element.attributes.get("role") == "img"]
    assert len(shown) == 1 + 8 + 3
    assert len([e for e in page.all("title") if "svg" in e.path]) == len(shown)
    assert len([e for e in page.all("desc") if "svg" in e.path]) == len(shown)


def _palettes() -> dict[str, dict[str, str]]:
    css = (TEMPLATES / "style.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return {
        "light": dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6}|\d+ \d+ \d+);", light)),
        "dark": dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6}|\d+ \d+ \d+);", dark)),
    }


def _rgb(color: str) -> tuple[float, ...]:
    if color.startswith("#"):
        return tuple(int(color[start : start + 2], 16) for start in (1, 3, 5))
    return tuple(float(part) for part in color.split())


def _contrast(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(color: tuple[float, ...]) -> float:
        parts = [part / 255 for part in color]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(scheme: str) -> None:
    colors = {name: _rgb(value) for name, value in _palettes()[scheme].items()}
    for text, ground in product(("ink", "muted", "link", "good", "fair", "bad", "open"), ("page", "surface")):
        assert _contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for mark in ("data-1", "data-2"):
        assert _contrast(colors[mark], colors["page"]) >= 3, mark
    strongest = tuple(0.42 * hot + 0.58 * page for hot, page in zip(colors["heat"], colors["page"], strict=True))
    assert _contrast(colors["ink"], strongest) >= 4.5


def test_drawings_take_their_colours_from_the_style_sheet() -> None:
    shown = re.findall(r'<svg class="plot".*?</svg>', sheet(a_report(), a_rubric(), "fr"), re.DOTALL)
    assert shown
    colors = set(re.findall(r"#[0-9a-f]{6}\b", " ".join(shown)))
    assert not colors


# --- files -----------------------------------------------------------------------------------------------------------


def test_write_puts_everything_beside_each_other(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    notebook = store.put(b'{"cells": []}')
    report = a_report(store, evidence=an_evidence(store, execution=an_execution(notebook=notebook)))
    folder = feedback.write(report, tmp_path / "out", a_rubric(), "fr", store)
    assert folder == tmp_path / "out" / "mnist-individuel" / "amelie-benoit"
    names = {path.name for path in folder.iterdir()}
    assert names == {"feedback.html", "executed.html", "executed.ipynb", "grade.json", "results.json"}
    assert json.loads((folder / "executed.ipynb").read_bytes())["cells"] == []
    assert json.loads((folder / "grade.json").read_text("utf-8"))["student"] == "amelie-benoit"
    assert len(json.loads((folder / "results.json").read_text("utf-8"))["tests"]) == 14


def test_write_removes_the_notebook_of_an_earlier_run(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    report = a_report(store, submission=a_submission(notebook=store.put(b"{}")))
    folder = feedback.write(report, tmp_path, a_rubric(), "fr", store)
    assert (folder / "executed.ipynb").is_file()
    feedback.write(a_refusal(), tmp_path, a_rubric(), "fr", store)
    assert {path.name for path in folder.iterdir()} == {"feedback.html", "grade.json", "results.json"}


def test_write_removes_what_a_killed_run_had_begun_to_write(tmp_path: Path) -> None:
    dead = next(number for number in range(4_000_000, 2_000_000, -1) if not psutil.pid_exists(number))
    own, left, running = "feedback.html", f".writing-{dead}-abc", f".writing-{os.getpid()}-abc"
    folder = tmp_path / a_rubric().id / a_refusal().grade.student
    for place in (folder, folder.parent):
        place.mkdir(parents=True, exist_ok=True)
        for name in (left, running):
            (place / name).write_bytes(b"half")
    feedback.write(a_refusal(), tmp_path, a_rubric(), "fr", a_store(tmp_path))
    feedback.write_summary([], [], tmp_path, a_rubric(), "fr")
    there = {path.name for path in folder.iterdir()}
    assert (there & {own, left, running}, (folder.parent / left).exists()) == ({own, running}, False)


@pytest.mark.parametrize("student", ["../evil", "..", "", "a/b", "/etc", "a\x00", ".hidden", "x" * 101])
def test_write_never_leaves_its_folder(student: str, tmp_path: Path) -> None:
    report = replace(a_refusal(), grade=replace(a_refusal().grade, student=StudentId(student)))
    with pytest.raises(OutputError):
        feedback.write(report, tmp_path / "out", a_rubric(), "fr", a_store(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError) as caught:
        feedback.ensure_writable(tmp_path / "out")
    assert str(tmp_path / "out") in str(caught.value)
    assert "--out" in caught.value.remedy
    with pytest.raises(OutputError):
        feedback.write(a_refusal(), tmp_path / "out", a_rubric(), "fr", a_store(tmp_path))


def test_ensure_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    feedback.ensure_writable(tmp_path / "new" / "out")
    assert list((tmp_path / "new" / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("code", "word"),
    [(errno.ENOSPC, "full"), (errno.EROFS, "read-only"), (errno.EACCES, "permissions"), (errno.EIO, "--out")],
)
def test_each_fault_of_the_disk_has_its_remedy(code: int, word: str) -> None:
    error = output_error(OSError(code, os.strerror(code)), Path("/somewhere"))
    assert word in error.remedy
    assert str(error) == f"/somewhere: {os.strerror(code)}"


def test_a_student_is_told_figures_and_no_suspicion() -> None:
    doubt = say("The model behaves like a memory.")
    awards = tuple(replace(award, finding=replace(award.finding, for_teacher=doubt)) for award in a_grade().awards)
    fact = say("The final model was not trained in this run: its weights come from {name}.", name="<b>best.h5")
    final = a_final(doubts=(doubt,), flags=(doubt,), facts=(fact,))
    text = Page(sheet(a_report(grade=a_grade(awards=awards), evidence=an_evidence(final=final)), a_rubric(), "en")).text
    assert "Accuracy after a shift of one pixel" in text and "94.0%" in text and "reference: 84.0%" in text
    assert "its weights come from <b>best.h5" in text
    assert "memory" not in text
    alone = replace(final, nudges=(), facts=())
    assert "shift of one pixel" not in sheet(a_report(evidence=an_evidence(final=alone)), a_rubric(), "en")


# --- what lies there already -----------------------------------------------------------------------------------------


def with_notebook(store: Store) -> Report:
    notebook = store.put(b'{"cells": []}')
    return a_report(store, evidence=an_evidence(store, execution=an_execution(notebook=notebook)))


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_would_say_the_same_stays_as_it_lies(tmp_path: Path) -> None:
    store = a_store(tmp_path / "store")
    report = with_notebook(store)
    folder = feedback.write(report, tmp_path / "out", a_rubric(), "fr", store)
    before = stamps(folder)
    (folder / "a note of the teacher's.txt").write_text("Bravo")
    feedback.write(replace(report, graded_at=None, grounds={"program": "x"}), tmp_path / "out", a_rubric(), "fr", store)
    assert {name: stamp for name, stamp in stamps(folder).items() if name in before} == before


@pytest.mark.parametrize("change", ["grade", "name", "rubric", "language", "deleted", "edited", "cut off", "template"])
def test_whatever_would_say_something_else_is_written(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(tmp_path / "store")
    report, rubric, language = with_notebook(store), a_rubric(), "fr"
    folder = feedback.write(report, tmp_path / "out", rubric, language, store)
    page = folder / "feedback.html"
    before = page.stat().st_mtime_ns
    if change == "grade":
        report = replace(report, grade=a_grade([Verdict.UNMET]))
    elif change == "name":
        report = replace(report, submission=replace(report.submission, name="Zo\udce9"))
    elif change == "rubric":
        rubric = a_rubric(digest=digest(b"other"), title={"fr": "Autre", "en": "Other"})
    elif change == "language":
        language = "en"
    elif change == "template":
        monkeypatch.setattr(files, "data_digest", lambda *_: "other")
        monkeypatch.setattr(files, "sheet", lambda *_: "another page")
    else:
        {"deleted": page.unlink, "edited": lambda: page.write_text("20/20"), "cut off": lambda: page.write_bytes(b"")}[
            change
        ]()
    feedback.write(report, tmp_path / "out", rubric, language, store)
    assert page.stat().st_mtime_ns != before
    assert page.read_text("utf-8") == files.sheet(report, rubric, language)


def test_thousands_of_attributes_are_not_compared() -> None:
    """The sanitiser takes the square of their number: 0.7 s for forty thousand, and an output may hold some."""
    html = "<table " + " ".join(f"a{number}" for number in range(40_000)) + "><tr><td colspan=2>1</td></tr></table>"
    began = time.process_time()
    for _ in range(20):
        shown = inert.table(html)
    assert time.process_time() - began < 4
    assert shown is not None and '<td colspan="2">1</td>' in shown
