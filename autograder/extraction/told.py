"""Results told line by line, in text or in what a cell printed; heuristics throughout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from autograder.extraction.columns import ERROR, NOT_ACCURACY, about_conditions, kind_of, names_a_model
from autograder.extraction.grids import MAX_ROWS, stdout
from autograder.notebook.numbers import seconds, shares
from autograder.notebook.shown import lines
from autograder.notebook.text import fold, plain, words
from autograder.records import Cell, CellKind, Table, TableRow

_VALUE = re.compile(
    r"(?:\s*(?:[:=→|]|[-=]>|\.{3}|…|·{3}|_{3})\s*|\t\s*|\s{2,}|(?P<near>\s[-–—]\s|\s?[\s(,]\s?))"
    r"[█▓▒░■▇▉-▏#*\s]*(?P<value>[-+~≈]?\s?\d{1,3}(?:[.,]\d+)?(?!\d|\s?[x×]\s?\d)\s?%?)"
)
"""Behind a colon, an arrow, a bar, leaders or padding, where a bar may be drawn before it; or ``near``, as any number
in a sentence is. Of ``5x5`` no part is a value."""
_SENTENCE = re.compile(
    r"(?P<label>.{1,60}?)\s+(?:reach(?:es|ed)?|gets?|got|achieve[sd]?|obtain(?:s|ed)|scores?|has|had|attein\w+|obtien\w+"
    r"|donne|arrive a|fait|a|erreicht|hat|alcanza|consigue|tiene|raggiunge|ottiene|bereikt)\s+(?P<rest>.{0,60}?)"
    r"(?P<value>(?:0[.,]\d{2,}|\d{1,3}(?:[.,]\d+)?\s?%))"
)
"""``Model X reaches 93 % on the test set``; a heuristic, of folded text."""
_RUN = re.compile(r"([\s.…·_█▓▒░■▇▉-▏#*=-])\1{3,}")
"""Padding, leaders and bars, of which three signs say as much; long ones would be slow to search."""
_ASIDE = re.compile(
    r"\b(?:\w+[ _])?(?:loss|perte|f1|temps|time|epochs?|epoques?|params?|train\w*|val\w*)(?:[ _]acc\w*)?\s*[:=]?\s*"
    r"-?[\d.,][-\d.,e]*\s?(?:m?s|%)?[\s,;|]*"
)
"""What stands before the accuracy in a line and is none: ``loss=0.21``."""
_METRIC = re.compile(
    r"\b(?:test|val\w*|final\w*|best|meilleure?|obtained|obtenue?)?[\s_-]*"
    r"(?:accuracy|acc|precision|exactitude|genauigkeit|score)\b"
    r"(?:[\s_-]*(?:sur|on)?[\s_-]*(?:le |the )?(?:jeu de )?(?:test|set))?",
    re.I,
)
_COUNT = re.compile(
    r"(?P<label>.{1,60}?)[\s:=-]+(?P<right>\d+)(?P<said>\s(?:bonnes \w+|correct\w*|richtige?))?\s?"
    r"(?:/|sur|of|out of|von)\s?(?P<images>\d+)\b(?(said)|.{0,12}(?:correct|juste|bonne|richtig))",
    re.I,
)
_SPLIT = re.compile(r"(?<=[\w%)])[\s:,;(–-]+(?:on |sur )?(?:the |le |la )?(?:test|val(?:idation)?)$", re.I)
"""Behind a name, in the place of a word for accuracy: ``base: validation 98.1%``."""
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s")
_LEARNT = re.compile(r"\b(?:train\w*|entrainement|apprentissage)(?:[ _]acc\w*)?$")
_OF_WHAT = re.compile(r"^\s*(?:d['’]\s?|(?:de|of|an)\s+)?(?:test\s+)?")
_TELLS_ERROR = re.compile(r"\b(?:error|erreur)(?: rate)?$")
"""Of a line such as ``Baseline Error: 1.88%``; without the per cent sign it may be a loss."""
_ROW = re.compile(r"\s*\|.*\|\s*$")
_FEW = 5
"""Words of a name in a paragraph."""
_SEARCHED = re.compile(r"^(?P<value>0\.\d{2,6}) \(\+?/?-?\s?\d\.\d+\) (?:with|for):? (?P<label>\{.{3,150}\})$")
"""A line of a grid search: mean, deviation, settings."""
_EVALUATED = re.compile(r"(?P<label>.{1,60}?)[\s:=,-]*\[\s?\d{1,3}\.\d{3,},\s*(?P<value>[01]\.\d{2,})\s?\]\s*$")
"""What ``print("Dropout", model.evaluate(x, y))`` says: a loss and an accuracy."""
_SCORED = re.compile(
    r"(?P<label>.{3,80}?)[\s,:(–-]+(?:[~≈]\s?)?(?P<value>\d{1,2}(?:[.,]\d+)?)(?:\s?%?\s?[-–à]\s?\d{1,2}(?:[.,]\d+)?)?\s?%\s?"
    r"(?P<metric>(?:test |val\w* )?accuracy|de précision|d.exactitude|error(?: rate)?|d.erreur)\b",
    re.I,
)
"""A heading that holds the score: ``Second CNN, 2.2 M params (82.0 - 82.5 % accuracy)``; of a range, the lower end."""
_ON_IMAGES = re.compile(r"\btest|\bimages?\b|\bbilder|\bcorrect|\brichtig|\bjuste")


def told(cells: Sequence[Cell], *, bare: bool = False) -> Iterator[Table]:
    """``Modèle 1 - Précision : 97,82 %``, one line per model: within one cell, or over the whole notebook.

    With ``bare`` also lines that say nothing of what their number is.
    """
    groups = [[(cell.index, row) for row in _lines(cell, bare=bare)] for cell in cells]
    for group in [*filter(None, groups), list(chain.from_iterable(groups))]:
        distinct = {fold(row.label): (index, row) for index, row in group}
        rows = tuple(row for _, row in distinct.values())
        if bare and len(rows) > MAX_ROWS:
            continue
        if len(rows) >= 2 and not about_conditions([row.label for row in rows]):
            yield Table(cell=max(index for index, _ in distinct.values()), origin="printed", rows=rows)


def _lines(cell: Cell, *, bare: bool) -> Iterator[TableRow]:
    written = lines(cell.source) if cell.kind is CellKind.MARKDOWN else stdout(cell).split("\n")
    for line in written[: 2 * MAX_ROWS if bare else 5000]:
        if cell.kind is CellKind.MARKDOWN and _ROW.match(line):
            continue  # of a table, which is read as one
        text = _RUN.sub(r"\1\1\1", plain(line[:200]))
        if (scored := _scored(line, text, cell)) is not None:
            yield scored
            continue
        # A paragraph has many figures beside words; what is said of one model stands in a line or an item of its own,
        # behind a name that is no sentence.
        own = cell.kind is not CellKind.MARKDOWN or _ITEM.match(line) is not None
        if (
            row := _evaluated(text)
            or _counted(text)
            or (_sentence(text) if own else None)
            or next(_valued(text, own=own, bare=bare), None)
            or min(_valued(text, own=own, bare=bare, split=True), key=lambda one: one.of, default=None)
        ):
            yield row


def _valued(text: str, *, own: bool, bare: bool, split: bool = False) -> Iterator[TableRow]:
    for found in _VALUE.finditer(text):
        if found["near"] and not own:
            continue
        label, rest, said = text[: found.start()], text[found.end() :], ""
        if split and "%" in found["value"] and (on := _SPLIT.search(label)):
            label, said = label[: on.start()], on.group()
        elif split:
            continue
        row = _line(label, found["value"], rest, bare=bare, near=None if said else found["near"])
        if row is not None and (own or len(words(row.label)) <= _FEW):
            yield replace(row, of=kind_of(said)) if said else row


def _scored(line: str, text: str, cell: Cell) -> TableRow | None:
    """A heading with its score, or a line of a grid search."""
    headed = cell.kind is CellKind.MARKDOWN and line.lstrip().startswith("#")
    found = _SCORED.match(text) if headed else _SEARCHED.match(line.strip())
    if found is None:
        return None
    error = headed and "err" in fold(found["metric"])
    (accuracy,) = shares([found["value"]], percent=headed, error=error)
    return None if accuracy is None else TableRow(label=found["label"].strip(" -–(:,"), accuracy=accuracy)


def _evaluated(text: str) -> TableRow | None:
    found = _EVALUATED.match(text)
    (accuracy,) = shares([found["value"]]) if found else (None,)
    name = _name(found["label"]) if found else ""
    if accuracy is None or not names_a_model(name) or len(words(name)) > 8:
        return None
    return TableRow(label=name, accuracy=accuracy)


def _counted(text: str) -> TableRow | None:
    """``base: 931/1000 correct``, ``931 bonnes réponses sur 1000``."""
    found = _COUNT.match(text)
    if found is None or NOT_ACCURACY.search(fold(text)):
        return None
    (accuracy,) = shares([f"{found['right']}/{found['images']}"])
    name = _name(found["label"])
    if accuracy is None or not names_a_model(name) or len(words(name)) > 8:
        return None
    return TableRow(label=name, accuracy=accuracy)


def _sentence(text: str) -> TableRow | None:
    """A line that says in words what a model reaches on images of a test, or which accuracy it has."""
    single = " ".join(text.split())
    line = fold(single)
    found = _SENTENCE.match(line)
    if found is None or NOT_ACCURACY.search(line):
        return None
    metric = _METRIC.search(line[found.end("label") :])
    if metric is None and not ("%" in found["value"] and _ON_IMAGES.search(line[found.end("label") :])):
        return None
    (accuracy,) = shares([found["value"]])
    name = _name(single[: len(found["label"])] if len(single) == len(line) else found["label"])
    if accuracy is None or not names_a_model(name) or len(words(name)) > 6:
        return None
    return TableRow(label=name, accuracy=accuracy, of=kind_of(line[found.end("label") :]))


def _says_what(rest: str) -> bool:
    """``0.93 d'exactitude``, where no figure of its own follows."""
    after = fold(_OF_WHAT.sub("", rest))
    metric = _METRIC.match(after)
    return metric is not None and not re.match(r"\s*[:=]?\s*\d", after[metric.end() :])


def _line(label: str, value: str, rest: str, *, bare: bool = False, near: str | None = None) -> TableRow | None:
    """A line counts when it says that its number is an accuracy: by a word or by a per cent sign.

    Where the number stands ``near`` only, the word is right before or behind it, or a sign at the end of the line.
    """
    label = _ASIDE.sub("", label)
    folded = fold(label)
    if label.count("{") > label.count("}"):
        return None  # an item of a printed collection, which is read as one
    metric = _METRIC.search(folded)
    if near and not (bare or (metric and metric.end() == len(folded)) or _says_what(rest)):
        if "%" not in value or "-" not in near.replace("–", "-") or rest.strip():
            return None
    error = bool(ERROR.search(folded) or ("%" in value and _TELLS_ERROR.search(folded)))
    said = metric or error or "%" in value or bare or _says_what(rest)
    if not said or NOT_ACCURACY.search(folded) or _LEARNT.search(folded):
        return None
    (accuracy,) = shares([value], error=error)
    name = _name(_without(label, metric) if metric else re.sub(r"[\s:,]+test$", "", label))
    if accuracy is None or not names_a_model(name) or len(words(name)) > 8 or fold(name) == "test":
        return None
    spent = re.search(r"(\d+(?:[.,]\d+)?)\s*(s|sec|secondes?|seconds?|min|minutes?)\b", rest)
    return TableRow(
        label=name,
        accuracy=accuracy,
        seconds=seconds(spent.group()) if spent else None,
        of=kind_of(metric.group()) if metric else "",
    )


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
