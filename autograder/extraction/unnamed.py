"""Rows of a table that go by their settings alone, as those of a search among hyper-parameters do."""

from __future__ import annotations

import re
from dataclasses import replace

from autograder.extraction.columns import ERROR, is_accuracy, is_name
from autograder.extraction.grids import Grid
from autograder.notebook.text import fold

_SETTING = re.compile(
    r"largeur|width|filt(?:er|re)|\bunits?\b|unites|neuron|\blr\b|\brate\b|^taux$|taux d'apprentissage|dropout|batch"
    r"|\blots?\b|kernel|noyau|depth|profondeur|\blayers?\b|couches?|momentum|\bl[12]\b|decay|hidden|cachee?s?\b|alpha"
)
"""A heuristic, of a folded heading."""
_LOSS = re.compile(r"^(?:val |train )?(?:loss|perte)$")
"""A heading of what was kept of each epoch, beside the learning rate."""


def named(grid: Grid) -> Grid:
    """The same with a first column of names, ``largeur 8, taux 0.001``, where it has none and its settings differ."""
    heads = [fold(head).replace("_", " ").strip() for head in grid.header]
    places = [
        place
        for place, head in enumerate(heads)
        if _SETTING.search(head) and not is_accuracy(head) and not ERROR.search(head)
    ]
    texts = any(sum(map(is_name, column)) * 2 > len(column) for column in zip(*grid.rows, strict=True))
    if not places or texts or any(map(_LOSS.match, heads)):
        return grid
    names = [", ".join(f"{grid.header[place]} {row[place]}" for place in places) for row in grid.rows]
    if 2 * len(set(names)) <= len(names):
        return grid
    rows = tuple((name, *row) for name, row in zip(names, grid.rows, strict=True))
    return replace(grid, header=("model", *grid.header), rows=rows)
