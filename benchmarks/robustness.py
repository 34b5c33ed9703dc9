"""What does the robustness suite cost beside what cannot be saved: a look at every image by the model?

    python benchmarks/robustness.py mnist.npz [--images 10000] [--rounds 3]

Altering is held against the course's own loop, one call of ``scipy.ndimage.rotate`` for each image; the whole suite, as
room 2 is shown it, against bare forward passes of the same model over the same images, already prepared, in batches of
the same size. Seconds are the processor's, in turns within one run, medians of the rounds; what counts are the ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

DEGREES = 15
SUITE_IMAGES = 2000
STEPS = (
    {"op": "reshape", "values": {"shape": [28, 28, 1]}},
    {"op": "affine", "values": {"scale": 1 / 255, "offset": 0.0}},
)


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("data", type=Path, help="A .npz with x_test: grey images of 28 by 28.")
    made.add_argument("--images", type=int, default=10_000)
    made.add_argument("--rounds", type=int, default=3)
    given = made.parse_args()
    images: Pixels = np.load(given.data)["x_test"][: given.images]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.rounds} rounds\n")
    altering(images, given.rounds)
    measuring(images[:SUITE_IMAGES], given.rounds)


def altering(images: Pixels, rounds: int) -> None:
    from scipy import ndimage

    from autograder.corruptions import SEVERITIES, corrupt

    angles = np.random.default_rng(1).uniform(-DEGREES, DEGREES, len(images))

    def loop() -> None:
        for image, angle in zip(images / 255.0, angles, strict=True):
            ndimage.rotate(image, angle, reshape=False)

    def altered(name: str) -> Callable[[], object]:
        return lambda: [corrupt(images, name, severity, [1, 2]) for severity in range(1, 6)]

    found = in_turns({"loop": loop, **{name: altered(name) for name in SEVERITIES}}, rounds)
    micro = {name: 1e6 * seconds / len(images) / (1 if name == "loop" else 5) for name, seconds in found.items()}
    print("| altering one image | microseconds | the course's loop takes |\n|---|---|---|")
    for name, figure in micro.items():
        print(f"| {name} | {figure:.1f} | {micro['loop'] / figure:.1f} times |")
    mean = statistics.mean(figure for name, figure in micro.items() if name != "loop")
    print(f"| mean of the suite | {mean:.1f} | {micro['loop'] / mean:.1f} times |\n")


def measuring(images: Pixels, rounds: int) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from autograder import preprocessing
    from autograder.corruptions import suite
    from autograder.guest import frames

    sys.modules |= {"frames": frames, "preprocessing": preprocessing}  # they lie beside it in a room
    from autograder.guest import probe

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    forward, most = probe.forward_of(model), probe.at_once(model)
    made: list[Pixels] = []

    def make() -> None:
        made[:] = [np.concatenate([np.concatenate(kind) for _, kind in suite(images, 20)])]

    make()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "altered.npy"
        np.save(path, made[0])
        shown = np.load(path, mmap_mode="r")
        ready = [probe.prepared(STEPS, part) for part in probe.batches(made[0], STEPS, most)]
        ways: dict[str, Callable[[], object]] = {
            "bare forward passes": lambda: [forward(part) for part in ready],
            "the suite, as room 2 is shown it": lambda: probe.answers(forward, STEPS, shown, most),
            "making the suite, once per class": make,
        }
        forward(ready[0])
        found = in_turns(ways, rounds)
    bare = found["bare forward passes"]
    print(f"| {len(made[0]):,} images | seconds | of bare forward passes |\n|---|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds:.2f} | {seconds / bare:.2f} |")


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median of the processor's seconds of each, taken in turns so that a busy machine is equally unjust to all."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.process_time()
            way()
            taken[name].append(time.process_time() - begun)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


if __name__ == "__main__":
    main()
