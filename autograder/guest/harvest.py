"""What is read from the kernel when the notebook has ended: model names, tables, parameters, late predictions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .dated.figures import Figures
from .handover import IMAGES, PARAMETERS
from .pytorch import nets
from .recording import models, prints
from .recording.ledger import Recorder
from .things import Thing

FRAMES = 30
ROWS = 60
COLUMNS = 20
TEXT = 200
BATCH = 1000
BATCH_BYTES = 64 << 20
HELD = 30
"""Models looked at because something still holds them, the last ones: trained in a way that nobody saw, it may be."""
NAMED = 10
"""Variables that are named."""
DEPTH = 3
"""Steps from a variable to a model: ``study.results['cnn']['model']``."""
LOOKED = 3000

_PLAIN = ("builtins", "keras", "tensorflow", "numpy", "pandas", "matplotlib", "torch", "torchvision")
"""Packages whose objects are not looked into."""
_HOLDING = ("model", "model_", "best_model", "best_estimator_", "estimator")
"""Attributes of wrappers and searches."""
DICTIONARIES = (dict, Figures)
"""What is read as a dictionary; not what a student made of one."""

_IPYTHON = ("In", "Out", "exit", "quit", "get_ipython", "open")

Names = Mapping[str, Any]


def harvest(recorder: Recorder, names: Names, parameters: Names, loops: Thing = None) -> None:
    """Write the last ledger, and whether the injected parameters still hold; ``loops`` knows PyTorch's models."""
    with recorder.silently():
        recorder.results = {"bindings": bindings(recorder, names, loops), "frames": frames(names)}
        recorder.results["answering"] = answering(recorder, loops)
        recorder.results["unrecorded"] = unrecorded(recorder, names)
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


def bindings(recorder: Recorder, names: Names, loops: Thing = None) -> dict[str, str]:
    """Variable -> model id; also ``results['cnn']``, ``runs['cnn']['model']``, ``study.best_model`` and the like."""
    trainers = tuple(recorder.trainers)
    kinds = trainers if loops is None else (*trainers, loops.kind())
    if not kinds:
        return {}
    reach = _Reach(kinds, lambda value: _is_own(value, recorder))
    found = dict(reach.named(names))
    if loops is not None:
        found = recorder._safely(loops.known, found) or {}
    held = list({id(model): model for model in found.values()}.values())
    recorder.keep.bound = {recorder.model_id(model) for model in held}
    for model in held[-HELD:]:
        if isinstance(model, trainers):
            recorder._safely(_keep, recorder, model)
    return {name: recorder.model_id(model) for name, model in list(found.items())[:200]}


def unrecorded(recorder: Recorder, names: Names) -> list[str]:
    """Variables with models of a Keras on which no hook was laid."""
    trainers = tuple(recorder.trainers)
    return [name for name, value in _own(names) if _trains(type(value)) and not isinstance(value, trainers)][:NAMED]


def _trains(kind: type) -> bool:
    bases = ((base.__module__, base.__name__) for base in kind.__mro__)
    return any(name == "Trainer" and str(module).endswith(".src.trainers.trainer") for module, name in bases)


def answering(recorder: Recorder, loops: Thing = None) -> dict[str, str]:
    """Id of each model that stays in the kernel -> digest of the weights with which it will answer there."""
    found: dict[str, str] = {}
    for number, model in recorder.keep.unsaved.items():
        ours = loops is not None and isinstance(model, loops.kind())
        promised = loops.answering.get(number) if ours else None
        found[number] = promised or recorder._safely(nets.weights if ours else models.weights, model) or ""
    return found


def _keep(recorder: Recorder, model: Thing) -> None:
    known = {entry["weights"] for entry in (*recorder.trainings, *recorder.evaluations) if entry.get("weights")}
    number = recorder.model_id(model)
    name, digest, _ = recorder.keep.model(model, f"bound-{number}.keras")
    if name.startswith("bound") and digest not in known:
        recorder.note(f"{name}: weights of {number} that no fit, evaluate or predict was seen with")


def _is_own(value: Thing, recorder: Recorder) -> bool:
    """Whether its class is the student's."""
    module = type(value).__module__
    file = getattr(sys.modules.get(module), "__file__", None)
    return module == "__main__" or (isinstance(file, str) and recorder._is_student(file))


class _Reach:
    """Models that can be got at from the notebook's variables, in few steps."""

    def __init__(self, kinds: tuple[type, ...], is_own: Callable[[Any], bool]) -> None:
        self._kinds = kinds
        self._is_own = is_own
        self._looked: set[int] = set()

    def named(self, names: Names) -> Iterator[tuple[str, Any]]:
        for name, value in _own(names):
            yield from self._within(name, value, DEPTH)

    def _within(self, name: str, value: Thing, depth: int) -> Iterator[tuple[str, Any]]:
        if isinstance(value, self._kinds):
            yield name[:TEXT], value
        elif depth and id(value) not in self._looked and len(self._looked) < LOOKED:
            for part, inner in self._parts(value):
                yield from self._within(name + part, inner, depth - 1)

    def _parts(self, value: Thing) -> list[tuple[str, Any]]:
        if type(value) in DICTIONARIES:
            parts = [(f"[{key!r}]", inner) for key, inner in list(value.items())[:100] if type(key) in (str, int)]
        elif type(value) in (list, tuple):
            parts = [(f"[{number}]", inner) for number, inner in enumerate(value[:100])]
        else:
            parts = self._attributes(value)
        if parts:
            self._looked.add(id(value))
        return parts

    def _attributes(self, value: Thing) -> list[tuple[str, Any]]:
        """All that the student's own objects hold; of a library's, what is known to hold a model."""
        if isinstance(value, type) or type(value).__module__.partition(".")[0] in _PLAIN:
            return []
        held = getattr(value, "__dict__", None)
        if type(held) is not dict:
            return []
        wanted = list(held)[:100] if self._is_own(value) else [name for name in _HOLDING if name in held]
        return [(f".{name}", held[name]) for name in wanted if type(name) is str]


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
    """Let models that cannot leave the kernel answer for the host's images, each prepared by the model's own recipe."""
    with recorder.silently(), np.load(recorder.handover.folder / IMAGES, allow_pickle=False) as asked:
        images = asked["images"]
        for number, model in recorder.keep.unsaved.items():
            if number in asked.files:
                recorder._safely(_answer, recorder, number, model, images, json.loads(asked[number].tobytes()))
    recorder.flush()


def _answer(recorder: Recorder, number: str, model: Thing, images: prints.Array, steps: Thing) -> None:
    from .preprocessing import apply  # type: ignore[import-not-found, import-untyped, unused-ignore]  # the host's own, sent along

    size = max(1, min(BATCH, BATCH_BYTES // max(1, apply(steps, images[:1]).nbytes)))
    batches = (apply(steps, images[start : start + size]) for start in range(0, len(images), size))
    answers = np.concatenate([_forward(recorder, number, model, batch) for batch in batches])
    recorder.handover.put(f"fallback-{number}.npy", prints.npy(answers.reshape(len(images), -1)))


def _forward(recorder: Recorder, number: str, model: Thing, batch: prints.Array) -> prints.Array:
    answer = recorder.answers.get(number)
    made = model.predict(batch, batch_size=256, verbose=0) if answer is None else answer(number, model, batch)
    return np.asarray(made)
