"""How much of a hand-in is looked at; each cap is generous for honest work and small for the machine."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Sizes in bytes."""

    read: int = 64 * MIB
    """A notebook larger than this is not even parsed."""
    notebook: int = 20 * MIB
    """Of a notebook as it is kept; stored outputs are dropped first where that suffices."""
    cells: int = 1000
    containers: int = 1_000_000
    """Opening brackets in a notebook's JSON: objects cost far more memory than the bytes that describe them."""
    values: int = 8_000_000
    """Commas in a notebook's JSON, for the same reason."""
    notebooks: int = 20
    """Notebooks of one student that are compared."""
    file: int = 8 * MIB
    files: int = 200
    files_total: int = 32 * MIB
    """Other files of one student."""
    entries: int = 5000
    """Files and folders below one entry of the inbox."""
    depth: int = 12
    archive: int = 128 * MIB
    """A zip inside the inbox or inside another zip."""
    members: int = 50_000
    """Members of one zip."""
    ratio: int = 200
    """Uncompressed to compressed size of a member above 1 MiB; deflate reaches 1032 on zeros, notebooks about 20."""
    nesting: int = 2
    """A class's zip may hold a zip for each student; a zip inside that one is left aside."""
