"""Services that log, publish or decorate, and are not installed: a notebook's results do not depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from ..imports import Action
from ..things import Thing
from .inert import Inert, Noted, holding

NOT_LOGGED = "it is not installed here: nothing was logged or shown"

_MLFLOW_MODEL = "log_model autolog save_model load_model"

NAMES: Mapping[str, str] = {
    "clearml": "Task Logger Dataset",
    "codecarbon": "EmissionsTracker OfflineEmissionsTracker track_emissions",
    "comet_ml": "Experiment OfflineExperiment ExistingExperiment Optimizer start init login end config",
    "dagshub": "init login dagshub_logger",
    "dagshub.logger": "DAGsHubLogger dagshub_logger",
    "gradio": (
        "Interface Blocks Row Column Tab Image Label Textbox Number Slider Button Markdown Sketchpad Paint ImageEditor "
        "Dropdown Radio Checkbox File Gallery Plot HTML JSON inputs outputs themes TabbedInterface"
    ),
    "jupyterthemes": "jtplot get_themes install_theme stylefx",
    "jupyterthemes.jtplot": "style reset figsize",
    "keras_visualizer": "visualizer",
    "ann_visualizer": "",
    "ann_visualizer.visualize": "ann_viz",
    "livelossplot.inputs": "PlotLosses",
    "livelossplot.outputs": "MatplotlibPlot ExtremaPrinter",
    "mlflow": (
        "set_experiment start_run end_run active_run last_active_run log_param log_params log_metric log_metrics "
        "log_artifact log_artifacts log_figure log_text log_dict log_image log_table log_input set_tag set_tags "
        "set_tracking_uri get_tracking_uri autolog register_model create_experiment get_experiment_by_name get_run "
        "search_runs delete_run evaluate MlflowClient ActiveRun"
    ),
    "mlflow.data": "from_numpy from_pandas",
    "mlflow.models": "infer_signature Model",
    "mlflow.models.signature": "infer_signature ModelSignature",
    "mlflow.sklearn": _MLFLOW_MODEL,
    "mlflow.pytorch": _MLFLOW_MODEL,
    "mlflow.tracking": "MlflowClient",
    "mlflow.types": "Schema TensorSpec ColSpec",
    "neptune": "init init_run init_model init_project create_experiment log_metric log_text log_image append_tag stop",
    "neptune.new": "init init_run init_project",
    "neptune.types": "File",
    "neptune.new.types": "File",
    "neptune.utils": "stringify_unsupported",
    "neptune.integrations": "",
    "neptune.new.integrations": "",
    "netron": "start stop serve",
    "pyngrok": "ngrok conf",
    "streamlit": (
        "title header subheader write markdown text image pyplot sidebar button selectbox slider file_uploader columns "
        "spinner success error warning info metric dataframe table cache cache_data cache_resource session_state "
        "set_page_config number_input text_input checkbox radio progress caption container expander tabs"
    ),
    "visualkeras": "layered_view graph_view SpacingDummyLayer",
    "wandb.errors": "CommError UsageError",
    "wandb.integration": "",
    "wandb.plot": "confusion_matrix roc_curve pr_curve line bar scatter histogram line_series",
    "wandb.sklearn": "plot_confusion_matrix plot_classifier plot_roc",
}
"""Module -> its contents that are used. A new one is a line here; those that need more than names are below."""

CALLBACKS: Mapping[str, str] = {
    "comet_ml.integration.keras": "CometLogger",
    "keras_tqdm": "TQDMNotebookCallback TQDMCallback",
    "livelossplot": "PlotLossesKeras PlotLossesKerasTF PlotLossesTensorFlowKeras",
    "livelossplot.keras": "PlotLossesCallback",
    "livelossplot.tf_keras": "PlotLossesCallback",
    "neptune.integrations.tensorflow_keras": "NeptuneCallback",
    "neptune.new.integrations.tensorflow_keras": "NeptuneCallback",
    "tensorboardcolab": "TensorBoardColabCallback",
    "wandb.integration.keras": "WandbCallback WandbMetricsLogger WandbModelCheckpoint WandbEvalCallback",
    "wandb.keras": "WandbCallback WandbMetricsLogger WandbModelCheckpoint WandbEvalCallback",
    "mlflow.keras": "MlflowCallback",
    "mlflow.tensorflow": "MlflowCallback",
}
"""Module -> its Keras callbacks."""

_BESIDE_CALLBACKS = {
    "livelossplot": ("PlotLosses",),
    "tensorboardcolab": ("TensorBoardColab",),
    "mlflow.keras": tuple(_MLFLOW_MODEL.split()),
    "mlflow.tensorflow": tuple(_MLFLOW_MODEL.split()),
}


def stand_ins(session: Thing) -> dict[str, Action]:
    """Builders of all of them."""

    def noted(name: str) -> None:
        session.adapt("absent", name.partition(".")[0], NOT_LOGGED)

    found: dict[str, Action] = {name: holding(names.split(), noted) for name, names in NAMES.items()}
    for name, names in CALLBACKS.items():
        found[name] = _callbacks(names.split(), _BESIDE_CALLBACKS.get(name, ()), noted)
    found["comet_ml.integration"] = holding((), noted)
    found["wandb"] = lambda module: _wandb(module, noted)
    found["mlflow"] = _with_parts(found["mlflow"], "models", "data")
    return found


def _with_parts(build: Action, *parts: str) -> Action:
    """The module with parts that it imports itself."""

    def fill(module: ModuleType) -> None:
        build(module)
        for part in parts:
            import_module(f"{module.__name__}.{part}")

    return fill


def _callbacks(names: list[str], others: tuple[str, ...], noted: Noted) -> Action:
    """A module of Keras callbacks that do nothing."""

    def fill(module: ModuleType) -> None:
        import keras

        holding(others, noted)(module)
        for name in names:
            setattr(module, name, _callback(keras.callbacks.Callback, name, module.__name__, noted))

    return fill


def _callback(base: Thing, name: str, module: str, noted: Noted) -> type:
    def __init__(self: Thing, *_: Thing, **__: Thing) -> None:
        noted(f"{module}.{name}")
        base.__init__(self)

    return type(name, (base,), {"__init__": __init__, "__module__": module})


# --- Weights & Biases: its settings are used by the notebook itself --------------------------------------------------

_WANDB = (
    "log finish join watch login Image Table Histogram Artifact Api Settings save define_metric alert Html Video Audio "
    "restore unwatch setup teardown log_artifact use_artifact"
)


class Settings(dict[str, Any]):
    """``wandb.config``: what was put in comes out, by key or by name."""

    def __getattr__(self, name: str) -> Thing:
        if name.startswith("_") or name not in self:
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Thing) -> None:
        self[name] = value

    def update(self, *arguments: Thing, **keywords: Thing) -> None:
        keywords.pop("allow_val_change", None)
        super().update(*arguments[:1], **keywords)

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.setdefault(name, value)


def _wandb(module: Thing, noted: Noted) -> None:
    holding(_WANDB.split(), noted)(module)
    module.config, module.run = Settings(), None
    module.summary = {}
    sweeps: list[Mapping[str, Any]] = []

    def init(*_: Thing, config: Thing = None, **__: Thing) -> Inert:
        noted("wandb.init")
        values = config if isinstance(config, dict) else dict(getattr(config, "__dict__", {}) or {})
        module.config.update(values)
        module.run = Inert("wandb.run", noted)
        module.run.config, module.run.summary = module.config, module.summary
        module.run.name, module.run.id = "run", "run"
        return module.run  # type: ignore[no-any-return]

    def sweep(settings: Thing = None, *_: Thing, **__: Thing) -> str:
        noted("wandb.sweep")
        sweeps.append(settings if isinstance(settings, dict) else {})
        return "sweep"

    def agent(_: Thing = None, function: Thing = None, *__: Thing, **___: Thing) -> None:
        """One run, with the first value of everything that is searched."""
        noted("wandb.agent")
        module.config.update(first_values(sweeps[-1] if sweeps else {}))
        if callable(function):
            function()

    module.init, module.sweep, module.agent = init, sweep, agent
    for part in ("plot", "sklearn", "integration"):
        import_module(f"wandb.{part}")
    module.keras = Later("wandb.keras", tuple(CALLBACKS["wandb.keras"].split()))


class Later:
    """A module that is imported when something of it is wanted: it needs Keras, and not every notebook does."""

    def __init__(self, name: str, contents: tuple[str, ...]) -> None:
        self._name = name
        self._contents = contents

    def __getattr__(self, name: str) -> Thing:
        if name.startswith("_") or name not in self._contents:
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


def first_values(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """Of each parameter of a sweep its value, the first of its values, or its least one."""
    parameters = sweep.get("parameters")
    found = {}
    for name, choice in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(choice, dict):
            values = choice.get("values") or [choice.get("value", choice.get("min"))]
            found[str(name)] = next(iter(values))
    return found
