"""A question from the kernel to the host and back, through the folder that they share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.guest.errand import QUESTION_BYTES, Errand
from autograder.guest.handover import Handover
from autograder.guest.inquiry import Inquiry
from autograder.guest.watch import Watch


class Host:
    """Stands for the pipe."""

    def __init__(self, answer: bytes = b"replay\nthe weights") -> None:
        self.answer = answer
        self.heard: list[tuple[Any, bytes]] = []
        self.free = threading.Event()
        self.free.set()

    def ask(self, head: Any, body: bytes) -> bytes:  # noqa: ANN401
        self.heard.append((head, body))
        self.free.wait(20)
        return self.answer


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def watch() -> Watch:
    return Watch(cell_seconds=60, run_seconds=60)


@pytest.fixture
def inquiry(tmp_path: Path, host: Host, watch: Watch) -> Iterator[Inquiry]:
    handover = Handover(tmp_path)
    errand = Errand(host, handover, watch)  # type: ignore[arg-type]
    errand.start()
    yield Inquiry(handover)
    errand.stop()


def test_a_question_is_answered(inquiry: Inquiry, host: Host, tmp_path: Path) -> None:
    assert inquiry.ask("fit?", b"line\nline") == ("replay", b"the weights")
    host.answer = b"send\n"
    assert inquiry.ask("contents", b"") == ("send", b"")
    assert host.heard == [({"kind": "fit?"}, b"line\nline"), ({"kind": "contents"}, b"")]
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_taken_to_the_host(inquiry: Inquiry, host: Host) -> None:
    for kind in ("images?", "end", "ledger", ""):
        assert inquiry.ask(kind, b"") == ("unheard", b"")
    assert host.heard == []


def test_where_nobody_hears_it_is_trained(tmp_path: Path) -> None:
    assert Inquiry(Handover(tmp_path), patience=0.1).ask("fit?", b"") == ("unheard", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_question_too_large_to_be_read_is_answered_at_once(inquiry: Inquiry, host: Host, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(QUESTION_BYTES + 1)
    (tmp_path / "large").rename(tmp_path / "question-1")
    handover = Handover(tmp_path)
    until = time.monotonic() + 10
    while (answer := handover.take("answer-1", 100)) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert answer == b"" and host.heard == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("side", ["question-1", "answer-1"])
def test_what_comes_while_it_is_looked_for_is_not_lost(
    tmp_path: Path, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other side writes just after the look, or puts a newer one there while the older one is read."""
    handover = Handover(tmp_path)
    plain = Handover.read

    def late(self: Handover, name: str, cap: int) -> bytes | None:
        content = plain(self, name, cap)
        self.put(side, b"new")
        return content

    monkeypatch.setattr(Handover, "read", late)
    rename = os.rename

    def missed(source: Path, target: Path) -> None:
        try:
            rename(source, target)
        finally:
            if Path(target).name == f".taken-{side}":
                handover.put(side, b"new")

    monkeypatch.setattr(os, "rename", missed)
    assert handover.take(side, 100) is None
    monkeypatch.setattr(os, "rename", rename)
    handover.put(side, b"old")
    assert handover.take(side, 100) == b"old"
    monkeypatch.undo()
    assert handover.take(side, 100) == b"new"


def test_the_time_of_the_host_is_not_the_notebooks(inquiry: Inquiry, host: Host, watch: Watch) -> None:
    watch.begin()
    ends = watch.run_end
    host.free.clear()
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(inquiry.ask("fit?", b"")))
    asking.start()
    while not host.heard:
        time.sleep(0.01)
    watch._look(time.monotonic() + 1000)  # nothing is interrupted meanwhile
    began = time.monotonic()
    time.sleep(0.1)
    host.free.set()
    asking.join()
    assert watch.run_end - ends >= 0.1
    assert watch.run_end - ends <= time.monotonic() - began + 1
    assert watch.end() == ""


def test_going_on_without_a_pause_changes_nothing(watch: Watch) -> None:
    ends = watch.run_end
    watch.go_on()
    assert watch.run_end == ends
