"""``autograder store``: whether what is remembered is whole, and how much of it is kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console

from autograder import lock, upkeep
from autograder.cli.options import JsonOption, StateOption, here
from autograder.console import printer
from autograder.errors import ConfigError, StoreError
from autograder.gradebook import Gradebook
from autograder.settings import Settings
from autograder.store import Store
from autograder.upkeep import Verified

_LISTED: Final = 20

app = typer.Typer(no_args_is_help=True, help="Verify what is remembered, and keep it small.")


@app.command()
def verify(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Read everything in the store; 1 as exit code where something is damaged or missing."""
    places, console = here(state), printer(quiet=as_json)
    _must_exist(places)
    with lock.together(places.state), console.status("reading the store …") as status:
        found = upkeep.verify(
            Store(places.state),
            _book(places),
            lambda done, of: status.update(f"reading the store … {done} of {of} files"),
        )
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    _print(found, console)
    if found.damaged or found.missing:
        raise StoreError(
            f"{len(found.damaged)} damaged, {len(found.missing)} missing",
            place=str(places.state),
            remedy="Run the same grading again: what is not whole is made anew. What was handed in must be there.",
        )


def _print(found: Verified, console: Console) -> None:
    console.print(
        f"{found.blobs} files, {_megabytes(found.size)}: {len(found.damaged)} damaged, "
        f"{len(found.missing)} missing, {found.orphaned} needed by nobody"
    )
    for kind, names in (("damaged", found.damaged), ("missing", found.missing)):
        for name in names[:_LISTED]:
            console.print(f"  {kind}: {name}", soft_wrap=True)
        if len(names) > _LISTED:
            console.print(f"  and {len(names) - _LISTED} more")
    if found.aside:
        console.print(f"set aside earlier as damaged: {found.aside}, in damaged/")
    if found.foreign:
        console.print(f"not of this store, and left alone: {', '.join(found.foreign[:_LISTED])}", soft_wrap=True)
    if found.leftovers:
        console.print(f"left half-written by a run that was broken off: {found.leftovers}, which nobody reads")


@app.command()
def prune(
    max_size: Annotated[str, typer.Option("--max-size", help="What may be left: 5GB, 500MB.", metavar="SIZE")],
    state: StateOption = None,
) -> None:
    """Forget what was longest of no use; what the gradebook and the latest gradings need stays."""
    places, console = here(state), printer()
    most = upkeep.size(max_size)
    _must_exist(places)
    with lock.alone(places.state):
        done = upkeep.prune(Store(places.state), _book(places), most)
    console.print(
        f"freed {_megabytes(done.freed)}: {done.notices} results forgotten, {done.blobs} files deleted; "
        f"{_megabytes(done.left)} left"
    )
    if done.left > most:
        console.print(
            f"more than {max_size}: {_megabytes(done.held)} are needed by the gradebook and the latest gradings",
            soft_wrap=True,
        )


def _must_exist(places: Settings) -> None:
    if not places.state.is_dir():
        raise ConfigError("nothing is remembered yet", place=str(places.state), remedy="Name the folder with --state.")


def _book(places: Settings) -> Gradebook | None:
    path = places.state / "grades.sqlite"
    return Gradebook(path) if path.exists() else None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
