"""The store looked after: what in it is damaged or missing, and what can go when it is too large."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autograder.errors import ConfigError, StoreError
from autograder.gradebook import Gradebook
from autograder.recall import memos
from autograder.records import Digest, Submission, record
from autograder.store import DAMAGED, SECRET_BYTES, WRITING, Store, digest, notice

Tell = Callable[[int, int], None]
"""How many of how many are done."""

_SIZES: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_NAME: Final = re.compile(r"[0-9a-f]{64}")
"""Of a blob, a notice or a trace, with that of its folder."""
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)B?", re.IGNORECASE)


@record
class Verified:
    """What was found; paths and names are of the store."""

    blobs: int
    size: int
    """Bytes of all blobs."""
    damaged: tuple[str, ...]
    """Blobs, notices and traces that are not what they were written as."""
    missing: tuple[str, ...]
    """Blobs that a notice or the gradebook needs."""
    orphaned: int
    """Blobs that nobody needs: left by a run that was broken off, or by a submission that is gone."""
    leftovers: int
    """Files that were being written when a run was broken off."""
    foreign: tuple[str, ...]
    """Files that another program laid there; nobody reads them."""
    aside: int
    """Damaged blobs that were found earlier: what led to them was, or will be, done again."""


@record
class Pruned:
    notices: int
    """Results that are not remembered any more."""
    blobs: int
    freed: int
    """Bytes."""
    left: int
    """Bytes that are still there."""
    held: int
    """Bytes of these that the gradebook and the latest gradings need."""


LARGEST = 1e12
"""Of whatever unit: nobody has more."""


def size(written: str) -> int:
    """``5GB``, ``500 MB``, ``1.5G``, ``12345``; raises ConfigError."""
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        raise ConfigError("no size", place=f"--max-size {written}", remedy="Write 5GB, 500MB or a number of bytes.")
    return int(min(float(match[1]), LARGEST) * _SIZES[match[2].upper()])


# --- what there is ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shelf:
    """One look at everything in a store."""

    blobs: Mapping[Digest, Path]
    notices: Mapping[str, tuple[Digest, ...]]
    """Name of a notice -> what it needs."""
    broken: tuple[Path, ...]
    """Notices that are not whole."""
    ages: Mapping[str, float]
    """Name of a notice -> when it was last of use."""
    writing: tuple[Path, ...]
    foreign: tuple[Path, ...]


def _shelf(store: Store) -> _Shelf:
    notices: dict[str, tuple[Digest, ...]] = {}
    ages: dict[str, float] = {}
    broken: list[Path] = []
    foreign: list[Path] = []
    for path in _files(store.root / "memo", foreign):
        needs = notice(path)
        if needs is None:
            broken.append(path)
        else:
            notices[path.parent.name + path.name] = needs
            ages[path.parent.name + path.name] = path.stat().st_mtime
    blobs = {Digest(f"sha256:{path.parent.name}{path.name}"): path for path in _files(store.root / "blobs", foreign)}
    writing = tuple(path for path in store.root.rglob(f"{WRITING}*") if path.is_file())
    return _Shelf(blobs, notices, tuple(broken), ages, writing, tuple(foreign))


def _files(folder: Path, foreign: list[Path]) -> Iterator[Path]:
    """Two levels down, without what is just being written; adds to ``foreign`` what bears no name of ours."""
    for path in sorted(folder.glob("*/*")):
        if not path.name.startswith(WRITING):
            if path.is_file() and _NAME.fullmatch(path.parent.name + path.name):
                yield path
            else:
                foreign.append(path)


def handed_in(book: Gradebook) -> frozenset[Digest]:
    """What was handed in for any grading that is on record."""
    return frozenset(name for submission in book.submissions() for name in _of(submission))


def _of(submission: Submission) -> Iterator[Digest]:
    yield from (name for name in (submission.notebook, submission.handed_in) if name is not None)
    yield from submission.files.values()


def _traces(store: Store) -> tuple[frozenset[str], tuple[str, ...]]:
    """Names of the notices on which latest gradings rest, and the traces that cannot be read."""
    found, broken = set[str](), []
    for path in sorted((store.root / "traces").glob("*")):
        if path.name.startswith(WRITING) or not path.is_file() or not _NAME.fullmatch(path.name):
            continue
        names = memos(path.read_bytes())
        if names is None:
            broken.append(f"traces/{path.name}")
        else:
            found |= names
    return frozenset(found), tuple(broken)


# --- verify ----------------------------------------------------------------------------------------------------------


def verify(store: Store, book: Gradebook | None, tell: Tell = lambda done, of: None) -> Verified:
    """Read everything there is; nothing is changed, and a run may go on meanwhile."""
    shelf = _shelf(store)
    damaged: list[str] = list(_unsound(shelf, tell))
    damaged += [str(path.relative_to(store.root)) for path in shelf.broken]
    _, broken = _traces(store)
    broken += _secret(store)
    needed = {name for needs in shelf.notices.values() for name in needs} | (handed_in(book) if book else set())
    return Verified(
        blobs=len(shelf.blobs),
        size=sum(map(_size, shelf.blobs.values())),
        damaged=(*damaged, *broken),
        # What is written last is the notice: a blob that came after the look at them is there by now.
        missing=tuple(sorted(name for name in needed - shelf.blobs.keys() if not store.path(name).exists())),
        orphaned=len(shelf.blobs.keys() - needed),
        leftovers=len(shelf.writing),
        aside=len(_aside(store)),
        foreign=tuple(str(path.relative_to(store.root)) for path in shelf.foreign),
    )


def _unsound(shelf: _Shelf, tell: Tell) -> Iterator[Digest]:
    for done, (name, path) in enumerate(shelf.blobs.items(), start=1):
        try:
            sound = digest(path.read_bytes()) == name
        except FileNotFoundError:  # set aside by a run that goes on
            continue
        if not sound:
            yield name
        tell(done, len(shelf.blobs))


def _secret(store: Store) -> tuple[str, ...]:
    """Its name, where it is there and is not what was drawn."""
    path = store.root / "secret"
    try:
        return () if not path.exists() or len(path.read_bytes()) == SECRET_BYTES else (path.name,)
    except OSError:
        return (path.name,)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _aside(store: Store) -> list[Path]:
    return sorted((store.root / DAMAGED).glob("*"))


# --- prune -----------------------------------------------------------------------------------------------------------


def prune(store: Store, book: Gradebook | None, most: int) -> Pruned:
    """Forget what was longest of no use, until no more than ``most`` bytes are left or nothing more can go.

    What was handed in for any grading on record stays, and all on which a latest grading rests. To be called alone, see
    ``lock``. Raises StoreError for a trace that cannot be read: what it holds is not known.
    """
    traces, broken = _traces(store)
    if broken:
        remedy = "Grade that class again, which mends it; or delete the file: what it held is then made again."
        raise StoreError("damaged", place=str(store.root / broken[0]), remedy=remedy)
    shelf = _shelf(store)
    for path in (*shelf.writing, *shelf.broken, *_aside(store)):
        path.unlink()
    held = frozenset(name for memo in traces for name in shelf.notices.get(memo, ()))
    held |= handed_in(book) if book else frozenset()
    return _pruned(store, shelf, traces, held, most)


def _pruned(store: Store, shelf: _Shelf, traces: Collection[str], held: Collection[Digest], most: int) -> Pruned:
    users = Counter(name for needs in shelf.notices.values() for name in needs)
    sizes = {name: _size(path) for name, path in shelf.blobs.items()}
    before = left = sum(sizes.values())
    notices = blobs = 0
    for _, memo, names in _oldest_first(shelf, traces, users):
        if left <= most:
            break
        if memo:  # first of all: a notice never leads to what is gone
            (store.root / "memo" / memo[:2] / memo[2:]).unlink()
            notices += 1
            users.subtract(names)
        for name in names:
            if name in sizes and name not in held and not users[name]:
                store.path(name).unlink()
                left -= sizes.pop(name)
                blobs += 1
    needed = sum(size for name, size in sizes.items() if name in held)
    return Pruned(notices=notices, blobs=blobs, freed=before - left, left=left, held=needed)


def _oldest_first(
    shelf: _Shelf, traces: Collection[str], users: Mapping[Digest, int]
) -> list[tuple[float, str, tuple[Digest, ...]]]:
    """When it was last of use, a notice that may go, and what it needs; blobs that no notice needs are as old as they
    are."""
    forgettable = [(shelf.ages[name], name, needs) for name, needs in shelf.notices.items() if name not in traces]
    orphaned = [(path.stat().st_mtime, "", (name,)) for name, path in shelf.blobs.items() if not users.get(name)]
    return sorted([*forgettable, *orphaned])
