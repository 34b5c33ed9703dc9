"""Seconds of training: what a notebook plans, by the ledger of its rehearsal, and the share of it that keeps a budget.

Pure arithmetic; the same rules are followed where trainings are cut (``guest/recording/budget.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autograder.records import Ending, Execution, Limits, Message, Training, say

SMALLEST: Final = 1 / 1024
VALIDATION_ROWS: Final = 1000
"""As in ``guest/recording/budget.py``: validation takes no fewer rows, or all."""
WORTH: Final = 1.05
"""A share is not made smaller where that saves less than this factor: some of the cost cannot be cut."""
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


def over_budget(execution: Execution) -> bool:
    """Whether the notebook planned more than its budget."""
    return execution.planned_seconds is not None and execution.planned_seconds > execution.limits.budget_seconds


def told(execution: Execution) -> Message | None:
    """What a budget took from the trainings, in words; None where it took nothing."""
    if execution.share == 1 or execution.ending is Ending.REFUSED:
        return None
    return say(
        "Trainings were cut to 1/{parts:int} of their steps: the notebook plans {planned:sec} of training, the budget "
        "is {budget:sec}. The reference was cut alike.",
        parts=round(1 / execution.share),
        planned=execution.planned_seconds,
        budget=execution.limits.budget_seconds,
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
