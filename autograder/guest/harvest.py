"""What is read from the kernel when the notebook has ended: model names, tables, parameters, late predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import prints
from .figures import Figures
from .handover import IMAGES, PARAMETERS
from .ledger import Recorder
from .things import Thing

FRAMES = 30
ROWS = 60
COLUMNS = 20
TEXT = 200
BOUND = 8
"""Models saved only because a variable still holds them: trained by a loop of the student's own."""

DICTIONARIES = (dict, Figures)
"""What is read as a dictionary; not what a student made of one."""

_IPYTHON = ("In", "Out", "exit", "quit", "get_ipython", "open")

Names = Mapping[str, Any]


def harvest(recorder: Recorder, names: Names, parameters: Names) -> None:
    """Write the last ledger, and whether the injected parameters still hold."""
    with recorder.silently():
        recorder.results = {"bindings": bindings(recorder, names), "frames": frames(names)}
        recorder.flush()
        recorder.handover.put_json(PARAMETERS, changed(names, parameters))


def changed(names: Names, parameters: Names) -> list[str]:
    """Injected parameters whose value is another now."""
    return [name for name, value in parameters.items() if not _same(names.get(name), value)]


def _same(found: Thing, wanted: Thing) -> bool:
    """Equal, of the same built-in type throughout: a student's ``__eq__`` is never asked."""
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return bool(found == wanted)


# --- models --------------------------------------------------------------------------------------------------------


def bindings(recorder: Recorder, names: Names) -> dict[str, str]:
    """Variable -> model id; ``results['cnn']`` and ``models[0]`` one level deep."""
    trainer = getattr(sys.modules.get("keras.src.trainers.trainer"), "Trainer", None)
    if trainer is None:
        return {}
    found = {name: value for name, value in _reachable(names) if isinstance(value, trainer)}
    known = {entry["weights"] for entry in (*recorder.trainings, *recorder.evaluations) if entry.get("weights")}
    for model in list(found.values())[:BOUND]:
        recorder._safely(_keep, recorder, model, known)
    return {name: recorder.model_id(model) for name, model in list(found.items())[:200]}


def _keep(recorder: Recorder, model: Thing, known: set[str]) -> None:
    number = recorder.model_id(model)
    name, digest, _ = recorder.keep_model(model, f"bound-{number}.keras")
    if name.startswith("bound") and digest not in known:
        recorder.note(f"{name}: weights of {number} that no fit, evaluate or predict was seen with")


def _reachable(names: Names) -> Iterator[tuple[str, Any]]:
    for name, value in _own(names):
        yield name, value
        if type(value) in DICTIONARIES:
            pairs = list(value.items())[:100]
            yield from ((f"{name}[{key!r}]"[:TEXT], inner) for key, inner in pairs if type(key) in (str, int))
            yield from _deeper(name, pairs)
        elif type(value) in (list, tuple):
            yield from ((f"{name}[{number}]", inner) for number, inner in enumerate(value[:100]))


def _deeper(name: str, pairs: Sequence[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    """``results['cnn']['model']``: the form in which results are most often kept."""
    for key, inner in pairs:
        if type(inner) in DICTIONARIES and type(key) in (str, int):
            inside = list(inner.items())[:20]
            yield from ((f"{name}[{key!r}][{part!r}]"[:TEXT], last) for part, last in inside if type(part) is str)


def _own(names: Names) -> Iterator[tuple[str, Any]]:
    """The notebook's variables, in the order in which they were first set."""
    for name, value in list(names.items()):
        if not name.startswith("_") and name not in _IPYTHON and len(name) <= 100:
            yield name, value


# --- tables --------------------------------------------------------------------------------------------------------


def frames(names: Names) -> list[dict[str, Any]]:
    """``Frame`` records of DataFrames and of dicts and lists of results, with plain values only."""
    found: list[dict[str, Any]] = []
    for name, value in _own(names):
        frame = _frame(value)
        if frame is not None and len(found) < FRAMES:
            found.append({"name": name, **frame})
    return found


def _frame(value: Thing) -> dict[str, Any] | None:
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) is pandas.DataFrame:
        return _data_frame(value)
    if type(value) in DICTIONARIES and value:
        return _from_dict(value)
    if type(value) in (list, tuple) and value:
        return _from_list(value)
    return None


def _from_list(value: Sequence[Any]) -> dict[str, Any] | None:
    """A list of dicts, or of equally long tuples with a name and at least one figure."""
    index = [str(number) for number in range(len(value))]
    if all(type(row) in DICTIONARIES for row in value[:ROWS]):
        return _from_rows(index, value)
    if len(value) > ROWS or not all(type(row) in (tuple, list) and len(row) == len(value[0]) for row in value):
        return None
    rows = [[plain(part) for part in row[:COLUMNS]] for row in value]
    named = all(isinstance(row[0], str) and any(isinstance(part, (int, float)) for part in row) for row in rows if row)
    return _table([str(number) for number in range(len(rows[0]))], index, rows) if rows[0] and named else None


def _data_frame(table: Thing) -> dict[str, Any] | None:
    if not 0 < len(table) <= ROWS:
        return None  # data, not a comparison
    table = table.iloc[:, :COLUMNS]
    return {
        "kind": "dataframe",
        "columns": [_label(column) for column in table.columns],
        "index": [_label(label) for label in table.index],
        "rows": [[plain(value) for value in row] for row in table.itertuples(index=False, name=None)],
    }


def _from_dict(value: dict[Any, Any]) -> dict[str, Any] | None:
    """A dict of dicts (rows), of equally long lists (columns), or of plain values (one column)."""
    if len(value) > ROWS:
        return None
    index, inner = [_label(key) for key in value], list(value.values())
    if all(type(row) in DICTIONARIES for row in inner):
        return _from_rows(index, inner)
    lengths = {len(column) if type(column) in (list, tuple) else -1 for column in inner}
    if len(lengths) == 1 and 0 < (length := lengths.pop()) <= ROWS:
        rows = [[plain(column[number]) for column in inner[:COLUMNS]] for number in range(length)]
        return _table(index[:COLUMNS], [str(number) for number in range(length)], rows)
    return _table(["value"], index, [[plain(item)] for item in inner])


def _from_rows(index: list[str], rows: Sequence[dict[Any, Any]]) -> dict[str, Any] | None:
    rows = rows[:ROWS]
    columns = list(dict.fromkeys(key for row in rows for key in list(row)[:COLUMNS] if type(key) is str))[:COLUMNS]
    cells = [[plain(row.get(column)) for column in columns] for row in rows]
    return _table([_label(column) for column in columns], index[:ROWS], cells)


def _table(columns: list[str], index: list[str], rows: list[list[Any]]) -> dict[str, Any] | None:
    if not any(value is not None for row in rows for value in row):
        return None
    return {"kind": "dict", "columns": columns, "index": index, "rows": rows}


def plain(value: Thing) -> str | int | float | None:
    """A short string, a whole number or a finite float; None for everything else, whose ``repr`` is not asked."""
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is str:
        return value[:TEXT]
    if type(value) in (bool, int):
        return int(value) if abs(value) < 1 << 53 else None
    return prints.finite(value) if type(value) is float else None


def _label(value: Thing) -> str:
    if type(value) is tuple:
        return " ".join(map(_label, value))[:TEXT]
    known = plain(value)
    return "" if known is None else str(known)


# --- late predictions ----------------------------------------------------------------------------------------------


def predict(recorder: Recorder) -> None:
    """Let models that cannot leave the kernel answer for the images that the host has prepared for each."""
    with recorder.silently(), np.load(recorder.handover.folder / IMAGES, allow_pickle=False) as images:
        for number, model in recorder.unsaved.items():
            if number in images.files:
                recorder._safely(_answer, recorder, number, model, images[number])
    recorder.flush()


def _answer(recorder: Recorder, number: str, model: Thing, images: prints.Array) -> None:
    answers = np.asarray(model.predict(images, batch_size=256, verbose=0))
    recorder.handover.put(f"fallback-{number}.npy", prints.npy(answers))
