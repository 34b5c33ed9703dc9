"""The executed notebook as a file to take home: sources as handed in, and only outputs that cannot act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from autograder.feedback import inert
from autograder.records import Json

_KEPT: Final = frozenset({"text/plain", "image/png", "image/jpeg", "image/gif"})
"""A program that opens notebooks runs or loads what others hold, if its reader trusts the file."""


def notebook(content: bytes) -> bytes:
    """The same notebook; of HTML its tables stay, and script, drawings, widgets and Markdown of outputs go."""
    raw = json.loads(content)
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        return content
    cells = [_cell(cell) if isinstance(cell, dict) else cell for cell in raw["cells"]]
    return json.dumps({**raw, "cells": cells}, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _cell(cell: Mapping[str, Json]) -> Json:
    outputs = cell.get("outputs")
    if not isinstance(outputs, list):
        return cell
    return {**cell, "outputs": [_output(output) if isinstance(output, dict) else output for output in outputs]}


def _output(output: Mapping[str, Json]) -> Json:
    data = output.get("data")
    if not isinstance(data, dict):
        return output
    kept = {kind: value for kind, value in data.items() if kind in _KEPT}
    html = data.get("text/html", "")
    table = inert.table("".join(map(str, html)) if isinstance(html, list) else str(html))
    return {**output, "data": kept | ({"text/html": str(table)} if table else {}), "metadata": {}}
