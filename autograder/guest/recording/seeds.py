"""Every run of a notebook draws the same random numbers; and what Keras trains is written into the ledger."""

from __future__ import annotations

import random
from importlib import import_module

from ..imports import Actions
from ..things import Thing


def begin(session: Thing, shell: Thing) -> None:
    """Right before the first cell: what a kernel draws until then depends on who talks to it."""

    def seed(*_: Thing) -> None:
        shell.events.unregister("pre_run_cell", seed)
        random.seed(session.job["seed"])

    shell.events.register("pre_run_cell", seed)


def arrivals(session: Thing) -> Actions:
    """Seeds when the notebook gets each library, and the ledger once it can train."""
    seed = session.job["seed"]
    return {
        "numpy": lambda module: module.random.seed(seed),
        "keras": lambda module: module.utils.set_random_seed(seed),
        "keras.src.trainers.trainer": lambda module: session.recorder,
    }


def actions(session: Thing) -> Actions:
    """The ledger's hooks where Keras defines its trainers."""
    return {
        "numpy": lambda module: import_module(".prints", __package__),  # which keeps its functions as they are now
        "keras.src.trainers.trainer": lambda module: session.recorder.install_compile(module.Trainer),
        "keras.src.backend.tensorflow.trainer": lambda module: _tensorflow(session, module),
        "keras.src.backend.torch.trainer": lambda module: _trainer(session, module.TorchTrainer),
        "keras.src.trainers.data_adapters.py_dataset_adapter": lambda module: session.recorder.flows.install_sequences(
            module
        ),
        "keras.src.models.model": lambda module: _model(session, module.Model),
        "keras.src.layers.layer": lambda module: _layer(session, module.Layer),
        "keras.src.callbacks.callback_list": lambda module: session.recorder.uses.install(module.CallbackList),
        "keras.src.losses.loss": lambda module: session.recorder.steps.install_loss(module.Loss),
        "keras.src.optimizers.base_optimizer": lambda module: session.recorder.steps.install_apply(
            module.BaseOptimizer
        ),
        "tensorflow.python.eager.polymorphic_function.polymorphic_function": lambda module: (
            session.recorder.steps.install_function(module.Function)
        ),
        "tensorflow.python.eager.backprop": lambda module: session.recorder.steps.install_tape(module.GradientTape),
        "tensorflow.python.ops.resource_variable_ops": lambda module: session.recorder.swaps.install(
            module.BaseResourceVariable
        ),
        "tensorflow.python.data.ops.dataset_ops": lambda module: session.recorder.flows.install_generators(module),
        "tensorflow.python.ops.script_ops": lambda module: session.recorder.flows.install_functions(module),
        "tensorflow.python.client.session": lambda module: session.recorder.steps.install_session(module.BaseSession),
    }


def _model(session: Thing, model: type) -> None:
    session.recorder.steps.install_call(model)
    session.recorder.rounded.install(model)


def _layer(session: Thing, layer: type) -> None:
    session.recorder.swaps.install_reading(layer)
    session.recorder.beside.install_layers(layer)


def _tensorflow(session: Thing, module: Thing) -> None:
    _trainer(session, module.TensorFlowTrainer)
    from . import fed

    recorder = session.recorder
    fed.install(module.TFEpochIterator, lambda: recorder.asides.innermost, recorder.keep.sample, recorder._safely)


def _trainer(session: Thing, trainer: type) -> None:
    session.recorder.install(trainer)
    session.recorder.steps.install_batches(trainer)
