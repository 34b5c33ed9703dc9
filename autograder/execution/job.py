"""What is to be run, and the room in which it is run."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.datasets import DataSet, label_files
from autograder.execution.notebook import Document
from autograder.execution.warmth import profits
from autograder.records import Execution, Json, Ledger, Limits, Showing
from autograder.sandbox.room import Room

GUEST = Path(__file__).resolve().parent.parent / "guest"
SHARED = ("preprocessing.py", "repairs.py", "familiar.py", "parcel.py")
"""What this side and the room read with one code."""
ELSEWHERE = frozenset(["probe.py", "escapes.py", "trainer.py"])
"""What begins other rooms than this one."""
LATE = frozenset(["cells.json", "spoken.txt", "files.zip"])
"""What is about the submission alone."""
PLACES = ("/kaggle",)
"""Where Kaggle keeps its data: writable in room 1, where the wall can make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something to show while people wait."""

    stage: str
    """``starting``, ``cell``, ``training`` or ``reading``."""
    cell: int = 0
    """1-based number of the cell that runs, in the notebook as handed in."""
    cells: int = 0
    """Cells of the notebook."""
    text: str = ""
    """``epoch 3/5``."""


OnEvent = Callable[[Event], None]
Prepare = Callable[[Ledger, Execution], Showing | None]
"""From the ledger and the execution so far, its cells and artifacts, to what models that stay in the kernel are shown;
None where there is no model to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook and all that its outcome depends on."""

    notebook: bytes
    """nbformat 4 JSON."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """The submission's other files: relative POSIX path -> content."""
    data: DataSet
    data_file: Path
    """``datasets.room_file(data, ...)``."""
    others: Mapping[str, Path] = field(default_factory=dict)
    """Further data sets that the notebook may load by name: name for people -> a file of the same form as
    ``data_file``."""
    limits: Limits = field(default_factory=Limits)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    seed: int = 20
    device: str = "cpu"
    threads: int = 2
    environment: Mapping[str, str] = field(default_factory=dict)
    rehearsal: bool = False
    """A few steps of each training only: what the notebook would cost."""
    share: float = 1.0
    """Of the steps of each epoch that trainings take: 1, 1/2, 1/4 ..."""
    whole_tests: bool = True
    """Whether a share leaves the public test set whole where it is the validation data."""
    shared: bool = False
    """Whether other notebooks may use its GPU meanwhile, and with it the GPU's memory, which nothing divides."""
    reuse: bool = False
    """Whether its kernel may ask for trainings that took place before. On a GPU no two trainings are alike to the last
    bit: there it never does."""


def room(job: Job, document: Document) -> Room:
    """Room 1: our programs, the sources of the code cells, the student's files and the public data."""
    inputs: dict[str, bytes | Path] = {**programs()}
    inputs["job.json"] = json.dumps(_orders(job)).encode()
    inputs["cells.json"] = json.dumps(document.orders()).encode()
    inputs["spoken.txt"] = (document.spoken or "").encode()
    inputs["files.zip"] = _archive(job.files)
    inputs["data.npz"] = job.data_file
    inputs |= {file: job.others[name] for name, file in _others(job).items()}
    return Room(  # noqa: S604 (``shell`` is a promise about /usr/bin, not about subprocess)
        program="runner.py",
        inputs=inputs,
        limits=job.limits,
        shell=True,
        device=job.device,
        environment=threads(job.threads) | dict(job.environment),
        unreadable=tuple(path for name in (job.data.card.name, *job.others) for path in label_files(name)),
        places=PLACES,
        late=LATE if profits(document, job.files) else frozenset(),
    )


def programs() -> dict[str, Path]:
    """Name in the room -> file: what lies in ``guest/`` and its folders, and what is shared."""
    found = {path.relative_to(GUEST).as_posix(): path for path in (*GUEST.glob("*.py"), *GUEST.glob("*/*.py"))}
    ours = {name: path for name, path in sorted(found.items()) if name not in ELSEWHERE}
    return ours | {name: GUEST.parent / name for name in SHARED}


def _others(job: Job) -> dict[str, str]:
    """Name of each further data set -> name of its file in the room; the set may be called after a path."""
    plain = {name: re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem)[:60] for name in job.others}
    return {name: f"data-{number}-{plain[name]}.npz" for number, name in enumerate(job.others, start=1)}


def injected(job: Job) -> dict[str, Json]:
    """Papermill's parameters; the path of the data is added inside the room, where it is known."""
    return {**job.parameters, "autograder_seed": job.seed}


def asks(job: Job) -> bool:
    """Whether its kernel is to ask for trainings."""
    return job.reuse and not job.rehearsal and job.device == "cpu"


def _orders(job: Job) -> dict[str, Json]:
    card, limits = job.data.card, job.limits
    return {
        "seed": job.seed,
        "parameters": injected(job),
        "data": card.name,
        "others": _others(job),
        "stride": card.train_stride,
        "train_rows": card.train_rows,
        "test_rows": card.test_rows,
        "classes": card.classes,
        "cell_seconds": limits.cell_seconds,
        "run_seconds": limits.run_seconds,
        "output_mb": limits.output_mb,
        "outputs": limits.outputs,
        "rehearsal": job.rehearsal,
        "share": job.share,
        "whole_tests": job.whole_tests,
        "reuse": asks(job),
    }


def threads(count: int) -> dict[str, str]:
    """Variables that hold a room's libraries to so many threads: the last bits of a training depend on it."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    # OpenMP's threads wait in a loop by default, which takes the processor from the notebooks beside this one.
    return dict.fromkeys(names, str(count)) | {"OMP_WAIT_POLICY": "PASSIVE"}


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Raises ValueError for a path that would leave the working folder: intake lets none through."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"unsafe path in a submission: {name!r}")
            archive.writestr(zipfile.ZipInfo(str(path)), content)
    return buffer.getvalue()
