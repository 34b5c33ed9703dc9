"""In what two trainings differ: by their layers, settings and data as the ledger recorded them, never by the text.

The families are those of the assignment. What changes nothing about a model is left out: names, seeds, an explicit
input layer, an activation written as a layer of its own, labels as integers or one-hot.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autograder.checks import idle
from autograder.records import Json, Layer, Training


class Family(StrEnum):
    ARCHITECTURE = "architecture"
    REGULARISATION = "regularisation"
    HYPERPARAMETERS = "hyperparameters"
    AUGMENTATION = "augmentation"
    STRATEGY = "strategy"


_SIZED = frozenset({"batch_size", "learning_rate", "epochs"})
NEAR = 0.05
"""Share by which two values of these may differ and be one: a batch of 33 images in place of 32."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting in which two trainings differ."""

    family: Family
    name: str
    text: str
    """``batch_size 128 → 64``, ``+ Dropout(0.3)``: names of Keras, the same in every language."""
    numeric: bool = False
    """Only numbers differ: another value of the same setting, as in a sweep."""


_REGULARISING = re.compile(
    r"Dropout|Noise$|Normalization$|^ActivityRegularization$|^(Lazy)?(Batch|Instance)Norm\dd$|^(Layer|Group|RMS)Norm$"
)
_AUGMENTING = re.compile(r"^Random|^RandAugment$|^AugMix$|^MixUp$|^CutMix$|^AutoContrast$|^Solarization$")
_NEUTRAL = re.compile(r"^(InputLayer|Rescaling|Normalization|Resizing|CenterCrop|Reshape|Permute|Identity)$")
_ACTIVATIONS = {"ReLU": "relu", "Softmax": "softmax", "LeakyReLU": "leaky_relu", "ELU": "elu", "PReLU": "prelu"}
_ACTIVATIONS |= {"ReLU6": "relu6", "SELU": "selu", "GELU": "gelu", "SiLU": "silu", "Mish": "mish", "Tanh": "tanh"}
_ACTIVATIONS |= {"Sigmoid": "sigmoid", "Hardswish": "hard_swish", "LogSoftmax": "softmax"}
_SALIENT = (
    *("filters", "units", "out_channels", "out_features", "rate", "p", "factor", "stddev"),
    *("kernel_size", "pool_size", "height_factor"),
)
"""Of Keras, and of PyTorch where its names are others."""
_UNIMPORTANT = frozenset(
    "name dtype seed batch_shape batch_input_shape input_shape shape data_format autocast noise_shape "
    "bias_initializer synchronized axis sparse ragged optional groups dilation_rate use_bias "
    "in_channels in_features num_features padding_mode output_padding dilation inplace ceil_mode return_indices "
    "track_running_stats affine dim".split()
)
_PENALISING = re.compile(r"_(?:regularizer|constraint)$")
_STEERING = re.compile(
    r"early|stop|plateau|schedul|rate|warm|decay|cycl|swa|average|\bema\b|annealing|onecycle|unfreez|mixup|lr$"
    r"|moyenne|snapshot|arret|echauff|cosin",
    re.I,
)
_OPTIMIZER = ("momentum", "nesterov", "beta_1", "beta_2", "rho", "amsgrad", "centered", "use_ema")
ALTERED = "altered images"
TARGETS = "targets"
_SOFT = 0.999
"""Of the deviation of labels, below which they are shares: labels smoothed by 0.001 have that, and a teacher that is
sure of the images which it was trained on leaves little more to learn."""
STARTING_WEIGHTS = "starting weights"
"""Name of the change that a model begins with what others have learnt."""
_DIVERGENCE = {"kldivergence", "kld", "kullbackleiblerdivergence"}
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_WAITING = frozenset({*_CLIPPING, "MaxNorm", "MinMaxNorm", "NonNeg"})


def differences(before: Training, after: Training) -> tuple[Change, ...]:
    """What was changed from ``before`` to ``after``, in the order of the families; empty for the same settings."""
    found = (
        *_architecture(before, after),
        *_layers_of(Family.REGULARISATION, _REGULARISING, before, after),
        *_penalties(before, after),
        *_hyperparameters(before, after),
        *_layers_of(Family.AUGMENTATION, _AUGMENTING, before, after),
        *_data(before, after),
        *_strategy(before, after),
    )
    return () if found and idle.same_course(before, after) and all(map(_acts_always, found)) else found


def _acts_always(change: Change) -> bool:
    """Not one that waits for an occasion, as a limit does, or a callback: that there was none shows nothing."""
    return change.family is not Family.STRATEGY and change.name not in _WAITING


# --- values --------------------------------------------------------------------------------------------------------


def _canonical(value: Json) -> Json:
    """Floats as they were typed: a float32 that went through JSON is 0.001 again."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_canonical(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _canonical(part) for key, part in value.items()}
    return value


def _told(value: Json) -> str:
    """Short text for people."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ("×" if all(isinstance(part, int) for part in value) else ", ").join(map(_told, value))
    if isinstance(value, Mapping):
        return str(value.get("class_name") or json.dumps(value, sort_keys=True, default=str))[:60]
    return str(value)[:60]


def _is_number(value: Json) -> bool:
    if isinstance(value, list):
        return all(map(_is_number, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_near(name: str, before: Json, after: Json) -> bool:
    numeric = all(_is_number(value) and not isinstance(value, list) for value in (before, after))
    return numeric and name in _SIZED and math.isclose(before, after, rel_tol=NEAR)


def _change(family: Family, name: str, before: Json, after: Json) -> Iterator[Change]:
    """One setting with a value on both sides; unknown on either side is no difference, and no more is next to none."""
    before, after = _canonical(before), _canonical(after)
    if before is None or after is None or before == after or _is_near(name, before, after):
        return
    numeric = _is_number(before) and _is_number(after)
    yield Change(family, name, f"{name} {_told(before)} → {_told(after)}", numeric)


# --- layers --------------------------------------------------------------------------------------------------------


def _structure(training: Training) -> list[tuple[str, dict[str, Json]]]:
    """Kind and settings of the layers that make the architecture, activations folded into the layer before."""
    kept: list[tuple[str, dict[str, Json]]] = []
    for layer in idle.effective(training):
        if _aside(layer.kind):
            continue
        activation = _ACTIVATIONS.get(layer.kind) or (
            layer.config.get("activation") if layer.kind == "Activation" else ""
        )
        if activation and kept and kept[-1][1].get("activation") in {None, "linear"}:
            kept[-1][1]["activation"] = activation
            continue
        kept.append((layer.kind, _config(layer)))
    if kept and "crossentropy" in (_loss(training) or ""):
        # Outputs as logits, with a loss that knows it, are the same model as outputs through softmax.
        last = kept[-1][1]
        last["activation"] = "softmax" if last.get("activation") in {None, "linear"} else last["activation"]
    return kept


def _aside(kind: str) -> bool:
    """Layers that are of another family, or that make no other model of it."""
    return any(kinds.search(kind) for kinds in (_REGULARISING, _AUGMENTING, _NEUTRAL))


def _config(layer: Layer) -> dict[str, Json]:
    return {
        key: _canonical(value)
        for key, value in layer.config.items()
        if value is not None and key not in _UNIMPORTANT and not _PENALISING.search(key)
    }


def _architecture(before: Training, after: Training) -> Iterator[Change]:
    old, new = _structure(before), _structure(after)
    if not old or not new:
        return
    if [kind for kind, _ in old] != [kind for kind, _ in new]:
        yield Change(Family.ARCHITECTURE, "layers", _edits(old, new))
        return
    for key in sorted({key for _, config in old + new for key in config}):
        pairs = [(_told(a.get(key)), _told(b.get(key))) for (_, a), (_, b) in zip(old, new, strict=True)]
        if any(a != b for a, b in pairs):
            values = [config.get(key) for _, config in old + new if key in config]
            text = f"{key} {_row(a for a, _ in pairs)} → {_row(b for _, b in pairs)}"
            yield Change(Family.ARCHITECTURE, key, text, all(map(_is_number, values)))


def _row(values: Iterable[str]) -> str:
    return ", ".join(value for value in values if value != "None")[:80]


def _label(kind: str, config: Mapping[str, Json]) -> str:
    """``Conv2D(64)``"""
    salient = next((config[key] for key in _SALIENT if key in config), None)
    return kind if salient is None else f"{kind}({_told(_canonical(salient))})"


def _edits(old: Sequence[tuple[str, Mapping[str, Json]]], new: Sequence[tuple[str, Mapping[str, Json]]]) -> str:
    """``+ Conv2D(128) − Dense(64)``: the shortest way from one list of layers to the other."""
    before, after = ([_label(*layer) for layer in layers] for layers in (old, new))
    added, removed = [], []
    for operation, start, stop, begin, end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if operation != "equal":
            removed += before[start:stop]
            added += after[begin:end]
    told = [f"+ {', '.join(added)}"] if added else []
    told += [f"− {', '.join(removed)}"] if removed else []
    return " ".join(told)[:160]


def _layers_of(family: Family, kinds: re.Pattern[str], before: Training, after: Training) -> Iterator[Change]:
    """Layers that do not make the architecture, one change for each kind.

    Where other layers come between them, they stand elsewhere and may be more; that is no change of theirs.
    """
    old, new = _placed(before, kinds), _placed(after, kinds)
    rebuilt = [kind for kind, _ in _structure(before)] != [kind for kind, _ in _structure(after)]
    for kind in sorted({*old, *new}):
        labels_of = [{label for _, label in placed.get(kind, [])} for placed in (old, new)]
        if old.get(kind) == new.get(kind) or (rebuilt and labels_of[0] == labels_of[1]):
            continue
        labels = ", ".join(dict.fromkeys(label for _, label in new.get(kind, [])))
        if kind not in old:
            text = f"+ {labels}"
        elif kind not in new:
            text = f"− {kind}"
        else:
            text = f"{', '.join(dict.fromkeys(label for _, label in old[kind]))} → {labels}"
            text += f" ({len(old[kind])} → {len(new[kind])})" if len(old[kind]) != len(new[kind]) else ""
        yield Change(family, kind, text[:160], kind in old and kind in new)


def _placed(training: Training, kinds: re.Pattern[str]) -> dict[str, list[tuple[int, str]]]:
    """Kind -> where it stands among the layers of the architecture, and its label."""
    found: dict[str, list[tuple[int, str]]] = {}
    position = 0
    for layer in idle.effective(training):
        if kinds.search(layer.kind) and not _NEUTRAL.search(layer.kind):
            found.setdefault(layer.kind, []).append((position, _label(layer.kind, layer.config)))
        elif not (_aside(layer.kind) or layer.kind == "Activation" or layer.kind in _ACTIVATIONS):
            position += 1
    return found


def _penalties(before: Training, after: Training) -> Iterator[Change]:
    """L1, L2, constraints and weight decay."""
    old, new = _penalty(before), _penalty(after)
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            both = name in old and name in new
            text = f"{old[name]} → {new[name]}" if both else f"+ {new[name]}" if name in new else f"− {old[name]}"
            yield Change(Family.REGULARISATION, name, text[:160], both)


def _penalty(training: Training) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for layer in training.layers:
        for key in filter(_PENALISING.search, layer.config):
            value = None if key in layer.unfelt else layer.config[key]
            if value and (kind := idle.penalty(_told(_canonical(value)))):
                found.setdefault(re.sub(r"\W.*", "", kind) or key, []).append(kind)
    told = {name: ", ".join(dict.fromkeys(kinds)) + f" ×{len(kinds)}" for name, kinds in found.items()}
    decay = training.optimizer.get("weight_decay")
    # AdamW and its kin decay weights by definition: there the optimiser is what was chosen.
    if idle.decays(decay) and not (_optimizer(training.optimizer) or "").endswith("w"):
        told["weight_decay"] = f"weight_decay {decay:.6g}"
    return told


# --- settings ------------------------------------------------------------------------------------------------------


def _hyperparameters(before: Training, after: Training) -> Iterator[Change]:
    family = Family.HYPERPARAMETERS
    old, new = before.optimizer, after.optimizer
    names = [_optimizer(optimizer) for optimizer in (old, new)]
    rates = [_rate(optimizer) for optimizer in (old, new)]
    if names[0] and names[1] and names[0] != names[1]:
        told = [f"{name}({rate:.6g})" if rate else str(name) for name, rate in zip(names, rates, strict=True)]
        yield Change(family, "optimizer", f"optimizer {told[0]} → {told[1]}")
    else:
        yield from _setting("learning_rate", *rates)
        for key in _OPTIMIZER:
            yield from _setting(key, _set(old, key), _set(new, key))
        for key in _CLIPPING:
            yield from _change(family, key, _limit(before, key), _limit(after, key))
    yield from _change(family, "batch_size", _batch(before), _batch(after))
    heads = {len(one.outputs) for one in (before, after) if one.outputs}
    if len(heads) < 2:  # a model with another number of outputs needs a loss for each
        yield from _change(family, "loss", _loss(before), _loss(after))
    yield from _loss_settings(before, after)


def _setting(name: str, before: Json, after: Json) -> Iterator[Change]:
    if not idle.hardly_differ(name, before, after):
        yield from _change(Family.HYPERPARAMETERS, name, before, after)


def _optimizer(optimizer: Mapping[str, Json]) -> str | None:
    """Without its decay, AdamW is Adam."""
    name, decay = str(optimizer.get("name", "")).lower(), optimizer.get("weight_decay")
    return (name if decay is None or idle.decays(decay) else name.removesuffix("w")) or None


def _rate(optimizer: Mapping[str, Json]) -> float | None:
    rate = idle.rate(optimizer)
    return None if rate is None else float(f"{rate:.6g}")


def _set(optimizer: Mapping[str, Json], key: str) -> Json:
    """What an optimiser was told; ``None`` and absent are the same choice when the other side has a value."""
    value = optimizer.get(key)
    return "none" if value is None and optimizer else value


def _limit(training: Training, key: str) -> Json:
    optimizer = training.optimizer
    return optimizer[key] if idle.limits(optimizer.get(key), training) else "none" if optimizer else None


def _batch(training: Training) -> Json:
    """Keras' own default is 32; a data set or generator makes its own batches."""
    stated = training.arguments.get("batch_size")
    if stated is None and training.arguments and training.x.kind == "array":
        return 32
    return stated


def _loss(training: Training) -> str | None:
    """Integer labels or one-hot, logits or their logarithms as shares: the same loss.

    So is the divergence of shares from labels, which is the cross-entropy less a figure that no weight changes.
    """
    told = re.sub(r"[^a-z]|sparse", "", training.loss.lower())
    if told in _DIVERGENCE and _gives_shares(training):
        return "categoricalcrossentropy"
    return {"nllloss": "crossentropyloss"}.get(told, told) or None


def _loss_settings(before: Training, after: Training) -> Iterator[Change]:
    """Smoothing of labels can be asked of several losses; other settings are held against those of the same loss."""
    old, new = before.loss_settings, after.loss_settings
    same = _loss(before) == _loss(after)
    for key in sorted({*old, *new}):
        if key == idle.SMOOTHING:
            if before.loss and after.loss:
                yield from _change(Family.REGULARISATION, key, idle.smoothing(old), idle.smoothing(new))
        elif same:
            yield from _change(Family.HYPERPARAMETERS, key, old.get(key), new.get(key))
    soft = [_has_soft_targets(one) for one in (before, after)]
    if soft[0] != soft[1]:
        yield Change(Family.REGULARISATION, TARGETS, f"{'+' if soft[1] else '−'} soft targets")


def _has_soft_targets(training: Training) -> bool:
    """Whether a row of targets is shared out among classes, as a teacher's answers are, or mixed or smoothed labels.

    Of shares the mean is known; that of their deviation is largest where each row is one class.
    """
    y = training.y
    classes = y.shape[1] if len(y.shape) == 2 else 0
    if classes < 2 or None in (y.low, y.high, y.mean, y.std):
        return False
    # Mixed in float32, a share may be a little more than one.
    shares = (y.low or 0.0) >= -0.001 and (y.high or 0.0) <= 1.001 and abs(classes * (y.mean or 0.0) - 1) < 0.01
    return shares and (y.std or 0.0) < _SOFT * math.sqrt(classes - 1) / classes


def _gives_shares(training: Training) -> bool:
    last = training.layers[-1] if training.layers else None
    return last is not None and (last.kind == "Softmax" or last.config.get("activation") == "softmax")


def _data(before: Training, after: Training) -> Iterator[Change]:
    """More rows, or rows from a generator, are taken for augmentation, unless they are known to be the same images.

    A hand-written loop always takes batches, whatever is in them; of PyTorch's data the transforms are known.
    """
    family = Family.AUGMENTATION
    old, new = _alterations(before, after), _alterations(after, before)
    for name in sorted(old ^ new):
        yield Change(family, name, f"+ {name}" if name in new else f"− {name}")
    if old ^ new or before.arguments.get("loop") or after.arguments.get("loop"):
        return
    if before.x.kind != after.x.kind and before.x.shape:
        if not any(_is_the_same(*pair) for pair in ((before, after), (after, before))):
            yield Change(family, "source", f"fit({before.x.kind}) → fit({after.x.kind})")
        return
    rows = [data.x.shape[0] if data.x.shape and data.x.kind == "array" else 0 for data in (before, after)]
    if rows[0] and rows[1] > 1.02 * rows[0] and idle.times(before.x, after.x) == 1:
        yield Change(family, "rows", f"x {rows[0]} → {rows[1]}", True)


def _alterations(training: Training, other: Training) -> set[str]:
    """What alters its images: by name where there is one."""
    named = set(_names(training.arguments.get("augmentations")))
    if _is_the_same(other, training) and not (named and _is_endless(other, training)):
        return set()
    return named or ({ALTERED} if training.x.altered else set())


def _is_the_same(given: Training, flowing: Training) -> bool:
    """Whether what flows is as many images as the other was given, none of them altered."""
    return flowing.x.altered is False and 0 < _count(flowing) <= 1.02 * _count(given)


def _is_endless(given: Training, flowing: Training) -> bool:
    """Whether it may be that of what flows one batch is counted, since nobody knows how many there are."""
    return _count(flowing) < 0.5 * _count(given)


def _count(training: Training) -> int:
    return training.x.shape[0] if training.x.shape else 0


def _names(listed: Json) -> list[str]:
    return [str(name) for name in listed] if isinstance(listed, Sequence) and not isinstance(listed, str) else []


def _strategy(before: Training, after: Training) -> Iterator[Change]:
    family = Family.STRATEGY
    old, new = _steering(before), _steering(after)
    for name in sorted(old ^ new):
        yield Change(family, name, f"+ {name}" if name in new else f"− {name}")
    if bool(before.learnt_from) != bool(after.learnt_from):
        yield Change(family, STARTING_WEIGHTS, f"{'+' if after.learnt_from else '−'} pretrained weights")
    steps = [bool(one.arguments.get("stirring")) for one in (before, after)]
    if steps[0] != steps[1]:
        yield Change(family, "training step", f"{'+' if steps[1] else '−'} own training step")
    if not _same_steps(before, after):
        yield from _change(family, "epochs", before.arguments.get("epochs"), after.arguments.get("epochs"))
    for key in ("class_weight", "sample_weight"):
        if bool(before.arguments.get(key)) != bool(after.arguments.get(key)):
            yield Change(family, key, f"+ {key}" if after.arguments.get(key) else f"− {key}")


def _same_steps(before: Training, after: Training) -> bool:
    """Half the epochs on rows that are all given twice are the same epochs."""
    times, (old, new) = idle.times(before.x, after.x), (one.arguments.get("epochs") for one in (before, after))
    return times != 1 and isinstance(old, int) and isinstance(new, int) and abs(new * times - old) < 0.5


def _steering(training: Training) -> set[str]:
    """Callbacks and schedules that change how a model learns; those that only watch are left out."""
    names = set(_names(training.arguments.get("callbacks"))) - idle.unused(training)
    movers = _names(training.arguments.get("movers"))
    found = {name for name in names if name in movers or _STEERING.search(name)}
    rate = training.optimizer.get("learning_rate")
    if isinstance(rate, Mapping):
        found.add(str(rate.get("class_name") or rate.get("name") or "learning_rate schedule"))
    elif isinstance(rate, str) and idle.rate(training.optimizer) is None:
        found.add(rate[:120])
    return found
