"""Pictures in a notebook: which they are, and how much work each is for whoever shows it."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from autograder.notebook.containers import Bare, bare

KINDS: Final = ("image/png", "image/jpeg", "image/gif")
"""Forms that hold nothing but dots."""
FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF"}
MAX_PIXELS = 20_000_000
MAX_SIDE = 65_535
"""Dots that a figure of matplotlib, or a JPEG, may be wide or high."""
MAX_TOTAL_PIXELS = 400_000_000
"""Of all pictures of a notebook, a second for each 40 million: 140 figures of usual size at 300 dots an inch."""
MAX_UNPAID_PIXELS = 40_000_000
"""Of these, what the files do not pay for: a second of work that a notebook of a few kilobytes may ask for."""
_PAID = 40
"""Pixels that a byte of a file pays for; figures with much white have about as many, photographs three or four."""
_BYTES = 3
"""Pixels that a byte of a GIF is worth, whose blocks are gone through one by one."""
_WRITTEN = 5
"""Pixels that a byte of the picture made anew is worth, which has to be pressed again."""
_GROWTH = 8
"""Times that a picture may grow by that for nothing: a JPEG becomes a PNG."""


@dataclass(slots=True)
class Effort:
    """Pixels that may still be gone through for one notebook; counted, not timed, so that a page is always the same."""

    left: int = field(default_factory=lambda: MAX_TOTAL_PIXELS)
    unpaid: int = field(default_factory=lambda: MAX_UNPAID_PIXELS)

    def take(self, pixels: int, size: int) -> bool:
        """Whether there are so many left for a file of that many bytes; then they are taken."""
        unpaid = max(0, pixels - _PAID * size)
        if pixels > self.left or unpaid > self.unpaid:
            return False
        self.left -= pixels
        self.unpaid -= unpaid
        return True

    def made(self, size: int, anew: int) -> None:
        """A file of that many bytes was made anew, with as many others."""
        self.unpaid -= _WRITTEN * max(0, anew - _GROWTH * size)


def opened(encoded: str, effort: Effort, kind: str = "") -> Image.Image | None:
    """The picture, not decoded yet and without remarks; None for what is none, is not of that kind, or takes more than
    there is left."""
    try:
        raw = base64.b64decode(re.sub(r"\s", "", encoded), validate=True)
        file = bare(raw)
        image = Image.open(io.BytesIO(file.content), formats=[FORMATS[kind]] if kind else list(FORMATS.values()))
    except Exception:  # Pillow promises nothing of files made to break it: what it raises is no fixed list
        return None
    areas = _areas(image, file)
    needed = max(sum(areas), _BYTES * len(raw) if image.format == "GIF" else 0)
    if max(areas) > MAX_PIXELS or max(image.size) > MAX_SIDE or not effort.take(needed, len(raw)):
        return None
    return image


def _areas(image: Image.Image, file: Bare) -> list[int]:
    """Pixels of each time that it is gone through: of a progressive JPEG once a scan, and a file of a few kilobytes may
    hold thousands; of a moving picture once a frame."""
    whole = image.width * image.height
    return [max(whole, frame) for frame in file.frames] or [whole] * file.times
