"""Papermill's engine, with a client that tells the truth and goes on after errors.

Papermill's own marks a cell that timed out or died as completed, together with all that never ran, and stops at the
first error. Here the kernel's reply decides, and every cell has its turn.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines

from .outputs import Meter
from .things import Thing
from .watch import Watch

ENGINE = "truthful"


STARTUP_SECONDS = 120


class Played(Exception):
    """Every cell had its turn: papermill would ask the kernel one thing more, and wait for an answer without end."""


class TruthfulClient(PapermillNotebookClient):  # type: ignore[misc, unused-ignore]
    """Offers to run one cell after the other; which ones, ``play`` decides."""

    def __init__(
        self,
        nb_man: Thing,
        meter: Meter,
        watch: Watch,
        play: Callable[[TruthfulClient], None],
        early: Thing = None,
        **options: Thing,
    ) -> None:
        """``early`` is a client whose kernel runs already, and is taken over."""
        super().__init__(nb_man, on_cell_executed=self._executed, **options)
        if early is not None:
            self.km, self.kc = early.km, early.kc
        self.meter = meter
        self.watch = watch
        self.play = play
        self._reply: Mapping[str, Any] | None = None

    def create_kernel_manager(self) -> Thing:
        return reachable(super().create_kernel_manager())

    def papermill_execute_cells(self) -> None:
        """Called by papermill once the kernel is up."""
        self.watch.start(self.km.provisioner.pid)
        self.play(self)
        raise Played

    def alive(self) -> bool:
        """Whether the kernel's process runs."""
        process = self.km.provisioner.process
        return process is not None and process.poll() is None

    def reply_of(self, cell: Thing, number: int) -> Mapping[str, Any] | None:
        """Execute a cell; the content of the kernel's reply, or None when the kernel is gone."""
        self._reply = None
        self.nb_man.cell_start(cell, number)
        try:
            self.execute_cell(cell, number)
        except Exception as error:  # the kernel died, or says what no honest one says: either way there is none left
            self._tell(error)
            self._reply = None
            self.nb_man.cell_exception(cell, cell_index=number, exception=error)
        finally:
            self.nb_man.cell_complete(cell, cell_index=number)
        return self._reply

    def silent_reply(self, code: str) -> Mapping[str, Any] | None:
        """Like ``reply_of``, for code of ours that leaves no trace in the notebook."""
        try:
            sent = self.kc.execute(code, silent=True, store_history=False, allow_stdin=False)
            reply = self.wait_for_reply(sent)
            return dict(reply["content"]) if reply else None
        except Exception as error:  # as in ``reply_of``
            self._tell(error)
            return None

    def process_message(self, msg: Thing, cell: Thing, cell_index: int) -> Thing:
        """Count outputs as they arrive, so that a flood ends while it can still be stopped."""
        if self.meter.over and msg["msg_type"] != "status":
            return None
        if not self.meter.count(msg["msg_type"], msg["content"]):
            self.watch.kill()
            return None
        try:
            return super().process_message(msg, cell, cell_index)
        except (CellExecutionComplete, DeadKernelError):
            raise
        except Exception as error:  # a forged message costs its author that message
            self._tell(error)
            return None

    @staticmethod
    def _tell(error: Exception) -> None:
        """For the log of the room, where it can be looked for should the fault be ours after all."""
        if not isinstance(error, DeadKernelError):
            sys.stderr.write(f"the kernel was not understood: {error!r:.300}\n")

    def handle_comm_msg(self, outs: Thing, msg: Thing, cell_index: int) -> None:
        """Widgets talk to a screen, which is not there: what is printed inside one is the cell's own output.

        nbclient plays the screen for ``Output`` widgets and fails on those whose state it was told not to keep.
        """

    async def _executed(self, cell: Thing, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        self._reply = execute_reply["content"]


def reachable(manager: Thing) -> Thing:
    """By files, where loopback is closed."""
    if os.environ.get("AUTOGRADER_TRANSPORT") == "ipc":
        manager.transport = "ipc"
        manager.ip = str(Path(os.environ["JUPYTER_RUNTIME_DIR"]) / "kernel")
    return manager


class TruthfulEngine(Engine):  # type: ignore[misc, unused-ignore]
    """Registered with papermill under ``ENGINE``."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Thing, kernel_name: str, **options: Thing) -> Thing:
        client = TruthfulClient(
            nb_man,
            *(options[name] for name in ("meter", "watch", "play", "early")),
            kernel_name=kernel_name,
            allow_errors=True,
            timeout=None,  # the watch keeps the time
            iopub_timeout=60,
            raise_on_iopub_timeout=False,
            startup_timeout=STARTUP_SECONDS,
            shell_timeout_interval=1,  # seconds until a dead kernel is noticed
            store_widget_state=False,
            shutdown_kernel="immediate",
        )
        return client.execute()


def register() -> None:
    papermill_engines.register(ENGINE, TruthfulEngine)
