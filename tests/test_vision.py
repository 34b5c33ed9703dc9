"""torchvision's data sets, on doubles of its classes; the real ones are loaded in a kernel where torch is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.guest.data import vision
from autograder.records import Json
from tests.rooms import Session, fails, module


class Base:
    def __init__(self, root: Json, transform: Json = None, target_transform: Json = None) -> None:
        self.root, self.transform, self.target_transform = root, transform, target_transform


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(from_numpy=lambda array: array))  # type: ignore[arg-type]


def grey() -> Json:
    class MNIST(Base):
        def __init__(self, root: Json, train: bool = True, transform: Json = None, download: bool = False) -> None:
            super().__init__(root, transform)
            self.train = train
            if download:
                self.download()
            if not self._check_exists():
                raise RuntimeError("Dataset not found")
            self.data, self.targets = self._load_data()

        download = _check_exists = _load_data = fails

    class FashionMNIST(MNIST):
        pass

    class KMNIST(MNIST):
        pass

    class EMNIST(MNIST):
        pass

    class QMNIST(MNIST):
        pass

    kinds = (MNIST, FashionMNIST, KMNIST, EMNIST, QMNIST)
    return module("torchvision.datasets.mnist", **{kind.__name__: kind for kind in kinds})


@pytest.mark.usefixtures("torch")
def test_grey_sets(tmp_path: Path) -> None:
    session = Session(tmp_path, "mnist", "fashion_mnist")
    found = grey()
    vision.install_grey(found, session)
    made = found.MNIST(tmp_path / "data" / "here", train=False, download=True)
    assert (tmp_path / "data" / "here").is_dir()
    assert (made.data.shape, made.targets.dtype) == ((10, 28, 28), np.int64)

    class Own(found.FashionMNIST):  # type: ignore[name-defined,misc]
        """A student's."""

    assert len(Own("data").data) == 60
    assert session.adapted == [
        ("data", "torchvision.datasets.MNIST", "mnist"),
        ("data", "torchvision.datasets.Own", "fashion_mnist"),
    ]
    with pytest.raises(AssertionError, match="original"):
        found.EMNIST("data", download=True)


def test_colour_sets(tmp_path: Path) -> None:
    class CIFAR10(Base):
        pass

    class CIFAR100(CIFAR10):
        pass

    session = Session(tmp_path, "mnist", "cifar10")
    vision.install_colour(module("torchvision.datasets.cifar", CIFAR10=CIFAR10, CIFAR100=CIFAR100), session)
    made: Json = CIFAR10("data", train=False, transform=str)  # type: ignore[call-arg]
    assert made.data.shape == (10, 32, 32, 3)
    assert made.targets == list(range(10))
    assert made.class_to_idx["bird"] == made.classes.index("bird") == 2
    assert made.transform is str
    with pytest.raises(FileNotFoundError, match="cifar100 is not available"):
        CIFAR100("data", download=False)  # type: ignore[call-arg]
