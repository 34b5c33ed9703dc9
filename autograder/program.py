"""What this program is made of: its own sources, and the packages that figures can depend on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from autograder import __version__

PACKAGE = Path(__file__).resolve().parent
_PACKAGES = ("autograder", "tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "ipykernel")
_EXTRAS = ("torch", "torchvision")
"""Packages that need not be there: a notebook that failed without them is run again once they are."""


@cache
def versions() -> Mapping[str, str]:
    """Python and the packages a figure can depend on, as far as they are installed."""
    there = [name for name in _EXTRAS if find_spec(name) is not None]
    return {"python": platform.python_version(), **{name: _version(name) for name in (*_PACKAGES, *there)}}


def _version(name: str) -> str:
    if name == "autograder":
        return __version__
    return version(name)


def packages() -> Mapping[str, str]:
    """Those of others: of our own code the sources count, not the number of its version."""
    return {name: value for name, value in versions().items() if name != "autograder"}


@cache
def code_digest(*parts: str) -> str:
    """Digest over the sources of these modules or packages of ours: changed code never answers from memory."""
    hashed = hashlib.sha256()
    for part in parts:
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hashed.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return hashed.hexdigest()


@cache
def data_digest(*parts: str) -> str:
    """Digest over all files of these folders of ours that are no code: templates, translations."""
    hashed = hashlib.sha256()
    for part in parts:
        for file in sorted((PACKAGE / part).rglob("*")):
            if file.is_file() and file.suffix not in (".py", ".pyc"):
                hashed.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return hashed.hexdigest()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
