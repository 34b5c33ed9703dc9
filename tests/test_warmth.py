"""Which notebooks run in a room that has imported the usual packages before they came."""

from __future__ import annotations

import pytest

from autograder.execution.notebook import Document, parse
from autograder.execution.warmth import profits
from tests.notebooks import notebook

USUAL = "import tensorflow as tf\nfrom tensorflow import keras"


@pytest.mark.parametrize(
    "code",
    [
        USUAL,
        "import keras\nEPOCHS = 3\nX_TRAIN = 1",
        "import os, sys\nos.environ['HOME']\nsys.path\n" + USUAL,
        "import matplotlib\nmatplotlib.use('agg')\n" + USUAL,
    ],
)
def test_an_ordinary_notebook_does(code: str) -> None:
    assert profits(parse(notebook("x = 1", code)), ["data.csv", "helpers.py"])


@pytest.mark.parametrize(
    "code",
    [
        "import torch",
        "import numpy as np",
        "import os\nos.environ['KERAS_BACKEND'] = 'torch'\n" + USUAL,
        "%env TF_ENABLE_ONEDNN_OPTS=0\n" + USUAL,
        "os.environ.update(CUDA_VISIBLE_DEVICES='')\n" + USUAL,
        "os.environ['MPLBACKEND'] = 'agg'\n" + USUAL,
        "open('/home/student/.keras/keras.json', 'w')\n" + USUAL,
        "import sys\nprint('numpy' in sys.modules)\n" + USUAL,
    ],
)
def test_one_that_may_have_a_say_in_imports_or_gains_nothing_does_not(code: str) -> None:
    assert not profits(parse(notebook("x = 1", code)), [])


@pytest.mark.parametrize("name", ["matplotlibrc", "config/keras.json"])
def test_settings_beside_it_count(name: str) -> None:
    assert not profits(parse(notebook(USUAL)), [name])


def test_only_code_is_read() -> None:
    document = parse(notebook(USUAL))
    text = {"cell_type": "markdown", "metadata": {}, "source": "We set KERAS_BACKEND in the lab."}
    assert profits(Document(document.raw, [text, *document.cells]), [])
