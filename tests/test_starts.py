"""Started as root, as an ordinary user, and where namespaces are forbidden: contained or refused, as documented."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.cli.doctor import doctor
from autograder.errors import SandboxUnavailable
from autograder.frames import Frame
from autograder.sandbox import arguments, attempts, bubblewrap, choose, machine, probe
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.machine import examinations, namespaces
from autograder.sandbox.plain import Plain
from autograder.sandbox.watch import tree
from tests.test_sandbox import GUEST, bubble, opened_to_others, speak  # noqa: F401

pytestmark = pytest.mark.sandbox

ROOT = os.geteuid() == 0


@pytest.fixture
def anew() -> Iterator[None]:
    """Nothing is remembered of what worked, before and after."""
    remembered = (probe._proved, bubblewrap.program, bubblewrap.features)
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


_START = """
import json, sys
sys.path.insert(0, {root!r})
from autograder.errors import SandboxUnavailable
from autograder.sandbox import choose, examine, ruleset, seccomp
if {filtered}:
    import ctypes
    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
    ruleset._filter(seccomp.program())
said = {{}}
for kind in ("auto", "bubblewrap"):
    try:
        said[kind] = choose(kind).name
    except SandboxUnavailable as error:
        said[kind + " refused"] = [error.problem, error.remedy]
said["rows"] = [[row.name, row.ok, row.detail, row.remedy] for row in examine()] if {rows} else []
print(json.dumps(said))
"""


def start(*, drop: bool, filtered: bool = False, rows: bool = False, opened: bool = True) -> dict[str, Any]:
    """What a process that starts so is given; ``filtered``: nothing may make a namespace, as in a plain container."""
    script = _START.format(root=str(GUEST.parents[1]), filtered=filtered, rows=rows)
    command = [sys.executable, "-c", script]
    if ROOT and opened:
        command = [*opened_to_others(drop), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


# --- as root ---


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_root_never_makes_a_room_of_its_own(bubble: Bubblewrap) -> None:  # noqa: F811
    """Seen from outside, too, the room's processes are somebody else: such a room cannot write the host's settings."""
    seen: list[set[str]] = []

    def look(frame: Frame) -> None:
        mine = tree(os.getpid())[1:]
        lines = [line for pid in mine for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        seen.append({line.split()[1] for line in lines if line.startswith("Uid:")})

    speak(bubble, 'pipe.send({"kind": "ready"})', on_frame=look)
    assert seen
    assert "0" not in seen[0]
    assert all(int(uid) > 1000 for uid in seen[0])


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_root_without_the_means_to_become_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    there = shutil.which
    monkeypatch.setattr(arguments.shutil, "which", lambda name: None if name == "setpriv" else there(name))  # type: ignore[attr-defined]
    with pytest.raises(SandboxUnavailable, match="setpriv is not installed") as raised:
        choose("bubblewrap")
    assert "ordinary user" in raised.value.remedy
    row = next(row for row in examinations() if row.name == "started as")
    assert not row.ok
    assert row.detail == "root, without setpriv"


# --- as an ordinary user ---


def test_an_ordinary_user_is_given_the_strongest_wall(bubble: Bubblewrap) -> None:  # noqa: F811
    said = start(drop=True, rows=True)
    assert said["auto"] == "bubblewrap"
    rows = {name: (ok, detail) for name, ok, detail, _ in said["rows"]}
    assert rows["started as"][1].startswith("user ")
    escapes = {name: row for name, row in rows.items() if name.startswith("bubblewrap: ")}
    assert len(escapes) == len(probe._PURPOSE)
    assert all(ok for ok, _ in escapes.values()), escapes


# --- without namespaces ---


@pytest.mark.parametrize("drop", [True, False])
def test_without_namespaces_the_weaker_wall_or_none(bubble: Bubblewrap, drop: bool) -> None:  # noqa: F811
    """As an ordinary user, and as root in a container without privileges; never without any wall."""
    said = start(drop=drop, filtered=True, rows=True)
    problem, remedy = said["bubblewrap refused"]
    assert problem
    assert "user namespaces" in remedy
    rows = {name: (ok, detail, remedy) for name, ok, detail, remedy in said["rows"]}
    ok, _, what_to_do = rows["user namespaces"]
    assert not ok
    assert what_to_do
    if "auto" in said:
        assert said["auto"] == "landlock"
        held = {name: row for name, row in rows.items() if name.startswith("landlock: ")}
        assert len(held) == len(probe._PURPOSE)
        open_to_all = ("landlock: other processes cannot be seen", "landlock: the grader's command line cannot be seen")
        assert {name for name, row in held.items() if not row[0]} <= set(open_to_all), held
    else:
        problem, remedy = said["auto refused"]
        assert "landlock" in problem
        assert "--sandbox plain" in remedy


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_root_in_a_closed_place_without_namespaces_is_refused_with_the_reason(bubble: Bubblewrap) -> None:  # noqa: F811
    said = start(drop=False, filtered=True, opened=False)
    if "auto" in said:
        pytest.skip("Python lies where everybody can read it")
    problem, remedy = said["auto refused"]
    assert "closed to other users" in problem
    assert "bubblewrap" in remedy


def test_a_bubblewrap_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    monkeypatch.setattr(bubblewrap, "program", lambda: shutil.which("false"))
    monkeypatch.setattr(bubblewrap, "features", frozenset)
    with pytest.raises(SandboxUnavailable, match="bubblewrap failed") as raised:
        choose("bubblewrap")
    assert "user namespaces" in raised.value.remedy


def test_no_bubblewrap_at_all(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed") as raised:
        choose("bubblewrap")
    assert "Install the package" in raised.value.remedy


# --- what the doctor says ---


@pytest.mark.parametrize(
    ("switch", "value", "words"),
    [
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces"),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "bwrap-userns-restrict"),
    ],
)
def test_each_switch_that_forbids_namespaces_has_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: str, value: str, words: str
) -> None:
    monkeypatch.setattr(machine, "_trial", lambda: "unshare failed: Operation not permitted")
    monkeypatch.delenv("container", raising=False)
    path = tmp_path / "proc/sys" / switch
    path.parent.mkdir(parents=True)
    path.write_text(f"{value}\n")
    row = namespaces(tmp_path)
    assert (row.ok, row.detail) == (False, "unshare failed: Operation not permitted")
    assert words in row.remedy
    path.write_text(f"{1 - int(value)}\n")
    assert words not in namespaces(tmp_path).remedy


def test_a_container_without_privileges_has_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_trial", lambda: "refused")
    (tmp_path / ".dockerenv").touch()
    assert "--security-opt" in namespaces(tmp_path).remedy
    row = next(row for row in examinations(tmp_path) if row.name == "inside a container")
    assert row.detail == "yes"


def test_a_pod_is_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes' engines leave no file that says so."""
    monkeypatch.delenv("container", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not machine.contained(tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setattr(machine, "_trial", lambda: "refused")
    assert "seccompProfile" in namespaces(tmp_path).remedy


def an_unshare(folder: Path, without: str) -> None:
    """A program of that name before the real one, which refuses this option."""
    real = shutil.which("unshare")
    assert real
    folder.mkdir()
    (folder / "unshare").write_text(
        f'#!/bin/sh\ncase " $* " in *" {without} "*) echo "unshare: refused" >&2; exit 1;; esac\nexec {real} "$@"\n'
    )
    (folder / "unshare").chmod(0o755)


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_root_that_may_not_mount_is_told_to_be_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    an_unshare(tmp_path / "bin", "--propagation")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    row = next(row for row in examinations() if row.name == "started as")
    assert (row.ok, row.detail) == (False, "root that may not mount: unshare: refused")
    assert "runAsUser" in row.remedy
    assert machine.lacking().startswith(f"“started as”: {row.detail}. {row.remedy}")


def test_a_proc_that_is_covered_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = {(): "", ("--pid", "--fork", "--mount-proc"): "unshare: mount /proc failed: Operation not permitted"}
    monkeypatch.setattr(machine, "_as_anybody", lambda more: refusals[tuple(more)])
    row = machine.processes()
    assert (row.ok, row.detail) == (False, "unshare: mount /proc failed: Operation not permitted")
    assert "procMount: Unmasked" in row.remedy
    refusals[()] = "refused"
    assert machine.processes().detail == "not tried: no user namespaces"


def test_a_folder_of_devices_that_may_not_be_read(tmp_path: Path) -> None:
    assert attempts._entries(str(tmp_path / "none")) == []
    (tmp_path / "one").touch()
    assert attempts._entries(str(tmp_path)) == [tmp_path / "one"]


def test_another_system_has_its_remedy() -> None:
    row = machine._system("darwin")
    assert not row.ok
    assert "Lima" in row.remedy


def test_which_limit_of_memory_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Path:
        raise SandboxUnavailable("belongs to somebody else", remedy="systemd-run")

    monkeypatch.setattr(machine.cgroup, "delegated", refused)  # type: ignore[attr-defined]
    rows = {row.name: row for row in examinations()}
    assert rows["memory limit"].detail.endswith("a watchdog")
    assert (rows["control group"].ok, rows["control group"].remedy) == (False, "systemd-run")
    monkeypatch.setattr(machine.cgroup, "delegated", lambda: Path("/sys/fs/cgroup/app.slice"))  # type: ignore[attr-defined]
    rows = {row.name: row for row in examinations()}
    assert rows["memory limit"].detail.endswith("a control group")
    assert "/sys/fs/cgroup/app.slice" in rows["control group"].detail


def test_the_attempts_can_succeed() -> None:
    """Without a wall they do, so that their failing says something."""
    told = {row.name: row for row in probe.escapes(Plain())}
    got_out = {name.removeprefix("plain: ") for name, row in told.items() if not row.ok}
    assert len(told) == len(probe._PURPOSE)
    wanted = {
        "network",
        "reading",
        "writing",
        "processes",
        "signals",
        "command_lines",
        "abstract_sockets",
        "system_calls",
    }
    assert {probe._PURPOSE[name][0] for name in wanted} <= got_out
    assert all(row.remedy for row in told.values())


def test_an_inherited_descriptor_is_found(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(GUEST.parents[1])!r})
from autograder.sandbox.attempts import inherited
print(inherited(set()))
"""
    with (tmp_path / "log of the grader").open("w") as log:
        line = [sys.executable, "-c", script]
        given = subprocess.run(line, pass_fds=[log.fileno()], capture_output=True, text=True, check=True)
        kept = subprocess.run(line, capture_output=True, text=True, check=True)
        assert given.stdout == f"['{log.fileno()}: {tmp_path}/log of the grader']\n"
    assert kept.stdout == "[]\n"


def test_the_doctor_prints_a_table_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = (
        machine.Examination("sandbox bubblewrap", True, "0.8.0"),
        machine.Examination("weak", False, "why", "what to do"),
    )
    monkeypatch.setitem(doctor.__globals__, "examine", lambda: rows)
    doctor(state=tmp_path, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told[:2] == [
        {"name": "sandbox bubblewrap", "ok": "yes", "detail": "0.8.0", "remedy": ""},
        {"name": "weak", "ok": "NO", "detail": "why", "remedy": "what to do"},
    ]
    doctor(state=tmp_path, as_json=False)
    assert "what to do" in capsys.readouterr().out
