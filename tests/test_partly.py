"""The notebook's own tests on other images than the whole public test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from autograder.extraction.fidelity import Account
from autograder.extraction.matching import Candidate, Sighting
from autograder.extraction.partly import partly, splits_itself
from autograder.extraction.recipes import Recipe
from autograder.records import Adaptation, ArrayPrint, Ending, Evaluation, Execution, Ledger, Partly
from tests import evidence as make

PUBLIC = 400
WHOLE, HEAD, RANDOM, MIXED, LEARNT, STRANGE, ONE = "whole", "head", "random", "mixed", "learnt", "strange", "one"
"""Digests: the public test set; its first 36 images; images of it in any order; of both sets; those of a training; of
no set; the first one."""
OPENML = "fetch_openml('mnist_784')"


class Seen:
    """Knows these data."""

    public_images = np.zeros((PUBLIC, 28, 28), np.uint8)

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        if shown is None or shown.digest == STRANGE:
            return None
        found = {HEAD: range(1000, 1036), RANDOM: (1399, 1000, 1200), WHOLE: range(1000, 1400), ONE: (1000,) * 40}
        rows = tuple(found.get(shown.digest, (1300, 0, 500)))
        public = 0 if shown.digest == LEARNT else 1 if shown.digest == MIXED else len(rows)
        whole = shown.digest == WHOLE
        return Sighting(recipe=Recipe((), 0.0, rows), rows=len(rows), public=public, whole=whole)


def account(*uses: Evaluation, loaders: Sequence[str] = (), source: str = "") -> Account:
    one = make.training(1, x=ArrayPrint(shape=(2000, 28, 28), digest=LEARNT))
    served = tuple(Adaptation(kind="data", old=name, new="digits") for name in loaders)
    return Account(
        ledger=Ledger(trainings=(one,), evaluations=uses, adaptations=served),
        known=(Candidate(id="c1", model="m1", training=one, artifact=None, weights=""),),
        artifacts={},
        execution=Execution(ending=Ending.COMPLETED),
        cells=(make.code(0, source),),
        sightings=Seen(),  # type: ignore[arg-type]
        test_rows=10_000,
    )


def use(data: str, rows: int, accuracy: float | None = None, model: str = "m1") -> Evaluation:
    results = {} if accuracy is None else {"accuracy": accuracy}
    x = ArrayPrint(shape=(rows, 28, 28), digest=data)
    return Evaluation(kind="evaluate", model=model, execution_count=2, x=x, results=results)


def test_images_that_stand_in_a_row_several_times_count_once() -> None:
    told = account(use(HEAD, 1000, 0.97))
    assert partly(told.known[0], told) == (Partly(images=36, public=PUBLIC, accuracy=0.97),)


def test_of_rows_in_any_order_some_come_twice() -> None:
    told = account(use(RANDOM, 400))
    (found,) = partly(told.known[0], told)
    assert 0.6 * PUBLIC < found.images < 0.66 * PUBLIC and found.accuracy is None


@pytest.mark.parametrize(
    "other",
    [
        use(WHOLE, 10_000, 0.9),
        use(HEAD, 99, 1.0),
        use(ONE, 1000, 1.0),
        use(HEAD, 1000, 0.9, "m2"),
        use(MIXED, 1000),
        use(STRANGE, 1000),
    ],
    ids=["all of it", "a handful", "one image", "another model", "images of both sets", "other images"],
)
def test_what_is_no_part_of_it(other: Evaluation) -> None:
    told = account(other)
    assert partly(told.known[0], told) == ()


def test_a_test_set_of_ones_own() -> None:
    told = account(use(MIXED, 1000, 0.9), use(LEARNT, 2000, 0.99), loaders=[OPENML])
    (found,) = partly(told.known[0], told)
    assert found.split and found.accuracy == 0.9, "what it was trained on is no test"


@pytest.mark.parametrize(
    ("loaders", "counts"),
    [
        (["read_csv('train.csv')", "read_csv('test.csv')"], True),
        (["read_csv('mnist_train.csv')"], True),
        (["read_csv('mnist_train.csv')", "read_csv('mnist_test.csv')"], False),
        (["read_csv('train.csv')", "keras.datasets.mnist.load_data()"], False),
    ],
)
def test_images_that_were_held_back_from_those_to_train_with(loaders: list[str], counts: bool) -> None:
    told = account(use(MIXED, 1000, 0.9), use(LEARNT, 2000, 0.99), loaders=loaders)
    assert [(one.split, one.accuracy) for one in partly(told.known[0], told)] == ([(True, 0.9)] if counts else [])


def test_who_splits_the_images_itself() -> None:
    assert splits_itself(account(use(MIXED, 1000), loaders=[OPENML]))
    assert not splits_itself(account(use(MIXED, 1000)))
    assert not splits_itself(account(loaders=[OPENML, "tfds.load('mnist')"])), "given apart as well"
    assert not splits_itself(account(loaders=[OPENML], source="keras.datasets.mnist.load_data()"))
    assert not splits_itself(account(use(HEAD, 1000), loaders=[OPENML])), "it knows which are tested with"
