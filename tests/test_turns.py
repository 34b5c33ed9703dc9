"""The order of a class, who is admitted beside whom, and when all will be finished."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from autograder.turns import Outlook, Pace, Turn, admitted, ordered, outlook, peak_mb, told


def turns(**seconds: float | None) -> list[Turn]:
    return [Turn(student=name, seconds=value) for name, value in seconds.items()]


def names(order: tuple[Turn, ...]) -> str:
    return "".join(turn.student for turn in order)


def pace(finished: dict[str, float] | None = None, running: dict[str, float] | None = None) -> Pace:
    return Pace(finished=finished or {}, running=running or {})


# --- order -----------------------------------------------------------------------------------------------------------


def test_the_longest_begins_and_the_unknown_stand_in_the_middle() -> None:
    assert names(ordered(turns(a=10, b=300, c=60, d=None, e=20, f=90))) == "bfcdea"
    assert names(ordered(turns(a=None, b=None))) == "ab", "as they came, where nothing is known"


def test_what_is_remembered_waits_for_nobody() -> None:
    known = Turn(student="z", remembered=True, seconds=900.0)
    assert names(ordered([*turns(a=10, b=300), known])) == "zba"


# --- memory ----------------------------------------------------------------------------------------------------------


def test_memory_is_expected_by_what_was_measured() -> None:
    assert peak_mb(Turn(student="a", memory_mb=1000), [3000], 4096) == pytest.approx(1100), "its own comes first"
    assert peak_mb(Turn(student="a"), [800, 1600], 4096) == 2000, "then the most of any other, and a little more"
    assert peak_mb(Turn(student="a"), [], 4096) == 4096, "else all that it may have"
    assert peak_mb(Turn(student="a", memory_mb=4000), [], 4096) == 4096, "never more than its limit"
    assert peak_mb(Turn(student="a", memory_mb=4000, remembered=True), [], 4096) == 0, "nothing is executed"


def test_none_is_admitted_whom_memory_would_not_hold() -> None:
    assert admitted([2000], [], available_mb=100, used_mb=0) == 0, "there is always one that runs"
    assert admitted([2000], [2000], available_mb=5000, used_mb=0) == 0
    assert admitted([2000], [2000], available_mb=3900, used_mb=0) is None, "the running one may still grow"
    assert admitted([2000], [2000], available_mb=3900, used_mb=500) == 0, "by what it has not taken yet"
    assert admitted([2000, 700], [2000], available_mb=3000, used_mb=0) == 1, "a smaller one may be before it"
    assert admitted([], [2000], available_mb=9000, used_mb=0) is None
    assert admitted([500], [2000], available_mb=600, used_mb=5000) == 0, "who took more than expected is done growing"


# --- time ------------------------------------------------------------------------------------------------------------


def test_nothing_is_said_before_anything_is_known() -> None:
    assert outlook(turns(a=None, b=None), pace(running={"a": 5.0}), 2, 900) is None
    assert told(None) == "estimating …"


def test_what_was_planned_is_enough_for_a_first_estimate() -> None:
    view = outlook(turns(a=100, b=100, c=None), pace(), 1, 900)
    assert view is not None and view.likely == pytest.approx(300)
    assert view.low < 0.7 * view.likely and view.high > 1.5 * view.likely, "and it is known to be a rough one"


def test_what_is_finished_corrects_what_was_planned() -> None:
    """A machine that is half as fast as when it was planned."""
    those = turns(a=100, b=100, c=100, d=100, e=100)
    view = outlook(those, pace({"a": 200.0, "b": 210.0, "c": 190.0}), 1, 900)
    assert view is not None and view.likely == pytest.approx(400)
    assert 250 < view.low < 330 and 480 < view.high < 650, "and how far it may be wrong"


def test_what_is_remembered_says_nothing_of_what_is_executed() -> None:
    quick = [Turn(student=str(number), remembered=True) for number in range(28)]
    finished = {turn.student: 0.1 for turn in quick}
    assert outlook([*quick, *turns(a=None, b=None)], pace(finished), 2, 900) is None, "28 in no time, and two to come"
    view = outlook([*quick, *turns(a=300, b=300)], pace(finished), 2, 900)
    assert view is not None and view.likely == pytest.approx(300)


def test_lanes_work_beside_each_other() -> None:
    view = outlook(turns(a=60, b=60, c=60, d=60), pace(), 2, 900)
    assert view is not None and view.likely == pytest.approx(120)


def test_one_slow_notebook_makes_nothing_a_lie() -> None:
    """Nine took a minute, the tenth has run for ten: it may end now, or when its time is up."""
    those = turns(**dict.fromkeys("abcdefghij"))
    view = outlook(those, pace(dict.fromkeys("abcdefghi", 60.0), {"j": 600.0}), 2, 900)
    assert view == Outlook(low=0.0, likely=300.0, high=300.0)
    early = outlook(those, pace(dict.fromkeys("abcdefgh", 60.0), {"j": 600.0}), 2, 3600)
    assert early is not None and early.low <= 60 and early.high == 3000, "and i does not wait for it"


def test_one_that_is_slower_than_most_may_be_as_slow_as_the_slowest() -> None:
    those = turns(**dict.fromkeys("abcdefg"))
    known = dict(zip("abcdef", (50.0, 55.0, 60.0, 60.0, 70.0, 300.0), strict=True))
    view = outlook(those, pace(known, {"g": 100.0}), 1, 900)
    assert view is not None and view.low == 0 and view.high == pytest.approx(200)


def test_all_is_done() -> None:
    assert outlook(turns(a=None), pace({"a": 5.0}), 2, 900) == Outlook(low=0.0, likely=0.0, high=0.0)


@given(
    some.lists(some.one_of(some.none(), some.floats(0, 2000)), max_size=30),
    some.data(),
    some.integers(1, 8),
)
def test_an_estimate_is_a_range_and_never_negative(
    seconds: list[float | None], data: some.DataObject, lanes: int
) -> None:
    those = [Turn(student=str(place), seconds=value) for place, value in enumerate(seconds)]
    done = data.draw(some.integers(0, len(those)))
    took = data.draw(some.lists(some.floats(0, 3000), min_size=done, max_size=done))
    begun = those[done : done + lanes]
    view = outlook(
        those,
        pace({turn.student: one for turn, one in zip(those, took, strict=False)}, {t.student: 50.0 for t in begun}),
        lanes,
        900,
    )
    if view is not None:
        assert 0 <= view.low <= view.likely <= view.high


def test_words_are_as_precise_as_the_estimate() -> None:
    assert told(Outlook(low=20, likely=40, high=65)) == "20 to 65 s left"
    assert told(Outlook(low=245, likely=300, high=530)) == "4 to 9 min left"
    assert told(Outlook(low=6000, likely=9000, high=14000)) == "1 to 4 h left"
    assert told(Outlook(low=0, likely=0, high=0)) == "1 s left"
