"""Whether a notebook says that the size of the batches is what it changes: a heuristic, in French and English."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.checks.belonging import Belonging, belongings
from autograder.checks.trials import Trial
from autograder.notebook.prose import Paragraph, paragraphs
from autograder.notebook.shown import lines
from autograder.notebook.text import fold, sentences
from autograder.records import CellKind, Evidence

_BATCHES = re.compile(
    r"(?<!par )(?<!by )\b(?:mini.?)?batch(?:s|es)?\b(?!.?norm)|\bbatch.?size|\bmini.?lots?\b"
    r"|\btailles? (?:de |des |du )(?:mini.?)?lots?\b|\b(?:petits?|grands?|gros) lots?\b"
    r"|\blots? (?:de \d|plus|moins|deux|quatre|trop)|\b(?:bs|lot) ?=? ?\d"
)
_AS_BEFORE = re.compile(r"\b(?:memes?|same|identi\w+|inchange\w*|unchanged|constante?s?)\b")
"""A sentence on what all models share."""


def announced(trials: Sequence[Trial], evidence: Evidence) -> frozenset[int]:
    """Numbers of the trainings whose batch size is said to be changed: beside them, by what they are called, or in a
    text that calls them so."""
    fits = [fit for fit in belongings(trials, evidence) if _changes_batches(fit.trial)]
    own = paragraphs(evidence.cells, evidence.template_cells, by_item=True) if fits else ()
    return frozenset(fit.trial.training.number for fit in fits if _is_told(fit, own, evidence))


def _changes_batches(trial: Trial) -> bool:
    return any(change.name == "batch_size" for change in trial.changes)


def _is_told(fit: Belonging, own: Sequence[Paragraph], evidence: Evidence) -> bool:
    training = fit.trial.training
    headed = [
        "\n".join(lines(cell.source))
        for cell in evidence.cells
        if cell.index in fit.near and cell.kind is CellKind.MARKDOWN
    ]
    beside = [one.text for one in own if one.cell in fit.near or _names(fit, one.text)]
    return any(map(_speaks, [training.builder, *training.labels.values(), *headed, *beside]))


def _names(fit: Belonging, text: str) -> bool:
    return fit.names is not None and fit.names.search(fold(text)) is not None


def _speaks(text: str) -> bool:
    told = (fold(sentence.replace("_", " ")) for sentence in sentences(text[:20_000]))
    return any(_BATCHES.search(one) and not _AS_BEFORE.search(one) for one in told)
