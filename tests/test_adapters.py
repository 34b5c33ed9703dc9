"""What reads and writes records."""

from __future__ import annotations

from autograder.adapters import adapter
from autograder.records import Interval, Submission


def test_each_type_has_one() -> None:
    assert adapter(Interval) is adapter(Interval)
    assert adapter(Interval) is not adapter(Submission)


def test_it_reads_what_it_wrote() -> None:
    interval = Interval(low=0.25, high=0.5)
    assert adapter(Interval).validate_json(adapter(Interval).dump_json(interval)) == interval
