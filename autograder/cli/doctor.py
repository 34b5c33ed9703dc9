"""``autograder doctor``: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import json
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import typer

from autograder import cluster, datasets
from autograder.checks.lint import lint
from autograder.cli.compiled import stale
from autograder.cli.machines import SchedulerOption
from autograder.cli.options import JsonOption, StateOption, Wall, WallOption, here
from autograder.console import plain_rows, printer
from autograder.datasets import NAMES
from autograder.errors import DataError, SandboxUnavailable
from autograder.program import versions
from autograder.records import Cell, CellKind
from autograder.sandbox import choose, examine, sight
from autograder.settings import Settings
from autograder.stock import configured

_STALE = 0.05
"""Share of a package's files from which on it is worth a word: some are no Python of today."""


def doctor(
    state: StateOption = None,
    scheduler: SchedulerOption = None,
    sandbox: WallOption = Wall.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Sandbox, devices, data sets, versions: what works here, and what to do about the rest."""
    rows = [
        *_workers(scheduler, sandbox),
        *(_row(row.name, row.ok, row.detail, row.remedy) for row in examine()),
        *_devices(sandbox.value),
        _linter(),
        *_compiled(),
        *_data(here(state)),
        *_places(state),
        *(_row(name, True, found) for name, found in versions().items()),
    ]
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        plain_rows(rows, printer())
    if not any(row["name"].startswith("sandbox") and row["ok"] == "yes" for row in rows):
        raise typer.Exit(1)


def _workers(scheduler: str | None, wall: Wall) -> list[dict[str, str]]:
    """Whether each would be given notebooks."""
    found = {} if scheduler is None else cluster.examine(scheduler, wall=wall.value)
    return [
        _row(f"worker {name}", False, trouble.problem, trouble.remedy)
        if trouble
        else _row(f"worker {name}", True, "fit")
        for name, trouble in found.items()
    ]


def _row(name: str, ok: bool, detail: str, remedy: str = "") -> dict[str, str]:
    return {"name": name, "ok": "yes" if ok else "NO", "detail": detail, "remedy": "" if ok else remedy}


def _devices(wall: str) -> list[dict[str, str]]:
    found = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    remedy = "None is needed; with one, large models train faster."
    rows = [_row("GPU", bool(found), ", ".join(found) or "none", remedy)]
    if found:
        with suppress(SandboxUnavailable):  # told in rows of its own
            seen = sight(choose(wall))
            rows.append(_row(seen.name, seen.ok, seen.detail, seen.remedy))
    return rows


def _linter() -> dict[str, str]:
    works = lint([Cell(index=0, kind=CellKind.CODE, source="import os")]) is not None
    return _row("ruff", works, "answers" if works else "no answer", "pip install ruff: a part of the grade needs it.")


def _compiled() -> list[dict[str, str]]:
    shares = {name: share for name, share in stale().items() if share > _STALE}
    told = ", ".join(f"{name}: {share:.0%} of its files are not" for name, share in shares.items())
    remedy = f"Imports take nearly twice as long. {sys.executable} -m compileall -q {sysconfig.get_path('purelib')}"
    return [_row("packages are compiled", not shares, told or "yes", remedy)]


def _data(places: Settings) -> list[dict[str, str]]:
    """Only what needs no download: a doctor changes nothing."""
    try:
        own = configured([], places.data).entries
    except DataError as error:
        return [_row("data", False, str(error), error.remedy)]
    rows = []
    for name in dict.fromkeys((*NAMES, *own)):
        try:
            source = own[name].source if name in own else name
            rows.append(_row(f"data {name}", True, datasets.locate(source) if source in NAMES else source))
        except DataError as error:
            rows.append(_row(f"data {name}", False, error.problem, error.remedy))
    return rows


def _places(state: Path | None) -> list[dict[str, str]]:
    places = here(state)
    rubrics = sorted(path.stem for place in places.rubric_places() for path in place.glob("*.yaml"))
    return [
        _row("rubrics", bool(rubrics), ", ".join(dict.fromkeys(rubrics)), "Put a YAML file into rubrics/."),
        _row("state", True, str(places.state)),
    ]
