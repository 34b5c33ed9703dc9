"""Weights that no training of the run left: found in files and in source, and told as what is known of them."""

from __future__ import annotations

import base64
import io
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograder.extraction.matching import Candidate
from autograder.extraction.origin import Brought, _members, _weights, brought, origin, packed, samples
from autograder.records import Cell, CellKind, Message
from autograder.store import Store
from tests import evidence as make


def weights(seed: int, count: int = 5000) -> bytes:
    return np.random.default_rng(seed).normal(0, 0.1, count).astype("<f4").tobytes()


def zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def candidate(store: Store, content: bytes, *, trained: bool = False) -> Candidate:
    artifact = store.put(zipped({"config.json": b"{}", "model.weights.h5": content}))
    return Candidate(
        id="m1", model="m1", training=make.training(1) if trained else None, artifact=artifact, weights="w"
    )


def told(store: Store, one: Candidate, *things: Brought, **more: object) -> Message | None:
    trained = more.get("trained", ())
    assert isinstance(trained, tuple)
    return origin(one, (one, *trained), things, store, followed=bool(more.get("followed", True)))


ENCODED = base64.b64encode(zlib.compress(weights(1))).decode()
LINES = "\n".join(f'blob += "{ENCODED[start : start + 76]}"' for start in range(0, len(ENCODED), 76))
FORMS = {
    "plain": b"\x89HDF\r\n" + weights(1),
    "zip": zipped({"weights.npy": weights(1)}),
    "base64": b'blob = "' + base64.b64encode(weights(1)) + b'"',
    "base64 of a zlib stream, in lines": LINES.encode(),
    "base64 of a zip": base64.b64encode(zipped({"w": weights(1)})),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_weights_of_a_file_are_found(store: Store, content: bytes) -> None:
    file = Brought(name="best.h5", content=content)
    found = told(store, candidate(store, weights(1)), Brought(name="notes.txt", content=b"a" * 9000), file)
    assert found is not None and found.values == {"name": "best.h5"}
    assert "not trained in this run" in found.text


def test_weights_within_what_another_model_was_trained_to_are_its(store: Store) -> None:
    """Of a model with several outputs, which is no candidate itself."""
    one, pair = candidate(store, weights(1)), candidate(store, weights(7) + weights(1)).artifact
    assert pair is not None and one.artifact is not None
    found = origin(one, (candidate(store, weights(2), trained=True),), (), store, followed=True, left=[(3, pair)])
    assert found is not None and found.values == {"number": 3} and "part of what training" in found.text
    other = origin(one, (), (), store, followed=True, left=[(3, store.put(zipped({"model.weights.h5": weights(9)})))])
    assert other is not None and "come from elsewhere" in other.text


def test_weights_of_a_cell_are_found(store: Store) -> None:
    cell = Brought(cell=2, content=LINES.encode())
    found = told(store, candidate(store, weights(1)), cell)
    assert found is not None and found.values == {"cell": "3"}


def test_a_training_that_changes_nothing(store: Store) -> None:
    one = candidate(store, weights(1), trained=True)
    found = told(store, one, Brought(name="best.h5", content=weights(1)))
    assert found is not None and "and yet" in found.text
    assert told(store, one, Brought(name="best.h5", content=weights(2))) is None


def test_a_base_that_was_kept_counts_and_one_layer_does_not(store: Store) -> None:
    base, head = weights(1, 9000), weights(2, 1000)
    one = candidate(store, base + head, trained=True)
    assert told(store, one, Brought(name="base.h5", content=base)) is not None
    assert told(store, one, Brought(name="head.h5", content=head)) is None


def test_an_ensemble_of_what_was_trained_is_no_stranger(store: Store) -> None:
    parts = tuple(candidate(store, weights(seed), trained=True) for seed in (1, 2))
    whole = candidate(store, weights(1) + weights(2))
    assert told(store, whole, trained=parts) is None
    mean = candidate(store, weights(3))
    found = told(store, mean, Brought(name="data.csv", content=b"1,2"), trained=parts)
    assert found is not None and "put together from others" in found.text
    assert found.values == {"files": "data.csv"}


def test_what_could_not_be_followed_is_not_missing(store: Store) -> None:
    assert told(store, candidate(store, weights(1)), followed=False) is None
    found = told(store, candidate(store, weights(1)))
    assert found is not None and "Nothing was trained" in found.text and found.values == {}
    other = candidate(store, weights(2), trained=True)
    found = told(store, candidate(store, weights(1)), trained=(other,))
    assert found is not None and "set by the code" in found.text


def test_a_model_that_stays_in_its_kernel_is_told_without_its_weights(store: Store) -> None:
    one = Candidate(id="m1", model="m1", training=None, artifact=None, weights="w")
    found = told(store, one, Brought(name="best.pth", content=weights(1)))
    assert found is not None and found.values == {"files": "best.pth"}


def test_samples_are_numbers_of_the_size_of_weights() -> None:
    assert samples(b"_layer_checkpoint_dependencies layers dense vars 0 1 " * 400) == ()
    assert samples(bytes(40_000)) == ()
    assert samples(np.arange(10_000, dtype="<i8").tobytes()) == ()
    assert samples(np.full(9000, 0.1, "<f4").tobytes()) == ()
    assert len(samples(b"text " * 8 + weights(1))) == 64


# --- what was brought ----------------------------------------------------------------------------------------------


def code(index: int, source: str, kind: CellKind = CellKind.CODE) -> Cell:
    return Cell(index=index, kind=kind, source=source)


def test_cells_that_nobody_types(store: Store) -> None:
    long = "\n".join(f"model.add(Dense({number}, activation='relu'))" for number in range(2000))
    picture = code(1, ENCODED, CellKind.MARKDOWN)
    things = brought({"best.h5": store.put(b"x")}, [code(0, long), picture, code(2, LINES)], (), store)
    assert [(thing.name, thing.cell) for thing in things] == [("best.h5", None), ("", 2)]
    remark = packed(things)
    assert remark is not None and remark.values == {"cell": 3, "size": len(LINES) // 1000}
    assert packed(brought({}, [code(2, LINES)], (LINES,), store)) is None, "the teacher's own"


NUMBERS = [int(n) for n in np.random.default_rng(1).integers(-99, 99, 1200)]
SHORT = base64.b64encode(np.random.default_rng(1).bytes(3000)).decode()


@pytest.mark.parametrize(
    ("source", "dense"),
    [
        (f'W = "{SHORT}"', True),
        (f"W = {NUMBERS}", True),
        ("W = np.fromstring('" + " ".join(map(str, NUMBERS)) + "', sep=' ')", True),
        ("W = ''\n" + "\n".join(f"W += '{SHORT[at : at + 70]}'" for at in range(0, len(SHORT), 70)), True),
        ("\n".join(f"a{at} = '{SHORT[at : at + 55]}'" for at in range(0, 4000, 55)), True),
        (f'W = "{SHORT[:600]}"', False),
        ("accuracies = " + str([round(0.9 + n / 1000, 4) for n in range(60)]), False),
        ("\n".join(f"model.add(Dense({n}, activation='relu'))  # couche {n}" for n in range(200)), False),
        ("print('" + "Une phrase que quelqu’un a écrite, mot après mot. " * 60 + "')", False),
    ],
    ids=["base64", "numbers", "blanks", "lines", "names", "little", "results", "code", "prose"],
)
def test_stretches_that_nobody_types(source: str, dense: bool, store: Store) -> None:
    assert (packed(brought({}, [code(0, source)], (), store)) is not None) is dense


def test_a_picture_is_no_stored_model(store: Store) -> None:
    def png(*shape: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()

    def logo(content: bytes) -> str:
        return f'Image(base64.b64decode("{base64.b64encode(content).decode()}"))'

    for content in (png(80, 80, 3), png(40, 40)):
        assert packed(brought({}, [code(0, logo(content)), code(1, "x = 1")], (), store)) is None
        more = packed(brought({}, [code(0, logo(content + weights(1)))], (), store))
        assert more is not None and more.values["cell"] == 1
    # Looked at all the same, where it is asked whether the final model's weights stand in the source.
    shell = png(80, 80, 3)
    hidden = shell[:-12] + (20_000).to_bytes(4, "big") + b"daTa" + weights(1) + bytes(4) + shell[-12:]
    found = told(store, candidate(store, weights(1)), *brought({}, [code(4, logo(hidden))], (), store))
    assert found is not None and found.values == {"cell": "5"}


def test_weights_that_are_spread_over_cells_are_put_together(store: Store) -> None:
    whole = base64.b64encode(weights(1)).decode()
    third = len(whole) // 9
    pieces = [whole[start : start + third] for start in range(0, len(whole), third)]
    things = brought({}, [code(number, f'p{number} = "{piece}"') for number, piece in enumerate(pieces)], (), store)
    assert [thing.name for thing in things] == [""]
    found = told(store, candidate(store, weights(1), trained=True), *things)
    assert found is not None and "and yet" in found.text
    typed = [code(n, "".join(f"model.add(Dense({n + m}))\n" for m in range(90))) for n in range(200)]
    assert brought({}, typed, (), store) == []


def test_padding_is_not_read() -> None:
    """A model of half a megabyte could unpack to sixty, and each is compared with many."""
    padded = zipped({"model.weights.h5": weights(1) + bytes(60 << 20)})
    began = time.process_time()
    for _ in range(100):
        assert len(_weights(padded)) < 2 << 20
    assert time.process_time() - began < 5
    assert _weights(zipped({"model.weights.h5": weights(1)})) == weights(1)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_be_unpacked_as_a_whole_is_not_read(method: int) -> None:
    """However little is asked for: a kilobyte in the inbox was gigabytes of the grader's own memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a", bytes(30 << 20))
        archive.writestr("b", weights(1), zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    found = list(_members(buffer.getvalue()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [name for name, _ in found] == ["b"]
    assert peak < 15 << 20
