"""What is without effect: a penalty of 0, a pooling over single pixels, a patience longer than the training.

An effect that float32 cannot show, or that is a small part of a pixel or of a grey level, is none. What is not known
for certain has an effect: nobody loses a modification to a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from autograder.records import ArrayPrint, Json, Layer, Training

RARE: Final = 0.01
"""A dropout with a rate below this is none."""
LOST: Final = 1e-7
"""About the precision of float32: what a penalty with a smaller factor adds to a gradient is lost to rounding."""
UNSEEN: Final = 1e-4
"""Of the size of an image, or of its range of values: a hundredth of a pixel, a fortieth of a grey level."""
UNREACHED: Final = 1e5
"""No gradient or weight of a network that learns is as large as this, so that a limit there limits nothing."""
UNREACHABLE: Final = 100
"""Nor is any so many times as large as what a few images give before and after the training."""
SAME_RATE: Final = 1e-3
"""Relative difference of two learning rates that are one."""
NEAR: Final = 0.02
"""The same of two settings of an optimiser: a fiftieth of its rate, or of what a momentum forgets, changes less than
another order of the images does."""
SAME_COURSE: Final = 1e-5
"""Relative difference of figures of two trainings that took the same course."""
ABOVE_CHANCE: Final = 0.1
"""Share of rows that a model which learned names rightly, beyond those that chance would."""
ALIKE: Final = 1e-3
"""Relative difference up to which rows are taken to be repeated as evenly as others."""
SMOOTHING: Final = "label_smoothing"
ENDLESS: Final = 1e9
"""Steps that no training takes."""

_NOTHING_AT_ZERO: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "GaussianNoise": (("stddev",),),
    "RandomRotation": (("factor",),),
    "RandomZoom": (("height_factor", "width_factor"),),  # without a width, the image keeps its form
    "RandomTranslation": (("height_factor", "width_factor"),),
    "RandomShear": (("x_factor", "y_factor"),),
    "RandomContrast": (("factor",),),
    "RandomBrightness": (("factor",),),
    "RandomHue": (("factor",),),
    "RandomColorDegeneration": (("factor",),),
    "RandomGrayscale": (("factor",),),
    "RandomInvert": (("factor",),),
    "RandomErasing": (("factor",), ("scale",)),
    "RandomGaussianBlur": (("factor",), ("sigma",)),
    "RandomPerspective": (("factor",), ("scale",)),
    "RandomElasticTransform": (("factor",), ("scale",)),
    "RandAugment": (("factor",), ("num_ops",)),
    "AugMix": (("factor",),),
}
"""Augmenting layers and noise -> settings; they do nothing where all of one group are 0."""
_NOTHING_AT_HALF: Final = {"RandomSaturation", "RandomSharpness"}
_SURROUNDING: Final = re.compile(r"^(Zero|Constant|Reflection|Replication|Circular)Pad(ding)?\dd$|^Cropping\dd$", re.I)
_POOLING: Final = re.compile(r"^(Max|Average|Avg)_?Pool(ing)?\dd$", re.I)
_ENLARGING: Final = re.compile(r"^UpSampl(ing|e)(\dd)?$", re.I)
_MERGING: Final = {"Add", "Concatenate", "Average", "Multiply", "Subtract", "Maximum", "Minimum", "Dot"}
_POSITIVE: Final = {"relu", "relu6", "sigmoid", "softmax", "softplus", "hard_sigmoid"}
_KEEPS_POSITIVE: Final = {"relu", "leaky_relu", "elu"}
"""Activations that hand on what is not below 0."""
_KEEPS_FORM: Final = {"Flatten", "Reshape", "RandomCrop", "CenterCrop", "Resizing"}
"""They hand on what has the form already that they make."""
_KEEPS_VALUES: Final = re.compile(r"Pooling\dD$|^(Flatten|Reshape|Permute|Cropping\dD|Identity)$")
"""What comes out lies within the range of what goes in."""
_KEEPS_SIGN: Final = re.compile(
    r"Pooling\dD$|^(Flatten|Reshape|Permute|Dropout|SpatialDropout\dD|ZeroPadding\dD|Cropping\dD|UpSampling\dD|Identity)$"
)


# --- layers --------------------------------------------------------------------------------------------------------


def effective(training: Training) -> list[Layer]:
    """Its layers, without those that hand on what they were given."""
    kept: list[Layer] = []
    forms: list[Sequence[int | None]] = []
    """Of what each of these is given."""
    chain = _is_chain(training)
    given: Sequence[int | None] = training.x.shape[1:]
    span = _Span(training.x.low, training.x.high) if training.x.kind == "array" else _Span()
    for layer in training.layers:
        while chain and kept and _only_forms(kept[-1]) and _only_forms(layer):  # the last form is what counts
            kept.pop()
            given = forms.pop()
        if layer.idle or _is_off(_applied(layer)) or (chain and (_keeps_form(layer, given) or _is_within(layer, span))):
            continue
        if chain and kept and _is_undone(kept[-1], layer):
            kept.pop()
            forms.pop()
            given = layer.output_shape[1:]
            continue
        kept.append(layer)
        forms.append(given)
        given = layer.output_shape[1:]
        span = _after(layer, span)
    return kept


def _only_forms(layer: Layer) -> bool:
    """Whether it hands on the same numbers in the same order."""
    return layer.kind in {"Flatten", "Reshape"} and layer.config.get("data_format") != "channels_first"


@dataclass(frozen=True, slots=True)
class _Span:
    """Between which numbers all lies that a layer is given, as far as that is known."""

    low: float | None = None
    high: float | None = None

    @property
    def positive(self) -> bool:
        return self.low is not None and self.low >= 0


def _is_chain(training: Training) -> bool:
    """Whether each layer is known to be given what the one before it in the list has made."""
    known = all(layer.output_shape for layer in training.layers)
    return known and len(training.outputs) < 2 and not any(layer.kind in _MERGING for layer in training.layers)


def _keeps_form(layer: Layer, given: Sequence[int | None]) -> bool:
    """Flat data made flat, or a crop as large as the image."""
    if layer.kind == "Permute":
        order = list(_numbers(layer.config.get("dims")))
        return bool(order) and order == list(range(1, len(order) + 1))
    return layer.kind in _KEEPS_FORM and bool(given) and tuple(layer.output_shape[1:]) == tuple(given)


def _is_within(layer: Layer, span: _Span) -> bool:
    """Nothing of what it is given is of the kind that it changes."""
    config = layer.config
    if layer.kind == "Masking":
        masked = config.get("mask_value", 0)
        return isinstance(masked, int | float) and (
            (span.low is not None and masked < span.low) or masked > (UNREACHED if span.high is None else span.high)
        )
    if not span.positive:
        return False
    if layer.kind == "Activation":
        return config.get("activation") in _KEEPS_POSITIVE
    if layer.kind == "ReLU":
        most = config.get("max_value")
        free = most is None or (isinstance(most, int | float) and most >= UNREACHED)
        return free and not config.get("threshold")
    return layer.kind in {"LeakyReLU", "ELU", "PReLU"}


def _is_undone(first: Layer, second: Layer) -> bool:
    """Whether two layers in a row hand on what the first was given: a border that is cut off, pixels that were doubled.

    The other way round pixels are lost.
    """
    if first.config.get("data_format") != second.config.get("data_format"):
        return False
    dimensions = first.kind[-2:]
    if (first.kind, second.kind) == (f"ZeroPadding{dimensions}", f"Cropping{dimensions}"):
        border = list(_numbers(first.config.get("padding")))
        return bool(border) and None not in border and border == list(_numbers(second.config.get("cropping")))
    if first.kind != f"UpSampling{dimensions}" or second.kind not in {
        f"MaxPooling{dimensions}",
        f"AveragePooling{dimensions}",
    }:
        return False
    sizes, steps = list(_numbers(first.config.get("size"))), second.config.get("strides")
    pooled = list(_numbers(second.config.get("pool_size")))
    nearest = first.config.get("interpolation", "nearest") == "nearest"
    alike = sizes == pooled and (steps is None or list(_numbers(steps)) == pooled)
    return nearest and alike and bool(sizes) and None not in sizes


def _after(layer: Layer, before: _Span) -> _Span:
    """Between which numbers its outputs lie."""
    if _KEEPS_VALUES.search(layer.kind):
        return before
    if _is_positive(layer, before.positive):
        return _Span(low=0)
    return _Span()


def _is_positive(layer: Layer, before: bool) -> bool:
    """Whether no output is below 0."""
    if layer.kind == "Rescaling":
        figures = [*_numbers(layer.config.get("scale")), *_numbers(layer.config.get("offset", 0))]
        return before and all(figure is not None and figure >= 0 for figure in figures)
    activation = layer.config.get("activation")
    if isinstance(activation, str) and activation in _POSITIVE:
        return True
    if layer.kind in {"ReLU", "Softmax"}:
        return not layer.config.get("negative_slope")
    return before and bool(_KEEPS_SIGN.search(layer.kind))


def _applied(layer: Layer) -> Layer:
    """The layer itself, or the one that it applies step by step, as far as that is told: ``Dropout(rate=0.0)``."""
    if layer.kind != "TimeDistributed":
        return layer
    told = str(layer.config.get("layer", ""))
    kind, figures = _parts(told)
    activation = re.search(r"\bactivation=(\w+)", told)
    return Layer(kind=kind, config={**figures, **({"activation": activation[1]} if activation else {})})


def _is_off(layer: Layer) -> bool:
    """Switched off by its own settings."""
    kind, config = layer.kind, layer.config
    if "Dropout" in kind:
        rate = config.get("rate", config.get("p"))
        return isinstance(rate, int | float) and rate < RARE
    if kind == "RepeatVector":
        return _all(config.get("n"), 1, 0)
    if kind == "ActivityRegularization":
        return _all(config.get("l1"), 0, LOST) and _all(config.get("l2"), 0, LOST)
    if kind == "Activation":
        return config.get("activation") == "linear"
    if kind == "Rescaling":
        return _all(config.get("scale"), 1, LOST) and _all(config.get("offset", 0), 0, LOST)
    if kind in {"LeakyReLU", "ReLU"}:
        limited = config.get("max_value") is not None or config.get("threshold")
        return not limited and _all(config.get("negative_slope", config.get("alpha")), 1, LOST)
    if _POOLING.search(kind):
        sizes, steps = config.get("pool_size", config.get("kernel_size")), config.get("strides", config.get("stride"))
        return _all(sizes, 1, 0) and (steps is None or _all(steps, 1, 0)) and not _some(config.get("padding"))
    if _ENLARGING.search(kind):
        return _all(config.get("size", config.get("scale_factor")), 1, 0)
    if _SURROUNDING.search(kind):
        return _all(config.get("padding", config.get("cropping")), 0, 0)
    return _changes_no_image(kind, config)


def _changes_no_image(kind: str, config: Mapping[str, Json]) -> bool:
    if kind in _NOTHING_AT_HALF:
        return _all(config.get("factor"), 0.5, UNSEEN)
    if kind == "RandomPosterization":
        return _all(config.get("factor"), 8, 0)
    if kind == "RandomColorJitter":
        others = [config.get(f"{name}_factor") for name in ("brightness", "contrast", "hue")]
        colour = config.get("saturation_factor")
        return all(one is None or _all(one, 0, UNSEEN) for one in others) and (
            colour is None or _all(colour, 0.5, UNSEEN)
        )
    for names in _NOTHING_AT_ZERO.get(kind, ()):
        known = [config[name] for name in names if config.get(name) is not None]
        if known and all(_all(value, 0, UNSEEN) for value in known):
            return True
    return False


def _all(value: Json, figure: float, within: float) -> bool:
    """Whether a setting is known, and all its numbers are this one: of a range, both ends."""
    numbers = list(_numbers(value))
    return bool(numbers) and all(number is not None and abs(number - figure) <= within for number in numbers)


def _some(value: Json) -> bool:
    """Whether there is a number other than 0; words such as ``valid`` are none."""
    return any(number for number in _numbers(value))


def _numbers(value: Json) -> Iterator[float | None]:
    """The numbers of a setting, at whatever depth; None for anything else."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _numbers(part)
    else:
        yield value if isinstance(value, int | float) and not isinstance(value, bool) else None


# --- penalties and limits ------------------------------------------------------------------------------------------


def penalty(told: str) -> str:
    """A regulariser or constraint by what of it acts: ``L1L2(l1=0.0, l2=0.01)`` is ``L2(l2=0.01)``; empty for none."""
    kind, figures = _parts(told)
    if not figures:
        return told
    if kind in {"L1", "L2", "L1L2"}:
        acting = {name: figures[name] for name in ("l1", "l2") if abs(figures.get(name, 0)) > LOST}
        inner = ", ".join(f"{name}={factor:.6g}" for name, factor in acting.items())
        return f"{''.join(acting).upper()}({inner})" if acting else ""
    if kind == "OrthogonalRegularizer":
        return told if abs(figures.get("factor", 1)) > LOST else ""
    if kind == "MaxNorm":
        return told if figures.get("max_value", 1) < UNREACHED else ""
    if kind == "MinMaxNorm":
        free = figures.get("min_value", 1) <= 0 and figures.get("max_value", 1) >= UNREACHED
        return "" if free or figures.get("rate") == 0 else told
    return told


def _parts(told: str) -> tuple[str, dict[str, float]]:
    """``L2(l2=0.01)`` -> its class and its figures."""
    kind, _, inner = told.partition("(")
    found = re.findall(r"(\w+)=(-?\d[\d.]*(?:e[-+]?\d+)?)(?=[,)]|$)", inner, re.I)
    return kind.strip(), {name: float(figure) for name, figure in found if figure.count(".") < 2}


def decays(weight_decay: Json) -> bool:
    return isinstance(weight_decay, int | float) and weight_decay > LOST


def limits(norm: Json, training: Training) -> bool:
    """Whether a limit of gradients can be reached; Keras takes 0 for none.

    A gradient on a few images, before and after the training, is smaller than the largest within it: a limit counts
    unless it is far beyond.
    """
    steepest = training.arguments.get("steepest")
    known = isinstance(steepest, int | float) and steepest > 0
    most = min(UNREACHED, UNREACHABLE * float(steepest)) if known and isinstance(steepest, int | float) else UNREACHED
    return isinstance(norm, int | float) and 0 < norm < most


# --- settings of an optimiser --------------------------------------------------------------------------------------


def hardly_differ(name: str, before: Json, after: Json) -> bool:
    """Whether two figures of an optimiser are as good as one; of a momentum, by what it forgets at each step."""
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (before, after)):
        return False
    old, new = (float(one) for one in (before, after) if isinstance(one, int | float))
    if name != "learning_rate":
        old, new = 1 - old, 1 - new
    return abs(old - new) <= NEAR * max(abs(old), abs(new))


def smoothing(settings: Mapping[str, float]) -> float:
    """How far a loss smooths the labels; 0 where it does not, or by less than can be seen."""
    told = settings.get(SMOOTHING, 0.0)
    return told if abs(told) > LOST else 0.0


# --- data ----------------------------------------------------------------------------------------------------------


def times(before: ArrayPrint, after: ArrayPrint) -> float:
    """How many times more often the same rows are given in ``after``; 1 where they are others, or not known.

    On a data set that serves each image many times, other parts of it hold as many different images; but how evenly
    these are repeated differs.
    """
    if before.kind != "array" or after.kind != "array" or not before.shape or not after.shape:
        return 1.0
    if not before.distinct or not before.even or before.distinct != after.distinct:
        return 1.0
    same = abs(after.even - before.even) <= ALIKE * before.even
    return after.shape[0] / before.shape[0] if same and before.shape[1:] == after.shape[1:] else 1.0


# --- what came of it -----------------------------------------------------------------------------------------------


def same_course(before: Training, after: Training) -> bool:
    """Whether all figures of both, epoch by epoch, are the same: trainings from one seed between which nothing differs.

    Where trainings are not seeded alike, or a model learns nothing, this says nothing. Two figures at the least: a loss
    may be the same by chance.
    """
    names = (before.history.keys() & after.history.keys()) - {"learning_rate"}
    pairs = [(before.history[name], after.history[name]) for name in sorted(names)]
    told = sum(map(len, (old for old, _ in pairs)))
    if "loss" not in names or told < 2 or before.number == after.number or not _learns(after):
        return False
    return all(len(old) == len(new) and all(map(_is_one, old, new)) for old, new in pairs)


def _is_one(old: float | None, new: float | None) -> bool:
    return old is not None and new is not None and abs(old - new) <= SAME_COURSE * max(abs(old), abs(new))


def _learns(training: Training) -> bool:
    """Its accuracy is above that of one class for all; dead models are alike whatever was changed."""
    reached = [one for one in training.history.get("accuracy", ()) if one is not None]
    return training.y_classes > 1 and bool(reached) and max(reached) > 1 / training.y_classes + ABOVE_CHANCE


# --- steering ------------------------------------------------------------------------------------------------------


def constant(schedule: str) -> float | None:
    """The learning rate of a schedule that never leaves it; None for any other."""
    kind, figures = _parts(schedule)
    start = figures.get("initial_learning_rate")
    still = {
        "ExponentialDecay": figures.get("decay_rate") == 1,
        "InverseTimeDecay": figures.get("decay_rate") == 0,
        "PolynomialDecay": figures.get("end_learning_rate") == start,
        "CosineDecayRestarts": figures.get("alpha") == 1,
        "CosineDecay": figures.get("alpha") == 1 and not figures.get("warmup_steps"),
    }
    known = kind in still and (still[kind] or figures.get("decay_steps", 0) >= ENDLESS)
    return start if known and not figures.get("warmup_steps") else None


def rate(optimizer: Mapping[str, Json]) -> float | None:
    """The learning rate that it was told; None where a schedule changes it, or where it is not known."""
    told, rates = optimizer.get("learning_rate"), list(_numbers(optimizer.get("rates")))
    if isinstance(told, str) and len(rates) == 2 and rates[0] is not None and rates[1] is not None:
        low, high = rates[0], rates[1]
        return high if high - low <= SAME_RATE * abs(high) else None
    told = constant(told) if isinstance(told, str) else told
    return float(told) if isinstance(told, int | float) else None


def unused(training: Training) -> set[str]:
    """Callbacks that could not do anything: more patient than the training is long, a constant rate, a floor as high
    as the rate, a figure that there never was."""
    found = {*blind(training), *_at_the_floor(training), *_onlookers(training)}
    epochs = _planned(training)
    if epochs is None:
        return found
    waits = _settings(training, "patience")
    found |= {name for name, count in waits.items() if isinstance(count, int) and count >= epochs}
    return found | ({"LearningRateScheduler"} if _kept_rate(training, epochs) else set())


def blind(training: Training) -> Mapping[str, str]:
    """Callback -> the figure that it watches, and that the training never had."""
    return {name: str(figure) for name, figure in _settings(training, "blind").items()}


def _settings(training: Training, name: str) -> Mapping[str, Json]:
    told = training.arguments.get(name)
    return {str(key): value for key, value in told.items()} if isinstance(told, Mapping) else {}


def _onlookers(training: Training) -> Iterator[str]:
    """Callbacks of the notebook's own that reach nothing; where data flow, they may be what these go by."""
    told = training.arguments.get("onlookers")
    if training.x.kind == "array" and isinstance(told, Sequence) and not isinstance(told, str):
        yield from map(str, told)


def _at_the_floor(training: Training) -> Iterator[str]:
    """Callbacks that do not go below a rate which this training never exceeded."""
    known = [rate(training.optimizer), *training.history.get("learning_rate", ())]
    rates = [abs(one) for one in known if one is not None]
    for name, least in _settings(training, "floor").items():
        if rates and isinstance(least, int | float) and least >= max(rates) * (1 - SAME_RATE):
            yield name


def _planned(training: Training) -> int | None:
    epochs, first = training.arguments.get("epochs"), training.arguments.get("initial_epoch") or 0
    return epochs - first if isinstance(epochs, int) and isinstance(first, int) else None


def _kept_rate(training: Training, epochs: int) -> bool:
    """Through all epochs that were planned: who stops earlier may have been going to change it."""
    rates, told = training.history.get("learning_rate", ()), training.optimizer.get("learning_rate")
    if not isinstance(told, int | float) or not 2 <= epochs <= len(rates):
        return False
    return all(one is not None and abs(one - told) <= SAME_RATE * abs(told) for one in rates)
