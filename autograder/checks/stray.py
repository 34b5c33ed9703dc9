"""Errors that a cell shows and that did not end it: in a thread, in a magic, in a program that IPython ran."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.records import Cell, CellState, Evidence, Message, say

_TOLD = 3
_LONGEST = 300
_ENDINGS = ("SystemExit", "KeyboardInterrupt")
"""By these a cell ends on purpose."""
_THREAD = re.compile(r"^Exception in thread .*:\nTraceback \(most recent call last\):\n", re.MULTILINE)
_DEEPER = re.compile(r"[ \t]|$")
"""How the lines of a traceback begin that are not its last."""


def stray(evidence: Evidence) -> Iterator[Message]:
    """One for each of the first cells that ran in spite of an error; what a cell shows of itself costs no points."""
    ran = {run.index for run in evidence.execution.cells if run.state is CellState.RAN}
    shown = ((cell.index, error) for cell in evidence.cells if cell.index in ran if (error := _first(cell)))
    for (index, error), _ in zip(shown, range(_TOLD), strict=False):
        yield say("Cell {cell:int} ran, and shows an error that did not end it: {error}", cell=index + 1, error=error)


def _first(cell: Cell) -> str:
    """Empty where there is none."""
    for output in cell.outputs:
        title = output.text.partition("\n")[0]
        if output.kind == "error" and not title.startswith(_ENDINGS):
            return title[:_LONGEST]
        if output.kind == "stream" and (told := _of_thread(output.text)):
            return told[:_LONGEST]
    return ""


def _of_thread(text: str) -> str:
    """The last line of the first traceback that Python prints where nobody waits for a thread."""
    found = _THREAD.search(text)
    lines = text[found.end() :].split("\n") if found else ()
    return next((line for line in lines if not _DEEPER.match(line)), "")
