"""From an execution to evidence: what the notebook says, and what its models are measured to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.extraction.ledger import read_ledger
from autograder.extraction.matching import Artifacts, Sightings, answers_for, candidates, prepare
from autograder.extraction.probing import showing
from autograder.extraction.rows import match_rows
from autograder.extraction.sections import find_sections, guess_language
from autograder.extraction.standard import baseline_from
from autograder.extraction.stored import comparable, drifts
from autograder.extraction.study import Bench, study
from autograder.extraction.tables import find_table
from autograder.notebook import read
from autograder.records import (
    Baseline,
    Cell,
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
    cancelled: Callable[[], bool] = lambda: False,
) -> Evidence:
    """Room 2 and the reading of the notebook. Raises AutograderError for faults of ours only."""
    ledger, gaps = read_ledger(execution, store)
    bench = Bench(data=data, rubric=rubric, sandbox=sandbox, store=store, cancelled=cancelled)
    studied = study(ledger, execution, cells, baseline, bench)
    table = find_table(cells, ledger)
    if table is None:
        gaps = (*gaps, Gap(kind=GapKind.TABLE, reason=say("No table of models with their accuracies was found.")))
    return Evidence(
        student=submission.student,
        cells=tuple(cells),
        template_cells=tuple(template_cells),
        execution=execution,
        ledger=ledger,
        models=studied.models,
        final=studied.final,
        table=None if table is None else match_rows(table, ledger, studied.models),
        sections=find_sections(cells, template_cells),
        baseline=baseline,
        data=data.card,
        gaps=(*gaps, *studied.gaps),
        drifts=_drifts(submission, execution, cells, data, store),
        language=guess_language(cells),
    )


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


def prepare_fallback(
    ledger: Ledger, artifacts: Artifacts, data: DataSet, store: Store
) -> Mapping[str, npt.NDArray[np.uint8]]:
    """For the end of room 1, where models that could not be saved are asked for their predictions.

    ``images``: those that room 2 sees, shuffled and without labels; and for each such model id the JSON of its recipe.
    A model whose preprocessing was not found is left out; nothing where no model is left.
    """
    known, sightings = candidates(ledger, artifacts), Sightings(data, artifacts, store)
    answering = ((answers_for(one, ledger, known), one) for one in known if one.scores and not one.artifact)
    asked = {model: one for model, one in answering if model is not None}
    prepared = {model: prepare(one, ledger, known, artifacts, sightings) for model, one in asked.items()}
    recipes = {model: [dict(step) for step in one.recipe.steps] for model, one in prepared.items() if one is not None}
    if not recipes:
        return {}
    images, _ = showing(data, store)
    written = {model: np.frombuffer(json.dumps(steps).encode(), np.uint8) for model, steps in recipes.items()}
    return {"images": store.get_array(images), **written}


__all__ = ["baseline_from", "extract", "prepare_fallback", "read_ledger", "read_only"]
