"""Images that are kept back, in what was handed in: a model that answers in its kernel may look them up there.

Nothing of it is parsed: stretches of these images are looked for as bytes, of pixels or of shares of 255, and as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.extraction.origin import Brought, forms
from autograder.records import Message, say

IMAGES, LENGTH, LEVELS = 64, 40, 12
"""How many images are looked for, by so many pixels each, among which there are so many grey levels at least."""
FEWEST = 4


def carried(things: Sequence[Brought], data: DataSet) -> Message | None:
    """Of what holds most of the images that are looked for; a few may be anywhere."""
    wanted = list(stretches(data.x_hidden))
    counts = [
        (sum(any(is_in(one, form) for form in forms(thing.content)) for one in wanted), thing) for thing in things
    ]
    found, thing = max(counts, key=lambda each: each[0], default=(0, None))
    if thing is None or found < FEWEST:
        return None
    if thing.cell is not None:
        return say(
            "The predictions were made in the student's own kernel, and cell {cell} holds images that are kept back "
            "here to measure with ({found:int} of {looked:int} that were looked for): they may have been looked up.",
            cell=thing.told,
            found=found,
            looked=len(wanted),
        )
    return say(
        "The predictions were made in the student's own kernel, and {name}, which was handed in, holds images that are "
        "kept back here to measure with ({found:int} of {looked:int} that were looked for): they may have been looked "
        "up.",
        name=thing.told,
        found=found,
        looked=len(wanted),
    )


def stretches(images: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.uint8]]:
    """Of images spread over all of them, at most ``IMAGES``, the first stretch of each that has many grey levels."""
    for row in np.unique(np.linspace(0, len(images) - 1, min(len(images), IMAGES)).astype(np.intp)):
        flat = images[row].reshape(-1)
        for start in range(0, flat.size - LENGTH + 1, LENGTH // 2):
            piece = flat[start : start + LENGTH]
            if len(np.unique(piece)) >= LEVELS:
                yield piece
                break


def is_in(piece: npt.NDArray[np.uint8], form: bytes) -> bool:
    """As bytes of pixels or of their shares of 255, or as text."""
    shares = (piece.astype(np.float32) / 255).astype("<f4")
    texts = (mark.join(str(int(value)).encode() for value in piece) for mark in (b",", b", ", b" "))
    return piece.tobytes() in form or shares.tobytes() in form or any(text in form for text in texts)
