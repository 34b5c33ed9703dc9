"""Whether what Python compiled of the large packages can still be used: without it every import takes twice as long."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "matplotlib")
FILES = 400
"""Of each package that are looked at."""

_CHECKED_BY_HASH = 1


def stale(names: Iterable[str] = PACKAGES) -> dict[str, float]:
    """Share of files without a valid compiled form, for each package that is installed; nothing is imported."""
    found = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            files = list(islice(Path(spec.origin).parent.rglob("*.py"), FILES))
            found[name] = sum(not valid(file) for file in files) / max(1, len(files))
    return found


def valid(source: Path) -> bool:
    """By the header: magic number, flags, then time and size of the source, unless it goes by a hash."""
    try:
        with Path(importlib.util.cache_from_source(str(source))).open("rb") as file:
            header = file.read(16)
    except OSError:
        return False
    if header[:4] != importlib.util.MAGIC_NUMBER:
        return False
    if int.from_bytes(header[4:8], "little") & _CHECKED_BY_HASH:
        return True
    facts = source.stat()
    wanted = (int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
    return (int.from_bytes(header[8:12], "little"), int.from_bytes(header[12:16], "little")) == wanted
