"""Names by how they look: letters of other alphabets, and of styled Latin, as the Latin ones that they are taken for.

After Unicode's list of confusables (UTS #39), of which it has the letters that are drawn alike in most typefaces: two
names with one skeleton look the same. It says nothing of a name by itself.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_ALIKE: Final = (
    "АA ВB ЅS ЕE ІI ЈJ КK МM НH ОO РP СC ТT ХX УY ҮY ԌG ԚQ ԜW ӀI Ьb",
    "аa еe ѕs іi јj оo рp сc уy үy хx һh ԁd ԛq ԝw ӏl гr",
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC ϺM ͿJ",
    "αa γy ιi νv οo ρp σo υu ϲc ϳj",
    "ՕO ՍU ԼL ՏS օo սu ոn հh ցg զq յj",
    "ᎠD ᎡR ᎢT Ꭵi ᎩY ᎪA ᎫJ ᎬE ᎳW ᎷM ᎻH ᏀG Ꮒh ᏃZ Ꮟb ᏒR ᏔW ᏕS ᏙV ᏚS ᏞL ᏟC ᏢP ᏦK Ꮷd ᏳG ᏴB",
    "ꓐB ꓑP ꓒd ꓓD ꓔT ꓖG ꓗK ꓙJ ꓚC ꓜZ ꓝF ꓟM ꓠN ꓡL ꓢS ꓣR ꓦV ꓧH ꓪW ꓫX ꓬY ꓮA ꓰE ꓲI ꓳO ꓴU",
    "ɑa ɡg ıi ɩi ƖI ƽs ꜱs ᴏo ᴄc ᴠv ᴡw ᴢz ᴜu ʏy",
)
"""Letters of Cyrillic, Greek, Armenian, Cherokee, Lisu and rarer Latin, each before the one that it looks like."""
_TABLE: Final = str.maketrans({pair[0]: pair[1] for row in _ALIKE for pair in row.split()})
_SAME: Final = str.maketrans("I|10", "lllO")
"""What most typefaces draw alike within Latin."""
_STYLED: Final = frozenset({"<font>", "<wide>"})
"""How Unicode marks letters of mathematics and those as wide as an ideograph."""


def skeleton(name: str) -> str:
    """Equal for names that look the same; capitals and small letters look different."""
    plain = "".join(map(_plain, unicodedata.normalize("NFD", name)))
    return unicodedata.normalize("NFD", plain).translate(_SAME)


def _plain(letter: str) -> str:
    joined = ord(letter) not in _TABLE and _form(letter) in _STYLED | {"<compat>"}
    return (unicodedata.normalize("NFKC", letter) if joined else letter).translate(_TABLE)


def _form(letter: str) -> str:
    return unicodedata.decomposition(letter).partition(" ")[0]


def styled(name: str) -> bool:
    """Whether letters of it are drawn as Latin ones and are others: those of mathematics, full-width ones, and those of
    Lisu, all of which are Latin capitals, some of them turned. An honest name may have them."""
    return any(_styled(letter) for letter in name)


def _styled(letter: str) -> bool:
    if not letter.isalpha() or letter.isascii():
        return False
    latin = _form(letter) in _STYLED and unicodedata.normalize("NFKC", letter).isascii()
    return latin or unicodedata.name(letter, "").startswith("LISU LETTER")
