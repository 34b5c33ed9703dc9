"""The executed notebook as a file to take home: every part is made anew, and none can act or says what it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import escape

from autograder.feedback import defused, inert, tex
from autograder.messages import exposed, render, visible
from autograder.notebook import pictures
from autograder.notebook.reading import as_run, without_place
from autograder.records import Json, say

ATTACHED: Final = 10 * 2**20
"""Characters of all pictures that are pasted into the text of a notebook."""
WRITTEN: Final = 4_000_000
"""Characters of all sources and texts; nobody reads as much, and hidden ones take eight when they are shown."""
_PASTED = re.compile(r"data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=]+)")
"""A picture in the text itself."""
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
"""What is no base64 could end the attribute that a program puts it into."""
_LEFT_OUT: Final = say("A picture was left out: it is too large, too intricate or damaged.")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[^()\s<>\"'\\]{1,300}")
_METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python"},
}
"""The same for everybody: the notebook's own could name a kernel to be started, hide cells or ask to be trusted."""


def notebook(content: bytes, language: str) -> bytes:
    """The cells with what they put out: of HTML its tables stay, and script, drawings, widgets and unknown forms go."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raw = None
    found = raw.get("cells") if isinstance(raw, dict) else None
    cells = [cell for cell in found if isinstance(cell, dict)] if isinstance(found, list) else []
    copy = _Copy(language)
    whole = {
        "cells": [copy.cell(cell, number) for number, cell in enumerate(cells, start=1)],
        "metadata": _METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False).encode()


class _Copy:
    """What may still be put into one notebook."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._ids: set[str] = set()
        self._attached = ATTACHED
        self._effort = pictures.Effort()
        self._written = WRITTEN

    def cell(self, cell: Mapping[str, Json], number: int) -> Json:
        kind, source = cell.get("cell_type"), self._text(cell.get("source"))
        made: dict[str, Json] = {"id": self._id(cell.get("id"), number), "metadata": {}}
        if kind == "code":
            found = cell.get("outputs")
            outputs = [self._output(one) for one in (found if isinstance(found, list) else ())]
            kept = [output for output in outputs if output is not None]
            count = _count(cell.get("execution_count"))
            return {**made, "cell_type": kind, "execution_count": count, "outputs": kept, "source": exposed(as_run(source))}
        if kind == "markdown":
            attached = self._attachments(cell.get("attachments"))
            held = {"attachments": attached} if attached else {}
            text = _PASTED.sub(lambda found: found[0] if self._fits(found[2], found[1]) else self._left_out(), source)
            if len(attached) < _named(cell.get("attachments")):
                text = f"{text}\n\n{self._left_out()}"
            return {**made, **held, "cell_type": kind, "source": defused.markdown(text)}
        return {**made, "cell_type": "raw", "source": defused.plain(source)}

    def _id(self, stated: Json, number: int) -> str:
        own = stated if isinstance(stated, str) and _ID.fullmatch(stated) else f"cell-{number}"
        chosen = own if own not in self._ids else f"cell-{number}-{len(self._ids)}"
        while chosen in self._ids:
            chosen += "x"
        self._ids.add(chosen)
        return chosen

    def _attachments(self, value: Json) -> dict[str, Json]:
        kept: dict[str, Json] = {}
        for name, bundle in value.items() if isinstance(value, dict) else ():
            held = self._pictures(bundle) if _NAME.fullmatch(name) and visible(name) == name else {}
            size = sum(map(len, held.values()))
            if held and size <= self._attached:
                kept[name] = held
                self._attached -= size
        return kept

    def _pictures(self, bundle: Json) -> dict[str, str]:
        """Those of forms that hold nothing but dots, are what they say, and are no more work than is left."""
        texts = {kind: _joined(bundle[kind]) for kind in pictures.KINDS if kind in bundle} if isinstance(bundle, dict) else {}
        return {kind: text for kind, text in texts.items() if _BASE64.fullmatch(text) and self._fits(text, kind)}

    def _fits(self, encoded: str, kind: str) -> bool:
        return pictures.opened(encoded, self._effort, kind) is not None

    def _left_out(self) -> str:
        return render(_LEFT_OUT, self._language)

    def _output(self, output: Json) -> Json:
        """None for what no program would show."""
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            return {"output_type": kind, "name": name, "text": self._said(output.get("text"))}
        if kind == "error":
            lines = output.get("traceback")
            names = {key: self._said(output.get(key)) for key in ("ename", "evalue")}
            traceback = [self._said(line) for line in lines] if isinstance(lines, list) else []
            return {"output_type": kind, **names, "traceback": traceback}
        data = output.get("data") if kind in ("display_data", "execute_result") else None
        if not isinstance(data, dict):
            return None
        shown = {"output_type": kind, "data": self._data(data), "metadata": {}}
        counted = {"execution_count": _count(output.get("execution_count"))} if kind == "execute_result" else {}
        return {**shown, **counted}

    def _data(self, data: Mapping[str, Json]) -> dict[str, Json]:
        kept: dict[str, Json] = dict(self._pictures(data))
        lost = not kept and any(kind in data for kind in pictures.KINDS)
        told = f"{self._left_out()}\n" if lost else ""
        if table := inert.table(self._text(data.get("text/html"))):
            kept["text/html"] = f"{escape(told)}{tex.drawn(table)}"  # programs set formulas in tables, too
        if lost or "text/plain" in data:
            kept["text/plain"] = told + self._said(data.get("text/plain"))
        if not kept and data:
            kinds = ", ".join(kind[:60] for kind in list(data)[:5])
            acting = say("Left out, because a program could act on it: {kinds}.", kinds=kinds)
            kept["text/plain"] = render(acting, self._language)
        return kept

    def _said(self, value: Json) -> str:
        """Without colours, which not every program turns into colours, and without the folders of this machine."""
        return visible(without_place(inert.settled(self._text(value))))

    def _text(self, value: Json) -> str:
        text = _joined(value)
        kept = text[: self._written]
        self._written -= len(kept)
        return kept if kept == text else kept + render(say(" … The rest was left out."), self._language)


def _named(attachments: Json) -> int:
    return len(attachments) if isinstance(attachments, dict) else 0


def _joined(value: Json) -> str:
    """nbformat's multi-line string: one string or a list of them; anything else is nothing."""
    parts: Sequence[Json] = value if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str))


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None
