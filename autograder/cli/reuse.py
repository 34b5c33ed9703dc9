"""What of a class was remembered, and why the rest was not, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from autograder.console import safe
from autograder.recall import Recall
from autograder.records import Json

STAGES: Final = ("execution", "measurement", "grade")
"""What people are told about; the others follow from these, and take no time."""

_WHY: Final[Mapping[str, str]] = {
    "new": "new",
    "forced": "forced",
    "lost": "no longer whole in the store",
    "executed": "executed",
    "baseline": "another baseline",
    "checks": "checks changed",
    "code": "code cells changed",
    "data": "data changed",
    "device": "device or threads changed",
    "environment": "environment changed",
    "evidence": "evidence changed",
    "files": "files beside the notebook changed",
    "final": "another final model in its own kernel",
    "images": "altered images changed",
    "limits": "limits changed",
    "model": "model changed",
    "packages": "packages changed",
    "parameters": "parameters changed",
    "preparation": "preparation of images changed",
    "program": "this program changed",
    "rubric": "rubric changed",
    "sandbox": "sandbox changed",
    "secret": "another state folder",
    "seed": "seed changed",
    "submission": "name or refusal changed",
}
"""Part of a key -> what is said where it differs; each part has one (tests/test_reuse.py)."""


def lines(recalls: Mapping[str, Sequence[Recall]], *, verbose: bool = False) -> Iterator[str]:
    """One for each stage of which something was asked; with ``verbose`` one more for each student it was done for."""
    told = {student: recalled(own) for student, own in recalls.items() if own}
    for stage in STAGES:
        known = {student: stages[stage] for student, stages in told.items() if stage in stages}
        if not known:
            continue
        anew = {student: recall for student, recall in known.items() if not recall.reused}
        counts = Counter(_said(recall) for recall in anew.values())
        why = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        yield f"{stage}s: {len(known) - len(anew)} of {len(known)} reused" + (f"; {why}" if why else "")
        if verbose:
            yield from (f"  {safe(student, 32)}: {stage} anew: {_said(recall)}" for student, recall in anew.items())


def told(recalls: Sequence[Recall]) -> Json:
    """The same for a program: stage -> whether it was reused, and which parts of the question were new."""
    return {stage: {"reused": recall.reused, "why": list(recall.why)} for stage, recall in recalled(recalls).items()}


def recalled(recalls: Sequence[Recall]) -> Mapping[str, Recall]:
    """By stage; measurements of several models are one, and reused where none of them had to be made."""
    found = {recall.stage: recall for recall in recalls if recall.stage in STAGES}
    models = [recall for recall in recalls if recall.stage.startswith("measurement/")]
    anew = tuple(dict.fromkeys(why for recall in models if not recall.reused for why in recall.why))
    if anew and "execution" in found and not found["execution"].reused and "forced" not in anew:
        anew = ("executed",)
    whole = any(recall.stage == "evidence" and recall.reused for recall in recalls)
    if models or whole:  # else there was nothing to measure
        found["measurement"] = Recall(stage="measurement", reused=not anew, why=anew)
    return {stage: found[stage] for stage in STAGES if stage in found}


def _said(recall: Recall) -> str:
    return " and ".join(_WHY.get(why, why) for why in recall.why)
