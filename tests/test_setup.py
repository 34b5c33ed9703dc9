"""The two commands of the README, as far as they can be held without installing anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = [ROOT / f"requirements{kind}.txt" for kind in ("", "-cluster", "-test")]


def pins(lock: Path) -> dict[str, str]:
    """Distribution and marker -> version."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = {}
    for line in lines:
        match = re.fullmatch(r"(\S+)==(\S+)( ; .+?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*", line)
        assert match, f"{lock.name}: not a pinned and hashed requirement: {line[:80]}"
        found[f"{match[1]}{match[3] or ''}"] = match[2]
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_is_pinned_and_hashed(lock: Path) -> None:
    assert len(pins(lock)) > 50


def test_tests_run_against_what_is_used() -> None:
    *used, tested = (pins(lock) for lock in LOCKS)
    for one in used:
        assert {name: tested.get(name) for name in one} == one


def test_every_direct_dependency_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {re.split(r"[ \[]", name)[0].lower().replace("_", "-") for name in pins(LOCKS[-1])}
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["cluster"],
        *project["optional-dependencies"]["test"],
    ]
    names = {re.split(r"[<>=!~\[; ]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names <= locked, sorted(names - locked)


def make(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    # MAKEFLAGS of an outer `make test` would reach into this one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what set-up needs, with nothing installed."""
    for name in ("Makefile", "requirements.txt", "requirements-test.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    return tmp_path


@needs_make
def test_an_old_python_is_refused_with_the_remedy(checkout: Path) -> None:
    old = checkout / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make("run", f"PYTHON={old}", cwd=checkout)
    assert done.returncode != 0
    assert "needs Python 3.11" in done.stderr
    assert "make run PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


@needs_make
def test_a_python_that_cannot_make_environments_leaves_nothing_half_made(checkout: Path) -> None:
    broken = checkout / "broken-python"
    broken.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p .venv/bin; exit 1\n')
    broken.chmod(0o755)
    done = make("run", f"PYTHON={broken}", cwd=checkout)
    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


@needs_make
def test_what_is_installed_is_not_installed_again_until_the_lock_changes(checkout: Path) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in (".venv/bin/python", ".venv/ready"):
        (checkout / name).touch()
    assert "pip install" not in make("-n", "run", cwd=checkout).stdout
    os.utime(checkout / ".venv/ready", (1, 1))
    assert "pip install" in make("-n", "run", cwd=checkout).stdout


@needs_make
def test_the_build_server_runs_what_people_run() -> None:
    recipe = make("-n", "test").stdout
    for step in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert step in recipe
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)


def sandbox(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("sh") or "/bin/sh"
    return subprocess.run(
        [shell, str(ROOT / ".ci/sandbox")],
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def program(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap is for Linux")
def test_without_bubblewrap_the_set_up_goes_on_and_says_what_to_do(tmp_path: Path) -> None:
    program(tmp_path, "uname", "echo Linux")
    program(tmp_path, "id", "echo 1000")
    nothing = sandbox(tmp_path)
    assert nothing.returncode == 0
    assert "install it by hand" in nothing.stdout
    program(tmp_path, "dnf", "exit 1")
    unasked = sandbox(tmp_path)
    assert unasked.returncode == 0
    assert "Ask an administrator for: dnf install -y bubblewrap" in unasked.stdout
    program(tmp_path, "sudo", '[ "$2" = true ]')
    failing = sandbox(tmp_path)
    assert failing.returncode == 0
    assert "could not be installed" in failing.stdout
    assert "weaker isolation" in failing.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bubblewrap is for Linux")
@pytest.mark.parametrize(("answer", "said"), [("exit 0", "bubblewrap works"), ("exit 1", "forbids it user namespaces")])
def test_bubblewrap_is_tried_not_only_found(answer: str, said: str, tmp_path: Path) -> None:
    program(tmp_path, "uname", "echo Linux")
    program(tmp_path, "bwrap", answer)
    done = sandbox(tmp_path)
    assert done.returncode == 0
    assert said in done.stdout
