"""The files that pictures come in: what of them the dots need, and how often these are gone through.

Taken apart here, before any library: remarks, profiles and previews are unpacked or joined by libraries as soon as a
file is opened, in any number, and in a time that nobody has counted by then.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

PARTS: Final = 300
"""Of a file, beside its dots: figures have five, photographs with all that a telephone adds to them a hundred."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = (b"IHDR", b"PLTE", b"tRNS")
_PNG_DOTS: Final = (b"IDAT", b"fdAT", b"fcTL")
_JPEG: Final = b"\xff\xd8"
_JPEG_SCAN: Final = 0xDA
_JPEG_BARE: Final = {0x01, *range(0xD0, 0xDA)}
"""Marks without a length."""
_JPEG_LEFT_OUT: Final = {*range(0xE1, 0xEE), 0xEF, 0xFE}
"""All that programs add, but for what says which colours there are (JFIF's and Adobe's)."""
_GIF_TIMING: Final = 0xF9
"""The extension that also says which colour is none."""


@dataclass(frozen=True, slots=True)
class Bare:
    content: bytes
    """A file of the same picture, and of nothing else."""
    times: int = 1
    """How often its dots are gone through."""
    frames: tuple[int, ...] = ()
    """Pixels of each frame, where these have sizes of their own."""


def bare(raw: bytes) -> Bare:
    """Without anything but the dots.

    Raises:
        ValueError, IndexError: it is no PNG, JPEG or GIF by the book, or in more parts than any picture has.
    """
    if raw.startswith(_PNG):
        return _png(raw)
    if raw.startswith(_JPEG):
        return _jpeg(raw)
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return _gif(raw)
    raise ValueError("neither PNG, JPEG nor GIF")


def _png(raw: bytes) -> Bare:
    kept, dots = [_PNG], []
    place, parts, frames = len(_PNG), 0, 0
    while place < len(raw) and (kind := raw[place + 4 : place + 8]) != b"IEND":
        end = place + 12 + int.from_bytes(raw[place : place + 4])
        if kind == b"IDAT":
            dots.append(raw[place + 8 : end - 4])
        elif kind in _PNG_KEPT and not dots:
            kept.append(raw[place:end])
        frames += kind == b"fcTL"
        parts = _counted(parts, more=kind not in _PNG_DOTS)
        place = end
    return Bare(b"".join([*kept, _chunk(b"IDAT", b"".join(dots)), _chunk(b"IEND", b"")]), 1 + frames)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _jpeg(raw: bytes) -> Bare:
    kept = [_JPEG]
    place, parts = len(_JPEG), 0
    while (place := raw.find(b"\xff", place)) >= 0:
        mark = raw[place + 1]
        if mark in (0, 0xFF) or mark in _JPEG_BARE:
            place += 1 if mark == 0xFF else 2
            continue
        if mark == _JPEG_SCAN:
            scans = raw[place:]
            return Bare(b"".join([*kept, scans]), scans.count(bytes((0xFF, _JPEG_SCAN))))
        end = place + 2 + int.from_bytes(raw[place + 2 : place + 4])
        if mark not in _JPEG_LEFT_OUT:
            kept.append(raw[place:end])
        parts = _counted(parts)
        place = max(end, place + 4)
    raise ValueError("a JPEG without dots")


def _counted(parts: int, *, more: bool = True) -> int:
    if parts + more > PARTS:
        raise ValueError("more parts than any picture has")
    return parts + more


def _gif(raw: bytes) -> Bare:
    found, kept = [], []
    place = 13 + _colours(raw[10])
    kept.append(raw[:place])
    while place < len(raw) and raw[place] != 0x3B:
        start = place
        if raw[place] == 0x2C:
            wide, high = raw[place + 5 : place + 7], raw[place + 7 : place + 9]
            found.append(int.from_bytes(wide, "little") * int.from_bytes(high, "little"))
            place += 10 + _colours(raw[place + 9]) + 1
        elif raw[place] == 0x21:
            place += 2
        else:
            raise ValueError("neither a frame nor an extension")
        while raw[place]:
            place += raw[place] + 1
        place += 1
        if raw[start] == 0x2C or raw[start + 1] == _GIF_TIMING:
            kept.append(raw[start:place])
    return Bare(b"".join([*kept, b";"]), frames=tuple(found))


def _colours(flags: int) -> int:
    """Bytes of a table of colours, if there is one."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
