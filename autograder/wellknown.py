"""Well-known image sets: their form, and the ways in which people write their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GREY: Final = (28, 28)
COLOUR: Final = (32, 32, 3)


@dataclass(frozen=True, slots=True)
class Known:
    """A set that notebooks ask for by name."""

    title: str
    shape: tuple[int, ...]
    """Of one image; empty for what holds no images of one size."""
    classes: int


KNOWN: Final[Mapping[str, Known]] = {
    "digits": Known("Digits", GREY, 10),
    "mnist": Known("MNIST", GREY, 10),
    "fashion_mnist": Known("Fashion-MNIST", GREY, 10),
    "cifar10": Known("CIFAR-10", COLOUR, 10),
    "cifar100": Known("CIFAR-100", COLOUR, 100),
    # Not served by name, but known for what they are when a notebook asks for them.
    "qmnist": Known("QMNIST", GREY, 10),
    "kmnist": Known("Kuzushiji-MNIST", GREY, 10),
    "emnist": Known("EMNIST", GREY, 47),
    "svhn": Known("SVHN", COLOUR, 10),
    "stl10": Known("STL-10", (96, 96, 3), 10),
    "load_digits": Known("load_digits", (8, 8), 10),
    "imdb": Known("IMDB", (), 2),
    "reuters": Known("Reuters", (), 46),
    "boston_housing": Known("Boston Housing", (), 0),
    "california_housing": Known("California Housing", (), 0),
}
"""By the name that Keras gives it, where Keras has it."""

BUNDLED: Final = frozenset({"load_digits"})
"""Sets that a notebook finds among the installed packages, without being served."""

_SPELLINGS: Final = {
    "fashion_mnist": r"fashion[\s_-]*mnist|(?<![a-z])f[_-]?mnist|zalando",
    "kmnist": r"(?<![a-z])k[_-]?mnist|kuzushiji",
    "emnist": r"(?<![a-z])e[_-]?mnist",
    "qmnist": r"(?<![a-z])q[_-]?mnist",
    "mnist": r"mnist|digit[\s_-]*recogni[sz]er|(?:handwritten|hand-written) digits?|chiffres? (?:manuscrits?|ecrits)",
    "cifar100": r"cifar[\s_-]*100(?!\d)",
    "cifar10": r"cifar[\s_-]*10(?!\d)|cifar(?![\s_-]*\d)",
    "svhn": r"(?<![a-z])svhn(?![a-z])|street view house",
    "stl10": r"(?<![a-z])stl[_-]?10(?!\d)",
}
_NAMES: Final = re.compile("|".join(f"(?P<{name}>{spelling})" for name, spelling in _SPELLINGS.items()))


def named(text: str) -> tuple[str, ...]:
    """The sets that a text names, in its order and as often as it does; accents are for the caller to fold."""
    return tuple(match.lastgroup for match in _NAMES.finditer(text.lower()) if match.lastgroup)


def title(name: str) -> str:
    """As people write it; a set that is not well known is called by its own name."""
    return KNOWN[name].title if name in KNOWN else name
