"""Looks for a secret in whatever a room has let out, in all the clothes that it may wear."""

from __future__ import annotations

import base64
import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_MOST = 64 << 20
DEPTH = 3
"""Coats one upon another."""


def found(secret: bytes, content: bytes) -> bool:
    """Whether the content holds the secret: as it is, encoded, reversed, packed, or several of these at once."""
    shapes = tuple(_shapes(secret))
    return any(shape in part for part in _unwrapped(content, DEPTH) for shape in shapes)


def _shapes(secret: bytes) -> Iterator[bytes]:
    text = secret.decode("latin-1")
    for plain in (secret, secret[::-1]):
        yield plain
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
        for shift in range(3):  # Base64 depends on where in a longer text the secret stands
            encoded = base64.b64encode(b"\0" * shift + plain)
            yield encoded[4 * bool(shift) : len(encoded) // 4 * 4 - 4].strip(b"=")
        yield base64.b32encode(plain)[:-8].strip(b"=")
    yield from (text.encode(form) for form in ("utf-16-le", "utf-16-be", "utf-32-le"))
    yield ",".join(map(str, secret)).encode()
    yield ", ".join(map(str, secret)).encode()


def _unwrapped(content: bytes, depth: int) -> Iterator[bytes]:
    yield content
    if not depth:
        return
    for inner in (*_members(content), *_inflated(content), *_decoded(content)):
        yield from _unwrapped(inner, depth - 1)


def _members(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if info.file_size < _MOST:
                    yield archive.read(info)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, NotImplementedError, RuntimeError):
        return


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in _ZLIB.finditer(content):
        inflater = zlib.decompressobj(wbits=47)  # zlib or gzip, as the header says
        try:
            got = inflater.decompress(memoryview(content)[start.start() :], _MOST)
        except zlib.error:
            continue
        if len(got) > 16:
            yield got


def _decoded(content: bytes) -> Iterator[bytes]:
    for match in _RUN.finditer(content):
        text = match[0].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        try:
            yield base64.b64decode(text[: len(text) // 4 * 4])
        except binascii.Error:
            continue
    for match in _HEX.finditer(content):
        yield binascii.unhexlify(match[0])
