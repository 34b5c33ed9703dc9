"""What the kernel holds for a process beside its resident size, seen from outside of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.sandbox import unmapped
from autograder.sandbox.unmapped import CONSPICUOUS, SOCKET_BYTES, SOCKETS, Unmapped
from autograder.sandbox.watch import resident

MB = 1 << 20
FORGETFUL = """import mmap, sys
held = mmap.mmap(-1, {megabytes} << 20)
for start in range(0, len(held), 1 << 20):
    held[start : start + (1 << 20)] = b"x" * (1 << 20)
held.madvise(mmap.MADV_DONTNEED)
"""
TABLES = """import mmap
held = mmap.mmap(-1, 400 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
for start in range(0, len(held), 2 << 20):
    held[start]
"""


@contextmanager
def process(code: str) -> Iterator[int]:
    """Once it has done what the code says."""
    program = f"{code}\nprint(1, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stdout.readline() == b"1\n"
        try:
            yield running.pid
        finally:
            running.kill()


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Unmapped:
    """Of a machine that holds much more since."""
    held = {"Shmem": 0, "PageTables": 0, "SUnreclaim": 0}
    monkeypatch.setattr(unmapped, "meminfo", lambda key: held[key])
    made = Unmapped()
    held |= {"Shmem": 8 << 30, "PageTables": 8 << 30}
    return made


def test_shared_memory_that_nobody_has_mapped(before: Unmapped) -> None:
    with process(FORGETFUL.format(megabytes=400)) as pid:
        assert resident(pid) < 100 * MB
        assert 390 * MB < before.of([pid]) < 420 * MB
        assert 390 * MB < before.of([pid, os.getpid()]) < 450 * MB, "of both together"
        assert before.of([os.getpid()]) < 50 * MB, "another process"
        assert Unmapped().of([pid]) == 0, "it was there before"


def test_what_is_mapped_is_not_counted_twice(before: Unmapped) -> None:
    with process(FORGETFUL.format(megabytes=400).replace("held.madvise", "id")) as pid:
        assert resident(pid) > 400 * MB
        assert before.of([pid]) < 50 * MB


def test_page_tables(before: Unmapped) -> None:
    with process(TABLES) as pid:
        assert resident(pid) < 100 * MB
        assert 700 * MB < before.of([pid]) < 900 * MB


def test_little_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Unmapped()
    monkeypatch.setattr(unmapped, "_read", None)
    assert before.of([os.getpid()]) == 0


@pytest.mark.parametrize(("sockets", "counted"), [(SOCKETS, 0), (SOCKETS + 1, (SOCKETS + 1) * SOCKET_BYTES)])
def test_sockets(sockets: int, counted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"Shmem": 0, "PageTables": 0, "SUnreclaim": 0}
    monkeypatch.setattr(unmapped, "meminfo", lambda key: held[key])
    before = Unmapped()
    held["SUnreclaim"] = 2 * CONSPICUOUS
    monkeypatch.setattr(unmapped, "_descriptors", lambda pid: [f"socket:[{n}]" for n in range(sockets)] + ["/dev/null"])
    assert before.of([os.getpid()]) == counted
    held["SUnreclaim"] = CONSPICUOUS
    assert before.of([os.getpid()]) == min(counted, CONSPICUOUS), "no more than the machine holds"


LOCKS = """import fcntl, tempfile
file = tempfile.TemporaryFile()
for place in range({number}):
    fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)
"""


@pytest.mark.parametrize("number", [100, 2000])
def test_locks_on_files(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are many, what the kernel has taken since is what they take."""
    held = {"Shmem": 0, "PageTables": 0, "SUnreclaim": 0}
    monkeypatch.setattr(unmapped, "meminfo", lambda key: held[key])
    before = Unmapped()
    held["SUnreclaim"] = 2 * CONSPICUOUS
    with process(LOCKS.format(number=number)) as pid:
        assert before.of([pid]) == pytest.approx(2 * CONSPICUOUS if number > 1000 else 0, rel=0.1)
        assert before.of([os.getpid()]) == 0, "another process"
