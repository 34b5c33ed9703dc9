"""The filter, judged by an interpreter of its own and against the kernel's headers."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from autograder.sandbox import seccomp
from autograder.sandbox.seccomp import AARCH64, ALLOW, KILL_PROCESS, MACHINES, X86_64

NEW_USER = 0x10000000
THREAD = 0x003D0F00
"""The flags with which glibc starts a thread."""


def refused(error: int) -> int:
    return 0x00050000 | error


def judge(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """Run a classic BPF program on one call, as the kernel does."""
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, audit, 0, *arguments, *[0] * (6 - len(arguments)))
    at = accumulator = 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if holds else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        ("ptrace", (), refused(errno.EPERM)),
        ("memfd_create", (), refused(errno.EPERM)),
        ("bpf", (), refused(errno.EPERM)),
        ("io_uring_setup", (), refused(errno.EPERM)),
        ("unshare", (NEW_USER,), refused(errno.EPERM)),
        ("clone", (NEW_USER | 17,), refused(errno.EPERM)),
        ("clone", (THREAD,), ALLOW),
        ("clone", (17,), ALLOW),
        ("clone3", (), refused(errno.ENOSYS)),
        ("ioctl", (0, 0x5412), refused(errno.EPERM)),
        ("ioctl", (0, 0x541C), refused(errno.EPERM)),
        ("ioctl", (0, 0xFFFFFFFF_00005412), refused(errno.EPERM)),
        ("ioctl", (0, 0x5413), ALLOW),
        ("fcntl", (3, 37), refused(errno.EINVAL)),
        ("fcntl", (3, 38), refused(errno.EINVAL)),
        ("fcntl", (3, 6), ALLOW),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x0400000,), refused(errno.EPERM)),
        ("socket", (1,), ALLOW),
        ("socket", (2,), ALLOW),
        ("socket", (10,), ALLOW),
        ("socket", (16, 3, 0), ALLOW),
        ("socket", (16, 3, 12), refused(errno.EPERM)),
        ("socket", (17,), refused(errno.EAFNOSUPPORT)),
        ("socket", (40,), refused(errno.EAFNOSUPPORT)),
    ],
)
def test_verdicts(machine: str, call: str, arguments: tuple[int, ...], answer: int) -> None:
    known = MACHINES[machine]
    program = seccomp.program(machine)
    assert program is not None
    assert judge(program, known.audit, known.calls[call], *arguments) == answer


@pytest.mark.parametrize("machine", MACHINES)
def test_without_internet_only_local_sockets_remain(machine: str) -> None:
    known = MACHINES[machine]
    program = seccomp.program(machine, internet=False)
    assert program is not None
    verdicts = [judge(program, known.audit, known.calls["socket"], family, 3, 0) for family in (1, 16, 2, 10)]
    assert verdicts == [ALLOW] * 2 + [refused(errno.EAFNOSUPPORT)] * 2


def test_foreign_calls() -> None:
    program = seccomp.program("x86_64")
    assert program is not None
    i386, x32 = 0x40000003, 0x40000000
    assert judge(program, i386, 11) == KILL_PROCESS
    assert judge(program, MACHINES["x86_64"].audit, x32 | 1) == refused(errno.EPERM)
    assert judge(program, MACHINES["x86_64"].audit, 1) == ALLOW


def test_every_refused_call_of_the_table_is_refused() -> None:
    for machine, known in MACHINES.items():
        program = seccomp.program(machine)
        assert program is not None
        for name in known.calls.keys() - {"clone", "clone3", "fcntl", "ioctl", "personality", "socket"}:
            assert judge(program, known.audit, known.calls[name]) == refused(errno.EPERM), name


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.program("riscv64") is None


@pytest.mark.parametrize(
    ("header", "table"),
    [
        ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", X86_64),
        ("/usr/include/asm-generic/unistd.h", AARCH64),
    ],
)
def test_numbers_are_those_of_the_kernel(header: str, table: dict[str, int]) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    found = dict(re.findall(r"__NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    known = {name: int(found[name]) for name in table if name in found}
    assert known == {name: table[name] for name in known}
    assert len(known) > 50
