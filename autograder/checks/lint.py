"""What ruff says about the code of a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.notebook.source import code_cells, parse, python
from autograder.records import Cell

RULES = (
    *("E401", "E501", "E701", "E702", "E711", "E712", "E713", "E714", "E721", "E722", "E731", "E741"),
    *("F401", "F403", "F541", "F601", "F632", "F811", "F821", "F841", "B006"),
)
"""Faults that cost a reader time or hide a mistake; nothing about blanks and quotes."""

_COMMAND = (
    *(sys.executable, "-I", "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--quiet"),
    *("--exit-zero", "--output-format", "json", "--line-length", "120", "--target-version", "py311"),
    *("--config", 'builtins = ["display", "get_ipython", "In", "Out"]', "--stdin-filename", "notebook.py"),
)
_LIMIT = 2_000_000


@dataclass(frozen=True, slots=True)
class Remark:
    cell: int
    line: int
    """0-based line of the cell."""
    rule: str
    text: str


def lint(cells: Iterable[Cell], *, rules: Iterable[str] = RULES, seconds: float = 30.0) -> tuple[Remark, ...] | None:
    """Remarks on all cells read as one program, in order; None where ruff is missing or does not answer."""
    lines: list[str] = []
    places: list[tuple[int, int]] = []
    for cell in code_cells(cells):
        source = python(cell.source)
        if parse(source) is None:
            continue
        own = source.split("\n")
        lines.extend(own)
        places.extend((cell.index, line) for line in range(len(own)))
    program = "\n".join(lines)[:_LIMIT] + "\n"
    found = _ruff(program, ",".join(rules), seconds)
    return None if found is None else tuple(_remarks(found, places, lines))


def _ruff(program: str, rules: str, seconds: float) -> list[dict[str, object]] | None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the student's text goes in as data
            [*_COMMAND, "--select", rules, "-"],
            input=program.encode("utf-8", "replace"),
            capture_output=True,
            timeout=seconds,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return found if isinstance(found, list) else None


def _remarks(found: Iterable[dict[str, object]], places: list[tuple[int, int]], lines: list[str]) -> Iterable[Remark]:
    for item in found:
        location = item.get("location")
        row = location.get("row", 0) if isinstance(location, dict) else 0
        code = item.get("code")
        if not isinstance(code, str) or not 1 <= row <= len(places) or lines[row - 1].strip() == "pass":
            continue
        yield Remark(*places[row - 1], rule=code, text=str(item.get("message", ""))[:200])
