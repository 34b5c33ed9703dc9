"""From a file to the record of a rubric."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from autograder.errors import RubricError
from autograder.records import Criterion, Digest, Item, Json, Limits, Rubric
from autograder.rubric import shape
from autograder.rubric.plain import KeyPath, Problem, Refused, plain
from autograder.rubric.problems import CheckSpec, adapted, dotted, explained, inconsistencies

LARGEST = 256 * 1024


def load(path: Path, checks: Mapping[str, CheckSpec]) -> Rubric:
    """Read and verify a rubric; raises RubricError that lists every problem of the file.

    Parameters that an item leaves out are filled in with the check's defaults, so that the digest covers all that
    decides a grade and people can be shown it.
    """
    lines: dict[KeyPath, int] = {}
    try:
        content, problems = plain(_text(path), lines)
    except Refused as refused:
        raise RubricError(refused.text, place=f"{path}:{refused.line}") from refused
    try:
        file = shape.File.model_validate(content)
    except ValidationError as error:
        problems += explained(error, content)
        file = None
    if file is not None:
        problems += inconsistencies(file, checks)
    if problems or file is None:
        raise _error(path, problems, lines)
    return _built(file, checks)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise RubricError(f"larger than {LARGEST // 1024} KiB", place=str(path), remedy="A rubric is a short file.")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RubricError("is not UTF-8 text", place=str(path), remedy="Save it as UTF-8.") from error
    except OSError as error:
        raise RubricError(f"cannot be read: {error.strerror}", place=str(path)) from error


def _error(path: Path, problems: Sequence[Problem], lines: Mapping[KeyPath, int]) -> RubricError:
    """One error for all problems, in the order of the file."""
    placed = sorted({(_line(problem.path, lines), dotted(problem.path), problem.text) for problem in problems})
    told = [(f"{path}:{line}" + (f": {dotted}" if dotted else ""), text) for line, dotted, text in placed]
    if len(told) == 1:
        return RubricError(told[0][1], place=told[0][0], remedy="Correct the rubric; docs/rubric.md describes it.")
    listed = "".join(f"\n  {place}: {text}" for place, text in told)
    return RubricError(f"{len(told)} problems{listed}", place=str(path), remedy="Correct them; see docs/rubric.md.")


def _line(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Line of the nearest key that exists in the file."""
    return next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 1)


def _built(file: shape.File, checks: Mapping[str, CheckSpec]) -> Rubric:
    criteria = tuple(
        Criterion(
            id=criterion.id,
            title=criterion.title.model_dump(),
            points=criterion.points,
            items=tuple(_item(item, checks[item.check]) for item in criterion.items),
        )
        for criterion in file.criteria
    )
    return Rubric(
        id=file.id,
        version=file.version,
        title=file.title.model_dump(),
        points=file.points,
        criteria=criteria,
        digest=_digest(file, criteria),
        data=file.data,
        limits=Limits(**file.limits.model_dump()),
        parameters=file.parameters,
        seed=file.seed,
        hidden_images=file.hidden_images,
        robustness_images=file.robustness_images,
        reference_seeds=tuple(file.reference_seeds),
    )


def _item(item: shape.Item, spec: CheckSpec) -> Item:
    defaults = {name: known.default for name, known in spec.parameters.items() if not known.required}
    values = {name: adapted(spec.parameters[name], value) for name, value in {**defaults, **item.parameters}.items()}
    return Item(
        id=item.id,
        title=item.title.model_dump(),
        points=item.points,
        check=item.check,
        parameters={name: _listed(value) for name, value in values.items()},
    )


def _listed(value: Json) -> Json:
    """Tuples as lists, the way YAML would have given them."""
    if isinstance(value, list | tuple):
        return [_listed(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _listed(part) for key, part in value.items()}
    return value


def _digest(file: shape.File, criteria: Sequence[Criterion]) -> Digest:
    """Over what the file means, with defaults filled in: comments, order and ``2`` or ``2.0`` change nothing."""
    items = {"__all__": {"items": {"__all__": {"parameters"}}}}
    content = file.model_dump(exclude={"criteria": items})
    resolved = {item.id: item.parameters for criterion in criteria for item in criterion.items}
    canonical = json.dumps([content, resolved], sort_keys=True, ensure_ascii=True, default=_canonical)
    return Digest("sha256:" + hashlib.sha256(canonical.encode()).hexdigest())


def _canonical(value: object) -> str:
    """Decimals by value."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    raise TypeError(f"{type(value).__name__} has no place in a rubric")
