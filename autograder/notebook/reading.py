"""From the bytes of an nbformat 4 notebook to inert cells: capped, images re-encoded, code as Python would read it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from PIL import Image

from autograder.errors import StoreError
from autograder.notebook import pictures
from autograder.records import Cell, CellKind, Json, Output
from autograder.store import Store

MAX_CELLS = 1000
MAX_SOURCE = 100_000
"""Characters of one cell."""
MAX_TOTAL_SOURCE = 600_000
"""Of all cells with code, and as much of all others: no text leaves code without room."""
MAX_OUTPUTS = 200
"""Outputs of one cell."""
MAX_TEXT = 200_000
"""Characters of one output."""
MAX_TOTAL_TEXT = 8_000_000
"""Characters of all outputs of a notebook, HTML included."""
MAX_IMAGES = 200
MAX_IMAGE_BYTES = 8 * 1024 * 1024
MAX_SIDE = 1600
"""Larger figures are scaled down: a sheet has to open on a phone."""

_INJECTED = "injected-parameters"
_OURS = re.compile(r"autograder_(?:session|guest)|AUTOGRADER_[A-Z]+")
"""Names inside a kernel that no notebook has a use for."""
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and other strings: titles, links
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_INLINE = re.compile(r"data:[\w/+.-]{1,60};base64,[A-Za-z0-9+/=]{100,}")
_LINE_END = re.compile(r"\r\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PACKAGES = re.compile(r"(?<![^\s\"'<>|:])([^\s\"'<>|:/]*)/[^\s\"'<>|:]{1,4096}?/site-packages/")
"""Where packages lie on the machine that grades: nobody's business, and in every warning of Keras. Looked for once a
word, so that a text of slashes takes no longer than another."""


def read(content: bytes, store: Store) -> tuple[Cell, ...]:
    """Read the cells as handed in: the parameters that papermill injected are left out, and do not shift the indices.

    Whatever is beyond a cap is cut off, of a source with a note of how much, and whatever has the wrong type is treated
    as absent: a hostile notebook gives a shorter one. Images go to ``store`` as PNG written by us.

    Raises:
        StoreError: the bytes are not the JSON of a notebook with cells.
    """
    budget = _Budget(store)
    cells = _without_injected(_cells(content))[:MAX_CELLS]
    return tuple(_cell(index, cell, budget) for index, cell in enumerate(cells))


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Text as a reader of a terminal would have seen it: no escapes, no controls, overwritten lines gone."""
    text = _ESCAPES.sub("", text[: 4 * limit])
    text = "\n".join(_overwritten(line) for line in text.replace("\r\n", "\n").split("\n"))
    return without_place(_SURROGATE.sub("\ufffd", _CONTROL.sub("", text)))[:limit]


def as_run(source: str) -> str:
    """Code as Python takes it: a carriage return ends a line, and no sign in it is obeyed, hidden or left out.

    What a terminal would make of a source is nobody's concern: it runs all the same.
    """
    return _LINE_END.sub("\n", source)


def without_place(text: str) -> str:
    """The same text; of the files of packages, nothing is said but their names below ``site-packages``."""
    return _PACKAGES.sub(r"\1site-packages/", text)


def _overwritten(line: str) -> str:
    """Apply carriage returns: a progress bar leaves its last state."""
    if "\r" not in line:
        return line
    shown = [part for part in line.split("\r") if part.strip("\b ")]
    return shown[-1] if shown else ""


def _cells(content: bytes) -> list[Json]:
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"not the JSON of a notebook: {error}"[:200]) from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise StoreError("JSON, but not an nbformat 4 notebook: it has no list of cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _without_injected(cells: list[Json]) -> list[Json]:
    """Leave out one cell at most: a tag copied on other cells does not hide them."""
    for position, cell in enumerate(cells):
        if _INJECTED in _tags(cell):
            return cells[:position] + cells[position + 1 :]
    return cells


def _tags(cell: Json) -> list[Json]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tags if isinstance(tags, list) else []


class _Budget:
    """What may still be taken in from one notebook."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.text = MAX_TOTAL_TEXT
        self.code = MAX_TOTAL_SOURCE
        self.prose = MAX_TOTAL_SOURCE
        self.images = MAX_IMAGES
        self.effort = pictures.Effort()

    def take_code(self, value: Json) -> tuple[str, int]:
        """The source, and how many characters of it were one too many."""
        whole = as_run(_text(value))
        source = _SURROGATE.sub("\ufffd", whole[: min(MAX_SOURCE, self.code)])
        self.code -= len(source)
        return source, len(whole) - len(source)

    def take_prose(self, value: Json) -> tuple[str, int]:
        """The same of what is not run; of its pictures, whose text nobody reads, a word is left."""
        whole = as_run(_INLINE.sub("data:", _text(value)))
        room = min(MAX_SOURCE, self.prose)
        source = clean(whole[:room], room)
        self.prose -= len(source)
        return source, max(0, len(whole) - room)

    def take(self, value: Json) -> str:
        text = clean(_text(value), min(MAX_TEXT, self.text))
        self.text -= len(text)
        return text

    def drawn(self, output: Output, data: Mapping[str, Json]) -> Output:
        """The output with its picture, as PNG in the store; one that cannot be decoded or is too large is left out."""
        kind = next((kind for kind in pictures.KINDS if kind in data), None)
        if kind is None:
            return output
        self.images -= 1
        made = self._png(_text(data[kind])) if self.images >= 0 else None
        if made is None:
            return replace(output, undrawn=True)
        content, width, height = made
        return replace(output, image=self.store.put(content), width=width, height=height)

    def _png(self, encoded: str) -> tuple[bytes, int, int] | None:
        if len(encoded) > MAX_IMAGE_BYTES * 3 // 2:
            return None
        image = pictures.opened(encoded, self.effort)
        try:
            made = None if image is None else _drawn(image)
        except Exception:  # Pillow promises nothing of files made to break it: what it raises is no fixed list
            return None
        if made is not None:
            self.effort.made(len(encoded) * 3 // 4, len(made[0]))
        return made


def _cell(index: int, cell: Json, budget: _Budget) -> Cell:
    kind = cell.get("cell_type")
    outputs = cell.get("outputs")
    if kind != "code":
        source, beyond = budget.take_prose(cell.get("source"))
        known = CellKind.MARKDOWN if kind == "markdown" else CellKind.RAW
        return Cell(index=index, kind=known, source=source, beyond=beyond)
    source, beyond = budget.take_code(cell.get("source"))
    listed = outputs[:MAX_OUTPUTS] if isinstance(outputs, list) else []
    shown = tuple(_merged(_output(output, budget) for output in listed if isinstance(output, dict)))
    reaching = _OURS.search(_text(cell.get("source"))) is not None
    return Cell(index=index, kind=CellKind.CODE, source=source, outputs=shown, reaching=reaching, beyond=beyond)


def _merged(outputs: Iterable[Output | None]) -> Iterator[Output]:
    """Join neighbouring pieces of one stream: the kernel cuts what was printed as it likes."""
    last: Output | None = None
    for output in outputs:
        if output is None:
            continue
        if last and last.kind == output.kind == "stream" and last.stream == output.stream:
            last = replace(last, text=(last.text + output.text)[:MAX_TEXT])
            continue
        if last:
            yield last
        last = output
    if last:
        yield last


def _output(output: Json, budget: _Budget) -> Output | None:
    kind = output.get("output_type")
    if kind == "stream":
        stream = "stderr" if output.get("name") == "stderr" else "stdout"
        return Output(kind="stream", stream=stream, text=budget.take(output.get("text")))
    if kind == "error":
        traceback = output.get("traceback")
        lines = [_text(line) for line in traceback[:100]] if isinstance(traceback, list) else []
        title = f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
        return Output(kind="error", text=budget.take("\n".join([title, *lines])))
    data = output.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    said = Output(
        kind="result" if kind == "execute_result" else "display",
        # Beside Markdown, the plain text is but the name of an object, which nobody is shown.
        text=budget.take(data.get("text/markdown") or data.get("text/plain")),
        html=budget.take(data.get("text/html")),
    )
    return budget.drawn(said, data)


def _text(value: Json) -> str:
    """nbformat's multi-line string: one string or a list of them; anything else is nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return ""


def _drawn(image: Image.Image) -> tuple[bytes, int, int]:
    """Dots alone: profiles, transparent colours and other remarks of the file would be carried over."""
    drawn = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    drawn.info.clear()
    drawn.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    drawn.save(buffer, format="PNG")
    return buffer.getvalue(), drawn.width, drawn.height
