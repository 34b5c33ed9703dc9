"""Room 1 from the host: what is believed, what is refused, and what real kernels do."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograder.adapters import adapter
from autograder.datasets import DataSet, load, room_file
from autograder.errors import Cancelled, SandboxError, SandboxUnavailable
from autograder.execution import Event, Job, execute
from autograder.execution.asking import _part_size
from autograder.execution.run import NOT_READ
from autograder.extraction.absences import absences
from autograder.extraction.overruling import overruling
from autograder.frames import Frame
from autograder.guest import runner
from autograder.guest.handover import Handover, reserve
from autograder.guest.outputs import LONGEST_ERROR, Meter, error_text, merged, on_screen, shorten_errors
from autograder.guest.watch import Watch
from autograder.records import CellState, Ending, Execution, Json, Ledger, Limits, Showing, Step
from autograder.sandbox import choose
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import OnFrame, Outcome, Room, Sandbox
from autograder.store import Store
from tests import evidence as make
from tests.fakes import FakeSandbox
from tests.notebooks import TROUBLE, notebook

READY = Frame({"kind": "ready", "environment": {"python": "3.11"}})
FLAT = Step(op="reshape", values={"shape": [784]})
TRAINED = {"trainings": [{"number": 1, "model": "m1", "save_error": "uses classes of its own"}]}


@pytest.fixture(scope="session")
def digits() -> DataSet:
    return load("digits", split_seed=20, hidden_images=100)


@pytest.fixture(scope="session")
def served(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return room_file(digits, tmp_path_factory.mktemp("served"))


@pytest.fixture
def run(digits: DataSet, store: Store, tmp_path: Path) -> Callable[..., Execution]:
    """Execute cells with a sandbox; keywords go to the job or to ``execute``."""

    def started(sandbox: Sandbox, *cells: str, limits: Mapping[str, int] | None = None, **options: Json) -> Execution:
        of_job = {name: options.pop(name) for name in ("files", "parameters", "data_file", "others") if name in options}
        job = Job(
            notebook=options.pop("content", None) or notebook(*cells),
            data=digits,
            **{"data_file": tmp_path / "data.npz", **of_job},
            limits=Limits(**(limits or {})),
        )
        return execute(job, sandbox, store, **options)

    return started


def cell(index: int, state: str, outputs: Json = None, **more: Json) -> Frame:
    return Frame(
        {"kind": "cell", "index": index, "state": state, **more},
        b"" if outputs is None else json.dumps(outputs).encode(),
    )


def end(ending: str = "completed", at: int | None = None, limit: str = "") -> Frame:
    return Frame({"kind": "end", "ending": ending, "cell": at, "seconds": 1.0, "limit": limit})


def ledger(content: Json) -> Frame:
    return Frame({"kind": "ledger"}, json.dumps(content).encode())


def states(execution: Execution) -> list[str]:
    return [run.state.value for run in execution.cells]


def stream(text: str) -> list[dict[str, str]]:
    return [{"output_type": "stream", "name": "stdout", "text": text}]


# --- what is heard ---------------------------------------------------------------------------------------------------


def test_a_run_that_completes(run: Callable[..., Execution], store: Store) -> None:
    frames = [
        READY,
        Frame({"kind": "parameters", "held": True, "changed": []}, b"# Parameters\nautograder_seed = 20"),
        cell(0, "started"),
        cell(0, "ran", stream("hello"), seconds=0.5, execution_count=2, error=None),
        ledger(TRAINED),
        Frame({"kind": "artifact", "name": "fit-1.keras"}, b"model"),
        end(),
    ]
    execution = run(FakeSandbox(frames), "# %% [markdown]\n# Title", "print('hello')")
    assert (execution.ending, execution.reason, execution.notes) == (Ending.COMPLETED, None, ())
    assert [(one.index, one.state, one.seconds, one.execution_count) for one in execution.cells] == [
        (1, CellState.RAN, 0.5, 2)
    ]
    assert execution.environment["python"] == "3.11"
    assert execution.sandbox == "bubblewrap"
    assert store.get(execution.artifacts["fit-1.keras"]) == b"model"
    assert execution.ledger is not None
    assert json.loads(store.get(execution.ledger))["trainings"][0]["model"] == "m1"
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"]
    assert cells[0]["metadata"]["tags"] == ["injected-parameters"]
    assert cells[0]["source"] == "# Parameters\nautograder_seed = 20"
    assert [one["source"] for one in cells[1:]] == ["# Title", "print('hello')"]
    assert cells[2]["outputs"] == stream("hello")


def test_injected_parameters_follow_the_students_own(run: Callable[..., Execution], store: Store) -> None:
    content = notebook("import os", "epochs = 1", "epochs", tags=[[], ["parameters"]])
    frames = [READY, Frame({"kind": "parameters", "held": True, "changed": []}, b"epochs = 5"), end()]
    execution = run(FakeSandbox(frames), content=content)
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"]
    assert [one["source"] for one in cells] == ["import os", "epochs = 1", "epochs = 5", "epochs"]


def test_only_sources_enter_the_room(run: Callable[..., Execution]) -> None:
    sandbox = FakeSandbox([READY, end()])
    run(sandbox, "x = 1", "", parameters={"alpha": 0.5}, files={"aide/utile.py": b"Y = 2"})
    inputs = sandbox.rooms[0].inputs
    assert json.loads(inputs["cells.json"])[0] == {"kind": "code", "source": "x = 1", "parameters": False}
    assert json.loads(inputs["job.json"])["parameters"] == {"alpha": 0.5, "autograder_seed": 20}
    assert b"stale" not in b"".join(part for part in inputs.values() if isinstance(part, bytes))
    assert sandbox.rooms[0].shell


def test_further_data_sets_enter_the_room_by_name(run: Callable[..., Execution], tmp_path: Path) -> None:
    sandbox = FakeSandbox([READY, end()])
    others = {"cifar10": tmp_path / "a.npz", "../mine & yours.npz": tmp_path / "b.npz"}
    run(sandbox, "x = 1", others=others)
    room = sandbox.rooms[0]
    named = json.loads(room.inputs["job.json"])["others"]
    assert named == {"cifar10": "data-1-cifar10.npz", "../mine & yours.npz": "data-2-mine-yours.npz"}
    assert {name: room.inputs[file] for name, file in named.items()} == others
    assert room.places == ("/kaggle",)


def test_a_path_that_leaves_the_folder_is_refused(run: Callable[..., Execution]) -> None:
    with pytest.raises(ValueError, match="unsafe path"):
        run(FakeSandbox([READY, end()]), "x = 1", files={"../evil.py": b""})


@pytest.mark.parametrize(
    ("killed", "ending"),
    [
        ("wall", Ending.TIMED_OUT),
        ("memory", Ending.OUT_OF_MEMORY),
        ("output", Ending.FLOODED),
        ("disk", Ending.FLOODED),
        ("processes", Ending.DIED),
        ("protocol", Ending.DIED),
        ("", Ending.DIED),
    ],
)
def test_the_host_knows_best_how_it_ended(run: Callable[..., Execution], killed: str, ending: Ending) -> None:
    outcome = Outcome(exit_code=None, killed=killed, allowed=64, used=65, seconds=9.0, peak_memory_mb=100.0)
    frames = [READY, cell(0, "started"), cell(0, "ran", stream("kept")), cell(1, "started")]
    execution = run(FakeSandbox(frames, outcome), "1", "2", "3")
    assert execution.ending is ending
    assert states(execution) == ["ran", "unfinished", "not_run"]
    assert execution.reason is not None
    assert execution.reason.values["cell"] == 2


@pytest.mark.parametrize(
    ("ending", "limit", "words", "figure"),
    [
        ("timed_out", "cell", "allowed for one cell", 600),
        ("timed_out", "run", "The notebook ran longer", 900),
        ("flooded", "bytes", "MB of text", 8),
        ("flooded", "count", "outputs allowed", 4000),
        ("died", "", "kernel died", None),
    ],
)
def test_the_reason_names_the_limit(
    run: Callable[..., Execution], ending: str, limit: str, words: str, figure: int | None
) -> None:
    execution = run(FakeSandbox([READY, end(ending, 1, limit)]), "1", "2")
    assert execution.reason is not None
    assert words in execution.reason.text
    assert execution.reason.values["cell"] == 2
    assert execution.reason.values.get("limit") == figure


@pytest.mark.parametrize(("peak", "short"), [(8000.0, True), (300.0, False)])
def test_a_kernel_that_died_near_its_limit_may_have_lacked_memory(
    run: Callable[..., Execution], peak: float, short: bool
) -> None:
    outcome = Outcome(exit_code=0, killed="", allowed=0, used=0, seconds=9.0, peak_memory_mb=peak)
    execution = run(FakeSandbox([READY, end("died", 1, "")], outcome), "1", "2")
    assert execution.reason is not None
    assert ("memory was short" in execution.reason.text) is short


def test_a_notebook_out_of_time_between_cells(run: Callable[..., Execution]) -> None:
    execution = run(FakeSandbox([READY, end("timed_out", None, "run")]), "1")
    assert execution.reason is not None
    assert "cell" not in execution.reason.values


def test_the_error_of_a_cell_is_told_without_control_characters(run: Callable[..., Execution]) -> None:
    error = "ValueError: \x1b[31mred\x07 \u202eback" + "x" * 600
    frames = [READY, cell(0, "raised", [], error=error), end("raised", 0)]
    execution = run(FakeSandbox(frames), "boom()")
    told = execution.cells[0].error
    assert told is not None
    assert told.startswith("ValueError: [31mred back")
    assert len(told) == 500
    assert execution.reason is not None
    assert execution.reason.values["error"] == told


@pytest.mark.parametrize(
    "frame",
    [
        Frame({"kind": "cell", "index": 7, "state": "ran"}),
        Frame({"kind": "cell", "index": True, "state": "ran"}),
        Frame({"kind": "cell", "index": 0, "state": "perfect"}),
        Frame({"kind": "cell", "index": 0, "state": "ran", "seconds": "1"}),
        Frame({"kind": "cell", "index": 0, "state": "ran"}, b'{"not": "a list"}'),
        Frame({"kind": "cell", "index": 0, "state": "ran"}, b"[[[" * 100_000),
        Frame({"kind": "artifact", "name": "../../grade.json"}, b"x"),
        Frame({"kind": "artifact", "name": "fit-1.keras.py"}, b"x"),
        Frame({"kind": "fallback", "model": "../m1"}, b"x"),
        Frame({"kind": "ledger"}, b'{"trainings": [{"number": "many"}]}'),
        Frame({"kind": "grade", "total": 20}),
        Frame({"kind": None}),
        Frame({"kind": "parameters", "changed": "all"}),
        Frame({"kind": "end", "ending": "excellent", "cell": 0}),
    ],
)
def test_what_is_malformed_is_left_out_and_noted(run: Callable[..., Execution], frame: Frame) -> None:
    execution = run(FakeSandbox([READY, frame, cell(1, "ran", []), end()]), "1", "2")
    assert execution.ending is Ending.COMPLETED
    assert states(execution)[1] == "ran"
    assert len(execution.notes) == 1
    assert execution.artifacts == execution.fallbacks == {}
    assert execution.ledger is None


@pytest.mark.parametrize("count", [-1, 10**12, "2", True])
def test_a_count_of_no_use_costs_no_more_than_itself(run: Callable[..., Execution], count: Json) -> None:
    """Code can set it in the kernel: ``get_ipython().execution_count = 10**12``."""
    frame = Frame({"kind": "cell", "index": 0, "state": "ran", "execution_count": count})
    execution = run(FakeSandbox([READY, frame, cell(1, "ran", []), end()]), "1", "2")
    assert states(execution) == ["ran", "ran"]
    assert execution.cells[0].execution_count is None


def test_unknown_keys_of_a_ledger_are_not_kept(run: Callable[..., Execution], store: Store) -> None:
    execution = run(FakeSandbox([READY, ledger({"trainings": [], "points": 20}), end()]), "1")
    assert execution.ledger is not None
    assert "points" not in json.loads(store.get(execution.ledger))


def test_changed_parameters_are_noted(run: Callable[..., Execution]) -> None:
    frames = [READY, Frame({"kind": "parameters", "held": False, "changed": ["seed"]}), end()]
    execution = run(FakeSandbox(frames), "seed = 1")
    assert not execution.parameters_held
    assert execution.notes[0].values == {"names": "seed"}


# --- faults of ours, and stopping ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "exit_code"),
    [([], 1), ([], 0), ([READY], 1), ([READY, cell(0, "started")], 1)],
    ids=["never ready", "silent", "before the first cell", "in the middle"],
)
def test_a_runner_that_fails_is_not_the_students_fault(
    run: Callable[..., Execution], frames: list[Frame], exit_code: int
) -> None:
    outcome = Outcome(exit_code=exit_code, seconds=1.0, log="Traceback\nImportError: no papermill\n")
    with pytest.raises(SandboxError, match="ImportError: no papermill"):
        run(FakeSandbox(frames, outcome), "1")


def test_cancelling_keeps_nothing(run: Callable[..., Execution]) -> None:
    with pytest.raises(Cancelled):
        run(FakeSandbox([READY, end()]), "1", cancelled=lambda: True)


@dataclass
class Stopped:
    """A room whose runner does nothing any more after its first cell has started."""

    name: str = "bubblewrap"

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        on_frame(READY)
        assert not cancelled()
        on_frame(cell(0, "started"))
        while not cancelled():
            time.sleep(0.01)
        return Outcome(exit_code=None, killed="cancelled", seconds=1.0)


def test_a_runner_that_was_stopped_is_not_waited_for(
    run: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.execution.run.OVERDUE_SECONDS", -0.9)
    execution = run(Stopped(), "1", limits={"run_seconds": 1})
    assert (execution.ending, states(execution)) == (Ending.TIMED_OUT, ["unfinished"])
    assert execution.reason is not None and execution.reason.values["cell"] == 1


@dataclass
class Unread(Stopped):
    """A room that has told of all cells, and never says what is read afterwards."""

    told: tuple[Frame, ...] = ()

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        for frame in (READY, *self.told):
            on_frame(frame)
        while not cancelled():
            time.sleep(0.01)
        return Outcome(exit_code=None, killed="cancelled", seconds=1.0)


@pytest.mark.parametrize(
    ("last", "ending", "blamed"),
    [
        (cell(1, "ran"), Ending.COMPLETED, None),
        (cell(1, "raised", error="E: x"), Ending.RAISED, 2),
        (cell(1, "interrupted"), Ending.TIMED_OUT, 2),
        (cell(1, "not_run"), Ending.TIMED_OUT, None),
    ],
    ids=["all ran", "an error", "a cell too slow", "out of time"],
)
def test_a_run_is_judged_by_its_cells_where_only_the_reading_was_cut_short(
    run: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch, last: Frame, ending: Ending, blamed: int | None
) -> None:
    monkeypatch.setattr("autograder.execution.run.OVERDUE_SECONDS", -0.9)
    execution = run(Unread(told=(cell(0, "ran"), last)), "1", "2", limits={"run_seconds": 1})
    assert execution.ending is ending
    assert (execution.reason and execution.reason.values.get("cell")) == blamed
    assert NOT_READ in execution.notes


def test_what_the_grader_needs_to_answer_is_not_the_time_of_the_notebook(
    run: Callable[..., Execution], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.execution.run.OVERDUE_SECONDS", -0.9)

    def slow(known: Ledger, so_far: Execution) -> None:
        time.sleep(0.3)

    @dataclass
    class Asking(Stopped):
        late: bool = False

        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            for frame in (READY, cell(0, "ran"), ledger(TRAINED), Frame({"kind": "images?", "models": ["m1"]})):
                on_frame(frame)
            self.late = cancelled()
            on_frame(end())
            return Outcome(exit_code=0, seconds=1.0)

    room = Asking()
    assert run(room, "1", limits={"run_seconds": 1}, prepare=slow).ending is Ending.COMPLETED
    assert not room.late


def test_progress_counts_cells_from_one(run: Callable[..., Execution]) -> None:
    seen: list[Event] = []
    frames = [READY, cell(0, "started"), Frame({"kind": "progress", "text": "epoch 3/5", "training": 1}), end()]
    run(FakeSandbox(frames), "# %% [markdown]\nhi", "fit()", on_event=seen.append)
    assert seen == [
        Event(stage="starting", cells=2),
        Event(stage="cell", cell=2, cells=2),
        Event(stage="training", cell=2, cells=2, text="epoch 3/5"),
    ]


# --- hidden images ---------------------------------------------------------------------------------------------------


def test_hidden_images_go_only_to_models_that_were_asked_about(run: Callable[..., Execution], store: Store) -> None:
    def prepare(known: Ledger, so_far: Execution) -> Showing:
        assert [training.model for training in known.trainings] == ["m1"]
        return Showing(images=store.put_array(np.zeros(4, np.uint8)), recipes={"m1": (FLAT,), "m2": ()})

    asked = Frame({"kind": "images?", "models": ["m1", "images"]})
    frames = [READY, ledger(TRAINED), asked, Frame({"kind": "fallback", "model": "m1"}, b"npy"), end()]
    sandbox = FakeSandbox(frames)
    execution = run(sandbox, "1", prepare=prepare)
    with np.load(io.BytesIO(sandbox.answers[0]), allow_pickle=False) as answer:
        assert answer.files == ["images", "m1"]
        assert answer["images"].tolist() == [0] * 4
        assert json.loads(answer["m1"].tobytes()) == [{"op": "reshape", "values": {"shape": [784]}}]
    assert store.get(execution.fallbacks["m1"]) == b"npy"
    assert execution.altered is None


def test_what_could_carry_hidden_images_out_is_not_heard_once_they_are_in(
    run: Callable[..., Execution], store: Store
) -> None:
    showing = Showing(images=store.put_array(np.zeros(4, np.uint8)), recipes={"m1": (FLAT,)})
    asked = Frame({"kind": "images?", "models": ["m1"]})
    carried = [
        ledger({"trainings": [], "notes": ["pixels"]}),
        cell(0, "ran", stream("pixels")),
        Frame({"kind": "artifact", "name": "sample-1.npy"}, b"pixels"),
        Frame({"kind": "parameters", "changed": ["pixels"]}, b"pixels"),
        Frame({"kind": "ready", "environment": {"pixels": "pixels"}}),
    ]
    frames = [READY, ledger(TRAINED), cell(0, "ran", stream("one")), asked, *carried, said(), end()]
    execution = run(FakeSandbox(frames), "1", prepare=lambda known, so_far: showing)
    assert execution.notebook is not None and execution.ledger is not None
    assert b"pixels" not in store.get(execution.notebook) + store.get(execution.ledger)
    assert execution.artifacts == {} and execution.parameters_held and "pixels" not in execution.environment
    assert list(execution.fallbacks) == ["m1"] and execution.ending is Ending.COMPLETED


def test_no_images_for_models_that_nobody_can_prepare(run: Callable[..., Execution], store: Store) -> None:
    sandbox = FakeSandbox([READY, ledger(TRAINED), Frame({"kind": "images?", "models": ["m1", "images"]}), end()])
    run(sandbox, "1", prepare=lambda known, so_far: Showing(images=store.put_array(np.zeros(4, np.uint8)), recipes={}))
    assert sandbox.answers == [b""]


def parts(store: Store, *frames: Frame, final: str = "m1") -> tuple[FakeSandbox, Json]:
    """A room that asks as our runner does, and what it is to be shown: 10,000 altered images, in three parts."""
    images = store.put_array(np.zeros((4, 8), np.uint8))
    altered = store.put_array(np.arange(10_000, dtype=np.uint8).reshape(-1, 1))
    showing = Showing(images=images, recipes={"m1": (FLAT,), "m2": ()}, final=final, altered=altered)
    asked = Frame({"kind": "images?", "models": ["m1", "m2"]})
    return FakeSandbox([READY, ledger(TRAINED), asked, said(), *frames, end()]), lambda known, so_far: showing


def said(part: int | None = None, body: bytes = b"npy", model: str = "m1") -> Frame:
    return Frame({"kind": "fallback", "model": model, **({} if part is None else {"part": part})}, body)


def wanted(part: int, seconds: float = 1.0, left: float = 100.0) -> Frame:
    return Frame({"kind": "altered?", "part": part, "seconds": seconds, "left": left})


def test_altered_images_go_in_parts_to_the_final_model_alone(run: Callable[..., Execution], store: Store) -> None:
    frames = [frame for part in range(3) for frame in (wanted(part), said(part, b"%d" % part))]
    sandbox, prepare = parts(store, *frames, wanted(3))
    execution = run(sandbox, "1", prepare=prepare)
    shown = []
    for answer in sandbox.answers[1:4]:
        with np.load(io.BytesIO(answer), allow_pickle=False) as content:
            assert content.files == ["images", "m1"]
            shown.append(content["images"])
    assert [len(images) for images in shown] == [4096, 4096, 1808]
    assert (np.concatenate(shown).reshape(-1) == np.arange(10_000, dtype=np.uint8)).all()
    assert sandbox.answers[4:] == [b""]
    altered = execution.altered
    assert altered is not None and (altered.model, altered.problem) == ("m1", None)
    assert [store.get(part) for part in altered.answers] == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([wanted(0, left=1.0)], "No time was left"),
        ([wanted(0), said(0), wanted(1, seconds=30.1, left=60.0)], "{left:sec} were left"),
        ([wanted(0), said(0, b"x" * (22 << 20)), wanted(1)], "more than the {limit:int} MB"),
        ([wanted(0), wanted(1)], "did not answer"),
        ([wanted(0), said(0), wanted(1)], "did not answer"),
    ],
    ids=["no time", "too slow", "too much", "no answer", "broke off"],
)
def test_altered_images_that_cannot_all_be_answered_are_left_out_with_the_reason(
    run: Callable[..., Execution], store: Store, frames: list[Frame], told: str
) -> None:
    sandbox, prepare = parts(store, *frames)
    execution = run(sandbox, "1", prepare=prepare)
    assert execution.altered is not None and execution.altered.problem is not None
    assert told in execution.altered.problem.text
    assert execution.ending is Ending.COMPLETED and store.get(execution.fallbacks["m1"]) == b"npy"


def test_just_enough_time_is_enough(run: Callable[..., Execution], store: Store) -> None:
    sandbox, prepare = parts(store, wanted(0), said(0), wanted(1, seconds=30.0, left=60.0))
    run(sandbox, "1", prepare=prepare)
    assert len(sandbox.answers) == 3 and sandbox.answers[2]


@pytest.mark.parametrize(
    "frame",
    [
        said(1),
        said(0, model="m2"),
        said(-1),
        wanted(-1),
        Frame({"kind": "altered?", "part": 0}),
        said(0, b"x" * (65 << 20)),
    ],
    ids=["another part", "another model", "no part", "no question", "no time", "too large"],
)
def test_answers_that_nobody_asked_for_do_not_count(run: Callable[..., Execution], store: Store, frame: Frame) -> None:
    sandbox, prepare = parts(store, wanted(0), frame)
    execution = run(sandbox, "1", prepare=prepare)
    assert execution.altered is not None and execution.altered.answers == ()
    assert len(execution.notes) == 1


@pytest.mark.parametrize(("final", "answering"), [("", "m1"), ("m2", "m1")], ids=["saved", "silent"])
def test_no_altered_images_without_a_final_model_that_answers(
    run: Callable[..., Execution], store: Store, final: str, answering: str
) -> None:
    sandbox, prepare = parts(store, wanted(0), final=final)
    execution = run(sandbox, "1", prepare=prepare)
    assert sandbox.answers[1:] == [b""]
    assert list(execution.fallbacks) == [answering] and execution.altered is None


def test_the_room_asks_for_altered_images_while_there_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Json] = []
    sent: list[Json] = []
    allowed: list[float] = []

    def ask(question: Json) -> bytes:
        asked.append(question)
        return b"images" if len(asked) < 3 else b""

    def answer(run: Json, client: Json, name: str, seconds: float) -> None:
        assert name == "predict" and (tmp_path / "images.npz").read_bytes() == b"images"
        (tmp_path / "fallback-m1.npy").write_bytes(b"npy")
        allowed.append(seconds)

    monkeypatch.setattr(runner, "call", answer)
    pipe = SimpleNamespace(ask=ask, send=lambda head, body: sent.append((head, body)))
    watch = SimpleNamespace(left=40.0)
    running = SimpleNamespace(pipe=pipe, ask=ask, watch=watch, handover=Handover(tmp_path))
    runner.ask_altered(running, SimpleNamespace(alive=lambda: True))  # type: ignore[arg-type]
    assert [(one["kind"], one["part"], one["left"]) for one in asked] == [("altered?", part, 40.0) for part in range(3)]
    assert sent == [({"kind": "fallback", "model": "m1", "part": part}, b"npy") for part in range(2)]
    assert max(allowed) <= runner.ALTERED_SECONDS
    runner.ask_altered(running, SimpleNamespace(alive=lambda: False))  # type: ignore[arg-type]
    assert len(asked) == 3, "nobody is there to answer"


def test_large_images_come_in_small_parts() -> None:
    assert _part_size(np.zeros((2, 96, 96, 3), np.uint8)) == (32 << 20) // (96 * 96 * 3)
    assert _part_size(np.zeros((2, 28, 28), np.uint8)) == 4096


@pytest.mark.parametrize("models", [["m1"], "m1", [1]])
def test_without_preparation_the_answer_is_empty(run: Callable[..., Execution], models: Json) -> None:
    sandbox = FakeSandbox([READY, ledger(TRAINED), Frame({"kind": "images?", "models": models}), end()])
    run(sandbox, "1")
    assert sandbox.answers == [b""]


# --- inside: outputs and time ----------------------------------------------------------------------------------------


def test_streams_are_merged_as_a_terminal_would_show_them() -> None:
    def piece(text: str, name: str = "stdout") -> dict[str, Any]:
        return {"output_type": "stream", "name": name, "text": text}

    picture = {"output_type": "display_data", "data": {}}
    found = merged([piece("a\n1/2\r"), piece("2/2\n"), piece("warning", "stderr"), picture, piece("b")])
    assert found == [piece("a\n2/2\n"), piece("warning", "stderr"), picture, piece("b")]


def test_the_log_of_tensorflow_is_no_output_of_the_student() -> None:
    log = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    log += "I0000 00:00:1795177812.909383       4 port.cc:153] oneDNN custom operations are on. You may see ...\n"
    noise = {"output_type": "stream", "name": "stderr", "text": log}
    warning = {"output_type": "stream", "name": "stderr", "text": "UserWarning: Do not pass `input_shape`\n"}
    assert merged([noise, warning]) == [warning]
    assert merged([noise]) == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\n", "plain\n"),
        ("1\r2\r3", "3"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("bar\x08\x08\x08\rdone", "done"),
        ("x\r", "x"),
    ],
)
def test_on_screen(written: str, shown: str) -> None:
    assert on_screen(written) == shown


def test_the_meter_counts_text_and_pictures_apart() -> None:
    meter = Meter(output_mb=1, outputs=10)
    assert meter.count("display_data", {"data": {"image/png": "x" * (4 << 20)}})
    rows = [{"x": 1.0, "y": 2.0, "class": "seven"} for _ in range(1000)]
    assert meter.count("display_data", {"data": {"application/json": rows}}), "a chart with its points"
    assert meter.count("stream", {"text": "x" * (1 << 20)})
    assert not meter.count("stream", {"text": "x"})
    assert meter.over == "bytes"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("display_data", {"data": {}, "metadata": {"x": ["y" * (9 << 20)]}}),
        ("display_data", {"data": {"x" * (9 << 20): 1}}),
        ("display_data", {"data": {f"x/{number}": "" for number in range(20_000)}}),
        ("error", {"ename": "E", "evalue": "x" * (2 << 20), "traceback": []}),
        ("stream", {"name": "x" * (2 << 20), "text": ""}),
    ],
    ids=["metadata", "names", "entries", "message", "stream"],
)
def test_the_meter_counts_whatever_is_kept(kind: str, content: Json) -> None:
    meter = Meter(output_mb=1, outputs=10)
    assert not meter.count(kind, content)
    assert meter.over == "bytes"


def test_outputs_that_no_json_can_hold_are_left_out() -> None:
    deep: list[Json] = []
    for _ in range(50_000):  # Python 3.13 writes some thousands
        deep = [deep]
    assert runner.packed([{"data": float("nan")}]) == runner.packed([{"data": deep}]) == b"[]"


def test_names_that_hold_half_a_character_can_be_read(tmp_path: Path) -> None:
    Handover(tmp_path).put_json("ledger.json", {"bindings": {"caf\udce9.txt": "m1", "modèle": "m2"}})
    known = adapter(Ledger).validate_json((tmp_path / "ledger.json").read_bytes())
    assert known.bindings == {"caf?.txt": "m1", "modèle": "m2"}


def test_a_ledger_that_cannot_be_read_is_a_gap_of_ours(run: Callable[..., Execution]) -> None:
    refused = Frame({"kind": "ledger"}, rb'{"bindings": {"caf\udce9": "m1"}}')
    execution = run(FakeSandbox([READY, refused, cell(0, "ran"), end()]), "1")
    assert [gap.ours for gap in absences(Ledger(), execution)] == [True]


def test_a_spoilt_handover_folder_hands_nothing_over(tmp_path: Path) -> None:
    handover = Handover(tmp_path / "handover")
    assert handover.artifacts() == [] and handover.fallbacks() == {} and not handover.show("images.npz", b"x")
    (tmp_path / "handover" / "fit-1.keras" / "x").mkdir(parents=True)
    (tmp_path / "handover" / ".making-images.npz").mkdir()
    assert handover.artifacts() == ["fit-1.keras"]
    assert handover.take("fit-1.keras", 100) is None and not handover.show("images.npz", b"x")


def test_a_handover_folder_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    lost: list[str] = []
    handover = Handover(tmp_path / "room" / "handover", lost.append)
    handover.put("ledger.json", b"{}")
    assert handover.read("ledger.json", 100) == b"{}" and len(lost) == 1


@pytest.mark.parametrize(("taken", "told"), [(30, "the notebook filled the disk"), (3, "the disk was full")])
def test_a_full_disk_has_room_for_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, told: str
) -> None:
    """Beside the 4 MB that were kept for it, the place holds so many."""
    lost: list[str] = []
    place = SimpleNamespace(f_blocks=40, f_bfree=40 - taken, f_frsize=1 << 20)
    monkeypatch.setattr(os, "statvfs", lambda _: place)
    handover, write = Handover(tmp_path, lost.append), Path.write_bytes

    def full(path: Path, content: bytes) -> None:
        if (tmp_path / ".reserve").exists() or len(content) > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    reserve(handover.folder)
    monkeypatch.setattr("autograder.guest.handover._write", full)
    handover.put("ledger.json", b"{}")
    assert handover.read("ledger.json", 100) == b"{}" and lost == [told]
    with pytest.raises(OSError, match="No space"):
        handover.put("fit-1.keras", b"x" * 101)


def test_a_progress_bar_is_no_flood_of_outputs() -> None:
    meter = Meter(output_mb=1, outputs=10)
    assert all(meter.count("stream", {"text": "."}) for _ in range(200))
    assert [meter.count("display_data", {"data": {}}) for _ in range(11)] == [True] * 10 + [False]
    assert meter.over == "count"


def test_an_error_is_sent_with_its_beginning_and_its_end() -> None:
    sent: list[tuple[str, list[str]]] = []
    shell = SimpleNamespace(_showtraceback=lambda kind, error, lines: sent.append((error, lines)))
    shorten_errors(shell)
    shell._showtraceback(ValueError, ValueError("short"), ["a", "b"])
    shell._showtraceback(
        ValueError, ValueError("first" + "x" * (10 << 20) + "last"), ["---", "y" * (10 << 20) + "last"]
    )
    assert sent[0] == ("short", ["a", "b"])
    told, [trace] = sent[1]
    assert told.startswith("firstx")
    assert trace.startswith("---\ny")
    assert all(text.endswith("last") and len(text) == LONGEST_ERROR + 3 for text in (told, trace))


def test_an_error_is_read_from_the_reply() -> None:
    reply = {"status": "error", "ename": "KeyError", "evalue": "'\x1b[1mx'"}
    assert error_text(reply) == "KeyError: 'x'"
    assert error_text({"status": "ok"}) is None
    assert error_text({"status": "error", "ename": 5, "evalue": ["x"]}) == "Error"


def test_of_an_error_in_a_graph_the_frames_are_left_out() -> None:
    node = "compile_loss/SparseSoftmaxCrossEntropyWithLogits"
    frames = "".join(f'  File "/opt/site-packages/keras/{name}.py", line 7, in call\n\n' for name in "abcdefghij")
    told = f"Graph execution error:\n\nDetected at node {node} defined at (most recent call last):\n{frames}"
    told += f"Received a label value of 7.\nLabel values: 7 3\n\t [[{{{{node {node}}}}}]] [Op:__inference_step_62]"
    reply = {"status": "error", "ename": "InvalidArgumentError", "evalue": told}
    wanted = "InvalidArgumentError: Graph execution error: Received a label value of 7. Label values: 7 3"
    assert error_text(reply) == wanted


def test_an_operation_is_left_out_of_its_error() -> None:
    told = "{{function_node __wrapped__Fill_device_/job:a/device:GPU:0}} OOM when allocating tensor [Op:Fill] name: "
    assert error_text({"status": "error", "ename": "E", "evalue": told}) == "E: OOM when allocating tensor"


def test_frames_that_a_student_quotes_stay() -> None:
    told = 'bad line\n  File "x.csv", line 3, in header'
    assert error_text({"status": "error", "ename": "ValueError", "evalue": told}) == f"ValueError: {told}"


@pytest.fixture
def deaf() -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group that ignores interrupts."""
    source = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_ignores_the_interrupt_is_killed(deaf: subprocess.Popen[bytes]) -> None:
    watch = Watch(cell_seconds=0.2, run_seconds=60, grace=0.3)
    watch.start(os.getpgid(deaf.pid))
    watch.begin()
    assert deaf.wait(timeout=20) == -signal.SIGKILL
    assert watch.end() == "cell"
    assert watch.killed
    watch.stop()


def test_the_run_ends_before_the_cell_does() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    watch = Watch(cell_seconds=60, run_seconds=0.2)
    watch.start(process.pid)
    watch.begin()
    process.wait(timeout=20)
    assert watch.end() == "run"
    assert watch.over
    assert not watch.killed
    watch.stop()


def test_what_ends_in_time_is_left_alone(deaf: subprocess.Popen[bytes]) -> None:
    watch = Watch(cell_seconds=60, run_seconds=60)
    watch.start(deaf.pid)
    watch.begin()
    assert watch.end() == ""
    watch.stop()
    assert deaf.poll() is None


# --- real kernels ----------------------------------------------------------------------------------------------------


BESIDES = b"""
from importlib.util import find_spec
from data.sets import ANSWER
assert not any(map(find_spec, ["dated", "places", "pytorch", "recording", "sets", "things"]))
"""
"""A module of a student whose folder is called like one of ours, and who meets none of ours by accident."""


@pytest.mark.kernel
def test_every_cell_has_its_turn_and_its_true_state(run: Callable[..., Execution], store: Store, served: Path) -> None:
    execution = run(
        Plain(),
        *TROUBLE,
        files={"besides.py": BESIDES, "data/sets.py": b"ANSWER = 42\n"},
        parameters={"depth": 1, "width": 3},
        data_file=served,
    )
    wanted = ["ran", "ran", "ran", "ran", "raised", "raised", "ran", "raised", "ran", "ran", "raised", "ran"]
    assert states(execution) == wanted
    errors = {one.index: one.error for one in execution.cells if one.error}
    assert errors[5] == "ZeroDivisionError: division by zero"
    assert (errors[6] or "").startswith("StdinNotImplementedError")
    assert 7 not in errors, "a script's end, and no failure"
    assert (errors[8] or "").startswith("SyntaxError")
    assert errors[11] == "NameError: name 'undefined' is not defined"
    assert execution.ending is Ending.RAISED
    assert execution.reason is not None
    assert execution.reason.values["cell"] == 6
    assert execution.notes[0].values == {"names": "depth"}
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"]
    assert "depth = 1" in cells[0]["source"]
    shown = {number: one["outputs"] for number, one in enumerate(cells[1:]) if one["cell_type"] == "code"}
    assert shown[1] == stream("one\n")
    assert shown[2] == []
    assert shown[4][0]["data"]["text/plain"] == "[]", "something heavy was imported for the student"
    assert shown[9] == stream("42\n")
    assert shown[12][-1]["text"] == "done\n"


@pytest.mark.kernel
def test_a_slow_cell_is_interrupted_and_the_next_one_runs(run: Callable[..., Execution], served: Path) -> None:
    cells = ("import time\ntime.sleep(60)", "print('after')")
    execution = run(Plain(), *cells, data_file=served, limits={"cell_seconds": 1, "run_seconds": 60})
    assert states(execution) == ["interrupted", "ran"]
    assert execution.ending is Ending.TIMED_OUT
    assert execution.reason is not None
    assert "allowed for one cell" in execution.reason.text


@pytest.mark.kernel
def test_a_script_may_end_and_a_cell_may_end_the_notebook(run: Callable[..., Execution], served: Path) -> None:
    cells = ("import sys\nprint(1)\nsys.exit(0)", "print(2)\nsys.exit('bad')", "raise SystemExit", "print(4)")
    execution = run(Plain(), *cells, data_file=served)
    assert states(execution) == ["ran", "raised", "ran", "left_out"]
    quiet = run(Plain(), cells[0], "exit()", "print(3)", data_file=served)
    assert (states(quiet), quiet.ending) == (["ran", "ran", "left_out"], Ending.COMPLETED)


@pytest.mark.kernel
@pytest.mark.parametrize("emptied", ["os.environ.clear()", "os.environ = {'PATH': os.environ['PATH']}"])
def test_a_notebook_may_empty_its_environment(
    run: Callable[..., Execution], store: Store, served: Path, emptied: str
) -> None:
    fit = "m = keras.Sequential([keras.layers.Dense(2)])\nm.compile('sgd', 'mse')\nm.fit(*[np.ones((8, 2))] * 2)"
    execution = run(Plain(), f"import os\n{emptied}", "import keras\nimport numpy as np", fit, data_file=served)
    assert states(execution) == ["ran", "ran", "ran"]
    assert execution.ledger is not None
    known = json.loads(store.get(execution.ledger))
    assert (len(known["trainings"]), known["notes"]) == (1, [])


@pytest.mark.kernel
def test_a_notebook_may_clean_up_what_it_takes_for_its_own(
    run: Callable[..., Execution], store: Store, served: Path
) -> None:
    clean = "import os, shutil\nshutil.rmtree(os.environ['AUTOGRADER_HANDOVER'])"
    fit = "m = keras.Sequential([keras.layers.Dense(2)])\nm.compile('sgd', 'mse')\nm.fit(*[np.ones((8, 2))] * 2)"
    execution = run(Plain(), "import keras\nimport numpy as np", clean, fit, data_file=served)
    assert execution.ledger is not None
    ledger = adapter(Ledger).validate_json(store.get(execution.ledger))
    assert [one.saved for one in ledger.trainings] == ["fit-1.keras"] and "fit-1.keras" in execution.artifacts
    assert ledger.lost


@pytest.mark.kernel
def test_a_kernel_that_dies(run: Callable[..., Execution], served: Path) -> None:
    execution = run(Plain(), "x = 1", "import os\nos._exit(3)", "print(x)", data_file=served)
    assert states(execution) == ["ran", "unfinished", "not_run"]
    assert execution.ending is Ending.DIED
    assert execution.reason is not None
    assert execution.reason.values["cell"] == 2


HIDDEN = [
    "async def run(self, *a, **k):\n    return await old(self, *a, **k)\n"
    "old = type(get_ipython()).run_cell_async\ntype(get_ipython()).run_cell_async = run",
    "k = get_ipython().kernel\nold = k.session.send\nk.session.send = lambda *a, **q: old(*a, **q)",
    "async def run(code, result=None, **k):\n    exec(code, get_ipython().user_ns)\nget_ipython().run_code = run",
    "from IPython.core import interactiveshell as I\nclass R(I.ExecutionResult):\n    success = True\n"
    "I.ExecutionResult = R",
    "import ast\nget_ipython().ast_transformers.append(ast.NodeTransformer())\n"
    "class T(ast.NodeTransformer): pass\nget_ipython().ast_transformers.append(T())",
    "def well(result):\n    result.error_in_exec = None\nget_ipython().events.register('post_run_cell', well)\n1 / 0",
    "import zmq\nold = zmq.Socket.send_multipart\nzmq.Socket.send_multipart = lambda *a, **k: old(*a, **k)",
    "class Shell(type(get_ipython())): pass\nget_ipython().__class__ = Shell",
    "get_ipython().events.callbacks['post_run_cell'].clear()",
]
"""Each lets failures of later cells, or its own, go unseen."""


@pytest.mark.kernel
@pytest.mark.parametrize("source", HIDDEN)
def test_a_notebook_that_replaces_what_runs_its_cells_is_told(
    run: Callable[..., Execution], served: Path, source: str
) -> None:
    execution = run(Plain(), "x = 1", source, "print(x)", "y = 2", data_file=served)
    assert states(execution) == ["ran"] * 4
    counts = {one.index: one.execution_count for one in execution.cells}
    assert execution.overruled
    assert set(execution.overruled.values()) == {counts[1]}


@pytest.mark.kernel
def test_what_honest_notebooks_do_to_their_shell_is_not_told(
    run: Callable[..., Execution], store: Store, served: Path
) -> None:
    cells = (
        "%load_ext autoreload\n%autoreload 2\n%matplotlib inline\nimport matplotlib.pyplot as plt, pandas, tqdm.auto",
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.ast_node_interactivity = 'all'",
        "%%time\nx = 1; x\nx",
        "ip = get_ipython()\nip.events.register('post_run_cell', lambda result: print('done'))",
        "ip.set_custom_exc((ValueError,), lambda *a, **k: print('caught'))\nip.showtraceback = lambda *a, **k: None",
        "raise ValueError(1)",
        "1 / 0",
        "%%capture\nip.run_cell('1 / 0')\nplt.plot([1, 2])",
        "%reset -f",
        "%xmode Plain\nimport asyncio\nawait asyncio.sleep(0)",
        "raise SystemExit(0)",
    )
    execution = run(Plain(), *cells, data_file=served)
    assert states(execution) == [*["ran"] * 5, "raised", "raised", *["ran"] * 4]
    assert execution.overruled == {"failed: 7": 7, "failed: 8": 8}
    assert overruling(execution, [make.code(index, cell) for index, cell in enumerate(cells)]) == ()


FORGED = "k = get_ipython().kernel\nk.session.send(k.iopub_socket, {kind!r}, {content}, parent=k.get_parent());"


@pytest.mark.kernel
def test_messages_that_no_honest_kernel_sends_are_the_notebooks_fault(
    run: Callable[..., Execution], store: Store, served: Path
) -> None:
    """They must not look like a failure of ours, which costs nobody a point."""
    folder = "import os, shutil\nshutil.rmtree(os.environ['AUTOGRADER_HANDOVER'])"
    forged = [
        FORGED.format(kind="display_data", content={"data": 5}),
        FORGED.format(kind="stream", content={"name": 7}),
    ]
    harmless = run(Plain(), *forged, folder, "print('after')", data_file=served)
    assert (states(harmless), harmless.ending) == (["ran"] * 4, Ending.COMPLETED)
    lost = run(Plain(), "1", "get_ipython().kernel.session.key = b'x' * 32", "3", data_file=served)
    assert (states(lost), lost.ending) == (["ran", "unfinished", "not_run"], Ending.DIED)


@pytest.mark.kernel
def test_a_flood_ends_at_once(run: Callable[..., Execution], served: Path) -> None:
    start = time.monotonic()
    execution = run(Plain(), "while True:\n    print('x' * 1000)", "2", data_file=served, limits={"output_mb": 1})
    assert states(execution) == ["unfinished", "not_run"]
    assert execution.ending is Ending.FLOODED
    assert time.monotonic() - start < 60, "the limits of cell and run are far longer"


@pytest.mark.kernel
@pytest.mark.sandbox
def test_behind_a_wall(run: Callable[..., Execution], store: Store, served: Path) -> None:
    try:
        wall = choose()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    peek = "import os\nprint(sorted(name for name in os.environ if name.startswith('AUTOGRADER')))"
    execution = run(wall, peek, "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "1", data_file=served)
    assert states(execution) == ["ran", "unfinished", "not_run"]
    assert execution.ending is Ending.DIED
    assert execution.sandbox == wall.name
    assert execution.notebook is not None
    outputs = json.loads(store.get(execution.notebook))["cells"][1]["outputs"]
    assert outputs[0]["text"] == "['AUTOGRADER_HANDOVER', 'AUTOGRADER_JOB']\n"
