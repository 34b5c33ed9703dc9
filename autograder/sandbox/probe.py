"""Finds out what isolates on this very machine, by doing it: a tiny room must speak, and escapes must fail."""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import ConfigError, SandboxError, SandboxUnavailable
from autograder.frames import Frame
from autograder.records import Json, Limits
from autograder.sandbox import bubblewrap, ruleset, seccomp
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.landlock import Landlock
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import Outcome, Room, Sandbox

GUEST = Path(__file__).parents[1] / "guest"

_KINDS: Mapping[str, Callable[[], Sandbox]] = {"bubblewrap": Bubblewrap, "landlock": Landlock, "plain": Plain}
_WALLED = ("bubblewrap", "landlock")
"""Strongest first; ``plain`` is never chosen, only asked for."""
_LIMITS = Limits(run_seconds=20, memory_mb=512, disk_mb=32)
_HELLO = b"""
import os, sys
sys.path.insert(0, os.environ["AUTOGRADER_JOB"] + "/in")
from frames import Pipe, harden
pipe = Pipe.from_environment()
harden()
pipe.send({"kind": "ready"})
"""
_INSTALL = "Install the package `bubblewrap` (Debian, Ubuntu: apt-get install bubblewrap)."
_NAMESPACES = (
    "On Ubuntu 24.04 and later bubblewrap needs its AppArmor profile; in a container, user namespaces allowed."
)
_PURPOSE = {
    "network": ("no network", "Use bubblewrap."),
    "reading": ("files outside cannot be read", "Do not grade here: report this."),
    "writing": ("nothing outside can be written", "Do not grade here: report this."),
    "environment": ("the grader's environment cannot be read", "Do not grade here: report this."),
    "processes": ("other processes cannot be seen", "Use bubblewrap: it hides them."),
    "signals": ("other processes cannot be signalled", "Use bubblewrap."),
    "system_calls": ("dangerous system calls are refused", "Known for x86_64 and aarch64 only."),
}


@dataclass(frozen=True, slots=True)
class Examination:
    """One row of ``autograder doctor``."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def choose(kind: str = "auto") -> Sandbox:
    """The strongest sandbox that works here, or the one asked for; each is proved by running a room in it.

    Raises SandboxUnavailable, with what to do about it; ``auto`` never answers ``plain``.
    """
    if kind != "auto":
        return _proved(kind)
    problems = []
    for name in _WALLED:
        try:
            return _proved(name)
        except SandboxUnavailable as error:
            problems.append(f"{name}: {error.problem}")
    raise SandboxUnavailable(
        "nothing on this machine isolates well enough (" + "; ".join(problems) + ")",
        remedy=f"{_INSTALL} {_NAMESPACES} Or accept no isolation at all with --sandbox plain.",
    )


@functools.cache
def _proved(kind: str) -> Sandbox:
    if kind not in _KINDS:
        raise ConfigError(f"no such sandbox: {kind}", remedy=f"One of: auto, {', '.join(_KINDS)}.")
    sandbox = _KINDS[kind]()
    try:
        frames, outcome = speak(sandbox, {"hello.py": _HELLO})
    except SandboxUnavailable:
        raise
    except (SandboxError, OSError) as error:
        raise SandboxUnavailable(str(error), remedy=f"{_INSTALL} {_NAMESPACES}") from error
    if [frame.head.get("kind") for frame in frames] != ["ready"] or outcome.exit_code != 0:
        said = outcome.detail or outcome.log.strip()[-200:]
        raise SandboxUnavailable(f"a first room did not work: {said}", remedy=f"{_INSTALL} {_NAMESPACES}")
    return sandbox


def speak(sandbox: Sandbox, inputs: Mapping[str, bytes]) -> tuple[list[Frame], Outcome]:
    """Run the first of ``inputs`` in a small room and return what it said."""
    frames: list[Frame] = []
    room = Room(
        program=next(iter(inputs)),
        inputs={**inputs, "frames.py": (GUEST / "frames.py").read_bytes()},
        limits=_LIMITS,
    )
    outcome = sandbox.run(room, frames.append, lambda: False)
    return frames, outcome


def examine() -> tuple[Examination, ...]:
    """Everything about isolation that a teacher should know about this machine; takes about a second."""
    rows = [_works(kind) for kind in _WALLED]
    strongest = next((row.name.removeprefix("sandbox ") for row in rows if row.ok), None)
    rows += [_namespaces(), _root(), _filter(), _landlock(), _memory()]
    if strongest is not None:
        rows += _escapes(choose(strongest))
    return tuple(rows)


def _works(kind: str) -> Examination:
    try:
        _proved(kind)
    except SandboxUnavailable as error:
        return Examination(f"sandbox {kind}", False, error.problem, error.remedy)
    return Examination(f"sandbox {kind}", True, _version() if kind == "bubblewrap" else "works, reduced isolation")


def _version() -> str:
    said = subprocess.run([bubblewrap.program(), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    missing = {"--size", "--disable-userns"} - bubblewrap.features()
    return said.stdout.strip() + (f", too old for {', '.join(sorted(missing))}" if missing else "")


def _namespaces() -> Examination:
    try:
        allowed = int(Path("/proc/sys/user/max_user_namespaces").read_text("ascii"))
    except (OSError, ValueError):
        allowed = 0
    return Examination("user namespaces", allowed > 0, f"{allowed} allowed", _NAMESPACES)


def _root() -> Examination:
    if os.geteuid() != 0:
        return Examination("started as", True, f"user {os.geteuid()}")
    return Examination("started as", True, "root: rooms are given users of their own")


def _filter() -> Examination:
    program = seccomp.program()
    detail = f"{len(program) // 8} steps" if program else f"no table for {os.uname().machine}"
    return Examination("system-call filter", program is not None, detail, "Known for x86_64 and aarch64 only.")


def _landlock() -> Examination:
    abi = ruleset.version()
    return Examination(
        "Landlock", abi >= ruleset.SCOPE_ABI, f"version {abi}", "Needed without bubblewrap only: Linux 6.12."
    )


def _memory() -> Examination:
    return Examination("memory limit", True, "RLIMIT_DATA for each process, a watchdog for their sum")


def _escapes(sandbox: Sandbox) -> list[Examination]:
    """Really try to get out."""
    with _targets() as targets:
        inputs = {"escapes.py": (GUEST / "escapes.py").read_bytes(), "targets.json": json.dumps(targets).encode()}
        frames, outcome = speak(sandbox, inputs)
    said = {frame.head["name"]: frame.head for frame in frames if frame.head.get("kind") == "escape"}
    missing = {"held": False, "detail": f"not tried: {outcome.log.strip()[-200:]}"}
    return [
        _escape(f"{sandbox.name}: {title}", said.get(name, missing), remedy)
        for name, (title, remedy) in _PURPOSE.items()
    ]


def _escape(title: str, said: Mapping[str, Json], remedy: str) -> Examination:
    return Examination(title, bool(said["held"]), str(said["detail"]), remedy)


@contextmanager
def _targets() -> Iterator[dict[str, Json]]:
    """Plant what a room must not reach: a file, a listener, a variable (the grader's PATH)."""
    with (
        tempfile.TemporaryDirectory(prefix="autograder-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        secret = Path(folder, "secret")
        secret.write_text("secret", "ascii")
        for path, mode in ((secret, 0o666), (Path(folder), 0o777)):
            path.chmod(mode)
        yield {
            "port": listener.getsockname()[1],
            "secrets": [str(secret), *_files_at_home()],
            "outside": [folder, "/", "/usr/lib", "/etc", sys.prefix, sys.base_prefix],
            "marker": os.environ.get("PATH", "autograder-without-path"),
            "pid": os.getpid(),
            "name": Path(sys.executable).name,
        }


def _files_at_home() -> list[str]:
    try:
        found = sorted(str(path) for path in Path.home().iterdir() if path.is_file())
    except (OSError, RuntimeError):  # no home, or closed even to us
        return []
    return found[:10]
