"""Python's collector of garbage while a large library is imported.

What TensorFlow makes when it is imported, some hundred thousand objects, lives as long as the process. The collector
would look through it time and again while it is made, at every full collection after that, and at the end.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

LARGE = frozenset({"keras", "tensorflow", "tf_keras", "torch"})


@contextmanager
def paused() -> Iterator[None]:
    """Nothing is collected meanwhile; what is there after the first time is left alone for good.

    For the first time only: later there are objects of the notebook's, whose memory it may want back.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()
