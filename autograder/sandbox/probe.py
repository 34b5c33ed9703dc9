"""Finds out what isolates on this very machine, by doing it: a tiny room must speak, and escapes must fail."""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from autograder.errors import ConfigError, SandboxError, SandboxUnavailable
from autograder.frames import Frame
from autograder.records import Json, Limits
from autograder.sandbox import attempts, bubblewrap, container
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.container import Container
from autograder.sandbox.job import private
from autograder.sandbox.landlock import Landlock
from autograder.sandbox.machine import INSTALL, NAMESPACES, Examination, examinations, lacking
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import Outcome, Room, Sandbox

GUEST = Path(__file__).parents[1] / "guest"

_KINDS: Mapping[str, Callable[[], Sandbox]] = {
    "bubblewrap": Bubblewrap,
    "docker": functools.partial(Container, "docker"),
    "podman": functools.partial(Container, "podman"),
    "landlock": Landlock,
    "plain": Plain,
}
_WALLED = ("bubblewrap", "landlock")
"""Strongest first; ``plain`` is never chosen, only asked for. Nor is an engine, which not everybody may use, and which
keeps the image that is made for it."""
_ENGINES = ("docker", "podman")
BLIND_REMEDY = (
    "Use bubblewrap: behind Landlock, NVIDIA's drivers of version 570 and later do not start. See docs/sandbox.md."
)
"""They name their threads in ``/proc``, which Landlock opens to a room for all processes of its user, or not at all."""
_LIMITS = Limits(run_seconds=20, memory_mb=512, disk_mb=32)
_FOR_TENSORFLOW = Limits(run_seconds=120, memory_mb=8192, disk_mb=64)
_HELLO = b"""
import os, sys
sys.path.insert(0, os.environ["AUTOGRADER_JOB"] + "/in")
from frames import Pipe, harden
pipe = Pipe.from_environment()
harden()
pipe.send({"kind": "ready"})
"""
_SEES = (
    _HELLO.replace(b'pipe.send({"kind": "ready"})\n', b"")
    + b"""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"
import tensorflow as tf
found = tf.config.list_physical_devices("GPU")
pipe.send({"kind": "gpus", "names": [tf.config.experimental.get_device_details(one)["device_name"] for one in found]})
"""
)
_WHY = re.compile(r"cuInit|dlopen|CUDA|GPU")
"""What is about the GPU in a log that other libraries write to as well."""
_PURPOSE = {
    "network": ("no network", "Use bubblewrap."),
    "reading": ("files outside cannot be read", "Do not grade here: report this."),
    "writing": ("nothing outside can be written", "Do not grade here: report this."),
    "environment": ("the grader's environment cannot be read", "Do not grade here: report this."),
    "processes": ("other processes cannot be seen", "Use bubblewrap: it hides them."),
    "signals": ("other processes cannot be signalled", "Use bubblewrap."),
    "system_calls": ("dangerous system calls are refused", "Known for x86_64 and aarch64 only."),
    "command_lines": ("the grader's command line cannot be seen", "Use bubblewrap: it hides other processes."),
    "descriptors": ("nothing open is inherited", "Do not grade here: report this."),
    "settings": ("the kernel's settings cannot be changed", "Do not grade here: report this."),
    "abstract_sockets": ("sockets without a file cannot be reached", "Use bubblewrap; or Linux 6.12 for Landlock."),
    "tracing": ("no process outside can be traced", "Do not grade here: report this."),
    "devices": ("no device can be made or read", "Do not grade here: report this."),
    "kernel_doors": ("keys, hidden memory and new namespaces are refused", "Known for x86_64 and aarch64 only."),
}


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
        remedy=f"{INSTALL} {NAMESPACES} Or use --sandbox docker or podman where there is an engine; "
        "or accept no isolation at all with --sandbox plain.",
    )


@functools.cache
def _proved(kind: str) -> Sandbox:
    if kind not in _KINDS:
        raise ConfigError(f"no such sandbox: {kind}", remedy=f"One of: auto, {', '.join(_KINDS)}.")
    sandbox = _KINDS[kind]()
    try:
        # With the shell, as notebooks have it: what is shown of the system must not be in the way of Python.
        frames, outcome = speak(sandbox, {"hello.py": _HELLO}, shell=True)  # noqa: S604
    except SandboxUnavailable:
        raise
    except (SandboxError, OSError) as error:
        raise SandboxUnavailable(str(error), remedy=_advice(kind)) from error
    if [frame.head.get("kind") for frame in frames] != ["ready"] or outcome.exit_code != 0:
        said = outcome.detail or outcome.log.strip()[-200:]
        raise SandboxUnavailable(f"a first room did not work: {said}", remedy=_advice(kind))
    return sandbox


def _advice(kind: str) -> str:
    return f"Try `{kind} info`, and see docs/sandbox.md." if kind in _ENGINES else lacking()


def speak(
    sandbox: Sandbox,
    inputs: Mapping[str, bytes],
    *,
    limits: Limits = _LIMITS,
    device: str = "cpu",
    shell: bool = False,
) -> tuple[list[Frame], Outcome]:
    """Run the first of ``inputs`` in a room, a small one if nothing else is said, and return what it said."""
    frames: list[Frame] = []
    room = Room(
        program=next(iter(inputs)),
        inputs={**inputs, "frames.py": (GUEST / "frames.py").read_bytes()},
        limits=limits,
        device=device,
        shell=shell,
    )
    outcome = sandbox.run(room, frames.append, lambda: False)
    return frames, outcome


def sight(sandbox: Sandbox) -> Examination:
    """Whether TensorFlow finds a GPU in a room that is given one: where it does not, notebooks train on the processor
    and nobody is told; takes some ten seconds."""
    frames, outcome = speak(sandbox, {"sees.py": _SEES}, limits=_FOR_TENSORFLOW, device="gpu:0")
    names = [name for frame in frames if frame.head.get("kind") == "gpus" for name in frame.head.get("names") or ()]
    log = outcome.log.strip().splitlines() or ["none"]
    told = next(filter(_WHY.search, reversed(log)), log[-1])
    said = outcome.detail or told.rpartition("] ")[2][:200]
    remedy = f"pip install 'tensorflow[and-cuda]=={version('tensorflow')}'; see docs/sandbox.md."
    remedy = BLIND_REMEDY if sandbox.name == "landlock" else remedy
    return Examination(
        f"{sandbox.name}: TensorFlow sees the GPU", bool(names), ", ".join(map(str, names)) or said, remedy
    )


def examine() -> tuple[Examination, ...]:
    """Everything about isolation that a teacher should know about this machine; takes a few seconds."""
    walls = {kind: _works(kind) for kind in _KINDS if kind != "plain"}
    rows = [*walls.values(), *examinations()]
    for kind, wall in walls.items():
        if wall.ok and (kind not in _WALLED or not any(walls[above].ok for above in _WALLED[: _WALLED.index(kind)])):
            rows += escapes(choose(kind))
    return tuple(rows)


def _works(kind: str) -> Examination:
    try:
        _proved(kind)
    except SandboxUnavailable as error:
        unneeded = "" if kind in _WALLED else "Not needed where bubblewrap works. "
        return Examination(f"sandbox {kind}", False, error.problem, unneeded + error.remedy)
    return Examination(f"sandbox {kind}", True, _detail(kind))


def _detail(kind: str) -> str:
    if kind == "bubblewrap":
        return _version()
    return f"version {container.require(kind)}" if kind in _ENGINES else "works, reduced isolation"


def _version() -> str:
    said = subprocess.run([bubblewrap.program(), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    missing = {"--size", "--disable-userns"} - bubblewrap.features()
    return said.stdout.strip() + (f", too old for {', '.join(sorted(missing))}" if missing else "")


def escapes(sandbox: Sandbox) -> tuple[Examination, ...]:
    """Really try to get out, in every way we know."""
    with _targets() as targets:
        inputs = {
            "attempts.py": Path(attempts.__file__).read_bytes(),
            "escapes.py": (GUEST / "escapes.py").read_bytes(),
            "targets.json": json.dumps(targets).encode(),
        }
        frames, outcome = speak(sandbox, inputs)
    said = {frame.head["name"]: frame.head for frame in frames if frame.head.get("kind") == "escape"}
    missing = {"held": False, "detail": f"not tried: {outcome.log.strip()[-200:]}"}
    return tuple(
        _escape(f"{sandbox.name}: {title}", said.get(name, missing), remedy)
        for name, (title, remedy) in _PURPOSE.items()
    )


def _escape(title: str, said: Mapping[str, Json], remedy: str) -> Examination:
    return Examination(title, bool(said["held"]), str(said["detail"]), remedy)


@contextmanager
def _targets() -> Iterator[dict[str, Json]]:
    """Plant what a room must not reach: a file, a listener, a variable (the grader's PATH)."""
    with (
        private() as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as nameless,
    ):
        abstract = f"autograder-{secrets.token_hex(8)}"
        nameless.bind("\0" + abstract)
        nameless.listen()
        secret = folder / "secret"
        secret.write_text("secret", "ascii")
        for path, mode in ((secret, 0o666), (folder, 0o777)):
            path.chmod(mode)
        yield {
            "abstract": abstract,
            "command": Path("/proc/self/cmdline").read_text("utf-8", "replace"),
            "port": listener.getsockname()[1],
            "secrets": [str(secret), *_files_at_home()],
            "outside": [str(folder), "/", "/usr/lib", "/etc", sys.prefix, sys.base_prefix],
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
