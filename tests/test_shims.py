"""Spellings of earlier years: the translations alone, and notebooks in a real kernel."""

from __future__ import annotations

import ast
import io
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.guest.dated import addons, archives, cells, charts, elders, figures, numeric, rates, spelling, training
from autograder.guest.network import NoNetwork
from autograder.guest.places import downloads
from autograder.records import CellState, Execution, Json, Ledger
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import dated, notebook


class Session:
    """Collects what is noted."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.notes: list[str] = []
        self.recorder = types.SimpleNamespace(note=self.notes.append)

    def adapt(self, kind: str, old: str, new: str = "") -> None:
        self.told.append((kind, old, new))

    @property
    def adaptations(self) -> list[dict[str, Any]]:
        return [{"kind": kind, "old": old, "new": new} for kind, old, new in self.told]


@pytest.fixture
def session() -> Session:
    return Session()


# --- arguments -------------------------------------------------------------------------------------------------------


def double(value: int, keywords: dict[str, Any]) -> str:
    keywords["twice"] = 2 * value
    return f"twice={2 * value}"


def failing(value: int, keywords: dict[str, Any]) -> str:
    raise RuntimeError("a mistake of ours")


def taking(size: int = 0, *, twice: int = 0) -> tuple[int, int]:
    return size, twice


def test_arguments_are_renamed_dropped_or_computed(session: Session) -> None:
    call = spelling.respelled(session, taking, "f", {"length": "size", "gone": None, "half": double})
    assert call(length=3, gone=1, half=4) == (3, 8)
    assert session.told == [
        ("spelling", "f(length=...)", "f(size=...)"),
        ("spelling", "f(gone=...)", "f()"),
        ("spelling", "f(half=...)", "f(twice=8)"),
    ]


def test_a_call_in_todays_spelling_is_left_alone(session: Session) -> None:
    call = spelling.respelled(session, taking, "f", {"length": "size"})
    assert call(5, twice=1) == (5, 1)
    assert session.told == []
    assert call.__name__ == "taking"
    assert str(spelling.inspect.signature(call)) == "(size: 'int' = 0, *, twice: 'int' = 0) -> 'tuple[int, int]'"
    assert spelling.inspect.getfullargspec(call).args == ["size"]  # Keras does not follow wrappers


def test_todays_argument_wins_over_the_old_one(session: Session) -> None:
    assert spelling.translated(session, "f", {"lr": "learning_rate"}, {"lr": 1, "learning_rate": 2}) == {
        "learning_rate": 2
    }


def test_a_mistake_of_ours_is_noted_and_the_call_goes_on(session: Session) -> None:
    call = spelling.respelled(session, lambda **given: given, "f", {"old": failing})
    assert call(old=1) == {"old": 1}
    assert session.notes == ["translated: RuntimeError: a mistake of ours"]


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(session: Session) -> Iterator[types.ModuleType]:
    made = types.ModuleType("made_for_a_test")
    made.today = 1  # type: ignore[attr-defined]
    known = {"then": spelling.Name("made.today", lambda: made.today)}
    spelling.answer(session, made, "made", known.get, named=("then",))
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def test_an_old_name_is_answered_when_asked_for(session: Session, module: types.ModuleType) -> None:
    assert module.then == 1
    assert session.told == [("spelling", "made.then", "made.today")]
    for name in ("other", "__wrapped__", "__signature__"):  # a false dunder breaks IPython's tracebacks
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


def test_everything_at_once_is_not_everything_used(session: Session, module: types.ModuleType) -> None:
    names: dict[str, Any] = {}
    exec("from made_for_a_test import *", names)
    assert (names["then"], names["today"]) == (1, 1)
    assert session.told == []
    exec("from made_for_a_test import then", names)
    assert session.told == [("spelling", "made.then", "made.today")] * len(session.told)
    assert session.told


def test_libraries_do_not_see_old_names(session: Session, module: types.ModuleType) -> None:
    place = Path(spelling.sysconfig.get_paths()["purelib"]) / "library.py"
    names: dict[str, Any] = {"module": module}
    exec(compile("found = hasattr(module, 'then')", str(place), "exec"), names)
    assert names["found"] is False
    assert session.told == []


def test_a_method_that_is_gone_is_the_notebooks_alone(session: Session) -> None:
    class Owner:
        kept = 2

    spelling.method(session, Owner, "owner.old", "owner.new()", lambda self, more: self.kept + more)
    spelling.attribute(session, Owner, "owner.size", "owner.shape", lambda self: self.kept)
    owner = Owner()
    assert (owner.old(1), owner.size) == (3, 2)  # type: ignore[attr-defined]
    assert session.told == [("spelling", "owner.old(...)", "owner.new()"), ("spelling", "owner.size", "owner.shape")]
    owner.size = 9  # type: ignore[attr-defined]
    assert owner.size == 9  # type: ignore[attr-defined]


# --- figures ---------------------------------------------------------------------------------------------------------


def test_figures_answer_old_names_and_do_not_show_them() -> None:
    told: list[tuple[str, str]] = []
    history = figures.Figures({"accuracy": [1], "val_accuracy": [2]}, lambda old, new: told.append((old, new)))
    assert (history["acc"], history["val_acc"], history.get("acc"), history.get("lr", 0)) == ([1], [2], [1], 0)
    assert list(history) == ["accuracy", "val_accuracy"]
    assert "acc" not in history
    assert told == [("acc", "accuracy"), ("val_acc", "val_accuracy"), ("acc", "accuracy")]
    assert repr(history) == "{'accuracy': [1], 'val_accuracy': [2]}"
    with pytest.raises(KeyError, match="auc"):
        history["auc"]


def test_figures_named_acc_stay_so() -> None:
    history = figures.Figures({"acc": [1]}, lambda old, new: pytest.fail("nothing was adapted"))
    assert history["acc"] == history.get("acc") == [1]
    with pytest.raises(KeyError):
        history["accuracy"]


def test_figures_leave_the_kernel_as_a_plain_dictionary() -> None:
    history = figures.Figures({"acc": [1]}, lambda old, new: None)
    assert type(pickle.loads(pickle.dumps(history))) is dict


# --- optimisers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "given", "wanted"),
    [
        ((), {"lr": 0.1, "decay": 0.0}, ((), {"learning_rate": 0.1})),
        ((), {"lr": np.float32(0.5)}, ((), {"learning_rate": 0.5})),
        ((1,), {"epsilon": None}, ((1.0,), {})),
        ((), {"schedule_decay": 0.004, "beta_1": 0.9}, ((), {"beta_1": 0.9})),
        ((0.1,), {"momentum": 0.9}, ((0.1,), {"momentum": 0.9})),
    ],
)
def test_arguments_of_optimisers(session: Session, arguments: Json, given: Json, wanted: Json) -> None:
    assert rates.modern(session, "Adam", arguments, given) == wanted


def test_rates_that_keras_1_chose_for_notebooks_of_its_time(session: Session) -> None:
    assert rates.modern(session, "Adadelta", (), {}) == ((), {}), "nothing says so"
    session.adapt("spelling", "Conv2D(border_mode=...)", "Conv2D(padding=...)")
    assert rates.modern(session, "Adadelta", (), {}) == ((), {"learning_rate": 1.0})
    assert rates.modern(session, "Adadelta", (0.5,), {}) == ((0.5,), {})
    assert rates.modern(session, "Adam", (), {}) == ((), {})


# --- data and steps --------------------------------------------------------------------------------------------------


def test_counts_are_whole(session: Session) -> None:
    assert training.whole(session, "fit", {}, {"steps_per_epoch": 12.5, "epochs": 3}) == {
        "steps_per_epoch": 13,
        "epochs": 3,
    }
    assert session.told == [("spelling", "model.fit(steps_per_epoch=12.5)", "steps_per_epoch=13")]


def test_lists_of_numbers_are_data_and_lists_of_arrays_are_inputs(session: Session) -> None:
    found = training.arrays(session, "fit", ([[1.0, 2.0]], [0]), {})
    assert found is not None
    assert [part.tolist() for part in found[0]] == [[[1.0, 2.0]], [0]]
    assert training.arrays(session, "predict", ([np.zeros(3), np.zeros(3)],), {}) is None


# --- what is translated in cells -------------------------------------------------------------------------------------


def translated(source: str) -> str:
    told: list[str] = []
    tree = cells.Translation(lambda kind, old, new: told.append(f"{old} -> {new}")).visit(ast.parse(source))
    return "\n".join([ast.unparse(ast.fix_missing_locations(tree)), *told])


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("int(y[0])", f"int({cells.SCALAR}(y[0]))"),
        ("int('3'), int(x, 2), int(*a), list(map(int, a))", "(int('3'), int(x, 2), int(*a), list(map(int, a)))"),
        ("'%d' % y", f"{cells.FORMATTED}('%d', y)"),
        ("a % b", "a % b"),
        (
            "from tensorflow.python.keras.layers import Dense",
            "from tensorflow.keras.layers import Dense\ntensorflow.python.keras.layers -> tensorflow.keras.layers",
        ),
        (
            "import tensorflow.python.keras as k",
            "import tensorflow.keras as k\ntensorflow.python.keras -> tensorflow.keras",
        ),
        (
            "from tensorflow.python.framework import ops\nimport tensorflow.python.keras",
            "from tensorflow.python.framework import ops\nimport tensorflow.python.keras",
        ),
    ],
)
def test_cells_are_translated_in_few_places(source: str, wanted: str) -> None:
    assert translated(source) == wanted


def test_an_array_of_one_element_counts_as_a_number() -> None:
    told: list[str] = []

    def adapt(kind: str, old: str, new: str) -> None:
        told.append(old)

    one, two = np.array([3]), np.array([3, 4])
    assert cells.scalar(one, adapt) == 3
    assert cells.scalar(two, adapt) is two
    assert cells.scalar("3", adapt) == "3"
    assert told == ["int(array)"]
    assert cells.formatted("%d of %s", (one, 5), adapt) == "3 of 5"
    assert cells.formatted("%s", one, adapt) == "[3]"  # what works is left as it is
    with pytest.raises(TypeError):
        cells.formatted("%d", two, adapt)


# --- neighbours of Keras ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", sorted({*numeric._NUMPY, *numeric._PYTHON, "NINF", "asfarray", "msort"} - {"asscalar"})
)
def test_names_of_numpy_stand_for_something(name: str) -> None:
    found = numeric.numpy_name(np, name)
    assert found is not None
    assert found.make() is not None


def test_numpys_own_names_are_not_answered() -> None:
    assert numeric.numpy_name(np, "array") is None
    assert numeric.numpy_name(np, "nonsense") is None


@pytest.mark.parametrize(
    ("arguments", "keywords", "wanted"),
    [
        (([1, 1, 2],), {}, {"x": [1, 1, 2]}),
        ((["a"], [1.0]), {"palette": "deep"}, {"x": ["a"], "y": [1.0], "palette": "deep"}),
        (("name", "score"), {"data": "table"}, {"x": "name", "y": "score", "data": "table"}),
        (({"a": [1]},), {}, None),
        ((np.zeros((2, 2)),), {}, None),
        ((), {"x": [1]}, None),
        (([1],), {"x": [2]}, None),
    ],
)
def test_arguments_of_seaborn_by_place(session: Session, arguments: Json, keywords: Json, wanted: Json) -> None:
    assert charts.by_name(session, "barplot", ("x", "y", "hue", "data"), arguments, keywords) == wanted


def test_the_blank_picture_is_a_picture() -> None:
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(charts._PNG)) as opened:
        assert opened.size == (1, 1)


def test_every_module_that_moved_is_found_again() -> None:
    keras = pytest.importorskip("keras")
    homes = {home for homes in elders.MOVED.values() for home in homes if home}
    for home in homes:
        found: Any = keras
        for part in home.split("."):
            found = getattr(found, part)
        assert isinstance(found, types.ModuleType)


def test_what_courses_used_of_addons() -> None:
    pytest.importorskip("keras")
    for part, name in (("optimizers", "AdamW"), ("metrics", "F1Score"), ("image", "rotate"), ("activations", "gelu")):
        found = addons.known(part, name)
        assert found is not None
        assert callable(found.make())
    assert addons.known("layers", "NoisyDense") is None


# --- files and the network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\x89HDF\r\n\x1a\nxyz", "hdf5"), (b"PK\x03\x04", "zip"), (b"text", "other"), (b"", "other")]
)
def test_files_are_known_by_their_content(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "name").write_bytes(content)
    assert archives.content(str(tmp_path / "name")) == kind
    assert archives.content(str(tmp_path)) == "folder"
    assert archives.content(str(tmp_path / "nothing")) == ""


class Noted:
    """Remembers what was adapted."""

    def __init__(self) -> None:
        self.adapted: list[tuple[str, str]] = []

    def adapt(self, kind: str, old: str) -> None:
        self.adapted.append((kind, old))


def refuse(error: Exception, session: Noted | None = None) -> Json:
    def download(*arguments: str) -> str:
        raise error

    return downloads.explained(download, session or Noted())


def test_downloads_say_why_they_fail() -> None:
    with pytest.raises(NoNetwork, match="pretrained weights are downloaded from the internet; there is no network"):
        refuse(Exception("URL fetch failure on https://x: None"))("vgg16_weights_tf.h5", "https://x/vgg16.h5")
    with pytest.raises(NoNetwork, match="files are downloaded"):
        refuse(_unreachable())("flowers.tgz")
    with pytest.raises(NoNetwork, match="not at hand"):
        refuse(NoNetwork("flowers is not at hand"))("flowers.tgz")
    with pytest.raises(ValueError, match="a hash"):
        refuse(ValueError("a hash does not fit"))("vgg16_weights_tf.h5")


def test_weights_that_cannot_be_had_are_noted() -> None:
    session = Noted()
    for asked in (
        ["vgg16_weights_tf.h5", "https://x.org/vgg16.h5"],
        ["https://x.org/models/resnet18-f3.pth"],
        ["a.tgz"],
    ):
        with pytest.raises(NoNetwork):
            refuse(_unreachable(), session)(*asked)
    assert session.adapted == [("weights", "vgg16_weights_tf.h5"), ("weights", "models/resnet18-f3.pth")]


def _unreachable() -> Exception:
    from urllib.error import URLError

    return URLError("no route")


# --- in a kernel -----------------------------------------------------------------------------------------------------


def executed(tmp_path: Path, *sources: str) -> tuple[Execution, Ledger]:
    data = load("digits", split_seed=20, hidden_images=100)
    store = Store(tmp_path / "state")
    job = Job(notebook=notebook(*sources), data=data, data_file=room_file(data, tmp_path))
    execution = execute(job, Plain(), store)
    assert execution.ledger is not None
    return execution, TypeAdapter(Ledger).validate_json(store.get(execution.ledger))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Execution, Ledger]:
    """All notebooks of the past in one kernel, one after the other."""
    sources = [source for cells in dated.NOTEBOOKS.values() for source in cells]
    return executed(tmp_path_factory.mktemp("dated"), dated.PRELUDE, *sources, *dated.ABSENT)


def place(name: str) -> range:
    """Cells of a dated notebook among all."""
    start = 1
    for known, sources in dated.NOTEBOOKS.items():
        if known == name:
            return range(start, start + len(sources))
        start += len(sources)
    raise KeyError(name)


@pytest.mark.kernel
@pytest.mark.parametrize("name", dated.NOTEBOOKS)
def test_a_dated_notebook_runs_and_what_was_adapted_is_noted(run: tuple[Execution, Ledger], name: str) -> None:
    execution, ledger = run
    failed = {cell.index: cell.error for cell in execution.cells if cell.state is not CellState.RAN}
    assert {index: failed.get(index) for index in place(name)} == dict.fromkeys(place(name))
    counts = {cell.execution_count for cell in execution.cells if cell.index in place(name)}
    told = {entry.old for entry in ledger.adaptations if entry.execution_count in counts}
    assert dated.EXPECTED[name] <= told


@pytest.mark.kernel
def test_shims_fail_nowhere(run: tuple[Execution, Ledger]) -> None:
    assert [note for note in run[1].notes if not note.startswith("bound-")] == []


@pytest.mark.kernel
def test_a_model_in_old_spelling_is_the_one_in_todays(run: tuple[Execution, Ledger]) -> None:
    first, modern = (training for training in run[1].trainings if training.optimizer["learning_rate"] == SCHEDULE)
    assert first.weights == modern.weights
    assert first.layers == modern.layers
    assert (first.optimizer, first.history, first.loss) == (modern.optimizer, modern.history, modern.loss)
    saved = [training for training in run[1].trainings if not training.save_error]
    assert len(saved) == len(run[1].trainings)


SCHEDULE = "InverseTimeDecay(initial_learning_rate=0.5, decay_steps=1, decay_rate=0.1, staircase=False)"


@pytest.mark.kernel
def test_what_the_network_alone_has_says_so(run: tuple[Execution, Ledger]) -> None:
    errors = [cell.error or "" for cell in run[0].cells[-len(dated.ABSENT) :]]
    assert all(error.startswith("NoNetwork: pretrained weights are downloaded from the internet") for error in errors)
    vgg, hub = run[1].without_weights
    assert vgg.startswith("vgg16_weights") and hub == "google/imagenet/mobilenet_v2_100_224/feature_vector/5"
