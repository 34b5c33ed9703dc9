"""Why a cell failed that works where it was written: there is a network there, a drive, a person, other files."""

from __future__ import annotations

import re
from collections.abc import Callable

from autograder.network import needs_network
from autograder.records import CellRun, Message, say

LONGEST_PATH = 120

_WEIGHTS = re.compile(r"NoNetwork: pretrained weights")
"""As the kernel puts it where a model would have to be downloaded."""
_NO_FILE = re.compile(
    r"No such file or directory|FileNotFound|File not found|[Uu]nable to (?:synchronously )?open file|NotFoundError"
    r"|does not exist|[Cc]annot find|NotADirectoryError|can't open|could not be found"
)
_NO_WRITING = re.compile(r"Read-only file system|Permission denied")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_UNREADABLE = re.compile(
    r"^(?:SyntaxError|IndentationError|TabError): (?P<reason>.*) \((?:[^()]*, )?line (?P<line>\d+)\)$"
)

_PATH = re.compile(
    r"""(?:name = |filepath=|: |^)?(?:b?(?P<quote>['"])(?P<quoted>.+?)(?P=quote)|(?P<plain>[~.\w]*[/\\]\S+))"""
)

_PLACES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:/content)?/g?drive/|.*\bMyDrive\b|.*\bMy Drive\b"), "drive"),
    (re.compile(r"/kaggle/|(?:\.\./)+input/|.*\bdigit-recognizer\b"), "kaggle"),
    (re.compile(r"/content/"), "colab"),
    (
        re.compile(r"[A-Za-z]:[\\/]|\\\\|/(?:home(?!/student/)|Users|mnt|media|Volumes|root|workspace|dbfs|data)/|~"),
        "own",
    ),
)


def explanation(run: CellRun) -> Message | None:
    """A sentence beside the error itself; None where the error says enough."""
    error, cell = run.error or "", run.index + 1
    if _WEIGHTS.search(error):
        return say(
            "Cell {cell:int} asks for pretrained weights. They are downloaded from the internet, and there is no "
            "network where notebooks are graded: build the model with weights=None, or hand the weights in.",
            cell=cell,
        )
    if needs_network(run):
        return say("Cell {cell:int} asked for the network: there is none while a notebook is graded.", cell=cell)
    if module := _NO_MODULE.search(error):
        return say(
            "Cell {cell:int} imports {module}, which was not handed in with the notebook and is not installed where "
            "notebooks are graded. If it is a file of yours, hand it in beside the notebook.",
            cell=cell,
            module=module[1],
        )
    if error.startswith("StdinNotImplementedError"):
        return say("Cell {cell:int} asks for an answer again and again: nobody is there to type one.", cell=cell)
    if _NO_WRITING.search(error) and (path := path_of(error)):
        return say(
            "Cell {cell:int} writes to {path}, outside of its own folder: write to a path relative to the notebook.",
            cell=cell,
            path=path,
        )
    if _NO_FILE.search(error) and (path := path_of(error)):
        return _MISSING[place_of(path)](cell, path)
    return None


def unreadable(run: CellRun) -> Message | None:
    """The reason and the line of a cell that is no Python."""
    found = _UNREADABLE.match(run.error or "")
    if found is None:
        return None
    return say(
        "Cell {cell:int} cannot be read as Python, line {line:int}: {reason}.",
        cell=run.index + 1,
        line=int(found["line"][:6]),
        reason=found["reason"],
    )


def path_of(error: str) -> str:
    """The file that an error names; empty when it names none."""
    for found in _PATH.finditer(error.partition(": ")[2] or error):
        path = found["quoted"] or found["plain"].rstrip(".,;:)")
        if re.search(r"[/\\.]", path) and "://" not in path:
            return path if len(path) <= LONGEST_PATH else "…" + path[1 - LONGEST_PATH :]
    return ""


def place_of(path: str) -> str:
    """``drive``, ``kaggle``, ``colab``, ``own`` (the author's computer) or ``here``."""
    return next((place for pattern, place in _PLACES if pattern.match(path)), "here")


_MISSING: dict[str, Callable[[int, str], Message]] = {
    "drive": lambda cell, path: say(
        "Cell {cell:int} needs {path}, a file of your Google Drive that was not handed in. Hand it in beside the "
        "notebook and open it by its name alone, or load the data with keras.datasets.",
        cell=cell,
        path=path,
    ),
    "kaggle": lambda cell, path: say(
        "Cell {cell:int} needs {path}, a file that lies on Kaggle and was not handed in. Hand it in beside the "
        "notebook and open it by its name alone, or load the data with keras.datasets.",
        cell=cell,
        path=path,
    ),
    "colab": lambda cell, path: say(
        "Cell {cell:int} needs {path}, a file that was uploaded to Google Colab and not handed in. Hand it in beside "
        "the notebook and open it by its name alone.",
        cell=cell,
        path=path,
    ),
    "own": lambda cell, path: say(
        "Cell {cell:int} needs {path}, a file of your own computer that was not handed in. Hand it in beside the "
        "notebook and open it by its name alone.",
        cell=cell,
        path=path,
    ),
    "here": lambda cell, path: say(
        "Cell {cell:int} needs {path}, which was neither handed in nor made by a cell before it.",
        cell=cell,
        path=path,
    ),
}
