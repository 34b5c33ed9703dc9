"""Reads what a room says: length-framed messages, each a small JSON header and opaque bytes.

A frame is 4 bytes (big-endian) length of the header, the header (a UTF-8 JSON object), 8 bytes length of the body, the
body. The writer is hostile until proven otherwise: every length is checked before anything is allocated for it.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from autograder.records import Json

HEADER_BYTES = 1 << 20
BODY_BYTES = 256 << 20
TOTAL_BYTES = 5 << 28
FRAMES = 20_000

_CHUNK = 1 << 20
_HEADER_LENGTH = struct.Struct(">I")
_BODY_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message out of a room: a small JSON header and opaque bytes."""

    head: Mapping[str, Json]
    body: bytes = b""


class ProtocolBreach(Exception):
    """The room sent something that our own programs never send; what it sent before stands."""


class FrameReader:
    """Takes frames from a non-blocking file descriptor, as many as have arrived."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.ended = False
        self._parser = FrameParser()

    def fileno(self) -> int:
        return self.fd

    def read(self) -> Iterator[Frame]:
        """Yield the frames completed by one read; sets ``ended`` at the end of the stream.

        Raises ProtocolBreach.
        """
        try:
            content = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return
        self.ended = not content
        yield from self._parser.feed(content)


class FrameParser:
    """The grammar and its caps, free of any descriptor."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._total = 0
        self._count = 0

    def feed(self, content: bytes) -> Iterator[Frame]:
        """Add bytes and yield every frame that they complete.

        Raises ProtocolBreach.
        """
        self._total += len(content)
        if self._total > TOTAL_BYTES:
            raise ProtocolBreach(f"more than {TOTAL_BYTES >> 20} MB in all")
        self._buffer += content
        while (frame := self._take()) is not None:
            yield frame

    def _take(self) -> Frame | None:
        """Cut one frame off the buffer; None while it is incomplete."""
        start = _HEADER_LENGTH.size
        header = self._length(_HEADER_LENGTH, 0, HEADER_BYTES, "header")
        if header is None:
            return None
        body = self._length(_BODY_LENGTH, start + header, BODY_BYTES, "body")
        if body is None:
            return None
        middle = start + header + _BODY_LENGTH.size
        if len(self._buffer) < middle + body:
            return None
        self._count += 1
        if self._count > FRAMES:
            raise ProtocolBreach(f"more than {FRAMES} frames")
        with memoryview(self._buffer) as view:
            frame = Frame(_header(bytes(view[start : start + header])), bytes(view[middle : middle + body]))
        del self._buffer[: middle + body]
        return frame

    def _length(self, form: struct.Struct, at: int, cap: int, what: str) -> int | None:
        if len(self._buffer) < at + form.size:
            return None
        length = int(form.unpack_from(self._buffer, at)[0])
        if length > cap:
            raise ProtocolBreach(f"a {what} of {length} bytes; {cap} are allowed")
        return length


def answer(content: bytes) -> bytes:
    """Frame the bytes that are sent into a room."""
    return _BODY_LENGTH.pack(len(content)) + content


def _header(content: bytes) -> dict[str, Json]:
    try:
        head = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
        json.dumps(head, ensure_ascii=False).encode("utf-8")  # a lone surrogate would fail much later, at some writer
    except (ValueError, RecursionError) as error:
        raise ProtocolBreach(f"a header that is not strict JSON: {type(error).__name__}") from None
    if not isinstance(head, dict):
        raise ProtocolBreach("a header that is not an object")
    return head


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
