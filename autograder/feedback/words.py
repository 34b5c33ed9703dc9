"""Words for the values of our records, as messages, so that they have one translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Final

from autograder.messages import TERMS
from autograder.records import Award, CellState, Ending, Json, Message, Standing, State, Step, Verdict, say

LONG: Final = 60
"""Rows of a table from which on it scrolls by itself on a screen, so that what stands below it is not far away."""
VERDICTS: Final[Mapping[Verdict, Message]] = {
    Verdict.MET: say("met"),
    Verdict.PARTLY: say("partly met"),
    Verdict.UNMET: say("not met"),
    Verdict.UNREACHED: say("nothing to assess"),
    Verdict.NEEDS_REVIEW: say("your teacher will decide"),
}
SYMBOLS: Final[Mapping[Verdict, str]] = {
    Verdict.MET: "✓",
    Verdict.PARTLY: "◐",
    Verdict.UNMET: "✗",
    Verdict.UNREACHED: "○",
    Verdict.NEEDS_REVIEW: "?",
}
STANDINGS: Final[Mapping[Standing, Message]] = {
    Standing.MEASUREMENT: say("measured"),
    Standing.CLAIM: say("as the notebook states"),
    Standing.TEXT: say("read in the notebook"),
}
STATES: Final[Mapping[State, Message]] = {
    State.GRADED: say("graded"),
    State.NEEDS_REVIEW: say("awaiting review"),
    State.FAILED: say("could not be run"),
    State.MISSING: say("not handed in"),
}
ENDINGS: Final[Mapping[Ending, Message]] = {
    Ending.COMPLETED: say("ran from the first to the last cell"),
    Ending.RAISED: say("at least one cell raised an error"),
    Ending.TIMED_OUT: say("stopped: time limit reached"),
    Ending.DIED: say("stopped: the Python process ended"),
    Ending.OUT_OF_MEMORY: say("stopped: memory limit reached"),
    Ending.FLOODED: say("stopped: too much output"),
    Ending.REFUSED: say("was not run"),
}
CELL_STATES: Final[Mapping[CellState, Message]] = {
    CellState.RAN: say("ran"),
    CellState.RAISED: say("raised an error"),
    CellState.INTERRUPTED: say("interrupted: too slow"),
    CellState.UNFINISHED: say("did not finish"),
    CellState.NOT_RUN: say("was not reached"),
    CellState.LEFT_OUT: say("left out: the notebook ends before it"),
}
SANDBOXES: Final[Mapping[str, Message]] = {
    "bubblewrap": say("full isolation (bubblewrap)"),
    "docker": say("isolation in a container (Docker)"),
    "podman": say("isolation in a container (Podman)"),
    "landlock": say("reduced isolation (Landlock)"),
    "plain": say("reduced isolation (none: own or shipped notebook)"),
}
WEAKER: Final = frozenset({"landlock", "plain"})
"""Walls that leave something open, or everything."""
ORIGINS: Final[Mapping[str, Message]] = {
    "dataframe": say("a DataFrame"),
    "dict": say("a dictionary of results"),
    "markdown": say("a Markdown table"),
    "printed": say("a printed table"),
    "html": say("a displayed table"),
    "csv": say("a CSV file"),
}
_STEPS: Final[Mapping[str, Message]] = {
    "affine_map": say("standardised pixel by pixel"),
    "threshold": say("made black and white"),
    "table": say("each grey level replaced by a value of its own"),
    "whole": say("rounded to whole numbers"),
    "transpose": say("axes reordered"),
    "repeat": say("repeated over the colour channels"),
    "reverse": say("colour channels reversed"),
    "grey": say("converted to grey"),
    "pad": say("padded"),
    "crop": say("cropped"),
}
_NORMS: Final[Mapping[str, Message]] = {
    "l2": say("scaled to unit norm"),
    "max": say("divided by the brightest pixel of each image"),
    "minmax": say("stretched to the full range, image by image"),
    "standardise": say("standardised image by image"),
}


def verdict(award: Award) -> Verdict:
    """The check's; where a person has ruled, what the points say."""
    if award.ruled_by is None or award.points is None:
        return award.finding.verdict
    if award.points >= award.possible:
        return Verdict.MET
    return Verdict.PARTLY if award.points > 0 else Verdict.UNMET


def verbatim(text: str) -> Message:
    """A name we have no words for, shown as it is."""
    return Message("{text}", {"text": text})


def corruption(name: str) -> Message:
    return TERMS.get(name) or verbatim(name)


def sandbox(name: str) -> Message:
    return SANDBOXES.get(name) or verbatim(name or "?")


def origin(name: str) -> Message:
    return ORIGINS.get(name) or verbatim(name)


def preprocessing(steps: Sequence[Step] | None) -> tuple[Message, ...]:
    """What is done to the images before the model sees them, a message per step."""
    if steps is None:
        return (say("not recognised"),)
    return tuple(_step(step) for step in steps) or (say("images as they are, 0 to 255"),)


def _step(step: Step) -> Message:
    values = step.values
    if step.op == "affine":
        return _affine(values)
    if step.op == "reshape":
        return _shape(values.get("shape"))
    if step.op == "resize":
        return say("resized to {height} × {width}", height=values.get("height"), width=values.get("width"))
    found = _NORMS.get(str(values.get("kind"))) if step.op == "normalise" else _STEPS.get(step.op)
    return found or verbatim(step.op)


def _affine(values: Mapping[str, Json]) -> Message:
    """``scale * pixels + offset``; the common case in the words that students use."""
    scale, offset = values.get("scale"), values.get("offset", 0)
    if not isinstance(scale, int | float) or not isinstance(offset, int | float) or not scale:
        return say("rescaled channel by channel")
    if isclose(offset, 0, abs_tol=1e-6):
        return say("divided by {divisor}", divisor=round(1 / scale, 3))
    return say("mapped to [{low:num2}; {high:num2}]", low=offset, high=255 * scale + offset)


def _shape(shape: Json) -> Message:
    """Of one image."""
    sides = shape if isinstance(shape, list | tuple) else ()
    if len(sides) == 1:
        return say("flattened")
    return say("reshaped to {shape}", shape=" × ".join(str(side) for side in sides))
