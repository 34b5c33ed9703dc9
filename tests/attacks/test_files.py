"""Hostile models and hand-ins: turned away, or without effect."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from autograder.errors import SandboxUnavailable
from autograder.extraction.archive import refusal
from autograder.extraction.arrays import read_npy
from autograder.extraction.probing import Probed, Task, gallery, probe
from autograder.intake import collect
from autograder.records import Limits, Step
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.probe import choose
from autograder.store import Store
from tests.attacks import ground, honest, models
from tests.attacks.handins import HANDINS
from tests.attacks.models import MODELS
from tests.attacks.record import HandIn, Model

SAFE_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
STEPS = (Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),)
OPENED = tuple(model for model in MODELS if not model.refused)


@pytest.fixture(scope="module")
def saved() -> bytes:
    """A model that is what it says, written without Keras: to import that takes longer than all the rest here."""
    return honest.model()


# --- models ----------------------------------------------------------------------------------------------------------


def test_the_honest_model_passes(saved: bytes) -> None:
    assert refusal(saved) is None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_model_is_looked_at_before_it_is_opened(model: Model, saved: bytes) -> None:
    began = time.monotonic()
    assert (refusal(model.build(saved)) is not None) is model.refused
    assert time.monotonic() - began < 10


def test_an_array_of_objects_is_not_read() -> None:
    assert read_npy(models.pickled_array()) is None
    assert read_npy(models.packed({"a.npy": models.pickled_array()})) is None


@pytest.fixture(scope="module")
def answers(saved: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Probed]]:
    """Room 2 with all that are not turned away, and honest ones before and after them."""
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    store, place = Store(tmp_path_factory.mktemp("store")), tmp_path_factory.mktemp("room")
    files = {"first": saved, **{model.id: model.build(saved) for model in OPENED}, "last": saved}
    tasks = [Task(id=name, model=store.put(content), steps=STEPS) for name, content in files.items()]
    shown = gallery(ground.DATA, robustness_images=10, seed=1, store=store)
    with ground.temporary(place):
        found = probe(
            tasks, shown, sandbox=Bubblewrap(), store=store, limits=Limits(memory_mb=2048), cancelled=lambda: False
        )
        assert ground.leftovers(place) == []
    yield found


@pytest.mark.sandbox
@pytest.mark.kernel
@pytest.mark.parametrize("model", OPENED, ids=lambda model: model.id)
def test_an_opened_model_has_no_effect_outside(model: Model, answers: Mapping[str, Probed]) -> None:
    answer = answers[model.id]
    assert answer.hidden is None and answer.problem is not None
    assert not list(Path("/tmp").glob(models.MARK))


@pytest.mark.sandbox
@pytest.mark.kernel
def test_hostile_models_do_not_stand_in_the_way_of_others(answers: Mapping[str, Probed]) -> None:
    first, last = answers["first"], answers["last"]
    assert first.problem is None and last.problem is None
    assert first.hidden is not None and last.hidden is not None
    assert np.array_equal(first.hidden, last.hidden)


# --- hand-ins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("handin", HANDINS, ids=lambda handin: handin.id)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_hand_in_is_one_record(handin: HandIn, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    handin.put(inbox)
    before = everything(tmp_path)
    began = time.monotonic()
    store = Store(tmp_path / "state")
    [submission] = collect([inbox], store)
    assert time.monotonic() - began < 10
    assert (submission.notebook is not None and submission.refusal is None) is handin.graded
    told = [*submission.notes, *([submission.refusal] if submission.refusal else [])]
    texts = [message.text.format_map(Loose(message.values)) for message in told]
    assert not handin.said or any(handin.said in text for text in texts), texts
    assert SAFE_ID.fullmatch(submission.student)
    assert not re.search(
        r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", submission.name + "".join(texts)
    )
    assert {path for path in everything(tmp_path) - before if "state" not in path.parts} == set()
    assert all(".." not in name and not name.startswith("/") for name in submission.files)
    kept = b"".join(store.get(one) for one in filter(None, (submission.notebook, *submission.files.values())))
    assert b"secret = 1" not in kept and b"root:" not in kept


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


class Loose(dict[str, object]):
    """Fills in a sentence without its formats."""

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__({name: Plain(str(value)) for name, value in values.items()})


class Plain(str):
    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return str(self)


def test_the_archives_are_what_they_say(tmp_path: Path) -> None:
    """A library that cleans names while it writes would make these attacks harmless."""
    for handin in HANDINS:
        if handin.id in ("slip", "absolute"):
            handin.put(tmp_path)
            content = (tmp_path / "ada.zip").read_bytes()
            assert b"escaped.py" in content and (b"../../" in content or b"/tmp/" in content)
            assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 2
