"""Loaders inside room 1 answer with the data of the run."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder.guest import loaders


def served(shape: tuple[int, ...], classes: int = 10) -> dict[str, Any]:
    labels = np.arange(20, dtype=np.uint8) % classes
    return {
        "x_train": np.zeros((20, *shape), np.uint8),
        "y_train": np.r_[labels[:-1], classes - 1].astype(np.uint8),
        "x_test": np.ones((5, *shape), np.uint8),
        "y_test": labels[:5],
    }


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_grey_images(name: str) -> None:
    (x_train, y_train), (x_test, y_test) = loaders.pairs(name, served((28, 28)), "digits")
    assert x_train.shape == (20, 28, 28)
    assert x_test.shape == (5, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert y_test.tolist() == [0, 1, 2, 3, 4]


def test_colour_images_have_their_labels_in_a_column() -> None:
    (_, y_train), (_, y_test) = loaders.pairs("cifar10", served((32, 32, 3)), "cifar10")
    assert y_train.shape == (20, 1)
    assert y_test.shape == (5, 1)


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("cifar10", (28, 28), r"cifar10 is not available.*serves digits \(28x28, 10 classes\).*mnist\.load_data\(\)"),
        ("cifar100", (32, 32, 3), r"cifar100 is not available.*cifar10\.load_data\(\)"),
        ("mnist", (32, 32, 3), r"32x32x3"),
        ("imdb", (28, 28), r"imdb is not available"),
        ("mnist", (8, 8), r"none of Keras' loaders"),
    ],
)
def test_a_loader_without_data_says_what_is_served(name: str, shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(FileNotFoundError, match=told):
        loaders.pairs(name, served(shape), "digits")


def test_each_call_gives_copies_of_its_own_and_takes_any_argument(tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, allow_pickle=False, **served((28, 28)))
    module: Any = ModuleType("keras.src.datasets.mnist")
    module.load_data = lambda path="mnist.npz": pytest.fail("the original downloads")
    loaders.install(module, file, "digits")
    (first, _), _ = module.load_data(path="/content/mnist.npz")
    first[:] = 7
    (second, _), _ = module.load_data()
    assert not second.any()
    assert module.load_data.__name__ != "replacement"


def test_every_keras_loader_of_images_is_known() -> None:
    assert "keras.src.datasets.mnist" in loaders.modules()
    assert len(set(loaders.modules())) == len(loaders.modules())
