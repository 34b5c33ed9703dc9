"""Compiled files that no longer fit their sources are found."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from autograder.cli.compiled import stale, valid


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "package_of_mine" / "__init__.py"
    made.parent.mkdir()
    made.write_text("VALUE = 1")
    return made


def test_a_file_that_was_compiled(source: Path) -> None:
    assert not valid(source), "not yet"
    py_compile.compile(str(source))
    assert valid(source)


def test_a_copy_with_another_time_or_size(source: Path) -> None:
    py_compile.compile(str(source))
    os.utime(source, (1, 1))
    assert not valid(source)
    py_compile.compile(str(source))
    source.write_text("VALUE = 11")
    os.utime(source, (1, 1))
    assert not valid(source)


def test_one_that_goes_by_a_hash(source: Path) -> None:
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    os.utime(source, (1, 1))
    assert valid(source)


def test_of_packages_the_share(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(source.parents[1]))
    (source.parent / "part.py").touch()
    py_compile.compile(str(source))
    assert stale(["package_of_mine", "not_installed"]) == {"package_of_mine": 0.5}
