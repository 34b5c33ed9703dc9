"""PyTorch's DataLoader, one iteration at a time: which batch a model is about to see, and how many there are to be.

Batches are loaded in the kernel's own process: worker processes need shared memory and a share of the processes that a
room allows, and change nothing about the data.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any, Protocol

from ..things import Thing

LARGE_SHARE = 0.3
"""Of the served training rows: a data set at least this long is taken to be made from them as a whole."""

REHEARSED_STEPS = 6
REHEARSED_EPOCHS = 3
FEWEST_STEPS = 2
"""From one batch to the next is a pace; one batch is none."""
_AUGMENTING = re.compile(r"^Random|^ColorJitter$|AugMix|AutoAugment|TrivialAugment|ElasticTransform|MixUp|CutMix")
_ALONE: Mapping[str, Any] = {
    "num_workers": 0,
    "prefetch_factor": None,
    "persistent_workers": False,
    "timeout": 0,
    "multiprocessing_context": None,
}


class Feed:
    """One iteration over a loader."""

    def __init__(self, loader: Thing, job: Mapping[str, Any], before: int = 0) -> None:
        """``before``: iterations over the same data before this one."""
        self.loader = loader
        self.rehearsal = bool(job.get("rehearsal"))
        self.stride = stride(loader, job)
        """So many times fewer batches show each image of a small data set once."""
        share = float(job.get("share", 1.0))
        self.limit = rehearsed(before) if self.rehearsal else limit(loader, share / self.stride)
        """After so many batches a training has seen enough of this epoch; None: never."""
        self.given = 0
        """Batches so far."""
        self.steps = 0
        """Steps of an optimiser that were taken on them."""
        self.rows = 0
        """Of the last batch."""
        self.labels: Thing = None
        self.ended = False
        self.times: list[float] = []
        """When each batch was given, in a rehearsal."""

    def full(self) -> bool:
        """What evaluates is never cut but in a rehearsal."""
        return self.limit is not None and (self.steps > 0 or self.rehearsal) and self.given >= self.limit

    def take(self, batch: Thing) -> None:
        parts = list(batch.values()) if isinstance(batch, Mapping) else batch
        self.given += 1
        if self.rehearsal:
            self.times.append(time.monotonic())
        self.rows, self.labels = 0, None
        if isinstance(parts, (tuple, list)) and parts:
            self.rows = _length(parts[0])
            self.labels = next((part for part in parts[1:] if _length(part) == self.rows and _is_label(part)), None)


class Watcher(Protocol):
    """Who is told of batches."""

    def fed(self, feed: Feed) -> None: ...

    def exhausted(self, feed: Feed) -> None: ...


def _length(part: Thing) -> int:
    shape = getattr(part, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) else 0


def _is_label(part: Thing) -> bool:
    return len(part.shape) <= 2


def rows(loader: Thing) -> int:
    """Images of an epoch; 0 when it cannot be known."""
    try:
        return len(loader.sampler) if loader.batch_sampler is not None else len(loader)
    except (TypeError, NotImplementedError):  # a stream
        return 0


def count(loader: Thing) -> int:
    """Batches of an epoch; 0 when it cannot be known."""
    try:
        return len(loader)
    except TypeError:  # a stream
        return 0


def pace(feeds: Sequence[Feed]) -> float:
    """Median of the seconds from one batch to the next, in a rehearsal."""
    gaps = sorted(after - before for feed in feeds for before, after in pairwise(feed.times))
    return gaps[len(gaps) // 2] if gaps else 0.0


def size(loader: Thing) -> int | None:
    found = getattr(loader, "batch_size", None)
    return found if isinstance(found, int) else None


def augmentations(loader: Thing) -> list[str]:
    """Transforms of torchvision's that change an image at random, by class name."""
    found: list[Any] = []
    data = loader.dataset
    for _ in range(5):  # subsets of subsets
        found += _opened(getattr(data, "transform", None), 3)
        data = getattr(data, "dataset", None)
    names = (type(one).__name__[:100] for one in found)
    return sorted({name for name in names if _AUGMENTING.search(name)})[:20]


def _opened(transform: Thing, depth: int) -> list[Any]:
    inner = getattr(transform, "transforms", None)
    if depth == 0 or not isinstance(inner, (list, tuple)):
        return [transform]
    return [transform, *(part for one in inner[:50] for part in _opened(one, depth - 1))]


def install(module: ModuleType, session: Thing, watcher: Watcher) -> None:
    """Into ``torch.utils.data.dataloader``, at its import."""
    loader, iterator = module.DataLoader, module._BaseDataLoaderIter
    feeds: weakref.WeakKeyDictionary[Thing, Feed] = weakref.WeakKeyDictionary()
    begun: dict[int, int] = {}
    begin, advance = loader.__iter__, iterator.__next__

    @functools.wraps(begin)
    def __iter__(self: Thing) -> Thing:
        found = begin(self)
        before = begun.get(id(self.dataset), 0)
        begun[id(self.dataset)] = before + 1
        feeds[found] = Feed(self, session.job, before)
        return found

    @functools.wraps(advance)
    def __next__(self: Thing) -> Thing:
        __tracebackhide__ = True
        feed = feeds.get(self)
        if feed is None:
            return advance(self)
        if feed.full():
            watcher.exhausted(feed)
            raise StopIteration
        try:
            batch = advance(self)
        except StopIteration:
            watcher.exhausted(feed)
            raise
        feed.take(batch)
        watcher.fed(feed)
        return batch

    def following(self: Thing) -> Thing:
        session.adapt("spelling", "dataiter.next()", "next(dataiter)")
        return next(self)

    loader.__init__ = alone(loader.__init__, session)
    loader.__iter__, iterator.__next__ = __iter__, __next__
    if not hasattr(iterator, "next"):
        iterator.next = following


def alone(original: Callable[..., Any], session: Thing) -> Callable[..., Any]:
    """``DataLoader.__init__`` without worker processes."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def __init__(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        try:
            given = signature.bind(self, *arguments, **keywords).arguments
        except TypeError:  # the call itself says so better
            original(self, *arguments, **keywords)
            return
        workers = given.get("num_workers", 0)
        if isinstance(workers, int) and workers > 0:
            given.update({name: value for name, value in _ALONE.items() if name in given})
            session.adapt("absent", f"DataLoader(num_workers={workers})", "DataLoader(num_workers=0)")
        if given.get("pin_memory") and not sys.modules["torch"].cuda.is_available():
            given["pin_memory"] = False  # which would be a warning and nothing else
        given.pop("self", None)
        dataset = given.pop("dataset")
        original(self, dataset, **given)

    return __init__


def stride(loader: Thing, job: Mapping[str, Any]) -> int:
    """How often the images of a large training set are repeated, where batches are drawn at random."""
    large = _is_random(loader) and rows(loader) >= LARGE_SHARE * job["train_rows"]
    return int(job["stride"]) if large else 1


def limit(loader: Thing, share: float) -> int | None:
    """How many batches are this share of an epoch; None for all of them, or when their number cannot be known."""
    total = count(loader)
    return max(1, math.ceil(share * total)) if share < 1 and total else None


def rehearsed(before: int) -> int:
    """Batches of an epoch of a rehearsal: the first over some data show the pace best, but another model may come."""
    return REHEARSED_STEPS if before < REHEARSED_EPOCHS else FEWEST_STEPS


def _is_random(loader: Thing) -> bool:
    return "Random" in type(getattr(loader, "sampler", None)).__name__
