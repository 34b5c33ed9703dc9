"""Small evidence for tests of checks: a baseline, trainings that differ from it, cells around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from autograder.records import (
    ArrayPrint,
    Baseline,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Digest,
    Ending,
    Evidence,
    Execution,
    FinalMeasures,
    Gain,
    Interval,
    Json,
    Layer,
    Ledger,
    MeasuredModel,
    Robustness,
    StudentId,
    Training,
)

DIGEST = Digest("sha256:" + "0" * 64)
ADAM = {"name": "adam", "learning_rate": 0.0010000000474974513, "beta_1": 0.9}


def layer(kind: str, **config: Json) -> Layer:
    return Layer(kind=kind, config=config)


LAYERS = (
    layer("Conv2D", filters=32, kernel_size=[3, 3], activation="relu"),
    layer("MaxPooling2D", pool_size=[2, 2]),
    layer("Conv2D", filters=64, kernel_size=[3, 3], activation="relu"),
    layer("MaxPooling2D", pool_size=[2, 2]),
    layer("Flatten"),
    layer("Dense", units=128, activation="relu"),
    layer("Dense", units=10, activation="softmax"),
)


def training(number: int = 1, **changes: Json) -> Training:
    """A training of the reference model; ``arguments`` are added to epochs 5, batch size 128, split 0.2."""
    arguments = {"epochs": 5, "batch_size": 128, "validation_split": 0.2, **changes.pop("arguments", {})}
    made = Training(
        number=number,
        model=f"m{number}",
        execution_count=number,
        layers=LAYERS,
        optimizer=ADAM,
        loss="categorical_crossentropy",
        arguments=arguments,
        x=ArrayPrint(shape=(60000, 28, 28, 1), dtype="float32", digest="x"),
        epochs_run=arguments["epochs"],
    )
    return replace(made, **changes)


def with_layer(kind: str, at: int = 5, **config: Json) -> tuple[Layer, ...]:
    """The reference layers with one more."""
    return (*LAYERS[:at], layer(kind, **config), *LAYERS[at:])


def code(index: int, source: str = "x = 1") -> Cell:
    return Cell(index=index, kind=CellKind.CODE, source=source)


def text(index: int, source: str) -> Cell:
    return Cell(index=index, kind=CellKind.MARKDOWN, source=source)


def ran(index: int, count: int | None = None) -> CellRun:
    return CellRun(index=index, state=CellState.RAN, execution_count=index + 1 if count is None else count)


def raised(index: int, error: str = "NameError: name 'x' is not defined") -> CellRun:
    return CellRun(index=index, state=CellState.RAISED, execution_count=index + 1, error=error)


def baseline(**changes: Json) -> Baseline:
    made = Baseline(
        accuracies=(0.98, 0.982, 0.981),
        seeds=(1, 2, 3),
        mean_errors=DIGEST,
        predictions=(DIGEST,),
        robustness={"rotation": (0.9,) * 5, "blur": (0.8,) * 5},
        clean_accuracy=0.98,
        layers=LAYERS,
        optimizer=ADAM,
        training=training(1),
    )
    return replace(made, **changes)


def gain(estimate: float, low: float | None = None, high: float | None = None) -> Gain:
    return Gain(
        relative_error_reduction=estimate,
        ci95=Interval(low=estimate - 0.01 if low is None else low, high=estimate + 0.01 if high is None else high),
        p_value=0.01,
        accuracy=0.985,
        baseline_accuracy=0.981,
        images=5000,
    )


def robust(mean: float = 0.85, reference: float = 0.85) -> Robustness:
    return Robustness(
        curves={"rotation": (0.95,) * 5, "blur": (0.7,) * 5},
        baseline_curves={"rotation": (0.9,) * 5, "blur": (0.8,) * 5},
        clean_accuracy=0.98,
        mean_accuracy=mean,
        baseline_mean_accuracy=reference,
        images=2000,
    )


def final(**changes: Json) -> FinalMeasures:
    made = FinalMeasures(
        accuracy=0.985, classes=10, confusion=(), per_class_error=(), gain=gain(0.2), robustness=robust()
    )
    return replace(made, **changes)


def model(**changes: Json) -> MeasuredModel:
    made = MeasuredModel(
        id="m1-t1", name="best_model", training=1, cell=0, chosen=True, public_accuracy=0.985, notebook_accuracy=0.985
    )
    return replace(made, **changes)


def evidence(
    cells: Sequence[Cell] = (),
    runs: Sequence[CellRun] | None = None,
    trainings: Sequence[Training] = (),
    *,
    ending: Ending = Ending.COMPLETED,
    ledger: Mapping[str, Json] | None = None,
    **changes: Json,
) -> Evidence:
    """Cells are made to fit the trainings, one each, where none are given; all of them ran."""
    cells = tuple(cells) or tuple(code(one.number - 1, f"fit_{one.number}()") for one in trainings)
    codes = [cell for cell in cells if cell.kind is CellKind.CODE]
    runs = [ran(cell.index, count) for count, cell in enumerate(codes, 1)] if runs is None else runs
    made = Evidence(
        student=StudentId("ada"),
        cells=cells,
        execution=Execution(ending=ending, cells=tuple(runs)),
        ledger=Ledger(trainings=tuple(trainings), **(ledger or {})),
        baseline=baseline(),
    )
    return replace(made, **changes)
