"""Formats 1 to 3 to the shape of format 4, for ``cells`` to repair.

nbformat has converters too, but they trust what they are given: a heading of level 10**9 fills the memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from autograder.intake.cells import mapping, text_of
from autograder.records import Json

_MIMES = {
    "text": "text/plain",
    "html": "text/html",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "latex": "text/latex",
    "javascript": "application/javascript",
}
_KINDS = {"pyout": "execute_result", "pyerr": "error"}


def old_cells(notebook: Mapping[str, Json]) -> list[Json] | None:
    """The cells of all worksheets in order; None when there is no list of cells."""
    if isinstance(notebook.get("cells"), list):
        return [_cell(mapping(raw)) for raw in notebook["cells"]]
    if not isinstance(notebook.get("worksheets"), list):
        return None
    sheets = [mapping(sheet).get("cells") for sheet in notebook["worksheets"]]
    return [_cell(mapping(raw)) for cells in sheets if isinstance(cells, list) for raw in cells]


def _cell(raw: Mapping[str, Json]) -> dict[str, Json]:
    kind = raw.get("cell_type")
    if kind == "code":
        outputs = raw.get("outputs")
        return {
            "cell_type": "code",
            "source": raw.get("input", ""),
            "execution_count": raw.get("prompt_number"),
            "outputs": [_output(mapping(output)) for output in outputs] if isinstance(outputs, list) else [],
        }
    source = text_of(raw.get("source", raw.get("text")))
    if kind == "heading" and source is not None:
        level = raw.get("level")
        marks = "#" * (min(max(level, 1), 6) if isinstance(level, int) else 1)
        return {"cell_type": "markdown", "source": f"{marks} {' '.join(source.split())}"}
    return {"cell_type": "raw" if kind == "raw" else "markdown", "source": source}


def _output(raw: Mapping[str, Json]) -> dict[str, Json]:
    stated = raw.get("output_type")
    kind = _KINDS.get(stated, stated) if isinstance(stated, str) else ""
    if kind == "stream":
        return {"output_type": kind, "name": raw.get("stream"), "text": raw.get("text")}
    if kind == "error":
        return {**raw, "output_type": kind}
    data = {mime: raw[key] for key, mime in _MIMES.items() if key in raw}
    return {"output_type": kind, "data": data, "execution_count": raw.get("prompt_number")}
