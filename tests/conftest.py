"""What several tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of this test alone."""
    return Store(tmp_path / "state")
