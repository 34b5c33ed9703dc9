"""Recipes: what is done to raw images before a model sees them, as data, and the one code that carries them out.

A recipe is a list of steps ``{"op": name, "values": {...}}`` over ``uint8`` images (n, height, width) or
(n, height, width, 3). The host infers recipes with this code and room 2, into which this file is sent alone, carries
them out with it: so it imports numpy and nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Step: TypeAlias = "Mapping[str, Any]"

MAX_VALUES = 20_000
"""Of the numbers in one ``affine_map``."""


def apply(steps: Sequence[Step], images: npt.NDArray[Any]) -> Floats:
    """Carry out the steps in order; the first axis stays that of the images. Raises KeyError for an unknown step."""
    result: Floats = np.asarray(images, dtype=np.float32)
    for step in steps:
        result = OPERATIONS[step["op"]](result, **step["values"])
    return np.ascontiguousarray(result, dtype=np.float32)


# --- values --------------------------------------------------------------------------------------------------------


def affine(
    images: Floats, *, scale: float | list[float], offset: float | list[float], axis: int | None = None
) -> Floats:
    """``images * scale + offset``; lists hold one number per place along ``axis`` (channels)."""
    factor, term = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
    if axis is not None:
        shape = [1] * images.ndim
        shape[axis] = -1
        factor, term = factor.reshape(shape), term.reshape(shape)
    result: Floats = images * factor + term
    return result


def affine_map(images: Floats, *, scale: float | list[float], offset: list[float]) -> Floats:
    """An affine function for each pixel (StandardScaler, mean image); lists are flat, in the order of the pixels."""
    shape = images.shape[1:]
    factor = np.asarray(scale, np.float32) if isinstance(scale, (int, float)) else np.reshape(scale, shape)
    result: Floats = (images * factor + np.reshape(offset, shape)).astype(np.float32)
    return result


def normalise(images: Floats, *, kind: str, axes: list[int]) -> Floats:
    """Each image by its own figures over ``axes``: ``l1``, ``l2``, ``max``, ``minmax``, ``standardise``; 0 is 1."""
    over = tuple(axes)
    if kind in ("minmax", "standardise"):
        low = images.min(axis=over, keepdims=True) if kind == "minmax" else images.mean(axis=over, keepdims=True)
        images = images - low
    if kind == "standardise":
        size: npt.NDArray[Any] = images.std(axis=over, keepdims=True)
    elif kind == "l2":
        size = np.sqrt(np.square(images).sum(axis=over, keepdims=True))
    elif kind == "l1":
        size = np.abs(images).sum(axis=over, keepdims=True)
    else:
        size = images.max(axis=over, keepdims=True)
    result: Floats = (images / np.where(size == 0, 1, size)).astype(np.float32)
    return result


def threshold(images: Floats, *, at: float, low: float, high: float) -> Floats:
    """``high`` where a pixel is above ``at``, ``low`` elsewhere."""
    return np.where(images > at, np.float32(high), np.float32(low))


def table(images: Floats, *, outputs: list[float]) -> Floats:
    """A value for each byte: any function of single pixels."""
    places = np.clip(np.rint(images), 0, len(outputs) - 1).astype(np.intp)
    result: Floats = np.asarray(outputs, np.float32)[places]
    return result


def whole(images: Floats) -> Floats:
    """Rounded and kept within 0..255, as libraries do that resize bytes."""
    return np.clip(np.rint(images), 0, 255)


# --- shape ---------------------------------------------------------------------------------------------------------


def reshape(images: Floats, *, shape: list[int]) -> Floats:
    return images.reshape(len(images), *shape)


def transpose(images: Floats, *, axes: list[int]) -> Floats:
    """``axes`` counts that of the images, which is 0 and stays first."""
    return images.transpose(axes)


def repeat(images: Floats, *, axis: int, times: int) -> Floats:
    return np.repeat(images, times, axis=axis)


def reverse(images: Floats, *, axis: int) -> Floats:
    """Along one axis: RGB to BGR."""
    return np.flip(images, axis=axis)


def grey(images: Floats, *, weights: list[float]) -> Floats:
    """Weighted sum over the last axis, which goes."""
    result: Floats = images @ np.asarray(weights, np.float32)
    return result


def pad(images: Floats, *, widths: list[list[int]], value: float, mode: str = "constant") -> Floats:
    """``widths`` holds (before, after) for each axis after that of the images; other modes are numpy's."""
    around = [(0, 0), *((before, after) for before, after in widths)]
    if mode == "constant":
        return np.pad(images, around, constant_values=value)
    if mode not in PAD_MODES:
        raise KeyError(mode)
    result: Floats = np.pad(images, around, mode=mode)  # type: ignore[call-overload]
    return result


PAD_MODES = ("edge", "reflect", "symmetric")


def crop(images: Floats, *, top: int, left: int, height: int, width: int) -> Floats:
    return images[:, top : top + height, left : left + width]


def resize(images: Floats, *, height: int, width: int, method: str, rounded: bool = False) -> Floats:
    """To (height, width) along axes 1 and 2; a linear, separable function of the pixels for every method.

    ``rounded`` to bytes after each pass, the columns first, as Pillow does.
    """
    rows = resize_matrix(images.shape[1], height, method)
    columns = resize_matrix(images.shape[2], width, method)
    wide = np.moveaxis(np.tensordot(columns, images, axes=(1, 2)), 0, 2)
    tall = np.moveaxis(np.tensordot(rows, whole(wide) if rounded else wide, axes=(1, 1)), 0, 1)
    return whole(tall) if rounded else tall


RESIZE_METHODS = (
    *("bilinear", "nearest", "bilinear_smooth", "area", "bicubic", "cubic", "floor", "mirror", "bicubic_smooth"),
    *("corners", "lanczos3", "lanczos3_smooth", "lanczos5", "mitchell", "gaussian"),
)
"""As in tf.image, OpenCV (``cubic``, ``floor`` for its nearest), scikit-image (``mirror``) and Pillow (``_smooth``: the
kernel widens when the image shrinks)."""
ROUNDED_METHODS = ("bilinear_smooth", "bicubic_smooth", "lanczos3_smooth")


def resize_matrix(old: int, new: int, method: str) -> Floats:
    """Weights (new, old) of a resize along one axis, with half-pixel centres except for ``corners`` and ``floor``."""
    ratio = old / new
    if method in ("nearest", "floor"):
        shift = 0.5 if method == "nearest" else 0.0
        return np.eye(old, dtype=np.float32)[np.minimum(((np.arange(new) + shift) * ratio).astype(np.intp), old - 1)]
    if method == "area":
        return _overlaps(old, new)
    centres = (np.arange(new, dtype=np.float64) + 0.5) * ratio - 0.5
    if method == "corners":
        centres = np.arange(new, dtype=np.float64) * ((old - 1) / max(new - 1, 1))
    if method == "cubic":
        return _clamped_cubic(centres, old)
    if method == "mirror":
        return _mirrored(centres, old, ratio)
    widen = max(ratio, 1.0) if method.endswith("_smooth") else 1.0
    distance = np.abs(np.arange(old) - centres[:, None]) / widen
    weights = _KERNELS[method.removesuffix("_smooth")](distance)
    result: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _overlaps(old: int, new: int) -> Floats:
    """Each new pixel is the mean of what it covers."""
    edges = np.arange(new + 1, dtype=np.float64) * (old / new)
    low = np.maximum(edges[:-1, None], np.arange(old))
    high = np.minimum(edges[1:, None], np.arange(old) + 1)
    shares = np.maximum(high - low, 0.0)
    result: Floats = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _clamped_cubic(centres: npt.NDArray[np.float64], old: int) -> Floats:
    """OpenCV's: a = -0.75, and places outside take the edge's value."""
    first = np.floor(centres).astype(np.intp)
    weights = np.zeros((len(centres), old))
    for tap in range(-1, 3):
        share = _cubic(np.abs(first + tap - centres), -0.75)
        np.add.at(weights, (np.arange(len(centres)), np.clip(first + tap, 0, old - 1)), share)
    return weights.astype(np.float32)


def _mirrored(centres: npt.NDArray[np.float64], old: int, ratio: float) -> Floats:
    """scikit-image's: linear, mirrored at the edge, after a Gaussian blur where the image shrinks."""
    first = np.floor(centres).astype(np.intp)
    weights = np.zeros((len(centres), old))
    for tap in (0, 1):
        share = 1 - np.abs(first + tap - centres)
        np.add.at(weights, (np.arange(len(centres)), _mirror(first + tap, old)), share)
    sigma = (ratio - 1) / 2
    radius = int(4 * sigma + 0.5) if sigma > 0 else 0
    if radius == 0:
        return weights.astype(np.float32)
    taps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (taps / sigma) ** 2)
    blur = np.zeros((old, old))
    for offset, part in zip(taps, kernel / kernel.sum(), strict=True):
        np.add.at(blur, (np.arange(old), _mirror(np.arange(old) + offset, old)), part)
    return (weights @ blur).astype(np.float32)


def _mirror(places: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    """Indices beyond the ends turned back, the end itself not repeated."""
    period = max(1, 2 * (size - 1))
    folded = np.abs(places) % period
    result: npt.NDArray[np.intp] = np.minimum(folded, period - folded)
    return result


def _cubic(x: npt.NDArray[np.float64], a: float) -> npt.NDArray[np.float64]:
    """The cubic convolution kernel (Keys 1981)."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: npt.NDArray[np.float64], lobes: int) -> npt.NDArray[np.float64]:
    return np.where(x < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


def _mitchell(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mitchell & Netravali (1988), B = C = 1/3."""
    near = (7 * x**3 - 12 * x**2 + 16 / 3) / 6
    far = (-7 / 3 * x**3 + 12 * x**2 - 20 * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


_Kernel: TypeAlias = "Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]"
_KERNELS: Mapping[str, _Kernel] = {
    "bilinear": lambda x: np.maximum(0.0, 1.0 - x),
    "corners": lambda x: np.maximum(0.0, 1.0 - x),
    "bicubic": lambda x: _cubic(x, -0.5),
    "lanczos3": lambda x: _lanczos(x, 3),
    "lanczos5": lambda x: _lanczos(x, 5),
    "mitchell": _mitchell,
    "gaussian": lambda x: np.where(x < 1.5, np.exp(-2 * x * x), 0.0),
}

OPERATIONS: Mapping[str, Callable[..., Floats]] = {
    "affine": affine,
    "affine_map": affine_map,
    "normalise": normalise,
    "threshold": threshold,
    "table": table,
    "whole": whole,
    "reshape": reshape,
    "transpose": transpose,
    "repeat": repeat,
    "reverse": reverse,
    "grey": grey,
    "pad": pad,
    "crop": crop,
    "resize": resize,
}
