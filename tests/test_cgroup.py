"""Control groups: in a folder that stands for the kernel's, and for real where this user has been given some."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.errors import SandboxUnavailable
from autograder.records import Limits
from autograder.sandbox import cgroup
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.cgroup import Group, candidates, delegated, figures, first_usable, grouped
from autograder.sandbox.limits import MB, Ceiling, ceiling
from autograder.sandbox.room import Outcome
from autograder.sandbox.watch import Child, Storage, attend
from tests.test_sandbox import speak

FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs", "cgroup.kill")
LIMITS = Limits(memory_mb=256, processes=80)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a new folder comes with the kernel's files, and goes with them."""
    (tmp_path / "cgroup.subtree_control").touch()
    made, removed = Path.mkdir, Path.rmdir

    def mkdir(self: Path, *arguments: int, **options: bool) -> None:
        made(self, *arguments, **options)
        if self.parent == tmp_path:
            for name in FILES:
                (self / name).touch()

    def rmdir(self: Path) -> None:
        for file in self.iterdir() if self.parent == tmp_path else ():
            file.unlink()
        removed(self)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    return tmp_path


@pytest.fixture
def proved(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ``/proc/self/cgroup`` says of a process that has entered; here it cannot."""

    def entered(line: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(line, 0, stdout=f"0::/{Path(line[3]).parent.name}\n", stderr="")

    monkeypatch.setattr(cgroup.subprocess, "run", entered)  # type: ignore[attr-defined]
    return kernel


def test_a_group_is_limited_and_removed(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "delegated", lambda: kernel)
    with grouped(LIMITS) as group:
        assert group is not None
        assert group.path.parent == kernel
        assert {name: (group.path / name).read_text() for name in figures(LIMITS)} == {
            "memory.max": str(256 * MB),
            "memory.swap.max": "0",
            "memory.oom.group": "1",
            "pids.max": figures(LIMITS)["pids.max"],
        }
        assert int(figures(LIMITS)["pids.max"]) >= 80
    assert [path for path in kernel.iterdir() if path.is_dir()] == []


def test_where_nothing_is_delegated_there_is_no_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse() -> Path:
        raise SandboxUnavailable("belongs to somebody else")

    monkeypatch.setattr(cgroup, "delegated", refuse)
    with grouped(LIMITS) as group:
        assert group is None
    monkeypatch.setattr(cgroup, "delegated", lambda: tmp_path / "gone since")
    with grouped(LIMITS) as group:
        assert group is None


def test_a_room_is_never_outside_its_group(tmp_path: Path) -> None:
    """The very process that becomes the room's program has entered before."""
    (tmp_path / "cgroup.procs").touch()
    line = Group(tmp_path, MB).entering(["/bin/sh", "-c", "echo $$ $0", "argument with 'quotes'"])
    started = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert started.communicate()[0] == f"{started.pid} argument with 'quotes'\n"
    assert (tmp_path / "cgroup.procs").read_text() == "0\n"


def test_a_room_that_cannot_enter_does_not_start(tmp_path: Path) -> None:
    line = Group(tmp_path / "gone", MB).entering(["/bin/echo", "started"])
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (125, "")


def test_what_can_be_had_back_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 300\nfile 650\nfile_mapped 5\nshmem 50\n")
    (tmp_path / "cgroup.procs").write_text("12\n13\n")
    group = Group(tmp_path, MB)
    assert (group.used(), group.processes()) == (400, 2)


@pytest.mark.parametrize(
    ("events", "exhausted"), [("low 0\noom 1\noom_kill 2\n", True), ("oom_kill 0\n", False), ("", False)]
)
def test_the_kernel_says_when_it_has_ended_a_room(tmp_path: Path, events: str, exhausted: bool) -> None:
    (tmp_path / "memory.events").write_text(events)
    assert Group(tmp_path, MB).exhausted() is exhausted


def test_a_group_that_is_gone_measures_nothing(tmp_path: Path) -> None:
    group = Group(tmp_path / "gone", MB)
    assert (group.used(), group.processes(), group.exhausted()) == (0, 0, False)


@pytest.mark.parametrize(
    ("mounts", "own", "wanted"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", "0::/user.slice/app.scope", ["user.slice/app.scope", "user.slice"]),
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", "0::/", [""]),
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", "0::/../other.scope", None),
        ("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0", "4:memory:/", None),
    ],
)
def test_groups_are_made_beside_or_in_our_own(tmp_path: Path, mounts: str, own: str, wanted: list[str] | None) -> None:
    for name, text in (("mounts", mounts), ("own", own)):
        (tmp_path / name).write_text(text + "\n")
    found = candidates(tmp_path / "mounts", tmp_path / "own")
    assert found == [Path("/sys/fs/cgroup", name) for name in wanted or ()]


def test_the_first_folder_that_can_be_used_is_used(proved: Path, tmp_path: Path) -> None:
    dead = next(number for number in range(4_000_000, 2_000_000, -1) if not Path("/proc", str(number)).exists())
    left, running = proved / f"autograder-{dead}-0", proved / f"autograder-{os.getpid()}-left"
    for folder in (left, running):
        folder.mkdir()
    assert first_usable([tmp_path / "missing", proved]) == proved
    assert not left.exists(), "what a grader that was killed has left is swept up"
    assert running.exists(), "that of another grader is not"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.EACCES, "belongs to somebody else"),
        (errno.EBUSY, "has processes of its own"),
        (errno.ENOENT, "memory is not counted there"),
        (errno.ENOSPC, os.strerror(errno.ENOSPC)),
    ],
)
def test_the_reason_is_told(kernel: Path, monkeypatch: pytest.MonkeyPatch, error: int, words: str) -> None:
    def refuse(path: Path, value: str) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(cgroup, "_set", refuse)
    with pytest.raises(SandboxUnavailable, match=words) as raised:
        first_usable([kernel])
    assert "systemd-run --user --scope" in raised.value.remedy
    assert [path for path in kernel.iterdir() if path.is_dir()] == []


def test_a_process_that_does_not_arrive_proves_nothing(kernel: Path) -> None:
    """Of a folder that is no control group, the kernel says nothing."""
    with pytest.raises(SandboxUnavailable, match="could not be moved"):
        first_usable([kernel])


class Measured:
    """A gauge that says what it is told to."""

    def __init__(self, *, used: int = 0, processes: int = 1, exhausted: Callable[[], bool] = lambda: False) -> None:
        self._used, self._processes = used, processes
        self.exhausted = exhausted

    def used(self) -> int:
        return self._used

    def processes(self) -> int:
        return self._processes


def watched(gauge: Measured, seconds: str, allowed: Ceiling) -> Outcome:
    """A program that does nothing, under a gauge."""
    frames, answers, log = os.pipe(), os.pipe(), os.pipe()
    for fd in (frames[1], log[1]):
        os.close(fd)
    process = subprocess.Popen(["/bin/sleep", seconds])
    child = Child(
        process=process,
        root=process.pid,
        frames=frames[0],
        answers=answers[1],
        log=log[0],
        end=process.kill,
        storage=Storage,
        gauge=gauge,
    )
    try:
        return attend(child, allowed, lambda frame: None, lambda: False)
    finally:
        for fd in (frames[0], *answers, log[0]):
            os.close(fd)


def test_what_the_kernel_has_ended_is_told_as_memory() -> None:
    """Also where the room was gone before the watchdog looked."""
    outcome = watched(Measured(exhausted=lambda: True), "0", ceiling(LIMITS))
    assert (outcome.killed, outcome.detail) == ("memory", "256 MB allowed, 256 MB used")
    assert outcome.peak_memory_mb == 256


def test_a_group_counts_processes_and_memory() -> None:
    many = watched(Measured(processes=1000, used=20 * MB), "60", ceiling(LIMITS))
    assert (many.killed, many.used, many.peak_memory_mb) == ("processes", 1000, 20)
    assert watched(Measured(used=20 * MB), "0.5", ceiling(LIMITS)).killed == ""


@pytest.mark.sandbox
def test_the_kernel_itself_ends_a_room() -> None:
    try:
        delegated()
    except SandboxUnavailable as error:
        pytest.skip(f"no control group: {error}")
    bomb = """
for _ in range(4):
    if not os.fork():
        x = bytearray(150 << 20)
        for at in range(0, len(x), 4096): x[at] = 1
        time.sleep(60)
time.sleep(60)
"""
    _, outcome = speak(Bubblewrap(grace=0.5), bomb)
    assert outcome.killed == "memory"
    assert outcome.detail == "256 MB allowed, 256 MB used"
    assert not list(delegated().glob(f"autograder-{os.getpid()}-*"))
