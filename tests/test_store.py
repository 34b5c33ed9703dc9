"""Bytes come back as they went in, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.errors import OutputError, StoreError
from autograder.records import Digest
from autograder.store import Store, digest, write_atomically


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
