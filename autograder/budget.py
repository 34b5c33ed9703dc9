"""Seconds of training: what a notebook plans, by the ledger of its rehearsal, and the share of it that keeps a budget.

Pure arithmetic; the same rules are followed where trainings are cut (``guest/recording/budget.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autograder.records import Ending, Evidence, Execution, Limits, Message, Training, say

SMALLEST: Final = 1 / 1024
VALIDATION_ROWS: Final = 1000
"""As in ``guest/recording/budget.py``: validation takes no fewer rows, or all."""
WORTH: Final = 1.05
"""A share is not made smaller where that saves less than this factor: some of the cost cannot be cut."""
AHEAD: Final = 8
"""A final model that has seen so many times the images of the reference has not suffered from a cut as that has."""
SHORTEST_REHEARSAL: Final = 60
LONGEST_REHEARSAL: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What becomes of the trainings of one notebook."""

    planned_seconds: float
    share: float = 1.0
    whole_tests: bool = True
    """Whether the public test set stays whole where it is the validation data."""


def cut(trainings: Sequence[Training], budget_seconds: float) -> Cut:
    """The largest share, a power of two, with which all trainings together keep the budget.

    One share for all of a notebook, so that its models stay comparable; powers of two, so that students have baselines
    in common. The test set stays whole as validation data where the budget allows it with the same share.
    """
    planned = seconds(trainings)
    if planned <= budget_seconds:
        return Cut(planned_seconds=planned)
    shares = [2.0**-power for power in range(11)]
    costs = {share: seconds(trainings, share, whole_tests=False) for share in shares}
    enough = max(budget_seconds, WORTH * costs[SMALLEST])
    share = next(share for share in shares if costs[share] <= enough)
    whole = share == 1 or seconds(trainings, share, whole_tests=True) <= budget_seconds
    return Cut(planned_seconds=planned, share=share, whole_tests=whole)


def seconds(trainings: Sequence[Training], share: float = 1.0, *, whole_tests: bool = True) -> float:
    """Of all trainings, had each taken this share of its steps; what is not known of a training counts as nothing."""
    return sum(_seconds(training.plan, share, whole_tests) for training in trainings)


def _seconds(plan: Mapping[str, float], share: float, whole_tests: bool) -> float:
    known = {name: value for name, value in plan.items() if math.isfinite(value) and value >= 0}

    def of(name: str) -> float:
        return known.get(name, 0.0)

    spared = whole_tests and of("public") > 0
    steps = max(1, math.ceil(share * of("steps"))) * of("step_seconds")
    every = 1 if spared else max(1, min(round(1 / share), int(of("validation_rows")) // VALIDATION_ROWS))
    checks = of("validations") * math.ceil(of("validation_steps") / every) * of("validation_step_seconds")
    passes = math.ceil(share * of("epochs")) * of("pass_seconds")
    return of("first_seconds") + of("epochs") * (steps + of("epoch_seconds")) + checks + passes


# --- the reference -------------------------------------------------------------------------------------------------


def fair(evidence: Evidence) -> float:
    """The share of the reference's steps by which it is fair to judge: by what came of a plan, not by the plan alone.

    A plan may be far beyond what is carried out, as where a notebook asks for 100,000 epochs and stops after a few
    seconds: then its models are trained well, and a reference of that share hardly begins. So the reference sees an
    eighth at least of the images that the final model has seen, up to all of its own. An ordinary plan is left alone:
    to a reference of five epochs, fewer than forty epochs on as many images change nothing, whatever the share.
    """
    share, reference = evidence.execution.share, None if evidence.baseline is None else evidence.baseline.training
    if reference is None:
        return share
    seen = _of_final(evidence)
    while share < 1 and seen >= AHEAD * _seen(reference, evidence, share) > 0:
        share = min(1.0, 2 * share)
    return share


def _of_final(evidence: Evidence) -> float:
    """Images by which the final model was trained; of several models that answer together, the most of one.

    Weights can be handed on: a longer training of another model of its size counts as its own.
    """
    chosen = evidence.chosen
    if chosen is None:
        return 0.0
    parts = [model for model in evidence.models if model.id in chosen.members] or [chosen]
    return max((_of_one(part.training, evidence) for part in parts if part.training is not None), default=0.0)


def _of_one(number: int, evidence: Evidence) -> float:
    before = [made for made in evidence.ledger.trainings if made.number <= number]
    last = next((made for made in before if made.number == number), None)
    if last is None:
        return 0.0
    totals: dict[str, float] = {}
    for made in before:
        if made.model == last.model or (made.parameters and made.parameters == last.parameters):
            totals[made.model] = totals.get(made.model, 0.0) + _seen(made, evidence)
    return max(totals.values())


def _seen(training: Training, evidence: Evidence, share: float | None = None) -> float:
    """Images that were drawn in all epochs, repetitions of the data set left out; of the share that was taken.

    Where batches do not tell how many they are, they are taken for the whole training set.
    """
    arguments, shape = training.arguments, training.x.shape
    known = bool(shape) and (training.x.kind == "array" or shape[0] > 1024)
    rows = float(shape[0]) if known else float(evidence.data.train_images if evidence.data else 0)
    split, batch = arguments.get("validation_split"), arguments.get("batch_size")
    if known and isinstance(split, int | float) and 0 < split < 1:
        rows *= 1 - split
    rows = max(1.0, rows / max(1, training.stride))
    batch = min(rows, batch if isinstance(batch, int) and batch > 0 else 32)
    steps = math.ceil(rows / batch)
    asked = arguments.get("steps_per_epoch")
    steps = min(asked, steps) if known and isinstance(asked, int) and asked > 0 else steps
    taken = max(1, math.ceil((training.share if share is None else share) * steps))
    return max(0, training.epochs_run) * min(rows, taken * batch)


def reference_share(evidence: Evidence) -> float:
    """Of the steps of each epoch, that the reference took which this notebook is judged against."""
    training = None if evidence.baseline is None else evidence.baseline.training
    return evidence.execution.share if training is None else training.share


def over_budget(execution: Execution) -> bool:
    """Whether the notebook planned more than its budget."""
    return execution.planned_seconds is not None and execution.planned_seconds > execution.limits.budget_seconds


def told(execution: Execution, reference: float | None = None) -> Message | None:
    """What a budget took from the trainings, in words; None where it took nothing.

    ``reference``: the share of the reference, where that may be another.
    """
    share = execution.share
    if share == 1 or execution.ending is Ending.REFUSED:
        return None
    parts, planned, allowed = round(1 / share), execution.planned_seconds, execution.limits.budget_seconds
    if reference is None or reference <= share:
        return say(
            "Trainings were cut to 1/{parts:int} of their steps: the notebook plans {planned:sec} of training, the "
            "budget is {budget:sec}. The reference was cut alike.",
            parts=parts,
            planned=planned,
            budget=allowed,
        )
    if reference >= 1:
        return say(
            "Trainings were cut to 1/{parts:int} of their steps: the notebook plans {planned:sec} of training, the "
            "budget is {budget:sec}. The final model has seen many more images all the same, so the reference was not "
            "cut.",
            parts=parts,
            planned=planned,
            budget=allowed,
        )
    return say(
        "Trainings were cut to 1/{parts:int} of their steps: the notebook plans {planned:sec} of training, the budget "
        "is {budget:sec}. The final model has seen many more images all the same than a reference cut alike would "
        "have, so the reference was cut to 1/{fewer:int} only.",
        parts=parts,
        planned=planned,
        budget=allowed,
        fewer=round(1 / reference),
    )


def rehearsal(limits: Limits) -> Limits:
    """Limits of a rehearsal: its own time, and no cell may take more than a third of it from the others.

    Without a budget it is there to find what crashes, and a cell that is only slow is no crash.
    """
    wanted = limits.budget_seconds or LONGEST_REHEARSAL
    run = min(limits.run_seconds, LONGEST_REHEARSAL, max(SHORTEST_REHEARSAL, wanted))
    return Limits(
        run_seconds=run,
        cell_seconds=min(limits.cell_seconds, max(1, run // 3)),
        memory_mb=limits.memory_mb,
        disk_mb=limits.disk_mb,
        processes=limits.processes,
        output_mb=limits.output_mb,
        outputs=limits.outputs,
    )
