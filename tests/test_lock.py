"""Runs work side by side, and whoever tidies up is alone; a process that dies holds nothing."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import lock
from autograder.errors import OutputError, StoreError

HOLDER = """
import pathlib, sys
from autograder import lock
with lock.{kind}(pathlib.Path(sys.argv[1])):
    print(flush=True)
    input()
"""


def test_runs_work_side_by_side(tmp_path: Path) -> None:
    with lock.together(tmp_path), lock.together(tmp_path):
        with pytest.raises(StoreError, match="another run is going on") as caught, lock.alone(tmp_path):
            pytest.fail("not alone")
    assert caught.value.remedy
    with lock.alone(tmp_path):
        with pytest.raises(StoreError, match="being tidied up"), lock.together(tmp_path):
            pytest.fail("not tidy yet")
    with lock.together(tmp_path):
        assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("kind", ["together", "alone"])
def test_another_process_counts_until_it_is_killed(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", HOLDER.format(kind=kind), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(StoreError), lock.alone(tmp_path):
            pytest.fail("not alone")
        holder.kill()
    with lock.alone(tmp_path):
        assert holder.returncode != 0


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with lock.together(tmp_path):
        assert (tmp_path / "lock").exists(), "grading goes on"
    with pytest.raises(StoreError, match="does not tell"), lock.alone(tmp_path):
        pytest.fail("what is not known is not safe")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"), lock.together(tmp_path / "file" / "state"):
        pytest.fail("nowhere")
