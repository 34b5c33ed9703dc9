"""Figures as people write them: ``97,82 %``, ``0.9782``, ``98.5±0.1``, ``1 min 23 s``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SPACES = "\u00a0\u202f\u2009"
_NUMBER = re.compile(r"(?<![\w.,])[-+−]?(?:\d{1,3}(?:[ _']\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][-+]?\d{1,3})?(?![\w])")
_SPREAD = re.compile(
    r"[(\[]?\s?(?:±|\+/-|\+-).*|(?<=[\d%])\s*[(\[]\s*[-+−Δ]?\s?\d[\d.,\s%]*(?:pts?|points?)?\s*[)\]]\s*$"
)
"""A deviation behind a figure, or in parentheses what it has gained."""
_COUNTED = re.compile(r"(?<![\w.,/])(\d+)\s*(?:/|out of|of|sur|over|von|de)\s*(\d+)(?![\w/]|[.,]\d)")
_LEAST_COUNTED = 100
"""Fewer images are no test set: ``3/5``."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_UNIT_WORDS = re.compile(
    r"(?P<ms>ms|milli\w*)|(?P<h>h|hours?|heures?|hrs?)|(?P<m>mn|mins?|minutes?|m)|(?P<s>s|secs?|secondes?|seconds?)"
)
_DURATION = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-zé]+)\.?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_FIGURE = re.compile(
    r"(?<![\w.,])\d+[.,]\d+(?!\w|[.,]\d)|(?<![\w.,])\d+(?:[.,]\d+)?\s?(?:%|pour ?cent|percent|points?\b)"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    value: float
    percent: bool
    """A ``%`` was written beside it."""


def quantity(text: str) -> Quantity | None:
    """The one number of a table's cell; None for text, for several numbers, and for nothing.

    ``931/1000`` is a percentage.
    """
    if (counted := _counted(text)) is not None:
        return counted
    plain = _SPREAD.sub("", text.translate(dict.fromkeys(map(ord, _SPACES), " "))[:200])
    found = [match.group() for match in _NUMBER.finditer(plain) if any(sign.isdigit() for sign in match.group())]
    if len(found) != 1:
        return None
    rest = plain.replace(found[0], "", 1).strip(" %~≈≃*_`()[]<>=:|,;.")
    number = _float(found[0])
    if number is None or len(rest.split()) > 1:
        return None
    return Quantity(number, "%" in text)


def _float(written: str) -> float | None:
    plain = re.sub(r"[ _']", "", written).replace("−", "-").replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def shares(texts: Sequence[str], *, percent: bool = False, error: bool = False) -> tuple[float | None, ...]:
    """Read one column of accuracies as shares in 0..1; ``error``: the column holds error rates.

    Whether numbers are percentages is decided for the column, by its heading (``percent``), by a sign beside a number,
    or because some exceed 1: an error rate of ``0.88`` beside one of ``1.20`` is 0.88 %.
    """
    read = [quantity(text) for text in texts]
    hundred = percent or any(number.value > 1.0 for number in read if number and not number.percent)
    return tuple(_share(number, hundred, error) for number in read)


def _counted(text: str) -> Quantity | None:
    """``931/1000`` as a share."""
    found = _COUNTED.search(text[:200])
    if found is None or not int(found[1]) <= int(found[2]) or int(found[2]) < _LEAST_COUNTED:
        return None
    return Quantity(100 * int(found[1]) / int(found[2]), True)


def _share(number: Quantity | None, hundred: bool, error: bool) -> float | None:
    if number is None:
        return None
    value = number.value / 100 if number.percent or hundred else number.value
    if not 0.0 <= value <= 1.0:
        return None
    return round(1.0 - value if error else value, 12)


def seconds(text: str, heading: str = "") -> float | None:
    """A duration; a bare number takes the unit of the column's heading (``Temps (min)``), else seconds."""
    plain = text.translate(dict.fromkeys(map(ord, _SPACES), " ")).strip().lower()[:100]
    if clock := _CLOCK.fullmatch(plain):
        hours, minutes, rest = clock.groups()
        return float(hours or 0) * 3600 + float(minutes) * 60 + float(rest)
    parts = [(value, _unit(word)) for value, word in _DURATION.findall(plain)]
    if parts and all(unit for _, unit in parts):
        return sum(float(value.replace(",", ".")) * unit for value, unit in parts if unit)
    number = quantity(plain)
    if number is None or number.value < 0 or number.percent:
        return None
    inside = re.search(r"[(\[]\s*(?:en |in )?([a-zé]+)\.?\s*[)\]]", heading.lower())
    return number.value * ((inside and _unit(inside.group(1))) or 1.0)


def _unit(word: str) -> float | None:
    match = _UNIT_WORDS.fullmatch(word)
    return _UNITS[match.lastgroup] if match and match.lastgroup else None


def figures(text: str) -> tuple[float, ...]:
    """Results quoted in prose: decimals and percentages, as written; whole numbers (``3 modèles``) do not count."""
    found = (re.match(r"\d+(?:[.,]\d+)?", match.group()) for match in _FIGURE.finditer(text.translate(_PLAIN)))
    return tuple(float(match.group().replace(",", ".")) for match in found if match)


_PLAIN = dict.fromkeys(map(ord, _SPACES), " ")
