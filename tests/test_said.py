"""Room 2 is asked once about the same bytes, and the evidence cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
import pytest

from autograder.extraction import said
from autograder.extraction.probing import Gallery, Probed, Task
from autograder.extraction.said import answered
from autograder.recall import Memory, Recall
from autograder.records import Step, say
from autograder.store import Store, digest

GALLERY = Gallery(
    images=digest(b"images"),
    order=np.arange(12),
    hidden=4,
    public=4,
    nudged_hidden=np.arange(2),
    nudged_public=np.arange(2),
    altered=digest(b"altered"),
    altered_rows=np.arange(3),
)
SCALED = (Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),)


def outputs(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).random(shape, dtype=np.float32)


def probed(task: Task) -> Probed:
    return Probed(
        hidden=outputs(4, 10),
        public=outputs(4, 10),
        nudged=outputs(2, 4, 10),
        altered=outputs(8, 5, 3, 10) if task.robustness else None,
        parameters=7850,
        ms_per_image=0.1 + 0.2,
    )


class Room:
    """Answers for room 2, and remembers who was asked."""

    def __init__(self, answer: Callable[[Task], Probed] = probed) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, tasks: Sequence[Task]) -> Mapping[str, Probed]:
        self.asked += [task.id for task in tasks]
        return {task.id: self.answer(task) for task in tasks}


@pytest.fixture
def task(store: Store) -> Task:
    return Task(id="m1-t1", model=store.put(b"model"), steps=SCALED, robustness=True)


def ask(store: Store, room: Room, *tasks: Task, shown: Gallery = GALLERY, **options: bool) -> Mapping[str, Probed]:
    return answered(tasks, shown, store, Memory(store, **options), room)


def test_an_answer_comes_back_bit_by_bit(store: Store, task: Task) -> None:
    room = Room()
    first, again = (ask(store, room, task)["m1-t1"] for _ in range(2))
    assert room.asked == ["m1-t1"]
    for one in fields(Probed):
        before, after = getattr(first, one.name), getattr(again, one.name)
        if isinstance(before, np.ndarray):
            assert (before.dtype, before.shape, before.tobytes()) == (after.dtype, after.shape, after.tobytes())
        else:
            assert before == after


def test_the_name_of_a_model_is_no_part_of_it(store: Store, task: Task) -> None:
    room = Room()
    ask(store, room, task)
    assert ask(store, room, replace(task, id="m7-t9"))["m7-t9"].parameters == 7850
    assert room.asked == ["m1-t1"]


@pytest.mark.parametrize("change", ["model", "preparation", "images", "order", "altered", "program"])
def test_whatever_an_answer_depends_on_asks_anew(
    store: Store, task: Task, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room()
    ask(store, room, task)
    shown = GALLERY
    if change == "model":
        task = replace(task, model=store.put(b"another"))
    elif change == "preparation":
        task = replace(task, steps=())
    elif change == "images":
        shown = replace(GALLERY, images=digest(b"others"))
    elif change == "order":
        shown = replace(GALLERY, order=np.arange(12)[::-1])
    elif change == "altered":
        shown = replace(GALLERY, altered=digest(b"others"))
    else:
        monkeypatch.setattr(said, "code_digest", lambda *_: "changed")
    ask(store, room, task, shown=shown)
    assert room.asked == ["m1-t1", "m1-t1"]


def test_only_those_not_known_are_asked(store: Store, task: Task) -> None:
    room = Room()
    other = replace(task, id="m2-t2", model=store.put(b"other"))
    ask(store, room, task)
    assert list(ask(store, room, other, task)) == ["m2-t2", "m1-t1"], "in the order of the tasks"
    assert room.asked == ["m1-t1", "m2-t2"]


def test_who_was_asked_about_more_need_not_be_asked_about_less(store: Store, task: Task) -> None:
    room = Room()
    ask(store, room, task)
    plain = ask(store, room, replace(task, robustness=False))["m1-t1"]
    assert plain.altered is None and plain.hidden is not None and room.asked == ["m1-t1"]
    other = replace(task, model=store.put(b"other"), robustness=False)
    ask(store, room, other)
    ask(store, room, replace(other, robustness=True))
    assert room.asked == ["m1-t1"] * 3, "but the other way round there is something to ask"


@pytest.mark.parametrize(
    "answer",
    [
        Probed(problem=say("The measurement of this model broke off.")),
        Probed(hidden=outputs(4, 10), problem=say("The measurement of this model broke off.")),
        Probed(hidden=outputs(4, 10)),
    ],
    ids=["nothing", "a part", "no altered ones"],
)
def test_what_is_not_complete_is_asked_again(store: Store, task: Task, answer: Probed) -> None:
    room = Room(lambda _: answer)
    assert ask(store, room, task)["m1-t1"] is ask(store, room, task)["m1-t1"] is answer
    assert room.asked == ["m1-t1", "m1-t1"]


def test_an_answer_that_was_damaged_on_the_disk_is_asked_for_again(store: Store, task: Task) -> None:
    room = Room()
    hidden = ask(store, room, task)["m1-t1"].hidden
    assert hidden is not None
    path = store.path(store.put_array(hidden))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    memory = Memory(store)
    again = answered([task], GALLERY, store, memory, room)["m1-t1"].hidden
    assert again is not None and again.tobytes() == hidden.tobytes()
    assert room.asked == ["m1-t1", "m1-t1"]
    assert [recall.reused for recall in memory.recalls] == [False]
    ask(store, room, task)
    assert room.asked == ["m1-t1", "m1-t1"], "and is whole again"


def test_forced_asks_everybody_and_says_so(store: Store, task: Task) -> None:
    room = Room()
    ask(store, room, task)
    memory = Memory(store, force=True)
    answered([task], GALLERY, store, memory, room)
    assert room.asked == ["m1-t1", "m1-t1"]
    assert memory.recalls == (Recall(stage="measurement/m1-t1", reused=False, why=("forced",)),)
