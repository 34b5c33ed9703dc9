"""``grade.json``: everything a grade rests on, as ``docs/grade-schema.md`` describes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Final

from pydantic_core import to_json

from autograder.messages import render, visible
from autograder.records import (
    Award,
    Baseline,
    DataCard,
    Evidence,
    Execution,
    Fidelity,
    FinalMeasures,
    Gain,
    Grade,
    Json,
    MeasuredModel,
    Message,
    PublicGap,
    Report,
    Reuse,
    Table,
)

SCHEMA: Final = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""


def text(value: Json) -> str:
    """JSON for a file; a number that is not finite is null."""
    return to_json(value, indent=1, inf_nan_mode="null").decode() + "\n"


def grade(report: Report, language: str = "fr") -> dict[str, Json]:
    """All records of one student but the notebook itself; sentences are in ``language``, cells counted from 1."""
    evidence = report.evidence
    final = None if evidence is None else evidence.final
    found = {
        **award_table(report.grade, language),
        "name": report.submission.name,
        "source": report.submission.source,
        "notes": _said(report.submission.notes, language),
        "graded_at": report.graded_at,
        "versions": report.versions,
        "models": [] if evidence is None else [_model(model, language) for model in evidence.models],
        "baseline": None if evidence is None or evidence.baseline is None else _baseline(evidence.baseline),
        "gain": None if final is None or final.gain is None else _gain(final.gain),
        "robustness": {} if final is None or final.robustness is None else final.robustness.curves,
        "final": None if final is None else _final(final, language),
        "table": None if evidence is None or evidence.table is None else _table(evidence.table),
        "execution": None if evidence is None else _execution(evidence.execution, language),
        "data": None if evidence is None or evidence.data is None else _data(evidence.data),
        "ledger": None if evidence is None else _ledger(evidence),
        "sections": [] if evidence is None else list(evidence.sections),
        "gaps": [] if evidence is None else _gaps(evidence, language),
        "drifts": [] if evidence is None else [{**_shallow(one), "cell": one.cell + 1} for one in evidence.drifts],
    }
    return dict(plain(found))


def award_table(grade: Grade, language: str = "fr") -> dict[str, Json]:
    """Student, total and items: what is known without the evidence."""
    found = {
        "schema": SCHEMA,
        "language": language,
        "student": grade.student,
        "name": grade.name,
        "rubric": grade.rubric,
        "rubric_digest": grade.rubric_digest,
        "state": grade.state,
        "reason": _one(grade.reason, language),
        "total": grade.total,
        "possible": grade.possible,
        "undecided": grade.undecided,
        "items": [_item(award, language) for award in grade.awards],
    }
    return dict(plain(found))


def plain(value: object) -> Json:
    """Records as JSON: keys are field names, decimals are numbers, what is not finite is null, text is made visible."""
    common = _COMMON.get(type(value))
    if common is not None:
        return common(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list | tuple):
        return _list(value)
    return value


def _same(value: Json) -> Json:
    return value


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mapping(value: Mapping[object, object]) -> Json:
    return {visible(str(key)): plain(entry) for key, entry in value.items()}


def _list(value: Iterable[object]) -> Json:
    return [plain(entry) for entry in value]


_COMMON: Final[Mapping[type, Callable[[Any], Json]]] = {
    **dict.fromkeys((NoneType, bool, int), _same),
    **{str: visible, float: _finite, dict: _mapping, list: _list, tuple: _list},
}
"""What most of a record is made of, found by its type before all that it might be as well."""


def _shallow(one: Any) -> dict[str, Json]:  # noqa: ANN401
    """A record's own fields, which are made plain with all else in the end."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _one(message: Message | None, language: str) -> str | None:
    return None if message is None else render(message, language)


def _said(messages: Iterable[Message], language: str) -> list[str]:
    return [render(message, language) for message in messages]


def _number(index: int | None) -> int | None:
    """Cells as people count them."""
    return None if index is None else index + 1


def _item(award: Award, language: str) -> dict[str, Json]:
    finding = award.finding
    return {
        "id": award.item,
        "criterion": award.criterion,
        "title": award.title,
        "points": award.points,
        "possible": award.possible,
        "verdict": finding.verdict,
        "share": finding.share,
        "claim_or_measurement": finding.standing,
        "message": _one(finding.message, language),
        "advice": _one(finding.advice, language),
        "for_teacher": _one(finding.for_teacher, language),
        "ruled_by": award.ruled_by,
        "ruled_why": award.ruled_why or None,
        "evidence": {
            "cells": [index + 1 for index in finding.cells],
            "details": _said(finding.details, language),
            "found": finding.found,
            "wanted": finding.wanted,
        },
    }


def _model(model: MeasuredModel, language: str) -> dict[str, Json]:
    return {
        "id": model.id,
        "name": model.name,
        "chosen": model.chosen,
        "chosen_because": _one(model.chosen_because, language),
        "is_baseline": model.is_baseline,
        "training": model.training,
        "members": model.members,
        "cell": _number(model.cell),
        "parameters": model.parameters,
        "layers": model.layers,
        "bytes": model.bytes,
        "ms_per_image": model.ms_per_image,
        "preprocessing": model.preprocessing,
        "preprocessing_residual": model.preprocessing_residual,
        "measured_in": model.where,
        "problem": _one(model.problem, language),
        "notebook_accuracy": model.notebook_accuracy,
        "validation_accuracy": model.validation_accuracy,
        "fidelity": None if model.fidelity is None else _fidelity(model.fidelity),
        "public_accuracy": model.public_accuracy,
        "hidden_accuracy": model.hidden_accuracy,
        "training_seconds": model.seconds,
    }


def _fidelity(told: Fidelity) -> dict[str, Json]:
    return {
        "claimed": told.claimed,
        "source": told.source,
        "cell": _number(told.cell),
        "measured": told.measured,
        "tolerance": told.tolerance,
        "agrees": told.agrees,
    }


def _baseline(baseline: Baseline) -> dict[str, Json]:
    return {
        "hidden_accuracy": baseline.accuracy,
        "spread": baseline.spread,
        "accuracies": baseline.accuracies,
        "seeds": baseline.seeds,
        "robustness": baseline.robustness,
        "clean_accuracy": baseline.clean_accuracy,
        "loss_ratio": baseline.loss_ratio,
        "parameters": baseline.parameters,
    }


def _gain(gain: Gain) -> dict[str, Json]:
    return {
        "relative_error_reduction": gain.relative_error_reduction,
        "ci95": [gain.ci95.low, gain.ci95.high],
        "p_value": gain.p_value,
        "accuracy": gain.accuracy,
        "baseline_accuracy": gain.baseline_accuracy,
        "images": gain.images,
    }


def _final(final: FinalMeasures, language: str) -> dict[str, Json]:
    robust = final.robustness
    return {
        "accuracy": final.accuracy,
        "public_accuracy": final.public_accuracy,
        "classes": final.classes,
        "task": _one(final.task, language),
        "confusion": final.confusion,
        "per_class_error": final.per_class_error,
        "calibration_error": final.calibration_error,
        "loss_ratio": final.loss_ratio,
        "robustness_mean": None if robust is None else robust.mean_accuracy,
        "robustness_baseline_mean": None if robust is None else robust.baseline_mean_accuracy,
        "robustness_images": None if robust is None else robust.images,
        "nudges": final.nudges,
        "gap": None if final.gap is None else _gap(final.gap),
        "doubts": _said(final.doubts, language),
        "flags": _said(final.flags, language),
        "facts": _said(final.facts, language),
    }


def _gap(gap: PublicGap) -> dict[str, Json]:
    return {
        "value": gap.value,
        "ci95": [gap.ci95.low, gap.ci95.high],
        "public": gap.public,
        "hidden": gap.hidden,
        "baseline": gap.baseline,
    }


def _table(table: Table) -> dict[str, Json]:
    return {
        "origin": table.origin,
        "cell": _number(table.cell),
        "rows": [
            {
                "label": row.label,
                "claimed_accuracy": row.accuracy,
                "measured_accuracy": row.measured_accuracy,
                "of": row.of,
                "recorded_accuracy": row.recorded,
                "chance": row.chance,
                "claimed_seconds": row.seconds,
                "comment": row.comment,
                "training": row.training,
            }
            for row in table.rows
        ],
    }


def _execution(execution: Execution, language: str) -> dict[str, Json]:
    return {
        "ending": execution.ending,
        "reason": _one(execution.reason, language),
        "cells": [
            {"cell": run.index + 1, "state": run.state, "seconds": run.seconds, "error": run.error}
            for run in execution.cells
        ],
        "seconds": execution.seconds,
        "peak_memory_mb": execution.peak_memory_mb,
        "device": execution.device,
        "sandbox": execution.sandbox,
        "parameters_held": execution.parameters_held,
        "limits": execution.limits,
        "share": execution.share,
        "planned_seconds": execution.planned_seconds,
        "reuse": None if execution.reuse is None else _reuse(execution.reuse),
        "environment": execution.environment,
        "started_at": execution.started_at,
        "notes": _said(execution.notes, language),
    }


def _reuse(reuse: Reuse) -> dict[str, Json]:
    return {
        "replayed": len(reuse.replayed),
        "replayed_seconds": sum(one.seconds for one in reuse.replayed),
        "trained": reuse.trained,
        "refused": dict(reuse.refused),
        "audited": [{"training": one.short, "difference": one.difference} for one in reuse.audited],
    }


def _data(card: DataCard) -> dict[str, Json]:
    return _shallow(card)


def _ledger(evidence: Evidence) -> dict[str, Json]:
    """The trainings and evaluations as the kernel told them, with the cell of each."""
    ledger = evidence.ledger

    def placed(entries: Iterable[Any]) -> list[dict[str, Json]]:
        return [{**_shallow(entry), "cell": _number(evidence.cell_of(entry.execution_count))} for entry in entries]

    return {
        "trainings": placed(ledger.trainings),
        "evaluations": placed(ledger.evaluations),
        "scores": placed(ledger.scores),
        "estimators": placed(ledger.estimators),
        "adaptations": placed(ledger.adaptations),
        "unfollowed": ledger.unfollowed,
        "learnt_in_use": ledger.learnt_in_use,
        "unsampled": ledger.unsampled,
        "unrecorded": ledger.unrecorded,
        "notes": ledger.notes,
    }


def _gaps(evidence: Evidence, language: str) -> list[dict[str, Json]]:
    return [{"kind": gap.kind, "reason": render(gap.reason, language), "ours": gap.ours} for gap in evidence.gaps]
