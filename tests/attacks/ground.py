"""Where attacks take place: a teacher's folder full of secrets, a real room, and a look at what is left of it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autograder.datasets import DataSet, load, room_file
from autograder.execution import Event, Job, execute
from autograder.records import Execution, Json, Limits
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.job import interpreter
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from autograder.trainings import Trainings
from tests.notebooks import notebook

LIMITS = {
    "run_seconds": 90,
    "cell_seconds": 20,
    "memory_mb": 1024,
    "disk_mb": 64,
    "processes": 128,
    "output_mb": 2,
    "outputs": 500,
}
DATA = load("digits", split_seed=20, hidden_images=300)
VARIABLE = "GRADER_TOKEN"
TESTS_OWN = "mounted-by-a-test"
"""The name under which a test mounts a file system: it is not left by a room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A teacher's home, with one secret everywhere that no room may reach."""

    folder: Path
    secret: bytes
    files: tuple[Path, ...]

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """What must not be found in anything that comes out of a room."""
        labels = np.ascontiguousarray(DATA.y_hidden)
        return {
            "the planted word": self.secret,
            "labels of hidden images": labels.tobytes()[:64],
            "a hidden image": DATA.x_hidden[7].tobytes()[200:328],
            "the seed of the order of images": DATA.card.digest[-32:].encode(),
        }


def desk(folder: Path) -> Desk:
    """Plant the secret in labels, home, grades database and another student's work; the environment is the caller's."""
    secret = f"canary-{secrets.token_hex(16)}".encode()
    places = ("labels/hidden.npy", "home/.netrc", "home/notes.txt", "class/bob/projet.ipynb", "state/objects/ab/cd")
    for name in places:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a secret: " + secret + b"\n")
    with sqlite3.connect(folder / "grades.sqlite") as base:
        base.execute("create table grades (student text, secret text)")
        base.execute("insert into grades values ('bob', ?)", [secret.decode()])
    base.close()
    return Desk(folder=folder, secret=secret, files=(*(folder / name for name in places), folder / "grades.sqlite"))


@contextmanager
def targets(where: Desk) -> Iterator[str]:
    """Source of ``TARGETS``: all that somebody could guess who knows the machine; with a service to talk to."""
    with socket.create_server(("127.0.0.1", 0)) as service, socket.socket(socket.AF_UNIX) as abstract:
        name = f"attack-{os.getpid()}-{time.monotonic_ns()}"
        abstract.bind("\0" + name)
        abstract.listen()
        python = interpreter()
        known: dict[str, Json] = {
            "files": [str(path) for path in where.files],
            "folders": [str(where.folder), str(Path.home())],
            "variable": VARIABLE,
            "pid": os.getpid(),
            "port": service.getsockname()[1],
            "socket": name,
        }
        packages = ["/usr", "/lib", "/lib64", "/bin", *map(str, python.folders)]
        own = [*packages, "/home/student", "/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/hosts"]
        own += ["/etc/nsswitch.conf", "/etc/alternatives", "/etc/localtime", "/etc/fonts"]
        yield f"TARGETS = {known!r}\nPACKAGES = {tuple(packages)!r}\nKNOWN = {tuple(own)!r}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of a notebook, and how long it took."""

    execution: Execution
    store: Store
    seconds: float
    """All in all."""
    since_cell: Mapping[int, float] = field(default_factory=dict)
    """From the start of each cell, counted from 1, to the end of the room."""
    left: tuple[str, ...] = ()
    """What is still there of the room."""

    @property
    def states(self) -> list[str]:
        return [run.state.value for run in self.execution.cells]

    @property
    def cells(self) -> list[Json]:
        """Cells of the executed notebook, without the injected one."""
        assert self.execution.notebook is not None
        cells = json.loads(self.store.get(self.execution.notebook))["cells"]
        return [cell for cell in cells if "injected-parameters" not in cell["metadata"].get("tags", [])]

    def printed(self, cell: int) -> str:
        """All text that a cell, counted from 0, put out."""
        return "".join("".join(output.get("text", "")) for output in self.cells[cell]["outputs"])

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Each thing that came out of the room."""
        execution = self.execution
        kept = {"notebook": execution.notebook, "ledger": execution.ledger, **execution.artifacts}
        yield from ((name, self.store.get(digest)) for name, digest in kept.items() if digest is not None)
        yield "the record", repr(execution).encode()


def run(cells: Sequence[str], store: Store, *, data: DataSet = DATA, wall: Sandbox | None = None, **limits: int) -> Ran:
    """Run cells in a real room and look what is left of it."""
    wall = wall or Bubblewrap()
    mark = f"attack-{secrets.token_hex(8)}"
    began: dict[int, float] = {}

    def note(event: Event) -> None:
        if event.stage == "cell":
            began[event.cell] = time.monotonic()

    job = Job(
        notebook=notebook(*cells),
        data=data,
        data_file=room_file(data, store.root / "rooms"),
        limits=Limits(**{**LIMITS, **limits}),
        environment={"ATTACK": mark, "WALL": wall.name},
        reuse=True,
    )
    mounts = _mounts()
    start = time.monotonic()
    execution = execute(job, wall, store, on_event=note, trainings=Trainings(store=store))
    end = time.monotonic()
    left = [f"process {pid}" for pid in _marked(mark.encode())]
    left += [f"mount {line}" for line in _mounts() - mounts]
    return Ran(
        execution=execution,
        store=store,
        seconds=end - start,
        since_cell={cell: end - moment for cell, moment in began.items()},
        left=tuple(left),
    )


def leftovers(place: Path) -> list[str]:
    """Rooms that are still among the temporary files of this process, and control groups of ours."""
    names = [path.name for path in place.glob(f"autograder-{os.getpid()}-*")]
    groups = Path(f"/sys/fs/cgroup{Path('/proc/self/cgroup').read_text('ascii').rpartition(':')[2].strip()}")
    return names + [str(path) for path in groups.glob(f"*autograder-{os.getpid()}-*")]


@contextmanager
def temporary(place: Path) -> Iterator[None]:
    """Rooms are made in a folder of ours, so that what is left of them can be seen."""
    before, tempfile.tempdir = tempfile.tempdir, str(place)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _mounts() -> set[str]:
    """What this machine has mounted, but for what other tests, which run beside this one, mount under their name."""
    lines = Path("/proc/self/mounts").read_text("utf-8").splitlines()
    return {line for line in lines if not line.startswith(f"{TESTS_OWN} ")}


def _marked(mark: bytes) -> Iterator[str]:
    """Processes that were started from a room's environment, dead ones that nobody buried included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes():
                    yield entry.name
            except OSError:
                continue
