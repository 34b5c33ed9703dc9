"""Writes what became of the attacks as Markdown: a table for each group, and what the doctor says of the machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from typer.testing import CliRunner

from autograder.cli import app
from autograder.messages import visible
from tests.attacks.playing import Played
from tests.attacks.record import Attack

TITLES = {
    "probes": (
        "Probes",
        "Cells of one notebook, which look for what is not theirs; seconds are those of the cell.",
    ),
    "bombs": (
        "Bombs",
        "A notebook each, whose second cell must be stopped; seconds go from the start of that cell until nothing of "
        "the room is left. A cell is allowed two seconds here, where nothing else is to stop it, and then six more to "
        "take notice.",
    ),
    "models": (
        "Models",
        "Saved models. Seconds are those of the look at the file and, where it was opened, of the room that opened it.",
    ),
    "handins": ("Hand-ins", "What lies in the inbox; seconds are those of taking it in."),
    "texts": (
        "Texts and code",
        "What stands in names, prose, outputs and tables, on all pages in both languages; and cells that are made to "
        "be costly to read.",
    ),
    "cheats": (
        "Cheats",
        "Each follows the same honest notebook. Points are those that were decided without a person, and the last "
        "columns tell what the teacher reads of it.",
    ),
}
_HEAD = """# Attacks

Written by `python -m tests.attacks --markdown docs/attacks.md`, which plays every attack of
[tests/attacks](../tests/attacks) once, behind bubblewrap; run it to have this page of your own machine. These figures
are of {machine}. What is promised, and what is not, stands in [SECURITY.md](../SECURITY.md).
"""
_DOCTOR = """## What the doctor says of this machine

`autograder doctor`, without the rows on data sets, rubrics and folders of its user.
"""
_OWN = ("data", "rubrics", "state")
"""Rows of the doctor that tell of a user, and not of the machine."""


def machine() -> str:
    """Of which kind this one is, and as whom the grader runs; no name of either."""
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} on {platform.machine()}"
    return f"{os.cpu_count()} processors, {system}, Python {platform.python_version()}, started as {user}"


def document(groups: Mapping[str, Sequence[Played]], note: str = "") -> str:
    """The page, with a sentence of whoever had it written."""
    every = [one for played in groups.values() for one in played]
    through = [one.attack.id for one in every if not one.held]
    outcome = f"NOT HELD: {', '.join(through)}" if through else "all of them held"
    parts = [_HEAD.format(machine=machine()), f"{len(every)} attacks; {outcome}. {note}".rstrip() + "\n"]
    parts += [_group(name, played) for name, played in groups.items()]
    return "\n".join([*parts, _DOCTOR, *table(("what", "works", "found", "to do"), doctor())]) + "\n"


def _group(name: str, played: Sequence[Played]) -> str:
    title, told = TITLES[name]
    if name == "cheats":
        heads = ("attack", "tries", "held by", "points without", "with it", "what the sheet says", "seconds")
        rows = [(*_what(one.attack), one.without, one.points, one.outcome, f"{one.seconds:.1f}") for one in played]
        return "\n".join([f"## {title}\n\n{told}\n", *table(heads, rows), ""])
    heads = ("attack", "tries", "held by", "outcome", "seconds")
    return "\n".join(
        [
            f"## {title}\n\n{told}\n",
            *table(heads, [(*_what(one.attack), one.outcome, f"{one.seconds:.1f}") for one in played]),
            "",
        ]
    )


def _what(attack: Attack) -> tuple[str, str, str]:
    return attack.id, attack.tries, attack.stopped_by


def doctor() -> Iterator[tuple[str, ...]]:
    """Its rows, as it prints them."""
    printed = CliRunner().invoke(app, ["doctor", "--json"]).stdout
    for row in json.loads(printed):
        if not row["name"].startswith(_OWN):
            detail = row["detail"].replace(str(Path.home()), "the grader's home")
            yield row["name"], row["ok"], detail, row["remedy"]


def table(heads: Sequence[str], rows: Sequence[Sequence[object]] | Iterator[Sequence[object]]) -> Iterator[str]:
    """Lines of a table whose cells cannot break it."""
    yield line(heads)
    yield "|" + "---|" * len(heads)
    yield from (line(row) for row in rows)


def line(cells: Sequence[object]) -> str:
    """One row."""
    return "| " + " | ".join(cell_of(str(cell)) for cell in cells) + " |"


def cell_of(text: str) -> str:
    """Text that stands in a cell for what it is."""
    shown = " ".join(visible(text).split())
    for mark in ("\\", "|", "<", "*", "_", "`", "["):
        shown = shown.replace(mark, f"\\{mark}")
    return shown
