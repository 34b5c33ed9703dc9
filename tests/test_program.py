"""Changed code is told from unchanged code."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import program


def test_changed_code_gives_another_digest() -> None:
    assert program.code_digest("guest") != program.code_digest("guest", "extraction")
    assert program.code_digest("store.py") == program.code_digest("store.py")


def test_the_digest_of_a_package_covers_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "guest" / "data" / "sets.py"
    file.parent.mkdir(parents=True)
    file.write_text("one = 1")
    monkeypatch.setattr(program, "PACKAGE", tmp_path)
    read = program.code_digest.__wrapped__  # what is remembered of this package stays as it is
    before = read("guest")
    file.write_text("one = 2")
    changed = read("guest")
    file.rename(file.parent.parent / "sets.py")
    assert len({before, changed, read("guest")}) == 3
