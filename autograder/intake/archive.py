"""Zip archives as listings: nothing is ever unpacked to the disk, and no size in a header is believed."""

from __future__ import annotations

import lzma
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from autograder import zips
from autograder.intake.caps import MIB, Caps
from autograder.intake.leaves import Blemish, Leaf, Listing, ignored, too_large
from autograder.intake.names import clean
from autograder.records import Message, say

_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, OverflowError)
"""What ``zipfile`` raises on damaged archives; NotImplementedError and RuntimeError are told apart."""


_Opened: TypeAlias = Callable[[], zipfile.ZipFile]
"""The archive, which is read once more where another one took its place; to be called under the lock."""


SWOLLEN = 4
"""So many times the size of a zip may the zips in it have together."""


_Lock: TypeAlias = AbstractContextManager[bool]


def is_archive(path: PurePosixPath) -> bool:
    return path.suffix.casefold() == ".zip"


class _UnreadError(zipfile.BadZipFile):
    def __init__(self, reason: Message) -> None:
        super().__init__(reason.text)
        self.reason = reason


class Shelf:
    """Holds open the archive inside another that was asked for last: all of a class together may take any memory."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._leaf: Leaf | None = None
        self._archive: zipfile.ZipFile | None = None

    def opened(self, leaf: Leaf, caps: Caps) -> zipfile.ZipFile:
        """Raises what ``zips.opened`` raises, and _UnreadError where the file itself cannot be read."""
        if self._archive is None or self._leaf is not leaf:
            content = leaf.load(caps.archive)
            if isinstance(content, Message):
                raise _UnreadError(content)
            self._leaf, self._archive = leaf, zips.opened(content, caps.members)
        return self._archive


def members(source: Path | bytes, shown: PurePosixPath, caps: Caps) -> Listing | Message:
    """List the members of a zip below ``shown``; a sentence when it is none or is locked as a whole."""
    lock = threading.RLock()
    try:
        archive = zips.opened(source, caps.members)
    except zips.TooManyMembersError:
        return _too_many(shown, caps)
    except (*_DAMAGE, NotImplementedError, RuntimeError):
        return say("{file} is no readable zip archive.", file=clean(str(shown)))
    return _listed(archive, lambda: archive, lock, shown, caps)


def _inner(leaf: Leaf, caps: Caps, shelf: Shelf) -> Listing | Message:
    """The same of a zip inside another."""
    try:
        with shelf.lock:
            archive = shelf.opened(leaf, caps)
    except _UnreadError as error:
        return error.reason
    except zips.TooManyMembersError:
        return _too_many(leaf.path, caps)
    except (*_DAMAGE, NotImplementedError, RuntimeError):
        return say("{file} is no readable zip archive.", file=clean(str(leaf.path)))
    return _listed(archive, lambda: shelf.opened(leaf, caps), shelf.lock, leaf.path, caps)


def _listed(
    archive: zipfile.ZipFile, again: _Opened, lock: _Lock, shown: PurePosixPath, caps: Caps
) -> Listing | Message:
    infos = archive.infolist()
    if len(infos) > caps.members:
        return _too_many(shown, caps)
    locks = {bool(info.flag_bits & 1) for info in infos if not _is_folder(info)}
    if locks == {True}:
        return say("{file} is protected by a password.", file=clean(str(shown)))
    return _listing(again, infos, shown, lock, caps)


def _too_many(shown: PurePosixPath, caps: Caps) -> Message:
    return say("{file} holds more than {cap:int} members.", file=clean(str(shown)), cap=caps.members)


def _listing(again: _Opened, infos: list[zipfile.ZipInfo], shown: PurePosixPath, lock: _Lock, caps: Caps) -> Listing:
    listing = Listing(members=len(infos))
    taken: dict[PurePosixPath, Leaf] = {}
    for info in infos:
        path = _path(info)
        if path is None:
            reason = say("{file} has a forbidden name and was not read.", file=clean(info.orig_filename))
            listing.blemishes.append(Blemish(path=shown / _last_part(info), reason=reason))
            continue
        if any(ignored(part) for part in path.parts):
            continue
        if len(path.parts) > 1 or _is_folder(info):
            listing.folders.add(shown / path.parts[0])
        if _is_folder(info):
            continue
        problem = _problem(info, caps)
        if problem is not None:
            listing.blemishes.append(Blemish(path=shown / path, reason=problem))
            continue
        if path in taken:
            reason = say("{file} is in the archive twice: the last one counts.", file=clean(str(path)))
            listing.blemishes.append(Blemish(path=shown / path, reason=reason))
        taken[path] = _leaf(again, info, shown / path, lock)
    listing.leaves += taken.values()
    return listing


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # ZipInfo.is_dir() fails on an empty name


def _path(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """The member's place, or None for a name that points elsewhere."""
    name = info.filename
    if "\0" in info.orig_filename or not name:
        return None
    if not info.flag_bits & 0x800:
        # Without the flag the name is code page 437, or, from macOS and old tools, UTF-8 all the same.
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    parts = name.replace("\\", "/").rstrip("/").split("/")
    if parts[0].endswith(":") or any(part in {"", ".", ".."} for part in parts) or len(name) > 1000:
        return None
    return PurePosixPath(*parts)


def _last_part(info: zipfile.ZipInfo) -> str:
    last = clean(info.orig_filename.replace("\\", "/").rstrip("/").rpartition("/")[2]).replace("/", "")
    return last if last not in {"", ".", ".."} else "?"


def _problem(info: zipfile.ZipInfo, caps: Caps) -> Message | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    name = clean(info.filename)
    if kind == stat.S_IFLNK:
        return say("{file} is a link: links are not followed.", file=name)
    if kind not in {0, stat.S_IFREG}:
        return say("{file} is not a regular file.", file=name)
    if info.flag_bits & 1:
        return say("{file} is protected by a password.", file=name)
    if info.compress_type not in zips.METHODS:
        return say("{file} is packed in a way that cannot be read.", file=name)
    if info.file_size > MIB and info.file_size > caps.ratio * max(info.compress_size, 1):
        return say(
            "{file} unpacks to {size:num1} MB from almost nothing and was not read.",
            file=name,
            size=info.file_size / 1e6,
        )
    return None


def _leaf(again: _Opened, info: zipfile.ZipInfo, path: PurePosixPath, lock: _Lock) -> Leaf:
    def load(cap: int) -> bytes | Message:
        if info.file_size > cap:
            return too_large(info.file_size, cap)
        try:
            with lock, again().open(info) as member:
                content = member.read(cap + 1)
        except RuntimeError:
            return say("{file} is packed in a way that cannot be read.", file=clean(path.name))
        except _DAMAGE:
            return say("{file} is damaged in the archive.", file=clean(path.name))
        return content if len(content) <= cap else too_large(len(content), cap)

    return Leaf(path=path, size=info.file_size, modified=_modified(info), load=load)


def _modified(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def expand(listing: Listing, caps: Caps) -> Listing:
    """Replace every zip by its members, below the zip's own path; those nested too deep become blemishes."""
    return _expand(listing, caps, Shelf(), 1, None)


def _expand(listing: Listing, caps: Caps, shelf: Shelf, nesting: int, outer: int | None) -> Listing:
    """``outer``: the size of the zip that all this is in."""
    result = Listing(
        blemishes=list(listing.blemishes),
        folders=set(listing.folders),
        repositories=set(listing.repositories),
        members=listing.members,
    )
    # Zips hardly shrink: what unpacks to many times the size of the zip around it is none of a student's work.
    left = None if outer is None else max(caps.archive, SWOLLEN * outer)
    number = None if outer is None else 2 * caps.members  # one student alone does not take the place of all others
    for leaf in listing.leaves:
        if not is_archive(leaf.path):
            result.leaves.append(leaf)
        elif nesting > caps.nesting:
            reason = say("{file} is an archive inside an archive and was left aside.", file=clean(str(leaf.path)))
            result.blemishes.append(Blemish(path=leaf.path, reason=reason))
        elif left is not None and leaf.size > left:
            result.blemishes.append(Blemish(path=leaf.path, reason=too_large(leaf.size, left)))
        elif number is not None and number <= 0:
            reason = say("More than {cap:int} files in one hand-in: the others were left aside.", cap=caps.members)
            result.blemishes.append(Blemish(path=leaf.path, reason=reason))
        else:
            found = _expanded(leaf, caps, shelf, nesting)
            left = None if left is None else left - leaf.size
            number = None if number is None else number - found.members
            result.add(found)
    return result


def _expanded(leaf: Leaf, caps: Caps, shelf: Shelf, nesting: int) -> Listing:
    found = _inner(leaf, caps, shelf)
    if isinstance(found, Message):
        return Listing(blemishes=[Blemish(path=leaf.path, reason=found)])
    found.folders = set()  # below a hand-in: not the top of the inbox
    if leaf.modified:
        found.leaves = [replace(inner, modified=inner.modified or leaf.modified) for inner in found.leaves]
    if not found.leaves and not found.blemishes:
        found.blemishes.append(
            Blemish(path=leaf.path, reason=say("{file} is an empty archive.", file=clean(str(leaf.path))))
        )
    return _expand(found, caps, shelf, nesting + 1, leaf.size)
