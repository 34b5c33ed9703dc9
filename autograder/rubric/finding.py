"""Which file a rubric's name means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from autograder.errors import ConfigError

SUFFIXES = (".yaml", ".yml")


def find(wanted: str, places: Sequence[Path]) -> Path:
    """The file of a rubric, by id in ``places`` (the first wins) or by path; raises ConfigError when there is none."""
    if wanted.endswith(SUFFIXES) or "/" in wanted or "\\" in wanted:
        path = Path(wanted)
        if path.is_file():
            return path
        raise ConfigError("no such rubric file", place=wanted, remedy="Give the path of a YAML file, or an id.")
    known = {path.stem: path for place in reversed(places) for path in _files(place)}
    if wanted in known:
        return known[wanted]
    listed = ", ".join(sorted(known)) or "none"
    raise ConfigError(
        f"no rubric {wanted!r}{did_you_mean(wanted, known)}", place="--rubric", remedy=f"Rubrics that exist: {listed}."
    )


def _files(place: Path) -> Iterator[Path]:
    return (path for suffix in SUFFIXES for path in sorted(place.glob(f"*{suffix}")) if path.is_file())


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the nearest name, or nothing when none is near."""
    best = process.extractOne(wrong, list(known), scorer=OSA.normalized_similarity, score_cutoff=0.6)
    return f'; did you mean "{best[0]}"?' if best else ""
