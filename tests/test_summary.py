"""The class on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from builders import (
    a_final,
    a_finding,
    a_grade,
    a_model,
    a_refusal,
    a_report,
    a_rubric,
    a_student,
    a_submission,
    a_table,
    a_training,
    an_evidence,
    an_execution,
)
from pages import Page, assert_accessible, assert_inert, assert_tables_named

from autograder import feedback
from autograder.changes import Change, Moved, stand
from autograder.feedback.brief import Brief, Ranked, brief
from autograder.feedback.faults import faults, found
from autograder.feedback.summary import histogram, summary
from autograder.feedback.summary import ranking as ranking_of
from autograder.messages import render
from autograder.records import (
    ArrayPrint,
    Evaluation,
    Evidence,
    Gap,
    GapKind,
    Grade,
    Ledger,
    Report,
    State,
    StudentId,
    TableRow,
    Verdict,
    say,
)


def _absent(name: str = "Zoé Zola") -> Grade:
    return a_grade(awards=(), state=State.MISSING, student=StudentId("zoe-zola"), name=name)


def briefs(reports: Sequence[Report], language: str = "en") -> list[Brief]:
    return [brief(report, a_rubric(), language) for report in reports]


def ranking(reports: Sequence[Report]) -> list[Ranked]:
    return ranking_of([one.run for one in briefs(reports) if one.run is not None], "en")


def _text(reports: Sequence[Report], missing: Sequence[Grade] = ()) -> str:
    return Page(summary(briefs(reports), rubric=a_rubric(), language="en", missing=missing)).text


def _said(evidences: Sequence[Evidence]) -> dict[str, tuple[int, int]]:
    return {
        render(text, "en"): (count, total) for text, count, total in faults([found(one, 0.01) for one in evidences])
    }


def _on(report: Report, name: str, accuracy: float) -> Report:
    """The report as if it rested on another data set, with another baseline."""
    evidence = report.evidence
    assert evidence is not None and evidence.data is not None and evidence.final is not None and evidence.baseline
    return replace(
        report,
        evidence=replace(
            evidence,
            data=replace(evidence.data, name=name, digest=f"sha256:{name}"),
            final=replace(evidence.final, accuracy=accuracy),
            baseline=replace(evidence.baseline, accuracies=(accuracy - 0.1,), seeds=(1,)),
        ),
    )


def test_students_on_different_data_are_ranked_apart() -> None:
    reports = [
        _on(a_student(name), data, accuracy)
        for name, data, accuracy in ((1, "mnist", 0.98), (2, "cifar10", 0.7), (3, "mnist", 0.95))
    ]
    rows = ranking(reports)
    assert [(row.student[-1:], row.data, row.rank) for row in rows] == [
        ("1", "mnist", 1), ("3", "mnist", 2), ("", "mnist", 0), ("2", "cifar10", 1), ("", "cifar10", 0),
    ]  # fmt: skip
    text = _text(reports)
    assert "data set: mnist" in text and "data set: cifar10" in text, "the head names all"
    assert "88.00%" in text and "60.00%" in text, "and the reference of each is told"
    assert _text(reports[:1]).count("mnist") == 1, "one set for all need not be said in each row"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_summary_is_accessible_and_inert(language: str) -> None:
    reports = [*(a_student(number) for number in range(7)), a_refusal()]
    html = summary(briefs(reports, language), rubric=a_rubric(), language=language, missing=[_absent()])
    assert_inert(html)
    assert_tables_named(assert_accessible(html, language))


@pytest.mark.parametrize("reports", [[], [a_refusal()]], ids=["empty", "refused"])
def test_summary_of_nearly_nothing_can_be_read(reports: list[Report]) -> None:
    html = summary(briefs(reports, "fr"), rubric=a_rubric(), language="fr", missing=[_absent()])
    assert_inert(html)
    assert_accessible(html, "fr")
    assert "Zoé Zola" in html


def test_a_thousand_students_fit_into_three_megabytes() -> None:
    html = summary(briefs([a_student(number) for number in range(1000)], "fr"), rubric=a_rubric(), language="fr")
    assert len(html.encode()) < 3_000_000


def test_long_tables_scroll_by_themselves_and_are_printed_whole() -> None:
    few, many = (
        summary(briefs([a_student(number) for number in range(count)]), rubric=a_rubric(), language="en")
        for count in (50, 80)
    )
    assert 'class="scroll long"' not in few and many.count('class="scroll long"') >= 2
    assert_accessible(many, "en")
    assert_inert(many)
    assert many.count("Étudiant 79") >= 2, "every name is in the page, to be searched for"


def test_a_missing_submission_counts_nowhere() -> None:
    text = _text([a_report()], [_absent(), _absent("Ada")])
    assert "Mean total\n12.0" in text
    assert "not handed in\n2" in text
    assert "Ada\nnot handed in\n–" in text


def test_a_refused_notebook_is_named_with_its_reason_and_does_not_pull_the_mean_down() -> None:
    text = _text([a_report(), a_refusal()])
    assert "– mean 3.5, median 3.5 of 4" in text
    assert "Amélie Benoît\n: The file is not a notebook." in text
    assert "Mean total\n12.0" in text


def test_ranking_holds_the_reference_in_its_place() -> None:
    reports = [a_student(0), a_student(10), a_student(100)]
    rows = ranking(reports)
    assert [row.accuracy for row in rows] == pytest.approx([0.95, 0.90267, 0.86, 0.85], abs=1e-4)
    assert [row.reference for row in rows] == [False, True, False, False]
    assert [row.rank for row in rows] == [1, 0, 2, 3]
    assert [row.rank for row in ranking([a_student(1), a_student(1), a_student(0)])] == [0, 1, 1, 3]
    assert all(row.low <= row.accuracy <= row.high for row in rows)
    assert min(float(row.left) for row in rows) == 0
    assert max(float(row.left) + float(row.width) for row in rows) == pytest.approx(100, abs=0.2)


def test_ranking_leaves_out_who_has_no_measured_model() -> None:
    assert ranking([a_refusal(), a_report(evidence=an_evidence(final=None, baseline=None))]) == []


def test_histogram_counts_everybody_once() -> None:
    columns = histogram([0, 1.99, 2, 19.9, 20], Decimal(20), 10, "fr")
    assert [column.count for column in columns] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (columns[0].label, columns[-1].label, columns[0].percent) == ("0–2", "18–20", "100")
    assert histogram([], Decimal("1.5"), 3, "fr")[1].label == "0,5–1"


def test_review_tells_who_and_why() -> None:
    doubt = a_finding(Verdict.NEEDS_REVIEW, for_teacher=say("The prose could not be read."))
    first, *others = a_grade().awards
    awards = (replace(first, points=None, finding=doubt), *others)
    flagged = an_evidence(final=a_final(flags=(say("Perhaps trained on the test set."),)))
    text = _text([a_report(grade=a_grade(awards=awards, state=State.NEEDS_REVIEW), evidence=flagged)])
    assert "Runs completely: The prose could not be read." in text
    assert "Perhaps trained on the test set." in text


def test_code_that_was_not_read_is_told_to_the_teacher() -> None:
    unread = Gap(kind=GapKind.CODE, reason=say("Of some cells only a beginning was read."))
    other = Gap(kind=GapKind.TABLE, reason=say("No table of models with their accuracies was found."))
    text = _text([a_report(evidence=an_evidence(gaps=(unread, other)))])
    assert text.count("only a beginning was read") == 1
    assert "No table of models" not in text


def test_a_doubt_is_told_once_and_changes_no_points() -> None:
    doubt = say("The model behaves like a memory.")
    awards = tuple(replace(award, finding=replace(award.finding, for_teacher=doubt)) for award in a_grade().awards)
    evidence = an_evidence(final=a_final(doubts=(doubt,), flags=(doubt,)))
    told = a_report(grade=a_grade(awards=awards), evidence=evidence)
    assert _text([told]).count("behaves like a memory") == 1
    assert told.grade.total == a_report().grade.total and told.grade.state is State.GRADED


def test_remarks_of_intake_are_listed() -> None:
    report = a_report(submission=a_submission(notes=(say("An older attempt was ignored."),)))
    assert "An older attempt was ignored." in _text([report])


def test_undecided_criteria_do_not_enter_their_mean() -> None:
    undecided = a_report(grade=a_grade((Verdict.NEEDS_REVIEW,)))
    assert "– mean 3.5, median 3.5 of 4" in _text([a_report(), undecided])
    assert "– mean –, median – of 4" in _text([undecided])


# --- common faults -------------------------------------------------------------------------------------------------


def _evaluated(digest: str) -> Evaluation:
    return Evaluation(kind="evaluate", model="m1", x=ArrayPrint(digest=digest, shape=(10_000, 28, 28)))


def _validated(digest: str, rows: int = 60_000, stride: int = 1) -> Ledger:
    x = ArrayPrint(shape=(rows, 28, 28), digest="train")
    training = a_training(x=x, validation_x=ArrayPrint(digest=digest), arguments={"validation": "data"}, stride=stride)
    return Ledger(trainings=(training,), evaluations=(_evaluated("test"), _evaluated("noisy")))


def test_validation_on_the_test_set_is_counted() -> None:
    cheat = an_evidence(ledger=_validated("test"))
    thinned = an_evidence(ledger=_validated("test", rows=1072, stride=56))
    honest = an_evidence(ledger=_validated("other"))
    held_out = an_evidence(ledger=_validated("test", rows=50_000))
    assert _said([cheat, thinned, honest, held_out])["validate on the test set"] == (2, 4)
    assert _said([cheat])["validate on the test set"] == (1, 1)


def test_faults_are_counted_over_those_that_ran() -> None:
    calm = an_execution(cells=an_execution().cells[:-1])
    fine = an_evidence(execution=calm, table=a_table(rows=(TableRow(label="A", accuracy=0.9, measured_accuracy=0.9),)))
    assert _said([fine]) == {}
    untrained = replace(fine, ledger=Ledger(), table=None)
    unchanged = replace(fine, models=(a_model(chosen=True, is_baseline=True),))
    blind = replace(fine, ledger=Ledger(trainings=(a_training(arguments={"epochs": 5}),)))
    assert _said([fine, untrained, unchanged, blind, an_evidence()]) == {
        "a cell raises an error or is not reached": (1, 5),
        "train without any validation data": (1, 5),
        "no model was trained": (1, 5),
        "no tracking table was found": (1, 5),
        "state an accuracy that is higher than the measured one": (1, 5),
        "the final model is the reference model as given": (1, 5),
    }


def test_items_that_lost_points_are_counted() -> None:
    text = _text([a_student(0), a_student(1), a_student(2)])
    assert "Items that lost points, most frequent first" in text


def test_summary_is_written_beside_the_students(tmp_path: Path) -> None:
    folder = feedback.write_summary(briefs([a_report()], "fr"), [_absent()], tmp_path, a_rubric(), "fr")
    assert folder == tmp_path / "mnist-individuel"
    assert "Synthèse de la classe" in (folder / "summary.html").read_text("utf-8")


def test_a_weaker_wall_is_told_with_the_names_of_those_behind_it() -> None:
    def behind(wall: str) -> Report:
        report = a_report()
        assert report.evidence is not None
        return replace(
            report, evidence=replace(report.evidence, execution=replace(report.evidence.execution, sandbox=wall))
        )

    strong, weak = behind("bubblewrap"), behind("landlock")
    assert "Behind a weaker wall" not in _text([strong])
    told = _text([strong, weak])
    assert "Behind a weaker wall than should be, 1 notebook ran here" in told
    assert "reduced isolation (Landlock)" in told
    assert "isolation in a container (Docker)" in _text([behind("docker")])
    assert "Behind a weaker wall" not in _text([behind("docker")])


def a_change(causes: tuple[str, ...] = ("rubric",)) -> Change:
    before, after = a_grade([Verdict.PARTLY]), a_grade([Verdict.MET], name="<b>Ada</b>")
    moved = Moved(
        item="gain",
        title={"fr": "Gain & co", "en": "Gain & co"},
        points_before=None,
        points_after=Decimal("1.5"),
        possible_before=Decimal(3),
        possible_after=Decimal(3),
    )
    at = datetime(2026, 3, 13, tzinfo=UTC)
    return Change(
        student=after.student,
        name=after.name,
        before=stand(before),
        after=stand(after),
        at=at,
        items=(moved,),
        causes=causes,
    )


def test_changed_grades_have_a_section_of_their_own() -> None:
    shown = summary(
        briefs([a_report()], "fr"), rubric=a_rubric(), language="fr", changes=[a_change(("rubric", "ruling"))]
    )
    page = Page(shown)
    assert_inert(shown)
    assert_accessible(shown, "fr")
    assert_tables_named(page)
    assert "Changements depuis la correction précédente" in page.text and "1 note a changé." in page.text
    assert "Gain & co\u00a0: ?/3 → 1,5/3" in page.text and "barème modifié, décision d’une personne" in page.text
    assert "<b>Ada" not in shown


def test_no_section_where_nothing_changed() -> None:
    assert "Changements" not in summary(briefs([a_report()], "fr"), rubric=a_rubric(), language="fr")
