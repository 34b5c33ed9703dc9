"""What every kind of room is made of: a folder with its inputs, its Python, its environment and its pipes."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import shutil
import site
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.errors import SandboxError, SandboxUnavailable, output_error
from autograder.sandbox import cuda
from autograder.sandbox.room import Room

PIPE_BYTES = 1 << 20
"""Asked for, so that models leave a room in few turns; the kernel's default is 64 KiB."""

_PLAIN = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
_INPUT_NAME = re.compile(rf"{_PLAIN}(?:/{_PLAIN})?")
_ROOMS = itertools.count()
_SYSTEM_PREFIXES = (Path("/usr"), Path("/usr/local"))


@dataclass(frozen=True, slots=True)
class Job:
    """A folder of the host with a neutral name, removed when the room has ended."""

    folder: Path
    files: Mapping[str, Path]
    """Inputs that are shown from where they lie; in the folder there is an empty place for each."""

    @property
    def inputs(self) -> Path:
        return self.folder / "in"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """This Python, as a list of what must be readable for it to run."""

    executable: Path
    hops: tuple[Path, ...]
    """The executable, and each file that it is a link to."""
    folders: tuple[Path, ...]
    """The environment, the installation below it, and further package folders."""
    prefix: Path


@contextmanager
def prepared(room: Room, *, copy: bool = False) -> Iterator[Job]:
    """Write the inputs of a room; ``copy`` for rooms that cannot be shown a file from where it lies.

    The folder's parent is closed to other users, who get in only where a room is made for them.
    """
    if room.program not in room.inputs:
        raise SandboxError("the program is not among the inputs", place=room.program)
    with private() as parent:
        folder = parent / "job"
        for opened in (folder, folder / "in", *(folder / "in" / name for name in _folders(room.inputs))):
            opened.mkdir()
            opened.chmod(0o755)
        shown = {name: path for name, it in room.inputs.items() if (path := _place(folder / "in", name, it, copy))}
        yield Job(folder, shown)


@contextmanager
def private() -> Iterator[Path]:
    """A temporary folder closed to other users; should this process be killed, the next grader removes it.

    Raises OutputError.
    """
    try:
        sweep()
        folder = Path(tempfile.mkdtemp(prefix=f"autograder-{os.getpid()}-"))
    except OSError as error:
        raise output_error(error, Path(error.filename or "temporary files")) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def sweep() -> None:
    """Remove, once per process, what a grader that was killed has left among the temporary files."""
    for folder in Path(tempfile.gettempdir()).glob("autograder-*-*"):
        number = folder.name.split("-")[1]
        # Only our own: somebody else's folder of such a name is not ours to remove, and cannot be.
        if number.isdecimal() and not runs(int(number)) and _is_ours(folder):
            shutil.rmtree(folder, ignore_errors=True)


def runs(process: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _is_ours(folder: Path) -> bool:
    try:
        return folder.lstat().st_uid == os.getuid()
    except FileNotFoundError:  # another grader that has just started was faster
        return False


def _folders(names: Collection[str]) -> list[str]:
    """The folders in which inputs of these names lie; raises SandboxError for any name that could lead elsewhere."""
    for name in names:
        if not _INPUT_NAME.fullmatch(name):
            raise SandboxError("not a name for an input of a room", place=name[:80])
    found = sorted({name.partition("/")[0] for name in names if "/" in name})
    for name in found:
        if name in names:
            raise SandboxError("not a name for an input of a room and for a folder of others", place=name)
    return found


def lay(path: Path, content: bytes) -> None:
    """Write a file of a room; raises OutputError, since what the system says of a full disk names no file."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise output_error(error, path) from error


def _place(folder: Path, name: str, content: bytes | Path, copy: bool) -> Path | None:
    """Write an input, or an empty place for the file that is returned, which is to be shown there."""
    target = folder / name
    if isinstance(content, bytes):
        lay(target, content)
    elif not content.is_file():
        raise SandboxError("an input of a room is missing", place=str(content))
    elif copy or not content.stat().st_mode & stat.S_IROTH:  # a room's user could not read it where it lies
        shutil.copyfile(content, target)
    else:
        target.touch()
    target.chmod(0o644)
    return content.resolve() if isinstance(content, Path) and not target.stat().st_size else None


def interpreter() -> Interpreter:
    """Describe the Python that runs this."""
    executable = Path(sys.executable)
    hops = [executable]
    while hops[-1].is_symlink():
        hops.append(hops[-1].parent / hops[-1].readlink())
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()}
    folders = {Path(packages) for packages in site.getsitepackages()}
    for prefix in prefixes:
        folders |= {prefix / "lib", prefix / "lib64"} if prefix in _SYSTEM_PREFIXES else {prefix}
    return Interpreter(executable, tuple(hops), _outermost(folders), Path(sys.prefix))


def _outermost(folders: set[Path]) -> tuple[Path, ...]:
    """Drop what does not exist and what lies below another."""
    there = sorted(folder for folder in folders if folder.is_dir())
    return tuple(folder for folder in there if not any(other in folder.parents for other in there))


def environment(room: Room, python: Interpreter, *, job: str, home: str, temporary: str, shell: str) -> dict[str, str]:
    """The few variables of every room, then the room's own; nothing of the caller's environment."""
    device = room.device.partition(":")[2] if room.device.startswith("gpu:") else "-1"
    variables = {
        "AUTOGRADER_JOB": job,
        "CUDA_VISIBLE_DEVICES": device,
        "HOME": home,
        "IPYTHONDIR": f"{temporary}/ipython",
        "JUPYTER_PATH": str(python.prefix / "share" / "jupyter"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "KERAS_HOME": f"{home}/.keras",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": f"{temporary}/mpl",
        "PATH": ":".join(filter(None, (str(python.executable.parent), shell))),
        "PIP_NO_INDEX": "1",
        "PIP_RETRIES": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TMPDIR": temporary,
    }
    if device != "-1":
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        variables |= {"LD_LIBRARY_PATH": ":".join(found)} if (found := cuda.searched()) else {}
    return variables | dict(room.environment)


def gpu_number(device: str) -> int | None:
    """``gpu:2`` -> 2, ``cpu`` -> None."""
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return None
    if kind != "gpu" or not number.isdecimal():
        raise SandboxError("not a device; expected cpu or gpu:<n>", place=device[:80])
    return int(number)


@dataclass(frozen=True, slots=True)
class Pipes:
    """The host's three ends, and the room's three."""

    frames: int
    answers: int
    log: int
    room_out: int
    room_in: int
    room_log: int

    def close_room(self) -> None:
        for fd in (self.room_out, self.room_in, self.room_log):
            os.close(fd)

    def close_host(self) -> None:
        for fd in (self.frames, self.answers, self.log):
            os.close(fd)


def open_pipes() -> Pipes:
    frames, room_out = os.pipe()
    room_in, answers = os.pipe()
    log, room_log = os.pipe()
    for fd in (frames, answers):
        with suppress(PermissionError):  # the user has many large pipes already; a small one is only slower
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return Pipes(frames, answers, log, room_out, room_in, room_log)


def memory_file(content: bytes) -> int:
    """A descriptor from which a started program can read ``content``; nothing to name, nothing to remove."""
    fd = os.memfd_create("autograder")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def room_user() -> int:
    """A user id that nobody has, another one for each room: the kernel counts threads per user.

    Far above the ranges that distributions and container engines give out; inside a container with few ids, among
    the highest.
    """
    _, _, length = max(tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines())
    span = 1_000_000 if length > 1 << 31 else min(length // 8, 1000)
    base = 2_000_000_000 if length > 1 << 31 else length - 2000
    if base <= 1000:
        raise SandboxUnavailable("too few user ids in this container", remedy="Start as an ordinary user.")
    return base + (os.getpid() * 64 + next(_ROOMS)) % span
