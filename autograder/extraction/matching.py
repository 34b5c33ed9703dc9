"""Lay the ledger beside the data: which weights there are, what each model was shown, and how images were prepared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.extraction.arrays import read_npy
from autograder.extraction.disguised import recognised
from autograder.extraction.recipes import Recipe, infer
from autograder.extraction.resembling import follows, resembling
from autograder.extraction.shapes import squares
from autograder.preprocessing import Step as RawStep
from autograder.preprocessing import apply
from autograder.records import ArrayPrint, Baseline, Digest, Evaluation, Layer, Ledger, Message, Step, Training, say
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]
Artifacts: TypeAlias = Mapping[str, Digest]

MOST_CLASSES = 1000
EPOCH_DIGITS = 16
"""Length of the digests in ``Training.epoch_weights``."""
MAX_SAMPLE_BYTES = 16 * 2**20
MAX_SIDE = 2048
"""Of a sample and of its images: a strip of a hundred thousand pixels is no image, and is searched for a long time."""
COMPARES = re.compile(r"mse|mean_squared|mean_absolute|^l1_|smooth_l1|huber|cosine|triplet|contrastive|embedding")
"""Losses that compare two outputs, or an output with an image; with one column for each class they train scores too."""
LARGEST_BATCH = 1024
"""Of data that come in batches: how far their number may exceed that of the images in them."""
RECOGNISED = 0.9
"""Of the rows of a sample that is taken for a part of the test set."""
OTHERS, LIKE = 300, 0.15
"""Training images that a row is held against, and the share of rows that must be more like the test image of their
place than like any of these: of rows that have nothing to do with it three in a hundred are, where classes coincide."""
NEARLY_ALL = 0.98
"""Of the test set: what is left of it where an incomplete last batch is dropped."""
OTHERWISE_PREPARED = 0.02
"""Share of the range by which two preparations must differ to be called different: each split standardised by its own
figures stays below."""
FEW_PIXELS = 0.005
"""Share of the pixels that one preparation may hold still and another not: some hardly vary anyhow."""
SAMPLES_LAID, ROWS_LAID = 30, 32
MORE_LAID, FEWER_ROWS = 240, 4
"""How many samples of a notebook, and rows of each, are looked at for images in disguise; and how many more, of which
few rows are: every row takes a moment."""
COMPARED = 12
"""Samples of a notebook that are looked through for images which are altered beyond recognition, each a second long."""


# --- weights -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Weights that the run left: after a training, or as they were when a model was used."""

    id: str
    model: str
    """Id of the model object in the ledger."""
    training: Training | None
    """The training that made the weights; None when none in this run did."""
    use: Evaluation | None = None
    """The first use of weights that are not those at the end of a training."""
    epoch: int | None = None
    """Which of the training's epochs left them, counted from 0, where it was not the last."""
    artifact: Digest | None
    weights: str
    scores: bool = True
    """Whether what it gives may be scores for classes; what does not is looked at where there is nothing else."""

    @property
    def moment(self) -> int:
        """Execution count at which the weights were first there."""
        source = self.training or self.use
        return (source.execution_count if source else None) or 0


def candidates(ledger: Ledger, artifacts: Artifacts) -> tuple[Candidate, ...]:
    """One for each training that ran an epoch, then one for all other weights that were put to use.

    What gives no class scores, such as a feature extractor or an autoencoder, is none, unless there is nothing else.
    """
    trained = tuple(
        Candidate(
            id=f"{training.model}-t{training.number}",
            model=training.model,
            training=training,
            artifact=artifacts.get(training.saved),
            weights=training.weights,
        )
        for training in ledger.trainings
        if training.epochs_run > 0 or training.finished
    )
    classifiers = tuple(one for one in trained if one.training and _learns_classes(one.training))
    widths = {shape[-1] for one in classifiers if one.training for shape in one.training.outputs}
    others = {one.model: one for one in trained if one not in classifiers}
    loaded = tuple(
        one
        for one in _loaded(ledger, artifacts, trained)
        if one.use and not _is_inner(one.use, others.get(one.use.part_of)) and _gives_scores(one.use, widths)
    )
    return classifiers + loaded or tuple(replace(one, scores=False) for one in trained)


def _is_inner(use: Evaluation, whole: Candidate | None) -> bool:
    """A part of what learns no classes: an encoder; but not one of several ends, when that has a column per class, or
    when the notebook asks for its accuracy and the labels of the training are not known."""
    if whole is None or whole.training is None:
        return False
    ends = whole.training.outputs
    one_of_several = len(ends) > 1 and len(use.outputs) == 1 and use.outputs[0] in ends
    judged = not whole.training.y_classes and "accuracy" in use.results
    return not (one_of_several and (judged or use.outputs[0][-1] == whole.training.y_classes))


def _learns_classes(training: Training) -> bool:
    x, y = training.x.shape, training.y.shape
    if not _is_row_of_scores(training.outputs) or (len(x) > 1 and x[1:] == y[1:] and x[1] > 1):
        return False
    if y and training.outputs and y[1:] == training.outputs[0][1:]:  # one column for each class
        return True
    surplus = _surplus(training)
    return not (surplus and (COMPARES.search(training.loss) or _as_many_as_given(training)))


def _surplus(source: Training | Evaluation) -> bool:
    """More outputs than there are classes among the labels, as far as both are known."""
    width = source.outputs[0][-1] if source.outputs and source.outputs[0] else None
    return width is not None and 0 < source.y_classes < width


def _as_many_as_given(source: Training | Evaluation) -> bool:
    """As many numbers come out as go in: the images once more."""
    row = source.x.shape[1:]
    return len(row) > 0 and bool(source.outputs) and source.outputs[0][-1] == prod(row)


def _is_row_of_scores(outputs: Sequence[Sequence[int | None]]) -> bool:
    """Also true of what is not known."""
    if not outputs:
        return True
    return len(outputs) == 1 and len(outputs[0]) == 2 and (outputs[0][1] or 1) <= MOST_CLASSES


def _gives_scores(use: Evaluation, widths: set[int | None]) -> bool:
    """Weights that were not trained here: as many scores as those that were, or as one ``evaluate`` can judge."""
    if not _is_row_of_scores(use.outputs) or (_surplus(use) and _as_many_as_given(use)):
        return False
    if use.part_of or (widths and "accuracy" not in use.results):
        return not use.outputs or not widths or use.outputs[0][1] in {*widths, 1}
    return True


def _loaded(ledger: Ledger, artifacts: Artifacts, trained: Sequence[Candidate]) -> Iterator[Candidate]:
    weights, contents = {one.weights for one in trained}, {one.artifact for one in trained}
    in_kernel, alive = _answering_in_the_kernel(ledger, artifacts), set(ledger.answering.values())
    for number, use in enumerate(ledger.evaluations, start=1):
        artifact = artifacts.get(use.saved)
        stays = use.weights in alive if alive else in_kernel.get(use.model) is use
        known = artifact in contents if artifact is not None else not stays
        if known or (use.weights and use.weights in weights):
            continue
        weights.add(use.weights)
        contents.add(artifact)
        training, epoch = _origin(use, ledger)
        yield Candidate(
            id=f"{use.model}-e{number}",
            model=use.model,
            training=training,
            use=use,
            epoch=epoch,
            artifact=artifact,
            weights=use.weights,
        )


def _answering_in_the_kernel(ledger: Ledger, artifacts: Artifacts) -> dict[str, Evaluation]:
    """The last use of each model that never left the kernel: the weights with which it will have answered there."""
    left = {training.model for training in ledger.trainings if training.saved in artifacts}
    left |= {use.model for use in ledger.evaluations if use.saved in artifacts}
    passing = {digest for training in ledger.trainings for digest in training.epoch_weights}
    uses = [use for use in ledger.evaluations if use.weights and use.model not in left]
    return {use.model: use for use in uses if use.weights[:EPOCH_DIGITS] not in passing}


def answers_for(one: Candidate, ledger: Ledger, known: Sequence[Candidate]) -> str | None:
    """Id of the model that answers in its kernel with these weights, its own first; None where no one can.

    Where the kernel did not say with which weights its models answer, each has those that it was last seen with.
    """
    if one.weights in ledger.answering.values():
        alike = [model for model, digest in ledger.answering.items() if digest == one.weights]
        return one.model if one.model in alike else alike[-1]
    if ledger.answering.get(one.model):
        return None  # it answers with others
    last = [other for other in known if other.model == one.model][-1]
    return one.model if last is one else None


def _origin(use: Evaluation, ledger: Ledger) -> tuple[Training | None, int | None]:
    """The training, and its epoch, that left these weights: kept by a callback and loaded again, or a part's of it."""
    for training in reversed(ledger.trainings):
        if use.weights and use.weights[:EPOCH_DIGITS] in training.epoch_weights:
            return training, training.epoch_weights.index(use.weights[:EPOCH_DIGITS])
        if training.model in (use.same_as, use.part_of) and (training.execution_count or 0) <= (
            use.execution_count or 0
        ):
            return training, None
    return None, None


def used(use: Evaluation, known: Sequence[Candidate], artifacts: Artifacts) -> Candidate | None:
    """Which weights an ``evaluate`` or ``predict`` used: by their digest, else the model's last training before it.

    Of several with the same weights that of the model that was used, for a copy of it may bear another name.
    """
    artifact = artifacts.get(use.saved)
    same = [
        one
        for one in reversed(known)
        if (use.weights and one.weights == use.weights) or (artifact is not None and one.artifact == artifact)
    ]
    if same:
        return next((one for one in same if one.model == use.model), same[0])
    if use.weights or artifact is not None:
        return None
    moment = use.execution_count or 0
    return next((one for one in reversed(known) if one.model == use.model and one.moment <= moment), None)


NAMING = ("model_name", "nom_modele", "nom_du_modele", "name", "nom", "label", "title", "titre", "experiment")


def name_of(one: Candidate, ledger: Ledger, number: int) -> str:
    """As the student calls it: a label, a variable that holds only it, the builder; else ``model n``."""
    source = one.training or one.use
    labels = source.labels if source else {}
    for wanted in NAMING:
        for variable, label in labels.items():
            if wanted == variable.lower() and label.strip():
                return label.strip()[:80]
    sole = sum(training.model == one.model for training in ledger.trainings) <= 1
    held = [variable for variable, model in ledger.bindings.items() if model == one.model]
    # What a callback keeps for itself, ``snapshots._model``, is no name that the author gave.
    variable = next((variable for variable in held if "._" not in variable), next(iter(held), ""))
    builder = one.training.builder if one.training else ""
    if variable and sole and variable not in ("model", "m", "net", "cnn"):
        return variable[:80]
    return builder[:80] or variable[:80] or f"model {number}"


def same_as_baseline(training: Training | None, baseline: Baseline | None) -> bool:
    """Same layers, optimiser, loss and protocol as the reference: the model as it was given, not a modification."""
    if training is None or baseline is None or baseline.training is None:
        return False
    given = baseline.training
    return (
        _architecture(training.layers) == _architecture(given.layers)
        and dict(training.optimizer) == dict(given.optimizer)
        and training.loss.removeprefix("sparse_") == given.loss.removeprefix("sparse_")
        and all(training.arguments.get(key) == given.arguments.get(key) for key in ("epochs", "batch_size"))
        and not _chosen_callbacks(training)
        and training.x.kind == given.x.kind
    )


def _chosen_callbacks(training: Training) -> bool:
    callbacks = training.arguments.get("callbacks") or ()
    return any(name not in ("History", "ProgbarLogger", "CallbackList", "TensorBoard") for name in callbacks)


def _architecture(layers: Sequence[Layer]) -> list[tuple[str, dict[str, Any]]]:
    """Without names, and without the entry that some notebooks spell out."""
    return [
        (layer.kind, {key: value for key, value in layer.config.items() if key != "name"})
        for layer in layers
        if layer.kind != "InputLayer"
    ]


# --- data ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a sample of the rows given to a model turned out to be."""

    recipe: Recipe
    rows: int
    """Rows of the sample."""
    public: int
    """How many of them are public test images."""
    labels: tuple[int, ...] = ()
    """Class of each row's image in the data set; -1 where it was not found."""
    whole: bool = False
    """The public test set as served: all rows in order."""
    part: tuple[int, ...] = ()
    """Where it is all public test images of some classes, in order: which ones."""

    def covers(self, classes: Sequence[int]) -> bool:
        """Whether it is the whole public test set, for a notebook that keeps only these classes (all: none named)."""
        return self.whole if not classes else self.part == tuple(classes)


@dataclass(frozen=True, slots=True)
class Disguises:
    """What rows turned out to be that are no images of the data set as they are."""

    labels: tuple[int, ...] = ()
    """For each row of the sample the class of the public image that it shows altered; -1 where it shows none."""
    rows: int = 0
    """Rows of the sample of which it is known what they are, or are not."""
    hidden: int = 0
    """Rows that show an image which is kept back, as it is or altered."""
    kept: tuple[int, ...] = ()
    """For each row the class of that image; -1 where it shows none."""

    @property
    def public(self) -> int:
        return sum(label >= 0 for label in self.labels)


@dataclass(frozen=True, slots=True)
class Resemblances:
    """Rows that nothing was found for, and how many of them are clearly nearest to an image of one set."""

    rows: int = 0
    public: int = 0
    hidden: int = 0


class Sightings:
    """Recognises data that the ledger took samples of; each distinct sample is looked at once."""

    def __init__(self, data: DataSet, artifacts: Artifacts, store: Store, others: Sequence[Path] = ()) -> None:
        """``others``: further sets that the notebook loads, each a file as a room sees it."""
        self._data = data
        self._artifacts = artifacts
        self._store = store
        self._others = others
        self._seen: dict[tuple[str, str, str], Sighting | None] = {}
        self._foreign: dict[tuple[str, str, str], bool] = {}
        self._disguises: dict[tuple[str, str, str], Disguises] = {}
        self._resemblances: dict[tuple[str, str, str], Resemblances] = {}

    @property
    def classes(self) -> int:
        """Of the data set."""
        return self._data.card.classes

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        """None when there is no sample, or when it is not made of the images that were served."""
        if shown is None or not shown.sample:
            return None
        key = _key(shown)
        if key not in self._seen:
            self._seen[key] = self._look(shown)
        return self._seen[key]

    def mostly(self, shown: ArrayPrint, share: float) -> Recipe | None:
        """How so many of the rows, and of a whole test set in its order as well, are prepared, the others being none
        of its images."""
        if (seen := self.of(shown)) is not None:
            return seen.recipe
        sample, total = self.sample(shown), shown.shape[0] if shown.shape else 0
        if sample is None or shown.kind != "array" or total != self._data.card.test_rows:
            return None
        return infer(sample, shown.rows, self._data.x_test, search=False, placed=share, population=self._train)

    def foreign(self, shown: ArrayPrint | None) -> bool:
        """Whether it is made of images of another set that the notebook loads."""
        if shown is None or not self._others or self.of(shown) is not None:
            return False
        key = _key(shown)
        if key not in self._foreign:
            sample = self.sample(shown) if shown.sample else None
            self._foreign[key] = sample is not None and any(
                infer(sample, shown.rows, images, in_order=False, share=0.5) is not None for images in self._elsewhere()
            )
        return self._foreign[key]

    def disguises(self, shown: ArrayPrint) -> Disguises:
        """What ``of`` did not recognise: public images that were shifted, mirrored, turned or dimmed; hidden ones."""
        key = _key(shown)
        if key not in self._disguises and shown.sample and len(self._disguises) < SAMPLES_LAID + MORE_LAID:
            self._disguises[key] = self._lay(shown)
        return self._disguises.get(key, Disguises())

    def _lay(self, shown: ArrayPrint) -> Disguises:
        sample, seen = self.sample(shown), self.of(shown)
        if sample is None:
            return Disguises()
        known = np.array(seen.labels if seen is not None and seen.labels else [-1] * len(sample))
        left = np.flatnonzero(known < 0)
        if not len(left):
            return Disguises(rows=len(sample))
        # Sixty trainings that are nothing to look at must not hide the next one.
        most = ROWS_LAID if len(self._disguises) < SAMPLES_LAID else FEWER_ROWS
        some = left[np.linspace(0, len(left) - 1, min(len(left), most)).astype(np.intp)]
        public, hidden = recognised(sample[some], self._data)
        labels = np.full(len(sample), -1, dtype=np.intp)
        labels[some[public >= 0]] = self._data.y_public.reshape(-1)[public[public >= 0]]
        kept = np.full(len(sample), -1, dtype=np.intp)
        kept[some[hidden >= 0]] = self._data.y_hidden.reshape(-1)[hidden[hidden >= 0]]
        rows = len(sample) - len(left) + len(some)
        told, held = (tuple(int(label) for label in each) for each in (labels, kept))
        return Disguises(told, rows, hidden=int((hidden >= 0).sum()), kept=held)

    def resemblances(self, shown: ArrayPrint) -> Resemblances:
        """What ``of`` and ``disguises`` did not recognise: whatever was made of public or of hidden images."""
        key = _key(shown)
        if key not in self._resemblances and shown.sample and len(self._resemblances) < COMPARED:
            self._resemblances[key] = self._compare(shown)
        return self._resemblances.get(key, Resemblances())

    def _compare(self, shown: ArrayPrint) -> Resemblances:
        sample, seen, altered = self.sample(shown), self.of(shown), self.disguises(shown)
        if sample is None:
            return Resemblances()
        found = (seen.labels if seen is not None else (), altered.labels, altered.kept)
        known = [any(len(one) == len(sample) and one[row] >= 0 for one in found) for row in range(len(sample))]
        left = np.flatnonzero(~np.array(known, dtype=bool))
        some = left[np.linspace(0, len(left) - 1, min(len(left), ROWS_LAID)).astype(np.intp)] if len(left) else left
        if self._follow_the_test(sample, shown, some):
            return Resemblances(rows=len(some), public=len(some))
        public, hidden = resembling(sample[some], self._data)
        return Resemblances(rows=len(some), public=int(public.sum()), hidden=int(hidden.sum()))

    def _follow_the_test(self, sample: Floats, shown: ArrayPrint, some: npt.NDArray[np.intp]) -> bool:
        """Whether rows lie to one another as the test images of their places do."""
        rows, images = shown.rows, self._data.x_test
        if shown.kind != "array" or len(rows) != len(sample) or not 0 <= min(rows) <= max(rows) < len(images):
            return False
        return follows(sample[some], images[[rows[place] for place in some]])

    def _elsewhere(self) -> Iterator[npt.NDArray[np.uint8]]:
        for path in self._others:
            with np.load(path, allow_pickle=False) as arrays:
                yield arrays["x_train"]
                yield arrays["x_test"]

    def sample(self, shown: ArrayPrint) -> Floats | None:
        """The sample's rows; None when there are none or they are not what they should be: they come from room 1."""
        name = self._artifacts.get(shown.sample)
        if name is None:
            return None
        content = self._store.get(name)
        if len(content) > MAX_SAMPLE_BYTES:
            return None
        array = read_npy(content)
        if array is None:
            return None
        fits = array.dtype == np.float32 and 2 <= array.ndim <= 5 and (array.ndim == 2 or max(array.shape) <= MAX_SIDE)
        numbered = len(array) == len(shown.rows) or shown.kind != "array"
        return array if fits and numbered and array.size else None

    def _look(self, shown: ArrayPrint) -> Sighting | None:
        sample = self.sample(shown)
        if sample is None:
            return None
        total, data = shown.shape[0] if shown.shape else 0, self._data
        card = data.card
        if shown.kind != "array":
            about = NEARLY_ALL * card.test_rows <= total < card.test_rows + LARGEST_BATCH
            return self._search(sample, shown, batched=about)
        if total == card.test_rows:
            recipe = infer(sample, shown.rows, data.x_test, search=False, population=self._train)
            if recipe is not None:
                labels = _labels(recipe, data.y_test)
                return Sighting(
                    recipe=recipe,
                    rows=len(sample),
                    public=len(sample),
                    labels=labels,
                    whole=True,
                    part=self._classes,
                )
            if self._is_altered_test(sample, shown):
                return None  # noise, rotation; no need to look for its images, which takes long
        if total == card.train_rows:
            recipe = infer(sample, shown.rows, data.x_train, search=False, population=self._train)
            if recipe is not None:
                return Sighting(recipe=recipe, rows=len(sample), public=0, labels=_labels(recipe, data.y_train))
        return self._search(sample, shown)

    def _is_altered_test(self, sample: Floats, shown: ArrayPrint) -> bool:
        """Whether rows look more like the test images of their places than like some hundreds of other images.

        The rows may as well be as many of the training set.
        """
        rows, images = list(shown.rows), self._data.x_test
        if len(rows) != len(sample) or max(rows, default=0) >= len(images):
            return False
        if sample[0].size != images[0].size:
            return len(sample) > 1  # of another size: which images they are cannot be told by their pixels
        others = self._train[np.linspace(0, len(self._train) - 1, OTHERS).astype(np.intp)]
        seen, own, strange = (_centred(one) for one in (sample, images[rows], others))
        return bool(np.mean(np.abs((seen * own).sum(axis=1)) > np.abs(seen @ strange.T).max(axis=1)) > LIKE)

    def _search(self, sample: Floats, shown: ArrayPrint, *, batched: bool = False) -> Sighting | None:
        """``batched``: the data come in batches whose sizes add up to about the test set's."""
        recipe = infer(sample, shown.rows, self._pool, in_order=False, share=0.5, population=self._train)
        if recipe is None:
            return None
        first = len(self._train)
        public = sum(row >= first for row in recipe.found)
        # The first batch of the test set as served begins with its first image, and goes on in order.
        ordered = list(recipe.found) == sorted(recipe.found)
        labels = _labels(recipe, np.concatenate([self._train_labels, self._data.y_public]))
        # In an order of its own, as many images as the test set has, all of them from it, are the test set as well; a
        # resized one may not be recognised.
        known = sum(row >= 0 for row in recipe.found)
        all_public = public == known >= RECOGNISED * len(sample)
        shuffled = all_public and shown.shape[0] <= self._data.card.test_rows
        whole = batched and (shuffled or (ordered and recipe.found[0] == first))
        part = self._part(shown, labels) if ordered and public == len(sample) else ()
        return Sighting(
            recipe=recipe,
            rows=len(sample),
            public=public,
            labels=labels,
            whole=whole,
            part=self._classes if whole else part,
        )

    def _part(self, shown: ArrayPrint, labels: tuple[int, ...]) -> tuple[int, ...]:
        """The classes seen, if the data hold as many rows as the test set has of these."""
        classes = sorted(set(labels))
        rows = int(np.isin(self._data.y_test.reshape(-1), classes).sum())
        return tuple(classes) if shown.shape and shown.shape[0] == rows else ()

    @property
    def public_images(self) -> npt.NDArray[np.uint8]:
        return self._data.x_public

    @cached_property
    def _train(self) -> npt.NDArray[np.uint8]:
        return self._data.x_train[self._data.train_rows]

    @cached_property
    def _classes(self) -> tuple[int, ...]:
        return tuple(int(number) for number in np.unique(self._data.y_test))

    @cached_property
    def _train_labels(self) -> npt.NDArray[np.integer[Any]]:
        return self._data.y_train.reshape(-1)[self._data.train_rows]

    @cached_property
    def _pool(self) -> npt.NDArray[np.uint8]:
        return np.concatenate([self._train, self._data.x_public])


def _key(shown: ArrayPrint) -> tuple[str, str, str]:
    """Of one array there may be samples of several rows, since those of its labels are among them."""
    return shown.digest, shown.sample, str(shown.shape)


def _centred(images: npt.NDArray[Any]) -> Floats:
    """Rows of length one about a mean of zero: their products are correlations."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9), np.float32)


def _labels(recipe: Recipe, labels: npt.NDArray[np.integer[Any]]) -> tuple[int, ...]:
    flat = labels.reshape(-1)
    return tuple(int(flat[row]) if row >= 0 else -1 for row in recipe.found)


# --- preparation ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How images are prepared for some weights, and what the notebook found on the public test set with them."""

    recipe: Recipe
    accuracy: float | None = None
    """Of the notebook's own ``evaluate`` on the whole public test set."""
    differs_from_training: bool = False
    """The notebook prepared its test images in another way than its training images."""


def prepare(
    one: Candidate,
    ledger: Ledger,
    known: Sequence[Candidate],
    artifacts: Artifacts,
    sightings: Sightings,
    classes: Sequence[int] = (),
) -> Preparation | None:
    """As the notebook evaluated these weights on its test set, else as it trained them, else as it first used them:
    altered images come later. Else as it prepared data of the same shape.

    ``classes``: those of the data set that the notebook keeps, where it does not keep all.
    """
    own = [use for use in ledger.evaluations if used(use, known, artifacts) is one]
    trained = sightings.of(one.training.x) if one.training else None
    tested = [(use, seen) for use in own if (seen := sightings.of(use.x)) is not None and seen.covers(classes)]
    if tested:
        drawn = one.training is not None and bool(one.training.arguments.get("augmentations"))
        return _as_tested(tested, trained, sightings, drawn=drawn)
    seen = trained or next((found for use in own if (found := sightings.of(use.x)) is not None), None)
    if seen is None and one.training is not None:
        seen = sightings.of(one.training.validation_x)
    return Preparation(recipe=seen.recipe) if seen is not None else _borrowed(one, ledger, sightings)


def steps_of(preparation: Preparation) -> tuple[Step, ...]:
    return tuple(Step(op=step["op"], values=step["values"]) for step in preparation.recipe.steps)


def _as_tested(
    tested: Sequence[tuple[Evaluation, Sighting]], trained: Sighting | None, sightings: Sightings, *, drawn: bool
) -> Preparation:
    """As for training where the notebook tested so, else as it tested first: darkened images are a later experiment.

    ``drawn``: what the batches of the training have in common may have been drawn for them.
    """
    recipes = [seen.recipe for _, seen in tested]
    alike = [one for one in recipes if trained and not differ(trained.recipe.steps, one.steps, sightings)]
    recipe = (alike or recipes)[0]
    same = [use for use, seen in tested if seen.recipe.steps == recipe.steps]
    same = same or [use for use, seen in tested if not differ(recipe.steps, seen.recipe.steps, sightings)]
    figures = [figure for use in same if (figure := use.results.get("accuracy")) is not None]
    return Preparation(
        recipe=recipe,
        accuracy=figures[-1] if figures and 0 <= figures[-1] <= 1 else None,
        differs_from_training=trained is not None and not alike and not drawn,
    )


def _borrowed(one: Candidate, ledger: Ledger, sightings: Sightings) -> Preparation | None:
    """From data of the same shape that was given to another model; whether it fits shows in the accuracy."""
    source = one.training or one.use
    wanted = source.x.shape[1:] if source else ()
    prints = [training.x for training in ledger.trainings] + [use.x for use in ledger.evaluations]
    for shown in prints:
        if wanted and shown.shape[1:] == wanted and (seen := sightings.of(shown)) is not None:
            return Preparation(recipe=seen.recipe)
    return None


def unprepared(one: Candidate, sightings: Sightings) -> Message:
    """Why no preparation was found, as exactly as can be said."""
    source = one.training or one.use
    sample = sightings.sample(source.x) if source else None
    if sample is None:
        return say("How the notebook prepares its images is not known: no rows of what the model was given were seen.")
    pixels = prod(sightings.public_images.shape[1:])
    if sample.ndim == 2 and sample.shape[1] != pixels and not any(squares(sample.shape[1:])):
        return say(
            "The model is given {columns:int} numbers per image, not the {pixels:int} pixels or a resized image: a "
            "projection such as principal components cannot be inferred from a few rows.",
            columns=sample.shape[1],
            pixels=pixels,
        )
    return say(
        "How the notebook prepares its images could not be found: no known preparation turns images of the data set "
        "into the rows of shape {shape} that the model was given.",
        shape=" × ".join(map(str, sample.shape[1:])),
    )


def differ(trained: Sequence[RawStep], tested: Sequence[RawStep], sightings: Sightings) -> bool:
    """Whether two recipes prepare images otherwise, beyond the figures of each split."""
    if tuple(trained) == tuple(tested):
        return False
    images = sightings.public_images[:50]
    first, second = apply(trained, images), apply(tested, images)
    if first.shape != second.shape:
        return False  # only the layout differs, or the notebook would not have run
    if _covered(first, second) > FEW_PIXELS:
        return True
    # A few pixels that hardly vary may be scaled at a guess, and inverted images are far outside where they do not: the
    # mean difference tells, beside the smaller range.
    return float(np.abs(first - second).mean()) > OTHERWISE_PREPARED * float(min(np.ptp(first), np.ptp(second)))


def hides(root: Sequence[RawStep], given: Sequence[RawStep], sightings: Sightings) -> bool:
    """Whether more than a few pixels are the same in all images of one preparation only."""
    first, second = (apply(steps, sightings.public_images[:50]) for steps in (root, given))
    return first.size == second.size and _covered(first, second) > FEW_PIXELS


def _covered(first: Floats, second: Floats) -> float:
    """Share of the pixels that are the same in all images of one preparation only, as under a square on them."""
    ranges = [np.ptp(images.reshape(len(images), -1), axis=0) for images in (first, second)]
    lively = [values > OTHERWISE_PREPARED * values.max() for values in ranges]
    still = [values == 0 for values in ranges]
    return float(((lively[0] & still[1]) | (lively[1] & still[0])).mean())


def validates_on_test(training: Training, sightings: Sightings) -> bool:
    seen = sightings.of(training.validation_x)
    return seen is not None and seen.public > seen.rows // 2
