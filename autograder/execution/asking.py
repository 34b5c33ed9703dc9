"""What models that stay in the kernel are shown when the notebook has ended, and what they answer: all of it claims."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.records import Altered, Digest, Message, Showing, Step, say
from autograder.store import Store

FALLBACKS = 8
ANSWER_BYTES = 200 << 20
PART_IMAGES = 4096
PART_BYTES = 32 << 20
"""Of altered images that are in the room at one time, whatever the size of an image."""
ALTERED_BYTES = 64 << 20
"""Of answers to all altered images."""
LEAST_SECONDS = 2.0

_MODEL = re.compile(r"m[0-9]{1,5}")


class Malformed(ValueError):
    """A frame that our runner would not send."""


class Asking:
    """The questions at the end of room 1: first the images that all models are shown, then altered ones, in parts."""

    def __init__(self, store: Store) -> None:
        self.fallbacks: dict[str, Digest] = {}
        self.altered: Altered | None = None
        """Once its first part was shown, or refused."""
        self._store = store
        self._showing: Showing | None = None
        self._bytes = 0

    @property
    def final(self) -> str | None:
        """The model that was taken for the final one; empty where it is none of those asked, None where none was."""
        return None if self._showing is None else self._showing.final

    def images(self, showing: Showing | None, models: Sequence[str]) -> bytes:
        """The images and the recipes of those asked for; nothing where there is no model to ask."""
        if showing is None:
            return b""
        self._showing = showing
        wanted = [model for model in models[:FALLBACKS] if _MODEL.fullmatch(model) and model in showing.recipes]
        if not wanted:
            return b""
        images = self._store.get_array(showing.images)
        return _pack(images, {model: showing.recipes[model] for model in wanted})

    def take(self, model: str, body: bytes) -> None:
        if not _MODEL.fullmatch(model) or len(self.fallbacks) >= FALLBACKS:
            raise Malformed("model")
        self.fallbacks[model] = self._store.put(body)

    # --- altered images

    def part(self, number: int, seconds: float, left: float) -> bytes:
        """The next altered images for the final model; nothing when all were shown, or when not all can be answered.

        ``seconds`` were needed for the last part, and ``left`` remain. What was answered so far cannot count by itself,
        so that the first sign of too little time ends it.
        """
        showing = self._showing
        if showing is None or showing.altered is None or showing.final not in self.fallbacks:
            return b""
        if self.altered is None:
            self.altered = Altered(model=showing.final, problem=_UNANSWERED)
        if number != len(self.altered.answers):
            return b""
        images = np.load(self._store.path(showing.altered), mmap_mode="r", allow_pickle=False)
        size = _part_size(images)
        parts = math.ceil(len(images) / size)
        if number == parts:
            return b""
        if (problem := self._too_much(number, parts, seconds, left)) is not None:
            self.altered = replace(self.altered, problem=problem)
            return b""
        shown = np.asarray(images[number * size : (number + 1) * size])
        return _pack(shown, {showing.final: showing.recipes[showing.final]})

    def _too_much(self, number: int, parts: int, seconds: float, left: float) -> Message | None:
        needed = seconds * (parts - number)
        if left < LEAST_SECONDS:
            return say("No time was left to show the altered images to the model in the notebook's own kernel.")
        if needed > left:
            return say(
                "The model answers in the notebook's own kernel only: all altered images would take it about "
                "{needed:sec} more, and {left:sec} were left.",
                needed=needed,
                left=left,
            )
        if number and self._bytes * parts / number > ALTERED_BYTES:
            return say(
                "The model's answers to all altered images are more than the {limit:int} MB that may leave its kernel.",
                limit=ALTERED_BYTES >> 20,
            )
        return None

    def take_part(self, model: str, number: int, body: bytes) -> None:
        """Each part once, in order."""
        showing, altered = self._showing, self.altered
        if showing is None or showing.altered is None or altered is None or model != altered.model:
            raise Malformed("model")
        self._bytes += len(body)
        if number != len(altered.answers) or altered.problem is not _UNANSWERED or self._bytes > ALTERED_BYTES:
            raise Malformed("part")
        answers = (*altered.answers, self._store.put(body))
        images = np.load(self._store.path(showing.altered), mmap_mode="r", allow_pickle=False)
        complete = len(answers) == math.ceil(len(images) / _part_size(images))
        self.altered = replace(altered, answers=answers, problem=None if complete else _UNANSWERED)


_UNANSWERED = say("The model did not answer for all altered images in the notebook's own kernel.")


def _part_size(images: npt.NDArray[Any]) -> int:
    return max(1, min(PART_IMAGES, PART_BYTES // max(1, images[:1].nbytes)))


def _pack(images: npt.NDArray[Any], recipes: Mapping[str, Sequence[Step]]) -> bytes:
    """Bytes of an ``.npz``; empty when it is more than a room should be given."""
    if images.nbytes > ANSWER_BYTES:
        return b""
    named: dict[str, Any] = {"images": np.asarray(images, np.uint8)}
    for model, steps in recipes.items():
        written = json.dumps([{"op": step.op, "values": dict(step.values)} for step in steps])
        named[model] = np.frombuffer(written.encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **named)
    return buffer.getvalue()
