"""Files that notebooks read by name, made from our data when they are asked for.

Nothing is written where the notebook lies, and no file that is there is ever replaced: only when a path does not exist
does ``catalogue`` say whether it is a published file of a data set. ``opening`` asks here.
"""

from __future__ import annotations

import json
import os
import posixpath
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ..things import Thing
from . import catalogue
from .catalogue import CONTENTS, Item
from .sets import Source, chosen, refusal

T = TypeVar("T")

GUESSED_BYTES = 1 << 20
"""Size that is told of a file before it is made."""


class Shelf:
    """The published files of one notebook's data sets."""

    def __init__(self, session: Thing, notebook: str, folder: Path) -> None:
        self.session = session
        self.notebook = notebook
        """The sources of its code cells, and the set that its text speaks of where they name none."""
        self.folder = folder
        """Of ours, private, for what is made."""

    @classmethod
    def of(cls, session: Thing) -> Shelf:
        """For the notebook of this room."""
        cells = json.loads((session.orders / "cells.json").read_text("utf-8"))
        spoken = (session.orders / "spoken.txt").read_text("utf-8")
        text = "\n".join(filter(None, [*(cell["source"] for cell in cells), spoken]))
        return cls(session, text, Path(tempfile.mkdtemp(prefix="shelf-")))

    # --- files -----------------------------------------------------------------------------------------------------

    def find(self, path: Thing) -> tuple[Item, Source] | None:
        """What a path means and the set that answers; None for what is no published file, or of a set not here."""
        name = text_of(path)
        item = catalogue.item(name, self.notebook) if name else None
        source = chosen(self.session, item.family) if item is not None else None
        return (item, source) if item is not None and source is not None else None

    def answer(self, path: Thing) -> Path | OSError | None:
        """A real file with what ``path`` was to hold; an error when it is published, but of a set that is not here."""
        name = text_of(path)
        item = catalogue.item(name, self.notebook) if name else None
        if item is None:
            return None
        source = chosen(self.session, item.family)
        if source is None:
            error = refusal(self.session, item.family)
            return FileNotFoundError(2, f"No such file or directory; {error}", name)
        self.session.adapt("data", name, source.name)
        return self.made(item, source, _base(name))

    def made(self, item: Item, source: Source, name: str) -> Path:
        """Write the file, once."""
        if item.kind == "npz":
            return source.path
        slug = "-".join(filter(None, (item.family, item.kind, item.part, item.style)))
        path = self.folder / slug / name
        if not there(path):
            path.parent.mkdir(exist_ok=True)
            self.write(item, source, path)
        return path

    def write(self, item: Item, source: Source, path: Path) -> None:
        """Write it at a place of the caller's choice; never half."""
        from . import formats

        half = path.with_name(f".{path.name}")
        formats.write(item.kind, item.part, item.style, item.packed, source.arrays(), half)
        half.rename(path)

    # --- folders ---------------------------------------------------------------------------------------------------

    @cached_property
    def named(self) -> dict[str, str]:
        """Published files that the notebook names, by their absolute path; a known folder names what lies in it."""
        found = {}
        for literal in catalogue.literals(self.notebook):
            for path in (literal, *_inside(literal)):
                if "://" not in path and self.find(path) is not None:
                    found[absolute(path)] = path
        return found

    def listing(self, path: Thing) -> dict[str, bool]:
        """Names in a folder of named files -> whether it is a folder itself."""
        name = text_of(path)
        if not name:
            return {}
        above = absolute(name).rstrip("/") + "/"
        below = [known[len(above) :] for known in self.named if known.startswith(above)]
        below += [file for file in _inside(name, bare=True) if self.find(f"{name}/{file}") is not None]
        return {part.partition("/")[0]: "/" in part for part in sorted(below)}

    def status(self, path: Thing) -> os.stat_result | None:
        """As of a file that is there; sizes and times are made up.

        A folder is claimed only where the notebook could not make it itself: one that makes ``data/`` when it is
        missing, or unpacks an archive, must be free to.
        """
        if self.find(path) is not None:
            return _status(stat.S_IFREG | 0o644, GUESSED_BYTES)
        name = text_of(path)
        if not name or not self.listing(name):
            return None
        claimed = absolute(name).startswith("/kaggle/input")
        return _status(stat.S_IFDIR | 0o755, 4096) if claimed or not _makeable(absolute(name)) else None

    # --- for readers that are not Python ------------------------------------------------------------------------

    def lay_out(self, source: str) -> None:
        """Write the files that a cell names where it names them, as far as that can be done."""
        for literal in catalogue.literals(source):
            for path in (literal, *_inside(literal)):
                found = self.find(path)
                if found is not None:
                    self._place(path, *found)

    def _place(self, path: str, item: Item, source: Source) -> None:
        target = Path(_base(path) if "://" in path else absolute(path))
        if there(target) or not _makeable(str(target)):
            return
        if not there(target.parent) and not str(target).startswith(("/kaggle/", "/content/")):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        self.write(item, source, target)
        self.session.adapt("data", path, source.name)


def fetched(session: Thing, address: str, name: str, *, unpacked: bool = False) -> Path | None:
    """The file behind an address, or the folder with what is in it; None when it is not one of ours.

    Raises FileNotFoundError when it is published, but of a set that is not here.
    """
    shelf: Shelf = session.shelf
    asked = next((one for one in (address, name) if catalogue.item(one, shelf.notebook) is not None), "")
    made = shelf.answer(asked)
    if isinstance(made, OSError):
        raise made
    if made is None or not unpacked:
        return made
    folder = made.with_name(made.name + "-unpacked")
    if not there(folder) and tarfile.is_tarfile(made):
        with tarfile.open(made) as archive:
            archive.extractall(folder, filter="data")
    return folder if there(folder) else made


def safely(session: Thing, work: Callable[..., T], *arguments: Thing) -> T | None:
    """A fault of ours is noted, and the notebook goes on as if there were no shelf."""
    try:
        return work(*arguments)
    except Exception as error:
        session.recorder.note(f"{work.__name__}: {type(error).__name__}: {error}")
        return None


def there(path: Path | str) -> bool:
    """Whether a path really exists; ``os.path.exists`` would believe what the shelf says."""
    return os.access(path, os.F_OK)


def text_of(path: Thing) -> str:
    """A path as text; empty for what is none, a descriptor or an open file."""
    if isinstance(path, os.PathLike):
        path = path.__fspath__()
    return os.fsdecode(path) if isinstance(path, str | bytes) else ""


def absolute(path: str) -> str:
    """With forward slashes; a Windows path lies below the working folder."""
    plain = posixpath.expanduser(path.replace("\\", "/"))
    return posixpath.normpath(posixpath.join(Path.cwd().as_posix(), plain))


def _inside(path: str, *, bare: bool = False) -> Iterator[str]:
    for name in CONTENTS.get(_base(path).lower(), ()):
        yield name if bare else f"{path.rstrip('/')}/{name}"


def _base(path: str) -> str:
    return posixpath.basename(path.replace("\\", "/").partition("?")[0].rstrip("/"))


def _makeable(path: str) -> bool:
    """Whether the notebook could make this itself."""
    above = Path(path).parent
    while not there(above) and above != above.parent:
        above = above.parent
    return os.access(above, os.W_OK)


def _status(mode: int, size: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, os.getuid(), os.getgid(), size, 0, 0, 0))
