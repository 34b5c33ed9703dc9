"""How deep within calls of one kind a thread is: what happens there is not the student's own doing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Depth:
    """True within ``deeper``; of each thread by itself."""

    def __init__(self) -> None:
        self._local = threading.local()

    def __bool__(self) -> bool:
        return int(self) > 0

    def __int__(self) -> int:
        return int(getattr(self._local, "depth", 0))

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self._local.depth = getattr(self._local, "depth", 0) + 1
        try:
            yield
        finally:
            self._local.depth -= 1

    @contextmanager
    def at(self, depth: int) -> Iterator[None]:
        """As deep as before, for a while."""
        before, self._local.depth = int(self), depth
        try:
            yield
        finally:
            self._local.depth = before
