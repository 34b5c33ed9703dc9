"""Pictures in a notebook: which they are, and how much work each is for whoever shows it."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

KINDS: Final = ("image/png", "image/jpeg", "image/gif")
"""Forms that hold nothing but dots."""
FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF"}
MAX_PIXELS = 20_000_000
MAX_TOTAL_PIXELS = 400_000_000
"""Of all pictures of a notebook, a second for each 40 million: 140 figures of usual size at 300 dots an inch."""
_BYTES = 3
"""Pixels that a byte of a GIF is worth, whose blocks are gone through one by one."""


@dataclass(slots=True)
class Effort:
    """Pixels that may still be gone through for one notebook; counted, not timed, so that a page is always the same."""

    left: int = field(default_factory=lambda: MAX_TOTAL_PIXELS)


def opened(encoded: str, effort: Effort, kind: str = "") -> Image.Image | None:
    """The picture, not decoded yet; None for what is none, is not of that kind, or takes more than there is left."""
    try:
        raw = base64.b64decode(re.sub(r"\s", "", encoded), validate=True)
        image = Image.open(io.BytesIO(raw), formats=[FORMATS[kind]] if kind else list(FORMATS.values()))
        areas = _areas(image, raw)
    except Exception:  # Pillow promises nothing of files made to break it: what it raises is no fixed list
        return None
    needed = max(sum(areas), _BYTES * len(raw) if image.format == "GIF" else 0)
    if max(areas) > MAX_PIXELS or needed > effort.left:
        return None
    effort.left -= needed
    return image


def _areas(image: Image.Image, raw: bytes) -> list[int]:
    """Pixels of each time that it is gone through: of a progressive JPEG once a scan, and a file of a few kilobytes may
    hold thousands; of a moving picture once a frame."""
    whole = image.width * image.height
    if image.format == "GIF":
        return [max(whole, frame) for frame in _frames(raw)] or [whole]
    times = 1 + raw.count(b"fcTL") if image.format == "PNG" else max(1, raw.count(b"\xff\xda"))
    return [whole] * times


def _frames(raw: bytes) -> list[int]:
    """Pixels of the frames of a GIF.

    Raises:
        ValueError, IndexError: it is not by the book, and every program would make something else of it.
    """
    found = []
    place = 13 + _colours(raw[10])
    while place < len(raw) and raw[place] != 0x3B:
        if raw[place] == 0x2C:
            found.append(
                int.from_bytes(raw[place + 5 : place + 7], "little")
                * int.from_bytes(raw[place + 7 : place + 9], "little")
            )
            place += 10 + _colours(raw[place + 9]) + 1
        elif raw[place] == 0x21:
            place += 2
        else:
            raise ValueError("neither a frame nor an extension")
        while raw[place]:
            place += raw[place] + 1
        place += 1
    return found


def _colours(flags: int) -> int:
    """Bytes of a table of colours, if there is one."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
