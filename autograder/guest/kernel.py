"""Starts the student's kernel: an ordinary ipykernel, with hooks on what it will import.

Nothing is imported for the student: a notebook without Keras never pays for TensorFlow.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # a file in a room: give the relative imports below a package of their own
    from pathlib import Path as _Path
    from types import ModuleType as _ModuleType

    __package__ = "autograder_guest"
    _package = _ModuleType(__package__)
    _package.__path__ = [str(_Path(__file__).resolve().parent)]
    sys.modules[__package__] = _package

import importlib.abc
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from .things import Thing

Action = Callable[[ModuleType], None]

SESSION = "autograder_session"
"""Name in ``sys.modules`` under which the silent requests of the runner find what they need."""


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls an action with a module right after its code has run, before anybody else has seen it."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self.actions = actions

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        action = self.actions.get(name)
        if action is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _follow(spec.loader, action)
                return spec
        return None


def _follow(loader: Thing, action: Action) -> None:
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        action(module)

    loader.exec_module = exec_module


class Session:
    """What the hooks and the silent requests share."""

    def __init__(self, job: Mapping[str, Any], data: Path, count: Callable[[], int | None]) -> None:
        self.job = job
        self.data = data
        self.count = count
        self._recorder: Any = None

    @property
    def recorder(self) -> Thing:
        """Made at first use: it needs numpy, which most notebooks import anyway."""
        if self._recorder is None:
            from .handover import Handover
            from .ledger import Recorder

            self._recorder = Recorder(self.job, Handover(Path(os.environ["AUTOGRADER_HANDOVER"])), self.count)
        return self._recorder

    def actions(self) -> dict[str, Action]:
        """Module -> what is done when it has been imported."""
        from . import loaders

        def serve(module: ModuleType) -> None:
            loaders.install(module, self.data, self.job["data"])

        actions: dict[str, Action] = {
            "numpy": lambda module: module.random.seed(self.job["seed"]),
            "keras": lambda module: module.utils.set_random_seed(self.job["seed"]),
            "keras.src.trainers.trainer": lambda module: self.recorder.install_compile(module.Trainer),
            "keras.src.backend.tensorflow.trainer": lambda module: self.recorder.install(module.TensorFlowTrainer),
        }
        return actions | dict.fromkeys(loaders.modules(), serve)

    def after_cell(self, *_: Thing) -> None:
        """Keep what is known so far, lest the next cell takes the kernel with it."""
        if self._recorder is not None:
            self._recorder.flush()

    def harvest(self) -> None:
        from . import harvest

        harvest.harvest(self.recorder, _names(), self.job["parameters"])

    def predict(self) -> None:
        from . import harvest

        harvest.predict(self.recorder)


def _names() -> dict[str, Any]:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    hidden = shell.user_ns_hidden
    return {name: value for name, value in shell.user_ns.items() if name not in hidden or hidden[name] is not value}


def main() -> None:
    from ipykernel.kernelapp import IPKernelApp

    inside = Path(os.environ["AUTOGRADER_JOB"]) / "in"
    job = json.loads((inside / "job.json").read_text("utf-8"))
    job["parameters"]["autograder_data"] = str(inside / "data.npz")
    app = IPKernelApp.instance()
    # IPython counts a cell when it begins; the reply, as ipykernel sends it, names the number before that.
    session = Session(job, inside / "data.npz", lambda: app.shell.execution_count - 1)
    sys.modules[SESSION] = session  # type: ignore[assignment]
    random.seed(job["seed"])
    actions = session.actions()
    for name in actions.keys() & sys.modules.keys():
        actions[name](sys.modules[name])
    sys.meta_path.insert(0, AfterImport(actions))
    app.initialize([*sys.argv[1:], "--HistoryManager.enabled=False"])
    sys.path.insert(0, "")  # a notebook imports the files beside it; -P took that away together with our own folder
    app.shell.events.register("post_run_cell", session.after_cell)
    app.start()


if __name__ == "__main__":
    main()
