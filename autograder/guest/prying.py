"""What only who looks for our objects and files does: heard by Python's audit, which nothing can take back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from .stack import OURS
from .things import Thing
from .witness import PACKAGES, STANDARD

PRYING = "pried: "
"""So begin the names of what was done, among those that the witness tells."""
_LOOKING = frozenset({"gc.get_objects", "gc.get_referrers", "sys.addaudithook", "sys.settrace", "sys.setprofile"})
_FRAMES, _READ = "sys._getframe", "object.__getattr__"
"""Asked by libraries at every turn, and by a notebook's own code hardly ever."""
_OF_FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
"""Attributes that are such a question as well."""
_FILES = frozenset(
    {
        *("open", "os.remove", "os.rename", "os.chmod", "os.chdir", "os.truncate", "os.link", "os.symlink"),
        *("os.rmdir", "os.chown", "os.listxattr", "os.utime"),
    }
)
_HEARD = frozenset({*_LOOKING, *_FILES, _FRAMES, _READ})
_LIBRARIES = (*PACKAGES, STANDARD, "<frozen")


class Prying:
    """Told are direct calls by what is no library's, and what it does with files in ``closed``.

    Our source is none of these: every traceback reads it.
    """

    def __init__(self, closed: Sequence[Path], count: Callable[[], int | None], found: dict[str, int | None]) -> None:
        self._closed = tuple(map(str, closed))
        self._count = count
        self._found = found
        self._busy = False

    def begin(self) -> None:
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: Sequence[Thing]) -> None:
        if self._busy or event not in _HEARD:  # what is asked here is heard as well
            return
        self._busy = True
        try:
            if self._concerns(event, arguments) and _is_theirs(sys._getframe(1), direct=event not in _FILES):
                self._tell(event)
        finally:
            self._busy = False

    def _concerns(self, event: str, arguments: Sequence[Thing]) -> bool:
        if event in _FILES:
            return any(_names(one, self._closed) for one in arguments[:2])
        return event != _READ or arguments[1] in _OF_FRAMES

    def _tell(self, event: str) -> None:
        self._found.setdefault(f"{PRYING}{event}", self._count())


def _names(path: Thing, closed: tuple[str, ...]) -> bool:
    if isinstance(path, (str, bytes, os.PathLike)):
        return os.fsdecode(path).startswith(closed)
    return False


def _is_theirs(frame: FrameType | None, *, direct: bool) -> bool:
    """Whether the innermost code is neither ours nor a library's; unless ``direct``, libraries are passed over."""
    while frame is not None and not direct and frame.f_code.co_filename.startswith(_LIBRARIES):
        if frame.f_code.co_filename.startswith(OURS):
            return False
        frame = frame.f_back
    return frame is not None and not frame.f_code.co_filename.startswith((OURS, *_LIBRARIES))
