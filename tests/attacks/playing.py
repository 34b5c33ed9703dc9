"""Plays attacks one by one, so that people see what became of each and after how long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from autograder.extraction.archive import refusal
from autograder.extraction.probing import Task, gallery, probe
from autograder.feedback import executed
from autograder.feedback.brief import brief
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary
from autograder.intake import collect
from autograder.messages import render
from autograder.notebook.source import parse, python
from autograder.records import GapKind, Limits
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from tests import builders as make
from tests.attacks import canary, ground, honest
from tests.attacks.bombs import BOMBS
from tests.attacks.cheats import CHEATS
from tests.attacks.handins import HANDINS
from tests.attacks.models import MODELS
from tests.attacks.probes import PRELUDE, PROBES
from tests.attacks.record import Attack
from tests.attacks.test_claims import Graded, course, graded, marked
from tests.attacks.test_files import STEPS
from tests.attacks.test_readers import everywhere
from tests.attacks.test_rooms import SPARE_SECONDS, dropped
from tests.attacks.texts import CODE, TEXTS
from tests.attacks.weights import WEIGHTS
from tests.pages import assert_inert


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of an attack."""

    attack: Attack
    outcome: str
    seconds: float
    """Until it was over: of a bomb from the start of its cell, of the others all that they took."""
    held: bool = True
    without: Decimal | None = None
    """Points of the notebook without its cheat ..."""
    points: Decimal | None = None
    """... and with it."""


def probes(folder: Path, wall: Sandbox) -> Iterator[Played]:
    where = ground.desk(folder / "teacher")
    os.environ[ground.VARIABLE] = where.secret.decode()
    with ground.targets(where) as known:
        ran = ground.run([known + PRELUDE, *(probe.source for probe in PROBES)], Store(folder / "probes"), wall=wall)
    leaked = [
        what
        for what, secret in where.secrets.items()
        if any(canary.found(secret, content) for _, content in ran.everything())
    ]
    for number, attack in enumerate(PROBES, start=1):
        reached = "REACHED" in ran.printed(number) or bool(leaked or ran.left)
        outcome = f"nothing reached; the cell {ran.states[number]}"
        if reached:
            told = [text for text in ran.printed(number).splitlines() if "REACHED" in text]
            outcome = " ".join([*leaked, *(text[:80] for text in told[:3])])
            outcome += f" and {len(told) - 3} more" if len(told) > 3 else ""
        yield Played(
            attack=attack, outcome=outcome, seconds=ran.execution.cells[number].seconds or 0.0, held=not reached
        )


def bombs(folder: Path, wall: Sandbox) -> Iterator[Played]:
    for bomb in BOMBS:
        ran = dropped(bomb, folder / bomb.id, wall)
        told = render(ran.execution.reason, "en") if ran.execution.reason else ran.execution.ending.value
        seconds = ran.since_cell[2]
        # Where files do not count as memory, what fills them meets the limit of its cell instead.
        limit = bomb.seconds if ran.execution.ending in bomb.endings else ran.execution.limits.cell_seconds
        held = not ran.left and seconds <= limit + SPARE_SECONDS
        yield Played(attack=bomb, outcome=told, seconds=seconds, held=held)


def models(folder: Path, wall: Sandbox) -> Iterator[Played]:
    store, saved = Store(folder / "models"), honest.model()
    shown = gallery(ground.DATA, robustness_images=10, seed=1, store=store)
    for model in MODELS:
        content, began = model.build(saved), time.monotonic()
        told = refusal(content)
        if told is None:
            task = Task(id=model.id, model=store.put(content), steps=STEPS)
            limits = Limits(memory_mb=2048)
            answer = probe([task], shown, sandbox=wall, store=store, limits=limits, cancelled=lambda: False)
            told = answer[model.id].problem
        outcome = render(told, "en") if told else "measured"
        yield Played(attack=model, outcome=outcome, seconds=time.monotonic() - began, held=told is not None)


def handins(folder: Path, _: Sandbox) -> Iterator[Played]:
    for number, handin in enumerate(HANDINS):
        inbox = folder / f"inbox-{number}" / "class"
        inbox.mkdir(parents=True)
        handin.put(inbox)
        began = time.monotonic()
        [submission] = collect([inbox], Store(folder / "handins"))
        seconds = time.monotonic() - began
        told = submission.refusal or next(iter(submission.notes), None)
        outcome = f"{'graded' if submission.refusal is None else 'refused'} as “{submission.student}”"
        outcome += f": {render(told, 'en')}" if told else ""
        yield Played(
            attack=handin, outcome=outcome, seconds=seconds, held=(submission.refusal is None) is handin.graded
        )


def texts(folder: Path, _: Sandbox) -> Iterator[Played]:
    store = make.a_store(folder)
    for text in TEXTS:
        began, inert = time.monotonic(), True
        report = everywhere(text.text, store)
        try:
            for language in ("fr", "en"):
                assert_inert(sheet(report, make.a_rubric(), language))
                assert_inert(executed(report, make.a_rubric(), language, store))
                told = brief(report, make.a_rubric(), language)
                assert_inert(summary([told], rubric=make.a_rubric(), language=language))
        except AssertionError:
            inert = False
        outcome = "inert in sheet, executed notebook and summary" if inert else "ACTIVE"
        yield Played(attack=text, outcome=outcome, seconds=time.monotonic() - began, held=inert)
    for code in CODE:
        source = python(code.build())
        began = time.monotonic()
        parsed = parse(source)
        outcome = "passed over" if parsed is None else "read"
        yield Played(attack=code, outcome=outcome, seconds=time.monotonic() - began)


def cheats(folder: Path, wall: Sandbox) -> Iterator[Played]:
    """Each beside the honest notebook: points with it, and without."""
    folder.mkdir(exist_ok=True)
    where = course(folder, wall)
    without = graded(where).points
    for cheat in CHEATS:
        began = time.monotonic()
        found = graded(where, cheat.source)
        yield Played(
            attack=cheat,
            outcome=" ".join(said(found)) or "nothing: neither a figure nor a record is another for it",
            seconds=time.monotonic() - began,
            held=found.points <= without,
            without=without,
            points=found.points,
        )


def said(found: Graded) -> Iterator[str]:
    """What the sheet tells the teacher beyond figures."""
    evidence = found.evidence
    doubted = (GapKind.RECORDS, GapKind.CELLS)
    yield from (render(gap.reason, "en") for gap in evidence.gaps if gap.kind in doubted)
    if evidence.final is None:
        yield from (render(gap.reason, "en") for gap in evidence.gaps if gap.kind is GapKind.MODEL)
    else:
        yield from (render(flag, "en") for flag in evidence.final.flags)


def weights(folder: Path, wall: Sandbox) -> Iterator[Played]:
    """Each in place of the honest notebook's model: what the teacher reads of its gain."""
    folder.mkdir(exist_ok=True)
    where = course(folder, wall)
    for cheat in WEIGHTS:
        began = time.monotonic()
        found = graded(where, cheat.source)
        told = " ".join(said(found))
        yield Played(attack=cheat, outcome=told or "nothing", seconds=time.monotonic() - began, held=marked(found))


GROUPS: Mapping[str, Callable[[Path, Sandbox], Iterator[Played]]] = {
    "probes": probes,
    "bombs": bombs,
    "models": models,
    "handins": handins,
    "texts": texts,
    "cheats": cheats,
    "weights": weights,
}
ATTACKS: Mapping[str, tuple[Attack, ...]] = {
    "probes": PROBES,
    "bombs": BOMBS,
    "models": MODELS,
    "handins": HANDINS,
    "texts": (*TEXTS, *CODE),
    "cheats": CHEATS,
    "weights": WEIGHTS,
}
