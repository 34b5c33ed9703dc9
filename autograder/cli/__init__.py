"""The command line: parse, call, print, exit code; what it calls lives below."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from threadpoolctl import threadpool_limits

from autograder import __version__
from autograder.cli import store
from autograder.cli.check import check
from autograder.cli.diff import diff
from autograder.cli.doctor import doctor
from autograder.cli.grades import export, status
from autograder.cli.references import reference, release, selftest
from autograder.cli.rule import rule
from autograder.cli.run import run
from autograder.console import safe
from autograder.errors import AutograderError, Cancelled, ConfigError, output_error

OK, OUR_FAULT, USAGE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grade deep-learning notebooks against a rubric, with evidence for every point.",
)
for command in (run, check, export, status, rule, diff, reference, selftest, release, doctor):
    app.command()(command)
app.add_typer(store.app, name="store")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autograder {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options of the program itself."""


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 every submission reached a recorded state, 1 a fault of ours, 2 wrong usage, 130 interrupted.

    3: a smoke pass that was all that was asked for met a notebook that does not run through.
    """
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if not sys.warnoptions:  # what libraries think of pictures, numbers and code of students is for developers
        warnings.simplefilter("ignore")
    try:
        # NumPy's threads wait in a loop, which takes the processors from the notebooks that train beside this process.
        with threadpool_limits(1, user_api="blas"):
            code = _called(arguments)
    except (KeyboardInterrupt, Cancelled):
        code = INTERRUPTED
    except AutograderError as error:
        _explain(error, errors)
        return USAGE if isinstance(error, ConfigError) else OUR_FAULT
    except OSError as error:
        _explain(output_error(error, Path(error.filename or "?")), errors)
        return OUR_FAULT
    if code == INTERRUPTED:
        errors.print("Interrupted. What was finished is kept; the same command resumes.")
    return code


def _called(arguments: list[str] | None) -> int:
    """Typer's own verdict; what our commands raise passes through."""
    try:
        app(args=arguments, prog_name="autograder")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else OK
    return OK


def _explain(error: AutograderError, errors: Console) -> None:
    shown = "\n".join(safe(line, 2000) for line in str(error).splitlines())
    errors.print(f"error: {shown}")
    if error.remedy:
        errors.print(f"  remedy: {safe(error.remedy, 2000)}")  # may name a file that lies there
