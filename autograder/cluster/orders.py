"""What is asked of a worker, and what it answers: plain records that travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from autograder.course import Errand
from autograder.recall import Key
from autograder.records import Baseline, DataCard, Digest, Rubric, record


@record
class Terms:
    """What must be so on a worker, for its results to be those of this machine."""

    program: str
    """Digest of our sources."""
    packages: Mapping[str, str]
    """Python and the packages of others: name -> version."""
    sandbox: str


@record
class Parts:
    """What a course is made of on the other side."""

    rubric: Rubric
    card: DataCard
    data: Digest
    """``datasets.packed``: hidden images and labels are among them."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Further sets: name -> name of the file that rooms see of it."""
    files: Mapping[str, Digest] = field(default_factory=dict)
    """Name of such a file -> its bytes."""
    template: tuple[str, ...] = ()
    baseline: Baseline | None = None
    cuts: bool = False
    """Whether there are baselines of smaller shares."""
    threads: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    """Of this machine's store, in hexadecimal digits: the order of hidden images follows from it."""


@record
class Answer:
    """One entry of the memory."""

    key: Key
    names: tuple[Digest, ...]
    """The bytes of the answer, then all that belongs to it."""


@record
class Order:
    errand: Errand
    parts: Parts
    terms: Terms
    shared: tuple[Digest, ...] = ()
    """What a worker keeps from one order to the next, and is sent only when it lacks it."""
    baselines: tuple[tuple[float, Baseline | None], ...] = ()
    """Of smaller shares than the whole, those that are known to be needed; None: the assignment has none."""
    known: tuple[Answer, ...] = ()
    """What is remembered of it already."""


@record
class Trouble:
    """An exception of ours, to be raised again where the order came from."""

    kind: str
    """Name of its class in ``errors``."""
    problem: str
    place: str = ""
    remedy: str = ""


@record
class Reply:
    ending: str
    """``done``; ``missing``: bytes that are to be sent first; ``baseline``: of this share, that is to be made first;
    ``unfit``: the worker does not keep the terms; ``failed``; ``cancelled``."""
    worker: str = ""
    """Address."""
    answers: tuple[Answer, ...] = ()
    missing: tuple[Digest, ...] = ()
    share: float = 1.0
    trouble: Trouble | None = None
