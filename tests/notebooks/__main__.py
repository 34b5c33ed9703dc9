"""Writes every one-purpose notebook as a file: ``python -m tests.notebooks FOLDER``, for a look or for a benchmark."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.notebooks import DATA, TRAINING, TROUBLE, budgets, dated, models, notebook, places, sources_of_data, torches


def pages() -> Iterator[tuple[str, bytes]]:
    """Name, safe in a path, and nbformat 4 JSON."""
    yield "trouble", notebook(*TROUBLE)
    yield "training", notebook(*TRAINING)
    yield "torch-loops", notebook(*torches.LOOPS)
    yield "budgets", notebook(DATA, *budgets.SHARED)
    for name, cells in dated.NOTEBOOKS.items():
        yield _safe("dated", name), notebook(dated.PRELUDE, *cells)
    for name, told in places.PLACES.items():
        yield _safe("place", name), notebook(*(cell.source for cell in told))
    for source in (*sources_of_data.CASES, sources_of_data.VISION):
        yield _safe("data", source.name), notebook(*source.cells)
    for name, case in models.CASES.items():
        yield _safe("model", name), notebook(models.SMALL, *case.cells)


def _safe(kind: str, name: str) -> str:
    return f"{kind}-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages():
        (folder / f"{name}.ipynb").write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
