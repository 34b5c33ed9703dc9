"""Outputs of cells as a notebook file holds them, and how much of them is too much."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .things import Thing

RICH_FACTOR = 8
"""Pictures and HTML may take so many times the bytes that text may: one plot is worth a thousand lines."""
MESSAGES_FACTOR = 25
"""A progress bar sends a message for each of its steps; they are merged into one output."""
ENTRY_SIZE = 500
"""Of a name in a message beside its letters: it is copied, checked and written several times over."""
ERROR_LENGTH = 500
LONGEST_ERROR = 50_000
"""Characters of an error's message, and as many of its traceback."""

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ERROR_READ = 40_000
_GRAPH = re.compile(r"Graph execution error|\{\{(?:function_)?node ")
_FRAME = re.compile(r"""\s*File "[^"]*", line \d+|Detected at node |\s*node: '""")
_NODE = re.compile(r"\[\[\{\{node [^}]*\}\}\]\]|\{\{(?:function_)?node [^}]*\}\}|\[Op:[^\]]*\](?: name:\s*$)?")
_LOG = re.compile(
    r"^(?:WARNING: All log messages before absl::InitializeLog.*|[IW]\d{4} [\d:.]+ +\d+ [\w./]+\.cc:\d+\] .*)(?:\n|\Z)",
    re.MULTILINE,
)
"""Lines that TensorFlow's C++ side logs as it starts, whatever the student does."""


class Meter:
    """Adds up what a notebook puts out; ``over`` says which cap was passed."""

    def __init__(self, output_mb: int, outputs: int) -> None:
        self._text_left = output_mb << 20
        self._rich_left = RICH_FACTOR * output_mb << 20
        self._outputs_left = outputs
        self._messages_left = MESSAGES_FACTOR * outputs
        self.over = ""

    def count(self, kind: str, content: Mapping[str, Any]) -> bool:
        """Add one message of the kernel; False when it is one too many."""
        size = _size(list(content.values()))
        if kind == "stream":
            self._text_left -= size
            self._messages_left -= 1
        elif kind == "error":
            self._text_left -= size
            self._outputs_left -= 1
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self._rich_left -= size
            self._outputs_left -= 1
        if min(self._text_left, self._rich_left) < 0:
            self.over = "bytes"
        elif min(self._outputs_left, self._messages_left) < 0:
            self.over = "count"
        return not self.over


def _size(value: Thing) -> int:
    """Characters of all the texts and names in a message: whatever is kept of it must count, metadata included."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(ENTRY_SIZE + _size(name) + _size(inner) for name, inner in value.items())
    return sum(map(_size, value)) if isinstance(value, list) else 1


def merged(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream joined, without lines that were overwritten or are TensorFlow's own log."""
    joined: list[dict[str, Any]] = []
    pieces: list[list[str]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] != "stream":
            joined.append(dict(output))
            pieces.append([])
        elif last.get("output_type") == "stream" and last["name"] == output["name"]:
            pieces[-1].append(output["text"])
        else:
            joined.append(dict(output))
            pieces.append([output["text"]])
    for output, parts in zip(joined, pieces, strict=True):
        if parts:
            output["text"] = _LOG.sub("", on_screen("".join(parts)))
    return [output for output, parts in zip(joined, pieces, strict=True) if not parts or output["text"]]


def on_screen(text: str) -> str:
    """What a terminal would still show: of each line, what stands after its last carriage return."""
    text = text.replace("\x08", "")
    if "\r" not in text:
        return text
    return "\n".join(_last(line) for line in text.split("\n"))


def _last(line: str) -> str:
    parts = [part for part in line.split("\r") if part]
    return parts[-1] if parts else ""


def shorten_errors(shell: Thing) -> None:
    """Have IPython send the beginning and the end of an error that is too long to be read: nobody chose its length."""
    send = shell._showtraceback

    def show(kind: type, error: Thing, lines: Thing) -> None:
        told = "\n".join(map(str, lines))
        send(kind, shortened(str(error)), lines if len(told) <= LONGEST_ERROR else [shortened(told)])

    shell._showtraceback = show


def shortened(text: str) -> str:
    end = LONGEST_ERROR // 3
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - end]} … {text[-end:]}"


def error_text(reply: Mapping[str, Any]) -> str | None:
    """``NameError: name 'x' is not defined`` from the kernel's own reply, which no output can hide; None: no error."""
    if reply.get("status") != "error":
        return None
    text = ": ".join(part for part in (reply.get("ename"), reply.get("evalue", "")) if isinstance(part, str))
    return _CONTROL.sub("", _without_graph(text[:_ERROR_READ])).strip()[:ERROR_LENGTH] or "Error"


def _without_graph(text: str) -> str:
    """TensorFlow's own sentence, which stands below a page of frames where an error came up in a graph."""
    if not _GRAPH.search(text):
        return text
    lines = (_NODE.sub("", line) for line in text.split("\n") if not _FRAME.match(line))
    return " ".join(" ".join(lines).split())
