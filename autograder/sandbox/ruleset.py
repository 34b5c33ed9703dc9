"""Landlock through ctypes: what a process may open from now on, and what it may signal.

Numbers and structures: Linux, ``include/uapi/linux/landlock.h`` and ``Documentation/userspace-api/landlock.rst``.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM = (1 << bit for bit in (7, 8, 9, 10, 12))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (13, 14, 15))

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEV
CHANGE = (
    WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE
)

SCOPE_ABI = 6
"""The first version that keeps signals and abstract sockets in (Linux 6.12)."""

_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_KNOWN_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_RIGHTS = 16
_NETWORK_ABI = 4
_EVERYTHING = 0b11  # network: bind and connect by TCP; scope: abstract sockets and signals
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _PATH_BENEATH = 1, 1
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2


def version() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_GET_VERSION))))


def enter(grants: Iterable[tuple[str, int]], filtered: bytes) -> None:
    """Confine this process and all that it will start to ``grants`` and to the calls that the filter allows.

    Paths that do not exist are passed over. Raises OSError, and then the process must not go on.
    """
    libc = _libc()
    abi = version()
    handled = (1 << _KNOWN_RIGHTS.get(abi, _ALL_RIGHTS)) - 1
    fields = [handled]
    fields += [_EVERYTHING] if abi >= _NETWORK_ABI else []
    fields += [_EVERYTHING] if abi >= SCOPE_ABI else []
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)))
    for path, rights in grants:
        _grant(ruleset, path, rights & handled)
    _checked(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)))
    os.close(ruleset)
    _filter(filtered)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, fd)
        arguments = (ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0))
        _checked(_libc().syscall(_ADD_RULE, *arguments))
    finally:
        os.close(fd)


def _filter(program: bytes) -> None:
    """Load a seccomp program; ``struct sock_fprog`` is a count and a pointer."""
    steps = ctypes.create_string_buffer(program, len(program))
    holder = struct.pack("@HP", len(program) // 8, ctypes.addressof(steps))
    _checked(_libc().prctl(_SET_SECCOMP, _SECCOMP_FILTER, holder, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc
