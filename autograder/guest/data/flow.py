"""A stand-in for ``tensorflow_datasets``: ``load``, ``builder`` and what notebooks do with them, on our data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

from ..imports import Actions
from ..things import Thing
from . import classes
from .sets import Arrays, chosen, family, refusal, served

PACKAGE = "tensorflow_datasets"
_SLICE = re.compile(r"(\w+)(?:\[(-?\d+)?(%?):(-?\d+)?(%?)\])?")


def stand_ins(session: Thing) -> Actions:
    def fill(module: ModuleType) -> None:
        for name, value in contents(session).items():
            setattr(module, name, value)

    return {PACKAGE: fill, f"{PACKAGE}.public_api": fill}


def contents(session: Thing) -> dict[str, Any]:
    """What the module holds."""

    def builder(name: str, *_: Thing, **__: Thing) -> Builder:
        return Builder(session, name)

    def load(name: str, *, split: Thing = None, **options: Thing) -> Thing:
        made = Builder(session, name)
        wanted = {name: options[name] for name in ("batch_size", "as_supervised", "shuffle_files") if name in options}
        data = made.as_dataset(split=split, **wanted)
        return (data, made.info) if options.get("with_info") else data

    def nothing(*_: Thing, **__: Thing) -> None:
        """Shows nothing; a notebook's own pictures are what counts."""

    return {
        "__version__": "4.9.9",
        "load": load,
        "builder": builder,
        "as_numpy": as_numpy,
        "as_dataframe": as_dataframe,
        "show_examples": nothing,
        "visualization": SimpleNamespace(show_examples=nothing, show_statistics=nothing),
        "disable_progress_bar": nothing,
        "enable_progress_bar": nothing,
        "list_builders": lambda: sorted(classes.NAMES),
        "Split": SimpleNamespace(TRAIN="train", TEST="test", ALL="all", VALIDATION="validation"),
    }


class Builder:
    """What ``tfds.builder`` gives; nothing has to be prepared."""

    def __init__(self, session: Thing, name: str) -> None:
        self.name = family(name.partition(":")[0].partition("/")[0])
        self._session = session
        source = chosen(session, self.name)
        if source is None:
            raise refusal(session, self.name)
        self._arrays: Arrays = served(session, self.name, f"tfds.load({name!r})")
        self.info = info(self.name, self._arrays)

    def download_and_prepare(self, *_: Thing, **__: Thing) -> None:
        """It is all here."""

    def as_dataset(
        self,
        split: Thing = None,
        *,
        batch_size: int | None = None,
        shuffle_files: bool = False,
        as_supervised: bool = False,
        **_: Thing,
    ) -> Thing:
        if split is None:
            split = {name: name for name in ("test", "train")}
        if isinstance(split, Mapping):
            return {
                name: self.as_dataset(part, batch_size=batch_size, as_supervised=as_supervised)
                for name, part in split.items()
            }
        if isinstance(split, list | tuple):
            return type(split)(
                self.as_dataset(part, batch_size=batch_size, as_supervised=as_supervised) for part in split
            )
        return self._dataset(str(split), batch_size, as_supervised)

    def _dataset(self, split: str, batch_size: int | None, as_supervised: bool) -> Thing:
        import tensorflow as tf

        examples = self._examples(split)
        content: Any = (examples["image"], examples["label"]) if as_supervised else examples
        if batch_size == -1:
            return tf.nest.map_structure(tf.convert_to_tensor, content)
        data = tf.data.Dataset.from_tensor_slices(content)
        return data if batch_size is None else data.batch(batch_size)

    def _examples(self, split: str) -> dict[str, Any]:
        import numpy as np

        parts = [rows(part, self.info.counts) for part in split.split("+")]
        images = np.concatenate([self._arrays[f"x_{name}"][part] for name, part in parts])
        labels = np.concatenate([self._arrays[f"y_{name}"][part] for name, part in parts])
        if self.name in ("cifar10", "cifar100"):
            numbers = [(name, number) for name, part in parts for number in range(self.info.counts[name])[part]]
            named = np.array([f"{name}_{number + 1:05d}".encode() for name, number in numbers])
            coarse = {"coarse_label": np.array(classes.COARSE_OF_FINE)[labels]} if self.name == "cifar100" else {}
            return {"id": named, "image": images, "label": labels.astype(np.int64), **coarse}
        return {"image": images[..., None], "label": labels.astype(np.int64)}


def rows(split: str, counts: Mapping[str, int]) -> tuple[str, slice]:
    """``train[:80%]`` as the name of a part and rows of it; percentages are rounded to the closest row."""
    hit = _SLICE.fullmatch(re.sub(r"\s|_(?=\d)", "", split))
    if hit is None or hit[1] not in counts:
        raise ValueError(f"Unknown split {split!r}. Should be one of {sorted(counts)}.")
    count = counts[hit[1]]
    ends = [
        None if not text else round(int(text) * count / 100) if percent else int(text)
        for text, percent in ((hit[2], hit[3]), (hit[4], hit[5]))
    ]
    return hit[1], slice(*ends)


class Info:
    """What ``with_info`` gives."""

    def __init__(self, name: str, counts: Mapping[str, int], features: Mapping[str, Any]) -> None:
        self.name = name
        self.full_name = f"{name}/3.0.1"
        self.version = "3.0.1"
        self.description = f"{name}, as served in this run"
        self.citation = self.homepage = ""
        self.supervised_keys = ("image", "label")
        self.counts = counts
        self.features = features
        self.splits = Splits(counts)
        self.dataset_size = self.download_size = 0

    def __repr__(self) -> str:
        return f"tfds.core.DatasetInfo(name={self.name!r}, splits={dict(self.counts)}, features={self.features})"


class Splits(dict[str, SimpleNamespace]):
    """Also answers for slices: ``info.splits['train[:80%]'].num_examples``."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        super().__init__({name: SimpleNamespace(name=name, num_examples=count) for name, count in counts.items()})
        self._counts = counts

    def __missing__(self, split: str) -> SimpleNamespace:
        parts = [rows(part, self._counts) for part in split.split("+")]
        count = sum(len(range(self._counts[name])[part]) for name, part in parts)
        return SimpleNamespace(name=split, num_examples=count)


class ClassLabel:
    """The feature of labels."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = list(names)
        self.num_classes = len(names)
        self.shape: tuple[int, ...] = ()
        self.dtype = "int64"

    def int2str(self, value: Thing) -> str:
        return self.names[int(value)]

    def str2int(self, value: str) -> int:
        return self.names.index(value)

    def __repr__(self) -> str:
        return f"ClassLabel(shape=(), dtype=int64, num_classes={self.num_classes})"


def info(name: str, arrays: Arrays) -> Info:
    shape = arrays["x_train"].shape[1:]
    image = SimpleNamespace(shape=shape if len(shape) == 3 else (*shape, 1), dtype="uint8")
    counts = {part: len(arrays[f"y_{part}"]) for part in ("test", "train")}
    return Info(name, counts, {"image": image, "label": ClassLabel(tuple(classes.NAMES[name]))})


def as_numpy(data: Thing) -> Thing:
    """Tensors as arrays, data sets as iterators of arrays, whatever holds them."""
    if isinstance(data, Mapping):
        return {name: as_numpy(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(as_numpy(value) for value in data)
    if hasattr(data, "as_numpy_iterator"):
        return _Arrays(data)
    return data.numpy()


class _Arrays:
    """Begins anew each time it is gone through."""

    def __init__(self, data: Thing) -> None:
        self._data = data

    def __iter__(self) -> Iterator[Any]:
        return iter(self._data.as_numpy_iterator())

    def __len__(self) -> int:
        return len(self._data)


def as_dataframe(data: Thing, info: Thing = None) -> Thing:
    from pandas import DataFrame

    examples = list(data.as_numpy_iterator())
    if examples and isinstance(examples[0], tuple):
        return DataFrame(examples, columns=["image", "label"])
    return DataFrame(examples)
