"""Ways from raw images to the shape that a notebook fed to its model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt, prod
from typing import TypeAlias

from autograder.preprocessing import RESIZE_METHODS, ROUNDED_METHODS, Floats, Step

Shape: TypeAlias = tuple[int, ...]
Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """How raw images come to the sample's shape."""

    steps: Steps
    channel_axis: int | None = None
    pad: Step | None = None
    """A border round the result, whose value is still to be found."""
    resized: bool = False
    """Pixels are mixed, so that a library that works on bytes rounds them."""
    bytes: bool = False
    """They are rounded already."""

    def core(self, sample: Floats) -> Floats:
        """The sample without the border."""
        if self.pad is None:
            return sample
        inner = [
            slice(before, size - after)
            for (before, after), size in zip(self.pad["values"]["widths"], sample.shape[1:], strict=True)
        ]
        return sample[(slice(None), *inner)]


def geometries(raw: Shape, fed: Shape) -> Iterator[Geometry]:
    """Ways from raw images (height, width[, 3]) to the shape that was fed, simplest first."""
    if prod(raw) == prod(fed):
        steps: Steps = () if raw == fed else ({"op": "reshape", "values": {"shape": list(fed)}},)
        yield Geometry(steps, _channel_axis(fed))
    if len(raw) == 2 and raw[0] == raw[1] and prod(raw) == prod(fed):
        turned: Step = {"op": "transpose", "values": {"axes": [0, 2, 1]}}
        yield Geometry((turned, {"op": "reshape", "values": {"shape": list(fed)}}))
    for height, width, channels, layout in layouts(fed):
        for spatial in _spatial(raw, height, width, channels, layout):
            yield from _channelled(raw, height, width, channels, layout, fed, spatial)


def _channel_axis(fed: Shape) -> int | None:
    if len(fed) != 3:
        return None
    return 3 if fed[-1] == 3 else 1 if fed[0] == 3 else None


def layouts(fed: Shape) -> Iterator[tuple[int, int, int, str]]:
    """Readings of a fed shape as (height, width, channels, layout)."""
    if len(fed) == 2:
        yield fed[0], fed[1], 1, "hw"
    if len(fed) == 3 and fed[2] in (1, 3):
        yield fed[0], fed[1], fed[2], "hwc"
    if len(fed) == 3 and fed[0] in (1, 3):
        yield fed[1], fed[2], fed[0], "chw"


def squares(fed: Shape) -> Iterator[Shape]:
    """Square images that a flat row may hold; colours last, then colours first, as PyTorch flattens them."""
    for channels in (1, 3):
        side = isqrt(fed[0] // channels) if len(fed) == 1 else 0
        if side > 1 and side * side * channels == fed[0]:
            yield from ((side, side),) if channels == 1 else ((side, side, 3), (3, side, side))


def _spatial(raw: Shape, height: int, width: int, channels: int, layout: str) -> Iterator[Geometry]:
    """Ways to another height and width; the channels are still those of the raw images."""
    if (height, width) == raw[:2]:
        yield Geometry(())
        return
    down, right = height - raw[0], width - raw[1]
    if down >= 0 and right >= 0:
        for top, left in corners(down, right):
            widths = [[top, down - top], [left, right - left]]
            full = {"hw": widths, "hwc": [*widths, [0, 0]], "chw": [[0, 0], *widths]}[layout]
            yield Geometry((), pad={"op": "pad", "values": {"widths": full}})
        if channels == 3 and len(raw) == 3:  # black all around, before the colours were scaled each by its own figures
            for top, left in corners(down, right):
                widths = [[top, down - top], [left, right - left], [0, 0]]
                yield Geometry(({"op": "pad", "values": {"widths": widths, "value": 0.0}},))
    if down <= 0 and right <= 0:
        for top, left in corners(-down, -right):
            values = {"top": top, "left": left, "height": height, "width": width}
            yield Geometry(({"op": "crop", "values": values},))
    for method in RESIZE_METHODS:
        yield Geometry((_resize(height, width, method),), resized=True)
    for method in ROUNDED_METHODS:
        resize = _resize(height, width, method)
        rounded: Step = {"op": "resize", "values": {**resize["values"], "rounded": True}}
        yield Geometry((rounded,), resized=True, bytes=True)


def corners(down: int, right: int) -> list[tuple[int, int]]:
    """Where a smaller image may stand in one that is larger by so much: in the middle, or in a corner."""
    middle = [(down // 2, right // 2), (down - down // 2, right - right // 2)]
    return list(dict.fromkeys([*middle, (0, 0), (down, right)]))


def _resize(height: int, width: int, method: str) -> Step:
    return {"op": "resize", "values": {"height": height, "width": width, "method": method}}


REC_601 = [0.2989, 0.5870, 0.1140]
"""Luma as tf.image.rgb_to_grayscale weighs it (ITU-R BT.601)."""
GREYS = (
    REC_601,
    [1 / 3] * 3,
    [0.299, 0.587, 0.114],
    [0.2125, 0.7154, 0.0721],
    *([1.0 * (i == j) for j in range(3)] for i in range(3)),
)
"""Of tf.image, a plain mean, OpenCV and Pillow, scikit-image; then each channel alone."""


def _channelled(
    raw: Shape, height: int, width: int, channels: int, layout: str, fed: Shape, spatial: Geometry
) -> Iterator[Geometry]:
    """Complete a spatial geometry with channels and layout."""
    size = raw[:2] if spatial.pad is not None else (height, width)
    own = 1 if len(raw) == 2 else 3
    last: Shape = fed if spatial.pad is None else _unpadded(size, channels, layout)
    final: Step = {"op": "reshape", "values": {"shape": list(last)}}
    axis = {"hwc": 3, "chw": 1}.get(layout) if channels == 3 else None
    if own == 1 and channels == 1:
        yield Geometry((*spatial.steps, final), None, spatial.pad, spatial.resized, spatial.bytes)
    elif own == 1:
        place = 1 if layout == "chw" else 3
        lone = [1, *size] if layout == "chw" else [*size, 1]
        steps: Steps = (
            *spatial.steps,
            {"op": "reshape", "values": {"shape": lone}},
            {"op": "repeat", "values": {"axis": place, "times": 3}},
            final,
        )
        yield Geometry(steps, axis, spatial.pad, spatial.resized, spatial.bytes)
    elif channels == 1:
        for weights in GREYS:
            grey: Step = {"op": "grey", "values": {"weights": weights}}
            yield Geometry((*spatial.steps, grey, final), None, spatial.pad, resized=True)
    else:
        turn: Steps = ({"op": "transpose", "values": {"axes": [0, 3, 1, 2]}},) if layout == "chw" else ()
        swap: Step = {"op": "reverse", "values": {"axis": 3}}
        yield Geometry((*spatial.steps, *turn, final), axis, spatial.pad, spatial.resized, spatial.bytes)
        yield Geometry((*spatial.steps, swap, *turn, final), axis, spatial.pad, spatial.resized, spatial.bytes)


def _unpadded(size: Shape, channels: int, layout: str) -> Shape:
    return {"hw": size, "hwc": (*size, channels), "chw": (channels, *size)}[layout]
