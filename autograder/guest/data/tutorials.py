"""A stand-in for TensorFlow 1's ``tensorflow.examples.tutorials.mnist.input_data``, also as a file of its own."""

from __future__ import annotations

from collections import namedtuple
from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .sets import Array, served

PACKAGE = "tensorflow.examples.tutorials.mnist"
VALIDATION = 5000
"""Images that are taken from the training set by default."""

Datasets = namedtuple("Datasets", "train validation test")


def stand_ins(session: Thing) -> Actions:
    def fill(module: ModuleType) -> None:
        module.read_data_sets = _reader(session)  # type: ignore[attr-defined]

    def holding(module: ModuleType) -> None:
        from importlib import import_module

        module.input_data = import_module(f"{PACKAGE}.input_data")  # type: ignore[attr-defined]

    empty = {"tensorflow.examples": _nothing, "tensorflow.examples.tutorials": _nothing}
    return {**empty, PACKAGE: holding, f"{PACKAGE}.input_data": fill, "input_data": fill}


def _nothing(module: ModuleType) -> None:
    """A package without content of its own."""


def _reader(session: Thing) -> Thing:
    def read_data_sets(
        train_dir: str = "",
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Thing = "float32",
        reshape: bool = True,
        validation_size: int = VALIDATION,
        seed: int | None = None,
        source_url: str = "",
    ) -> Datasets:
        asked = "fashion_mnist" if "fashion" in f"{train_dir}{source_url}".lower() else "mnist"
        arrays = served(session, asked, "input_data.read_data_sets()")
        x_train, y_train = arrays["x_train"], arrays["y_train"]

        def part(images: Array, labels: Array) -> DataSet:
            return DataSet(images, labels, one_hot=one_hot, flat=reshape, dtype=str(getattr(dtype, "name", dtype)))

        return Datasets(
            part(x_train[validation_size:], y_train[validation_size:]),
            part(x_train[:validation_size], y_train[:validation_size]),
            part(arrays["x_test"], arrays["y_test"]),
        )

    return read_data_sets


class DataSet:
    """Images and labels, with ``next_batch`` as the tutorials use it."""

    def __init__(self, images: Array, labels: Array, *, one_hot: bool, flat: bool, dtype: str) -> None:
        import numpy as np

        count, height, width = images.shape
        shape = (count, height * width) if flat else (count, height, width, 1)
        self.images = images.reshape(shape)
        if "float" in dtype:
            self.images = self.images.astype(np.float32) / np.float32(255)
        self.labels = np.eye(10)[labels] if one_hot else labels
        self.num_examples = count
        self.epochs_completed = 0
        self._at = 0
        self._order = np.arange(count)

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Array, Array]:
        """Each epoch in an order of its own; a batch never mixes two epochs."""
        import numpy as np

        fresh = self._at == 0 and self.epochs_completed == 0
        if self._at + batch_size > self.num_examples:
            self.epochs_completed += 1
            fresh, self._at = True, 0
        if fresh and shuffle:
            self._order = np.random.permutation(self.num_examples)
        rows = self._order[self._at : self._at + batch_size]
        self._at += batch_size
        return self.images[rows], self.labels[rows]
