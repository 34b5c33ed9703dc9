"""The frozen records that travel from stage to stage; nothing here has behaviour beyond a derived figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NewType, TypeAlias, dataclass_transform

Digest = NewType("Digest", str)
"""``sha256:`` and 64 hexadecimal digits; names bytes in the store."""

StudentId = NewType("StudentId", str)
"""Opaque, and safe as a folder name: lower-case ASCII letters, digits, ``.``, ``_`` and ``-``."""

Value: TypeAlias = "str | int | float | None"
Json: TypeAlias = Any  # None | bool | int | float | str | list[Json] | dict[str, Json]


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type) -> type:
    """Make a frozen, slotted, keyword-only dataclass."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for people: an English template, its values, and (in ``locale/``) its French.

    ``{name}`` inserts a value; ``{name:pct}``, ``{name:pct2}``, ``{name:num1}``, ``{name:num2}``, ``{name:num4}``,
    ``{name:int}`` and ``{name:sec}`` format a number in the reader's language (``pct`` takes a share, 0.12 -> 12.0 %).
    A value that is a string is inserted as it is and may come from a student.
    """

    text: str
    values: Mapping[str, Value] = field(default_factory=dict)


def say(text: str, **values: Value) -> Message:
    """Build a ``Message``; the first argument is always a literal, so that translations can be collected."""
    return Message(text, values)


# --- intake ------------------------------------------------------------------------------------------------------


@record
class Submission:
    """What one student handed in."""

    student: StudentId
    name: str
    """As found in the inbox or the roster; for people, never for paths or logic."""
    source: str
    """Path below the inbox, for people."""
    notebook: Digest | None
    """The notebook, converted to nbformat 4 without outputs lost; None when it was refused."""
    handed_in: Digest | None = None
    """The bytes exactly as handed in; None when there were none."""
    files: Mapping[str, Digest] = field(default_factory=dict)
    """Other files of the submission: relative POSIX path -> content."""
    refusal: Message | None = None
    """Why nothing could be run: for the student to answer where ``notebook`` is None, else for us (its data set is not
    set up here)."""
    fault: bool = False
    """The refusal is for us to answer, though there is no notebook: reading it failed."""
    notes: tuple[Message, ...] = ()
    """Anomalies that stopped nothing: converted from nbformat 3, an older attempt was ignored ..."""


# --- the notebook as checks see it -------------------------------------------------------------------------------


class CellKind(StrEnum):
    CODE = "code"
    MARKDOWN = "markdown"
    RAW = "raw"


@record
class Output:
    """One output of a cell, inert: text is stripped of control characters, images are in the store."""

    kind: str
    """``stream``, ``error``, ``display`` or ``result``."""
    stream: str = ""
    """``stdout`` or ``stderr`` for a stream."""
    text: str = ""
    html: str = ""
    """As the student's process wrote it: NOT sanitised; for table parsers and the sanitiser only."""
    image: Digest | None = None
    """PNG bytes, re-encoded by us."""
    width: int = 0
    height: int = 0
    undrawn: bool = False
    """A picture was left out: too large, too intricate, damaged, or one too many."""


@record
class Cell:
    """One cell of the notebook as handed in; ``outputs`` are those of our execution."""

    index: int
    """0-based position in the notebook as handed in. People are shown ``index + 1``."""
    kind: CellKind
    source: str
    outputs: tuple[Output, ...] = ()
    reaching: bool = False
    """Whether all of its source, of which ``source`` may be a beginning, names what only our code in a kernel uses."""
    beyond: int = 0
    """Characters that follow ``source`` and were not read: too many."""


# --- execution ---------------------------------------------------------------------------------------------------


class Ending(StrEnum):
    COMPLETED = "completed"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    DIED = "died"
    OUT_OF_MEMORY = "out_of_memory"
    FLOODED = "flooded"
    """Too much output or too many files."""
    REFUSED = "refused"


class CellState(StrEnum):
    RAN = "ran"
    RAISED = "raised"
    INTERRUPTED = "interrupted"
    """Exceeded the time of a cell and was stopped; the kernel lived on."""
    UNFINISHED = "unfinished"
    """Was running when the kernel or the room ended."""
    NOT_RUN = "not_run"
    LEFT_OUT = "left_out"
    """Stands below a cell by which the notebook ends itself on purpose."""


ALL_IS_WELL = frozenset({CellState.RAN, CellState.LEFT_OUT})


@record
class CellRun:
    index: int
    state: CellState
    seconds: float | None = None
    execution_count: int | None = None
    error: str | None = None
    """``NameError: name 'x' is not defined``; at most 500 characters."""


@record
class Limits:
    run_seconds: int = 900
    cell_seconds: int = 600
    memory_mb: int = 4096
    """Of all processes and files together; one process may have three quarters of it."""
    disk_mb: int = 512
    """Of files in one place, and of any one file."""
    processes: int = 256
    """With their threads; of processes alone, a quarter."""
    open_files: int = 1024
    """At a time, of one process."""
    output_mb: int = 8
    outputs: int = 4000
    budget_seconds: int = 0
    """Of training that one notebook may use; 0: as much as it asks for."""
    measuring_seconds: int = 120
    """Of starting the room in which models are measured, whatever their number."""
    model_seconds: int = 180
    """Of measuring one model there, on the average of a notebook's."""
    over_budget: str = "reduce"
    """What becomes of a notebook that asks for more: ``reduce`` or ``refuse``."""


@record
class Showing:
    """What models that cannot leave their kernel are shown when the notebook has ended; labels never."""

    images: Digest
    """``.npy`` uint8: hidden and public ones, shuffled."""
    recipes: Mapping[str, tuple[Step, ...]]
    """Model id -> how its images are prepared."""
    final: str = ""
    """The model that is shown altered images as well; empty where that is none of these."""
    altered: Digest | None = None
    """``.npy`` uint8: hidden images altered in every way, and as they are, shuffled."""


@record
class Altered:
    """What one model said in its own kernel of ``Showing.altered``."""

    model: str
    answers: tuple[Digest, ...] = ()
    """``.npy`` float32, one for each part, in the order in which they were shown."""
    problem: Message | None = None
    """Why they are not all there."""


@record
class Replay:
    """A training that was not carried out again: the host answered with what it had left before."""

    key: str
    short: str
    """By which the ledger names it."""
    seconds: float
    """That it took when it was carried out."""


@record
class Audit:
    """A training that was carried out although its result was known, and how far the two are apart."""

    key: str
    short: str
    difference: float | None
    """Largest between any two weights or figures; None where they are of another form."""


@record
class Reuse:
    """What became of the trainings of a run in which known ones need not be carried out."""

    replayed: tuple[Replay, ...] = ()
    """By the host, who answered."""
    audited: tuple[Audit, ...] = ()
    trained: int = 0
    """By the ledger: understood, and carried out."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """By the ledger: why others were carried out (``familiar.REASONS``) -> how many."""
    asked: Mapping[str, int] | None = None
    """By the host: how often it heard each question, under the name that the ledger gives it."""


@record
class Execution:
    """How room 1 ended and what left it."""

    ending: Ending
    reason: Message | None = None
    """In words, when the ending is not ``completed``; names the cell."""
    cells: tuple[CellRun, ...] = ()
    """One per code cell of the notebook as handed in, in order."""
    notebook: Digest | None = None
    """The executed notebook; cells as handed in, plus one cell of injected parameters marked by its tag."""
    ledger: Digest | None = None
    """JSON of a ``Ledger``."""
    artifacts: Mapping[str, Digest] = field(default_factory=dict)
    """Opaque files that left the room: ``fit-3.keras``, ``sample-7.npy``; names are ours."""
    fallbacks: Mapping[str, Digest] = field(default_factory=dict)
    """Model id -> float32 ``.npy`` of predictions made in the student's kernel, for models that cannot be saved."""
    asked: str | None = None
    """``Showing.final`` of the models that were asked there: the one choice of ours that text can have a say in before
    the run is over; None where none was asked."""
    altered: Altered | None = None
    """What the final model said there of altered images; None where it can be saved, or was not asked."""
    rewritten: tuple[int, ...] = ()
    """Numbers of trainings whose record was another, once they had ended, when it was heard again."""
    overruled: Mapping[str, int | None] = field(default_factory=dict)
    """What any ledger that was heard said of it: later ones are in the hands of who replaced what runs the cells."""
    parameters_held: bool = True
    limits: Limits = field(default_factory=Limits)
    reuse: Reuse | None = None
    """None where every training was carried out."""
    share: float = 1.0
    """Of the steps of each epoch that its trainings took, so as to keep to the budget."""
    planned_seconds: float | None = None
    """Of training that the notebook asks for, by a rehearsal; None where no budget was set."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """python, tensorflow, keras, numpy, seed, threads ..."""
    sandbox: str = ""
    """``bubblewrap``, ``docker``, ``podman``, ``landlock`` or ``plain``: how strong the wall was."""
    device: str = "cpu"
    started_at: datetime | None = None
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    notes: tuple[Message, ...] = ()


# --- the training ledger: claims of room 1 -----------------------------------------------------------------------


@record
class ArrayPrint:
    """A fingerprint of data that was given to a model."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    digest: str = ""
    """SHA-256 of the bytes, or of a spread sample of rows when large; equal data have equal digests."""
    kind: str = "array"
    """``array``, ``dataset`` (tf.data), ``sequence`` (PyDataset, generators), ``weights`` (left alone by a training),
    ``answers`` (images for which a model answered with what a training was given), ``inner`` (what a trained part was
    called with), ``lookup`` (the size of a table that names classes)."""
    sample: str = ""
    """Name of the artifact (``sample-<n>.npy``, float32, first axis = rows) with some rows; empty if none."""
    rows: tuple[int, ...] = ()
    """Row numbers of the sample within the array."""
    distinct: int = 0
    """How many of the rows that a training was given differ, an estimate where they are many; 0 where not known."""
    even: float = 0.0
    """The same, where a row that is repeated more often than the others counts for less: the inverse of Simpson's
    index. Neither figure changes where every row is given as many times again."""
    labels: tuple[int | float, ...] = ()
    """Label of each row of the sample, for ``answers`` and ``inner``; empty where these are not known."""
    answers: float = 0.0
    """Of targets: the share of rows that are shares of the classes as a model answers them."""
    altered: bool | None = None
    """Of what flows: whether its rows are images of the data set that something has altered. Measured, not claimed;
    None where it is not known."""

    @property
    def mark(self) -> str:
        """The digest; of a pipeline, which has none, the sample, which equal ones have in common."""
        return self.digest or self.sample


@record
class Layer:
    kind: str
    """Class name: ``Conv2D``."""
    config: Mapping[str, Json] = field(default_factory=dict)
    """Only scalars and short lists: filters, kernel_size, units, rate, activation, regularisers by class name ..."""
    output_shape: tuple[int | None, ...] = ()
    parameters: int = 0
    idle: bool = False
    """Whether it was seen to hand on what it is given, with and without training; False where that is not known."""
    unfelt: tuple[str, ...] = ()
    """Its penalties that were seen to be too small to be felt, and limits too wide: ``bias_regularizer``."""


@record
class Swap:
    """Weights that took the place of others while a training went on, by something else than its steps."""

    before: float
    """Of a few of its images, those that the model named rightly with the weights that went."""
    after: float
    """The same with those that came."""
    weights: str = ""
    """Digest of the weights that came."""
    saved_before: str = ""
    saved: str = ""
    """Artifact names of the model with either."""
    steps: int = 0
    """Of the optimiser that may lie between the two: 0, or hardly any."""
    known: int = 0
    """How many of the training's ``epoch_weights`` were there by then: of these, it may be that one was put back."""


@record
class Training:
    """One ``fit``, or one hand-written loop over an optimiser of PyTorch's within one run of a cell."""

    number: int
    """1, 2, 3 ... in the order in which they began."""
    model: str
    """Id of the model object within this run: ``m1``."""
    execution_count: int | None = None
    functions: tuple[str, ...] = ()
    """Student functions on the stack, outermost first: ``("evaluate_model",)``; empty at the top of a cell."""
    builder: str = ""
    """Student function in which the model was compiled: ``create_improved_model_1``; of PyTorch, the model's class."""
    built_count: int | None = None
    """Execution count of the cell that was running when the model was compiled."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Short strings in the calling frames, by variable: ``{"model_name": "Modèle amélioré 1"}``."""
    layers: tuple[Layer, ...] = ()
    parameters: int = 0
    optimizer: Mapping[str, Json] = field(default_factory=dict)
    """``{"name": "adam", "learning_rate": 0.001, ...}``."""
    loss: str = ""
    loss_settings: Mapping[str, float] = field(default_factory=dict)
    """``{"label_smoothing": 0.1}``: those that are numbers; empty where there are none, or where they are not known."""
    arguments: Mapping[str, Json] = field(default_factory=dict)
    """epochs, batch_size, validation_split, validation (``"split"``, ``"data"`` or absent), callbacks ...; of a loop of
    the student's own ``{"loop": True, "steps": n}``, with the batch size where it is known."""
    x: ArrayPrint = field(default_factory=ArrayPrint)
    roots: tuple[ArrayPrint, ...] = ()
    """Where ``x`` knows the first batches only: arrays that a ``tf.data`` pipeline is made of, and later rows of what
    came by a generator or in a loop."""
    y: ArrayPrint = field(default_factory=ArrayPrint)
    validation_x: ArrayPrint | None = None
    history: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Per epoch, names normalised: accuracy, loss, val_accuracy, val_loss, learning_rate ..."""
    epochs_run: int = 0
    """Of a hand-written loop: at least 1, else as many as the rows it was seen to use amount to."""
    seconds: float = 0.0
    finished: bool = True
    saved: str = ""
    """Artifact name of the model as it was after this training; empty when it could not be saved."""
    weights: str = ""
    """Digest of the weights after this training."""
    moved: float | None = None
    """How far it moved them, by what is usual for their size: the largest move of those that it may change."""
    numbers: str = ""
    """The same of the numbers alone, in whatever order, as the saved file must hold them; empty where it need not."""
    save_error: str = ""
    stride: int = 1
    """Each ``stride``-th row was used: the data set repeats each image that often (1: nothing was left out)."""
    share: float = 1.0
    """Of the steps of each epoch that were taken (1: all); a budget cuts them."""
    plan: Mapping[str, float] = field(default_factory=dict)
    """In a rehearsal, from which the seconds of the whole training follow: epochs, steps, step_seconds ..."""
    outputs: tuple[tuple[int | None, ...], ...] = ()
    """Shape of each of the model's outputs; empty when not known."""
    y_sample: tuple[int | float, ...] = ()
    """Label of each row of the sample of ``x``, in order: the class index, also where ``y`` is one-hot; empty where
    ``y`` holds no labels or when it cannot be known which belong to the sample."""
    y_classes: int = 0
    """Distinct labels in ``y``; 0 when not known, as where only a small batch of them was seen."""
    handmade: tuple[str, ...] = ()
    """``optimizer``, ``loss``, ``penalty`` on weights: which of them the student's own code makes."""
    request: str = ""
    """By which the host was asked for it, ``Replay.short``; empty where it was not."""
    reused: bool = False
    """Whether it was not carried out: the host had what it left."""
    recorded_seconds: float = 0.0
    """That it took when it was carried out, where it was reused."""
    unreused: str = ""
    """Why it could not be asked for: one of ``familiar.REASONS``."""
    epoch_weights: tuple[str, ...] = ()
    """First 16 digits of the digest of the weights after each epoch, or in a hand-written loop whenever the model was
    used in between; empty, or shorter than the training, where that would have cost time."""
    start_accuracy: float | None = None
    """Before this training, on a few of its images; None where that is hardly more than one class for all gives."""
    start_weights: str = ""
    """Digest of the weights then; empty where there were none yet, or where that is not known."""
    start_saved: str = ""
    """Artifact name of the model as it was then."""
    learnt_from: tuple[int, ...] = ()
    """Trainings of other models that had learnt some of the weights which it begins with, as far as that is known."""
    brought: int = 0
    """Numbers among the weights which it began with, or was given in its midst, that neither its layers drew nor an
    earlier training left."""
    own_step: bool = False
    """Whether a step of it is the student's own code, as that of a subclass is."""
    unfollowed: int = 0
    """Steps on its weights, while ``fit`` was at work, that were not its own, and of which no image was seen."""
    swaps: tuple[Swap, ...] = ()
    """Only those by which the model could suddenly do what it could not."""


@record
class Evaluation:
    """One ``evaluate`` or ``predict`` on data."""

    kind: str
    """``evaluate`` or ``predict``."""
    model: str
    execution_count: int | None = None
    functions: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    x: ArrayPrint = field(default_factory=ArrayPrint)
    y: ArrayPrint | None = None
    results: Mapping[str, float] = field(default_factory=dict)
    """For ``evaluate``: metric -> value, names normalised (``accuracy``, ``loss``)."""
    saved: str = ""
    """Artifact name of the model as it was then."""
    weights: str = ""
    seconds: float = 0.0
    outputs: tuple[tuple[int | None, ...], ...] = ()
    """Shape of each of the model's outputs; empty when not known."""
    part_of: str = ""
    """Id of a larger model that has these weights and more: of which this is a feature extractor."""
    same_as: str = ""
    """Id of another model that has exactly these weights: of which this is a wrapping, such as one with a softmax."""
    made_of: tuple[str, ...] = ()
    """Ids of trained models whose weights this one has, and more: of several, an ensemble that is one model."""
    brought: int = 0
    """Numbers among its weights that neither its layers drew nor a training left."""
    after: int = 0
    """Number of the last training that had begun by then; 0 where that is not known, or none had."""
    y_sample: tuple[int | float, ...] = ()
    """As in ``Training``."""
    y_classes: int = 0


@record
class Score:
    """A figure that the notebook computed itself, by scikit-learn or by a metric object of Keras'."""

    kind: str
    """``accuracy_score``, or the class of the metric: ``sparse_categorical_accuracy``."""
    value: float
    rows: int
    """How many labels it was computed from."""
    execution_count: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """As in ``Training``."""


@record
class Estimator:
    """A classifier of scikit-learn's that the notebook trained beside its networks."""

    kind: str
    """Class name: ``SVC``."""
    rows: int
    x: ArrayPrint | None = None
    """What it was trained on."""
    execution_count: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@record
class Frame:
    """A table found in memory when the notebook had ended: a DataFrame or a dict/list of results."""

    name: str
    """Variable name."""
    kind: str
    """``dataframe`` or ``dict``."""
    columns: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ()


@record
class Adaptation:
    """What was done in the kernel so that the notebook runs here; it never costs a point."""

    kind: str
    """``spelling`` (an older API; ``new`` is how it is written today), ``absent`` (harmless, and without effect here:
    Drive, ``nvidia-smi``, widgets ...; ``new`` says what was done instead), ``install`` (``pip install``; ``new`` is
    ``installed`` or ``missing``), ``data`` (``new`` names the data set that was served), ``unserved`` (``old``
    names one that this run does not have), ``weights`` (``old`` names pretrained weights that would have to be
    downloaded)."""
    old: str
    """As the notebook has it: ``Adam(lr=...)``."""
    new: str = ""
    execution_count: int | None = None


@record
class Ledger:
    """What the kernel says took place; a claim, held against measurements."""

    trainings: tuple[Training, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    bindings: Mapping[str, str] = field(default_factory=dict)
    """Global variable -> model id, when the notebook had ended."""
    answering: Mapping[str, str] = field(default_factory=dict)
    """Id of a model that can be asked in its kernel only -> digest of the weights with which it will answer."""
    frames: tuple[Frame, ...] = ()
    scores: tuple[Score, ...] = ()
    estimators: tuple[Estimator, ...] = ()
    adaptations: tuple[Adaptation, ...] = ()
    unfollowed: int = 0
    """Gradients that were computed, or graphs of TensorFlow 1 that were run, outside of all trainings above."""
    learnt_in_use: int = 0
    """Steps of an optimiser while models were only used (``evaluate``, ``predict``, validation) which no callback
    took; one that TensorFlow had compiled counts once."""
    unsampled: int = 0
    """Data that models learnt from of which no sample was kept, since there were too many; so of trainings that are
    not on record."""
    unrecorded: tuple[str, ...] = ()
    """Variables with models of a Keras that was imported past our recorder."""
    notes: tuple[str, ...] = ()
    overruled: Mapping[str, int | None] = field(default_factory=dict)
    """Part of what runs the cells that was replaced by the notebook -> execution count of the cell by which it was."""

    @property
    def plausible(self) -> bool:
        """Whether it is no longer than what our recorder keeps: some of what reads it takes the square of the time."""
        layers = sum(len(training.layers) for training in self.trainings)
        return all(
            count <= most
            for count, most in (
                (len(self.trainings), 500),
                (max((len(training.layers) for training in self.trainings), default=0), 2_000),
                (layers, 100_000),
                (sum(len(training.swaps) for training in self.trainings), 100),
                (max((len(training.roots) for training in self.trainings), default=0), 32),
                (len(self.evaluations), 2_000),
                (len(self.frames), 100),
                (len(self.scores), 1_000),
                (len(self.estimators), 500),
                (len(self.adaptations), 1_000),
                (len(self.bindings), 5_000),
                (len(self.overruled), 5_000),
            )
        )

    @property
    def lost(self) -> bool:
        """Whether our own part in the kernel says that something went unrecorded."""
        return any(note.startswith("lost: ") for note in self.notes)

    @property
    def filled(self) -> int | None:
        """Execution count of the cell after which nothing more could be recorded, since the notebook's own files took
        all of its disk; 0 where it is not known."""
        told = (note.partition("the notebook filled the disk: ")[2] for note in self.notes)
        return next((int(count) if count.isdecimal() and len(count) < 10 else 0 for count in told if count), None)

    @property
    def unserved(self) -> tuple[str, ...]:
        """Data sets that the notebook asked for and this run does not have."""
        return self._wanted("unserved")

    @property
    def without_weights(self) -> tuple[str, ...]:
        """Pretrained weights that the notebook asked for, and that only the network has."""
        return self._wanted("weights")

    def _wanted(self, kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.old for one in self.adaptations if one.kind == kind))


# --- measurement: rooms 2 and 3 ----------------------------------------------------------------------------------


class Standing(StrEnum):
    CLAIM = "claim"
    MEASUREMENT = "measurement"
    TEXT = "text"
    """Read from what the student wrote: code or prose."""


@record
class Step:
    """One step of a preprocessing, applied in order to raw images."""

    op: str
    """``affine``, ``affine_map``, ``reshape``, ``channels``, ``pad``, ``resize`` ...: see preprocessing.py."""
    values: Mapping[str, Json] = field(default_factory=dict)


@record
class Fidelity:
    """Whether our measurement is what the notebook found itself, with the same weights on the public test set."""

    claimed: float
    """0..1, by the notebook while it ran here."""
    source: str
    """``evaluate``; ``validation`` (of the epoch whose weights were kept); ``score`` (scikit-learn and the like);
    ``printed`` (read in the output of the cell that used the model)."""
    measured: float
    tolerance: float
    """Two thousandths, more where one image weighs more, and half a unit of the last digit that was printed."""
    cell: int | None = None
    """Index of the cell that stated it."""

    @property
    def residual(self) -> float:
        return abs(self.claimed - self.measured)

    @property
    def agrees(self) -> bool:
        return self.residual <= self.tolerance + 1e-9


@record
class Drift:
    """An accuracy that the notebook, as handed in, states otherwise than its execution here."""

    cell: int
    label: str
    """The words before the figure."""
    stored: float
    executed: float


@record
class Partly:
    """The notebook's own test of one model on a part of the public test set, or on a test set that it split off."""

    images: int
    """Different ones, an estimate: what is served repeated counts once."""
    public: int
    """How many the public test set has."""
    accuracy: float | None = None
    """What ``evaluate`` said; None where the model was asked for predictions."""
    split: bool = False
    """Whether it is a set of the notebook's own."""


@record
class MeasuredModel:
    """One trained model as rooms 2 and 3 found it."""

    id: str
    """Model id of the ledger and the number of the training: ``m2-t3``."""
    name: str
    """As the student calls it, else the builder, else ``model n``."""
    training: int | None
    """Number of the training whose weights these are; None for weights that no training in this run produced, and for
    an ensemble."""
    cell: int | None
    """Index of the cell that trained it; of an ensemble, that put it together."""
    members: tuple[str, ...] = ()
    """Ids of the models whose answers the notebook puts together; empty for a single model."""
    chosen: bool = False
    chosen_because: Message | None = None
    is_baseline: bool = False
    """Same layers, compile configuration, epochs, batch size and callbacks as the reference baseline."""
    layers: tuple[Layer, ...] = ()
    parameters: int = 0
    bytes: int | None = None
    ms_per_image: float | None = None
    preprocessing: tuple[Step, ...] | None = None
    """None: not found."""
    preprocessing_residual: float | None = None
    """Largest absolute difference between our preprocessing of the sample rows and what the notebook fed."""
    where: str = "probe"
    """``probe`` (room 2), ``kernel`` (the student's kernel: a claim), or ``nowhere``."""
    problem: Message | None = None
    """Why it could not be measured."""
    notebook_accuracy: float | None = None
    """What ``evaluate`` on the public test set said in the notebook, 0..1."""
    validation_accuracy: float | None = None
    fidelity: Fidelity | None = None
    """None where the notebook states nothing of this model on the public test set, or where we measured nothing."""
    public_accuracy: float | None = None
    partly: tuple[Partly, ...] = ()
    """Where the notebook itself tested it on other images than the whole public test set."""
    hidden_accuracy: float | None = None
    hidden_predictions: Digest | None = None
    """``.npy`` float32 (images, classes)."""
    seconds: float | None = None
    """Training time claimed by the ledger."""
    numbers: str = ""
    """Digest of its weights alone, as room 2 read them; empty where it did not."""


@record
class Interval:
    low: float
    high: float


@record
class Baseline:
    accuracies: tuple[float, ...]
    """Hidden accuracy, one per seed."""
    seeds: tuple[int, ...]
    mean_errors: Digest
    """``.npy`` float32 (images,): share of the seeds that got the image wrong."""
    predictions: tuple[Digest, ...]
    """``.npy`` float32 (images, classes), one per seed."""
    robustness: Mapping[str, tuple[float, ...]]
    """Corruption -> accuracy at severities 1..5, mean over seeds."""
    clean_accuracy: float
    """On the images of the robustness suite, mean over seeds."""
    altered: tuple[Digest, ...] = ()
    """``.npy`` float32 (corruptions, severities, images, classes) of the robustness suite, one per seed."""
    public: tuple[Digest, ...] = ()
    """``.npy`` float32 (images, classes) of the distinct public test images, one per seed."""
    nudged: tuple[Digest, ...] = ()
    """``.npy`` float32 (kinds, images, classes) of the images of ``Nudge``, hidden ones first, one per seed."""
    loss_ratio: float | None = None
    """Hidden loss / public loss, mean over seeds: about 1 for an honest model."""
    layers: tuple[Layer, ...] = ()
    optimizer: Mapping[str, Json] = field(default_factory=dict)
    parameters: int = 0
    training: Training | None = None
    """The ledger's entry of the first seed's training."""

    @property
    def accuracy(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def spread(self) -> float:
        """Largest minus smallest hidden accuracy over the seeds."""
        return max(self.accuracies) - min(self.accuracies)


@record
class Gain:
    relative_error_reduction: float
    """1 - error / baseline error; 0: nothing gained, 1: no error left."""
    ci95: Interval
    p_value: float
    """McNemar's exact test against the baseline seed of median accuracy."""
    accuracy: float
    baseline_accuracy: float
    images: int


@record
class Robustness:
    curves: Mapping[str, tuple[float, ...]]
    """Corruption -> accuracy at severities 1..5."""
    baseline_curves: Mapping[str, tuple[float, ...]]
    """The baseline's, told apart as the notebook does and on the same images; mean over its seeds."""
    clean_accuracy: float
    mean_accuracy: float
    baseline_mean_accuracy: float
    images: int


@record
class Nudge:
    """How a model answers images that were changed by next to nothing, beside the same images as they are."""

    kind: str
    """``shift`` (by one pixel, in one of four directions) or ``noise`` (single grey levels)."""
    of: str
    """``public`` or ``hidden`` images."""
    images: int
    right: int
    """Images of which the class is told right as they are."""
    kept: int
    """How many of these are still told right once they are changed."""
    after: int
    """Changed images told right, whether or not they were before."""
    chance: float
    """Share of ``right`` that is kept by always saying one class: that of the most frequent one."""
    baseline_before: float | None = None
    baseline_after: float | None = None
    """The baseline's accuracies, and the share of what it tells right that it keeps; mean over its seeds."""
    baseline_kept: float | None = None

    @property
    def accuracy_before(self) -> float:
        return self.right / self.images

    @property
    def accuracy_after(self) -> float:
        return self.after / self.images


@record
class PublicGap:
    """By how much accuracy on the public test images exceeds that on hidden ones, each image counted once."""

    value: float
    ci95: Interval
    """Newcombe's for a difference of two shares (1998, method 10)."""
    public: float
    """Accuracy on the distinct public images."""
    hidden: float
    baseline: float | None = None
    """The baseline's own difference, mean over its seeds: the two sets need not be equally difficult."""


@record
class FinalMeasures:
    """Everything measured on the final model only."""

    accuracy: float
    classes: int
    confusion: tuple[tuple[int, ...], ...]
    """Row: true class; column: predicted."""
    per_class_error: tuple[float, ...]
    calibration_error: float | None = None
    """Expected calibration error, 15 bins (Guo et al. 2017); None when the outputs are not probabilities."""
    public_accuracy: float | None = None
    gain: Gain | None = None
    robustness: Robustness | None = None
    robustness_problem: Message | None = None
    """Why robustness could not be measured."""
    loss_ratio: float | None = None
    """Hidden loss / public loss."""
    task: Message | None = None
    """In words, where the notebook's classes are not those of the data set: a subset, two groups ...; ``classes`` and
    all figures are then of its own classes, on the images that belong to one."""
    nudges: tuple[Nudge, ...] = ()
    gap: PublicGap | None = None
    doubts: tuple[Message, ...] = ()
    """For a person: signs that images or weights were brought along rather than learnt from; the strongest first.
    None of them changes a point."""
    flags: tuple[Message, ...] = ()
    """For a person: all doubts, claims that do not hold ..."""
    facts: tuple[Message, ...] = ()
    """For the student: how the model came about, told without a judgement."""


# --- tables and text ---------------------------------------------------------------------------------------------


@record
class TableRow:
    label: str
    accuracy: float | None = None
    """Claimed, 0..1."""
    seconds: float | None = None
    comment: str = ""
    training: int | None = None
    """Number of the training it was matched with."""
    measured_accuracy: float | None = None
    """Ours, on the public test set, for that training."""
    of: str = ""
    """``validation`` where the heading says so; ``part`` or ``split`` where the notebook's own evaluation was of a part
    of the public test set, or of a test set that it split off itself; ``beside`` of what was seen to be fitted or put
    together and is not measured, ``tested`` of weights that the notebook tested and no training left, as an average or
    another moment; empty for any other."""
    recorded: float | None = None
    """For a figure of validation: what the run recorded of that training, at its end, its best epoch, or nearest."""
    images: int = 0
    """How many different images the notebook's own evaluation had, where these were others than ours."""
    chance: float = 0.0
    """How far the figure may be from ours for that reason."""

    @property
    def reference(self) -> float | None:
        """What the figure is held against."""
        return self.recorded if self.of == "validation" else self.measured_accuracy

    def agrees(self, tolerance: float) -> bool:
        if self.accuracy is None or self.reference is None:
            return False
        return abs(self.accuracy - self.reference) <= tolerance + self.chance + 1e-9


@record
class Table:
    """The tracking table as the student states it."""

    cell: int | None
    origin: str
    """``dataframe``, ``dict``, ``markdown``, ``printed``, ``html``, ``csv``."""
    rows: tuple[TableRow, ...]
    columns: tuple[str, ...] = ()


@record
class Section:
    """A stretch of the notebook under one heading."""

    kind: str
    """introduction, baseline, improvements, comparison, errors, robustness, conclusion; empty: something else."""
    title: str
    level: int
    cells: tuple[int, ...]
    words: int
    """Words of prose of one's own: the template's text does not count."""


# --- evidence ----------------------------------------------------------------------------------------------------


class GapKind(StrEnum):
    MODEL = "model"
    TABLE = "table"
    PREPROCESSING = "preprocessing"
    LEDGER = "ledger"
    RECORDS = "records"
    """The ledger is there, and may be another's."""
    CELLS = "cells"
    """What is said of the cells may be the notebook's own word."""
    CODE = "code"
    """More code than anybody writes."""


@record
class Gap:
    """What was asked for and not found."""

    kind: GapKind
    reason: Message
    ours: bool = False
    """True when the failure is this program's: it must never cost the student a point."""


@record
class DataCard:
    """Which data a grade rests on."""

    name: str
    digest: str
    classes: int
    image_shape: tuple[int, ...]
    train_images: int
    """Distinct training images."""
    public_images: int
    """Distinct public test images."""
    hidden_images: int
    split_seed: int
    train_rows: int
    """Rows of ``x_train`` as served."""
    test_rows: int
    train_stride: int = 1
    """Each training image is repeated that often in ``x_train``."""


@record
class Evidence:
    """All that checks may look at; pure data."""

    student: StudentId
    cells: tuple[Cell, ...]
    template_cells: tuple[str, ...] = ()
    """Sources of the cells of the starter notebook: not the student's own work."""
    execution: Execution
    ledger: Ledger
    models: tuple[MeasuredModel, ...] = ()
    final: FinalMeasures | None = None
    table: Table | None = None
    sections: tuple[Section, ...] = ()
    baseline: Baseline | None = None
    data: DataCard | None = None
    gaps: tuple[Gap, ...] = ()
    drifts: tuple[Drift, ...] = ()
    mislabelled: tuple[int, ...] = ()
    """Numbers of trainings on images of the data set whose labels have nothing to do with these images."""
    unaltered: tuple[str, ...] = ()
    """Marks of data that models were used on, and that are images of the data set as they are prepared for
    training."""
    executed: bool = True
    """False in a check without execution (``--no-run``): items that need it are unreached."""
    language: str = "fr"
    """Language in which the notebook is written, guessed from its prose; ``fr`` or ``en``."""

    @property
    def chosen(self) -> MeasuredModel | None:
        return next((model for model in self.models if model.chosen), None)

    @property
    def fidelity(self) -> Fidelity | None:
        """Of the final model."""
        return None if self.chosen is None else self.chosen.fidelity

    def cell_of(self, execution_count: int | None) -> int | None:
        """Index of the cell that ran with this execution count; None when none did."""
        if execution_count is None:
            return None
        runs = (run for run in self.execution.cells if run.execution_count == execution_count)
        return next((run.index for run in runs), None)


# --- findings and grades -----------------------------------------------------------------------------------------


class Verdict(StrEnum):
    MET = "met"
    PARTLY = "partly"
    UNMET = "unmet"
    UNREACHED = "unreached"
    """Nothing there to judge: earns nothing, and says what was missing."""
    NEEDS_REVIEW = "needs_review"
    """A person decides: no points until then, and never a 0."""


@record
class Finding:
    """What a check answers."""

    verdict: Verdict
    share: float | None
    """Of the points, 0..1; None if and only if the verdict is ``needs_review``."""
    standing: Standing
    message: Message
    """For the student: what was found against what was wanted."""
    advice: Message | None = None
    """What would have earned more; None when everything was earned."""
    details: tuple[Message, ...] = ()
    """One line each, shown below the message: the evidence in words."""
    cells: tuple[int, ...] = ()
    """Indices of the cells concerned."""
    found: Json = None
    wanted: Json = None
    for_teacher: Message | None = None
    settled: bool = True
    """False where a check of ours failed or a tool did not answer: it is asked again, whatever is remembered."""


@record
class Award:
    """Points for one item of the rubric."""

    item: str
    criterion: str
    title: Mapping[str, str]
    """Language -> title."""
    points: Decimal | None
    """None while a person has not decided."""
    possible: Decimal
    finding: Finding
    ruled_by: str | None = None
    ruled_why: str = ""
    """The reason that this person gave."""


class State(StrEnum):
    GRADED = "graded"
    NEEDS_REVIEW = "needs_review"
    FAILED = "failed"
    """Nothing could be run: refused at intake."""
    MISSING = "missing"


@record
class Grade:
    student: StudentId
    name: str
    rubric: str
    rubric_digest: Digest
    state: State
    awards: tuple[Award, ...]
    possible: Decimal
    """From the rubric, never from what happened to run."""
    reason: Message | None = None
    """Why it failed or is missing."""

    @property
    def total(self) -> Decimal | None:
        """Points decided so far; None while none is: a missing submission, or one that we failed to grade."""
        decided = [award.points for award in self.awards if award.points is not None]
        return sum(decided, Decimal(0)) if decided else None

    @property
    def undecided(self) -> Decimal:
        """Points that still wait for a person."""
        return sum((award.possible for award in self.awards if award.points is None), Decimal(0))


# --- rubric ------------------------------------------------------------------------------------------------------


@record
class Item:
    id: str
    title: Mapping[str, str]
    points: Decimal
    check: str
    parameters: Mapping[str, Json] = field(default_factory=dict)


@record
class Criterion:
    id: str
    title: Mapping[str, str]
    points: Decimal
    items: tuple[Item, ...]


@record
class Rubric:
    id: str
    version: int
    title: Mapping[str, str]
    points: Decimal
    criteria: tuple[Criterion, ...]
    digest: Digest
    data: str = "digits"
    """Default data set; ``auto``: the one that each notebook asks for, of those that are set up."""
    limits: Limits = field(default_factory=Limits)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    """Injected through papermill's own cell."""
    seed: int = 20
    hidden_images: int = 5000
    robustness_images: int = 2000
    reference_seeds: tuple[int, ...] = (1, 2, 3)

    @property
    def items(self) -> tuple[tuple[Criterion, Item], ...]:
        return tuple((criterion, item) for criterion in self.criteria for item in criterion.items)


# --- everything about one student, as feedback and exports receive it --------------------------------------------


@record
class Report:
    submission: Submission
    grade: Grade
    evidence: Evidence | None
    """None when nothing could be run."""
    graded_at: datetime | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    grounds: Mapping[str, str] = field(default_factory=dict)
    """What else the grade rests on, so that a later change of it can be explained: ``data``, ``execution`` (when it
    took place), ``program`` (a digest of its sources), ``fault`` (of ours, that kept it from being graded)."""
