"""The data sets of this room, and which of them answers when a notebook asks for one by name.

A room has one main set and may have others beside it. A loader that asks for CIFAR-10 gets the set that *is* CIFAR-10;
else the first whose images have the same form (MNIST for Fashion-MNIST: shapes and dtypes hold, and it is noted);
else an error that says what is there. Every adapter (``loaders``, ``hubs``, ``flow``, ``vision``, ``shelf`` ...) asks
``served``; a new one is a module in ``kernel.HOOKS`` with ``actions`` or ``stand_ins`` that do the same.
"""

from __future__ import annotations

import ast
import functools
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

from ..things import Thing

if TYPE_CHECKING:  # a notebook that loads no data does not pay for numpy
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"
Arrays: TypeAlias = "Mapping[str, Array]"

GREY, COLOUR = (28, 28), (32, 32, 3)

FAMILIES: Mapping[str, tuple[int, ...]] = {
    "mnist": GREY,
    "fashion_mnist": GREY,
    "kmnist": GREY,
    "cifar10": COLOUR,
    "cifar100": COLOUR,
}
"""What notebooks ask for -> shape of an image."""

CLASSES: Mapping[str, int] = {"cifar100": 100, "cifar10": 10}
"""Families that are answered only with a set of so many classes."""

_BEGINNINGS = (
    ("fashion", "fashion_mnist"),
    ("fmnist", "fashion_mnist"),
    ("kmnist", "kmnist"),
    ("kuzushiji", "kmnist"),
    ("cifar100", "cifar100"),
    ("cifar10", "cifar10"),
    ("mnist", "mnist"),
    ("digits", "digits"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A data set of this room."""

    name: str
    """For people: ``mnist``, ``cifar10-subset.npz``."""
    path: Path

    @property
    def family(self) -> str:
        return family(self.name)

    @property
    def shape(self) -> tuple[int, ...]:
        return _shape(self.path)

    @property
    def classes(self) -> int:
        return _classes(self.path)

    def fits(self, asked: str) -> bool:
        """Whether images and classes have the form of what is asked for."""
        return self.shape == FAMILIES.get(asked) and CLASSES.get(asked, self.classes) == self.classes

    def arrays(self) -> dict[str, Array]:
        """Fresh copies; labels as (n,)."""
        import numpy as np

        with np.load(self.path, allow_pickle=False) as held:
            found = {key: held[key] for key in ("x_train", "y_train", "x_test", "y_test")}
        return found | {key: found[key].reshape(-1) for key in ("y_train", "y_test")}


def family(name: str) -> str:
    """``uoft-cs/cifar10`` and ``CIFAR_10`` are ``cifar10``; what is not known keeps its own name."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = re.sub(r"[^a-z0-9]", "", last.lower())
    return next((known for beginning, known in _BEGINNINGS if plain.startswith(beginning)), last)


def sources(session: Thing) -> list[Source]:
    """The main set first."""
    folder = session.data.parent
    others = session.job.get("others", {})
    return [
        Source(session.job["data"], session.data),
        *(Source(name, folder / file) for name, file in others.items()),
    ]


def chosen(session: Thing, name: str) -> Source | None:
    """The set that answers to a name; None when no set of this room can."""
    asked = family(name)
    fitting = [source for source in sources(session) if source.fits(asked)]
    return next((source for source in fitting if source.family == asked), fitting[0] if fitting else None)


def served(session: Thing, name: str, call: str, *, own: bool = False) -> dict[str, Array]:
    """``x_train, y_train, x_test, y_test`` for a loader; ``call`` is how the notebook asked, for people.

    What was served is noted, except where the notebook calls the loader by Keras' ``own`` name and gets that very set.
    Raises FileNotFoundError with what there is.
    """
    source = chosen(session, name)
    if source is None:
        raise refusal(session, name)
    if not own or source.family != family(name):
        session.adapt("data", call, source.name)
    return source.arrays()


def refusal(session: Thing, name: str) -> FileNotFoundError:
    """Why a set cannot be had here, and what can; noted, since that is no fault of the notebook's."""
    session.adapt("unserved", family(name))
    there = sources(session)
    answering = [known for known in FAMILIES if any(source.fits(known) for source in there)]
    through = f", which answers to {', '.join(answering)}" if answering else ""
    return FileNotFoundError(
        f"{family(name)} is not available here: there is no network, and this run serves "
        f"{' and '.join(map(described, there))}{through}"
    )


def described(source: Source) -> str:
    return f"{source.name} ({'x'.join(map(str, source.shape))}, {source.classes} classes)"


@functools.cache
def _shape(path: Path) -> tuple[int, ...]:
    """Of an image, from the header of the array alone, without numpy."""
    with zipfile.ZipFile(path) as archive, archive.open("x_train.npy") as file:
        version = file.read(8)[6]
        length = int.from_bytes(file.read(2 if version == 1 else 4), "little")
        return tuple(ast.literal_eval(file.read(length).decode("latin1"))["shape"][1:])


@functools.cache
def _classes(path: Path) -> int:
    import numpy as np

    with np.load(path, allow_pickle=False) as held:
        return int(held["y_train"].max()) + 1
