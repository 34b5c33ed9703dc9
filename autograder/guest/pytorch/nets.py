"""What a PyTorch model is, as plain values, and what it answers; torch is taken from where the notebook imported it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..recording.models import snake
from ..recording.prints import finite
from ..things import Thing

Floats = npt.NDArray[np.float32]

LAYERS = 200
BATCH = 256
_NAMES = {"lr": "learning_rate", "alpha": "rho"}
_LOSS_SETTINGS = ("label_smoothing", "gamma", "alpha", "delta", "beta", "margin")
_SETTINGS = ("momentum", "dampening", "weight_decay", "nesterov", "amsgrad", "alpha", "rho", "maximize")
_SHAPING = ("Flatten", "Unflatten", "Identity")
"""As often written as ``x.view(...)``, which is no layer."""
_FUNCTIONS = {
    "relu": "ReLU",
    "relu_": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "hardswish": "Hardswish",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "dropout": "Dropout",
    "dropout2d": "Dropout2d",
    "alpha_dropout": "AlphaDropout",
    "max_pool2d": "MaxPool2d",
    "avg_pool2d": "AvgPool2d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "adaptive_max_pool2d": "AdaptiveMaxPool2d",
}
"""Layers as functions of ``torch.nn.functional`` -> the class that does the same."""
_ARGUMENTS = {"Dropout": ("p",), "Dropout2d": ("p",), "AlphaDropout": ("p",), "MaxPool2d": ("kernel_size", "stride")}
"""Their arguments after the first, by position."""
_ARGUMENTS |= {"AvgPool2d": ("kernel_size", "stride"), "LeakyReLU": ("negative_slope",), "ELU": ("alpha",)}


def torch() -> Thing:
    return sys.modules["torch"]


def bare(module: Thing) -> Thing:
    """The model within ``DataParallel`` and what ``torch.compile`` may make of it."""
    for wrapping, inner in (("DataParallel", "module"), ("DistributedDataParallel", "module")):
        if type(module).__name__ == wrapping and type(module).__module__.startswith("torch."):
            return getattr(module, inner)
    return module


def parameters(module: Thing) -> int:
    return sum(int(parameter.numel()) for parameter in module.parameters())


def weights(module: Thing) -> str:
    """SHA-256 over the parameters; what a batch normalisation has counted is left out, since looking changes it."""
    hashed = hashlib.sha256(repr([type(part).__name__ for part in module.modules()]).encode())
    for parameter in module.parameters():
        if "Uninitialized" in type(parameter).__name__:
            return ""
        hashed.update(f"{tuple(parameter.shape)} {parameter.dtype}".encode())
        flat = parameter.detach().cpu().contiguous().reshape(-1)
        hashed.update(flat.view(torch().uint8).numpy().data)
    return hashed.hexdigest()


def size(module: Thing) -> int:
    """Bytes of its state."""
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values() if _is_tensor(tensor))


def state(module: Thing) -> dict[str, Any]:
    """A copy of all that ``load_state_dict`` takes."""
    return {key: value.detach().clone() if _is_tensor(value) else value for key, value in module.state_dict().items()}


def _is_tensor(value: Thing) -> bool:
    return isinstance(value, torch().Tensor)


# --- optimiser -----------------------------------------------------------------------------------------------------


def optimizer(found: Thing) -> dict[str, Any]:
    """Name and settings, by Keras' names where it has the same setting."""
    group = found.param_groups[0]
    rate = finite(group.get("initial_lr", group.get("lr")))
    told: dict[str, Any] = {"name": type(found).__name__.lower()[:100]}
    if rate is not None:
        told["learning_rate"] = float(f"{rate:.7g}")
    for key in _SETTINGS:
        if isinstance(group.get(key), (bool, int, float)):
            told[_NAMES.get(key, key)] = group[key]
    betas = group.get("betas")
    if isinstance(betas, (tuple, list)) and len(betas) == 2:
        told |= {f"beta_{number}": finite(beta) for number, beta in enumerate(betas, start=1)}
    return told


def loss(name: str) -> str:
    """``cross_entropy_loss`` of ``CrossEntropyLoss``, ``nll_loss`` of ``NLLLoss``."""
    stem = name.removesuffix("Loss")
    return f"{snake(stem)}_loss" if stem != name else snake(name)


def loss_settings(module: Thing) -> dict[str, float]:
    """Those that are numbers: ``label_smoothing`` and the like."""
    told = {name: finite(getattr(module, name, None)) for name in _LOSS_SETTINGS}
    return {name: value for name, value in told.items() if value is not None}


# --- layers --------------------------------------------------------------------------------------------------------


def layers(module: Thing) -> list[dict[str, Any]]:
    """``Layer`` records in the order in which the model holds them."""
    return [_layer(leaf, ()) for leaf in _leaves(module) if type(leaf).__name__ not in _SHAPING][:LAYERS]


def _leaves(module: Thing) -> list[Any]:
    return [part for part in module.modules() if not any(True for _ in part.children())]


def _layer(leaf: Thing, shape: Sequence[int]) -> dict[str, Any]:
    names = [*getattr(type(leaf), "__constants__", ()), "p"]
    config = {name: _plain(getattr(leaf, name, None)) for name in names if isinstance(name, str)}
    return {
        "kind": type(leaf).__name__[:100],
        "config": {name: value for name, value in config.items() if value is not None},
        "output_shape": [None, *shape[1:]] if shape else [],
        "parameters": parameters(leaf),
    }


def _plain(value: Thing) -> Thing:
    """Scalars and short tuples of numbers; a pair of equals is one number, as people write it."""
    if isinstance(value, (tuple, list)):
        if not value or len(value) > 4 or not all(isinstance(part, (int, float)) for part in value):
            return None
        return value[0] if len(set(value)) == 1 else list(value)
    if isinstance(value, str):
        return value[:100]
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, (bool, int)) else None


@contextmanager
def traced(module: Thing, safely: Callable[..., Any]) -> Iterator[list[dict[str, Any]]]:
    """Layers in the order in which a call of the model uses them, those written as functions included.

    ``safely`` calls a function such that its failure is noted and goes no further.
    """
    seen: list[dict[str, Any]] = []
    inside: list[Thing] = []

    def begin(leaf: Thing, _: Thing) -> None:
        inside.append(leaf)

    def end(leaf: Thing, _: Thing, output: Thing) -> None:
        safely(note, leaf, output)

    def note(leaf: Thing, output: Thing) -> None:
        inside.pop()
        if len(seen) < LAYERS and type(leaf).__name__ not in _SHAPING:
            seen.append(_layer(leaf, _shape(output)))

    leaves = _leaves(module)
    handles = [leaf.register_forward_pre_hook(begin) for leaf in leaves]
    handles += [leaf.register_forward_hook(end) for leaf in leaves]
    try:
        with _functions(seen, inside, safely):
            yield seen
    finally:
        for handle in handles:
            handle.remove()


def _functions(seen: list[dict[str, Any]], inside: Sequence[Thing], safely: Callable[..., Any]) -> Thing:
    """A mode of torch's in which calls of ``torch.nn.functional`` outside of layers are noted."""

    def note(*call: Thing) -> None:
        seen.append(_function(*call))

    class Functions(torch().overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Thing, types: Thing, given: Thing = (), named: Thing = None) -> Thing:
            named = named or {}
            output = function(*given, **named)
            kind = _FUNCTIONS.get(str(getattr(function, "__name__", "")).lstrip("_"))
            if kind is not None and not inside and len(seen) < LAYERS:
                safely(note, kind, given, named, output)
            return output

    return Functions()


def _function(kind: str, given: Sequence[Any], named: Mapping[str, Any], output: Thing) -> dict[str, Any]:
    names = _ARGUMENTS.get(kind, ())
    told = dict(zip(names, given[1:], strict=False)) | {name: named[name] for name in names if name in named}
    if kind.endswith("ropout") or kind == "Dropout2d":
        told.setdefault("p", 0.5)
    config = {name: _plain(value) for name, value in told.items()}
    return {
        "kind": kind,
        "config": {name: value for name, value in config.items() if value is not None},
        "output_shape": [None, *_shape(output)[1:]],
        "parameters": 0,
    }


def _shape(output: Thing) -> list[int]:
    found = first(output)
    return [] if found is None else [int(length) for length in found.shape]


# --- answers -------------------------------------------------------------------------------------------------------


def first(output: Thing) -> Thing:
    """The tensor that stands for a model's output: the first of several, ``logits`` of an object; None without one."""
    if _is_tensor(output):
        return output
    if isinstance(output, Mapping):
        output = [output[key] for key in ("logits", "out") if key in output] or list(output.values())
    elif hasattr(output, "logits"):
        output = [output.logits]
    if isinstance(output, (tuple, list)):
        return next((found for part in output if (found := first(part)) is not None), None)
    return None


def answers(module: Thing, images: Floats, *, dtype: Thing, batch: int, kept: Mapping[str, Any] | None) -> Floats:
    """Outputs (images, outputs) in evaluation mode, with the weights ``kept`` if given; all is then as it was.

    ``batch`` is the size of the batches that the notebook used, should the model insist on it.
    """
    with _at_rest(module, kept):
        try:
            return np.concatenate([_answer(module, part, dtype, len(part)) for part in _parts(images, BATCH)])
        except (RuntimeError, ValueError):
            return np.concatenate([_answer(module, part, dtype, batch) for part in _parts(images, batch)])


def _parts(images: Floats, size: int) -> Iterator[Floats]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


def _answer(module: Thing, images: Floats, dtype: Thing, rows: int) -> Floats:
    """Fewer images than ``rows`` are filled up with the first one."""
    known = torch()
    filled = np.concatenate([images, np.repeat(images[:1], rows - len(images), axis=0)])
    device = next(module.parameters()).device
    output = first(module(known.as_tensor(filled).to(device=device, dtype=dtype)))
    if output is None or len(output) != rows:
        raise ValueError("the model does not give one output for each image")
    result: Floats = output.detach().to(device="cpu", dtype=known.float32).numpy().reshape(rows, -1)[: len(images)]
    return result


@contextmanager
def _at_rest(module: Thing, kept: Mapping[str, Any] | None) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    now = state(module) if kept is not None else None
    try:
        if kept is not None:
            module.load_state_dict(kept)
        module.eval()
        with torch().no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
        if now is not None:
            module.load_state_dict(now)
