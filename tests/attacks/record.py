"""What every attack says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.records import Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    id: str
    tries: str
    stopped_by: str
    must: str
    """What the grader must do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Attack):
    """A cell among others in one kernel; it prints ``REACHED`` and what it got at."""

    source: str
    states: tuple[str, ...] = ("ran",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bomb(Attack):
    """A notebook that must be stopped: a room of its own, with limits of seconds."""

    cell: str
    """The second of three cells; the first and the third are harmless."""
    endings: tuple[Ending, ...]
    after: str = "not_run"
    """State of the third cell."""
    seconds: float = 0.0
    """The limit that it runs into, counted from the start of its cell; 0 where it is stopped at once."""
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Attack):
    """A model file, made from the bytes of an honest one."""

    build: Callable[[bytes], bytes]
    refused: bool = True
    """Whether it is turned away unopened; else room 2 finds the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandIn(Attack):
    """Something in the inbox."""

    put: Callable[[Path], None]
    """Called with an empty inbox."""
    said: str
    """Words of the refusal, or of a note."""
    graded: bool = False
    """Whether there is a notebook to grade all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Attack):
    """What stands in a name, a heading, a cell, an output, an error and a table, for those who read."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheat(Attack):
    """A cell that claims more than was achieved; it follows the honest ones."""

    source: str
