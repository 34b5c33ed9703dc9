"""The worker's side: an order is carried out in rooms on this machine, and what was found goes back.

Nothing of a student's runs in the worker's own process, which makes rooms as ``autograder run`` does.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from autograder import pipeline, reference
from autograder.adapters import adapter
from autograder.cluster import fitness
from autograder.cluster.bundle import Bundle, pack, picked, unpack
from autograder.cluster.orders import Answer, Order, Reply, Terms, Trouble
from autograder.course import BaselineFor, Cancel, Course, Stage
from autograder.datasets import DataSet, room_file, unpacked
from autograder.errors import AutograderError, Cancelled
from autograder.extraction.probing import gallery
from autograder.pipeline import REPORT_IT, Progress
from autograder.program import digest_of
from autograder.recall import Memory
from autograder.records import Baseline, DataCard, Digest
from autograder.sandbox import choose
from autograder.settings import Settings
from autograder.store import WRITING, Store, notice

KEPT_BYTES: Final = 8 * 2**30
"""What a worker keeps of data sets and baselines; the oldest go first, and are sent again when they are needed."""
_ENDING: Final = frozenset({"closing", "closed", "failed", "stopping"})
"""States of a worker that is about to be gone."""
_EVERY: Final = 1.0
"""Seconds between two words about the same stage."""
_opening = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where an order is carried out."""

    folder: Path
    """For what is kept from one order to the next; private, and gone with the worker."""
    worker: str
    """Address."""
    stage: Stage
    cancelled: Cancel


class _Wanting(Exception):
    """The baseline of this share of the trainings is to be made first."""

    def __init__(self, share: float) -> None:
        super().__init__(share)
        self.share = share


# --- tasks of Dask -------------------------------------------------------------------------------------------------


def carry_out(content: bytes, topic: str) -> bytes:
    """An order and its reply, both as bundles; what goes on meanwhile is told under ``topic``."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def cancelled() -> bool:
        # Known here without asking anybody: the task is forgotten when it is cancelled, and when whoever asked is gone.
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled" or worker.status.name in _ENDING

    desk = Desk(
        folder=_folder(worker), worker=worker.address, stage=_telling(worker, topic, str(key)), cancelled=cancelled
    )
    return served(content, desk)


def lacks(names: list[str]) -> list[str]:
    """Which of these this worker does not have."""
    from distributed import get_worker

    return list(_lacking(_kept(_folder(get_worker())), tuple(map(Digest, names))))


def receive(content: bytes) -> None:
    """Keep the blobs of a bundle for the orders to come."""
    from distributed import get_worker

    keep(unpack(content), _kept(_folder(get_worker())))


def _folder(worker: Any) -> Path:  # noqa: ANN401
    folder = Path(worker.local_directory) / "autograder"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _telling(worker: Any, topic: str, key: str) -> Stage:  # noqa: ANN401
    told: dict[str, float] = {}

    def stage(name: str, cell: int, cells: int, text: str) -> None:
        now = time.monotonic()
        if now - told.get(name, 0.0) > _EVERY:
            told[name] = now
            worker.log_event(topic, {"key": key, "worker": worker.address, "told": [name, cell, cells, text]})

    return stage


# --- an order ------------------------------------------------------------------------------------------------------


def served(content: bytes, desk: Desk) -> bytes:
    """The reply to an order; whatever goes wrong is a reply as well."""
    try:
        bundle = unpack(content)
        wanted = json.loads(bundle.head)
        if trouble := fitness.unfit(adapter(Terms).validate_python(wanted["terms"])):
            return _told(Reply(ending="unfit", worker=desk.worker, trouble=trouble))
        if "errand" not in wanted:
            return _told(Reply(ending="done", worker=desk.worker))
        return _answered(adapter(Order).validate_json(bundle.head), bundle, desk)
    except Cancelled:
        return _told(Reply(ending="cancelled", worker=desk.worker))
    except AutograderError as error:
        trouble = Trouble(kind=type(error).__name__, problem=error.problem, place=error.place, remedy=error.remedy)
    except OSError as error:
        trouble = Trouble(kind="OutputError", problem=str(error), place=desk.worker, remedy="Look at that machine.")
    except Exception as error:
        trouble = Trouble(kind="ClusterError", problem=f"{type(error).__name__}: {error}", remedy=REPORT_IT)
    return _told(Reply(ending="failed", worker=desk.worker, trouble=trouble))


def _told(reply: Reply, blobs: Mapping[Digest, bytes] | None = None) -> bytes:
    return pack(adapter(Reply).dump_json(reply), blobs or {})


def _answered(order: Order, bundle: Bundle, desk: Desk) -> bytes:
    kept = _kept(desk.folder)
    if missing := _lacking(kept, order.shared):
        return _told(Reply(ending="missing", worker=desk.worker, missing=missing))
    with tempfile.TemporaryDirectory(dir=desk.folder, prefix="order-") as folder:
        store = Store(Path(folder))
        memory = Memory(store)
        course = replace(_course(order, kept, store), memory=memory)
        _lay_out(order, bundle, kept, store)
        reply = Reply(ending="done", worker=desk.worker)
        try:
            _carry_out(order, course, desk)
        except _Wanting as wanting:
            reply = replace(reply, ending="baseline", share=wanting.share)
        known = {str(answer.key) for answer in order.known}
        found = tuple(Answer(key=key, names=names) for key, names in memory.answers() if str(key) not in known)
        there = {*bundle.blobs, *order.shared, *(name for answer in order.known for name in answer.names)}
        new = {name for answer in found for name in answer.names} - there
        return _told(replace(reply, answers=found), picked(new, store))


def _carry_out(order: Order, course: Course, desk: Desk) -> None:
    """What is found is in the memory of the course."""
    errand = replace(order.errand, device=_device(order.errand.device))

    def tell(progress: Progress) -> None:
        desk.stage(progress.stage, progress.cell, progress.cells, progress.text)

    if errand.kind == "evidence":
        pipeline.evidence_of(errand.submission, course, device=errand.device, tell=tell, cancelled=desk.cancelled)
    elif errand.kind == "run":
        reference.trained(errand, course, tell=tell, cancelled=desk.cancelled)
    else:
        root = course.store.root
        path = root / "reference" / course.rubric.id / "baseline.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(course.store.get(errand.submission.notebook or Digest("")))
        alone = replace(course, slots=(errand.device,))
        places = Settings(root=root, state=root)
        reference.measure(alone, places, errand.seeds, share=errand.share, tell=tell, cancelled=desk.cancelled)


def _device(asked: str) -> str:
    """Of the machine's GPUs the one that this worker was given."""
    if not asked.startswith("gpu"):
        return asked
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    return f"gpu:{first if first.isdecimal() else 0}"


# --- the course ----------------------------------------------------------------------------------------------------


def _course(order: Order, kept: Store, store: Store) -> Course:
    parts = order.parts
    with _opening:
        data = _data(kept.path(parts.data), parts.card)
        shown = kept.root / "data"
        return Course(
            rubric=parts.rubric,
            data=data,
            data_file=room_file(data, shown),
            others={name: _file(shown / file, kept.path(parts.files[file])) for name, file in parts.others.items()},
            sandbox=choose(order.terms.sandbox),
            store=store,
            template=parts.template,
            baseline=parts.baseline,
            baseline_for=_baselines(dict(order.baselines)) if parts.cuts else None,
            threads=parts.threads,
            environment=parts.environment,
        )


@lru_cache(maxsize=4)
def _data(path: Path, card: DataCard) -> DataSet:
    return unpacked(path.read_bytes(), card)


def _file(place: Path, blob: Path) -> Path:
    """A blob under the name by which it is known where the order came from."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(blob, place)
    return place


def _baselines(given: Mapping[float, Baseline | None]) -> BaselineFor:
    def baseline_for(share: float, device: str, cancelled: Cancel) -> Baseline | None:
        if share not in given:
            raise _Wanting(share)
        return given[share]

    return baseline_for


def _lay_out(order: Order, bundle: Bundle, kept: Store, store: Store) -> None:
    """A store of this order alone: what came with it, what it shares, and the images of its class, made once."""
    secret = bytes.fromhex(order.parts.secret)
    (store.root / "secret").write_bytes(secret)
    images = Store(kept.root / "images" / digest_of(secret)[:16])
    with _opening:
        if not (images.root / "secret").exists():
            images.root.mkdir(parents=True, exist_ok=True)
            (images.root / "secret").write_bytes(secret)
        data = _data(kept.path(order.parts.data), order.parts.card)
        rubric = order.parts.rubric
        gallery(data, robustness_images=rubric.robustness_images, seed=rubric.seed, store=images)
        _copy(images, store)
    for name in order.shared:
        if name != order.parts.data and name not in order.parts.files.values():
            _link(kept.path(name), store.path(name))
    for blob in bundle.blobs.values():
        store.put(blob, lasting=False)
    for answer in order.known:
        store.remember(str(answer.key), answer.names[0], answer.names[1:], lasting=False)


def _copy(images: Store, store: Store) -> None:
    """All that is remembered there."""
    for path in (images.root / "memo").glob("*/*"):
        names = () if path.name.startswith(WRITING) else notice(path) or ()
        for name in names:
            _link(images.path(name), store.path(name))
        if names:
            _link(path, store.root / path.relative_to(images.root))


def _link(path: Path, place: Path) -> None:
    """The same bytes at another place, without a copy where the file system can do that."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, place)


# --- what is kept --------------------------------------------------------------------------------------------------


def _kept(folder: Path) -> Store:
    return Store(folder / "kept")


def _lacking(kept: Store, names: tuple[Digest, ...]) -> tuple[Digest, ...]:
    found = []
    for name in names:
        try:
            os.utime(kept.path(name))
        except FileNotFoundError:
            found.append(name)
    return tuple(found)


def keep(bundle: Bundle, kept: Store, *, most: int = KEPT_BYTES) -> None:
    """Take in what was sent, and let go of what was longest of no use where it becomes too much."""
    with _opening:
        for blob in bundle.blobs.values():
            kept.put(blob, lasting=False)
        mine = {kept.path(name) for name in bundle.blobs}
        files = sorted(_files(kept.root), key=lambda found: found[1])
        left = sum(size for _, _, size in files)
        for path, _, size in files:
            if left <= most:
                break
            if path not in mine:
                path.unlink(missing_ok=True)
                left -= size


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Path, when it was last of use, bytes; not what says in which order images are shown."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "secret":
            status = path.stat()
            yield path, status.st_mtime, status.st_size


__all__ = ["KEPT_BYTES", "Desk", "carry_out", "keep", "lacks", "receive", "served"]
