"""Prints for each attack what stopped it, what became of it, and after how many seconds."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from autograder.errors import AutograderError
from autograder.extraction.archive import refusal
from autograder.extraction.probing import Task, gallery, probe
from autograder.intake import collect
from autograder.messages import render
from autograder.records import Limits
from autograder.sandbox import choose
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.store import Store
from tests.attacks import canary, ground, honest
from tests.attacks.bombs import BOMBS
from tests.attacks.cheats import CHEATS
from tests.attacks.handins import HANDINS
from tests.attacks.models import MODELS
from tests.attacks.probes import PRELUDE, PROBES
from tests.attacks.record import Attack
from tests.attacks.test_claims import course, graded
from tests.attacks.test_files import STEPS
from tests.attacks.test_rooms import dropped

Row = tuple[Attack, str, float]


def probes(folder: Path) -> Iterator[Row]:
    where = ground.desk(folder / "teacher")
    os.environ[ground.VARIABLE] = where.secret.decode()
    with ground.targets(where) as known:
        ran = ground.run([known + PRELUDE, *(probe.source for probe in PROBES)], Store(folder / "probes"))
    everything = list(ran.everything())
    leaked = [what for what, secret in where.secrets.items() if any(canary.found(secret, one) for _, one in everything)]
    for number, attack in enumerate(PROBES, start=1):
        reached = "REACHED" in ran.printed(number)
        seconds = ran.execution.cells[number].seconds or 0.0
        yield attack, "GOT THROUGH" if reached else f"held; cell {ran.states[number]}", seconds
    print(
        f"\nsecrets in what came out: {', '.join(leaked) or 'none'}; left behind: {', '.join(ran.left) or 'nothing'}\n"
    )


def bombs(folder: Path) -> Iterator[Row]:
    for bomb in BOMBS:
        ran = dropped(bomb, folder / bomb.id)
        outcome = f"{ran.execution.ending.value}; {render(ran.execution.reason, 'en') if ran.execution.reason else ''}"
        yield bomb, outcome, ran.since_cell[2]


def models(folder: Path) -> Iterator[Row]:
    store, saved = Store(folder / "models"), honest.model()
    shown = gallery(ground.DATA, robustness_images=10, seed=1, store=store)
    for model in MODELS:
        content, began = model.build(saved), time.monotonic()
        told = refusal(content)
        if told is None:
            task = Task(id=model.id, model=store.put(content), steps=STEPS)
            limits = Limits(memory_mb=2048)
            answer = probe([task], shown, sandbox=Bubblewrap(), store=store, limits=limits, cancelled=lambda: False)
            told = answer[model.id].problem
        yield model, render(told, "en") if told else "measured, without other effect", time.monotonic() - began


def handins(folder: Path) -> Iterator[Row]:
    for number, handin in enumerate(HANDINS):
        inbox = folder / f"inbox-{number}" / "class"
        inbox.mkdir(parents=True)
        handin.put(inbox)
        began = time.monotonic()
        [submission] = collect([inbox], Store(folder / "handins"))
        told = submission.refusal or next(iter(submission.notes), None)
        yield handin, f"{submission.student}: {render(told, 'en') if told else 'taken'}", time.monotonic() - began


def cheats(folder: Path) -> Iterator[Row]:
    """Each beside the honest notebook: points with it, and without."""
    folder.mkdir(exist_ok=True)
    where = course(folder)
    without = graded(where).points
    for cheat in CHEATS:
        began = time.monotonic()
        with_it = graded(where, *([_FOLDER] if "folder" in cheat.source else []), cheat.source).points
        yield cheat, f"{with_it} points with it, {without} without", time.monotonic() - began


_FOLDER = "import os\nfolder = os.environ['AUTOGRADER_HANDOVER']"

KINDS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    "probes": probes,
    "bombs": bombs,
    "models": models,
    "handins": handins,
    "cheats": cheats,
}


def main(kinds: list[str]) -> int:
    """All kinds, or those that are named."""
    try:
        choose("bubblewrap")
    except AutograderError as error:
        print(f"bubblewrap does not work here: {error}")
        return 1
    with tempfile.TemporaryDirectory() as name:
        for kind in kinds or KINDS:
            print(f"\n## {kind}\n\n| attack | tries | stopped by | outcome | seconds |\n|---|---|---|---|---|")
            for attack, outcome, seconds in KINDS[kind](Path(name, kind)):
                cells = (attack.id, attack.tries, attack.stopped_by, outcome, f"{seconds:.1f}")
                print(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
