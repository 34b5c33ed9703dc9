"""Which commands of a notebook are answered instead of run, and with what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from autograder.guest.places import commands, packages, shell
from autograder.guest.places.shell import NO_GPU, NO_SERVER, NOT_FETCHED, THERE, Note


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a\n")
    return tmp_path


def notes(command: str) -> list[tuple[str, str]]:
    return [(note.old, note.new) for note in shell.rewritten(command)[1]]


def said(command: str) -> str:
    """What running the rewritten command prints."""
    return subprocess.run(
        ["bash", "-c", shell.rewritten(command)[0]], capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    "command",
    [
        "ls -l",
        "mkdir -p a/b && rm -rf a",
        "unzip -q data.zip || echo none",
        "git status; git reset --hard",
        "echo 'pip install x; wget y'",
        'echo "a && pip install b"',
        "python train.py --pip install",
        "cat data.csv | head -1 2>&1",
        "cp a b & sleep 1",
        "wget --version",
        "cat <<EOF\npip install x\nEOF",
        "x" * (shell.LONGEST + 1),
        "",
        "#",
    ],
)
def test_other_commands_run_as_they_are(command: str) -> None:
    assert shell.rewritten(command) == (command, [])


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("pip install -q numpy", [("pip install numpy", "installed")]),
        ("pip3 install --upgrade numpy==1.0 nosuchthing[extra]>=2", [("pip3 install numpy==1.0", "installed")]),
        ("sudo apt-get -qq install -y nosuchthing", [("apt-get install nosuchthing", "missing")]),
        ("python -m pip install -r none.txt", [("python -m pip install -r none.txt", "installed")]),
        ("/usr/bin/python3 -m pip install nosuchthing", [("pip install nosuchthing", "missing")]),
        ("conda install -c conda-forge -y numpy=1.2", [("conda install numpy=1.2", "installed")]),
        ("uv add numpy", [("uv add numpy", "installed")]),
        ("uv pip install nosuchthing", [("pip install nosuchthing", "missing")]),
        ("CUDA=1 pip install --index-x y numpy", [("pip install y", "missing"), ("pip install numpy", "installed")]),
        ("yes | pip uninstall tensorflow", [("pip uninstall tensorflow", "installed")]),
        ("nvidia-smi --list", [("nvidia-smi", NO_GPU)]),
        ("tensorboard --logdir logs &", [("tensorboard --logdir logs", NO_SERVER)]),
        ("python -m http.server 80", [("python -m http.server 80", NO_SERVER)]),
        ("curl -LO https://x.org/a.zip", [("curl -LO https://x.org/a.zip", NOT_FETCHED)]),
        ("wget -O data.csv https://x.org/1", [("wget -O data.csv https://x.org/1", THERE)]),
        ("wget https://x.org/data.csv?raw=1", [("wget https://x.org/data.csv?raw=1", THERE)]),
        ("kaggle competitions download -c digits", [("kaggle competitions download -c digits", NOT_FETCHED)]),
        ("gdown --id 1a2b3c", [("gdown --id 1a2b3c", NOT_FETCHED)]),
    ],
)
def test_what_asks_for_another_environment_is_noted(
    command: str, wanted: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "_gpu", lambda: False)
    assert notes(command)[: len(wanted)] == wanted


def test_a_version_that_is_asked_for_changes_nothing_and_is_said() -> None:
    version = packages.installed("numpy")
    assert (
        said("pip install 'numpy==0.1'")
        == f"Requirement already satisfied: numpy (version {version} is used here, not 0.1)\n"
    )
    assert said(f"pip install numpy=={version}") == f"Requirement already satisfied: numpy ({version})\n"


def test_the_commands_around_an_answer_are_run() -> None:
    assert said("echo a && pip install nosuchthing > log.txt; echo b | cat").split("\n")[::2] == ["a", "b"]
    assert said("wget https://x.org/none && echo got it || echo failed").endswith("failed\n")
    assert said("wget https://x.org/data.csv && echo got it").endswith("got it\n")


def test_what_is_said_reaches_the_shell_as_text() -> None:
    assert "'; echo oops; '" in said("pip install \"'; echo oops; '\"")
    assert "oops\n" not in said("pip install \"'; echo oops; '\"").replace("; echo oops; ", "")


def test_requirements_are_read_from_their_file(folder: Path) -> None:
    (folder / "requirements.txt").write_text("numpy==1.0  # old\n\n-e .\nnosuchthing\n")
    assert notes("pip install -r requirements.txt") == [
        ("pip install numpy==1.0", "installed"),
        ("pip install nosuchthing", "missing"),
    ]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("numpy", True),
        ("scikit_learn", True),
        ("sklearn", True),
        ("tensorflow-gpu", True),
        ("argparse", True),
        ("nosuchthing", False),
        ("..", False),
        ("", False),
    ],
)
def test_what_is_installed(name: str, there: bool) -> None:
    assert (packages.installed(name) is not None) == there


@pytest.mark.parametrize(
    ("requirement", "name", "pin"),
    [
        ("tensorflow==2.16.2", "tensorflow", "2.16.2"),
        ("keras=2.3", "keras", "2.3"),
        ("scikeras[tensorflow]>=0.1", "scikeras", ""),
        ("git+https://github.com/keras-team/keras-tuner.git@master", "keras-tuner", ""),
        ("https://x.org/torch-2.0-cp311.whl", "torch", ""),
        ("git+https://x.org/a#egg=imgaug", "imgaug", ""),
        ("./local", "local", ""),
        ("numpy; python_version < '4'", "numpy", ""),
    ],
)
def test_the_name_of_a_requirement(requirement: str, name: str, pin: str) -> None:
    assert packages.named(requirement) == (name, pin)


def test_a_command_is_run_without_a_terminal_to_wait_at() -> None:
    told: list[str] = []
    assert commands.run("cat; echo é; exit 3", told.append) == 3
    assert "".join(told) == "é\n"


def test_what_a_command_leaves_behind_is_not_waited_for() -> None:
    told: list[str] = []
    assert commands.run("(sleep 60 &) ; echo on", told.append) == 0
    assert "".join(told) == "on\n"


def test_a_command_that_is_interrupted_is_killed() -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commands.run("echo here; sleep 60", stop)


def test_notes_fit_an_adaptation() -> None:
    assert shell.rewritten("nosuch; pip install nosuchthing")[1] == [
        Note("install", "pip install nosuchthing", "missing")
    ]
    long = shell.rewritten("wget https://x.org/" + "y" * 500)[1][0]
    assert len(long.old) <= 200
