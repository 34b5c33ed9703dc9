"""Images of the test set that reach the final model by way of another one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from autograder.extraction.beginnings import Origin
from autograder.extraction.fidelity import Account
from autograder.extraction.leaks import kept_back, leaked, looks_up, resembles, split
from autograder.extraction.matching import Candidate, Disguises, Floats, Resemblances, Sighting
from autograder.extraction.recipes import Recipe
from autograder.messages import render
from autograder.records import (
    Adaptation,
    ArrayPrint,
    Ending,
    Estimator,
    Evaluation,
    Execution,
    Json,
    Ledger,
    Message,
    Training,
)
from autograder.store import Store
from tests import evidence as make

CLASSES = tuple(number % 10 for number in range(40))
PLAIN, MIXED, SHIFTED, HIDDEN, PUBLIC = "plain", "mixed", "shifted", "hidden", "public"
"""Digests of data without any image of the test set, with ten in forty, with twenty that are altered alone, and with
five that no notebook is given; all forty are of the test set in the last."""


ALIKE = {"few": (30, 3, 0), "chance": (60, 5, 1), "near": (30, 4, 0), "kept": (30, 9, 4)}
"""Digest of data of which nothing is known -> rows, and those that are most like public and like hidden images."""
TARGETS = np.random.default_rng(6).random((40, 64)).astype(np.float32)


class Seen:
    """Knows these arrays."""

    classes = 10

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        if shown and shown.digest == SHIFTED:
            return None
        public = {PLAIN: 0, MIXED: 10, HIDDEN: 0, PUBLIC: 40}[shown.digest if shown else PLAIN]
        return Sighting(recipe=Recipe((), 0.0, ()), rows=40, public=public, labels=CLASSES)

    def disguises(self, shown: ArrayPrint) -> Disguises:
        if shown.digest == HIDDEN:
            return Disguises((-1,) * 40, 40, hidden=5)
        return Disguises((*CLASSES[:20], *[-1] * 20), 40) if shown.digest == SHIFTED else Disguises(rows=40)

    def resemblances(self, shown: ArrayPrint) -> Resemblances:
        rows, public, hidden = ALIKE.get(shown.digest, (0, 0, 0))
        return Resemblances(rows, public, hidden)

    def sample(self, shown: ArrayPrint) -> Floats | None:
        return {"means": np.eye(40, dtype=np.float32)[list(CLASSES)], "images": TARGETS}.get(shown.sample)


def fit(number: int, data: str, **changes: Json) -> Training:
    x = ArrayPrint(shape=(40, 28, 28), digest=data, sample=f"{data}.npy")
    return make.training(number, **{"x": x, "y_sample": CLASSES, "y_classes": 10, **changes})


Told: TypeAlias = Callable[[Candidate, Account, Origin], Message | None]


def told(
    *trainings: Training,
    final: int,
    estimators: Sequence[Estimator] = (),
    by: Told = leaked,
    loaders: Sequence[str] = (),
    tested: str = "",
    source: str = "",
) -> str:
    """``loaders``: what served the data; ``tested``: digest of what models were tried on."""
    one = trainings[final - 1]
    candidate = Candidate(id="c", model=one.model, training=one, artifact=None, weights="")
    account = Account(
        ledger=Ledger(
            trainings=trainings,
            estimators=tuple(estimators),
            adaptations=tuple(Adaptation(kind="data", old=name, new="mnist") for name in loaders),
            evaluations=(Evaluation(kind="evaluate", model="m1", x=ArrayPrint(digest=tested)),) if tested else (),
        ),
        known=(candidate,),
        artifacts={},
        execution=Execution(ending=Ending.COMPLETED, cells=(make.ran(4, 3),)),
        cells=(make.code(0, source),),
        sightings=Seen(),  # type: ignore[arg-type]
        test_rows=40,
    )
    message = by(candidate, account, Origin({}, Store(Path("/nowhere"))))
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


def test_weights_that_were_taken_over_bring_what_they_learnt_from() -> None:
    """An encoder, say, that was trained to give its images back: no labels were given."""
    before, between = fit(1, MIXED, y_sample=(), model="m1"), fit(2, PLAIN, model="m2", y_sample=(), learnt_from=(1,))
    said = told(before, between, fit(3, PLAIN, model="m3", learnt_from=(2,)), final=3)
    assert said.startswith("Training 1, of another model, was given images of the public test set (10 of 40")
    assert told(before, between, fit(3, PLAIN, model="m3"), final=3) == ""


def test_another_model_within_it() -> None:
    """What a callback trains has the greater number, and yet is there before the end."""
    beside = fit(2, MIXED, model="m2", arguments={"within": 1})
    assert told(fit(1, PLAIN), beside, final=1).startswith("Training 2, of another model, was given images")


def test_arrays_of_a_pipeline_count_together() -> None:
    parts = [ArrayPrint(shape=(40, 28, 28), digest=data, sample=f"{data}.npy") for data in (PLAIN, MIXED)]
    assert told(fit(1, PLAIN), fit(2, PLAIN, roots=tuple(parts)), final=2).startswith("10 of 80 sampled")
    assert told(fit(1, PLAIN), fit(2, PLAIN, roots=tuple(parts[:1])), final=2) == ""


def test_a_loop_whose_labels_nobody_sees() -> None:
    loop: Json = {"loop": True}
    roots = (ArrayPrint(shape=(40, 28, 28), digest=MIXED, sample=f"{MIXED}.npy"),)
    for width, start in ((10, "Training 1, of another model, was given images"), (784, "")):
        unseen = fit(1, PLAIN, y_sample=(), roots=roots, arguments=loop, outputs=((None, width),))
        said = told(unseen, fit(2, PLAIN), final=2)
        assert said.startswith(start) and bool(said) is bool(start), said


def test_images_as_weights() -> None:
    def held(data: str) -> ArrayPrint:
        return ArrayPrint(kind="weights", shape=(40, 28, 28), digest=data, sample=f"{data}.npy")

    assert told(fit(1, PLAIN, roots=(held(PLAIN),)), final=1) == ""
    for data, count in ((MIXED, 10), (SHIFTED, 20)):
        said = told(fit(1, PLAIN), fit(2, PLAIN, roots=(held(PLAIN), held(data))), final=2)
        assert said.startswith(f"{count} of 40 sampled rows of weights"), said
        assert told(fit(1, PLAIN, roots=(held(data),)), fit(2, PLAIN), final=2) == "", "of another model"
    assert told(fit(1, MIXED, roots=(held(MIXED),)), final=1).startswith("10 of 40 sampled training images")


def test_altered_images_of_its_own_training() -> None:
    assert told(fit(1, PLAIN), fit(2, SHIFTED), final=2) == (
        "20 of 40 sampled training images are images of the public test set, shifted, mirrored, turned, dimmed or put "
        "beside others."
    )
    assert "shifted" not in told(fit(1, PLAIN), fit(2, SHIFTED), fit(3, MIXED, model="m2"), final=3)
    part = ArrayPrint(shape=(40, 28, 28), digest=SHIFTED, sample="shifted.npy")
    assert told(fit(1, PLAIN), fit(2, PLAIN, roots=(part,)), final=2).startswith("20 of 40 sampled training images")


def test_altered_images_of_another_model_before_it() -> None:
    said = told(fit(1, SHIFTED), fit(2, PLAIN), final=2)
    assert said.startswith("Training 1, of another model, was given images of the public test set, shifted"), said
    angles = tuple(number % 4 for number in range(40))
    assert told(fit(1, SHIFTED, y_sample=angles), fit(2, PLAIN), final=2) == "", "another task"
    assert told(fit(1, SHIFTED, y_sample=()), fit(2, PLAIN), final=2) == "", "without labels"
    assert "shifted" not in told(fit(1, SHIFTED), fit(2, MIXED), fit(3, PLAIN), final=3), "what is as it is comes first"


def forest(data: str, at: int | None) -> Estimator:
    x = ArrayPrint(shape=(40, 784), digest=data, sample=f"{data}.npy")
    return Estimator(kind="RandomForestClassifier", rows=40, x=x, execution_count=at)


def test_a_classifier_of_scikit_learns_before_it() -> None:
    own = fit(1, PLAIN, execution_count=5)
    assert told(own, final=1, estimators=[forest(PLAIN, 3)]) == ""
    assert told(own, final=1, estimators=[forest(MIXED, 6)]) == "", "a later one"
    said = told(own, final=1, estimators=[forest(PLAIN, 2), forest(MIXED, 3)])
    assert said == (
        "A RandomForestClassifier of scikit-learn's was given images of the public test set in cell 5 (10 of 40 "
        "sampled ones): the final model may have learnt from it."
    )
    kept = told(own, final=1, estimators=[forest(HIDDEN, 3)], by=kept_back)
    assert kept.startswith("A RandomForestClassifier of scikit-learn's was given images that are kept back"), kept
    assert told(own, final=1, estimators=[forest(MIXED, 3)], by=kept_back) == ""
    assert "in cell" not in told(own, final=1, estimators=[forest(MIXED, None)])
    assert "scikit-learn" not in told(fit(1, MIXED), final=1, estimators=[forest(MIXED, 0)]), "its own come first"


def test_images_that_no_notebook_is_given() -> None:
    assert told(fit(1, MIXED), fit(2, PLAIN), final=2, by=kept_back) == ""
    own = told(fit(1, PLAIN), fit(2, HIDDEN), final=2, by=kept_back)
    assert own.startswith("5 of 40 sampled training images are among those that are kept back"), own
    before = told(fit(1, HIDDEN), fit(2, PLAIN), final=2, by=kept_back)
    assert before.startswith("Training 1, of another model, was given images that are kept back"), before
    assert told(fit(1, PLAIN), fit(2, HIDDEN), final=1, by=kept_back) == "", "a later one"
    assert told(fit(1, HIDDEN), fit(2, PLAIN), final=2) == "", "that is another sentence"


OPENML = "fetch_openml('mnist_784')"


def test_a_split_of_ones_own_is_a_fact() -> None:
    """Where one array of all images was served; not where the test set was given, or is known."""
    assert told(fit(1, MIXED), final=1, loaders=[OPENML]) == ""
    fact = told(fit(1, MIXED), final=1, loaders=[OPENML], by=split)
    assert fact.startswith("The notebook was given all images in one array and splits them itself: 10 of 40"), fact
    assert told(fit(1, PLAIN), final=1, loaders=[OPENML], by=split) == ""
    for known in (
        {"loaders": [OPENML, "tfds.load('mnist')"]},
        {"loaders": [OPENML], "source": "(a, b), (c, d) = mnist.load_data()"},
        {"loaders": [OPENML], "tested": PUBLIC},
        {"loaders": []},
    ):
        assert told(fit(1, MIXED), final=1, **known).startswith("10 of 40"), known
        assert told(fit(1, MIXED), final=1, by=split, **known) == ""


def test_images_as_weights_are_no_split() -> None:
    held = ArrayPrint(kind="weights", shape=(40, 28, 28), digest=MIXED, sample="mixed.npy")
    assert "sampled rows of weights" in told(fit(1, PLAIN, roots=(held,)), final=1, loaders=[OPENML])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("few", ""),
        ("chance", ""),
        (
            "near",
            "4 of 30 sampled training images that were altered or brought along are more like images of the public",
        ),
        (
            "kept",
            "4 of 30 sampled training images that were altered or brought along are more like images that are kept",
        ),
    ],
)
def test_images_that_were_made_of_others(data: str, said: str) -> None:
    given = fit(1, PLAIN, x=ArrayPrint(shape=(40, 28, 28), digest=data, sample=f"{data}.npy"))
    found = told(given, final=1, by=resembles)
    assert found.startswith(said) and bool(found) is bool(said)
    assert told(given, fit(2, PLAIN), final=2, by=resembles) == "", "of another model"
    several = [ArrayPrint(shape=(40, 28, 28), digest=name, sample=name) for name in ("few", PLAIN, "few")]
    assert told(fit(1, PLAIN, roots=tuple(several)), final=1, by=resembles) == "", "each once"
    assert told(given, final=1, by=resembles, loaders=[OPENML]) == "", "who splits them knows no test set"


def root(kind: str, data: str, labels: Sequence[int] = ()) -> ArrayPrint:
    return ArrayPrint(kind=kind, shape=(40, 28, 28), digest=data, sample=f"{data}.npy", labels=tuple(labels))


ANGLES = tuple(number % 4 for number in range(40))


@pytest.mark.parametrize("labels", [CLASSES, ()], ids=["by class", "not known"])
def test_answers_of_another_model_for_images(labels: Sequence[int]) -> None:
    for data, begins in ((MIXED, "given what a model makes of images of the public test set (10 of 40"), (PLAIN, "")):
        head = fit(1, PLAIN, roots=(root("answers", data, labels),))
        assert begins in told(head, fit(2, PLAIN), final=2) and bool(told(head, final=1)) is bool(begins)
    head = fit(1, PLAIN, roots=(root("answers", HIDDEN, labels),))
    said = told(head, fit(2, PLAIN), final=2, by=kept_back)
    assert said.startswith("Training 1 was given what a model makes of images that are kept back"), said
    assert told(head, fit(2, PLAIN), final=2) == "" and "5 of 40" in told(head, final=1, by=kept_back)


def test_answers_that_say_nothing_of_the_final_model() -> None:
    other = fit(1, PLAIN, roots=(root("answers", MIXED, ANGLES),))
    assert told(other, fit(2, PLAIN), final=2) == "", "another task"
    later = fit(2, PLAIN, roots=(root("answers", MIXED, CLASSES),))
    assert told(fit(1, PLAIN), later, final=1) == "", "a later one"
    assert "what a model makes" not in told(later, fit(3, MIXED), final=2), "images come first"


@pytest.mark.parametrize("labels", [CLASSES, ANGLES])
def test_images_that_a_part_within_is_called_with(labels: Sequence[int]) -> None:
    numbers = fit(1, PLAIN, y_sample=tuple(range(40)), roots=(root("inner", MIXED, labels),))
    said = told(numbers, fit(2, PLAIN), final=2)
    assert said.startswith("Training 1, of another model, was given images") if labels is CLASSES else said == ""
    assert told(numbers, final=1).startswith("10 of 40 sampled training images"), "its own"


@pytest.mark.parametrize("targets", ["means", "images"])
def test_targets_that_are_no_labels(targets: str) -> None:
    before = fit(1, MIXED, y_sample=(), y=ArrayPrint(shape=(40, 64), sample=targets))
    said = told(before, fit(2, PLAIN), final=2)
    assert said.startswith("Training 1, of another model, was given images") if targets == "means" else said == ""


def test_hidden_images_as_weights() -> None:
    held = fit(1, PLAIN, roots=(root("weights", HIDDEN),))
    said = told(held, final=1, by=kept_back)
    assert said.startswith("5 of 40 sampled rows of weights") and "kept back here" in said
    assert told(held, final=1) == told(held, fit(2, PLAIN), final=2, by=kept_back) == ""


def test_tables_that_name_classes() -> None:
    table, steps = ArrayPrint(kind="lookup", shape=(1797, 1)), ArrayPrint(kind="lookup", shape=(9000,))
    assert told(fit(1, PLAIN), final=1, by=looks_up) == ""
    assert "a table of 1,797 rows" in told(fit(1, PLAIN, roots=(steps, table)), final=1, by=looks_up)
    assert "tells 9,000 values apart" in told(fit(1, PLAIN, roots=(steps,)), final=1, by=looks_up)
    assert told(fit(1, PLAIN, roots=(table,)), fit(2, PLAIN), final=2, by=looks_up) == "", "of another model"
    assert told(fit(1, PLAIN, roots=(table,)), final=1) == "", "that is another sentence"


def test_numbers_that_are_no_weights(tmp_path: Path) -> None:
    def flagged(*lists: object) -> str:
        parts = [{"module": "keras.layers", "class_name": "Dense", "config": {"value": each}} for each in lists]
        config = {"module": "keras", "class_name": "Sequential", "config": {"layers": parts}}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("model.weights.h5", b"")
        store = Store(tmp_path / "state")
        candidate = Candidate(id="c", model="m1", training=None, artifact=store.put(buffer.getvalue()), weights="")
        account = Account(
            ledger=Ledger(),
            known=(candidate,),
            artifacts={},
            execution=Execution(ending=Ending.COMPLETED, cells=()),
            cells=(),
            sightings=Seen(),  # type: ignore[arg-type]
            test_rows=40,
        )
        message = looks_up(candidate, account, Origin({}, store))
        return "" if message is None else render(message, "en")

    assert flagged([[0.5] * 28] * 28, [0.1] * 784) == "", "a mean and a deviation of each pixel"
    assert flagged(*[[1, 1]] * 3000) == "", "settings"
    assert "holds 7,500 numbers that are neither weights nor settings" in flagged([[0.5] * 20] * 250, [[0, 1]] * 1250)
