"""Stand-ins for small modules that do nothing but load MNIST or its like: ``mnist``, ``emnist``, ``idx2numpy`` ..."""

from __future__ import annotations

from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .sets import Array, served


def stand_ins(session: Thing) -> Actions:
    return {
        "mnist": lambda module: fill_mnist(module, session),
        "emnist": lambda module: fill_emnist(module, session),
        "mnist_reader": lambda module: fill_reader(module, session),
        "idx2numpy": fill_idx,
    }


def fill_mnist(module: ModuleType, session: Thing) -> None:
    """Two packages of one name: ``mnist.train_images()`` and ``MNIST(folder).load_training()``."""

    def part(key: str, call: str) -> Thing:
        return lambda *_, **__: served(session, "mnist", call)[key]

    for name, key in (("train", "train"), ("test", "test")):
        setattr(module, f"{name}_images", part(f"x_{key}", f"mnist.{name}_images()"))
        setattr(module, f"{name}_labels", part(f"y_{key}", f"mnist.{name}_labels()"))
    module.MNIST = loader(session)  # type: ignore[attr-defined]


def loader(session: Thing) -> type:
    class MNIST:
        """python-mnist's: lists of lists, labels as ``array('B')``."""

        def __init__(
            self, path: str = ".", mode: str = "vanilla", return_type: str = "lists", gz: bool = False
        ) -> None:
            self.return_type = "numpy" if "numpy" in (mode, return_type) else return_type
            self.gz = gz
            self.train_images: Thing = []
            self.train_labels: Thing = []
            self.test_images: Thing = []
            self.test_labels: Thing = []

        def load_training(self) -> tuple[Thing, Thing]:
            self.train_images, self.train_labels = self._part("train", "load_training")
            return self.train_images, self.train_labels

        def load_testing(self) -> tuple[Thing, Thing]:
            self.test_images, self.test_labels = self._part("test", "load_testing")
            return self.test_images, self.test_labels

        def _part(self, name: str, call: str) -> tuple[Thing, Thing]:
            import array

            arrays = served(session, "mnist", f"MNIST().{call}()")
            images: Array = arrays[f"x_{name}"].reshape(len(arrays[f"x_{name}"]), -1)
            labels: Array = arrays[f"y_{name}"]
            if self.return_type == "numpy":
                return images, labels
            return images.tolist(), array.array("B", labels.astype("uint8").tobytes())

    return MNIST


def fill_reader(module: ModuleType, session: Thing) -> None:
    """The reader that is published with Fashion-MNIST."""

    def load_mnist(path: Thing, kind: str = "train") -> tuple[Array, Array]:
        name = "train" if kind == "train" else "test"
        arrays = served(session, "fashion_mnist", f"mnist_reader.load_mnist(kind={kind!r})")
        return arrays[f"x_{name}"].reshape(len(arrays[f"x_{name}"]), -1), arrays[f"y_{name}"]

    module.load_mnist = load_mnist  # type: ignore[attr-defined]


def fill_idx(module: ModuleType) -> None:
    """Reads files of MNIST's own format, also those that are made when they are asked for."""

    def convert(content: bytes) -> Array:
        import numpy as np

        kinds = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
        sizes = np.frombuffer(content, ">u4", content[3], 4)
        found: Array = np.frombuffer(content, kinds[content[2]], -1, 4 + 4 * content[3]).reshape(sizes)
        return found.astype(found.dtype.newbyteorder("="))

    def from_file(file: Thing) -> Array:
        if hasattr(file, "read"):
            return convert(file.read())
        with open(file, "rb") as opened:  # noqa: PTH123 (what the notebook calls a file may be one that we make)
            return convert(opened.read())

    module.convert_from_file = from_file  # type: ignore[attr-defined]
    module.convert_from_string = convert  # type: ignore[attr-defined]


def fill_emnist(module: ModuleType, session: Thing) -> None:
    """Only its digits are a set that we have."""

    def part(name: str, call: str) -> Thing:
        def extract(dataset: str) -> tuple[Array, Array]:
            asked = "mnist" if dataset in ("digits", "mnist") else f"emnist-{dataset}"
            arrays = served(session, asked, f"emnist.{call}({dataset!r})")
            return arrays[f"x_{name}"], arrays[f"y_{name}"]

        return extract

    module.extract_training_samples = part("train", "extract_training_samples")  # type: ignore[attr-defined]
    module.extract_test_samples = part("test", "extract_test_samples")  # type: ignore[attr-defined]
    module.list_datasets = lambda: ["digits", "mnist"]  # type: ignore[attr-defined]
