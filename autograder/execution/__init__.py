"""Room 1 seen from the host: runs a notebook and keeps what was true of it, however it ended."""

from autograder.execution.job import Event, Job, OnEvent, Prepare
from autograder.execution.notebook import Code, code
from autograder.execution.positions import placed
from autograder.execution.run import execute, run_code

__all__ = ["Code", "Event", "Job", "OnEvent", "Prepare", "code", "execute", "placed", "run_code"]
