"""Gain and robustness: published cut-offs, the doubt to the student, a person where no measurement can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autograder.checks.model import GAINS, Gains, Ratios, error_ratio, gain, gain_share, robustness
from autograder.records import (
    ArrayPrint,
    DataCard,
    Evidence,
    Fidelity,
    Finding,
    Gap,
    GapKind,
    Json,
    Ledger,
    Standing,
    Verdict,
    say,
)
from tests import evidence as make

CARD = DataCard(
    name="digits",
    digest="d",
    classes=10,
    image_shape=(28, 28),
    train_images=400,
    public_images=100,
    hidden_images=100,
    split_seed=1,
    train_rows=400,
    test_rows=100,
)
Check = Callable[..., Finding]


def measured(estimate: float = 0.2, **changes: Json) -> Evidence:
    made = make.evidence(
        trainings=[make.training(1, layers=make.with_layer("Dropout", rate=0.3))],
        models=(make.model(),),
        final=make.final(gain=make.gain(estimate)),
        data=CARD,
    )
    return replace(made, **changes)


# --- gain ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimate", "share"),
    [(-0.5, 0), (0, 0), (0.02, 0.1), (0.05, 0.25), (0.075, 0.375), (0.1, 0.5), (0.135, 0.625), (0.25, 1), (0.9, 1)],
)
def test_the_published_cut_offs_are_interpolated(estimate: float, share: float) -> None:
    exact = make.gain(estimate, estimate, estimate)
    assert gain_share(exact, GAINS) == pytest.approx(share)


def test_the_doubt_is_the_students() -> None:
    assert gain_share(make.gain(0.08, 0.01, 0.11), GAINS) == 0.5
    assert gain_share(make.gain(0.08, 0.01, 0.09), GAINS) == pytest.approx(0.4)
    assert gain_share(make.gain(0.08, 0.01, 0.9), GAINS) == 0.5
    assert gain_share(make.gain(-0.01, -0.2, 0.3), GAINS) == 0.0
    assert gain_share(make.gain(0.0, -0.2, 0.3), GAINS) == 0.0


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_a_better_gain_never_earns_less(estimate: float, more: float, width: float) -> None:
    lower = make.gain(estimate, estimate - width, estimate + width)
    better = estimate + more
    higher = make.gain(better, better - width, better + width)
    assert 0 <= gain_share(lower, GAINS) <= gain_share(higher, GAINS) <= 1


def test_all_that_decided_is_shown() -> None:
    finding = gain(measured(0.24))
    assert (finding.standing, finding.share) == (Standing.MEASUREMENT, 1.0)
    values = finding.message.values
    assert (values["gain"], values["low"], values["high"], values["images"]) == (0.24, pytest.approx(0.23), 0.25, 5000)
    texts = " ".join(detail.text for detail in finding.details)
    assert "Cut-offs" in texts
    assert "next cut-off" in texts
    assert any(detail.values.get("spread") == pytest.approx(0.002) for detail in finding.details)


def some(*classes: int) -> tuple[tuple[int, ...], ...]:
    """A confusion matrix with images of these classes only."""
    return tuple(tuple(int(row == column and row in classes) for column in range(10)) for row in range(10))


def test_the_head_of_a_repeated_set_is_for_a_person() -> None:
    """Not where the rows were chosen all over it, nor where what was repeated, or was asked for, is the notebook's own
    doing."""
    card = replace(CARD, train_rows=60_000, train_images=960, train_stride=62)

    def told(rows: int, distinct: int, estimate: float = -2.0) -> Finding:
        x = ArrayPrint(shape=(rows, 28, 28), digest="x", distinct=distinct)
        trained = make.training(1, layers=make.with_layer("Dropout", rate=0.3), x=x)
        shown = measured(estimate, data=card)
        return gain(replace(shown, ledger=replace(shown.ledger, trainings=(trained,))))

    head = told(6000, 97)
    assert head.verdict is Verdict.NEEDS_REVIEW and head.message.values == {"rows": 6000, "images": 97}
    assert told(6000, 97, 0.9).share == 1.0
    for rows, distinct in ((2000, 960), (60_000, 960), (6000, 4), (6000, 0), (900, 15)):
        assert told(rows, distinct).share == 0.0, (rows, distinct)


@pytest.mark.parametrize("check", [gain, robustness])
def test_fewer_classes_are_for_a_person_unless_the_rubric_allows_them(check: Check) -> None:
    task = say("The notebook tells even from odd.")
    whole, pair = measured(), measured(final=make.final(gain=make.gain(0.9), confusion=some(0, 9), task=task))
    finding = check(pair)
    assert (finding.verdict, finding.share) == (Verdict.NEEDS_REVIEW, None)
    assert finding.message.values == {"own": 2, "all": 10}
    told = check(pair, fewer_classes=True)
    assert finding.for_teacher is not None and finding.for_teacher.values == {"share": told.share}
    assert told.verdict is not Verdict.NEEDS_REVIEW
    assert check(whole).verdict is not Verdict.NEEDS_REVIEW
    relabelled = measured(final=make.final(gain=make.gain(0.9), confusion=some(*range(10)), task=task))
    assert check(relabelled).verdict is not Verdict.NEEDS_REVIEW


def test_who_trained_on_few_images_is_told_that_the_baseline_had_all() -> None:
    def told(rows: int, estimate: float) -> bool:
        part = make.training(1, x=ArrayPrint(shape=(rows, 28, 28, 1)))
        finding = gain(replace(measured(estimate), ledger=Ledger(trainings=(part,))))
        return any("was given all of them" in detail.text for detail in finding.details)

    assert told(100, 0.1) and told(100, -0.5)
    assert not told(300, 0.1) and not told(100, 0.5)


def test_no_gain_on_fewer_classes_is_none() -> None:
    pair = measured(final=make.final(gain=make.gain(-0.1), confusion=some(0, 9), task=say("Even and odd.")))
    assert (gain(pair).verdict, gain(pair).share) == (Verdict.UNMET, 0.0)


def test_nothing_trained_is_unreached() -> None:
    finding = gain(make.evidence(cells=[make.code(0)]))
    assert (finding.verdict, finding.share) == (Verdict.UNREACHED, 0.0)
    assert gain(replace(measured(), executed=False)).verdict is Verdict.UNREACHED


@pytest.mark.parametrize(
    "changes",
    [
        {"final": None},
        {"models": ()},
        {"models": (make.model(where="nowhere", problem=say("A custom layer.")),)},
        {"final": make.final(gain=None), "baseline": None},
    ],
    ids=["no measures", "no choice", "cannot be loaded", "no baseline"],
)
def test_trained_but_not_measured_goes_to_a_person(changes: dict[str, Json]) -> None:
    finding = gain(measured(**changes))
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.share is None
    assert finding.for_teacher is not None


def test_a_gap_of_ours_is_not_a_model_that_was_not_trained() -> None:
    gap = Gap(kind=GapKind.LEDGER, reason=say("The ledger was lost."), ours=True)
    assert gain(make.evidence(cells=[make.code(0)], gaps=(gap,))).verdict is Verdict.NEEDS_REVIEW


def test_a_model_measured_in_the_students_kernel_is_a_claim() -> None:
    finding = gain(measured(models=(make.model(where="kernel"),)))
    assert finding.standing is Standing.CLAIM
    assert finding.for_teacher is not None
    assert finding.share == pytest.approx(0.84375)


def told(claimed: float, measured: float, tolerance: float = 0.002) -> Fidelity:
    return Fidelity(claimed=claimed, source="evaluate", measured=measured, tolerance=tolerance, cell=3)


def test_a_figure_that_does_not_agree_goes_to_a_person() -> None:
    finding = gain(measured(models=(make.model(fidelity=told(0.99, 0.95)),)))
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.cells == (0, 3)
    assert finding.details[0].values == {"ours": 0.95, "theirs": 0.99}
    assert gain(measured(models=(make.model(fidelity=None),))).share is not None


def test_one_image_or_a_rounding_is_no_disagreement() -> None:
    near = make.model(fidelity=told(0.9528, 0.9500))
    assert gain(measured(models=(near,))).verdict is Verdict.NEEDS_REVIEW
    assert gain(measured(models=(near,)), fidelity=0.01).share is not None
    small = make.model(fidelity=told(0.9528, 0.9500, tolerance=1.5 / 360))
    assert gain(measured(models=(small,))).share is not None


def test_the_model_as_given_earns_nothing() -> None:
    untouched = measured(models=(make.model(is_baseline=True),))
    untouched = replace(untouched, ledger=replace(untouched.ledger, trainings=(make.training(1),)))
    for finding in (gain(untouched), robustness(untouched)):
        assert (finding.verdict, finding.share) == (Verdict.UNMET, 0.0)
        assert "as it was given" in finding.message.text


def test_the_baseline_trained_in_another_way_is_a_modification() -> None:
    longer = make.training(1, arguments={"epochs": 15})
    seen = measured(0.25, models=(make.model(is_baseline=True),))
    assert gain(replace(seen, ledger=replace(seen.ledger, trainings=(longer,)))).share == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [[0, 0]],
        [[0, 0], [0, 1]],
        [[0.2, 0], [0.1, 1]],
        [[0, 0], [0.1, 0.5], [0.2, 0.4]],
        [[0, 0.5], [1, 1]],
        [[0, 0], [1, 2]],
        [[0], [1]],
    ],
)
def test_cut_offs_that_make_no_sense_are_refused_by_the_rubric(wrong: Json) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[Gains, "parameter"]).validate_python(wrong, strict=True)


def test_ratios_must_fall() -> None:
    with pytest.raises(ValidationError, match="must fall"):
        TypeAdapter(Ratios).validate_python([[1.0, 0.0], [1.5, 1.0]], strict=True)


# --- robustness ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "share"), [(0.95, 1.0), (0.9, 1.0), (0.875, 0.5), (0.85, 0.0), (0.1, 0.0)])
def test_the_error_ratio_decides(mean: float, share: float) -> None:
    finding = robustness(measured(final=make.final(robustness=make.robust(mean, 0.9))))
    assert finding.share == pytest.approx(share, abs=1e-9)


def test_a_perfect_baseline_divides_nothing_by_zero() -> None:
    assert error_ratio(make.robust(1.0, 1.0)) == 1.0
    assert error_ratio(make.robust(0.9, 1.0)) == 10.0


def test_best_and_worst_corruption_are_named() -> None:
    finding = robustness(measured())
    named = {detail.text.split()[0]: detail.values.get("name") for detail in finding.details}
    assert named["Best"] == "rotation"
    assert named["Worst"] == "blur"


def test_robustness_that_was_not_measured_goes_to_a_person() -> None:
    assert robustness(measured(final=make.final(robustness=None))).verdict is Verdict.NEEDS_REVIEW
