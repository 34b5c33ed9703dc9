"""Accuracies in the outputs that a notebook was handed in with, against those of its execution here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from autograder.notebook.accuracies import Stated, stated
from autograder.records import Cell, CellKind, DataCard, Drift, Execution

NOISE = 0.01
"""Two trainings of one model may differ by so much."""
IMAGES = 10_000
DEVIATIONS = 3.0


def drifts(before: Sequence[Cell], after: Sequence[Cell]) -> tuple[Drift, ...]:
    """Figures of the same words at the same place of the same cell that differ beyond noise.

    Where a cell stated another number of figures under some words than it does here, these are not compared: what
    belongs to what is not known.
    """
    executed = {cell.index: cell for cell in after}
    pairs = [(cell, executed[cell.index]) for cell in before if cell.index in executed]
    return tuple(drift for old, new in pairs if old.source == new.source for drift in _in_cell(old, new))


def _in_cell(old: Cell, new: Cell) -> Iterator[Drift]:
    stored, found = _figures(old), _figures(new)
    for label, figures in stored.items():
        again = found.get(label, ())
        if len(again) != len(figures):
            continue
        for was, now in zip(figures, again, strict=True):
            if abs(was.value - now.value) > _noise(now.value) + was.rounding + now.rounding:
                yield Drift(cell=old.index, label=label, stored=was.value, executed=now.value)


def _figures(cell: Cell) -> Mapping[str, list[Stated]]:
    found: dict[str, list[Stated]] = {}
    for output in cell.outputs:
        if output.kind in ("result", "display") or output.stream == "stdout":
            for figure in (one for one in stated(output.text) if not one.doubtful):
                found.setdefault(figure.label, []).append(figure)
    return found


def _noise(share: float) -> float:
    return max(NOISE, DEVIATIONS * math.sqrt(share * (1 - share) / IMAGES))


def comparable(cells: Sequence[Cell], card: DataCard, execution: Execution) -> bool:
    """Whether the execution was on the data that the notebook was written for, in full, and trained as it asks."""
    asked, served = _named(cells, card)
    return execution.share >= 1 and card.train_stride == 1 and bool(served) and served == asked


def of_other_images(cells: Sequence[Cell], card: DataCard) -> bool:
    """Whether others than those that the notebook was written for are known to stand in; not where it names none."""
    asked, served = _named(cells, card)
    return bool(asked) and (served != asked or card.train_stride != 1)


def _named(cells: Sequence[Cell], card: DataCard) -> tuple[list[str], list[str]]:
    """The sets that the code speaks of, and the one that is served."""
    text = "\n".join(cell.source for cell in cells if cell.kind is CellKind.CODE).lower()
    asked = [name for name, pattern in _SETS.items() if pattern.search(text)]
    return asked, [name for name, pattern in _SETS.items() if pattern.search(card.name.lower())]


_SETS = {
    "fashion_mnist": re.compile(r"fashion"),
    "mnist": re.compile(r"(?<!fashion)(?<!fashion[-_ ])mnist|digit-recognizer"),
    "cifar10": re.compile(r"cifar[-_ ]?10(?!0)"),
    "cifar100": re.compile(r"cifar[-_ ]?100"),
}
"""Names of the sets as they stand in code, in loaders and in paths."""
