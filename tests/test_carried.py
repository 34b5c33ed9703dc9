"""Images that are kept back, in files beside a notebook whose model answers in its kernel."""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import load
from autograder.extraction.carried import carried
from autograder.extraction.origin import Brought

DATA = load("digits", split_seed=20, hidden_images=200)
Images: TypeAlias = npt.NDArray[Any]


def archived(images: Images, save: Callable[..., None]) -> bytes:
    buffer = io.BytesIO()
    save(buffer, images)
    return buffer.getvalue()


PACKED: dict[str, Callable[[Images], bytes]] = {
    "npy": lambda images: archived(images, np.save),
    "npz": lambda images: archived(images, np.savez),
    "npz, compressed": lambda images: archived(images, np.savez_compressed),
    "shares": lambda images: archived((images / 255).astype(np.float32), np.save),
    "gz": lambda images: gzip.compress(images.tobytes()),
    "csv": lambda images: "\n".join(",".join(map(str, row.ravel())) for row in images).encode(),
    "base64": lambda images: base64.b64encode(images.tobytes()),
}


@pytest.mark.parametrize("form", PACKED)
def test_images_are_known_in_what_was_handed_in(form: str) -> None:
    told = carried(
        [Brought(name="notes.txt", content=b"12, 13"), Brought(name="x", content=PACKED[form](DATA.x_hidden))], DATA
    )
    assert told is not None and told.values["name"] == "x" and told.values["found"] == told.values["looked"]
    assert carried([Brought(name="x", content=PACKED[form](DATA.x_public))], DATA) is None
    assert carried([Brought(name="x", content=PACKED[form](DATA.x_train[DATA.train_rows]))], DATA) is None


def test_a_cell_is_named() -> None:
    told = carried([Brought(cell=4, content=PACKED["base64"](DATA.x_hidden[::2]))], DATA)
    assert told is not None and "cell {cell}" in told.text and told.values["cell"] == "5"
    assert carried([], DATA) is None
