"""Is the notebook a report: sections, a comparison that holds, figures that can be read?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from autograder.checks.answers import earned, undecided, unreached
from autograder.checks.figures import shown
from autograder.checks.follow import NOTHING, bindings, closure, holds
from autograder.checks.live import CURVES, live
from autograder.checks.mentions import own_prose
from autograder.checks.parts import Part, combine, slope
from autograder.checks.registry import check
from autograder.checks.trials import apart, asked, preparations
from autograder.checks.unseen import unseen
from autograder.checks.visible import visible
from autograder.notebook.accuracies import quoted
from autograder.notebook.headings import BOLD_LEVEL, KINDS, Heading, headings
from autograder.notebook.source import Piece, calls, name_of, pieces
from autograder.notebook.text import fold
from autograder.records import (
    Evidence,
    Finding,
    GapKind,
    Message,
    Output,
    Section,
    Standing,
    Table,
    TableRow,
    Verdict,
    say,
)

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]

_CODING = frozenset({"baseline", "improvements", "comparison", "errors", "robustness"})
_RESULTS = frozenset({"baseline", "comparison"})
_MEASURING = frozenset({"fit", "evaluate", "score", "accuracy_score"})
"""Calls whose results a comparison of models is about."""
_CURVE_NAMES = re.compile(
    r"accuracy|history|hist|loss|val_|precision|resul|score|acc|exactitude|justesse|perte|courbe|genauigkeit", re.I
)


# --- sections ------------------------------------------------------------------------------------------------------


@check("document.sections")
def sections(
    evidence: Evidence,
    *,
    wanted: Sequence[str] = KINDS,
    words_wanted: Count = 20,
    beside_code: Count = 5,
    enough: Annotated[int, Field(ge=0)] = 0,
    others_count: bool = False,
) -> Finding:
    """Share of the ``wanted`` sections that are there and not empty.

    A section needs ``words_wanted`` words of one's own; one about code may do with ``beside_code`` words beside code of
    one's own. The baseline and the comparison are results: code of one's own that shows some is enough.

    For notebooks that follow no outline: ``enough`` sections earn everything (0: all that are wanted), and with
    ``others_count`` a section under any other heading is as good.
    """
    own = pieces(evidence.cells, evidence.template_cells)
    if not evidence.sections:
        return unreached(
            Standing.TEXT,
            say("No heading was found, so that no section can be recognised."),
            advice=say("Divide the notebook by Markdown headings: {titles:word}.", titles=_titles(wanted)),
        )
    coded = {piece.cell for piece in own}
    best = {kind: _best(evidence.sections, kind) for kind in wanted}
    showing = {cell.index for cell in evidence.cells if any(_shows_results(output) for output in cell.outputs)}
    filled = {
        kind
        for kind, section in best.items()
        if section and _is_filled(section, coded, coded & showing, words_wanted, beside_code)
    }
    missing = [kind for kind, section in best.items() if section is None]
    empty = [kind for kind in wanted if kind not in filled and kind not in missing]
    others = _others(evidence.sections, coded, words_wanted, beside_code) if others_count else ()
    needed = enough or len(wanted)
    count = min(len(filled) + len(others), needed)
    finding = earned(
        count / needed if needed else 1.0,
        Standing.TEXT,
        say("{found:int} of {wanted:int} expected sections are there and filled.", found=count, wanted=needed),
        advice=_on_sections(_titles(missing), _titles(empty)),
        details=[*_listed(best, filled), *map(_other, others)],
        cells=sorted({section.cells[0] for section in best.values() if section and section.cells}),
        found=sorted(filled, key=wanted.index),
        wanted=list(wanted),
    )
    return replace(finding, for_teacher=unseen(evidence))


def _best(found: Sequence[Section], kind: str) -> Section | None:
    return max((section for section in found if section.kind == kind), key=lambda section: section.words, default=None)


def _others(found: Sequence[Section], coded: set[int], words_wanted: int, beside_code: int) -> list[Section]:
    """Filled sections under headings of another kind, those aside that belong to a recognised section."""
    within = {cell for section in found if section.kind for cell in section.cells}
    return [
        section
        for section in found
        if not section.kind
        and not within.issuperset(section.cells)
        and (
            section.words >= words_wanted or (section.words >= beside_code and bool(coded.intersection(section.cells)))
        )
    ]


def _other(section: Section) -> Message:
    return say("“{title}”, {words:int} words of your own.", title=section.title, words=section.words)


def _shows_results(output: Output) -> bool:
    return output.kind != "error" and output.stream != "stderr"


def _is_filled(section: Section, coded: set[int], showing: set[int], words_wanted: int, beside_code: int) -> bool:
    if section.words >= words_wanted:
        return True
    if section.kind in _RESULTS and showing.intersection(section.cells):
        return True
    return section.kind in _CODING and section.words >= beside_code and bool(coded.intersection(section.cells))


def _titles(kinds: Sequence[str]) -> str:
    """Our names of the kinds; the reader's words come with the placeholder ``:word``."""
    return ", ".join(kinds)


def _on_sections(missing: str, empty: str) -> Message:
    if missing and empty:
        return say(
            "Add these sections, each under a heading: {titles:word}. Fill these with words of your own: "
            "{others:word}.",
            titles=missing,
            others=empty,
        )
    if missing:
        return say("Add these sections, each under a heading: {titles:word}.", titles=missing)
    return say("Fill these sections with words of your own: {titles:word}.", titles=empty)


def _listed(best: Mapping[str, Section | None], filled: set[str]) -> Iterator[Message]:
    for name, section in best.items():
        if section is None:
            yield say("{name:word}: no heading was recognised.", name=name)
        elif name in filled:
            yield say(
                "{name:word}: “{title}”, {words:int} words of your own.",
                name=name,
                title=section.title,
                words=section.words,
            )
        else:
            yield say(
                "{name:word}: “{title}” is as good as empty ({words:int} words of your own).",
                name=name,
                title=section.title,
                words=section.words,
            )


# --- comparison ----------------------------------------------------------------------------------------------------


@check("document.comparison", needs=[GapKind.TABLE, GapKind.LEDGER])
def comparison(
    evidence: Evidence, *, rows_wanted: Count = 4, tolerance: Share = 0.01, table_weight: Share = 0.7
) -> Finding:
    """A table of all models whose accuracies hold, and plots of all models.

    The table earns its weight times the share of models that it lists (``rows_wanted`` models at least are expected)
    times the share of its rows that a training backs and whose accuracy is within ``tolerance`` of ours on the
    public test set; of a figure that the notebook's own evaluation gave for other images, as far as chance allows. A
    figure of validation is held against the record of its training. A row about a work of others counts nowhere, nor
    one about a classifier of scikit-learn's or an ensemble that were seen at work, nor one in memory that nothing
    shows. A row whose model could not be measured is held against nothing: where that is all rows, a person decides; so
    where a budget cut the trainings and a figure, perhaps of a full one, differs.
    """
    if not evidence.executed:
        return unreached(Standing.MEASUREMENT, say("Nothing was executed: this item needs a run of the notebook."))
    own = pieces(evidence.cells, evidence.template_cells)
    evidence, unshown = _as_shown(evidence)
    rows = _own_rows(evidence.table)
    if evidence.table and rows and all(_unmeasured(row) for row in rows):
        return undecided(
            Standing.CLAIM,
            say("The table cannot be held against measurements; a teacher compares it."),
            details=[_beside(row, tolerance) for row in rows[:20]],
            cells=_cell_of(evidence.table),
        )
    if evidence.execution.share < 1 and any(_differs(row, tolerance) for row in rows):
        return undecided(
            Standing.CLAIM,
            say("A budget cut the trainings here, so that figures of full trainings differ; a teacher compares them."),
            details=[_beside(row, tolerance) for row in rows[:20]],
            cells=_cell_of(evidence.table),
        )
    parts = [_table(evidence, rows_wanted, tolerance, table_weight), _plots(evidence, own, 1 - table_weight)]
    finding = combine(
        parts,
        Standing.MEASUREMENT,
        _on_table(evidence.table, tolerance, unshown),
        details=[*(_beside(row, tolerance) for row in rows[:20]), *_aside(evidence.table), *_unshown(unshown)],
    )
    if finding.verdict is Verdict.UNMET and not own:
        return unreached(finding.standing, finding.message, advice=finding.advice, details=finding.details)
    return finding


def _as_shown(evidence: Evidence) -> tuple[Evidence, tuple[TableRow, ...]]:
    """The evidence with what a reader sees of the table, and the rows that no reader does."""
    table = evidence.table
    if table is None or _compares(evidence):
        return evidence, ()
    rows = visible(table, evidence, _drawing(evidence).values())
    unshown = tuple(row for row in table.rows if row not in rows and not _is_aside(row))
    return replace(evidence, table=replace(table, rows=rows)), unshown


def _unshown(rows: Sequence[TableRow]) -> Iterator[Message]:
    for row in rows[:20]:
        yield say(
            "“{label}”: {claimed:pct2} is in a table in memory, but nothing in the notebook shows it.",
            label=row.label[:80],
            claimed=row.accuracy,
        )


def _table(evidence: Evidence, rows_wanted: int, tolerance: float, weight: float) -> Part:
    rows, compared = _own_rows(evidence.table), len(evidence.table.rows) if evidence.table else 0
    parts = {training.model for training in preparations(evidence.ledger.trainings)}
    done = [one for one in evidence.ledger.trainings if one.epochs_run and one.model not in parts]
    # A search for a learning rate trains what nobody compares.
    trained = len(apart([one for one in done if asked(one, evidence)] or done, seeds=True))
    listed = min(1.0, len(rows) / max(rows_wanted, min(trained, 2 * rows_wanted)))
    judged = [row for row in rows if not _unmeasured(row)]
    held = sum(row.agrees(tolerance) for row in judged) / len(judged) if judged else 0.0
    return Part(
        weight=weight,
        score=listed * held if compared >= 2 else 0.0,
        line=say("Models in the table: {rows:int}; models trained: {trained:int}.", rows=len(rows), trained=trained),
        advice=say("List every model that you trained, with the accuracy that this very notebook computes for it."),
        cells=_cell_of(evidence.table),
    )


def _own_rows(table: Table | None) -> tuple[TableRow, ...]:
    return () if table is None else tuple(row for row in table.rows if not _is_aside(row))


def _is_aside(row: TableRow) -> bool:
    """Beside one's own networks for comparison: a figure of the literature, of people, of scikit-learn's classifiers,
    of several models put together."""
    return row.training is None and row.measured_accuracy is None and (row.of == "beside" or quoted(row.label))


def _aside(table: Table | None) -> Iterator[Message]:
    for row in table.rows[:20] if table is not None else ():
        if not _is_aside(row):
            continue
        if row.of == "beside":
            yield say(
                "“{label}”: {claimed:pct2} is taken for a figure of a classifier of scikit-learn's or of several "
                "models put together, and held against nothing.",
                label=row.label[:80],
                claimed=row.accuracy,
            )
        else:
            yield say(
                "“{label}”: {claimed:pct2} is taken for a figure of others, and held against nothing.",
                label=row.label[:80],
                claimed=row.accuracy,
            )


def _cell_of(table: Table | None) -> tuple[int, ...]:
    return () if table is None or table.cell is None else (table.cell,)


def _unmeasured(row: TableRow) -> bool:
    """A training or a test backs the row, but there is nothing to hold it against: that is not for the student to
    answer."""
    return (row.training is not None or row.of == "tested") and row.reference is None


def _differs(row: TableRow, tolerance: float) -> bool:
    """Both figures are known, and they are not the same."""
    return None not in (row.accuracy, row.reference) and not row.agrees(tolerance)


def _on_table(table: Table | None, tolerance: float, unshown: Sequence[TableRow]) -> Message:
    if table is not None and unshown and not table.rows:
        return say("A table of models is in memory, but nothing in the notebook shows it.")
    if table is None:
        return say("No table that compares models by their accuracy was found.")
    rows = _own_rows(table)
    held = sum(row.agrees(tolerance) for row in rows)
    return say(
        "{held:int} of {rows:int} rows of your table agree with what was measured, to {tolerance:pct}.",
        held=held,
        rows=len(rows),
        tolerance=tolerance,
    )


def _beside(row: TableRow, tolerance: float) -> Message:
    """Claim beside measurement."""
    label = row.label[:80]
    if row.of == "tested":
        return say(
            "“{label}”: {claimed:pct2} is stated, as a test in this run found, of weights that are not measured; it is "
            "held against nothing.",
            label=label,
            claimed=row.accuracy,
        )
    if row.training is None and row.reference is None:
        return say(
            "“{label}”: {claimed:pct2} is stated, but no training in this run backs it.",
            label=label,
            claimed=row.accuracy,
        )
    if row.of == "validation":
        return _validated(row, tolerance)
    if row.measured_accuracy is None:
        return say(
            "“{label}”: {claimed:pct2} is stated; its model could not be measured.", label=label, claimed=row.accuracy
        )
    if row.agrees(tolerance):
        return _held(row, tolerance)
    return say(
        "“{label}”: {claimed:pct2} stated, but {measured:pct2} measured.",
        label=label,
        claimed=row.accuracy,
        measured=row.measured_accuracy,
    )


def _validated(row: TableRow, tolerance: float) -> Message:
    label = row.label[:80]
    if row.recorded is None:
        return say(
            "“{label}”: {claimed:pct2} is stated for validation, of which its training recorded nothing.",
            label=label,
            claimed=row.accuracy,
        )
    if row.agrees(tolerance):
        return say(
            "“{label}”: {claimed:pct2} stated for validation, {recorded:pct2} recorded by its training.",
            label=label,
            claimed=row.accuracy,
            recorded=row.recorded,
        )
    return say(
        "“{label}”: {claimed:pct2} stated for validation, but {recorded:pct2} recorded by its training.",
        label=label,
        claimed=row.accuracy,
        recorded=row.recorded,
    )


def _held(row: TableRow, tolerance: float) -> Message:
    """Chance is named where it is needed."""
    label = row.label[:80]
    if row.chance and not replace(row, chance=0.0).agrees(tolerance):
        return say(
            "“{label}”: {claimed:pct2} stated, of some {images:int} different images of the notebook's own test; "
            "{measured:pct2} measured. Chance explains the difference.",
            label=label,
            claimed=row.accuracy,
            images=row.images,
            measured=row.measured_accuracy,
        )
    return say(
        "“{label}”: {claimed:pct2} stated, {measured:pct2} measured.",
        label=label,
        claimed=row.accuracy,
        measured=row.measured_accuracy,
    )


def _plots(evidence: Evidence, own: Sequence[Piece], weight: float) -> Part:
    """Full for a chart that compares models, or as many figures of training as models; else in proportion.

    Only images in cells with code of one's own count: what the starter notebook draws by itself is not a comparison.
    """
    coded = {piece.cell for piece in own}
    sources, about = _drawing(evidence), _compared(evidence)
    images = {
        index: count
        for index, count in _images(evidence).items()
        if index in coded and index in sources and (index in about or _is_about_models(sources[index]))
    }
    trained = max(2, len(apart(evidence.ledger.trainings)))
    compares = _compares(evidence)
    count = sum(images.values())
    score = min(1.0, count / trained) if not compares else float(bool(count))
    return Part(
        weight=weight,
        score=score,
        line=say("Plots of models shown: {images:int}.", images=count),
        advice=say("Draw all models side by side, for example their accuracies as bars and their learning curves."),
        cells=sorted(images),
    )


def _compares(evidence: Evidence) -> bool:
    """Whether a chart of several models is shown."""
    return any(drawing.compares for drawing in shown(evidence, pieces(evidence.cells)))


def _compared(evidence: Evidence) -> set[int]:
    """Cells with a chart of several things that come from trainings or evaluations, whatever their names."""
    found = pieces(evidence.cells)
    known = list(bindings(piece.node for piece in found))
    results = closure(known, lambda value, names: holds(value, names, _MEASURING, NOTHING))
    drawn = {drawing.cell for drawing in shown(evidence, found) if drawing.compares}
    charts = [
        piece
        for piece in found
        if piece.cell in drawn and holds(piece.node, results, _MEASURING, NOTHING) and _draws_curves(piece.node)
    ]
    named = {piece.node.name for piece in charts if isinstance(piece.node, ast.FunctionDef)}
    calling = {piece.cell for piece in found if any(name_of(call) in named for call in calls([piece.node]))}
    return {piece.cell for piece in charts} | calling


def _draws_curves(node: ast.AST) -> bool:
    return any(CURVES.fullmatch(name_of(call)) for call in calls([node]))


def _images(evidence: Evidence) -> dict[int, int]:
    shown_in = {cell.index: sum(output.image is not None for output in cell.outputs) for cell in evidence.cells}
    return {index: count for index, count in shown_in.items() if count}


def _drawing(evidence: Evidence) -> dict[int, str]:
    """Code of cells that show images, without comments and without what cannot have drawn them."""
    found: dict[int, list[ast.stmt]] = {}
    for piece in pieces(evidence.cells):
        found.setdefault(piece.cell, []).append(piece.node)
    images = _images(evidence)
    return {
        index: "\n".join(ast.unparse(node) for node in live(nodes, images[index]))
        for index, nodes in found.items()
        if index in images
    }


def _is_about_models(source: str) -> bool:
    return bool(_CURVE_NAMES.search(fold(source))) or "compar" in source.lower() or "evalu" in source.lower()


# --- clarity -------------------------------------------------------------------------------------------------------


@check("document.clarity")
def clarity(
    evidence: Evidence,
    *,
    least_words: Count = 150,
    most_words: Count = 8000,
    most_output: Count = 100_000,
    headings_wanted: Count = 4,
) -> Finding:
    """Half for figures with title and labelled axes, a quarter each for headings and for length.

    Length falls off below ``least_words`` words of one's own and above ``most_words``, and when the notebook prints
    more than ``most_output`` characters.
    """
    own = pieces(evidence.cells, evidence.template_cells)
    count = sum(paragraph.words for paragraph in own_prose(evidence))
    if not own and not count:
        finding = unreached(
            Standing.TEXT,
            say("Nothing in the notebook is your own yet."),
            advice=say("Fill in the sections, and label your figures."),
        )
        return replace(finding, for_teacher=unseen(evidence))
    printed = sum(len(output.text) for cell in evidence.cells for output in cell.outputs)
    parts = [
        _labelled(evidence, own),
        _headings(headings(evidence.cells), headings_wanted, min(1.0, count / least_words)),
        _length(count, printed, least_words, most_words, most_output),
    ]
    finding = combine(
        parts,
        Standing.TEXT,
        say("Looked at: titles and axes of figures, headings, {words:int} words of your own.", words=count),
    )
    return replace(finding, for_teacher=unseen(evidence))


def _labelled(evidence: Evidence, own: Sequence[Piece]) -> Part:
    """Of the stretches of one's own code that draw, or of the given functions that it calls; nothing without images."""
    coded = {piece.cell for piece in own}
    calls_given = any(output.image for cell in evidence.cells if cell.index in coded for output in cell.outputs)
    drawn = shown(evidence, own) or (shown(evidence, pieces(evidence.cells)) if calls_given else ())
    images = any(output.image for cell in evidence.cells for output in cell.outputs) or not evidence.executed
    good = [drawing for drawing in drawn if drawing.titled and drawing.labelled]
    scores = sum((drawing.titled + drawing.labelled) / 2 for drawing in drawn)
    return Part(
        weight=0.5,
        score=scores / len(drawn) if drawn and images else 0.0,
        line=say(
            "Figures with a title and labelled axes: {good:int} of {drawn:int}.", good=len(good), drawn=len(drawn)
        ),
        advice=say("Give each figure a title and name its axes, with units."),
        cells=sorted({drawing.cell for drawing in drawn if drawing not in good}),
    )


def _headings(found: Sequence[Heading], wanted: int, factor: float) -> Part:
    """Markdown headings whose levels are not skipped; they count as far as there is text below them."""
    levels = [heading.level for heading in found if not heading.banner]
    skipped = sum(below - above > 1 for above, below in pairwise(levels) if below < BOLD_LEVEL)
    score = min(1.0, len(levels) / wanted) * slope(skipped, 4, 1) * factor
    return Part(
        weight=0.25,
        score=score,
        line=say("Headings: {headings:int}; levels skipped: {skipped:int}.", headings=len(levels), skipped=skipped),
        advice=say("Use headings of two or three levels, one below the other."),
    )


def _length(count: int, printed: int, least: int, most: int, most_output: int) -> Part:
    score = min(1.0, count / least) * slope(count, 2 * most, most) * slope(printed, 4 * most_output, most_output)
    advice = say("Write more: a reader who was not there has to follow.")
    if count >= least:
        advice = say("Keep it short: print less (verbose=0 or 2) and summarise.")
    return Part(
        weight=0.25,
        score=score,
        line=say("Words of your own: {words:int}; characters printed: {printed:int}.", words=count, printed=printed),
        advice=advice,
    )
