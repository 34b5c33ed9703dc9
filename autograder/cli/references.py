"""``autograder reference``, ``selftest`` and ``release``: the assignment's own notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder import reference as references
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    DataOption,
    Device,
    DeviceOption,
    ForceOption,
    ReuseOption,
    Reusing,
    RubricOption,
    StateOption,
    Wall,
    WallOption,
    at_work,
    data_values,
    describe_data,
    find_sandbox,
    find_slots,
    here,
    known_trainings,
    load_rubric,
    open_course,
    without_force,
)
from autograder.console import plain_rows, printer
from autograder.datasets import AUTO
from autograder.errors import AutograderError, ConfigError
from autograder.records import Baseline, Rubric
from autograder.settings import Settings
from autograder.stock import LAST_RESORT, configured, is_single
from autograder.store import write_atomically


@at_work
def reference(
    rubric: RubricOption = DEFAULT_RUBRIC,
    seeds: Annotated[int, typer.Option(min=1, help="How many trainings.")] = 3,
    data: DataOption = None,
    device: DeviceOption = Device.AUTO,
    sandbox: WallOption = Wall.AUTO,
    force: ForceOption = False,
    state: StateOption = None,
) -> None:
    """Train and measure the baseline; 'run' does it when needed."""
    console = printer()
    places = here(state)
    chosen = load_rubric(rubric, places)
    wall = find_sandbox(sandbox, own_notebook=True, console=console)
    slots = find_slots(device)
    sources = _each(data_values(data, chosen), places)
    for source in sources:
        opened = open_course(chosen, data=source, places=places, sandbox=wall, slots=slots, force=force)
        course = replace(opened, trainings=known_trainings(Reusing.EXACT, places))
        console.print(describe_data(course.data.card), soft_wrap=True)
        with console.status("training the baseline …"):
            baseline = references.measure(course, places, tuple(range(1, seeds + 1)))
        if baseline is None:
            raise ConfigError(
                f"reference/{chosen.id}/baseline.ipynb does not exist", remedy="Write one, or do without gain."
            )
        _print_baseline(baseline, console)
        with console.status("training it with the seed of the class …"):
            references.prime(course, places)


def _each(values: Sequence[str], places: Settings) -> tuple[str, ...]:
    """The data sets that these values mean: with ``auto`` all that are here, the embedded one last or alone."""
    if is_single(values):
        return (values[0],)
    known = configured(values, places.data)
    names = known.typed or tuple(name for name in known.entries if name != LAST_RESORT) or (LAST_RESORT,)
    return tuple(known.entries[name].source for name in names)


def _print_baseline(baseline: Baseline, console: Console) -> None:
    rows = [
        {"seed": str(seed), "hidden accuracy": f"{accuracy:.2%}"}
        for seed, accuracy in zip(baseline.seeds, baseline.accuracies, strict=True)
    ]
    rows.append({"seed": "mean", "hidden accuracy": f"{baseline.accuracy:.2%} (spread {baseline.spread:.2%})"})
    plain_rows(rows, console)
    for name, curve in baseline.robustness.items():
        console.print(f"{name:>15}: " + "  ".join(f"{accuracy:.1%}" for accuracy in curve))


@at_work
def selftest(
    rubric: RubricOption = DEFAULT_RUBRIC,
    data: DataOption = None,
    sandbox: WallOption = Wall.AUTO,
    reuse: ReuseOption = Reusing.EXACT,
    force: ForceOption = False,
    state: StateOption = None,
) -> None:
    """Solution must earn everything, blank nothing, a forged notebook nothing it has not earned."""
    console = printer()
    places = here(state)
    chosen = load_rubric(rubric, places)
    wall = find_sandbox(sandbox, own_notebook=True, console=console)
    trainings = known_trainings(reuse, places)
    course = open_course(chosen, data=_one(data, chosen), places=places, sandbox=wall, force=force, trainings=trainings)
    console.print(describe_data(course.data.card), soft_wrap=True)
    with console.status("measuring the baseline …"):
        baseline = references.measure(without_force(course), places, chosen.reference_seeds)
    with console.status("grading the reference notebooks …"):
        baselines = references.baselines(course, places, chosen.reference_seeds)
        trials = references.selftest(replace(course, baseline=baseline, baseline_for=baselines), places)
    plain_rows(
        [
            {
                "notebook": t.notebook,
                "item": t.item,
                "expected": t.expected,
                "earned": t.earned,
                "ok": "yes" if t.ok else "NO",
            }
            for t in trials
        ],
        console,
    )
    wrong = [trial for trial in trials if not trial.ok]
    if wrong:
        raise AutograderError(
            f"{len(wrong)} of {len(trials)} expectations do not hold",
            place=f"reference/{chosen.id}/selftest.yaml",
            remedy="The rubric, the references or a check is wrong: do not grade with it.",
        )


def _one(given: Sequence[str] | None, chosen: Rubric) -> str:
    """The reference notebooks are graded on one set; where the rubric leaves it open, on the embedded one."""
    values = data_values(given, chosen)
    if is_single(values):
        return values[0]
    if given and tuple(given) != (AUTO,):
        raise ConfigError("several data sets", place="--data", remedy="Give one for the self-test.")
    return LAST_RESORT


def release(
    out: Annotated[Path, typer.Option("--out", help="The notebook to write.")],
    rubric: RubricOption = DEFAULT_RUBRIC,
    force: Annotated[bool, typer.Option("--force", help="Overwrite it.")] = False,
) -> None:
    """Write the starter notebook for students."""
    places = here(None)
    chosen = load_rubric(rubric, places)
    source = places.reference(chosen.id, "template.ipynb")
    if source is None:
        raise ConfigError(f"reference/{chosen.id}/template.ipynb does not exist", remedy="Write one.")
    if out.suffix != ".ipynb":
        raise ConfigError("not a notebook's name", place=str(out), remedy="Choose a name that ends in .ipynb.")
    if out.exists() and not force:
        raise ConfigError("exists already", place=str(out), remedy="Choose another name, or --force.")
    write_atomically(out, source.read_bytes())
    typer.echo(f"{out}: the starter notebook of {chosen.title['en']}")
