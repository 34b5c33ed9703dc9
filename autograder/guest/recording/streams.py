"""The streams of random numbers around a training that is understood.

It begins with seeds that follow from where the streams were, and leaves them where they were, but for TensorFlow's,
which goes on at a place that follows from the same. So what comes of the training, and all that is drawn after it,
depends neither on how much it drew nor on whether it took place.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..things import Thing

ELSEWHERE = 0x5EEDED
"""A seed that no notebook is likely to choose."""


def place() -> str:
    """Where TensorFlow's and Keras' streams are; empty where nobody has seeded them."""
    from tensorflow.python.eager import context

    here: Thing = context.context()
    seed, numbers = getattr(here, "_seed", None), getattr(here, "_rng", None)
    if seed is None or numbers is None:
        return ""
    generator = _generator()
    drawn = None if generator is None else [int(number) for number in generator.state.numpy()]
    return hashlib.sha256(repr((seed, numbers.getstate(), drawn)).encode()).hexdigest()


def seed_at(where: str, side: str) -> int:
    """``side``: ``in`` or ``out``."""
    return int.from_bytes(hashlib.sha256(f"{where} {side}".encode()).digest()[:4], "big") & 0x7FFFFFFF


@contextmanager
def passed(where: str, *, again: bool = False) -> Iterator[None]:
    """Around a training, or around what stands for one; ``again``: of the same model as the one before.

    As ``tf.random.set_seed`` does, it then has TensorFlow forget what it compiled, so that the functions of all models
    that were do not fill the memory; but those of a model that is trained again are kept: to make them anew took 65 ms
    each time, and nothing that is understood has a stream in them.
    """
    import numpy as np

    plain, numpys, generator = random.getstate(), np.random.get_state(), _generator()
    drawn = None if generator is None else generator.state.numpy()
    enter(seed_at(where, "in"), forget=not again)
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpys)
        if (now := _generator()) is not generator:
            _forget()
        elif now is not None:
            now.state.assign(drawn)
        _seed_tensorflow(seed_at(where, "out"), forget=False)


@contextmanager
def untouched() -> Iterator[None]:
    """Whatever is drawn meanwhile, the streams are where they were.

    TensorFlow's goes on elsewhere: it keeps what has drawn, by its seed, and from that the notebook would draw on.
    """
    import numpy as np

    plain, numpys, generator = random.getstate(), np.random.get_state(), _generator()
    drawn = None if generator is None else np.array(generator.state)
    context: Thing = sys.modules.get("tensorflow.python.eager.context")
    numbers: Thing = None if context is None else getattr(context.context(), "_rng", None)
    place = None if numbers is None else numbers.getstate()
    if numbers is not None:
        numbers.seed(ELSEWHERE)
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpys)
        if numbers is not None:
            numbers.setstate(place)
        if (now := _generator()) is not generator:
            _forget()
        elif now is not None:
            now.state.assign(drawn)


def enter(seed: int, *, forget: bool = True) -> None:
    """The streams as a training finds them; their former places are lost. ``forget``: what TensorFlow compiled."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    _seed_tensorflow(seed, forget=forget)


def _seed_tensorflow(seed: int, *, forget: bool) -> None:
    from tensorflow.python.eager import context
    from tensorflow.python.framework import random_seed

    here: Thing = context.context()
    if forget or not context.executing_eagerly() or not hasattr(here, "_seed") or not hasattr(here, "_rng"):
        random_seed.set_seed(seed)
        return
    here._seed, here._rng = seed, random.Random(seed)


def _generator() -> Thing:
    """Keras' own, from which layers and functions without a seed of theirs draw; None while nobody has."""
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("global_seed_generator")


def _forget() -> None:
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("global_seed_generator", None)
