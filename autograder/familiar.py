"""What of Keras a training may be made of so that it can be carried out elsewhere with the same result.

Everything in these lists is Keras' own, is described whole by its configuration and its variables, and does the same
wherever it is built. It is asked by the kernel, to know what it understands, and by the host, before anything is built
from a description that came out of a room. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

LAYERS: Final = frozenset(
    {
        *("InputLayer", "Dense", "Flatten", "Reshape", "Permute", "RepeatVector", "Activation", "Embedding", "Masking"),
        *("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"),
        *(f"{kind}Pooling{n}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage") for n in (1, 2, 3)),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization"),
        *("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "ActivityRegularization"),
        *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
        *("ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D"),
        *("Rescaling", "Resizing", "CenterCrop"),
        *(f"Random{kind}" for kind in ("Flip", "Rotation", "Zoom", "Translation", "Contrast", "Brightness")),
        *("SimpleRNN", "LSTM", "GRU", "MultiHeadAttention"),
    }
)
INNER: Final = frozenset({"SimpleRNNCell", "LSTMCell", "GRUCell", "EinsumDense"})
"""What some of these are made of; a configuration does not name them."""
MODELS: Final = frozenset({"Sequential", "Functional"})
OPTIMIZERS: Final = frozenset(
    {"SGD", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "RMSprop", "Nadam", "Ftrl", "Lion"}
)
SCHEDULES: Final = frozenset(
    {"ExponentialDecay", "CosineDecay", "PiecewiseConstantDecay", "PolynomialDecay", "InverseTimeDecay"}
    | {"CosineDecayRestarts"}
)
LOSSES: Final = frozenset(
    {"CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "MeanSquaredError"}
    | {"MeanAbsoluteError", "Huber", "KLDivergence", "Poisson", "Hinge", "SquaredHinge", "CategoricalHinge", "LogCosh"}
    | {"CategoricalFocalCrossentropy", "BinaryFocalCrossentropy", "CosineSimilarity"}
)
METRICS: Final = frozenset(
    {"Accuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "BinaryAccuracy", "TopKCategoricalAccuracy"}
    | {"SparseTopKCategoricalAccuracy", "Precision", "Recall", "AUC", "MeanSquaredError", "MeanAbsoluteError"}
    | {"CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "RootMeanSquaredError"}
)
CALLBACKS: Final = frozenset({"EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN"})
"""Those whose state is a few figures and weights, and which touch nothing outside the training."""
NAMES: Final = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error"}
    | {"mean_absolute_error", "mse", "mae", "huber", "kl_divergence", "poisson", "hinge", "squared_hinge", "log_cosh"}
    | {"categorical_hinge", "accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy"}
    | {"binary_accuracy", "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "cosine_similarity"}
    | {"categorical_focal_crossentropy", "binary_focal_crossentropy", "MSE", "MAE", "crossentropy", "ce"}
)
"""Under which losses and metrics are given as text."""
ARGUMENTS: Final = frozenset(
    {"batch_size", "epochs", "validation_split", "shuffle", "class_weight", "initial_epoch", "steps_per_epoch"}
    | {"validation_steps", "validation_batch_size", "validation_freq"}
)
"""Of ``fit``, besides data and callbacks, that have a part in what comes of it."""
ARRAYS: Final = ("x", "y", "sample_weight", "validation_x", "validation_y", "validation_weight")
SETTINGS: Final[Mapping[str, frozenset[str]]] = {
    "EarlyStopping": frozenset(
        {"monitor", "mode", "min_delta", "patience", "baseline", "restore_best_weights", "start_from_epoch"}
    ),
    "ReduceLROnPlateau": frozenset({"monitor", "mode", "min_delta", "patience", "factor", "cooldown", "min_lr"}),
    "TerminateOnNaN": frozenset(),
}

_DATA = frozenset({"__keras_tensor__", "__tuple__"})
_MODULES: Final[Mapping[str, frozenset[str]]] = {
    "keras.layers": LAYERS,
    "keras": MODELS | {"DTypePolicy"},
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.models": MODELS,
    "keras.optimizers": OPTIMIZERS,
    "keras.optimizers.schedules": SCHEDULES,
    "keras.losses": LOSSES,
    "keras.metrics": METRICS,
    "keras.initializers": frozenset(
        {"Zeros", "Ones", "Constant", "GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "LecunNormal"}
        | {"LecunUniform", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal"}
        | {"OrthogonalInitializer", "Identity", "IdentityInitializer"}
    ),
    "keras.regularizers": frozenset({"L1", "L2", "L1L2", "OrthogonalRegularizer"}),
    "keras.constraints": frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}),
}
_DEEPEST = 60
_COMPILED = frozenset(
    {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution"}
    | {"jit_compile"}
)


def stranger(model: Any) -> str:  # noqa: ANN401
    """The first part of a model's serialised form that is not known here, by its name; empty where all of it is."""
    if not isinstance(model, dict) or model.get("class_name") not in tuple(MODELS):
        return "model"
    compiled = model.get("compile_config")
    if not isinstance(compiled, dict) or compiled.keys() - _COMPILED or not _is_optimizer(compiled.get("optimizer")):
        return "compile"
    for node, depth in _nodes(model):
        if depth > _DEEPEST:
            return "depth"
        if isinstance(node, dict) and "class_name" in node and (name := _strange(node)):
            return name
    return next(_named(compiled), "")


def _is_optimizer(node: Any) -> bool:  # noqa: ANN401
    return isinstance(node, dict) and node.get("module") == "keras.optimizers"


def _named(compiled: Mapping[str, Any]) -> Iterator[str]:
    """Losses and metrics that are given by a name which is not known."""
    if compiled.get("run_eagerly") or compiled.get("loss_weights") is not None:
        yield "compile"
    if not isinstance(compiled.get("loss"), (str, dict)):
        yield "loss"
    for part in ("loss", "metrics", "weighted_metrics"):
        given = compiled.get(part)
        several = given if isinstance(given, list) else [given]
        for one in several:
            if isinstance(one, dict) and "class_name" in one:
                continue
            if one is not None and not (isinstance(one, str) and one in NAMES):
                yield str(one)[:80]


def _strange(node: Mapping[str, Any]) -> str:
    kind, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    if not isinstance(kind, str):
        return "class"
    if kind in _DATA:
        return ""
    known = isinstance(module, str) and registered in (None, kind) and kind in _MODULES.get(module, ())
    return "" if known else kind[:80] or "class"


def _nodes(value: Any) -> Iterator[tuple[Any, int]]:  # noqa: ANN401
    """Every dictionary and list down to the first that is too deep, without recursion."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, (dict, list)):
            yield one, depth
        if isinstance(one, (dict, list)) and depth <= _DEEPEST:
            waiting += [(part, depth + 1) for part in (one.values() if isinstance(one, dict) else one)]


REASONS: Final = frozenset(
    {"own callback", "callback", "own layer", "own loss", "own metric", "own optimizer", "own model", "Lambda"}
    | {"changed Keras", "tf.data", "generator", "several inputs", "data of another kind", "arguments", "settings"}
    | {"not seeded", "another backend", "too large", "compile", "another"}
)
"""Why a training is carried out for real, as a kernel says it; ``callback`` is one of Keras' that does more."""
