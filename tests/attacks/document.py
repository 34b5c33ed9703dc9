"""Writes what became of the attacks as Markdown: a table for each group, and what the doctor says of the machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from autograder.cli import app
from autograder.messages import visible
from autograder.records import Json
from tests.attacks.playing import ATTACKS, Played
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
    "weights": (
        "Weights from elsewhere",
        "Each takes the place of the final model of the same honest notebook. No point is taken for it: a person is "
        "told beside the gain.",
    ),
}
_HEAD = """# Attacks

Written by `python -m tests.attacks --markdown docs/attacks.md`, which plays every attack of
[tests/attacks](../tests/attacks) once, behind {wall}; run it to have this page of your own machine, and with
`--sandbox` of another wall. These figures are of {machine}. What is promised, and what is not, stands in
[SECURITY.md](../SECURITY.md).
"""
_OTHERS = """## Behind other walls, and by other users

Each was played once, at some state of the program, and not again with every change. Hand-ins and texts never enter a
room, but are played all the same. What was not held is named with its outcome.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All attacks, played once."""

    wall: str
    machine: str
    played: Mapping[str, Sequence[Played]]

    @classmethod
    def of(cls, wall: str, played: Mapping[str, Sequence[Played]]) -> Run:
        return cls(wall=wall, machine=machine(), played=played)

    @property
    def every(self) -> Sequence[Played]:
        return [one for group in self.played.values() for one in group]

    @property
    def through(self) -> Sequence[Played]:
        return [one for one in self.every if not one.held]

    @property
    def held(self) -> bool:
        return not self.through

    def written(self) -> dict[str, Json]:
        """To be kept as JSON: outcomes, not what the attacks say of themselves."""
        played: dict[str, Json] = {
            group: [
                [one.attack.id, one.outcome, round(one.seconds, 1), one.held, _points(one.without), _points(one.points)]
                for one in found
            ]
            for group, found in self.played.items()
        }
        return {"wall": self.wall, "machine": self.machine, "played": played}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Run:
        attacks = {(group, one.id): one for group, known in ATTACKS.items() for one in known}
        played = {
            group: [
                Played(
                    attack=attacks[group, name],
                    outcome=outcome,
                    seconds=seconds,
                    held=held,
                    without=None if without is None else Decimal(without),
                    points=None if points is None else Decimal(points),
                )
                for name, outcome, seconds, held, without, points in found
            ]
            for group, found in kept["played"].items()
        }
        return cls(wall=kept["wall"], machine=kept["machine"], played=played)


def _points(points: Decimal | None) -> str | None:
    return None if points is None else str(points)


def document(run: Run, others: Sequence[Run] = ()) -> str:
    """The page: one run in full, and of others what was not held."""
    outcome = f"NOT HELD: {', '.join(one.attack.id for one in run.through)}" if run.through else "all of them held"
    parts = [_HEAD.format(wall=run.wall, machine=run.machine), f"{len(run.every)} attacks; {outcome}.\n"]
    parts += [_group(name, played) for name, played in run.played.items()]
    parts += _beside(others)
    return "\n".join([*parts, _DOCTOR, *table(("what", "works", "found", "to do"), doctor())]) + "\n"


def _beside(others: Sequence[Run]) -> Iterator[str]:
    if not others:
        return
    yield _OTHERS
    rows = [
        (
            run.wall,
            run.machine,
            f"{len(run.every) - len(run.through)} of {len(run.every)}",
            "; ".join(f"{one.attack.id}: {one.outcome}" for one in run.through) or "nothing",
            f"{max(one.seconds for one in run.every):.1f}",
        )
        for run in others
    ]
    yield from table(("wall", "machine", "held", "not held", "longest, seconds"), rows)
    yield ""


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
