"""The command lines of bubblewrap, as pure lists; nothing is started here."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SandboxUnavailable
from autograder.records import Limits
from autograder.sandbox import cuda
from autograder.sandbox.job import Interpreter, Job, environment, gpu_number
from autograder.sandbox.limits import MB
from autograder.sandbox.room import Room

ETC: Mapping[str, str] = {
    "passwd": "student:x:1000:1000:student:/home/student:/bin/sh\n",
    "group": "student:x:1000:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
"""All that a room knows of users and hosts."""

STAGE = Path("/tmp")  # noqa: S108  (that of root's first stage, which nobody else sees)

_STAGING = """
set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
stage=$1
shift
mount -t tmpfs -o mode=0755,size=1m,nosuid stage "$stage"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir "$stage/$2"; else : > "$stage/$2"; fi
    mount --bind "$1" "$stage/$2"
    shift 2
done
shift
mount --rbind "$stage" /tmp
exec "$@"
"""

_LIBRARIES = ("lib", "lib32", "lib64", "libx32")
_SHOWN = (
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/fonts",
    "/usr/share/fonts",
    "/usr/share/zoneinfo",
    "/nix/store",
)
ELSEWHERE = ("/content", "/kaggle/working")
"""Working folders of Google Colab and Kaggle: a notebook that was written there names them. The rest of ``/kaggle`` is
a place of its own: what is handed in never shows there."""
OURS = Path(__file__).parents[1]
"""This package, with its reference solutions: hidden where it is installed among the packages that a room sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the argument list of one room is made from."""

    room: Room
    job: Job
    python: Interpreter
    variables: Mapping[str, str]
    status_fd: int
    seccomp_fd: int | None
    stage: Mapping[Path, Path]
    """Where the outer stage shows a folder or file of the host; empty with a single stage."""
    features: frozenset[str]
    """Options that not every bubblewrap has."""


def room_variables(room: Room, python: Interpreter) -> dict[str, str]:
    shell = "/usr/bin" if room.shell else ""
    return environment(room, python, job="/job", home="/home/student", temporary="/tmp", shell=shell)  # noqa: S108


def sizes(limits: Limits, places: Sequence[str] = ()) -> dict[str, int]:
    """Bytes of each writable place; their contents count as memory, so their sum may exceed the disk limit."""
    disk = limits.disk_mb * MB
    own = {"/dev/shm": disk // 2, "/tmp": disk, "/home/student": max(disk // 4, 16 * MB), "/job/out": disk}  # noqa: S108
    return own | dict.fromkeys(places, disk)


def rebound(job: Job, python: Interpreter) -> dict[Path, Path]:
    """Give everything that may lie below a closed folder a place below ``STAGE``."""
    sources = [job.folder, *python.folders, *loose_hops(python), *job.files.values()]
    return {source: STAGE / str(number) for number, source in enumerate(dict.fromkeys(sources))}


def staged(stage: Mapping[Path, Path], folder: Path, uid: int) -> list[str]:
    """A command prefix for root: show the sources of ``stage`` where anyone can read them, and become ``uid``.

    ``folder`` is empty, and hidden from other users until the end. The shell is replaced by what follows, so that
    the room's bubblewrap is our own child and dies with us: a parent without privileges between the two could not kill
    a process of another user.
    """
    pairs = [part for source, place in stage.items() for part in (str(source), place.name)]
    unshare = [_tool("unshare"), "--mount", "--propagation", "private", "--"]
    setpriv = [_tool("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs", "--"]
    return [*unshare, _tool("sh"), "-c", _STAGING, "sh", str(folder), *pairs, "--", *setpriv]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SandboxUnavailable(f"{name} is not installed", remedy="Install util-linux, or start as an ordinary user.")
    return found


def inner(plan: Plan) -> list[str]:
    """Arguments of the room itself; the order matters, later mounts lie upon earlier ones."""
    return [
        *_namespaces(plan),
        *("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"),
        *_writable(plan),  # before Python, which may lie below /tmp or /home
        *(part for place in ELSEWHERE if plan.room.shell for part in ("--symlink", "/job/out", place)),
        *_system(plan.room.shell),
        *_python(plan),
        *_inputs(plan),
        *(_gpu() if gpu_number(plan.room.device) is not None else ()),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--clearenv", *(part for pair in plan.variables.items() for part in ("--setenv", *pair))),
        *("--chdir", "/job/out", "--json-status-fd", str(plan.status_fd)),
        *(() if plan.seccomp_fd is None else ("--seccomp", str(plan.seccomp_fd))),
    ]


def command(plan: Plan) -> list[str]:
    return [str(plan.python.executable), "-I", f"/job/in/{plan.room.program}"]


def _namespaces(plan: Plan) -> list[str]:
    return [
        *("--unshare-user", "--uid", "1000", "--gid", "1000"),
        *(["--disable-userns"] if "--disable-userns" in plan.features else []),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--hostname", "sandbox", "--die-with-parent", "--new-session"),
    ]


def _system(shell: bool) -> list[str]:
    bound, links = system(shell)
    return _ro_bind(*bound) + [part for place, target in links.items() for part in ("--symlink", target, place)]


def system(shell: bool) -> tuple[list[str], dict[str, str]]:
    """What every room sees of this machine, each at its own place: folders and files, then links and what they say."""
    libraries = [f"/usr/{name}" for name in _LIBRARIES]
    bound = list(filter(_exists, [*libraries, *(["/usr/bin"] if shell else []), *_SHOWN]))
    tops = [Path("/", name) for name in (*_LIBRARIES, *(["bin"] if shell else []))]
    links = {str(top): str(top.readlink()) for top in tops if top.is_symlink()}
    return [*bound, *(str(top) for top in tops if top.is_dir() and not top.is_symlink())], links


def _python(plan: Plan) -> list[str]:
    paths = [*plan.python.folders, *hidden_hops(plan.python, plan.room.shell)]
    shown = [part for path in paths for part in ("--ro-bind", _seen(path, plan.stage), str(path))]
    # A device that is bound without the right to open devices: reading the file is refused, not answered with nothing.
    shown += [part for path in plan.room.unreadable for part in ("--ro-bind", "/dev/null", str(path))]
    if not any(folder in OURS.parents for folder in plan.python.folders):
        return shown
    return [*shown, *_limited(4096, plan), "--tmpfs", str(OURS), "--remount-ro", str(OURS)]


def loose_hops(python: Interpreter) -> list[Path]:
    """Executables outside the folders: a system's ``/usr/bin/python3``, without the rest of ``/usr/bin``."""
    return [hop for hop in python.hops if not any(folder in hop.parents for folder in python.folders)]


def hidden_hops(python: Interpreter, shell: bool) -> list[Path]:
    """Of these, what is not seen by way of the system's folders: newer bubblewraps mount nothing upon a link there."""
    bound, links = system(shell)
    seen = {Path(place) for place in (*bound, *links)}
    return [hop for hop in loose_hops(python) if not seen & set(hop.parents)]


def _inputs(plan: Plan) -> list[str]:
    folder = plan.job.folder
    etc = [part for name in ETC for part in ("--ro-bind", _seen(folder / "etc" / name, plan.stage), f"/etc/{name}")]
    shown = [
        part
        for name, path in plan.job.files.items()
        for part in ("--ro-bind", _seen(path, plan.stage), f"/job/in/{name}")
    ]
    return [*etc, "--ro-bind", _seen(folder / "in", plan.stage), "/job/in", *shown]


def _writable(plan: Plan) -> list[str]:
    places = sizes(plan.room.limits, plan.room.places).items()
    return [part for place, size in places for part in (*_limited(size, plan), "--tmpfs", place)]


def _limited(size: int, plan: Plan) -> list[str]:
    return ["--size", str(size)] if "--size" in plan.features else []


def _gpu() -> list[str]:
    return [*(part for node in cuda.nodes() for part in ("--dev-bind", node, node)), *_ro_bind(*cuda.folders())]


def _seen(path: Path, stage: Mapping[Path, Path]) -> str:
    """Where the bubblewrap that makes the room finds a path of the host."""
    for source, place in stage.items():
        if path == source or source in path.parents:
            return str(place / path.relative_to(source))
    return str(path)


def _ro_bind(*paths: str) -> list[str]:
    return [part for path in paths for part in ("--ro-bind", path, path)]


def _exists(path: str) -> bool:
    return Path(path).exists()


def joined(arguments: Sequence[str] | Iterable[str]) -> bytes:
    """As ``--args`` wants them: nothing of this shows in a process list."""
    return b"".join(part.encode() + b"\0" for part in arguments)
