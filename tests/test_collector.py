"""The collector of garbage is back when an import is over, however it ends, and nothing of the notebook's is frozen."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from autograder.guest.collector import paused


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_meanwhile() -> None:
    with paused():
        assert not gc.isenabled()
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled(), "an import within an import"
    assert gc.isenabled()


def test_an_import_that_fails_leaves_it_at_work() -> None:
    with pytest.raises(ImportError), paused():
        raise ImportError
    assert gc.isenabled()


def test_who_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with paused():
        pass
    assert not gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_what_is_there_after_the_first_import_alone_is_left_alone() -> None:
    with paused():
        pass
    first = gc.get_freeze_count()
    assert first > 0
    kept = [[] for _ in range(100)]  # type: list[list[object]]
    with paused():
        kept += [[] for _ in range(100)]
    assert gc.get_freeze_count() <= first


def test_in_a_kernel_it_is_so_for_the_libraries_that_take_longest() -> None:
    program = """
import gc, sys, types
from autograder.guest.imports import AfterImport
seen = []
sys.meta_path.insert(0, AfterImport({"keras": [lambda module: seen.append(gc.isenabled())]}, {}, print))
import json, keras
print(seen, gc.isenabled(), gc.get_freeze_count() > 100_000)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[True] True True"
