"""Look at a saved model without loading it: a ``.keras`` archive with nothing in it but what Keras itself ships.

This is no wall (room 2 is), but it turns away every published way of hiding code in a model file, and tells the
student why.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from autograder import zips
from autograder.records import Json, Message, say

MEMBERS = frozenset({"config.json", "metadata.json", "model.weights.h5"})
MAX_CONFIG = 8 * 2**20
MOST_PARTS = 200_000
"""Of a configuration, which every model is asked for: one of a thousand layers has some fifty thousand."""
MAX_WEIGHTS = 512 * 2**20
MAX_DEPTH = 100
LISTED = 100
"""Numbers in one list, from which on it is no shape and no size of anything."""

MODULES = frozenset(
    {
        "keras",
        *(f"keras.{name}" for name in ("activations", "constraints", "dtype_policies", "initializers", "layers")),
        *(f"keras.{name}" for name in ("losses", "metrics", "models", "ops", "optimizers", "quantizers", "random")),
        *(f"keras.{name}" for name in ("regularizers", "optimizers.schedules")),
    }
)
PREFIXES = ("keras.src.models.", "keras.src.ops.", "keras.src.dtype_policies.", "keras.src.layers.")
DATA = frozenset({"__tuple__", "__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__"})
"""Class names under which Keras writes plain values."""
REFUSED = frozenset(
    {
        *("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "KerasFileEditor"),
        *("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "Hashing", "HashedCrossing"),
    }
)


Saved: TypeAlias = tuple[str, Mapping[str, Json]]
"""Kind and configuration of a layer."""


def refusal(content: bytes) -> Message | None:
    """Why this model file is not loaded; None when nothing speaks against it."""
    try:
        with zips.opened(content, len(MEMBERS)) as archive:
            infos = archive.infolist()
            problem = _members(infos)
            if problem is not None:
                return problem
            return _configuration(_config(archive))
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, RuntimeError, NotImplementedError, EOFError):
        return say("The saved model is not a readable .keras archive.")
    except RecursionError:
        return say("The configuration of the saved model is nested too deeply.")


def saved_layers(content: bytes) -> tuple[Saved, ...]:
    """Layers in order, input layers left out and models within models opened; none of a file that is refused."""
    if refusal(content) is not None:
        return ()
    with zips.opened(content, len(MEMBERS)) as archive:
        return tuple(_layers(_config(archive)))


def constants(content: bytes) -> int:
    """Numbers in long lists of its configuration, where operations and layers keep what is no weight of theirs."""
    if refusal(content) is not None:
        return 0
    with zips.opened(content, len(MEMBERS)) as archive:
        nodes = _nodes(_config(archive))
    counts = (_numbers(value) for node, _ in nodes for value in node.values() if isinstance(value, list))
    return sum(count for count in counts if count >= LISTED)


def _numbers(listed: Json) -> int:
    """In a list, and in the lists within it."""
    count, waiting = 0, [listed]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        count += isinstance(value, (int, float))
    return count


def _config(archive: zipfile.ZipFile) -> Json:
    with archive.open("config.json") as member:
        written = member.read(MAX_CONFIG + 1)  # the size in the archive is only a claim
    if sum(map(written.count, (b",", b"{", b"["))) > MOST_PARTS:
        raise ValueError("more parts than a model has")
    return json.loads(written)


def _layers(node: Json) -> Iterator[Saved]:
    """Of a graph also come operations that are no layers, which are left out; a ``Pipeline`` of layers is one layer."""
    config = node.get("config") if isinstance(node, dict) else None
    if not isinstance(config, dict):
        return
    inner = config.get("layers")
    if ".layers" in str(node.get("module")):
        if node.get("class_name") != "InputLayer":
            yield str(node.get("class_name")), config
    elif isinstance(inner, list):
        for part in inner:
            yield from _layers(part)


def _members(infos: list[zipfile.ZipInfo]) -> Message | None:
    names = [info.filename for info in infos]
    foreign = next((name for name in names if name not in MEMBERS), None)
    if foreign is not None:
        return say("The saved model holds a file that does not belong there: {name}", name=foreign[:80])
    packed = {info.compress_type for info in infos}
    if len(set(names)) != len(names) or not {"config.json", "model.weights.h5"} <= set(names) or packed - zips.METHODS:
        return say("The saved model is not a readable .keras archive.")
    if any(info.file_size > (MAX_WEIGHTS if info.filename.endswith(".h5") else MAX_CONFIG) for info in infos):
        return say("The saved model is too large: at most {megabytes:int} MB of weights.", megabytes=MAX_WEIGHTS >> 20)
    return None


def _configuration(config: Json) -> Message | None:
    if not isinstance(config, dict) or "class_name" not in config:
        return say("The saved model is not a readable .keras archive.")
    # With compile=False this part is never built, and a loss of one's own stands in nobody's way.
    config = {key: value for key, value in config.items() if key != "compile_config"}
    for node, depth in _nodes(config):
        if depth > MAX_DEPTH:
            return say("The configuration of the saved model is nested too deeply.")
        problem = _node(node)
        if problem is not None:
            return problem
    return None


def _nodes(config: Json) -> Iterator[tuple[Mapping[str, Json], int]]:
    """Every dictionary, without recursion."""
    waiting: list[tuple[Json, int]] = [(config, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            yield value, depth
        if isinstance(value, (dict, list)) and depth <= MAX_DEPTH:
            waiting += [(part, depth + 1) for part in (value.values() if isinstance(value, dict) else value)]


def _node(node: Mapping[str, Json]) -> Message | None:
    if "class_name" not in node:
        return None
    kind, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    if not isinstance(kind, str) or not isinstance(module, (str, type(None))):
        return say("The saved model is not a readable .keras archive.")
    if kind in REFUSED:
        return say("The model uses {layer}, which can carry code and is not loaded.", layer=kind)
    if kind in DATA:
        return None
    if kind == "function":
        return _function(node, module)
    if not kind[:1].isupper():  # no class of Keras, but any function of a module that is allowed: ``load_model``
        return _foreign_function(kind)
    if module is None or not _known(module) or (registered is not None and registered != kind):
        return say("The model uses {name}, a class of its own that a saved model does not contain.", name=_shown(kind))
    return None


def _function(node: Mapping[str, Json], module: str | None) -> Message | None:
    """Functions by name only from Keras' activations: elsewhere the name may be that of any class."""
    if module in ("keras.activations", "keras.src.activations.activations"):
        return None
    return _foreign_function(str(node.get("config")))


def _foreign_function(name: str) -> Message:
    return say("The model uses {name}, a function of its own that a saved model does not contain.", name=_shown(name))


def _shown(name: str) -> str:
    """A name for people; half a surrogate pair, which JSON can hold and no file can, becomes a question mark."""
    return name[:80].encode("utf-8", "replace").decode("utf-8")


def _known(module: str) -> bool:
    return module in MODULES or module.startswith(PREFIXES)
