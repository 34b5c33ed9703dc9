"""The system-call filter of every room, as a classic BPF program made with ``struct`` alone.

A deny list: what notebooks legitimately call is open-ended, what they never need is not. Denied calls fail with EPERM
(sockets with EAFNOSUPPORT), which programs report and survive; a call of another architecture ends the process.
Layout of ``struct seccomp_data`` and the return values: Linux, ``include/uapi/linux/seccomp.h``.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000

# Classic BPF (linux/bpf_common.h): load a 32-bit word, jump if equal / if greater or equal / if any bit, return.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = 16  # each of the six arguments takes 8 bytes, its low word first on both machines

_X32_BIT = 0x40000000
_NEW_NAMESPACE = 0x7E020000
"""CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET."""
_TERMINAL_INJECTION = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into the terminal that started us."""
_NETLINK_ROUTE = 0
_LOCKS_OF_NOBODY = (37, 38)
"""F_OFD_SETLK and F_OFD_SETLKW: such locks name no process, so that nobody could be told to hold millions of them."""

_COMMON = {
    "clone3": 435,
    "fsconfig": 431,
    "fsmount": 432,
    "fsopen": 430,
    "fspick": 433,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "io_uring_setup": 425,
    "memfd_secret": 447,
    "mount_setattr": 442,
    "move_mount": 429,
    "open_tree": 428,
    "open_tree_attr": 467,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "quotactl_fd": 443,
}
"""Numbers given since Linux 5.1, the same on every architecture."""

X86_64: Mapping[str, int] = _COMMON | {
    "acct": 163,
    "add_key": 248,
    "adjtimex": 159,
    "bpf": 321,
    "chroot": 161,
    "clock_adjtime": 305,
    "clock_settime": 227,
    "clone": 56,
    "delete_module": 176,
    "fanotify_init": 300,
    "fcntl": 72,
    "finit_module": 313,
    "init_module": 175,
    "ioctl": 16,
    "ioperm": 173,
    "iopl": 172,
    "kcmp": 312,
    "kexec_file_load": 320,
    "kexec_load": 246,
    "keyctl": 250,
    "lookup_dcookie": 212,
    "memfd_create": 319,
    "migrate_pages": 256,
    "modify_ldt": 154,
    "mount": 165,
    "move_pages": 279,
    "msgget": 68,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "perf_event_open": 298,
    "personality": 135,
    "pivot_root": 155,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "ptrace": 101,
    "quotactl": 179,
    "reboot": 169,
    "request_key": 249,
    "semget": 64,
    "setdomainname": 171,
    "sethostname": 170,
    "setns": 308,
    "settimeofday": 164,
    "shmget": 29,
    "socket": 41,
    "swapoff": 168,
    "swapon": 167,
    "syslog": 103,
    "umount2": 166,
    "unshare": 272,
    "userfaultfd": 323,
    "uselib": 134,
    "vhangup": 153,
}

AARCH64: Mapping[str, int] = _COMMON | {
    "acct": 89,
    "add_key": 217,
    "adjtimex": 171,
    "bpf": 280,
    "chroot": 51,
    "clock_adjtime": 266,
    "clock_settime": 112,
    "clone": 220,
    "delete_module": 106,
    "fanotify_init": 262,
    "fcntl": 25,
    "finit_module": 273,
    "init_module": 105,
    "ioctl": 29,
    "kcmp": 272,
    "kexec_file_load": 294,
    "kexec_load": 104,
    "keyctl": 219,
    "lookup_dcookie": 18,
    "memfd_create": 279,
    "migrate_pages": 238,
    "mount": 40,
    "move_pages": 239,
    "msgget": 186,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "perf_event_open": 241,
    "personality": 92,
    "pivot_root": 41,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "ptrace": 117,
    "quotactl": 60,
    "reboot": 142,
    "request_key": 218,
    "semget": 190,
    "setdomainname": 162,
    "sethostname": 161,
    "setns": 268,
    "settimeofday": 170,
    "shmget": 194,
    "socket": 198,
    "swapoff": 225,
    "swapon": 224,
    "syslog": 116,
    "umount2": 39,
    "unshare": 97,
    "userfaultfd": 282,
    "vhangup": 58,
}


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture as the kernel names it (``AUDIT_ARCH_*``) and its calls that a filter mentions."""

    audit: int
    calls: Mapping[str, int]
    x32: bool = False


MACHINES: Mapping[str, Machine] = {
    "x86_64": Machine(0xC000003E, X86_64, x32=True),
    "aarch64": Machine(0xC00000B7, AARCH64),
}

# Not simply refused: decided by an argument, or refused with another error.
_SPECIAL = frozenset({"clone", "clone3", "fcntl", "ioctl", "personality", "socket"})


def program(machine: str | None = None, *, internet: bool = True) -> bytes | None:
    """Build the filter for bwrap's ``--seccomp`` or for prctl; None for a machine whose table is not known.

    ``internet=False`` also refuses IPv4 and IPv6 sockets, for rooms that share the host's network.
    """
    known = MACHINES.get(machine or platform.machine())
    if known is None:
        return None
    families = [socket.AF_UNIX, *([socket.AF_INET, socket.AF_INET6] if internet else [])]
    return b"".join(
        [
            *_right_architecture(known),
            *_refuse(number for name, number in known.calls.items() if name not in _SPECIAL),
            *_when(known.calls["clone3"], [_stop(errno.ENOSYS)]),  # glibc then falls back to clone, which can be judged
            *_when(known.calls["clone"], [*_if_any_bit(0, _NEW_NAMESPACE), _allow()]),
            *_when(known.calls["fcntl"], [*_unless_equal(1, _LOCKS_OF_NOBODY, errno.EINVAL), _allow()]),
            *_when(known.calls["ioctl"], [*_unless_equal(1, _TERMINAL_INJECTION), _allow()]),
            *_when(known.calls["personality"], [*_only(0, (0, 0xFFFFFFFF))]),
            *_when(known.calls["socket"], _sockets(families)),
            _allow(),
        ]
    )


def _right_architecture(machine: Machine) -> list[bytes]:
    start = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, machine.audit, yes=1),
        _step(_RETURN, KILL_PROCESS),
        _step(_LOAD, _NUMBER),
    ]
    return [*start, _step(_AT_LEAST, _X32_BIT, no=1), _stop(errno.EPERM)] if machine.x32 else start


def _refuse(numbers: Iterable[int]) -> list[bytes]:
    return [step for number in sorted(numbers) for step in (_step(_EQUAL, number, no=1), _stop(errno.EPERM))]


def _when(number: int, block: list[bytes]) -> list[bytes]:
    """Run a block, which returns on every path, for this call only."""
    return [_step(_EQUAL, number, no=len(block)), *block]


def _if_any_bit(argument: int, mask: int) -> list[bytes]:
    return [_argument(argument), _step(_ANY_BIT, mask, no=1), _stop(errno.EPERM)]


def _unless_equal(argument: int, values: Iterable[int], error: int = errno.EPERM) -> list[bytes]:
    refused = [step for value in values for step in (_step(_EQUAL, value, no=1), _stop(error))]
    return [_argument(argument), *refused]


def _only(argument: int, values: Iterable[int]) -> list[bytes]:
    allowed = [step for value in values for step in (_step(_EQUAL, value, no=1), _allow())]
    return [_argument(argument), *allowed, _stop(errno.EPERM)]


def _sockets(families: Iterable[int]) -> list[bytes]:
    """Allow these families, and of netlink the list of interfaces, without which libzmq aborts its program."""
    allowed = [step for family in families for step in (_step(_EQUAL, family, no=1), _allow())]
    interfaces = _when(socket.AF_NETLINK, _only(2, (_NETLINK_ROUTE,)))
    return [_argument(0), *allowed, *interfaces, _stop(errno.EAFNOSUPPORT)]


def _argument(index: int) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * index)


def _allow() -> bytes:
    return _step(_RETURN, ALLOW)


def _stop(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One ``struct sock_filter``; ``yes`` and ``no`` skip that many steps."""
    return struct.pack("=HBBI", code, yes, no, value)
