"""Model files: what hides code, reaches for files, or is too large; each made from the bytes of an honest one."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from autograder.records import Json
from tests.attacks.record import Model

_ROOM = "mounts: beside the model there are only images without labels"
_LOOK = "the archive and its configuration are looked at before anything is loaded"
MARK = "attack-was-here"
"""Name of the file that payloads would leave."""


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Mapping[str, bytes], *more: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for info, content in more:
            archive.writestr(info, content)
    return buffer.getvalue()


def _with(**members: bytes) -> Callable[[bytes], bytes]:
    return lambda honest: packed({**parts(honest), **{name.replace("__", "."): got for name, got in members.items()}})


def _configured(change: Callable[[Json], None]) -> Callable[[bytes], bytes]:
    """An archive whose configuration is changed in place."""

    def build(honest: bytes) -> bytes:
        members = parts(honest)
        config = json.loads(members["config.json"])
        change(config)
        return packed({**members, "config.json": json.dumps(config).encode()})

    return build


def _layers(config: Json) -> list[Json]:
    layers: list[Json] = config["config"]["layers"]
    return layers


def _inserted(kind: str, module: str = "keras.layers", **config: Json) -> Callable[[bytes], bytes]:
    """A layer before the last one."""

    def change(whole: Json) -> None:
        layer = {"module": module, "class_name": kind, "config": {"name": "extra", **config}, "registered_name": None}
        _layers(whole).insert(-1, layer)

    return _configured(change)


def _constructor_route(config: Json) -> None:
    """A function that is in truth a class, called with a path: its constructor loads what lies there."""
    function = {"class_name": "function", "module": "keras.layers", "config": "TFSMLayer", "registered_name": None}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    _layers(config).insert(-1, {**layer, "config": {"name": "extra", "function": function, "arguments": {}}})


def _bytecode(config: Json) -> None:
    value = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAAAAAAAAA=", "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    _layers(config).insert(-1, {**layer, "config": {"name": "extra", "function": value}})


def _activation(module: str, name: str) -> Callable[[bytes], bytes]:
    def change(config: Json) -> None:
        function = {"class_name": "function", "module": module, "config": name, "registered_name": name}
        _layers(config)[-1]["config"]["activation"] = function

    return _configured(change)


def _named_function(config: Json) -> None:
    _layers(config)[-1]["config"]["activation"] = {
        "class_name": "load_model",
        "module": "keras.models",
        "config": {},
        "registered_name": None,
    }


def _deep(config: Json) -> None:
    nested: Json = {}
    for _ in range(800):
        nested = {"a": nested}
    config["config"]["extra"] = nested


def _enormous(config: Json) -> None:
    _layers(config)[-1]["config"]["units"] = 10**9


def _broken_numbers(config: Json) -> None:
    """Weights that are multiplied until nothing is a number any more."""
    for _ in range(2):
        layer = {"module": "keras.layers", "class_name": "Rescaling", "registered_name": None}
        number = len(_layers(config))
        _layers(config).append({**layer, "config": {"name": f"r{number}", "scale": 1e38, "offset": -1e38}})


def _repeated(config: Json) -> None:
    layer = {"module": "keras.layers", "class_name": "RepeatVector", "registered_name": None}
    _layers(config).append({**layer, "config": {"name": "repeated", "n": 200}})


def _external(honest: bytes) -> bytes:
    """Weights that are said to lie in another file: the images."""
    import h5py

    members = parts(honest)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "w.h5")
        path.write_bytes(members["model.weights.h5"])
        with h5py.File(path, "r+") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            name = names[0]
            shape = file[name].shape
            del file[name]
            size = int(np.prod(shape)) * 4
            file.create_dataset(name, shape, "f4", external=[("/job/in/images.npy", 0, size)])
            parent, _, last = names[-1].rpartition("/")
            del file[names[-1]]
            file[parent][last] = h5py.ExternalLink("/etc/passwd", "/x")
        return packed({**members, "model.weights.h5": path.read_bytes()})


class _Payload:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (Path(tempfile.gettempdir(), MARK),)


def pickled_array() -> bytes:
    """``.npy`` of objects, which run when they are read."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([_Payload()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _slip(name: str, kind: int = 0o100644) -> Callable[[bytes], bytes]:
    def build(honest: bytes) -> bytes:
        info = zipfile.ZipInfo(name)
        info.external_attr = kind << 16
        return packed(parts(honest), (info, b"/etc/passwd"))

    return build


def _bomb(honest: bytes) -> bytes:
    """A size in the archive's directory is enough: nobody believes the other one, and nobody unpacks it."""
    content = bytearray(packed({**parts(honest), "model.weights.h5": bytes(1 << 20)}))
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (600 << 20).to_bytes(4, "little")
    return bytes(content)


def _look(id: str, tries: str, build: Callable[[bytes], bytes]) -> Model:
    return Model(id=id, tries=tries, stopped_by=_LOOK, must="turned away unopened, with a sentence", build=build)


def _room(id: str, tries: str, build: Callable[[bytes], bytes]) -> Model:
    must = "no effect outside room 2, and no figures"
    return Model(id=id, tries=tries, stopped_by=_ROOM, must=must, build=build, refused=False)


MODELS = (
    _look("lambda-bytecode", "bytecode in a Lambda layer", _configured(_bytecode)),
    _look(
        "constructor-route",
        "a function that is the class TFSMLayer, called with a path",
        _configured(_constructor_route),
    ),
    _look("saved-model", "a TFSMLayer, which loads a SavedModel", _inserted("TFSMLayer", filepath="/job/in")),
    _look(
        "vocabulary",
        "a StringLookup with a file as its vocabulary",
        _inserted("StringLookup", vocabulary="/etc/passwd"),
    ),
    _look("system", "os.system as a class", _inserted("system", module="os")),
    _look("custom-object", "a class of the notebook's own", _inserted("Evil", module="__main__")),
    _look("builtin", "builtins.exec as an activation", _activation("builtins", "exec")),
    _look("download", "keras.utils.get_file as an activation", _activation("keras.utils", "get_file")),
    _look("unsafe", "switches Keras' safe mode off", _activation("keras.config", "enable_unsafe_deserialization")),
    _look("named-function", "keras.models.load_model under the name of a class", _configured(_named_function)),
    _look(
        "file-editor",
        "keras.saving.KerasFileEditor, whose constructor opens files",
        _activation("keras.saving", "KerasFileEditor"),
    ),
    _look("deep-configuration", "a configuration nested eight hundred times", _configured(_deep)),
    _look(
        "huge-configuration",
        "ten megabytes of configuration",
        _with(config__json=b'{"class_name": "' + b"x" * (10 << 20) + b'"}'),
    ),
    _look("pickle", "a pickle instead of an archive", lambda honest: pickle.dumps(_Payload())),
    _look("array", "an array of objects instead of an archive", lambda honest: pickled_array()),
    _look("zip-slip", "a member that points outside", _slip("../../escaped.py")),
    _look("absolute-member", "a member with an absolute name", _slip("/tmp/escaped.py")),
    _look("link-member", "a member that is a link", _slip("assets/link", 0o120777)),
    _look("zip-bomb", "six hundred megabytes of zeros", _bomb),
    _look("assets", "a module among the assets", _slip("assets/evil.py")),
    _room("external-data", "weights that are said to lie in another file, and a link to one", _external),
    _room("billion-units", "a layer of a thousand million units", _configured(_enormous)),
    _room("not-numbers", "answers that are not numbers", _configured(_broken_numbers)),
    _room("many-answers", "two thousand answers for each image", _configured(_repeated)),
    _room(
        "garbage-weights",
        "weights that are no HDF5 file",
        lambda honest: packed({**parts(honest), "model.weights.h5": b"x" * 1000}),
    ),
)
