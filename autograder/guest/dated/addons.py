"""What courses used of ``tensorflow_addons``, which is no longer made."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Name, answer, by_notebook

PARTS = ("optimizers", "layers", "metrics", "losses", "image", "activations", "callbacks")


def stand_ins(session: Thing) -> Actions:
    found: dict[str, Any] = {"tensorflow_addons": partial(_root, session)}
    return found | {f"tensorflow_addons.{part}": partial(_part, session, part) for part in PARTS}


def _root(session: Thing, module: ModuleType) -> None:
    from importlib import import_module

    if not by_notebook():
        raise ModuleNotFoundError("No module named 'tensorflow_addons'", name="tensorflow_addons")
    for part in PARTS:
        import_module(f"tensorflow_addons.{part}")


def _part(session: Thing, part: str, module: ModuleType) -> None:
    answer(session, module, f"tfa.{part}", partial(known, part))


def known(part: str, name: str) -> Name | None:
    """What Keras and TensorFlow have themselves today under the same or a near name."""
    import keras

    if part == "image" and name == "rotate":
        return Name("keras.layers.RandomRotation", lambda: _rotate)
    if part == "activations":
        return (
            Name(f"keras.activations.{name}", lambda: getattr(keras.activations, name))
            if hasattr(keras.activations, name)
            else None
        )
    if part == "optimizers" and name in ("AdamW", "LAMB", "SGDW", "Lamb"):
        today = {"LAMB": "Lamb", "SGDW": "SGD"}.get(name, name)
        return Name(f"keras.optimizers.{today}", lambda: getattr(keras.optimizers, today))
    if part in ("layers", "metrics", "losses") and name in (
        "GroupNormalization", "SpectralNormalization", "F1Score", "FBetaScore", "SigmoidFocalCrossEntropy", "R2Score",
    ):  # fmt: skip
        today = {"SigmoidFocalCrossEntropy": "BinaryFocalCrossentropy"}.get(name, name)
        home = getattr(keras, part)
        return Name(f"keras.{part}.{today}", lambda: partial(_without_classes, getattr(home, today)))
    return None


def _without_classes(made: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
    """``num_classes`` is read from the data today."""
    keywords.pop("num_classes", None)
    return made(*arguments, **keywords)


def _rotate(
    images: Thing, angles: Thing, interpolation: str = "nearest", fill_mode: str = "constant", **_named: Thing
) -> Thing:
    """Turn by ``angles``, in radians and anticlockwise, about the middle."""
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    flat = images if len(images.shape) == 4 else images[None] if images.shape[-1] in (1, 3, 4) else images[..., None]
    angles = tf.broadcast_to(tf.cast(tf.reshape(angles, [-1]), tf.float32), [tf.shape(flat)[0]])
    height, width = (tf.cast(tf.shape(flat)[axis] - 1, tf.float32) for axis in (1, 2))
    cos, sin = tf.cos(angles), tf.sin(angles)
    right = (width - (cos * width - sin * height)) / 2
    down = (height - (sin * width + cos * height)) / 2
    zero = tf.zeros_like(cos)
    transforms = tf.stack([cos, -sin, right, sin, cos, down, zero, zero], axis=1)
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=flat, transforms=transforms, output_shape=tf.shape(flat)[1:3], fill_value=0.0,
        interpolation=interpolation.upper(), fill_mode=fill_mode.upper(),
    )  # fmt: skip
    return tf.reshape(turned, tf.shape(images))
