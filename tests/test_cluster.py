"""Rooms on other machines: what travels, who is fit, and that nothing is lost or graded twice."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
import pytest
from pydantic import TypeAdapter

from autograder import checks, datasets, reference, rubric
from autograder.adapters import adapter
from autograder.cluster import Session, fitness, worker
from autograder.cluster.bundle import pack, unpack
from autograder.cluster.crew import Crew, Plan, planned
from autograder.cluster.line import Gone, Line
from autograder.cluster.orders import Reply, Trouble
from autograder.cluster.session import Nowhere
from autograder.cluster.worker import Desk, keep, served
from autograder.course import Cancel, Course, Errand, Stage, unseen
from autograder.errors import ClusterError, DataError, SandboxUnavailable
from autograder.gradebook import Gradebook
from autograder.pipeline import Progress, evidence_of, grade_class
from autograder.recall import Flights, Recall
from autograder.records import Baseline, Digest, Evidence, Execution, State, StudentId, Submission
from autograder.sandbox import Examination, choose
from autograder.settings import Settings
from autograder.store import Store, digest, notice
from autograder.upkeep import verify
from tests.builders import a_baseline
from tests.classroom import OUR_FAULT, RUBRIC, QuickRooms, a_folder, a_notebook

ROOT = Path(__file__).resolve().parent.parent


# --- bundles ---------------------------------------------------------------------------------------------------------

BLOBS = {digest(content): content for content in (b"", b"{}", b'{"cells": []}' * 100, bytes(range(256)))}


def test_a_bundle_arrives_as_it_was_sent() -> None:
    found = unpack(pack(b'{"a": 1}', BLOBS))
    assert (found.head, found.blobs) == (b'{"a": 1}', BLOBS)


def spoiled(content: bytes, find: bytes, put: bytes) -> bytes:
    """The same zip with another content, and a checksum that fits."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member).replace(find, put))
    return buffer.getvalue()


def test_damage_on_the_way_is_seen() -> None:
    content = pack(b"{}", {digest(b"model" * 99): b"model" * 99})
    for damaged in (
        content[:-30],
        content.replace(b"modelmodel", b"modelMODEL", 1),
        spoiled(content, b"model", b"MODEL"),
        b"",
        pack(b"{}", {Digest("sha256:" + "0" * 64): b"x"}),
    ):
        with pytest.raises(ClusterError, match="damaged"):
            unpack(damaged)
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    with pytest.raises(ClusterError, match="without its head"):
        unpack(buffer.getvalue())


def test_a_bundle_that_is_too_large_is_not_unpacked() -> None:
    content = pack(b"{}", {digest(b"{" * 10**6): b"{" * 10**6})
    assert len(content) < 10**5
    with pytest.raises(ClusterError, match="a bundle of"):
        unpack(content, largest=10**6)


# --- a worker in the same process ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.npz"
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    return path


@pytest.fixture
def course(tmp_path: Path, images: Path, store: Store) -> Course:
    folder = a_folder(tmp_path / "desk", {})
    data = datasets.load(str(images), split_seed=20, hidden_images=20)
    return Course(
        rubric=rubric.load(folder / "rubrics" / "tiny.yaml", checks.signatures()),
        data=data,
        data_file=datasets.room_file(data, tmp_path / "data"),
        sandbox=QuickRooms(),
        store=store,
    )


def handed_in(store: Store, *sources: str, name: str = "") -> Submission:
    content = a_notebook(*sources)
    name = name or "".join(letter for letter in sources[0] if letter.isalnum())[:20]
    return Submission(student=StudentId(name), name=name, source=f"{name}.ipynb", notebook=store.put(content))


@dataclass
class Loopback(Line):
    """A scheduler whose workers are functions of this process; ``replies`` come before those of a worker."""

    folder: Path
    addresses: tuple[str, ...] = ("one",)
    replies: list[Reply | Exception] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    asked: list[Sequence[str] | None] = field(default_factory=list)
    given: list[bytes] = field(default_factory=list)
    resources: Mapping[str, float] = field(default_factory=dict)

    def present(self) -> Mapping[str, Any]:
        return {address: {"nthreads": 2, "resources": self.resources} for address in self.addresses}

    def carry_out(
        self,
        content: bytes,
        *,
        only: Sequence[str] | None = None,
        resources: Mapping[str, float] | None = None,
        stage: Stage = unseen,
        cancelled: Cancel = lambda: False,
    ) -> bytes:
        self.sent.append(content)
        self.asked.append(only)
        if self.replies:
            reply = self.replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return pack(adapter(Reply).dump_json(reply), {})
        address = (only or self.addresses)[0]
        return served(content, self.desk(address, stage, cancelled))

    def desk(self, address: str, stage: Stage = unseen, cancelled: Cancel = lambda: False) -> Desk:
        folder = self.folder / address
        folder.mkdir(parents=True, exist_ok=True)
        return Desk(folder=folder, worker=address, stage=stage, cancelled=cancelled)

    def lacks(self, names: Sequence[Digest], address: str, cancelled: Cancel) -> list[Digest]:
        kept = Store(self.desk(address).folder / "kept")
        return [name for name in names if not kept.path(name).exists()]

    def give(self, content: bytes, address: str, cancelled: Cancel) -> None:
        self.given.append(content)
        keep(unpack(content), Store(self.desk(address).folder / "kept"))


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> QuickRooms:
    """Those of the workers."""
    made = QuickRooms()
    for module in (fitness, worker):
        monkeypatch.setattr(module, "choose", lambda _: made)
    monkeypatch.setattr(fitness, "escapes", lambda _: ())
    fitness._wall.cache_clear()
    return made


@pytest.fixture
def line(tmp_path: Path, rooms: QuickRooms) -> Loopback:
    return Loopback(tmp_path / "workers")


def afar(course: Course, line: Loopback, tmp_path: Path, told: list[str] | None = None) -> Course:
    terms = fitness.terms("bubblewrap")
    crew = Crew(line, terms, (told if told is not None else []).append)
    session = Session(line, crew, terms, Store(tmp_path / "shared"), {})
    return replace(course, sandbox=Nowhere("bubblewrap"), afar=session)


def test_a_class_is_graded_as_it_would_be_here(
    course: Course, line: Loopback, rooms: QuickRooms, tmp_path: Path
) -> None:
    class_ = [handed_in(course.store, source) for source in ("x = 1", "y = 2")]
    progress: list[Progress] = []
    there = afar(course, line, tmp_path)
    results = list(grade_class(class_, there, tell=progress.append))
    assert rooms.ran == ["x = 1", "y = 2"]
    stages = dict.fromkeys(one.stage for one in progress if one.student == "x1")
    assert list(stages) == ["waiting", "executing", "measuring", "grading", "done"]
    recalls = {recall.stage: recall for recall in results[0].recalls}
    assert recalls["execution"] == Recall(stage="execution", reused=False, why=("new",))
    assert not recalls["evidence"].reused
    # The same machine without workers: all is remembered, under its own keys, and no room is made for it.
    here = replace(course, sandbox=QuickRooms())
    again = list(grade_class(class_, here))
    assert isinstance(here.sandbox, QuickRooms) and here.sandbox.ran == []
    assert [one.report.grade for one in again] == [one.report.grade for one in results]
    assert [one.report.evidence for one in again] == [one.report.evidence for one in results]
    assert all(recall.reused for one in again for recall in one.recalls)
    # And what is remembered is not sent out.
    sent = len(line.sent)
    list(grade_class(class_, there))
    assert len(line.sent) == sent


def test_a_local_run_finds_the_same_evidence(
    course: Course, line: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = handed_in(course.store, "x = 1", "y = 2")
    [there] = grade_class([submission], afar(course, line, tmp_path))
    own = Store(tmp_path / "own")
    own.put(a_notebook("x = 1", "y = 2"))
    (own.root / "secret").write_bytes(course.store.secret())
    [here] = grade_class([submission], replace(course, store=own))
    evidence = [one.report.evidence for one in (here, there)]
    assert evidence[0] is not None and evidence[1] is not None
    moments = {"started_at": None, "seconds": 0.0}
    same = [replace(one, execution=replace(one.execution, **moments)) for one in evidence if one]
    assert same[0] == same[1]
    assert here.report.grade == there.report.grade


def test_data_and_baselines_go_to_a_worker_once(course: Course, line: Loopback, tmp_path: Path) -> None:
    class_ = [handed_in(course.store, source) for source in ("x = 1", "y = 2", "z = 3")]
    results = list(grade_class(class_, afar(course, line, tmp_path)))
    assert all(result.fault is None for result in results)
    assert len(line.given) == 1 and len(line.sent) == 4, "the first order found that they were missing"
    with zipfile.ZipFile(io.BytesIO(line.sent[-1])) as order:
        assert len(order.namelist()) == 2, "a submission alone"
    assert course.data.x_hidden.tobytes() not in b"".join(line.sent)


def test_what_a_worker_has_lost_is_sent_again(course: Course, line: Loopback, tmp_path: Path) -> None:
    there = afar(course, line, tmp_path)
    [first] = grade_class([handed_in(course.store, "x = 1")], there)
    for path in (line.folder / "one" / "kept").rglob("*"):
        if path.is_file():
            path.unlink()
    [second] = grade_class([handed_in(course.store, "y = 2")], there)
    assert first.fault is None and second.fault is None and len(line.given) == 2


def test_two_who_handed_in_the_same_are_executed_once(
    course: Course, line: Loopback, rooms: QuickRooms, tmp_path: Path
) -> None:
    class_ = [handed_in(course.store, "x = 1", name=name) for name in ("ada", "bob")]
    there = replace(afar(course, line, tmp_path), slots=("cpu",) * 2)
    results = list(grade_class(class_, there))
    assert rooms.ran == ["x = 1"] and {one.report.grade.state for one in results} == {State.GRADED}


def test_force_executes_again_there(course: Course, line: Loopback, rooms: QuickRooms, tmp_path: Path) -> None:
    submission, there = handed_in(course.store, "x = 1"), afar(course, line, tmp_path)
    list(grade_class([submission], there))
    [forced] = grade_class([submission], replace(there, force=True, flights=Flights()))
    assert rooms.ran == ["x = 1"] * 2
    assert {recall.stage: recall for recall in forced.recalls}["execution"].why == ("forced",)


def test_other_text_is_not_executed_again(course: Course, line: Loopback, rooms: QuickRooms, tmp_path: Path) -> None:
    there = afar(course, line, tmp_path)
    list(grade_class([handed_in(course.store, "x = 1")], there))
    book = json.loads(a_notebook("x = 1"))
    book["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "More text."})
    other = replace(handed_in(course.store, "x = 1"), notebook=course.store.put(json.dumps(book).encode()))
    [result] = grade_class([other], there)
    assert result.fault is None and rooms.ran == ["x = 1"] and len(line.sent) == 2


def test_a_fault_there_is_told_as_one_here(course: Course, line: Loopback, tmp_path: Path) -> None:
    class_ = [handed_in(course.store, source) for source in (OUR_FAULT, "x = 1")]
    results = {one.report.submission.name: one for one in grade_class(class_, afar(course, line, tmp_path))}
    fault = next(one.fault for one in results.values() if one.fault)
    assert fault is not None and fault.problem == "one: the room broke" and fault.remedy == "Look at the room."
    assert results["x1"].report.grade.state is State.GRADED


def test_a_submission_that_kills_its_workers_waits_for_a_person(course: Course, line: Loopback, tmp_path: Path) -> None:
    line.replies = [ClusterError("4 workers died while they were at it", remedy="Look at their logs.")]
    results = list(
        grade_class([handed_in(course.store, source) for source in ("x = 1", "y = 2")], afar(course, line, tmp_path))
    )
    told: list[tuple[State, str]] = [(one.report.grade.state, one.fault.remedy if one.fault else "") for one in results]
    assert told == [(State.NEEDS_REVIEW, "Look at their logs."), (State.GRADED, "")]


def test_whoever_is_gone_is_not_waited_for(course: Course, line: Loopback, tmp_path: Path) -> None:
    line.replies = [Gone(), Reply(ending="cancelled"), Gone()]
    [result] = grade_class([handed_in(course.store, "x = 1")], afar(course, line, tmp_path))
    assert result.fault is None and len(line.sent) == 5
    line.replies = [Gone()] * 99
    [result] = grade_class([handed_in(course.store, "y = 2")], afar(course, line, tmp_path))
    assert result.fault is not None and "no worker could take it" in result.fault.problem


def test_bytes_that_are_missing_from_a_reply_are_a_fault(course: Course, line: Loopback, tmp_path: Path) -> None:
    submission, there = handed_in(course.store, "x = 1"), afar(course, line, tmp_path)
    list(grade_class([submission], there))
    reply = adapter(Reply).validate_json(unpack(served(line.sent[-1], line.desk("one"))).head)
    assert reply.ending == "done" and reply.answers
    line.replies = [reply]
    empty = Store(tmp_path / "empty")
    empty.put(a_notebook("x = 1"))
    [result] = grade_class([submission], afar(replace(course, store=empty), line, tmp_path))
    assert result.fault is not None and "missing from what came back" in result.fault.problem
    assert not list((empty.root / "memo").rglob("*")), "nothing leads to what is not there"


def test_the_baseline_of_a_share_is_made_when_a_worker_asks_for_it(
    course: Course, line: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def baseline_for(share: float, device: str, cancelled: Cancel) -> None:
        asked.append(share)

    def cut(submission: Submission, course: Course, **options: Any) -> Evidence:  # noqa: ANN401
        assert course.baseline_for is not None
        course.baseline_for(0.5, "cpu", lambda: False)
        return evidence_of(submission, course)

    monkeypatch.setattr("autograder.cluster.worker.pipeline.evidence_of", cut)
    there = replace(afar(course, line, tmp_path), baseline_for=baseline_for)
    submission = handed_in(course.store, "x = 1")
    evidence = there.carried(Errand(kind="evidence", submission=submission), lambda: evidence_of(submission, there))
    assert evidence.execution.cells and asked == [0.5]


def test_baselines_are_trained_and_measured_there(
    course: Course, line: Loopback, rooms: QuickRooms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[int, ...]] = []

    def quick(runs: Sequence[Execution], *, seeds: tuple[int, ...], **_: object) -> Baseline:
        measured.append(seeds)
        return a_baseline(seeds=seeds, mean_errors=runs[0].notebook, predictions=())

    desk = tmp_path / "desk"
    (desk / "reference" / "tiny").mkdir(parents=True)
    (desk / "reference" / "tiny" / "baseline.ipynb").write_bytes(a_notebook("b = 1"))
    monkeypatch.setattr(reference, "baseline_from", quick)
    there = replace(afar(course, line, tmp_path), slots=("cpu",) * 2)
    found = reference.measure(there, Settings(root=desk, state=course.store.root), (1, 2))
    assert found is not None and found.seeds == (1, 2)
    assert rooms.ran == ["b = 1"] * 2, "one run for each seed, as orders of their own"
    assert measured == [(1, 2)]


# --- who is fit ------------------------------------------------------------------------------------------------------


def test_a_worker_that_is_not_as_this_machine_is_given_nothing(rooms: QuickRooms) -> None:
    own = fitness.terms("bubblewrap")
    assert fitness.unfit(own) is None
    for other, why in (
        (replace(own, program="0"), "another version of autograder"),
        (replace(own, packages={**own.packages, "keras": "9.9"}), f"keras {own.packages['keras']} instead of 9.9"),
        (replace(own, packages={**own.packages, "torchaudio": "1"}), "torchaudio missing instead of 1"),
    ):
        trouble = fitness.unfit(other)
        assert trouble is not None and why in trouble.problem and trouble.remedy


def test_a_wall_that_does_not_hold_is_no_wall(rooms: QuickRooms, monkeypatch: pytest.MonkeyPatch) -> None:
    leak = Examination("bubblewrap: no network", False, "reached 127.0.0.1", "Do not grade here.")
    monkeypatch.setattr(fitness, "escapes", lambda _: (Examination("fine", True, ""), leak))
    trouble = fitness.unfit(fitness.terms("bubblewrap"))
    assert trouble is not None and trouble.problem == "bubblewrap: no network: reached 127.0.0.1"
    assert fitness.unfit(fitness.terms("landlock")) is None, "what it leaves open is accepted by who types it"

    def nothing(_: str) -> QuickRooms:
        raise SandboxUnavailable("no bwrap", remedy="Install it.")

    monkeypatch.setattr(fitness, "choose", nothing)
    fitness._wall.cache_clear()
    trouble = fitness.unfit(fitness.terms("bubblewrap"))
    assert trouble is not None and (trouble.problem, trouble.remedy) == (
        "no sandbox bubblewrap: no bwrap",
        "Install it.",
    )


BAD = Trouble(kind="ClusterError", problem="keras 2 instead of 3", remedy="Install the same.")


def test_an_unfit_worker_is_named_and_passed_over(course: Course, line: Loopback, tmp_path: Path) -> None:
    line.addresses, told = ("one", "two"), list[str]()
    line.replies = [Reply(ending="unfit", worker="one", trouble=BAD)]
    results = list(
        grade_class(
            [handed_in(course.store, source) for source in ("x = 1", "y = 2")], afar(course, line, tmp_path, told)
        )
    )
    assert all(one.fault is None for one in results)
    assert told == ["worker one is not used: keras 2 instead of 3. Install the same."]
    assert line.asked == [None, ["two"], ["two"], ["two"]]


def test_nobody_is_fit(course: Course, line: Loopback, tmp_path: Path) -> None:
    line.replies = [Reply(ending="unfit", worker="one", trouble=BAD)]
    [result] = grade_class([handed_in(course.store, "x = 1")], afar(course, line, tmp_path))
    assert result.fault is not None
    assert (result.fault.problem, result.fault.remedy) == (
        "no worker is fit: keras 2 instead of 3",
        "Install the same.",
    )


def test_every_worker_is_tried_before_the_class_begins(line: Loopback) -> None:
    told: list[str] = []
    line.addresses = ("one", "two")
    line.replies = [Reply(ending="unfit", worker="one", trouble=BAD)]
    crew = Crew(line, fitness.terms("bubblewrap"), told.append)
    plan = crew.plan("auto", None, 1024, lambda: False)
    assert sorted(only[0] for only in line.asked if only) == ["one", "two"]
    assert len(told) == 2 and told[1] == "workers: 1 with 2 threads" and plan.threads == 2
    line.replies = [ClusterError("ModuleNotFoundError: No module named 'autograder'", remedy="Install it.")] * 2
    with pytest.raises(ClusterError, match="no worker is fit: ModuleNotFoundError"):
        Crew(line, fitness.terms("bubblewrap"), told.append).plan("auto", None, 1024, lambda: False)
    line.addresses = ()
    waiting = Crew(line, fitness.terms("bubblewrap"), told.append).plan("auto", 3, 1024, lambda: False)
    assert "waiting until one comes" in told[-1] and len(waiting.slots) == 3


def test_what_a_notebook_takes_of_its_worker() -> None:
    bare: dict[str, Any] = {"nthreads": 4, "resources": {}}
    gpu: dict[str, Any] = {"nthreads": 1, "resources": {"GPU": 1, "MEMORY": 16e9}}
    assert planned([bare, gpu], "auto", None, 1024).resources == {}
    assert planned([bare, gpu], "auto", None, 1024).slots == ("cpu",) * 10
    assert planned([gpu, gpu], "auto", None, 1024).resources == {"GPU": 1, "MEMORY": 2**30}
    assert planned([gpu, gpu], "auto", None, 1024).slots == ("gpu:0",) * 8
    assert planned([bare], "gpu", 2, 1024) == Plan(slots=("gpu:0",) * 2, threads=4, resources={"GPU": 1})
    assert planned([gpu], "cpu", 2, 1024).resources == {"MEMORY": 2**30}


def test_each_worker_uses_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    assert (worker._device("gpu:0"), worker._device("cpu")) == ("gpu:3", "cpu")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert worker._device("gpu:0") == "gpu:0"


# --- what a worker keeps ---------------------------------------------------------------------------------------------


def test_a_worker_lets_go_of_what_was_longest_of_no_use(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    for number in range(4):
        content = bytes([number]) * 1000
        keep(unpack(pack(b"{}", {digest(content): content})), kept, most=3000)
        os.utime(kept.path(digest(content)), (number, number))
    assert [kept.path(digest(bytes([number]) * 1000)).exists() for number in range(4)] == [False, True, True, True]


def test_data_of_another_card_are_refused(course: Course) -> None:
    content = datasets.packed(course.data)
    again = datasets.unpacked(content, course.data.card)
    assert again.card == course.data.card and np.array_equal(again.x_hidden, course.data.x_hidden)
    assert np.array_equal(again.public_rows, course.data.public_rows) and not again.x_train.flags.writeable
    with pytest.raises(DataError, match="other data"):
        datasets.unpacked(content, replace(course.data.card, digest="sha256:0"))


def test_an_order_leaves_nothing_on_the_worker(course: Course, line: Loopback, tmp_path: Path) -> None:
    submission = handed_in(course.store, "x = 1", "y = 'private'")
    list(grade_class([submission], afar(course, line, tmp_path)))
    left = [path for path in (line.folder / "one").rglob("*") if path.is_file()]
    assert not list((line.folder / "one").glob("order-*"))
    assert left and not any(b"private" in path.read_bytes() for path in left)


# --- a scheduler and two workers -------------------------------------------------------------------------------------

ADDRESS = re.compile(r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)")
LEARNS = """
import numpy as np
from tensorflow import keras
(x, y), _ = keras.datasets.mnist.load_data()
keras.utils.set_random_seed(7)
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x[:3000] / 255.0, y[:3000], epochs=1, verbose=0)
print(history.history)
"""
BY_HAND = """
import numpy as np, time
generator = np.random.default_rng({seed})
x, w = generator.normal(size=(500, 50)), np.zeros((50, 2))
y = np.eye(2)[(x.sum(axis=1) > 0).astype(int)]
end = time.monotonic() + 1
for step in range(10**9):
    p = np.exp(x @ w); p /= p.sum(axis=1, keepdims=True)
    if step < 200:
        w -= 0.1 * x.T @ (p - y) / len(x)
    elif time.monotonic() > end:
        break
print("accuracy", (p.argmax(1) == y.argmax(1)).mean())
"""
CLASS = {"ada.ipynb": a_notebook(LEARNS)} | {
    f"{name}.ipynb": a_notebook(BY_HAND.format(seed=seed)) for seed, name in enumerate(("bob", "cyd", "dan"))
}
WAITS = a_notebook("import time\ntime.sleep(500)")


@dataclass
class Machines:
    """A scheduler and two workers on loopback, each a process of its own."""

    folder: Path
    address: str
    workers: dict[str, subprocess.Popen[bytes]]

    def orders(self, name: str) -> list[Path]:
        """What a worker is at."""
        return list((self.folder / name).glob("dask-scratch-space/*/autograder/order-*"))


def program(folder: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with (folder / f"{module}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def until(true: Callable[[], object], seconds: float = 300) -> None:
    """Look twenty times a second."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    pytest.importorskip("distributed")
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    folder = tmp_path_factory.mktemp("dask")
    log = folder / "dask_scheduler.log"
    scheduler = program(folder, "dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    until(lambda: log.exists() and ADDRESS.search(log.read_text()))
    found = ADDRESS.search(log.read_text())
    assert found is not None
    workers = {}
    for name in ("one", "two"):
        (folder / name).mkdir()
        workers[name] = program(
            folder / name, "dask_worker", found[1], "--nthreads", "1", "--no-nanny", "--local-directory", "."
        )
    until(lambda: log.read_text().count("Register worker") == 2)
    yield Machines(folder, found[1], workers)
    for process in (*workers.values(), scheduler):
        process.terminate()
        process.wait(20)


@contextmanager
def grading(desk: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The command in a process of its own, and what it says."""
    command = [sys.executable, "-m", "autograder", "run", "class", "--rubric", "tiny", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=desk, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def said(desk: Path, *options: str) -> str:
    """Of a run that has to end well."""
    with grading(desk, *options) as (run, lines):
        told = "".join(lines)
        assert run.wait(300) == 0, told
    return told


def below(process: int) -> list[tuple[psutil.Process, str]]:
    """What descends from it, by name; bubblewrap is there before anything runs in it."""
    found = []
    for child in psutil.Process(process).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append((child, child.name()))
    return found


def executing(line: str) -> bool:
    return ": executing" in line


def evidence_in(state: Path, student: str) -> Evidence:
    """On which the latest grading rests."""
    store = Store(state)
    memo = json.loads(store.trace(f"tiny/{student}") or b"{}")["memos"]["evidence"][-1]
    names = notice(state / "memo" / memo[:2] / memo[2:])
    assert names is not None
    return TypeAdapter(Evidence).validate_json(store.get(names[0]))


@pytest.mark.sandbox
def test_a_worker_that_is_at_something_is_not_ended(dask: Machines) -> None:
    """Dask alone ends one all the same where fewer workers could carry as many tasks."""
    from distributed import Client

    line = Line(dask.address)
    try:
        with Client(dask.address, set_as_default=False) as other:
            tasks = [other.submit(time.sleep, 4, workers=[one], pure=False) for one in line.present()]
            until(lambda: all(other.processing().values()), 20)
            assert not other.sync(other.scheduler.workers_to_close, n=1)
            other.gather(tasks)
            assert len(other.sync(other.scheduler.workers_to_close, n=1)) == 1
    finally:
        line.close()


@pytest.mark.kernel
@pytest.mark.sandbox
def test_a_worker_is_killed_and_nothing_is_lost_or_graded_twice(dask: Machines, tmp_path: Path) -> None:
    desk = a_folder(tmp_path / "desk", CLASS)
    path = desk / "rubrics" / "tiny.yaml"
    path.write_text(RUBRIC.replace("memory_mb: 1024", "memory_mb: 4096").replace("seconds: 30", "seconds: 60"), "utf-8")
    with grading(desk, "--scheduler", dask.address) as (run, lines):
        told = []
        while sum(map(executing, told)) < 2:
            told.append(next(lines))
        victim = dask.workers["one"]
        until(lambda: any("python" in name for _, name in below(victim.pid)))
        rooms = [process for process, _ in below(victim.pid)]
        victim.kill()
        told += [f"--- worker one is killed, with {len(rooms)} processes in its rooms\n", *lines]
        sys.stdout.write("".join(told))  # with -s: what happened
        assert run.wait(300) == 0
    assert psutil.wait_procs(rooms, timeout=300)[1] == [], "its rooms ended with it"
    book = Gradebook(desk / ".autograder" / "grades.sqlite")
    names = [name.removesuffix(".ipynb") for name in CLASS]
    assert [len(book.history(StudentId(name))) for name in names] == [1] * 4
    assert {row.grade.state for name in names for row in book.history(StudentId(name))} == {State.GRADED}
    found = verify(Store(desk / ".autograder"), book)
    assert (found.damaged, found.missing) == ((), ())
    # The same command without workers: everything is remembered, and every grade is the same.
    assert "executions: 4 of 4 reused" in said(desk, "--workers", "1")
    assert [len(book.history(StudentId(name))) for name in names] == [1] * 4
    # And trained here, with the same images in the same order, the figures are the same to the last digit.
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "secret").write_bytes((desk / ".autograder" / "secret").read_bytes())
    said(desk, "--workers", "1", "--only", "ada", "--state", str(tmp_path / "own"))
    there, here = evidence_in(desk / ".autograder", "ada"), evidence_in(tmp_path / "own", "ada")
    assert [cell.outputs for cell in there.cells] == [cell.outputs for cell in here.cells]
    assert [one.weights for one in there.ledger.trainings] == [one.weights for one in here.ledger.trainings]
    assert [one.hidden_predictions for one in there.models] == [one.hidden_predictions for one in here.models]
    assert there.final == here.final
    assert "loss" in here.cells[0].outputs[0].text
    assert [model.hidden_predictions is not None for model in here.models] == [True]


@pytest.mark.kernel
@pytest.mark.sandbox
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_rooms_end_when_whoever_asked_stops_or_is_gone(dask: Machines, tmp_path: Path, number: signal.Signals) -> None:
    desk = a_folder(tmp_path / "desk", {"eve.ipynb": WAITS})
    with grading(desk, "--scheduler", dask.address) as (run, lines):
        assert any(map(executing, lines))
        until(lambda: dask.orders("two"))
        run.send_signal(number)
        lines.read()
        assert run.wait(300) in (130, -signal.SIGKILL)
    until(lambda: not dask.orders("two"))
