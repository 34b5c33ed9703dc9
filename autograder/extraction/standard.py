"""The reference baseline: what a student's model is measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.errors import AutograderError
from autograder.extraction import measures
from autograder.extraction.case import Bench
from autograder.extraction.ledger import read_ledger
from autograder.extraction.matching import Sightings, candidates, prepare, steps_of
from autograder.extraction.probing import Gallery, Task
from autograder.recall import Memory
from autograder.records import Baseline, Ending, Execution, Rubric, Training
from autograder.sandbox.room import Sandbox
from autograder.store import Store

_REMEDY = (
    "Open the assignment's baseline notebook: it must train one model on the data it loads, and end without error."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One seed, measured in full."""

    training: Training
    hidden: npt.NDArray[np.float32]
    public: npt.NDArray[np.float32]
    nudged: npt.NDArray[np.float32]
    altered: npt.NDArray[np.float32]


def baseline_from(
    runs: Sequence[Execution],
    *,
    seeds: tuple[int, ...],
    data: DataSet,
    rubric: Rubric,
    sandbox: Sandbox,
    store: Store,
    memory: Memory | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Baseline:
    """Measure the baseline notebook's executions, one per seed, as a student's would be.

    Raises AutograderError when one left no model that can be measured: nothing can be graded against it.
    """
    bench = Bench(data=data, rubric=rubric, sandbox=sandbox, store=store, memory=memory, cancelled=cancelled)
    shown = bench.gallery()
    measured = [_measure(run, seed, shown, bench) for run, seed in zip(runs, seeds, strict=True)]
    wrong = np.stack([measures.predicted(one.hidden) != data.y_hidden for one in measured])
    robust = [measures.curves(one.altered, data, shown) for one in measured]
    ratios = [measures.loss_ratio(one.hidden, one.public, data) for one in measured]
    known = [ratio.value for ratio in ratios if ratio is not None]
    first = measured[0].training
    return Baseline(
        accuracies=tuple(float(share) for share in 1 - wrong.mean(axis=1)),
        seeds=seeds,
        mean_errors=store.put_array(wrong.mean(axis=0).astype(np.float32)),
        predictions=tuple(store.put_array(one.hidden) for one in measured),
        robustness=measures.mean_curves(robust),
        altered=tuple(store.put_array(one.altered) for one in measured),
        public=tuple(store.put_array(one.public) for one in measured),
        nudged=tuple(store.put_array(one.nudged) for one in measured),
        clean_accuracy=float(np.mean([measures.clean_accuracy(one.hidden, data, shown) for one in measured])),
        loss_ratio=float(np.mean(known)) if known else None,
        layers=first.layers,
        optimizer=first.optimizer,
        parameters=first.parameters,
        training=first,
    )


def _measure(run: Execution, seed: int, shown: Gallery, bench: Bench) -> _Run:
    """The last model that the reference trained."""
    ledger, _ = read_ledger(run, bench.store)
    known = [one for one in candidates(ledger, run.artifacts) if one.training is not None]
    if run.ending is not Ending.COMPLETED or not known:
        raise AutograderError(f"the reference left no model with seed {seed} ({run.ending.value})", remedy=_REMEDY)
    one = known[-1]
    preparation = prepare(one, ledger, known, run.artifacts, Sightings(bench.data, run.artifacts, bench.store))
    if preparation is None or one.artifact is None or one.training is None:
        raise AutograderError("the reference's model or its preprocessing was not found", remedy=_REMEDY)
    task = Task(id=one.id, model=one.artifact, steps=steps_of(preparation), robustness=True)
    answer = bench.probe([task], shown)[one.id]
    if answer.hidden is None or answer.public is None or answer.nudged is None or answer.altered is None:
        reason = answer.problem.text if answer.problem else "no answer"
        raise AutograderError(f"the reference could not be measured: {reason}", remedy=_REMEDY)
    return _Run(
        training=one.training,
        hidden=answer.hidden,
        public=answer.public,
        nudged=answer.nudged,
        altered=answer.altered,
    )
