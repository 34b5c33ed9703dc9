"""What a scheduler is told that ends workers when it sees fit; imported only where Dask is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distributed.diagnostics.plugin import SchedulerPlugin

if TYPE_CHECKING:
    from distributed.scheduler import Scheduler, WorkerState


class Sparing(SchedulerPlugin):  # type: ignore[misc]
    """Ends no worker that is at something.

    Dask's adaptive scaling counts threads and guesses how long a task takes. Left to itself it packs two notebooks of
    two workers onto one of them, where the other one's begins anew.
    """

    name = "autograder-sparing"
    idempotent = True

    def valid_workers_downscaling(self, scheduler: Scheduler, workers: list[WorkerState]) -> list[WorkerState]:
        """See ``SchedulerPlugin``."""
        return [worker for worker in workers if not worker.processing]
