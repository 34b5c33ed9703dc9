"""What is kept of trainings, under which key, and who may say so."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from autograder import trainings
from autograder.store import Store
from autograder.trainings import Asked, Trainings, difference, fits, read
from tests import asked as make


def question(**changes: Any) -> Asked:  # noqa: ANN401
    found = read(make.body(**changes), threads=2, device="cpu")
    assert found is not None
    return found


# --- the key ---------------------------------------------------------------------------------------------------------


def test_the_key_is_made_of_all_that_was_asked_and_of_what_is_known_here() -> None:
    plain = read(make.body(), threads=2, device="cpu")
    assert plain is not None
    others = [
        read(make.body(), threads=1, device="cpu"),
        read(make.body(), threads=2, device="gpu:0"),
        *(question(**{name: value}) for name, value in (("seed", 8), ("arguments", {"epochs": 3}))),
        question(data={"x": make.head()["data"]["x"]}),
        question(setting={"variables": {"TF_ENABLE_ONEDNN_OPTS": "0"}, "caps": [None, None]}),
        question(variables=[[*told[:3], False] for told in make.head()["variables"]]),
    ]
    keys = {one.key for one in [plain, *others] if one is not None}
    assert len(keys) == len(others) + 1
    assert question().key == plain.key


def test_the_order_in_which_it_is_written_does_not_count() -> None:
    backwards = json.dumps(dict(reversed(make.head().items()))).encode()
    assert getattr(read(backwards, threads=2, device="cpu"), "key", "") == question().key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        make.body(form=2),
        make.body(key="of my own"),
        make.body(seed="7"),
        make.body(variables=[["<f4", [1], "short", True]]),
        make.body(variables=[["|O", [1], "0" * 64, True]]),
        make.body(variables=[["<f4", [-1], "0" * 64, True]]),
        make.body(optimizer=[3]),
        make.body(data={"hidden": make.head()["data"]["x"]}),
        make.body(arguments={"callbacks": 1}),
        make.body(callbacks=[{"kind": "CSVLogger", "settings": {}, "direction": None}]),
        make.body(callbacks=[{"kind": "EarlyStopping", "settings": {"on_epoch_end": 1}, "direction": None}]),
        make.body(callbacks=[{"kind": [], "settings": {}, "direction": None}]),
        make.body(cut={}),
        make.body(model={"class_name": "Lambda"}),
    ],
)
def test_what_no_kernel_of_ours_asks_is_not_answered(body: bytes) -> None:
    assert read(body, threads=2, device="cpu") is None


# --- the store -------------------------------------------------------------------------------------------------------


def test_what_was_kept_is_known_under_its_key_alone(store: Store) -> None:
    known = Trainings(store=store)
    assert known.known(question()) is None
    assert known.keep(question(), make.result())
    assert Trainings(store=store).known(question()) == make.result()
    assert known.known(question(seed=8)) is None


def test_what_cannot_be_the_result_is_not_kept(store: Store) -> None:
    known = Trainings(store=store)
    for content in (b"", b"no parcel", make.contents(), make.result(variables=[1, 1, 0])):
        assert not fits(content, question())
        assert not known.keep(question(), content)
    assert known.known(question()) is None


def test_what_was_set_aside_stays_aside(store: Store) -> None:
    known = Trainings(store=store)
    known.keep(question(), make.result())
    known.set_aside(question().key)
    assert known.is_aside(question().key)
    assert known.known(question()) is None
    assert not known.keep(question(), make.result())
    assert known.known(question()) is None


def test_what_is_damaged_takes_place_again(store: Store) -> None:
    known = Trainings(store=store)
    known.keep(question(), make.result())
    store.path(store.put(make.result())).write_bytes(b"damaged")
    assert known.known(question()) is None
    assert known.keep(question(), make.result())
    assert known.known(question()) == make.result()


def test_how_often_and_how_long_is_remembered(store: Store) -> None:
    known = Trainings(store=store)
    assert known.asked_before(question()) == (0, 0.0)
    known.took(question(), 60.0)
    assert Trainings(store=store).asked_before(question()) == (1, 60.0)
    assert known.worth.is_enough(question().head, 0, 0.0), "its pace is known now"


# --- audits ----------------------------------------------------------------------------------------------------------


def test_a_share_is_audited_and_nobody_knows_which(store: Store, tmp_path: Any) -> None:  # noqa: ANN401
    some = [question(seed=seed) for seed in range(200)]
    drawn = [Trainings(store=store, audit=0.2).is_audited(one) for one in some]
    assert 20 < sum(drawn) < 60
    assert drawn == [Trainings(store=store, audit=0.2).is_audited(one) for one in some]
    assert drawn != [Trainings(store=Store(tmp_path / "other"), audit=0.2).is_audited(one) for one in some]
    assert not any(Trainings(store=store).is_audited(one) for one in some)
    assert all(Trainings(store=store, audit=1.0).is_audited(one) for one in some)
    assert not any(Trainings(store=store, audit=1.0).trusting().is_audited(one) for one in some)


def test_the_difference_is_the_largest_of_all() -> None:
    assert difference(make.result(), make.result(seconds=1.0)) == 0.0
    assert difference(make.result(), make.result(1.5)) == 0.5
    figures = [[["loss", (0.5).hex()]], [["loss", (0.375).hex()]]]
    assert difference(make.result(), make.result(figures=figures)) == 0.125


@pytest.mark.parametrize(
    "other",
    [
        b"no parcel",
        make.contents(),
        make.result(float("nan")),
        make.result(epochs=[0]),
        make.result(figures=[]),
        make.result(callbacks=[{"wait": 1}]),
    ],
)
def test_another_form_is_no_number(other: bytes) -> None:
    assert difference(make.result(), other) is None


def test_equal_bits_are_no_difference_whatever_they_are() -> None:
    assert trainings.difference(make.result(float("nan")), make.result(float("nan"))) == 0.0
    assert np.isnan(make.WEIGHTS[0] + np.float32("nan")).all()
