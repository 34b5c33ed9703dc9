"""Cells of any shape to valid cells of nbformat 4.5."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain, count

from autograder.records import Json, Message, say

_KINDS = ("code", "markdown", "raw")  # no set: what is looked up may be a list
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def finite(text: str) -> float | None:
    """A number of JSON; None for one that is too large, which no JSON could hold again."""
    number = float(text)
    return number if abs(number) < float("inf") else None


def mapping(value: Json) -> Mapping[str, Json]:
    """The value when it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def normalised_cells(found: list[Json], notes: list[Message]) -> list[Json]:
    repaired: list[int] = []
    cells: list[Json] = []
    ids: set[str] = set()
    for number, raw in enumerate(found, start=1):
        cell = mapping(raw)
        source = text_of(cell.get("source"))
        kind = cell.get("cell_type")
        if source is None or kind not in _KINDS:
            repaired.append(number)
        clean_cell: dict[str, Json] = {
            "cell_type": kind if kind in _KINDS else "raw",
            "id": _fresh_id(cell.get("id"), number, ids),
            "metadata": _cell_metadata(cell.get("metadata")),
            "source": source or "",
        }
        if kind == "code":
            clean_cell["execution_count"] = _count_of(cell.get("execution_count"))
            clean_cell["outputs"] = _outputs(cell.get("outputs"))
        elif (attachments := _attachments(cell.get("attachments"))) and kind == "markdown":
            clean_cell["attachments"] = attachments
        cells.append(clean_cell)
    if repaired:
        listed = ", ".join(str(number) for number in repaired[:10]) + (" …" if len(repaired) > 10 else "")
        notes.append(say("Damaged cells were repaired or emptied: {cells}.", cells=listed))
    return cells


def text_of(value: Json) -> str | None:
    """A string, or the strings of a list joined; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return None


def _fresh_id(stated: Json, number: int, taken: set[str]) -> str:
    """The cell's own id when it is valid and new; else one made of its place, so that equal files stay equal."""
    own = [stated] if isinstance(stated, str) and _ID.fullmatch(stated) else []
    made = (f"cell-{number}" if turn == 0 else f"cell-{number}-{turn}" for turn in count())
    chosen = next(name for name in chain(own, made) if name not in taken)
    taken.add(chosen)
    return chosen


def _count_of(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def _cell_metadata(value: Json) -> dict[str, Json]:
    tags = mapping(value).get("tags")
    if not isinstance(tags, list):
        return {}
    # papermill would put its own cell in the place of one with this tag.
    kept = [
        tag
        for tag in tags
        if isinstance(tag, str) and re.fullmatch(r"[^,]{1,100}", tag) and tag != "injected-parameters"
    ]
    return {"tags": list(dict.fromkeys(kept))} if kept else {}


def _attachments(value: Json) -> dict[str, Json]:
    bundles = {name: _bundle(bundle) for name, bundle in mapping(value).items() if isinstance(bundle, dict)}
    return {name: bundle for name, bundle in bundles.items() if bundle}


def _outputs(value: Json) -> list[Json]:
    outputs = (_output(mapping(raw)) for raw in value) if isinstance(value, list) else ()
    return [output for output in outputs if output is not None]


def _output(raw: Mapping[str, Json]) -> dict[str, Json] | None:
    """A valid output, or None for one that no reader could show."""
    kind = raw.get("output_type")
    if kind == "stream":
        text = text_of(raw.get("text"))
        name = raw.get("name") if raw.get("name") in ("stdout", "stderr") else "stdout"
        return None if text is None else {"output_type": kind, "name": name, "text": text}
    if kind == "error":
        lines = raw.get("traceback")
        return {
            "output_type": kind,
            "ename": text_of(raw.get("ename")) or "",
            "evalue": text_of(raw.get("evalue")) or "",
            "traceback": [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else [],
        }
    if kind in ("display_data", "execute_result"):
        shown: dict[str, Json] = {"output_type": kind, "data": _bundle(raw.get("data")), "metadata": {}}
        return (
            {**shown, "execution_count": _count_of(raw.get("execution_count"))} if kind == "execute_result" else shown
        )
    return None


def _bundle(value: Json) -> dict[str, Json]:
    """MIME type -> text; JSON types keep their value where it is shallow."""
    kept: dict[str, Json] = {}
    for mime, content in mapping(value).items():
        text = text_of(content)
        if mime.endswith("json") and _shallow(content):
            kept[mime] = content
        elif text is not None and not mime.endswith("json"):
            kept[mime] = text
    return kept


def _shallow(value: Json, depth: int = 40) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_shallow(inner, depth - 1) for inner in value.values())
    return not isinstance(value, list) or (depth > 0 and all(_shallow(inner, depth - 1) for inner in value))
