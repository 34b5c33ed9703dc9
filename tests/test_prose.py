"""Whose words they are, and what counts as prose."""

from __future__ import annotations

import pytest

from autograder.notebook.prose import Origin, paragraphs, readable
from autograder.notebook.shown import lines
from autograder.notebook.text import fold, plain, sentences
from autograder.records import Cell
from tests.cells import code, markdown, notebook


def told(*cells: Cell, template: tuple[str, ...] = ()) -> list[str]:
    return [paragraph.text for paragraph in paragraphs(notebook(*cells), template)]


def test_folding() -> None:
    assert fold("L’ÉPOQUE  Œuvre\u00a0ﬁn") == "l'epoque oeuvre fin"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Un gain net. La fin !", ["Un gain net.", "La fin !"]),
        ("Il vaut 97.82 et plus. Fin", ["Il vaut 97.82 et plus.", "Fin"]),
        ("On passe à 98. Ensuite rien.", ["On passe à 98.", "Ensuite rien."]),
        ("une ligne\nautre", ["une ligne", "autre"]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_marks_of_markdown_are_gone() -> None:
    assert (
        plain("- **Gain** : voir [le tableau](http://x.example/a) <b>ici</b> ![figure](a.png)")
        == "Gain  : voir le tableau  ici"
    )


def test_lines_keep_their_numbers() -> None:
    assert lines("a\n```py\n# b\n```\n<!-- c\nd -->e\n~~~\nf") == ["a", "", "", "", "", "e", "", ""]


def test_paragraphs_know_where_they_stand() -> None:
    source = (
        "# Titre\n\nPremier texte\nsur deux lignes\n\n- un point\n\n| a | b |\n|---|---|\n\n```python\nx = 1\n```\nfin"
    )
    found = paragraphs(notebook(code("x = 1"), markdown(source)))
    assert [(item.cell, item.line, item.text) for item in found] == [
        (1, 2, "Premier texte\nsur deux lignes"),
        (1, 5, "un point"),
        (1, 13, "fin"),
    ]


def test_a_list_one_by_one() -> None:
    source = "Trois idées :\n- une\n  suite\n  - dedans\n- deux\n\nseul\n\n- un point\n"
    cells = notebook(markdown(source))
    assert [(item.line, item.text, item.listed) for item in paragraphs(cells, by_item=True)] == [
        (0, "Trois idées :", True),
        (1, "une\nsuite\ndedans", True),
        (4, "deux", True),
        (6, "seul", False),
        (8, "un point", False),
    ]
    assert [item.line for item in paragraphs(cells)] == [0, 6, 8]
    html = "<ul>\n<li>une <b>idée</b></li>\n<li>et deux</li>\n</ul>"
    assert [item.line for item in paragraphs(notebook(markdown(html)), by_item=True)] == [1, 2]


def test_a_column_may_ask_for_reasons() -> None:
    told = "| Dropout | la couche dense mémorise toutes les images |\n| Et encore un autre essai | x |"
    rows = f"| {{}} | {{}} |\n|---|---|\n{told}"
    for head, explains in (("Pourquoi ?", [True, False]), ("Effet", [False, False])):
        found = paragraphs(notebook(markdown(rows.format("Modif", head))))
        assert [item.explains for item in found] == explains


def test_rows_of_a_table_that_speak_are_prose_and_rows_of_figures_are_not() -> None:
    why = "| Dropout | pour limiter le surapprentissage de la couche dense |"
    table = f"| Modif | Pourquoi |\n|---|---|\n{why}\n| Batch norm | 0,98 |"
    found = paragraphs(notebook(markdown(table)))
    assert [(item.line, item.text, item.origin) for item in found] == [
        (2, "Dropout ; pour limiter le surapprentissage de la couche dense", Origin.TABLE)
    ]
    assert paragraphs(notebook(markdown(table)), [table]) == ()


@pytest.mark.parametrize(
    "source",
    [
        "À compléter",
        "*TODO : conclure*",
        "[Votre texte ici]",
        "Your answer here.",
        "Décrivez ici vos résultats",
        "Lorem ipsum dolor sit amet",
        "...",
        "---",
        "$$x = 1$$" * 0,
    ],
)
def test_placeholders_are_no_words(source: str) -> None:
    assert told(markdown(source)) == []


TEMPLATE = ("### Conclusion\n*Résumez vos résultats en quelques phrases, avec des chiffres.*\n\n**Choix retenu :**",)


def test_the_templates_lines_are_left_out_also_when_touched_up() -> None:
    touched = "Resumez vos résultats en quelques phrases avec des chiffres"
    assert told(markdown(TEMPLATE[0]), markdown(touched), template=TEMPLATE) == []


def test_an_answer_beside_an_instruction_is_kept() -> None:
    assert told(markdown("**Choix retenu :** le modèle 3"), template=TEMPLATE) == ["le modèle 3"]


def test_a_text_pasted_again_is_said_once() -> None:
    text = "Ce modèle réduit le surapprentissage grâce au dropout."
    assert told(markdown(text), markdown(text), markdown("Autre.")) == [text, "Autre."]


def test_sentences_in_comments_and_prints_are_prose() -> None:
    source = (
        "# on ajoute ici du dropout parce que le modèle de référence surapprend\n"
        "# model.fit(x_train, y_train)\n"
        "x = 1  # court\n"
        "print('Le meilleur modèle est celui qui augmente les données, sans aucun doute')\n"
        "print('fini')\n"
        '"""Une longue chaîne seule explique aussi ce que fait la cellule du dessous."""'
    )
    found = paragraphs(notebook(code(source)))
    assert [(item.origin, item.line) for item in found] == [
        (Origin.COMMENT, 0),
        (Origin.PRINTED, 3),
        (Origin.PRINTED, 5),
    ]


def test_french_and_english_are_readable_and_others_are_not() -> None:
    def of(text: str) -> bool:
        return readable(paragraphs(notebook(markdown(text))))

    assert of("Le modèle est entraîné sur les données avec une couche de plus et il gagne un point. " * 1)
    spanish = "El modelo aprende muy bien cuando hay muchas imágenes nuevas pero falla siempre con ruido fuerte. "
    assert not of(" ".join(spanish.replace("modelo", f"modelo{n}") for n in "abcdef"))
    assert of("Hola amigo")


def test_many_lines_are_read_quickly_enough_to_finish() -> None:
    long = "\n".join(f"ligne numéro {n} " + "mot " * (n % 9) for n in range(3000))
    template = tuple(f"consigne {n} du sujet à lire avec beaucoup d'attention" for n in range(200))
    assert len(paragraphs(notebook(markdown(long)), template)) == 1
