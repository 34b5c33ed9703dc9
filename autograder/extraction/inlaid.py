"""Pictures that stand in the source in base64: a logo, a sketch. They are long, and hardly shrink, as weights are.

Only their outer form is read: where such a file begins, and where by its own account it ends. What follows is no part
of it. What is hidden within that form is taken for a picture as well.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from itertools import islice

_JOINT = re.compile(rb"""["'][\s\\+()]{0,200}+[bru]{0,2}["']""")
"""Between two parts of one text that the program puts together."""
_BEGINNING = re.compile(rb"(?<![A-Za-z0-9+/])(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR)")
"""The first bytes of a PNG, JPEG, GIF or WebP file in base64."""
MOST = 50
"""Beginnings that are looked at."""
_ENCODED = re.compile(rb"[A-Za-z0-9+/\s\\]++={0,2}")
_BLANK = re.compile(rb"\\n|[\s\\]")


def without_pictures(source: bytes) -> bytes:
    """The source with every picture left out that is all there."""
    joined, kept, at = _JOINT.sub(b"", source), [], 0
    for found in islice(_BEGINNING.finditer(joined), MOST):
        if found.start() < at:
            continue
        encoded = _ENCODED.match(joined, found.start())
        whole = encoded.group() if encoded is not None else b""
        length = _length(_decoded(whole))
        if length:
            kept.append(joined[at : found.start()])
            at = found.start() + _signs(whole, length)
    return b"".join([*kept, joined[at:]]) if kept else source


def _decoded(encoded: bytes) -> bytes:
    plain = _BLANK.sub(b"", encoded).rstrip(b"=")
    return base64.b64decode(plain[: len(plain) // 4 * 4] + _ending(plain))


def _ending(plain: bytes) -> bytes:
    """The last two or three signs, filled up; one alone is none."""
    rest = plain[len(plain) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _signs(encoded: bytes, length: int) -> int:
    """How many signs of the text so many bytes take, blanks among them."""
    wanted = -(-length * 4 // 3)
    at = 0
    for piece in re.finditer(rb"\\n|[\s\\]|[^\s\\]+", encoded):
        if _BLANK.fullmatch(piece.group()):
            continue
        size = len(piece.group())
        if size >= wanted:
            return piece.start() + wanted
        wanted, at = wanted - size, piece.end()
    return at


# --- where a file ends ---------------------------------------------------------------------------------------------


def _length(content: bytes) -> int:
    """Bytes of the picture that this begins with; 0 for none, and for a part of one."""
    for beginning, end in _ENDS.items():
        if content.startswith(beginning):
            found = end(content)
            return found if 0 < found <= len(content) else 0
    return 0


def _end_of_png(content: bytes) -> int:
    """Chunks, each with its length before and a sum after it."""
    at = 8
    while at + 12 <= len(content):
        kind = content[at + 4 : at + 8]
        at += 12 + int.from_bytes(content[at : at + 4], "big")
        if kind == b"IEND":
            return at
        if not kind.isalpha():
            return 0
    return 0


def _end_of_jpeg(content: bytes) -> int:
    """Segments, each with its length; in what follows the scan's, 0xFF stands before a zero or a mark."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        mark = content[at + 1]
        if mark == 0xD9:
            return at + 2
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if mark == 0xDA:
            found = _MARK.search(content, at)
            at = found.start() if found is not None else len(content)
    return at + 2 if content[at : at + 2] == b"\xff\xd9" else 0


_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def _end_of_gif(content: bytes) -> int:
    """A header with a table of colours; then blocks, of parts that tell their length each."""
    at = 13 + _colours(content, 10)
    while at < len(content) and content[at] != 0x3B:
        if content[at] == 0x21:
            at = _after_parts(content, at + 2)
        elif content[at] == 0x2C:
            at = _after_parts(content, at + 11 + _colours(content, at + 9))
        else:
            return 0
    return at + 1


def _colours(content: bytes, at: int) -> int:
    """Bytes of the table of colours that the flags at this place tell of."""
    flags = content[at] if at < len(content) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_parts(content: bytes, at: int) -> int:
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1


def _end_of_webp(content: bytes) -> int:
    return 8 + int.from_bytes(content[4:8], "little") if content[8:12] == b"WEBP" else 0


_ENDS: Mapping[bytes, Callable[[bytes], int]] = {
    b"\x89PNG\r\n\x1a\n": _end_of_png,
    b"\xff\xd8\xff": _end_of_jpeg,
    b"GIF8": _end_of_gif,
    b"RIFF": _end_of_webp,
}
