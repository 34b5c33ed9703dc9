"""Figures are drawn once for the same evidence, and the sheet cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_report, a_rubric, a_training

from autograder.feedback import drawings
from autograder.feedback.drawings import DRAWN_TRAININGS, draw
from autograder.feedback.sheet import sheet
from autograder.records import Evidence
from autograder.store import Store


@pytest.fixture
def evidence() -> Evidence:
    evidence = a_report().evidence
    assert evidence is not None
    return evidence


def test_what_was_drawn_comes_back_as_it_was(store: Store, evidence: Evidence) -> None:
    drawn, again = (drawings.drawings(evidence, "fr", store) for _ in range(2))
    assert drawn.gain is not None and drawn.robustness and drawn.trainings
    assert drawn == again == draw(evidence, "fr")
    report = a_report()
    assert sheet(report, a_rubric(), "fr", again) == sheet(report, a_rubric(), "fr")


def test_what_a_figure_depends_on_draws_anew(store: Store, evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def counted(evidence: Evidence, language: str) -> drawings.Drawings:
        drawn.append(language)
        return drawings.Drawings()

    monkeypatch.setattr(drawings, "draw", counted)
    for shown, language in (
        (evidence, "fr"),
        (evidence, "fr"),
        (evidence, "en"),
        (replace(evidence, final=None), "fr"),
    ):
        drawings.drawings(shown, language, store)
    monkeypatch.setattr(drawings, "version", lambda _: "99")
    drawings.drawings(evidence, "fr", store)
    monkeypatch.setattr(drawings, "data_digest", lambda *_: "other words")
    drawings.drawings(evidence, "fr", store)
    assert drawn == ["fr", "en", "fr", "fr", "fr"]


def test_too_many_trainings_are_counted(evidence: Evidence) -> None:
    trainings = tuple(a_training(number) for number in range(1, DRAWN_TRAININGS + 4))
    drawn = draw(replace(evidence, ledger=replace(evidence.ledger, trainings=trainings)), "en")
    assert (len(drawn.trainings), drawn.left_out) == (DRAWN_TRAININGS, 3)


def test_nothing_to_draw(evidence: Evidence) -> None:
    bare = replace(evidence, final=None, ledger=replace(evidence.ledger, trainings=()))
    assert draw(bare, "en") == drawings.Drawings()
