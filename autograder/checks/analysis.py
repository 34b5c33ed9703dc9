"""Does the student look critically at her models: errors, robustness, strengths and weaknesses?

Heuristics: they find out whether something was done and whether sentences speak of it; how good a thought is they
cannot tell.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from autograder.checks.alteration import discussed, names_alteration, speaks_of_alteration
from autograder.checks.answers import undecided, unreached
from autograder.checks.appraisal import ADVICE, STRENGTHS, WEAKNESSES, places
from autograder.checks.byclass import followed, goes_by_class
from autograder.checks.confused import Confused, Seen, from_matrix, from_output, matrix_in, rates_in
from autograder.checks.mentions import Naming, foreign, namings, own_prose, section_cells, stands_below
from autograder.checks.parts import Part, combine
from autograder.checks.registry import check
from autograder.checks.repeated import works_out, written
from autograder.notebook.numbers import figures
from autograder.notebook.prose import Paragraph
from autograder.notebook.source import Piece, pieces
from autograder.notebook.text import fold
from autograder.records import Cell, Evaluation, Evidence, Finding, GapKind, Message, Output, Standing, say

Count = Annotated[int, Field(ge=1)]

_ERROR_CODE = re.compile(
    r"confusion|classification_report|crosstab|misclass|mal_?class|mauvais|incorrect|wrong|analy[sz]e_?err|erreurs?|\bfaux\b"
    r"|errors?_(?:by|per|rate|ind|par|mask)|(?:by|per|par)_(?:class|digit|classe|chiffre)|(?:test|show|plot|display)_errors?"
)


# --- errors --------------------------------------------------------------------------------------------------------


@check("analysis.errors")
def errors(evidence: Evidence, *, pairs: Count = 8) -> Finding:
    """Half for errors per class or a confusion matrix, half for sentences that name classes which really are confused.

    A pair is really confused when it is among the ``pairs`` most confused on hidden images, or in what the notebook
    itself printed, unless hidden images speak against it. Classes that are not so earn half of the half, beside errors
    that were looked at. Code that only speaks of errors counts nothing where all uses of models are known and none can
    have told one image from another.
    """
    if not evidence.executed:
        return _not_executed()
    own = own_prose(evidence)
    if foreign(own):
        return _foreign(own)
    told = tuple(namings(evidence, own))
    done, by_hand = _cells_with_errors(evidence)
    done = [] if _only_judged_whole(evidence) else done
    known = _confused(evidence, done, pairs)
    if told and not known:
        return undecided(
            Standing.TEXT,
            say("Your text names classes that are confused; nothing was measured to hold it against."),
            cells=[*done, *(naming.cell for naming in told)],
            found={"named": _named(told)},
        )
    confirmed = any(source.holds(told) for source in known)
    looked = bool(done) and (by_hand or bool(told))
    parts = [_looked(looked, done), _sentences(told, 1.0 if confirmed else 0.5 if looked and told else 0.0)]
    return combine(parts, Standing.TEXT, _on_errors(looked, told, confirmed), details=_measured_pairs(evidence, pairs))


def _cells_with_errors(evidence: Evidence) -> tuple[list[int], bool]:
    """By what their code does, whatever it is called, and by what they show: a square of counts, a rate per class."""
    known = followed(pieces(evidence.cells))

    def looks(node: ast.AST) -> bool:
        named = any(_ERROR_CODE.search(fold(name)) for name in _identifiers(node))
        return named or goes_by_class(node) or known.looks(node)

    done, by_hand = _cells_that_show(evidence, looks)
    worked, theirs = _cells_that_show(evidence, lambda _: True)
    rated, _ = _cells_that_show(evidence, known.uses_predictions)
    cells = [cell for cell in evidence.cells if theirs and cell.index in worked]
    told = [cell.index for cell in cells if _tells_errors(evidence, cell, rates=cell.index in rated)]
    return (sorted({*told, *(done if by_hand else ())}), True) if told else (done, by_hand)


def _tells_errors(evidence: Evidence, cell: Cell, *, rates: bool) -> bool:
    """``rates``: whether a figure per class can be a rate of errors, since its code speaks of predictions."""
    classes = evidence.data.classes if evidence.data else 10
    used = {use.x.shape[0] for use in evidence.ledger.evaluations if use.x.shape}
    used |= {evidence.data.public_images, evidence.data.test_rows} if evidence.data else set()
    texts = [output.text for output in _shown(cell)]
    if any(sum(map(sum, matrix_in(text, classes))) in used - {0} for text in texts):
        return True
    return rates and any(rates_in(text, classes) for text in texts)


def _looked(looked: bool, cells: Sequence[int]) -> Part:
    line = say("Errors per class or a confusion matrix: found, with its output.")
    if not looked:
        line = say("Errors per class or a confusion matrix: not found among what your code showed.")
    advice = say("Show a confusion matrix, or the error rate of each class, for your best model.")
    return Part(0.5, float(looked), line, advice, cells if looked else ())


def _sentences(told: Sequence[Naming], score: float) -> Part:
    return Part(
        weight=0.5,
        score=score,
        line=say("Classes that your text names as confused: {classes}.", classes=_list(_named(told)) or "–"),
        advice=say("Say in a sentence which classes are confused with which, as your confusion matrix shows, and why."),
        cells=sorted({naming.cell for naming in told}),
    )


def _on_errors(looked: bool, told: Sequence[Naming], confirmed: bool) -> Message:
    if not looked and not told:
        return say("No error analysis was found, neither in the code nor in the text.")
    if not told:
        return say("Errors are shown per class, but no sentence names the classes that are confused.")
    if confirmed:
        return say("The classes that your text names really are among the most confused.")
    return say("Your text names classes, but they are not among those that are most confused.")


def _measured_pairs(evidence: Evidence, pairs: int) -> Iterator[Message]:
    if evidence.final is None:
        return
    worst = from_matrix(evidence.final.confusion, min(3, pairs)).pairs
    listed = ", ".join(sorted("/".join(map(str, sorted(pair))) for pair in worst)[:6])
    if listed:
        yield say("Measured on hidden images, the most confused pairs are: {pairs}.", pairs=listed)


def _confused(evidence: Evidence, cells: Sequence[int], pairs: int) -> list[Confused]:
    classes = evidence.data.classes if evidence.data else 10
    seen = _seen(evidence)
    found = [from_matrix(seen.confusion, pairs)] if seen.confusion else []
    texts = (output.text for cell in evidence.cells if cell.index in cells for output in cell.outputs)
    return found + [read for text in texts if (read := from_output(text, classes, pairs, seen))]


def _seen(evidence: Evidence) -> Seen:
    final, images = evidence.final, evidence.data.public_images if evidence.data else 0
    if final is None:
        return Seen()
    others = (model.public_accuracy for model in evidence.models if not model.chosen)
    return Seen(
        confusion=final.confusion,
        images=images,
        accuracy=final.public_accuracy,
        others=tuple(figure for figure in others if figure is not None),
        tolerance=max(Seen().tolerance, 1.5 / images if images else 0.0),
    )


def _only_judged_whole(evidence: Evidence) -> bool:
    """Whether every use on record is an ``evaluate`` of one of two sets of images: of training and test, mostly.

    False where no use is on record: models of other libraries leave none.
    """
    uses = evidence.ledger.evaluations
    judged = {use.x.digest for use in uses}
    return bool(uses) and all(use.kind == "evaluate" for use in uses) and len(judged) <= 2 and "" not in judged


def _named(told: Iterable[Naming]) -> list[int]:
    return sorted({place for naming in told for place in naming.classes})


def _list(classes: Sequence[int]) -> str:
    return ", ".join(map(str, classes))


# --- robustness ----------------------------------------------------------------------------------------------------


@check("analysis.robustness", needs=[GapKind.LEDGER])
def robustness(evidence: Evidence, *, words_wanted: Count = 15, rows: Count = 100) -> Finding:
    """Half for a test on altered images that took place, half for a discussion with a figure.

    It took place when the ledger holds a use of a model on at least ``rows`` images whose data differ from the test set
    of the same shape and are not images of the data set as they were. Where no images of the data set were recognised
    in that shape, the code must also speak of an alteration; one of the two alone counts half, as do images of which
    neither code nor text nor a heading says that they are a test: they may be prepared otherwise by mistake. Code that
    only speaks of it counts nothing where all that models were used on is known to be as it was. What stands below the
    heading of the test is its discussion, in whatever words.
    """
    if not evidence.executed:
        return _not_executed()
    own = own_prose(evidence)
    if foreign(own):
        return _foreign(own)
    runs = _altered(evidence, rows)
    shown, by_hand = _cells_that_show(evidence, partial(_alters, sure=not runs))
    if _all_as_it_was(evidence):
        shown = []
    below = stands_below(evidence, "robustness")
    about = [paragraph for paragraph in own if speaks_of_alteration(paragraph, below=below(paragraph))]
    said = discussed(about, words_wanted)
    by_hand = by_hand or bool(_own_cells(evidence) & _cells_of(evidence, runs))
    meant = bool(shown or said or section_cells(evidence, "robustness") & _cells_of(evidence, runs))
    seen = 1.0 if meant and _are_altered(evidence, runs) else (bool(runs) + bool(shown)) / 2
    took = seen if by_hand or said else 0.0
    at = {cell for cell in _cells_of(evidence, runs) if cell is not None}
    parts = [_took_place(took, runs, sorted(at.union(shown))), _discussed(said if took else said / 2, about)]
    return combine(parts, Standing.CLAIM, _on_robustness(took, said, bool(runs)), details=_results(evidence, runs))


def _altered(evidence: Evidence, rows: int) -> list[Evaluation]:
    """Evaluations of a model on other data than the test set, in the same shape, or on more in pieces.

    Training data are left out, and other images of the data set that are as they were.
    """
    plainly = _as_it_was(evidence)
    large = [item for item in evidence.ledger.evaluations if item.x.shape and item.x.shape[0] >= rows and item.x.mark]
    usual = Counter(item.x.mark for item in large)
    plain: dict[tuple[str, tuple[int, ...]], str] = {}
    for item in large:
        key = (item.model, item.x.shape)
        plain[key] = max(plain.get(key, item.x.mark), item.x.mark, key=lambda mark: usual[mark])
    others = [item for item in large if item.x.mark not in plainly]
    return [item for item in others if item.x.mark != plain[item.model, item.x.shape] or _outgrows(item, large)]


def _outgrows(use: Evaluation, uses: Sequence[Evaluation]) -> bool:
    """Whether a cell gave the model more pieces than another did: several sets of altered images are one use."""
    if use.x.kind != "sequence":
        return False
    return any(
        other.x.kind == "sequence"
        and (other.model, other.x.shape[1:]) == (use.model, use.x.shape[1:])
        and other.x.shape[0] < use.x.shape[0]
        and other.x.mark != use.x.mark
        for other in uses
    )


def _cells_of(evidence: Evidence, runs: Sequence[Evaluation]) -> set[int | None]:
    return {evidence.cell_of(run.execution_count) for run in runs}


def _are_altered(evidence: Evidence, runs: Sequence[Evaluation]) -> bool:
    """Whether the run itself tells: images of the data set were recognised among what a model was used on, and in the
    same shape some that are none. Features, or images that no recipe is known for, are not recognised at all."""
    known = {(use.model, use.x.shape[1:]) for use in evidence.ledger.evaluations if use.x.mark in evidence.unaltered}
    return any((run.model, run.x.shape[1:]) in known for run in runs)


def _as_it_was(evidence: Evidence) -> set[str]:
    """Marks of training data, and of other images of the data set that nothing has altered."""
    trained = {item.x.mark for item in evidence.ledger.trainings}
    trained |= {item.validation_x.mark for item in evidence.ledger.trainings if item.validation_x}
    return trained | set(evidence.unaltered)


def _all_as_it_was(evidence: Evidence) -> bool:
    """False where no use is on record: models of other libraries leave none."""
    used = {item.x.mark for item in evidence.ledger.evaluations}
    return bool(used) and used <= _as_it_was(evidence) - {""}


def _took_place(took: float, runs: Sequence[Evaluation], cells: Sequence[int]) -> Part:
    return Part(
        weight=0.5,
        score=took,
        line=say("Evaluations on altered images seen during the run: {runs:int}.", runs=len(runs)),
        advice=say("Evaluate your best model on altered test images (noise, rotation ...) and show the accuracy."),
        cells=cells,
    )


def _discussed(said: float, about: Sequence[Paragraph]) -> Part:
    return Part(
        weight=0.5,
        score=said,
        line=say("Words about robustness: {words:int}.", words=sum(paragraph.words for paragraph in about)),
        advice=say("Discuss what the alterations cost, with the accuracy before and after."),
        cells=sorted({paragraph.cell for paragraph in about}),
    )


def _on_robustness(took: float, said: float, ran: bool) -> Message:
    if not took and not said:
        return say("No robustness test was found, neither in the run nor in the text.")
    if not took:
        return say("The text speaks of robustness, but no test on altered images took place.")
    if took < 1 and not ran:
        return say("The code speaks of altered images, but no use of a model on such images was recorded.")
    if took < 1:
        return say("A model was used on other images than the test set, but nothing says that these are altered.")
    if said < 1:
        return say("A robustness test took place; its discussion lacks words or figures.")
    return say("A robustness test took place and is discussed with figures.")


def _results(evidence: Evidence, runs: Sequence[Evaluation]) -> Iterator[Message]:
    for run in runs[:6]:
        cell = evidence.cell_of(run.execution_count)
        if "accuracy" in run.results and cell is not None:
            yield say(
                "Cell {cell:int}: accuracy {accuracy:pct2} on other data.",
                cell=cell + 1,
                accuracy=run.results["accuracy"],
            )


# --- discussion ----------------------------------------------------------------------------------------------------


@check("analysis.discussion")
def discussion(evidence: Evidence, *, words_wanted: Count = 60, figures_wanted: Count = 2) -> Finding:
    """A quarter each for strengths, weaknesses, a recommendation, and figures; the introduction does not count."""
    own = own_prose(evidence)
    if foreign(own):
        return _foreign(own)
    opening = section_cells(evidence, "introduction") - section_cells(
        evidence, "comparison", "errors", "robustness", "conclusion", "improvements"
    )
    judged = [paragraph for paragraph in own if paragraph.cell not in opening]
    if not judged:
        return unreached(
            Standing.TEXT,
            say("There is no text of your own that discusses the results."),
            advice=say("Write a conclusion: strengths, weaknesses, a recommendation, each with figures."),
        )
    parts = list(_speaks(evidence, judged, figures_wanted))
    count = sum(paragraph.words for paragraph in judged)
    return combine(
        parts,
        Standing.TEXT,
        say(
            "{found:int} of 4 found: strengths, weaknesses, a recommendation, figures.",
            found=sum(p.score == 1 for p in parts),
        ),
        factor=min(1.0, count / words_wanted),
    )


def _speaks(evidence: Evidence, judged: Sequence[Paragraph], figures_wanted: int) -> Iterator[Part]:
    strong, weak, advice = (places(evidence, judged, theme) for theme in (STRENGTHS, WEAKNESSES, ADVICE))
    yield _quarter(
        strong,
        say("Strengths: found in cell {cell:int}.", cell=_first(strong)),
        say("Strengths: not found."),
        say("Say what your best model does well, and by how much."),
    )
    yield _quarter(
        weak,
        say("Weaknesses: found in cell {cell:int}.", cell=_first(weak)),
        say("Weaknesses: not found."),
        say("Say where your best model remains weak, and what it costs."),
    )
    yield _quarter(
        advice,
        say("Recommendation: found in cell {cell:int}.", cell=_first(advice)),
        say("Recommendation: not found."),
        say("Recommend something: which model to use, and what to try next."),
    )
    found = sum(len(figures(paragraph.text)) for paragraph in judged)
    yield Part(
        weight=0.25,
        score=min(1.0, found / figures_wanted) if strong or weak or advice else 0.0,
        line=say("Figures quoted: {figures:int}; wanted: {wanted:int}.", figures=found, wanted=figures_wanted),
        advice=say("Support what you say with figures from your results."),
    )


def _quarter(cells: Sequence[int], found: Message, missing: Message, advice: Message) -> Part:
    return Part(0.25, float(bool(cells)), found if cells else missing, advice, cells[:3])


def _first(cells: Sequence[int]) -> int | None:
    return cells[0] + 1 if cells else None


# --- common --------------------------------------------------------------------------------------------------------


def _own_cells(evidence: Evidence) -> set[int | None]:
    return {piece.cell for piece in pieces(evidence.cells, evidence.template_cells)}


def _cells_that_show(evidence: Evidence, uses: Callable[[ast.AST], bool]) -> tuple[list[int], bool]:
    """Cells whose code does such a thing and showed what it worked out, and whether that code is the student's own."""
    known = written(evidence.cells)
    showing = {cell.index for cell in evidence.cells if works_out(_shown(cell), cell.source, known)}
    own = _using(pieces(evidence.cells, evidence.template_cells), uses) & showing
    return (sorted(own), True) if own else (sorted(_using(pieces(evidence.cells), uses) & showing), False)


def _shown(cell: Cell) -> list[Output]:
    return [output for output in cell.outputs if output.kind != "error" and output.stream != "stderr"]


def _using(found: Iterable[Piece], uses: Callable[[ast.AST], bool]) -> set[int]:
    """Cells in which a statement that is no definition does it."""
    used = (
        piece
        for piece in found
        if not isinstance(piece.node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
    )
    return {piece.cell for piece in used if uses(piece.node)}


def _alters(node: ast.AST, *, sure: bool) -> bool:
    return any(names_alteration(name, sure=sure) for name in _identifiers(node))


def _identifiers(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.keyword) and inner.arg:
            yield inner.arg


def _not_executed() -> Finding:
    return unreached(Standing.CLAIM, say("Nothing was executed: this item needs a run of the notebook."))


def _foreign(own: Sequence[Paragraph]) -> Finding:
    return undecided(
        Standing.TEXT,
        say("The text seems to be neither French nor English; a teacher reads it."),
        cells=sorted({paragraph.cell for paragraph in own}),
    )
