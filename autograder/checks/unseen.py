"""What stands in the text and is seen by nobody: it counted for nothing, and a teacher is told where it is long."""

from __future__ import annotations

from typing import Final

from autograder.notebook.shown import shown
from autograder.records import CellKind, Evidence, Message, say

MANY: Final = 20
"""Words in all; fewer are a slip."""


def unseen(evidence: Evidence) -> Message | None:
    """Of cells that are not the starter notebook's."""
    given = {source.strip() for source in evidence.template_cells}
    found = {
        cell.index: shown(cell.source).unseen
        for cell in evidence.cells
        if cell.kind is CellKind.MARKDOWN and cell.source.strip() not in given
    }
    places = [str(index + 1) for index, count in found.items() if count]
    if sum(found.values()) < MANY:
        return None
    return say(
        "{words:int} words that no reader of the notebook sees were left out (cells {cells}).",
        words=sum(found.values()),
        cells=", ".join(places[:20]) + (" …" if len(places) > 20 else ""),
    )
