"""What the commands share: their options, and the course these describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Final, ParamSpec

import typer
from rich.console import Console

from autograder import checks, datasets, lock, rubric, stock
from autograder.course import Course
from autograder.courses import Assorted, Open, Train, untrained
from autograder.errors import ConfigError, SandboxUnavailable
from autograder.lanes import cores
from autograder.notebook import read
from autograder.pipeline import ensure_space
from autograder.records import DataCard, Rubric
from autograder.sandbox import choose
from autograder.sandbox.room import Sandbox
from autograder.settings import Settings, settings
from autograder.store import Store
from autograder.trainings import Trainings

Given = ParamSpec("Given")


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


class Wall(StrEnum):
    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    DOCKER = "docker"
    PODMAN = "podman"
    LANDLOCK = "landlock"
    PLAIN = "plain"


class Smoke(StrEnum):
    AUTO = "auto"
    ON = "on"
    OFF = "off"
    ONLY = "only"


class Reusing(StrEnum):
    OFF = "off"
    EXACT = "exact"


class Language(StrEnum):
    FR = "fr"
    EN = "en"


AUTO: Final = 0
"""As many notebooks at a time as the machine has lanes for."""


def _workers(text: str | int) -> int:
    if text in ("auto", AUTO):  # the default comes through here as well
        return AUTO
    if not str(text).isdigit() or int(text) < 1:
        raise typer.BadParameter("give a number from 1 on, or auto")
    return int(text)


PathsArgument = Annotated[list[Path] | None, typer.Argument(help="Folders, notebooks or zips. Default: submissions/.")]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers",
        parser=_workers,
        metavar="N|auto",
        show_default="auto",
        help="Notebooks at a time. auto: one per core, or per slot of each GPU; none is started while the memory that "
        "it is expected to need is not there.",
    ),
]
RubricOption = Annotated[
    str, typer.Option("--rubric", help="Id of a rubric in rubrics/, or the path of a YAML file.", metavar="ID")
]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="digits, mnist, fashion_mnist, cifar10, cifar100, a .npz like Keras' mnist.npz, a folder of these, or "
        "auto: each notebook gets the set that it asks for. Can be repeated. Default: the rubric's.",
        metavar="NAME",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the feedback.")]
StateOption = Annotated[
    Path | None, typer.Option("--state", help="Folder of the store and the gradebook. Default: .autograder/ here.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where the models train.")]
WallOption = Annotated[
    Wall, typer.Option("--sandbox", help="Isolation; 'plain' is none at all and is recorded in every grade.")
]
LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of the feedback.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Print each cell, and tracebacks of our faults.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
BudgetOption = Annotated[
    int | None,
    typer.Option(
        "--budget",
        min=0,
        max=86_400,
        metavar="SECONDS",
        help="Seconds of training a notebook may use; 0: as many as it asks for. Default: the rubric's.",
    ),
]
SmokeOption = Annotated[
    Smoke,
    typer.Option(
        "--smoke",
        help="Every notebook first with a few steps of each training, so that crashes show in the first minutes. auto: "
        "where more than one is to be executed and that takes long; only: nothing else, and 3 where one crashed.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Execute again, whatever is remembered.")]

ReuseOption = Annotated[
    Reusing,
    typer.Option(
        "--reuse", help="exact: a training that took place before is not repeated; off: each one takes place."
    ),
]

AuditOption = Annotated[
    str, typer.Option(metavar="SHARE", help="Of the trainings that need not be repeated, this share is: 5%.")
]

DEFAULT_RUBRIC = "mnist-individuel"


def here(state: Path | None) -> Settings:
    return settings(Path.cwd(), state)


def at_work(command: Callable[Given, None]) -> Callable[Given, None]:
    """For a command that writes to the store and has a ``state``: nobody tidies up there until it has ended."""

    @wraps(command)
    def called(*arguments: Given.args, **options: Given.kwargs) -> None:
        state = options["state"]
        with lock.together(here(state if isinstance(state, Path) else None).state):
            command(*arguments, **options)

    return called


def load_rubric(wanted: str, places: Settings) -> Rubric:
    """Find and verify a rubric, with the teacher's own checks beside it."""
    path = rubric.find(wanted, places.rubric_places())
    checks.load_plugins(path.parent)
    return rubric.load(path, checks.signatures())


def with_budget(chosen: Rubric, seconds: int | None) -> Rubric:
    """The rubric with the budget that was typed, else with its own."""
    if seconds is None:
        return chosen
    return replace(chosen, limits=replace(chosen.limits, budget_seconds=seconds))


def find_slots(wanted: Device, *, workers: int = AUTO, per_gpu: int = 1) -> tuple[str, ...]:
    """A device for each notebook that may run at a time; refuses to promise a GPU that is not there.

    Memory is no matter here: see ``lanes``. Nor are threads: each kernel has two, however many run, since the figures
    of a training depend on their number.
    """
    gpus = sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))
    if wanted is Device.GPU and not gpus:
        raise ConfigError("no GPU is visible", place="--device gpu", remedy="Use --device cpu, or install the driver.")
    if not gpus or wanted is Device.CPU:
        return ("cpu",) * (workers or cores())
    slots = tuple(f"gpu:{gpu}" for _ in range(per_gpu) for gpu in gpus)
    return slots[:workers] if workers else slots


def find_sandbox(wall: Wall, *, own_notebook: bool, console: Console) -> Sandbox:
    """The strongest wall there is; none only when typed, or for a notebook that is no danger to its reader."""
    try:
        return choose(wall.value)
    except SandboxUnavailable as error:
        if not own_notebook or wall is not Wall.AUTO:
            raise
        console.print(f"No sandbox here ({error.problem}): running without one, since these notebooks are trusted.")
        return choose(Wall.PLAIN.value)


def data_values(given: Sequence[str] | None, chosen: Rubric) -> tuple[str, ...]:
    """What stands on the command line, else in the rubric."""
    return tuple(given or [chosen.data])


def open_course(
    chosen: Rubric,
    *,
    data: str,
    places: Settings,
    sandbox: Sandbox,
    slots: tuple[str, ...] = ("cpu",),
    force: bool = False,
    split_seed: int | None = None,
    trainings: Trainings | None = None,
) -> Course:
    """Everything that is the same for all submissions, but for the baseline."""
    ensure_space(places.state)
    loaded = datasets.load(
        stock.single(data, places.data),
        split_seed=chosen.seed if split_seed is None else split_seed,
        hidden_images=chosen.hidden_images,
    )
    store = Store(places.state)
    return Course(
        rubric=chosen,
        data=loaded,
        data_file=datasets.room_file(loaded, places.state / "data"),
        sandbox=sandbox,
        store=store,
        template=template_sources(chosen, places, store),
        slots=slots,
        force=force,
        trainings=trainings,
    )


def known_trainings(wanted: Reusing, places: Settings, audit: float = 0.0) -> Trainings | None:
    """Those that took place before; None where each is to take place."""
    return None if wanted is Reusing.OFF else Trainings(store=Store(places.state), audit=audit)


def share(text: str) -> float:
    """``5%`` -> 0.05; raises ConfigError."""
    plain = text.strip()
    try:
        value = float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f"{text!r} is no share", place="--audit", remedy="Write it like this: --audit 5%")
    return value


def open_courses(
    chosen: Rubric,
    values: Sequence[str],
    places: Settings,
    *,
    one: Open,
    train: Train = untrained,
    slots: tuple[str, ...] = ("cpu",),
    elsewhere: bool = False,
) -> Assorted:
    """A course for each data set that a notebook may ask for; none is loaded before somebody needs it."""
    store = Store(places.state)
    return Assorted(
        rubric=chosen,
        slots=slots,
        limit_mb=0.0 if elsewhere else chosen.limits.memory_mb,
        stock=stock.configured(values, places.data),
        store=store,
        open=one,
        train=train,
        template=template_sources(chosen, places, store),
    )


def template_sources(chosen: Rubric, places: Settings, store: Store) -> tuple[str, ...]:
    """What the starter notebook says: not a student's own work."""
    path = places.reference(chosen.id, "template.ipynb")
    return () if path is None else tuple(cell.source for cell in read(path.read_bytes(), store))


def describe_data(card: DataCard) -> str:
    """One line that says which data a grade rests on."""
    repeated = f" (served as {card.train_rows} rows)" if card.train_rows != card.train_images else ""
    return (
        f"data: {card.name}, {card.train_images} training images{repeated}, {card.public_images} public test images, "
        f"{card.hidden_images} hidden images, split seed {card.split_seed}, {card.digest[:19]}"
    )


def without_force(course: Course) -> Course:
    """The baseline is not trained anew because a submission is."""
    return replace(course, force=False)
