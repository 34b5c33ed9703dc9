"""Starts the student's kernel: an ordinary ipykernel, with hooks on what it will import.

Nothing is imported for the student: a notebook without Keras never pays for TensorFlow. Where the room was started
ahead of its notebook, what most of them import lies ready in a storage (``storage.py``) instead.
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

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .collector import paused
from .imports import LOST, Actions, AfterImport, StandIn, gathered
from .outputs import shorten_errors
from .prying import Prying
from .things import Thing
from .witness import Witness

SESSION = "autograder_session"
"""Name in ``sys.modules`` under which the silent requests of the runner find what they need."""

HOOKS: Sequence[str] = (
    *("recording.seeds", "recording.scores", "recording.iterators", "dated.shims"),
    *("data.loaders", "data.opening", "data.tables", "data.openml", "data.flow"),
    *("data.tutorials", "data.vision", "data.hub", "data.rare"),
    *("places.colab", "places.sources", "places.downloads", "pytorch.torches"),
)
"""Modules below this folder that have a say in what the notebook imports. Each may hold

``actions(session) -> Actions``      hooks on modules that exist, called right after their import, in this order;
``arrivals(session) -> Actions``     the same for what counts from the moment at which the notebook has the module;
``stand_ins(session) -> Actions``    what to put into modules that are not installed;
``begin(session, shell) -> None``    work with IPython's shell before the first cell.

They import nothing heavy at the top, numpy included.
"""

ADAPTATIONS = 500
NOTES = 100


class Session:
    """What the hooks and the silent requests share."""

    def __init__(
        self, job: Mapping[str, Any], inside: Path, orders: Path, handover: Path, count: Callable[[], int | None]
    ) -> None:
        self.job = job
        self.data = inside / "data.npz"
        self.handover = handover
        self.orders = orders
        """Where the cells lie once they are here."""
        self.count = count
        """Execution count of the cell that is running."""
        self.early = False
        """Whether what is imported now is put aside."""
        self.begin: Callable[[], None] = lambda: None
        """The notebook is here: what comes before its first cell."""
        self.adaptations: list[dict[str, Any]] = []
        self.notes: list[str] = []
        """What of ours failed: the notes of the ledger."""
        self.overruled: dict[str, int | None] = {}
        """What of the notebook's runs the cells now, as its witness says."""
        self.witness: Any = None
        self.loops: Thing = None
        """What sees PyTorch's loops, once torch is imported."""
        self._recorder: Any = None
        self._recording = False
        self._shelf: Any = None

    @property
    def recorder(self) -> Thing:
        """Made at first use: it needs numpy, which most notebooks import anyway."""
        self._recording = self._recording or not self.early
        if self._recorder is None:
            from .handover import Handover
            from .recording.ledger import Recorder

            handover = Handover(self.handover, self.lose)
            self._recorder = Recorder(self.job, handover, self.count, self.adaptations)
            self._recorder.notes = self.notes
            self._recorder.overruled = self.overruled
        return self._recorder

    @property
    def shelf(self) -> Thing:
        """The published files of our data sets; most notebooks ask for none."""
        if self._shelf is None:
            from .data.shelf import Shelf

            self._shelf = Shelf.of(self)
        return self._shelf

    def adapt(self, kind: str, old: str, new: str = "") -> None:
        """Note once per cell what was done so that the notebook runs here: an ``Adaptation`` of the ledger."""
        entry = {"kind": kind[:20], "old": old[:200], "new": new[:200], "execution_count": self.count()}
        if entry not in self.adaptations and len(self.adaptations) < ADAPTATIONS:
            self.adaptations.append(entry)

    def note(self, text: str) -> None:
        if len(self.notes) < NOTES:
            self.notes.append(text[:300])

    def lose(self, text: str) -> None:
        """Note once what the record lacks, through no fault of the notebook's unless it filled the disk."""
        from .handover import FILLED

        if text == FILLED:
            self.notes[:0] = (
                [] if any(note.startswith(FILLED) for note in self.notes) else [f"{FILLED}: {self.count()}"]
            )
        elif LOST + text not in self.notes:
            self.notes[:0] = [LOST + text]

    def after_cell(self, result: Thing = None) -> None:
        """Keep what is known so far, lest the next cell takes the kernel with it."""
        if self._recording:
            self.recorder.end_cell(failed=not getattr(result, "success", True))
        if self._recording or self.adaptations or self.notes or self.overruled:
            self.recorder.flush()

    def harvest(self) -> None:
        if self.witness is not None:
            self.witness.conclude()
        if self.job.get("rehearsal"):  # of which only the plans are kept, and these are flushed
            return
        from . import harvest

        harvest.harvest(self.recorder, _names(), self.job["parameters"], self.loops)

    def predict(self) -> None:
        from . import harvest

        harvest.predict(self.recorder)


def _names() -> dict[str, Any]:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    hidden = shell.user_ns_hidden
    return {name: value for name, value in shell.user_ns.items() if name not in hidden or hidden[name] is not value}


def _hook(session: Session, shell: Thing) -> AfterImport:
    """Lay the hooks on imports; modules that IPython has imported already are met at once."""
    hooks = [import_module(f".{name}", __package__) for name in HOOKS]

    def groups(kind: str) -> list[Actions]:
        return [getattr(hook, kind)(session) for hook in hooks if hasattr(hook, kind)]

    def begin() -> None:
        for hook in hooks:
            if hasattr(hook, "begin"):
                hook.begin(session, shell)
        shorten_errors(shell)
        session.witness = Witness(shell, session.count, session.overruled)
        session.witness.begin()
        Prying([session.handover], session.count, session.overruled).begin()
        shell.events.register("post_run_cell", session.after_cell)

    session.begin = begin
    finder = AfterImport(gathered(groups("actions")), gathered(groups("arrivals")), session.note)
    for named in (finder.actions, finder.arrivals):
        for name in [name for name in named if name in sys.modules]:
            for action in named[name]:
                action(sys.modules[name])
    builders = {name: build for group in groups("stand_ins") for name, build in group.items()}
    sys.meta_path.insert(0, finder)
    sys.meta_path.append(StandIn(builders))
    return finder


def _import_early(session: Session, finder: AfterImport) -> None:
    """What most notebooks import, put aside."""
    from .storage import filled

    session.early = finder.early = True
    with paused():
        storage = filled(finder.arrivals)
    storage.note = session.note
    session.early = finder.early = False
    begin = session.begin

    def arrive() -> None:
        storage.refuse_shadows(Path.cwd())
        begin()

    session.begin = arrive
    sys.meta_path.insert(0, storage)


def main() -> None:
    from ipykernel.kernelapp import IPKernelApp

    # All that is needed of the environment, now: a notebook may empty it.
    early, orders = os.environ.pop("AUTOGRADER_AHEAD", ""), Path(os.environ.pop("AUTOGRADER_ORDERS"))
    handover = Path(os.environ["AUTOGRADER_HANDOVER"])
    inside = Path(os.environ["AUTOGRADER_JOB"]) / "in"
    job = json.loads((inside / "job.json").read_text("utf-8"))
    job["parameters"]["autograder_data"] = str(inside / "data.npz")
    app = IPKernelApp.instance()
    # IPython counts a cell when it begins; the reply, as ipykernel sends it, names the number before that.
    session = Session(job, inside, orders, handover, lambda: app.shell.execution_count - 1)
    sys.modules[SESSION] = session  # type: ignore[assignment]
    app.initialize([*sys.argv[1:], "--HistoryManager.enabled=False"])
    sys.path.insert(0, "")  # a notebook imports the files beside it; -P took that away together with our own folder
    finder = _hook(session, app.shell)
    if early:
        _import_early(session, finder)
    else:
        session.begin()
    app.start()


if __name__ == "__main__":
    main()
