"""Room 1 seen from the host: runs a notebook and keeps what was true of it, however it ended."""

from autograder.execution.job import Event, Job, OnEvent, Prepare
from autograder.execution.run import execute

__all__ = ["Event", "Job", "OnEvent", "Prepare", "execute"]
