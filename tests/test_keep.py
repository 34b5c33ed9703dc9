"""How many samples of data leave the kernel, and which are left out."""

from __future__ import annotations

from pathlib import Path

from autograder.guest.handover import Handover
from autograder.guest.recording.keep import SAMPLES, SAMPLES_OF_USES, Keep


def keep(folder: Path) -> Keep:
    return Keep(Handover(folder), lambda model: "m1")


def test_equal_samples_are_kept_once(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    assert kept.sample(b"one") == kept.sample_of_use(b"one") == kept.sample(b"one") == "sample-1.npy"
    assert kept.sample(b"two") == "sample-2.npy"


def test_many_predictions_leave_room_for_what_trains(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    names = [kept.sample_of_use(b"%d" % number) for number in range(SAMPLES)]
    assert names.index("") == SAMPLES_OF_USES and kept.sample_of_use(b"0") == "sample-1.npy"
    assert kept.sample(b"a training's") == f"sample-{SAMPLES_OF_USES + 1}.npy" and kept.unsampled == 0
    assert kept.sample_of_use(b"a training's"), "what is known already"


def test_what_trains_beyond_all_room_is_counted(tmp_path: Path) -> None:
    kept = keep(tmp_path)
    names = [kept.sample(b"%d" % number) for number in range(SAMPLES + 2)]
    assert names[-3:] == [f"sample-{SAMPLES}.npy", "", ""] and kept.unsampled == 2
    assert kept.sample(b"0") == "sample-1.npy" and kept.unsampled == 2
