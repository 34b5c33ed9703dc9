"""Figures are drawn once for the same evidence, and the sheet cannot tell."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import a_report, a_rubric, a_training
from markupsafe import Markup

from autograder.feedback import drawings, plots
from autograder.feedback.drawings import DRAWN_TRAININGS, draw
from autograder.feedback.sheet import sheet
from autograder.records import Evidence, Ledger, Training
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
    monkeypatch.setattr(drawings, "_drawn_by", lambda: "99")
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


# --- figures that cannot be drawn ------------------------------------------------------------------------------------

WILD = (1e308, -1e308, float("inf"), float("nan"), None, 10**400, 1e7, 5e-324, 0.5, 0.6)


def _with_history(evidence: Evidence, *values: float | None) -> Evidence:
    names = ("accuracy", "val_accuracy", "loss", "val_loss")
    wild = a_training(2, history=dict.fromkeys(names, values), epochs_run=10**400)
    return replace(evidence, final=None, ledger=replace(evidence.ledger, trainings=(wild, a_training(1))))


@pytest.mark.parametrize("language", ["fr", "en"])
def test_figures_too_large_to_draw_are_left_out_and_counted(evidence: Evidence, language: str) -> None:
    drawn = draw(_with_history(evidence, *WILD), language)
    wild, honest = drawn.trainings
    assert drawn.failed == 0
    assert "28" in wild.note, "seven of ten, in each of four curves"
    assert wild.note in wild.svg, "whoever has the page read aloud hears it too"
    assert honest.note == ""
    assert not re.search(r"e\+|nan|inf", wild.svg.partition("</desc>")[2])
    report = a_report(evidence=_with_history(evidence, *WILD))
    page = sheet(report, a_rubric(), language)
    assert page.count(wild.note) == 2


@pytest.mark.parametrize("values", [(1e308,), (-1e6, 1e6), (5e-324, 1e-323), (0.0,) * 5, ()])
def test_extreme_curves_are_drawn_all_the_same(evidence: Evidence, values: tuple[float, ...]) -> None:
    drawn = draw(_with_history(evidence, *values), "en")
    assert (len(drawn.trainings), drawn.failed) == (2, 0)


def test_a_curve_of_a_million_epochs_is_thinned(evidence: Evidence) -> None:
    curve, _ = draw(_with_history(evidence, *(place % 7 for place in range(100_000))), "en").trainings
    assert len(curve.svg) < 400_000


def test_a_gain_beyond_all_bounds_is_not_drawn(evidence: Evidence) -> None:
    assert evidence.final is not None and evidence.final.gain is not None
    for value in (-1e308, float("nan")):
        gain = replace(evidence.final.gain, relative_error_reduction=value)
        final = replace(evidence.final, gain=gain, robustness=None)
        assert draw(replace(evidence, final=final, ledger=Ledger()), "en") == drawings.Drawings()


def test_a_plot_that_fails_costs_itself(store: Store, evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(entry: Training, title: str, language: str) -> drawings.Plot:
        if entry.number == 2:
            raise OverflowError("cannot convert float infinity to integer")
        return drawings.Plot(svg=Markup("<svg></svg>"), caption=title)

    monkeypatch.setattr(plots, "training", fails)
    monkeypatch.setattr(plots, "robustness", lambda *_: 1 / 0)
    shown = replace(_with_history(evidence, 0.5), final=evidence.final)
    drawn = drawings.drawings(shown, "en", store)
    assert drawn == drawings.drawings(shown, "en", store)
    assert (len(drawn.trainings), drawn.robustness, drawn.failed) == (1, (), 2)
    assert drawn.gain is not None
    page = sheet(a_report(evidence=shown), a_rubric(), "en", drawn)
    assert "2 plots could not be drawn from the figures of this notebook." in page
