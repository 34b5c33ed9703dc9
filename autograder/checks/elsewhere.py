"""Trainings that took place where none is on record: in a program or process that the notebook started."""

from __future__ import annotations

import re

from autograder.checks.answers import undecided
from autograder.records import CellKind, Evidence, Finding, Standing, say

_STARTS = re.compile(
    r"^[ \t]*%%(?:bash|sh|script|python[23]?)\b"
    r"|^[ \t]*[!%](?:!|sx|system)?[ \t]*(?:\S*/)?(?:python[\d.]*|torchrun|papermill|jupyter)\b(?!-)"
    r"|^[^#\n]*\b(?:subprocess|multiprocessing|os\.(?:system|popen|fork|exec\w*|spawn\w*)|ProcessPoolExecutor)\b",
    re.MULTILINE,
)
"""Code that starts another program or process; a heuristic."""


def elsewhere(evidence: Evidence) -> Finding | None:
    """A person decides where models were used that no training on record left, and code may have trained them there.

    Nothing shows what such a program did: to find too few trainings on record is no finding.
    """
    brought = [model for model in evidence.models if model.training is None and not model.members]
    cells = [cell.index for cell in evidence.cells if cell.kind is CellKind.CODE and _STARTS.search(cell.source)]
    if not brought or not cells:
        return None
    return undecided(
        Standing.CLAIM,
        say(
            "Your notebook starts another program or process, in which models may have been trained: nothing of that "
            "can be read automatically. A teacher will decide this item."
        ),
        details=[say("Models that no training on record left: {models}.", models=_names(evidence))],
        cells=cells,
        for_teacher=say(
            "Cell {cell:int} starts another program or process, and no training on record left {models}: was it "
            "trained there, by code that was handed in?",
            cell=cells[0] + 1,
            models=_names(evidence),
        ),
    )


def _names(evidence: Evidence) -> str:
    brought = [model.name[:40] for model in evidence.models if model.training is None and not model.members]
    return ", ".join(brought[:5])
