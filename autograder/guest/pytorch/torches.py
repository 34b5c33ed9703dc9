"""PyTorch in the kernel: seeded, its loops written into the ledger, and at ease without a GPU, workers and network."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing


def actions(session: Thing) -> Actions:
    """Hooks where torch defines what a loop is made of, so that every way of import meets them."""
    return {
        "torch": lambda module: _torch(module, session),
        "torch.nn.modules.module": lambda module: _modules(module.Module, _loops(session)),
        "torch.optim.optimizer": lambda module: _optimizers(module, _loops(session)),
        "torch.optim.lr_scheduler": lambda module: _schedulers(module, session),
        "torch.utils.data.dataloader": lambda module: _loaders(module, session),
        "torchvision.extension": _operators,
        "torchvision.transforms.transforms": lambda module: _older_transforms(module, session),
    }


def stand_ins(session: Thing) -> Actions:
    """Tables of layers, where the packages for them are not installed."""
    return dict.fromkeys(("torchsummary", "torchinfo"), lambda module: _summaries(module, session))


def begin(session: Thing, shell: Thing) -> None:
    """A hand-written training has ended when its cell has."""

    def settle(result: Thing) -> None:
        if session.loops is not None:
            session.loops.settle(result)

    shell.events.register("post_run_cell", settle)


def _loops(session: Thing) -> Thing:
    if session.loops is None:
        from .loops import Loops

        session.loops = Loops(session)
    return session.loops


# --- what a loop is made of ----------------------------------------------------------------------------------------


def _torch(torch: ModuleType, session: Thing) -> None:
    from . import devices

    known, loops = _known(torch), _loops(session)
    known.manual_seed(session.job["seed"])
    devices.install(torch, session)
    known.Tensor.backward = _backward(known.Tensor.backward, loops)
    for name in ("backward", "grad"):  # ``Tensor.backward`` calls the first of them
        setattr(known.autograd, name, _differentiating(getattr(known.autograd, name), loops))
    _stay(known)


def _known(module: ModuleType) -> Thing:
    """The module as something whose attributes can be set."""
    return module


def _modules(module: Thing, loops: Thing) -> None:
    call, init, state_dict = module.__call__, module.__init__, module.state_dict

    @functools.wraps(call)
    def __call__(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if loops.depth:
            return call(self, *arguments, **keywords)
        return loops.forward(call, self, arguments, keywords)

    @functools.wraps(init)
    def __init__(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        init(self, *arguments, **keywords)
        loops.built(self)

    @functools.wraps(state_dict)
    def copied(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if not arguments and keywords.get("destination") is None:  # not the call for a part of another model
            loops.copied(self)
        return state_dict(self, *arguments, **keywords)

    module.__call__, module.__init__, module.state_dict = __call__, __init__, copied


def _optimizers(module: ModuleType, loops: Thing) -> None:
    _known(module).register_optimizer_step_post_hook(loops.stepped)


def _loaders(module: ModuleType, session: Thing) -> None:
    from . import batches

    batches.install(module, session, _loops(session))


def _backward(original: Callable[..., Any], loops: Thing) -> Callable[..., Any]:
    @functools.wraps(original)
    def backward(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        loops.backward(self)
        original(self, *arguments, **keywords)

    return backward


def _differentiating(original: Callable[..., Any], loops: Thing) -> Callable[..., Any]:
    @functools.wraps(original)
    def differentiate(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        loops.gradients += 1
        return original(*arguments, **keywords)

    return differentiate


def _schedulers(module: ModuleType, session: Thing) -> None:
    """Note which optimiser has a schedule, and take ``verbose``, which is gone, as it was: without effect."""
    for kind in list(vars(module).values()):
        own = vars(kind).get("__init__") if isinstance(kind, type) and hasattr(kind, "step") else None
        if own is not None:
            setattr(kind, "__init__", _scheduler(own, session))  # noqa: B010 - mypy forbids the assignment


def _scheduler(original: Callable[..., Any], session: Thing) -> Callable[..., Any]:
    named = inspect.signature(original).parameters

    @functools.wraps(original)
    def __init__(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        if "verbose" in keywords and "verbose" not in named:
            del keywords["verbose"]
            name = type(self).__name__
            session.adapt("spelling", f"{name}(..., verbose=True)", f"{name}(...)")
        original(self, *arguments, **keywords)
        session.loops.scheduled(self)

    return __init__


# --- what is not there ---------------------------------------------------------------------------------------------


def _stay(torch: Thing) -> None:
    """Tensors that were saved on a GPU are loaded where there is none."""

    def untagged(_: Thing) -> None:
        return None

    def placed(storage: Thing, location: str) -> Thing:
        return storage if location.startswith("cuda") and not torch.cuda.is_available() else None

    torch.serialization.register_package(15, untagged, placed)  # after the CPU's own, before CUDA's


def _operators(module: ModuleType) -> None:
    """Let torchvision be imported beside a torch that its compiled operators were not made for.

    Its import describes these operators further and fails when their schemas are absent, as they are with torch built
    for the CPU and torchvision built for CUDA. No data set, transform or classifier uses them.
    """
    known = _known(module)
    if known._has_ops():
        return
    library = sys.modules["torch"].library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    known.schemas = library  # they are gone with the object


_RENAMED = {"Scale": "Resize", "RandomSizedCrop": "RandomResizedCrop"}


def _older_transforms(module: ModuleType, session: Thing) -> None:
    for old, new in _RENAMED.items():
        if not hasattr(module, old):
            setattr(module, old, _renamed(getattr(module, new), old, session))


def _renamed(kind: Callable[..., Any], old: str, session: Thing) -> Callable[..., Any]:
    def make(*arguments: Thing, **keywords: Thing) -> Thing:
        session.adapt("spelling", f"transforms.{old}(...)", f"transforms.{kind.__name__}(...)")
        return kind(*arguments, **keywords)

    make.__name__ = old
    return make


def _summaries(module: ModuleType, session: Thing) -> None:
    def summary(model: Thing, *_: Thing, **__: Thing) -> None:
        session.adapt("absent", f"{module.__name__}.summary(model)", "a list of the layers")
        for line in _table(model):
            print(line)

    module.summary = summary  # type: ignore[attr-defined]


def _table(model: Thing) -> list[str]:
    from . import nets

    rows = [(layer["kind"], str(layer["parameters"])) for layer in nets.layers(model)]
    rows = [("Layer", "Parameters"), *rows, ("Total", str(nets.parameters(model)))]
    return [f"{kind:<30}{count:>15}" for kind, count in rows]
