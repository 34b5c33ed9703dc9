"""How much work a picture is, and which ones are too much."""

from __future__ import annotations

import base64
import time

import pytest
from drawn import bytes_of, encoded, moving, moving_png, scans
from PIL import Image

from autograder.notebook import pictures
from autograder.notebook.pictures import Effort, opened

SIDE = 1000


@pytest.mark.parametrize(
    ("kind", "picture", "times"),
    [
        ("image/png", moving_png(SIDE, 0), 1),
        ("image/png", moving_png(SIDE, 9), 10),
        ("image/jpeg", encoded(Image.new("L", (SIDE, SIDE)), "JPEG"), 1),
        ("image/gif", moving(SIDE, 1), 1),
        ("image/gif", moving(SIDE, 12), 12),
    ],
)
def test_a_picture_costs_its_dots_each_time_that_it_is_drawn(kind: str, picture: str, times: int) -> None:
    effort = Effort()
    image = opened(picture, effort, kind)
    assert image is not None and image.size == (SIDE, SIDE)
    assert pictures.MAX_TOTAL_PIXELS - effort.left == times * SIDE**2


@pytest.mark.parametrize("picture", [scans(SIDE, 1000), moving(SIDE, 500), moving_png(SIDE, 500)])
def test_one_that_would_be_drawn_without_end_costs_nothing(picture: str) -> None:
    effort = Effort()
    assert opened(picture, effort) is None
    assert effort.left == pictures.MAX_TOTAL_PIXELS


def flat(wide: int, high: int) -> str:
    """A picture of one colour: as many dots as one likes, in next to no bytes."""
    return encoded(Image.new("1", (wide, high)), "PNG")


def test_no_figure_is_wider_or_higher_than_programs_draw_them() -> None:
    assert opened(flat(65_535, 3), Effort()) and opened(flat(3, 65_535), Effort())
    assert opened(flat(65_536, 3), Effort()) is None and opened(flat(3, 65_536), Effort()) is None


def test_what_weighs_nothing_is_soon_too_much_and_what_pays_is_not() -> None:
    effort, empty = Effort(), flat(4000, 4000)
    full = encoded(Image.effect_noise((400, 400), 50), "PNG")
    shown = [opened(picture, effort) is not None for picture in (empty, full, empty, full, empty, full, flat(9, 9))]
    assert shown == [True, True, True, True, False, True, True]


def test_a_picture_made_anew_may_grow_but_not_for_nothing() -> None:
    effort = Effort()
    effort.made(1_000_000, 8_000_000)
    assert effort.unpaid == pictures.MAX_UNPAID_PIXELS
    effort.made(10_000, 10_000_000)
    assert opened(flat(9, 9), effort) is None


def test_a_picture_is_of_the_kind_that_it_says() -> None:
    png = moving_png(9, 0)
    assert opened(png, Effort(), "image/png") and opened(png, Effort())
    assert opened(png, Effort(), "image/gif") is None and opened(png, Effort(), "image/jpeg") is None


def test_a_gif_that_is_not_by_the_book_is_none() -> None:
    raw = bytes_of(Image.new("P", (9, 9)), "GIF")
    junk = raw[:-1] + b"\x01\x02" + raw[-1:]
    assert opened(base64.b64encode(raw).decode(), Effort(), "image/gif")
    assert opened(base64.b64encode(junk).decode(), Effort(), "image/gif") is None
    assert opened(base64.b64encode(raw[:20]).decode(), Effort(), "image/gif") is None


def test_the_frame_may_be_larger_than_its_picture() -> None:
    raw = bytearray(bytes_of(Image.new("P", (9, 9)), "GIF"))
    frame = raw.index(b",", 13 + 3 * 2 ** ((raw[10] & 7) + 1))
    raw[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    assert opened(base64.b64encode(raw).decode(), Effort(), "image/gif") is None


def test_millions_of_blocks_are_gone_through_in_little_time() -> None:
    raw = bytes_of(Image.new("P", (9, 9)), "GIF")
    remark = b"!\xfe" + b"\x01 " * 1_000_000 + b"\0"
    begun = time.process_time()
    assert opened(base64.b64encode(raw[:-1] + remark + raw[-1:]).decode(), Effort(), "image/gif")
    assert time.process_time() - begun < 5
