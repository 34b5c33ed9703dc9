"""``pandas.read_csv`` of a published table gives the table at once: a CSV of 100 MB is not written to be read again."""

from __future__ import annotations

import functools
from pathlib import Path
from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .shelf import safely, text_of, there

UNDERSTOOD = frozenset(
    {
        "header",
        "nrows",
        "sep",
        "delimiter",
        "engine",
        "encoding",
        "low_memory",
        "memory_map",
        "compression",
        "index_col",
    }
)
"""Arguments that are honoured without a file; with any other, pandas itself reads a real one."""


def actions(session: Thing) -> Actions:
    """Before pandas exports the function anywhere."""
    return {"pandas.io.parsers.readers": lambda module: install(module, session)}


def install(module: ModuleType, session: Thing) -> None:
    original = module.read_csv

    @functools.wraps(original)
    def read_csv(filepath_or_buffer: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        path = text_of(filepath_or_buffer)
        if not path or there(path):
            return original(filepath_or_buffer, *arguments, **keywords)
        made = None if arguments else safely(session, frame, session, path, keywords)
        if made is not None:
            return made
        file = safely(session, session.shelf.answer, path)
        if isinstance(file, OSError):
            raise file
        return original(filepath_or_buffer if file is None else str(file), *arguments, **keywords)

    module.read_csv = read_csv  # type: ignore[attr-defined]


def frame(session: Thing, path: str, options: Thing) -> Thing:
    """The table as pandas would read it, int64; None when it is no table, or would be read in a way of its own."""
    found = session.shelf.find(path)
    if found is None or found[0].kind not in ("kaggle", "table") or found[0].part == "sample_submission":
        return None
    item, source = found
    if not set(options) <= UNDERSTOOD or options.get("index_col") is not None or not _plain(options, item.style):
        return None
    import numpy as np
    from pandas import DataFrame

    from . import formats

    labels, pixels = formats.rows(item.kind, item.part, source.arrays())
    names = formats.columns(item.style, pixels.shape[1], labelled=labels is not None)
    count = options.get("nrows")
    labels, pixels = None if labels is None else labels[:count], pixels[:count]
    first = 0 if labels is None else 1
    values = np.empty((len(pixels), pixels.shape[1] + first), np.int64)
    values[:, first:] = pixels
    if labels is not None:
        values[:, 0] = labels
    session.adapt("data", f"read_csv({Path(path).name!r})", source.name)
    return DataFrame(values, columns=names or None, copy=False)


def _plain(options: Thing, style: str) -> bool:
    separator = options.get("sep", options.get("delimiter"))
    header = options.get("header", "infer")
    return separator in (None, ",") and (header is None if not style else header in ("infer", 0))
