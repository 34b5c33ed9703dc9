"""Characters that nobody sees: controls, marks of direction, signs without width, and selectors of another form.

With them two names look the same that are not, and a text reads otherwise than it stands.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U00016fe4\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's own list (Default_Ignorable_Code_Point), and the controls with it."""

FORMING: Final = frozenset(map(chr, [0x200D, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
"""Those of them that may have a part in how the character before them is drawn."""

_JOINER: Final = "\u200d"
_SHAPES: Final = "\ufe0e\ufe0f"
"""Text or emoji: the last two of the sixteen common selectors."""
_KEYCAP: Final = re.compile("[0-9#*][\ufe0e\ufe0f]\u20e3")
_PICTURES: Final = "‼⁉ℹ〰〽"
"""Emoji that Unicode counts among letters and punctuation."""
_VIRAMA: Final = 9
"""The combining class after which a joiner chooses between two spellings of Indic scripts."""


def belongs(text: str, at: int) -> bool:
    """Whether the unseen character at this place gives what stands before it its form, as in emoji and some scripts."""
    sign, before = text[at], text[at - 1 : at] if at else ""
    if not before:
        return False
    if sign == _JOINER:
        whole = unicodedata.category(before) in ("So", "Sk") or unicodedata.combining(before) == _VIRAMA
        return whole or (before in _SHAPES and belongs(text, at - 1))
    if sign in _SHAPES and (before in _PICTURES or _KEYCAP.fullmatch(text, at - 1, at + 2)):
        return True
    if "\ufe00" <= sign <= "\ufe0f":
        return unicodedata.category(before) in ("So", "Sk", "Sm") or _ideograph(before)
    if "\U000e0100" <= sign <= "\U000e01ef":
        return _ideograph(before)
    return "\u180b" <= sign <= "\u180f" and "\u1820" <= before <= "\u18aa"


def _ideograph(sign: str) -> bool:
    """Of Han script, where selectors tell apart forms that matter in names of people and places."""
    return "\u3400" <= sign <= "\u9fff" or "\uf900" <= sign <= "\ufaff" or "\U00020000" <= sign <= "\U0003ffff"
