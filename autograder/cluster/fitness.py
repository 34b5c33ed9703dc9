"""Whether a worker may be given submissions: the same program, the same packages, and a wall that holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from autograder.cluster.orders import Terms, Trouble
from autograder.errors import AutograderError
from autograder.program import code_digest, packages
from autograder.sandbox import Examination, choose, escapes

LEAKY = ("landlock", "plain")
"""Walls that are known to leave something open: to be typed by who accepts that."""


def terms(sandbox: str) -> Terms:
    """What this machine asks of others: to be as it is itself."""
    return Terms(program=code_digest("."), packages=packages(), sandbox=sandbox)


def unfit(wanted: Terms) -> Trouble | None:
    """Why results of this machine would not be those of the one that asks; None where they would.

    The wall is tried once in the life of a process, which takes some seconds; the rest is compared each time.
    """
    return _program(wanted.program) or _packages(wanted.packages) or _wall(wanted.sandbox)


def _program(wanted: str) -> Trouble | None:
    if code_digest(".") == wanted:
        return None
    return _trouble(
        "another version of autograder", "Install the same one there, and start the worker anew: equal sources count."
    )


def _packages(wanted: Mapping[str, str]) -> Trouble | None:
    here = packages()
    other = sorted(name for name in wanted.keys() | here.keys() if wanted.get(name) != here.get(name))
    if not other:
        return None
    told = ", ".join(f"{name} {here.get(name, 'missing')} instead of {wanted.get(name, 'none')}" for name in other)
    return _trouble(told, "Install from the same requirements.txt there, under the same Python, and start it anew.")


@cache
def _wall(kind: str) -> Trouble | None:
    try:
        wall = choose(kind)
        found = () if kind in LEAKY else escapes(wall)
    except AutograderError as error:
        return _trouble(f"no sandbox {kind}: {error.problem}", error.remedy)
    return _leak(found)


def _leak(found: tuple[Examination, ...]) -> Trouble | None:
    """The first way out that was not closed."""
    open_ = next((row for row in found if not row.ok), None)
    return None if open_ is None else _trouble(f"{open_.name}: {open_.detail}", open_.remedy)


def _trouble(problem: str, remedy: str) -> Trouble:
    return Trouble(kind="ClusterError", problem=problem, remedy=remedy)
