"""Bytes of a student to a normalised notebook, or to a sentence that says why not."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from autograder import repairs
from autograder.intake.caps import Caps
from autograder.intake.cells import finite, mapping, normalised_cells
from autograder.intake.names import clean
from autograder.intake.old import old_cells
from autograder.intake.pasted import unpacked
from autograder.intake.scripts import exported
from autograder.records import Json, Message, say

_FOREIGN_KERNELS = re.compile(
    r"ir|julia.*|rust|evcxr|bash|zsh|xcpp.*|xeus-(?!python).*|scala.*|almond.*|\.net.*|csharp|fsharp|sas|octave|matlab.*"
    r"|javascript|typescript|deno|tslab|jslab|sparql|sql|haskell|ihaskell|ruby|perl|go|gophernotes|java|kotlin|sagemath.*|stata|maxima"
)
"""Names of well-known kernels that are not Python, for notebooks that do not state their language."""

_PASTED = re.compile(r"data:image/[a-z.+-]{1,20};base64,[A-Za-z0-9+/=]+")

READ_AS_PYTHON = 200_000
"""Characters, from the top, by which it is seen whether code is Python: its tree takes hundreds of times as much."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One of ``notebook`` and ``refusal`` is there."""

    notebook: bytes | None = None
    """nbformat 4.5 as UTF-8 JSON: sources are strings, ids are there and unique; equal content, equal bytes."""
    refusal: Message | None = None
    notes: tuple[Message, ...] = ()
    lines: int = 0
    """Lines of code that are not blank."""
    code: tuple[str, ...] = field(default=())
    """Sources of the code cells."""


def read_notebook(raw: bytes, caps: Caps | None = None) -> Reading:
    """Parse, convert to nbformat 4 and repair what can be repaired without guessing; never raises for any bytes."""
    caps = caps or Caps()
    try:
        return _read(raw, caps)
    except RecursionError:
        return Reading(refusal=say("The file is nested too deeply to be a notebook."))


def _read(raw: bytes, caps: Caps) -> Reading:
    if len(raw) > caps.read:
        return Reading(refusal=_too_large(len(raw), caps.read))
    if raw.count(b"[") + raw.count(b"{") > caps.containers or raw.count(b",") > caps.values:
        return Reading(refusal=say("The file holds too many nested values to be a notebook."))
    notes: list[Message] = []
    parsed = _json(raw)
    if isinstance(parsed, Message):
        cells = exported(raw)
        if cells is None:
            return Reading(refusal=parsed)
        parsed = {"cells": cells, "nbformat": 4}
        notes.append(say("The file is a notebook that was exported as a Python script; its cells were read from that."))
    notebook = _version_4(parsed, notes)
    if isinstance(notebook, Message):
        return Reading(refusal=notebook)
    refusal = _unfit(notebook, caps)
    if refusal is not None:
        return Reading(refusal=refusal)
    cells = normalised_cells(unpacked(notebook["cells"], notes, caps.cells), notes)
    return _finished(cells, _metadata(notebook), len(raw), notes, caps)


def _finished(cells: list[Json], metadata: Json, size: int, notes: list[Message], caps: Caps) -> Reading:
    sources = [cell["source"] for cell in cells]
    if not any(source.strip() for source in sources):
        return Reading(refusal=say("The notebook is empty: no cell holds anything."))
    content = _written(cells, metadata)
    if len(content) > caps.notebook:
        cells = [{**cell, "outputs": []} if "outputs" in cell else cell for cell in cells]
        content = _written(cells, metadata)
        dropped = say(
            "The notebook weighs {size:num1} MB: its stored outputs were dropped before it was run.", size=size / 1e6
        )
        if len(content) > caps.notebook:
            content = _written([_without_pictures(cell) for cell in cells], metadata)
            dropped = say(
                "The notebook weighs {size:num1} MB: its stored outputs, and the pictures pasted into its text, were "
                "dropped before it was run.",
                size=size / 1e6,
            )
        if len(content) > caps.notebook:
            return Reading(
                refusal=say(
                    "The notebook is too large: {size:num1} MB without its stored outputs; at most {cap:num1} MB are "
                    "accepted. Are there pictures or data pasted into its cells?",
                    size=len(content) / 1e6,
                    cap=caps.notebook / 1e6,
                )
            )
        notes.append(dropped)
    code = tuple(cell["source"] for cell in cells if cell["cell_type"] == "code")
    notes += _remarks(cells)
    lines = sum(bool(line.strip()) for source in code for line in source.splitlines())
    return Reading(notebook=content, notes=tuple(notes), lines=lines, code=code)


def _without_pictures(cell: Mapping[str, Json]) -> Json:
    """Of text alone: what is pasted into code is a part of the program."""
    if cell["cell_type"] != "markdown":
        return cell
    kept = {name: value for name, value in cell.items() if name != "attachments"}
    return {**kept, "source": _PASTED.sub("data:", cell["source"])}


def _too_large(size: int, cap: int) -> Message:
    return say(
        "The notebook is too large: {size:num1} MB; at most {cap:num1} MB are read. Clear its outputs and save again.",
        size=size / 1e6,
        cap=cap / 1e6,
    )


def _written(cells: list[Json], metadata: Json) -> bytes:
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # a lone surrogate becomes a question mark


# --- JSON --------------------------------------------------------------------------------------------------------


def _json(raw: bytes) -> Json | Message:
    if not raw.strip():
        return say("The file is empty.")
    try:
        return json.loads(raw, parse_constant=lambda _: None, parse_float=finite)
    except json.JSONDecodeError as error:
        return _not_json(raw) or say(
            "The file is not valid JSON (line {line:int}, column {column:int}): it may have been cut off.",
            line=error.lineno,
            column=error.colno,
        )
    except ValueError:  # not Unicode, or a number of thousands of digits
        return _not_json(raw) or say("The file cannot be read as JSON: it is no notebook.")


_LOOKALIKES: tuple[tuple[Callable[[bytes], bool], Message], ...] = (
    (
        lambda raw: b"\n<<<<<<< " in b"\n" + raw,
        say("The file holds conflict marks of Git: the merge was not finished."),
    ),
    (
        lambda raw: raw.startswith(b"version https://git-lfs"),
        say("The file is a pointer of Git LFS: the notebook itself was not handed in."),
    ),
    (
        lambda raw: raw.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")),
        say("The file is a web page, not a notebook: download the notebook itself (.ipynb)."),
    ),
    (
        lambda raw: raw.startswith(b"PK\x03\x04"),
        say("The file is an archive or an office document with the name of a notebook."),
    ),
    (lambda raw: raw.startswith(b"%PDF"), say("The file is a PDF, not a notebook: hand in the .ipynb file.")),
    (
        lambda raw: re.match(rb"\s*(?:#|import |from |%|!|def )", raw) is not None,
        say("The file is a Python script with the name of a notebook: hand in the .ipynb file."),
    ),
)


def _not_json(raw: bytes) -> Message | None:
    return next((message for looks_like, message in _LOOKALIKES if looks_like(raw)), None)


# --- versions ----------------------------------------------------------------------------------------------------


def _version_4(parsed: Json, notes: list[Message]) -> dict[str, Json] | Message:
    no_notebook = say("The file is JSON but no notebook: it has no list of cells.")
    if not isinstance(parsed, dict):
        return no_notebook
    holds_cells = any(isinstance(parsed.get(name), list) for name in ("cells", "worksheets"))
    version = _whole(parsed.get("nbformat", 4 if isinstance(parsed.get("cells"), list) else 0))
    if version is None or not 1 <= version < 1000:
        return (
            say(
                "The file names no format of notebooks (nbformat, a whole number such as 4): open it in Jupyter and "
                "save it again."
            )
            if holds_cells
            else no_notebook
        )
    if version > 4:
        return say(
            "The notebook is of format {version:int}, which is newer than this program reads (4): save it in format 4.",
            version=version,
        )
    cells = parsed.get("cells") if version == 4 else old_cells(parsed)
    if not isinstance(cells, list):
        return no_notebook
    if version < 4:
        notes.append(
            say("The notebook was of the old format {version:int} and was converted to format 4.", version=version)
        )
    return {"cells": cells, "metadata": parsed.get("metadata")}


def _whole(value: Json) -> int | None:
    """A number without a fraction, however it is written: 4.0 is 4."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- fitness -----------------------------------------------------------------------------------------------------


def _unfit(notebook: Mapping[str, Json], caps: Caps) -> Message | None:
    count = len(notebook["cells"])
    if count > caps.cells:
        return say("The notebook has {cells:int} cells; at most {cap:int} are accepted.", cells=count, cap=caps.cells)
    language = _language(notebook)
    if language and not re.match(r"i?python", language, re.IGNORECASE) and not _reads_as_python(notebook["cells"]):
        return say(
            "The notebook is written for {language}; only Python is run here. Choose a Python kernel and save again.",
            language=clean(language, longest=40),
        )
    return None


def _reads_as_python(cells: Iterable[Json]) -> bool:
    """Whether most cells with code are Python and one of them imports something, whatever the kernel was called."""
    read, parsed, left, imports = 0, 0, READ_AS_PYTHON, False
    for text in (_source(cell) for cell in cells if mapping(cell).get("cell_type") == "code"):
        if not text.strip() or left <= 0:
            continue
        tree = _parsed(text[:left])
        read, left = read + 1, left - len(text)
        if tree is not None:
            parsed += 1
            imports = imports or any(isinstance(step, ast.Import | ast.ImportFrom) for step in tree.body)
    return imports and 2 * parsed > read


def _source(cell: Json) -> str:
    source = mapping(cell).get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _parsed(text: str) -> ast.Module | None:
    """Without the lines that only a notebook understands; None for what is no Python."""
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("%", "!")))
    if repairs.is_bomb(plain):
        return None
    try:
        return ast.parse(plain)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _language(notebook: Mapping[str, Json]) -> str:
    """As the notebook states it; empty when it does not and its kernel is none that is known to be foreign."""
    metadata = mapping(notebook.get("metadata"))
    kernel, info = mapping(metadata.get("kernelspec")), mapping(metadata.get("language_info"))
    for stated in (kernel.get("language"), info.get("name")):
        if isinstance(stated, str) and stated.strip():
            return stated.strip()
    name = kernel.get("name")
    foreign = isinstance(name, str) and _FOREIGN_KERNELS.fullmatch(name.casefold())
    display = kernel.get("display_name")
    return (display if isinstance(display, str) and display.strip() else str(name)) if foreign else ""


def _metadata(notebook: Mapping[str, Json]) -> dict[str, Json]:
    """Only what says by what the notebook was written; widget states and the like break validators and weigh much."""
    metadata = mapping(notebook.get("metadata"))
    kept: dict[str, Json] = {}
    kernel = {key: value for key, value in mapping(metadata.get("kernelspec")).items() if isinstance(value, str)}
    if {"name", "display_name"} <= kernel.keys():
        kept["kernelspec"] = {key: kernel[key][:200] for key in ("name", "display_name", "language") if key in kernel}
    info = {key: value for key, value in mapping(metadata.get("language_info")).items() if isinstance(value, str)}
    if "name" in info:
        kept["language_info"] = {key: info[key][:200] for key in ("name", "version", "file_extension") if key in info}
    return kept


def _remarks(cells: Iterable[Mapping[str, Json]]) -> list[Message]:
    """What is odd and stops nothing."""
    notes = []
    if not any(cell["cell_type"] == "code" and cell["source"].strip() for cell in cells):
        notes.append(say("The notebook holds no code."))
    for number, cell in enumerate(cells, start=1):
        if cell["cell_type"] == "code" and _is_whole_notebook(cell["source"]):
            notes.append(
                say(
                    "Cell {cell:int} holds the file of a whole notebook, pasted as text: it cannot run. "
                    "Open that notebook and hand it in itself.",
                    cell=number,
                )
            )
    return notes


def _is_whole_notebook(source: str) -> bool:
    start = source.lstrip()
    return start.startswith("{") and '"cells"' in start and '"nbformat"' in start and '"cell_type"' in start
