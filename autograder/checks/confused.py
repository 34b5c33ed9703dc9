"""Which classes really are confused: by our measurement, or as the notebook's own output shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.checks.mentions import Naming

_ROW = re.compile(r"\[\s*(\d{1,9}(?:[\s,]+\d{1,9})+)\s*\]")
_TOLD_PAIR = re.compile(
    r"(?<![\d.,])(\d)\s*(?:->|→|-->|=>|pris pour|predit|confused with|confondu avec|vs)\D{0,3}(\d)(?![\d.,%])"
)
_RATE = re.compile(r"(?:chiffre|digit|classe?|label)\s*(\d)\b\D{1,25}?(\d+(?:[.,]\d+)?)")


@dataclass(frozen=True, slots=True)
class Confused:
    pairs: frozenset[frozenset[int]]
    classes: frozenset[int]

    def holds(self, namings: Iterable[Naming]) -> bool:
        """Whether a named pair is among ours, or half of the classes named, if not nearly all classes are.

        Who names ever more pairs hits one by chance: a third of those that are named must be among ours.
        """
        told = list(namings)
        named_pairs = {naming.classes for naming in told if 2 <= len(naming.classes) <= 4}
        hit = [classes for classes in named_pairs if any(pair <= classes for pair in self.pairs)]
        if hit and 3 * len(hit) >= len(named_pairs):
            return True
        named = frozenset(place for naming in told for place in naming.classes)
        return bool(named) and len(named) <= 6 and 2 * len(named & self.classes) >= len(named)


def from_matrix(confusion: Sequence[Sequence[int]], pairs: int) -> Confused:
    """The ``pairs`` most confused pairs, both directions together, and the 40 % of classes with most errors."""
    size = len(confusion)
    both = {
        frozenset((row, column)): confusion[row][column] + confusion[column][row]
        for row in range(size)
        for column in range(row)
    }
    worst = sorted((pair for pair, count in both.items() if count), key=lambda pair: -both[pair])
    least = both[worst[min(pairs, len(worst)) - 1]] if worst else 0
    missed = {row: sum(confusion[row]) - confusion[row][row] for row in range(size)}
    often = sorted((row for row in missed if missed[row]), key=lambda row: -missed[row] / sum(confusion[row]))
    return Confused(
        frozenset(pair for pair in worst if both[pair] >= least), frozenset(often[: max(2, round(0.4 * size))])
    )


def from_output(text: str, classes: int, pairs: int, measured: Sequence[Sequence[int]] = ()) -> Confused | None:
    """What a notebook printed: a confusion matrix, pairs, or rates per class; None when nothing can be read.

    What our own confusions on hidden images speak against (``measured``) is left out.
    """
    rows = [[int(number) for number in re.findall(r"\d+", row)] for row in _ROW.findall(text[:200_000])]
    for start in range(len(rows) - classes + 1):
        matrix = rows[start : start + classes]
        if all(len(row) == classes for row in matrix):
            found = from_matrix(matrix, pairs)
            return Confused(_unless_contrary(found.pairs, measured), found.classes - _never_missed(measured))
    pairs_told = frozenset(frozenset(map(int, pair)) for pair in _TOLD_PAIR.findall(text) if pair[0] != pair[1])
    told = _unless_contrary(pairs_told, measured)
    rates = {int(place): float(rate.replace(",", ".")) for place, rate in _RATE.findall(text.lower())}
    if not told and len(rates) < classes:
        return None
    mean = sum(rates.values()) / max(len(rates), 1)
    right = mean > 50 or 0.5 < mean <= 1
    often = sorted(rates, key=lambda place: rates[place] if right else -rates[place])[: max(2, round(0.4 * classes))]
    named = frozenset(place for pair in told for place in pair)
    return Confused(told, frozenset(often) - _never_missed(measured) if len(rates) >= classes else named)


def _unless_contrary(pairs: frozenset[frozenset[int]], measured: Sequence[Sequence[int]]) -> frozenset[frozenset[int]]:
    """Less those that never were confused on hidden images, although there were errors enough for every pair."""
    if not _errors_enough(measured):
        return pairs
    size = len(measured)
    return frozenset(
        pair
        for pair in pairs
        if any(place >= size or other >= size or measured[place][other] for place, other in _both_ways(pair))
    )


def _both_ways(pair: frozenset[int]) -> list[tuple[int, int]]:
    return [(one, other) for one in pair for other in pair if one != other]


def _never_missed(measured: Sequence[Sequence[int]]) -> frozenset[int]:
    """Classes that were always told right, although there were errors enough for every pair."""
    if not _errors_enough(measured):
        return frozenset()
    return frozenset(place for place, row in enumerate(measured) if sum(row) == row[place])


def _errors_enough(measured: Sequence[Sequence[int]]) -> bool:
    size = len(measured)
    wrong = sum(map(sum, measured)) - sum(row[place] for place, row in enumerate(measured))
    return 2 * wrong >= size * (size - 1) > 0
