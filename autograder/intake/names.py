"""Names as found are for people; ids made of them are for paths."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from autograder.records import StudentId
from autograder.unseen import UNSEEN, belongs, thinned

LONGEST_ID = 64

_NOT_DECOMPOSED = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
"""Letters of European names that have no canonical decomposition."""

_OURS = re.compile(r"(?:grades|summary|results|feedback|executed|index)\..*|\.?writing-.*", re.IGNORECASE)
"""Names of files that stand beside the folders of students, or could some day."""

_RESERVED = re.compile(r"(?:con|prn|aux|nul|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
"""Device names on Windows, with or without an extension."""


_BLANK = "\u2800\U0001d159"
"""A pattern of Braille and a note of music that are drawn as nothing."""


def clean(text: str, longest: int = 200) -> str:
    """Drop control, format (bidi, zero-width) and surrogate characters, selectors of variants that are none, blanks
    that pass for signs, and accents that are too many for one letter; one line, at most ``longest`` characters.

    What looks the same is the same afterwards, so that two people of one name are told apart by their ids.
    """
    text = UNSEEN.sub(lambda match: match[0] if belongs(text, match.start()) else _left_of(match[0]), text)
    kept = "".join(
        c if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and c not in _BLANK else " "
        for c in text
    )
    kept = thinned(" ".join(unicodedata.normalize("NFC", kept).split()), lambda marks: "")
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def _left_of(unseen: str) -> str:
    """A mark goes with the letter that it stands on; all else parts words."""
    return "" if unicodedata.category(unseen) == "Mn" else " "


def hides(text: str) -> bool:
    """Whether signs that nobody sees, or that turn the direction of reading, stand in it."""
    return any(not belongs(text, match.start()) for match in UNSEEN.finditer(text))


def heaped(text: str) -> bool:
    """Whether more accents stand on a letter than any language needs, which would be drawn over the lines around it."""
    return thinned(text, lambda marks: "") != text


def mixed(name: str) -> bool:
    """Whether a word has letters of alphabets that look alike: a Cyrillic а in a Latin name is seen by nobody."""
    return any(len(_alphabets(word)) > 1 for word in re.findall(r"[^\W\d_]+", name))


_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}


def _alphabets(word: str) -> set[str]:
    return {unicodedata.name(letter, "").partition(" ")[0] for letter in word} & _ALIKE


def slug(text: str) -> str:
    """Lower-case ASCII letters, digits, ``.``, ``_``, ``-``; may be empty when nothing of the text is Latin."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_NOT_DECOMPOSED))
    plain = "".join(c for c in folded if not unicodedata.combining(c)).translate(_NOT_DECOMPOSED)
    safe = re.sub(r"[^a-z0-9._-]+", "-", plain)
    safe = re.sub(r"\.{2,}", ".", re.sub(r"-{2,}", "-", safe)).strip("-._")
    return safe[:LONGEST_ID].rstrip("-._")


def student_id(name: str) -> StudentId:
    """A safe folder name; a name without a Latin letter becomes its code points, so that it stays the same."""
    made = slug(name) or "student-" + "-".join(f"{ord(c):x}" for c in name[:8] if not c.isspace())
    made = made[:LONGEST_ID].rstrip("-._")
    ours = _RESERVED.fullmatch(made) or _OURS.fullmatch(made)
    return StudentId(f"s-{made}"[:LONGEST_ID].rstrip("-._") if ours else made)


def unique(wanted: Iterable[StudentId]) -> Iterator[StudentId]:
    """The same ids in the same order; the second ``x`` becomes ``x-2``."""
    ids = list(wanted)
    plain, taken = set(ids), set[StudentId]()
    for name in ids:
        chosen, number = name, 2
        while chosen in taken or (chosen != name and chosen in plain):
            suffix = f"-{number}"
            chosen, number = StudentId(name[: LONGEST_ID - len(suffix)].rstrip("-._") + suffix), number + 1
        taken.add(chosen)
        yield chosen


def safe_path(path: PurePosixPath) -> bool:
    """Whether a file may be put under this name below a folder of ours."""
    return (
        bool(path.parts)
        and not path.is_absolute()
        and len(str(path).encode("utf-8", "replace")) <= 400
        and all(_safe_part(part) for part in path.parts)
    )


def _safe_part(part: str) -> bool:
    return (
        part not in {"", ".", ".."}
        and clean(part, longest=1000) == part
        and not set(part) & set('\\/:*?"<>|')
        and not part.endswith((".", " "))
        and not _RESERVED.fullmatch(part)
        and len(part.encode("utf-8", "replace")) <= 200
    )


_ATTEMPT = re.compile(
    r"""(?P<base>.*?)
        [\s_.-]{0,3}(?:attempt|tentative|essai)?[\s_.-]{0,3}
        (?P<when>20\d\d(?:
            [-_.](?:0[1-9]|1[0-2])[-_.](?:0[1-9]|[12]\d|3[01])(?:[\sT_-]+\d\d[-_:.h]?\d\d(?:[-_:.m]?\d\d)?)?
            |(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[\sT_-]?\d{4}(?:\d\d)?))
        (?P<rest>(?:[\s_.-].*)?)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_NUMBERED = re.compile(r"(?P<base>.+?)\s*\((?P<number>\d{1,3})\)", re.DOTALL)
_COPY = re.compile(r"(?P<base>.+?)(?:-Copy\d+| - Cop(?:y|ie)(?: \(\d+\))?)", re.IGNORECASE | re.DOTALL)
_LATE = re.compile(r"(?P<base>.+?)[ _-]LATE", re.IGNORECASE | re.DOTALL)


def attempt(stem: str) -> tuple[str, str]:
    """Split off a time of hand-in; eight digits alone may as well be a student's number and stay.

    ``alice_2026-11-20`` is ``alice`` at ``20261120000000``; empty without one."""
    found = _ATTEMPT.fullmatch(stem)
    if not found or not (found["base"] or found["rest"]):
        return stem, ""
    base = (found["base"] + found["rest"]).strip(" _.-")
    return (base, re.sub(r"\D", "", found["when"]).ljust(14, "0")) if base else (stem, "")


def numbered(stem: str) -> tuple[str, int]:
    """``projet (2)`` is the second download of ``projet``."""
    found = _NUMBERED.fullmatch(stem)
    return (found["base"], int(found["number"])) if found else (stem, 0)


def original(stem: str) -> str | None:
    """Of which file this is a copy made by Jupyter or a file manager; None for an original."""
    found = _COPY.fullmatch(stem)
    return found["base"] if found else None


def late(stem: str) -> tuple[str, bool]:
    found = _LATE.fullmatch(stem)
    return (found["base"], True) if found else (stem, False)
