"""What was kept of every epoch is no table of models, though it has accuracies and may have a column of names."""

from __future__ import annotations

import re

from autograder.extraction.grids import Grid
from autograder.notebook.text import fold

_COUNTER = re.compile(
    r"^(?:n[o°]? ?)?(?:epochs?|epoques?|epochen?|epocas?|epoche|epoch (?:no|number)|steps?|iterations?|iter|passes?"
    r"|rounds?)$"
)
"""A heuristic, of a folded heading."""


def is_log(grid: Grid, label: int) -> bool:
    """Whether a column counts epochs while names repeat: a column of epochs beside names that differ is a setting."""
    names = [fold(row[label]) for row in grid.rows]
    repeated = len(set(names)) < len(names)
    return any(
        place == label or repeated
        for place, head in enumerate(grid.header)
        if _COUNTER.match(fold(head).replace("_", " ").strip()) and _counts([row[place] for row in grid.rows])
    )


def _counts(entries: list[str]) -> bool:
    """Whole numbers that follow one another from 0 or 1."""
    numbers = {entry.strip().removesuffix(".0") for entry in entries}
    if len(numbers) < 2 or not all(map(str.isdigit, numbers)):
        return False
    found = sorted(map(int, numbers))
    return found[0] in (0, 1) and found == list(range(found[0], found[0] + len(found)))
