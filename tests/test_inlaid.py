"""Pictures in the source: left out where they are whole, and nothing else with them."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from autograder.extraction.inlaid import without_pictures


def picture(kind: str, side: int = 80, **settings: int) -> bytes:
    dots = np.random.default_rng(1).integers(0, 256, (side, side, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(dots).save(buffer, kind, **settings)
    return buffer.getvalue()


def lines(content: bytes, ending: bytes) -> bytes:
    text = base64.b64encode(content)
    return ending.join(text[start : start + 76] for start in range(0, len(text), 76))


KINDS = {kind: picture(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [b"", b"\n", b"\\\n", b"\\n", b'"\n        "', b"' +\n  b'"])
def test_a_picture_is_left_out(kind: str, ending: bytes) -> None:
    source = b"logo = '''" + lines(KINDS[kind], ending) + b"'''\nshow(logo)"
    assert len(KINDS[kind]) > 2000
    kept = without_pictures(source)
    assert kept.replace(b"=", b"").strip() and len(kept) < 40 and kept.endswith(b"show(logo)")


def test_progressive_and_of_one_colour() -> None:
    for content in (picture("JPEG", progressive=1, quality=95), picture("PNG", side=1), picture("GIF", side=7)):
        assert len(without_pictures(b"a = '" + base64.b64encode(content) + b"'")) < 12


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_a_picture_stays(kind: str) -> None:
    more = np.random.default_rng(2).bytes(3000)
    kept = without_pictures(b"a = '" + base64.b64encode(KINDS[kind] + more) + b"'")
    assert 3900 < len(kept) < 4100
    assert base64.b64encode(more[:2940])[8:-8] in without_pictures(b"a = '" + base64.b64encode(more) + b"'")


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_picture_stays(kind: str) -> None:
    source = b"a = '" + base64.b64encode(KINDS[kind][:-9]) + b"'"
    assert without_pictures(source) == source


def test_what_only_begins_as_one_stays() -> None:
    for beginning in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF", b"RIFF\x10\0\0\0WAVE"):
        source = b"a = '" + base64.b64encode(beginning + np.random.default_rng(3).bytes(2999)) + b"'"
        assert without_pictures(source) == source


def test_many_beginnings_take_no_time() -> None:
    began = time.process_time()
    without_pictures(b" /9j/4AAQ iVBORw0KGgo" * 50_000)
    without_pictures(b"'" * 500_000 + b"R0lGOD" * 100_000)
    assert time.process_time() - began < 10
