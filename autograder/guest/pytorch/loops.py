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
from types import FrameType
from typing import Any

import numpy as np

from .. import stack
from ..recording import prints
from ..recording.ledger import EVALUATIONS, ROWS, SMALL_USES, TRAININGS
from ..things import Thing
from . import batches, nets
from .batches import Feed
from .passes import Pass, Training

KEPT_BYTES = 400 << 20
"""Of weights kept beside the models, because an evaluation used them."""
UNSAVED = "a PyTorch model: it answers within its own kernel"


class Loops:
    """What was seen of PyTorch so far."""

    def __init__(self, session: Thing) -> None:
        self.recorder = session.recorder
        self.job = session.job
        self.count: Callable[[], int | None] = session.count
        self.rehearsal = bool(session.job.get("rehearsal"))
        self.depth = 0
        """Within a call of a model: how many calls deep."""
        self.gradients = 0
        """Computed since the last step of a training."""
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
        self.answering: dict[str, str] = {}
        """Model id -> digest of the weights with which it will answer, where it is not to answer with those it has."""
        self._kept: dict[str, dict[str, Any]] = {}
        """Model id -> state at its last evaluation."""
        self._asked: dict[str, tuple[Any, int]] = {}
        """Model id -> dtype and rows of a batch that it was given."""
        self._losses: list[float] = []
        self._loss = ""
        self._loss_settings: dict[str, float] = {}
        self._small = 0

    # --- what the hooks call -----------------------------------------------------------------------------------------

    def forward(self, original: Callable[..., Any], module: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """A call of a module that is not made by another module."""
        __tracebackhide__ = True
        if self.recorder._inside:  # our own question at the end, or what Keras does on its own behalf
            return original(module, *arguments, **keywords)
        seen = self.recorder._safely(self._before, module, arguments, keywords, sys._getframe(2))
        if seen is None:
            return original(module, *arguments, **keywords)
        found, tracing = seen
        self.depth += 1
        try:
            with ExitStack() as stack:
                if tracing:
                    self.recorder._safely(self._trace, found.model, stack)
                output = original(module, *arguments, **keywords)
        finally:
            self.depth -= 1
        self.recorder._safely(self._after, found, output if found.model is nets.bare(module) else None)
        return output

    def built(self, module: Thing) -> None:
        if not self.depth:
            self._built[module] = self.count()

    def copied(self, model: Thing) -> None:
        """The weights are read as a whole, perhaps to be kept as the best so far."""
        if not self.recorder._inside:
            self.recorder._safely(self._copied, nets.bare(model))

    def backward(self, loss: Thing) -> None:
        self.recorder._safely(self._differentiated, loss)

    def stepped(self, optimizer: Thing, *_: Thing) -> None:
        self.recorder._safely(self._stepped, optimizer)

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
            self.recorder._safely(self._close, found)

    def settle(self, result: Thing = None) -> None:
        """The cell has ended: so have its trainings."""
        self.recorder._safely(self._settle_all, getattr(result, "success", True))

    def kind(self) -> type:
        """Of PyTorch's models."""
        found: type = nets.torch().nn.Module
        return found

    def known(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """Of the notebook's variables, those that hold models: of PyTorch's the ones that were called."""
        self.recorder._safely(self._put_back)
        ours = self.kind()
        bare = {name: nets.bare(value) if isinstance(value, ours) else value for name, value in named.items()}
        return {name: value for name, value in bare.items() if not isinstance(value, ours) or value in self._seen}

    def answer(self, number: str, model: Thing, images: nets.Floats) -> nets.Floats:
        """Predictions of a model for images that are ready for it."""
        dtype, batch = self._asked.get(number, (nets.torch().float32, nets.BATCH))
        return nets.answers(model, images, dtype=dtype, batch=batch, kept=self._kept.get(number))

    # --- calls of models ---------------------------------------------------------------------------------------------

    def _before(self, module: Thing, arguments: Thing, keywords: Thing, frame: FrameType) -> tuple[Pass, bool] | None:
        """The pass that this call belongs to, and whether it is the first of its model; None for what is no model."""
        role = self._roles.get(module) or self._role(module)
        if role == "loss":
            self._loss, self._loss_settings = type(module).__name__, nets.loss_settings(module)
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
        self._layers[model] = stack.enter_context(nets.traced(model, self.recorder._safely))

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
            caller=self._caller(),
            began=time.monotonic(),
        )
        self._passes.append(found)
        return found

    def _caller(self) -> dict[str, Any]:
        """Which code of the student's is running, as an entry of the ledger has it."""
        running = stack.frames(self.recorder._is_student)
        names = [name for name in stack.functions(running) if name != "forward"]
        return {"functions": names, "labels": stack.labels(running)}

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
        if known is not None:
            found.judge(known, None if found.feed is None else found.feed.labels)
        self._latest[id(found.model)] = found

    def _close(self, found: Pass, *, known: bool = True) -> None:
        """Without a step in it, the pass was an evaluation."""
        self._passes.remove(found)
        if not found.trained:
            self._evaluated(found, known)

    # --- evaluations -------------------------------------------------------------------------------------------------

    def _evaluated(self, found: Pass, known: bool) -> None:
        running = self._running(found.model)
        if self.rehearsal:
            if running is not None:
                running.pending.append(found)
            return
        recorder, small = self.recorder, found.rows < ROWS
        relatives = {} if small else self._relatives(found.model)
        found.part_of = relatives.get("part_of", "")
        self._small += small
        if len(recorder.evaluations) >= EVALUATIONS or (small and self._small > SMALL_USES):
            return
        accuracy = found.accuracy
        entry: dict[str, Any] = {
            "kind": "predict" if accuracy is None else "evaluate",
            "model": recorder.model_id(found.model),
            "execution_count": found.count,
            **found.caller,
            "after": len(recorder.trainings),
            "x": self._print(found, found.rows),
            "results": {} if accuracy is None else {"accuracy": accuracy},
            **found.told(),
            **relatives,
            "seconds": time.monotonic() - found.began,
        }
        recorder.evaluations.append(entry)
        found.entry = entry
        found.forget()
        if small:
            return
        entry["weights"] = nets.weights(found.model) if known else ""
        self._asked[entry["model"]] = (found.dtype, found.batch)
        if running is not None:
            running.pending.append(found)
        else:
            self._reused(found.model, entry["weights"])

    def _relatives(self, model: Thing) -> dict[str, Any]:
        """Trained models that this one is part of, wraps, or is made of, as the ledger's entries name them."""
        if self.recorder.model_id(model) in self._last:
            return {}
        own, parts = {id(parameter) for parameter in model.parameters()}, []
        for other in list(self._seen):
            if other is model or (number := self.recorder.model_id(other)) not in self._last:
                continue
            theirs = {id(parameter) for parameter in other.parameters()}
            if own <= theirs:
                return {"same_as" if own == theirs else "part_of": number}
            if theirs and theirs < own:
                parts.append(number)
        return {"made_of": parts}

    def _print(self, found: Pass, rows: int) -> dict[str, Any]:
        sample = np.concatenate(found.sample)
        facts = prints.fingerprint(sample, self.recorder.keep.sample) or {}
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
        if source is None:
            self._hold(model)  # weights that no training here left: they speak for themselves
        else:
            self._measure(source, model, digest)

    def _hold(self, model: Thing) -> None:
        self.recorder.keep.hold(model)
        self.recorder.answers[self.recorder.model_id(model)] = self.answer

    def _copied(self, model: Thing) -> None:
        running = self._running(model)
        if running is not None:
            running.passed.setdefault(nets.weights(model), len(running.epochs))

    def _measure(self, training: Training, model: Thing, digest: str) -> None:
        """What this training is to be measured by: these weights."""
        training.entry["weights"] = digest
        number = training.entry["model"]
        self._drop(number)
        if sum(map(_bytes, self._kept.values())) + nets.size(model) <= KEPT_BYTES:
            self._kept[number] = nets.state(model)
            self.answering[number] = digest

    def _drop(self, number: str) -> None:
        self._kept.pop(number, None)
        self.answering.pop(number, None)

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
        self.gradients = 0
        training.steps += 1
        training.rows += found.batch
        training.last = time.monotonic()
        training.schedules = self._schedules.get(optimizer, training.schedules)
        if found.feed is not None:
            found.feed.steps += 1
        self._latest.clear()
        self._losses.clear()
        self._loss, self._loss_settings = "", {}

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
            together = training.epochs[-1:] == [found]  # several optimisers for parts of one model
            if training.model is found.model and (training.optimizer is optimizer or together):
                return training
        recorder = self.recorder
        if len(recorder.trainings) >= TRAININGS:
            recorder.keep.unsampled += 1
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
            "loss_settings": self._loss_settings,
            "finished": False,
            "save_error": UNSAVED,
        }
        recorder.trainings.append(entry)
        training = Training(entry=entry, model=found.model, optimizer=optimizer)
        self._open.append(training)
        self._last[entry["model"]] = training
        self._hold(found.model)
        return training

    def _validated(self, training: Training) -> None:
        """More training follows: what was evaluated before was its validation, and no use of what it leaves."""
        self._drop(training.entry["model"])
        self._made_validations(training, list(training.pending))

    def _made_validations(self, training: Training, looked: Sequence[Pass]) -> None:
        gone = {id(found.entry) for found in looked}
        for found in looked:
            training.validations.append(found)
            if found.entry.get("weights"):
                training.passed.setdefault(found.entry["weights"], len(training.epochs))
        training.pending = [found for found in training.pending if id(found.entry) not in gone]
        self.recorder.evaluations[:] = [one for one in self.recorder.evaluations if id(one) not in gone]

    def _begin_epoch(self, training: Training, found: Pass) -> None:
        """The first step on a new iteration of the loader."""
        found.trained = True
        training.epochs.append(found)
        if len(training.epochs) == 1:
            rows = batches.rows(found.feed.loader) if found.feed else 0
            training.entry["x"] = {"kind": "sequence", "shape": [rows or found.rows, *found.sample[0].shape[1:]]}
            labels = found.feed.labels if found.feed else None
            if labels is not None:
                shape = [rows or found.rows, *labels.shape[1:]]
                training.entry["y"] = {"kind": "sequence", "shape": shape, "dtype": str(labels.dtype)[6:]}
            self._asked[training.entry["model"]] = (found.dtype, found.batch)
        else:
            found.forget()
        training.entry["epochs_run"] = len(training.epochs)
        self.recorder.progress(f"epoch {len(training.epochs)}", training.entry["number"])

    # --- the end of a cell -------------------------------------------------------------------------------------------

    def _settle_all(self, succeeded: bool) -> None:
        for found in list(self._passes):
            self._close(found)
        for training in self._open:
            training.entry["finished"] = succeeded or not training.mid_epoch
            self._settle(training)
            training.release()
        self._open.clear()
        self.recorder.unfollowed += self.gradients
        self.gradients = 0
        self._latest.clear()
        self._losses.clear()
        self._loss, self._loss_settings = "", {}
        self._feed = None

    def _settle(self, training: Training) -> None:
        entry, first = training.entry, training.epochs[0].feed
        entry["finished"] = entry["finished"] or not training.mid_epoch
        entry["seconds"] = training.last - training.epochs[0].began
        entry["epochs_run"] = training.epochs_run(self.job["train_rows"])
        entry["arguments"] = training.arguments(self.job["train_rows"])
        entry["stride"] = first.stride if first else 1
        entry["share"] = self.job.get("share", 1.0) if first is not None and first.limit is not None else 1.0
        if self.rehearsal:
            entry["plan"] = training.plan(first) if first is not None else {}
        else:
            self._describe(training)

    def _describe(self, training: Training) -> None:
        """The model as the training left it, or as it was after an epoch whose weights were put back."""
        entry, model = training.entry, training.model
        elsewhere = entry["model"] in self._kept  # since its last step, better weights of its own in another object
        entry["weights"] = entry["weights"] if elsewhere else nets.weights(model)
        entry["layers"] = self._layers.get(model) or nets.layers(model)
        entry["parameters"] = nets.parameters(model)
        entry |= training.epochs[0].told()
        entry["x"] = self._print(training.epochs[0], entry["x"]["shape"][0])
        # What was evaluated before other weights were put back was a validation too.
        self._made_validations(training, [one for one in training.pending if one.entry["weights"] != entry["weights"]])
        validation = training.validation()
        if validation is not None:
            entry["validation_x"] = validation.entry["x"]
        entry["history"], entry["epoch_weights"] = training.history(), training.epoch_weights()
        figures = [figure for figure in entry["history"].get("val_accuracy", ()) if figure is not None]
        if figures:
            self.recorder.keep.figures[entry["model"]] = max(figures)
        if not elsewhere and (training.pending or entry["weights"] in training.passed):
            self._measure(training, model, entry["weights"])

    def _put_back(self) -> None:
        """Weights that were changed after the last evaluation are those to measure: nothing says otherwise."""
        for number, training in self._last.items():
            model = self.recorder.keep.unsaved.get(number)
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
