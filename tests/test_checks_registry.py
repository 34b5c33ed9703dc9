"""Checks are registered under one name each, called with what they declare, and fail towards a person."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from autograder import checks
from autograder.checks import registry
from autograder.checks.registry import check, registered
from autograder.errors import ConfigError
from autograder.records import (
    Criterion,
    Digest,
    Evidence,
    Finding,
    Gap,
    GapKind,
    Item,
    Json,
    Rubric,
    Standing,
    Verdict,
    say,
)
from tests.evidence import evidence


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten afterwards."""
    checks.signatures()
    monkeypatch.setattr(registry, "_CHECKS", dict(registry._CHECKS))
    yield


def met(share: float | None = 1.0, verdict: Verdict = Verdict.MET) -> Finding:
    return Finding(verdict=verdict, share=share, standing=Standing.TEXT, message=say("x"))


def rubric_of(name: str, **parameters: Json) -> Rubric:
    item = Item(id="item", title={}, points=Decimal(1), check=name, parameters=parameters)
    criterion = Criterion(id="c", title={}, points=Decimal(1), items=(item,))
    return Rubric(
        id="r", version=1, title={}, points=Decimal(1), criteria=(criterion,), digest=Digest("sha256:" + "0" * 64)
    )


def outcome(function: Callable[..., Finding], seen: Evidence | None = None, **parameters: Json) -> Finding:
    check("test.it", needs=[GapKind.TABLE])(function)
    return checks.run(rubric_of("test.it", **parameters), seen or evidence())[0][1]


def test_the_grid_of_the_course_is_there() -> None:
    wanted = {
        "notebook.completes", "modifications.distinct", "modifications.justified", "modifications.methodical",
        "model.gain", "model.robustness", "person.reads", "code.structure", "code.readability", "analysis.errors",
        "analysis.robustness", "analysis.discussion", "document.sections", "document.comparison", "document.clarity",
    }  # fmt: skip
    assert wanted <= set(checks.signatures())


def test_parameters_are_read_from_the_signature() -> None:
    @check("test.signature")
    def function(evidence: Evidence, *, words: int, names: Sequence[str] = ("a",)) -> Finding:
        return met()

    parameters = registered()["test.signature"].parameters
    assert parameters["words"].required
    assert parameters["words"].type is int
    assert not parameters["names"].required
    assert parameters["names"].default == ("a",)
    assert function(evidence(), words=3).share == 1.0


def test_a_name_is_given_once() -> None:
    def one(evidence: Evidence) -> Finding:
        return met()

    def two(evidence: Evidence) -> Finding:
        return met()

    check("test.name")(one)
    check("test.name")(one)
    with pytest.raises(ConfigError, match="exists already") as caught:
        check("test.name")(two)
    assert caught.value.place.endswith("two")


def test_signatures_that_a_rubric_cannot_call_are_refused() -> None:
    def positional(evidence: Evidence, words: int) -> Finding:
        return met()

    def untyped(evidence: Evidence, *, words=3) -> Finding:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return met()

    def wrong(evidence: Evidence, *, words: int = "many") -> Finding:  # type: ignore[assignment]
        return met()

    for function, said in ((positional, "keyword-only"), (untyped, "annotation"), (wrong, "not of its type")):
        with pytest.raises(ConfigError, match=said):
            check("test.bad")(function)


def test_a_check_is_called_with_the_rubrics_parameters() -> None:
    def function(evidence: Evidence, *, share: float = 0.0) -> Finding:
        return met(share, Verdict.PARTLY)

    assert outcome(function, share=0.25).share == 0.25


@pytest.mark.parametrize(
    "answer",
    [met(math.nan), met(1.5), met(-0.5), met(None), met(0.5, Verdict.NEEDS_REVIEW), None],
    ids=["nan", "above", "below", "none", "undecided share", "nothing"],
)
def test_an_answer_that_breaks_the_contract_goes_to_a_person(answer: Finding) -> None:
    def function(evidence: Evidence) -> Finding:
        return answer

    finding = outcome(function)
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.share is None


def test_a_check_that_raises_is_never_the_students_fault() -> None:
    def function(evidence: Evidence) -> Finding:
        raise KeyError("secret")

    finding = outcome(function)
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.share is None
    assert finding.for_teacher is not None
    assert "KeyError" in str(finding.for_teacher.values)
    assert "KeyError" not in finding.message.text + str(finding.message.values)


def test_what_we_failed_to_find_costs_nothing() -> None:
    def poor(evidence: Evidence) -> Finding:
        return met(0.0, Verdict.UNMET)

    def full(evidence: Evidence) -> Finding:
        return met()

    gap = Gap(kind=GapKind.TABLE, reason=say("The table could not be read."), ours=True)
    ours = evidence(gaps=(gap,))
    waiting = outcome(poor, ours)
    assert (waiting.verdict, waiting.share) == (Verdict.NEEDS_REVIEW, None)
    assert waiting.details[0] == gap.reason
    assert waiting.for_teacher is not None and waiting.for_teacher.values == {"share": 0.0}
    assert outcome(poor, evidence(gaps=(replace(gap, ours=False),))).share == 0.0
    assert outcome(poor, evidence(gaps=(replace(gap, kind=GapKind.MODEL),))).share == 0.0
    registry._CHECKS.pop("test.it")
    assert outcome(full, ours).share == 1.0


@pytest.mark.parametrize(
    ("standing", "needs", "share"),
    [
        (Standing.CLAIM, GapKind.LEDGER, None),
        (Standing.TEXT, GapKind.LEDGER, None),
        (Standing.MEASUREMENT, GapKind.LEDGER, 1.0),
        (Standing.TEXT, GapKind.TABLE, 1.0),
    ],
)
def test_what_rests_on_doubtful_records_waits_for_a_person(
    standing: Standing, needs: GapKind, share: float | None
) -> None:
    def full(evidence: Evidence) -> Finding:
        return replace(met(), standing=standing)

    check("test.it", needs=[needs])(full)
    doubtful = evidence(gaps=(Gap(kind=GapKind.RECORDS, reason=say("Code reaches for the records.")),))
    assert checks.run(rubric_of("test.it"), doubtful)[0][1].share == share


def test_a_teachers_own_checks_lie_beside_the_rubric(tmp_path: Path) -> None:
    source = (
        "from autograder.checks import check\n"
        "from autograder.records import Evidence, Finding, Standing, Verdict, say\n\n"
        "@check('school.own')\n"
        "def own(evidence: Evidence, *, share: float = 1.0) -> Finding:\n"
        "    return Finding(verdict=Verdict.MET, share=share, standing=Standing.TEXT, message=say('Own'))\n"
    )
    (tmp_path / "checks.py").write_text(source, "utf-8")
    checks.load_plugins(tmp_path)
    checks.load_plugins(tmp_path)
    assert checks.run(rubric_of("school.own"), evidence())[0][1].message.text == "Own"


@pytest.mark.parametrize("source", ["1 / 0", "def broken(:", "import no_such_module_anywhere"])
def test_checks_that_cannot_be_loaded_stop_everything(tmp_path: Path, source: str) -> None:
    (tmp_path / "checks.py").write_text(source, "utf-8")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        checks.load_plugins(tmp_path)


def test_a_persons_item_is_never_decided_here() -> None:
    finding = checks.run(rubric_of("person.reads", question="Is it original?"), evidence())[0][1]
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.share is None
    assert finding.for_teacher is not None
    assert finding.for_teacher.values["question"] == "Is it original?"


def test_items_decided_on_hidden_images_are_known() -> None:
    assert checks.private(rubric_of("model.gain")) == {"item"}
    assert checks.private(rubric_of("person.reads")) == frozenset()
