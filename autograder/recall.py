"""What was found out before: answered from the store, and where it is not, said which part of the question is new."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from autograder.errors import StoreError
from autograder.records import Digest, Json, record
from autograder.store import Store, memo

T = TypeVar("T")

_LEADING = ("execution", "evidence")
"""Stages that ask about others only when they are carried out themselves."""


@dataclass(frozen=True, slots=True)
class Key:
    """All that a result depends on, in parts, so that the one that differs can be named."""

    stage: str
    parts: tuple[tuple[str, str], ...]
    """Name of the part, and a digest of it."""
    label: str = ""
    """Tells apart what is asked about in one stage; the answer does not depend on it."""

    def __str__(self) -> str:
        return self.stage + json.dumps(self.parts)

    @property
    def mark(self) -> str:
        """As good as the whole, and short: thousands of them are kept."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    def differing(self, former: Mapping[str, str]) -> tuple[str, ...]:
        """Names of the parts that are not as they were."""
        now = dict(self.parts)
        return tuple(sorted(name for name in now.keys() | former.keys() if now.get(name) != former.get(name)))


def key(stage: str, **parts: Json) -> Key:
    """From anything that JSON can hold; what it cannot is taken by its text."""
    return Key(stage, tuple((name, _short(value)) for name, value in sorted(parts.items())))


def _short(value: Json) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@record
class Recall:
    """Whether one result was there already."""

    stage: str
    """``execution``, ``rehearsal``, ``measurement/<model>``, ``evidence``, ``grade`` ..."""
    reused: bool
    why: tuple[str, ...] = ()
    """Why it was not: ``new``, ``forced``, ``lost`` (from the store), else the parts of the key that changed."""


class Flights:
    """Of one run: what was made in it, and what is being made, so that whoever asks the same meanwhile waits for it."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self._desk = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def alone(self, key: Key) -> Iterator[None]:
        """Nobody else of this run is at the same question."""
        with self._desk:
            lock = self._locks.setdefault(key.mark, threading.Lock())
        with lock:
            yield


class Memory:
    """What is remembered for one submission, and what its latest grading rested on."""

    def __init__(self, store: Store, name: str = "", *, force: bool = False, flights: Flights | None = None) -> None:
        """Without a ``name`` nothing is known of a latest grading; with ``force`` only what was made in this run."""
        self._store, self._name, self._force = store, name, force
        self._flights = flights or Flights()
        trace = store.trace(name) if name else None
        self._former, self._held = _entries(trace, "parts"), _entries(trace, "memos")
        self._parts: dict[str, Mapping[str, str]] = {}
        self._memos: dict[str, list[str]] = {}
        self._recalls: dict[str, Recall] = {}
        self._asked: dict[str, Key] = {}
        self._brought: set[str] = set()

    @property
    def recalls(self) -> tuple[Recall, ...]:
        """One for each stage that was asked about."""
        return tuple(self._recalls.values())

    def known(self, key: Key, adapter: TypeAdapter[T]) -> T | None:
        """The result; None where it is not remembered, not whole any more, or must not be used."""
        found = None if self._barred(key) else self._store.recall(str(key))
        result = None if found is None else self._read(found, adapter)
        self.note(key, reused=result is not None)
        return result

    def keep(self, key: Key, adapter: TypeAdapter[T], result: T) -> None:
        content = self._store.put(adapter.dump_json(result))
        self._store.remember(str(key), content, frozenset(blobs(result)))
        self._flights.made.add(key.mark)

    def bring(self, key: Key, names: Sequence[Digest]) -> None:
        """An answer that another machine has just found, the first of ``names``, and all that belongs to it."""
        self._store.remember(str(key), names[0], names[1:])
        self._flights.made.add(key.mark)
        self._brought.add(str(key))
        self.note(key, reused=False)

    def answers(self) -> Iterator[tuple[Key, tuple[Digest, ...]]]:
        """What it was asked and can answer by now: the bytes of the answer first, then all that belongs to it."""
        for key in list(self._asked.values()):
            if not self._barred(key) and (names := self._store.needs(str(key))):
                yield key, names

    def note(self, key: Key, *, reused: bool) -> None:
        """Take down how a stage was answered; of several questions about one thing the last counts."""
        name = _name(key)
        reused = reused and str(key) not in self._brought
        self._asked[str(key)] = key
        self._recalls[name] = Recall(stage=name, reused=reused, why=() if reused else self._why(name, key))
        self._parts[name] = dict(key.parts)
        self._memos.setdefault(name, []).append(memo(str(key)))

    def same(self, key: Key) -> bool:
        """Whether the latest grading rested on just this."""
        return not self._force and self._former.get(_name(key)) == dict(key.parts)

    def former(self, key: Key, adapter: TypeAdapter[T]) -> T | None:
        """What the latest grading found at this stage, whatever it depended on."""
        held = self._held.get(_name(key))
        found = self._store.noted(str(held[-1])) if isinstance(held, list) and held else None
        return None if found is None else self._read(found, adapter)

    def differing(self, key: Key) -> tuple[str, ...]:
        """Parts of the key that were others then; all of them where nothing is known of a latest grading."""
        parts = self._former.get(_name(key))
        return key.differing(parts if isinstance(parts, dict) else {})

    def close(self) -> None:
        """From now on, this is the latest grading; what was not asked about this time rests on what it did."""
        if not self._name:
            return
        anew = any(not recall.reused for recall in self._recalls.values() if recall.stage in _LEADING)
        held = {name: known for name, known in self._held.items() if not anew and isinstance(known, list)}
        trace = {"parts": {**self._former, **self._parts}, "memos": {**held, **self._memos}}
        self._store.leave(self._name, json.dumps(trace, sort_keys=True).encode())

    def _barred(self, key: Key) -> bool:
        return self._force and key.mark not in self._flights.made

    def _read(self, found: Digest, adapter: TypeAdapter[T]) -> T | None:
        try:
            return adapter.validate_json(self._store.get(found))
        except (StoreError, ValidationError):
            return None

    def _why(self, name: str, key: Key) -> tuple[str, ...]:
        if self._force:
            return ("forced",)
        former = self._former.get(name)
        return ("new",) if not isinstance(former, dict) else key.differing(former) or ("lost",)


def _name(key: Key) -> str:
    return f"{key.stage}/{key.label}" if key.label else key.stage


def remembered(memory: Memory, key: Key, adapter: TypeAdapter[T], work: Callable[[], T]) -> T:
    """The result of ``work``, from memory where it is known."""
    known = memory.known(key, adapter)
    if known is None:
        known = work()
        memory.keep(key, adapter, known)
    return known


def memos(trace: bytes) -> frozenset[str] | None:
    """Names of the notices on which a grading rests; None for a trace that cannot be read."""
    try:
        found = json.loads(trace)["memos"]
        return frozenset(str(name) for names in found.values() for name in names)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _entries(trace: bytes | None, part: str) -> Mapping[str, Json]:
    """By stage; what cannot be read is as if it had never been."""
    try:
        entries = json.loads(trace or b"{}").get(part, {})
        return {str(stage): entry for stage, entry in entries.items()}
    except (ValueError, AttributeError):
        return {}


def blobs(value: object) -> Iterator[Digest]:
    """Everything in the store that a record names, however deep."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from blobs(part)
    elif is_dataclass(value):
        for one in fields(value):
            held = getattr(value, one.name)
            yield from _named(held) if "Digest" in str(one.type) else blobs(held)


def _named(held: object) -> Iterator[Digest]:
    parts = held.values() if isinstance(held, Mapping) else held if isinstance(held, tuple | list) else [held]
    yield from (Digest(part) for part in parts if isinstance(part, str))
