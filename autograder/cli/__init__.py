"""The command line: parse, call, print, exit code; what it calls lives below."""

from __future__ import annotations

from typing import Annotated

import click
import typer
from rich.console import Console

from autograder import __version__
from autograder.cli.check import check
from autograder.cli.doctor import doctor
from autograder.cli.grades import export, status
from autograder.cli.references import reference, release, selftest
from autograder.cli.run import run
from autograder.errors import AutograderError, ConfigError

OK, OUR_FAULT, USAGE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grade deep-learning notebooks against a rubric, with evidence for every point.",
)
for command in (run, check, export, status, reference, selftest, release, doctor):
    app.command()(command)


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
    """Exit code: 0 every submission reached a recorded state, 1 a fault of ours, 2 wrong usage, 130 interrupted."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        code = app(args=arguments, prog_name="autograder", standalone_mode=False)
        return code if isinstance(code, int) else OK
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.exceptions.Abort):
        errors.print("Interrupted. What was finished is kept; the same command resumes.")
        return INTERRUPTED
    except AutograderError as error:
        errors.print(f"error: {error}")
        if error.remedy:
            errors.print(f"  remedy: {error.remedy}")
        return USAGE if isinstance(error, ConfigError) else OUR_FAULT
