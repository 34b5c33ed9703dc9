"""PyTorch's hand-written loops, read as trainings and evaluations of the ledger.

There is no ``fit`` to hook. What is seen is one call of a model after another, the batches that loaders give, the
losses that are differentiated, and the steps of optimisers. A *pass* is a row of calls of one model on one iteration of
a loader; with a step in it, it is an epoch of a training, and without any an evaluation. That holds with and without
``no_grad`` and ``eval``, which people forget.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from . import batches, nets, prints
from .batches import Feed
from .handover import PROGRESS
from .ledger import EVALUATIONS, ROWS, SMALL_USES, TRAININGS
from .things import Thing

KEPT_BYTES = 400 << 20
"""Of weights kept beside the models, because an evaluation used them."""
UNSAVED = "a PyTorch model: it answers within its own kernel"


@dataclass(eq=False)
class Pass:
    """Calls of one model on one iteration of a loader, or on data that come without one."""

    model: Thing
    feed: Feed | None
    count: int | None
    learning: bool
    """Derivatives can be taken: tells apart what comes without a loader, and nothing else, since people forget."""
    caller: dict[str, Any]
    began: float
    rows: int = 0
    batch: int = 0
    """Rows of the largest call."""
    dtype: Thing = None
    sample: list[Any] = field(default_factory=list)
    sampled: int = 0
    right: int = 0
    judged: int = 0
    loss: float = 0.0
    losses: int = 0
    trained: bool = False

    def take(self, x: Thing) -> None:
        """Rows of one call, some of which are kept."""
        self.rows += len(x)
        self.batch = max(self.batch, len(x))
        self.dtype = x.dtype
        lacking = prints.SAMPLE_ROWS - self.sampled
        if lacking > 0:
            some = x[:lacking].detach().cpu().float().numpy().copy()
            self.sample.append(some)
            self.sampled += len(some)

    def judge(self, output: Thing, labels: Thing) -> None:
        """Count the outputs whose largest is at the label, as notebooks do by hand."""
        if output is None or labels is None or output.ndim != 2 or output.shape[1] < 2 or len(labels) != len(output):
            return
        wanted = labels.argmax(dim=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(-1)
        if len(wanted) == len(output):
            self.right += int((output.detach().argmax(dim=1).cpu() == wanted.cpu()).sum())
            self.judged += len(output)

    @property
    def accuracy(self) -> float | None:
        return self.right / self.judged if self.judged and self.judged == self.rows else None


@dataclass(eq=False)
class Training:
    """A stretch of steps of one optimiser on one model within one run of a cell."""

    entry: dict[str, Any]
    model: Thing
    optimizer: Thing
    epochs: list[Pass] = field(default_factory=list)
    steps: int = 0
    rows: int = 0
    last: float = 0.0
    pending: list[tuple[dict[str, Any], Pass]] = field(default_factory=list)
    """Evaluations since the last step: on the weights that are left, unless more steps follow."""
    validations: list[Pass] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)
    """Weights that were evaluated on the way -> after which epoch; the notebook may put the best of them back."""
    schedules: list[str] = field(default_factory=list)

    @property
    def mid_epoch(self) -> bool:
        feed = self.epochs[-1].feed if self.epochs else None
        return feed is not None and not feed.ended

    def release(self) -> None:
        """Let go of what needs memory: models are held elsewhere, and not all of them."""
        self.model = self.optimizer = None
        self.epochs, self.pending, self.validations = [], [], []


class Loops:
    """What was seen of PyTorch so far."""

    def __init__(self, session: Thing) -> None:
        self.recorder = session.recorder
        self.job = session.job
        self.count: Callable[[], int | None] = session.count
        self.depth = 0
        """Within a call of a model: how many calls deep."""
        self._roles: weakref.WeakKeyDictionary[Thing, str] = weakref.WeakKeyDictionary()
        self._seen: weakref.WeakSet[Thing] = weakref.WeakSet()
        self._layers: weakref.WeakKeyDictionary[Thing, list[dict[str, Any]]] = weakref.WeakKeyDictionary()
        self._built: weakref.WeakKeyDictionary[Thing, int | None] = weakref.WeakKeyDictionary()
        self._direct: weakref.WeakKeyDictionary[Thing, Any] = weakref.WeakKeyDictionary()
        self._schedules: weakref.WeakKeyDictionary[Thing, list[str]] = weakref.WeakKeyDictionary()
        self._feed: Feed | None = None
        self._passes: list[Pass] = []
        """Open ones."""
        self._latest: dict[int, Pass] = {}
        """By the id of the model; since the last step of any optimiser."""
        self._open: list[Training] = []
        """Of the cell that is running."""
        self._last: dict[str, Training] = {}
        """Model id -> its last training."""
        self._kept: dict[str, dict[str, Any]] = {}
        """Model id -> state at its last evaluation."""
        self._asked: dict[str, tuple[Any, int]] = {}
        """Model id -> dtype and rows of a batch that it was given."""
        self._losses: list[float] = []
        self._loss = ""
        self._small = 0

    # --- what the hooks call -----------------------------------------------------------------------------------------

    def forward(self, original: Callable[..., Any], module: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """A call of a module that is not made by another module."""
        __tracebackhide__ = True
        seen = self.recorder.safely(self._before, module, arguments, keywords, sys._getframe(2))
        if seen is None:
            return original(module, *arguments, **keywords)
        found, tracing = seen
        self.depth += 1
        try:
            with ExitStack() as stack:
                if tracing:
                    self.recorder.safely(self._trace, found.model, stack)
                output = original(module, *arguments, **keywords)
        finally:
            self.depth -= 1
        self.recorder.safely(self._after, found, output if found.model is nets.bare(module) else None)
        return output

    def built(self, module: Thing) -> None:
        if not self.depth:
            self._built[module] = self.count()

    def backward(self, loss: Thing) -> None:
        self.recorder.safely(self._differentiated, loss)

    def stepped(self, optimizer: Thing, *_: Thing) -> None:
        self.recorder.safely(self._stepped, optimizer)

    def scheduled(self, scheduler: Thing) -> None:
        optimizer = getattr(scheduler, "optimizer", None)
        name = type(scheduler).__name__[:100]
        if optimizer is not None and name not in (known := self._schedules.setdefault(optimizer, [])):
            known.append(name)

    def fed(self, feed: Feed) -> None:
        self._feed = feed

    def exhausted(self, feed: Feed) -> None:
        feed.ended = True
        self._feed = None if self._feed is feed else self._feed
        for found in [one for one in self._passes if one.feed is feed]:
            self.recorder.safely(self._close, found)

    def settle(self, result: Thing = None) -> None:
        """The cell has ended: so have its trainings."""
        self.recorder.safely(self._settle_all, getattr(result, "success", True))

    def bindings(self, named: Sequence[tuple[str, Any]]) -> dict[str, str]:
        """Variable -> model id, for models that were trained or put to use."""
        known = nets.torch().nn.Module
        self.recorder.safely(self._put_back)
        bare = [(name, nets.bare(value)) for name, value in named if isinstance(value, known)]
        return {name: self.recorder.model_id(model) for name, model in bare if model in self._seen}

    def answer(self, number: str, model: Thing, images: nets.Floats) -> nets.Floats:
        """Predictions of a model for images that are ready for it."""
        dtype, batch = self._asked.get(number, (nets.torch().float32, nets.BATCH))
        return nets.answers(model, images, dtype=dtype, batch=batch, kept=self._kept.get(number))

    # --- calls of models ---------------------------------------------------------------------------------------------

    def _before(self, module: Thing, arguments: Thing, keywords: Thing, frame: FrameType) -> tuple[Pass, bool] | None:
        """The pass that this call belongs to, and whether it is the first of its model; None for what is no model."""
        role = self._roles.get(module) or self._role(module)
        if role == "loss":
            self._loss = type(module).__name__
        if role != "model":
            return None
        direct = self._direct_call(module, frame)
        model, x = direct or (nets.bare(module), _given(arguments, keywords))
        if x is None:
            return None
        found = self._pass(model, x)
        found.take(x)
        self._seen.add(model)
        return found, direct is None and model not in self._layers

    def _trace(self, model: Thing, stack: ExitStack) -> None:
        self._layers[model] = []
        self._layers[model] = stack.enter_context(nets.traced(model, self.recorder.safely))

    def _role(self, module: Thing) -> str:
        if type(module).__module__ == "torch.nn.modules.loss":
            role = "loss"
        else:
            role = "model" if next(module.parameters(), None) is not None else "other"
        self._roles[module] = role
        return role

    def _direct_call(self, module: Thing, frame: FrameType) -> tuple[Any, Any] | None:
        """``model.forward(x)``, of which only the calls of its layers are seen: the first stands for it.

        The answer is the model and its input; for the layers after the first the input is None.
        """
        root, known = None, nets.torch().nn.Module
        while frame.f_code.co_name == "forward" and isinstance(frame.f_locals.get("self"), known):
            root, code, values = frame.f_locals["self"], frame.f_code, frame.f_locals
            if frame.f_back is None:
                break
            frame = frame.f_back
        if root is None or not any(part is module for part in root.modules()):
            return None
        first = self._direct.setdefault(root, weakref.ref(module))
        x = values.get(code.co_varnames[1]) if code.co_argcount > 1 else None
        return root, x if first() is module and isinstance(x, nets.torch().Tensor) else None

    def _pass(self, model: Thing, x: Thing) -> Pass:
        feed = self._feed if self._feed is not None and self._feed.rows == len(x) else None
        count, learning = self.count(), bool(nets.torch().is_grad_enabled())
        for found in self._passes:
            same = found.model is model and found.feed is feed and found.count == count
            if same and (feed is not None or (found.learning is learning and self._goes_on(found, x))):
                return found
        self._close_evaluations(model)
        found = Pass(
            model=model,
            feed=feed,
            count=count,
            learning=learning,
            caller=self.recorder.caller(),
            began=time.monotonic(),
        )
        self._passes.append(found)
        return found

    def _goes_on(self, found: Pass, x: Thing) -> bool:
        """Slices of one array are of one size but for the last, and the test set is a whole."""
        if found.trained:
            return len(x) <= found.batch
        return found.rows != self.job["test_rows"] and found.rows % found.batch == 0 and len(x) <= found.batch

    def _close_evaluations(self, model: Thing, *, known: bool = True, but: Pass | None = None) -> None:
        """``known``: the weights are still those that were used."""
        for found in [one for one in self._passes if one.model is model and not one.trained and one is not but]:
            self._close(found, known=known)

    def _after(self, found: Pass, output: Thing) -> None:
        known = nets.first(output)
        if known is not None and found.feed is not None:
            found.judge(known, found.feed.labels)
        self._latest[id(found.model)] = found

    def _close(self, found: Pass, *, known: bool = True) -> None:
        """Without a step in it, the pass was an evaluation."""
        self._passes.remove(found)
        if not found.trained:
            self._evaluated(found, known)

    # --- evaluations -------------------------------------------------------------------------------------------------

    def _evaluated(self, found: Pass, known: bool) -> None:
        recorder, small = self.recorder, found.rows < ROWS
        self._small += small
        if len(recorder.evaluations) >= EVALUATIONS or (small and self._small > SMALL_USES):
            return
        accuracy = found.accuracy
        entry: dict[str, Any] = {
            "kind": "predict" if accuracy is None else "evaluate",
            "model": recorder.model_id(found.model),
            "execution_count": found.count,
            **found.caller,
            "x": self._print(found, found.rows),
            "results": {} if accuracy is None else {"accuracy": accuracy},
            "seconds": time.monotonic() - found.began,
        }
        recorder.evaluations.append(entry)
        if small:
            return
        entry["weights"] = nets.weights(found.model) if known else ""
        self._asked[entry["model"]] = (found.dtype, found.batch)
        running = self._running(found.model)
        if running is not None:
            running.pending.append((entry, found))
        else:
            self._reused(found.model, entry["weights"])

    def _print(self, found: Pass, rows: int) -> dict[str, Any]:
        sample = np.concatenate(found.sample)
        facts = prints.fingerprint(sample, self.recorder.keep_sample) or {}
        # Which rows these are is not known, and they are not the whole.
        told = {"kind": "sequence", "shape": [rows, *sample.shape[1:]], "rows": [], "digest": ""}
        return facts | told | {"dtype": str(found.dtype).removeprefix("torch.")}

    def _running(self, model: Thing) -> Training | None:
        return next((one for one in reversed(self._open) if one.model is model), None)

    def _reused(self, model: Thing, digest: str) -> None:
        """An evaluation after the training: of the weights that were left, or of better ones that were put back."""
        own = self._last.get(self.recorder.model_id(model))
        every = [*([own] if own else []), *self._last.values()]
        source = next((one for one in every if one.entry.get("weights") == digest), None)
        source = source or next((one for one in every if digest in one.passed), None) or own
        if source is not None:
            self._measure(source, model, digest)

    def _measure(self, training: Training, model: Thing, digest: str) -> None:
        """What this training is to be measured by: these weights."""
        training.entry["weights"] = digest
        if digest in training.passed:
            training.entry["arguments"]["restored_epoch"] = training.passed[digest]
        number = training.entry["model"]
        self._kept.pop(number, None)
        if sum(map(_bytes, self._kept.values())) + nets.size(model) <= KEPT_BYTES:
            self._kept[number] = nets.state(model)

    # --- trainings ---------------------------------------------------------------------------------------------------

    def _differentiated(self, loss: Thing) -> None:
        if loss.numel() == 1:
            self._losses.append(float(loss.detach()))
            self._loss = self._loss or _loss_of(loss)

    def _stepped(self, optimizer: Thing) -> None:
        found = self._trained_by(optimizer)
        if found is None:
            return
        training = self._training(found, optimizer)
        if training is None:
            return
        self._close_evaluations(found.model, known=False, but=found)
        self._validated(training)
        if not found.trained:
            self._begin_epoch(training, found)
        found.loss += sum(self._losses)
        found.losses += len(self._losses)
        training.steps += 1
        training.rows += found.batch
        training.last = time.monotonic()
        training.schedules = self._schedules.get(optimizer, training.schedules)
        if found.feed is not None:
            found.feed.steps += 1
        self._latest.clear()
        self._losses.clear()
        self._loss = ""

    def _trained_by(self, optimizer: Thing) -> Pass | None:
        """Of the models called since the last step, the one that holds most of what the optimiser changes."""
        changed = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        shares = [
            (sum(id(parameter) in changed for parameter in found.model.parameters()), found)
            for found in self._latest.values()
        ]
        best = max(shares, key=lambda pair: pair[0], default=(0, None))
        return best[1] if best[0] else None

    def _training(self, found: Pass, optimizer: Thing) -> Training | None:
        for training in self._open:
            if training.model is found.model and training.optimizer is optimizer:
                return training
        recorder = self.recorder
        if len(recorder.trainings) >= TRAININGS:
            return None
        for other in [one for one in self._open if one.model is found.model]:
            self._settle(other)  # another optimiser takes over
            other.release()
            self._open.remove(other)
        entry = {
            "number": len(recorder.trainings) + 1,
            "model": recorder.model_id(found.model),
            "execution_count": found.count,
            **found.caller,
            "builder": _own_class(found.model),
            "built_count": self._built.get(found.model),
            "optimizer": nets.optimizer(optimizer),
            "loss": nets.loss(self._loss),
            "finished": False,
            "save_error": UNSAVED,
        }
        recorder.trainings.append(entry)
        training = Training(entry=entry, model=found.model, optimizer=optimizer)
        self._open.append(training)
        self._last[entry["model"]] = training
        recorder.hold(found.model, self.answer)
        return training

    def _validated(self, training: Training) -> None:
        """More training follows: what was evaluated before was its validation, and no use of what it leaves."""
        self._kept.pop(training.entry["model"], None)
        self._made_validations(training, [entry for entry, _ in training.pending])

    def _made_validations(self, training: Training, entries: Sequence[Mapping[str, Any]]) -> None:
        gone = {id(entry) for entry in entries}
        for entry, validation in training.pending:
            if id(entry) in gone:
                training.validations.append(validation)
                training.passed.setdefault(entry.get("weights", ""), len(training.epochs))
        training.pending = [(entry, found) for entry, found in training.pending if id(entry) not in gone]
        self.recorder.evaluations[:] = [one for one in self.recorder.evaluations if id(one) not in gone]

    def _begin_epoch(self, training: Training, found: Pass) -> None:
        """The first step on a new iteration of the loader."""
        found.trained = True
        training.epochs.append(found)
        if len(training.epochs) == 1:
            rows = batches.rows(found.feed.loader) if found.feed else 0
            training.entry["x"] = self._print(found, rows or found.rows)
            labels = found.feed.labels if found.feed else None
            if labels is not None:
                shape = [rows or found.rows, *labels.shape[1:]]
                training.entry["y"] = {"kind": "sequence", "shape": shape, "dtype": str(labels.dtype)[6:]}
            self._asked[training.entry["model"]] = (found.dtype, found.batch)
        training.entry["epochs_run"] = len(training.epochs)
        text, number = f"epoch {len(training.epochs)}", training.entry["number"]
        self.recorder.handover.put_json(PROGRESS, {"text": text, "training": number})
        self.recorder.flush()

    # --- the end of a cell -------------------------------------------------------------------------------------------

    def _settle_all(self, succeeded: bool) -> None:
        for found in list(self._passes):
            self._close(found)
        for training in self._open:
            training.entry["finished"] = succeeded or not training.mid_epoch
            self._settle(training)
            training.release()
        self._open.clear()
        self._latest.clear()
        self._losses.clear()
        self._loss = ""
        self._feed = None

    def _settle(self, training: Training) -> None:
        entry, model = training.entry, training.model
        entry["finished"] = entry["finished"] or not training.mid_epoch
        entry["weights"] = nets.weights(model)
        entry["layers"] = self._layers.get(model) or nets.layers(model)
        entry["parameters"] = nets.parameters(model)
        entry["seconds"] = training.last - training.epochs[0].began
        entry["epochs_run"] = self._epochs(training)
        # What was evaluated before other weights were put back was a validation too.
        others = [one for one, _ in training.pending if one["weights"] != entry["weights"]]
        self._made_validations(training, others)
        entry["arguments"] = self._arguments(training)
        entry["history"] = self._history(training)
        first = training.epochs[0].feed
        entry["stride"] = first.stride if first else 1
        if first is not None and first.rehearsal:
            entry["plan"] = self._plan(training, first)
        entry["share"] = self.job.get("share", 1.0) if first is not None and first.limit is not None else 1.0
        validation = self._validation(training)
        if validation is not None:
            entry["validation_x"] = self._print(validation, validation.rows)
        if training.pending or entry["weights"] in training.passed:
            self._measure(training, model, entry["weights"])

    def _epochs(self, training: Training) -> int:
        """Iterations of the loader; without one, as often as the rows of the training set were seen."""
        if training.epochs[0].feed is not None:
            return len(training.epochs)
        found = max(one.batch for one in training.epochs)
        whole = found if found >= batches.LARGE_SHARE * self.job["train_rows"] else self.job["train_rows"]
        return max(1, round(training.rows / whole))

    def _arguments(self, training: Training) -> dict[str, Any]:
        first = training.epochs[0]
        told: dict[str, Any] = {"epochs": self._epochs(training), "steps": training.steps}
        told["batch_size"] = (batches.size(first.feed.loader) if first.feed else None) or first.batch
        if first.feed is not None and (found := batches.augmentations(first.feed.loader)):
            told["augmentations"] = found
        if training.schedules:
            told["callbacks"] = list(training.schedules)
        if training.validations or training.pending:
            told["validation"] = "data"
        return told

    def _validation(self, training: Training) -> Pass | None:
        """The first data other than its own on which a training was looked at."""
        own = {id(one.feed.loader.dataset) for one in training.epochs if one.feed is not None}
        looked = [*training.validations, *(found for _, found in training.pending)]
        return next((one for one in looked if one.feed is None or id(one.feed.loader.dataset) not in own), None)

    def _history(self, training: Training) -> dict[str, list[float | None]]:
        found: dict[str, list[float | None]] = {
            "loss": [prints.finite(one.loss / one.losses) if one.losses else None for one in training.epochs],
            "accuracy": [one.accuracy for one in training.epochs],
        }
        first = self._validation(training)
        if first is not None and first.feed is not None:
            looked = [*training.validations, *(one for _, one in training.pending)]
            same = [one.accuracy for one in looked if one.feed and one.feed.loader.dataset is first.feed.loader.dataset]
            if len(same) >= len(training.epochs):
                found["val_accuracy"] = same[-len(training.epochs) :]
        return {name: figures[:2000] for name, figures in found.items() if any(one is not None for one in figures)}

    def _plan(self, training: Training, first: Feed) -> dict[str, float]:
        """What a rehearsed training would cost; of hand-written loops as many epochs are known as were begun."""
        looked = [*training.validations, *(found for _, found in training.pending)]
        checks = [one.feed for one in looked if one.feed is not None]
        rows = batches.rows(checks[0].loader) if checks else 0
        plan = {
            "epochs": len(training.epochs),
            "steps": batches.count(first.loader),
            "step_seconds": batches.pace([one.feed for one in training.epochs if one.feed is not None]),
            "validations": len(checks),
            "validation_steps": batches.count(checks[0].loader) if checks else 0,
            "validation_rows": rows,
            "validation_step_seconds": batches.pace(checks),
            "public": 1.0,  # what evaluates is never cut
        }
        return {name: float(value) for name, value in plan.items()}

    def _put_back(self) -> None:
        """Weights that were changed after the last evaluation are those to measure: nothing says otherwise."""
        for number, training in self._last.items():
            model = self.recorder.held(number)
            if number not in self._kept and model is not None:
                training.entry["weights"] = nets.weights(model)


def _given(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Thing:
    """The first tensor with rows among the arguments of a call."""
    known = nets.torch().Tensor
    return next(
        (one for one in (*arguments, *keywords.values()) if isinstance(one, known) and one.ndim > 1 and len(one)), None
    )


def _loss_of(loss: Thing) -> str:
    """``NllLoss`` by the name of the function's derivative; nothing for a sum of several."""
    node = loss.grad_fn.name() if loss.grad_fn is not None else ""
    return str(node).partition("Backward")[0] if "Loss" in node or "Entropy" in node else ""


def _own_class(model: Thing) -> str:
    kind = type(model)
    return "" if kind.__module__.partition(".")[0] == "torch" else kind.__name__[:200]


def _bytes(state: Mapping[str, Any]) -> int:
    return sum(value.numel() * value.element_size() for value in state.values() if hasattr(value, "numel"))
