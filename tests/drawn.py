"""Pictures as a notebook holds them: honest ones, and some made to keep whoever shows them."""

from __future__ import annotations

import base64
import io
import struct
import zlib

from PIL import Image


def encoded(image: Image.Image, form: str, **more: bool) -> str:
    """In base64 without padding, so that more can be put behind it."""
    raw = bytes_of(image, form, **more)
    return base64.b64encode(raw + b"\0" * (-len(raw) % 3)).decode()


def bytes_of(image: Image.Image, form: str, **more: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def scans(side: int, count: int) -> str:
    """A progressive JPEG whose last scan is there so many times more."""
    raw = bytes_of(Image.new("L", (side, side)), "JPEG", progressive=True)
    last = raw.rfind(b"\xff\xc4", 0, raw.rfind(b"\xff\xda"))
    return base64.b64encode(raw[:-2] + raw[last:-2] * count + raw[-2:]).decode()


def moving(side: int, count: int) -> str:
    """A GIF whose frame is there so many times."""
    raw = bytes_of(Image.new("P", (side, side)), "GIF")
    frame = raw.index(b",", 13 + 3 * 2 ** ((raw[10] & 7) + 1))
    return base64.b64encode(raw[:frame] + raw[frame:-1] * count + b";").decode()


def moving_png(side: int, count: int) -> str:
    """A PNG with so many frames beside the picture itself."""
    raw = bytes_of(Image.new("L", (side, side)), "PNG")
    data, end = raw.index(b"IDAT"), raw.index(b"IEND") - 4
    size = int.from_bytes(raw[data - 4 : data])
    frames = b"".join(
        _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * at, side, side, 0, 0, 1, 10, 0, 0))
        + _chunk(b"fdAT", struct.pack(">I", 2 * at + 1) + raw[data + 4 : data + 4 + size])
        for at in range(count)
    )
    told = _chunk(b"acTL", struct.pack(">II", count, 0)) if count else b""
    return base64.b64encode(raw[:33] + told + raw[33:end] + frames + raw[end:]).decode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
