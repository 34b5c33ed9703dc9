"""What failed for want of a network, a drive or a person is told as that."""

from __future__ import annotations

import pytest

from autograder.checks import places
from autograder.checks.notebook import completes
from autograder.messages import render
from tests.evidence import code, evidence, raised, ran, training

NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory: {!r}"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NoNetwork: there is no network where a notebook is graded: gdown could fetch nothing", "the network"),
        (
            "Exception: URL fetch failure on https://x.org/a.npz: None -- [Errno -3] Temporary failure in name",
            "network",
        ),
        ("URLError: <urlopen error [Errno -2] Name or service not known>", "the network"),
        ("ModuleNotFoundError: No module named 'src.loader'", "imports src.loader"),
        ("StdinNotImplementedError: raw_input was called, but this frontend ...", "nobody is there"),
        (
            NO_FILE.format("/content/drive/MyDrive/a b/train.csv"),
            "/content/drive/MyDrive/a b/train.csv, a file of your Go",
        ),
        (NO_FILE.format("/content/gdrive/My Drive/x.h5"), "Google Drive"),
        (NO_FILE.format("/kaggle/input/digit-recognizer/train.csv"), "lies on Kaggle"),
        (NO_FILE.format("../input/train.csv"), "lies on Kaggle"),
        (NO_FILE.format("/content/cat.png"), "uploaded to Google Colab"),
        (NO_FILE.format("C:\\Users\\Ada\\data.csv"), "your own computer"),
        (NO_FILE.format("/home/ada/data.csv"), "your own computer"),
        (NO_FILE.format("/home/student/data.csv"), "neither handed in nor made"),
        (NO_FILE.format("train.csv"), "neither handed in nor made"),
        ("ValueError: File not found: filepath=/content/drive/MyDrive/m.h5. Please ensure the file is", "Google Drive"),
        (
            "FileNotFoundError: [Errno 2] Unable to synchronously open file (name = 'm.h5', errno = 2)",
            "needs m.h5, which",
        ),
        ("OSError: [Errno 30] Read-only file system: '/models'", "writes to /models"),
        ("PermissionError: [Errno 13] Permission denied: '/root'", "writes to /root"),
    ],
)
def test_an_error_of_the_place_is_explained(error: str, words: str) -> None:
    told = places.explanation(raised(4, error))
    assert told is not None
    assert words in render(told, "en")
    assert told.values["cell"] == 5


@pytest.mark.parametrize(
    "error",
    [
        "NameError: name 'x' is not defined",
        "ValueError: could not broadcast 'a/b'",
        "FileNotFoundError: ",
        "KeyError: '/content/drive'",
        "",
    ],
)
def test_other_errors_speak_for_themselves(error: str) -> None:
    assert places.explanation(raised(0, error)) is None


def test_a_cell_that_is_no_python_is_told_with_its_line() -> None:
    told = places.unreadable(raised(2, "SyntaxError: invalid syntax (347627657.py, line 7)"))
    assert told is not None
    assert told.values == {"cell": 3, "line": 7, "reason": "invalid syntax"}
    bracket = places.unreadable(raised(2, "SyntaxError: '(' was never closed (1.py, line 12)"))
    assert bracket is not None
    assert bracket.values["reason"] == "'(' was never closed"
    assert places.unreadable(raised(2, "NameError: name (a, line 3)")) is None


def test_the_path_of_a_stranger_is_shortened() -> None:
    error = NO_FILE.format("/content/drive/" + "x" * 400)
    assert len(places.path_of(error)) == places.LONGEST_PATH


def test_reasons_stand_beside_the_error_and_change_no_points() -> None:
    cells = [code(0, "model.fit(x)"), code(1, "open('/content/drive/MyDrive/a.csv')")]
    runs = [ran(0), raised(1, NO_FILE.format("/content/drive/MyDrive/a.csv"))]
    finding = completes(evidence(cells, runs, [training(1, execution_count=1)]))
    told = [render(detail, "fr") for detail in finding.details]
    assert any("Google Drive" in text for text in told)
    assert any("FileNotFoundError" in text for text in told)
    assert finding.share == 0.75
