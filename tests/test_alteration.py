"""Words about altered images."""

from __future__ import annotations

import pytest

from autograder.checks.alteration import discussed, names_alteration, speaks_of_alteration
from autograder.notebook.prose import Paragraph


def said(text: str, *, below: bool = False) -> bool:
    return speaks_of_alteration(Paragraph(0, 0, text), below=below)


@pytest.mark.parametrize(
    "text",
    [
        "Les chiffres inclinés sont mal lus.",
        "FGSM fools the network.",
        "Salt and pepper ruins it.",
        "Contrast hardly matters.",
        "Les images assombries sont bien lues.",
        "Quand on cache un coin de l’image, douze points sont perdus.",
        "Avec du grain le réseau tient.",
    ],
)
def test_sentences_about_alterations(text: str) -> None:
    assert said(text)


@pytest.mark.parametrize("text", ["In contrast to the first model, it is small.", "La taille du lot est de 32."])
def test_sentences_about_something_else(text: str) -> None:
    assert not said(text)


def test_below_the_heading_any_words_are_about_the_test() -> None:
    assert said("Half-size digits are not read at all.", below=True)
    assert not said("Je n'ai pas eu le temps. Ce serait utile.", below=True)


def test_how_much_was_altered_is_a_figure() -> None:
    long = "La lecture reste bonne jusqu'à {}, ensuite elle devient mauvaise et presque inutilisable ici."
    for amount, share in (
        ("15°", 1.0),
        ("4 pixels", 1.0),
        ("dix pour cent", 1.0),
        ("un tiers", 1.0),
        ("un certain point", 0.5),
    ):
        assert discussed([Paragraph(0, 0, long.format(amount))], 10) == share
    assert discussed([], 10) == 0.0
    assert discussed([Paragraph(0, 0, "À 15° oui.")], 10) == 0.25


def test_names_in_code() -> None:
    assert names_alteration("x_noisy") and names_alteration("fgsm") and names_alteration("assombrir")
    assert not names_alteration("rotation_range") and not names_alteration("mask")
    assert names_alteration("permutation") and not names_alteration("permutation", sure=True)
