"""Notebooks that were written for another place: one purpose each, with what is to become of every cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

RAN, RAISED = "ran", "raised"


class Cell(NamedTuple):
    """One cell, and what is expected of it."""

    source: str
    shown: str = ""
    """Stands in what it puts out."""
    state: str = RAN
    noted: tuple[str, ...] = ()
    """``kind: old -> new`` of its adaptations, in order."""


PLACES: Mapping[str, tuple[Cell, ...]] = {
    "who asks whether it is on Colab is told the truth": (
        Cell(
            "try:\n    import google.colab\n    IN_COLAB = True\nexcept ImportError:\n    IN_COLAB = False\nprint(IN_COLAB)",
            "False",
        ),
        Cell("import importlib.util\nprint(importlib.util.find_spec('google.colab'))", "None"),
        Cell("import google.protobuf\nprint('real', google.protobuf.__version__ > '3')", "real True"),
    ),
    "a Colab notebook": (
        Cell(
            "%tensorflow_version 2.x\n%matplotlib notebook\nimport matplotlib\nprint(matplotlib.get_backend())",
            "inline",
            noted=(
                "absent: %tensorflow_version 2.x -> the installed version was used",
                "absent: %matplotlib notebook -> pictures are shown inline",
            ),
        ),
        Cell(
            "from google.colab import drive, files\ndrive.mount('/proc/drive')\nprint(sorted(files.upload()))",
            "['data.csv', 'digit.png']",
            noted=(
                "absent: drive.mount('/proc/drive') -> there is no such drive here",
                "absent: files.upload() -> the files that were handed in were given",
            ),
        ),
        Cell("import os\nprint(os.path.exists('digit.png'), open('data.csv').read())", "True a,b"),
        Cell(
            "from google.colab.patches import cv2_imshow\nimport numpy as np\ncv2_imshow(np.zeros((4, 4, 3), np.uint8))",
            "PIL.Image.Image",
            noted=("absent: cv2_imshow(...) -> the picture was shown by other means",),
        ),
        Cell("import google.colab.nothing", "No module named 'google.colab.nothing'", RAISED),
        Cell(
            "#@title Timing\n%%time\nprint('timed')",
            "timed",
            noted=("spelling: a comment above %%time -> %%time in the first line",),
        ),
    ),
    "installs": (
        Cell(
            "!pip install -q numpy==1.0 'pandas>=1' nosuchthing > /dev/null && echo next",
            "is used here, not 1.0)\nRequirement already satisfied: pandas",
            noted=(
                "install: pip install numpy==1.0 -> installed",
                "install: pip install pandas>=1 -> installed",
                "install: pip install nosuchthing -> missing",
            ),
        ),
        Cell("pip install nosuchthing", "Not available here: nosuchthing", noted=("install: pip install nosuchthing -> missing",)),
        Cell("%pip install numpy", "already satisfied: numpy", noted=("install: pip install numpy -> installed",)),
        Cell(
            "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'nosuchthing'])",
            "0",
            noted=("install: pip install nosuchthing -> missing",),
        ),
        Cell(
            "import os\npip install numpy\nprint('after')",
            "after",
            noted=("spelling: pip install numpy -> !pip install numpy", "install: pip install numpy -> installed"),
        ),
    ),
    "a shell": (
        Cell(
            "!wget -q https://example.org/train.csv && echo got it\n!git clone https://example.org/a.git",
            "wget: nothing was fetched: there is no network here.\ngit: nothing",
            noted=(
                "absent: wget -q https://example.org/train.csv -> nothing was fetched: there is no network here",
                "absent: git clone https://example.org/a.git -> nothing was fetched: there is no network here",
            ),
        ),
        Cell(
            "!wget https://example.org/data.csv",
            "already there",
            noted=("absent: wget https://example.org/data.csv -> the file that is there was used",),
        ),
        Cell(
            "def head(name):\n    line = !head -1 {name}\n    return line\n!mkdir -p sub && cp data.csv sub && ls sub && rm -r sub\nprint(head('data.csv'))",
            "data.csv\n['a,b']",
        ),
        Cell("!exit 3\nprint(_exit_code)", "3"),
        Cell("!sleep 60 & echo started", "started"),
        Cell(
            "%%bash\necho before\nwget https://example.org/train.csv",
            "before\nwget: nothing",
            noted=("absent: wget https://example.org/train.csv -> nothing was fetched: there is no network here",),
        ),
        Cell("%cd nowhere", "No such file", noted=("absent: %cd nowhere -> the folder is not here; the working folder was kept",)),
        Cell("%%writefile made.py\nANSWER = 42"),
        Cell("from made import ANSWER\nprint(ANSWER)", "42"),
    ),
    "nobody is there": (
        Cell(
            "epochs = int(input('Epochs? '))\nname = input('Name? ')\nprint([epochs, name])",
            "Epochs? 1\nName? \n[1, '']",
            noted=(
                "absent: input('Epochs? ') -> answered with 1",
                "absent: input('Name? ') -> answered with nothing",
            ),
        ),
        Cell(
            "while input('Continue? ') != 'no':\n    pass",
            "Continue?",
            RAISED,
            noted=("absent: input('Continue? ') -> answered with nothing",),
        ),
        Cell(
            "import pdb\npdb.set_trace()\nbreakpoint()\n%debug\n%pdb on\nprint('went on')",
            "went on",
            noted=(
                "absent: pdb.set_trace() -> no debugger was started",
                "absent: breakpoint() -> no debugger was started",
                "absent: %debug -> no debugger was started",
                "absent: %pdb on -> no debugger was started",
            ),
        ),
        Cell("undefined", "name 'undefined' is not defined", RAISED),
    ),
    "magics": (
        Cell(
            "% matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%load_ext tensorboard\n%tensorboard --logdir logs\n%load_ext nosuchthing",
            noted=(
                "absent: %load_ext tensorboard -> the extension is not here; it was left out",
                "absent: %tensorboard --logdir logs -> nothing was done",
                "absent: %load_ext nosuchthing -> the extension is not here; it was left out",
                "spelling: % matplotlib inline -> %matplotlib inline",
            ),
        ),
        Cell("ran = []"),
        Cell("%timeit -n 100 -r 7 ran.append(1)", "per loop", noted=("absent: %timeit -> it was run once",)),
        Cell("%%timeit\nran.append(2)", "per loop", noted=("absent: %%timeit -> it was run once",)),
        Cell("print(ran)", "[1, 2]"),
        Cell("%%capture kept\nprint('kept')"),
        Cell("print(kept.stdout)\nprint?\nlen??", "kept"),
        Cell(
            "%config InlineBackend.figure_format = 'svg'\nimport matplotlib.pyplot as plt\nfor _ in range(2):\n    plt.plot([1, 2])\n    plt.show()",
            "image/png",
            noted=("absent: figure_format = 'svg' -> pictures are shown inline",),
        ),
        Cell("%nosuchmagic", "not found", RAISED),
        Cell("%reset -f"),
        Cell("!echo still answering\n!pip install numpy", "still", noted=("install: pip install numpy -> installed",)),
    ),
    "cells that Python 3 cannot read": (
        Cell(
            "for i in xrange(2):\n    print 'row', i",
            "row 0\nrow 1",
            noted=("spelling: print 'row', i -> print('row', i)", "spelling: xrange(...) -> range(...)"),
        ),
        Cell("print(“L’accuracy”)", "L’accuracy", noted=("spelling: print(“L’accuracy”) -> print(\"L’accuracy\")",)),
        Cell("x\u00a0= 1\nprint(x)", "1", noted=("spelling: x\u00a0= 1 -> x = 1",)),
        Cell("1  import os\n2  print(os.sep)", "/", noted=("spelling: 1  import os -> import os", "spelling: 2  print(os.sep) -> print(os.sep)")),
        Cell(
            "y = 2\nz = 3\nIn [3]: for x in [y]:\n   ...:     print(x)",
            "2",
            noted=("spelling: In [3]: for x in [y]: -> for x in [y]:", "spelling: ...:     print(x) -> print(x)"),
        ),
        Cell("%%time\nprint 'inside'", "inside", noted=("spelling: print 'inside' -> print('inside')",)),
        Cell("We now train the model", "invalid syntax", RAISED),
        Cell("print(y)", "2"),
    ),
    "services that are not installed": (
        Cell(
            "import wandb\nrun = wandb.init(project='p', config={'epochs': 2})\nwandb.log({'a': 1})\nprint(wandb.config.epochs, run.config['epochs'])",
            "2 2",
            noted=("absent: wandb -> it is not installed here: nothing was logged or shown",),
        ),
        Cell(
            "def train():\n    wandb.init()\n    print(wandb.config.units)\nwandb.agent(wandb.sweep({'parameters': {'units': {'values': [8, 16]}}}), function=train)",
            "8",
            noted=("absent: wandb -> it is not installed here: nothing was logged or shown",),
        ),
        Cell(
            "import mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('a', 1)",
            noted=("absent: mlflow -> it is not installed here: nothing was logged or shown",),
        ),
        Cell("wandb.nosuchname", "no attribute", RAISED),
        Cell("import gdown\ngdown.download('https://example.org/x')", "there is no network", RAISED),
        Cell("import kagglehub\nkagglehub.dataset_download('someone/cats')", "there is no network", RAISED),
    ),
    "a module that answers every name": (
        Cell(
            "import sys, types\nclass Anything(types.ModuleType):\n    def __getattr__(self, name):\n        return lambda *a, **k: self\n"
            "sys.modules['anything'] = Anything('anything')\nmissing",
            "",
            RAISED,
        ),
        Cell("1/0", "", RAISED),
        Cell("del sys.modules['anything']\nprint('whole again')", "whole again"),
    ),
    "progress and pictures without a screen": (
        Cell("from tqdm.notebook import tqdm\nprint(sum(tqdm(range(4))))", "6"),
        Cell("from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True)\n    print('step', i)", "step 2"),
        Cell("from ipywidgets import interact\n@interact(x=(0, 10))\ndef shown(x):\n    print('x is', x)", "x is 5"),
        Cell("exit()"),
        Cell("print('after exit')", state="left_out"),
    ),
}
"""Name -> cells. All of them are run one after the other in one kernel: each begins with what it needs."""

FILES: Mapping[str, bytes] = {"data.csv": b"a,b\n1,2\n", "pictures/digit.png": b"png", "helper.py": b"X = 1\n"}
"""What is handed in beside them."""

COLAB_TRAINING = """from google.colab import drive
drive.mount('drive')
!pip install -q wandb
import wandb
from wandb.keras import WandbCallback
import tensorflow as tf
(x_train, y_train), _ = tf.keras.datasets.mnist.load_data()
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(10, activation='softmax')])
model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
wandb.init(config={'epochs': 1})
model.fit(x_train[:256] / 255, y_train[:256], epochs=wandb.config.epochs, callbacks=[WandbCallback()], verbose=0)
model.save('drive/MyDrive/model.keras')
model = tf.keras.models.load_model('drive/MyDrive/model.keras')
print('kept', len(model.layers))"""
"""Trains on Colab's terms, in one cell."""
