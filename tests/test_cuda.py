"""Where a GPU room finds the driver and CUDA, on machines made of folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.cli.machines import dim
from autograder.frames import Frame
from autograder.records import Limits
from autograder.sandbox import cuda, sight
from autograder.sandbox.job import environment, interpreter
from autograder.sandbox.room import OnFrame, Outcome, Room


def library(folder: Path, name: str = "libcudart.so.12") -> Path:
    folder.mkdir(parents=True)
    (folder / name).touch()
    for place in (folder, *folder.parents):
        if place.owner() == Path.home().owner() and place.is_relative_to("/tmp"):
            place.chmod(place.stat().st_mode | 0o111)
    return folder


@pytest.fixture(autouse=True)
def nothing_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


def test_a_machine_without_any_shows_nothing(tmp_path: Path) -> None:
    assert (cuda.folders(tmp_path), cuda.searched(tmp_path)) == ([], [])


def test_a_driver_outside_the_linkers_cache_is_found_again(tmp_path: Path) -> None:
    folder = library(tmp_path / "usr/local/nvidia/lib64", "libcuda.so.1")
    assert cuda.folders(tmp_path) == [str(folder.parent)]
    assert cuda.searched(tmp_path) == [str(folder)]


def test_a_toolkit_is_shown_but_does_not_come_before_the_packages_of_python(tmp_path: Path) -> None:
    toolkit = library(tmp_path / "usr/local/cuda-12.5/lib64").parent
    (toolkit.parent / "cuda").symlink_to(toolkit.name)
    assert cuda.folders(tmp_path) == [str(toolkit.parent / "cuda"), str(toolkit)]
    assert cuda.searched(tmp_path) == []


def test_what_the_caller_searches_is_searched_where_it_is_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = library(tmp_path / "modules/cuda/lib64")
    other = library(tmp_path / "modules/mpi/lib", "libmpi.so")
    closed = library(tmp_path / "private/cuda/lib64")
    closed.parent.chmod(0o700)
    monkeypatch.setenv("LD_LIBRARY_PATH", f":lib:{other}:{closed}:{ours}:{tmp_path}/nowhere")
    assert cuda.searched(tmp_path) == cuda.folders(tmp_path) == [str(ours)]


def test_a_toolkit_that_the_caller_searches_is_shown_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = library(tmp_path / "opt/cuda/lib64")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{folder}:{folder}")
    assert cuda.folders(tmp_path) == [str(folder.parent)]
    assert cuda.searched(tmp_path) == [str(folder)]


@pytest.mark.parametrize(("device", "found"), [("gpu:0", "/opt/cuda/lib64"), ("cpu", None)])
def test_a_room_on_the_processor_is_told_of_none(
    device: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "searched", lambda: ["/opt/cuda/lib64"])
    room = Room(program="main.py", inputs={}, limits=Limits(), device=device)
    variables = environment(room, interpreter(), job="/job", home="/home", temporary="/tmp", shell="")
    assert variables.get("LD_LIBRARY_PATH") == found


class Seeing:
    """A wall whose rooms say which GPUs they found."""

    name = "bubblewrap"

    def __init__(self, *names: str, log: str = "Cannot dlopen some GPU libraries.\n") -> None:
        self.names = names
        self.log = log
        self.devices: list[str] = []

    def run(self, room: Room, on_frame: OnFrame, _: Callable[[], bool]) -> Outcome:
        self.devices.append(room.device)
        on_frame(Frame({"kind": "gpus", "names": list(self.names)}))
        return Outcome(exit_code=0, seconds=1.0, log=self.log)


def test_the_doctor_says_whether_a_room_finds_the_gpu_that_it_is_given() -> None:
    wall = Seeing("NVIDIA H200")
    seen = sight(wall)
    assert (seen.ok, seen.detail, wall.devices) == (True, "NVIDIA H200", ["gpu:0"])
    blind = sight(Seeing())
    assert not blind.ok and "dlopen" in blind.detail and "tensorflow[and-cuda]==" in blind.remedy


def test_of_a_log_the_doctor_tells_what_is_about_the_gpu() -> None:
    started = "E0000 00:00:17.7 25 cuda_platform.cc:52] failed call to cuInit: CUDA_ERROR_OPERATING_SYSTEM"
    wall = Seeing(log=f"{started}\n  warnings.warn('joblib will operate in serial mode')\n")
    assert sight(wall).detail == "failed call to cuInit: CUDA_ERROR_OPERATING_SYSTEM"


def test_behind_landlock_the_doctor_advises_another_wall() -> None:
    wall = Seeing()
    wall.name = "landlock"
    assert "Use bubblewrap" in sight(wall).remedy and "pip" not in sight(wall).remedy


@pytest.mark.parametrize(
    ("name", "slots", "told"),
    [("landlock", ("gpu:0",), True), ("landlock", ("cpu", "cpu"), False), ("bubblewrap", ("gpu:0",), False)],
)
def test_who_gives_a_gpu_to_rooms_behind_landlock_is_told(name: str, slots: tuple[str, ...], told: bool) -> None:
    wall = Seeing()
    wall.name = name
    assert ("train on the processor" in dim(wall, slots)) == told
