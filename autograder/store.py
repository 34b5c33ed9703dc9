"""Bytes on disk named by their content, and a memory of which key led to which bytes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from autograder.errors import StoreError, output_error
from autograder.records import Digest

_FRESH_SECONDS: Final = 3600
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
DAMAGED: Final = "damaged"
"""Folder of bytes that were found not to be what their name says."""
SECRET_BYTES: Final = 32
WRITING: Final = ".writing-"
"""How the names of files begin that are not yet what they will be: nobody reads them."""


def digest(content: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def write_atomically(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Write to a temporary file beside ``path``, flush it to the disk, then replace: a reader never sees a half.

    What need not outlive a power cut, since it can be made again, is not waited for. Raises OutputError, and leaves
    what was there, where that cannot be done.
    """
    try:
        with _beside(path, content, lasting=lasting) as temporary:
            temporary.chmod(0o644)
            temporary.replace(path)
    except OSError as error:
        raise output_error(error, path) from error


def _place(content: bytes, path: Path) -> None:
    """Write a private file, whole or not at all; whoever comes second leaves the first one's."""
    with _beside(path, content) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            temporary.replace(path)


@contextmanager
def _beside(path: Path, content: bytes, *, lasting: bool = True) -> Iterator[Path]:
    """A private temporary file in the same folder, flushed to the disk; gone afterwards, unless it was moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{WRITING}{os.getpid()}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def holds(path: Path, content: bytes) -> bool:
    """Whether the file is there and whole: who has the bytes at hand can also mend it."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


class Store:
    """Insert-only blobs below ``root``; safe for several writers, since equal names mean equal bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: Digest) -> Path:
        if not _DIGEST.fullmatch(name):
            raise StoreError("not a digest", place=name[:80])
        return self.root / "blobs" / name[7:9] / name[9:]

    def put(self, content: bytes, *, lasting: bool = True) -> Digest:
        name = digest(content)
        path = self.path(name)
        if not holds(path, content):
            write_atomically(path, content, lasting=lasting)
        return name

    def get(self, name: Digest) -> bytes:
        try:
            content = self.path(name).read_bytes()
        except FileNotFoundError:
            raise StoreError(
                "missing from the store", place=name, remedy="Run the same command again: it is made anew."
            ) from None
        if digest(content) != name:
            self._set_aside(name)
            raise StoreError("damaged in the store", place=name, remedy="Run the same command again: it is made anew.")
        return content

    def _set_aside(self, name: Digest) -> None:
        """Damaged bytes are out of the way, so that what led to them is done again; they are kept to be looked at."""
        try:
            (self.root / DAMAGED).mkdir(exist_ok=True)
            self.path(name).replace(self.root / DAMAGED / name[7:])
        except OSError:  # a store that is only read: whoever asks next is told again
            return

    def put_array(self, array: npt.NDArray[Any]) -> Digest:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return self.put(buffer.getvalue())

    def get_array(self, name: Digest) -> npt.NDArray[Any]:
        """Read a ``.npy``; objects are refused."""
        try:
            loaded: npt.NDArray[Any] = np.load(io.BytesIO(self.get(name)), allow_pickle=False)
        except ValueError as error:
            raise StoreError(f"not an array: {error}", place=name) from error
        return loaded

    def secret(self) -> bytes:
        """32 bytes that nobody knows who does not have this store; drawn when first asked for, then always the same.

        Raises StoreError where they are not what was drawn: whatever else stood there could be guessed.
        """
        path = self.root / "secret"
        try:
            if not path.exists():
                _place(secrets.token_bytes(SECRET_BYTES), path)
            found = path.read_bytes()
        except OSError as error:
            raise output_error(error, path) from error
        if len(found) != SECRET_BYTES:
            remedy = (
                "Put it back from a backup; or delete it: hidden images are then drawn anew, and all is graded again."
            )
            raise StoreError("not the secret that was written there", place=str(path), remedy=remedy)
        return found

    # --- memory

    def remember(self, key: str, name: Digest, needs: Collection[Digest] = (), *, lasting: bool = True) -> None:
        """Note that the work described by ``key`` led to these bytes, which are worth something only with all others.

        The notice bears its own checksum: one that is cut off or damaged is as if it had never been written.
        """
        lines = "\n".join([name, *sorted(set(needs) - {name})]) + "\n"
        write_atomically(self._memo(key), f"{lines}{digest(lines.encode())}\n".encode(), lasting=lasting)

    def recall(self, key: str) -> Digest | None:
        """What ``key`` led to; None when unknown, or when not everything that belongs to it is there."""
        names = self.needs(key)
        return None if names is None else names[0]

    def needs(self, key: str) -> tuple[Digest, ...] | None:
        """What ``key`` led to, then all that belongs to it; None as for ``recall``."""
        path = self._memo(key)
        names = notice(path)
        if names is None or not all(self.path(name).exists() for name in names):
            return None
        _touch(path)
        return names

    def noted(self, memo: str) -> Digest | None:
        """What a notice led to, by the notice's own name."""
        names = notice(self.root / "memo" / memo[:2] / memo[2:])
        return None if names is None else names[0]

    def _memo(self, key: str) -> Path:
        hashed = memo(key)
        return self.root / "memo" / hashed[:2] / hashed[2:]

    def trace(self, name: str) -> bytes | None:
        """What was left under that name."""
        try:
            return self._trace(name).read_bytes()
        except FileNotFoundError:
            return None

    def leave(self, name: str, content: bytes) -> None:
        """Put down what the next run is to find; the last one counts."""
        if self.trace(name) != content:
            write_atomically(self._trace(name), content)

    def _trace(self, name: str) -> Path:
        return self.root / "traces" / digest(name.encode())[7:]


def memo(key: str) -> str:
    """Name of the notice of a key, by which it can be found without the key."""
    return digest(key.encode())[7:]


def notice(path: Path) -> tuple[Digest, ...] | None:
    """What a notice of the memory leads to, and then all that belongs to it; None for one that is not whole."""
    try:
        lines, _, sealed = path.read_text("ascii").removesuffix("\n").rpartition("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    names = tuple(Digest(line) for line in lines.split("\n"))
    whole = sealed == digest(f"{lines}\n".encode()) and all(map(_DIGEST.fullmatch, names))
    return names if whole else None


def _touch(path: Path) -> None:
    """Its age tells when it was last of use; within an hour that need not be told again."""
    try:
        if time.time() - path.stat().st_mtime > _FRESH_SECONDS:
            os.utime(path)
    except OSError:  # a store that is only read, or that another run has just tidied: of no consequence here
        return
