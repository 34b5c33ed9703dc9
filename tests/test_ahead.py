"""Rooms that wait for a submission: who gets one, what becomes of the others, and that nothing survives in them."""

from __future__ import annotations

import io
import json
import select
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.datasets import DataSet, load, room_file
from autograder.errors import MachineShort, SandboxUnavailable
from autograder.execution import Job, execute
from autograder.frames import Frame
from autograder.records import Execution, Limits
from autograder.sandbox import ahead as module
from autograder.sandbox import choose
from autograder.sandbox.ahead import LATE_BYTES, QUESTION, VARIABLE, Ahead, ahead, mould
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.room import OnFrame, Outcome, Room, Sandbox
from autograder.store import Store
from tests.notebooks import notebook
from tests.test_sandbox import GUEST, LIMITS, START

PATIENCE = 60.0
ROOM = Room(
    program="runner.py",
    inputs={"runner.py": b"", "data.npz": b"data", "cells.json": b"[1]"},
    limits=Limits(run_seconds=100),
    late=frozenset(["cells.json"]),
)


def never() -> bool:
    return False


@dataclass
class Rooms:
    """Rooms that tell what they were given; those that are started ahead ask for it."""

    name: str = "bubblewrap"
    cold: int = 0
    ahead: int = 0
    ended: int = 0
    """Rooms that were started ahead and are gone."""
    dies: bool = False
    """Whether a room that was started ahead ends before it has asked."""

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        early = VARIABLE in room.environment
        if not early:
            self.cold += 1
            on_frame(Frame({"kind": "ready", "late": {name: str(it) for name, it in room.inputs.items()}, "more": 0}))
            return Outcome(exit_code=0, seconds=1.0)
        self.ahead += 1
        try:
            if self.dies:
                return Outcome(exit_code=1, seconds=1.0)
            later = on_frame(Frame({"kind": QUESTION}))
            assert later is not None
            assert not isinstance(later, bytes)
            while not select.select([later], [], [], 0.01)[0]:
                if cancelled():
                    return Outcome(exit_code=None, killed="cancelled", seconds=0.0)
            content, more = later.answer()
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                late = {name: str(archive.read(name)) for name in archive.namelist()}
            on_frame(Frame({"kind": "ready", "late": late, "more": more}))
            return Outcome(exit_code=0, seconds=2.0)
        finally:
            self.ended += 1


@dataclass
class Heard:
    """What a room said, and on which thread."""

    frames: list[Frame] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __call__(self, frame: Frame) -> bytes | None:
        self.frames.append(frame)
        self.threads.add(threading.current_thread().name)
        return None


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def waiting(kept: Ahead) -> int:
    return len(kept.waiting)


@contextmanager
def kept(rooms: Sandbox, demand: dict[str, int]) -> Iterator[Ahead]:
    with ahead(rooms, lambda program: demand.get(program, 0)) as found:
        assert isinstance(found, Ahead)
        yield found


# --- who gets one ----------------------------------------------------------------------------------------------------


def test_the_second_submission_finds_a_room_that_waits() -> None:
    rooms, heard = Rooms(), Heard()
    with kept(rooms, {"runner.py": 2}) as pool:
        pool.run(ROOM, Heard(), never)
        assert (rooms.cold, waiting(pool)) == (1, 1)
        other = replace(ROOM, inputs={**ROOM.inputs, "cells.json": b"[2]"}, limits=Limits(run_seconds=250))
        outcome = pool.run(other, heard, never)
    assert (rooms.cold, outcome.seconds) == (1, 2.0)
    ready = heard.frames[0].head
    assert ready["late"] == {"cells.json": "b'[2]'"}, "its own, and no more than what is late"
    assert ready["more"] == 250 - mould(ROOM).limits.run_seconds
    assert heard.threads == {threading.current_thread().name}
    assert rooms.ended == rooms.ahead == 2


@pytest.mark.parametrize(
    "room",
    [
        replace(ROOM, late=frozenset()),
        replace(ROOM, inputs={**ROOM.inputs, "data.npz": b"other data"}),
        replace(ROOM, environment={"KERAS_MAX_EPOCHS": "1"}),
        replace(ROOM, limits=replace(ROOM.limits, memory_mb=99)),
        replace(ROOM, device="gpu:0"),
        replace(ROOM, inputs={**ROOM.inputs, "cells.json": b" " * (LATE_BYTES + 1)}),
    ],
)
def test_a_room_of_another_mould_is_no_use(room: Room) -> None:
    rooms = Rooms()
    with kept(rooms, {"runner.py": 2}) as pool:
        pool.run(ROOM, Heard(), never)
        pool.run(room, Heard(), never)
    assert rooms.cold == 2


def test_no_more_rooms_than_are_needed_and_none_where_nobody_comes() -> None:
    rooms, demand = Rooms(), {"runner.py": 1}
    with kept(rooms, demand) as pool:
        pool.run(ROOM, Heard(), never)
        assert rooms.ahead == 0
        demand["runner.py"] = 5
        for _ in range(3):
            pool.run(ROOM, Heard(), never)
        assert waiting(pool) == 1, "one for each that is served at a time"
        demand["runner.py"] = 0
        assert eventually(lambda: rooms.ended == rooms.ahead), "nobody is left who could need it"
        pool.run(ROOM, Heard(), never)
    assert not [thread for thread in threading.enumerate() if thread.name == "room-ahead"]


def test_the_end_leaves_none() -> None:
    rooms = Rooms()
    with pytest.raises(KeyboardInterrupt), kept(rooms, {"runner.py": 3}) as pool:
        pool.run(ROOM, Heard(), never)
        raise KeyboardInterrupt
    assert rooms.ended == rooms.ahead == 1


def test_where_memory_is_short_rooms_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = Rooms()
    with kept(rooms, {"runner.py": 3}) as pool:
        pool.run(ROOM, Heard(), never)
        monkeypatch.setattr(module, "memory_available", lambda: module.memory_floor())
        assert eventually(lambda: rooms.ended == 1)
        pool.run(ROOM, Heard(), never)
        assert (rooms.cold, rooms.ahead) == (2, 1)


def test_containers_count_their_time_from_the_start() -> None:
    rooms = Rooms(name="docker")
    with ahead(rooms, lambda program: 9) as found:
        assert found is rooms


# --- what can go wrong -----------------------------------------------------------------------------------------------


def test_a_room_that_died_waiting_costs_nobody_anything() -> None:
    rooms = Rooms(dies=True)
    with kept(rooms, {"runner.py": 9}) as pool:
        for number in range(1, 8):
            heard = Heard()
            assert pool.run(ROOM, heard, never).exit_code == 0
            assert eventually(lambda: rooms.ended == rooms.ahead)
            assert (rooms.cold, len(heard.frames)) == (number, 1)
    assert rooms.ahead == module.LOST, "whatever ends them would end the next one too"


def test_what_the_listener_raises_passes_through() -> None:
    def listener(frame: Frame) -> bytes | None:
        raise MachineShort("a full disk, say")

    rooms = Rooms()
    with kept(rooms, {"runner.py": 2}) as pool:
        pool.run(ROOM, Heard(), never)
        with pytest.raises(MachineShort, match="a full disk"):
            pool.run(ROOM, listener, never)


def test_a_room_that_says_something_else_first_is_not_used() -> None:
    class Chatty(Rooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            if VARIABLE in room.environment:
                on_frame(Frame({"kind": "ready"}))
            return super().run(room, on_frame, cancelled)

    rooms, heard = Chatty(), Heard()
    with kept(rooms, {"runner.py": 2}) as pool:
        pool.run(ROOM, Heard(), never)
        pool.run(ROOM, heard, never)
    assert (rooms.cold, len(heard.frames)) == (2, 1)


# --- real rooms ------------------------------------------------------------------------------------------------------

WAITS = """
text = pipe.ask({"kind": "orders?"})
pipe.send({"kind": "ready", "bytes": len(text)})
time.sleep(NAP)
"""


def small(program: str, *, limits: Limits = LIMITS, late: bytes = b"late") -> Room:
    inputs: dict[str, bytes | Path] = {
        "main.py": (START + program).encode(),
        "frames.py": GUEST / "frames.py",
        "late": late,
    }
    return Room(program="main.py", inputs=inputs, limits=limits, late=frozenset(["late"]))


@pytest.fixture(scope="module")
def bubble() -> Bubblewrap:
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    return Bubblewrap(grace=0.5)


@contextmanager
def one_waiting(wall: Sandbox, room: Room) -> Iterator[Ahead]:
    """With one room of this mould, that has asked or is gone."""
    with kept(wall, {}) as pool:
        one = module.Waiting(wall, mould(room), lambda one: False)
        pool.waiting.append(one)
        assert eventually(lambda: one.asked or one.over)
        yield pool


@pytest.mark.sandbox
def test_the_clock_begins_with_the_orders(bubble: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 1)
    room, heard = small(WAITS.replace("NAP", "0.1"), limits=replace(LIMITS, run_seconds=20)), Heard()
    with one_waiting(bubble, room) as pool:
        time.sleep(2.0)  # longer than the room was made for
        outcome = pool.run(room, heard, never)
    assert (outcome.killed, outcome.exit_code) == ("", 0)
    assert outcome.seconds < 2.0
    assert heard.frames[0].head["bytes"] == len(module.packed({"late": b"late"}))


@pytest.mark.sandbox
def test_its_limit_of_time_is_that_of_the_submission(bubble: Bubblewrap) -> None:
    room = small(WAITS.replace("NAP", "60"), limits=replace(LIMITS, run_seconds=1))
    with one_waiting(bubble, room) as pool:
        outcome = pool.run(room, Heard(), never)
    assert (outcome.killed, outcome.allowed) == ("wall", 1.5)


@pytest.mark.sandbox
def test_a_room_that_waits_is_watched(bubble: Bubblewrap) -> None:
    """It takes too much before it has asked; what comes is given a room of its own, that does the same."""
    room = small("os.fork()\nheld = bytearray(150 << 20)\ntime.sleep(60)")
    with one_waiting(bubble, room) as pool:
        assert pool.waiting[0].lost
        outcome = pool.run(room, Heard(), never)
    assert outcome.killed == "memory"


@pytest.mark.sandbox
def test_a_killed_grader_takes_its_rooms_along(bubble: Bubblewrap, tmp_path: Path) -> None:
    lines = (
        "import sys, time, tempfile",
        f"tempfile.tempdir = {str(tmp_path)!r}",
        "from autograder.sandbox.ahead import Waiting, mould",
        "from autograder.sandbox.bubblewrap import Bubblewrap",
        "from tests.test_ahead import WAITS, small",
        "one = Waiting(Bubblewrap(), mould(small(WAITS)), lambda one: False)",
        "while not one.asked: time.sleep(0.01)",
        "print('waits', flush=True)",
        "time.sleep(60)",
    )
    grader = subprocess.Popen([sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE)
    assert grader.stdout is not None
    assert grader.stdout.readline() == b"waits\n"
    below = psutil.Process(grader.pid).children(recursive=True)
    assert below
    grader.send_signal(signal.SIGKILL)
    grader.communicate()
    assert not psutil.wait_procs(below, timeout=PATIENCE)[1]


# --- notebooks -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits", split_seed=20, hidden_images=100)


@pytest.fixture(scope="module")
def job(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Job]:
    served = room_file(digits, tmp_path_factory.mktemp("served"))
    return lambda *cells: Job(notebook=notebook(*cells), data=digits, data_file=served)


def outputs(execution: Execution, store: Store) -> list[Any]:
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"]
    return [cell["outputs"] for cell in cells if "injected-parameters" not in cell["metadata"].get("tags", [])]


@dataclass
class Counting:
    """A wall, with how many rooms were started behind it."""

    wall: Sandbox
    rooms: list[Room] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.wall.name

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        self.rooms.append(room)
        return self.wall.run(room, on_frame, cancelled)

    @property
    def cold(self) -> int:
        return sum(VARIABLE not in room.environment for room in self.rooms)


HOSTILE = (
    "import numpy, keras, builtins, os, sys, threading, time, pathlib\n"
    "numpy.mean = keras.Sequential.fit = builtins.sorted = lambda *a, **k: 'owned'\n"
    "numpy.marked = keras.marked = builtins.marked = os.marked = True\nos.environ['MARKED'] = 'yes'\n"
    "for place in ('/tmp', '/job/out', '/home/student', '/dev/shm', '/kaggle', os.environ['AUTOGRADER_HANDOVER']):\n"
    "    pathlib.Path(place, 'marked').write_text('x')\n"
    "threading.Thread(target=time.sleep, args=(60,), name='marked').start()\nos.fork() or time.sleep(60)",
)
MARKS = (
    "import numpy, keras, builtins, os, threading, pathlib\n"
    "print([hasattr(it, 'marked') for it in (numpy, keras, builtins, os)], numpy.mean([1, 3]), sorted([2, 1]))\n"
    "print(os.environ.get('MARKED'), [t.name for t in threading.enumerate() if t.name == 'marked'])\n"
    "print([str(p) for place in ('/tmp', '/job/out', '/home/student', '/dev/shm', '/kaggle')\n"
    "       for p in pathlib.Path(place).rglob('marked')], keras.Sequential.fit.__name__)"
)
UNMARKED = ["[False, False, False, False] 2.0 [1, 2]", "None []", "[] fit"]
SEEN = "print([name for name in NAMES if name in vars(sys)['mod' + 'ules']], sorted(set(os.environ) & VARIABLES))"
CELLS = (
    "import os, sys, random\n"
    "NAMES = ['numpy', 'PIL', 'matplotlib', 'matplotlib.pyplot', 'pandas', 'tensorflow', 'keras', 'scipy', 'h5py']\n"
    "VARIABLES = {'TF2_' + 'BEHAVIOR', 'KMP_' + 'INIT_AT_FORK'}\n" + SEEN + "\nrandom.random()",
    "import matplotlib\nmatplotlib.pyplot.plot([1])",
    "np.zeros(3)",
    "import numpy as np\nprint(np.random.rand(2), random.random())\n" + SEEN,
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]); plt.title('a figure'); plt.show()"
    "\nplt.subplots()[1].bar([1], [2])",
    "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': [0.5, 0.25]})",
    "import tensorflow as tf\n" + SEEN + "\nprint(random.random(), np.random.rand())",
    "tf.config.threading.set_intra_op_parallelism_threads(1)\ntf.config.threading.get_intra_op_parallelism_threads()",
    "from tensorflow.keras import layers\nimport keras\n"
    "print(layers.Dense is keras.layers.Dense is tf.keras.layers.Dense)\n" + SEEN,
    "(x, y), (u, v) = keras.datasets.mnist.load_data()\n"
    "model = keras.Sequential([keras.Input(x.shape[1:]), layers.Flatten(), layers.Dense(10, activation='softmax')])\n"
    "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
    "history = model.fit(x / 16, y, epochs=1, verbose=0)\n"
    "print(history.history, model.evaluate(u / 16, v, verbose=0))\nmodel.summary()",
    "from ipywidgets import Output\ninside = Output()\nwith inside: print('in a widget')",
    MARKS,
    "1 / 0",
)


def without_times(content: Any) -> Any:  # noqa: ANN401
    if isinstance(content, dict):
        return {name: without_times(it) for name, it in content.items() if name != "seconds"}
    return [without_times(it) for it in content] if isinstance(content, list) else content


@pytest.mark.kernel
@pytest.mark.sandbox
def test_a_notebook_sees_nothing_of_it(bubble: Bubblewrap, job: Callable[..., Job], store: Store) -> None:
    """Figures, tables, prints, widgets, errors and training: all as in a room that was started for it.

    Another notebook before it does what it can to be remembered.
    """
    wall, demand = Counting(bubble), {"runner.py": 3}
    with kept(wall, demand) as pool:
        cold = execute(job(*CELLS), pool, store)
        demand["runner.py"] = 2
        assert execute(job(*HOSTILE), pool, store).cells[0].error is None
        demand["runner.py"] = 1
        early = execute(job(*CELLS), pool, store)
    assert (wall.cold, len(wall.rooms)) == (1, 3)
    assert outputs(cold, store)[-2][0]["text"].splitlines() == UNMARKED
    assert [cell.state for cell in early.cells] == [cell.state for cell in cold.cells]
    for mine, its in zip(outputs(early, store), outputs(cold, store), strict=True):
        assert mine == its
    assert outputs(cold, store)[1][0]["ename"] == "AttributeError", "a missing import stays an error"
    assert outputs(cold, store)[4][0]["data"]["image/png"]
    assert early.ledger is not None
    assert cold.ledger is not None
    ledgers = [without_times(json.loads(store.get(one.ledger))) for one in (early, cold) if one.ledger]
    assert ledgers[0]["trainings"]
    assert ledgers[0] == ledgers[1]
    assert (early.ending, early.reason, early.environment) == (cold.ending, cold.reason, cold.environment)
    assert set(early.artifacts) == set(cold.artifacts)
