"""Shell commands of a notebook: what asks for a network, a server or another environment is answered, not run.

Texts in, texts out: a command line is cut into its simple commands, and each that is to be answered becomes a
``printf`` of the answer. The rest runs as it is: a room is a sandbox.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from . import packages

NOT_FETCHED = "nothing was fetched: there is no network here"
THERE = "the file that is there was used"
NO_SERVER = "no server was started"
NO_GPU = "no GPU is visible here"
LONGEST = 20_000
"""Characters of a command that is looked into."""


class Note(NamedTuple):
    """An ``Adaptation`` to be."""

    kind: str
    old: str
    new: str


class Answer(NamedTuple):
    """What is printed instead of running a command."""

    text: str
    notes: Sequence[Note]
    failed: bool = False


_OPERATORS = re.compile(r"\n|&&|\|\||;;|;|\|&?|(?<![<>&])&(?![>&])")


def rewritten(command: str) -> tuple[str, list[Note]]:
    """The command to run instead, and what of it was answered."""
    if len(command) > LONGEST or "<<" in command:
        return command, []
    notes: list[Note] = []
    pieces = []
    for text, operator in _simple(command):
        answer = answered(text)
        if answer is None:
            pieces.append(_runnable(text))
        else:
            notes += answer.notes
            said = f"printf '%s\\n' {shlex.quote(answer.text)}"
            pieces.append(f"{{ {said}; false; }}" if answer.failed else said)
        pieces.append(f" {operator} " if operator.strip() else operator)
    return "".join(pieces) if notes or _PIP.search(command) else command, notes


def _simple(command: str) -> list[tuple[str, str]]:
    """The simple commands with the operators after them; quotes hide operators."""
    found, start, place, quote = [], 0, 0, ""
    while place < len(command):
        letter = command[place]
        if letter == "\\" and quote != "'":
            place += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif operator := _OPERATORS.match(command, place):
            found.append((command[start:place], operator[0]))
            start = place = operator.end()
            continue
        place += 1
    return [*found, (command[start:], "")]


_PIP = re.compile(r"(?:^|[\s/])pip[\d.]*\s")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def _words(text: str) -> list[str]:
    """Program and arguments, without what stands around them: assignments, ``sudo``, redirections."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    while words and (
        _ASSIGNMENT.match(words[0]) or words[0] in ("sudo", "time", "nohup", "exec", "-E", "-H", "(", "{")
    ):
        words.pop(0)
    kept: list[str] = []
    skip = False
    for word in words:
        redirects = re.match(r"(?:\d|&)?>{1,2}(&?\S*)|<\S*$", word)
        if redirects is None and not skip:
            kept.append(word)
        skip = redirects is not None and not redirects[1]
    if kept:
        kept[0] = kept[0].lstrip("({").rpartition("/")[2]
    return kept


def _runnable(text: str) -> str:
    """``pip list`` through the interpreter: the script of that name need not work in a room."""
    return re.sub(r"^(\s*)pip[\d.]*\s", r"\1python -m pip ", text)


def answered(text: str) -> Answer | None:
    """The answer to one simple command; None for what is run."""
    words = _words(text)
    if len(words) > 2 and re.fullmatch(r"python[\d.]*", words[0]) and words[1] == "-m":
        words = words[2:]
    if words and words[0] in ("python", "pythonw") and words[1:2] == ["-mpip"]:
        words = ["pip", *words[2:]]
    if not words:
        return None
    program = re.sub(r"^(pip|easy_install)[\d.-]*$", r"\1", words[0])
    if program == "uv" and words[1:2] == ["pip"]:
        return _install(words[2:], text)
    if program in _INSTALLERS:
        return _install(words[1:], text)
    if program == "nvidia-smi":
        return None if _gpu() else Answer(_NVIDIA, [Note("absent", "nvidia-smi", NO_GPU)])
    if program in _SERVERS:
        return Answer(f"{program}: {NO_SERVER}.", [Note("absent", _short(text), NO_SERVER)])
    targets = _TARGETS.get(program)
    return _fetch(program, targets(words[1:]), text) if targets is not None and _fetches(program, words) else None


# --- installers ----------------------------------------------------------------------------------------------------

_INSTALLERS = frozenset(
    "pip conda mamba micromamba uv apt apt-get aptitude yum brew npm poetry pipenv easy_install dpkg".split()
)
_VERBS = frozenset(["install", "add", "download", "create", "i", "reinstall"])
_OTHER_VERBS = frozenset("uninstall remove purge update upgrade sync lock autoremove clean build-dep -i".split())


def _install(arguments: Sequence[str], text: str) -> Answer | None:
    """The answer to ``pip install ...``; nothing is ever changed in the environment."""
    verb = next((word for word in arguments if word in _VERBS or word in _OTHER_VERBS), None)
    if verb is None:
        return None
    rest = list(arguments[arguments.index(verb) + 1 :])
    if verb not in _VERBS:
        said = f"{_short(text)}: nothing is changed where notebooks are graded."
        return Answer(said, [Note("install", _short(text), "installed")])
    lines, notes = [], []
    for requirement in packages.requirements(rest):
        line, state = _requirement(requirement)
        lines.append(line)
        notes.append(Note("install", f"{_verb(text)} {requirement}", state))
    if not lines:
        return Answer(f"{_short(text)}: nothing was installed.", [Note("install", _short(text), "installed")])
    return Answer("\n".join(lines), notes)


def _requirement(requirement: str) -> tuple[str, str]:
    name, pin = packages.named(requirement)
    found = packages.installed(name)
    if found is None:
        return f"Not available here: {name} (nothing can be installed while a notebook is graded)", "missing"
    if pin and found and pin != found:
        return f"Requirement already satisfied: {name} (version {found} is used here, not {pin})", "installed"
    return f"Requirement already satisfied: {name}" + (f" ({found})" if found else ""), "installed"


def _verb(text: str) -> str:
    """``pip install`` of the command, up to its verb and without options."""
    words = []
    for word in _words(text):
        if not word.startswith("-") or word == "-m":
            words.append(word)
        if word in _VERBS:
            break
    return " ".join(words[-2:])


# --- downloads and servers -----------------------------------------------------------------------------------------


def _after(arguments: Sequence[str], *options: str) -> str:
    """Value of the first of these options."""
    for place, word in enumerate(arguments):
        for option in options:
            if word == option:
                return next(iter(arguments[place + 1 : place + 2]), "")
            if option.startswith("--") and word.startswith(f"{option}="):
                return word.partition("=")[2]
            if len(option) == 2 and word.startswith(option) and not word.startswith("--"):
                return word[2:]
    return ""


def _addresses(arguments: Sequence[str]) -> list[str]:
    return [word for word in arguments if "://" in word or re.match(r"[\w-]+(?:\.[\w-]+)+/", word)]


def _base(address: str) -> str:
    return re.split(r"[?#]", address)[0].rstrip("/").rpartition("/")[2]


def _wget(arguments: Sequence[str]) -> list[str]:
    out, folder = _after(arguments, "-O", "--output-document"), _after(arguments, "-P", "--directory-prefix")
    names = [out] if out else [_base(address) for address in _addresses(arguments)]
    return [os.path.join(folder, name) for name in names]  # noqa: PTH118


def _curl(arguments: Sequence[str]) -> list[str]:
    out = _after(arguments, "-o", "--output")
    return [out] if out else [_base(address) for address in _addresses(arguments)]


def _git(arguments: Sequence[str]) -> list[str]:
    places = [word for word in arguments[1:] if not word.startswith("-")]
    return [places[-1] if len(places) > 1 else _base(places[0]).removesuffix(".git")] if places else []


def _gdown(arguments: Sequence[str]) -> list[str]:
    return [_after(arguments, "-O", "--output")]


def _kaggle(arguments: Sequence[str]) -> list[str]:
    name = _after(arguments, "-c", "--competition") or _after(arguments, "-d", "--dataset")
    places = [word for word in arguments[2:] if not word.startswith("-")]
    return [f"{(name or (places[-1] if places else '')).rpartition('/')[2]}.zip"]


_TARGETS: Mapping[str, Callable[[Sequence[str]], list[str]]] = {
    "wget": _wget,
    "curl": _curl,
    "git": _git,
    "gdown": _gdown,
    "kaggle": _kaggle,
    **dict.fromkeys(("aria2c", "axel", "svn", "rclone", "gsutil", "gcloud", "aws", "huggingface-cli", "hf"), _curl),
}
"""Program that fetches something -> which files it would leave."""

_SERVERS = frozenset(
    "tensorboard ngrok streamlit localtunnel lt http.server jupyter-notebook jupyter-lab gradio".split()
)
_NVIDIA = "NVIDIA-SMI has failed: no GPU is visible where this notebook is graded."


def _fetches(program: str, words: Sequence[str]) -> bool:
    """``git status`` and ``wget --version`` fetch nothing."""
    if program == "git":
        return len(words) > 1 and words[1] in ("clone", "pull", "fetch", "push", "submodule", "lfs")
    return len(words) > 1 and words[1] not in ("--version", "--help", "-h", "-V")


def _fetch(program: str, targets: Sequence[str], text: str) -> Answer:
    there = [target for target in targets if target and os.path.exists(target)]  # noqa: PTH110
    if there and len(there) == len(targets):
        said = f"{program}: already there: {', '.join(there)}"
        return Answer(said, [Note("absent", _short(text), THERE)])
    return Answer(f"{program}: {NOT_FETCHED}.", [Note("absent", _short(text), NOT_FETCHED)], failed=True)


def _gpu() -> bool:
    return os.path.exists("/dev/nvidia0") and shutil.which("nvidia-smi") is not None  # noqa: PTH110


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 120 else plain[:119] + "…"
