"""The files in which the data sets are published, written from our arrays: one function for each format.

Imported only when a file is asked for: it needs numpy. A new format is a function here, a line in ``WRITERS`` and a
pattern in ``shelf``.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, TypeAlias

import numpy as np

from . import classes
from .sets import Array, Arrays

File: TypeAlias = "IO[bytes] | gzip.GzipFile"
Writer: TypeAlias = Callable[[Arrays, str, str, File], None]
"""Arrays, part (``train`` ...), style (the header of a table) and where to."""

CHUNK = 2000
"""Rows of a table that are made at once."""
COLOUR_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
KAGGLE = ("train", "test", "sample_submission")


def write(kind: str, part: str, style: str, packed: str, arrays: Arrays, path: Path) -> None:
    """Write one file; ``packed`` is ``gz``, ``zip`` or nothing."""
    writer = WRITERS[kind]
    with path.open("wb") as file:
        if packed == "gz":
            with gzip.GzipFile("", "wb", 1, file, 0) as inner:
                writer(arrays, part, style, inner)
        elif packed == "zip":
            member = zipfile.ZipInfo(path.name.removesuffix(".zip"))
            member.compress_type = zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(file, "w", compresslevel=1) as archive, archive.open(member, "w") as content:
                writer(arrays, part, style, content)
        else:
            writer(arrays, part, style, file)


# --- tables ----------------------------------------------------------------------------------------------------------


def rows(kind: str, part: str, arrays: Arrays) -> tuple[Array | None, Array]:
    """Labels, if the table has them, and the pixels as (n, height * width).

    Kaggle's digit-recognizer: 42000 of MNIST's images with labels, the other 28000 without.
    """
    train, test = (arrays[f"x_{name}"].reshape(len(arrays[f"x_{name}"]), -1) for name in ("train", "test"))
    if kind == "kaggle":
        cut = len(train) * 7 // 10
        return (arrays["y_train"][:cut], train[:cut]) if part == "train" else (None, np.vstack([train[cut:], test]))
    name, _, size = part.partition("_")
    labels, pixels = arrays[f"y_{name}"], train if name == "train" else test
    if size:  # spread evenly: a small table holds every distinct image of a set that is served repeated
        count = min(len(labels), 20_000 if size == "small" else int(size))
        chosen = np.arange(count) * len(labels) // max(1, count)
        return labels[chosen], pixels[chosen]
    return labels, pixels


def columns(style: str, pixels: int, *, labelled: bool) -> list[str]:
    """Names of the columns: ``pixel0`` counts from 0, ``pixel1`` from 1, ``1x1`` has row and column; none if empty."""
    if not style:
        return []
    side = round(pixels**0.5)
    if style == "1x1":
        names = [f"{row + 1}x{column + 1}" for row in range(side) for column in range(side)]
    else:
        first = int(style.removeprefix("pixel"))
        names = [f"pixel{number}" for number in range(first, first + pixels)]
    return ["label", *names] if labelled else names


def _table(kind: str) -> Writer:
    def table(arrays: Arrays, part: str, style: str, file: File) -> None:
        if part == "sample_submission":
            count = len(rows(kind, "test", arrays)[1])
            file.write(b"ImageId,Label\n" + b"".join(b"%d,0\n" % number for number in range(1, count + 1)))
            return
        labels, pixels = rows(kind, part, arrays)
        names = columns(style, pixels.shape[1], labelled=labels is not None)
        if names:
            file.write(",".join(names).encode() + b"\n")
        for text in _lines(labels, pixels):
            file.write(text)

    return table


def _lines(labels: Array | None, pixels: Array) -> Iterator[bytes]:
    """Every number and its comma are four bytes from a list of 256; then the empty bytes among them are dropped."""
    inner, last = (_cells(end) for end in (b",", b"\n"))
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK]
        if labels is not None:
            part = np.column_stack([labels[start : start + CHUNK].astype(np.uint8), part])
        made = inner[part]
        made[:, -1] = last[part[:, -1]]
        flat = made.view(np.uint8).reshape(-1)
        yield flat[flat != 0].tobytes()


def _cells(end: bytes) -> Array:
    return np.frombuffer(b"".join((b"%d" % number + end).ljust(4, b"\0") for number in range(256)), np.uint32)


# --- idx, matrices, archives of arrays -------------------------------------------------------------------------------


def _images(arrays: Arrays, part: str, style: str, file: File) -> None:
    images = arrays[f"x_{part}"]
    file.write(struct.pack(">iiii", 2051, *images.shape) + images.astype(np.uint8).tobytes())


def _labels(arrays: Arrays, part: str, style: str, file: File) -> None:
    labels = arrays[f"y_{part}"]
    file.write(struct.pack(">ii", 2049, len(labels)) + labels.astype(np.uint8).tobytes())


def _archive(arrays: Arrays, part: str, style: str, file: File) -> None:
    np.savez(file, **dict(arrays))  # type: ignore[arg-type]


def _matrix(arrays: Arrays, part: str, style: str, file: File) -> None:
    """``mnist-original.mat``: a column for each image, labels as float64."""
    from scipy.io import savemat

    data = np.vstack([arrays[f"x_{name}"].reshape(len(arrays[f"x_{name}"]), -1) for name in ("train", "test")]).T
    label = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.float64)[None, :]
    savemat(file, {"data": data, "label": label})


# --- pickles of Python 2 ---------------------------------------------------------------------------------------------


class _Old(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings: read as bytes or as text, by the reader's ``encoding``."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def _save_bytes(self, text: bytes) -> None:
        short = len(text) < 256
        head = pickle.SHORT_BINSTRING + bytes([len(text)]) if short else pickle.BINSTRING + struct.pack("<i", len(text))
        self.write(head + text)  # type: ignore[attr-defined]
        self.memoize(text)  # type: ignore[attr-defined]

    dispatch[bytes] = _save_bytes


def _pickled(content: Any, file: File) -> None:  # noqa: ANN401 (whatever a pickle holds)
    _Old(file, 2).dump(content)


def _three(arrays: Arrays, part: str, style: str, file: File) -> None:
    """``mnist.pkl``: training, validation and test pairs, float32 from 0 to below 1."""
    cut = len(arrays["x_train"]) * 5 // 6
    parts = [("train", slice(cut)), ("train", slice(cut, None)), ("test", slice(None))]
    pairs = []
    for name, chosen in parts:
        images = arrays[f"x_{name}"][chosen]
        flat = images.reshape(len(images), -1).astype(np.float32) / np.float32(256)
        pairs.append((flat, arrays[f"y_{name}"][chosen].astype(np.int64)))
    _pickled(tuple(pairs), file)


def _batch(arrays: Arrays, part: str, style: str, file: File) -> None:
    """A file of ``cifar-10-batches-py``."""
    if part == "batches.meta":
        names = [name.encode() for name in classes.OBJECTS]
        _pickled({b"num_cases_per_batch": 10_000, b"label_names": names, b"num_vis": 3072}, file)
        return
    name = "test" if part == "test_batch" else "train"
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    title = b"testing batch 1 of 1"
    if name == "train":
        number = int(part[-1])
        title = b"training batch %d of 5" % number
        fifth = slice((number - 1) * len(images) // 5, number * len(images) // 5)
        images, labels = images[fifth], labels[fifth]
    content = {
        b"batch_label": title,
        b"labels": labels.tolist(),
        b"data": _planes(images),
        b"filenames": _names(labels),
    }
    _pickled(content, file)


def _batch100(arrays: Arrays, part: str, style: str, file: File) -> None:
    """A file of ``cifar-100-python``."""
    if part == "meta":
        fine, coarse = ([name.encode() for name in names] for names in (classes.FINE, classes.COARSE))
        _pickled({b"fine_label_names": fine, b"coarse_label_names": coarse}, file)
        return
    labels = arrays[f"y_{part}"].tolist()
    content = {
        b"filenames": _names(arrays[f"y_{part}"]),
        b"batch_label": b"training batch 1 of 1" if part == "train" else b"testing batch 1 of 1",
        b"fine_labels": labels,
        b"coarse_labels": [classes.COARSE_OF_FINE[label] for label in labels],
        b"data": _planes(arrays[f"x_{part}"]),
    }
    _pickled(content, file)


def _planes(images: Array) -> Array:
    """Red, then green, then blue."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def _names(labels: Array) -> list[bytes]:
    return [b"image_%05d.png" % number for number in range(len(labels))]


# --- archives of files -----------------------------------------------------------------------------------------------

FOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cifar-10-batches-py": ("batch", (*COLOUR_BATCHES, "test_batch", "batches.meta")),
    "cifar-100-python": ("batch100", ("train", "test", "meta")),
}


def _tar(arrays: Arrays, part: str, style: str, file: File) -> None:
    kind, parts = FOLDERS[part]
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in parts:
            content = _content(kind, name, style, arrays)
            member = tarfile.TarInfo(f"{part}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _zip(arrays: Arrays, part: str, style: str, file: File) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in KAGGLE:
            content = _content("kaggle", name, "pixel0", arrays)
            archive.writestr(zipfile.ZipInfo(f"{name}.csv"), content, zipfile.ZIP_DEFLATED, 1)


def _content(kind: str, part: str, style: str, arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    WRITERS[kind](arrays, part, style, buffer)
    return buffer.getvalue()


WRITERS: Mapping[str, Writer] = {
    "kaggle": _table("kaggle"),
    "table": _table("table"),
    "images": _images,
    "labels": _labels,
    "npz": _archive,
    "mat": _matrix,
    "pickle": _three,
    "batch": _batch,
    "batch100": _batch100,
    "tar": _tar,
    "competition": _zip,
}
