"""Bytes on disk named by their content, and a memory of which key led to which bytes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.errors import StoreError
from autograder.records import Digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest(content: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary file beside ``path``, flush it to the disk, then replace: a reader never sees a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class Store:
    """Insert-only blobs below ``root``; safe for several writers, since equal names mean equal bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: Digest) -> Path:
        if not _DIGEST.fullmatch(name):
            raise StoreError("not a digest", place=name[:80])
        return self.root / "blobs" / name[7:9] / name[9:]

    def put(self, content: bytes) -> Digest:
        name = digest(content)
        path = self.path(name)
        if not path.exists():
            write_atomically(path, content)
        return name

    def get(self, name: Digest) -> bytes:
        try:
            content = self.path(name).read_bytes()
        except FileNotFoundError:
            raise StoreError(
                "missing from the store", place=name, remedy="Run again with --force to execute anew."
            ) from None
        if digest(content) != name:
            raise StoreError("damaged in the store", place=name, remedy="Delete the file and run again with --force.")
        return content

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

    def remember(self, key: str, name: Digest) -> None:
        """Note that the work described by ``key`` led to these bytes."""
        write_atomically(self._memo(key), name.encode())

    def recall(self, key: str) -> Digest | None:
        """What ``key`` led to; None when unknown or when the bytes are gone."""
        try:
            name = Digest(self._memo(key).read_text("ascii").strip())
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return name if _DIGEST.fullmatch(name) and self.path(name).exists() else None

    def _memo(self, key: str) -> Path:
        hashed = digest(key.encode())[7:]
        return self.root / "memo" / hashed[:2] / hashed[2:]
