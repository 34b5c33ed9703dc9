"""What was adapted so that a notebook runs here: older spellings, places that are not here, installs, data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from autograder.records import Adaptation, Evidence, Message, say

SPELLING: Final = "spelling"


@dataclass(frozen=True, slots=True)
class Adapted:
    """One adaptation with all the cells that needed it."""

    old: str
    """As the notebook has it: from a student."""
    new: str
    """Today's spelling."""
    done: Message | None
    """What was done instead; None for a spelling, where ``new`` says it."""
    cells: tuple[int, ...]


def spellings(evidence: Evidence) -> tuple[Adapted, ...]:
    """Older spellings with today's."""
    return tuple(_grouped(evidence, frozenset({SPELLING})))


def places(evidence: Evidence) -> tuple[Adapted, ...]:
    """Everything else that was answered in another way than where the notebook was written."""
    return tuple(_grouped(evidence, frozenset(_DONE)))


def _grouped(evidence: Evidence, kinds: frozenset[str]) -> Iterator[Adapted]:
    """In the order in which they were first met."""
    groups: dict[tuple[str, str, str], list[Adaptation]] = {}
    for one in evidence.ledger.adaptations:
        if one.kind in kinds:
            groups.setdefault((one.kind, one.old, one.new), []).append(one)
    for (kind, old, new), group in groups.items():
        cells = {evidence.cell_of(one.execution_count) for one in group}
        known = tuple(sorted(cell for cell in cells if cell is not None))
        yield Adapted(old=old, new=new, done=_done(kind, new), cells=known)


_DONE: Final[Mapping[str, Message]] = {
    "absent": say("without effect where notebooks are graded, and harmless"),
    "install": say("not run: packages are installed beforehand"),
    "data": say("answered with the data of this assignment"),
    "unserved": say("not among the data that this run has"),
    "weights": say("pretrained weights cannot be downloaded where notebooks are graded"),
}
"""A notebook's process says what was adapted, so that its words are not taken over beyond the two spellings."""

_ABSENT: Final[Mapping[str, Message]] = {
    message.text: message
    for message in (
        say("an empty folder stands for the drive"),
        say("there is no such drive here"),
        say("the files that were handed in were given"),
        say("no file was given"),
        say("nothing was done"),
        say("there are no secrets here"),
        say("the picture was shown by other means"),
        say("nothing was fetched: there is no network here"),
        say("the file that is there was used"),
        say("no server was started"),
        say("no GPU is visible here"),
        say("it is not installed here: nothing was logged or shown"),
        say("it was called once with the first values"),
        say("pictures are shown inline"),
        say("the installed version was used"),
        say("the extension is not here; it was left out"),
        say("it was run once"),
        say("the folder is not here; the working folder was kept"),
        say("no debugger was started"),
        say("answered with 1"),
        say("answered with nothing"),
    )
}
"""What the kernel's hooks say that they did; a phrase that is none of these is not shown."""


def _done(kind: str, new: str) -> Message | None:
    if kind == "absent" and new in _ABSENT:
        return _ABSENT[new]
    if kind == "install" and new == "missing":
        return say("not run, and this package is not installed here")
    if kind == "data" and new:
        return say("answered with the images of {name}", name=new)
    return _DONE.get(kind)
