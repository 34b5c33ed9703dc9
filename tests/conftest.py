"""What several tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of this test alone."""
    return Store(tmp_path / "state")


@pytest.fixture
def permissions(tmp_path: Path) -> None:
    """Skip where permission bits bind nobody, as for root."""
    probe = tmp_path / "probe"
    probe.touch(mode=0o000)
    try:
        probe.read_bytes()
    except PermissionError:
        probe.unlink()
        return
    pytest.skip("permission bits do not bind this user")
