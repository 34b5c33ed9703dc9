"""Every sentence has its French, and numbers look as each language writes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

from autograder import messages
from autograder.feedback.page import TEMPLATES
from autograder.messages import KINDS, PLACEHOLDER, WORD, catalogue, render, visible
from autograder.records import say

PACKAGE = Path(messages.__file__).resolve().parent


class Said(NamedTuple):
    template: str
    values: frozenset[str] | None
    """Names given with it; None where they cannot be read from the source."""
    place: str


def _names(template: str) -> set[str]:
    return {match["name"] for match in PLACEHOLDER.finditer(template)}


def _in_python() -> Iterator[Said]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                first = node.args[0] if node.args else None
                assert isinstance(first, ast.Constant), f"{place}: say() wants a literal"
                keys = [keyword.arg for keyword in node.keywords]
                given = None if None in keys else frozenset(key for key in keys if key)
                yield Said(str(first.value), given, place)


def _in_templates() -> Iterator[Said]:
    environment = Environment()
    for path in sorted(TEMPLATES.glob("*.html")):
        for call in environment.parse(path.read_text("utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_":
                assert isinstance(call.args[0], nodes.Const), f"{path.name}:{call.lineno}: _() wants a literal"
                given = frozenset(keyword.key for keyword in call.kwargs)
                yield Said(call.args[0].value, given, f"{path.name}:{call.lineno}")


SAID = [*_in_python(), *_in_templates()]


def test_there_is_something_to_translate() -> None:
    assert len(SAID) > 100


def test_every_sentence_has_its_french() -> None:
    french = catalogue("fr")
    lacking = sorted({f"{said.place}: {said.template}" for said in SAID if said.template not in french})
    assert not lacking, "without French:\n" + "\n".join(lacking)


def test_no_translation_is_left_over() -> None:
    used = {said.template for said in SAID}
    assert sorted(set(catalogue("fr")) - used) == []


def _faults(said: Said) -> Iterator[str]:
    if said.values is not None and _names(said.template) != set(said.values):
        yield f"{said.place}: values {sorted(said.values)} for {said.template}"
    for match in PLACEHOLDER.finditer(said.template):
        kind = match["kind"] or ""
        if kind not in (*KINDS, WORD) and not (kind.startswith("plural,") and kind.count(",") == 2):
            yield f"{said.place}: no such kind: {match[0]}"
    if set("{}") & set(PLACEHOLDER.sub("", said.template)):
        yield f"{said.place}: a stray brace: {said.template}"


def test_values_match_the_placeholders() -> None:
    assert [fault for said in SAID for fault in _faults(said)] == []


def _slips(english: str, french: str) -> Iterator[str]:
    """French typography: a no-break space before ; ? ! % : and inside « », a typographic apostrophe."""
    bare = PLACEHOLDER.sub("0", french)
    if _names(french) != _names(english) or set("{}") & set(bare):
        yield f"placeholders: {french}"
    if set("'\"“”") & set(bare):
        yield f"quotation marks: {french}"
    for before, mark in pairwise(bare):
        if (mark in ";?!»:%" and before not in "\u00a0\u202f(") or (before == "«" and mark not in "\u00a0\u202f"):
            yield f"spacing at {before}{mark}: {french}"


def test_french_keeps_placeholders_and_typography() -> None:
    assert [slip for english, french in catalogue("fr").items() for slip in _slips(english, french)] == []


def test_numbers_follow_the_language() -> None:
    message = say(
        "{a:pct} {b:pct2} {c:num1} {c:num2} {c:num4} {d:int} {e:sec} {f:sec} {c}",
        a=0.123,
        b=0.99871,
        c=1.5,
        d=12345,
        e=3.2,
        f=185,
    )
    assert render(message, "en") == "12.3% 99.87% 1.5 1.50 1.5000 12,345 3.2\u00a0s 3\u00a0min\u00a005\u00a0s 1.5"
    assert render(message, "fr") == (
        "12,3\u202f% 99,87\u202f% 1,5 1,50 1,5000 12\u202f345 3,2\u202fs 3\u00a0min\u00a005\u202fs 1,5"
    )


def test_a_negative_number_has_a_minus_sign_and_nought_has_none() -> None:
    message = say("{a:num1} {a:pct} {a:num2} {a} {b:num1}", a=-0.07, b=-0.04)
    assert render(message, "en") == "\u22120.1 \u22127.0% \u22120.07 \u22120.07 0.0"
    assert render(message, "fr") == "\u22120,1 \u22127,0\u202f% \u22120,07 \u22120,07 0,0"


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (0, "cells", "cell"),
        (1, "cell", "cell"),
        (1.5, "cells", "cell"),
        (2, "cells", "cells"),
        (2_000_000, "cells", "cells"),
    ],
)
def test_plural_of_each_language(number: float, english: str, french: str) -> None:
    message = say("{n:plural,cell,cells}", n=number)
    assert render(message, "en") == english
    assert render(message, "fr") == french


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_value_that_is_not_there_is_a_dash(value: float | None) -> None:
    assert render(say("{x:pct}", x=value), "fr") == "–"


def test_names_of_ours_are_put_into_words() -> None:
    message = say("{names:word}", names="gaussian_noise, blur, <own>")
    assert render(message, "en") == "gaussian noise, blur, <own>"
    assert render(message, "fr") == "bruit gaussien, flou, <own>"


def test_a_missing_value_is_a_fault() -> None:
    with pytest.raises(KeyError):
        render(say("{x:pct}"), "en")


def test_an_unknown_language_falls_back_to_english() -> None:
    assert render(say("met"), "de") == "met"
    assert render(say("met"), "fr") != "met"


def test_values_are_never_templates() -> None:
    assert render(say("{a} {b}", a="{b}", b="{a.__class__}"), "en") == "{b} {a.__class__}"


def test_tricks_of_direction_and_terminals_are_seen() -> None:
    assert visible("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x00") == "red x[U+0000]"
    assert visible("a\u202etxt.exe\u200b\ufeff") == "a[U+202E]txt.exe[U+200B][U+FEFF]"
    assert visible("Élève ⟶ مريم 李\t\n👩\u200d💻 ❤\ufe0f\u200d🔥") == "Élève ⟶ مريم 李\t\n👩\u200d💻 ❤\ufe0f\u200d🔥"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice\U000e0101", "alice[U+E0101]"),
        ("al\ufe0fice", "al[U+FE0F]ice"),
        ("a\ufe00\u180b\u034f\u3164", "a[U+FE00][U+180B][U+034F][U+3164]"),
        ("1\ufe0f", "1[U+FE0F]"),
        ("e\u0301\u200d", "e\u0301[U+200D]"),
        ("a\ufe0f\u200d", "a[U+FE0F][U+200D]"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f[U+FE0F]"),
        ("\U000e0041", "[U+E0041]"),
        ("\ufe0f", "[U+FE0F]"),
        ("=\ufe00", "=[U+FE00]"),
        ("+\ufe0f", "+[U+FE0F]"),
        ("^\u200d", "^[U+200D]"),
        ("😀\u200d", "😀[U+200D]"),
        ("😀\u200da", "😀[U+200D]a"),
        ("a\ufffc\U0001d159\U00013430\u070f", "a[U+FFFC][U+1D159][U+13430][U+070F]"),
    ],
)
def test_selectors_of_forms_are_seen_where_there_is_no_form(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "❤\ufe0f",
            "1\ufe0f\u20e3",
            "‼\ufe0f",
            "葛\U000e0100城",
            "☀\ufe0e",
            "🏳\ufe0f\u200d🌈",
            "ക\u0d4d\u200d",
            "ᠠ\u180b",
        ),
        *("👩🏽\u200d⚕\ufe0f", "🙂\u200d↔\ufe0f", "©\ufe0f", "∩\ufe00", "\ufffd"),
    ],
)
def test_what_belongs_to_emoji_and_scripts_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" + "\u0301" * 80 + "b", "a" + "\u0301" * 3 + "[77 × U+0301]b"),
        ("a" + "\u0301\u0316" * 4, "a" + "\u0301\u0316" * 2 + "\u0301[3 × U+0301–U+0316]"),
        ("\u20dd" * 5 + "\u0301\u20dd", "\u20dd" * 5 + "[2 × U+0301–U+20DD]"),
        ("\u0e01" + "\u0e47" * 9, "\u0e01" + "\u0e47" * 5 + "[4 × U+0E47]"),
    ],
)
def test_accents_that_would_cover_other_lines_are_counted(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    ["e\u0323\u0302", "α\u0304\u0313\u0301\u0345", "ש\u05c1\u05b8\u05bc\u0596\u05bd", "บ\u0e34\u0e48", "مّ\u064e", "ཧཱུྃ"],
)
def test_accents_of_languages_stay(text: str) -> None:
    assert visible(text) == text


SECTION = say("“{title}”, {words:int} words of your own.", words=3)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Essai”, 400 words of your own. “", "Essai', 400 words of your own. '"),
        ('« L’été » "x" ‘y’', "' L’été ' 'x' ‘y’"),
        ("a’’ b'' ‹‹c", "a' b' 'c"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_a_quotation_ends_where_ours_ends(title: str, shown: str) -> None:
    message = replace(SECTION, values={**SECTION.values, "title": title})
    assert render(message, "en") == f"“{shown}”, 3 words of your own."
    assert render(message, "fr") == f"«\u202f{shown}\u202f», 3 mots de votre main."
    assert render(say("{title}: seen", title=title), "en") == f"{title}: seen", (
        "where no marks stand, none can be ended"
    )


@given(st.text())
def test_visible_text_can_be_written_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert shown.encode().decode() == visible(shown)
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)
