"""What a room is answered when it asks about trainings, and that it cannot say what they leave."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from autograder import parcel
from autograder.errors import SandboxUnavailable
from autograder.execution.fits import TRAIN, Fits
from autograder.execution.trainer import train
from autograder.frames import Frame
from autograder.records import Audit, Json, Ledger, Limits, Replay, Reuse, Training
from autograder.sandbox.room import Outcome
from autograder.store import Store
from autograder.trainings import Asked, Trainings, read
from autograder.worth import Worth
from tests import asked as make
from tests.fakes import FakeSandbox

ASKED = read(make.body(), threads=2, device="cpu")
assert ASKED is not None


class Trainer:
    """Stands for a room of its own."""

    def __init__(self, left: bytes | None) -> None:
        self.left = left
        self.called: list[Asked] = []

    def __call__(self, asked: Asked, contents: bytes, seconds: float) -> bytes | None:
        assert contents == make.contents()
        self.called.append(asked)
        return self.left


@pytest.fixture
def known(store: Store) -> Trainings:
    return Trainings(store=store, worth=Worth(start_seconds=10.0))


def asked_for(known: Trainings, seconds: float = 60.0) -> None:
    """Somebody trained it already."""
    assert ASKED is not None
    known.asked_before(ASKED)
    known.took(ASKED, seconds)


def replay() -> Replay:
    assert ASKED is not None
    return Replay(key=ASKED.key, short=ASKED.short, seconds=84.5)


def test_who_asks_first_trains(known: Trainings) -> None:
    fits = Fits(trainings=known, retrain=Trainer(make.result()))
    assert fits.ask(make.body()) == TRAIN
    assert ASKED is not None
    assert fits.told(Ledger()) == Reuse(asked={hashlib.sha256(make.body()).hexdigest()[:16]: 1})


def test_a_training_that_is_known_is_answered(known: Trainings) -> None:
    assert ASKED is not None
    known.keep(ASKED, make.result())
    fits = Fits(trainings=known)
    assert fits.ask(make.body()) == b"replay\n" + make.result()
    assert fits.replayed == [replay()]


def test_who_asks_again_waits_for_a_room_of_its_own(known: Trainings) -> None:
    asked_for(known)
    trainer = Trainer(make.result())
    fits = Fits(trainings=known, retrain=trainer)
    assert fits.ask(make.body()) == b"send\n"
    assert fits.contents(make.contents()) == b"replay\n" + make.result()
    assert len(trainer.called) == 1
    other = Fits(trainings=known, retrain=trainer)
    assert other.ask(make.body()).startswith(b"replay\n")
    assert len(trainer.called) == 1


def test_two_who_wait_for_the_same_have_it_trained_once(known: Trainings) -> None:
    asked_for(known)
    trainer = Trainer(make.result())
    one, two = (Fits(trainings=known, retrain=trainer) for _ in range(2))
    assert one.ask(make.body()) == two.ask(make.body()) == b"send\n"
    assert one.contents(make.contents()) == two.contents(make.contents())
    assert len(trainer.called) == 1


def test_short_trainings_are_not_worth_a_room(known: Trainings) -> None:
    asked_for(known, seconds=2.0)
    assert Fits(trainings=known).ask(make.body()) == TRAIN


def test_where_the_trainer_fails_the_kernel_trains(known: Trainings) -> None:
    assert ASKED is not None
    asked_for(known)
    for left in (None, b"nonsense"):
        tried = Trainings(store=known.store, worth=Worth(start_seconds=10.0))
        trainer = Trainer(left)
        fits = Fits(trainings=tried, retrain=trainer)
        assert fits.ask(make.body()) == b"send\n"
        assert fits.contents(make.contents()) == TRAIN
        assert fits.replayed == []
        assert fits.ask(make.body()) == TRAIN, "in the same run it is not tried again"
        assert len(trainer.called) == 1
    assert known.known(ASKED) is None


def test_no_room_has_more_trained_elsewhere_than_it_could_have_trained_itself(known: Trainings) -> None:
    asked_for(known)
    given: list[float] = []

    def slow(asked: Asked, contents: bytes, seconds: float) -> bytes:
        given.append(seconds)
        time.sleep(0.02)
        return make.result()

    fits = Fits(trainings=known, retrain=slow, seconds=0.01)
    assert fits.ask(make.body()) == b"send\n"
    assert fits.contents(make.contents()).startswith(b"replay\n")
    other = make.body(seed=1)
    asked = read(other, threads=2, device="cpu")
    assert asked is not None
    known.asked_before(asked)
    known.took(asked, 60.0)
    assert fits.ask(other) == TRAIN
    assert given == [0.01]


# --- what a room cannot do -------------------------------------------------------------------------------------------


def test_a_student_cannot_say_what_a_training_leaves(known: Trainings) -> None:
    assert ASKED is not None
    fits = Fits(trainings=known)
    for _ in range(2):
        fits.ask(make.body())
        assert fits.trained(make.result(99.0)) == b""
    assert known.known(ASKED) is None
    known.keep(ASKED, make.result())
    fits.ask(make.body())
    assert fits.trained(make.result(99.0)) == b""
    assert known.known(ASKED) == make.result()
    assert fits.audited == []


def test_contents_other_than_those_named_are_not_trained(known: Trainings) -> None:
    asked_for(known)
    trainer = Trainer(make.result())
    fits = Fits(trainings=known, retrain=trainer)
    for content in (b"", b"nonsense", make.result(), make.contents()[:-1]):
        fits = Fits(trainings=known, retrain=trainer)
        assert fits.ask(make.body()) == b"send\n"
        assert fits.contents(content) == TRAIN
        assert fits.ask(make.body()) == TRAIN, "of whoever sent that nothing more is read"
    assert fits.contents(make.contents()) == TRAIN  # nobody asked for them
    assert trainer.called == []


def test_contents_that_are_too_large_are_not_unpacked(known: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their form is told before them, and the clock of the room stands still meanwhile."""
    asked_for(known)
    unpacked: list[int] = []
    plainly = parcel.unpacked
    monkeypatch.setattr(parcel, "unpacked", lambda content: (unpacked.append(len(content)), plainly(content))[1])
    fits = Fits(trainings=known, retrain=Trainer(make.result()))
    assert fits.ask(make.body()) == b"send\n"
    assert fits.contents(parcel.packed({}, [np.zeros(1 << 20)])) == TRAIN
    assert unpacked == []
    fits = Fits(trainings=known, retrain=Trainer(make.result()))
    assert fits.ask(make.body()) == b"send\n"
    assert fits.contents(make.contents()).startswith(b"replay\n")
    assert unpacked != []


def test_no_more_is_read_than_a_kernel_asks(known: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ASKED is not None
    known.keep(ASKED, make.result())
    fits = Fits(trainings=known)
    assert fits.ask(b"[" + b"[]," * (6 << 20) + b"0]") == TRAIN
    assert fits.ask(make.body()) == TRAIN
    assert sum(fits.heard_of.values()) == 2, "the ledger may name them"
    monkeypatch.setattr("autograder.execution.fits.QUESTIONS", 3)
    fits = Fits(trainings=known)
    assert [fits.ask(make.body()) == TRAIN for _ in range(5)] == [False, False, False, True, True]


def test_a_forged_question_is_kept_under_its_own_digest(known: Trainings) -> None:
    """Whatever the trainer makes of it serves nobody who asks for anything else."""
    assert ASKED is not None
    forged = make.body(seed=1)
    asked = read(forged, threads=2, device="cpu")
    assert asked is not None
    known.asked_before(asked)
    known.took(asked, 60.0)
    fits = Fits(trainings=known, retrain=Trainer(make.result(99.0)))
    assert fits.ask(forged) == b"send\n"
    assert fits.contents(make.contents()).startswith(b"replay\n")
    assert known.known(asked) == make.result(99.0)
    assert known.known(ASKED) is None


def test_what_is_new_is_trained_elsewhere_where_others_are_asked_for_again(known: Trainings) -> None:
    """At the pace of what is known already."""
    assert ASKED is not None
    trainer = Trainer(make.result())
    fits = Fits(trainings=known, retrain=trainer)
    assert fits.ask(make.body(seed=1)) == TRAIN
    known.keep(ASKED, make.result())
    for _ in range(2):
        assert fits.ask(make.body()).startswith(b"replay\n")
    assert fits.ask(make.body(seed=2)) == b"send\n"
    assert fits.contents(make.contents()).startswith(b"replay\n")
    assert len(trainer.called) == 1


def test_nobody_is_answered_where_nothing_is_reused() -> None:
    fits = Fits()
    assert fits.ask(make.body()) == fits.contents(make.contents()) == TRAIN
    assert fits.trained(make.result()) == b""
    assert fits.told(Ledger()) is None


# --- our own notebooks -----------------------------------------------------------------------------------------------


def test_our_own_notebooks_say_what_their_trainings_left(known: Trainings) -> None:
    assert ASKED is not None
    fits = Fits(trainings=known.trusting())
    assert fits.ask(make.body()) == b"tell\n"
    assert fits.trained(make.result()) == b""
    assert known.known(ASKED) == make.result()
    assert fits.ask(make.body()).startswith(b"replay\n")


# --- audits ----------------------------------------------------------------------------------------------------------


def audited(store: Store, trained: bytes) -> tuple[Trainings, Fits]:
    assert ASKED is not None
    known = Trainings(store=store, audit=1.0)
    known.keep(ASKED, make.result())
    fits = Fits(trainings=known)
    assert fits.ask(make.body()) == b"audit\n"
    assert fits.trained(trained) == b""
    return known, fits


def test_an_audit_finds_no_difference(store: Store) -> None:
    assert ASKED is not None
    known, fits = audited(store, make.result(seconds=90.0))
    assert fits.audited == [Audit(key=ASKED.key, short=ASKED.short, difference=0.0)]
    assert fits.replayed == []
    assert known.known(ASKED) == make.result()


@pytest.mark.parametrize(("trained", "apart"), [(make.result(1.5), 0.5), (b"nonsense", None)])
def test_an_audit_finds_what_was_planted(store: Store, trained: bytes, apart: float | None) -> None:
    assert ASKED is not None
    known, fits = audited(store, trained)
    assert fits.audited == [Audit(key=ASKED.key, short=ASKED.short, difference=apart)]
    assert known.known(ASKED) is None
    assert known.is_aside(ASKED.key)


# --- what is said afterwards -----------------------------------------------------------------------------------------


def entry(number: int, **changes: Json) -> Training:
    return Training(number=number, model="m1", **changes)


@pytest.mark.parametrize(("claimed", "believed"), [(30.0, 30.0), (86_400.0, 40.0)])
def test_what_the_ledger_says_is_counted(
    known: Trainings, claimed: float, believed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No training takes longer than since it was asked about."""
    assert ASKED is not None
    fits = Fits(trainings=known)
    clock = iter([1000.0, 1040.0])
    monkeypatch.setattr("autograder.execution.fits.time.monotonic", lambda: next(clock))
    fits.ask(make.body())
    ledger = Ledger(
        trainings=(
            entry(1, request=ASKED.short, seconds=claimed),
            entry(2, unreused="tf.data"),
            entry(3, unreused="<script>"),
            entry(4, arguments={"loop": True}),
            entry(5, reused=True),
        )
    )
    fits.heard(ledger)
    fits.heard(ledger)
    assert known.asked_before(ASKED) == (1, believed)
    told = fits.told(ledger)
    assert told is not None
    assert (told.trained, told.refused) == (1, {"tf.data": 1, "another": 1})


# --- the trainer's room ----------------------------------------------------------------------------------------------


def job(folder: Path) -> Json:
    from types import SimpleNamespace

    return SimpleNamespace(limits=Limits(cell_seconds=30), threads=2, environment={"KERAS_MAX_EPOCHS": "1"})


def test_the_trainers_room_holds_no_code_of_a_notebooks(tmp_path: Path) -> None:
    assert ASKED is not None
    sandbox = FakeSandbox([Frame({"kind": "ready"}), Frame({"kind": "trained"}, make.result()), Frame({"kind": "end"})])
    assert train(ASKED, make.contents(), job(tmp_path), sandbox, 200.0, lambda: False) == make.result()
    (room,) = sandbox.rooms
    assert room.program == "trainer.py"
    assert not room.shell
    assert {"cells.json", "files.zip", "data.npz", "job.json"} & room.inputs.keys() == set()
    assert room.environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert room.environment["KERAS_MAX_EPOCHS"] == "1"
    assert room.limits.run_seconds == 90


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [Frame({"kind": "trained"}, b"1"), Frame({"kind": "trained"}, b"2")],
    ],
)
def test_a_trainer_that_says_anything_else_has_failed(tmp_path: Path, frames: list[Frame]) -> None:
    assert ASKED is not None
    assert train(ASKED, make.contents(), job(tmp_path), FakeSandbox(frames), 200.0, lambda: False) is None


def test_a_trainer_that_was_ended_has_failed(tmp_path: Path) -> None:
    assert ASKED is not None
    ended = Outcome(exit_code=None, killed="memory", seconds=1.0)
    sandbox = FakeSandbox([Frame({"kind": "trained"}, make.result())], ended)
    assert train(ASKED, make.contents(), job(tmp_path), sandbox, 200.0, lambda: False) is None


def test_no_room_is_no_fault_of_the_students(tmp_path: Path) -> None:
    class None_:
        name = "none"

        def run(self, *_: Json) -> Outcome:
            raise SandboxUnavailable("no room")

    assert ASKED is not None
    assert train(ASKED, make.contents(), job(tmp_path), None_(), 200.0, lambda: False) is None
