"""The one-purpose notebooks themselves."""

from __future__ import annotations

from pathlib import Path

import nbformat

from tests.notebooks.__main__ import main, pages


def test_there_are_many_and_each_has_its_name() -> None:
    names = [name for name, _ in pages()]
    assert len(names) == len(set(names)) >= 30


def test_they_can_be_opened(tmp_path: Path) -> None:
    main(tmp_path / "out")
    written = sorted((tmp_path / "out").glob("*.ipynb"))
    assert len(written) == len(list(pages()))
    for path in written:
        assert nbformat.reads(path.read_text("utf-8"), as_version=4).cells
