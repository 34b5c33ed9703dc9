"""Headings as students write them, the seven sections they open, and whose words stand below."""

from __future__ import annotations

import time

import pytest

from autograder.extraction.sections import find_sections, guess_language
from autograder.notebook.headings import bare, headings, kinds
from tests.cells import code, markdown, notebook

COURSE = {
    "1. **Introduction**": "introduction",
    "Modèle de référence": "baseline",
    "Améliorations proposées": "improvements",
    "Résultats comparatifs": "comparison",
    "Analyse des erreurs": "errors",
    "Test de robustesse": "robustness",
    "Conclusion": "conclusion",
}


@pytest.mark.parametrize(("title", "kind"), COURSE.items())
def test_the_course_names_its_sections_so(title: str, kind: str) -> None:
    assert kinds(title) == (kind,)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("✅ Conclusion :", "conclusion"),
        ("CONCLUSION GÉNÉRALE", "conclusion"),
        ("10.4 - Sauvegarde des modèles et conclusion", "conclusion"),
        ("VII. Recommandations pour l’entreprise", "conclusion"),
        ("7.3 Concluding Points & Way Forward", "conclusion"),
        ("Perspectives d'amélioration", "conclusion"),
        ("A/ Contexte et objectifs", "introduction"),
        ("Objective:", "introduction"),
        ("5-) Modèle CNN simple (baseline)", "baseline"),
        ("4. Construction du 1er réseau", "baseline"),
        ("First model with 500 K parameters (~10% error rate)", "baseline"),
        ("Étape 2 : Implémentation du modele de reference", "baseline"),
        ("Étape 3 : Analyse et modifications", "improvements"),
        ("Modèle amélioré 1", "improvements"),
        ("Modèle 2 : … paramètres modifiés", "improvements"),
        ("7. Experiment 1: Increase Architecture Capacity", "improvements"),
        ("Model 8: CNN + Dropout", "improvements"),
        ("Étape 4 : Évaluation comparative", "comparison"),
        ("10. Experiment Comparison and Final Model", "comparison"),
        ("📊 Resultats compares", "comparison"),
        ("Comparaison avec le modèle de référence", "comparison"),
        ("Synthèse des résultats", "comparison"),
        ("1. Results Overview:", "comparison"),
        ("3. Analyse des matrices de confusion", "errors"),
        ("13. Analyze Five Incorrect Predictions", "errors"),
        ("Étape 6 : Généralisations et robustesse", "robustness"),
        ("Robustness to noise", "robustness"),
        ("Données altérées", "robustness"),
        ("1) Attaque FGSM classique", "robustness"),
        ("Robustese du modèle", "robustness"),
        ("Conlusion", "conclusion"),
        ("I. Pour décider", "conclusion"),
        ("D. Pistes explorées", "improvements"),
        ("💡 Mes idées d'amélioration", "improvements"),
        ("What I changed", "improvements"),
        ("Configurations testées", "improvements"),
        ("Learning rates", "improvements"),
        ("F. Tableau de bord", "comparison"),
        ("# Tableau", "comparison"),
        ("Où le modèle se trompe-t-il ? 🤔", "errors"),
        ("G. Ce qui échoue encore", "errors"),
        ("Et si les images sont abîmées ?", "robustness"),
        ("Improvement A: noise while training", "improvements"),
        ("Modification 3 : rotation et bruit", "improvements"),
        ("Le sujet", "introduction"),
        ("📋 Cahier des charges", "introduction"),
        ("Le CNN de l’entreprise", "baseline"),
        ("Le réseau de départ", "baseline"),
        ("## Modèle du prof", "baseline"),
        ("The company’s network", "baseline"),
        ("Modif 2", "improvements"),
        ("Ce que j’ai changé", "improvements"),
        ("Étude d’ablation", "improvements"),
        ("Bilan chiffré", "comparison"),
        ("Where it still fails", "errors"),
        ("What it still gets wrong", "errors"),
        ("Les images ratées", "errors"),
        ("Les chiffres mal lus", "errors"),
        ("Et sur des images moins propres ?", "robustness"),
        ("Tests de résistance", "robustness"),
        ("Take-home", "conclusion"),
        ("Le mot de la fin", "conclusion"),
        ("Ce que je retiens", "conclusion"),
        ("Ce qu’il faut en retenir", "conclusion"),
        ("Closing remarks", "conclusion"),
        ("Forces et faiblesses", "conclusion"),
    ],
)
def test_titles_met_in_real_notebooks(title: str, kind: str) -> None:
    assert kinds(title)[:1] == (kind,)


@pytest.mark.parametrize(
    "title",
    [
        "Préparation de l'environnement",
        "Imports",
        "Chargement des données",
        "Alternative",
        "Annexe",
        "Le taux",
        "Model",
        "",
    ],
)
def test_other_titles_open_no_expected_section(title: str) -> None:
    assert kinds(title) == ()


def test_one_title_may_open_two_sections() -> None:
    assert kinds("Résultats comparatifs et analyse des erreurs") == ("comparison", "errors")
    assert kinds("Erreurs & robustesse") == ("errors", "robustness")


@pytest.mark.parametrize(
    ("title", "rest"),
    [("Étape 3 : Suivi", "suivi"), ("🎯 2.1.3) Suivi :", "suivi"), ("IV – Suivi", "suivi"), ("B/ Suivi", "suivi")],
)
def test_numbering_and_emoji_are_set_aside(title: str, rest: str) -> None:
    assert bare(title) == rest


@pytest.mark.parametrize(
    ("source", "level"),
    [
        ("# Conclusion", 1),
        ("###Conclusion", 3),
        ("texte\n\n## ✅ Conclusion", 2),
        ("Conclusion\n==========", 1),
        ("Conclusion\n---", 2),
        ("**Conclusion**", 6),
        ("__Conclusion__ :", 6),
        ("***Conclusion***   :  ", 6),
        ("**Conclusion:**", 6),
        ("<b>Conclusion</b>", 6),
        ("<h2 style='color:red'>Conclusion</h2>", 2),
        ("<center><h1>Conclusion</h1></center>", 1),
        ("7. Conclusion", 6),
        ("Conclusion :", 6),
        ("Étape 7 : Conclusion", 6),
        ("<font size=5>**Conclusion**</font>", 6),
    ],
)
def test_forms_of_headings(source: str, level: int) -> None:
    (heading,) = headings(notebook(markdown(source)))
    assert (heading.title.strip(" :").removeprefix("✅ ").endswith("Conclusion"), heading.level) == (True, level)


@pytest.mark.parametrize("line", ["**a**" + " " * 985 + "b", "*******a**" + " " * 980 + "b", "**" + "a: " * 300 + "b"])
def test_blanks_in_a_bold_line_take_no_longer_than_their_number(line: str) -> None:
    source = f"{line}\n\n" * 99
    begun = time.process_time()
    assert headings(notebook(markdown(source), markdown(f"{source}\n# Conclusion")))[-1].title == "Conclusion"
    assert time.process_time() - begun < 1, "a quadratic one takes ten seconds"


@pytest.mark.parametrize(
    "source",
    [
        "```python\n# Conclusion\n```",
        "<!--\n# Conclusion\n-->",
        "| Conclusion |\n|---|\n| oui |",
        "En conclusion, le modèle est **bon**.",
        "1. Conclusion\n2. Introduction",
        "#",
        "- **Conclusion** : le modèle est bon",
    ],
)
def test_what_looks_like_a_heading_and_is_none(source: str) -> None:
    assert headings(notebook(markdown(source))) == ()


@pytest.mark.parametrize(
    "source",
    [
        "# === Conclusion ===\nx = 1",
        "#################\n# CONCLUSION\n#################",
        "## Conclusion",
        "# 7. Conclusion",
        "print('=' * 60)\nprint('CONCLUSION')\nprint('=' * 60)",
        'print("\\n===== Conclusion =====")',
    ],
)
def test_banners_in_code_open_sections(source: str) -> None:
    (heading,) = headings(notebook(code(source)))
    assert heading.banner and kinds(heading.title) == ("conclusion",)


def test_comments_in_code_are_no_banners() -> None:
    assert headings(notebook(code("# compare les modèles\n# Analyse des erreurs du modèle\nx = 1  # conclusion"))) == ()


def test_words_of_sub_headings_belong_to_the_section_above() -> None:
    cells = notebook(
        markdown("# Améliorations"),
        markdown("## Dropout\nun deux trois"),
        code("fit()"),
        markdown("## Filtres\nquatre cinq\n# Conclusion\nsix"),
    )
    found = find_sections(cells, ())
    by_title = {section.title: section for section in found}
    assert (by_title["Améliorations"].words, by_title["Améliorations"].cells) == (5, (0, 1, 2, 3))
    assert (by_title["Conclusion"].words, by_title["Conclusion"].cells) == (1, (3,))
    assert by_title["Filtres"].kind == ""


def test_vague_sub_headings_do_not_leave_their_section() -> None:
    cells = notebook(markdown("# Améliorations\n## Résultats\nun deux\n## Analyse\ntrois"))
    kinds_found = [section.kind for section in find_sections(cells, ())]
    assert kinds_found == ["improvements", "", ""]


def test_the_name_of_the_document_is_no_section() -> None:
    cells = notebook(markdown("# Mini-projet : amélioration d'un CNN"), markdown("## Contexte\nun"), markdown("## Fin"))
    assert [section.kind for section in find_sections(cells, ())] == ["", "introduction", ""]


def test_a_text_below_the_title_is_an_introduction() -> None:
    cells = notebook(markdown("# Projet\n" + "mot " * 30), markdown("## Baseline"), markdown("## Conclusion"))
    assert find_sections(cells, ())[0].kind == "introduction"


TEMPLATE = ("## Conclusion\n\n*Résumez vos résultats et donnez une recommandation.*", "Votre nom :")


def test_the_templates_text_is_not_the_students() -> None:
    hollow = find_sections(notebook(markdown(TEMPLATE[0])), TEMPLATE)
    assert [(section.kind, section.words) for section in hollow] == [("conclusion", 0)]
    filled = find_sections(notebook(markdown(TEMPLATE[0] + "\n\nLe modèle gagne deux points.")), TEMPLATE)
    assert filled[0].words == 5


def test_an_answer_behind_the_templates_words_counts() -> None:
    (section,) = find_sections(notebook(markdown(TEMPLATE[0] + "\n\nVotre nom : Ada Lovelace")), TEMPLATE)
    assert section.words == 2


def test_banners_yield_to_headings_of_the_text() -> None:
    cells = notebook(markdown("# Robustesse\nun deux"), code("# === Robustesse ===\nx = 1"), markdown("trois"))
    assert [(section.kind, section.words) for section in find_sections(cells, ())] == [("robustness", 3)]


def test_a_notebook_without_headings_has_no_sections() -> None:
    assert find_sections(notebook(markdown("du texte"), code("x = 1")), ()) == ()


def test_language() -> None:
    french = notebook(markdown("Nous avons entraîné le modèle avec une couche de plus pour réduire les erreurs."))
    english = notebook(markdown("We trained the model with one more layer to reduce the errors, and it was better."))
    assert (guess_language(french), guess_language(english), guess_language(())) == ("fr", "en", "fr")


def test_language_of_a_notebook_that_speaks_in_its_code() -> None:
    cells = notebook(code("# we now train the second model with more filters than the first one\nx = 1"))
    assert guess_language(cells) == "en"
