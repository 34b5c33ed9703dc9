"""Which packages are installed, whatever name an installer calls them by."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

ALIASES: Mapping[str, str] = {
    "cudatoolkit": "tensorflow",
    "imageio-ffmpeg": "imageio",
    "keras-nightly": "keras",
    "opencv-contrib-python": "opencv-python-headless",
    "opencv-python": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "pil": "pillow",
    "pydotplus": "pydot",
    "pytorch": "torch",
    "sklearn": "scikit-learn",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tf-keras": "keras",
    "tf-nightly": "tensorflow",
    "tf-nightly-gpu": "tensorflow",
}
"""Another name of a package -> the name under which it is installed here."""

OPTIONS_WITH_VALUES = frozenset(
    "-r --requirement -c --constraint -i -f -t --target --upgrade-strategy "
    "--progress-bar --python-version --prefix --root --trusted-host --platform -n --name -p --channel --timeout "
    "--default-timeout --python --retries --cache-dir".split()
)
REQUIREMENT_FILES = 100
"""Lines of a file of requirements that are looked at."""

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?P<pin>[=<>!~@].*)?$")
_PLACE = re.compile(r"^(?:\w+\+)?(?:https?|ssh|git|file)://|^\.{0,2}/|\.whl$|\.tar\.gz$|^git@")


def installed(name: str) -> str | None:
    """Version of a package, ``""`` where it is a part of Python or has none, None where it is not here."""
    plain = name.lower().replace("_", "-")
    for known in (name, ALIASES.get(plain, "")):
        try:
            if known:
                return version(known)
        except PackageNotFoundError:
            continue
    module = plain.replace("-", "_")
    if module in sys.stdlib_module_names or module in ("pip", "setuptools", "wheel", "python"):
        return ""
    return "" if shutil.which(plain) or _importable(module) else None


def _importable(module: str) -> bool:
    """Whether a real module of that name lies on the path; our own stand-ins are none."""
    try:
        spec = find_spec(module) if module.isidentifier() else None
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def requirements(arguments: Sequence[str]) -> list[str]:
    """What ``pip install ...`` and its like are asked for, as written; files of requirements are read."""
    found: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word in ("-r", "--requirement"):
            found += _listed(next(rest, ""))
        elif word.startswith("--requirement="):
            found += _listed(word.partition("=")[2])
        elif word in OPTIONS_WITH_VALUES or re.fullmatch(r"--[a-z-]+-(?:url|links)", word):  # where to look
            next(rest, "")
        elif word not in ("-", ".") and not word.startswith("-"):
            found.append(word)
    return found


def _listed(path: str) -> list[str]:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            lines = [line.partition("#")[0].strip() for line in file.readlines(1 << 16)[:REQUIREMENT_FILES]]
    except OSError:
        return []
    return [line for line in lines if line and not line.startswith("-")]


def named(requirement: str) -> tuple[str, str]:
    """Name and pin: ``("tensorflow", "2.16.2")`` of ``tensorflow==2.16.2``; of an address, what it seems to hold."""
    if _PLACE.search(requirement):
        egg = re.search(r"#egg=([\w.-]+)", requirement)
        last = re.split(r"[/\\]", requirement.partition("#")[0].partition("@")[0].rstrip("/"))[-1]
        return (egg[1] if egg else re.split(r"-\d|\.git|\.whl|\.tar", last)[0] or last), ""
    match = _REQUIREMENT.match(requirement.partition(";")[0].strip())
    if match is None:
        return requirement, ""
    pin = match["pin"] or ""
    exact = re.match(r"=?=\s*([\w.+!-]+)", pin)
    return match["name"], exact[1] if exact else ""
