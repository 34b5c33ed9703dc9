"""No replay differs from its training in any bit, and what is not understood is trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNDERSTOOD = (
    *("plain", "dropout", "trained_twice", "continued", "own_loop_afterwards", "early_stopping", "weights_set_before"),
    *("rate_changed", "frozen", "drawn_afterwards", "one_pixel", "functional_saved", "augmented", "unbuilt"),
    *("validated", "cut", "evaluated", "regularized"),
)
REFUSED = {
    "own_callback": "own callback",
    "scheduled_by_a_function": "callback",
    "a_lambda": "Lambda",
    "own_loss": "own loss",
    "own_metric": "own metric",
    "tf_data": "tf.data",
    "generator": "generator",
    "own_model": "own model",
    "own_step": "own model",
    "changed_keras": "changed Keras",
    "regularizer_put_on": "changed Keras",
    "constraint_put_on": "changed Keras",
    "writing_callback": "callback",
}
Played = dict[str, dict[str, Any]]


def begun(way: str, folder: Path) -> subprocess.Popen[str]:
    # What lies in the folder that it is started in is a notebook's own.
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.reuse_cases", way, str(folder)],
        cwd=ROOT / "tests",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Any:  # noqa: ANN401
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each in a process of its own: first all are trained, then what they left is used."""
    folder = tmp_path_factory.mktemp("trainings")
    first = begun("carried-out", folder)
    other = tmp_path_factory.mktemp("off")
    off = begun("off", other)
    found = {"carried-out": ended(first), "off": ended(off)}
    rest = {way: begun(way, folder) for way in ("replayed", "trainer")}
    return found | {way: ended(process) for way, process in rest.items()}


@pytest.mark.parametrize("case", UNDERSTOOD)
def test_a_replay_is_bit_for_bit_the_training(case: str, ways: dict[str, Any]) -> None:
    """Weights, optimiser, metrics, history, callbacks, and what is drawn afterwards from each stream."""
    trained, replayed = (ways[way]["cases"][case] for way in ("carried-out", "replayed"))
    assert not any(trained["reused"])
    assert all(replayed["reused"])
    assert trained["unreused"] == replayed["unreused"] == [""] * len(trained["reused"])
    assert trained["state"] == replayed["state"]
    assert trained["ledger"] == replayed["ledger"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_understood_is_trained(case: str, ways: dict[str, Any]) -> None:
    for way in ("carried-out", "replayed"):
        told = ways[way]["cases"][case]
        assert (told["reused"], told["unreused"]) == ([False], [REFUSED[case]])
    assert ways["carried-out"]["cases"][case]["ledger"] == ways["replayed"]["cases"][case]["ledger"]


def test_nobody_asked_makes_no_difference(ways: dict[str, Any]) -> None:
    off = ways["off"]["cases"]
    assert len(off) == 4
    for case, told in off.items():
        assert told == ways["carried-out"]["cases"][case]


def test_the_trainer_comes_to_the_same_bits(ways: dict[str, Any]) -> None:
    alike = ways["trainer"]["alike"]
    assert len(alike) > len(UNDERSTOOD)
    assert [name for name, same in alike.items() if not same] == []


def test_nothing_went_wrong_unnoticed(ways: dict[str, Any]) -> None:
    assert ways["carried-out"]["notes"] == ways["replayed"]["notes"] == ways["off"]["notes"] == []
