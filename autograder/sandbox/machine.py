"""What of this machine makes rooms weaker than they could be, and what to do about it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import SandboxUnavailable
from autograder.sandbox import cgroup, ruleset, seccomp

INSTALL = "Install the package `bubblewrap` (Debian, Ubuntu: apt-get install bubblewrap)."
NAMESPACES = "See the rows “started as”, “user namespaces” and “/proc of a room” of `autograder doctor`."

_APPARMOR = (
    "Ubuntu's AppArmor keeps them from programs without a profile: install the package `apparmor-profiles`, then "
    "`sudo ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/` and "
    "`sudo systemctl reload apparmor`."
)
_SWITCHES: Mapping[str, tuple[str, str]] = {
    "user/max_user_namespaces": ("0", "`sudo sysctl user.max_user_namespaces=15000` allows them."),
    "kernel/unprivileged_userns_clone": ("0", "`sudo sysctl kernel.unprivileged_userns_clone=1` allows them."),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", _APPARMOR),
}
_INSIDE_CONTAINER = (
    "This container forbids them: grade on the machine itself, or start the container with `--security-opt seccomp=... "
    "--security-opt apparmor=unconfined` and a profile that allows unshare, clone, mount and pivot_root; in Kubernetes "
    "with `seccompProfile: {type: Unconfined}`, see docs/cluster.md."
)
_AS_A_USER = (
    "Start as an ordinary user, who needs no right of root's: `runAsUser: 1000` in Kubernetes, `--user 1000` with "
    "docker and podman. Or give this root CAP_SYS_ADMIN."
)
_UNMASKED = (
    "Something is mounted upon parts of this /proc, as engines do in their containers: `procMount: Unmasked` in "
    "Kubernetes, `--security-opt unmask=ALL` with podman, `--security-opt systempaths=unconfined` with docker."
)
_OTHER_SYSTEM = (
    "Run autograder in a Linux machine: Lima or Multipass on macOS, WSL 2 on Windows; bubblewrap works there."
)
_MARKS = ("/run/.containerenv", "/.dockerenv")
_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST")
"""What podman and systemd-nspawn set, and Kubernetes, whose engine leaves no mark."""


@dataclass(frozen=True, slots=True)
class Examination:
    """One row of ``autograder doctor``."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def examinations(root: Path = Path("/")) -> list[Examination]:
    """Rows about the machine itself; ``root`` is where its ``/proc`` and ``/run`` are looked for."""
    return [
        _system(),
        _user(),
        _container(root),
        namespaces(root),
        processes(),
        _filter(),
        _landlock(),
        _memory(),
        _group(),
    ]


def lacking() -> str:
    """What keeps bubblewrap from making rooms here and what to do about it, for those who cannot ask this machine."""
    rows = [row for row in (_user(), namespaces(), processes()) if not row.ok and row.remedy]
    return " ".join(f"“{row.name}”: {row.detail}. {row.remedy}" for row in rows) or NAMESPACES


def _system(platform: str = sys.platform) -> Examination:
    return Examination("system", platform == "linux", platform, _OTHER_SYSTEM)


def _user() -> Examination:
    if os.geteuid() != 0:
        return Examination("started as", True, f"user {os.geteuid()}")
    missing = [name for name in ("unshare", "setpriv") if shutil.which(name) is None]
    if missing:
        remedy = "Start as an ordinary user, or install util-linux: a room of root's is never made."
        return Examination("started as", False, f"root, without {' and '.join(missing)}", remedy)
    if problem := _said(["unshare", "--mount", "--propagation", "private", "--", "true"]):
        return Examination("started as", False, f"root that may not mount: {problem}", _AS_A_USER)
    return Examination("started as", True, "root: rooms are given users of their own")


def _container(root: Path) -> Examination:
    """Not a weakness in itself: whether it is one shows in the row about namespaces."""
    return Examination("inside a container", True, "yes" if contained(root) else "no")


def contained(root: Path = Path("/")) -> bool:
    return any((root / mark.lstrip("/")).exists() for mark in _MARKS) or any(name in os.environ for name in _VARIABLES)


def namespaces(root: Path = Path("/")) -> Examination:
    """User namespaces, by making one; the switches of the kernel only say why there is none."""
    problem = _trial()
    if not problem:
        return Examination("user namespaces", True, "can be made")
    return Examination("user namespaces", False, problem, _why_not(root))


def processes() -> Examination:
    """Whether a room can have a /proc with its own processes alone; the kernel allows it where all of /proc is seen."""
    if _trial():
        return Examination("/proc of a room", False, "not tried: no user namespaces")
    problem = _as_anybody(["--pid", "--fork", "--mount-proc"])
    return Examination("/proc of a room", not problem, problem or "can be mounted", _UNMASKED)


def _trial() -> str:
    return _as_anybody([])


def _as_anybody(more: list[str]) -> str:
    """Why a user namespace cannot be made, for an ordinary user: root's own would prove nothing."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if unshare is None or (os.geteuid() == 0 and setpriv is None):
        return "not tried: util-linux is not installed"
    line = [unshare, "--user", "--map-root-user", *more, "--", "true"]
    if os.geteuid() == 0:
        line = [str(setpriv), "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--", *line]
    return _said(line)


def _said(line: list[str]) -> str:
    """Of a command that fails, the last words; nothing of one that works."""
    done = subprocess.run(  # noqa: S603
        line, capture_output=True, text=True, check=False, env={"PATH": os.environ.get("PATH", os.defpath)}
    )
    return "" if done.returncode == 0 else next(reversed(done.stderr.strip().splitlines()), "refused")


def _why_not(root: Path) -> str:
    for name, (value, remedy) in _SWITCHES.items():
        try:
            if (root / "proc/sys" / name).read_text("ascii").strip() == value:
                return remedy
        except OSError:
            continue
    if contained(root):
        return _INSIDE_CONTAINER
    return (
        "Something forbids them, a security module or a filter of the service that started this: ask its administrator."
    )


def _filter() -> Examination:
    program = seccomp.program()
    detail = f"{len(program) // 8} steps" if program else f"no table for {os.uname().machine}"
    return Examination("system-call filter", program is not None, detail, "Known for x86_64 and aarch64 only.")


def _landlock() -> Examination:
    abi = ruleset.version() if sys.platform == "linux" else 0
    return Examination(
        "Landlock", abi >= ruleset.SCOPE_ABI, f"version {abi}", "Needed without bubblewrap only: Linux 6.12."
    )


def _memory() -> Examination:
    return Examination("memory limit", True, "RLIMIT_DATA for each process; for their sum, " + _in_force())


def _in_force() -> str:
    try:
        cgroup.delegated()
    except SandboxUnavailable:
        return "a watchdog"
    return "a control group"


def _group() -> Examination:
    try:
        return Examination("control group", True, f"rooms have their own below {cgroup.delegated()}")
    except SandboxUnavailable as error:
        return Examination("control group", False, error.problem, error.remedy)
