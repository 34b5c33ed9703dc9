"""Rows of all inputs of a model, in whatever form they are given."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.guest.recording.several import gathered, size, taken
from autograder.records import Json

ONE, TWO = np.arange(80.0).reshape(20, 4), np.arange(40.0).reshape(20, 2)
LABELS = np.arange(20) % 10


class Batches:
    """As a ``PyDataset``; ``alone``: of one input."""

    def __init__(self, alone: bool = False) -> None:
        self.alone = alone

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> Json:
        if number >= len(self):
            raise IndexError
        np.random.random()
        rows = slice(5 * number, 5 * number + 5)
        return (ONE[rows] if self.alone else (ONE[rows], TWO[rows])), LABELS[rows]


@pytest.mark.parametrize("data", [[ONE, TWO], (ONE, TWO), {"a": ONE, "b": TWO}, Batches()])
def test_every_form(data: Json) -> None:
    np.random.seed(1)
    wanted = np.random.random()
    np.random.seed(1)
    found = gathered(data, None if isinstance(data, Batches) else LABELS)
    assert found is not None and found[1].tolist() == LABELS.tolist()
    rows = taken(found[0], np.array([3, 19]))
    arrays = list(rows.values()) if isinstance(rows, dict) else rows
    assert [one.tolist() for one in arrays] == [ONE[[3, 19]].tolist(), TWO[[3, 19]].tolist()]
    assert isinstance(rows, dict) is isinstance(data, dict) and size(found[0]) == 6
    assert np.random.random() == wanted, "nothing was drawn"


@pytest.mark.parametrize(
    "data",
    [ONE, [ONE], ONE.tolist(), [ONE, TWO[:9]], [ONE, np.array(["a"] * 20)], {"a": ONE}, Batches(alone=True), None],
    ids=["one", "one in a list", "rows in a list", "of two lengths", "words", "one by name", "batches", "none"],
)
def test_what_has_one_input(data: Json) -> None:
    assert gathered(data, LABELS) is None
    assert size(ONE) == 4 and taken(ONE, np.array([1])).tolist() == [[4, 5, 6, 7]]  # type: ignore[union-attr]
