"""What turns evidence into findings: plain functions that a rubric calls by name."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType

from autograder.checks import analysis, code, document, model, modifications, notebook, person
from autograder.checks.registry import Check, check, registered
from autograder.errors import CheckError, ConfigError
from autograder.records import Ending, Evidence, Finding, GapKind, Item, Rubric, Standing, Verdict, say

__all__ = ["Check", "check", "load_plugins", "private", "question", "registered", "run", "signatures"]

FAMILIES = (analysis, code, document, model, modifications, notebook, person)
"""Importing a family registers its checks."""
GROUP = "autograder.checks"
BESIDE = "checks.py"

_TRAIN_LESS = say("Plan fewer epochs or smaller models, and hand the notebook in again.")


def signatures() -> Mapping[str, Check]:
    """Every check that a rubric may call: the built-in ones and those of plugins that were loaded."""
    return registered()


def private(rubric: Rubric) -> frozenset[str]:
    """Ids of the items that are decided on images which students never receive."""
    checks = signatures()
    return frozenset(item.id for _, item in rubric.items if checks[item.check].private)


# --- checks of others ----------------------------------------------------------------------------------------------


def load_plugins(folder: Path | None = None) -> None:
    """Import the entry points of the group ``autograder.checks``, and ``checks.py`` in the rubric's folder.

    Both are the teacher's own choice and run with this program's rights. Raises ConfigError when one cannot be
    imported or takes a name that exists.
    """
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except ConfigError:
            raise
        except Exception as error:
            raise _unloadable(f"entry point {point.name} ({point.value})", error) from error
    if folder is not None and (folder / BESIDE).is_file():
        _import(folder / BESIDE)


def _import(path: Path) -> None:
    """Import one file under a name of its own, anew each time."""
    name = f"autograder_checks_{abs(hash(path.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError("cannot be imported", place=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        raise _unloadable(str(path), error) from error


def _unloadable(place: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"its checks cannot be loaded: {type(error).__name__}: {error}",
        place=place,
        remedy="Correct it or remove it: nothing is graded with half of the checks.",
    )


# --- running -------------------------------------------------------------------------------------------------------


def run(
    rubric: Rubric, evidence: Evidence, known: Mapping[str, Finding] = MappingProxyType({})
) -> tuple[tuple[str, Finding], ...]:
    """Item id and finding, in the order of the rubric; a check that fails leaves its item to a person.

    ``known`` holds findings on this evidence by ``question``.
    """
    return tuple((item.id, known.get(question(item)) or _finding(item, evidence)) for _, item in rubric.items)


def question(item: Item) -> str:
    """What an item asks of the evidence, whatever it is called and worth."""
    return json.dumps([item.check, item.parameters], sort_keys=True, default=str)


def _finding(item: Item, evidence: Evidence) -> Finding:
    called = signatures()[item.check]
    try:
        finding = _sound(called(evidence, **item.parameters), called)
    except Exception as error:
        return broken(error)
    return _explained(_doubted(_spared(finding, called, evidence), called, evidence), evidence)


def _sound(finding: Finding, called: Check) -> Finding:
    """A finding that keeps the contract; raises CheckError for one that does not."""
    if not isinstance(finding, Finding):
        raise CheckError(f"returned {type(finding).__name__}, not a Finding", place=called.place)
    undecided = finding.verdict is Verdict.NEEDS_REVIEW
    if undecided != (finding.share is None):
        raise CheckError(f"verdict {finding.verdict} with the share {finding.share}", place=called.place)
    if finding.share is None:
        return finding
    if not math.isfinite(finding.share) or not -1e-9 <= finding.share <= 1 + 1e-9:
        raise CheckError(f"a share of {finding.share}", place=called.place)
    return replace(finding, share=min(1.0, max(0.0, float(finding.share))))


def broken(error: Exception) -> Finding:
    """What becomes of an item whose check failed: never a 0, and nothing that the student could have caused."""
    return Finding(
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        standing=Standing.CLAIM,
        message=say("This item could not be decided automatically. A teacher will decide it; it costs you nothing."),
        for_teacher=say("The check failed: {error}", error=f"{type(error).__name__}: {error}"[:500]),
        settled=False,
    )


def _spared(finding: Finding, called: Check, evidence: Evidence) -> Finding:
    """What this program failed to find costs no point: the item then waits for a person."""
    gap = next((gap for gap in evidence.gaps if gap.ours and gap.kind in called.needs), None)
    if gap is None or finding.share is None or finding.share == 1.0:
        return finding
    return replace(
        finding,
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        message=say("This item could not be decided automatically. A teacher will decide it; it costs you nothing."),
        advice=None,
        details=(gap.reason, *finding.details),
        for_teacher=say("What ran here earns {share:pct} of the points.", share=finding.share),
    )


def _doubted(finding: Finding, called: Check, evidence: Evidence) -> Finding:
    """What rests on records that may not be ours neither earns nor costs anything by itself; measurements stand."""
    gap = next((gap for gap in evidence.gaps if gap.kind is GapKind.RECORDS), None)
    claimed = finding.standing is not Standing.MEASUREMENT and GapKind.LEDGER in called.needs
    if gap is None or not claimed or not finding.share:
        return finding
    return replace(
        finding,
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        message=say(
            "This item rests on records of the run that may not be this program's own. A teacher will decide it."
        ),
        advice=None,
        details=(gap.reason, *finding.details),
        for_teacher=say("What ran here earns {share:pct} of the points.", share=finding.share),
    )


def _explained(finding: Finding, evidence: Evidence) -> Finding:
    """An item that lacks a run because the notebook was not run says why that is."""
    execution = evidence.execution
    refused = execution.ending is Ending.REFUSED and execution.planned_seconds is not None
    if not refused or finding.verdict is not Verdict.UNREACHED or execution.reason is None:
        return finding
    return replace(finding, details=(execution.reason, *finding.details), advice=finding.advice or _TRAIN_LESS)
