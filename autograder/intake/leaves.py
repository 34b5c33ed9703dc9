"""The files of an inbox, wherever they lie, without following a link or opening anything but a regular file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.intake.caps import Caps
from autograder.intake.names import clean
from autograder.records import Message, say

_IGNORED = {"__macosx", "__pycache__", "thumbs.db", "desktop.ini", "node_modules", "venv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One regular file; nothing of it has been read."""

    path: PurePosixPath
    """Below the inbox; for grouping and for people, never opened."""
    size: int
    modified: float = 0.0
    """Seconds since 1970; 0 when unknown."""
    load: Callable[[int], bytes | Message]
    """Read the whole file; a sentence instead of bytes when it is larger than the cap or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blemish:
    """Something in the inbox that was not taken, and why."""

    path: PurePosixPath
    reason: Message


@dataclass(slots=True)
class Listing:
    leaves: list[Leaf] = field(default_factory=list)
    blemishes: list[Blemish] = field(default_factory=list)
    folders: set[PurePosixPath] = field(default_factory=set)
    """Folders at the top, also those without a file."""
    repositories: set[PurePosixPath] = field(default_factory=set)
    """Folders that are clones of a Git repository."""
    members: int = 0
    """Of an archive, also those that are nobody's work."""

    def add(self, other: Listing) -> None:
        self.leaves += other.leaves
        self.blemishes += other.blemishes
        self.folders |= other.folders
        self.repositories |= other.repositories


def ignored(name: str) -> bool:
    """Whether a file or folder of this name is never somebody's work."""
    return name.startswith((".", "~$")) or name.casefold() in _IGNORED


def too_large(size: int, cap: int) -> Message:
    return say(
        "The file is too large: {size:num1} MB, and at most {cap:num1} MB are read.", size=size / 1e6, cap=cap / 1e6
    )


def leaf_of(path: Path, shown: PurePosixPath) -> Leaf | Blemish:
    """Describe one entry of a folder; links, devices, pipes and sockets are not taken."""
    try:
        status = path.lstat()
    except OSError as error:
        return Blemish(path=shown, reason=_unreadable(error))
    if stat.S_ISLNK(status.st_mode):
        return Blemish(path=shown, reason=say("{file} is a link: links are not followed.", file=_shown(shown)))
    if not stat.S_ISREG(status.st_mode):
        return Blemish(path=shown, reason=say("{file} is not a regular file.", file=_shown(shown)))
    return Leaf(path=shown, size=status.st_size, modified=status.st_mtime, load=lambda cap: _read(path, cap))


def folder(root: Path, caps: Caps) -> Listing:
    """List a folder to the depth and number that ``caps`` allow, in the order of the names."""
    listing = Listing()
    for name, path in _children(root, PurePosixPath(), listing):
        inner = PurePosixPath(name)
        if _is_folder(path):
            listing.folders.add(inner)
            _below(path, inner, listing, caps)
        else:
            _take(path, inner, listing)
    return listing


def _below(top: Path, shown: PurePosixPath, listing: Listing, caps: Caps) -> None:
    pending, seen = [(top, shown)], 0
    while pending:
        place, inner = pending.pop()
        # Whatever lies beside it in heaps, the notebook is among what is looked at.
        for name, path in sorted(
            _children(place, inner, listing), key=lambda one: not one[0].lower().endswith(".ipynb")
        ):
            seen += 1
            if seen > caps.entries:
                reason = say("More than {cap:int} files in one hand-in: the others were left aside.", cap=caps.entries)
                listing.blemishes.append(Blemish(path=shown, reason=reason))
                return
            if not _is_folder(path):
                _take(path, inner / name, listing)
            elif len(inner.parts) < caps.depth:
                pending.append((path, inner / name))
            else:
                reason = say("{file} lies too deep and was left aside.", file=_shown(inner / name))
                listing.blemishes.append(Blemish(path=inner / name, reason=reason))


def _children(place: Path, shown: PurePosixPath, listing: Listing) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(place) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        listing.blemishes.append(Blemish(path=shown, reason=_unreadable(error)))
        return
    if ".git" in names:
        listing.repositories.add(shown)
    there = set(names)
    for name in names:
        if not ignored(name):
            yield _decoded(name, there), place / name


def _decoded(name: str, there: set[str]) -> str:
    """A name that is no UTF-8, as old programs write them, is shown as they mean it; two names stay two.

    The path itself keeps its bytes.
    """
    raw = os.fsencode(name)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        meant = raw.decode("cp1252", "backslashreplace")
        return meant if meant not in there and "/" not in meant else raw.decode("utf-8", "backslashreplace")


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _take(path: Path, shown: PurePosixPath, listing: Listing) -> None:
    found = leaf_of(path, shown)
    if isinstance(found, Leaf):
        listing.leaves.append(found)
    else:
        listing.blemishes.append(found)


def _read(path: Path, cap: int) -> bytes | Message:
    # Between listing and reading the file may have become a link or a pipe: neither is followed nor waited for.
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return say("{file} is not a regular file.", file=clean(path.name))
            if status.st_size > cap:
                return too_large(status.st_size, cap)
            content = file.read(cap + 1)
    except OSError as error:
        return _unreadable(error)
    return content if len(content) <= cap else too_large(len(content), cap)


def is_ours(reason: Message) -> bool:
    """Whether the system would not let us read, which is no fault of whoever handed in."""
    return reason.text == _unreadable(OSError()).text


def _unreadable(error: OSError) -> Message:
    return say("The file cannot be read: {problem}.", problem=error.strerror or type(error).__name__)


def _shown(path: PurePosixPath) -> str:
    return clean(str(path))
