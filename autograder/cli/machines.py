"""Which machines make the rooms of a run: this one, or the workers of a scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from autograder import cluster
from autograder.cli.options import Device, Wall, find_sandbox, find_slots
from autograder.console import safe
from autograder.course import Afar, Cancel
from autograder.sandbox.ahead import Demand, ahead
from autograder.sandbox.room import Sandbox

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Workers of a Dask scheduler make the rooms: tcp://HOST:8786 or tls://HOST:8786.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed about machines."""

    scheduler: str | None
    wall: Wall
    device: Device
    workers: int
    per_gpu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What a course is opened with."""

    sandbox: Sandbox
    slots: tuple[str, ...]
    lanes: int
    """Notebooks that run at a time."""
    afar: Afar | None = None


@contextmanager
def machines(
    wanted: Wanted, *, own: bool, memory_mb: int, demand: Demand | None, console: Console, cancelled: Cancel
) -> Iterator[Machines]:
    """Rooms of the strongest wall there is, here or there; ``own``: what runs in them is ours.

    ``demand``: how many will still be needed; None: none is started ahead.
    """
    if wanted.scheduler is None:
        wall = find_sandbox(wanted.wall, own_notebook=own, console=console)
        slots = find_slots(wanted.device, workers=wanted.workers, per_gpu=wanted.per_gpu)
        if note := dim(wall, slots):
            console.print(note, soft_wrap=True)
        with nullcontext(wall) if demand is None else ahead(wall, demand) as ready:
            yield Machines(sandbox=ready, slots=slots, lanes=len(slots))
        return

    def tell(line: str) -> None:
        console.print(safe(line, 1000), markup=False, soft_wrap=True)

    tell(f"scheduler: {wanted.scheduler}; trying the walls of its workers …")
    with cluster.connected(
        wanted.scheduler,
        wall=wanted.wall.value,
        device=wanted.device.value,
        workers=wanted.workers or None,
        memory_mb=memory_mb,
        tell=tell,
        cancelled=cancelled,
    ) as there:
        yield Machines(sandbox=there.sandbox, slots=there.slots, lanes=there.threads, afar=there.afar)


def dim(wall: Sandbox, slots: Sequence[str]) -> str:
    """What is said before notebooks are given a GPU that they may not be able to start; empty where they are."""
    if wall.name != "landlock" or not any(slot.startswith("gpu") for slot in slots):
        return ""
    return (
        "note: behind Landlock, NVIDIA's drivers of version 570 and later do not start, and notebooks train on the "
        "processor; `autograder doctor --sandbox landlock` says whether that is so here"
    )
