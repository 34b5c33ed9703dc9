"""A class graded by this program, by nbgrader and by otter, side by side: wall and CPU seconds, as ratios.

    python benchmarks/graders.py MNIST.npz --tools /tmp/tools [--students 8] [--repeats 3]

nbgrader and otter are installed into environments of their own below ``--tools`` (kept for the next time), which see
this environment's TensorFlow. They run each notebook with four test cells, as their users have them; this program runs
the same notebooks, loads every trained model in a second room, measures accuracy, gain and robustness, checks the
documents and writes a sheet for each. Images, epochs and test images are the same for all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coursework
import measuring
from measuring import Spent

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {"nbgrader": "nbgrader==0.9.6", "otter": "otter-grader==7.0.0"}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Of a kernel; as many in a bare script."""
COMMON = ("--rubric", "coursework", "--state", "state")
TESTS = (
    "assert baseline_score[1] > 0.2",
    "assert len(results) == 4",
    "assert all(result['accuracy'] > 0.2 for result in results.values())",
    "assert len(robustness) == 3",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all ways of grading share."""

    folder: Path
    tools: Path
    data: Path
    students: int
    images: int
    epochs: int
    workers: int

    def environment(self, tool: str | None = None) -> dict[str, str]:
        """Little of the caller's, and a tool's own programs first."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        if tool is not None:
            kept["PATH"] = f"{self.tools / tool / 'bin'}{os.pathsep}{kept['PATH']}"
        return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def empty(self, name: str) -> Path:
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def notebooks(self) -> list[coursework.Notebook]:
        """As other tools get them."""
        made = [coursework.coursework(n, images=self.images, epochs=self.epochs) for n in range(self.students)]
        return [coursework.reading(one, self.data) for one in made]


def installed(tool: str, tools: Path) -> Path:
    """The tool's command, in an environment that has its packages first and ours behind them."""
    place = tools / tool
    command = place / "bin" / tool
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", VERSIONS[tool]], check=True)
        own = place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        (own / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return command


# --- ways of grading -------------------------------------------------------------------------------------------------


def nbgrader(bench: Bench) -> Callable[[], Spent]:
    command = str(installed("nbgrader", bench.tools))

    def tests(*, released: bool) -> list[dict[str, Any]]:
        cells = []
        for number, test in enumerate(TESTS):
            mark: dict[str, Any] = {
                "schema_version": 3,
                "grade": True,
                "solution": False,
                "locked": True,
                "task": False,
            }
            mark |= {"grade_id": f"test{number}", "points": 5} | ({"cell_type": "code"} if released else {})
            cells.append(coursework.code(test, nbgrader=mark))
        return cells

    def way() -> Spent:
        course = bench.empty("nbgrader")
        (course / "nbgrader_config.py").write_text("c = get_config()\nc.ExecutePreprocessor.timeout = 3600\n", "utf-8")
        source = course / "source" / "ps1"
        source.mkdir(parents=True)
        (source / "work.ipynb").write_text(json.dumps(coursework.notebook(tests(released=False))), "utf-8")
        environment = bench.environment("nbgrader")
        made = [command, "generate_assignment", "ps1", "--create"]
        measuring.spent(made, cwd=course, env=environment, log=bench.log("nbgrader"))
        for number, notebook in enumerate(bench.notebooks()):
            place = course / "submitted" / f"student{number + 1}" / "ps1"
            place.mkdir(parents=True)
            cells = [{k: v for k, v in cell.items() if k != "id"} for cell in notebook["cells"]]
            whole = coursework.notebook([*cells, *tests(released=True)])
            (place / "work.ipynb").write_text(json.dumps(whole), "utf-8")
        grade = [command, "autograde", "ps1", "--create"]
        took = measuring.spent(grade, cwd=course, env=environment, log=bench.log("nbgrader"))
        for path in sorted(course.glob("autograded/*/ps1/work.ipynb")):
            failed = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if raised(cell)]
            assert not failed, f"{path}: {failed[0]['source'][:200]}"
        return took

    return way


def raised(cell: dict[str, Any]) -> bool:
    return any(output["output_type"] == "error" for output in cell.get("outputs", []))


def otter(bench: Bench) -> Callable[[], Spent]:
    command = str(installed("otter", bench.tools))
    case = "{{'suites': [{{'cases': [{{'code': '>>> {1}\\n'}}]}}], 'name': 'q{0}', 'points': 5}}"
    test = f"OK_FORMAT = True\n\ntest = {case}\n"

    def way() -> Spent:
        place = bench.empty("otter")
        with zipfile.ZipFile(place / "autograder.zip", "w") as archive:
            archive.writestr("otter_config.json", json.dumps({"lang": "python"}))
            for number, asserted in enumerate(TESTS):
                archive.writestr(f"tests/q{number}.py", test.format(number, asserted.replace("'", "\\'")))
        total = Spent(0, 0)
        for number, notebook in enumerate(bench.notebooks()):
            own = place / f"student-{number + 1}"
            own.mkdir()
            (own / "work.ipynb").write_text(json.dumps(notebook), "utf-8")
            graded = [command, "run", "-a", str(place / "autograder.zip"), "-o", str(own), str(own / "work.ipynb")]
            total += measuring.spent(graded, cwd=own, env=bench.environment("otter"), log=bench.log("otter"))
            found = json.loads((own / "results.json").read_text("utf-8"))["tests"]
            assert all(one.get("status") != "failed" for one in found), f"{own}: {found}"
            assert sum(one.get("score", 0) for one in found) == 5 * len(TESTS), f"{own}: {found}"
        return total

    return way


def ours(bench: Bench, name: str, *options: str, kept: Path) -> Callable[[], Spent]:
    """``kept``: the state folder in which the baseline is, of which each turn gets a copy."""

    def way() -> Spent:
        place = bench.empty(name)
        shutil.copytree(kept, place / "state")
        return graded(bench, place, name, *options)

    return way


def graded(bench: Bench, place: Path, name: str, *options: str) -> Spent:
    """``autograder run`` on the class, in a folder with a course of its own."""
    opened(bench, place)
    coursework.write(place / "class", bench.students, images=bench.images, epochs=bench.epochs)
    return run(bench, place, name, *options)


def run(bench: Bench, place: Path, name: str, *options: str) -> Spent:
    """The same on what lies there."""
    command = [
        sys.executable,
        "-m",
        "autograder",
        "run",
        "class",
        *COMMON,
        "--data",
        str(bench.data),
        "--out",
        "feedback",
    ]
    command += ["--workers", str(bench.workers), "--smoke", "off", *options]
    environment = bench.environment() | {"PYTHONPATH": str(ROOT)}
    return measuring.spent(command, cwd=place, env=environment, log=bench.log(name))


def opened(bench: Bench, place: Path) -> None:
    """The rubric of the course under another name, with a baseline on as many images as the students have."""
    rubric = (ROOT / "rubrics" / "mnist-individuel.yaml").read_text("utf-8").replace("mnist-individuel", "coursework")
    (place / "rubrics").mkdir(exist_ok=True)
    (place / "rubrics" / "coursework.yaml").write_text(rubric, "utf-8")
    (place / "reference" / "coursework").mkdir(parents=True, exist_ok=True)
    reference = coursework.reference(images=bench.images, epochs=bench.epochs)
    (place / "reference" / "coursework" / "baseline.ipynb").write_text(json.dumps(reference), "utf-8")


def primed(bench: Bench) -> tuple[Path, Spent]:
    """A state folder in which the teacher's baseline is, and what that took; once for an assignment."""
    place = bench.empty("primed")
    opened(bench, place)
    command = [sys.executable, "-m", "autograder", "reference", *COMMON, "--data", str(bench.data)]
    environment = bench.environment() | {"PYTHONPATH": str(ROOT)}
    took = measuring.spent(command, cwd=place, env=environment, log=bench.log("primed"))
    return place / "state", took


def main() -> None:
    given = arguments()
    size = f"{given.students} notebooks, {given.images} images, {given.epochs} epochs, {given.workers} workers"
    print(f"{measuring.machine()}\n{size}\n")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        bench = Bench(
            folder=Path(name),
            tools=given.tools.resolve(),
            data=given.data.resolve(),
            students=given.students,
            images=given.images,
            epochs=given.epochs,
            workers=given.workers,
        )
        state, took = primed(bench)
        print(f"the baseline, once for an assignment: wall {took.wall:.1f} s, CPU {took.cpu:.1f} s")
        ways = {
            "nbgrader": nbgrader(bench),
            "otter": otter(bench),
            "autograder, no reuse": ours(bench, "ours-off", "--reuse", "off", kept=state),
            "autograder, reuse": ours(bench, "ours-exact", kept=state),
        }
        wanted = {key: way for key, way in ways.items() if key in given.only} if given.only else ways
        found = {key: measuring.median(each) for key, each in measuring.interleaved(wanted, given.repeats).items()}
    print("\n| way | wall, s | CPU, s | wall: nbgrader / it | CPU: it / nbgrader |\n|---|---|---|---|---|")
    base = found.get("nbgrader")
    for key, each in found.items():
        ratios = f"{base.wall / each.wall:.2f} | {each.cpu / base.cpu:.2f}" if base else "– | –"
        print(f"| {key} | {each.wall:.1f} | {each.cpu:.1f} | {ratios} |")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="mnist.npz")
    parser.add_argument("--tools", type=Path, required=True, help="where nbgrader and otter are installed")
    parser.add_argument("--students", type=int, default=8)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
