"""Notebooks that kill or flood: each has a room of its own, and limits of seconds."""

from __future__ import annotations

from dataclasses import replace

from autograder.records import Ending
from tests.attacks.record import Bomb

_MUST = "the cell to blame is named, what came before it is kept, nothing is left"
_ALONE = (
    "import os\nalone = sum(name.isdigit() for name in os.listdir('/proc')) < 12\n"
    "assert alone or os.environ.get('WALL') == 'landlock', 'no wall around this'\n"
)
"""Before what would harm a machine whose wall is none."""
_CELL = 2
_RUN = 4
_AT_THE_END = """import os, signal, time
calls = []
def last():
    calls.append(0)
    if len(calls) < 2:  # the first is the cell that follows
        return
"""
_PATIENT = {"cell_seconds": 30}
"""For what another limit is to stop, on a slow machine as well."""


def _loop(id: str, tries: str, cell: str, stopped_by: str = "killed six seconds after the interrupt") -> Bomb:
    return Bomb(
        id=id, tries=tries, stopped_by=stopped_by, must=_MUST, cell=cell, endings=(Ending.TIMED_OUT,), seconds=_CELL
    )


def _died(id: str, tries: str, cell: str) -> Bomb:
    return Bomb(
        id=id,
        tries=tries,
        stopped_by="the runner sees that the kernel is gone, or the host that the runner is",
        must=_MUST,
        cell=cell,
        endings=(Ending.DIED,),
        limits=_PATIENT,
    )


def _flood(id: str, tries: str, cell: str, stopped_by: str = "outputs are counted as they arrive") -> Bomb:
    return Bomb(
        id=id,
        tries=tries,
        stopped_by=stopped_by,
        must=_MUST,
        cell=cell,
        endings=(Ending.FLOODED,),
        seconds=5,
        limits=_PATIENT,
    )


BOMBS = (
    _loop(
        "swallowed-interrupt",
        "a loop that swallows every exception",
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass",
    ),
    _loop(
        "ignored-interrupt",
        "a loop that ignores SIGINT",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass",
    ),
    _loop(
        "interpreter-lock",
        "an hour in C code that holds the interpreter's lock",
        "import ctypes, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "ctypes.PyDLL(None).sleep(3600)",
    ),
    _loop(
        "stopped-kernel", "stops its own kernel with SIGSTOP", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
    ),
    _loop(
        "after-the-cell",
        "a hook that runs after the cell and never returns",
        "import time\ndef hook(*_):\n    while True:\n        try:\n            time.sleep(60)\n"
        "        except BaseException:\n            pass\nget_ipython().events.register('post_run_cell', hook)",
    ),
    Bomb(
        id="sleep",
        tries="sleeps for an hour",
        stopped_by="interrupted at the limit of a cell",
        must="the next cells run",
        cell="import time\ntime.sleep(3600)",
        endings=(Ending.TIMED_OUT,),
        after="ran",
        seconds=_CELL,
    ),
    Bomb(
        id="stopped-runner",
        tries="stops the program that runs it",
        stopped_by="the host, eight seconds after the limit of the run",
        must=_MUST,
        cell="import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True:\n    pass",
        endings=(Ending.TIMED_OUT,),
        seconds=_RUN,
        limits={"run_seconds": _RUN},
    ),
    Bomb(
        id="reading",
        tries="runs without end once all cells have run, while the kernel is read",
        stopped_by="the kernel is killed seven seconds after the limit of the run",
        must="all cells count as they ran, nothing is left",
        cell=_AT_THE_END + "    while True:\n        try:\n            time.sleep(60)\n        except BaseException:\n"
        "            pass\nget_ipython().events.register('pre_execute', last)",
        endings=(Ending.COMPLETED,),
        after="ran",
        seconds=_RUN,
        limits={**_PATIENT, "run_seconds": _RUN},
    ),
    Bomb(
        id="reading-without-a-runner",
        tries="stops the program that runs it once all cells have run",
        stopped_by="the host, eight seconds after the limit of the run",
        must="all cells count as they ran, nothing is left",
        cell=_AT_THE_END + "    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(3600)\n"
        "get_ipython().events.register('pre_execute', last)",
        endings=(Ending.COMPLETED,),
        after="ran",
        seconds=_RUN,
        limits={**_PATIENT, "run_seconds": _RUN},
    ),
    Bomb(
        id="forks",
        tries="forks without end",
        stopped_by="RLIMIT_NPROC inside, the number of processes outside",
        must=_MUST,
        cell=_ALONE + "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        endings=(Ending.DIED, Ending.OUT_OF_MEMORY),
        limits={**_PATIENT, "processes": 64},
    ),
    Bomb(
        id="memory-of-many",
        tries="takes memory in several processes, each within its own limit",
        stopped_by="the watchdog adds them up",
        must=_MUST,
        cell="import os, time\nfor _ in range(4):\n    if not os.fork():\n        x = bytearray(200 << 20)\n"
        "        for at in range(0, len(x), 4096):\n            x[at] = 1\n        time.sleep(60)\ntime.sleep(60)",
        endings=(Ending.OUT_OF_MEMORY,),
        seconds=5,
        limits=_PATIENT,
    ),
    Bomb(
        id="memory-in-files",
        tries="fills the file systems that live in memory",
        stopped_by="their contents count as memory",
        must=_MUST,
        cell="import time\nfor place in ('/tmp', '/job/out', '/kaggle', '/dev/shm'):\n    try:\n"
        "        with open(place + '/x', 'wb') as file:\n            while True:\n"
        "                file.write(b'x' * 1_000_000)\n"
        "    except OSError:\n        pass\ntime.sleep(60)",
        endings=(Ending.OUT_OF_MEMORY,),
        seconds=5,
        limits={**_PATIENT, "disk_mb": 256},
    ),
    Bomb(
        id="memory-of-nobody",
        tries="fills shared memory and maps none of it, and page tables",
        stopped_by="the watchdog counts what the kernel holds for the room as well",
        must=_MUST,
        cell=_ALONE + "import mmap, time\nheld = mmap.mmap(-1, 3 << 30)\nfor at in range(0, len(held), 1 << 24):\n"
        "    held[at : at + (1 << 24)] = b'x' * (1 << 24)\n    held.madvise(mmap.MADV_DONTNEED, at, 1 << 24)\n"
        "wide = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n"
        "for at in range(0, len(wide), 1 << 21):\n    wide[at]\ntime.sleep(60)",
        endings=(Ending.OUT_OF_MEMORY,),
        seconds=8,
        limits=_PATIENT,
    ),
    replace(
        _loop(
            "questions",
            "asks the host about trainings in sixty megabytes of brackets, and again",
            "import os, time\nplace = os.environ['AUTOGRADER_HANDOVER']\n"
            "body = b'fit?\\n{\"x\":[' + b'[],' * (20 << 20) + b'0]}'\n"
            "for number in range(1, 1000):\n"
            "    with open(place + '/.question', 'wb') as file:\n        file.write(body)\n"
            "    os.replace(place + '/.question', place + f'/question-{number}')\n"
            "    while not os.path.exists(place + f'/answer-{number}'):\n        time.sleep(0.01)",
            "what no kernel of ours would ask is not read, and nothing after it",
        ),
        after="ran",
        limits={"disk_mb": 256},
    ),
    Bomb(
        id="stack",
        tries="takes Python's recursion limit away and calls itself",
        stopped_by="the stack's own limit, memory, or the limit of a cell",
        must=_MUST,
        cell="import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __getattr__(self, name):\n"
        "        return getattr(self, name)\nrepr(A().x)",
        endings=(Ending.DIED, Ending.OUT_OF_MEMORY, Ending.TIMED_OUT),
        seconds=_CELL,
    ),
    replace(
        _flood("prints", "prints a gigabyte", "for _ in range(100_000):\n    print('x' * 10_000)"),
        # On a busy machine a kernel prints faster than anybody reads, and what waits is in its memory.
        stopped_by="outputs are counted as they arrive; what waits to be counted is memory",
        endings=(Ending.FLOODED, Ending.OUT_OF_MEMORY),
    ),
    _flood(
        "displays",
        "displays a hundred thousand outputs",
        "from IPython.display import display\nfor number in range(100_000):\n    display(number)",
    ),
    _flood(
        "metadata",
        "hides two hundred megabytes in the metadata of small outputs",
        "from IPython.display import display\nfor _ in range(40):\n"
        "    display({'text/plain': 'x'}, metadata={'a': 'x' * 5_000_000}, raw=True)",
    ),
    _flood(
        "error-text",
        "shows errors with messages of sixty megabytes, one after the other",
        "class Long(Exception):\n    def __str__(self):\n        return 'x' * 60_000_000\n"
        "    def _render_traceback_(self):\n        return ['x']\n"
        "while True:\n    try:\n        raise Long\n    except Long:\n        get_ipython().showtraceback()",
    ),
    _flood(
        "raw-output",
        "writes past the kernel, to the descriptor itself",
        "import os\nwhile True:\n    os.write(1, b'x' * 65536)",
        stopped_by="what the room writes past its runner is counted outside",
    ),
    _died("exit", "ends the kernel at once", "import os\nos._exit(0)"),
    _died("segfault", "reads address zero", "import ctypes\nctypes.string_at(0)"),
    _died("kill-all", "kills every process that it can see", _ALONE + "import time\nos.kill(-1, 9)\ntime.sleep(60)"),
    _died(
        "another-program",
        "puts another program in the kernel's place",
        "import os\nos.execv('/usr/bin/true', ['true'])",
    ),
    _died("signing-key", "signs its messages with another key", "get_ipython().kernel.session.key = b'x' * 32"),
    _died(
        "nonsense",
        "sends messages that are no JSON objects",
        "kernel = get_ipython().kernel\n"
        "kernel.session.send(kernel.iopub_socket, 'stream', 'abc', parent=kernel.get_parent());",
    ),
    _died(
        "deaf",
        "interrupts the program that runs it, again and again",
        "import os, signal, time\nwhile True:\n    os.kill(os.getppid(), signal.SIGINT)\n    time.sleep(0.1)",
    ),
)
