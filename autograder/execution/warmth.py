"""Whether a notebook may run in a room that has imported the usual packages before it came.

A heuristic, on the safe side: whatever looks as if it had a say in how those packages are imported gets a room that has
imported nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from autograder.execution.notebook import Document

_USES = re.compile(r"\b(?:tensorflow|keras)\b")
"""Without these there is little to gain."""
_SETTINGS = re.compile(
    r"\b(?:KERAS|TF|TF2|XLA|CUDA|MPL|OMP|KMP|OPENBLAS|MKL|NUMEXPR|NPY|PYTHON)_[A-Z0-9_]+\b"
    r"|\b(?:MPLBACKEND|MPLCONFIGDIR|PYTHONHASHSEED|matplotlibrc)\b|\bkeras\.json\b"
    r"|\bsys\.(?:meta_path|path_hooks|modules)\b|\b__import__\b"
)
"""Variables that are read at an import, files that are, and what looks into the machinery of imports."""
_FILES = frozenset(["matplotlibrc", "keras.json"])


def profits(document: Document, files: Iterable[str]) -> bool:
    """By the code cells and the names of the other files; modules that shadow a package show in the room."""
    code = "\n".join(cell["source"] for cell in document.orders())
    settings = any(PurePosixPath(name).name in _FILES for name in files)
    return bool(_USES.search(code)) and not settings and not _SETTINGS.search(code)
