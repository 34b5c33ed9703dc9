"""What students import is there, as on Google Colab."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = (
    *("numpy", "pandas", "scipy", "sklearn", "matplotlib.pyplot", "seaborn", "PIL", "cv2", "skimage", "imageio"),
    *("tensorflow", "keras", "keras_tuner", "kerastuner", "scikeras.wrappers", "tensorboard", "pydot", "h5py"),
    *("tqdm", "tabulate", "prettytable", "rich", "plotly.express", "ipywidgets", "requests", "statsmodels.api"),
    *("imblearn", "mlxtend.plotting", "psutil", "joblib", "networkx", "yaml"),
)
"""By the names that a notebook writes; counted in public student notebooks, most frequent ones first in each line."""


def test_what_students_import_is_installed() -> None:
    """In one process, so that packages which spoil each other are found too."""
    program = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n    print(name)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *IMPORTED], capture_output=True, text=True, check=False
    )
    assert tuple(done.stdout.split()) == IMPORTED, done.stderr[-2000:]


def test_the_torch_extra_is_what_make_torch_installs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras["torch"] == (ROOT / "requirements-torch.txt").read_text("utf-8").split()


def test_pytorch_trains() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch")
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    ((weight - 1) ** 2).sum().backward()
    optimizer.step()
    assert weight.item() == 1.0
