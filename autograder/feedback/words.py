"""Words for the values of our records, as messages, so that they have one translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Final

from autograder.records import CellState, Ending, Message, Standing, State, Step, Value, Verdict, say

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
}
SANDBOXES: Final[Mapping[str, Message]] = {
    "bubblewrap": say("full isolation (bubblewrap)"),
    "landlock": say("reduced isolation (Landlock)"),
    "plain": say("reduced isolation (none: own or shipped notebook)"),
}
CORRUPTIONS: Final[Mapping[str, Message]] = {
    "gaussian_noise": say("Gaussian noise"),
    "rotation": say("Rotation"),
    "translation": say("Translation"),
    "zoom": say("Zoom"),
    "brightness": say("Brightness"),
    "contrast": say("Contrast"),
    "blur": say("Blur"),
    "occlusion": say("Occlusion"),
}
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
    "l2": say("scaled to unit norm"),
    "normalize": say("scaled to unit norm"),
    "standardize": say("standardised image by image"),
    "grey": say("converted to grey"),
    "repeat": say("repeated over the colour channels"),
    "pad": say("padded"),
    "resize": say("resized"),
    "transpose": say("axes reordered"),
    "threshold": say("made black and white"),
}


def verbatim(text: str) -> Message:
    """A name we have no words for, shown as it is."""
    return Message("{text}", {"text": text})


def corruption(name: str) -> Message:
    return CORRUPTIONS.get(name) or verbatim(name)


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
    if step.op == "affine":
        return _affine(step.values)
    if step.op in ("reshape", "channels"):
        return _shape(step)
    return _STEPS.get(step.op) or verbatim(step.op)


def _affine(values: Mapping[str, Value | object]) -> Message:
    """``scale * pixels + offset``; the common case in the words that students use."""
    scale, offset = values.get("scale"), values.get("offset", 0)
    if not isinstance(scale, int | float) or not isinstance(offset, int | float) or not scale:
        return say("rescaled channel by channel")
    if isclose(offset, 0, abs_tol=1e-6):
        return say("divided by {divisor}", divisor=round(1 / scale, 3))
    return say("mapped to [{low:num2}; {high:num2}]", low=offset, high=255 * scale + offset)


def _shape(step: Step) -> Message:
    shape = step.values.get("shape")
    if not isinstance(shape, list | tuple):
        return say("channel axis added")
    if len(shape) == 1:
        return say("flattened")
    return say("reshaped to {shape}", shape=" × ".join(str(side) for side in shape))
