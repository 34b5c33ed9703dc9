"""The wire between a room and the host: honest frames arrive whole, dishonest ones are refused before they cost."""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import frames
from autograder.frames import Frame, FrameParser, FrameReader, ProtocolBreach, answer
from autograder.guest.frames import Pipe


def packed(head: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(head)) + head + struct.pack(">Q", len(body)) + body


@given(
    st.lists(st.tuples(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()), st.binary()), max_size=5),
    st.integers(1, 40),
)
def test_any_cutting_of_the_stream_gives_the_same_frames(sent: list[tuple[dict[str, int], bytes]], size: int) -> None:
    stream = b"".join(packed(json.dumps(head).encode(), body) for head, body in sent)
    parser = FrameParser()
    got = [frame for at in range(0, len(stream), size) for frame in parser.feed(stream[at : at + size])]
    assert [(dict(frame.head), frame.body) for frame in got] == sent


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_breach(content: bytes) -> None:
    try:
        assert all(isinstance(frame, Frame) for frame in FrameParser().feed(content))
    except ProtocolBreach:
        pass


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (struct.pack(">I", frames.HEADER_BYTES + 1), "header of"),
        (struct.pack(">I", 2) + b"{}" + struct.pack(">Q", frames.BODY_BYTES + 1), "body of"),
        (struct.pack(">I", 2) + b"{}" + struct.pack(">Q", 2**64 - 1), "body of"),
        (packed(b"[]"), "not an object"),
        (packed(b"\xff"), "not strict JSON"),
        (packed(b'{"a": NaN}'), "not strict JSON"),
        (packed(b'{"a": "\\ud800"}'), "not strict JSON"),
        (packed(b"[" * 200_000), "not strict JSON"),
        (packed(b'{"a": ' + b"9" * 5000 + b"}"), "not strict JSON"),
    ],
)
def test_breaches(content: bytes, words: str) -> None:
    with pytest.raises(ProtocolBreach, match=words):
        list(FrameParser().feed(content))


def test_frames_before_a_breach_stand() -> None:
    stream = FrameParser().feed(packed(b'{"kind": "ready"}') + packed(b"nonsense"))
    assert next(stream).head == {"kind": "ready"}
    with pytest.raises(ProtocolBreach):
        next(stream)


def test_number_and_sum_are_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAMES", 3)
    with pytest.raises(ProtocolBreach, match="more than 3 frames"):
        list(FrameParser().feed(packed(b"{}") * 4))
    monkeypatch.setattr(frames, "TOTAL_BYTES", 1 << 20)
    parser = FrameParser()
    list(parser.feed(packed(b"{}", b"x" * 600_000)))
    with pytest.raises(ProtocolBreach, match="1 MB in all"):
        list(parser.feed(packed(b"{}", b"x" * 600_000)))


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Pipe, int, int]]:
    """The room's pipe, and the host's two ends."""
    (read_out, out), (back, write_back) = os.pipe(), os.pipe()
    monkeypatch.setenv("AUTOGRADER_OUT", str(out))
    monkeypatch.setenv("AUTOGRADER_IN", str(back))
    os.set_inheritable(out, True)
    yield Pipe.from_environment(), read_out, write_back
    assert not os.get_inheritable(out)
    assert "AUTOGRADER_OUT" not in os.environ
    for fd in (read_out, out, back, write_back):
        os.close(fd)


def test_reading_never_blocks_and_sees_the_end() -> None:
    read, write = os.pipe()
    reader = FrameReader(read)
    assert list(reader.read()) == []
    assert not reader.ended
    os.write(write, packed(b'{"a": 1}', b"body"))
    assert list(reader.read()) == [Frame({"a": 1}, b"body")]
    os.close(write)
    assert list(reader.read()) == []
    assert reader.ended
    os.close(read)


def test_guest_and_host_speak_the_same_language(ends: tuple[Pipe, int, int]) -> None:
    pipe, read, _ = ends
    pipe.send({"kind": "cell", "error": "é \ud800 日本"}, b"\x00\x01")
    (frame,) = FrameReader(read).read()
    assert frame.head == {"kind": "cell", "error": "é ? 日本"}
    assert frame.body == b"\x00\x01"


def test_an_answer_larger_than_the_pipe_arrives_whole(ends: tuple[Pipe, int, int]) -> None:
    pipe, _, write = ends
    wanted = os.urandom(300_000)
    writer = threading.Thread(
        target=lambda: [os.write(write, part) for part in (answer(wanted)[:9], answer(wanted)[9:])]
    )
    writer.start()
    assert pipe.ask({"kind": "images?"}) == wanted
    writer.join()


def test_frames_of_several_threads_never_mix(ends: tuple[Pipe, int, int]) -> None:
    pipe, read, _ = ends
    threads = [threading.Thread(target=pipe.send, args=({"n": n}, bytes([n]) * 100_000)) for n in range(8)]
    for thread in threads:
        thread.start()
    reader, got = FrameReader(read), []
    os.set_blocking(read, True)
    while len(got) < len(threads):
        got += reader.read()
    for thread in threads:
        thread.join()
    assert sorted(frame.head["n"] for frame in got) == list(range(8))
    assert all(frame.body == bytes([frame.head["n"]]) * 100_000 for frame in got)
