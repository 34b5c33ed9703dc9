"""Answers of a model that nobody saw answering, in the place of labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.extraction.teachers import untold
from autograder.records import ArrayPrint, Estimator, Evaluation, Ledger, Training
from tests import evidence as make

ROWS = 6000
IMAGES = ArrayPrint(shape=(ROWS, 28, 28, 1), digest="x")


def learnt(low: float, high: float, *, kind: str = "array", columns: int = 10) -> Training:
    y = ArrayPrint(shape=(ROWS, columns), low=low, high=high, kind=kind)
    return make.training(2, x=IMAGES, y=y, y_sample=(1, 2, 3))


def told(training: Training, *uses: Evaluation, **more: object) -> bool:
    return untold([training], Ledger(trainings=(training,), evaluations=uses, **more)) is not None  # type: ignore[arg-type]


def asked(rows: int, after: int = 1, **results: float) -> Evaluation:
    x = replace(IMAGES, shape=(rows, 28, 28, 1))
    return Evaluation(kind="predict", model="m1", x=x, after=after, results=results)


def test_shares_of_the_classes_that_no_model_of_the_run_gave() -> None:
    shares = learnt(3.6e-9, 0.9996)
    assert told(shares)
    assert told(shares, asked(ROWS, accuracy=0.9)), "a test answers nothing that could be learnt"
    assert told(shares, asked(300)) and told(shares, asked(ROWS, after=2)), "few images, and too late"


@pytest.mark.parametrize("rows", [[ROWS], [ROWS // 2, ROWS // 2]], ids=["at once", "by folds"])
def test_a_teacher_of_the_run_accounts_for_them(rows: list[int]) -> None:
    assert not told(learnt(3.6e-9, 0.9996), *map(asked, rows))


def test_a_classifier_of_scikit_learns_may_have_given_them() -> None:
    fitted = (Estimator(kind="SVC", rows=ROWS, execution_count=1),)
    assert not told(learnt(3.6e-9, 0.9996), estimators=fitted)


@pytest.mark.parametrize(
    "labels",
    [
        learnt(0.0, 1.0),
        learnt(0.01, 0.91),
        learnt(0.02, 0.82),
        learnt(0.001, 0.901, columns=100),
        replace(learnt(0.1, 0.9), y=ArrayPrint(shape=(ROWS,), low=0.1, high=0.9)),
        learnt(3.6e-9, 0.9996, kind="dataset"),
        replace(learnt(3.6e-9, 0.9996), y_sample=()),
    ],
    ids=["ones and zeros, mixed", "smoothed", "smoothed more", "of many classes", "figures", "a data set", "images"],
)
def test_labels_in_every_usual_form_are_none(labels: Training) -> None:
    assert not told(labels)


def test_answers_among_labels_are_told_by_their_rows() -> None:
    mixed = replace(learnt(0.0, 1.0), y=ArrayPrint(shape=(ROWS, 10), low=0.0, high=1.0, answers=0.5))
    assert told(mixed) and told(mixed, asked(ROWS // 3)) and not told(mixed, asked(ROWS // 2))
    assert not told(replace(mixed, y=replace(mixed.y, answers=0.01)))
