"""Does the notebook run from top to bottom, from a clean kernel?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from autograder.checks import places
from autograder.checks.answers import earned, undecided, unreached
from autograder.checks.registry import check
from autograder.checks.stray import stray
from autograder.network import needs_network
from autograder.notebook.source import pieces
from autograder.records import (
    Cell,
    CellKind,
    CellRun,
    CellState,
    Ending,
    Evidence,
    Finding,
    GapKind,
    Message,
    Standing,
    Training,
    say,
)

Share = Annotated[float, Field(ge=0, le=1)]

COLAB = ("No module named 'google",)
"""What only Google Colab has: the assignment is written there, so these errors cost nothing."""

_OUT_OF_MEMORY = re.compile(r"^MemoryError\b|ResourceExhaustedError|std::bad_alloc|not enough memory")
_THRIFT = say(
    "Less memory is needed by model.predict(x) than by model(x), which answers for all images at once; by a smaller "
    "batch_size; and with fewer copies of the images."
)


@check("notebook.completes", needs=[GapKind.LEDGER])
def completes(
    evidence: Evidence,
    *,
    training_required: bool = True,
    late_cells: Annotated[int, Field(ge=0)] = 2,
    late_share: Share = 0.75,
    broken_share: Share = 0.5,
    forgiven: Sequence[str] = COLAB,
) -> Finding:
    """Share of the points by what became of each cell in a fresh kernel; warnings and the stored order cost nothing.

    Everything when every cell ran. ``late_share`` when at most ``late_cells`` failed, all of them after the last
    training. Else ``broken_share`` times the proportion of cells that ran. An error that contains one of ``forgiven``
    is one of the place of work and costs nothing; nor does a cell that asked for the network.
    """
    if not evidence.executed:
        return unreached(
            Standing.MEASUREMENT, say("Nothing was executed, so it is not known whether the notebook runs.")
        )
    if not _has_own_code(evidence):
        return unreached(
            Standing.MEASUREMENT,
            say("The notebook holds no code of your own."),
            advice=say("Write and train your own models; running the starter notebook as it is earns nothing."),
        )
    runs = _code_runs(evidence)
    if not runs:
        return undecided(
            Standing.MEASUREMENT,
            say("It is not known what became of the cells. A teacher will decide this item; it costs you nothing."),
            for_teacher=say("The execution recorded no cell although the notebook has code."),
        )
    failed = [run for run in runs if run.state is not CellState.RAN and not _is_forgiven(run, forgiven)]
    if (answer := _hindered(evidence, runs, failed)) is not None:
        return answer
    if training_required and not _trained_anything(evidence):
        return _nothing_trained(evidence, failed)
    share = _share(evidence, runs, failed, late_cells=late_cells, late_share=late_share, broken_share=broken_share)
    if share and (overruled := [gap.reason for gap in evidence.gaps if gap.kind is GapKind.CELLS]):
        return undecided(
            Standing.MEASUREMENT,
            say("What became of the cells may be the notebook's own word. A teacher will decide this item."),
            details=(*overruled, *_details(evidence, runs, failed)),
            for_teacher=say("What ran here earns {share:pct} of the points.", share=share),
        )
    return earned(
        share,
        Standing.MEASUREMENT,
        _message(runs, failed),
        advice=say("Restart the kernel and run all cells before you hand in; correct the first cell that fails."),
        details=_details(evidence, runs, failed),
        cells=[run.index for run in failed],
        found={"ran": len(runs) - len(failed), "cells": len(runs), "ending": evidence.execution.ending.value},
        wanted={"ran": len(runs)},
    )


def _hindered(evidence: Evidence, runs: Sequence[CellRun], failed: Sequence[CellRun]) -> Finding | None:
    """The answer where cells failed that may only lack what an earlier one could not get here."""
    if failed and evidence.ledger.unserved:
        return undecided(
            Standing.MEASUREMENT,
            say(
                "The notebook asks for data that this run does not have ({names}). A teacher will decide this item; it "
                "costs you nothing.",
                names=", ".join(evidence.ledger.unserved),
            ),
            for_teacher=say("Grade it with these data (--data), or read what became of its cells below."),
        )
    first = next((run.index for run in runs if needs_network(run)), None)
    if first is None or not failed or failed[0].index < first:
        return None
    return undecided(
        Standing.MEASUREMENT,
        say(
            "Cell {cell:int} asks for the network, which is not there while a notebook is graded, and cells after it "
            "failed. A teacher will decide this item; it costs you nothing.",
            cell=first + 1,
        ),
        details=_details(evidence, runs, failed),
        cells=[first, *(run.index for run in failed)],
        for_teacher=say("Do the later failures follow from that cell, or are they the notebook's own?"),
    )


def _has_own_code(evidence: Evidence) -> bool:
    """Statements of one's own, or a cell that Python cannot even read: that is somebody's work too."""
    if pieces(evidence.cells, evidence.template_cells):
        return True
    given = {_normalised(source) for source in evidence.template_cells}
    unread = (run.index for run in evidence.execution.cells if run.error and "SyntaxError" in run.error)
    sources = {cell.index: cell.source for cell in evidence.cells}
    return any(_normalised(sources.get(index, "")) not in {"", *given} for index in unread)


def _normalised(source: str) -> str:
    return "\n".join(line.strip() for line in source.splitlines() if line.strip())


def _code_runs(evidence: Evidence) -> list[CellRun]:
    """What became of the cells that hold code; empty ones, and those below a deliberate end, count neither way."""
    empty = {cell.index for cell in evidence.cells if _is_empty(cell)}
    runs = evidence.execution.cells
    return [run for run in runs if run.index not in empty and run.state is not CellState.LEFT_OUT]


def _is_empty(cell: Cell) -> bool:
    lines = (line.strip() for line in cell.source.splitlines())
    return cell.kind is not CellKind.CODE or all(not line or line.startswith("#") for line in lines)


def _is_forgiven(run: CellRun, forgiven: Sequence[str]) -> bool:
    known = run.state is CellState.RAISED and any(text in (run.error or "") for text in forgiven)
    return known or needs_network(run)


def _finished(evidence: Evidence) -> list[Training]:
    return [training for training in evidence.ledger.trainings if training.epochs_run >= 1]


def _trained_anything(evidence: Evidence) -> bool:
    """Also true of models that were trained in a way the ledger does not see."""
    return bool(_finished(evidence) or evidence.models or evidence.ledger.estimators)


def _nothing_trained(evidence: Evidence, failed: Sequence[CellRun]) -> Finding:
    advice = say("Correct the first error: without it the trainings can be seen.") if failed else None
    return unreached(
        Standing.MEASUREMENT,
        say("No training took place when the notebook was run from a clean kernel."),
        advice=advice or say("Train your models in the notebook that you hand in."),
        details=_details(evidence, _code_runs(evidence), failed),
        cells=[run.index for run in failed],
    )


def _share(
    evidence: Evidence,
    runs: Sequence[CellRun],
    failed: Sequence[CellRun],
    *,
    late_cells: int,
    late_share: float,
    broken_share: float,
) -> float:
    if not failed:
        return 1.0
    proportion = (len(runs) - len(failed)) / len(runs)
    last = max((evidence.cell_of(training.execution_count) or 0 for training in _finished(evidence)), default=None)
    if last is not None and len(failed) <= late_cells and all(run.index > last for run in failed):
        return max(late_share, broken_share * proportion)
    return broken_share * proportion


# --- words ---------------------------------------------------------------------------------------------------------


def _message(runs: Sequence[CellRun], failed: Sequence[CellRun]) -> Message:
    ran = sum(run.state is CellState.RAN for run in runs)
    if ran == len(runs):
        return say("All code cells ({cells:int}) ran from top to bottom in a clean kernel.", cells=len(runs))
    if not failed:
        return say(
            "{ran:int} of {cells:int} code cells ran in a clean kernel; the others ask for what is not there where "
            "notebooks are graded.",
            ran=ran,
            cells=len(runs),
        )
    return say(
        "{ran:int} of {cells:int} code cells ran in a clean kernel; the first that did not is cell {first:int}.",
        ran=len(runs) - len(failed),
        cells=len(runs),
        first=failed[0].index + 1,
    )


def _details(evidence: Evidence, runs: Sequence[CellRun], failed: Sequence[CellRun]) -> Iterator[Message]:
    execution = evidence.execution
    if execution.ending not in {Ending.COMPLETED, Ending.RAISED} and execution.reason is not None:
        yield execution.reason
        if execution.ending is Ending.OUT_OF_MEMORY:
            yield _THRIFT
    told = [run for run in failed if run.state is not CellState.NOT_RUN]
    for run in told[:8]:
        yield _what_happened(run, execution.limits.cell_seconds)
        if _OUT_OF_MEMORY.search(run.error or ""):
            limit = execution.limits.memory_mb
            yield say(
                "Cell {cell:int} ran into the limit on memory: {limit:int} MB in all.", cell=run.index + 1, limit=limit
            )
            yield _THRIFT
        elif (why := places.explanation(run)) is not None:
            yield why
    if len(told) > 8:
        yield say("{more:plural,One more cell,More cells} failed: {more:int}.", more=len(told) - 8)
    if skipped := len(failed) - len(told):
        yield say("Cells that were never reached: {cells:int}.", cells=skipped)
    yield from _forgiven_ones(runs, failed)
    yield from stray(evidence)
    if left := [run for run in execution.cells if run.state is CellState.LEFT_OUT]:
        yield say(
            "The notebook ends itself above cell {cell:int}, as exit() or SystemExit does and an error does not; what "
            "is below was left out ({count:int} {count:plural,cell,cells}).",
            cell=left[0].index + 1,
            count=len(left),
        )


def _forgiven_ones(runs: Sequence[CellRun], failed: Sequence[CellRun]) -> Iterator[Message]:
    for run in runs:
        if run.state is CellState.RAN or run in failed:
            continue
        cell = run.index + 1
        if needs_network(run):
            yield say(
                "Cell {cell:int} asked for the network, which costs nothing here: {error}", cell=cell, error=run.error
            )
            if (why := places.explanation(run)) is not None:
                yield why
        else:
            yield say(
                "Cell {cell:int} asked for Google Colab, which costs nothing here: {error}", cell=cell, error=run.error
            )


def _what_happened(run: CellRun, cell_seconds: int) -> Message:
    cell = run.index + 1
    if run.state is CellState.INTERRUPTED:
        return say("Cell {cell:int} took longer than {limit:sec} and was stopped.", cell=cell, limit=cell_seconds)
    if run.state is CellState.UNFINISHED:
        return say("Cell {cell:int} was running when the execution ended.", cell=cell)
    error = say("Cell {cell:int}: {error}", cell=cell, error=run.error or CellState.RAISED.value)
    return places.unreadable(run) or error
