"""Which classes really are confused: by our measurement, or as the notebook's own output shows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.checks.mentions import Naming

_ROW = re.compile(r"\[\s*(\d{1,9}(?:[\s,]+\d{1,9})+)\s*\]")
_TOLD_PAIR = re.compile(
    r"(?<![\d.,])(\d)\s*(?:->|→|-->|=>|pris pour|lu|lu comme|pr[ée]dit|pr[ée]dit comme|read as|taken for|"
    r"confused with|confondu avec|vs)\D{0,3}(\d)(?![\d.,%])"
)
_RATE = re.compile(r"(?:chiffre|digit|classe?|label)\s*(\d)\b\D{1,25}?(\d+(?:[.,]\d+)?)")
_ZEROS = re.compile(r"(?<=\d)\.0{0,6}(?=[\s,\]])")
"""Of counts that are floats: ``97.``."""
_LISTED = re.compile(r"\s*(\d{1,3})\b\W{1,12}(\d{1,3}(?:[.,]\d+)?)\s*(%?)")
CHANCE = 0.001
"""Rarer differences between what was printed and what we measure are none: of a class of a hundred, one pair in ten."""
MOST = 100_000
"""Images of a matrix whose test set is not known; whatever a notebook prints, counting ends."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is measured of the models, to hold a printed matrix against."""

    confusion: Sequence[Sequence[int]] = ()
    """Of the final model on hidden images."""
    images: int = 0
    """Distinct public images: rows of a small test set that is repeated are no more than these."""
    accuracy: float | None = None
    """Of the final model on the public test set."""
    others: tuple[float, ...] = ()
    """Of other models on it: a matrix may be of one of these."""
    tolerance: float = 0.002


@dataclass(frozen=True, slots=True)
class Confused:
    pairs: frozenset[frozenset[int]]
    classes: frozenset[int]

    def holds(self, namings: Iterable[Naming]) -> bool:
        """Whether a named pair is among ours, or half of the classes named, if not nearly all classes are.

        Of classes that are named as pairs more than half: one of the two alone is there by chance too often. Who names
        ever more pairs hits one by chance as well: a third of those that are named must be among ours.
        """
        told = list(namings)
        named_pairs = {naming.classes for naming in told if 2 <= len(naming.classes) <= 4}
        hit = [classes for classes in named_pairs if any(pair <= classes for pair in self.pairs)]
        if hit and 3 * len(hit) >= len(named_pairs):
            return True
        named = frozenset(place for naming in told for place in naming.classes)
        least = len(named) // 2 + 1 if named_pairs else (len(named) + 1) // 2
        return bool(named) and len(named) <= 6 and len(named & self.classes) >= least


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


def from_output(text: str, classes: int, pairs: int, seen: Seen = Seen()) -> Confused | None:
    """What a notebook printed: a confusion matrix, pairs, or rates per class; None when nothing can be read.

    What our own confusions on hidden images speak against (``seen``) is left out.
    """
    measured = seen.confusion
    if matrix := matrix_in(text, classes):
        found = _unless_unlikely(from_matrix(matrix, pairs), matrix, seen)
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


def matrix_in(text: str, classes: int) -> list[list[int]]:
    """The first square of whole numbers, a row and a column for each class: in brackets, or as a table of pandas."""
    plain = _ZEROS.sub("", text[:200_000])
    bracketed = [[int(number) for number in re.findall(r"\d+", row)] for row in _ROW.findall(plain)]
    return _square(bracketed, classes) or _square([_row_of(line, classes) for line in plain.splitlines()], classes)


def _square(rows: Sequence[list[int]], classes: int) -> list[list[int]]:
    for start in range(len(rows) - classes + 1):
        found = [*rows[start : start + classes]]
        if all(len(row) == classes for row in found):
            return found
    return []


def _row_of(line: str, classes: int) -> list[int]:
    """Counts behind the name of a class; nothing of other lines."""
    told = line.split()[1:]
    whole = len(told) == classes and all(part.isascii() and part.isdigit() and len(part) < 10 for part in told)
    return [int(part) for part in told] if whole else []


def rates_in(text: str, classes: int) -> bool:
    """Whether a figure is told for each class: ``digit 3: 0.93``, or lines that begin with 0, 1, 2 ..."""
    told = {int(place) for place, _ in _RATE.findall(text[:200_000].lower())}
    if len(told) >= classes:
        return True
    begun = 0
    for line in text[:200_000].splitlines():
        found = _LISTED.match(line)
        if found is None or int(found[1]) != begun or not _is_share(found[2], found[3]):
            begun = 0
            continue
        begun += 1
        if begun == classes:
            return True
    return False


def _is_share(figure: str, percent: str) -> bool:
    return bool(percent) or float(figure.replace(",", ".")) <= 1


def _unless_unlikely(found: Confused, matrix: Sequence[Sequence[int]], seen: Seen) -> Confused:
    """Less pairs and classes that are missed far less on hidden images than the matrix says; nothing of one with far
    fewer errors: whatever it is of, it is not what this model confuses in images that it does not know."""
    size, measured = len(matrix), seen.confusion
    if len(measured) != size or _is_of_another(matrix, seen):
        return found
    printed, hidden = _Rows(matrix, seen.images or MOST), _Rows(measured, MOST)
    every = tuple((row, column) for row in range(size) for column in range(size) if row != column)
    if unlikely(printed.count(every), printed.rows(range(size)), hidden.count(every), hidden.rows(range(size))):
        return Confused(frozenset(), frozenset())
    pairs = {pair: [(one, two) for one in pair for two in pair if one != two] for pair in found.pairs}
    missed = {row: [(row, column) for column in range(size) if column != row] for row in found.classes}
    return Confused(
        frozenset(pair for pair, cells in pairs.items() if not _exceeds(printed, hidden, cells, pair)),
        frozenset(row for row, cells in missed.items() if not _exceeds(printed, hidden, cells, [row])),
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Counts of a matrix, as if each image had been shown once."""

    matrix: Sequence[Sequence[int]]
    images: int

    def count(self, cells: Iterable[tuple[int, int]]) -> int:
        return round(self._once() * sum(self.matrix[row][column] for row, column in cells))

    def rows(self, classes: Iterable[int]) -> int:
        return round(self._once() * sum(sum(self.matrix[row]) for row in classes))

    def _once(self) -> float:
        total = sum(map(sum, self.matrix))
        return min(1.0, self.images / total) if total else 1.0


def _exceeds(printed: _Rows, hidden: _Rows, cells: Sequence[tuple[int, int]], classes: Iterable[int]) -> bool:
    told = list(classes)
    return unlikely(hidden.count(cells), hidden.rows(told), printed.count(cells), printed.rows(told))


def unlikely(few: int, rows: int, many: int, others: int) -> bool:
    """Whether no more than ``few`` errors in ``rows`` are unlikely beside ``many`` in ``others``, were the rates equal
    (Fisher's exact test, one-sided)."""
    if few * others >= many * rows:
        return False
    wrong, every = few + many, rows + others
    terms = (
        _log_choose(wrong, count) + _log_choose(every - wrong, rows - count)
        for count in range(max(0, rows + wrong - every), few + 1)
    )
    return sum(math.exp(term - _log_choose(every, rows)) for term in terms) < CHANCE


def _log_choose(among: int, taken: int) -> float:
    return math.lgamma(among + 1) - math.lgamma(taken + 1) - math.lgamma(among - taken + 1)


def _is_of_another(matrix: Sequence[Sequence[int]], seen: Seen) -> bool:
    """Whether its accuracy is that of another model that was measured, and not the final one's."""
    total = sum(map(sum, matrix))
    reached = sum(row[place] for place, row in enumerate(matrix)) / total if total else 0.0
    if seen.accuracy is not None and abs(reached - seen.accuracy) <= seen.tolerance:
        return False
    return any(abs(reached - other) <= seen.tolerance for other in seen.others)


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
