"""A small stand-in for Hugging Face ``datasets``: ``load_dataset`` of the image sets that we have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from ..imports import Actions
from ..network import NoNetwork
from ..things import Thing
from . import classes
from .flow import ClassLabel, rows
from .sets import FAMILIES, family, served

COLUMNS: Mapping[str, tuple[str, str]] = {"cifar10": ("img", "label"), "cifar100": ("img", "fine_label")}
"""Where they are not ``image`` and ``label``."""


def stand_ins(session: Thing) -> Actions:
    def fill(module: ModuleType) -> None:
        def load_dataset(path: str, name: str | None = None, split: Thing = None, **_: Thing) -> Thing:
            return loaded(session, path, split)

        contents = {"load_dataset": load_dataset, "Dataset": Dataset, "DatasetDict": DatasetDict}
        for key, value in contents.items():
            setattr(module, key, value)

    return {"datasets": fill}


def loaded(session: Thing, path: str, split: Thing) -> Thing:
    if family(path) not in FAMILIES:
        raise NoNetwork(f"there is no network here, and load_dataset({path!r}) is not at hand")
    arrays = served(session, path, f"load_dataset({path!r})")
    image, label = COLUMNS.get(family(path), ("image", "label"))
    features = {image: SimpleNamespace(dtype="image"), label: ClassLabel(tuple(classes.NAMES[family(path)]))}
    parts = {
        part: Dataset({image: arrays[f"x_{part}"], label: arrays[f"y_{part}"]}, features, images=(image,))
        for part in ("train", "test")
    }
    if split is None:
        return DatasetDict(parts)
    if isinstance(split, list | tuple):
        return [_part(parts, str(one)) for one in split]
    return _part(parts, str(split))


def _part(parts: Mapping[str, Dataset], split: str) -> Dataset:
    counts = {name: len(part) for name, part in parts.items()}
    chosen = [rows(one, counts) for one in re.split(r"\+", split)]
    pieces = [parts[name].select(range(counts[name])[part]) for name, part in chosen]
    return pieces[0] if len(pieces) == 1 else pieces[0].joined(pieces[1:])


class Dataset:
    """Columns of equal length; images are PIL images unless a format says otherwise."""

    def __init__(
        self, columns: Mapping[str, Any], features: Mapping[str, Any], *, images: Sequence[str] = (), kind: str = ""
    ) -> None:
        self._columns = dict(columns)
        self._images = tuple(name for name in images if name in columns)
        self._kind = kind
        self.features = {name: value for name, value in features.items() if name in columns}
        self.column_names = list(self._columns)
        self.num_rows = self._count()
        self._transform: Callable[[dict[str, Any]], Any] | None = None

    def _count(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"Dataset({{\n    features: {self.column_names},\n    num_rows: {self.num_rows}\n}})"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[row] for row in range(self.num_rows))

    def __getitem__(self, key: Thing) -> Thing:
        if isinstance(key, str):
            return self._shown(key, self._columns[key])
        if isinstance(key, slice):
            return self._taken(range(self.num_rows)[key])
        if isinstance(key, Iterable):
            return self._taken(list(key))
        row = range(self.num_rows)[int(key)]
        taken = self._taken([row])
        return {name: values[0] for name, values in taken.items()}

    def _taken(self, chosen: Sequence[int]) -> Thing:
        taken = {name: self._shown(name, _take(values, chosen)) for name, values in self._columns.items()}
        return taken if self._transform is None else self._transform(taken)

    def _shown(self, name: str, values: Thing) -> Thing:
        import numpy as np

        if self._kind in ("numpy", "np"):
            return np.asarray(values)
        if self._kind in ("tensorflow", "tf"):
            import tensorflow as tf

            return tf.convert_to_tensor(np.asarray(values))
        if self._kind in ("torch", "pt"):
            import torch

            return torch.as_tensor(np.asarray(values).astype(np.int64 if name not in self._images else np.uint8))
        if name in self._images:
            from PIL import Image

            return [Image.fromarray(image) for image in values]
        return values.tolist() if isinstance(values, np.ndarray) else list(values)

    def _like(self, columns: Mapping[str, Any], *, images: Sequence[str] | None = None, kind: str = "") -> Dataset:
        kept = self._images if images is None else images
        return Dataset(columns, self.features, images=kept, kind=kind or self._kind)

    def with_format(self, type: str | None = None, **_: Thing) -> Dataset:
        made = self._like(self._columns)
        made._kind = type or ""
        return made

    def set_format(self, type: str | None = None, **_: Thing) -> None:
        self._kind = type or ""

    def set_transform(self, transform: Callable[[dict[str, Any]], Any]) -> None:
        self._transform = transform

    def with_transform(self, transform: Callable[[dict[str, Any]], Any]) -> Dataset:
        made = self._like(self._columns)
        made.set_transform(transform)
        return made

    def select(self, indices: Sequence[int]) -> Dataset:
        return self._like({name: _take(values, indices) for name, values in self._columns.items()})

    def shuffle(self, seed: int | None = None, **_: Thing) -> Dataset:
        import numpy as np

        return self.select(np.random.default_rng(seed).permutation(self.num_rows))  # type: ignore[arg-type]

    def train_test_split(self, test_size: Thing = 0.25, seed: int | None = None, **_: Thing) -> DatasetDict:
        mixed = self.shuffle(seed)
        count = test_size if isinstance(test_size, int) else round(self.num_rows * test_size)
        cut = self.num_rows - count
        return DatasetDict(train=mixed.select(range(cut)), test=mixed.select(range(cut, self.num_rows)))

    def map(self, function: Callable[..., Any], batched: bool = False, batch_size: int = 1000, **_: Thing) -> Dataset:
        """Columns that the function returns replace those of the same name."""
        gathered: dict[str, list[Any]] = {}
        step = batch_size if batched else 1
        for start in range(0, self.num_rows, step):
            given = self[start : start + step] if batched else self[start]
            for name, values in dict(function(given) or {}).items():
                gathered.setdefault(name, []).extend(values if batched else [values])
        images = [name for name in self._images if name not in gathered]
        return self._like({**self._columns, **gathered}, images=images)

    def rename_column(self, old: str, new: str) -> Dataset:
        renamed = {new if name == old else name: values for name, values in self._columns.items()}
        made = self._like(renamed, images=[new if name == old else name for name in self._images])
        made.features = {new if name == old else name: value for name, value in self.features.items()}
        return made

    def joined(self, others: Sequence[Dataset]) -> Dataset:
        import numpy as np

        columns = self._columns.items()
        return self._like(
            {name: np.concatenate([values, *(other._columns[name] for other in others)]) for name, values in columns}
        )


class DatasetDict(dict[str, Dataset]):
    """What every part can do, done to all parts."""

    def map(self, *arguments: Thing, **keywords: Thing) -> DatasetDict:
        return DatasetDict({name: part.map(*arguments, **keywords) for name, part in self.items()})

    def with_format(self, *arguments: Thing, **keywords: Thing) -> DatasetDict:
        return DatasetDict({name: part.with_format(*arguments, **keywords) for name, part in self.items()})

    def set_format(self, *arguments: Thing, **keywords: Thing) -> None:
        for part in self.values():
            part.set_format(*arguments, **keywords)

    def shuffle(self, *arguments: Thing, **keywords: Thing) -> DatasetDict:
        return DatasetDict({name: part.shuffle(*arguments, **keywords) for name, part in self.items()})


def _take(values: Thing, rows: Sequence[int]) -> Thing:
    if isinstance(values, list):
        return [values[row] for row in rows]
    import numpy as np

    return values[np.asarray(rows, dtype=np.intp)]
