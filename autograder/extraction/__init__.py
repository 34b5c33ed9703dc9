"""From an execution to evidence: what the notebook says, and what its models are measured to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.datasets import DataSet
from autograder.extraction.case import Bench
from autograder.extraction.contradictions import contradictions
from autograder.extraction.fallback import prepare_fallback
from autograder.extraction.ledger import read_ledger
from autograder.extraction.origin import brought
from autograder.extraction.overruling import overruling
from autograder.extraction.prying import prying
from autograder.extraction.sections import find_sections, guess_language
from autograder.extraction.standard import baseline_from
from autograder.extraction.stored import comparable, drifts
from autograder.extraction.study import study
from autograder.extraction.tables import find_table
from autograder.extraction.tampering import tampering
from autograder.notebook import read
from autograder.notebook.reading import MAX_SOURCE, MAX_TOTAL_SOURCE
from autograder.notebook.source import MAX_TOKENS, passed_over, unread
from autograder.recall import Memory
from autograder.records import (
    Baseline,
    Cell,
    CellState,
    Drift,
    Ending,
    Evidence,
    Execution,
    Gap,
    GapKind,
    Ledger,
    Rubric,
    Submission,
    say,
)
from autograder.sandbox.room import Sandbox
from autograder.store import Store

MAX_DRIFTS = 20


def extract(  # noqa: PLR0913 - one name for each thing that the evidence depends on
    *,
    submission: Submission,
    execution: Execution,
    cells: Sequence[Cell],
    template_cells: Sequence[str],
    data: DataSet,
    baseline: Baseline | None,
    rubric: Rubric,
    sandbox: Sandbox,
    store: Store,
    others: Sequence[Path] = (),
    memory: Memory | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Evidence:
    """Room 2 and the reading of the notebook; ``others`` are files of further sets that it loads.

    Raises AutograderError for faults of ours only.
    """
    ledger, gaps = read_ledger(execution, store)
    bench = Bench(
        data=data, rubric=rubric, sandbox=sandbox, store=store, memory=memory, cancelled=cancelled, others=others
    )
    things = brought(submission.files, cells, template_cells, store)
    studied = study(ledger, execution, cells, baseline, bench, things)
    table = find_table(cells, ledger, studied.models)
    if table is None:
        gaps = (*gaps, Gap(kind=GapKind.TABLE, reason=say("No table of models with their accuracies was found.")))
    return Evidence(
        student=submission.student,
        cells=tuple(cells),
        template_cells=tuple(template_cells),
        execution=execution,
        ledger=studied.ledger,
        models=studied.models,
        final=studied.final,
        table=table,
        sections=find_sections(cells, template_cells),
        baseline=baseline,
        data=data.card,
        gaps=(
            *gaps,
            *_passed_over(cells),
            *_beyond(cells),
            *_unread(cells, execution),
            *studied.gaps,
            *tampering(ledger, execution, cells),
            *overruling(execution, cells),
            *prying(execution, cells),
            *contradictions(ledger, execution, studied.models, store, apart=studied.apart),
        ),
        mislabelled=studied.mislabelled,
        unaltered=studied.unaltered,
        drifts=_drifts(submission, execution, cells, data, store),
        language=guess_language(cells),
    )


def _passed_over(cells: Sequence[Cell]) -> tuple[Gap, ...]:
    found = passed_over(cells)
    if not found:
        return ()
    reason = say(
        "The notebook has more code than is looked into, {limit:int} words and signs; passed over (cells: {cells}). "
        "Data that were pasted in belong into a file.",
        limit=MAX_TOKENS,
        cells=_listed(found),
    )
    return (Gap(kind=GapKind.CODE, reason=reason),)


def _beyond(cells: Sequence[Cell]) -> tuple[Gap, ...]:
    found = [cell.index for cell in cells if cell.beyond]
    if not found:
        return ()
    reason = say(
        "Of some cells only a beginning was read, or nothing: a cell may have {limit:int} characters, and all that "
        "have code, or all others, {total:int} (cells: {cells}). No item looks at the rest.",
        limit=MAX_SOURCE,
        total=MAX_TOTAL_SOURCE,
        cells=_listed(found),
    )
    return (Gap(kind=GapKind.CODE, reason=reason),)


def _unread(cells: Sequence[Cell], execution: Execution) -> tuple[Gap, ...]:
    ran = {run.index for run in execution.cells if run.state is CellState.RAN}
    found = [index for index in unread(cells) if index in ran]
    if not found:
        return ()
    reason = say(
        "Code that ran is not understood here, or takes too long to read, and no item looks at it (cells: {cells}).",
        cells=_listed(found),
    )
    return (Gap(kind=GapKind.CODE, reason=reason),)


def _listed(indices: Sequence[int]) -> str:
    return ", ".join(str(index + 1) for index in indices[:10]) + (" …" if len(indices) > 10 else "")


def _drifts(
    submission: Submission, execution: Execution, cells: Sequence[Cell], data: DataSet, store: Store
) -> tuple[Drift, ...]:
    if submission.notebook is None or not comparable(cells, data.card, execution):
        return ()
    return drifts(read(store.get(submission.notebook), store), cells)[:MAX_DRIFTS]


def read_only(
    submission: Submission,
    *,
    cells: Sequence[Cell],
    template_cells: Sequence[str],
    execution: Execution | None = None,
) -> Evidence:
    """What can be known of a notebook without running it: its text, and the outputs it came with.

    ``execution`` says why it was not run.
    """
    return Evidence(
        student=submission.student,
        cells=tuple(cells),
        template_cells=tuple(template_cells),
        execution=execution or Execution(ending=Ending.REFUSED, reason=say("Nothing was executed.")),
        ledger=Ledger(),
        table=find_table(cells, Ledger()),
        sections=find_sections(cells, template_cells),
        executed=False,
        language=guess_language(cells),
    )


__all__ = ["baseline_from", "extract", "prepare_fallback", "read_ledger", "read_only"]
