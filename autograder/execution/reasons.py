"""How a run ended, in one sentence for the student; of a limit, what it was and how much was used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autograder.records import CellRun, Ending, Limits, Message, say
from autograder.sandbox.limits import process_mb, threads_allowed
from autograder.sandbox.room import Outcome


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, and where."""

    ending: Ending
    cell: int | None
    """Index of the cell to blame."""
    cause: str = ""
    """What stopped it: ``cell``, ``run``, ``bytes``, ``count`` or a reason of the sandbox."""


def reason(end: End, cells: tuple[CellRun, ...], limits: Limits, outcome: Outcome) -> Message | None:
    """None for a run that was not cut short; cells are counted from 1."""
    number = None if end.cell is None else end.cell + 1
    blamed = next((cell for cell in cells if cell.index == end.cell), None)
    match end.ending:
        case Ending.COMPLETED | Ending.REFUSED:
            return None
        case Ending.RAISED:
            error = (blamed.error if blamed else None) or ""
            return say("Cell {cell} stopped with an error: {error}", cell=number, error=error)
        case Ending.TIMED_OUT:
            return _too_slow(end.cause, number, blamed, limits, outcome)
        case Ending.OUT_OF_MEMORY:
            return _too_large(number, limits, outcome)
        case Ending.FLOODED:
            return _too_much(end.cause, number, limits, outcome)
        case Ending.DIED:
            return _died(end.cause, number, limits, outcome)


def _too_slow(cause: str, number: int | None, blamed: CellRun | None, limits: Limits, outcome: Outcome) -> Message:
    if cause == "cell":
        used = max(blamed.seconds or 0.0, limits.cell_seconds) if blamed else limits.cell_seconds
        return say(
            "Cell {cell} ran longer than the {limit:sec} allowed for one cell: it was stopped after {used:sec}.",
            cell=number,
            limit=limits.cell_seconds,
            used=used,
        )
    whole = {"limit": limits.run_seconds, "used": max(outcome.seconds, limits.run_seconds)}
    return _at(
        number,
        say(
            "The notebook ran longer than the {limit:sec} allowed: it was stopped after {used:sec}, in cell {cell}.",
            cell=number,
            **whole,
        ),
        say("The notebook ran longer than the {limit:sec} allowed: it was stopped after {used:sec}.", **whole),
    )


def _too_large(number: int | None, limits: Limits, outcome: Outcome) -> Message:
    used = max(outcome.used, outcome.peak_memory_mb)
    return _at(
        number,
        say(
            "Cell {cell} needed more than the {limit:int} MB of memory allowed: {used:int} MB were in use.",
            cell=number,
            limit=limits.memory_mb,
            used=used,
        ),
        say(
            "The notebook needed more than the {limit:int} MB of memory allowed: {used:int} MB were in use.",
            limit=limits.memory_mb,
            used=used,
        ),
    )


def _too_much(cause: str, number: int | None, limits: Limits, outcome: Outcome) -> Message:
    if cause == "count":
        return say(
            "Cell {cell} gave more than the {limit:int} outputs allowed, and was stopped there.",
            cell=number,
            limit=limits.outputs,
        )
    if cause == "disk":
        figures = {"limit": limits.disk_mb, "used": outcome.used}
        return _at(
            number,
            say("Cell {cell} wrote {used:int} MB of files; {limit:int} MB are allowed.", cell=number, **figures),
            say("The notebook wrote {used:int} MB of files; {limit:int} MB are allowed.", **figures),
        )
    if cause == "output":
        figures = {"limit": limits.output_mb, "used": outcome.used}
        return _at(
            number,
            say("Cell {cell} put out {used:num1} MB of raw text; {limit:int} MB are allowed.", cell=number, **figures),
            say("The notebook put out {used:num1} MB of raw text; {limit:int} MB are allowed.", **figures),
        )
    return say(
        "Cell {cell} put out more than is allowed ({limit:int} MB of text, {rich:int} MB of pictures and tables), and "
        "was stopped there.",
        cell=number,
        limit=limits.output_mb,
        rich=_RICH * limits.output_mb,
    )


_RICH = 8
"""``RICH_FACTOR`` of the room's ``outputs.py``."""


_SHORT = 0.75
"""Of what one process may have; from here on its lack may be what a library ended the kernel for."""


def _died(cause: str, number: int | None, limits: Limits, outcome: Outcome) -> Message:
    if cause == "processes":
        figures = {"limit": outcome.allowed, "used": outcome.used}
        return _at(
            number,
            say(
                "Cell {cell} started too many processes: {used:int} were running, {limit:int} are allowed.",
                cell=number,
                **figures,
            ),
            say("Too many processes were started: {used:int} were running, {limit:int} are allowed.", **figures),
        )
    most = process_mb(limits)
    if number is not None and outcome.peak_memory_mb >= _SHORT * most:
        return say(
            "The kernel died while cell {cell} was running. Perhaps its memory was short: one process may have "
            "{limit:int} MB, and {used:int} MB were in use in all.",
            cell=number,
            limit=most,
            used=outcome.peak_memory_mb,
        )
    return _at(
        number,
        say("The kernel died while cell {cell} was running.", cell=number),
        say("The kernel died before any cell had run."),
    )


def _at(number: int | None, in_cell: Message, anywhere: Message) -> Message:
    return anywhere if number is None else in_cell


# --- limits that a cell is told of itself, as an exception -----------------------------------------------------------


def shortages(cells: tuple[CellRun, ...], limits: Limits, outcome: Outcome) -> Iterator[Message]:
    """What an error of the operating system means here, once for each kind, at the first cell that met it.

    On a GPU it is the GPU's memory that is short, whatever the host's has left.
    """
    for pattern, explained in _SHORTAGES.items():
        met = next((cell.index + 1 for cell in cells if cell.error and _kind(cell.error) == pattern), None)
        if met is not None:
            yield explained(met, limits, outcome)


def lacks_gpu_memory(error: str) -> bool:
    """Whether a GPU had no memory left, by the words of TensorFlow, PyTorch and NVIDIA's libraries."""
    return re.search(_GPU_FULL, error) is not None


def speaks_of_gpu(error: str) -> bool:
    """Whether an error may come of a GPU that others had filled: wherever it speaks of memory, or of any part of a GPU.

    Libraries find many words for that, most of them about what they could not make for want of it.
    """
    return re.search(_OF_GPU, error, re.IGNORECASE) is not None


def _kind(error: str) -> str | None:
    return next((pattern for pattern in _SHORTAGES if re.search(pattern, error)), None)


def _gpu_memory(cell: int, _: Limits, __: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: the memory of the graphics processor did not hold what it asked for.", cell=cell
    )


def _memory(cell: int, limits: Limits, outcome: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: one process may have {limit:int} MB of memory, and what it asked for did not fit; in "
        "all, {used:int} MB were in use at most.",
        cell=cell,
        limit=process_mb(limits),
        used=outcome.peak_memory_mb,
    )


def _disk(cell: int, limits: Limits, _: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: files in one place may take {limit:int} MB, and all of it was in use.",
        cell=cell,
        limit=limits.disk_mb,
    )


def _file(cell: int, limits: Limits, _: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: one file may have {limit:int} MB, and this one had.", cell=cell, limit=limits.disk_mb
    )


def _threads(cell: int, limits: Limits, _: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: {limit:int} processes and threads may run at a time, and as many did.",
        cell=cell,
        limit=threads_allowed(limits),
    )


def _open_files(cell: int, limits: Limits, _: Outcome) -> Message:
    return say(
        "Cell {cell} met a limit: {limit:int} files may be open at a time, and as many were.",
        cell=cell,
        limit=limits.open_files,
    )


_GPU_FULL = (
    r"CUDA_ERROR_OUT_OF_MEMORY|CUDA out of memory|OOM when allocating.*GPU|DNN library initialization failed"
    r"|CU(?:DNN|BLAS|SOLVER)_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)"
)
_OF_GPU = (
    r"out of memory|\bOOM\b|resource ?_?exhausted|(?:failed|unable) to allocate|not initialized|stream ?executor"
    r"|cuda|cublas|cudnn|cusolver|cufft|nccl|\bgpu\b|\b(?:DNN|BLAS)\b|\bautotun|\bXLA\b"
)
_SHORTAGES: Mapping[str, Callable[[int, Limits, Outcome], Message]] = {
    _GPU_FULL: _gpu_memory,
    r"MemoryError|\[Errno 12\]|Unable to allocate|Cannot allocate memory|bad_alloc|ResourceExhausted": _memory,
    r"\[Errno 28\]|No space left on device": _disk,
    r"\[Errno 27\]|File too large": _file,
    r"\[Errno 11\]|can't start new thread": _threads,
    r"\[Errno 24\]|Too many open files": _open_files,
}
"""What it says in the text of an error -> its explanation."""
