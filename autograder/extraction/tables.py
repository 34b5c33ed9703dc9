"""The tracking table as the student states it, and which training each row speaks of.

A heuristic throughout: the table is the one with most rows that hold a name and an accuracy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autograder.extraction.grids import Grid, grids, stdout
from autograder.extraction.rows import match_rows
from autograder.notebook.numbers import seconds, shares
from autograder.notebook.shown import lines
from autograder.notebook.text import fold, plain, words
from autograder.records import Cell, CellKind, Ledger, Table, TableRow

__all__ = ["find_table", "find_tables", "match_rows"]

_LABEL = re.compile(
    r"^(?:nom |name )?(?:du |de |of )?(?:the )?(?:modeles?|models?|modifications?|methodes?|methods?|experiences?"
    r"|experiments?|essais?|variantes?|variants?|configurations?|config|architectures?|reseaux?|networks?|runs?"
    r"|approches?|approach|noms?|names?|versions?)\b"
)
_ACCURACY = re.compile(
    r"accurac|\bacc\b|precision|exactitude|\btaux de (?:reussite|reconnaissance|bonne)|\bscore\b|justesse|reussite"
)
_ERROR = re.compile(
    r"(?:taux|%) d'?\s?erreurs?|error.?rate|test.?error|\berreurs? ?(?:\(?%|de test|test)|^(?:err|error|erreur)$"
)
_TIME = re.compile(
    r"\btemps\b|\btime\b|duree|duration|seconde?s?\b|training_time|train_time|\bt \(s\)|elapsed|minutes?\b"
)
_COMMENT = re.compile(
    r"comment|observation|remarque|notes?\b|justification|analyse|analysis|conclusion|remarks?|avis|description|effet"
)
_NOT_ACCURACY = re.compile(
    r"loss|perte|f1|recall|rappel|\bgap\b|ecart|gain|delta|diff|amelior|improv|param|top.?\d|\bauc\b|epo|ecart|std|\bmacro|"
    r"objectif|target|per image|par image|robust|bruit|nois[ey]|rotat"
)
_CONDITION = re.compile(
    r"^(?:les |the |on |sur |sur les |with |avec )?(?:donnees?|data|images?|test|train\w*|valid\w*|val|clean|propres?"
    r"|normal\w*|origina\w*|bruit\w*|nois\w*|rotat\w*|rotee?s?|altere\w*|translat\w*|decal\w*|flou\w*|blur\w*|zoom\w*"
    r"|lumin\w*|bright\w*|contrast\w*|occlusion\w*|gauss\w*|sigma|angle|loss|perte|accuracy|acc|precision|epochs?"
    r"|epoques?|total|moyenne|mean|macro|weighted|micro|classe?s?|chiffres?|digits?|label|time|temps|params?"
    r"|parametres?|score|erreurs?|errors?)\b"
)
_VALUE = re.compile(r"\s*(?:[:=→]|->)\s*(?P<value>[-+~≈]?\s?\d{1,3}(?:[.,]\d+)?(?!\d)\s?%?)")
_METRIC = re.compile(
    r"\b(?:test|val\w*|final\w*|best|meilleure?|obtained|obtenue?)?[\s_-]*(?:accuracy|acc|precision|exactitude|score)\b"
    r"(?:[\s_-]*(?:sur|on)?[\s_-]*(?:le |the )?(?:jeu de )?(?:test|set))?",
    re.I,
)
_TELLS_ERROR = re.compile(r"\b(?:error|erreur)(?: rate)?$")
"""Of a line such as ``Baseline Error: 1.88%``; without the per cent sign it may be a loss."""
_SEARCHED = re.compile(r"^(?P<value>0\.\d{2,6}) \(\+?/?-?\s?\d\.\d+\) (?:with|for):? (?P<label>\{.{3,150}\})$")
"""A line of a grid search: mean, deviation, settings."""
_SCORED = re.compile(
    r"(?P<label>.{3,80}?)[\s,:(–-]+(?:[~≈]\s?)?(?P<value>\d{1,2}(?:[.,]\d+)?)(?:\s?%?\s?[-–à]\s?\d{1,2}(?:[.,]\d+)?)?\s?%\s?"
    r"(?P<metric>(?:test |val\w* )?accuracy|de précision|d.exactitude|error(?: rate)?|d.erreur)\b",
    re.I,
)
"""A heading that holds the score: ``Second CNN, 2.2 M params (82.0 - 82.5 % accuracy)``; of a range, the lower end."""
_UNIT = re.compile(
    r"m?s|secs?|secondes?|seconds?|mn|mins?|minutes?|h|heures?|hours?|e|pts?|points?|percent|pour|cent|nan"
)
_ORIGINS = ("dataframe", "dict", "html", "markdown", "csv", "printed")


@dataclass(frozen=True, slots=True)
class _Columns:
    label: int
    accuracy: int
    seconds: int | None
    comment: int | None


def find_table(cells: Sequence[Cell], ledger: Ledger) -> Table | None:
    """The best candidate among tables in memory, displayed, written in Markdown, printed, or told line by line."""
    return max(find_tables(cells, ledger), key=_worth, default=None)


def find_tables(cells: Sequence[Cell], ledger: Ledger) -> Sequence[Table]:
    """All of them; what is told line by line only where there is no other of several rows."""
    found = [table for grid in grids(cells, ledger) for table in (_read(grid), _read(_flipped(grid))) if table]
    if not any(len(table.rows) >= 2 for table in found):
        found.extend(_told(cells))
    return found


def _worth(table: Table) -> tuple[int, ...]:
    """More rows, then more known about each, then the more exact source, then the later cell."""
    timed = any(row.seconds is not None for row in table.rows)
    commented = any(row.comment for row in table.rows)
    return (len(table.rows), timed + commented, -_ORIGINS.index(table.origin), -1 if table.cell is None else table.cell)


def _flipped(grid: Grid) -> Grid:
    """The grid on its side, when its rows are metrics ("Critère | CNN | MLP")."""
    return grid.transposed() if any(_is_accuracy(row[0]) for row in grid.rows) else replace(grid, rows=())


def _read(grid: Grid) -> Table | None:
    columns = _columns(grid)
    if columns is None:
        return None
    heading = grid.header[columns.accuracy]
    error = bool(_ERROR.search(fold(heading)))
    values = shares([row[columns.accuracy] for row in grid.rows], percent="%" in heading, error=error)
    rows = [
        TableRow(
            label=row[columns.label],
            accuracy=value,
            seconds=None if columns.seconds is None else seconds(row[columns.seconds], grid.header[columns.seconds]),
            comment="" if columns.comment is None else row[columns.comment],
        )
        for row, value in zip(grid.rows, values, strict=True)
        if value is not None and _names_a_model(row[columns.label])
    ]
    if not rows or _about_conditions([row.label for row in rows]):
        return None
    return Table(cell=grid.cell, origin=grid.origin, rows=tuple(rows), columns=grid.header)


def _columns(grid: Grid) -> _Columns | None:
    """Which column holds what; None without a column of names and one of accuracies."""
    heads = [fold(head).replace("_", " ") for head in grid.header]
    if any(re.search(r"\b(?:recall|rappel|support)\b", head) for head in heads) and not any(
        "accuracy" in head for head in heads
    ):
        return None  # a classification report: its "precision" is not accuracy
    accuracy = max(
        (place for place, head in enumerate(heads) if _is_accuracy(head)), key=lambda p: _rank(heads[p]), default=None
    )
    if accuracy is None:
        return None
    texts = [place for place in range(len(heads)) if place != accuracy and _holds_text(grid, place)]
    label = _label_column(heads, texts, grid)
    if label is None:
        return None
    comment = next((place for place in texts if place != label and _COMMENT.search(heads[place])), None)
    if comment is None:
        comment = next((place for place in texts if place != label and _LABEL.search(heads[place])), None)
    timed = (place for place, head in enumerate(heads) if place != label and _TIME.search(head))
    return _Columns(label, accuracy, next(timed, None), comment)


def _label_column(heads: Sequence[str], texts: Sequence[int], grid: Grid) -> int | None:
    """The first column headed like a name whose entries differ, else the first column of text."""
    for place in texts:
        if _LABEL.search(heads[place]) and len({row[place] for row in grid.rows}) > len(grid.rows) // 2:
            return place
    return next(
        (place for place in texts if not _COMMENT.search(heads[place]) and not _TIME.search(heads[place])), None
    )


def _is_accuracy(heading: str) -> bool:
    folded = fold(heading).replace("_", " ")
    if _NOT_ACCURACY.search(folded):
        return False
    return len(folded) < 60 and bool(_ACCURACY.search(folded) or _ERROR.search(folded))


def _rank(heading: str) -> tuple[bool, bool, bool]:
    """Accuracy on test data before any other, error rates last."""
    return (
        "test" in heading,
        not re.search(r"train(?!ing time)|entrainement|apprentissage|\bval", heading),
        not _ERROR.search(heading),
    )


def _holds_text(grid: Grid, place: int) -> bool:
    filled = [row[place] for row in grid.rows if row[place].strip()]
    return bool(filled) and sum(map(_is_name, filled)) > len(filled) // 2


def _is_name(text: str) -> bool:
    """Words that are more than the units of numbers: ``12 époques`` names a model, ``1 min 12 s`` is a time."""
    return any(not _UNIT.fullmatch(word) for word in words(fold(text)))


def _names_a_model(label: str) -> bool:
    return bool(words(label)) and (label[0].isalpha() or _is_name(label))


def _about_conditions(labels: Sequence[str]) -> bool:
    """Whether the rows are data sets, corruptions or classes rather than models."""
    return 2 * sum(bool(_CONDITION.search(fold(label))) for label in labels) > len(labels)


# --- results told line by line -----------------------------------------------------------------------------------


def _told(cells: Sequence[Cell]) -> Iterator[Table]:
    """``Modèle 1 - Précision : 97,82 %``, one line per model: within one cell, or over the whole notebook."""
    told = [(cell.index, row) for cell in cells for row in _lines(cell)]
    groups = [[(index, row) for index, row in told if index == place] for place in dict.fromkeys(i for i, _ in told)]
    for group in [*groups, told]:
        distinct = {fold(row.label): (index, row) for index, row in group}
        rows = tuple(row for _, row in distinct.values())
        if len(rows) >= 2 and not _about_conditions([row.label for row in rows]):
            yield Table(cell=max(index for index, _ in distinct.values()), origin="printed", rows=rows)


def _lines(cell: Cell) -> Iterator[TableRow]:
    text = lines(cell.source) if cell.kind is CellKind.MARKDOWN else stdout(cell).split("\n")
    for line in text[:5000]:
        told = plain(line[:200])
        if (scored := _scored(line, told, cell)) is not None:
            yield scored
            continue
        rows = (_line(told[: found.start()], found["value"], told[found.end() :]) for found in _VALUE.finditer(told))
        if row := next(filter(None, rows), None):
            yield row


def _scored(line: str, told: str, cell: Cell) -> TableRow | None:
    """A heading with its score, or a line of a grid search."""
    headed = cell.kind is CellKind.MARKDOWN and line.lstrip().startswith("#")
    found = _SCORED.match(told) if headed else _SEARCHED.match(line.strip())
    if found is None:
        return None
    error = headed and "err" in fold(found["metric"])
    (accuracy,) = shares([found["value"]], percent=headed, error=error)
    return None if accuracy is None else TableRow(label=found["label"].strip(" -–(:,"), accuracy=accuracy)


def _line(label: str, value: str, rest: str) -> TableRow | None:
    """A line counts when it says that its number is an accuracy: by a word or by a per cent sign."""
    folded = fold(label)
    metric = _METRIC.search(folded)
    error = bool(_ERROR.search(folded) or ("%" in value and _TELLS_ERROR.search(folded)))
    if (not metric and not error and "%" not in value) or _NOT_ACCURACY.search(folded):
        return None
    (accuracy,) = shares([value], error=error)
    name = _name(_without(label, metric) if metric else label)
    if accuracy is None or not _names_a_model(name) or len(words(name)) > 8:
        return None
    spent = re.search(r"(\d+(?:[.,]\d+)?)\s*(s|sec|secondes?|seconds?|min|minutes?)\b", rest)
    return TableRow(label=name, accuracy=accuracy, seconds=seconds(spent.group()) if spent else None)


def _name(label: str) -> str:
    """Without the small words and marks that tied it to the metric: "de Dropout -" becomes "Dropout"."""
    bare = re.sub(r"^\W+|\W+$", "", label)
    return re.sub(r"(?i)^(?:of|de|du|for|pour|le|la|the)\s+|\s+(?:of|de|du|for|pour)$", "", bare).strip(" -–—()[]")


def _without(label: str, metric: re.Match[str]) -> str:
    """The label less its metric; folding may shift places, so that the words are looked up."""
    kept = words(metric.group())
    return " ".join(
        part for part in re.split(r"[\s_]+", label) if fold(part).strip("()-–—,") not in {fold(word) for word in kept}
    )
