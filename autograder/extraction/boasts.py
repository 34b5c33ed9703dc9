"""Tables whose figures are better than what we measure, and that nothing on record gives.

One table is held against the measurements for points: the one that the run backs most. What another one beside it
says, or one whose figures lie within what is tolerated there, is looked at here, and costs nothing. Figures that were
typed in may be of an earlier run, and are then as often too low as too high: so several must all be too good, or the
final model's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autograder.extraction.fidelity import TOLERANCE
from autograder.extraction.rows import match_rows
from autograder.extraction.tables import find_tables
from autograder.records import Cell, CellRun, Ledger, MeasuredModel, Message, Table, TableRow, Training, say

SEVERAL = 3
"""Rows that differ by chance are all too high in one case of eight."""
ROUNDINGS = (0.005, 0.0005)
"""Half of the last digit of whole per cent, and of tenths."""


def boasted(
    cells: Sequence[Cell],
    runs: Sequence[CellRun],
    ledger: Ledger,
    models: Sequence[MeasuredModel],
    images: int,
    *,
    served: str = "",
) -> Iterator[Message]:
    """One sentence for each table in the text or the outputs of ``cells``; ``images``: of the public test set, each
    once; ``served``: the data set, where it is another than the one that the tables may be about."""
    chosen = next((model.training for model in models if model.chosen), None)
    for table in find_tables(cells, Ledger()):
        if table.cell is None or _may_be_of_others(_moment(table.cell, runs), ledger):
            continue
        rows = _unexplained(match_rows(table, ledger, models), ledger, models, images)
        better = [row for row in rows if _ahead(row) > 0]
        own = [row for row in better if row.training == chosen]
        if own or len(better) == len(rows) >= SEVERAL:
            yield _told(table.cell, (own or better)[0], served)


def _moment(cell: int, runs: Sequence[CellRun]) -> int:
    """How many cells had run when this one was to be read."""
    return max((run.execution_count or 0 for run in runs if run.index <= cell), default=0)


def _told(cell: int, row: TableRow, served: str) -> Message:
    if served:
        return say(
            "A table in cell {cell:int} is better than what we measure: “{label}”, {claimed:pct2} stated, "
            "{measured:pct2} measured. The figures may be of other images: it is {served} that was served here.",
            cell=cell + 1,
            label=row.label[:80],
            claimed=row.accuracy,
            measured=row.measured_accuracy,
            served=served,
        )
    return say(
        "A table in cell {cell:int} is better than what we measure: “{label}”, {claimed:pct2} stated, {measured:pct2} "
        "measured on the public test set.",
        cell=cell + 1,
        label=row.label[:80],
        claimed=row.accuracy,
        measured=row.measured_accuracy,
    )


def _ahead(row: TableRow) -> float:
    return (row.accuracy or 0.0) - (row.measured_accuracy or 0.0)


def _may_be_of_others(count: int, ledger: Ledger) -> bool:
    """Whether there were answers for more images than those of the test set, as for a mean over flipped ones, in the
    last cell before the table in which a model was at work."""
    work = [use.execution_count or 0 for use in ledger.evaluations]
    work += [one.execution_count or 0 for one in ledger.trainings]
    last = max((moment for moment in work if moment <= count), default=0)
    asked = {use.x.digest for use in ledger.evaluations if use.execution_count == last and not use.results}
    return len(asked) > 1


def _unexplained(table: Table, ledger: Ledger, models: Sequence[MeasuredModel], images: int) -> list[TableRow]:
    """Rows of models that ``fit`` trained once, whose figure is neither what we measure nor any other of the run."""
    known = [*_figures(ledger), *(one.public_accuracy for one in models if one.public_accuracy is not None)]
    fitted = {one.number for one in ledger.trainings if _is_single(one, ledger)}
    tolerance = max(TOLERANCE, 1.5 / images if images else 0.0)
    return [
        row
        for row in table.rows
        if row.training in fitted
        and None not in (row.accuracy, row.measured_accuracy)
        and row.of != "validation"
        and abs(_ahead(row)) > tolerance + row.chance + _rounding(row.accuracy or 0.0)
        and not _is_known(row.accuracy or 0.0, known)
    ]


def _is_single(one: Training, ledger: Ledger) -> bool:
    """A mean over seeds or folds is of trainings that are alike; figures of a loop of one's own are not recorded."""
    alike = [two for two in ledger.trainings if _settings(two) == _settings(one)]
    return len(alike) == 1 and bool(one.history) and not one.arguments.get("loop")


def _settings(one: Training) -> tuple[object, ...]:
    return one.layers, one.optimizer, one.loss, one.arguments.get("epochs"), one.arguments.get("batch_size")


def _is_known(claimed: float, known: Iterable[float]) -> bool:
    near = _rounding(claimed) + 1e-9
    return any(abs(claimed - figure) <= near or abs(1 - claimed - figure) <= near for figure in known)


def _rounding(claimed: float) -> float:
    """As coarse as the figure looks."""
    coarse = (half for half in ROUNDINGS if abs(claimed / (2 * half) - round(claimed / (2 * half))) < 1e-6)
    return next(coarse, 0.00005)


def _figures(ledger: Ledger) -> Iterator[float]:
    """The accuracies on record, of whichever model and images; of epochs the last and the best, which people state.

    Those of all epochs lie so close that a figure out of the air is among them as often as not.
    """
    yield from (figure for use in ledger.evaluations for figure in use.results.values())
    yield from (score.value for score in ledger.scores)
    for training in ledger.trainings:
        for name, figures in training.history.items():
            known = [figure for figure in figures if figure is not None and "loss" not in name]
            yield from (known[-1], max(known)) if known else ()
