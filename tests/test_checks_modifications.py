"""What was changed is read from the trainings; why it was changed is looked for in the text near them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autograder.checks.differences import Family, differences
from autograder.checks.modifications import distinct, justified, methodical
from autograder.checks.slight import Why
from autograder.checks.trials import trials
from autograder.messages import render
from autograder.records import (
    ArrayPrint,
    Cell,
    DataCard,
    Evaluation,
    Evidence,
    Json,
    Layer,
    MeasuredModel,
    Training,
    Verdict,
)
from tests.evidence import ADAM, LAYERS, baseline, code, evidence, layer, model, ran, text, training, with_layer

BASE = training(1)


def changed(**changes: Json) -> Training:
    return training(2, **changes)


def layers(*made: Layer) -> dict[str, tuple[Layer, ...]]:
    return {"layers": made}


# --- differences ---------------------------------------------------------------------------------------------------

SAME = {
    "float32 noise": {"optimizer": {**ADAM, "learning_rate": 0.001}},
    "an input layer": layers(layer("InputLayer"), *LAYERS),
    "rescaling in the model": layers(layer("Rescaling", scale=0.00392), *LAYERS),
    "integer labels": {"loss": "SparseCategoricalCrossentropy"},
    "other names and seeds": layers(*(replace(one, config={**one.config, "name": "n", "seed": 3}) for one in LAYERS)),
    "an activation layer": layers(
        *LAYERS[:5], layer("Dense", units=128, activation="linear"), layer("Activation", activation="relu"), LAYERS[6]
    ),
    "callbacks that only watch": {"arguments": {"callbacks": ["ModelCheckpoint", "TensorBoard", "CSVLogger"]}},
    "validation": {"arguments": {"validation_split": 0.1}},
    "logits": {
        "loss": "SparseCategoricalCrossentropy",
        **layers(*LAYERS[:6], layer("Dense", units=10, activation="linear")),
    },
    "dropout of nothing": layers(*with_layer("Dropout", rate=0)),
    "hardly any dropout": layers(*with_layer("Dropout", rate=1e-9)),
    "noise of nothing": layers(*with_layer("GaussianNoise", stddev=0.0)),
    "a rotation by nothing": layers(*with_layer("RandomRotation", factor=[0.0, 0.0])),
    "a penalty of nothing": layers(*with_layer("ActivityRegularization", l1=0.0, l2=0.0)),
    "labels that are hardly smoothed": {"loss_settings": {"label_smoothing": 1e-9}},
    "settings that are told of one loss only": {"loss_settings": {"gamma": 2.0}},
    "fewer rows": {"x": ArrayPrint(shape=(1000, 28, 28, 1))},
    "a loop": {"x": ArrayPrint(kind="sequence", shape=(60000, 28, 28, 1)), "arguments": {"loop": True, "steps": 9}},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
def test_what_makes_no_other_model_is_no_difference(changes: dict[str, Json]) -> None:
    assert differences(BASE, changed(**changes)) == ()


def shaped(*made: Layer, first: tuple[int, ...] = (28, 28, 1)) -> tuple[Layer, ...]:
    """Layers of a chain whose forms are known: a kind that is not among these keeps the form."""
    form: tuple[int | None, ...] = first
    found = []
    for one in made:
        form = {"Flatten": (784,), "Dense": (one.config.get("units"),)}.get(one.kind, form)
        found.append(replace(one, output_shape=(None, *form)))
    return tuple(found)


FORMED = shaped(layer("Conv2D", filters=8), layer("Flatten"), layer("Dense", units=10))


def formed(*forms: tuple[str, tuple[int, ...]]) -> tuple[Layer, ...]:
    """The same with other layers in the place of the one that makes images flat, each with its form."""
    return (FORMED[0], *(replace(layer(kind), output_shape=(None, *form)) for kind, form in forms), FORMED[2])


@pytest.mark.parametrize(
    ("between", "same"),
    [
        ((("Flatten", (784,)), ("Reshape", (28, 28)), ("Flatten", (784,))), True),
        ((("Reshape", (784,)), ("Reshape", (28, 28, 1)), ("Flatten", (784,))), True),
        ((("Reshape", (28, 28)), ("Conv1D", (28, 28)), ("Flatten", (784,))), False),
        ((("Flatten", (784,)), ("Reshape", (28, 28))), False),
    ],
)
def test_forms_that_are_taken_back(between: tuple[tuple[str, tuple[int, ...]], ...], same: bool) -> None:
    base, one = changed(**layers(*FORMED)), changed(**layers(*formed(*between)))
    assert (differences(base, one) == ()) is same


def penalised(told: str) -> dict[str, tuple[Layer, ...]]:
    return layers(*LAYERS[:5], replace(LAYERS[5], config={**LAYERS[5].config, "kernel_regularizer": told}), LAYERS[6])


def limited(**settings: Json) -> dict[str, Json]:
    return {"optimizer": {**ADAM, **settings}}


def steered(*callbacks: str, **arguments: Json) -> dict[str, Json]:
    return {"arguments": {"callbacks": list(callbacks), **arguments}}


IDLE: dict[str, dict[str, Json]] = {
    "L2 of nothing": penalised("L2(l2=0.0)"),
    "L1 of nothing": penalised("L1(l1=0.0)"),
    "L1 and L2 of nothing": penalised("L1L2(l1=0.0, l2=0.0)"),
    "L2 below what float32 shows": penalised("L2(l2=1e-30)"),
    "a constraint that is never reached": layers(
        *LAYERS[:6],
        replace(LAYERS[6], config={**LAYERS[6].config, "bias_constraint": "MaxNorm(max_value=1e+30, axis=0)"}),
    ),
    "pooling of single pixels": layers(*with_layer("MaxPooling2D", at=1, pool_size=[1, 1], strides=[1, 1])),
    "averages of single pixels": layers(*with_layer("AveragePooling2D", at=1, pool_size=[1, 1], padding="same")),
    "enlarging by one": layers(*with_layer("UpSampling2D", at=1, size=[1, 1])),
    "a border of nothing": layers(*with_layer("ZeroPadding2D", at=1, padding=[[0, 0], [0, 0]])),
    "a crop of nothing": layers(*with_layer("Cropping2D", at=1, cropping=[[0, 0], [0, 0]])),
    "the same form": layers(*with_layer("Reshape", at=0, target_shape=[28, 28, 1])),
    "axes in their order": layers(*with_layer("Permute", at=0, dims=[1, 2, 3])),
    "rows that are repeated once": layers(*with_layer("RepeatVector", at=1, n=1)),
    "a linear activation, step by step": layers(
        *with_layer("TimeDistributed", at=1, layer="Activation(activation=linear)")
    ),
    "a dropout of 0, step by step": layers(*with_layer("TimeDistributed", at=1, layer="Dropout(rate=0.0)")),
    "a scale of one, step by step": layers(
        *with_layer("TimeDistributed", at=1, layer="Rescaling(scale=1, offset=0.0)")
    ),
    "a translation by nothing": layers(
        *with_layer("RandomTranslation", at=0, height_factor=[0.0, 0.0], width_factor=[0.0, 0.0])
    ),
    "a zoom of nothing": layers(*with_layer("RandomZoom", at=0, height_factor=[0.0, 0.0])),
    "contrast": layers(*with_layer("RandomContrast", at=0, factor=[0.0, 0.0])),
    "brightness": layers(*with_layer("RandomBrightness", at=0, factor=[-1e-6, 1e-6])),
    "sharpness as it is": layers(*with_layer("RandomSharpness", at=0, factor=[0.5, 0.5])),
    "no jitter": layers(*with_layer("RandomColorJitter", at=0, brightness_factor=[0.0, 0.0])),
    "dropout of nothing in space": layers(*with_layer("SpatialDropout2D", at=2, rate=0.0)),
    "noise below what is seen": layers(*with_layer("GaussianNoise", stddev=1e-8)),
    "rescaling by one": layers(*with_layer("Rescaling", at=0, scale=1.0, offset=0.0)),
    "a line as an activation": layers(*with_layer("Activation", at=2, activation="linear")),
    "a line that leaks": layers(*with_layer("LeakyReLU", at=1, negative_slope=1.0)),
    "an absurd limit of gradients": limited(clipnorm=1e9),
    "a limit far beyond the gradients that there were": {
        **limited(clipnorm=1000.0), "arguments": {"epochs": 5, "batch_size": 128, "steepest": 2.5}
    },
    "hardly another rate": limited(learning_rate=0.00101),
    "a penalty that was not felt": layers(*LAYERS[:5], replace(
        LAYERS[5], config={**LAYERS[5].config, "bias_regularizer": "L2(l2=1e-06)"}, unfelt=("bias_regularizer",)
    ), LAYERS[6]),
    "a divergence from labels": {"loss": "kl_divergence"},
    "no limit of gradients": limited(clipvalue=0.0),
    "no decay of weights": limited(weight_decay=0.0),
    "a decay below what float32 shows": limited(weight_decay=1e-20),
    "AdamW without its decay": limited(name="adamw", weight_decay=0.0),
    "a schedule that stays": limited(
        learning_rate="ExponentialDecay(initial_learning_rate=0.001, decay_steps=100, decay_rate=1.0)"
    ),
    "restarts of a schedule that stays": limited(
        learning_rate="CosineDecayRestarts(initial_learning_rate=0.001, first_decay_steps=100, t_mul=2.0, alpha=1.0)"
    ),
    "a patience beyond the end": steered("EarlyStopping", patience={"EarlyStopping": 5}),
    "a plateau that cannot come": steered("ReduceLROnPlateau", patience={"ReduceLROnPlateau": 50}),
    "values of a schedule that are one": limited(
        learning_rate="PiecewiseConstantDecay(name=PiecewiseConstant)", rates=[0.001, 0.001]
    ),
    "a schedule that stays, as it was asked": limited(learning_rate="CosineDecay(alpha=1.0)", rates=[0.00099999, 1e-3]),
    "stopping by what is not there": steered("EarlyStopping", blind={"EarlyStopping": "val_loss"}),
    "a plateau of what is not there": steered(
        "ReduceLROnPlateau", patience={"ReduceLROnPlateau": 1}, blind={"ReduceLROnPlateau": "nothing"}
    ),
    "a floor as high as the rate": {
        **steered("ReduceLROnPlateau", floor={"ReduceLROnPlateau": 0.001}), "history": {"learning_rate": (0.001,) * 5}
    },
    "a layer that hands on": layers(*LAYERS[:5], replace(layer("Dense", units=9), idle=True), *LAYERS[5:]),
    "a normalisation that hands on": layers(replace(layer("BatchNormalization"), idle=True), *LAYERS),
    "a callback that looks on": steered("StopPrinting", onlookers=["StopPrinting"]),
    "a schedule of one's own that stays": {
        **steered("LearningRateScheduler"), "history": {"learning_rate": (0.001,) * 5}
    },
}  # fmt: skip


@pytest.mark.parametrize("changes", IDLE.values(), ids=IDLE.keys())
def test_what_is_without_effect_is_no_difference(changes: dict[str, Json]) -> None:
    assert differences(BASE, changed(**changes)) == ()
    assert differences(changed(**changes), BASE) == ()


ACTING: dict[str, tuple[dict[str, Json], str]] = {
    "a small penalty": (penalised("L2(l2=1e-05)"), "+ L2(l2=1e-05) ×1"),
    "half of two penalties": (penalised("L1L2(l1=0.0, l2=0.01)"), "+ L2(l2=0.01) ×1"),
    "a penalty of one's own": (penalised("Mine"), "+ Mine ×1"),
    "a norm that is reached": (penalised("MaxNorm(max_value=2, axis=0)"), "+ MaxNorm(max_value=2, axis=0) ×1"),
    "steps of a pooling over single pixels": (
        layers(*with_layer("MaxPooling2D", at=1, pool_size=[1, 1], strides=[2, 2])), "+ MaxPooling2D(1×1)"
    ),
    "pooling in one direction": (
        layers(*with_layer("MaxPooling2D", at=1, pool_size=[1, 2], strides=[1, 1])), "+ MaxPooling2D(1×2)"
    ),
    "a border below": (layers(*with_layer("ZeroPadding2D", at=1, padding=[[0, 1], [0, 0]])), "+ ZeroPadding2D"),
    "a translation in width alone": (
        layers(*with_layer("RandomTranslation", at=0, height_factor=[0.0, 0.0], width_factor=[-0.1, 0.1])),
        "+ RandomTranslation(0, 0)",
    ),
    "brightness on one side": (
        layers(*with_layer("RandomBrightness", at=0, factor=[0.0, 0.2])), "+ RandomBrightness(0, 0.2)"
    ),
    "grey instead of colours": (
        layers(*with_layer("RandomSaturation", at=0, factor=[0.0, 0.0])), "+ RandomSaturation(0, 0)"
    ),
    "a setting that is not known": (layers(*with_layer("RandomRotation", at=0)), "+ RandomRotation"),
    "a dropout, step by step": (
        layers(*with_layer("TimeDistributed", layer="Dropout(rate=0.3)")), "+ TimeDistributed"
    ),
    "a little dropout": (layers(*with_layer("Dropout", rate=0.01)), "+ Dropout(0.01)"),
    "half the rate": (limited(learning_rate=0.0005), "learning_rate 0.001 → 0.0005"),
    "a rate a tenth higher": (limited(learning_rate=0.0011), "learning_rate 0.001 → 0.0011"),
    "a limit not far beyond the gradients": (
        {**limited(clipnorm=5.0), "arguments": {"epochs": 5, "batch_size": 128, "steepest": 0.3}}, "clipnorm none → 5"
    ),
    "another penalty than one that was not felt": (
        layers(*LAYERS[:5], replace(LAYERS[5], unfelt=("bias_regularizer",),
               config={**LAYERS[5].config, "kernel_regularizer": "L2(l2=1e-06)"}), LAYERS[6]),
        "+ L2(l2=1e-06) ×1",
    ),
    "a limit of gradients": (limited(clipnorm=1.0), "clipnorm none → 1"),
    "a limit of all gradients": (limited(global_clipnorm=1.0), "global_clipnorm none → 1"),
    "AdamW": (limited(name="adamw", weight_decay=0.004), "optimizer adam(0.001) → adamw(0.001)"),
    "patience within the epochs": (steered("EarlyStopping", patience={"EarlyStopping": 4}), "+ EarlyStopping"),
    "a schedule that had no time left": (
        {**steered("LearningRateScheduler"), "history": {"learning_rate": (0.001,) * 3}}, "+ LearningRateScheduler"
    ),
    "a floor below the rate": (steered("ReduceLROnPlateau", floor={"ReduceLROnPlateau": 1e-5}), "+ ReduceLROnPlateau"),
    "a floor below a rate that was raised": (
        {**steered("ReduceLROnPlateau", floor={"ReduceLROnPlateau": 0.001}), "history": {"learning_rate": (0.01,) * 5}},
        "+ ReduceLROnPlateau",
    ),
    "one of two that is blind": (
        steered("EarlyStopping", "ReduceLROnPlateau", blind={"ReduceLROnPlateau": "val_loss"}), "+ EarlyStopping"
    ),
    "a schedule with another value": (
        limited(learning_rate="PiecewiseConstantDecay(name=Piecewise)", rates=[0.0001, 0.001]),
        "+ PiecewiseConstantDecay(name=Piecewise)",
    ),
    "a callback that acts beside one that looks on": (
        steered("StopPrinting", "MySchedule", onlookers=["StopPrinting"]), "+ MySchedule"
    ),
    "another rate, set by a callback": (
        {**steered("LearningRateScheduler"), "history": {"learning_rate": (0.01,) * 5}}, "+ LearningRateScheduler"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), ACTING.values(), ids=ACTING.keys())
def test_a_small_effect_is_an_effect(changes: dict[str, Json], told: str) -> None:
    assert [change.text for change in differences(BASE, changed(**changes))] == [told]


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("beta_2", 0.999, 0.99901, []),
        ("beta_2", 0.999, 0.9992, ["beta_2 0.999 → 0.9992"]),
        ("momentum", 0.0, 0.9, ["momentum 0 → 0.9"]),
        ("momentum", 0.9, 0.95, ["momentum 0.9 → 0.95"]),
        ("momentum", 0.9, 0.901, []),
        ("nesterov", False, True, ["nesterov False → True"]),
    ],
)
def test_settings_of_an_optimiser_that_hardly_differ(name: str, before: Json, after: Json, told: list[str]) -> None:
    found = differences(training(1, **limited(**{name: before})), changed(**limited(**{name: after})))
    assert [change.text for change in found] == told


def test_a_divergence_is_another_loss_where_no_shares_come_out() -> None:
    numbers = layers(*LAYERS[:6], replace(LAYERS[6], config={"units": 10, "activation": "sigmoid"}))
    found = differences(training(1, **numbers), changed(loss="kl_divergence", **numbers))
    assert [change.text for change in found] == ["loss categoricalcrossentropy → kldivergence"]


def test_what_is_flat_or_positive_already_is_made_so_once() -> None:
    dense = layer("Dense", units=16, activation="relu")
    base = training(1, layers=shaped(layer("Flatten"), dense, LAYERS[6]))
    again = shaped(layer("Flatten"), layer("Flatten"), dense, layer("Dropout", rate=0.0), layer("ReLU"), LAYERS[6])
    assert differences(base, training(2, layers=again)) == ()
    flat = training(1, layers=shaped(dense, LAYERS[6], first=(784,)), x=ArrayPrint(shape=(60000, 784)))
    assert differences(flat, replace(flat, layers=shaped(layer("Flatten"), dense, LAYERS[6]))) == ()
    normal = shaped(layer("Flatten"), dense, layer("BatchNormalization"), layer("ReLU"), LAYERS[6])
    assert {change.name for change in differences(base, training(2, layers=normal))} == {"layers", "BatchNormalization"}


PIXELS = ArrayPrint(shape=(60000, 28, 28, 1), dtype="float32", digest="x", low=0.0, high=1.0)
BORDER = layer("ZeroPadding2D", padding=[[2, 1], [1, 1]], data_format="channels_last")
CUT = layer("Cropping2D", cropping=[[2, 1], [1, 1]], data_format="channels_last")
TWICE = layer("UpSampling2D", size=[2, 2], interpolation="nearest")
HALF = layer("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], padding="valid")


@pytest.mark.parametrize(
    ("added", "idle"),
    [
        ((BORDER, CUT), True),
        ((BORDER, BORDER, CUT, CUT), True),
        ((BORDER, layer("Dropout", rate=0.0), CUT), True),
        ((CUT, BORDER), False),
        ((BORDER, replace(CUT, config={"cropping": [[1, 2], [1, 1]], "data_format": "channels_last"})), False),
        ((BORDER, replace(CUT, config={**CUT.config, "data_format": "channels_first"})), False),
        ((BORDER, layer("Conv2D", filters=1, kernel_size=[1, 1]), CUT), False),
        ((layer("ZeroPadding2D"), layer("Cropping2D")), False),
        ((TWICE, HALF), True),
        ((TWICE, layer("AveragePooling2D", pool_size=[2, 2])), True),
        ((HALF, TWICE), False),
        ((replace(TWICE, config={"size": [2, 2], "interpolation": "bilinear"}), HALF), False),
        ((TWICE, layer("MaxPooling2D", pool_size=[2, 2], strides=[1, 1])), False),
        ((TWICE, layer("MaxPooling2D", pool_size=[3, 3])), False),
        ((layer("ReLU"),), True),
        ((layer("Rescaling", scale=0.5, offset=0.0), layer("Activation", activation="relu")), True),
        ((layer("Rescaling", scale=2.0, offset=-1.0), layer("ReLU")), False),
        ((layer("ReLU", max_value=6.0),), False),
        ((layer("ReLU", threshold=0.5),), False),
        ((layer("ReLU", max_value=1e9),), True),
        ((layer("LeakyReLU", negative_slope=0.1),), True),
        ((layer("Rescaling", scale=2.0, offset=-1.0), layer("LeakyReLU", negative_slope=0.1)), False),
        ((BORDER, layer("Reshape"), CUT), True),
        ((BORDER, layer("Permute", dims=[2, 1, 3]), CUT), False),
        ((layer("Masking", mask_value=-7.0),), True),
        ((layer("Masking", mask_value=2.0),), True),
        ((layer("Masking", mask_value=0.0),), False),
        ((layer("Rescaling", scale=2.0, offset=-9.0), layer("Masking", mask_value=-7.0)), False),
    ],
)
def test_layers_that_undo_one_another_or_keep_what_is_positive(added: tuple[Layer, ...], idle: bool) -> None:
    rest = (layer("Flatten"), layer("Dense", units=16, activation="relu"), LAYERS[6])
    base = training(1, layers=shaped(*rest), x=PIXELS)
    other = replace(base, number=2, layers=shaped(*added, *rest))
    assert (differences(base, other) == ()) is idle
    assert (differences(other, base) == ()) is idle


COURSE = {"loss": (0.71, 0.32), "accuracy": (0.78, 0.91), "val_loss": (0.41, 0.25)}


@pytest.mark.parametrize(
    ("changes", "history", "same"),
    [
        (layers(*with_layer("Mine", at=2)), COURSE, True),
        ({"loss": "mine"}, COURSE, True),
        (layers(*with_layer("Mine", at=2)), {**COURSE, "loss": (0.71, 0.3201)}, False),
        (layers(*with_layer("Mine", at=2)), {name: (*told, 0.2) for name, told in COURSE.items()}, False),
        (layers(*with_layer("Mine", at=2)), {"loss": COURSE["loss"]}, False),
        (steered("EarlyStopping"), COURSE, False),
        (limited(clipnorm=1.0), COURSE, False),
        (penalised("MaxNorm(max_value=3, axis=0)"), COURSE, False),
    ],
)
def test_what_took_the_same_course_was_not_changed(
    changes: dict[str, Json], history: dict[str, tuple[float, ...]], same: bool
) -> None:
    """What waits for an occasion may have had none."""
    base = replace(BASE, history=COURSE, y_classes=10)
    assert (differences(base, replace(changed(**changes), history=history, y_classes=10)) == ()) is same


def test_models_that_learned_nothing_are_alike_whatever_was_changed() -> None:
    dead = {"loss": (2.3026, 2.3026), "accuracy": (0.1124, 0.1124)}
    base = replace(BASE, history=dead, y_classes=10)
    other = replace(changed(**layers(*with_layer("Mine", at=2))), history=dead, y_classes=10)
    assert [change.name for change in differences(base, other)] == ["layers"]


@pytest.mark.parametrize(
    "images", [replace(PIXELS, low=-1.0), replace(PIXELS, low=None), replace(PIXELS, kind="dataset")]
)
def test_images_that_may_be_negative_are_changed_by_a_relu(images: ArrayPrint) -> None:
    rest = (layer("Flatten"), layer("Dense", units=16, activation="relu"), LAYERS[6])
    base = training(1, layers=shaped(*rest), x=images)
    assert differences(base, replace(base, layers=shaped(layer("ReLU"), *rest))) != ()


def test_what_another_branch_has_made_is_not_known() -> None:
    """Layers are listed one after the other, and need not be given what the one before has made."""
    start = (layer("Flatten"), layer("Dense", units=16, activation="relu"))
    base = training(1, layers=shaped(*start, layer("Concatenate"), LAYERS[6]))
    branch = training(2, layers=shaped(*start, layer("ReLU"), layer("Concatenate"), LAYERS[6]))
    assert [change.name for change in differences(base, branch)] == ["layers"]


def rows(count: int, distinct: int, even: float) -> ArrayPrint:
    return ArrayPrint(shape=(count, 28, 28, 1), digest=f"{count}", distinct=distinct, even=even)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (rows(6000, 6000, 6000.0), rows(12000, 6000, 6000.0), False),
        (rows(6000, 104, 103.4), rows(18000, 104, 103.4), False),
        (rows(6000, 6000, 6000.0), rows(12000, 12000, 12000.0), True),
        (rows(6000, 6000, 6000.0), rows(7000, 6000, 5400.0), True),
        (rows(30000, 1038, 1018.0), rows(60000, 1038, 1037.9), True),
        (rows(6000, 104, 103.4), rows(12000, 208, 206.8), True),
        (rows(6000, 0, 0.0), rows(12000, 0, 0.0), True),
        (rows(6000, 6000, 6000.0), rows(12000, 0, 0.0), True),
    ],
    ids=["twice", "thrice, each many times", "others", "oversampled", "all of a set", "another part", *["unknown"] * 2],
)
def test_the_same_rows_given_again_are_no_augmentation(before: ArrayPrint, after: ArrayPrint, more: bool) -> None:
    changes = differences(changed(x=before), changed(x=after))
    assert [change.name for change in changes] == (["rows"] if more else [])
    fewer = differences(changed(x=before, arguments={"epochs": 6}), changed(x=after, arguments={"epochs": 3}))
    known = not more and after.shape[0] == 2 * before.shape[0]
    assert [change.name for change in fewer] == ([] if known else ["epochs"] if not more else ["rows", "epochs"])


FILTERS = layers(layer("Conv2D", filters=64, kernel_size=[3, 3], activation="relu"), *LAYERS[1:])
KERNELS = layers(layer("Conv2D", filters=32, kernel_size=[5, 5], activation="relu"), *LAYERS[1:])
PENALTY = layers(*LAYERS[:5], layer("Dense", units=128, activation="relu", kernel_regularizer="L2(l2=0.01)"), LAYERS[6])
GENERATOR = {"x": ArrayPrint(kind="sequence", shape=(60000, 28, 28, 1)), "arguments": {"batch_size": None}}

DIFFERENT: dict[str, tuple[dict[str, Json], Family, str]] = {
    "a layer more": (layers(*with_layer("Dense", units=64)), Family.ARCHITECTURE, "+ Dense(64)"),
    "a layer less": (layers(*LAYERS[:5], LAYERS[6]), Family.ARCHITECTURE, "− Dense(128)"),
    "filters": (FILTERS, Family.ARCHITECTURE, "filters 32, 64 → 64, 64"),
    "kernels": (KERNELS, Family.ARCHITECTURE, "kernel_size 3×3, 3×3 → 5×5, 3×3"),
    "dropout": (layers(*with_layer("Dropout", rate=0.3)), Family.REGULARISATION, "+ Dropout(0.3)"),
    "batch norm": (layers(*with_layer("BatchNormalization", at=1)), Family.REGULARISATION, "+ BatchNormalization"),
    "a penalty": (PENALTY, Family.REGULARISATION, "+ L2(l2=0.01) ×1"),
    "weight decay": ({"optimizer": {**ADAM, "weight_decay": 0.01}}, Family.REGULARISATION, "+ weight_decay 0.01"),
    "optimiser": (
        {"optimizer": {"name": "SGD", "learning_rate": 0.01}},
        Family.HYPERPARAMETERS,
        "optimizer adam(0.001) → sgd(0.01)",
    ),
    "learning rate": (
        {"optimizer": {**ADAM, "learning_rate": 0.0005}}, Family.HYPERPARAMETERS, "learning_rate 0.001 → 0.0005"
    ),
    "batch size": ({"arguments": {"batch_size": 64}}, Family.HYPERPARAMETERS, "batch_size 128 → 64"),
    "batch size left to Keras": ({"arguments": {"batch_size": None}}, Family.HYPERPARAMETERS, "batch_size 128 → 32"),
    "augmenting layers": (
        layers(*with_layer("RandomRotation", at=0, factor=[-0.1, 0.1])),
        Family.AUGMENTATION,
        "+ RandomRotation(-0.1, 0.1)",
    ),
    "a zoom in width alone": (
        layers(*with_layer("RandomZoom", at=0, height_factor=[0.0, 0.0], width_factor=[-0.1, 0.1])),
        Family.AUGMENTATION,
        "+ RandomZoom(0, 0)",
    ),
    "a generator": (GENERATOR, Family.AUGMENTATION, "fit(array) → fit(sequence)"),
    "a generator of what it alters": (
        {**GENERATOR, "arguments": {**GENERATOR["arguments"], "augmentations": ["rotation_range"]}},
        Family.AUGMENTATION,
        "+ rotation_range",
    ),
    "more rows": ({"x": ArrayPrint(shape=(120000, 28, 28, 1))}, Family.AUGMENTATION, "x 60000 → 120000"),
    "smoothed labels": (
        {"loss": "SparseCategoricalCrossentropy", "loss_settings": {"label_smoothing": 0.1}},
        Family.REGULARISATION,
        "label_smoothing 0 → 0.1",
    ),
    "epochs": ({"arguments": {"epochs": 12}}, Family.STRATEGY, "epochs 5 → 12"),
    "weights that others learnt": ({"learnt_from": (1,)}, Family.STRATEGY, "+ pretrained weights"),
    "early stopping": ({"arguments": {"callbacks": ["EarlyStopping"]}}, Family.STRATEGY, "+ EarlyStopping"),
    "a step that moved weights": ({"arguments": {"stirring": True}}, Family.STRATEGY, "+ own training step"),
    "a callback that moved weights": (
        {"arguments": {"callbacks": ["KeepZeros", "Diary"], "movers": ["KeepZeros"]}},
        Family.STRATEGY,
        "+ KeepZeros",
    ),
    "a schedule": (
        {"optimizer": {**ADAM, "learning_rate": "ExponentialDecay(rate=0.9)"}},
        Family.STRATEGY,
        "+ ExponentialDecay(rate=0.9)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "family", "told"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_each_change_is_told_with_its_family(changes: dict[str, Json], family: Family, told: str) -> None:
    found = differences(BASE, changed(**changes))
    assert [(change.family, change.text) for change in found] == [(family, told)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"arguments": {"batch_size": 129}}, []),
        ({"optimizer": {**ADAM, "learning_rate": 0.00101}}, []),
        ({"arguments": {"batch_size": 144}}, ["batch_size 128 → 144"]),
        ({"optimizer": {**ADAM, "learning_rate": 0.0012}}, ["learning_rate 0.001 → 0.0012"]),
        ({"arguments": {"epochs": 6}}, ["epochs 5 → 6"]),
    ],
)
def test_a_setting_that_is_next_to_the_same_is_the_same(changes: dict[str, Json], told: list[str]) -> None:
    assert [change.text for change in differences(BASE, changed(**changes))] == told


def test_settings_of_the_same_loss() -> None:
    focal = [changed(loss="focal", loss_settings={"gamma": gamma}) for gamma in (2.0, 5.0)]
    assert [change.text for change in differences(*focal)] == ["gamma 2 → 5"]
    assert [change.name for change in differences(focal[0], changed(loss="other", loss_settings={"gamma": 5.0}))] == [
        "loss"
    ]


def test_a_loss_for_each_output_comes_with_the_outputs() -> None:
    one, two = ({"outputs": ((None, 10),) * count, "loss": loss} for count, loss in ((1, "mse"), (2, "several")))
    assert differences(changed(**one), changed(**two)) == ()
    assert [change.name for change in differences(changed(**one), changed(**{**one, "loss": "mae"}))] == ["loss"]


def test_odd_records_of_a_hostile_kernel_are_only_different() -> None:
    odd = changed(
        layers=(layer("Conv2D", filters={"a": [1]}, kernel_size="x" * 1000), layer("Dense", units=float("1e308"))),
        optimizer={"name": 3, "learning_rate": [1, {}]},
        arguments={"epochs": "many", "batch_size": {}, "callbacks": "EarlyStopping"},
    )
    assert all(len(change.text) < 400 for change in differences(BASE, odd))


def test_where_data_flow_a_callback_may_be_what_these_go_by() -> None:
    flowing = ArrayPrint(kind="sequence", shape=(60000, 28, 28, 1))
    seen = changed(x=flowing, **steered("MixupRate", onlookers=["MixupRate"]))
    assert [change.name for change in differences(changed(x=flowing), seen)] == ["MixupRate"]


def test_a_figure_that_never_was_is_named() -> None:
    blind = steered("EarlyStopping", blind={"EarlyStopping": "val_loss"})
    finding = distinct(evidence(trainings=[*three(), training(5, **blind)]))
    told = [detail for detail in finding.details if "watches" in detail.text]
    assert [detail.values["figure"] for detail in told] == ["val_loss"]
    assert finding.found["modifications"] is not None and len(finding.found["modifications"]) == 3


# --- distinct ------------------------------------------------------------------------------------------------------

DROPOUT = with_layer("Dropout", rate=0.3)
NORM = with_layer("BatchNormalization", at=1)
DEEPER = with_layer("Dense", units=64)


def three(*, start: int = 1) -> list[Training]:
    """The baseline and three modifications of it, one change each."""
    made = (LAYERS, DROPOUT, NORM, DEEPER)
    return [training(start + number, layers=one) for number, one in enumerate(made)]


def test_three_modifications_earn_everything() -> None:
    finding = distinct(evidence(trainings=three()))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)
    told = [detail.values.get("changes") for detail in finding.details]
    assert told == ["+ Dropout(0.3)", "+ BatchNormalization", "+ Dense(64)"]
    assert finding.cells == (1, 2, 3)


@pytest.mark.parametrize(("count", "share"), [(1, 0.0), (2, 1 / 3), (3, 2 / 3)])
def test_each_earns_a_third(count: int, share: float) -> None:
    finding = distinct(evidence(trainings=three()[:count]))
    assert finding.share == pytest.approx(share)
    assert finding.advice is not None
    assert finding.advice.values["missing"] == 4 - count


def test_a_modification_of_several_kinds_is_one_line() -> None:
    both = training(2, layers=with_layer("Dense", units=64), arguments={"epochs": 9}, labels={"name": "both"})
    both = replace(both, layers=(*both.layers[:-1], layer("Dropout", rate=0.3), both.layers[-1]))
    finding = distinct(evidence(trainings=[training(1), both]))
    (told,) = (render(detail, "fr") for detail in finding.details)
    assert told.startswith(
        "both (cellule 2), architecture, régularisation, stratégie d’entraînement\u00a0: + Dense(64)"
    )
    assert "; + Dropout(0.3); epochs 5 → 9" in told


def test_the_same_settings_again_count_once() -> None:
    again = [*three()[:2], training(3, layers=DROPOUT), training(4, layers=DROPOUT)]
    finding = distinct(evidence(trainings=again))
    assert finding.share == pytest.approx(1 / 3)
    assert any(detail.values.get("times") == 2 for detail in finding.details)


def test_values_of_one_setting_are_one_modification() -> None:
    sizes = [training(1), *(training(2 + n, arguments={"batch_size": size}) for n, size in enumerate((32, 64, 256)))]
    assert distinct(evidence(trainings=sizes)).share == pytest.approx(1 / 3)
    assert distinct(evidence(trainings=sizes), sweeps_count_once=False).share == 1.0
    optimisers = [
        training(1),
        *(training(2 + n, optimizer={"name": name}) for n, name in enumerate(("sgd", "rmsprop"))),
    ]
    assert distinct(evidence(trainings=optimisers)).share == pytest.approx(2 / 3)


def test_what_differs_without_effect_is_named() -> None:
    idle = training(2, layers=with_layer("Dropout", rate=0.0), labels={"name": "with dropout"})
    finding = distinct(evidence(trainings=[training(1), idle, training(3, layers=DROPOUT)]))
    told = [detail.values["model"] for detail in finding.details if "nothing that has an effect" in detail.text]
    assert (told, finding.share) == (["with dropout"], pytest.approx(1 / 3))


def test_what_was_not_trained_does_not_count() -> None:
    broken = [*three()[:3], training(4, layers=DEEPER, finished=False), training(5, layers=DEEPER, epochs_run=0)]
    finding = distinct(evidence(trainings=broken))
    assert finding.share == pytest.approx(2 / 3)
    assert sum("did not finish" in detail.text for detail in finding.details) == 2
    nothing = distinct(evidence([code(0)]))
    assert (nothing.verdict, nothing.share) == (Verdict.UNREACHED, 0.0)


def test_all_in_one_function_and_one_cell() -> None:
    made = [replace(one, execution_count=1, functions=("evaluate_model",)) for one in three()]
    finding = distinct(evidence([code(0, "run_all()")], trainings=made))
    assert finding.share == 1.0
    assert finding.cells == (0,)


def test_epochs_in_a_loop_are_one_training() -> None:
    loop = [training(n, model="m1", arguments={"epochs": 1}) for n in range(1, 6)]
    assert trials(evidence(trainings=loop)).distinct == ()
    assert trials(evidence(trainings=loop)).remeasured


def test_a_protocol_of_ones_own_is_the_notebooks_baseline() -> None:
    longer = [replace(one, arguments={**one.arguments, "epochs": 10}) for one in three()]
    found = trials(evidence(trainings=longer))
    assert found.remeasured
    assert [len(trial.changes) for trial in found.distinct] == [1, 1, 1]
    without = trials(evidence(trainings=longer[1:]))
    assert not without.remeasured
    assert len(without.distinct) == 3


def test_the_baseline_alone_trained_longer_is_one_modification() -> None:
    found = trials(evidence(trainings=[training(1, arguments={"epochs": 20})]))
    assert [change.text for trial in found.distinct for change in trial.changes] == ["epochs 5 → 20"]


def test_without_a_reference_the_first_training_is_the_baseline() -> None:
    assert distinct(evidence(trainings=three(), baseline=None)).share == 1.0
    assert distinct(evidence(trainings=three()[:1], baseline=None)).share == 0.0


def test_models_are_called_as_the_author_calls_them() -> None:
    named = MeasuredModel(id="m2-t2", name="Avec dropout", training=2, cell=1)
    finding = distinct(evidence(trainings=three(), models=(named,)))
    assert finding.details[0].values["model"] == "Avec dropout"


# --- trainings that taught nothing ---------------------------------------------------------------------------------


def on(rows: int, *made: Training, **changes: Json) -> list[Training]:
    """The same trainings on so many images; each has its own, so that no two share a digest."""
    return [
        replace(
            one, x=ArrayPrint(shape=(rows, 28, 28, 1), digest=f"{rows}-{one.number}"), outputs=((None, 10),), **changes
        )
        for one in made
    ]


def test_a_handful_of_images_teaches_nothing() -> None:
    whole = three()
    finding = distinct(evidence(trainings=[*whole[:2], *on(1, whole[2]), *on(124, whole[3])]))
    assert finding.share == pytest.approx(1 / 3), "a fifth is validated on: 124 images are 99"
    told = [detail.values for detail in finding.details if "too few to learn from" in detail.text]
    assert [(one["images"], one["cell"], one["needed"]) for one in told] == [(1, 3, 100), (99, 4, 100)]


@pytest.mark.parametrize(
    ("rows", "share", "doubt"), [(99, 0.0, False), (100, 1.0, True), (499, 1.0, True), (500, 1.0, False)]
)
def test_the_fewest_images_follow_the_classes(rows: int, share: float, doubt: bool) -> None:
    made = on(rows, *three())
    made = [replace(one, arguments={"epochs": 5, "batch_size": 32}) for one in made]
    finding = distinct(evidence(trainings=made))
    assert (finding.share, finding.for_teacher is not None) == (share, doubt)
    assert finding.verdict is (Verdict.UNREACHED if share == 0 else Verdict.MET)
    two = [replace(one, outputs=((None, 2),)) for one in made]
    assert distinct(evidence(trainings=two)).share == 1.0
    assert distinct(evidence(trainings=made), images_per_class=0).for_teacher is None


def test_nothing_was_trained_where_no_training_could_teach() -> None:
    few = evidence(trainings=on(1, *three()))
    for check in (distinct, justified, methodical):
        finding = check(few)
        assert (finding.verdict, finding.share, len(finding.details)) == (Verdict.UNREACHED, 0.0, 4)
        assert finding.cells == (0, 1, 2, 3)


def test_many_calls_on_few_images_each_are_one_training_on_many() -> None:
    parts = [replace(one, model="m1") for one in on(64, *(training(n, arguments={"epochs": 1}) for n in range(1, 21)))]
    assert trials(evidence(trainings=parts)).slight == ()
    again = [replace(one, x=parts[0].x) for one in parts]
    assert [one.images for one in trials(evidence(trainings=again)).slight] == [51]


def test_steps_may_be_fewer_than_the_images() -> None:
    one = training(1, arguments={"epochs": 1, "steps_per_epoch": 2, "batch_size": 16})
    assert [found.images for found in trials(evidence(trainings=[one])).slight] == [32]
    usual = training(1, arguments={"epochs": 1, "steps_per_epoch": 3, "batch_size": None})
    assert [found.images for found in trials(evidence(trainings=[usual])).slight] == [96]
    enough = training(1, arguments={"epochs": 5, "steps_per_epoch": 100, "batch_size": 16})
    assert trials(evidence(trainings=[enough])).slight == ()


def test_a_small_data_set_is_used_as_a_whole() -> None:
    card = DataCard(
        name="own", digest="d", classes=10, image_shape=(28, 28), train_images=80, public_images=20, hidden_images=20,
        split_seed=1, train_rows=80, test_rows=20,
    )  # fmt: skip
    assert trials(evidence(trainings=on(80, *three()), data=card)).slight == ()
    assert len(trials(evidence(trainings=on(40, *three()), data=card)).slight) == 4


def test_what_comes_in_batches_may_be_more_than_is_known() -> None:
    """Of a generator without a length, the first batch is known: a person is told, and nothing is taken."""
    batches = [
        replace(one, x=ArrayPrint(kind="dataset", shape=(32, 28, 28, 1)), arguments={"epochs": 5}) for one in three()
    ]
    finding = distinct(evidence(trainings=batches))
    assert finding.share == 1.0
    assert finding.for_teacher is not None and finding.for_teacher.values["images"] == 32
    steps = [replace(one, arguments={"epochs": 5, "steps_per_epoch": 200}) for one in batches]
    assert distinct(evidence(trainings=steps)).for_teacher is None


def test_a_loop_of_ones_own_counts_by_its_steps() -> None:
    drawn = ArrayPrint(kind="sequence", shape=(60000, 28, 28, 1))
    loop = {"loop": True, "epochs": 1, "steps": 2, "batch_size": 32}
    made = training(1, x=drawn, arguments=loop)
    assert [one.images for one in trials(evidence(trainings=[made])).slight] == [64]
    assert trials(evidence(trainings=[replace(made, share=1 / 64)])).slight == (), "a budget took the others"


def test_a_training_that_moved_nothing_does_not_count() -> None:
    """Whatever the reason: weights of zero for all samples, gradients clipped to nothing."""
    moved = replace(three()[1], start_weights="a" * 64, weights="b" * 64)
    assert trials(evidence(trainings=[training(1), moved])).slight == ()
    unmoved = replace(moved, weights="a" * 64)
    [found] = trials(evidence(trainings=[training(1), unmoved])).slight
    assert found.why is Why.UNMOVED
    finding = distinct(evidence(trainings=[training(1), unmoved]))
    assert finding.share == 0.0
    assert any("exactly as they were" in detail.text for detail in finding.details)
    assert trials(evidence(trainings=[training(1), replace(unmoved, start_weights="", weights="")])).slight == ()


NOT_TAUGHT: dict[str, tuple[dict[str, Json], Why, str]] = {
    "hardly moved": ({"moved": 4e-6}, Why.HARDLY, "next to nothing"),
    "no number": ({"history": {"loss": (2.3, None)}}, Why.LOST, "NaN"),
    "black": ({"x": ArrayPrint(shape=(60000, 28, 28, 1), low=0.0, high=0.0)}, Why.BLANK, "one value"),
    "no numbers": (
        {"x": ArrayPrint(shape=(60000, 28, 28, 1), dtype="float64", distinct=1)},
        Why.BLANK,
        "what the images have become",
    ),
    "one image": ({"x": ArrayPrint(shape=(60000, 28, 28, 1), low=0.0, high=1.0, distinct=1)}, Why.FEW, "too few"),
}


@pytest.mark.parametrize(("changes", "why", "told"), NOT_TAUGHT.values(), ids=NOT_TAUGHT.keys())
def test_what_taught_nothing_does_not_count(changes: dict[str, Json], why: Why, told: str) -> None:
    made = [training(1), replace(three()[1], **changes)]
    [found] = trials(evidence(trainings=made)).slight
    assert found.why is why
    finding = distinct(evidence(trainings=made))
    assert finding.share == 0.0
    assert any(told in detail.text for detail in finding.details)


TAUGHT: dict[str, dict[str, Json]] = {
    "a small move": {"moved": 2e-4},
    "a small share of the steps": {"moved": 4e-6, "share": 1 / 64},
    "one row of many": {"moved": 4e-6, "stride": 58},
    "no number in between": {"history": {"loss": (None, 2.3)}},
    "a figure that is no number": {"history": {"loss": (2.3, 2.2), "gain": (None, None)}},
    "some that are no numbers": {"x": ArrayPrint(shape=(60000, 28, 28, 1), dtype="float32", distinct=59000)},
    "nothing known": {"x": ArrayPrint(shape=(60000, 28, 28, 1))},
    "batches of one value": {"x": ArrayPrint(shape=(60000, 28, 28, 1), kind="sequence", low=0.0, high=0.0)},
    "rows that are oversampled": {"x": ArrayPrint(shape=(60000, 28, 28, 1), distinct=800, even=700.0)},
}


@pytest.mark.parametrize("changes", TAUGHT.values(), ids=TAUGHT.keys())
def test_what_may_have_taught_counts(changes: dict[str, Json]) -> None:
    assert trials(evidence(trainings=[training(1), replace(three()[1], **changes)])).slight == ()


def test_images_that_a_data_set_repeats_count_as_it_says() -> None:
    made = [training(1), replace(three()[1], x=ArrayPrint(shape=(6000, 28, 28, 1), distinct=104, even=103.4))]
    card = DataCard(
        name="digits", digest="d", classes=10, image_shape=(28, 28, 1), train_images=1038, public_images=359,
        hidden_images=400, split_seed=1, train_rows=60000, test_rows=10000, train_stride=58,
    )  # fmt: skip
    found = trials(evidence(trainings=made, data=card))
    assert (found.slight, found.doubtful) == ((), ())
    one = replace(made[1], x=replace(made[1].x, distinct=1))
    assert [alone.images for alone in trials(evidence(trainings=[one], data=card)).slight] == [58]


def test_labels_that_are_not_those_of_the_images_teach_nothing() -> None:
    found = distinct(evidence(trainings=three()[:2], mislabelled=(2,)))
    assert found.share == 0.0
    assert any("nothing to do with its images" in detail.text for detail in found.details)
    again = replace(three()[1], number=3, model="m2")
    assert trials(evidence(trainings=[*three()[:2], again], mislabelled=(2,))).slight == (), "another part was right"


def test_what_cannot_change_is_not_trained() -> None:
    still = replace(three()[1], optimizer={**ADAM, "learning_rate": 0.0})
    assert distinct(evidence(trainings=[training(1), still])).share == 0.0
    warmed = replace(still, arguments={**still.arguments, "callbacks": ["WarmUp"]})
    assert distinct(evidence(trainings=[training(1), warmed]), wanted=1).share == 1.0
    frozen = tuple(replace(one, parameters=9, config={**one.config, "trainable": False}) for one in DEEPER)
    assert [one.why for one in trials(evidence(trainings=[training(1), training(2, layers=frozen)])).slight] == [
        "still"
    ]
    head = (*frozen[:-1], replace(DEEPER[-1], parameters=9))
    assert trials(evidence(trainings=[training(1), training(2, layers=head)])).slight == ()


def test_one_class_alone_cannot_be_told_apart() -> None:
    alone = replace(three()[1], y_classes=1, outputs=((None, 10),))
    assert [one.why for one in trials(evidence(trainings=[training(1), alone])).slight] == ["one class"]
    ones = replace(alone, outputs=((None, 1),), loss="binary_crossentropy")
    assert trials(evidence(trainings=[training(1), ones])).slight == (), (
        "a discriminator learns from one kind at a time"
    )


# --- weights and images of earlier trainings -------------------------------------------------------------------------

IMAGES = {"x": ArrayPrint(shape=(60000, 28, 28, 1), digest="x"), "outputs": ((None, 28, 28, 1),)}


def autoencoder(number: int, **changes: Json) -> Training:
    layered = (*LAYERS[:1], layer("Conv2DTranspose", filters=1))
    return training(number, **{"layers": layered, "loss": "binary_crossentropy", **IMAGES, **changes})


def test_an_autoencoder_is_part_of_the_model_that_begins_with_its_weights() -> None:
    made = [training(1), autoencoder(2), training(3, learnt_from=(2,), labels={"name": "pretrained"})]
    found = trials(evidence(trainings=made))
    assert [[change.text for change in trial.changes] for trial in found.distinct] == [["+ pretrained weights"]]
    assert found.preparing == (made[1],)
    told = [render(detail, "en") for detail in distinct(evidence(trainings=made)).details]
    assert any("without labels" in line for line in told)


@pytest.mark.parametrize(
    "changes",
    [{"y_classes": 10}, {"y_sample": (1, 2)}, {"outputs": ((None, 10),)}, {"outputs": ()}],
    ids=["classes", "labels", "other outputs", "unknown outputs"],
)
def test_a_model_that_was_taught_labels_is_a_modification_whoever_takes_its_weights(changes: dict[str, Json]) -> None:
    made = [training(1), autoencoder(2, **changes), training(3, learnt_from=(2,))]
    assert [trial.training.number for trial in trials(evidence(trainings=made)).distinct] == [2, 3]


def test_an_autoencoder_whose_weights_nobody_takes_counts_as_before() -> None:
    found = trials(evidence(trainings=[training(1), autoencoder(2), training(3, layers=DROPOUT)]))
    assert [trial.training.number for trial in found.distinct] == [2, 3]


def test_training_on_from_where_another_ended_is_the_same_modification() -> None:
    made = [training(1), training(2, layers=DROPOUT), training(3, layers=DROPOUT, learnt_from=(2,))]
    assert len(trials(evidence(trainings=made)).distinct) == 1
    made[2] = replace(made[2], learnt_from=(1,))
    assert len(trials(evidence(trainings=made)).distinct) == 2


def test_what_is_put_on_weights_of_others_is_one_change_with_them() -> None:
    made = three()
    made[3] = replace(made[3], learnt_from=(1,))
    assert methodical(evaluated(made)).share == pytest.approx(1.0)
    made[3] = replace(made[3], optimizer={"name": "sgd"})
    told = [detail for detail in methodical(evaluated(made)).details if "at once" in detail.text]
    assert [detail.values["count"] for detail in told] == [2]


def test_the_text_beside_the_autoencoder_speaks_of_the_model_that_is_made_of_it() -> None:
    why = "Reconstructing images teaches the filters what strokes look like, so training starts from useful features."
    cells = [code(0, "base()"), text(1, why), code(2, "auto()"), code(3, "classifier()")]
    made = [training(1), autoencoder(2), training(3, learnt_from=(2,))]
    finding = justified(evidence(cells, trainings=made))
    assert [(detail.values["model"], detail.values["cell"]) for detail in finding.details] == [("model 3", 2)]


def at_last(**changes: Json) -> list[Training]:
    """The last modification again, without validation and for longer."""
    arguments = {"validation_split": None, "epochs": 9}
    return [*three(), training(5, **{"layers": DEEPER, "arguments": arguments, **changes})]


def test_a_model_trained_again_on_all_images_is_no_other() -> None:
    made = at_last()
    found = trials(evidence(trainings=made))
    assert [trial.training.number for trial in found.distinct] == [2, 3, 4]
    assert [(one.training.number, one.of.number) for one in found.retrained] == [(5, 4)]
    assert methodical(evaluated(made)).share == pytest.approx(1.0)
    assert distinct(evidence(trainings=made)).for_teacher is None


def test_validation_images_may_be_added_to_those_of_the_training() -> None:
    held = ArrayPrint(shape=(6000, 28, 28, 1))
    apart = {"validation_split": None, "validation": "data"}
    made = [
        training(number, layers=one.layers, arguments=apart, validation_x=held) for number, one in enumerate(three())
    ]
    joined = training(9, layers=DEEPER, arguments={"validation_split": None}, x=ArrayPrint(shape=(66000, 28, 28, 1)))
    assert [one.of.number for one in trials(evidence(trainings=[*made, joined])).retrained] == [3]
    more = replace(joined, x=ArrayPrint(shape=(120000, 28, 28, 1)))
    assert trials(evidence(trainings=[*made, more])).retrained == ()


def test_the_images_of_all_folds_are_no_others_than_those_of_each() -> None:
    def fold(number: int, layers: tuple[Layer, ...], rows: int, digest: str) -> Training:
        x = ArrayPrint(shape=(rows, 28, 28, 1), digest=digest)
        return training(number, layers=layers, arguments={"validation_split": None}, x=x)

    folds = [(666, "a"), (667, "b"), (667, "c")]
    both = [(layers, *given) for layers in (LAYERS, DEEPER) for given in folds]
    made = [fold(number, *given) for number, given in enumerate(both, start=1)]
    for rows, parts, wanted in ((1000, 3, [6]), (1500, 3, []), (1000, 1, [])):
        trained = [one for one in made if one.x.digest in "abc"[:parts]]
        found = trials(evidence(trainings=[*trained, fold(7, DEEPER, rows, "all")]))
        assert [one.of.number for one in found.retrained] == wanted


def test_all_models_may_be_trained_again_after_folds() -> None:
    def given(number: int, layers: tuple[Layer, ...], rows: int, digest: str) -> Training:
        x = ArrayPrint(shape=(rows, 28, 28, 1), digest=digest)
        held = ArrayPrint(shape=(1000, 28, 28, 1)) if rows == 2000 else None
        arguments = {"validation_split": None, **({"validation": "data"} if held else {})}
        return training(number, layers=layers, arguments=arguments, x=x, validation_x=held)

    both = (LAYERS, DROPOUT, DEEPER)
    folds = [given(3 * n + m, one, 2000, f"fold {m}") for n, one in enumerate(both) for m in (1, 2, 3)]
    last = [given(10 + n, one, 3000, "all") for n, one in enumerate(both)]
    found = trials(evidence(trainings=[*folds, *last]), own_baseline=True)
    assert [(one.training.number, one.of.number) for one in found.retrained] == [(10, 3), (11, 6), (12, 9)]
    assert [trial.training.number for trial in found.distinct] == [4, 7]
    assert methodical(evidence(trainings=[*folds, *last]), wanted=2, own_baseline=True).share == pytest.approx(1.0)
    more = trials(evidence(trainings=[*folds[:6], last[0]]), own_baseline=True)
    assert more.retrained == (), "the baseline alone shows what more images do"


@pytest.mark.parametrize(
    "changes",
    [{"arguments": {"epochs": 9}}, {"layers": with_layer("Dense", units=99)}, {"optimizer": {"name": "sgd"}}],
    ids=["as many images", "another model", "another optimiser"],
)
def test_other_last_trainings_are_modifications(changes: dict[str, Json]) -> None:
    assert trials(evidence(trainings=at_last(**changes))).retrained == ()


def test_only_the_last_training_is_one_on_all_images() -> None:
    assert trials(evidence(trainings=[*at_last(), training(6, layers=with_layer("GRU", units=3))])).retrained == ()


def test_where_a_modification_would_be_missing_a_person_is_asked_of_the_last() -> None:
    made = [one for one in at_last() if one.number != 3]
    finding = distinct(evidence(trainings=made))
    assert finding.share == 1.0
    assert finding.for_teacher is not None and "trained again" in finding.for_teacher.text


def flowing(number: int, *, altered: bool | None, rows: int = 60000, **changes: Json) -> Training:
    shown = ArrayPrint(kind="dataset", shape=(rows, 28, 28, 1), altered=altered)
    return training(number, x=shown, **changes)


NAMED: Json = {"augmentations": ["random_flip_left_right"]}
PAIRS: dict[str, tuple[Training, Training, list[str]]] = {
    "the same images in a pipeline": (training(1), flowing(2, altered=False), []),
    "the same images in an array": (flowing(1, altered=False), training(2), []),
    "nobody knows which": (training(1), flowing(2, altered=None), ["fit(array) → fit(dataset)"]),
    "more of them": (training(1), flowing(2, altered=False, rows=90000), ["fit(array) → fit(dataset)"]),
    "altered ones": (flowing(1, altered=False), flowing(2, altered=True), ["+ altered images"]),
    "altered by name": (
        flowing(1, altered=False),
        flowing(2, altered=True, arguments=NAMED),
        ["+ random_flip_left_right"],
    ),
    "altered by name only": (flowing(1, altered=False), flowing(2, altered=False, arguments=NAMED), []),
    "altered behind the others": (
        flowing(1, altered=False),
        flowing(2, altered=False, rows=120000, arguments=NAMED),
        ["+ random_flip_left_right"],
    ),
    "repeated without end": (training(1), flowing(2, altered=False, rows=64), []),
    "repeated without end, altered by name": (
        training(1),
        flowing(2, altered=False, rows=64, arguments=NAMED),
        ["+ random_flip_left_right"],
    ),
    "in a loop": (
        flowing(1, altered=False, arguments={"loop": True}),
        flowing(2, altered=True, arguments={"loop": True}),
        ["+ altered images"],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_flows_are_told_apart_by_what_is_done_to_their_images(name: str) -> None:
    before, after, told = PAIRS[name]
    assert [change.text for change in differences(before, after)] == told


def test_the_given_model_is_taken_to_have_learnt_images_as_they_are() -> None:
    seen = evidence(trainings=[flowing(1, altered=True, arguments=NAMED)], baseline=baseline(training=training(0)))
    found = [change.text for trial in trials(seen).distinct for change in trial.changes]
    assert "+ random_flip_left_right" in found


# --- justified -----------------------------------------------------------------------------------------------------

WHY = (
    "On ajoute une couche de dropout afin de limiter le surapprentissage que montre la courbe de validation.",
    "La normalisation par lots stabilise la distribution des activations, car les gradients restent bien répartis.",
    "Un réseau plus profond devrait apprendre des motifs plus complexes que ceux de la référence fournie.",
)


def notebook(*prose: str, sources: Sequence[str] = ("a()", "b()", "c()")) -> Evidence:
    """The baseline in cell 0, then a text and a training for each modification."""
    cells: list[Cell] = [code(0, "baseline()")]
    for why, source in zip(prose, sources, strict=True):
        cells += [text(len(cells), why), code(len(cells) + 1, source)]
    return evidence(cells, trainings=three())


def test_a_reason_above_each_modification_earns_everything() -> None:
    finding = justified(notebook(*WHY))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)
    assert [detail.values["cell"] for detail in finding.details] == [2, 4, 6]


def test_a_numbered_model_is_not_given_the_reason_of_another() -> None:
    told = (
        "Modèle 1 : du dropout, car il limite le surapprentissage, et parce que la validation plafonne.",
        "Modèle 2 : une normalisation de plus.",
        "Modèle 3 : un réseau plus profond, afin d'apprendre des motifs plus complexes que la référence.",
    )
    named = [replace(one, execution_count=3 if at else 1) for at, one in enumerate(three())]
    named = [replace(one, labels={"name": f"Modèle amélioré {at}"} if at else {}) for at, one in enumerate(named)]

    def quoted(*paragraphs: str) -> list[str]:
        cells = [code(0, "baseline()"), text(1, "\n\n".join(paragraphs)), code(2, "all()")]
        return [str(one.values.get("quote", ""))[:8] for one in justified(evidence(cells, trainings=named)).details]

    assert quoted(*told) == ["Modèle 1", "", "Modèle 3"]
    both = (
        told[0].replace("du dropout", "du dropout et de la normalisation") + " L'effet se voit aux courbes de la suite."
    )
    assert quoted(both, *told[1:]) == ["Modèle 1", "", "Modèle 3"]
    # Where the text counts from the baseline on, a number says nothing of which model it is.
    shifted = [one.replace(f" {at} :", f" {at + 1} :") for at, one in enumerate((both, *told[1:]), start=1)]
    assert quoted(*shifted) == ["Modèle 2", "Modèle 2", "Modèle 4"]


def test_quoted_is_what_a_paragraph_says_of_the_modification() -> None:
    told = (
        "Du dropout devrait limiter le surapprentissage que montre la courbe. Une normalisation stabilise la "
        "descente, car les gradients restent répartis entre eux. Enfin, un réseau plus profond devrait apprendre des "
        "motifs plus complexes que ceux de la référence."
    )
    cells = [code(0, "baseline()"), text(1, told), code(2, "all()")]
    made = [replace(one, execution_count=3 if at else 1) for at, one in enumerate(three())]
    quotes = [str(one.values["quote"]) for one in justified(evidence(cells, trainings=made)).details]
    assert [" ".join(quote.split()[:3]) for quote in quotes] == [
        "Du dropout devrait",
        "… Une normalisation",
        "… Enfin, un",
    ]


def test_signs_that_nobody_sees_show_in_a_quoted_reason() -> None:
    poor = WHY[0].replace("couche", "cou\u200bche").replace("dropout", "\u202edropout")
    quotes = [render(detail, "en") for detail in justified(notebook(poor, *WHY[1:])).details]
    assert any("cou[U+200B]che de [U+202E]dropout" in quote for quote in quotes)
    assert not any("[U+" in render(detail, "en") for detail in justified(notebook(*WHY)).details)


def test_english_reasons_are_reasons() -> None:
    finding = justified(
        notebook(
            "We add dropout in order to reduce the overfitting that the validation curve of the baseline shows.",
            "Batch normalization should help because the gradients stay well scaled through all of the layers.",
            "A deeper network is expected to learn more complex features than the one that the company gave us.",
        )
    )
    assert finding.share == 1.0


@pytest.mark.parametrize(
    "poor",
    [
        "",
        "Afin d'améliorer.",
        "Voici le deuxième modèle avec sa nouvelle couche, puis ses résultats sur le jeu de test public.",
    ],
    ids=["nothing", "too short", "no reason"],
)
def test_no_reason_no_share(poor: str) -> None:
    finding = justified(notebook(WHY[0], poor, WHY[2]))
    assert finding.share == pytest.approx(2 / 3)


def test_consequences_are_reasons() -> None:
    finding = justified(
        notebook(
            "La régularisation L2 pénalise les gros poids donc normalement le modèle sur-apprend moins sur ces images.",
            "Avec des couches en plus le réseau voit mieux les formes complexes, c'est pour ça que je l'ai choisie.",
            "Je laisse tourner plus de douze époques puis on arrête quand ça stagne, pour ne pas sur-apprendre.",
        )
    )
    assert finding.share == 1.0


def test_rows_of_a_table_justify() -> None:
    table = (
        "| Modification | Pourquoi |\n|---|---|\n"
        "| Dropout 0.3 | pour limiter le surapprentissage de la couche dense |\n"
        "| Batch normalization | parce qu'elle stabilise les gradients du réseau |\n"
        "| Couche dense | afin de capter davantage de motifs complexes |\n"
    )
    cells = [text(0, table), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    assert justified(evidence(cells, trainings=three())).share == 1.0


def test_a_column_of_reasons_holds_reasons() -> None:
    head, rows = "| variant | why |", "| {} | {} |"
    told = ("Dropout 0.3", "few images and a wide dense layer that memorises all"), ("BN", "gradients"), ("Dense", "x")
    table = "\n".join([head, "|---|---|", *(rows.format(*row) for row in told)])
    cells = [text(0, table), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    assert justified(evidence(cells, trainings=three())).share == pytest.approx(1 / 3)
    other = [text(0, table.replace("why", "what")), *cells[1:]]
    assert justified(evidence(other, trainings=three())).share != pytest.approx(1 / 3)


LISTED = (
    "1. *Batch normalisation*: it keeps the activations at one scale, so larger steps are possible.\n"
    "2. *Deeper network* with a dense layer: the baseline underfits, because it can hold few shapes.\n"
    "3. *Dropout 0.3*: with so little data the dense layer overfits; it makes the layer rely on more evidence.\n"
)


def test_items_of_a_list_are_reasons_of_their_own() -> None:
    cells = [text(0, LISTED), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    finding = justified(evidence(cells, trainings=three()))
    assert finding.share == 1.0
    quotes = [str(detail.values["quote"]).split()[0] for detail in finding.details]
    assert quotes == ["Dropout", "Batch", "Deeper"]


def test_what_is_quoted_calls_the_model_by_its_name_rather_than_another() -> None:
    listed = """* **Depth.** Three blocks see loops and junctions, which are larger than the pixels of a single layer.
* **Batch normalisation.** The network must learn quickly in so few steps, and normalised activations allow that because
  every layer sees inputs of a stable scale, which should help training in general."""
    cells = [text(0, listed), *(code(n, f"fit_{n}()") for n in range(1, 4))]
    made = [
        training(1),
        training(2, layers=DEEPER, labels={"name": "Three blocks"}),
        training(3, layers=NORM, labels={"name": "Batch normalisation"}),
    ]
    made = [replace(one, built_count=1) for one in made]
    finding = justified(evidence(cells, trainings=made), wanted=2)
    assert finding.share == 1.0
    assert [str(one.values["quote"]).split()[0] for one in finding.details] == ["Depth.", "Batch"]


def test_what_argues_of_a_name_far_from_its_cell_is_for_a_person() -> None:
    listed = """Modifications :
1. `plus_profond` : deux couches denses au lieu d'une, autant de neurones mais moins de paramètres et plus de détails.
2. `regle` : du dropout, car le réseau apprend nos quelques images par cœur, ce qui ne sert à rien ensuite."""
    cells = [text(0, listed), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    made = [
        training(1),
        training(2, layers=DEEPER, labels={"nom": "plus_profond"}),
        training(3, layers=DROPOUT, labels={"nom": "regle"}),
    ]
    finding = justified(evidence(cells, trainings=made), wanted=2)
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert [str(one.values["quote"]).split()[0] for one in finding.details[:2]] == ["Modifications", "regle"]


def test_a_text_beside_all_that_speaks_of_none_is_no_reason_where_a_comment_is() -> None:
    intro = "Tout est dans une seule cellule, comme ça on peut relancer le travail d'un coup sans rien oublier ici."
    source = """# le dropout sert à limiter la mémorisation de nos images par la couche dense du réseau
fit_2()
# la normalisation par lot garde les activations à une échelle, afin que de grands pas soient possibles
fit_3()"""
    made = [training(1), training(2, layers=DROPOUT), training(3, layers=NORM)]
    made = [replace(one, built_count=1, execution_count=1) for one in made]
    finding = justified(evidence([text(0, intro), code(1, source)], trainings=made), wanted=2)
    assert finding.share == 0.5
    assert "relancer" not in " ".join(render(one, "fr") for one in finding.details)


def test_of_two_beside_a_modification_what_says_more_of_it_is_quoted() -> None:
    listed = """La normalisation par lot recentre ce qui sort d'une couche, et la suivante doit moins s'adapter.

Régularisation par dropout de la grande couche dense, car celle-ci contient à elle seule presque tous les paramètres,
donc c'est elle qui apprend nos images."""
    made = [training(1), training(2, layers=NORM), training(3, layers=DROPOUT)]
    made = [replace(one, built_count=1, execution_count=1) for one in made]
    finding = justified(evidence([text(0, listed), code(1, "fit_all()")], trainings=made), wanted=2)
    assert [str(one.values["quote"]).split()[1] for one in finding.details] == ["normalisation", "par"]


def test_what_all_models_are_given_names_none_of_them() -> None:
    rows = "\n\n".join(
        [
            "Early stopping ends the training when the validation loss rises, in order to avoid overfitting here.",
            "Another optimizer in place of Adam, to check whether it is really the best of all for these images.",
        ]
    )
    adam = {"labels": {"optimizer": "adam"}}
    made = [
        training(1, **adam),
        training(2, **adam, arguments={"callbacks": ["EarlyStopping"]}),
        training(3, optimizer={"name": "rmsprop"}, labels={"optimizer": "rmsprop"}),
    ]
    cells = [text(0, rows), *(code(n, f"fit_{n}()") for n in range(1, 4))]
    quotes = [str(one.values["quote"]).split()[0] for one in justified(evidence(cells, trainings=made)).details]
    assert quotes == ["Early", "Another"]


def test_a_name_is_found_with_an_ending() -> None:
    cells = [
        text(0, "It is smoothed and thus less sure of itself, which we want from the model in our use of it."),
        *(code(n, f"fit_{n}()") for n in range(1, 5)),
    ]
    made = three()
    assert justified(evidence(cells, trainings=made)).share == 0.0
    made[2] = replace(made[2], labels={"name": "smooth"})
    assert justified(evidence(cells, trainings=made)).share == pytest.approx(1 / 3)


ARGUED = "Dropout de 0,3 après la couche dense : trop de poids et peu d'images dans ce jeu de données."


def test_an_argument_in_unknown_words_is_for_a_person() -> None:
    finding = justified(notebook(ARGUED, *WHY[1:]))
    assert finding.verdict is Verdict.NEEDS_REVIEW
    assert finding.for_teacher is not None and finding.for_teacher.values["share"] == pytest.approx(2 / 3)
    assert not any("no reason" in detail.text for detail in finding.details)


@pytest.mark.parametrize(
    "told",
    [
        "Dropout de 0,3 après la couche dense : une couche est ajoutée à celles du modèle de référence.",
        "Dropout de 0,3 après la couche dense : le modèle est plus précis, avec 97 % sur le jeu de test.",
        "Voici ce qui est fait : trop de poids et peu d'images dans ce jeu de données, comme on le sait déjà.",
        "Dropout de 0,3 après la couche dense : avec lui, c'est encore un peu mieux, et le taux fonctionne bien mieux.",
        "A dropout of 0.3 after the dense layer: the model with it works slightly better than the one without it.",
    ],
    ids=["a description", "an outcome", "something else", "a comparison", "a comparison in English"],
)
def test_what_argues_for_nothing_is_no_doubt(told: str) -> None:
    finding = justified(notebook(told, *WHY[1:]))
    assert finding.share == pytest.approx(2 / 3)
    assert any("no reason" in detail.text for detail in finding.details)


def test_reasons_in_a_language_that_is_not_searched_are_for_a_person() -> None:
    german = "Das Netz bekommt eine weitere Schicht, weil es damit verwickeltere Muster lernt als das gegebene Netz."
    assert justified(notebook(german, f"{german} Nochmals.", f"Und {german}")).verdict is Verdict.NEEDS_REVIEW


def test_a_reason_serves_one_modification() -> None:
    general = (
        "Nous testons maintenant plusieurs idées, parce que la référence fait encore trop d'erreurs sur les chiffres."
    )
    assert justified(notebook(general, "", "")).share == pytest.approx(1 / 3)
    assert justified(notebook(general, general, general)).share == pytest.approx(1 / 3)


def test_a_verb_beside_another_model_is_not_the_name_of_one() -> None:
    turned = "## Augmentation\n\nOn en fabrique de nouvelles, du coup le réseau ne peut plus les apprendre par coeur."
    faster = (
        "## Lots\n\nAvec des lots de 32 on fait ainsi quatre fois plus de mises à jour par époque. J'augmente aussi le "
    )
    faster += "taux, parce qu'il n'y a que peu d'époques, et je le surveille ensuite afin de ne pas diverger."
    cells = [code(0), text(1, turned), code(2), text(3, faster), code(4)]
    arguments = {"epochs": 5, "batch_size": 32}
    made = [
        training(1),
        training(2, x=ArrayPrint(kind="sequence", shape=(60000, 28, 28, 1)), labels={"nom": "augmente"}),
        training(3, arguments=arguments, labels={"nom": "rapide"}),
    ]
    finding = justified(evidence(cells, trainings=made), wanted=2)
    assert [detail.values["cell"] for detail in finding.details] == [2, 4]


def test_a_section_before_the_code_counts_where_it_speaks_of_the_changes() -> None:
    cells = [text(0, "## Améliorations\n\n" + "\n\n".join(WHY)), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    assert justified(evidence(cells, trainings=three())).share == 1.0


def test_the_starter_notebooks_words_are_not_the_authors() -> None:
    seen = notebook(*WHY)
    given = replace(seen, template_cells=tuple(cell.source for cell in seen.cells))
    assert justified(given).share == 0.0


def test_a_comment_counts_half_and_is_found_where_the_builder_is_defined() -> None:
    source = (
        "def make_dropout():\n"
        '    """Ajoute du dropout afin de limiter le surapprentissage que montre la courbe de validation."""\n'
        "    return build()\n"
    )
    cells = [code(0, source), *(code(n, f"fit_{n}()") for n in range(1, 5))]
    made = [replace(one, execution_count=one.number + 1) for one in three()]
    made[1] = replace(made[1], builder="make_dropout")
    finding = justified(evidence(cells, trainings=made))
    assert finding.share == pytest.approx(0.5 / 3)
    assert finding.cells == (0,)


def test_many_modifications_need_at_most_five_reasons() -> None:
    rates = [with_layer(kind, units=8) for kind in ("Dense", "Conv2D", "LSTM", "GRU", "Embedding", "Flatten", "Dot")]
    made = [training(1), *(training(2 + n, layers=one) for n, one in enumerate(rates))]
    assert justified(evidence(trainings=made)).wanted == {"justified": 5}


def test_with_and_without_weights_of_others_is_one_comparison() -> None:
    made = [training(1), training(2, layers=DROPOUT), training(3, layers=DEEPER)]
    control = training(4, layers=DROPOUT, learnt_from=(1,))
    assert justified(evidence(trainings=[*made, control]), wanted=2).wanted == {"justified": 2}
    assert justified(evidence(trainings=[*made, training(4, layers=NORM)]), wanted=2).wanted == {"justified": 3}


def test_nothing_to_justify_is_unreached() -> None:
    assert justified(evidence(trainings=[training(1)])).verdict is Verdict.UNREACHED
    assert justified(evidence([code(0)])).verdict is Verdict.UNREACHED


# --- methodical ----------------------------------------------------------------------------------------------------


def evaluated(made: Sequence[Training], rows: Sequence[int] = (10000,) * 4) -> Evidence:
    evaluations = tuple(
        Evaluation(kind="evaluate", model=one.model, x=ArrayPrint(shape=(count, 28, 28, 1)))
        for one, count in zip(made, rows, strict=False)
    )
    return evidence(trainings=made, ledger={"evaluations": evaluations})


def test_one_change_at_a_time_against_the_baseline_measured_again() -> None:
    finding = methodical(evaluated(three()))
    assert (finding.verdict, finding.share) == (Verdict.MET, pytest.approx(1.0))


def test_a_look_at_the_training_set_is_no_other_protocol() -> None:
    made = three()
    assert methodical(evaluated([*made, made[1]], (10000, 10000, 10000, 10000, 60000))).share == pytest.approx(1.0)


def test_a_baseline_of_ones_own_is_no_modification() -> None:
    small = (layer("Dense", units=64, activation="relu"), LAYERS[6])
    first = training(1, layers=small, labels={"nom": "baseline 64"})
    found = trials(evidence(trainings=[first, training(2, layers=(layer("Dropout", rate=0.2), *small))]))
    assert found.base is not None and (found.base.number, found.remeasured) == (1, False)
    assert [[change.text for change in trial.changes] for trial in found.distinct] == [["+ Dropout(0.2)"]]
    plus = replace(first, labels={"nom": "baseline + couche"})
    assert len(trials(evidence(trainings=[plus, training(2, layers=(*small, LAYERS[6]))])).distinct) == 2


def test_the_baseline_written_as_a_class_is_the_baseline_measured_again() -> None:
    reference = baseline(training=training(1, parameters=225_034))
    shuffled = training(1, layers=LAYERS[::-1], labels={"name": "baseline"}, parameters=225_034)
    assert trials(evidence(trainings=[shuffled, training(2)], baseline=reference)).base == training(2)
    two = [shuffled, training(2, layers=with_layer("Dense", units=9)[::-1])]
    assert trials(evidence(trainings=two, baseline=reference)).remeasured


def test_models_trained_in_a_loop_of_ones_own_are_for_a_person() -> None:
    seen = evidence([code(0)], models=(model(training=None, name="cnn"),))
    for check in (distinct, justified, methodical):
        assert check(seen).verdict is Verdict.NEEDS_REVIEW
    assert distinct(evidence([code(0)])).verdict is Verdict.UNREACHED


def stepping(number: int, step: str | None, **changes: Json) -> Training:
    return training(number, **{"arguments": {"epochs": 5, **({"step": step} if step else {})}, **changes})


STEPS: dict[str, tuple[list[Training], list[int]]] = {
    "a step of its own": ([stepping(1, None), stepping(2, "a")], [2]),
    "Keras' step after one of its own": ([stepping(1, "a"), stepping(2, None)], [2]),
    "one step for all": ([stepping(1, "a"), stepping(2, "a")], []),
    "two steps, one of them twice": ([stepping(1, "a"), stepping(2, "b"), stepping(3, "b"), stepping(4, "a")], [2]),
    "what is seen as well": ([stepping(1, "a"), stepping(2, "b", layers=DROPOUT)], []),
    "beside what is seen": (
        [stepping(1, None), stepping(2, "a", layers=DROPOUT), stepping(3, "b", layers=DROPOUT)],
        [3],
    ),
    "the very same course": (
        [
            stepping(n, step, y_classes=10, history={"loss": (2.0, 1.5), "accuracy": (0.5, 0.7)})
            for n, step in ((1, None), (2, "a"))
        ],
        [],
    ),
}


@pytest.mark.parametrize(("made", "unread"), STEPS.values(), ids=STEPS.keys())
def test_steps_of_other_code_are_for_a_person(made: list[Training], unread: list[int]) -> None:
    """Noise, mixed images, clipped gradients: within a step, nobody reads them."""
    seen = evidence(trainings=made)
    assert [one.training.number for one in trials(seen, own_baseline=True).unread] == unread
    for check in (distinct, justified, methodical):
        waits = check(seen, wanted=2, own_baseline=True).verdict is Verdict.NEEDS_REVIEW
        assert waits is bool(unread)


def test_steps_of_other_code_are_left_alone_where_nothing_is_missing() -> None:
    finding = distinct(evidence(trainings=[*three(), stepping(5, "a")]))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


def test_without_the_baseline_a_third_is_lost() -> None:
    finding = methodical(evaluated(three()[1:]))
    assert finding.share == pytest.approx(2 / 3)
    assert any("was not trained" in detail.text for detail in finding.details)


def test_all_changes_at_once_lose_their_part() -> None:
    made = three()
    made[1] = replace(made[1], layers=(*DROPOUT, layer("Dense", units=3)), optimizer={"name": "sgd"})
    assert methodical(evaluated(made)).share == pytest.approx(8 / 9)


@pytest.mark.parametrize(("std", "counts"), [(0.3, 0), (0.277, 1), (0.27, 1), (0.2961, 1), (0.2999, 0)])
def test_targets_that_are_shares_of_classes_are_a_change(std: float, counts: int) -> None:
    """What a teacher answered, or labels that were smoothed by hand."""
    labels = ArrayPrint(shape=(1000, 10), low=0.0, high=1.0, mean=0.1, std=0.3)
    made = [training(1, y=labels), training(2, y=replace(labels, std=std))]
    finding = distinct(evidence(trainings=made), wanted=1)
    assert finding.share == counts
    if counts:
        assert finding.found["modifications"] == [["+ soft targets"]]
    mixed = replace(made[1], y=replace(made[1].y, high=1.00000003))
    assert distinct(evidence(trainings=[made[0], mixed]), wanted=1).share == counts


def test_weights_averaged_by_the_optimiser_are_a_change() -> None:
    adam = {"name": "adam", "learning_rate": 0.001, "use_ema": False}
    made = [training(1, optimizer=adam), training(2, optimizer={**adam, "use_ema": True})]
    assert distinct(evidence(trainings=made), wanted=1).share == 1.0


def test_changes_at_once_are_counted_from_the_nearest_model() -> None:
    both = {
        "layers": (*DROPOUT[:1], layer("BatchNormalization"), *DROPOUT[1:], LAYERS[6]),
        "optimizer": {"name": "sgd"},
    }
    deeper = training(2, layers=(*DROPOUT, LAYERS[6]))
    finding = methodical(evaluated([training(1), deeper, training(3, **both)]), wanted=2)
    assert [detail.values["count"] for detail in finding.details if "at once" in detail.text] == [2, 2]


def test_a_search_for_a_rate_needs_no_reason_and_no_protocol() -> None:
    made = three()
    probe = replace(training(9), arguments={"epochs": 1, "batch_size": 32}, validation_x=None)
    both = evaluated(made)
    probed = replace(both, ledger=replace(both.ledger, trainings=(*both.ledger.trainings, probe)))
    assert methodical(probed).share == methodical(both).share == pytest.approx(1.0)
    told = [detail.values.get("model") for detail in justified(probed).details]
    assert len(told) == len(justified(both).details)


def test_a_change_on_top_of_an_earlier_model_is_one_change() -> None:
    both = (*DROPOUT[:1], layer("BatchNormalization"), *DROPOUT[1:])
    trained = [
        training(1),
        training(2, layers=DROPOUT),
        training(3, layers=both),
        training(4, layers=(*both, LAYERS[6])),
    ]
    assert methodical(evaluated(trained)).share == pytest.approx(1.0)
    below = training(4, layers=(layer("Conv2D", filters=16), layer("BatchNormalization"), *both))
    assert methodical(evaluated([*trained[:3], below])).share == pytest.approx(1.0), "what stands above it is as it was"


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({"arguments": {"epochs": 9, "batch_size": 128, "validation_split": 0.2}}, 10000),
        ({"arguments": {"epochs": 5, "batch_size": 128, "validation": "data"}}, 10000),
        ({}, 500),
    ],
    ids=["epochs as well", "other validation", "other test images"],
)
def test_another_protocol_loses_its_part(changes: dict[str, Json], rows: int) -> None:
    made = three()
    made[1] = replace(made[1], **changes)
    finding = methodical(evaluated(made, (10000, rows, 10000, 10000)))
    assert finding.share is not None
    assert finding.share < 0.95


def _of_batches(*said: str, **changes: Json) -> Evidence:
    """The first modification has another batch size and another rate; ``said`` stands above it."""
    made = three()
    arguments = {"epochs": 5, "batch_size": 32, "validation_split": 0.2, **changes.pop("arguments", {})}
    made[1] = replace(
        BASE,
        number=2,
        model="m2",
        execution_count=2,
        arguments=arguments,
        optimizer={**ADAM, "learning_rate": 0.004},
        **changes,
    )
    texts = [text(1, one) for one in said]
    codes = [code(2 * one.number - 2, f"fit_{one.number}()") for one in made]
    known = evaluated(made)
    return evidence(
        sorted([*codes, *texts], key=lambda one: one.index),
        [ran(2 * one.number - 2, one.number) for one in made],
        made,
        ledger={"evaluations": known.ledger.evaluations},
    )


@pytest.mark.parametrize(
    "said",
    [
        "## Modification 1 : des lots plus petits\n\nOn fait ainsi quatre fois plus de mises à jour.",
        "With a batch size of 32, there are four times as many steps.",
        "Smaller batches and a higher rate.",
        "La taille des lots passe de 128 à 32.",
    ],
)
def test_a_batch_size_that_is_said_to_be_the_change_is_no_other_protocol(said: str) -> None:
    assert methodical(_of_batches(said)).share == pytest.approx(1.0)


@pytest.mark.parametrize(
    "said",
    [
        "A higher rate.",
        "We add batch normalisation.",
        "Le même protocole : lots de 128, taille de lot constante.",
        "A lot of pixels are black.",
    ],
)
def test_a_batch_size_that_nobody_speaks_of_is_another_protocol(said: str) -> None:
    finding = methodical(_of_batches(said))
    assert finding.share == pytest.approx(8 / 9)
    (told,) = [detail for detail in finding.details if "changes" in detail.values]
    assert told.values["changes"] == "batch_size 128 → 32"


def test_epochs_are_no_part_of_another_change_whatever_is_said() -> None:
    finding = methodical(_of_batches("Des lots de 32 pendant 9 époques.", arguments={"epochs": 9}))
    assert finding.share == pytest.approx(7 / 9)


def test_who_goes_on_with_a_longer_training_keeps_to_its_protocol() -> None:
    longer = {"arguments": {"epochs": 9}}
    made = [training(1), training(2, **longer), training(3, layers=DROPOUT, **longer)]
    assert methodical(evaluated(made), wanted=2).share == pytest.approx(1.0)
    assert methodical(evaluated([made[0], made[2], training(4, layers=NORM)]), wanted=2).share == pytest.approx(2 / 3)


def test_few_modifications_show_little_method() -> None:
    assert methodical(evaluated(three()[:2])).share == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
    assert methodical(evaluated(three()[:1])).verdict is Verdict.UNREACHED


def test_without_a_given_model_the_first_training_is_what_modifications_set_out_from() -> None:
    small = (*LAYERS[:2], *LAYERS[4:])
    two = [training(1, layers=small), training(2, layers=(*small[:-1], layer("Dropout", rate=0.3), small[-1]))]
    given = trials(evidence(trainings=two, baseline=baseline()))
    own = trials(evidence(trainings=two, baseline=baseline()), own_baseline=True)
    assert len(given.distinct) == 2, "both differ from the reference"
    assert own.base == two[0] and own.remeasured and [one.training.number for one in own.distinct] == [2]
    assert trials(evidence(trainings=two[:1], baseline=baseline()), own_baseline=True).distinct == ()
    assert distinct(evidence(trainings=two), wanted=1, own_baseline=True).share == 1.0
    assert methodical(evidence(trainings=two), wanted=1, own_baseline=True).share == 1.0


def test_the_training_that_is_called_the_baseline_is_it_wherever_it_stands() -> None:
    two = [
        training(1, builder="create_deep"),
        training(2, builder="create_baseline", layers=layers(*LAYERS[2:])["layers"]),
    ]
    assert trials(evidence(trainings=two), own_baseline=True).base == two[1]
