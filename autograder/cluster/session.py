"""This machine's side: what is not remembered is sent out, and what comes back is remembered."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

from autograder import datasets, errors, keys
from autograder.adapters import adapter
from autograder.budget import Cut
from autograder.cluster import fitness
from autograder.cluster.bundle import Bundle, pack, picked, unpack
from autograder.cluster.crew import Crew, Tell
from autograder.cluster.line import Gone, Line
from autograder.cluster.orders import Answer, Order, Parts, Reply, Terms, Trouble
from autograder.course import Afar, Cancel, Course, Errand, Stage
from autograder.errors import AutograderError, Cancelled, ClusterError
from autograder.pipeline import REPORT_IT, memory_of
from autograder.recall import Key, Memory, blobs
from autograder.records import Baseline, Digest
from autograder.sandbox.job import private
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store

T = TypeVar("T")

_ROUNDS: Final = 6
"""A submission whose trainings are cut takes three: to run it, to make that baseline, to measure."""
_TRIES: Final = 20
"""Replies to one order that are no result: bytes to be sent first, unfit workers."""


class _NotHere(Exception):
    """A room is needed, and rooms are made elsewhere."""


@dataclass
class Nowhere:
    """In place of a sandbox: says which wall the rooms have, and makes none."""

    name: str

    def run(self, room: Room, on_frame: OnFrame, cancelled: Cancel) -> Outcome:
        raise _NotHere


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What a course needs to have its rooms on other machines."""

    afar: Afar
    sandbox: Nowhere
    slots: tuple[str, ...]
    threads: int
    """Notebooks that run at a time, on the workers that were there at the start."""


@contextmanager
def connected(
    address: str, *, wall: str, device: str, workers: int | None, memory_mb: int, tell: Tell, cancelled: Cancel
) -> Iterator[Elsewhere]:
    """Look at the workers of a scheduler, and send them errands until this is left.

    ``wall`` and ``device`` as typed. Raises ConfigError where Dask is not installed or nobody answers at that address,
    and ClusterError where no worker is fit, or when the scheduler was lost meanwhile: what was finished is kept.
    """
    kind = _kind(wall)
    terms = fitness.terms(kind)
    line = Line(address)
    with private() as folder:
        try:
            _warn(address, tell)
            crew = Crew(line, terms, tell)
            plan = crew.plan(device, workers, memory_mb, cancelled)
            session = Session(line, crew, terms, Store(folder), plan.resources)
            yield Elsewhere(afar=session, sandbox=Nowhere(kind), slots=plan.slots, threads=plan.threads)
        except Cancelled:
            if not line.lost:
                raise
        finally:
            line.close()
    if line.lost:
        raise ClusterError(
            "the scheduler is gone",
            place=address,
            remedy="Start it and its workers again; the same command goes on from here.",
        )


def examine(address: str, *, wall: str) -> dict[str, Trouble | None]:
    """Address of each worker -> what keeps it from being given anything; raises ConfigError where nobody answers."""
    line = Line(address)
    try:
        crew = Crew(line, fitness.terms(_kind(wall)), lambda _: None)
        return crew.examined(sorted(line.present()), lambda: False)
    finally:
        line.close()


def _kind(wall: str) -> str:
    """By itself one kind for all: a class has one wall."""
    return "bubblewrap" if wall == "auto" else wall


def _warn(address: str, tell: Tell) -> None:
    url = urlsplit(address)
    if url.scheme != "tls" and not (url.hostname or "").startswith(("127.", "localhost", "::1")):
        tell(
            "note: this connection is neither encrypted nor authenticated, and hidden labels travel over it: use "
            "tls:// outside a network of your own (docs/cluster.md)"
        )


class Session:
    """``course.Afar`` by Dask: one order for each errand, to whichever worker is free and fit."""

    def __init__(self, line: Line, crew: Crew, terms: Terms, shared: Store, resources: Mapping[str, float]) -> None:
        """``shared``: a store for what many orders have in common."""
        self._line, self._crew, self._terms = line, crew, terms
        self._shared, self._resources = shared, resources
        self._packed: dict[str, Digest] = {}
        self._desk = threading.Lock()
        self._supplying: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def __call__(self, errand: Errand, course: Course, work: Callable[[], T], *, stage: Stage, cancelled: Cancel) -> T:
        memory = memory_of(course)
        course = replace(course, memory=memory)
        baselines: dict[float, Baseline | None] = {}
        with course.flights.alone(_question(errand, course)):
            for _ in range(_ROUNDS):
                try:
                    return work()
                except _NotHere:
                    stage("waiting", 0, 0, "")
                order = self._order(errand, course, memory, baselines)
                reply = self._done(order, course, memory, stage, cancelled)
                if reply.ending == "baseline" and course.baseline_for is not None:
                    baselines[reply.share] = course.baseline_for(reply.share, errand.device, cancelled)
        raise ClusterError("what the workers found does not answer the question", remedy=REPORT_IT)

    def _order(
        self, errand: Errand, course: Course, memory: Memory, baselines: Mapping[float, Baseline | None]
    ) -> Order:
        parts = self._parts(course)
        known = () if errand.kind == "run" else tuple(Answer(key=key, names=names) for key, names in memory.answers())
        shared = {parts.data, *parts.files.values(), *blobs(course.baseline), *blobs(tuple(baselines.values()))}
        return Order(
            errand=errand,
            parts=parts,
            terms=self._terms,
            shared=tuple(sorted(shared)),
            baselines=tuple(baselines.items()),
            known=known,
        )

    def _parts(self, course: Course) -> Parts:
        with self._desk:
            name = course.data.card.digest
            if name not in self._packed:
                self._packed[name] = self._shared.put(datasets.packed(course.data), lasting=False)
            for path in course.others.values():
                if path.name not in self._packed:
                    self._packed[path.name] = self._shared.put(path.read_bytes(), lasting=False)
        return Parts(
            rubric=course.rubric,
            card=course.data.card,
            data=self._packed[name],
            others={other: path.name for other, path in course.others.items()},
            files={path.name: self._packed[path.name] for path in course.others.values()},
            template=course.template,
            baseline=course.baseline,
            cuts=course.baseline_for is not None,
            threads=course.threads,
            environment=course.environment,
            secret=course.store.secret().hex(),
        )

    def _done(self, order: Order, course: Course, memory: Memory, stage: Stage, cancelled: Cancel) -> Reply:
        """Send an order until it has a result, and remember what was found."""
        submission = order.errand.submission
        names = {name for name in (submission.notebook, *submission.files.values()) if name is not None}
        names |= {name for answer in order.known for name in answer.names}
        content = pack(adapter(Order).dump_json(order), picked(names - set(order.shared), course.store))
        for _ in range(_TRIES):
            bundle = self._sent(content, stage, cancelled)
            reply = adapter(Reply).validate_json(bundle.head) if bundle else Reply(ending="cancelled")
            if reply.ending == "unfit" and reply.trouble is not None:
                self._crew.refuse(reply.worker, reply.trouble)
            elif reply.ending == "missing":
                self._supply(reply, course, cancelled)
            elif reply.trouble is not None:
                raise _raised(reply.trouble, reply.worker)
            elif bundle is not None and reply.ending in ("done", "baseline"):
                _remember(reply, bundle, course, memory)
                return reply
        raise ClusterError("no worker could take it", place=submission.student, remedy="Look at the workers' logs.")

    def _sent(self, content: bytes, stage: Stage, cancelled: Cancel) -> Bundle | None:
        """None where it has to be sent again."""
        try:
            reply = self._line.carry_out(
                content, only=self._crew.fit(), resources=self._resources, stage=stage, cancelled=cancelled
            )
        except Gone:
            return None
        return unpack(reply)

    def _supply(self, reply: Reply, course: Course, cancelled: Cancel) -> None:
        """Send a worker what it lacks; several orders that found it lacking wait for one another."""
        with self._desk:
            lock = self._supplying[reply.worker]
        try:
            with lock:
                for name in self._line.lacks(reply.missing, reply.worker, cancelled):
                    content = pack(b"{}", picked([name], self._shared, course.store))
                    self._line.give(content, reply.worker, cancelled)
        except Gone:
            return


def _question(errand: Errand, course: Course) -> Key:
    """What two who handed in the same would both send out."""
    cut = Cut(planned_seconds=0.0, share=errand.share)
    key = keys.execution_key(errand.submission, course, errand.seed, errand.device, cut=cut)
    return replace(key, stage=f"errand {errand.kind}")


def _remember(reply: Reply, bundle: Bundle, course: Course, memory: Memory) -> None:
    """What came back is in the store before anything leads to it."""
    for blob in bundle.blobs.values():
        course.store.put(blob)
    for answer in reply.answers:
        for name in answer.names:
            if not course.store.path(name).exists():
                raise ClusterError("a blob is missing from what came back", place=name, remedy="Run again.")
    for answer in reply.answers:
        memory.bring(answer.key, answer.names)


def _raised(trouble: Trouble, address: str) -> AutograderError:
    """As it was raised there, with the worker's address."""
    kind = getattr(errors, trouble.kind, ClusterError)
    place = f"{address}: {trouble.place}" if trouble.place else address
    made: AutograderError = kind(trouble.problem, place=place, remedy=trouble.remedy)
    return made
