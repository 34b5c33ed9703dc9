"""Strengths, weaknesses and advice, by words and by where they stand."""

from __future__ import annotations

import pytest

from autograder.checks.appraisal import ADVICE, STRENGTHS, WEAKNESSES, Theme, places
from autograder.checks.mentions import own_prose
from autograder.records import Cell
from tests.cells import code, evidence, markdown


def found(theme: Theme, *cells: Cell) -> list[int]:
    record = evidence(*cells)
    return places(record, own_prose(record), theme)


@pytest.mark.parametrize(
    ("theme", "text"),
    [
        (STRENGTHS, "Il est léger et se contente de trois époques."),
        (STRENGTHS, "It is a fast network that reads most of the digits."),
        (WEAKNESSES, "Il peine encore sur les chiffres à deux boucles."),
        (WEAKNESSES, "Eights remain hard for the network that we built."),
        (ADVICE, "L'entreprise peut le mettre en place dès la semaine prochaine."),
        (ADVICE, "I would take the deep model and train it longer."),
        (STRENGTHS, "On passe de 93,2 % à 95,1 % avec deux convolutions par bloc."),
        (STRENGTHS, "Le réseau retenu divise les erreurs par deux."),
        (STRENGTHS, "It halves the error and fits in 200 kB."),
        (STRENGTHS, "Shifts help most when digits are moved by two pixels."),
        (STRENGTHS, "La largeur est ce qui apporte le plus, un point environ."),
        (WEAKNESSES, "Reste le 8, lu une fois sur sept de travers."),
        (WEAKNESSES, "Il ne voit pas bien les chiffres tracés en biais."),
        (WEAKNESSES, "Il tient au bruit mais pas à la rotation."),
        (WEAKNESSES, "Under attack the network collapses to 12 %."),
        (ADVICE, "Prenez ce réseau, et demandez aux gens d'écrire plus gros."),
        (ADVICE, "Le réseau est en place, à condition de faire relire les cas douteux."),
        (ADVICE, "Ship it, and have a clerk read what it is unsure of."),
    ],
)
def test_everyday_words_count_where_results_are_discussed(theme: Theme, text: str) -> None:
    """Behind all code, and not before it."""
    assert found(theme, code("model.fit(x, y)"), markdown(text)) == [1]
    assert found(theme, markdown(text), code("model.fit(x, y)")) == []


def test_below_its_own_heading_any_sentence_counts() -> None:
    text = "Un seul chiffre sur vingt part dans la mauvaise colonne du tri."
    assert found(ADVICE, markdown(f"### Recommandations\n{text}"), code("x = 1")) == [0]
    assert found(ADVICE, markdown(f"### Autre chose\n{text}"), code("x = 1")) == []


def test_the_conclusion_comes_before_a_justification() -> None:
    early = markdown("Le dropout réduit le surapprentissage que montrait la première courbe.")
    late = markdown("Sa principale limite reste la lecture des chiffres très penchés.")
    assert found(WEAKNESSES, early, code("model.fit(x, y)"), late) == [2, 0]


def test_a_few_words_are_no_sentence() -> None:
    assert found(STRENGTHS, markdown("Le meilleur modèle.")) == []


@pytest.mark.parametrize(
    ("theme", "text", "told"),
    [
        (STRENGTHS, "Their strength is speed; they have more settings.", True),
        (WEAKNESSES, "Sa faiblesse est le bruit.", True),
        (WEAKNESSES, "Weakness: no augmentation tried.", True),
        (STRENGTHS, "**Strengths and weaknesses of both**", False),
        (STRENGTHS, "It is better.", False),
        (ADVICE, "I would recommend the CNN; speed matters little.", True),
        (ADVICE, "Nous recommandons le CNN.", True),
        (ADVICE, "**Recommendations for the company**", False),
    ],
)
def test_a_short_sentence_that_names_what_it_tells(theme: Theme, text: str, told: bool) -> None:
    assert bool(found(theme, code("1"), markdown(text))) is told
