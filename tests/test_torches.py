"""PyTorch: hand-written loops in a real kernel, measured through the host; and the parts, where torch is installed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder.checks import model as model_checks
from autograder.corruptions import SEVERITIES
from autograder.datasets import DataSet, load, room_file
from autograder.execution import Job, execute
from autograder.extraction import extract, prepare_fallback
from autograder.guest.pytorch import batches, devices, nets, passes
from autograder.notebook import read
from autograder.records import (
    Baseline,
    Digest,
    Evidence,
    Execution,
    Json,
    Ledger,
    MeasuredModel,
    Rubric,
    Showing,
    Standing,
    StudentId,
    Submission,
    Training,
)
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook
from tests.notebooks.torches import LOOPS, UNUSUAL

HIDDEN = 100
RUBRIC = Rubric(id="r", version=1, title={}, points=Decimal(20), criteria=(), digest=Digest("sha256:" + "0" * 64))
ABSENT = "PyTorch is not installed: make torch"


class Run:
    """One run of the notebook and what the host made of it."""

    def __init__(self, execution: Execution, store: Store, data: DataSet) -> None:
        assert execution.ledger is not None and execution.notebook is not None
        self.execution, self.data = execution, data
        self.ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
        self.cells = json.loads(store.get(execution.notebook))["cells"][1:]
        submission = Submission(student=StudentId("s"), name="s", source="s", notebook=execution.notebook)
        self.evidence: Evidence = extract(
            submission=submission,
            execution=execution,
            cells=read(store.get(execution.notebook), store),
            template_cells=(),
            data=data,
            baseline=guessing(data, store),
            rubric=RUBRIC,
            sandbox=Plain(),
            store=store,
        )

    def printed(self, cell: int) -> str:
        return "".join(out["text"] for out in self.cells[cell]["outputs"] if out.get("name") == "stdout")

    def figure(self, cell: int) -> float:
        """The last number that the cell printed."""
        return float(re.findall(r"[0-9]+\.[0-9]+", self.printed(cell))[-1])

    def training(self, number: int) -> Training:
        return self.ledger.trainings[number - 1]

    def model(self, number: int) -> MeasuredModel:
        return self.evidence.models[number - 1]


def guessing(data: DataSet, store: Store) -> Baseline:
    """A reference that says the same class of every image."""
    zeros = np.eye(10, dtype=np.float32)[np.zeros(HIDDEN, np.intp)]
    right = float((data.y_hidden == 0).mean())
    return Baseline(
        accuracies=(right,),
        seeds=(1,),
        mean_errors=store.put_array((data.y_hidden != 0).astype(np.float32)),
        predictions=(store.put_array(zeros),),
        robustness=dict.fromkeys(SEVERITIES, (right,) * 5),
        clean_accuracy=right,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return carried_out(tmp_path_factory.mktemp("torches"), LOOPS)


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return carried_out(tmp_path_factory.mktemp("unusual"), UNUSUAL)


def carried_out(folder: Path, cells: Sequence[str]) -> Run:
    pytest.importorskip("torch", reason=ABSENT)
    pytest.importorskip("PIL", reason="Pillow is not installed")
    data, store = load("digits", split_seed=20, hidden_images=HIDDEN), Store(folder / "state")

    content = notebook(*cells)

    def prepare(ledger: Ledger, so_far: Execution) -> Showing | None:
        return prepare_fallback(ledger, so_far, read(content, store), data=data, rubric=RUBRIC, store=store)

    job = Job(notebook=content, data=data, data_file=room_file(data, folder))
    return Run(execute(job, Plain(), store, prepare=prepare), store, data)


# --- a real notebook -------------------------------------------------------------------------------------------------


@pytest.mark.kernel
def test_all_ran_but_what_needs_the_network(run: Run) -> None:
    assert [cell.state.value for cell in run.execution.cells] == ["ran"] * 8 + ["raised", "ran"]
    assert "NoNetwork: pretrained weights" in (run.execution.cells[8].error or "")
    assert run.ledger.notes == ()
    assert not [out for cell in run.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]


@pytest.mark.kernel
def test_each_loop_is_one_training(run: Run) -> None:
    assert [(one.model, one.functions, one.builder) for one in run.ledger.trainings] == [
        ("m1", (), "Net"),
        ("m2", (), ""),
        ("m3", ("train",), "NeuralNetwork"),
        ("m4", ("fit",), "TwoHeads"),
    ]
    assert [one.finished for one in run.ledger.trainings] == [True] * 4
    assert [one.arguments["steps"] for one in run.ledger.trainings] == [48, 32, 48, 48]
    assert [one.arguments["batch_size"] for one in run.ledger.trainings] == [64] * 4
    assert [one.epochs_run for one in run.ledger.trainings] == [3, 2, 3, 3]
    assert [one.parameters for one in run.ledger.trainings] == [13_610, 25_450, 66_250, 25_580]
    assert all(one.seconds > 0 and one.save_error for one in run.ledger.trainings)
    counts = {cell.execution_count: cell.index for cell in run.execution.cells}
    assert [(counts[one.execution_count], counts[one.built_count]) for one in run.ledger.trainings] == [
        (2, 1),
        (4, 4),
        (5, 5),
        (6, 6),
    ]


@pytest.mark.kernel
def test_settings_are_read_from_optimisers_losses_and_data(run: Run) -> None:
    first, second, third, fourth = run.ledger.trainings
    assert [first.optimizer[name] for name in ("name", "learning_rate", "momentum")] == ["sgd", 0.05, 0.9]
    assert [one.optimizer["name"] for one in (second, third, fourth)] == ["adam", "adam", "adamw"]
    assert [one.loss for one in (first, second, third, fourth)] == [
        "nll_loss",
        "nll_loss",
        "cross_entropy_loss",
        "nll_loss",
    ]
    assert third.arguments["callbacks"] == ["ReduceLROnPlateau"]
    assert third.arguments["augmentations"] == ["RandomRotation"]
    assert [one.x.shape for one in (first, second, third)] == [(1000, 1, 28, 28), (1000, 784), (1000, 1, 32, 32)]
    assert first.x.kind == "sequence" and first.x.sample in run.execution.artifacts


@pytest.mark.kernel
def test_layers_are_those_that_were_used_functions_among_them(run: Run) -> None:
    assert [layer.kind for layer in run.training(1).layers] == [
        "Conv2d",
        "ReLU",
        "MaxPool2d",
        "Dropout",
        "Linear",
        "LogSoftmax",
    ]
    convolution, _, _, dropout, *_ = run.training(1).layers
    assert (convolution.config["out_channels"], convolution.config["kernel_size"]) == (8, 3)
    assert convolution.output_shape == (None, 8, 26, 26) and convolution.parameters == 80
    assert dropout.config["p"] == 0.1
    assert [layer.kind for layer in run.training(2).layers] == ["Linear", "ReLU", "Linear", "LogSoftmax"]


@pytest.mark.kernel
def test_epochs_have_figures_and_tests_between_them_are_validations(run: Run) -> None:
    third = run.training(3)
    assert len(third.history["loss"]) == len(third.history["accuracy"]) == len(third.history["val_accuracy"]) == 3
    assert third.history["val_accuracy"][-1] == pytest.approx(run.figure(5) / 100, abs=1e-4)
    tests = [use for use in run.ledger.evaluations if use.x.shape[0] == 10_000]
    assert [(use.kind, use.model) for use in tests] == [
        ("evaluate", "m1"),
        ("evaluate", "m2"),
        ("evaluate", "m3"),
        ("evaluate", "m5"),
    ]
    assert tests[2].functions == ("test",)
    assert tests[0].results["accuracy"] == pytest.approx(run.figure(3) / 100, abs=1e-4)


@pytest.mark.kernel
def test_the_best_weights_are_those_that_were_put_back(run: Run) -> None:
    training, use = run.training(4), run.ledger.evaluations[-1]
    assert len(training.epoch_weights) == 3 and training.epoch_weights.index(training.weights[:16]) == 0
    assert training.weights == use.weights, "loaded into another object they are the same weights"
    measured = run.model(4)
    assert measured.validation_accuracy == training.history["val_accuracy"][0]
    assert measured.public_accuracy == pytest.approx(run.figure(7), abs=1e-4)


@pytest.mark.kernel
def test_variables_name_the_models(run: Run) -> None:
    assert {name: run.ledger.bindings[name] for name in ("model", "mlp", "best_net", "final")} == {
        "model": "m1",
        "mlp": "m2",
        "best_net": "m3",
        "final": "m5",
    }


@pytest.mark.kernel
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_model_is_measured_in_the_kernel(run: Run, number: int) -> None:
    """Exactly as the notebook measured it, whatever its batches, its layout and its order were."""
    measured = run.model(number)
    assert (measured.where, measured.problem) == ("kernel", None)
    assert measured.public_accuracy == pytest.approx(measured.notebook_accuracy, abs=1e-9)
    assert measured.hidden_accuracy is not None
    assert abs(measured.hidden_accuracy - (measured.public_accuracy or 0)) < 0.15
    assert measured.preprocessing_residual is not None and measured.preprocessing_residual < 0.01


@pytest.mark.kernel
def test_transforms_are_found_as_recipes(run: Run) -> None:
    plain, flat, resized, _ = ([step.op for step in model.preprocessing or ()] for model in run.evidence.models)
    assert plain == flat == ["reshape", "affine"]
    assert "resize" in resized
    affine = (run.model(1).preprocessing or ())[1].values
    assert affine["scale"] == pytest.approx(1 / 255 / 0.3081, rel=1e-4)
    assert affine["offset"] == pytest.approx(-0.1307 / 0.3081, rel=1e-4)


@pytest.mark.kernel
def test_predictions_of_the_kernel_are_a_claim(run: Run) -> None:
    assert run.evidence.chosen is not None and run.evidence.final is not None
    assert run.evidence.chosen.id == "m4-t4", "final holds the weights of that training, and was used after best_net"
    assert any("own kernel" in flag.text for flag in run.evidence.final.flags)


@pytest.mark.kernel
def test_the_final_model_is_asked_about_altered_images_in_its_kernel(run: Run) -> None:
    """In an object that has its weights at the end; all 41 times 100 images, in parts of 4,096."""
    altered, final = run.execution.altered, run.evidence.final
    assert altered is not None and (altered.model, altered.problem, len(altered.answers)) == ("m4", None, 2)
    assert final is not None and final.robustness is not None and final.robustness_problem is None
    measured = final.robustness
    assert measured.images == HIDDEN and measured.clean_accuracy == run.model(4).hidden_accuracy
    mildest = [measured.curves[name][0] for name in ("gaussian_noise", "zoom", "contrast")]
    assert measured.clean_accuracy - np.mean(mildest) < 0.1, "prepared as the notebook prepares its images"
    assert all(curve[0] > curve[4] for name, curve in measured.curves.items() if name in ("rotation", "occlusion"))
    finding = model_checks.robustness(run.evidence)
    assert (finding.standing, finding.share) == (Standing.CLAIM, 1.0)
    assert finding.for_teacher is not None and "own kernel" in finding.for_teacher.text


@pytest.mark.kernel
def test_weights_that_moved_to_another_object_answer_there(unusual: Run) -> None:
    altered, chosen = unusual.execution.altered, unusual.evidence.chosen
    assert altered is not None and chosen is not None and altered.problem is None
    assert unusual.ledger.answering[altered.model] == unusual.training(2).weights
    assert unusual.evidence.final is not None and unusual.evidence.final.robustness is not None
    assert unusual.evidence.final.robustness.clean_accuracy == chosen.hidden_accuracy


@pytest.mark.kernel
def test_questions_of_ours_are_no_uses(run: Run) -> None:
    counts = {cell.execution_count for cell in run.execution.cells}
    assert {use.execution_count for use in run.ledger.evaluations} <= counts
    assert len([use for use in run.ledger.evaluations if use.x.shape[0] >= 100]) == 4


@pytest.mark.kernel
def test_what_gives_no_class_scores_is_no_model_to_grade(unusual: Run) -> None:
    assert [cell.state.value for cell in unusual.execution.cells] == ["ran"] * 4
    auto, encoder = unusual.training(1), unusual.ledger.evaluations[0]
    assert auto.outputs == ((None, 784),) and "accuracy" not in auto.history
    assert (encoder.kind, encoder.part_of, encoder.outputs, encoder.results) == (
        "predict",
        auto.model,
        ((None, 32),),
        {},
    )
    assert [model.training for model in unusual.evidence.models] == [2]


@pytest.mark.kernel
def test_the_best_weights_answer_in_whatever_object_they_are(unusual: Run) -> None:
    chosen, trained = unusual.evidence.chosen, unusual.training(2)
    assert chosen is not None and (chosen.id, chosen.where, chosen.problem) == (f"{trained.model}-t2", "kernel", None)
    assert chosen.public_accuracy == pytest.approx(unusual.figure(2), abs=1e-4)
    assert unusual.ledger.answering[trained.model] == trained.weights
    assert trained.epoch_weights[1] == trained.weights[:16], "what followed made it worse"


@pytest.mark.kernel
def test_gradients_of_no_training_are_counted(unusual: Run) -> None:
    assert unusual.ledger.unfollowed == 30
    assert not [gap for gap in unusual.evidence.gaps if gap.ours], "what was trained otherwise is seen"


@pytest.mark.kernel
def test_what_was_adapted_is_told(run: Run) -> None:
    assert {(one.kind, one.old) for one in run.ledger.adaptations} == {
        ("absent", "DataLoader(num_workers=2)"),
        ("absent", ".cuda()"),
        ("absent", ".to('cuda')"),
        ("absent", "torch.compile()"),
        ("absent", "torchsummary.summary(model)"),
        ("spelling", "dataiter.next()"),
        ("spelling", "ReduceLROnPlateau(..., verbose=True)"),
        ("spelling", "torch.load(...)"),
        ("data", "torchvision.datasets.MNIST"),
        ("weights", "models/resnet18-f37072fd.pth"),
    }


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch() -> Json:
    return pytest.importorskip("torch", reason=ABSENT)


@pytest.fixture
def net(torch: Json) -> Json:
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Dropout(0.9), nn.Linear(4, 3))


def test_looking_changes_no_digest_and_training_does(torch: Json, net: Json) -> None:
    before = nets.weights(net)
    net(torch.ones(5, 2, 2))
    assert nets.weights(net) == before, "what a batch normalisation counts is no weight"
    with torch.no_grad():
        net[3].weight[0, 0] += 1e-3
    assert nets.weights(net) != before
    assert nets.weights(torch.nn.LazyLinear(3)) == ""


def test_answers_leave_a_model_as_it_was(torch: Json, net: Json) -> None:
    images = np.random.default_rng(0).random((300, 2, 2)).astype(np.float32)
    net.train()
    kept, before = nets.state(net), nets.weights(net)
    with torch.no_grad():
        net[3].weight.zero_()
    now = nets.weights(net)
    answers = nets.answers(net, images, dtype=torch.float32, batch=64, kept=kept)
    again = nets.answers(net, images, dtype=torch.float32, batch=64, kept=kept)
    assert answers.shape == (300, 3) and answers.dtype == np.float32
    assert (answers == again).all(), "dropout is at rest"
    assert answers.std(axis=0).max() > 0, "the kept weights answered"
    assert nets.weights(net) == now != before
    assert all(part.training for part in net.modules())


def test_a_model_that_insists_on_its_batch_gets_it(torch: Json) -> None:
    class Stubborn(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.out = torch.nn.Linear(4, 2)

        def forward(self, x: Json) -> Json:
            return self.out(x.view(50, 4)), None

    images = np.arange(480, dtype=np.float32).reshape(120, 4)
    answers = nets.answers(Stubborn(), images, dtype=torch.float32, batch=50, kept=None)
    assert answers.shape == (120, 2)


@pytest.mark.parametrize(
    ("labels", "told"), [([[0.0], [1.0], [1.0]], [0, 1, 1]), ([[0.2], [0.8], [1.0]], []), ([[0], [1], [0]], [0, 1, 0])]
)
def test_labels_for_one_probability_are_labels(torch: Json, net: Json, labels: Json, told: list[int]) -> None:
    seen = passes.Pass(model=net, feed=None, count=1, learning=True, caller={}, began=0.0)
    seen.take(torch.zeros(3, 4))
    seen.judge(torch.zeros(3, 1), torch.tensor(labels))
    assert (seen.told()["y_sample"], seen.told()["y_classes"]) == (told, len(set(told)))
    assert seen.accuracy is None, "one output has no largest"


def test_an_optimiser_in_keras_words(torch: Json, net: Json) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=0.01)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    told = nets.optimizer(optimizer)
    assert (told["name"], told["learning_rate"], told["weight_decay"], told["beta_2"]) == ("adam", 0.001, 0.01, 0.999)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("CrossEntropyLoss", "cross_entropy_loss"),
        ("NLLLoss", "nll_loss"),
        ("NllLoss", "nll_loss"),
        ("BCEWithLogitsLoss", "bcewith_logits_loss"),
        ("", ""),
    ],
)
def test_losses_by_name(name: str, told: str) -> None:
    assert nets.loss(name) == told


def test_numbers_of_a_loss(torch: Json) -> None:
    assert nets.loss_settings(torch.nn.CrossEntropyLoss(label_smoothing=0.1)) == {"label_smoothing": 0.1}
    assert nets.loss_settings(torch.nn.NLLLoss()) == {}


# --- batches ---------------------------------------------------------------------------------------------------------


class RandomSampler(list[int]):
    """Only its name says that it shuffles."""


class Loader:
    def __init__(self, rows: int, batch_size: int = 10, *, shuffled: bool = True) -> None:
        self.sampler = RandomSampler(range(rows)) if shuffled else list(range(rows))
        self.batch_sampler, self.batch_size, self.dataset = object(), batch_size, self.sampler

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size)


JOB = {"stride": 1, "train_rows": 1000, "test_rows": 100}


@pytest.mark.parametrize(
    ("loader", "job", "limit"),
    [
        (Loader(1000), JOB, None),
        (Loader(1000), JOB | {"share": 0.25}, 25),
        (Loader(1000, shuffled=False), JOB | {"share": 0.25}, 25),
        (Loader(1000), JOB | {"share": 1 / 1024}, 1),
        (Loader(1000), JOB | {"stride": 4}, 25),
        (Loader(1000), JOB | {"stride": 4, "share": 0.5}, 13),
        (Loader(1000, shuffled=False), JOB | {"stride": 4}, None),
        (Loader(100), JOB | {"stride": 4}, None),
        (Loader(1000), JOB | {"rehearsal": True, "share": 0.5}, batches.REHEARSED_STEPS),
    ],
)
def test_how_much_of_an_epoch_a_training_gets(loader: Loader, job: dict[str, Any], limit: int | None) -> None:
    assert batches.Feed(loader, job).limit == limit


def test_only_trainings_are_cut() -> None:
    feed = batches.Feed(Loader(1000), JOB | {"share": 0.01})
    feed.given = 5
    assert not feed.full()
    feed.steps = 1
    assert feed.full()
    rehearsed = batches.Feed(Loader(1000), JOB | {"rehearsal": True}, before=3)
    rehearsed.take((np.zeros((10, 4)),))
    assert not rehearsed.full(), "the data may be known, and the model another one"
    rehearsed.take((np.zeros((10, 4)),))
    assert rehearsed.full(), "a rehearsal cuts what evaluates too"
    assert batches.pace([rehearsed]) > 0


def test_a_stream_is_never_cut() -> None:
    class Stream:
        sampler = batch_sampler = dataset = None

        def __len__(self) -> int:
            raise TypeError("has no len()")

    assert batches.Feed(Stream(), JOB | {"share": 0.5}).limit is None


def test_augmentation_is_what_is_random_in_the_transforms() -> None:
    rotation, crop = type("RandomRotation", (), {})(), type("RandomCrop", (), {})()
    inner = SimpleNamespace(transforms=[crop])
    data = SimpleNamespace(
        transform=None, dataset=SimpleNamespace(transform=SimpleNamespace(transforms=[rotation, inner, object()]))
    )
    assert batches.augmentations(SimpleNamespace(dataset=data)) == ["RandomCrop", "RandomRotation"]


@pytest.mark.parametrize(
    ("device", "absent"), [("cuda", True), ("cuda:1", True), ("mps", True), ("cpu", False), (3, False), (None, False)]
)
def test_devices_that_are_not_there(device: Json, absent: bool) -> None:
    assert devices.is_absent(device) is absent
    assert devices.is_absent(SimpleNamespace(type=str(device).partition(":")[0])) is absent
