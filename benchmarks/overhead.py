"""One notebook of the course beside its bare script: what do the sandbox, the kernel and the records cost?

And what does the same notebook cost when it is handed in once more with another text?

    python benchmarks/overhead.py MNIST.npz [--images 12000] [--epochs 2] [--repeats 3]

The script is the code cells one after the other, as ``jupyter nbconvert --to script`` writes them. Of this program the
execution is told, as the record has it (first cell to last, reading included), and the whole of ``autograder run`` with
its measurements, without reuse; the baseline is remembered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import graders
import measuring
from measuring import Spent


def bare(bench: graders.Bench) -> Spent:
    """The code cells as a program."""
    place = bench.empty("bare")
    [notebook] = bench.notebooks()
    cells = notebook["cells"]
    script = "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "code")
    (place / "work.py").write_text(script, "utf-8")
    environment = bench.environment() | {"MPLBACKEND": "Agg"} | dict.fromkeys(graders.THREADS, "2")
    return measuring.spent([sys.executable, "work.py"], cwd=place, env=environment, log=bench.log("bare"))


def executed(bench: graders.Bench) -> float:
    """Seconds of the execution in the last run of ours."""
    [record] = (bench.folder / "ours").glob("feedback/coursework/*/grade.json")
    return float(json.loads(record.read_text("utf-8"))["execution"]["seconds"])


def once_more(bench: graders.Bench, turn: int) -> Spent:
    """The same class in the same folders, its notebook with another word in each text."""
    place = bench.folder / "ours"
    [path] = (place / "class").glob("*.ipynb")
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] += f"\n\nRelu et corrigé, version {turn}."
    path.write_text(json.dumps(notebook), "utf-8")
    return graders.run(bench, place, "ours", "--reuse", "off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="mnist.npz")
    parser.add_argument("--images", type=int, default=12000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{measuring.machine()}\none notebook, {given.images} images, {given.epochs} epochs\n")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        bench = graders.Bench(
            folder=folder,
            tools=folder,
            data=given.data.resolve(),
            students=1,
            images=given.images,
            epochs=given.epochs,
            workers=1,
        )
        state, _ = graders.primed(bench)
        whole = graders.ours(bench, "ours", "--reuse", "off", kept=state)
        seconds: list[float] = []

        def ours() -> Spent:
            spent = whole()
            seconds.append(executed(bench))
            return spent

        ways = {"bare script": lambda: bare(bench), "autograder run": ours}
        found = {key: measuring.median(each) for key, each in measuring.interleaved(ways, given.repeats).items()}
        again = measuring.median([once_more(bench, turn) for turn in range(3)])
    script, run = found["bare script"], found["autograder run"]
    print("\n| | wall, s | beside the script | CPU, s | beside the script |\n|---|---|---|---|---|")
    print(f"| bare script | {script.wall:.1f} | 1.00 | {script.cpu:.1f} | 1.00 |")
    execution = statistics.median(seconds)
    print(f"| the notebook in its room | {execution:.1f} | {execution / script.wall:.2f} | – | – |")
    print(f"| all of it | {run.wall:.1f} | {run.wall / script.wall:.2f} | {run.cpu:.1f} | {run.cpu / script.cpu:.2f} |")
    print(
        f"\nother text only: wall {again.wall:.1f} s, CPU {again.cpu:.1f} s; its first grading took "
        f"{run.wall / again.wall:.0f} times the wall, {run.cpu / again.cpu:.0f} times the CPU"
    )


if __name__ == "__main__":
    main()
