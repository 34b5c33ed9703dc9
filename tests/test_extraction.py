"""From a hand-written execution to evidence, with a room 2 whose models are nearest-mean classifiers."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from autograder.checks import _spared, signatures
from autograder.checks import model as model_checks
from autograder.corruptions import corrupt, suite
from autograder.datasets import load, spread
from autograder.errors import AutograderError
from autograder.extraction import baseline_from, extract, prepare_fallback
from autograder.extraction.matching import Sighting, Sightings, candidates, differ
from autograder.frames import Frame
from autograder.preprocessing import apply
from autograder.records import (
    Adaptation,
    Altered,
    ArrayPrint,
    Baseline,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Digest,
    Ending,
    Estimator,
    Evaluation,
    Evidence,
    Execution,
    GapKind,
    Layer,
    Ledger,
    Output,
    Rubric,
    Showing,
    Standing,
    StudentId,
    Submission,
    Training,
    Verdict,
    say,
)
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store

Array = npt.NDArray[Any]

DATA = load("digits", split_seed=5, hidden_images=150)
MEANS = np.stack([DATA.x_train[DATA.y_train == digit].mean(axis=0).ravel() for digit in range(10)]) / 255.0
RUBRIC = Rubric(
    id="r",
    version=1,
    title={},
    points=Decimal(20),
    criteria=(),
    digest=Digest("sha256:" + "0" * 64),
    robustness_images=40,
)


ALTERED_ROWS = spread(RUBRIC.robustness_images, len(DATA.x_hidden))


class NearestMean:
    """Room 2 with models that answer by the nearest class mean.

    One that ends in b"poor" sees half of each image, one that ends in b"odd" has one output: whether a digit is odd.
    One that ends in b"heart" knows the public images by heart, and nothing else.
    """

    name = "fake"

    def __init__(self) -> None:
        self.rooms = 0

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        self.rooms += 1
        job = json.loads(self.read(room, "job.json"))
        on_frame(Frame({"kind": "ready"}))
        for task in job["models"]:
            quality = self.read(room, task["file"])
            poor = quality.endswith(b"poor")
            for name in task["sets"]:
                images = np.load(io.BytesIO(self.read(room, job["sets"][name])))
                answer = classify(apply(task["steps"], images), poor)
                if quality.endswith(b"heart"):
                    answer = by_heart(images)
                if quality.endswith(b"odd"):
                    answer = answer[:, 1::2].sum(axis=1, keepdims=True)
                buffer = io.BytesIO()
                np.save(buffer, answer)
                on_frame(Frame({"kind": "predictions", "model": task["id"], "set": name}, buffer.getvalue()))
            on_frame(Frame({"kind": "facts", "model": task["id"], "parameters": 7840, "ms_per_image": 0.1}))
        return Outcome(exit_code=0, seconds=0.1)

    @staticmethod
    def read(room: Room, name: str) -> bytes:
        content = room.inputs[name]
        return content if isinstance(content, bytes) else content.read_bytes()


def classify(images: Array, poor: bool = False) -> Array:
    """Softmax over negative squared distances, float32."""
    flat = images.reshape(len(images), -1)
    kept = slice(0, 392) if poor else slice(0, 784)
    distance = ((flat[:, None, kept] - MEANS[None, :, kept]) ** 2).sum(axis=2)
    exponents = np.exp(-(distance - distance.min(axis=1, keepdims=True)))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


KNOWN = {image.tobytes(): label for image, label in zip(DATA.x_public, DATA.y_public, strict=True)}


def by_heart(images: Array) -> Array:
    """One-hot for public images, and class 0 for all others."""
    return np.eye(10, dtype=np.float32)[[KNOWN.get(image.tobytes(), 0) for image in images]]


@dataclass
class Notebook:
    """Writes the execution of a notebook, call by call."""

    store: Store
    trainings: list[Training] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    artifacts: dict[str, Digest] = field(default_factory=dict)
    fallbacks: dict[str, Digest] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)
    answering: dict[str, str] = field(default_factory=dict)
    unfollowed: int = 0
    altered: Altered | None = None
    adaptations: list[Adaptation] = field(default_factory=list)
    estimators: list[Estimator] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    count: int = 0
    sampled: int = 24
    """Rows of each sample."""
    others: tuple[Path, ...] = ()
    """Files of further sets that the notebook loads."""

    def cell(self, source: str, kind: CellKind = CellKind.CODE, printed: str = "") -> None:
        outputs = (Output(kind="stream", stream="stdout", text=printed),) if printed else ()
        self.cells.append(Cell(index=len(self.cells), kind=kind, source=source, outputs=outputs))
        self.count += kind is CellKind.CODE

    def shown(self, array: Array) -> ArrayPrint:
        rows = np.unique(np.linspace(0, len(array) - 1, self.sampled).astype(int))
        digest = hashlib.sha256(np.ascontiguousarray(array[rows]).tobytes()).hexdigest()
        name = f"sample-{digest[:8]}.npy"
        self.artifacts[name] = self.store.put_array(np.asarray(array[rows], np.float32))
        return ArrayPrint(
            shape=array.shape, dtype=str(array.dtype), digest=digest, sample=name, rows=tuple(int(row) for row in rows)
        )

    def saved(self, name: str, quality: bytes) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("config.json", json.dumps({"module": "keras", "class_name": "Sequential", "config": {}}))
            archive.writestr("model.weights.h5", name)
            archive.comment = quality
        self.artifacts[name] = self.store.put(buffer.getvalue())
        return name

    def fit(self, model: str, x: Array, *, quality: bytes = b"good", save: bool = True, **more: Any) -> Training:  # noqa: ANN401
        number = len(self.trainings) + 1
        name = f"fit-{number}.keras"
        training = Training(
            number=number,
            model=model,
            execution_count=self.count,
            x=self.shown(x),
            epochs_run=5,
            seconds=1.5,
            saved=self.saved(name, quality) if save else "",
            weights=f"w{number}",
            save_error="" if save else "NotImplementedError",
            **{"layers": (Layer(kind="Dense"),), "parameters": 7840, **more},
        )
        self.trainings.append(training)
        return training

    def evaluate(self, training: Training, x: Array, accuracy: float | None = None, **more: Any) -> None:  # noqa: ANN401
        self.evaluations.append(
            Evaluation(
                kind="evaluate" if accuracy is not None else "predict",
                model=training.model,
                execution_count=self.count,
                x=self.shown(x),
                results={} if accuracy is None else {"accuracy": accuracy},
                weights=training.weights,
                **more,
            )
        )

    def ledger(self) -> Ledger:
        return Ledger(
            trainings=tuple(self.trainings),
            evaluations=tuple(self.evaluations),
            bindings=self.bindings,
            answering=self.answering,
            unfollowed=self.unfollowed,
            adaptations=tuple(self.adaptations),
            estimators=tuple(self.estimators),
        )

    def execution(self) -> Execution:
        code = [cell for cell in self.cells if cell.kind is CellKind.CODE]
        return Execution(
            ending=Ending.COMPLETED,
            cells=tuple(
                CellRun(index=cell.index, state=CellState.RAN, execution_count=number)
                for number, cell in enumerate(code, start=1)
            ),
            ledger=self.store.put(TypeAdapter(Ledger).dump_json(self.ledger())),
            artifacts=self.artifacts,
            fallbacks=self.fallbacks,
            altered=self.altered,
        )

    def asked(self) -> Showing | None:
        """What models in the kernel are shown at the end."""
        return prepare_fallback(self.ledger(), self.execution(), self.cells, data=DATA, rubric=RUBRIC, store=self.store)

    def answer(self, model: str, shown: Digest, poor: bool = False) -> Array:
        """What a model in the kernel says to what it is shown."""
        showing = self.asked()
        assert showing is not None
        steps = [{"op": step.op, "values": dict(step.values)} for step in showing.recipes[model]]
        return classify(apply(steps, self.store.get_array(shown)), poor)

    def evidence(
        self,
        baseline: Baseline | None = None,
        execution: Execution | None = None,
        rubric: Rubric = RUBRIC,
        files: Mapping[str, Digest] | None = None,
    ) -> Evidence:
        return extract(
            submission=Submission(student=StudentId("s"), name="S", source="s.ipynb", notebook=None, files=files or {}),
            execution=execution or self.execution(),
            cells=self.cells,
            template_cells=(),
            data=DATA,
            baseline=baseline,
            rubric=rubric,
            sandbox=NearestMean(),
            store=self.store,
            others=self.others,
        )


def scaled(x: Array) -> Array:
    return x.reshape(-1, 28, 28, 1).astype(np.float32) / 255


TRAIN, TEST = scaled(DATA.x_train[::62]), scaled(DATA.x_test)


def served_accuracy(quality: bytes) -> float:
    """What ``evaluate`` would say on ``x_test``."""
    outputs, labels = classify(TEST[DATA.public_rows], quality == b"poor"), DATA.y_public
    guesses = outputs.argmax(axis=1)
    if quality == b"odd":
        guesses, labels = (outputs[:, 1::2].sum(axis=1) > 0.5).astype(int), labels % 2
    return int(DATA.public_counts[guesses == labels].sum()) / 10_000


PUBLIC = {quality: served_accuracy(quality) for quality in (b"good", b"poor")}


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook(Store(tmp_path))


def reference(notebook: Notebook, rubric: Rubric = RUBRIC) -> Baseline:
    """A baseline that looks at half the pixels."""
    first = Notebook(notebook.store)
    first.cell("fit")
    first.evaluate(first.fit("m1", TRAIN, quality=b"poor"), TEST, PUBLIC[b"poor"])
    return baseline_from(
        [first.execution()] * 2, seeds=(1, 2), data=DATA, rubric=rubric, sandbox=NearestMean(), store=notebook.store
    )


def test_the_course_s_own_shape(notebook: Notebook) -> None:
    """Models trained inside a function, never global; the last one analysed is final; gain and robustness measured."""
    baseline = reference(notebook)
    notebook.cell("evaluate_model(...)")
    poor = notebook.fit("m1", TRAIN, quality=b"poor", labels={"model_name": "Référence"}, functions=("evaluate_model",))
    notebook.evaluate(poor, TEST, PUBLIC[b"poor"])
    notebook.cell("evaluate_model(...)")
    good = notebook.fit("m2", TRAIN, labels={"model_name": "Modèle 1"}, arguments={"epochs": 9})
    notebook.evaluate(good, TEST, PUBLIC[b"good"])
    notebook.cell("analyze_errors(model)")
    notebook.evaluate(good, TEST, functions=("analyze_errors",))
    evidence = notebook.evidence(baseline)
    assert [model.name for model in evidence.models] == ["Référence", "Modèle 1"]
    assert [model.is_baseline for model in evidence.models] == [True, False]
    chosen = evidence.chosen
    assert chosen is not None and chosen.name == "Modèle 1" and chosen.cell == 1
    assert chosen.where == "probe" and chosen.problem is None
    assert chosen.public_accuracy == PUBLIC[b"good"]
    assert chosen.notebook_accuracy == PUBLIC[b"good"]
    assert [step.op for step in chosen.preprocessing or ()] == ["reshape", "affine"]
    final = evidence.final
    assert final is not None and final.gain is not None and final.robustness is not None
    assert final.accuracy == chosen.hidden_accuracy
    assert final.gain.baseline_accuracy == baseline.accuracy < final.accuracy
    assert final.gain.ci95.low <= final.gain.relative_error_reduction <= final.gain.ci95.high
    assert sum(map(sum, final.confusion)) == DATA.card.hidden_images == final.gain.images
    assert final.robustness.images == 40
    assert len(final.robustness.curves) == len(baseline.robustness) == 8
    assert final.flags == ()
    assert [gap.kind for gap in evidence.gaps] == [GapKind.TABLE]


def together_accuracy() -> float:
    """Of the mean of a good and a poor model on ``x_test``."""
    shown = TEST[DATA.public_rows]
    guesses = (classify(shown) + classify(shown, poor=True)).argmax(axis=1)
    return int(DATA.public_counts[guesses == DATA.y_public].sum()) / 10_000


def test_models_put_together_are_measured_together(notebook: Notebook) -> None:
    baseline = reference(notebook)
    notebook.cell("fit")
    both = [notebook.fit("m1", TRAIN), notebook.fit("m2", TRAIN, quality=b"poor")]
    notebook.cell("mean of both", printed=f"Test accuracy: {together_accuracy():.4f}")
    for training in both:
        notebook.evaluate(training, TEST)
    evidence = notebook.evidence(baseline)
    chosen, final = evidence.chosen, evidence.final
    assert chosen is not None and (chosen.id, chosen.members) == ("ensemble-2", ("m1-t1", "m2-t2"))
    assert chosen.public_accuracy == together_accuracy()
    assert chosen.fidelity is not None and chosen.fidelity.agrees and chosen.fidelity.cell == 1
    assert (chosen.parameters, chosen.training, chosen.where) == (15_680, None, "probe")
    assert [model.chosen for model in evidence.models] == [False, False, True]
    assert final is not None and final.gain is not None and final.robustness is not None
    assert final.accuracy == chosen.hidden_accuracy == final.gain.accuracy
    assert final.flags == () and final.facts == ()


def test_several_states_of_one_model_have_one_name(notebook: Notebook) -> None:
    notebook.cell("fit")
    same = {"labels": {"model_name": "Snap"}}
    both = [notebook.fit("m1", TRAIN, **same), notebook.fit("m1", TRAIN, quality=b"poor", **same)]
    notebook.cell("mean of both", printed=f"Test accuracy: {together_accuracy():.4f}")
    for training in both:
        notebook.evaluate(training, TEST)
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.name == "Snap × 2"


def test_a_named_model_is_final_whatever_is_put_together(notebook: Notebook) -> None:
    notebook.cell("fit")
    both = [notebook.fit("m1", TRAIN), notebook.fit("m2", TRAIN, quality=b"poor")]
    notebook.bindings = {"best_model": "m2"}
    notebook.cell("mean of both", printed=f"Test accuracy: {together_accuracy():.4f}")
    for training in both:
        notebook.evaluate(training, TEST)
    evidence = notebook.evidence()
    assert evidence.chosen is not None and evidence.chosen.id == "m2-t2"
    assert evidence.models[-1].members == ("m1-t1", "m2-t2") and evidence.models[-1].public_accuracy is not None


def test_where_no_figure_is_known_ours_decide(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN)
    notebook.fit("m2", TRAIN, quality=b"poor")
    evidence = notebook.evidence(reference(notebook))
    assert evidence.chosen is not None and evidence.chosen.id == "m1-t1"
    assert evidence.chosen.chosen_because is not None and "measurement" in evidence.chosen.chosen_because.text
    assert evidence.final is not None and evidence.final.robustness is not None


@pytest.mark.parametrize("loaded", [True, False])
def test_a_model_of_another_data_set_is_a_decoy(notebook: Notebook, loaded: bool, tmp_path: Path) -> None:
    """More accurate, and called the best; where that set is not at hand it cannot be told."""
    noise = np.random.default_rng(3).integers(0, 256, (300, 28, 28), np.uint8)
    np.savez(tmp_path / "noise.npz", x_train=noise[:200], x_test=noise[200:])
    notebook.others = (tmp_path / "noise.npz",) if loaded else ()
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, history={"val_accuracy": (0.8,)})
    notebook.fit("m2", scaled(noise[:150]), history={"val_accuracy": (0.99,)})
    notebook.bindings = {"model": "m1", "best_model": "m2"}
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.id == ("m1-t1" if loaded else "m2-t2")


def test_what_is_stacked_is_for_a_person(notebook: Notebook) -> None:
    """The figure is above all that is measured, and the cell speaks of models over models."""
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor", arguments={"epochs": 9}), TEST, PUBLIC[b"poor"])
    notebook.cell("stack.fit(Z, y)", printed="Test accuracy: 0.9931")
    evidence = notebook.evidence(reference(notebook))
    assert evidence.fidelity is not None and not evidence.fidelity.agrees
    assert (evidence.fidelity.claimed, evidence.fidelity.measured) == (0.9931, PUBLIC[b"poor"])
    assert model_checks.gain(evidence).verdict is Verdict.NEEDS_REVIEW


def test_a_claim_that_does_not_hold_is_flagged(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor"), TEST, 0.999)
    evidence = notebook.evidence()
    assert evidence.final is not None
    assert [flag.values["claimed"] for flag in evidence.final.flags] == [0.999]


@pytest.mark.parametrize(("made", "flags"), [((), 0), (("optimizer",), 1), (("loss", "optimizer", "penalty"), 3)])
def test_parts_of_the_notebooks_own_making_are_told(notebook: Notebook, made: tuple[str, ...], flags: int) -> None:
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, handmade=made), TEST, PUBLIC[b"good"])
    evidence = notebook.evidence()
    assert evidence.final is not None and len(evidence.final.flags) == flags


@pytest.mark.parametrize("made", [(), ("loss",)])
def test_what_made_a_model_within_another_is_told(notebook: Notebook, made: tuple[str, ...]) -> None:
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor", handmade=made), TEST, PUBLIC[b"good"])
    saved = notebook.saved("use-1.keras", b"good")
    around = replace(notebook.evaluations[-1], model="m2", same_as="m1", weights="b" * 64, saved=saved)
    notebook.evaluations[-1] = around
    notebook.bindings["best_model"] = "m2"
    final = notebook.evidence().final
    assert final is not None and len(final.flags) == len(made), final.flags


@pytest.mark.parametrize("times", [0, 7])
def test_what_learnt_beside_the_steps_is_told(notebook: Notebook, times: int) -> None:
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, unfollowed=times), TEST, PUBLIC[b"good"])
    notebook.fit("m2", TRAIN, quality=b"poor", unfollowed=5)
    final = notebook.evidence().final
    assert final is not None and [flag.values["count"] for flag in final.flags] == ([times] if times else [])


def test_a_figure_too_good_for_another_model_is_told_as_well(notebook: Notebook) -> None:
    """Printed where one that is not the final model was at work last."""
    notebook.cell("best_model.fit(x, y)")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"good"), TEST, PUBLIC[b"good"])
    notebook.bindings["best_model"] = "m1"
    notebook.cell("other.fit(x, y); print('Test accuracy: 0.9999')", printed="Test accuracy: 0.9999")
    notebook.fit("m2", TRAIN, quality=b"poor")
    evidence = notebook.evidence()
    assert evidence.chosen is not None and evidence.chosen.name == "best_model"
    assert evidence.final is not None
    [flag] = evidence.final.flags
    assert (flag.values["cell"], flag.values["claimed"]) == (2, 0.9999)


def test_altered_test_images_are_not_the_notebook_s_figure(notebook: Notebook) -> None:
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN)
    notebook.evaluate(training, TEST, PUBLIC[b"good"])
    noisy = np.clip(TEST + np.random.default_rng(0).normal(0, 0.1, TEST.shape), 0, 1)
    notebook.evaluate(training, noisy, 0.41)
    turned = corrupt(DATA.x_public, "rotation", 2, 0)[np.searchsorted(DATA.public_rows, np.arange(10_000), "right") - 1]
    notebook.evaluate(training, scaled(turned), 0.52)
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.notebook_accuracy == PUBLIC[b"good"]


def test_darkened_test_images_are_no_preprocessing(notebook: Notebook) -> None:
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN)
    notebook.evaluate(training, TEST, PUBLIC[b"good"])
    notebook.evaluate(training, TEST * 0.5, 0.2)
    evidence = notebook.evidence()
    chosen, final = evidence.chosen, evidence.final
    assert chosen is not None and final is not None
    assert chosen.preprocessing and chosen.preprocessing[-1].values["scale"] == pytest.approx(1 / 255)
    assert (chosen.notebook_accuracy, final.flags) == (PUBLIC[b"good"], ())


def test_training_on_test_images_is_flagged(notebook: Notebook) -> None:
    notebook.cell("fit")
    both = np.concatenate([TRAIN, TEST[DATA.public_rows]])
    notebook.evaluate(notebook.fit("m1", both), TEST, PUBLIC[b"good"])
    final = notebook.evidence().final
    assert final is not None
    flag = next(flag for flag in final.flags if "sampled" in flag.text)
    assert 4 <= int(flag.values["found"] or 0) <= 10


def test_a_memory_is_told_to_a_person_and_costs_nothing(notebook: Notebook) -> None:
    baseline = reference(notebook)
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"heart", arguments={"epochs": 9}), TEST, 1.0)
    evidence = notebook.evidence(baseline)
    final = evidence.final
    assert final is not None and final.gap is not None
    first = final.doubts[0]
    assert "behaves like a memory" in first.text
    assert first.values["before"] == 1.0 and float(first.values["after"] or 1) < 0.25
    assert final.gap.public == 1.0 and final.gap.value > 0.7
    assert final.flags[: len(final.doubts)] == final.doubts
    assert final.facts == (), "a student is told figures, no suspicion"
    finding = model_checks.gain(evidence)
    assert finding.for_teacher == first
    assert replace(finding, for_teacher=None) == replace(
        model_checks.gain(replace(evidence, final=replace(final, doubts=(), flags=()))), for_teacher=None
    )


def test_weights_that_were_handed_in_are_told(notebook: Notebook) -> None:
    """A model that is loaded and used, and no training: with the file beside the notebook."""
    weights = np.random.default_rng(0).normal(0, 0.1, 7840).astype(np.float32)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps({"module": "keras", "class_name": "Sequential", "config": {}}))
        archive.writestr("model.weights.h5", weights.tobytes())
    notebook.cell("model = load_model('best.h5'); model.evaluate(x_test, y_test)")
    notebook.artifacts["use-1.keras"] = notebook.store.put(buffer.getvalue())
    notebook.evaluations.append(
        Evaluation(
            kind="evaluate",
            model="m1",
            execution_count=1,
            x=notebook.shown(TEST),
            results={"accuracy": PUBLIC[b"good"]},
            weights="loaded",
            saved="use-1.keras",
        )
    )
    file = notebook.store.put(b"some header" + weights.tobytes())
    told = [notebook.evidence(files=files).final for files in ({"best.h5": file}, {})]
    assert told[0] is not None and told[1] is not None
    assert [doubt.values for doubt in told[0].doubts] == [{"name": "best.h5"}]
    assert told[0].facts == told[0].doubts
    assert "Nothing was trained" in told[1].doubts[0].text


@pytest.mark.parametrize(("quality", "after", "told"), [(b"good", 1, 1), (b"good", 2, 0), (b"poor", 1, 0)])
def test_a_model_that_was_brought_along_may_have_taught_the_final_one(
    notebook: Notebook, quality: bytes, after: int, told: int
) -> None:
    """It answered before, or after all trainings; or it is no better than what was learnt here by then."""
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor"), TEST, PUBLIC[b"poor"])
    notebook.cell("teacher = load_model('t.keras'); best_model.fit(x, teacher.predict(x))")
    saved = notebook.saved("use-2.keras", quality)
    x, bindings = notebook.shown(TRAIN[:500]), {"best_model": "m3", "teacher": "m2"}
    notebook.bindings = bindings
    notebook.evaluations.append(
        Evaluation(kind="predict", model="m2", execution_count=2, x=x, saved=saved, weights="other", after=after)
    )
    notebook.evaluate(notebook.fit("m3", TRAIN, quality=b"good"), TEST, PUBLIC[b"good"])
    final = notebook.evidence().final
    assert final is not None and len(final.doubts) == told
    assert [doubt.values["name"] for doubt in final.doubts] == ["teacher"] * told and final.facts == ()


@pytest.mark.parametrize(("gradients", "told"), [(0, "come from elsewhere"), (20, "Gradients were computed outside")])
def test_gradients_of_something_else_do_not_hide_where_weights_come_from(
    notebook: Notebook, gradients: int, told: str
) -> None:
    """A picture of what a model looks at takes some as well."""
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor"), TEST, PUBLIC[b"poor"])
    notebook.cell("best_model.set_weights(stored)")
    notebook.bindings, notebook.unfollowed = {"best_model": "m2"}, gradients
    saved, results = notebook.saved("use-2.keras", b"good"), {"accuracy": PUBLIC[b"good"]}
    x = notebook.shown(TEST)
    notebook.evaluations.append(
        Evaluation(
            kind="evaluate", model="m2", execution_count=2, x=x, results=results, saved=saved, weights="other", after=1
        )
    )
    final = notebook.evidence(files={"settings.npz": notebook.store.put(b"stored")}).final
    assert final is not None and any(told in flag.text for flag in final.flags)


def test_validation_on_the_test_set_is_noted(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, validation_x=notebook.shown(TEST))
    final = notebook.evidence().final
    assert final is not None
    assert any("validation" in fact.text for fact in final.facts)
    assert final.flags == final.doubts == (), "a third of honest notebooks do so"


def test_test_images_prepared_otherwise_are_measured_as_evaluated(notebook: Notebook) -> None:
    notebook.cell("fit")
    raw = DATA.x_test.reshape(-1, 28, 28, 1).astype(np.float32)
    notebook.evaluate(notebook.fit("m1", TRAIN), raw, 0.1)
    evidence = notebook.evidence()
    assert evidence.chosen is not None and evidence.final is not None
    assert [step.op for step in evidence.chosen.preprocessing or ()] == ["reshape"]
    assert any("otherwise" in flag.text for flag in evidence.final.flags)


def test_preprocessing_from_shuffled_training_images_alone(notebook: Notebook) -> None:
    notebook.cell("fit")
    order = np.random.default_rng(3).permutation(len(TRAIN))[:700]
    notebook.fit("m1", TRAIN[order])
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.notebook_accuracy is None
    assert chosen.public_accuracy == PUBLIC[b"good"]


def test_data_given_in_batches(notebook: Notebook) -> None:
    """Of a ``tf.data`` set the ledger has one batch, without row numbers, and a size in whole batches."""
    notebook.cell("fit")
    shuffled = TRAIN[np.random.default_rng(1).permutation(len(TRAIN))[:32]]
    training = notebook.fit("m1", TRAIN)
    batch = replace(notebook.shown(shuffled), kind="dataset", rows=(), digest="", shape=(60_032, 28, 28, 1))
    notebook.trainings[0] = replace(training, x=batch)
    only = notebook.evidence().chosen
    assert only is not None and only.public_accuracy == PUBLIC[b"good"]
    notebook.evaluate(training, TEST[:64], PUBLIC[b"good"])
    whole = replace(notebook.evaluations[0].x, kind="dataset", rows=(), digest="", shape=(10_048, 28, 28, 1))
    name = "sample-batch.npy"
    notebook.artifacts[name] = notebook.store.put_array(TEST[np.linspace(0, 63, 32).astype(int)])
    notebook.evaluations[0] = replace(notebook.evaluations[0], x=replace(whole, sample=name))
    tested = notebook.evidence().chosen
    assert tested is not None and tested.notebook_accuracy == PUBLIC[b"good"]


def test_unknown_preprocessing_is_a_gap(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", np.random.default_rng(0).random((900, 5, 5)))
    evidence = notebook.evidence()
    assert evidence.final is None
    assert evidence.chosen is not None and evidence.chosen.where == "nowhere" and evidence.chosen.problem is not None
    assert evidence.chosen.problem.values == {"shape": "5 × 5"}
    assert GapKind.PREPROCESSING in [gap.kind for gap in evidence.gaps]


def test_a_binary_task_is_measured_as_such(notebook: Notebook) -> None:
    """Odd against even, by one sigmoid: many classes of the data set for each of the notebook's."""
    notebook.cell("fit")
    labels = DATA.y_train[::62] % 2
    notebook.sampled = 200
    shown = np.unique(np.linspace(0, len(TRAIN) - 1, notebook.sampled).astype(int))
    told = {"y_sample": tuple(labels[shown].tolist()), "y_classes": 2, "arguments": {"epochs": 9}}
    training = notebook.fit("m1", TRAIN, quality=b"odd", **told)
    notebook.evaluate(training, TEST, served_accuracy(b"odd"))
    baseline = reference(notebook)
    evidence = notebook.evidence(baseline)
    final = evidence.final
    assert evidence.chosen is not None and final is not None and final.gain is not None and final.task is not None
    right = (classify(scaled(DATA.x_hidden))[:, 1::2].sum(axis=1) > 0.5) == DATA.y_hidden % 2
    assert (final.accuracy, final.classes) == (right.mean(), 2)
    assert np.sum(final.confusion) == len(DATA.x_hidden)
    assert evidence.fidelity is not None and evidence.fidelity.agrees
    assert final.gain.baseline_accuracy > baseline.accuracy
    assert final.robustness is not None and final.robustness.images == RUBRIC.robustness_images
    odd = DATA.y_hidden[ALTERED_ROWS] % 2
    for name, altered in suite(DATA.x_hidden[ALTERED_ROWS], RUBRIC.seed):
        for curves, poor in ((final.robustness.curves, False), (final.robustness.baseline_curves, True)):
            says = [classify(scaled(one), poor)[:, 1::2].sum(axis=1) > 0.5 for one in altered]
            assert curves[name] == tuple((one == odd).mean() for one in says)
    assert final.robustness.baseline_mean_accuracy > np.mean(list(baseline.robustness.values()))
    assert model_checks.robustness(evidence, fewer_classes=True).share is not None
    for finding in (model_checks.gain(evidence), model_checks.robustness(evidence)):
        assert final.task in finding.details


def test_a_subset_is_measured_on_its_own_images(notebook: Notebook) -> None:
    notebook.cell("fit")
    kept = np.isin(DATA.y_train, (3, 5, 8))
    some, labels = scaled(DATA.x_train[kept][::20]), DATA.y_train[kept][::20]
    shown = np.unique(np.linspace(0, len(some) - 1, 24).astype(int))
    training = notebook.fit("m1", some, y_sample=tuple(labels[shown].tolist()), y_classes=3)
    served = np.isin(DATA.y_test, (3, 5, 8))
    part = scaled(DATA.x_test[served])
    claimed = float((classify(part).argmax(axis=1) == DATA.y_test[served]).mean())
    notebook.evaluate(training, part, claimed)
    evidence = notebook.evidence(reference(notebook))
    chosen, final = evidence.chosen, evidence.final
    assert chosen is not None and final is not None and final.task is not None
    assert (final.task.values["classes"], final.task.values["labels"]) == ("3, 5, 8", 3)
    assert final.task.values["images"] == np.isin(DATA.y_hidden, (3, 5, 8)).sum()
    assert chosen.public_accuracy == pytest.approx(claimed)
    assert evidence.fidelity is not None and evidence.fidelity.source == "evaluate" and evidence.fidelity.agrees
    assert final.gain is not None and final.gain.images == final.task.values["images"]
    labels = DATA.y_hidden[ALTERED_ROWS]
    own = np.isin(labels, (3, 5, 8))
    assert final.robustness is not None and final.robustness.images == own.sum() > 0
    mildest = dict(suite(DATA.x_hidden[ALTERED_ROWS], RUBRIC.seed))["blur"][0][own]
    for curves, poor in ((final.robustness.curves, False), (final.robustness.baseline_curves, True)):
        outputs = classify(scaled(mildest), poor)
        guesses = outputs.argmax(axis=1) if not poor else np.array([3, 5, 8])[outputs[:, [3, 5, 8]].argmax(axis=1)]
        assert curves["blur"][0] == (guesses == labels[own]).mean()


def test_altered_images_may_all_be_of_other_classes(notebook: Notebook) -> None:
    notebook.cell("fit")
    kept = [number for number in range(10) if number != DATA.y_hidden[0]][:3]
    chosen = np.isin(DATA.y_train, kept)
    some, labels = scaled(DATA.x_train[chosen][::20]), DATA.y_train[chosen][::20]
    shown = np.unique(np.linspace(0, len(some) - 1, 24).astype(int))
    told = {"y_sample": tuple(labels[shown].tolist()), "y_classes": 3, "arguments": {"epochs": 9}}
    notebook.fit("m1", some, **told)
    few = replace(RUBRIC, robustness_images=1)
    evidence = notebook.evidence(reference(notebook, few), rubric=few)
    assert evidence.final is not None and evidence.final.gain is not None and evidence.final.robustness is None
    finding = model_checks.robustness(evidence)
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert [detail.text for detail in finding.details] == [
        "None of the altered images belongs to a class of the notebook."
    ]


def test_one_output_without_known_labels_is_not_measured(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, quality=b"odd")
    evidence = notebook.evidence()
    assert evidence.final is None
    assert evidence.chosen is not None and evidence.chosen.problem is not None


def test_a_projection_is_said_to_be_one(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", np.random.default_rng(0).random((900, 50)))
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.problem is not None
    assert chosen.problem.values == {"columns": 50, "pixels": 784}


def test_a_model_that_could_not_be_saved_speaks_from_the_kernel(notebook: Notebook) -> None:
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN, save=False, arguments={"epochs": 9})
    notebook.evaluate(training, TEST, PUBLIC[b"good"])
    ready = notebook.asked()
    assert ready is not None and notebook.store.get_array(ready.images).dtype == np.uint8
    notebook.fallbacks["m1"] = notebook.store.put_array(notebook.answer("m1", ready.images))
    evidence = notebook.evidence(reference(notebook))
    assert evidence.chosen is not None and evidence.final is not None
    assert (evidence.chosen.where, evidence.chosen.public_accuracy) == ("kernel", PUBLIC[b"good"])
    assert evidence.fidelity is not None and evidence.fidelity.agrees
    assert evidence.final.gain is not None and evidence.final.robustness is None
    assert any("kernel" in flag.text for flag in evidence.final.flags)
    assert {one.kind for one in evidence.final.nudges} == {"shift", "noise"}, "it was shown nudged images too"
    assert evidence.final.gap is not None and evidence.final.doubts == ()
    finding = model_checks.robustness(evidence)
    assert (finding.verdict, finding.standing) == (Verdict.NEEDS_REVIEW, Standing.CLAIM)
    assert finding.for_teacher is not None and "was not shown the altered images" in finding.for_teacher.text


def in_the_kernel(notebook: Notebook) -> tuple[Showing, Array]:
    """A final model that answered the first question, and its answers to the altered images in the order shown."""
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN, save=False, arguments={"epochs": 9})
    notebook.evaluate(training, TEST, PUBLIC[b"good"])
    ready = notebook.asked()
    assert ready is not None and ready.final == "m1" and ready.altered is not None
    notebook.fallbacks["m1"] = notebook.store.put_array(notebook.answer("m1", ready.images))
    return ready, notebook.answer("m1", ready.altered)


def test_a_final_model_in_the_kernel_is_measured_on_altered_images(notebook: Notebook) -> None:
    """As exactly as in room 2, whatever the order was and in however many parts it answered; and it is a claim."""
    ready, answers = in_the_kernel(notebook)
    assert ready.altered is not None
    images = notebook.store.get_array(ready.altered)
    assert len(images) == 41 * RUBRIC.robustness_images
    parts = tuple(notebook.store.put_array(part) for part in (answers[:700], answers[700:]))
    notebook.altered = Altered(model="m1", answers=parts)
    evidence = notebook.evidence(reference(notebook))
    assert evidence.final is not None and evidence.final.robustness is not None
    labels = DATA.y_hidden[ALTERED_ROWS]
    for name, altered in suite(DATA.x_hidden[ALTERED_ROWS], RUBRIC.seed):
        own = tuple((classify(scaled(one)).argmax(axis=1) == labels).mean() for one in altered)
        assert evidence.final.robustness.curves[name] == own
    finding = model_checks.robustness(evidence)
    assert (finding.standing, finding.share) == (Standing.CLAIM, 1.0)
    assert finding.for_teacher is not None and "own kernel" in finding.for_teacher.text


def test_altered_images_and_their_originals_are_shuffled_together(notebook: Notebook) -> None:
    ready, _ = in_the_kernel(notebook)
    assert ready.altered is not None
    shown = [image.tobytes() for image in notebook.store.get_array(ready.altered)]
    originals = {image.tobytes() for image in DATA.x_hidden[ALTERED_ROWS]}
    places = [place for place, image in enumerate(shown) if image in originals]
    assert len(places) >= RUBRIC.robustness_images
    assert len(set(np.diff(places))) > 5, "neither in a row nor at even distances"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda answers: (np.roll(answers, 1, axis=1),), "a second time"),
        (lambda answers: (answers[::-1],), "a second time"),
        (lambda answers: (answers[:, :9],), "a second time"),
        (lambda answers: (answers[:-1],), "another form"),
        (lambda answers: (answers[:700], answers[700:, :9]), "could not be read"),
        (lambda answers: (answers * np.float32(np.nan),), "finite"),
        (lambda answers: (), "could not be read"),
    ],
    ids=["other classes", "another order", "a class fewer", "one fewer", "two widths", "no numbers", "nothing"],
)
def test_answers_that_cannot_be_right_do_not_count(
    notebook: Notebook, spoil: Callable[[Array], tuple[Array, ...]], told: str
) -> None:
    _, answers = in_the_kernel(notebook)
    notebook.altered = Altered(model="m1", answers=tuple(map(notebook.store.put_array, spoil(answers))))
    evidence = notebook.evidence(reference(notebook))
    assert evidence.final is not None and evidence.final.gain is not None and evidence.final.robustness is None
    finding = model_checks.robustness(evidence)
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.for_teacher is not None and told in finding.for_teacher.text


def test_why_altered_images_were_left_out_is_told(notebook: Notebook) -> None:
    in_the_kernel(notebook)
    reason = say("No time was left to show the altered images to the model in the notebook's own kernel.")
    notebook.altered = Altered(model="m1", problem=reason)
    evidence = notebook.evidence(reference(notebook))
    finding = model_checks.robustness(evidence)
    assert (finding.verdict, finding.details, finding.for_teacher) == (Verdict.NEEDS_REVIEW, (reason,), reason)
    assert model_checks.gain(evidence).share is not None


def test_altered_images_are_for_the_final_model_only(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, save=False, history={"val_accuracy": (0.5,)})
    notebook.fit("m2", TRAIN, save=False, history={"val_accuracy": (0.9,)})
    ready = notebook.asked()
    assert ready is not None and (set(ready.recipes), ready.final) == ({"m1", "m2"}, "m2")
    notebook.fit("m3", TRAIN, history={"val_accuracy": (0.95,)})
    ready = notebook.asked()
    assert ready is not None and set(ready.recipes) == {"m1", "m2"}
    assert (ready.final, ready.altered) == ("", None), "the final one is asked in room 2"
    notebook.bindings = {"best_model": "m1"}
    ready = notebook.asked()
    assert ready is not None and ready.final == "m1"


def test_any_model_with_these_weights_answers_for_them(notebook: Notebook) -> None:
    """The trained one is gone, or has other weights by now; another was given its best."""
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN, save=False)
    notebook.evaluate(replace(training, model="m1", weights="later"), TEST, 0.1)
    notebook.evaluate(replace(training, model="m2"), TEST, PUBLIC[b"good"])
    notebook.answering = {"m1": "later", "m2": training.weights}
    ready = notebook.asked()
    assert ready is not None and set(ready.recipes) == {"m1", "m2"}
    notebook.fallbacks |= {"m1": notebook.store.put_array(notebook.answer("m2", ready.images, poor=True))}
    notebook.fallbacks |= {"m2": notebook.store.put_array(notebook.answer("m2", ready.images))}
    first, second = notebook.evidence().models
    assert (first.id, first.where, first.public_accuracy) == ("m1-t1", "kernel", PUBLIC[b"good"])
    assert (second.id, second.public_accuracy) == ("m1-e1", PUBLIC[b"poor"])


def test_weights_that_no_model_has_any_more_are_not_asked_for(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, save=False)
    notebook.answering = {"m1": "others"}
    assert notebook.asked() is None


def test_codes_and_rebuilt_images_are_no_scores(notebook: Notebook) -> None:
    notebook.cell("fit")
    sizes = {"outputs": ((None, 784),), "loss": "mse_loss", "y_classes": 10}
    auto = notebook.fit("m1", TRAIN, save=False, **sizes)
    notebook.evaluate(replace(auto, model="m2", weights="codes"), TEST, 0.01, part_of="m1", outputs=((None, 32),))
    alone = candidates(notebook.ledger(), notebook.artifacts)
    assert [(one.id, one.scores) for one in alone] == [("m1-t1", False)], "there is nothing else"
    assert notebook.asked() is None
    chosen = notebook.evidence().chosen
    assert chosen is not None and chosen.where == "nowhere" and chosen.problem is not None
    assert "no scores" in chosen.problem.text
    notebook.fit("m3", TRAIN, outputs=((None, 10),), loss="nll_loss", y_classes=10)
    assert [one.id for one in candidates(notebook.ledger(), notebook.artifacts)] == ["m3-t2"]


@pytest.mark.parametrize(("width", "measured"), [(10, True), (32, False)])
def test_one_end_of_several_is_a_classifier_when_it_has_a_column_per_class(
    notebook: Notebook, width: int, measured: bool
) -> None:
    notebook.cell("fit")
    whole = notebook.fit("m1", TRAIN, outputs=((None, width), (None, 784)), y_classes=10)
    saved = notebook.saved("part.keras", b"good")
    end = replace(whole, model="m2", weights="end")
    notebook.evaluate(end, TEST, part_of="m1", outputs=((None, width),), saved=saved)
    evidence = notebook.evidence()
    assert evidence.chosen is not None
    assert (evidence.chosen.public_accuracy == PUBLIC[b"good"]) is measured
    problem = evidence.chosen.problem
    assert measured or (problem is not None and problem.values == {"ends": 2})


@pytest.mark.parametrize(("accuracy", "measured"), [(0.9, True), (None, False)])
def test_one_of_two_ends_that_learnt_from_two_arrays(
    notebook: Notebook, accuracy: float | None, measured: bool
) -> None:
    notebook.cell("fit")
    whole = notebook.fit("m1", TRAIN, outputs=((None, 10), (None, 10)), y_classes=0)
    saved, end = notebook.saved("part.keras", b"good"), replace(whole, model="m2", weights="end")
    notebook.evaluate(end, TEST, accuracy, part_of="m1", outputs=((None, 10),), saved=saved)
    known = candidates(notebook.ledger(), notebook.artifacts)
    assert any(one.model == "m2" and one.training == whole for one in known) is measured


@pytest.mark.parametrize(("rows", "ours"), [(99, False), (100, True)])
def test_classifiers_of_scikit_learn_alone_are_for_a_person(notebook: Notebook, rows: int, ours: bool) -> None:
    notebook.cell("SVC().fit(x, y)")
    notebook.estimators.append(Estimator(kind="SVC", rows=rows, execution_count=1))
    evidence = notebook.evidence()
    (gap,) = (gap for gap in evidence.gaps if gap.kind is not GapKind.TABLE)
    assert gap.ours is ours
    assert not ours or gap.reason.values == {"kinds": "SVC"}
    assert _spared(signatures()["model.gain"](evidence), signatures()["model.gain"], evidence).share == (
        None if ours else 0
    )


def test_a_dropped_last_batch_leaves_the_test_set_what_it_is(notebook: Notebook) -> None:
    notebook.cell("fit")
    training = notebook.fit("m1", TRAIN)
    for rows in (9_984, 9_700):
        notebook.evaluate(training, TEST, 0.5)
        last = notebook.evaluations[-1]
        shown = replace(last.x, shape=(rows, *last.x.shape[1:]), kind="sequence", rows=(), digest=f"{rows}")
        notebook.evaluations[-1] = replace(last, x=shown, results={"accuracy": rows / 20_000})
    assert notebook.evidence().chosen.notebook_accuracy == 0.4992


@pytest.mark.parametrize(
    ("sizes", "learns"),
    [
        ({"outputs": ((None, 1000),), "loss": "cross_entropy_loss", "y_classes": 10}, True),
        ({"outputs": ((None, 64),), "loss": "triplet_margin_loss", "y_classes": 10}, False),
        ({"outputs": ((None, 10),), "loss": "mse_loss", "y_classes": 10}, True),
        ({"outputs": ((None, 1, 28, 28),), "loss": "mse_loss", "y_classes": 10}, False),
        ({"outputs": ((None, 784),), "loss": "", "y_classes": 10}, False),
    ],
)
def test_what_learns_classes(notebook: Notebook, sizes: dict[str, Any], learns: bool) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, **sizes)
    assert [one.scores for one in candidates(notebook.ledger(), notebook.artifacts)] == [learns]


def test_no_model_to_ask_is_no_image_to_show(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN)
    notebook.fit("m2", np.random.default_rng(0).random((900, 5, 5)), save=False)
    assert notebook.asked() is None


def test_forged_predictions_of_another_form_are_refused(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN, save=False)
    notebook.fallbacks["m1"] = notebook.store.put_array(np.zeros((3, 10), np.float32))
    evidence = notebook.evidence()
    assert evidence.final is None
    assert [gap.ours for gap in evidence.gaps if gap.kind is GapKind.MODEL] == [False]


@pytest.mark.parametrize(("gradients", "ours"), [(19, False), (20, True)])
def test_a_training_that_cannot_be_followed_is_no_fault_of_the_student_s(
    notebook: Notebook, gradients: int, ours: bool
) -> None:
    notebook.cell("w -= lr * w.grad")
    notebook.unfollowed = gradients
    evidence = notebook.evidence()
    assert [gap.ours for gap in evidence.gaps if gap.kind is not GapKind.TABLE] == [ours]
    for name in ("notebook.completes", "modifications.distinct", "model.gain", "model.robustness"):
        finding = _spared(signatures()[name](evidence), signatures()[name], evidence)
        assert (finding.verdict is Verdict.NEEDS_REVIEW) is ours


@pytest.mark.parametrize("kind", ["unserved", "weights"])
@pytest.mark.parametrize("trained", [False, True])
def test_what_is_not_here_is_no_fault_of_the_student_s(notebook: Notebook, kind: str, trained: bool) -> None:
    notebook.cell("model.fit(x)" if trained else "model")
    if trained:
        notebook.fit("m1", TRAIN, quality=b"poor")
    notebook.cell("wanted()")
    notebook.adaptations.append(Adaptation(kind=kind, old="wanted"))
    evidence = notebook.evidence()
    (gap,) = (gap for gap in evidence.gaps if gap.ours)
    assert gap.reason.values == {"names": "wanted"}
    for name in ("modifications.distinct", "modifications.methodical", "model.gain", "model.robustness"):
        finding = _spared(signatures()[name](evidence), signatures()[name], evidence)
        assert finding.verdict is Verdict.NEEDS_REVIEW or finding.share == 1.0
        assert gap.reason in finding.details or finding.share == 1.0 or trained


def test_a_notebook_that_trains_nothing(notebook: Notebook) -> None:
    notebook.cell("1 + 1")
    evidence = notebook.evidence()
    assert evidence.models == () and evidence.final is None
    assert GapKind.MODEL in [gap.kind for gap in evidence.gaps]


def test_of_trainings_under_one_number_the_first_counts(notebook: Notebook) -> None:
    """Copies of a training that a notebook appends to what is recorded of it; a table has a row for each."""
    notebook.cell("model.fit(x_train, y_train)")
    first = notebook.fit("m1", scaled(DATA.x_train))
    table = "| modèle | précision |\n|---|---|\n| un | 0.98 |\n| deux | 0.97 |\n| trois | 0.96 |"
    notebook.cell(table, CellKind.MARKDOWN)
    forged = replace(notebook.ledger(), trainings=(first, replace(first, optimizer={"class_name": "SGD"}), first))
    execution = replace(notebook.execution(), ledger=notebook.store.put(TypeAdapter(Ledger).dump_json(forged)))
    evidence = notebook.evidence(execution=execution)
    assert evidence.ledger.trainings == (first,)
    [gap] = [gap for gap in evidence.gaps if gap.kind is GapKind.RECORDS]
    assert gap.reason.values["numbers"] == "1"


def test_code_that_is_not_looked_into_is_told(notebook: Notebook) -> None:
    notebook.cell("results = [" + "0.5, " * 30_000 + "]")
    notebook.cell("1 + 1")
    [gap] = [gap for gap in notebook.evidence().gaps if gap.kind is GapKind.CODE]
    assert (gap.ours, gap.reason.values["cells"]) == (False, "1")


def test_code_that_ran_and_is_not_understood_is_told(notebook: Notebook) -> None:
    notebook.cell("1 + 1")
    notebook.cell("import os" + " " * 1000 + "; hidden()")
    notebook.cell("a b c")
    execution = notebook.execution()
    failed = replace(execution.cells[2], state=CellState.RAISED)
    evidence = notebook.evidence(execution=replace(execution, cells=(*execution.cells[:2], failed)))
    [gap] = [gap for gap in evidence.gaps if gap.kind is GapKind.CODE]
    assert (gap.ours, gap.reason.values["cells"]) == (False, "2")


def test_code_that_was_not_read_is_told(notebook: Notebook) -> None:
    notebook.cell("1 + 1")
    notebook.cell("# a")
    notebook.cells[1] = replace(notebook.cells[1], beyond=7)
    [gap] = [gap for gap in notebook.evidence().gaps if gap.kind is GapKind.CODE]
    assert (gap.ours, gap.reason.values["cells"]) == (False, "2")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"trainings": [{"number": "x"}]}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_ledger_is_a_gap(notebook: Notebook, content: bytes) -> None:
    execution = replace(notebook.execution(), ledger=notebook.store.put(content))
    evidence = notebook.evidence(execution=execution)
    assert evidence.ledger == Ledger()
    assert GapKind.LEDGER in [gap.kind for gap in evidence.gaps]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04"])
def test_a_damaged_sample_is_no_sample(notebook: Notebook, content: bytes) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN)
    for name in [name for name in notebook.artifacts if name.startswith("sample")]:
        notebook.artifacts[name] = notebook.store.put(content)
    evidence = notebook.evidence()
    assert evidence.chosen is not None and evidence.chosen.preprocessing is None


def test_a_model_file_with_code_is_refused_and_said(notebook: Notebook) -> None:
    notebook.cell("fit")
    notebook.fit("m1", TRAIN)
    notebook.artifacts["fit-1.keras"] = notebook.store.put(b"\x80\x04 a pickle")
    evidence = notebook.evidence()
    assert evidence.chosen is not None and evidence.chosen.problem is not None
    assert evidence.final is None


def test_a_loaded_model_is_measured_by_its_own_weights(notebook: Notebook) -> None:
    """``best_model = load_model(...)`` after a checkpoint: weights that are no training's last ones."""
    notebook.cell("fit")
    notebook.evaluate(notebook.fit("m1", TRAIN, quality=b"poor"), TEST, PUBLIC[b"poor"])
    notebook.cell("best_model = load_model('best.keras')")
    notebook.bindings = {"model": "m1", "best_model": "m2"}
    notebook.evaluations.append(
        Evaluation(
            kind="evaluate",
            model="m2",
            execution_count=2,
            x=notebook.shown(TEST),
            results={"accuracy": PUBLIC[b"good"]},
            saved=notebook.saved("use-2.keras", b"good"),
            weights="other",
        )
    )
    evidence = notebook.evidence()
    chosen = evidence.chosen
    assert chosen is not None and chosen.training is None and chosen.name == "best_model" and chosen.cell == 1
    assert chosen.public_accuracy == PUBLIC[b"good"]


def test_many_models_are_measured_up_to_a_limit(notebook: Notebook) -> None:
    for _ in range(27):
        notebook.cell("fit")
        notebook.fit(f"m{len(notebook.trainings)}", TRAIN)
    evidence = notebook.evidence()
    assert len(evidence.models) == 27
    assert sum(model.where == "probe" for model in evidence.models) == 24
    assert evidence.chosen is evidence.models[-1] and evidence.final is not None


def test_a_reference_that_left_no_model_is_said(notebook: Notebook) -> None:
    notebook.cell("1 + 1")
    with pytest.raises(AutograderError, match="left no model"):
        baseline_from(
            [notebook.execution()], seeds=(1,), data=DATA, rubric=RUBRIC, sandbox=NearestMean(), store=notebook.store
        )


def test_inverted_images_are_prepared_otherwise_whatever_a_few_pixels_say(notebook: Notebook) -> None:
    """Standardised by pixel, the border becomes huge once it is white: the range of all is no measure then."""
    means, spread_of = DATA.x_train.mean(axis=0), DATA.x_train.std(axis=0) + 20
    assert (means[0, :3] == 0).all()
    spread_of[0, :3] = 0.05
    whole = [
        {
            "op": "affine_map",
            "values": {"scale": (1 / spread_of).ravel().tolist(), "offset": (-means / spread_of).ravel().tolist()},
        }
    ]
    turned = [{"op": "affine", "values": {"scale": -1.0, "offset": 255.0}}, *whole]
    other = [
        {
            "op": "affine_map",
            "values": {
                "scale": (1 / spread_of).ravel().tolist(),
                "offset": (0.01 - means / spread_of).ravel().tolist(),
            },
        }
    ]
    hidden = np.ones((28, 28))
    hidden[10:16, 10:16] = 0
    covered = [{"op": "affine_map", "values": {"scale": (hidden / 255).ravel().tolist(), "offset": [0.0] * 784}}]
    sightings = Sightings(DATA, {}, notebook.store)
    assert differ(whole, turned, sightings)
    assert differ([{"op": "affine", "values": {"scale": 1 / 255, "offset": 0.0}}], covered, sightings)
    assert not differ(whole, other, sightings)


def test_as_many_training_images_as_the_test_set_has_are_recognised(notebook: Notebook) -> None:
    """A round number of images, such as ten thousand, is the commonest part that is trained on."""
    total = DATA.card.test_rows
    rows = np.unique(np.linspace(0, total - 1, 40).astype(np.intp))
    spread = DATA.x_train[np.linspace(0, len(DATA.x_train) - 1, total).astype(np.intp)] / 255.0
    shuffled = DATA.x_test[np.random.default_rng(1).permutation(total)] / 255.0
    mixed = np.where((np.arange(total) % 2 == 0)[:, None, None], spread, shuffled)
    noise = np.random.default_rng(2).normal(0, 0.2, spread.shape)
    shown = {"training": spread, "mixed": mixed, "altered": np.clip(DATA.x_test / 255.0 + noise, 0, 1)}
    artifacts = {f"{name}.npy": notebook.store.put_array(one[rows].astype(np.float32)) for name, one in shown.items()}
    sightings = Sightings(DATA, artifacts, notebook.store)

    def seen(name: str) -> Sighting | None:
        facts = {"shape": shown[name].shape, "dtype": "float64", "digest": name, "sample": f"{name}.npy"}
        return sightings.of(ArrayPrint(**facts, kind="array", rows=tuple(map(int, rows))))

    training, half = seen("training"), seen("mixed")
    assert training is not None and (training.public, training.whole) == (0, False)
    assert half is not None and 0 < half.public < len(rows)
    assert seen("altered") is None
