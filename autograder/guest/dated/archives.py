"""Models and weights saved under names and in formats that Keras 3 refuses; whatever was written is found again.

A model without a known ending becomes a folder, as it was with TensorFlow 2, in Keras' own format. Weights become the
HDF5 file that Keras 2 wrote; without an ending, one beside the name of a TensorFlow checkpoint.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .figures import modern
from .spelling import Rules, safely, signed, translated

_HDF5 = b"\x89HDF\r\n\x1a\n"
_GONE: Rules = dict.fromkeys(("options", "signatures", "save_traces"), None)
_MODELS = (".keras", ".h5", ".hdf5")
_WEIGHTS = (".weights.h5", ".weights.json")
_CHECKPOINT: Rules = {**_GONE, "save_format": None, "load_weights_on_restart": None}


def actions(session: Thing) -> Actions:
    return {
        "keras.src.saving.saving_api": partial(_functions, session),
        "keras.src.legacy.saving.saving_utils": _strings,
        "keras.src.models.model": partial(_methods, session),
        "keras.src.callbacks.model_checkpoint": partial(_checkpoints, session),
    }


def _functions(session: Thing, module: ModuleType) -> None:
    """Where they are defined, before ``keras.models`` and the others have taken them from there."""
    for name, make in (
        ("save_model", _save_model),
        ("load_model", _load_model),
        ("save_weights", _save_weights),
        ("load_weights", _load_weights),
    ):
        original = getattr(module, name)
        setattr(module, name, signed(wraps(original)(make(session, original)), original))


def _shown(path: str) -> str:
    return repr(Path(path).name[:60])


def _note(session: Thing, called: str, path: str, today: str) -> None:
    session.adapt("spelling", f"{called}({_shown(path)})", f"{called}({_shown(today)})")


def content(path: str) -> str:
    """``hdf5``, ``zip``, ``folder``, ``other`` or nothing, by what is there and not by its name."""
    if Path(path).is_dir():
        return "folder"
    try:
        with Path(path).open("rb") as file:
            head = file.read(8)
    except OSError:
        return ""
    return "hdf5" if head == _HDF5 else "zip" if head[:4] == b"PK\x03\x04" else "other"


# --- models ----------------------------------------------------------------------------------------------------------


def _save_model(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    def save_model(model: Thing, filepath: Thing, overwrite: bool = True, zipped: Thing = None, **more: Thing) -> Thing:
        __tracebackhide__ = True
        path = str(filepath)
        more = translated(session, "model.save", _GONE, more)
        form = more.pop("save_format", None)
        if zipped is not None and not isinstance(filepath, str | Path):
            return original(model, filepath, overwrite=overwrite, zipped=zipped, **more)
        if form:
            session.adapt("spelling", f"model.save(save_format={form!r})", "model.save('name.keras')")
        if path.endswith(_MODELS) or "://" in path or not isinstance(filepath, str | Path):
            known = path.endswith((".h5", ".hdf5"))
            zipped = None if known or path.endswith(".keras") else zipped
            return original(model, filepath, overwrite=overwrite, zipped=zipped, **more)
        _note(session, "model.save", path, f"{path}.keras")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if form in ("h5", "hdf5"):
            return _legacy().save_model_to_hdf5(model, path, overwrite, more.get("include_optimizer", True))
        return original(model, path, overwrite=overwrite, zipped=False, **more)

    return save_model


def _load_model(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    def load_model(filepath: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        keywords = translated(session, "load_model", _GONE, keywords)
        path = str(filepath)
        kind = content(path)
        if kind == "hdf5" and not path.endswith((".h5", ".hdf5")):
            return _legacy().load_model_from_hdf5(path, *arguments, **keywords)
        if kind == "zip" and not path.endswith(".keras"):
            with tempfile.TemporaryDirectory() as folder:
                return original(shutil.copy(path, Path(folder) / "model.keras"), *arguments, **keywords)
        return original(filepath, *arguments, **keywords)

    return load_model


def _strings(module: ModuleType) -> None:
    """``metrics=['mse']`` in an HDF5 file: Keras 3 looks for a class, where ``compile`` takes the string."""
    original = module._deserialize_nested_config

    @wraps(original)
    def nested(read: Callable[..., Any], config: Thing) -> Thing:
        def each(part: Thing) -> Thing:
            try:
                return read(part)
            except (ValueError, TypeError):
                if isinstance(part, str):
                    return part
                raise

        return original(each, config)

    vars(module)["_deserialize_nested_config"] = nested


def _legacy() -> Thing:
    from keras.src.legacy.saving import legacy_h5_format

    return legacy_h5_format


# --- weights ---------------------------------------------------------------------------------------------------------


class Status:
    """What ``load_weights`` returned for a TensorFlow checkpoint: everything has been read."""

    def expect_partial(self) -> Status:
        return self

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = expect_partial


def _methods(session: Thing, module: ModuleType) -> None:
    owner = module.Model
    save, load = owner.save_weights, owner.load_weights

    @wraps(save)
    def save_weights(self: Thing, filepath: Thing, overwrite: bool = True, *rest: Thing, **more: Thing) -> Thing:
        __tracebackhide__ = True
        more = translated(session, "model.save_weights", {**_GONE, "save_format": None}, more)
        rest = tuple(value for value in rest if not isinstance(value, str))  # the format, in Keras 2
        return save(self, filepath, overwrite, *rest, **more)

    @wraps(load)
    def load_weights(self: Thing, filepath: Thing, *arguments: Thing, **more: Thing) -> Thing:
        __tracebackhide__ = True
        more = translated(session, "model.load_weights", _GONE, more)
        load(self, filepath, *arguments, **more)
        return None if str(filepath).endswith((*_MODELS, *_WEIGHTS)) else Status()

    owner.save_weights = signed(save_weights, save)
    owner.load_weights = signed(load_weights, load)


def _save_weights(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    def save_weights(
        model: Thing, filepath: Thing, overwrite: bool = True, max_shard_size: Thing = None, **more: Thing
    ) -> Thing:
        __tracebackhide__ = True
        path = str(filepath)
        if path.endswith(_WEIGHTS) or max_shard_size is not None:
            return original(model, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **more)
        stem = path.rpartition(".")[0] if path.endswith(_MODELS) else path
        _note(session, "model.save_weights", path, f"{stem}.weights.h5")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(_MODELS):
            return _write(model, path)
        _write(model, f"{path}.index")
        from tensorflow.python.checkpoint import checkpoint_management

        # where tf.train.latest_checkpoint looks
        checkpoint_management.update_checkpoint_state_internal(str(Path(path).parent), path)
        return None

    return save_weights


def _write(model: Thing, path: str) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        _legacy().save_weights_to_hdf5_group(file, model)


def _load_weights(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    def load_weights(model: Thing, filepath: Thing, skip_mismatch: bool = False, **more: Thing) -> Thing:
        __tracebackhide__ = True
        path = str(filepath)
        for candidate in (path, f"{path}.index"):
            if content(candidate) == "hdf5" and (_is_legacy(candidate) or not path.endswith(_MODELS)):
                return _read(model, candidate, skip_mismatch, more.get("by_name"))
        inside = Path(path) / "model.weights.h5"
        if inside.is_file():
            return original(model, str(inside), skip_mismatch=skip_mismatch, **more)
        return original(model, filepath, skip_mismatch=skip_mismatch, **more)

    return load_weights


def _is_legacy(path: str) -> bool:
    import h5py

    with h5py.File(path, "r") as file:
        return "layer_names" in file.attrs or "model_weights" in file


def _read(model: Thing, path: str, skip_mismatch: bool, by_name: Thing) -> None:
    import h5py

    with h5py.File(path, "r") as file:
        group = file if "layer_names" in file.attrs else file["model_weights"]
        if by_name:
            _legacy().load_weights_from_hdf5_group_by_name(group, model, skip_mismatch)
        else:
            _legacy().load_weights_from_hdf5_group(group, model, skip_mismatch)


# --- ModelCheckpoint -------------------------------------------------------------------------------------------------


def _checkpoints(session: Thing, module: ModuleType) -> None:
    """Any name: it is the saving that decides what becomes of it."""
    owner = module.ModelCheckpoint
    begin, keep, name = owner.__init__, owner._save_model, owner._get_file_path

    @wraps(begin)
    def call(self: Thing, filepath: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        period = keywords.pop("period", 1)
        keywords = translated(session, "ModelCheckpoint", _CHECKPOINT, keywords)
        if period != 1:
            session.adapt("spelling", f"ModelCheckpoint(period={period})", "ModelCheckpoint(save_freq=...)")
        weights = keywords.get("save_weights_only", arguments[3] if len(arguments) > 3 else False)
        begin(self, "name.weights.h5" if weights else "name.keras", *arguments, **keywords)
        self.filepath = str(filepath)
        self.__dict__["autograder_period"] = period

    @wraps(keep)
    def save(self: Thing, epoch: int, batch: Thing, logs: Thing) -> None:
        __tracebackhide__ = True
        period = vars(self).get("autograder_period", 1)
        if batch is not None or not isinstance(period, int) or period < 2 or (epoch + 1) % period == 0:
            keep(self, epoch, batch, logs)

    @wraps(name)
    def path(self: Thing, epoch: int, batch: Thing, logs: Thing) -> Thing:
        __tracebackhide__ = True
        return name(self, epoch, batch, safely(session, _named, self.filepath, logs, otherwise=logs))

    owner.__init__ = signed(call, begin)
    owner._save_model = signed(save, keep)
    owner._get_file_path = signed(path, name)


def _named(pattern: str, logs: Thing) -> Thing:
    """The figures of an epoch, with the old names that a file name asks for: ``best-{val_acc:.2f}.h5``."""
    old = [name for name in ("acc", "val_acc", "lr") if f"{{{name}" in pattern and name not in (logs or {})]
    return {**logs, **{name: logs[modern(name)] for name in old if modern(name) in logs}} if old else logs
