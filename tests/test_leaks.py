"""Images of the test set that reach the final model by way of another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.extraction.beginnings import Origin
from autograder.extraction.leaks import leaked
from autograder.extraction.matching import Candidate, Sighting
from autograder.extraction.recipes import Recipe
from autograder.messages import render
from autograder.records import ArrayPrint, Json, Ledger, Training
from autograder.store import Store
from tests import evidence as make

CLASSES = tuple(number % 10 for number in range(40))
PLAIN, MIXED = "plain", "mixed"
"""Digests of data without any image of the test set, and with ten in forty."""


class Seen:
    """Knows both arrays."""

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        public = {PLAIN: 0, MIXED: 10}[shown.digest if shown else PLAIN]
        return Sighting(recipe=Recipe((), 0.0, ()), rows=40, public=public, labels=CLASSES)


def fit(number: int, data: str, **changes: Json) -> Training:
    x = ArrayPrint(shape=(40, 28, 28), digest=data, sample=f"{data}.npy")
    return make.training(number, **{"x": x, "y_sample": CLASSES, "y_classes": 10, **changes})


def told(*trainings: Training, final: int) -> str:
    one = trainings[final - 1]
    candidate = Candidate(id="c", model=one.model, training=one, artifact=None, weights="")
    origin = Origin({}, Store(Path("/nowhere")))
    message = leaked(candidate, Ledger(trainings=trainings), Seen(), origin)  # type: ignore[arg-type]
    return "" if message is None else render(message, "en")


def test_its_own_training() -> None:
    assert told(fit(1, PLAIN), fit(2, PLAIN), final=2) == ""
    assert told(fit(1, PLAIN), fit(2, MIXED), final=2).startswith("10 of 40 sampled training images")
    assert told(fit(1, MIXED, model="m2"), fit(2, PLAIN), final=2).startswith("10 of 40 sampled training images")


@pytest.mark.parametrize("digest", ["a" * 64, ""], ids=["its weights were taken over", "no trace"])
def test_another_model_before_it(digest: str) -> None:
    before, after = fit(1, MIXED, weights=digest), fit(2, PLAIN, start_weights=digest, start_accuracy=0.9)
    said = told(before, after, final=2)
    assert said.startswith("10 of 40 sampled training images" if digest else "Training 1, of another model"), said


def test_what_says_nothing_of_the_final_model() -> None:
    assert told(fit(1, PLAIN), fit(2, MIXED), final=1) == "", "a later one"
    assert told(fit(1, MIXED, y_sample=()), fit(2, PLAIN), final=2) == "", "without labels"
    angles = tuple(number % 4 for number in range(40))
    assert told(fit(1, MIXED, y_sample=angles), fit(2, PLAIN), final=2) == "", "another task"


def test_arrays_of_a_pipeline_count_together() -> None:
    parts = [ArrayPrint(shape=(40, 28, 28), digest=data, sample=f"{data}.npy") for data in (PLAIN, MIXED)]
    assert told(fit(1, PLAIN), fit(2, PLAIN, roots=tuple(parts)), final=2).startswith("10 of 80 sampled")
    assert told(fit(1, PLAIN), fit(2, PLAIN, roots=tuple(parts[:1])), final=2) == ""
