"""Arrays and plain values in one piece, read strictly."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.parcel import KINDS, Damaged, packed, print_of, unpacked


def forged(head: Any, rest: bytes = b"") -> bytes:  # noqa: ANN401
    written = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">I", len(written)) + written + rest


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<i8", "|u1", "|b1", ">f4"])
def test_what_is_packed_comes_out(kind: str) -> None:
    arrays = [np.arange(6).reshape(2, 3).astype(kind), np.zeros((0, 4), kind), np.array(3).astype(kind)]
    values, found = unpacked(packed({"a": [1, None, "b"]}, arrays))
    assert values == {"a": [1, None, "b"]}
    for one, other in zip(arrays, found, strict=True):
        assert (one.shape, print_of(one)) == (other.shape, print_of(other))
        assert np.array_equal(one, other)


def test_every_bit_counts() -> None:
    array = np.array([0.0, np.nan, np.inf, 1e-45], np.float32)
    assert unpacked(packed({}, [array]))[1][0].tobytes() == array.tobytes()
    assert print_of(np.array([0.0], np.float32)) != print_of(np.array([-0.0], np.float32))
    assert print_of(array) != print_of(array.reshape(2, 2))
    assert print_of(np.asfortranarray(np.eye(3)[:2])) == print_of(np.eye(3)[:2])


NOTHING = zlib.compress(b"")


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.array([1j])])
def test_only_numbers_are_packed(array: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="no numbers"):
        packed({}, [array])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xff\xff\xff",
        forged(b"not JSON"),
        forged([]),
        forged({"values": [], "arrays": []}),
        forged({"values": {}, "arrays": 3}),
        forged({"values": {}, "arrays": [["<f4", [1], 4, 5]]}),
        forged({"values": {}, "arrays": [["|O", [1], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [-1], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [True], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [1], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [1 << 30, 1 << 9], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [1], 9]]}, b"abcd"),
        forged({"values": {}, "arrays": [[["<f4"], [1], 4]]}, b"abcd"),
        forged({"values": {}, "arrays": [["<f4", [1 << 39, 1 << 39, 0], len(NOTHING)]]}, NOTHING),
        forged({"values": {}, "arrays": [["<f4", [0] * 17, len(NOTHING)]]}, NOTHING),
        packed({}, [np.zeros(3)]) + b"more",
        b"[" * 100_000,
        forged(b"[" * 100_000),
    ],
)
def test_anything_else_is_damaged(content: bytes) -> None:
    with pytest.raises(Damaged):
        unpacked(content)


def test_what_unpacks_to_more_than_it_says_is_damaged() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    with pytest.raises(Damaged):
        unpacked(forged({"values": {}, "arrays": [["<f4", [1], len(bomb)]]}, bomb))
    with pytest.raises(Damaged, match="more than"):
        unpacked(packed({}, [np.zeros(1 << 20)]), most=1 << 20)


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(content: bytes) -> None:
    with pytest.raises(Damaged):
        unpacked(content)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
ODD = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
SHAPES = st.lists(st.integers(-1, 1 << 41) | st.sampled_from([0, 1, 1 << 39]) | ODD, max_size=18)
TOLD = st.tuples(st.sampled_from(sorted(KINDS)) | ODD, SHAPES | ODD, st.sampled_from([0, len(NOTHING)]) | ODD)


@given(st.lists(TOLD.map(list) | ODD, max_size=3), st.binary(max_size=20))
def test_no_description_of_arrays_does_harm(told: list[Any], body: bytes) -> None:
    for content in (NOTHING * len(told), body):
        try:
            _, arrays = unpacked(forged({"values": {}, "arrays": told}, content))
        except Damaged:
            continue
        assert sum(array.size for array in arrays) == 0
