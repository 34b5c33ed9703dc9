"""Sentences for people: templates in English, translations in ``locale/<language>.po``, numbers by locale.

A template holds placeholders: ``{name}`` inserts a value, ``{name:kind}`` formats a number (see ``KINDS``), and
``{name:plural,cell,cells}`` chooses a word by the number of that name, in the order of the language's own plural forms
(one, other); the translation simply gives its own words. ``{name:word}`` puts a name of ours (``rotation``), or several
of them with commas between, into the reader's words (see ``TERMS``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from autograder.records import Message, Value, say
from autograder.unseen import FORMING, UNSEEN, belongs, thinned

LANGUAGES: Final = ("fr", "en")
NOTHING: Final = "–"
"""Shown for a value that is not there."""
MINUS: Final = "\u2212"

WORD: Final = "word"
"""The kind of a placeholder for names of ours."""

PLACEHOLDER: Final = re.compile(r"\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<kind>[^{}]*))?\}")
_LOCALE = Path(__file__).resolve().parent / "locale"

_HUGE: Final = 10**15
"""From here on numbers have more digits than anybody reads, and soon more than can be rounded."""

_PERCENT = {"fr": "\u202f%"}
_SECONDS = {"fr": "\u202fs", "en": "\u00a0s"}


def render(message: Message, language: str) -> str:
    """Plain text in ``language``; raises KeyError when the message lacks a value that its template names."""
    return fill(translate(message.text, language), message.values, language)


def translate(text: str, language: str) -> str:
    """The template in ``language``; the English one where there is no translation."""
    return catalogue(language).get(text, text)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """English template -> template; empty for English, and for a language without a file."""
    path = _LOCALE / f"{language}.po"
    if language not in LANGUAGES or not path.exists():
        return {}
    with path.open("rb") as file:
        entries = read_po(file, locale=language)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string and not entry.fuzzy}


def fill(template: str, values: Mapping[str, Value | Decimal], language: str) -> str:
    """Put the values in; a value's own braces mean nothing."""

    def insert(match: re.Match[str]) -> str:
        value, kind = values[match["name"]], match["kind"] or ""
        if isinstance(value, str):
            if kind == WORD:
                return _words(value, language)
            quoted = template[: match.start()].rstrip("\u00a0\u202f").endswith(("“", "«"))
            return quotation(value) if quoted else visible(value)
        if value is None or (not isinstance(value, int) and not math.isfinite(value)):
            return NOTHING
        if kind.startswith("plural,"):
            return _plural(value, kind.split(",")[1:], language)
        number = Decimal(str(value))
        return KINDS[kind](number, language) if abs(number) < _HUGE else f"{number:.2E}"

    return PLACEHOLDER.sub(insert, template)


# --- numbers -------------------------------------------------------------------------------------------------------


@lru_cache(4096)
def decimal(value: Decimal, places: int, language: str) -> str:
    """Exactly ``places`` decimals, with the language's separators."""
    return _signed(value, "#,##0" + ("." + "0" * places if places else ""), language)


@lru_cache(4096)
def points(value: Decimal, language: str) -> str:
    """As few decimals as the number needs, at most two: 2, 1.5, 0.25."""
    return _signed(value, "#,##0.##", language)


def _signed(value: Decimal, pattern: str, language: str) -> str:
    """With the sign that print has for minus, which a hyphen is not; what rounds to nought has none."""
    number = str(format_decimal(abs(value), format=pattern, locale=language))
    return MINUS + number if value < 0 and number.strip("0.,") else number


def _percent(value: Decimal, places: int, language: str) -> str:
    return decimal(value * 100, places, language) + _PERCENT.get(language, "%")


def _p_value(value: Decimal, language: str) -> str:
    """``< 0.001`` or ``= 0.0123``: a p-value is never nought."""
    least = Decimal("0.001")
    return f"< {decimal(least, 3, language)}" if value < least else f"= {decimal(value, 4, language)}"


def _seconds(value: Decimal, language: str) -> str:
    """Seconds with one decimal below ten, whole ones above, minutes from two of them on."""
    unit = _SECONDS.get(language, " s")
    if value < 10:
        return decimal(value, 1, language) + unit
    if value < 120:
        return decimal(value, 0, language) + unit
    minutes, rest = divmod(int(value), 60)
    return f"{minutes}\u00a0min\u00a0{rest:02d}{unit}"


KINDS: Final[Mapping[str, Callable[[Decimal, str], str]]] = {
    "": points,
    "pct": lambda value, language: _percent(value, 1, language),
    "pct2": lambda value, language: _percent(value, 2, language),
    "num1": lambda value, language: decimal(value, 1, language),
    "num2": lambda value, language: decimal(value, 2, language),
    "num4": lambda value, language: decimal(value, 4, language),
    "int": lambda value, language: decimal(value, 0, language),
    "sec": _seconds,
    "p": _p_value,
}


TERMS: Final[Mapping[str, Message]] = {
    "gaussian_noise": say("Gaussian noise"),
    "rotation": say("Rotation"),
    "translation": say("Translation"),
    "zoom": say("Zoom"),
    "brightness": say("Brightness"),
    "contrast": say("Contrast"),
    "blur": say("Blur"),
    "occlusion": say("Occlusion"),
    "introduction": say("introduction"),
    "baseline": say("reference model"),
    "improvements": say("improvements"),
    "comparison": say("comparison of results"),
    "errors": say("error analysis"),
    "robustness": say("robustness test"),
    "conclusion": say("conclusion"),
    "architecture": say("architecture"),
    "regularisation": say("regularisation"),
    "hyperparameters": say("hyper-parameters"),
    "augmentation": say("data augmentation"),
    "strategy": say("training strategy"),
}
"""Names of ours that people are shown: kinds of alteration of the robustness test, of sections, of modifications."""


def _words(names: str, language: str) -> str:
    """Each name in words, within a sentence; one that is not ours stays as it is."""
    found = (
        visible(name) if name not in TERMS else render(TERMS[name], language).lower() for name in names.split(", ")
    )
    return ", ".join(found)


def _plural(value: float | Decimal, forms: list[str], language: str) -> str:
    """The form for this number; French counts 0 and 1 (and 1.5) as one, English 1 alone."""
    one = Locale.parse(language).plural_form(abs(Decimal(str(value)))) == "one"
    return forms[0] if one else forms[-1]


# --- texts that students wrote ---------------------------------------------------------------------------------------

QUOTED: Final = 120
"""Characters of a quotation within a sentence."""
_DOUBLE = '"“”„‟«»″‶〃❝❞〝〞〟＂ˮ'
_QUOTES = re.compile(f"[{_DOUBLE}]|[{_DOUBLE}'‘’‚‛‹›′‵`´ʼ]{{2,}}")

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")


def visible(text: str) -> str:
    """Terminal colours dropped; control, zero-width and direction characters shown as ``[U+202E]``, and accents that
    are too many for one letter as ``[76 × U+0301]``.

    Letters of every script stay as they are, and so do the joiners and selectors inside emoji.
    """
    if text.isascii() and text.isprintable():  # as most texts are, of which a record has ten thousands
        return text
    return _short_visible(text) if len(text) <= _SHORT else _visible(text)


def _visible(text: str) -> str:
    return exposed(_ESCAPE.sub("", text.replace("\r\n", "\n")))


_SHORT: Final = 300
_short_visible = lru_cache(8192)(_visible)
"""Titles and sentences of ours, which stand on every sheet of a class."""


def exposed(plain: str) -> str:
    """The same with nothing dropped: code shows all that it holds."""

    def shown(match: re.Match[str]) -> str:
        sign = match[0]
        return sign if sign in FORMING and belongs(plain, match.start()) else _code(sign)

    return thinned(UNSEEN.sub(shown, plain), _heap)


def quotation(text: str) -> str:
    """What stands between the quotation marks of a sentence of ours: short, and with no marks that could end it."""
    shown = _QUOTES.sub("'", visible(text))
    return shown if len(shown) <= QUOTED else shown[: QUOTED - 1] + "…"


@lru_cache(1024)
def _code(sign: str) -> str:
    return f"[U+{ord(sign):04X}]"


def _heap(marks: str) -> str:
    """Marks that would be drawn over other lines: how many, and from which to which."""
    first, last = min(marks), max(marks)
    kinds = f"U+{ord(first):04X}" if first == last else f"U+{ord(first):04X}–U+{ord(last):04X}"
    return f"[{len(marks)} × {kinds}]"
