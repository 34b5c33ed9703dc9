"""Rooms without namespaces: Landlock for files and signals, a system-call filter for the network.

Weaker than bubblewrap, and labelled so in every grade: other processes can be counted, names of files can be tested,
files are on the host's disk and limited only by the watchdog. Numbers and structures: Linux,
``include/uapi/linux/landlock.h``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from autograder.errors import SandboxUnavailable
from autograder.sandbox import seccomp
from autograder.sandbox.job import Interpreter, interpreter
from autograder.sandbox.limits import GRACE_SECONDS
from autograder.sandbox.room import OnFrame, Outcome, Room

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM = (1 << bit for bit in (7, 8, 9, 10, 12))
REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in (13, 14, 15))
READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
CHANGE = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE

_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file-system rights each version knows; later ones know as many as 5."""
_NETWORK_ABI, _NETWORK = 4, 0b11
_SCOPE_ABI, _SCOPE = 6, 0b11
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2

_READABLE = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
_READABLE_TOO = ("/etc/fonts", "/usr/share/fonts", "/usr/share/zoneinfo", "/nix/store", "/etc/passwd", "/etc/nsswitch.conf")
_PROCESSOR = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system/cpu")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")
_RANDOM = ("/dev/random", "/dev/urandom")
