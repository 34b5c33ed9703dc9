"""Tries to get out of a room, harmlessly, and says what it could reach.

One frame for each attempt: ``{"kind": "escape", "name", "held", "detail"}``. ``targets.json`` says what to look for.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_IN = Path(os.environ.get("AUTOGRADER_JOB", "/job"), "in")
sys.path.insert(0, str(_IN))

from frames import Pipe, harden  # type: ignore[import-not-found]  # noqa: E402

_NEW_USER_NAMESPACE = 0x10000000
_VSOCK = 40

Attempt = tuple[bool, str]


def network(targets: dict[str, Any]) -> Attempt:
    """A listener on the host's loopback."""
    try:
        with socket.create_connection(("127.0.0.1", targets["port"]), timeout=2):
            return False, "a listener of the host answered"
    except OSError as error:
        return True, str(error)


def reading(targets: dict[str, Any]) -> Attempt:
    """A file planted for the purpose, and files in the home directory of whoever grades."""
    return _none_of(targets["secrets"], lambda path: Path(path).read_bytes())


def writing(targets: dict[str, Any]) -> Attempt:
    """Folders of the host, the system, the interpreter, and the kernel's settings."""
    return _none_of([*targets["outside"], "/proc/sys/kernel/core_pattern"], _touch)


def environment(targets: dict[str, Any]) -> Attempt:
    """A variable of the grader, in our own environment and that of any process."""
    found = [path for path in Path("/proc").glob("[0-9]*/environ") if targets["marker"].encode() in _content(path)]
    held = not found and targets["marker"] not in str(os.environ)
    return held, ", ".join(map(str, found)) or "nothing of the grader's environment"


def processes(targets: dict[str, Any]) -> Attempt:
    """Processes that are not of this room; to see them is not yet to reach them."""
    count = sum(name.isdigit() for name in _listed("/proc"))
    return count < 10, f"{count} processes are visible"


def signals(targets: dict[str, Any]) -> Attempt:
    """The grader itself."""
    if targets["name"].encode() not in _content(Path(f"/proc/{targets['pid']}/cmdline")):
        return True, "the grader cannot be seen"
    try:
        os.kill(targets["pid"], 0)
    except OSError as error:
        return True, str(error)
    return False, "the grader can be signalled"


def system_calls(targets: dict[str, Any]) -> Attempt:
    """Calls that the filter refuses: new namespaces, ptrace, sockets to the hypervisor."""
    libc = ctypes.CDLL(None, use_errno=True)
    attempts: dict[str, Callable[[], int]] = {
        "ptrace": lambda: int(libc.ptrace(0, 0, 0, 0)),
        "unshare": lambda: int(libc.unshare(_NEW_USER_NAMESPACE)),
    }
    allowed = [name for name, call in attempts.items() if call() == 0]
    try:
        socket.socket(_VSOCK, socket.SOCK_STREAM).close()
        allowed.append("vsock")
    except OSError:
        pass
    return not allowed, ", ".join(allowed) or "refused"


def _none_of(paths: list[str], attempt: Callable[[str], object]) -> Attempt:
    reached = []
    for path in paths:
        try:
            attempt(path)
        except OSError:
            continue
        reached.append(path)
    return not reached, ", ".join(reached) or "nothing"


def _touch(path: str) -> None:
    """Open for writing; what was made is removed, what was there is left as it is."""
    if Path(path).is_dir():
        place = Path(path, f"autograder-escape-{os.getpid()}")
        place.touch()
        place.unlink()
    else:
        os.close(os.open(path, os.O_WRONLY))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _listed(path: str) -> list[str]:
    try:
        return [entry.name for entry in Path(path).iterdir()]
    except OSError:
        return []


def main() -> None:
    pipe = Pipe.from_environment()
    harden()
    targets = json.loads((_IN / "targets.json").read_text("utf-8"))
    for attempt in (network, reading, writing, environment, processes, signals, system_calls):
        held, detail = attempt(targets)
        pipe.send({"kind": "escape", "name": attempt.__name__, "held": held, "detail": detail})


if __name__ == "__main__":
    main()
