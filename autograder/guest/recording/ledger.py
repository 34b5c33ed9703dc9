"""The training ledger: every ``fit``, ``evaluate`` and ``predict`` of Keras, recorded without the notebook noticing.

A failure in here is noted and never reaches the student's code.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import stack
from ..handover import LEDGER, PROGRESS, UNSAVED, Handover
from ..inquiry import Inquiry
from ..things import Thing
from . import (
    averages,
    beginnings,
    fed,
    felt,
    handmade,
    hooks,
    inner,
    lookups,
    losses,
    manner,
    models,
    motion,
    passing,
    prints,
    roots,
    schedules,
    targets,
    templates,
    thinning,
    through,
    varied,
    watches,
)
from .arguments import arguments as fit_arguments
from .asides import Asides, Fit
from .beside import Beside
from .budget import Cuts, few_rows, repeated
from .depth import Depth
from .epochs import Epochs, Few, Shown, callbacks, note_idlers, note_optimizer, note_rates, note_steepest
from .features import Behind, Features
from .flows import Flows
from .held import Held, piped
from .keep import Keep
from .late import Late
from .lineage import Digests, Lineage
from .reuse import Reuse, Watched
from .rounded import Rounded
from .several import Inputs
from .steps import Steps, learning
from .swaps import Swaps
from .tally import ENOUGH, Tally
from .uses import Uses

ROWS = ENOUGH
"""A model is saved before a use on at least so many rows, and after each training."""
SMALL_USES = 50
EVALUATIONS = 1500
TRAININGS = 500
LONG_SECONDS = 60.0
"""A training that has lasted so long is saved at the end of epochs ..."""
MEANWHILE_SECONDS = 30.0
"""... this far apart."""
EPOCH_DIGESTS = 20_000
_FREE_SECONDS, _DIGEST_SHARE = 2.0, 0.03
"""Digests of the weights after each epoch may take so long; beyond that, so much of the time of the training."""


class Recorder:
    """What took place so far, and the models that took part."""

    def __init__(
        self,
        job: Mapping[str, Any],
        handover: Handover,
        count: Callable[[], int | None],
        adaptations: list[dict[str, Any]] | None = None,
    ) -> None:
        self.handover = handover
        self.count = count
        """Execution count of the cell that is running."""
        self.trainers: list[type] = []
        """What Keras' models are, by their base class: of each Keras, where a notebook imports it anew."""
        self.trainings: list[dict[str, Any]] = []
        self.evaluations: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.adaptations: list[dict[str, Any]] = [] if adaptations is None else adaptations
        """Shared with the session, which other hooks write to."""
        self.overruled: dict[str, int | None] = {}
        """Shared with the session, whose witness writes to it."""
        self.scores: list[dict[str, Any]] = []
        self.estimators: list[dict[str, Any]] = []
        self.unfollowed = 0
        """Gradients, and runs of TensorFlow 1's graphs, that belong to no training above."""
        self.fitting: list[Any] = []
        """Estimators of scikit-learn's whose ``fit`` is running, the outermost first."""
        self.results: dict[str, Any] = {}
        """``bindings`` and ``frames``, once harvested."""
        self.answers: dict[str, Callable[[str, Any, Any], Any]] = {}
        """Model id -> what makes its predictions, given id, model and images, where that is not ``predict``."""
        self.cuts = Cuts(job)
        self.keep = Keep(handover, self.model_id, nothing=self.cuts.rehearsal)
        self.classes = int(job.get("classes", 0))
        """Of the served data; 0 when not told."""
        self.train_rows = int(job["train_rows"])
        self.lineage = Lineage()
        self.rounded = Rounded(self)
        self.swaps = Swaps(self)
        self.steps = Steps(self)
        self.tally = Tally(self)
        self.flows = Flows(self._safely)
        self.features = Features()
        self._served = thinning.Served(job["stride"], job["train_rows"], job["test_rows"])
        self._is_student = stack.student_code(Path.cwd())
        asked = bool(job.get("reuse")) and not self.cuts.rehearsal
        self.reuse = Reuse(Inquiry(handover) if asked else None, self.cuts.told(), self._is_student, self.note)
        self._models: dict[int, tuple[weakref.ref[Any], str, dict[str, Any]]] = {}
        self._varieties: dict[str, dict[str, Any]] = {}
        """By the digest of an array that was trained on."""
        self._known = 0
        self._digests = 0
        self._uses = 0
        self._small_uses = 0
        self._one_by_one = threading.Lock()
        """Models may be trained in several threads at once."""
        self._inside = Depth()
        self.silently = self._inside.deeper
        """Around calls that Keras makes on its own behalf, such as ``evaluate`` within ``fit``, and around ours."""
        self.asides = Asides(self._inside)
        self.beside = Beside(self)
        self.uses = Uses(self._inside)

    # --- hooks -----------------------------------------------------------------------------------------------------

    def install(self, trainer: type) -> None:
        """Wrap ``fit``, ``evaluate`` and ``predict`` where they are defined, so that every way of import meets them."""
        for name, record in (("fit", self._fit), ("evaluate", self._use), ("predict", self._use)):
            hooks.wrap(trainer, name, record)

    def install_compile(self, trainer: type) -> None:
        """Note who compiles. In place: Keras compares a model's ``compile`` with this very attribute."""
        self.trainers.append(trainer)
        hooks.wrap(trainer, "compile", self._compile)

    def _compile(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if not self._inside:
            self._safely(self._note_builder, model)
        return original(model, *arguments, **keywords)

    def _fit(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        aside = self.asides.now
        if self._inside and (aside is None or (again := self.asides.of(model))):
            if aside is None:
                return original(model, *arguments, **keywords)
            self._safely(self._note_again, again, original, model, arguments, keywords)
            with self.swaps.beside(), self.silently():
                return original(model, *arguments, **keywords)
        begun = self._safely(self._begin, original, model, arguments, keywords)
        if begun is None:
            with self.silently():
                return original(model, *arguments, **keywords)
        entry, given, epochs = begun
        start = time.monotonic()
        times = epochs.times = entry["stride"] / self.cuts.share
        momenta, schedule = self._safely(averages.hasten, model, times), self._safely(schedules.hurry, model, times)
        result = None
        try:
            with self.silently(), self.asides.around(epochs.fit):
                result = self._trained(original, model, given, entry, epochs)
            entry["finished"] = True
        finally:
            seconds = time.monotonic() - start
            if aside is not None:
                aside.seconds += seconds
            self._safely(averages.restore, momenta)
            self._safely(schedules.restore, schedule)
            self._safely(self.cuts.end, entry, result)
            self._safely(self._end, entry, model, epochs, seconds - epochs.fit.seconds)
        return result

    def _note_again(
        self, fits: list[Fit], original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing
    ) -> None:
        """A callback fits the model that is being fitted."""
        given = hooks.bound(original, model, arguments, keywords)
        for fit in fits:
            fit.look()
            fit.saw(given.get("x"), self.keep.sample)

    def _trained(
        self, original: Callable[..., Any], model: Thing, given: dict[str, Any], entry: dict[str, Any], epochs: Epochs
    ) -> Thing:
        """A rehearsal leaves everything as it is: it takes a few steps only, of which nothing is kept.

        What takes place within another training is not asked for by itself.
        """
        __tracebackhide__ = True
        if self.cuts.rehearsal or self.asides.outermost is not epochs.fit:
            return original(model, **given)
        watched = Watched(epochs.watching, epochs.figures, epochs.weights)
        return self.reuse.fit(original, model, given, entry, watched)

    def _use(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self.cuts.rehearsal and not self._inside:
            return self._rehearse_use(original, model, arguments, keywords)
        if self._inside:
            with self.uses.around():
                return original(model, *arguments, **keywords)
        entry = self._safely(self._begin_use, original, model, arguments, keywords)
        start = time.monotonic()
        try:
            with self.uses.around():
                result = original(model, *arguments, **keywords)
        except Exception:
            # What a model cannot take says nothing about how its images are prepared.
            self.evaluations = [one for one in self.evaluations if one is not entry]
            raise
        if entry is not None:
            entry["seconds"] = time.monotonic() - start
            self._safely(self._end_use, entry, model, result)
        if original.__name__ == "predict":
            self._safely(self._note_answers, original, model, arguments, keywords, result)
        return result

    def _note_answers(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing, result: Thing) -> None:
        self.features.answered(hooks.bound(original, model, arguments, keywords).get("x"), result)

    def _rehearse_use(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """A rehearsal predicts a few rows, which then stand for all; ``evaluate`` is cut in its iterator."""
        __tracebackhide__ = True
        given: Any = self._safely(hooks.bound, original, model, arguments, keywords)
        x: Any = None if given is None or original.__name__ != "predict" else given.get("x")
        few = self._safely(few_rows, x)
        if few is None:
            return original(model, *arguments, **keywords)
        answers = original(model, **{**given, "x": few, "steps": None})
        return repeated(answers, len(x))

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing:
        try:
            with self.silently():  # a model's own attributes may call the hooks
                return work(*arguments)
        except Exception as error:
            self.note(f"{work.__name__.strip('_')}: {type(error).__name__}: {error}")
            return None

    def note(self, text: str) -> None:
        if len(self.notes) < 100:
            self.notes.append(text[:300])

    def where(self) -> dict[str, Any]:
        """Which cell is running, and the words that name what it does."""
        return {"execution_count": self.count(), "labels": stack.labels(stack.frames(self._is_student))}

    # --- models ----------------------------------------------------------------------------------------------------

    def model_id(self, model: Thing) -> str:
        return self._entry(model)[1]

    def facts(self, model: Thing) -> dict[str, Any]:
        """What is known of a model beyond its id: builder, built_count."""
        return self._entry(model)[2]

    def _entry(self, model: Thing) -> tuple[Any, str, dict[str, Any]]:
        found = self._models.get(id(model))
        if found is None or found[0]() is not model:  # an id is used again once its object is gone
            with self._one_by_one:
                self._known += 1
                found = self._models[id(model)] = (weakref.ref(model), f"m{self._known}", {})
        return found

    def _note_builder(self, model: Thing) -> None:
        facts = self.facts(model)
        if not facts.get("builder"):
            facts["builder"] = stack.builder(stack.frames(self._is_student), model)
        facts.setdefault("built_count", self.count())

    # --- trainings -------------------------------------------------------------------------------------------------

    def _begin(
        self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing
    ) -> tuple[dict[str, Any], dict[str, Any], Epochs] | None:
        """The new entry, the arguments to train with, and what fills with each epoch's figures."""
        given = hooks.bound(original, model, arguments, keywords)
        for name in {"x", "y"} & given.keys():
            arrays = self._safely(passing.settled, given[name], self._is_student)
            given[name] = given[name] if arrays is None else arrays
        self.steps.fitted(model)
        self.tally.forget(model)
        named = self._safely(varied.varied, given.get("x"))
        entry = self.add_training(model, fit_arguments(given) | ({"augmentations": named} if named else {}))
        if entry is None:
            return None
        epochs = Epochs(Fit(entry, model), callbacks=given.get("callbacks"), own=models.steps_itself(model))
        epochs.fit.look = partial(self._look_again, entry, model, epochs)
        entry["own_step"] = epochs.own
        if epochs.own:
            entry["arguments"]["step"] = self._safely(manner.of_model, model, self._is_student) or ""
        if not self.cuts.rehearsal:
            entry |= self._fit_prints(given, partial(self._choose, epochs.shown))
            epochs.shown[:] = self._safely(_of_all, model, given) or epochs.shown
            entry["start_weights"] = self._safely(_digest, model) or ""
            epochs.began = self._descend(entry, model)
            epochs.before = self._safely(motion.taken, model)
            epochs.standing = self._safely(through.standing, model)
            epochs.behind = Behind(self.features)
            epochs.late = Late(epochs.behind.see)
            self._safely(epochs.behind.given, given.get("x"), given.get("y"))
            epochs.few = self._safely(_few, entry, given, epochs.shown)
            epochs.steepest = self._safely(felt.steepest, model, epochs.shown)
            epochs.taken = self._safely(schedules.taken, model) or 0
            look, late = partial(self._choose, epochs.shown), partial(self._safely, epochs.late.see)
            given = given | {"x": passing.watched(given.get("x"), look, late)}
            epochs.fit.row = math.prod((entry.get("x") or {}).get("shape", ())[1:])
            epochs.fit.held = Held(epochs.late, model, epochs.fit.row)
            entry["roots"] += self._safely(piped, given.get("x"), epochs.fit.row, self.keep.sample) or []
            epochs.fit.outside = len(stack.frames(self._is_student))
            epochs.flown = self._safely(self.flows.begin, given["x"], epochs.late) or epochs.flown
        self._look(entry, model, epochs.shown)
        thinned, entry["stride"] = thinning.thin(given, self._served)
        epochs.fit.given = None if self.cuts.rehearsal else self._safely(fed.given, thinned.get("x"))
        watched = thinned.get("callbacks")
        if watched is None or isinstance(watched, (list, tuple)):
            if not self.cuts.rehearsal:
                epochs.watch = self._safely(self.swaps.watch, model, entry, lambda: _both(epochs.shown))
                if epochs.watch is not None:
                    epochs.watch.between = True
                    epochs.watch.begun = None if epochs.shown else watches.copy(model)
            begin = partial(self._safely, self._begin_epoch, entry, model, epochs)
            between = partial(self._safely, self._between_steps, epochs)
            end = partial(self._safely, self._end_epoch, entry, model, epochs)
            stepped = partial(self._stepped, epochs)
            first, last = epochs.watching = callbacks(begin, between, stepped, end)
            thinned = thinned | {"callbacks": [first, *(watched or ()), last]}
            epochs.fit.stepping = False
        self.flush()
        return entry, self.cuts.begin(thinned), epochs

    def add_training(self, model: Thing, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """A new entry; None when there are too many."""
        if len(self.trainings) >= TRAININGS:
            self.keep.unsampled += 1
            return None
        if (around := self.asides.outermost) is not None:
            arguments = arguments | {"within": around.entry["number"]}
        running = stack.frames(self._is_student)
        if arguments.get("loop"):
            arguments = arguments | {"step": self._safely(manner.of_frames, running, self._is_student) or ""}
        facts = self.facts(model)
        builder = facts.get("builder") or (stack.builder(running, model) if arguments.get("loop") else "")
        if threading.current_thread() is not threading.main_thread():
            arguments = arguments | {"thread": True}
        entry = {
            "number": 0,
            "model": self.model_id(model),
            "execution_count": self.count(),
            "functions": stack.functions(running),
            "builder": builder,
            "built_count": facts.get("built_count"),
            "labels": stack.labels(running),
            "optimizer": models.optimizer(model),
            "loss": models.loss(model),
            "loss_settings": self._safely(losses.of_model, model) or {},
            "handmade": self._safely(handmade.handmade, model, self._is_student) or [],
            "finished": False,
            "arguments": arguments,
            "epoch_weights": [],
            "roots": [],
            "swaps": [],
        }
        with self._one_by_one:
            entry["number"] = len(self.trainings) + 1
            self.trainings.append(entry)
        return entry

    def _choose(self, shown: Shown, images: Thing, labels: Thing) -> bool:
        few = self._safely(beginnings.few, images, labels)
        shown[:] = shown if few is None else few
        return few is not None

    def _look(self, entry: dict[str, Any], model: Thing, shown: Shown) -> None:
        """Once before a training, and once more after that."""
        if len(shown) != 2 or "start_accuracy" in entry:
            return
        began = self._safely(beginnings.seen, model, *shown)
        if isinstance(began, beginnings.Beginning):
            self._safely(self._note_beginning, entry, model, began)

    def _look_again(self, entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
        """When callbacks have had a word before the first step, and before they train it themselves."""
        if not epochs.looked and not epochs.stepped and not epochs.figures:
            epochs.looked = True
            self._look(entry, model, epochs.shown)

    def _note_beginning(self, entry: dict[str, Any], model: Thing, began: beginnings.Beginning) -> None:
        """A model that was able before its training: what it was then is kept."""
        saved, _, _ = self.keep.model(model, f"start-{entry['number']}.keras")
        entry |= {"start_accuracy": began.accuracy, "start_weights": began.weights, "start_saved": saved}

    def _descend(self, entry: dict[str, Any], model: Thing) -> Digests:
        """Notes where the weights come from that it begins with; their digests."""
        found = self._safely(self.lineage.begin, entry["number"], entry["model"], model)
        entry["learnt_from"], began = found or ([], frozenset())
        entry["brought"], pieces = self._safely(self.lineage.strange, model, learning(self.steps)) or (0, ())
        if pieces:
            entry["learnt_from"] = self.lineage.descends(entry["number"], entry["model"], pieces)
        return began

    def _put_in_place(self, entry: dict[str, Any], model: Thing, before: Sequence[prints.Array]) -> None:
        """While it trains, something else changed its weights: below a head that is new that makes it no better."""
        found = self._safely(self.lineage.brought, model, learning(self.steps), before) or 0
        entry["brought"] = max(found, entry.get("brought", 0))

    def _fit_prints(self, given: dict[str, Any], look: targets.Look) -> dict[str, Any]:
        validation = given.get("validation_data")
        validation_x = validation[0] if isinstance(validation, (tuple, list)) and validation else validation
        shown = targets.described(given.get("x"), given.get("y"), self.keep.sample, self.classes, look)
        shown["y"] = shown["y"] or {}
        self._safely(self._note_variety, shown["x"], given.get("x"))
        shown["roots"] = self._safely(roots.roots, given.get("x"), self.keep.sample) or []
        return shown | {"validation_x": prints.fingerprint(validation_x, self.keep.sample)}

    def _note_variety(self, shown: dict[str, Any], x: Thing) -> None:
        """Of the same array it is known already."""
        array = prints.as_array(x)
        if array is None or shown.get("kind") != "array":
            return
        if shown["digest"] not in self._varieties:
            self._varieties[shown["digest"]] = prints.variety(array, shown.get("std"))
        shown |= self._varieties[shown["digest"]]

    def _end(self, entry: dict[str, Any], model: Thing, epochs: Epochs, seconds: float) -> None:
        if not epochs.figures and entry["finished"]:  # our callback could not be added
            kept = getattr(getattr(model, "history", None), "history", {})
            epochs.figures = [dict(zip(kept, figures, strict=True)) for figures in zip(*kept.values(), strict=False)]
        epochs.flown()
        self._note_epochs(entry, model, epochs)
        self._safely(note_idlers, entry, epochs)
        self._safely(self.swaps.end, epochs.watch)
        entry["seconds"] = seconds
        if self.cuts.rehearsal:  # only its plan is wanted
            self.flush()
            return
        entry["moved"] = self._safely(motion.moved, epochs.before, model)
        late = self._safely(epochs.late.printed, self.keep.sample) or []
        behind = (self._safely(epochs.behind.printed, self.keep.sample) or []) if epochs.behind is not None else []
        fit = epochs.fit
        held = (self._safely(fit.held.printed, self.keep.sample) or []) if fit.held is not None else []
        beside = self._safely(fit.late.printed, self.keep.sample) or []
        entry["unfollowed"] = self._safely(fit.beside) or 0
        self._safely(note_rates, entry, model, epochs)
        self._safely(note_optimizer, entry, model, epochs)
        self._safely(note_steepest, entry, model, epochs)
        entry["roots"] = [*behind, *late, *beside, *held, *entry["roots"]]
        standing = {} if entry.get("reused") else epochs.standing
        self.end_training(entry, model, standing, epochs.few, epochs.began)

    def end_training(
        self,
        entry: dict[str, Any],
        model: Thing,
        standing: through.Standing | None = None,
        few: Few = None,
        began: Digests = frozenset(),
    ) -> None:
        """What has become of the model, and the model itself; ``standing``: of its own layers, as it began."""
        self.keep.figures.pop(self.model_id(model), None)
        reached = [figure for figure in entry.get("history", {}).get("val_accuracy", ()) if figure is not None]
        if reached:
            self.keep.figures[self.model_id(model)] = max(reached)
        self._safely(self.lineage.end, entry["number"], entry["model"], model, began)
        entry["layers"] = models.layers(model)[:200]
        self._safely(through.mark, model, entry["layers"], standing or {})
        self._safely(felt.mark, model, entry["layers"], entry.get("history", {}).get("loss", ()))
        entry["parameters"] = models.parameters(model)
        entry["outputs"] = models.outputs(model)
        name = f"fit-{entry['number']}.keras"
        alone = self._safely(templates.templates, model, (entry.get("x") or {}).get("shape") or (), self.keep.sample)
        within = None if few is None else self._safely(inner.inner, model, *few, self.keep.sample)
        tables = self._safely(lookups.lookups, model)
        entry["roots"] = [*(alone or ()), *(within or ()), *(tables or ()), *entry["roots"]]
        entry["saved"], entry["weights"], entry["save_error"] = self.keep.model(model, name, spare=True)
        entry["numbers"] = models.numbers(model) if entry["saved"] else ""
        self.flush()

    def _note_epochs(self, entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
        names = dict.fromkeys(name for epoch in epochs.figures for name in epoch)
        history = {name: [prints.finite(epoch.get(name)) for epoch in epochs.figures][:2000] for name in names}
        entry["history"] = models.normalise(history, models.metric_names(model))
        entry["epochs_run"] = len(epochs.figures)
        entry["epoch_weights"] = epochs.weights

    def _begin_epoch(self, entry: dict[str, Any], model: Thing, epochs: Epochs, epoch: int) -> None:
        """Tell how far it is, and keep the figures so far, lest the training never ends."""
        total = entry["arguments"].get("epochs", 1)
        if not epochs.figures and epochs.before is None:  # it was built by fit itself
            epochs.began = self._descend(entry, model)
            epochs.before = self._safely(motion.taken, model)
            epochs.steepest = self._safely(felt.steepest, model, epochs.shown)
        if epochs.watch is not None:
            self._safely(self.swaps.epoch_begins, epochs.watch)
        if "callbacks" in entry["arguments"]:
            self._look_again(entry, model, epochs)
        self._note_epochs(entry, model, epochs)
        self.progress(f"epoch {epoch + 1}/{total}", entry["number"])

    def _between_steps(self, epochs: Epochs) -> None:
        """Before a step: nearly always there is nothing to see."""
        watch, epochs.fit.stepping = epochs.watch, True
        if watch is None:
            return
        if watch.before is not None or (epochs.shown and watch.begun is not None):
            self._safely(self.swaps.settle, watch)
        if epochs.own and not epochs.stepped:
            self._safely(self.swaps.doubted, watch)
        watch.inside = True

    def _stepped(self, epochs: Epochs) -> None:
        epochs.stepped, epochs.fit.stepping = True, False
        if epochs.watch is not None:
            epochs.watch.inside = False

    def _end_epoch(self, entry: dict[str, Any], model: Thing, epochs: Epochs, figures: dict[str, Any]) -> None:
        """Weights that a callback may keep and the notebook load again are known by their digest."""
        epochs.figures.append(figures)
        if epochs.watch is not None:
            self._safely(self.swaps.epoch_ends, epochs.watch)
        now = time.monotonic()
        slow = epochs.hashing > max(_FREE_SECONDS, _DIGEST_SHARE * (now - epochs.start))
        whole = len(epochs.weights) == len(epochs.figures) - 1
        if whole and not slow and self._digests < EPOCH_DIGESTS:
            self._digests += 1
            epochs.weights.append(models.weights(model)[:16])
            epochs.hashing += time.monotonic() - now
        self._keep_meanwhile(entry, model, epochs)

    def progress(self, text: str, training: int) -> None:
        """Tell people how far a training is."""
        self.handover.put_json(PROGRESS, {"text": text, "training": training})
        self.flush()

    def _keep_meanwhile(self, entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
        """Of a long training, the model as of its last epoch, in case the kernel is killed before it ends."""
        now = time.monotonic()
        due = now - epochs.start > LONG_SECONDS and now - epochs.saved > MEANWHILE_SECONDS
        if self.cuts.rehearsal or not due:
            return
        epochs.saved = float("inf")  # unless all goes well, once is enough
        name = f"fit-{entry['number']}.keras"
        if self.keep.meanwhile(model, name):
            entry["saved"], entry["weights"], entry["numbers"] = name, models.weights(model), models.numbers(model)
            epochs.saved = now

    # --- evaluate, predict -----------------------------------------------------------------------------------------

    def _begin_use(
        self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing
    ) -> dict[str, Any] | None:
        given = hooks.bound(original, model, arguments, keywords)
        x = given.get("x")
        array = prints.as_array(x)
        small = array is not None and len(array) < ENOUGH
        if small:
            self.tally.add(model, array, given.get("y"))
            self._small_uses += 1
        if len(self.evaluations) >= EVALUATIONS or (small and self._small_uses > SMALL_USES):
            return None
        shown = targets.described(x, given.get("y"), self.keep.sample_of_use, self.classes)
        return self.add_use(original.__name__, model, shown, keep=not small)

    def add_use(self, kind: str, model: Thing, shown: dict[str, Any], *, keep: bool = True) -> dict[str, Any]:
        """A new entry, with the model as it is now."""
        running = stack.frames(self._is_student)
        entry: dict[str, Any] = {
            "kind": kind,
            "model": self.model_id(model),
            "execution_count": self.count(),
            "functions": stack.functions(running),
            "labels": stack.labels(running),
            "outputs": models.outputs(model),
            "after": len(self.trainings),
            **shown,
        }
        if keep:
            self._keep_used(entry, model)
        self.evaluations.append(entry)
        return entry

    def _keep_used(self, entry: dict[str, Any], model: Thing) -> None:
        entry |= self._relatives(model)
        self.swaps.settle_all()  # before these weights count as known
        if self.steps.number(model) is not None:  # what it is after the last step will be kept
            entry["weights"] = models.weights(model)
            self.steps.note_weights(model, entry["weights"])
            return
        self._uses += 1
        entry["brought"] = self._safely(self.lineage.brought, model, learning(self.steps)) or 0
        entry["saved"], entry["weights"], _ = self.keep.model(model, f"use-{self._uses}.keras")

    def _relatives(self, model: Thing) -> dict[str, Any]:
        """A model that this one is a part of, a trained one that it wraps, and trained ones that it is made of."""
        own = models.variables(model)
        parts: list[str] = []
        found: dict[str, Any] = {"part_of": "", "same_as": "", "made_of": parts}
        number, trained = self.model_id(model), {entry["model"] for entry in self.trainings}
        if not own or number in trained:
            return found
        for reference, other, _ in list(self._models.values()):
            theirs = set() if (known := reference()) is None or other == number else models.variables(known)
            if own < theirs:
                found["part_of"] = other
            elif own == theirs and other in trained:
                found["same_as"] = other
            elif own > theirs and theirs and other in trained:
                parts.append(other)
        return found

    def _end_use(self, entry: dict[str, Any], model: Thing, result: Thing) -> None:
        if entry["kind"] == "evaluate":
            self._end_evaluation(entry, model)
        elif not entry["outputs"] and (shape := getattr(result, "shape", None)):
            entry["outputs"] = [[None, *map(int, shape[1:])]]

    def _end_evaluation(self, entry: dict[str, Any], model: Thing) -> None:
        figures = {key: prints.finite(value) for key, value in model.get_metrics_result().items()}
        known = {key: value for key, value in figures.items() if value is not None}
        entry["results"] = models.normalise(known, models.metric_names(model))

    def end_cell(self, *, failed: bool) -> None:
        """What a loop was doing ends with its cell."""
        self._safely(self.steps.end_cell, failed)
        self.tally.end_cell()

    # --- leaving the kernel ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the ledger so far, and which models can only be asked within this kernel."""
        self.handover.put_json(
            LEDGER,
            {
                "trainings": self.trainings,
                "evaluations": self.evaluations,
                "bindings": {},
                "frames": [],
                **self.results,
                "scores": self.scores,
                "estimators": self.estimators,
                "unsampled": self.keep.unsampled,
                "adaptations": self.adaptations,
                "unfollowed": self.unfollowed,
                "learnt_in_use": self.uses.learnt,
                "notes": self.notes,
                "overruled": self.overruled,
            },
        )
        self.handover.put_json(UNSAVED, sorted(self.keep.unsaved))


def _digest(model: Thing) -> str:
    """Of a model whose digest is not felt."""
    return models.weights(model) if models.parameters(model) <= models.WEIGHED else ""


def _of_all(model: Thing, given: Mapping[str, Any]) -> tuple[Inputs, prints.Array] | None:
    return beginnings.few_of_all(model, given.get("x"), given.get("y"))


def _few(entry: dict[str, Any], given: Mapping[str, Any], shown: Shown) -> Few:
    """Rows of the sample, where it is of one array, since these are the same in each training with it."""
    x, numbers, labels = given.get("x"), entry["x"].get("rows"), entry["y_sample"]
    array = None if isinstance(x, (list, tuple, dict)) else prints.as_array(x)
    if array is not None and numbers:
        some = prints.spread(len(numbers), prints.SAMPLE_ROWS)
        return array[[numbers[at] for at in some]], [labels[at] for at in some] if labels else []
    both = _both(shown)
    return None if both is None or isinstance(both[0], (list, dict)) else both


def _both(shown: Shown) -> tuple[Inputs, Any] | None:
    return (shown[0], shown[1]) if len(shown) == 2 else None
