"""Trainings that took place: what each of them left, under the digest of all that went into it.

A result is kept only where nobody who is graded can have had a hand in it: from a room of our own reference notebooks,
or from a room of our own that was given the description of the training and nothing else. Who asks names what goes
into the training; the key is made here, of that and of what is known here.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from autograder import familiar, parcel
from autograder.errors import StoreError
from autograder.program import code_digest, digest_of, packages
from autograder.records import Json
from autograder.store import Store
from autograder.worth import Worth

_ASIDE: Final = b"set aside"
_PROGRAM: Final = ("guest/recording", "guest/trainer.py", "familiar.py", "parcel.py")
_HEAD: Final = {
    "form": int,
    "model": dict,
    "variables": list,
    "optimizer": list,
    "data": dict,
    "arguments": dict,
    "callbacks": list,
    "seed": int,
    "cut": dict,
    "setting": dict,
}
_CUT: Final = frozenset({"share", "whole_tests", "train_rows", "test_rows", "times"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A training as a room describes it."""

    head: Mapping[str, Json]
    key: str
    short: str
    """By which the room's ledger names it: the first 16 digits of the digest of the question."""

    @property
    def prints(self) -> list[Any]:
        """Of the arrays that go into it, in the order in which they are sent."""
        variables = [list(told[:3]) for told in self.head["variables"]]
        return [*variables, *self.head["optimizer"], *(self.head["data"][name] for name in sorted(self.head["data"]))]


@dataclass(kw_only=True, eq=False)
class Trainings:
    """What is remembered of trainings, and what has been asked about them in this run."""

    store: Store
    audit: float = 0.0
    """Share of the answers that are held against a training that takes place all the same."""
    trusted: bool = False
    """Whether the rooms that ask hold nothing but our own notebooks."""
    worth: Worth = field(default_factory=Worth)
    _desk: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _hits: Counter[str] = field(default_factory=Counter)
    _failed: set[str] = field(default_factory=set)
    """Trainings that could not be carried out elsewhere, in this run."""

    def trusting(self) -> Trainings:
        """The same, for rooms that hold nothing but our own notebooks: nothing of theirs needs to be audited."""
        return replace(self, trusted=True, audit=0.0)

    @contextmanager
    def alone(self, asked: Asked) -> Iterator[None]:
        """Nobody else of this run is at the same training."""
        with self._desk:
            lock = self._locks.setdefault(asked.key, threading.Lock())
        with lock:
            yield

    # --- what is kept ----------------------------------------------------------------------------------------------

    def known(self, asked: Asked) -> bytes | None:
        """What the training left, a parcel; None where it is not known, or must not be used."""
        content = self._recall(_of(asked.key))
        return None if content is None or content == _ASIDE or not fits(content, asked) else content

    def keep(self, asked: Asked, content: bytes) -> bool:
        """Whether it was kept: what was set aside once stays so."""
        if self.is_aside(asked.key) or not fits(content, asked):
            return False
        self.store.remember(_of(asked.key), self.store.put(content))
        return True

    def set_aside(self, key: str) -> None:
        """A result that was found to be another than what the training leaves: nobody is answered with it again."""
        self.store.remember(_of(key), self.store.put(_ASIDE))

    def is_aside(self, key: str) -> bool:
        return self._recall(_of(key)) == _ASIDE

    def _recall(self, name: str) -> bytes | None:
        found = self.store.recall(name)
        try:
            return None if found is None else self.store.get(found)
        except StoreError:  # damaged, and out of the way now: the training takes place again
            return None

    # --- what was asked for ----------------------------------------------------------------------------------------

    def asked_before(self, asked: Asked) -> tuple[int, float]:
        """How often, this time not counted, and how many seconds it took, by what a kernel says; counts this time."""
        with self._desk:
            times, seconds = self._noted(asked.key)
            self._note(asked.key, times + 1, seconds)
        return times, seconds

    def took(self, asked: Asked, seconds: float) -> None:
        """A kernel says how long it took: a claim, by which it is only weighed what is worth a room of its own."""
        with self._desk:
            times, _ = self._noted(asked.key)
            self._note(asked.key, times, seconds)
        self.worth.took(asked.head, seconds)

    def note_failure(self, asked: Asked) -> None:
        """It could not be carried out elsewhere: in this run it is not tried again."""
        self._failed.add(asked.key)

    def has_failed(self, asked: Asked) -> bool:
        return asked.key in self._failed

    def _noted(self, key: str) -> tuple[int, float]:
        try:
            times, seconds = json.loads(self._recall(_note_of(key)) or b"[0, 0.0]")
            return int(times), float(seconds)
        except (ValueError, TypeError):
            return 0, 0.0

    def _note(self, key: str, times: int, seconds: float) -> None:
        content = self.store.put(json.dumps([times, round(seconds, 3)]).encode(), lasting=False)
        self.store.remember(_note_of(key), content, lasting=False)

    def is_audited(self, asked: Asked) -> bool:
        """Whether this answer is one of those that are held against a training; nobody can tell beforehand who has no
        access to the store."""
        with self._desk:
            self._hits[asked.key] += 1
            number = self._hits[asked.key]
        drawn = hashlib.sha256(self.store.secret() + f"audit {asked.key} {number}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") < self.audit * 2.0**64


def _of(key: str) -> str:
    return f"training {key}"


def _note_of(key: str) -> str:
    return f"asked for training {key}"


# --- what is asked -------------------------------------------------------------------------------------------------


def read(body: bytes, *, threads: int, device: str) -> Asked | None:
    """A question as a room sends it; None for what none of our kernels would ask."""
    try:
        head = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(head, dict) or not _is_sound(head) or familiar.stranger(head["model"]):
        return None
    known = {"threads": threads, "device": device, "packages": dict(packages()), "program": code_digest(*_PROGRAM)}
    whole = json.dumps([head, known], sort_keys=True, default=str).encode()
    return Asked(head, digest_of(whole), digest_of(body)[:16])


def _is_sound(head: Mapping[str, Json]) -> bool:
    if head.keys() != _HEAD.keys() or not all(type(head[name]) is kind for name, kind in _HEAD.items()):
        return False
    return (
        head["form"] == 1
        and all(isinstance(one, list) and len(one) == 4 and _is_print(one[:3]) for one in head["variables"])
        and all(map(_is_print, head["optimizer"]))
        and head["data"].keys() <= set(familiar.ARRAYS)
        and all(map(_is_print, head["data"].values()))
        and head["arguments"].keys() <= familiar.ARGUMENTS
        and all(map(_is_callback, head["callbacks"]))
        and head["cut"].keys() == _CUT
    )


def _is_print(told: Json) -> bool:
    if not isinstance(told, list) or len(told) != 3:
        return False
    kind, shape, digest = told
    return (
        isinstance(kind, str)
        and kind in parcel.KINDS
        and isinstance(shape, list)
        and all(type(size) is int and 0 <= size < 1 << 40 for size in shape)
        and isinstance(digest, str)
        and len(digest) == 64
    )


def _is_callback(told: Json) -> bool:
    if not isinstance(told, dict) or told.keys() != {"kind", "settings", "direction"}:
        return False
    kind, settings, direction = told["kind"], told["settings"], told["direction"]
    known = isinstance(kind, str) and kind in familiar.CALLBACKS and isinstance(settings, dict)
    return known and settings.keys() == familiar.SETTINGS[kind] and direction in (None, "less", "greater")


# --- what it left --------------------------------------------------------------------------------------------------


def fits(content: bytes, asked: Asked) -> bool:
    """Whether it can be what this training left: variables of the same kinds and sizes."""
    try:
        values, arrays = parcel.unpacked(content)
        variables, slots, _ = values["variables"]
    except (parcel.Damaged, KeyError, TypeError, ValueError):
        return False
    wanted = [list(told[:2]) for told in (*asked.head["variables"], *asked.head["optimizer"])]
    counts = (len(asked.head["variables"]), len(asked.head["optimizer"]))
    return (variables, slots) == counts and _forms(arrays[: len(wanted)]) == wanted


def seconds_of(content: bytes) -> float:
    """How long the training took."""
    return float(parcel.unpacked(content)[0]["seconds"])


def difference(kept: bytes, trained: bytes) -> float | None:
    """The largest between any two figures or weights of two results; None where these are of another form."""
    try:
        if parcel.forms(kept) != parcel.forms(trained):  # before anything is unpacked
            return None
        (values, arrays), (others, their) = parcel.unpacked(kept), parcel.unpacked(trained)
    except parcel.Damaged:
        return None
    plain = ("variables", "epochs", "steps", "stopped")
    if _forms(arrays) != _forms(their) or any(values.get(name) != others.get(name) for name in plain):
        return None
    figures, theirs = _figures(values), _figures(others)
    if figures.keys() != theirs.keys() or values.get("callbacks") != others.get("callbacks"):
        return None
    apart = [_apart(np.asarray(figures[name]), np.asarray(theirs[name])) for name in figures]
    largest = max([0.0, *apart, *map(_apart, arrays, their)])
    return largest if math.isfinite(largest) else None


def _figures(values: Mapping[str, Json]) -> dict[str, float]:
    epochs = values.get("figures") or ()
    return {f"{number} {name}": float.fromhex(value) for number, epoch in enumerate(epochs) for name, value in epoch}


def _forms(arrays: Sequence[parcel.Array]) -> list[list[Any]]:
    return [[array.dtype.str, list(array.shape)] for array in arrays]


def _apart(one: parcel.Array, two: parcel.Array) -> float:
    if not one.size or one.tobytes() == two.tobytes():
        return 0.0
    apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
    return float(apart.max()) if np.isfinite(apart).all() else math.inf
