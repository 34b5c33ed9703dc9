"""What the result of each stage depends on; docs/memory.md has it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from inspect import getsourcefile
from pathlib import Path
from typing import Final

from autograder import budget, checks
from autograder.adapters import adapter
from autograder.budget import Cut
from autograder.course import Course
from autograder.execution import code
from autograder.program import PACKAGE, code_digest, digest_of, packages
from autograder.recall import Key, key
from autograder.records import Digest, Execution, Limits, Rubric, Submission

_EXECUTING = (
    "guest",
    "execution",
    "datasets.py",
    "preprocessing.py",
    "corruptions.py",
    "repairs.py",
    "familiar.py",
    "parcel.py",
    "wellknown.py",
    "extraction/fallback.py",
    "extraction/nudges.py",
    "extraction/probing.py",
)
"""Modules of ours on which an execution depends: the last ones, by what models that stay in their kernel are asked."""
_MEASURING = (
    "guest",
    "extraction",
    "preprocessing.py",
    "repairs.py",
    "corruptions.py",
    "statistics.py",
    "wellknown.py",
    "notebook",
    "datasets.py",
)
"""Modules of ours on which evidence depends."""
WHOLE: Final = Cut(planned_seconds=0.0)
"""Nothing is cut."""


def execution_key(
    submission: Submission, course: Course, seed: int, device: str, *, cut: Cut = WHOLE, rehearsal: bool = False
) -> Key:
    """What room 1 depends on: code cells and files, data, parameters, limits, seed, device, packages and our own code.

    Text is not among them: it does not enter the room. The budget itself is not, but the share that follows from it:
    that is what baselines have in common.
    """
    notebook = None if submission.notebook is None else code(course.store.get(submission.notebook))
    return key(
        "rehearsal" if rehearsal else "execution",
        code=notebook and notebook.cells,
        files=dict(submission.files),
        data=[
            course.data.card.digest,
            {name: path.name for name, path in course.others.items()},
            notebook and notebook.spoken,
        ],
        parameters=dict(course.rubric.parameters),
        limits=[asdict(room_limits(course, rehearsal=rehearsal)), cut.share, cut.whole_tests],
        images=[course.rubric.robustness_images, course.rubric.seed],
        secret=digest_of(course.store.secret()),
        seed=seed,
        device=[device.partition(":")[0], course.threads],
        environment=dict(course.environment),
        sandbox=course.sandbox.name,
        packages=packages(),
        program=code_digest(*_EXECUTING),
    )


def for_final(known: Key, final: str) -> Key:
    """The same, where models were asked in their kernel and the text makes another one of them the final model."""
    return replace(known, parts=(*known.parts, ("final", final)))


def room_limits(course: Course, *, rehearsal: bool) -> Limits:
    """Those of the rubric without what is settled before the room is entered, or holds in another one."""
    limits = course.rubric.limits
    if rehearsal:
        return budget.rehearsal(limits)
    plain = Limits()
    return replace(
        limits,
        budget_seconds=plain.budget_seconds,
        over_budget=plain.over_budget,
        measuring_seconds=plain.measuring_seconds,
        model_seconds=plain.model_seconds,
    )


def placed_key(execution: Execution, notebook: Digest) -> Key:
    """Of the run of the code cells as that of a whole notebook: nothing else has a part in it."""
    return key("placed", execution=execution_digest(execution), text=notebook, program=code_digest(*_EXECUTING))


def final_key(execution: Execution, submission: Submission, course: Course) -> Key:
    """Of the choice of the final model that is made before the kernel is left."""
    return key(
        "final",
        execution=execution_digest(execution),
        text=submission.notebook,
        data=[course.data.card.digest, {name: path.name for name, path in course.others.items()}],
        images=[course.rubric.robustness_images, course.rubric.seed],
        program=code_digest(*_MEASURING),
    )


def execution_digest(execution: Execution) -> str:
    return digest_of(adapter(Execution).dump_json(execution))


def evidence_key(execution: Execution, submission: Submission, course: Course) -> Key:
    """What room 2 and the reading of the notebook depend on."""
    known = course.baseline
    baseline = None if known is None else [known.mean_errors, *known.predictions, *known.altered, *known.nudged]
    return key(
        "evidence",
        secret=digest_of(course.store.secret()),
        files=dict(submission.files),
        execution=execution_digest(execution),
        text=submission.notebook,
        data=[course.data.card.digest, {name: path.name for name, path in course.others.items()}],
        baseline=baseline,
        template=course.template,
        images=[course.rubric.robustness_images, course.rubric.seed],
        limits=_measuring_limits(course),
        program=code_digest(*_MEASURING),
    )


def baseline_key(runs: Sequence[Execution], seeds: Sequence[int], course: Course) -> Key:
    """What the measures of the baseline depend on."""
    return key(
        "baseline",
        secret=digest_of(course.store.secret()),
        execution=[execution_digest(run) for run in runs],
        seed=list(seeds),
        data=course.data.card.digest,
        images=[course.rubric.robustness_images, course.rubric.seed],
        limits=_measuring_limits(course),
        program=code_digest(*_MEASURING),
    )


def _measuring_limits(course: Course) -> list[int]:
    """A model that was stopped by them is part of what was found."""
    limits = course.rubric.limits
    return [limits.measuring_seconds, limits.model_seconds]


def findings_key(evidence: str, rubric: Rubric) -> Key:
    """What a finding depends on besides what its item asks: the evidence, by its digest, and the checks."""
    return key("findings", evidence=evidence, program=code_digest("."), checks=plugins_digest(rubric))


def grade_key(evidence: str, submission: Submission, rubric: Rubric) -> Key:
    """What a grade depends on."""
    refusal = submission.refusal and [submission.refusal.text, dict(submission.refusal.values)]
    return key(
        "grade",
        evidence=evidence,
        submission=[submission.name, refusal, submission.fault],
        rubric=rubric.digest,
        program=code_digest("."),
        checks=plugins_digest(rubric),
    )


def plugins_digest(rubric: Rubric) -> str:
    """Digest over the files of the checks that are not ours: a teacher's own, or those of a package."""
    called = checks.signatures()
    files = {getsourcefile(called[item.check].function) for _, item in rubric.items if item.check in called}
    foreign = sorted(file for file in files if file and not Path(file).resolve().is_relative_to(PACKAGE))
    return digest_of(b"\0".join(Path(file).read_bytes() for file in foreign))
