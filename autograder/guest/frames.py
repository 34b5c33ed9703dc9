"""The room's end of the two private pipes, and the limits that a room's first program puts on itself.

Standard library only: this file is sent into rooms beside the programs that use it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import threading
from collections.abc import Mapping
from typing import Any

PR_SET_DUMPABLE = 4

_LIMITS = {
    "data_bytes": resource.RLIMIT_DATA,
    "threads": resource.RLIMIT_NPROC,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "core_bytes": resource.RLIMIT_CORE,
    "priority": resource.RLIMIT_NICE,
}
_NICE = 10
"""Of a room: a hundred processes that all compute leave time to the one that watches them."""


class Pipe:
    """Sends frames out of the room, and asks for answers."""

    def __init__(self, out: int, back: int) -> None:
        self._out = out
        self._back = back
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls) -> Pipe:
        """Take the descriptors named by the environment, and hide them from every program started from here."""
        out, back = int(os.environ.pop("AUTOGRADER_OUT")), int(os.environ.pop("AUTOGRADER_IN"))
        os.set_inheritable(out, False)
        os.set_inheritable(back, False)
        return cls(out, back)

    def send(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Send one frame; frames of several threads never mix."""
        with self._lock:
            self._send(head, body)

    def ask(self, head: Mapping[str, Any], body: bytes = b"") -> bytes:
        """Send one frame and wait for the bytes that answer it; raises EOFError when the host is gone."""
        with self._lock:
            self._send(head, body)
            (length,) = struct.unpack(">Q", self._receive(8))
            return self._receive(length)

    def _send(self, head: Mapping[str, Any], body: bytes) -> None:
        # "replace": a lone surrogate in a student's text becomes "?", the host refuses it otherwise.
        header = json.dumps(head, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        self._write(struct.pack(">I", len(header)) + header + struct.pack(">Q", len(body)))
        self._write(body)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._out, view) :]

    def _receive(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            part = os.read(self._back, min(length - len(content), 1 << 20))
            if not part:
                raise EOFError("the host closed the pipe")
            content += part
        return bytes(content)


def harden() -> None:
    """Lower this process's limits for good and close its memory to the programs that it starts."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    for name, wanted in json.loads(os.environ.pop("AUTOGRADER_LIMITS", "{}")).items():
        kind = _LIMITS[name]
        _, hard = resource.getrlimit(kind)
        value = int(wanted) if hard == resource.RLIM_INFINITY else min(int(wanted), hard)
        resource.setrlimit(kind, (value, value))
    os.nice(max(0, _NICE - os.nice(0)))
