"""A private folder through which the kernel hands files to the runner.

The kernel writes, the runner reads and sends. The runner trusts nothing there: the student's code can write to it too.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .things import Thing

LEDGER = "ledger.json"
PROGRESS = "progress.json"
PARAMETERS = "parameters.json"
UNSAVED = "unsaved.json"
IMAGES = "images.npz"
QUESTION, ANSWER = "question-{}", "answer-{}"
"""By their number."""

FULL, FILLED = "the disk was full", "the notebook filled the disk"
"""By whose files: ours, of models and samples, or others."""
RESERVE_BYTES = 4 << 20
"""Kept for the ledger where the notebook fills the disk."""

_RESERVE = ".reserve"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ARTIFACT = re.compile(r"(start|fit|use|bound|swap)-m?[0-9]{1,5}\.keras|sample-[0-9]{1,5}\.npy")
_FALLBACK = re.compile(r"fallback-(m[0-9]{1,5})\.npy")

# As they are before the first cell, which may put something else in their place.
_open, _replace = open, os.replace


def _write(path: Path, content: bytes) -> None:
    with _open(path, "wb") as file:
        file.write(content)


def reserve(folder: Path) -> None:
    """Room that is given up where the disk is full, so that what is known can still be handed over."""
    with suppress(OSError), (folder / _RESERVE).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


class Handover:
    """Files appear under their final name only when they are complete.

    ``lost`` is told when the notebook deleted the folder, which is then made again, or left no room in it.
    """

    def __init__(self, folder: Path, lost: Callable[[str], None] | None = None) -> None:
        self.folder = folder
        self._lost = lost

    # --- the kernel's side

    def making(self, name: str) -> Path:
        """Where to write what ``made`` will then show; keeps the suffix, on which Keras insists."""
        if self._lost is not None and not self.folder.is_dir():
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            self._lost("the folder of what leaves the kernel was deleted")
        return self.folder / f".making-{name}"

    def failed(self, error: Exception) -> bool:
        """Whether the disk was full, and there is more room now: what was kept for the ledger."""
        if self._lost is None or not isinstance(error, OSError) or error.errno not in _FULL:
            return False
        self._lost(FULL if self._is_ours() else FILLED)
        try:
            (self.folder / _RESERVE).unlink()
        except OSError:
            return False
        return True

    def _is_ours(self) -> bool:
        """Whether at least half of what lies there is here."""
        try:
            place = os.statvfs(self.folder)
            own = sum(path.stat().st_size for path in self.folder.iterdir())
        except OSError:
            return True
        return 2 * own >= (place.f_blocks - place.f_bfree) * place.f_frsize

    def made(self, name: str) -> None:
        _replace(self.making(name), self.folder / name)

    def put(self, name: str, content: bytes) -> None:
        try:
            _write(self.making(name), content)
        except OSError as error:
            if not self.failed(error):
                raise
            _write(self.making(name), content)
        self.made(name)

    def put_json(self, name: str, value: Thing) -> None:
        """Names from the notebook may hold half a character, as those of files do; escaped, nobody could read them."""
        self.put(name, json.dumps(value, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace"))

    # --- the runner's side

    def artifacts(self) -> list[str]:
        """Names of the complete artifacts, oldest number first."""
        return sorted(filter(_ARTIFACT.fullmatch, self._names()), key=_number)

    def _names(self) -> list[str]:
        """Nothing where the notebook took the folder away, as its code can."""
        try:
            return [path.name for path in self.folder.iterdir()]
        except OSError:
            return []

    def fallbacks(self) -> dict[str, str]:
        """Model id -> file name."""
        found = (_FALLBACK.fullmatch(name) for name in sorted(self._names()))
        return {match[1]: match[0] for match in found if match}

    def take(self, name: str, cap: int) -> bytes | None:
        """Read and remove; None when there is no regular file of at most ``cap`` bytes under this name."""
        return self.took(name, cap)[1]

    def took(self, name: str, cap: int) -> tuple[bool, bytes | None]:
        """Whether there was anything of that name, which is gone now, and what ``take`` says.

        It gets another name first: what the other side puts there meanwhile is not removed unread.
        """
        taken = f".taken-{name}"
        try:
            (self.folder / name).rename(self.folder / taken)
        except OSError:
            return False, None
        content = self.read(taken, cap)
        with suppress(OSError):  # a folder of that name, say
            (self.folder / taken).unlink(missing_ok=True)
        return True, content

    def show(self, name: str, content: bytes) -> bool:
        """Lay something down for the kernel; False where its notebook has made that impossible."""
        try:
            self.put(name, content)
        except OSError:
            return False
        return True

    def read(self, name: str, cap: int) -> bytes | None:
        """Like ``take``, but leave it there."""
        try:
            handle = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > cap:
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as file:
            return file.read(cap)

    def read_json(self, name: str, cap: int) -> Thing:
        """None when absent or not JSON."""
        try:
            return json.loads(self.read(name, cap) or b"null")
        except (ValueError, RecursionError):
            return None


def _number(name: str) -> int:
    return int("".join(filter(str.isdigit, name)))
