"""Reasons in prose for the modifications that were trained: a heuristic over words of cause and purpose.

It finds that a reason is given and where; whether the reason is right is for a reader. So is what stands beside a
modification and speaks of it in terms of more and less, without a word that is known to give a reason.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autograder.checks import causes
from autograder.checks.belonging import FAMILY, NAME, NEAR, TOPIC, Belonging, belongings
from autograder.checks.trials import Trial
from autograder.notebook.prose import Origin, Paragraph, paragraphs
from autograder.notebook.shown import shown
from autograder.notebook.source import code_cells, functions, parse, python
from autograder.notebook.text import fold
from autograder.records import Cell, CellKind, Evidence

MOST = 40
"""Modifications that are looked at; a search over hundreds of settings is not justified one by one."""

_ARGUING = re.compile(
    r"\b(?:plus|moins|trop|mieux|assez|peu|meilleure?s?|rapide\w*|stable\w*|robuste\w*|sur.?apprend\w*|surapprentissage"
    r"|memoris\w*|generalis\w*|more|less|too|better|few|little|larger|smaller|faster|robust\w*|over.?fit\w*|memori[sz]\w*"
    r"|generali[sz]\w*|jamais|ne|risque\w*|peu(?:t|vent)|doi(?:t|vent)|par coeur|never|not|can|cannot|may|might|must"
    r"|needs?|by heart)\b"
)
_OUTCOME = re.compile(
    r"\b(?:[5-9]\d|100)(?:[.,]\d+)? ?%|\b0[.,][5-9]\d"
    r"|\b(?:atteint|obtient|obtenons|reaches|achieves|scores|results?|resultats?)\b"
    r"|\b(?:marche\w*|fonctionne\w*|reussi\w*|fait|est|sont|etait|works?|worked|does|did|is|are|was|performs?|performed)"
    r" (?:(?:un peu|beaucoup|encore|bien|nettement|a bit|slightly|much|even|clearly|still) )*"
    r"(?:mieux|moins bien|meilleure?s?|pires?|better|worse)\b"
)
_PAIR = 100
"""That there is a reason at all counts more than whose it is."""
_LATER = 1e-6
"""Of two that are as good, the one that is told first: what stands at the end tells how it went."""
_BESIDE_ANOTHER = 14
"""What a reason loses that stands beside another modification only: *j'augmente le taux* names no ``augmente``."""
_QUOTED = 118
"""Characters of a reason that the sheet shows, and so lines at most."""
_SEARCHED = 4000
"""Characters of a paragraph in whose sentences the one to quote is looked for."""
_SENTENCE = re.compile(r"[.!?…]\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Justified:
    trial: Trial
    share: float
    cell: int | None = None
    quote: str = ""
    doubtful: bool = False
    """What is quoted stands beside it and speaks of it, without a word of cause: a person says whether it explains."""


def justifications(
    trials: Sequence[Trial], evidence: Evidence, *, words: int, comment_share: float
) -> tuple[Justified, ...]:
    """The best reason for each modification; each serves one only, and the assignment is the best there is overall."""
    looked_at = trials[:MOST]
    own = [*_pieces(evidence, words), *_docstrings(evidence.cells, evidence.template_cells)]
    most = len(looked_at)
    reasons = [(paragraph, copy) for paragraph in own for copy in range(min(most, _reasons(paragraph, words)))]
    fits = belongings(looked_at, evidence)
    chosen = _chosen(fits, reasons, comment_share)
    doubtful = [paragraph for paragraph in own if _argues(paragraph, words)]
    return tuple(
        _justified(fit, _told(fit, fits, reasons[chosen[row]][0], doubtful), comment_share, evidence.cells)
        if row in chosen
        else _doubted(fit, doubtful, evidence.cells)
        for row, fit in enumerate(fits)
    )


def _chosen(
    fits: Sequence[Belonging], reasons: Sequence[tuple[Paragraph, int]], comment_share: float
) -> dict[int, int]:
    """Row of a modification -> column of the reason that serves it."""
    if not reasons:
        return {}
    from scipy.optimize import linear_sum_assignment  # a third of a second, for whoever has nothing to match

    weights = _weights(fits, reasons, comment_share)
    pairs = zip(*linear_sum_assignment(weights, maximize=True), strict=True)
    return {int(row): int(column) for row, column in pairs if weights[row, column] > 0}


def _told(fit: Belonging, fits: Sequence[Belonging], reason: Paragraph, doubtful: Sequence[Paragraph]) -> Paragraph:
    """The reason, or what argues beside the modification and says more of it, where the reason says more of another."""
    about = fit.about(reason.text)
    if about >= NAME or reason.origin is Origin.COMMENT:
        return reason
    anothers = any(other.about(reason.text) > about for other in fits)
    least = max(TOPIC, about + 1) if anothers else NAME
    own = [one for one in doubtful if _speaks_to(fit, one, least)]
    return max(own, key=lambda one: fit.about(one.text), default=reason)


def _speaks_to(fit: Belonging, paragraph: Paragraph, least: int) -> bool:
    """Whether a text beside it says so much of it, or a text anywhere calls it by its name."""
    return fit.about(paragraph.text) >= (least if paragraph.cell in fit.near else NAME)


def _doubted(fit: Belonging, doubtful: Sequence[Paragraph], cells: Sequence[Cell]) -> Justified:
    beside = [one for one in doubtful if _speaks_to(fit, one, TOPIC) and not fit.excludes(one.text)]
    if not beside:
        return Justified(fit.trial, 0.0)
    best = max(beside, key=lambda one: fit.about(one.text))
    return replace(_justified(fit, best, 0.0, cells), share=0.0, doubtful=True)


def _justified(fit: Belonging, paragraph: Paragraph, comment_share: float, cells: Sequence[Cell]) -> Justified:
    quote = _from_its_sentence(" ".join(_written(paragraph, cells).split()), fit)
    return Justified(
        fit.trial,
        _worth(paragraph, comment_share),
        paragraph.cell,
        quote[: _QUOTED - 1] + "…" if len(quote) > _QUOTED else quote,
    )


def _from_its_sentence(text: str, fit: Belonging) -> str:
    """A paragraph on several modifications, from the first of those sentences that say most of this one."""
    if len(text) <= _QUOTED:
        return text
    starts = [0, *(end.end() for end in _SENTENCE.finditer(text[:_SEARCHED]))]
    about = [_says(text[start:end], fit) for start, end in zip(starts, [*starts[1:], _SEARCHED], strict=True)]
    start = starts[about.index(max(about))] if max(about) >= 2 * TOPIC else 0
    return f"… {text[start:]}" if start else text


def _says(sentence: str, fit: Belonging) -> int:
    """What it is about counts more than that it gives a cause."""
    return 2 * fit.about(sentence) + (causes.count(sentence) > 0)


def _written(paragraph: Paragraph, cells: Sequence[Cell]) -> str:
    """With the signs that nobody sees, which were set aside: a reader is shown that they are there."""
    source = next((one.source for one in cells if one.index == paragraph.cell and one.kind is CellKind.MARKDOWN), None)
    if source is None:
        return paragraph.text
    return "\n".join(shown(source).written(paragraph.line, paragraph.text.split("\n", _QUOTED)[:_QUOTED]))


def _worth(paragraph: Paragraph, comment_share: float) -> float:
    return comment_share if paragraph.origin is Origin.COMMENT else 1.0


def _reasons(paragraph: Paragraph, words: int) -> int:
    """How many modifications a paragraph can justify: as many as it has reasons and words for."""
    found = max(causes.count(paragraph.text), int(paragraph.explains))
    return min(found, paragraph.words // _least(paragraph, words))


def _least(paragraph: Paragraph, words: int) -> int:
    """Rows of a table and items of a list speak in key words."""
    return max(1, 2 * words // 3) if paragraph.origin is Origin.TABLE or paragraph.listed else words


def _argues(paragraph: Paragraph, words: int) -> bool:
    """Whether a text may explain something though no word of cause is known: it compares, and tells no outcome."""
    text = fold(paragraph.text)
    told = paragraph.origin is not Origin.COMMENT and paragraph.words >= _least(paragraph, words)
    return told and not causes.count(text) and bool(_ARGUING.search(text)) and not _OUTCOME.search(text)


def _pieces(evidence: Evidence, words: int) -> Iterator[Paragraph]:
    """Paragraphs, and of lists those items that give a reason of their own; what stands between them stays together."""
    rest: list[Paragraph] = []
    for one in paragraphs(evidence.cells, evidence.template_cells, by_item=True):
        alone = not one.listed or _reasons(one, words) > 0
        if rest and (alone or one.cell != rest[0].cell):
            yield _joined(rest)
            rest = []
        if alone:
            yield one
        else:
            rest.append(one)
    if rest:
        yield _joined(rest)


def _joined(items: Sequence[Paragraph]) -> Paragraph:
    return replace(items[0], text="\n".join(one.text for one in items), listed=len(items) == 1)


def _docstrings(cells: Iterable[Cell], template_cells: Sequence[str]) -> Iterator[Paragraph]:
    given = {text for source in template_cells for _, text in _documented(source)}
    for cell in code_cells(cells):
        for line, text in _documented(cell.source):
            if text not in given:
                yield Paragraph(cell.index, line, text, Origin.COMMENT)


def _documented(source: str) -> Iterator[tuple[int, str]]:
    tree = parse(python(source))
    for function in functions([tree] if tree else []):
        if text := ast.get_docstring(function):
            yield function.lineno - 1, text


def _is_on(fit: Belonging, paragraph: Paragraph) -> bool:
    return paragraph.cell in fit.near and fit.about(paragraph.text) >= TOPIC


def _weights(
    fits: Sequence[Belonging], reasons: Sequence[tuple[Paragraph, int]], comment_share: float
) -> npt.NDArray[np.float64]:
    """(modifications, reasons); 0 where a reason has nothing to do with a modification."""
    weights = np.zeros((len(fits), len(reasons)))
    beside = Counter(cell for fit in fits for cell in fit.near)
    for row, fit in enumerate(fits):
        about, others = 0, beside.keys() - fit.near
        commented = any(_is_on(fit, paragraph) for paragraph, _ in reasons if paragraph.origin is Origin.COMMENT)
        for column, (paragraph, copy) in enumerate(reasons):
            if fit.excludes(paragraph.text):
                continue
            about = fit.about(paragraph.text) if copy == 0 else about
            # A paragraph that says neither name nor change serves one neighbour, however many reasons it holds.
            near = paragraph.cell in fit.near and (copy == 0 or about >= TOPIC)
            # A text beside several that says nothing of this one is no reason for it, where its own comment is.
            near = near and (about > 0 or beside[paragraph.cell] == 1 or not commented)
            if near or about >= (TOPIC if copy else FAMILY):
                weight = _PAIR + about + NEAR * near - _BESIDE_ANOTHER * (paragraph.cell in others)
                weights[row, column] = _worth(paragraph, comment_share) * weight - _LATER * column
    return weights
