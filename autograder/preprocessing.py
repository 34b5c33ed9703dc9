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
    """Each image by its own figures over ``axes``: ``l2``, ``max``, ``minmax`` or ``standardise``; 0 divides as 1."""
    over = tuple(axes)
    if kind in ("minmax", "standardise"):
        low = images.min(axis=over, keepdims=True) if kind == "minmax" else images.mean(axis=over, keepdims=True)
        images = images - low
    if kind == "standardise":
        size: npt.NDArray[Any] = images.std(axis=over, keepdims=True)
    elif kind == "l2":
        size = np.sqrt(np.square(images).sum(axis=over, keepdims=True))
    else:
        size = images.max(axis=over, keepdims=True)
    result: Floats = (images / np.where(size == 0, 1, size)).astype(np.float32)
    return result


def threshold(images: Floats, *, at: float, low: float, high: float) -> Floats:
    """``high`` where a pixel is above ``at``, ``low`` elsewhere."""
    return np.where(images > at, np.float32(high), np.float32(low))


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


def pad(images: Floats, *, widths: list[list[int]], value: float) -> Floats:
    """``widths`` holds (before, after) for each axis after that of the images."""
    return np.pad(images, [(0, 0), *((before, after) for before, after in widths)], constant_values=value)


def crop(images: Floats, *, top: int, left: int, height: int, width: int) -> Floats:
    return images[:, top : top + height, left : left + width]


def resize(images: Floats, *, height: int, width: int, method: str) -> Floats:
    """To (height, width) along axes 1 and 2; a linear, separable function of the pixels for every method."""
    rows = resize_matrix(images.shape[1], height, method)
    columns = resize_matrix(images.shape[2], width, method)
    tall = np.moveaxis(np.tensordot(rows, images, axes=(1, 1)), 0, 1)
    return np.moveaxis(np.tensordot(columns, tall, axes=(1, 2)), 0, 2)


RESIZE_METHODS = ("nearest", "bilinear", "bicubic", "cubic", "bilinear_smooth", "bicubic_smooth", "area", "corners")
"""As in tf.image, OpenCV (``cubic``) and Pillow (``_smooth``: the kernel widens when the image shrinks)."""


def resize_matrix(old: int, new: int, method: str) -> Floats:
    """Weights (new, old) of a resize along one axis, with half-pixel centres except for ``corners``."""
    ratio = old / new
    if method == "nearest":
        return np.eye(old, dtype=np.float32)[np.minimum(((np.arange(new) + 0.5) * ratio).astype(np.intp), old - 1)]
    centres = (np.arange(new, dtype=np.float64) + 0.5) * ratio - 0.5
    if method == "corners":
        centres = np.arange(new, dtype=np.float64) * ((old - 1) / max(new - 1, 1))
    if method == "cubic":
        return _clamped_cubic(centres, old)
    widen = max(ratio, 1.0) if method.endswith("_smooth") or method == "area" else 1.0
    distance = np.abs(np.arange(old) - centres[:, None]) / widen
    weights = _KERNELS[method.removesuffix("_smooth")](distance)
    result: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def _clamped_cubic(centres: npt.NDArray[np.float64], old: int) -> Floats:
    """OpenCV's: a = -0.75, and places outside take the edge's value."""
    first = np.floor(centres).astype(np.intp)
    weights = np.zeros((len(centres), old))
    for tap in range(-1, 3):
        share = _cubic(np.abs(first + tap - centres), -0.75)
        np.add.at(weights, (np.arange(len(centres)), np.clip(first + tap, 0, old - 1)), share)
    return weights.astype(np.float32)


def _cubic(x: npt.NDArray[np.float64], a: float) -> npt.NDArray[np.float64]:
    """The cubic convolution kernel (Keys 1981)."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


_Kernel: TypeAlias = "Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]"
_KERNELS: Mapping[str, _Kernel] = {
    "bilinear": lambda x: np.maximum(0.0, 1.0 - x),
    "corners": lambda x: np.maximum(0.0, 1.0 - x),
    "bicubic": lambda x: _cubic(x, -0.5),
    "area": lambda x: np.where(x < 0.5, 1.0, np.where(x == 0.5, 0.5, 0.0)),
}

OPERATIONS: Mapping[str, Callable[..., Floats]] = {
    "affine": affine,
    "affine_map": affine_map,
    "normalise": normalise,
    "threshold": threshold,
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
