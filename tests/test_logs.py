"""What was kept of every epoch."""

from __future__ import annotations

import pytest

from autograder.extraction.grids import Grid
from autograder.extraction.logs import is_log

EPOCHS = tuple((str(epoch), name) for name in ("base", "deep") for epoch in (1, 2, 3))


def grid(heading: str, rows: tuple[tuple[str, str], ...]) -> Grid:
    return Grid(cell=0, origin="html", header=(heading, "model"), rows=rows)


@pytest.mark.parametrize("heading", ["epoch", "Époque", "Epochen", "step", "n° époque"])
def test_names_that_repeat_beside_a_count_of_epochs(heading: str) -> None:
    assert is_log(grid(heading, EPOCHS), 1)


def test_a_count_of_epochs_for_a_name() -> None:
    assert is_log(grid("epoch", (("0", "a"), ("1", "b"), ("2", "c"))), 0)


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("epochs", (("1", "a"), ("2", "b"), ("3", "c"))),
        ("epochs", (("5", "a"), ("5", "a"), ("10", "b"))),
        ("seed", EPOCHS),
        ("epoch", (("1", "a"), ("1", "a"))),
        ("epoch", (("best", "a"), ("last", "a"))),
    ],
    ids=["a setting of each", "a setting", "seeds", "one", "no count"],
)
def test_what_is_none(heading: str, rows: tuple[tuple[str, str], ...]) -> None:
    assert not is_log(grid(heading, rows), 1)
