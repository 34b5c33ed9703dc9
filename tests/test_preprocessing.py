"""Recipes found for what notebooks do to images, and none for what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograder.corruptions import corrupt
from autograder.datasets import load
from autograder.extraction.recipes import Recipe, explains, infer
from autograder.preprocessing import RESIZE_METHODS, apply, resize_matrix

Array = npt.NDArray[Any]
Prepare = Callable[[Array], Array]

DIGITS = load("digits", split_seed=3, hidden_images=200)
GREY = DIGITS.x_train[DIGITS.train_rows]
RGB = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)


def sampled(fed: Array, count: int = 32) -> tuple[Array, list[int]]:
    rows = np.linspace(0, len(fed) - 1, count).astype(int)
    return np.asarray(fed[rows], dtype=np.float32), rows.tolist()


def found(raw: Array, prepare: Prepare, *, search: bool = True) -> Recipe | None:
    sample, rows = sampled(prepare(raw))
    return infer(sample, rows, raw, search=search)


def keras_normalize(x: Array, axis: int) -> Array:
    size = np.atleast_1d(np.linalg.norm(x.astype(float), axis=axis))
    size[size == 0] = 1
    return x / np.expand_dims(size, axis)


def standard_scaler(x: Array) -> Array:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit_transform(x.reshape(len(x), -1).astype(float))  # type: ignore[no-any-return]


def tf_resize(x: Array, side: int, method: str, antialias: bool = False) -> Array:
    import tensorflow as tf

    batch = x[..., None] if x.ndim == 3 else x
    return tf.image.resize(batch, (side, side), method=method, antialias=antialias).numpy()  # type: ignore[no-any-return]


def pillow_resize(x: Array, side: int, filter_name: str = "BICUBIC") -> Array:
    from PIL import Image

    method = Image.Resampling[filter_name]
    return np.stack([np.asarray(Image.fromarray(image).resize((side, side), method)) for image in x])


def cv_resize(x: Array, side: int, method: str) -> Array:
    import cv2

    return np.stack([cv2.resize(image, (side, side), interpolation=getattr(cv2, method)) for image in x])


def skimage_resize(x: Array, side: int) -> Array:
    from skimage.transform import resize

    return np.stack([resize(image, (side, side)) for image in x])


def imagenet(x: Array, mode: str) -> Array:
    from keras.src.applications.imagenet_utils import preprocess_input

    return preprocess_input(x.astype("float32"), mode=mode)  # type: ignore[no-any-return]


def three(x: Array) -> Array:
    return np.repeat(x[..., None], 3, axis=-1)


def pad(x: Array, value: float = 0) -> Array:
    return np.pad(x, ((0, 0), (2, 2), (2, 2)), constant_values=value)


FORMS_OF_GREY: dict[str, Prepare] = {
    "raw": lambda x: x,
    "255": lambda x: x / 255.0,
    "256": lambda x: x / 256.0,
    "float16": lambda x: (x / 255.0).astype(np.float16),
    "centred": lambda x: x / 255.0 - 0.5,
    "minus one to one": lambda x: x / 127.5 - 1,
    "times two": lambda x: (x / 255.0) * 2 - 1,
    "inverted": lambda x: 1 - x / 255.0,
    "inverted bytes": lambda x: 255 - x,
    "divided twice": lambda x: x / 255.0 / 255.0,
    "standardised globally": lambda x: (x - x.mean()) / x.std(),
    "torch's figures": lambda x: (x / 255.0 - 0.1307) / 0.3081,
    "standardised by pixel": lambda x: (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-7),
    "mean image": lambda x: x / 255.0 - (x / 255.0).mean(axis=0),
    "StandardScaler": standard_scaler,
    "keras normalize": lambda x: keras_normalize(x, 1),
    "keras normalize, last axis": lambda x: keras_normalize(x, -1),
    "normalize flat": lambda x: keras_normalize(x.reshape(len(x), -1), 1),
    "by its own figures": lambda x: (
        (x - x.mean(axis=(1, 2), keepdims=True)) / x.std(axis=(1, 2), keepdims=True).clip(1e-3)
    )[..., None],
    "binarised": lambda x: (x > 127).astype("float32"),
    "flat": lambda x: x.reshape(-1, 784) / 255.0,
    "one channel": lambda x: x.reshape(-1, 28, 28, 1) / 255.0,
    "channel first": lambda x: x.reshape(-1, 1, 28, 28) / 255.0,
    "column": lambda x: x.reshape(-1, 784, 1) / 255.0,
    "three channels": lambda x: np.repeat(x[..., None], 3, axis=-1) / 255.0,
    "three channels first": lambda x: np.repeat(x[:, None], 3, axis=1) / 255.0,
    "three channels by ImageNet": lambda x: (
        (np.repeat(x[..., None], 3, axis=-1) / 255.0 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    ),
    "padded": lambda x: pad(x / 255.0)[..., None],
    "padded after standardising": lambda x: pad((x - x.mean()) / x.std()),
    "padded with white": lambda x: pad(1 - x / 255.0, 1.0)[..., None],
    "cropped": lambda x: x[:, 4:24, 4:24] / 255.0,
    "transposed": lambda x: x.transpose(0, 2, 1) / 255.0,
    "32 bilinear": lambda x: tf_resize(x / 255.0, 32, "bilinear"),
    "48 nearest": lambda x: tf_resize(x / 255.0, 48, "nearest"),
    "64 bicubic": lambda x: tf_resize(x / 255.0, 64, "bicubic"),
    "96 in three channels": lambda x: np.repeat(tf_resize(x / 255.0, 96, "bilinear"), 3, axis=-1),
    "14 smaller": lambda x: tf_resize(x / 255.0, 14, "bilinear"),
    "Pillow in bytes": lambda x: pillow_resize(x, 40) / 255.0,
    "halved range": lambda x: (x - 127.5) / 127.5,
    "as (x - 128) / 128": lambda x: (x - 128.0) / 128,
    "binarised at a third": lambda x: np.where(x / 255.0 > 0.3, 1, 0),
    "square root": lambda x: np.sqrt(x / 255.0),
    "logarithm": lambda x: np.log1p(x) / np.log(256),
    "four levels": lambda x: np.floor(x / 64) / 3,
    "contrast cut off": lambda x: np.clip(x / 255.0 * 1.5, 0, 1),
    "standardised by pixel with a large constant": lambda x: (
        (x / 255.0 - (x / 255.0).mean(axis=0)) / ((x / 255.0).std(axis=0) + 1e-3)
    ),
    "StandardScaler, back to images": lambda x: standard_scaler(x).reshape(-1, 28, 28, 1),
    "sum to one": lambda x: x.reshape(len(x), -1) / x.reshape(len(x), -1).sum(axis=1, keepdims=True),
    "keras normalize, one channel": lambda x: keras_normalize(x.reshape(-1, 28, 28, 1), 1),
    "padded at the end": lambda x: np.pad(x / 255.0, ((0, 0), (0, 4), (0, 4)))[..., None],
    "padded and flat": lambda x: pad(x / 255.0).reshape(len(x), -1),
    "padded by reflection": lambda x: np.pad(x / 255.0, ((0, 0), (8, 8), (8, 8)), mode="reflect"),
    "padded and standardised, three channels": lambda x: (three(pad(x / 255.0)) - 0.13) / 0.31,
    "stacked": lambda x: np.stack([x, x, x], axis=-1) / 255.0,
    "sequence": lambda x: x.reshape(-1, 784, 1) / 255.0,
    "pieces": lambda x: x.reshape(-1, 49, 16) / 255.0,
    "20 by area": lambda x: tf_resize(x / 255.0, 20, "area"),
    "14 antialiased": lambda x: tf_resize(x / 255.0, 14, "bilinear", antialias=True),
    "48 lanczos": lambda x: tf_resize(x / 255.0, 48, "lanczos3"),
    "48 mitchell": lambda x: tf_resize(x / 255.0, 48, "mitchellcubic"),
    "75 in three channels": lambda x: tf_resize(three(x) / 255.0, 75, "bilinear"),
    "96 as Caffe": lambda x: imagenet(tf_resize(three(x), 96, "bilinear"), "caffe"),
    "ImageNet -1 to 1": lambda x: imagenet(three(x), "tf"),
    "ImageNet of torch": lambda x: imagenet(three(x), "torch"),
    "doubled by kron": lambda x: np.kron(x / 255.0, np.ones((1, 2, 2))),
    "doubled by repeat": lambda x: x.repeat(2, axis=1).repeat(2, axis=2)[..., None],
    "OpenCV nearest": lambda x: cv_resize(x, 64, "INTER_NEAREST") / 255.0,
    "OpenCV in bytes": lambda x: cv_resize(x, 32, "INTER_LINEAR") / 255.0,
    "OpenCV area in bytes": lambda x: cv_resize(x, 20, "INTER_AREA") / 255.0,
    "Pillow lanczos in bytes": lambda x: pillow_resize(x, 48, "LANCZOS") / 255.0,
    "Pillow smaller in bytes": lambda x: pillow_resize(x, 14, "BILINEAR") / 255.0,
    "scikit-image larger": lambda x: skimage_resize(x, 32),
    "scikit-image smaller": lambda x: skimage_resize(x, 14),
}


@pytest.mark.parametrize("name", FORMS_OF_GREY)
def test_grey_images_in_order(name: str) -> None:
    raw = GREY[:300]
    fed = FORMS_OF_GREY[name](raw)
    recipe = found(raw, FORMS_OF_GREY[name], search=False)
    assert recipe is not None
    others = np.arange(3, 300, 7)
    made = apply(recipe.steps, raw[others])
    assert made.dtype == np.float32
    assert made.shape == fed[others].shape
    difference = np.abs(made - fed[others]) / np.ptp(fed)
    assert difference.max() <= (3e-2 if "in bytes" in name else 2e-3)
    assert difference.mean() <= (2.5e-3 if "in bytes" in name else 1e-4)


@pytest.mark.parametrize(
    "name",
    [
        *("255", "flat", "inverted", "minus one to one", "StandardScaler", "keras normalize", "padded", "32 bilinear"),
        *("padded at the end", "padded and flat", "cropped", "sequence", "square root", "96 as Caffe"),
    ],
)
def test_grey_images_shuffled(name: str) -> None:
    raw = GREY[:600]
    order = np.random.default_rng(1).permutation(len(raw))[:500]
    sample, rows = sampled(FORMS_OF_GREY[name](raw)[order])
    recipe = infer(sample, rows, raw)
    assert recipe is not None
    assert np.array_equal(raw[list(recipe.found)], raw[order][rows])


@pytest.mark.parametrize("kind", ["max", "minmax"])
def test_each_image_by_its_own_range(kind: str) -> None:
    brightness = np.random.default_rng(4).uniform(0.4, 0.8, (300, 1, 1))
    raw = (GREY[:300] * brightness + (20 if kind == "minmax" else 0)).astype(np.uint8)
    low = raw.min(axis=(1, 2), keepdims=True) if kind == "minmax" else 0
    recipe = found(raw, lambda x: (x - low) / (x.max(axis=(1, 2), keepdims=True) - low).astype(float))
    assert recipe is not None
    assert recipe.steps[0] == {"op": "normalise", "values": {"kind": kind, "axes": [1, 2]}}


FORMS_OF_COLOUR: dict[str, Prepare] = {
    "colour by colour, flat": lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), -1) / 255.0,
    "black border, then torch's figures": lambda x: (
        (np.pad(x, [(0, 0), (4, 4), (4, 4), (0, 0)]) / 255.0 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616]
    ).transpose(0, 3, 1, 2),
    "255": lambda x: x / 255.0,
    "channels first": lambda x: x.transpose(0, 3, 1, 2) / 255.0,
    "flat": lambda x: x.reshape(len(x), -1) / 255.0,
    "by channel": lambda x: (x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2)),
    "by channel, first": lambda x: ((x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2))).transpose(0, 3, 1, 2),
    "as Caffe": lambda x: x[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    "grey": lambda x: (x @ np.array([0.2989, 0.587, 0.114]))[..., None] / 255.0,
    "48": lambda x: tf_resize(x / 255.0, 48, "bilinear"),
    "by CIFAR's figures": lambda x: (x / 255.0 - [0.4914, 0.4822, 0.4465]) / [0.2023, 0.1994, 0.201],
    "StandardScaler": standard_scaler,
    "keras normalize": lambda x: keras_normalize(x, 1),
    "normalize flat": lambda x: keras_normalize(x.reshape(len(x), -1), -1),
    "75 as torch": lambda x: imagenet(tf_resize(x, 75, "bilinear"), "torch"),
    "red alone": lambda x: x[..., :1] / 255.0,
    "cropped": lambda x: x[:, 4:28, 4:28] / 255.0,
    "reshaped, not transposed": lambda x: x.reshape(-1, 3, 32, 32) / 255.0,
    "padded": lambda x: np.pad(x / 255.0, ((0, 0), (4, 4), (4, 4), (0, 0))),
    "by its own figures": lambda x: (x - x.mean(axis=(1, 2, 3), keepdims=True)) / x.std(axis=(1, 2, 3), keepdims=True),
}


@pytest.mark.parametrize("name", FORMS_OF_COLOUR)
def test_colour_images(name: str) -> None:
    fed = FORMS_OF_COLOUR[name](RGB)
    recipe = found(RGB, FORMS_OF_COLOUR[name])
    assert recipe is not None
    assert np.abs(apply(recipe.steps, RGB[5:9]) - fed[5:9]).max() <= 2e-3 * np.ptp(fed)


@pytest.mark.parametrize("kind", ["gaussian_noise", "rotation", "translation", "blur", "occlusion"])
def test_altered_images_have_no_recipe(kind: str) -> None:
    assert found(GREY[:300], lambda x: corrupt(x, kind, 2, 0) / 255.0) is None


def test_grey_of_bytes() -> None:
    """OpenCV rounds to bytes: a step of one is not to be told from another rounding."""
    import cv2

    fed = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in RGB])[..., None] / 255.0
    recipe = found(RGB, lambda x: fed[: len(x)])
    assert recipe is not None
    assert np.abs(apply(recipe.steps, RGB[5:9]) - fed[5:9]).max() <= 1.5 / 255


def test_a_projection_has_no_recipe() -> None:
    """Principal components mix all pixels: 32 rows do not show how."""
    from sklearn.decomposition import PCA

    flat = GREY[:600].reshape(600, -1) / 255.0
    assert found(GREY[:600], lambda x: PCA(50, random_state=0).fit_transform(flat)) is None
    assert found(GREY[:600], lambda x: PCA(49, random_state=0).fit_transform(flat)) is None


def test_foreign_images_have_no_recipe() -> None:
    strange = np.random.default_rng(2).random((32, 28, 28, 1), dtype=np.float32)
    assert infer(strange, list(range(32)), GREY) is None


@pytest.mark.parametrize("sample", [np.zeros((4, 28, 28)), np.full((4, 28, 28), np.nan), np.zeros((0, 28, 28))])
def test_empty_samples_have_no_recipe(sample: Array) -> None:
    assert infer(sample.astype(np.float32), [0, 1, 2, 3][: len(sample)], GREY) is None


def test_recipes_are_simple_and_readable() -> None:
    recipe = found(GREY[:100], lambda x: x.reshape(-1, 28, 28, 1) / 255.0)
    assert recipe is not None
    assert recipe.steps == (
        {"op": "reshape", "values": {"shape": [28, 28, 1]}},
        {"op": "affine", "values": {"scale": 1 / 255, "offset": 0.0}},
    )
    assert found(GREY[:100], lambda x: x) == Recipe((), 0.0, tuple(sampled(GREY[:100])[1]))


def test_part_of_the_rows() -> None:
    """Half the rows are augmented: the others still show the recipe, and the answer says which they are."""
    fed = np.concatenate([GREY[:50], corrupt(GREY[50:100], "rotation", 3, 0)]) / 255.0
    sample, rows = sampled(fed, 20)
    assert infer(sample, rows, GREY[:100]) is None
    recipe = infer(sample, rows, GREY[:100], share=0.4)
    assert recipe is not None
    assert [row >= 0 for row in recipe.found] == [row < 50 for row in rows]


def test_rare_pixels_follow_the_population() -> None:
    """StandardScaler scales a pixel that is black in the whole sample by figures the sample does not show."""
    fed = standard_scaler(GREY)
    sample, rows = sampled(fed)
    recipe = infer(sample, rows, GREY)
    assert recipe is not None
    assert np.quantile(np.abs(apply(recipe.steps, GREY) - fed), 0.9999) < 2e-2


def test_known_steps_are_put_to_the_test() -> None:
    sample, rows = sampled(GREY[:100] / 255.0)
    assert explains([{"op": "affine", "values": {"scale": 1 / 255, "offset": 0.0}}], sample, GREY[rows])
    assert not explains([{"op": "affine", "values": {"scale": 1 / 250, "offset": 0.0}}], sample, GREY[rows])
    assert not explains([{"op": "reshape", "values": {"shape": [784]}}], sample, GREY[rows])


def test_unknown_steps_are_refused() -> None:
    with pytest.raises(KeyError):
        apply([{"op": "shell", "values": {}}], GREY[:1])


@pytest.mark.parametrize("method", RESIZE_METHODS)
@pytest.mark.parametrize("new", [14, 28, 45])
def test_resizing_keeps_a_plain_surface(method: str, new: int) -> None:
    assert np.allclose(resize_matrix(28, new, method).sum(axis=1), 1, atol=1e-6)
