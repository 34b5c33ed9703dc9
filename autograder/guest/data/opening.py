"""A path that does not exist is answered from the shelf, whichever way Python asks for it.

``open``, ``os.stat`` (and with it ``os.path.exists``, ``pathlib``), ``os.lstat``, ``os.listdir`` and ``os.scandir``
(``glob``, ``os.walk``) are wrapped; the wrappers do something only after the real call has failed. What is not Python
(a shell line, TensorFlow's own file system, HDF5) reads real files: before a cell with such a reader runs, the files it
names are written where that can be done.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..imports import Actions
from ..stack import OURS
from ..things import Thing
from .shelf import fetched, safely

MISSING = (FileNotFoundError, NotADirectoryError, PermissionError)
OUTSIDE = re.compile(
    r"^\s*[!%]|\btf\.(?:io|data\.experimental|data\.TextLine)|gfile|h5py|os\.system|subprocess|cv2", re.M
)
"""Readers that do not go through Python's ``open``."""
CAPTURED = (("IPython.core.interactiveshell", "io_open"), ("tarfile", "bltn_open"))
"""Modules that have kept a reference of their own to ``open``."""


def begin(session: Thing, shell: Thing) -> None:
    """Wrap, and look at each cell before it runs."""
    install(session)
    shell.events.register("pre_run_cell", lambda info: safely(session, before_cell, session, str(info.raw_cell)))
    shell.set_custom_exc((OSError,), show)
    if os.access("/kaggle", os.W_OK):
        Path("/kaggle/working").mkdir(exist_ok=True)


def actions(session: Thing) -> Actions:
    return {"urllib.request": lambda module: install_retrieval(module, session)}


def show(shell: Thing, kind: type, error: Exception, trace: Thing, tb_offset: Thing = None) -> None:
    """A file that is missing is missing at the student's line: IPython hides every frame of ours but the last."""
    shell.showtraceback((kind, error, trimmed(trace)), tb_offset=tb_offset)


def trimmed(trace: Thing) -> Thing:
    """Without the frames of our own code, in place."""
    at = trace
    while at is not None and at.tb_next is not None:
        if at.tb_next.tb_frame.f_code.co_filename.startswith(OURS):
            at.tb_next = at.tb_next.tb_next
        else:
            at = at.tb_next
    return trace


def before_cell(session: Thing, source: str) -> None:
    if OUTSIDE.search(source):
        session.shelf.lay_out(source)


def install(session: Thing) -> None:
    opened = opener(session, io.open)
    builtins.open = io.open = opened
    for module, name in CAPTURED:
        if module in sys.modules:
            setattr(sys.modules[module], name, opened)
    wrappers = {
        "stat": asker(session, os.stat, "status", lambda found: found),
        "lstat": asker(session, os.lstat, "status", lambda found: found),
        "listdir": asker(session, os.listdir, "listing", list),
        "scandir": asker(session, os.scandir, "entries", lambda found: found),
    }
    for name, wrapper in wrappers.items():
        for known in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
            if getattr(os, name) in known:
                known.add(wrapper)
        setattr(os, name, wrapper)


def opener(session: Thing, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def open(file: Thing, mode: Thing = "r", *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        try:
            return real(file, mode, *arguments, **keywords)
        except MISSING:
            found = None if set(str(mode)) & set("wax+") else safely(session, session.shelf.answer, file)
            if found is None:
                raise
            if isinstance(found, OSError):
                raise found from None
        return real(found, mode, *arguments, **keywords)

    return open


def asker(session: Thing, real: Callable[..., Any], question: str, shown: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of ``os`` that puts a question to the shelf when it has failed."""

    @functools.wraps(real)
    def ask(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        try:
            return real(*arguments, **keywords)
        except MISSING:
            asked = arguments[:1] or (keywords.get("path"),)
            found = None if keywords.get("dir_fd") is not None else safely(session, _put, session, question, *asked)
            if not found:
                raise
        return shown(found)

    return ask


def _put(session: Thing, question: str, path: Thing) -> Thing:
    if question == "entries":
        return Entries(session, path)
    return getattr(session.shelf, question)(path)


class Entries:
    """What ``os.scandir`` answers for a folder of the shelf."""

    def __init__(self, session: Thing, path: Thing) -> None:
        folder = os.fsdecode(path)
        self._entries = [Entry(session, folder, *pair) for pair in session.shelf.listing(path).items()]
        self._rest: Iterator[Entry] = iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        return next(self._rest)

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, *_: Thing) -> None:
        self.close()

    def close(self) -> None:
        self._rest = iter(())


class Entry:
    """One of them, like an ``os.DirEntry``."""

    def __init__(self, session: Thing, folder: str, name: str, is_folder: bool) -> None:
        self.name = name
        self.path = os.path.join(folder, name)  # noqa: PTH118 (as the notebook has written it)
        self._is_folder = is_folder

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is_folder

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return not self._is_folder

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path)  # noqa: PTH116


def install_retrieval(module: Thing, session: Thing) -> None:
    """``urlretrieve`` of a published file brings it, from the shelf."""
    original = module.urlretrieve

    @functools.wraps(original)
    def urlretrieve(url: Thing, filename: Thing = None, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        made = fetched(session, url, str(filename or "")) if isinstance(url, str) else None
        if made is None:
            return original(url, filename, *arguments, **keywords)
        if filename is not None:
            Path(filename).write_bytes(made.read_bytes())
        return (str(made) if filename is None else filename), {}

    module.urlretrieve = urlretrieve
