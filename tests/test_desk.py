"""What a run keeps of its results."""

from __future__ import annotations

import json

from autograder.cli import desk


def test_records_wait_in_a_file_and_come_back_in_order() -> None:
    with desk.records(True) as kept:
        assert kept is not None
        for student in ("bob", "ada", "cut"):
            kept.put(student, {"student": student, "name": "é" * 1000})
        assert [json.loads(text)["student"] for text in kept.texts()] == ["ada", "bob", "cut"]
    with desk.records(False) as none:
        assert none is None
