"""The smoke pass of a class: when it takes place, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from threading import Event
from typing import NoReturn

import typer

from autograder import budget
from autograder.cli.desk import Desk, Watch
from autograder.cli.options import Smoke
from autograder.console import safe
from autograder.errors import AutograderError, ConfigError
from autograder.records import Submission
from autograder.smoke import Smoked, counted, quick, smoke_class, told
from autograder.turns import Turn

CRASHED = 3
"""Exit code of ``--smoke only`` where a notebook did not run through."""


def here(wanted: Smoke, scheduler: str | None) -> Smoke:
    """Of other machines only what is graded is asked; raises ConfigError where a smoke pass there was asked for."""
    if scheduler is not None and wanted in (Smoke.ON, Smoke.ONLY):
        raise ConfigError(
            "a smoke pass takes place on this machine only",
            place=f"--smoke {wanted.value}",
            remedy="Leave --scheduler away, or --smoke.",
        )
    return wanted if scheduler is None else Smoke.OFF


def passed(
    wanted: Smoke, submissions: Sequence[Submission], turns: Sequence[Turn], desk: Desk, watch: Watch, stop: Event
) -> tuple[Smoked, ...]:
    """Told as they come, and counted at the end; empty where there is no smoke pass."""
    chosen = _chosen(wanted, submissions, {turn.student: turn for turn in turns}, desk)
    if not chosen:
        return ()
    students = {submission.student for submission in chosen}
    those = [Turn(student=turn.student, memory_mb=turn.memory_mb) for turn in turns if turn.student in students]
    desk.console.print(f"smoke pass: {len(chosen)} notebooks with a few steps of each training (--smoke off: without)")
    found: list[Smoked] = []
    with watch(those, longest=budget.rehearsal(desk.rubric.limits).run_seconds, done="tried") as watcher:
        running = smoke_class(
            chosen, desk.courses, turns={turn.student: turn for turn in turns}, tell=watcher.tell, cancelled=stop.is_set
        )
        with closing(running) as results:
            for one in results:
                found.append(one)
                if not one.through:
                    line = f"smoke: {safe(one.student, 32)}: {safe(told(one), 300)}"
                    desk.console.print(line, markup=False, soft_wrap=True)
    _tell(found, desk)
    return tuple(found)


def _chosen(
    wanted: Smoke, submissions: Sequence[Submission], turns: Mapping[str, Turn], desk: Desk
) -> list[Submission]:
    """Those that are to be executed; of no use where that is one notebook, or where whole runs are short themselves."""
    there = [one for one in submissions if one.notebook is not None and one.refusal is None]
    if wanted in (Smoke.ON, Smoke.ONLY):
        return there
    anew = [one for one in there if not turns[one.student].remembered]
    unknown = [one for one in anew if not turns[one.student].rehearsed and not _short(one, desk)]
    return anew if wanted is Smoke.AUTO and len(unknown) > 1 else []


def _short(submission: Submission, desk: Desk) -> bool:
    """A budget needs the rehearsal in any case."""
    if desk.rubric.limits.budget_seconds:
        return False
    try:
        return quick(desk.courses.of(submission))
    except AutograderError:
        return True  # cannot be graded: its turn will tell why


def _tell(found: Sequence[Smoked], desk: Desk) -> None:
    """All that failed, together: while they came, other lines stood between them."""
    desk.console.print(counted(found))
    for one in sorted(found, key=lambda one: one.student):
        if not one.through:
            desk.console.print(f"  {safe(one.student, 32)}: {safe(told(one), 300)}", markup=False, soft_wrap=True)


def end(found: Sequence[Smoked], stop: Event, *, as_json: bool) -> NoReturn:
    """Of ``--smoke only``: 0 where every notebook ran through, 1 for a fault of ours, else 3."""
    if as_json:
        typer.echo(json.dumps([{**asdict(one), "ending": one.ending.value, "through": one.through} for one in found]))
    if stop.is_set():
        raise KeyboardInterrupt
    faulty = any(one.fault for one in found)
    raise typer.Exit(1 if faulty else 0 if all(one.through for one in found) else CRASHED)
