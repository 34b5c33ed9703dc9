"""Which file of which data set a path means, judged by its name, its folders and what the notebook speaks of.

A base name that is published for one purpose (``train-images-idx3-ubyte``, ``mnist_train.csv``) counts wherever it is
asked for; folders, then the notebook, say whether it is MNIST's or Fashion-MNIST's. A name that could be anybody's
counts only when something speaks for it:

* ``train.csv``, ``test.csv``, ``sample_submission.csv`` are Kaggle's digit-recognizer when a folder of the path speaks
  of it or of MNIST; or when the notebook does, has a column ``label`` or ``pixel...`` or 784 of them, and the folder
  is nobody's in particular (``input``, ``data``, ``MyDrive``, a user's home ...: not ``flowers``). Where Fashion-MNIST
  is spoken of, they are its tables.
* ``data_batch_1`` and its like are CIFAR-10's when a folder or the notebook speaks of it.
* ``train``, ``test`` and ``meta`` are CIFAR-100's only in a folder ``cifar-100-python``.

``mnist_train.csv`` exists with a header (Kaggle's mnist-in-csv: ``label,1x1,1x2...``) and without (Colab's sample_data,
older copies). The folder decides; else whether the notebook skips a line (header), or reads with ``header=None``,
``loadtxt`` or line by line (none); else there is a header. ``mnist_train_100.csv``, a book's, has none.

A new file is a line in ``_PATTERNS``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Item:
    """One published file; ``formats.write`` makes it."""

    family: str
    kind: str
    """Key of ``formats.WRITERS``."""
    part: str = ""
    style: str = ""
    packed: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A path and the notebook in which it stands."""

    folders: tuple[str, ...]
    """In lower case, from the root."""
    notebook: str
    packed: str = ""
    """``gz`` or ``zip``, where the name ends so."""

    @property
    def place(self) -> str:
        return "/".join(self.folders)

    @property
    def family(self) -> str:
        return spoken(self.place) or spoken(self.notebook)

    @property
    def unclaimed(self) -> bool:
        """Whether the folder's name speaks of nothing in particular; below a home or a drive names are personal."""
        return not self.folders or self.folders[-1] in _NEUTRAL or not _PERSONAL.isdisjoint(self.folders)


Reading: TypeAlias = Callable[[re.Match[str], Asked], Item | None]

CONTENTS: Mapping[str, Sequence[str]] = {
    "digit-recognizer": ("train.csv", "test.csv", "sample_submission.csv"),
    "mnist-in-csv": ("mnist_train.csv", "mnist_test.csv"),
    "mnist-dataset": (
        *("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        *("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"),
    ),
    "fashionmnist": ("fashion-mnist_train.csv", "fashion-mnist_test.csv"),
    "cifar-10-batches-py": (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    "cifar-100-python": ("train", "test", "meta"),
}
"""Folders whose name says what lies in them."""

_NEUTRAL = frozenset(
    """. .. ~ c: d: input data datasets dataset data_set content drive mydrive kaggle working tmp temp home root
    downloads download desktop documents bureau colab notebooks colab_notebooks csv files raw donnees données tp projet
    project job out""".split()
) | {"colab notebooks", "my drive"}

_PERSONAL = frozenset({"home", "users", "mydrive", "my drive", "desktop", "documents", "downloads", "onedrive"})

_SPEAKING = (
    ("mnist", re.compile(r"(?<!fashion)(?<!fashion[-_ ])(?<![kef])mnist|digit[-_ ]?recogni")),
    ("fashion_mnist", re.compile(r"fashion|fmnist")),
    ("kmnist", re.compile(r"kmnist|kuzushiji")),
    ("cifar10", re.compile(r"cifar[-_ ]?10(?!0)")),
    ("cifar100", re.compile(r"cifar[-_ ]?100")),
)
_COLUMN = re.compile(r"['\".]label\b|pixel|digit[-_ ]?recogni|\b784\b|\b28\s*,\s*28\b")
_SKIPS = re.compile(
    r"skiprows\s*=\s*1|skip_header\s*=\s*1|readlines\(\)\[1:|readline\(\)|next\(\s*\w*(?:reader|file|f)\b"
)
_BARE = re.compile(r"header\s*=\s*None|loadtxt|genfromtxt|readlines\(\)")
_LITERAL = re.compile(r"""(['"])((?:(?!\1)[^\n]){1,300})\1""")
_SHELL_WORD = re.compile(r"[^\s'\"=<>|;&]{4,300}")
_SHELL = re.compile(r"^\s*[!%].*$", re.MULTILINE)


@functools.lru_cache(16)
def spoken(text: str) -> str:
    """The family that a text mentions most; empty when it mentions none."""
    lowered = text.lower()
    counts = {family: len(pattern.findall(lowered)) for family, pattern in _SPEAKING}
    family = max(counts, key=lambda name: counts[name])
    return family if counts[family] else ""


def item(path: str, notebook: str = "") -> Item | None:
    """The published file that a path or an address means; None for any other."""
    parts = re.split(r"[/\\]+", path.lower().partition("?")[0].rstrip("/\\"))
    name = parts[-1]
    packed = next((end for end in ("gz", "zip") if name.endswith("." + end)), "")
    asked = Asked(tuple(part for part in parts[:-1] if part), notebook, packed)
    plain = name.removesuffix("." + packed)
    for pattern, read in _PATTERNS:
        hit = pattern.fullmatch(plain)
        found = read(hit, asked) if hit else None
        if found is not None:
            return replace(found, packed="" if found.kind == "competition" else packed)
    return None


def literals(source: str) -> Iterator[str]:
    """Whatever could be a path: strings, and the words of shell lines."""
    yield from (hit[2] for hit in _LITERAL.finditer(source))
    for line in _SHELL.findall(source):
        yield from _SHELL_WORD.findall(line)


def _idx(hit: re.Match[str], asked: Asked) -> Item:
    family = asked.family if asked.family in ("fashion_mnist", "kmnist") else "mnist"
    return Item(family, hit[2], "train" if hit[1] == "train" else "test")


def _table(hit: re.Match[str], asked: Asked) -> Item:
    if hit[1]:
        return Item("fashion_mnist", "table", hit[2], "pixel1")
    if hit[3]:
        return Item("mnist", "table", hit[2] + hit[3])
    return Item("mnist", "table", hit[2], "1x1" if _has_header(asked) else "")


def _has_header(asked: Asked) -> bool:
    if "sample_data" in asked.folders:
        return False
    if "mnist-in-csv" in asked.folders or "kaggle" in asked.folders:
        return True
    return bool(_SKIPS.search(asked.notebook)) or not _BARE.search(asked.notebook)


def _anybodys(hit: re.Match[str], asked: Asked) -> Item | None:
    family = spoken(asked.place)
    if not family and asked.unclaimed and _COLUMN.search(asked.notebook.lower()):
        family = spoken(asked.notebook)
    if family == "mnist":
        return Item("mnist", "kaggle", hit[1], "pixel0")
    if family == "fashion_mnist" and hit[1] != "sample_submission":
        return Item("fashion_mnist", "table", hit[1], "pixel1")
    return None


def _batch(hit: re.Match[str], asked: Asked) -> Item | None:
    return Item("cifar10", "batch", hit[0]) if asked.family == "cifar10" else None


def _batch100(hit: re.Match[str], asked: Asked) -> Item | None:
    return Item("cifar100", "batch100", hit[0]) if asked.folders[-1:] == ("cifar-100-python",) else None


def _competition(hit: re.Match[str], asked: Asked) -> Item | None:
    return Item("mnist", "competition") if asked.packed == "zip" else None


def _arrays(hit: re.Match[str], asked: Asked) -> Item:
    family = {"mnist": "mnist", "kmnist": "kmnist", "cifar10": "cifar10", "cifar100": "cifar100"}
    return Item(family.get(re.sub(r"[-_]", "", hit[1]), "fashion_mnist"), "npz")


_PATTERNS: Sequence[tuple[re.Pattern[str], Reading]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"(train|t10k|test)[-_](images|labels)[-._]idx[13][-_.]ubyte", _idx),
        (r"(fashion[-_]?)?mnist[-_](train|test)(_small|_\d{1,5})?\.csv", _table),
        (r"(train|test|sample_submission)\.csv", _anybodys),
        (r"(mnist|fashion[-_]?mnist|kmnist|cifar[-_]?100?)\.npz", _arrays),
        (r"mnist\.pkl", lambda hit, asked: Item("mnist", "pickle")),
        (r"mnist[-_]original\.mat", lambda hit, asked: Item("mnist", "mat")),
        (r"data_batch_[1-5]|test_batch|batches\.meta", _batch),
        (r"train|test|meta", _batch100),
        (r"cifar-10-(python|batches-py)\.tar", lambda hit, asked: Item("cifar10", "tar", "cifar-10-batches-py")),
        (r"cifar-100-python\.tar", lambda hit, asked: Item("cifar100", "tar", "cifar-100-python")),
        (r"digit-recognizer", _competition),
    )
)
