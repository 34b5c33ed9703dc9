"""What several tests need."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from autograder import familiar, parcel, repairs
from autograder.store import Store

# A shell's background job ignores interrupts, and so does whatever it starts: rooms and programs would end otherwise.
signal.signal(signal.SIGINT, signal.default_int_handler)

# It lies beside the guest's own modules in a room, and a floor above them here.
sys.modules["autograder.guest.repairs"] = repairs
sys.modules["autograder.guest.familiar"] = familiar
sys.modules["autograder.guest.parcel"] = parcel

# On a build server the examples are the same each time: what fails there is what the change broke. New examples are
# looked for where somebody is at hand to judge them. How long one takes is up to whatever else runs on the machine.
settings.register_profile("build", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("build" if os.environ.get("CI") else "desk")


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the collector need not look through thousands of tests time and again."""
    gc.collect()
    gc.freeze()


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
