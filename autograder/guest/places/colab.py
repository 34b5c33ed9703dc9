"""Google Colab and Kaggle, as far as a notebook can have them elsewhere: what is harmless does nothing and is noted."""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..imports import Action, Actions
from ..network import NoNetwork
from ..things import Thing
from . import services, widgets
from .inert import holding, honest
from .shell import NOT_FETCHED

MOUNTED = "an empty folder stands for the drive"
NO_FOLDER = "there is no such drive here"
FOLDERS = 50
GIVEN = "the files that were handed in were given"
NONE_GIVEN = "no file was given"
NOTHING = "nothing was done"
NO_SECRET = "there are no secrets here"
SHOWN = "the picture was shown by other means"

_NO_UPLOADS = (".py", ".ipynb", ".md", ".txt", ".pdf", ".html")
_KNOWN_DATA = re.compile(r"mnist|digit|cifar", re.IGNORECASE)


def actions(session: Thing) -> Actions:
    return {"tqdm.notebook": _plain_bars}


def stand_ins(session: Thing) -> Actions:
    builders = {**_colab(session), **_kaggle(session), **_drives(session), **services.stand_ins(session)}
    return honest({**builders, **widgets.stand_ins(session)})


UPLOADS = 200
"""Files that were handed in and can be uploaded."""


def begin(session: Thing, shell: Thing) -> None:
    """Remember which files were handed in: what the notebook itself writes is no upload."""
    session.handed_in = [path for path in sorted(Path().rglob("*")) if path.is_file()][:UPLOADS]


def _plain_bars(module: Thing) -> None:
    """Bars that need widgets become plain ones where widgets are not installed."""
    if getattr(module, "IProgress", True) is not None:
        return
    plain = import_module("tqdm.std")
    module.tqdm = module.tqdm_notebook = plain.tqdm
    module.trange = module.tnrange = plain.trange


# --- Colab ---------------------------------------------------------------------------------------------------------

_PARTS = ("drive", "files", "output", "auth", "userdata", "patches", "data_table", "widgets", "runtime", "syntax")
"""``google.colab`` imports them itself."""


def _colab(session: Thing) -> dict[str, Action]:
    def absent(name: str) -> None:
        session.adapt("absent", f"{name}(...)", NOTHING)

    def whole(module: ModuleType) -> None:
        for part in _PARTS:
            import_module(f"google.colab.{part}")

    def empty(module: ModuleType) -> None:
        return None

    contents: dict[str, Action] = {
        "": whole,
        "drive": _filled(
            mount=_mount(session), flush_and_unmount=_quiet(session, "drive.flush_and_unmount()", NOTHING)
        ),
        "files": _filled(upload=_upload(session), download=_quiet(session, "files.download(...)", NOTHING), view=print),
        "output": _output(session),
        "auth": holding(("authenticate_user", "authenticate_service_account"), absent),
        "userdata": _filled(
            get=_quiet(session, "userdata.get(...)", NO_SECRET, ""),
            SecretNotFoundError=type("SecretNotFoundError", (Exception,), {}),
            NotebookAccessError=type("NotebookAccessError", (Exception,), {}),
        ),
        "patches": _filled(cv2_imshow=_show(session)),
        "data_table": _filled(
            DataTable=lambda frame, *_, **__: frame,
            enable_dataframe_formatter=_quiet(session, "data_table.enable_dataframe_formatter()", NOTHING),
            disable_dataframe_formatter=_quiet(session, "data_table.disable_dataframe_formatter()", NOTHING),
        ),
        "widgets": holding(("TabBar", "Grid"), absent),
        "runtime": holding(("unassign",), absent),
        "syntax": empty,
    }
    named = {f"google.colab{f'.{part}' if part else ''}": build for part, build in contents.items()}
    return {"google": empty, **named}  # the first only where no other package has made that namespace


def _filled(**contents: Thing) -> Action:
    def fill(module: ModuleType) -> None:
        for name, value in contents.items():
            setattr(module, name, value)

    return fill


def _quiet(session: Thing, called: str, done: str, answer: Thing = None) -> Thing:
    def skipped(*_: Thing, **__: Thing) -> Thing:
        session.adapt("absent", called, done)
        return answer

    return skipped


def _mount(session: Thing) -> Thing:
    def mount(mountpoint: str, *_: Thing, **__: Thing) -> None:
        place = Path(mountpoint)
        try:
            place.mkdir(exist_ok=True)  # not its parents: where there is no /content, none is made
            (place / "MyDrive").mkdir(exist_ok=True)
            if not os.path.lexists(place / "My Drive"):
                (place / "My Drive").symlink_to("MyDrive")
            for folder in _folders(session.shelf.notebook, mountpoint):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            session.adapt("absent", f"drive.mount({mountpoint!r})", NO_FOLDER)
            print("Google Drive is not here: nothing was mounted.")
            return
        session.adapt("absent", f"drive.mount({mountpoint!r})", MOUNTED)
        print(f"Google Drive is not here: {mountpoint} is an empty folder.")

    return mount


def _folders(notebook: str, mountpoint: str) -> list[Path]:
    """Folders of the drive that a notebook names and its author made by hand; none where the notebook makes its own."""
    if "mkdir" in notebook or "makedirs" in notebook:
        return []
    drive = re.escape(mountpoint.rstrip("/"))
    named = re.findall(rf"""['"]({drive}/My ?Drive/[^'"\n{{}}*?<>|]{{1,200}})['"]""", notebook)
    paths = [Path(name) for name in dict.fromkeys(named) if ".." not in name.split("/")][:FOLDERS]
    return [path.parent if path.suffix else path for path in paths]


def _upload(session: Thing) -> Thing:
    def upload(*_: Thing, **__: Thing) -> dict[str, bytes]:
        given: dict[str, bytes] = {}
        for path in session.handed_in:
            if path.suffix.lower() not in _NO_UPLOADS and path.is_file() and path.name not in given:
                given[path.name] = path.read_bytes()
                if not Path(path.name).exists():
                    Path(path.name).write_bytes(given[path.name])
        session.adapt("absent", "files.upload()", GIVEN if given else NONE_GIVEN)
        print(f"Files given: {', '.join(given) or 'none'}")
        return given

    return upload


def _output(session: Thing) -> Action:
    def fill(module: Thing) -> None:
        from IPython.display import clear_output

        module.clear = lambda *_, **__: clear_output()
        module.eval_js = _quiet(session, "output.eval_js(...)", NOTHING)
        module.enable_custom_widget_manager = _quiet(session, "output.enable_custom_widget_manager()", NOTHING)
        module.disable_custom_widget_manager = _quiet(session, "output.disable_custom_widget_manager()", NOTHING)
        module.register_callback = _quiet(session, "output.register_callback(...)", NOTHING)

    return fill


def _show(session: Thing) -> Thing:
    def cv2_imshow(image: Thing) -> None:
        import numpy as np
        from IPython.display import display
        from PIL import Image

        pixels = np.clip(np.asarray(image), 0, 255).astype(np.uint8)
        if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
            pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]  # OpenCV keeps blue first
        display(Image.fromarray(pixels.squeeze()))
        session.adapt("absent", "cv2_imshow(...)", SHOWN)

    return cv2_imshow


# --- Kaggle and drives ---------------------------------------------------------------------------------------------


def _no_network(session: Thing, called: str) -> Thing:
    def refused(*arguments: Thing, **__: Thing) -> Thing:
        what = f" ({str(arguments[0])[:80]})" if arguments else ""
        raise NoNetwork(f"there is no network where a notebook is graded: {called}{what} could fetch nothing")

    return refused


def _folder(session: Thing, called: str) -> Thing:
    """Where Kaggle would show a data set that this run may serve; what lies below is answered by its readers."""

    def dataset(handle: str = "", *_: Thing, **__: Thing) -> str:
        if not _KNOWN_DATA.search(str(handle)):
            return str(_no_network(session, called)(handle))
        folder = f"/kaggle/input/{str(handle).rstrip('/').rpartition('/')[2]}"
        session.adapt("absent", f"{called}({handle!r})", NOT_FETCHED)
        return folder

    return dataset


def _kaggle(session: Thing) -> dict[str, Action]:
    def absent(name: str) -> None:
        session.adapt("absent", f"{name}(...)", NOTHING)

    refused = _no_network(session, "kaggle.api")

    class KaggleApi:
        """The part of Kaggle's client that notebooks use."""

        def __init__(self, *_: Thing, **__: Thing) -> None:
            for name in ("dataset_download_files", "dataset_download_file", "competition_download_files"):
                setattr(self, name, refused)
            self.competition_download_file = self.competitions_list = self.dataset_list = refused

        def authenticate(self) -> None:
            absent("kaggle.api.authenticate")

    class UserSecretsClient:
        """Answers every name with an empty secret."""

        get_secret = staticmethod(_quiet(session, "UserSecretsClient().get_secret(...)", NO_SECRET, ""))
        get_gcloud_credential = get_secret

    class KaggleDatasets:
        get_gcs_path = staticmethod(_folder(session, "KaggleDatasets().get_gcs_path"))

    def api(module: Thing) -> None:
        module.KaggleApi = KaggleApi
        sys.modules["kaggle.api.kaggle_api_extended"] = module

    def kaggle(module: Thing) -> None:
        module.KaggleApi = KaggleApi
        module.api = KaggleApi()

    hub = {name: _folder(session, f"kagglehub.{name}") for name in ("dataset_download", "competition_download")}
    return {
        "kaggle": kaggle,
        "kaggle.api": api,
        "kaggle.api.kaggle_api_extended": api,
        "kaggle_datasets": _filled(KaggleDatasets=KaggleDatasets),
        "kaggle_secrets": _filled(UserSecretsClient=UserSecretsClient),
        "kagglehub": _filled(
            **hub,
            model_download=_no_network(session, "kagglehub.model_download"),
            login=_quiet(session, "kagglehub.login()", NOTHING),
        ),
        "opendatasets": _filled(download=_folder(session, "opendatasets.download")),
    }


def _drives(session: Thing) -> dict[str, Action]:
    def absent(name: str) -> None:
        session.adapt("absent", f"{name}(...)", NOTHING)

    class GoogleDrive:
        """A drive on which nothing lies."""

        def __init__(self, *_: Thing, **__: Thing) -> None:
            self.CreateFile = self.ListFile = _no_network(session, "pydrive")

    download = _no_network(session, "gdown")
    found: dict[str, Action] = {
        "oauth2client": _filled(),
        "oauth2client.client": holding(("GoogleCredentials", "OAuth2WebServerFlow"), absent),
        "gdown": _filled(download=download, download_folder=download, cached_download=download),
    }
    for name in ("pydrive", "pydrive2"):
        found[name] = _filled()
        found[f"{name}.auth"] = holding(("GoogleAuth", "ServiceAccountCredentials"), absent)
        found[f"{name}.drive"] = _filled(GoogleDrive=GoogleDrive)
    return found
