"""A store is verified without touching it, and pruned without losing what anybody needs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from autograder import upkeep
from autograder.errors import ConfigError, StoreError
from autograder.gradebook import Gradebook
from autograder.recall import Memory, key
from autograder.records import Digest, Ending, Execution, StudentId, Submission
from autograder.store import Store, memo
from autograder.upkeep import prune, verify
from tests.builders import a_grade, a_report

EXECUTION = TypeAdapter(Execution)
ADA = StudentId("ada")


@pytest.fixture
def book(tmp_path: Path) -> Gradebook:
    return Gradebook(tmp_path / "state" / "grades.sqlite")


def executed(store: Store, name: str, content: bytes, *, age: int, student: str = "") -> Digest:
    """Remember an execution with one artifact of that content, last of use so many hours ago."""
    artifact = store.put(content)
    asked = key("execution", code=name)
    memory = Memory(store, student)
    artifacts = {"fit-1.keras": artifact}
    memory.keep(asked, EXECUTION, Execution(ending=Ending.COMPLETED, device=name, artifacts=artifacts))
    memory.known(asked, EXECUTION)
    memory.close()
    path = notice_of(store, name)
    moment = path.stat().st_mtime - 3600 * age
    os.utime(path, (moment, moment))
    return artifact


def notice_of(store: Store, name: str) -> Path:
    found = memo(str(key("execution", code=name)))
    return store.root / "memo" / found[:2] / found[2:]


def known(store: Store, names: Iterable[str]) -> list[str]:
    return [name for name in names if store.recall(str(key("execution", code=name))) is not None]


def recorded(book: Gradebook, store: Store, content: bytes, student: StudentId = ADA) -> Digest:
    notebook = store.put(content)
    submission = Submission(student=student, name=student, source="a.ipynb", notebook=notebook)
    book.record(replace(a_report(), submission=submission, grade=a_grade(student=student)))
    return notebook


# --- verify ----------------------------------------------------------------------------------------------------------


def test_a_sound_store(store: Store, book: Gradebook) -> None:
    executed(store, "one", b"model", age=0, student="r/ada")
    recorded(book, store, b"notebook")
    told: list[tuple[int, int]] = []
    found = verify(store, book, lambda done, of: told.append((done, of)))
    assert (found.damaged, found.missing, found.orphaned, found.leftovers, found.aside) == ((), (), 0, 0, 0)
    assert found.foreign == ()
    assert found.blobs == 3 and found.size > len(b"modelnotebook")
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_is_wrong_is_named(store: Store, book: Gradebook) -> None:
    damaged = executed(store, "one", b"model", age=0, student="r/ada")
    missing = executed(store, "two", b"other model", age=0, student="r/bob")
    handed = recorded(book, store, b"notebook")
    store.path(damaged).write_bytes(b"modem")
    store.path(missing).unlink()
    store.path(handed).unlink()
    executed(store, "three", b"third", age=0)
    whole = notice_of(store, "three").read_bytes()
    notice_of(store, "three").write_bytes(whole[:-5])
    store.put(b"nobody's")
    trace = next((store.root / "traces").iterdir())
    trace.write_bytes(trace.read_bytes()[:-9])
    (trace.parent / ".writing-x").write_bytes(b"half")
    (store.root / "blobs" / "ab").mkdir(exist_ok=True)
    (store.root / "blobs" / "ab" / ".writing-y").write_bytes(b"half")
    found = verify(store, book)
    notice = notice_of(store, "three").relative_to(store.root)
    assert set(found.damaged) == {damaged, str(notice), f"traces/{trace.name}"}
    assert set(found.missing) == {missing, handed}
    assert found.orphaned == 3, "nobody's, and the two of the notice that is cut off"
    assert found.leftovers == 2
    with pytest.raises(StoreError):
        store.get(damaged)
    again = verify(store, book)
    assert (set(again.missing), again.aside) == ({missing, handed, damaged}, 1)


def test_an_empty_place(tmp_path: Path) -> None:
    assert verify(Store(tmp_path / "nowhere"), None).blobs == 0
    assert not (tmp_path / "nowhere").exists(), "nothing is made by looking"


# --- prune -----------------------------------------------------------------------------------------------------------


def test_the_least_recently_used_goes_first(store: Store) -> None:
    for name, age in (("old", 5), ("older", 9), ("young", 1)):
        executed(store, name, name.encode() * 1000, age=age)
    size = verify(store, None).size
    done = prune(store, None, size - 1)
    assert (done.notices, done.blobs, done.held) == (1, 2, 0)
    assert done.freed == size - done.left and verify(store, None).size == done.left
    assert known(store, ("old", "older", "young")) == ["old", "young"]
    assert prune(store, None, size).freed == 0, "what fits stays"
    prune(store, None, 0)
    assert verify(store, None).blobs == 0


def test_what_was_just_of_use_stays_longer(store: Store) -> None:
    for name, age in (("old", 9), ("young", 5)):
        executed(store, name, name.encode() * 1000, age=age)
    assert known(store, ["old"]) == ["old"]
    prune(store, None, verify(store, None).size - 1)
    assert known(store, ("old", "young")) == ["old"]


def test_what_latest_gradings_and_the_gradebook_need_stays(store: Store, book: Gradebook) -> None:
    executed(store, "first", b"first" * 1000, age=99, student="r/ada")
    kept = executed(store, "last", b"last" * 1000, age=50, student="r/ada")
    executed(store, "other", b"other" * 1000, age=1)
    handed = [recorded(book, store, content) for content in (b"first version", b"second version")]
    done = prune(store, book, 0)
    assert known(store, ("first", "last", "other")) == ["last"]
    assert store.get(kept) == b"last" * 1000
    assert [store.get(name) for name in handed] == [b"first version", b"second version"], "an earlier grading, too"
    assert done.left == done.held > 0
    assert verify(store, book).missing == ()


def test_bytes_that_others_need_as_well_stay(store: Store) -> None:
    shared = executed(store, "old", b"shared" * 1000, age=9)
    executed(store, "young", b"shared" * 1000, age=1)
    done = prune(store, None, verify(store, None).size - 1)
    assert known(store, ("old", "young")) == ["young"] and store.get(shared)
    assert verify(store, None).missing == () and done.notices == 1


def test_leftovers_of_broken_runs_go_in_any_case(store: Store) -> None:
    name = executed(store, "one", b"model", age=0)
    (store.path(name).parent / ".writing-x").write_bytes(b"half")
    notice_of(store, "two").parent.mkdir(parents=True, exist_ok=True)
    notice_of(store, "two").write_bytes(b"sha256:")
    store.path(name).write_bytes(b"damaged")
    with pytest.raises(StoreError):
        store.get(name)
    assert prune(store, None, 10**9).freed == 0
    found = verify(store, None)
    assert (found.leftovers, found.damaged, found.aside) == (0, (), 0)


def test_nothing_goes_while_it_is_not_known_who_needs_it(store: Store) -> None:
    executed(store, "one", b"model", age=9, student="r/ada")
    [trace] = (store.root / "traces").iterdir()
    trace.write_bytes(b"{")
    with pytest.raises(StoreError, match="damaged") as caught:
        prune(store, None, 0)
    assert trace.name in caught.value.place and "Grade that class again" in caught.value.remedy
    assert known(store, ["one"]) == ["one"]


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("5GB", 5 * 10**9), ("500 MB", 5 * 10**8), ("1.5g", 15 * 10**8), ("12345", 12345), ("0", 0), ("2kb", 2000)],
)
def test_sizes(written: str, bytes_: int) -> None:
    assert upkeep.size(written) == bytes_


@pytest.mark.parametrize("written", ["", "big", "-1GB", "5 GiB", "1e9"])
def test_no_sizes(written: str) -> None:
    with pytest.raises(ConfigError, match="no size"):
        upkeep.size(written)


def test_what_others_laid_there_is_named_and_left_alone(store: Store, book: Gradebook) -> None:
    """As file managers do, in whichever folder was looked at."""
    executed(store, "one", b"model", age=30)
    laid = [store.root / "blobs" / "ab" / "Thumbs.db", store.root / "memo" / "cd" / ".DS_Store"]
    for path in laid:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"thumbnails")
    os.mkfifo(store.root / "blobs" / "ab" / ("0" * 62))  # to open it would wait for ever
    (store.root / "traces").mkdir(exist_ok=True)
    os.mkfifo(store.root / "traces" / ("1" * 64))
    found = verify(store, book)
    assert (found.damaged, len(found.foreign)) == ((), 3)
    assert {"blobs/ab/Thumbs.db", "memo/cd/.DS_Store"} < set(found.foreign)
    assert prune(store, book, 0).blobs == 2
    assert all(path.exists() for path in laid)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_secret_that_was_cut_off_is_no_secret(store: Store, book: Gradebook, content: bytes) -> None:
    drawn = store.secret()
    assert verify(store, book).damaged == ()
    (store.root / "secret").write_bytes(content)
    assert verify(store, book).damaged == ("secret",)
    with pytest.raises(StoreError, match="not the secret") as caught:
        store.secret()
    assert "backup" in (caught.value.remedy or "")
    (store.root / "secret").write_bytes(drawn)
    assert store.secret() == drawn
