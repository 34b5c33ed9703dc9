"""What travels between machines, as bytes: a small JSON text, and blobs by their digest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from autograder.errors import ClusterError
from autograder.records import Digest
from autograder.store import Store, digest

LARGEST: Final = 4 * 2**30
"""Bytes of a bundle, unpacked: far more than a room may hand out."""
_HEAD: Final = "head.json"
_AGAIN: Final = "Run the same command again: what was not damaged is not done again."


@dataclass(frozen=True, slots=True)
class Bundle:
    """``head`` is JSON."""

    head: bytes
    blobs: Mapping[Digest, bytes]


def pack(head: bytes, blobs: Mapping[Digest, bytes]) -> bytes:
    """As a zip; what is JSON is pressed, since models, arrays and pictures hardly become smaller."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compresslevel=1) as archive:
        for name, content in [(_HEAD, head), *sorted(blobs.items())]:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED if content[:1] in (b"{", b"[") else zipfile.ZIP_STORED)
    return buffer.getvalue()


def unpack(content: bytes, *, largest: int = LARGEST) -> Bundle:
    """Every blob is what its name says; raises ClusterError where that is not so, and for one that is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > largest:
                raise ClusterError(
                    f"a bundle of {size // 2**20} MB", remedy=f"At most {largest // 2**20} MB may travel."
                )
            found = {member.filename: archive.read(member) for member in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise ClusterError(f"a bundle was damaged on its way: {error}", remedy=_AGAIN) from error
    head = found.pop(_HEAD, None)
    if head is None:
        raise ClusterError("a bundle without its head", remedy=_AGAIN)
    for name, blob in found.items():
        if digest(blob) != name:
            raise ClusterError("a blob was damaged on its way", place=name[:80], remedy=_AGAIN)
    return Bundle(head, {Digest(name): blob for name, blob in found.items()})


def picked(names: Iterable[Digest], *stores: Store) -> dict[Digest, bytes]:
    """Each of these from the first store that has it; raises StoreError where none has."""
    found = {}
    for name in sorted(set(names)):
        holder = next((store for store in stores if store.path(name).exists()), stores[-1])
        found[name] = holder.get(name)
    return found
