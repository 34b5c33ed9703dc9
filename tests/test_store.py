"""Bytes come back as they went in, or not at all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.errors import OutputError, StoreError
from autograder.records import Digest
from autograder.store import Store, digest, memo, write_atomically


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=100))
def test_what_is_put_comes_back_under_its_digest(content: bytes, store: Store) -> None:
    name = store.put(content)
    assert name == digest(content)
    assert store.get(name) == content
    assert store.put(content) == name


def test_damage_is_seen(store: Store) -> None:
    name = store.put(b"grade")
    store.path(name).write_bytes(b"grades")
    with pytest.raises(StoreError, match="damaged") as caught:
        store.get(name)
    assert caught.value.place == name
    assert caught.value.remedy
    with pytest.raises(StoreError, match="missing"):
        store.get(name)
    assert (store.root / "damaged" / name[7:]).read_bytes() == b"grades", "kept to be looked at"
    assert store.get(store.put(b"grade")) == b"grade"


def test_who_has_the_bytes_mends_what_is_damaged(store: Store) -> None:
    name = store.put(b"grade")
    for damaged in (b"grafe", b"", b"grades"):
        store.path(name).write_bytes(damaged)
        assert store.get(store.put(b"grade")) == b"grade"


def test_what_is_missing_is_said(store: Store) -> None:
    with pytest.raises(StoreError, match="missing"):
        store.get(digest(b"never put"))


@pytest.mark.parametrize("name", ["", "sha256:", "../../etc/passwd", "sha256:" + "0" * 63 + "/", "sha256:" + "A" * 64])
def test_only_a_digest_is_a_name(name: str, store: Store) -> None:
    with pytest.raises(StoreError, match="not a digest"):
        store.get(Digest(name))


def test_arrays_keep_type_and_shape_and_objects_are_refused(store: Store) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    back = store.get_array(store.put_array(array))
    assert back.dtype == np.float32
    assert np.array_equal(back, array)
    with pytest.raises(ValueError, match="pickle"):
        store.put_array(np.array([{}], dtype=object))
    for content in (b"no array", b"\x93NUMPY\x01\x00", b""):
        name = store.put(content)
        with pytest.raises((StoreError, EOFError)):
            store.get_array(name)


def test_a_memory_leads_to_bytes_that_are_there(store: Store) -> None:
    assert store.recall("key") is None
    name = store.put(b"result")
    store.remember("key", name)
    assert store.recall("key") == name
    assert store.recall("other key") is None
    store.path(name).unlink()
    assert store.recall("key") is None, "a memory of lost bytes is none"


def test_a_memory_needs_all_that_belongs_to_it(store: Store) -> None:
    name, image, model = (store.put(content) for content in (b"result", b"image", b"model"))
    store.remember("key", name, [model, image, name])
    assert store.recall("key") == name
    store.path(image).unlink()
    assert store.recall("key") is None
    store.put(b"image")
    assert store.recall("key") == name


def test_a_notice_that_is_cut_off_or_damaged_is_none(store: Store) -> None:
    name, other = store.put(b"result"), store.put(b"other")
    store.remember("key", name, [other])
    path = store.root / "memo" / memo("key")[:2] / memo("key")[2:]
    whole = path.read_bytes()
    for content in (
        *(whole[:length] for length in range(len(whole) - 1)),
        whole.replace(b"sha256:", b"sha512:"),
        b"\xff",
    ):
        path.write_bytes(content)
        assert store.recall("key") is None
    path.write_bytes(f"{name}\n".encode())
    assert store.recall("key") is None, "one line, as earlier versions wrote it, bears no seal"
    path.write_bytes(whole)
    assert store.recall("key") == name


def test_what_was_of_use_is_younger_afterwards(store: Store) -> None:
    store.remember("key", store.put(b"result"))
    path = store.root / "memo" / memo("key")[:2] / memo("key")[2:]
    os.utime(path, (1, 1))
    assert store.recall("key") is not None
    used = path.stat().st_mtime
    assert used > 1
    store.recall("key")
    assert path.stat().st_mtime == used, "not at each question: that would write more than it reads"


def test_traces(store: Store) -> None:
    assert store.trace("tiny/ada") is None
    store.leave("tiny/ada", b"first")
    store.leave("tiny/ada", b"last")
    store.leave("tiny/bob", b"other")
    assert (store.trace("tiny/ada"), store.trace("tiny/bob")) == (b"last", b"other")


def test_an_interrupted_write_leaves_the_former_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"former")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space"):
        write_atomically(path, b"half")
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path], "nothing half-written is left"


def test_several_writers_of_the_same_bytes_agree(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(store.put, [b"same" * 1000] * 32))
    assert len(found) == 1
    assert store.get(found.pop()) == b"same" * 1000


def test_a_store_has_one_secret(tmp_path: Path, store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: Store(tmp_path / "shared").secret(), range(32)))
    (secret,) = found
    assert len(secret) == 32 and secret != store.secret() == store.secret()
    kept = tmp_path / "shared" / "secret"
    assert kept.stat().st_mode & 0o077 == 0, "nobody else reads it"
    assert list(kept.parent.iterdir()) == [kept], "nothing half-written is left"


def test_a_secret_without_hard_links(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", none)
    assert len(store.secret()) == 32 and store.secret() == store.secret()
