"""Characters that nobody sees: controls, marks of direction, signs without width, selectors of another form, and more
accents on one letter than anybody can tell apart.

With them two names look the same that are not, and a text reads otherwise than it stands, or covers what stands by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Final

UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U00013430-\U00013455"
    "\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's own list (Default_Ignorable_Code_Point), the controls with it, and what stands for an object, a note or an
arrangement of signs that is not there."""

FORMING: Final = frozenset(map(chr, [0x200D, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
"""Those of them that may have a part in how the character before them is drawn."""

_JOINER: Final = "\u200d"
_SHAPES: Final = "\ufe0e\ufe0f"
"""Text or emoji: the last two of the sixteen common selectors."""
_KEYCAP: Final = re.compile("[0-9#*][\ufe0e\ufe0f]\u20e3")
_PICTURES: Final = "‼⁉ℹ〰〽"
"""Emoji that Unicode counts among letters and punctuation."""
_DRAWN: Final = "©®↔⤴⤵◻◼◽◾"
"""Those that it counts among the signs of mathematics, or that stand among the first."""
_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
"""Colours of skin, which modify an emoji."""
_VIRAMA: Final = 9
"""The combining class after which a joiner chooses between two spellings of Indic scripts."""


def belongs(text: str, at: int) -> bool:
    """Whether the unseen character at this place gives what stands before it its form, as in emoji and some scripts."""
    sign, before = text[at], text[at - 1 : at] if at else ""
    if not before:
        return False
    if sign == _JOINER:
        pictures = _emoji(text[at + 1 : at + 2]) and (_emoji(before) or (before in _SHAPES and belongs(text, at - 1)))
        return pictures or unicodedata.combining(before) == _VIRAMA
    if sign in _SHAPES:
        return _emoji(before) or before in _PICTURES or _KEYCAP.fullmatch(text, at - 1, at + 2) is not None
    if "\ufe00" <= sign <= "\ufe0f":
        return (unicodedata.category(before) == "Sm" and not before.isascii()) or _ideograph(before)
    if "\U000e0100" <= sign <= "\U000e01ef":
        return _ideograph(before)
    return "\u180b" <= sign <= "\u180f" and "\u1820" <= before <= "\u18aa"


def _emoji(sign: str) -> bool:
    """Whether a selector chooses between picture and sign, or a joiner may make one picture of it and another."""
    if not sign:
        return False
    return sign in _DRAWN or sign in _TONES or (sign > "\u2000" and unicodedata.category(sign) == "So")


def _ideograph(sign: str) -> bool:
    """Of Han script, where selectors tell apart forms that matter in names of people and places."""
    return "\u3400" <= sign <= "\u9fff" or "\uf900" <= sign <= "\ufaff" or "\U00020000" <= sign <= "\U0003ffff"


# --- heaps of accents ------------------------------------------------------------------------------------------------

MOST_MARKS: Final = 5
"""On one letter: Hebrew with its points and the signs of its chant has as many."""
MOST_STACKED: Final = 3
"""Of one combining class, which stand upon each other: Greek has a length, a breathing and a tone, Vietnamese two."""


def _marks() -> Iterator[str]:
    """Ranges of all that is drawn over the letter before it, as a pattern has them."""
    signs = map(chr, range(0x300, 0x20000))
    for mark, run in groupby(signs, lambda sign: unicodedata.category(sign) in ("Mn", "Me") and not UNSEEN.match(sign)):
        if mark:
            found = "".join(run)
            yield f"{found[0]}-{found[-1]}"


_MARK: Final = f"(?:[{''.join(_marks())}]{_JOINER}?)"
_HEAP: Final = re.compile(f"{_MARK}{{{MOST_STACKED + 1},}}")


def thinned(text: str, told: Callable[[str], str]) -> str:
    """The text with what is ``told`` of the marks that are too many on a letter, in their place."""

    def kept(heap: re.Match[str]) -> str:
        end = _fitting(heap[0])
        return heap[0] if end == len(heap[0]) else heap[0][:end] + told(heap[0][end:])

    return text if text.isascii() else _HEAP.sub(kept, text)


def _fitting(marks: str) -> int:
    """How many of these signs come before the first mark that is one too many."""
    stacked: Counter[int] = Counter()
    for place, mark in enumerate(marks):
        if mark != _JOINER:
            combining = unicodedata.combining(mark)
            stacked[combining] += 1
            if stacked.total() > MOST_MARKS or (combining and stacked[combining] > MOST_STACKED):
                return place
    return len(marks)
