"""When a training gets a room of its own."""

from __future__ import annotations

import pytest

from autograder.records import Json
from autograder.worth import Worth


def head(rows: int = 1000, epochs: Json = 5) -> dict[str, Json]:
    return {"data": {"x": ["<f4", [rows, 28, 28], ""]}, "arguments": {"epochs": epochs}}


def seen(new: int, again: int = 0, *, seconds: float = 30.0) -> Worth:
    """So many trainings asked for once, and for a second time; each took as long."""
    known = Worth(start_seconds=5.0)
    for number in range(new + again):
        for _ in range(1 + (number < again)):
            known.asked(str(number))
        known.took(head(), seconds)
    return known


@pytest.mark.parametrize(
    ("times", "seconds", "enough"), [(1, 60.0, True), (1, 4.9, False), (2, 2.5, True), (10, 0.4, False)]
)
def test_what_others_asked_for_is_worth_what_it_took(times: int, seconds: float, enough: bool) -> None:
    assert Worth(start_seconds=5.0).is_enough(head(), times, seconds) is enough


def test_nothing_is_known_of_the_first() -> None:
    assert not Worth(start_seconds=5.0).is_enough(head(), 0, 0.0)


def test_what_is_new_is_tried_until_nothing_is_asked_for_again() -> None:
    """Of six, none: one in eight of 30 s is no longer worth 5."""
    assert [seen(new).is_enough(head(), 0, 0.0) for new in (1, 4, 6, 50)] == [True, True, False, False]
    assert seen(30, 20).is_enough(head(), 0, 0.0)


def test_how_long_it_will_take_is_told_by_the_others_pace() -> None:
    known = seen(1, 3, seconds=10.0)
    assert known.is_enough(head(), 0, 0.0)
    assert not known.is_enough(head(rows=500), 0, 0.0)
    assert not known.is_enough(head(epochs=2), 0, 0.0)
    assert known.is_enough(head(epochs=2), 2, 0.0), "asked for twice, and still not known"


@pytest.mark.parametrize("epochs", [None, -3, 0, 10**9, True, "5", [5]])
def test_what_a_kernel_says_may_be_anything(epochs: Json) -> None:
    assert seen(1).is_enough(head(rows=10**9, epochs=epochs), 0, 0.0)
    assert not seen(1).is_enough({"data": {}, "arguments": {"epochs": epochs}}, 0, 0.0)


def test_one_claim_moves_nothing() -> None:
    known = seen(3, 3)
    known.took(head(), 1e9)
    known.took(head(rows=1 << 40), 0.001)
    assert known.is_enough(head(), 0, 0.0)
    assert not known.is_enough(head(rows=100), 0, 0.0)
