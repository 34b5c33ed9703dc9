"""Zip archives from strangers: opened only where their list of members is of a size to be read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

BYTES_OF_MEMBER = 200
"""In the list of members: 46, and the name, which is seldom longer than a hundred."""
LEAST = 1 << 20
_64_BITS = 56 + 20
"""Bytes between the list and its end in large archives."""
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What people's programs write; of the others ``zipfile`` unpacks a whole member at once, however little is read."""


class TooManyMembersError(zipfile.BadZipFile):
    """The list itself is longer than members of such a number take."""


def opened(source: Path | bytes, members: int) -> zipfile.ZipFile:
    """For reading; of little more than so many members, if their names are short.

    ``zipfile`` makes an object of each member as it opens an archive: 120 MB of them take a gigabyte and half a minute.
    Raises TooManyMembersError, and what ``zipfile`` raises of damaged files.
    """
    # What zipfile itself will take for the end of the archive, whatever stands before and after it.
    record: Any = zipfile
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        end = record._EndRecData(file)
        if end is not None:
            size = end[record._ECD_SIZE]
            if size > max(LEAST, members * BYTES_OF_MEMBER):
                raise TooManyMembersError(f"a list of {size} bytes")
            file.seek(max(0, end[record._ECD_LOCATION] - size - _64_BITS))
            # The number that the archive itself gives is only a claim. Each member begins with this mark.
            found = file.read(size + _64_BITS).count(record.stringCentralDir)
            if found > max(LEAST // BYTES_OF_MEMBER, members):
                raise TooManyMembersError(f"a list of {found} members")
    return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
