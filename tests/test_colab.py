"""What stands in for Colab, Kaggle and services: honest to who asks, harmless to who cannot do without."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from autograder.guest.imports import StandIn
from autograder.guest.network import NoNetwork
from autograder.guest.places import colab, inert, services, widgets


class Session:
    """Remembers what was adapted."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str]] = []
        self.handed_in: list[Path] = []
        self.shelf = SimpleNamespace(notebook="")

    def adapt(self, kind: str, old: str, new: str = "") -> None:
        assert kind == "absent"
        self.noted.append((old, new))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session whose stand-ins can be imported, by code of a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    made = Session()
    before = set(sys.modules)
    finder = StandIn(colab.stand_ins(made))
    sys.meta_path.append(finder)
    yield made
    sys.meta_path.remove(finder)
    for name in set(sys.modules) - before:
        if type(getattr(sys.modules[name].__spec__, "loader", None)) is StandIn:
            del sys.modules[name]
    vars(importlib.import_module("google")).pop("colab", None)


@pytest.fixture
def cell(session: Session, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Run code as the student's own: a file of the working folder."""

    def run(source: str) -> dict[str, Any]:
        file = tmp_path / f"own{len(list(tmp_path.glob('own*')))}.py"
        file.write_text(source)
        names: dict[str, Any] = {}
        exec(compile(source, str(file), "exec"), names)
        return names

    return run


# --- honesty ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import google.colab\n    found = True\nexcept ImportError:\n    found = False",
        "try:\n    from google.colab import drive\n    drive.mount('x')\n    found = True\nexcept:\n    found = False",
        "try:\n    import wandb\n    found = True\nexcept (ValueError, ModuleNotFoundError):\n    found = False",
        "import importlib.util\nfound = importlib.util.find_spec('wandb') is not None",
        "import importlib as i\ntry:\n  i.import_module('gradio')\n  found = 1\nexcept Exception:\n  found = False",
    ],
)
def test_who_is_prepared_for_absence_is_told_the_truth(cell: Callable[[str], dict[str, Any]], source: str) -> None:
    assert cell(source)["found"] is False


@pytest.mark.parametrize(
    "source",
    [
        "import google.colab as found",
        "try:\n    import nosuchthing\nexcept ImportError:\n    import google.colab as found",
        "try:\n    import google.colab as found\nexcept KeyError:\n    pass",
        "try:\n    import google.colab as found\nfinally:\n    pass",
    ],
)
def test_who_cannot_do_without_is_given_something(cell: Callable[[str], dict[str, Any]], source: str) -> None:
    assert isinstance(cell(source)["found"], ModuleType)


def test_libraries_are_told_the_truth(session: Session) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'wandb'"):
        importlib.import_module("wandb")


def test_the_real_parts_of_google_stay(cell: Callable[[str], dict[str, Any]]) -> None:
    names = cell("import google.colab.drive\nfrom google.protobuf import message\nfile = message.__file__")
    assert Path(names["file"]).exists()


def test_no_stand_in_makes_up_names(cell: Callable[[str], dict[str, Any]]) -> None:
    names = cell("import wandb, gradio, google.colab\nmodules = [wandb, gradio, google.colab]\nthing = wandb.log")
    for one in (*names["modules"], names["thing"], wandb_config := names["modules"][0].config):
        for name in ("__wrapped__", "_repr_html_", "_ipython_display_", "__array__", "__fspath__", "__file__"):
            assert not hasattr(one, name), (one, name)
    assert not hasattr(names["modules"][0], "nosuchname")
    assert not hasattr(wandb_config, "nosuchname")


# --- Colab -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "made"), [("", ["models", "project"]), ("os.makedirs(DIR)", []), ("!mkdir -p gdrive/MyDrive/project", [])]
)
def test_folders_of_the_drive_that_the_author_made_by_hand(
    session: Session, cell: Callable[[str], dict[str, Any]], tmp_path: Path, more: str, made: list[str]
) -> None:
    session.shelf.notebook = (
        "DIR = 'gdrive/MyDrive/project'\nmodel.save(\"gdrive/My Drive/models/best.h5\")\nf = 'gdrive/MyDrive/../x'\n"
        + more
    )
    cell("from google.colab import drive\ndrive.mount('gdrive')")
    assert sorted(path.name for path in (tmp_path / "gdrive" / "MyDrive").iterdir()) == made


def test_a_drive_is_an_empty_folder_where_there_is_a_place_for_one(
    cell: Callable[[str], dict[str, Any]], session: Session, tmp_path: Path
) -> None:
    cell("from google.colab import drive\ndrive.mount('gdrive')\ndrive.mount('gdrive', force_remount=True)")
    (tmp_path / "gdrive" / "My Drive" / "x.txt").write_text("kept")
    assert (tmp_path / "gdrive" / "MyDrive" / "x.txt").read_text() == "kept"
    cell("from google.colab import drive\ndrive.mount('no/such/place')\ndrive.flush_and_unmount()")
    assert session.noted[1:] == [
        ("drive.mount('gdrive')", colab.MOUNTED),
        ("drive.mount('no/such/place')", colab.NO_FOLDER),
        ("drive.flush_and_unmount()", colab.NOTHING),
    ]


def test_an_upload_gives_what_was_handed_in(
    cell: Callable[[str], dict[str, Any]], session: Session, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data/digit.png", "table.csv", "besides.py", "README.md"):
        (tmp_path / name).write_bytes(name.encode())
    colab.begin(session, None)
    (tmp_path / "made.h5").write_bytes(b"by the notebook")
    given = cell("from google.colab import files\ngiven = files.upload()")["given"]
    assert given == {"digit.png": b"data/digit.png", "table.csv": b"table.csv"}
    assert (tmp_path / "digit.png").exists()
    session.handed_in = []
    assert cell("from google.colab import files\ngiven = files.upload()")["given"] == {}
    assert [new for _, new in session.noted] == [colab.GIVEN, colab.NONE_GIVEN]


def test_the_rest_of_colab_does_nothing(cell: Callable[[str], dict[str, Any]], session: Session) -> None:
    names = cell(
        "from google.colab import auth, userdata, output, data_table, files, runtime\n"
        "auth.authenticate_user(); output.eval_js('1'); files.download('x'); runtime.unassign()\n"
        "secret = userdata.get('KEY'); frame = data_table.DataTable(7)\n"
    )
    assert (names["secret"], names["frame"]) == ("", 7)
    assert len(session.noted) == 5


# --- Kaggle and downloads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "import gdown\ngdown.download('https://x.org', 'x')",
        "import kaggle\nkaggle.api.authenticate()\nkaggle.api.dataset_download_files('a/b')",
        "from kaggle.api.kaggle_api_extended import KaggleApi\nKaggleApi().competition_download_files('a')",
        "import kagglehub\nkagglehub.dataset_download('a/cats')",
        "import kagglehub\nkagglehub.model_download('a/mnist')",
        "import opendatasets as od\nod.download('https://www.kaggle.com/a/cats')",
        "from pydrive.auth import GoogleAuth\nfrom pydrive.drive import GoogleDrive\n"
        "g = GoogleAuth()\ng.credentials = 1\nGoogleDrive(g).CreateFile({'id': 1})",
    ],
)
def test_what_needs_a_network_says_so(cell: Callable[[str], dict[str, Any]], source: str) -> None:
    with pytest.raises(NoNetwork, match="there is no network where a notebook is graded"):
        cell(source)


def test_a_data_set_that_may_be_served_has_its_folder(cell: Callable[[str], dict[str, Any]]) -> None:
    found = cell("import kagglehub\nfound = kagglehub.dataset_download('zalando/fashionmnist')")["found"]
    assert found == "/kaggle/input/fashionmnist"


# --- services --------------------------------------------------------------------------------------------------------


def test_settings_of_weights_and_biases_are_real(cell: Callable[[str], dict[str, Any]]) -> None:
    names = cell(
        "import wandb\n"
        "with wandb.init(config={'units': 8, 'lr': 0.1}) as run:\n"
        "    wandb.config.lr = 0.2\n"
        "    wandb.config.update({'epochs': 3}, allow_val_change=True)\n"
        "    run.log({'a': 1}); wandb.run.summary['best'] = 1\n"
        "    config, again = wandb.config, run.config\n"
    )
    assert dict(names["config"]) == {"units": 8, "lr": 0.2, "epochs": 3}
    assert names["again"] is names["config"]


def test_a_sweep_is_run_once_with_first_values() -> None:
    sweep = {"parameters": {"a": {"values": [3, 4]}, "b": {"value": 5}, "c": {"min": 0.1, "max": 1}, "d": 7}}
    assert services.first_values(sweep) == {"a": 3, "b": 5, "c": 0.1}
    assert services.first_values({"parameters": []}) == {}


def test_an_inert_thing_takes_everything() -> None:
    called: list[str] = []
    thing = inert.Inert("mlflow", called.append)
    with thing.start_run(name="x") as run:
        run.info["id"] = 1
        assert [*run, len(run), float(run.a), f"{run:.2f}"] == [0, 0.0, "0.00"]
    assert called == ["mlflow.start_run"]

    @thing.traced
    def own() -> int:
        return 3

    assert own() == 3
    assert "does nothing" in repr(thing)


def test_every_stand_in_can_be_built(session: Session) -> None:
    heavy = set(services.CALLBACKS)
    for name, build in {**colab._colab(session), **services.stand_ins(session), **widgets.stand_ins(session)}.items():
        if name in heavy or name in ("google.colab", "mlflow", "wandb"):
            continue
        module = ModuleType(name)
        build(module)
        assert not any(key.startswith("__getattr__") for key in vars(module)), name


def test_parts_stand_below_a_whole(session: Session) -> None:
    names = set(colab.stand_ins(session)) | {"google"}
    for name in names:
        parent = name.rpartition(".")[0]
        assert not parent or parent in names, name


# --- widgets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "begins"),
    [
        ((0, 10), 5),
        ((0, 10, 2), 5),
        ((0.0, 1.0), 0.5),
        (["a", "b"], "a"),
        ([("one", 1), ("two", 2)], 1),
        ({"one": 1}, 1),
        (True, True),
        ("text", "text"),
        (7, 7),
        (widgets.Control(value=3, min=1), 3),
        (widgets.Control(options=["x", "y"]), "x"),
        (widgets.Control(min=2, max=9), 2),
        ([], None),
    ],
)
def test_where_a_widget_begins(choice: object, begins: object) -> None:
    assert widgets.first(choice) == begins


def test_interact_calls_once(session: Session) -> None:
    module: Any = ModuleType("ipywidgets")
    widgets.stand_ins(session)["ipywidgets"](module)
    calls = []

    @module.interact(x=(0, 4), y=module.fixed(9))
    def shown(x: int, y: int) -> None:
        calls.append((x, y))

    module.interact(shown, x=module.IntSlider(value=3), y=1)
    module.interact_manual(shown, x=1, y=1)
    assert calls == [(2, 9), (3, 1)]
    assert module.widgets is module
    with module.Output() as out:
        out.observe(shown, names="value")
    assert len(session.noted) == 3


def test_bars_that_need_widgets_become_plain(session: Session) -> None:
    module: Any = ModuleType("tqdm.notebook")
    module.IProgress, module.tqdm = None, "needs widgets"
    colab.actions(session)["tqdm.notebook"](module)
    assert list(module.tqdm([1, 2], disable=True)) == [1, 2]
    module.IProgress, module.tqdm = object(), "has widgets"
    colab.actions(session)["tqdm.notebook"](module)
    assert module.tqdm == "has widgets"
