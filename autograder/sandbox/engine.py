"""The container engines that there may be here, and the words with which they are asked."""

from __future__ import annotations

import functools
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence

from autograder.errors import SandboxUnavailable

ANSWER_SECONDS = 30.0

_VERSIONS: Mapping[str, str] = {"docker": "{{.Server.Version}}", "podman": "{{.Client.Version}}"}
_START: Mapping[str, str] = {
    "docker": "Start it: `sudo systemctl start docker`.",
    "podman": "Run `podman info`: it says what is missing.",
}
_LOCKED_OUT = (
    "Ask an administrator for Docker's rootless mode, or to be added to the group `docker` (which is as much as root); "
    "or use `--sandbox podman`, which needs neither."
)


def ask(engine: str, *words: str, given: bytes | None = None, seconds: float = ANSWER_SECONDS) -> tuple[int, str]:
    """Exit code and what it said; raises SandboxUnavailable when it does not answer in time."""
    line = [program(engine), *words]
    try:
        done = subprocess.run(line, input=given, capture_output=True, check=False, timeout=seconds)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise SandboxUnavailable(f"{engine} does not answer", remedy=_START[engine]) from None
    said = done.stdout if done.returncode == 0 else done.stderr
    return done.returncode, said.decode("utf-8", "replace").strip()


@functools.cache
def program(engine: str) -> str:
    """Path of the client; raises SandboxUnavailable."""
    found = shutil.which(engine)
    if found is None:
        raise SandboxUnavailable(
            f"{engine} is not installed",
            remedy=f"Install it, or leave `--sandbox {engine}` away: see `autograder doctor`.",
        )
    return found


def version(engine: str) -> str:
    """Of an engine that answers; raises SandboxUnavailable with what to do about one that does not."""
    code, said = ask(engine, "version", "--format", _VERSIONS[engine])
    if code == 0 and said:
        return said
    if "permission denied" in said.lower():
        raise SandboxUnavailable(f"{engine} does not let this user in", remedy=_LOCKED_OUT)
    last = said.splitlines()[-1][:200] if said else "it said nothing"
    raise SandboxUnavailable(f"{engine} is installed but does not run ({last})", remedy=_START[engine])


@functools.cache
def image(engine: str, links: tuple[tuple[str, str], ...]) -> str:
    """The name of an image that holds these links and nothing else, made where it is not there yet."""
    content = empty(links)
    name = f"localhost/autograder-room:{hashlib.sha256(content).hexdigest()[:12]}"
    if ask(engine, "image", "inspect", name)[0] != 0:
        code, said = ask(engine, "import", "-", name, given=content)
        if code != 0:
            raise SandboxUnavailable(f"{engine} cannot make an image: {said[-200:]}", remedy=_START[engine])
    return name


def empty(links: Sequence[tuple[str, str]]) -> bytes:
    """A tar archive of links alone, the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for place, target in links:
            entry = tarfile.TarInfo(place.lstrip("/"))
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(entry)
    return buffer.getvalue()
