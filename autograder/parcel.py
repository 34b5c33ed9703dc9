"""Plain values and arrays in one piece of bytes, read strictly: how trainings cross the wall of a room.

Nothing in it is a program: a JSON object, and arrays of numbers of known kinds, each packed by zlib. It is read by the
host, by the kernel and by the trainer with this one code.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

KINDS = frozenset({"<f2", "<f4", "<f8", "<i2", "<i4", "<i8", "<u2", "<u4", "<u8", "|i1", "|u1", "|b1"})
"""Of the numbers in an array, as NumPy writes them."""
HEAD_BYTES = 4 << 20
ARRAYS = 5000
DIMENSIONS, MOST_NUMBERS = 16, 1 << 50
ARRAY_BYTES = 512 << 20
"""Of all arrays of a parcel once they are unpacked."""
_LENGTH = struct.Struct(">I")
_LEVEL = 1
"""Images are mostly background: the quickest level leaves a tenth of them."""


class Damaged(ValueError):
    """Bytes that are no parcel."""


def packed(values: Mapping[str, Any], arrays: Sequence[Array] = ()) -> bytes:
    """Values that JSON can hold, and arrays; raises ValueError for what is neither."""
    bodies, heads = [], []
    for array in arrays:
        plain = plainly(array)
        body = zlib.compress(plain.tobytes(), _LEVEL)
        heads.append([plain.dtype.str, list(plain.shape), len(body)])
        bodies.append(body)
    head = json.dumps({"values": values, "arrays": heads}, allow_nan=False, sort_keys=True).encode()
    return b"".join((_LENGTH.pack(len(head)), head, *bodies))


def unpacked(content: bytes, most: int = ARRAY_BYTES) -> tuple[dict[str, Any], list[Array]]:
    """What was packed; ``most``: bytes of all arrays together. Raises Damaged, and allocates nothing before that."""
    values, told, start = _told(content)
    if sum(np.dtype(kind).itemsize * math.prod(shape) for kind, shape, _ in told) > most:
        raise Damaged(f"more than {most >> 20} MB of arrays")
    if start + sum(length for _, _, length in told) != len(content):
        raise Damaged("length")
    arrays = []
    for kind, shape, length in told:
        arrays.append(_array(content[start : start + length], kind, shape))
        start += length
    return values, arrays


def forms(content: bytes) -> list[list[Any]]:
    """``[kind, shape]`` of each array, none of which is unpacked; raises Damaged."""
    return [[kind, list(shape)] for kind, shape, _ in _told(content)[1]]


def _told(content: bytes) -> tuple[dict[str, Any], list[tuple[str, tuple[int, ...], int]], int]:
    """The values, the kind, shape and packed length of each array, and where the first one begins."""
    head, start = _head(content)
    values, told = head.get("values"), head.get("arrays")
    if not isinstance(values, dict) or not isinstance(told, list) or len(told) > ARRAYS:
        raise Damaged("head")
    return values, [_form(one) for one in told], start


def _head(content: bytes) -> tuple[dict[str, Any], int]:
    if len(content) < _LENGTH.size:
        raise Damaged("length")
    (length,) = _LENGTH.unpack_from(content)
    end = _LENGTH.size + int(length)
    if length > HEAD_BYTES or end > len(content):
        raise Damaged("length")
    try:
        head = json.loads(content[_LENGTH.size : end])
    except (ValueError, RecursionError):
        raise Damaged("head") from None
    if not isinstance(head, dict):
        raise Damaged("head")
    return head, end


def _form(told: object) -> tuple[str, tuple[int, ...], int]:
    if not isinstance(told, list) or len(told) != 3:
        raise Damaged("array")
    kind, shape, length = told
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(shape, list) or not _is_count(length):
        raise Damaged("array")
    if len(shape) > DIMENSIONS or not all(_is_count(size) for size in shape):
        raise Damaged("array")
    if math.prod(size or 1 for size in shape) > MOST_NUMBERS:  # NumPy minds, also where there is nothing of them
        raise Damaged("array")
    return kind, tuple(shape), length


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _array(body: bytes, kind: str, shape: tuple[int, ...]) -> Array:
    size = np.dtype(kind).itemsize * math.prod(shape)
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(body, size) if size else unpacker.decompress(body, 1)
        rest = unpacker.decompress(unpacker.unconsumed_tail, 1) if unpacker.unconsumed_tail else b""
    except zlib.error:
        raise Damaged("array") from None
    if len(content) != size or rest:
        raise Damaged("array")
    return np.frombuffer(content, kind).reshape(shape)


def plainly(array: Array) -> Array:
    """The same numbers in one piece and in the usual order of bytes; raises ValueError where they are no numbers."""
    plain = np.asarray(array, order="C")
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    if plain.dtype.str not in KINDS:
        raise ValueError(f"no numbers of a known kind: {plain.dtype}")
    return plain


def print_of(array: Array) -> list[Any]:
    """``[kind, shape, SHA-256]``: equal of equal arrays, and of no others."""
    plain = plainly(array)
    hashed = hashlib.sha256(f"{plain.dtype.str} {list(plain.shape)}\n".encode())
    hashed.update(plain.reshape(-1).view(np.uint8).data if plain.size else b"")
    return [plain.dtype.str, list(plain.shape), hashed.hexdigest()]
