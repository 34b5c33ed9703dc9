"""Who is at work in a state folder: any number of runs at a time, or one that tidies up, alone."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from autograder.errors import StoreError, output_error

_NAME: Final = "lock"
_UNABLE: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})
"""A file system that knows no locks."""


@contextmanager
def together(state: Path) -> Iterator[None]:
    """For whoever writes to the store or rests on it; the system ends the lock with the process, however that ends.

    Raises StoreError while somebody tidies up, and OutputError where nothing can be written.
    """
    with _held(state, fcntl.LOCK_SH) as held:
        if held is False:
            raise StoreError(
                "the store is being tidied up", place=str(state), remedy="Wait until that has ended, then run again."
            )
        yield


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """For whoever takes something away; raises StoreError while anybody else is there, or where that is not known."""
    with _held(state, fcntl.LOCK_EX) as held:
        if held is False:
            raise StoreError(
                "another run is going on here", place=str(state), remedy="Wait until it has ended, then try again."
            )
        if held is None:
            raise StoreError(
                "this file system does not tell whether another run is going on",
                place=str(state),
                remedy="Move the state folder to a local disk and name it with --state.",
            )
        yield


@contextmanager
def _held(state: Path, kind: int) -> Iterator[bool | None]:
    """Whether the lock is ours; None where there are no locks."""
    path = state / _NAME
    try:
        state.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise output_error(error, path) from error
    try:
        yield _locked(file, kind, path)
    finally:
        os.close(file)


def _locked(file: int, kind: int, path: Path) -> bool | None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNABLE:
            return None
        raise output_error(error, path) from error
    return True
