"""Rooms made by a container engine: for machines that have Docker or Podman, but forbid bubblewrap its namespaces.

The image is empty, and made on the spot: nothing is downloaded, and nothing has to be built. What a room sees besides
its inputs is what bubblewrap would show it, this machine's libraries and this very Python, mounted read-only. So the
packages in the room are those of the host by construction: a grade names one set of versions, and what a model answers
in the room is what it would answer here. An image with packages of its own would have to be built anew with each change
of them, and would be right only as long as somebody remembers to. The price is that the engine must run on this
machine, not in a virtual one as on macOS and Windows: there, the whole of autograder belongs into a Linux machine.

A GPU is handed over as its device files, without ``--gpus``: that asks for NVIDIA's toolkit, which would put this
machine's driver libraries into the image, and they are shown already.

Frames leave by the standard output of the engine's client and answers come by its standard input, since a container
inherits no other descriptor; ``entry.py`` moves them out of the way of what a notebook prints.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from autograder.errors import SandboxError, SandboxUnavailable
from autograder.sandbox import cuda, engine, entry, seccomp
from autograder.sandbox.arguments import ELSEWHERE, ETC, OURS, hidden_hops, room_variables, sizes, system
from autograder.sandbox.cgroup import Group, group_of
from autograder.sandbox.job import Interpreter, Job, Pipes, gpu_number, interpreter, lay, open_pipes, prepared
from autograder.sandbox.limits import GRACE_SECONDS, MB, ceiling, inside, threads_allowed
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.sandbox.watch import DRAIN_SECONDS, Breach, Child, Storage, attend, resident, tree

USER = 60999
"""A user id that neither distributions nor systemd give out, and that is within what rootless engines map."""

_ENGINE_FAILED = (125, 126, 127)
_KILLED = 137
"""The first process was: nobody in the room can do that, and only for lack of memory does the kernel."""
_BEYOND_SECONDS = 60
"""After the limit, a container ends itself: by then the grader and its watchdog must be gone."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_CLOSED = "closed"


class Container:
    """Needs an engine on this very machine that this user may use."""

    def __init__(self, name: str, grace: float = GRACE_SECONDS) -> None:
        self.name = name
        self._grace = grace

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """See ``Sandbox.run``."""
        limits = ceiling(room.limits, self._grace)
        require(self.name)
        with prepared(room) as job, _started(self.name, room, job, limits.seconds) as child:
            return judged(attend(child, limits, on_frame, cancelled), room, self.name)


@functools.cache
def require(name: str) -> str:
    """The version of an engine that answers; raises SandboxUnavailable."""
    if os.uname().sysname != "Linux":
        raise SandboxUnavailable(
            f"{name} runs in a virtual machine here, which does not have this system's Python",
            remedy="Run all of autograder in a Linux machine (Lima, Multipass, WSL 2): bubblewrap works there.",
        )
    return engine.version(name)


def judged(outcome: Outcome, room: Room, name: str) -> Outcome:
    """Tell the kernel's and the engine's own words from exit codes of the room's program."""
    if outcome.killed:
        return outcome
    if outcome.exit_code in _ENGINE_FAILED:
        raise SandboxError(
            f"{name} failed: {outcome.log.strip()[-300:] or 'it said nothing'}",
            remedy=f"Is its engine on this machine itself, not a virtual or a distant one? Try `{name} info`.",
        )
    if outcome.exit_code in (entry.OUT_OF_MEMORY, _KILLED):
        most = float(room.limits.memory_mb)
        found = Breach("memory", most, most)
        outcome = replace(outcome, exit_code=None, killed=found.killed, detail=found.detail)
        return replace(outcome, allowed=most, used=most, peak_memory_mb=most)
    code = outcome.exit_code or 0
    return replace(outcome, exit_code=code - entry.SIGNALLED + 128 if code > entry.SIGNALLED else code)


# --- the command line ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command of one container is made from."""

    engine: str
    name: str
    """Of the container; says nothing of whose notebook it is."""
    image: str
    room: Room
    job: Job
    python: Interpreter
    cores: int


def line(plan: Plan) -> list[str]:
    """Arguments for the engine's client, its own name left out."""
    return [
        *("run", "--rm", "--interactive", "--name", plan.name, "--pull", "never", "--log-driver", "none"),
        *_walls(plan),
        *_limits(plan),
        *_writable(plan.room),
        *_shown(plan),
        *(part for name in (*_PROXIES, *map(str.lower, _PROXIES)) for part in ("--env", f"{name}=")),
        *("--workdir", "/job/out", plan.image),
        *(str(plan.python.executable), "-I", "/job/entry/entry.py"),
    ]


def _walls(plan: Plan) -> list[str]:
    """``label=disable``: SELinux would hide this machine's Python, and to label it anew is not ours to do."""
    podman = ("--read-only-tmpfs=false", "--http-proxy=false") if plan.engine == "podman" else ()
    return [
        *("--network", "none", "--ipc", "private", "--hostname", "sandbox", "--read-only", *podman),
        *("--user", f"{USER}:{USER}", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
    ]


def _limits(plan: Plan) -> list[str]:
    """No ``nproc``: the kernel would add up the rooms of all graders, which have one user; ``pids`` is of this room."""
    limits = plan.room.limits
    return [
        *("--memory", f"{limits.memory_mb}m", "--memory-swap", f"{limits.memory_mb}m"),
        *("--pids-limit", str(threads_allowed(limits)), "--cpus", str(min(plan.cores, max(2, plan.cores - 1)))),
        *("--ulimit", f"nofile={limits.open_files}:{limits.open_files}", "--ulimit", "core=0:0"),
    ]


def _writable(room: Room) -> list[str]:
    places = sizes(room.limits, room.places)
    shared = places.pop("/dev/shm")  # noqa: S108
    return [
        *("--shm-size", str(shared)),
        *(part for place, size in places.items() for part in ("--tmpfs", f"{place}:rw,exec,size={size},mode=1777")),
    ]


def _shown(plan: Plan) -> list[str]:
    """Mounts, outer ones first: an engine that keeps the order of the command line must find the inner ones later."""
    bound, _ = system(plan.room.shell)
    nodes, libraries = (cuda.nodes(), cuda.folders()) if gpu_number(plan.room.device) is not None else ([], [])
    python = [*plan.python.folders, *hidden_hops(plan.python, plan.room.shell)]
    folder = plan.job.folder
    mounts = {str(path): str(path) for path in (*bound, *libraries, *python)}
    mounts |= {str(path): str(folder / _CLOSED) for path in plan.room.unreadable}
    mounts |= {f"/etc/{name}": str(folder / "etc" / name) for name in ETC}
    mounts |= {"/job/entry": str(folder / "entry"), "/job/in": str(folder / "in")}
    mounts |= {f"/job/in/{name}": str(path) for name, path in plan.job.files.items()}
    return [
        *(part for place, source in mounts.items() for part in ("--mount", _mount(source, place))),
        *(part for node in nodes for part in ("--device", node)),
        *(["--tmpfs", f"{OURS}:ro,size=4096"] if any(above in OURS.parents for above in plan.python.folders) else []),
    ]


def _mount(source: str, place: str) -> str:
    """One value of ``--mount``, which is a line of CSV: a path may hold a comma."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(
        ["type=bind", f"source={source}", f"destination={place}", "readonly"]
    )
    return written.getvalue()


def order(plan: Plan, seconds: float, filtered: bytes) -> dict[str, object]:
    """What ``entry.py`` is told."""
    limits = inside(plan.room.limits, device=plan.room.device, others=None)
    return {
        "argv": [str(plan.python.executable), "-I", f"/job/in/{plan.room.program}"],
        "variables": room_variables(plan.room, plan.python) | {"AUTOGRADER_LIMITS": limits},
        "filter": filtered.hex(),
        "memory": plan.room.limits.memory_mb * MB,
        "seconds": seconds + _BEYOND_SECONDS,
    }


# --- the container ---------------------------------------------------------------------------------------------------


@contextmanager
def _started(name: str, room: Room, job: Job, seconds: float) -> Iterator[Child]:
    """Start a container; when this is left, it is dead and removed."""
    _, links = system(room.shell)
    links |= dict.fromkeys(ELSEWHERE, "/job/out") if room.shell else {}
    plan = Plan(
        engine=name,
        name=f"room-{secrets.token_hex(8)}",
        image=engine.image(name, tuple(links.items())),
        room=room,
        job=job,
        python=interpreter(),
        cores=os.cpu_count() or 1,
    )
    _write(plan, seconds)
    with ExitStack() as stack:
        pipes = open_pipes()
        stack.callback(pipes.close_host)
        stack.callback(_removed, name, plan.name)
        process = _launch(plan, pipes)
        stack.callback(process.wait)
        end = functools.partial(_end, plan, process)
        stack.callback(end)
        gauge = _Gauge(plan, room.limits.memory_mb * MB)
        yield Child(
            process=process,
            root=process.pid,
            frames=pipes.frames,
            answers=pipes.answers,
            log=pipes.log,
            end=end,
            storage=Storage,
            gauge=gauge,
        )


def _write(plan: Plan, seconds: float) -> None:
    """The files of a container that no other kind of room has."""
    folder = plan.job.folder
    for name in ("etc", "entry"):
        (folder / name).mkdir(mode=0o755)
    for name, text in ETC.items():
        lay(folder / "etc" / name, text.replace("1000", str(USER)).encode("ascii"))
    (folder / _CLOSED).touch(mode=0o000)
    shutil.copyfile(entry.__file__, folder / "entry" / "entry.py")
    filtered = seccomp.program() or b""
    lay(folder / "entry" / "order.json", json.dumps(order(plan, seconds, filtered)).encode())
    for path in (folder / "entry").iterdir():
        path.chmod(0o644)


def _launch(plan: Plan, pipes: Pipes) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603
            [engine.program(plan.engine), *line(plan)],
            stdin=pipes.room_in,
            stdout=pipes.room_out,
            stderr=pipes.room_log,
            cwd="/",
            start_new_session=True,
        )
    finally:
        pipes.close_room()


def _end(plan: Plan, process: subprocess.Popen[bytes]) -> None:
    """Kill the container from outside, then the client, which may have nobody left to wait for."""
    if process.poll() is None:
        with suppress(SandboxUnavailable):
            engine.ask(plan.engine, "kill", plan.name, seconds=DRAIN_SECONDS)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)
        process.kill()


def _removed(name: str, container: str) -> None:
    """``--rm`` has done it, unless the client was killed too early."""
    code, said = engine.ask(name, "rm", "--force", container)
    if code != 0 and "no such" not in said.lower():
        raise SandboxError(
            f"{name} could not remove a room: {said[-200:]}", remedy=f"Type: {name} rm --force {container}"
        )


class _Gauge:
    """Measures from the host's side what the engine limits; where that cannot be seen, the limits hold all the same."""

    def __init__(self, plan: Plan, limit: int) -> None:
        self._plan = plan
        self._limit = limit
        self._first: int | None = None
        self._group: Group | None = None

    def used(self) -> int:
        if not self._found():
            return 0
        if self._group is not None:
            return self._group.used()
        return min(
            self._limit, sum(map(resident, self._tree()))
        )  # counts shared pages twice: told, and no reason to kill

    def processes(self) -> int:
        if not self._found():
            return 0
        return self._group.processes() if self._group is not None else len(self._tree())

    def exhausted(self) -> bool:
        return self._group is not None and self._group.exhausted()

    def _tree(self) -> list[int]:
        return tree(self._first) if self._first is not None else []

    def _found(self) -> bool:
        if self._first is None:
            with suppress(SandboxUnavailable):
                code, said = engine.ask(self._plan.engine, "inspect", "--format", "{{.State.Pid}}", self._plan.name)
                if code == 0 and said.isdigit() and int(said) > 0:
                    self._first = int(said)
                    self._group = group_of(self._first, self._limit)
        return self._first is not None
