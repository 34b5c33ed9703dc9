"""What is remembered comes back whole or not at all, and what is new in a question is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from autograder.recall import Key, Memory, Recall, blobs, key, memos, remembered
from autograder.records import Altered, Cell, CellKind, Ending, Execution, Output
from autograder.store import Store, digest

EXECUTION = TypeAdapter(Execution)
DONE = Execution(ending=Ending.COMPLETED)


def asked(**changes: str) -> Key:
    return key("execution", **{"code": "x = 1", "data": "mnist", "limits": "900"} | changes)


def test_a_key_is_its_parts_in_any_order() -> None:
    assert asked() == key("execution", limits="900", data="mnist", code="x = 1")
    assert str(asked()) == str(key("execution", limits="900", data="mnist", code="x = 1"))
    assert str(asked()) != str(key("rehearsal", limits="900", data="mnist", code="x = 1"))
    assert len({str(asked()), str(asked(code="y = 1")), str(asked(more="z"))}) == 3


def test_work_is_done_once(store: Store) -> None:
    worked: list[int] = []

    def work() -> Execution:
        worked.append(1)
        return DONE

    assert remembered(Memory(store), asked(), EXECUTION, work) == DONE
    assert remembered(Memory(store), asked(), EXECUTION, work) == DONE
    assert remembered(Memory(store), asked(code="y"), EXECUTION, work) == DONE
    assert remembered(Memory(store, force=True), asked(), EXECUTION, work) == DONE
    assert len(worked) == 3


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (None, asked(), ("new",)),
        (asked(), asked(code="y"), ("code",)),
        (asked(), asked(limits="60", data="digits"), ("data", "limits")),
        (asked(), asked(final="m2"), ("final",)),
        (asked(final="m2"), asked(), ("final",)),
    ],
    ids=["new", "code", "two", "a part more", "a part less"],
)
def test_what_is_new_in_a_question_is_named(store: Store, before: Key | None, now: Key, why: tuple[str, ...]) -> None:
    if before is not None:
        first = Memory(store, "ada")
        first.keep(before, EXECUTION, DONE)
        assert first.known(before, EXECUTION) == DONE and first.recalls == (Recall(stage="execution", reused=True),)
        first.close()
    memory = Memory(store, "ada")
    assert memory.known(now, EXECUTION) is None
    assert memory.recalls == (Recall(stage="execution", reused=False, why=why),)
    assert Memory(store, "bob", force=True).known(now, EXECUTION) is None


def test_only_a_grading_that_was_finished_is_the_latest(store: Store) -> None:
    for name, finished in (("first", True), ("second", False)):
        memory = Memory(store, "ada")
        memory.known(asked(code=name), EXECUTION)
        if finished:
            memory.close()
    memory = Memory(store, "ada")
    memory.known(asked(code="first"), EXECUTION)
    assert memory.recalls[0].why == ("lost",), "the question of the first one, and it has no answer"


def test_stages_that_were_not_asked_about_stay_as_they_were(store: Store) -> None:
    for stage in ("execution", "evidence"):
        memory = Memory(store, "ada")
        memory.known(key(stage, code="x"), EXECUTION)
        memory.close()
    memory = Memory(store, "ada")
    memory.known(key("execution", code="y"), EXECUTION)
    assert memory.recalls[0].why == ("code",)


def test_what_was_not_asked_about_is_still_rested_on(store: Store) -> None:
    def graded(reused: bool, *labels: str) -> frozenset[str]:
        memory = Memory(store, "ada")
        memory.note(key("evidence", text="x"), reused=reused)
        for label in labels:
            memory.note(replace(key("measurement", model=label), label=label), reused=False)
        memory.close()
        held = memos(store.trace("ada") or b"")
        assert held is not None
        return held

    first = graded(False, "m1", "m2")
    assert len(first) == 3
    assert graded(True) == first, "nothing was measured, since the evidence was there"
    assert len(graded(False, "m3")) == 2, "what is measured now is what counts"


@pytest.mark.parametrize("trace", [b"", b"{", b"[]", b'{"memos": []}', b'{"memos": {"execution": 7}}', b"{}"])
def test_who_rests_on_what_is_not_guessed(trace: bytes) -> None:
    assert memos(trace) is None


@pytest.mark.parametrize("trace", [b"", b"{", b"[]", b'{"parts": []}', b'{"parts": {"execution": 7}}'])
def test_a_trace_that_cannot_be_read_is_none(store: Store, trace: bytes) -> None:
    store.leave("ada", trace)
    memory = Memory(store, "ada")
    assert memory.known(asked(), EXECUTION) is None
    assert memory.recalls[0].why == ("new",)


def test_everything_that_a_record_names_is_found() -> None:
    names = [digest(bytes([number])) for number in range(6)]
    execution = Execution(
        ending=Ending.COMPLETED,
        notebook=names[0],
        artifacts={"fit-1.keras": names[1]},
        altered=Altered(model="m1", answers=(names[2], names[3])),
    )
    cell = Cell(index=0, kind=CellKind.CODE, source=names[4], outputs=(Output(kind="display", image=names[5]),))
    assert list(blobs(execution)) == names[:4]
    assert list(blobs((cell, None))) == [names[5]], "what a student writes names nothing"


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("of", ["the result", "what it names"])
@pytest.mark.parametrize("fate", [damage, Path.unlink], ids=["damaged", "lost"])
def test_what_is_not_whole_is_not_remembered(store: Store, of: str, fate: object) -> None:
    model = store.put(b"model")
    execution = Execution(ending=Ending.COMPLETED, artifacts={"fit-1.keras": model})
    Memory(store).keep(asked(), EXECUTION, execution)
    fate(store.path(model if of == "what it names" else store.put(EXECUTION.dump_json(execution))))  # type: ignore[operator]
    if (of, fate) == ("what it names", damage):
        with pytest.raises(Exception, match="damaged"):
            store.get(model)  # whoever reads it first is told, and nobody after that
    assert Memory(store).known(asked(), EXECUTION) is None
    store.put(b"model")
    Memory(store).keep(asked(), EXECUTION, execution)
    assert Memory(store).known(asked(), EXECUTION) == execution, "it can be made again"


def test_a_record_of_another_shape_is_not_remembered(store: Store) -> None:
    store.remember(str(asked()), store.put(b'{"ending": "perfect"}'))
    assert Memory(store).known(asked(), EXECUTION) is None
