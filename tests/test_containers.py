"""What of a picture's file is kept: all that says what its dots look like, and nothing else."""

from __future__ import annotations

import base64
import io
import struct
import time
import zlib

import pytest
from drawn import bytes_of, moving, moving_png, scans
from PIL import Image

from autograder.notebook.containers import PARTS, bare

RAMP = Image.linear_gradient("L").resize((40, 30))
PALETTE = Image.merge("RGB", (RAMP, RAMP.rotate(180), RAMP.transpose(Image.Transpose.FLIP_LEFT_RIGHT))).quantize(9)
ICC, EXIF = b"profile of a student", b"Exif\0\0of a student"


def dots(raw: bytes) -> tuple[str, bytes]:
    """As the grader draws them: with what is transparent."""
    with Image.open(io.BytesIO(raw)) as image:
        return image.mode, image.convert("RGBA").tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(raw: bytes, chunks: bytes) -> bytes:
    """The PNG with more between its header and the rest."""
    return raw[:33] + chunks + raw[33:]


def with_segments(raw: bytes, segments: bytes) -> bytes:
    """The JPEG with more at its beginning."""
    return raw[:2] + segments + raw[2:]


def gif_with(remark: bytes) -> bytes:
    """A GIF with more in front of its frame."""
    raw = bytes_of(PALETTE, "GIF")
    frame = raw.index(b",", 13 + 3 * 2 ** ((raw[10] & 7) + 1))
    return raw[:frame] + remark + raw[frame:]


@pytest.mark.parametrize(
    "raw",
    [
        bytes_of(RAMP, "PNG"),
        bytes_of(RAMP.convert("1"), "PNG"),
        bytes_of(RAMP.convert("RGBA"), "PNG"),
        bytes_of(RAMP.convert("RGB"), "PNG", transparency=(5, 5, 5)),
        bytes_of(RAMP.convert("I;16"), "PNG"),
        bytes_of(PALETTE, "PNG", transparency=3),
        with_chunks(
            bytes_of(RAMP, "PNG"), chunk(b"iCCP", b"x\0\0" + zlib.compress(ICC)) + chunk(b"tEXt", b"a\0student")
        ),
        bytes_of(RAMP, "PNG") + b"of a student",
        bytes_of(RAMP, "JPEG", exif=EXIF, icc_profile=ICC, comment=b"of a student"),
        bytes_of(RAMP.convert("RGB"), "JPEG", progressive=True),
        bytes_of(RAMP.convert("RGB").convert("CMYK"), "JPEG"),
        with_segments(bytes_of(RAMP, "JPEG"), b"\xff\xff\xff\xed\x00\x0estudent, old"),
        bytes_of(PALETTE, "GIF", transparency=3, comment=b"of a student"),
        gif_with(b"!\xfe\x0cof a student\0"),
        base64.b64decode(moving(30, 4)),
        base64.b64decode(moving_png(30, 4)),
    ],
)
def test_the_dots_are_the_same_and_what_else_there_was_is_gone(raw: bytes) -> None:
    content = bare(raw).content
    assert dots(content) == dots(raw)
    assert b"student" not in content
    with Image.open(io.BytesIO(content)) as image:
        assert not {"icc_profile", "exif", "comment", "a"} & set(image.info)


def test_how_often_the_dots_are_gone_through() -> None:
    assert bare(bytes_of(RAMP, "PNG")).times == 1
    assert bare(base64.b64decode(moving_png(30, 4))).times == 5
    assert bare(bytes_of(RAMP, "JPEG")).times == 1
    assert bare(base64.b64decode(scans(30, 50))).times > 50
    assert bare(base64.b64decode(moving(30, 4))).frames == (900,) * 4


def test_a_preview_in_a_photograph_is_no_other_time_through() -> None:
    preview = bytes_of(RAMP, "JPEG", exif=EXIF + bytes_of(RAMP, "JPEG"))
    assert bare(preview).times == 1


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (bytes_of(RAMP, "PNG"), chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 1_000_000))),
        (bytes_of(RAMP, "PNG"), chunk(b"PLTE", b"\0" * 6)),
        (bytes_of(RAMP, "JPEG"), b"\xff\xe1\x00\x12" + EXIF[:16]),
        (bytes_of(RAMP, "JPEG"), b"\xff\xfe\x00\x02"),
    ],
)
def test_no_picture_has_hundreds_of_remarks(raw: bytes, part: bytes) -> None:
    put = with_chunks if raw.startswith(b"\x89PNG") else with_segments
    assert dots(bare(put(raw, part * (PARTS // 2))).content) == dots(raw)
    with pytest.raises(ValueError, match="more parts"):
        bare(put(raw, part * (PARTS + 1)))


def test_dots_may_come_in_any_number_of_pieces() -> None:
    raw = bytes_of(RAMP.resize((400, 300)), "PNG")
    start, end = raw.index(b"IDAT") - 4, raw.index(b"IEND") - 4
    data = raw[start + 8 : end - 4]
    pieces = b"".join(chunk(b"IDAT", data[at : at + 2]) for at in range(0, len(data), 2))
    assert len(data) > 2 * PARTS
    assert dots(bare(raw[:start] + pieces + raw[end:]).content) == dots(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xd8", b"\xff\xd8\xff", b"GIF89a", b"BM", bytes_of(RAMP, "JPEG")[:100], b"\xff\xd8" + b"\xff" * 99],
)
def test_what_is_no_picture_is_an_error(raw: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        bare(raw)


@pytest.mark.parametrize(
    "raw",
    [
        gif_with(b"!\xfe" + b"\x01 " * 500_000 + b"\0"),
        with_segments(bytes_of(RAMP, "JPEG"), b"\xff\xd0" * 500_000),
        with_segments(bytes_of(RAMP, "JPEG"), b"\0" * 1_000_000),
        with_chunks(bytes_of(RAMP, "PNG"), chunk(b"IDAT", b"") * 80_000),
    ],
)
def test_a_file_of_crumbs_takes_no_longer_than_its_length(raw: bytes) -> None:
    begun = time.process_time()
    with Image.open(io.BytesIO(bare(raw).content)) as image:
        assert image.size == RAMP.size
    assert time.process_time() - begun < 2, "joined one by one, the remarks would take a minute"
