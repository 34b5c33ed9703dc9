"""How far can the measurements be trusted? Runs any folder of notebooks through ``autograder run`` and reports.

    python benchmarks/fidelity.py FOLDER [--data NAME] [--rubric ID] [--budget SECONDS] [--json FILE]

Nothing is measured here: the command is the product's own, and this reads the records it gives of each notebook.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PREFERRED = "classification-generique"
WANTED = 0.95
"""Share of the comparable notebooks that is to be reproduced."""
LIMITS = ("timed_out", "out_of_memory", "flooded")

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One notebook."""

    name: str
    ending: str
    """``to the end``; ``own fault``, and a cell raised; ``limit`` of time, memory or output; ``no data``, and a cell
    raised since this run does not have the set that the notebook asks for; ``refused``; ``ours``."""
    cell: int | None = None
    """That raised first."""
    error: str = ""
    trainings: int = 0
    model: str = ""
    """The final one; empty when none was found."""
    measured_in: str = ""
    preprocessing: str = ""
    """Its steps; empty when it was not found."""
    problem: str = ""
    claimed: float | None = None
    source: str = ""
    measured: float | None = None
    """On the public test set."""
    reproduced: bool | None = None
    """None: nothing to compare."""
    table: str = ""
    """Where it was found."""
    seconds: float | None = None


def line_of(record: Record) -> Line:
    """From one record of ``autograder run --json``."""
    execution = record.get("execution")
    name = str(record.get("source") or record["student"])
    if execution is None:
        return Line(name=name, ending="refused" if record["state"] == "failed" else "ours", error=_reason(record))
    chosen = next((model for model in record.get("models", ()) if model["chosen"]), None)
    troubled = next((cell for cell in execution["cells"] if cell["state"] not in ("ran", "not_run", "left_out")), None)
    table, trainings = record.get("table"), (record.get("ledger") or {}).get("trainings", ())
    return Line(
        name=name,
        ending=_ending(execution["ending"], record.get("ledger") or {}),
        cell=None if troubled is None else troubled["cell"],
        error="" if troubled is None else str(troubled["error"] or execution["ending"])[:100],
        trainings=len(trainings),
        table="" if table is None else table["origin"],
        seconds=execution["seconds"],
        **({} if chosen is None else _of_model(chosen)),
    )


def _ending(ending: str, ledger: Record) -> str:
    if ending == "completed" or ending in LIMITS:
        return "limit" if ending in LIMITS else "to the end"
    absent = any(one["kind"] in ("unserved", "weights") for one in ledger.get("adaptations", ()))
    return "no data" if absent else "own fault"


def _reason(record: Record) -> str:
    told = (item["for_teacher"] or item["message"] for item in record.get("items", ()))
    return str(record.get("reason") or next(told, ""))[:100]


def _of_model(model: Record) -> dict[str, Any]:
    steps, told = model["preprocessing"], model["fidelity"]
    return {
        "model": model["name"],
        "measured_in": model["measured_in"],
        "preprocessing": "" if steps is None else " ".join(step["op"] for step in steps) or "none",
        "problem": model["problem"] or "",
        "measured": model["public_accuracy"],
        **(
            {} if told is None else {"claimed": told["claimed"], "source": told["source"], "reproduced": told["agrees"]}
        ),
    }


def _of_fidelity(told: Record) -> dict[str, Any]:
    return {"claimed": told["claimed"], "source": told["source"], "reproduced": told["agrees"]}


def totals(lines: Sequence[Line]) -> dict[str, Any]:
    """Counts, and shares of what they are shares of."""
    endings = Counter(line.ending for line in lines)
    trained = [line for line in lines if line.model]
    found = [line for line in trained if line.measured_in in ("probe", "kernel")]
    comparable = [line for line in trained if line.reproduced is not None]
    reproduced = sum(bool(line.reproduced) for line in comparable)
    return {
        "notebooks": len(lines),
        "endings": dict(endings),
        "trained": len(trained),
        "preprocessing_found": sum(bool(line.preprocessing) for line in trained),
        "measured": len(found),
        "comparable": len(comparable),
        "reproduced": reproduced,
        "reproduced_share": reproduced / len(comparable) if comparable else None,
        "tables": sum(bool(line.table) for line in lines),
        "seconds": sum(line.seconds or 0.0 for line in lines),
    }


# --- shown ---------------------------------------------------------------------------------------------------------


def told(line: Line) -> str:
    figures = [f"{100 * value:.2f}" if value is not None else "-" for value in (line.claimed, line.measured)]
    verdict = {None: "-", True: "yes", False: "NO"}[line.reproduced]
    ending = line.ending if line.cell is None else f"{line.ending} (cell {line.cell})"
    parts = [
        f"{line.name[:34]:34}",
        f"{ending[:20]:20}",
        f"{line.trainings:3}",
        f"{line.model[:18]:18}",
        f"{line.measured_in or '-':8}",
        f"{line.preprocessing[:24] or '-':24}",
        f"{figures[0]:>6}",
        f"{figures[1]:>6}",
        f"{verdict:4}",
        f"{line.source:10}",
        f"{line.table or '-':10}",
        f"{line.seconds or 0:6.0f}",
    ]
    remark = line.error or line.problem
    return " ".join(parts).rstrip() + (f"\n    {remark}" if remark else "")


HEADING = (
    f"{'notebook':34} {'ending':20} {'fit':3} {'final model':18} {'measured':8} {'preprocessing':24} {'claims':>6} "
    f"{'ours':>6} {'same':4} {'source':10} {'table':10} {'sec':>6}"
)


def summed(sums: Mapping[str, Any]) -> str:
    def part(count: int, whole: int, words: str) -> str:
        return f"{count} of {whole} ({100 * count / whole:.0f} %) {words}" if whole else f"0 {words}"

    endings = ", ".join(f"{count} {name}" for name, count in sums["endings"].items())
    return "\n".join(
        [
            f"{sums['notebooks']} notebooks: {endings}; {sums['seconds']:.0f} s of execution",
            part(sums["trained"], sums["notebooks"], "trained a model"),
            part(sums["preprocessing_found"], sums["trained"], "of these: preprocessing found"),
            part(sums["measured"], sums["trained"], "of these: measured"),
            part(sums["comparable"], sums["trained"], "of these: the notebook states a figure on the whole test set"),
            part(sums["reproduced"], sums["comparable"], "of these: reproduced within 0.2 points"),
            part(sums["tables"], sums["notebooks"], "have a table of experiments"),
        ]
    )


# --- run -----------------------------------------------------------------------------------------------------------


def command(options: argparse.Namespace, more: Sequence[str], out: str) -> list[str]:
    """``autograder run`` with what was asked; nobody's feedback is overwritten."""
    given = [sys.executable, "-m", "autograder", "run", str(options.folder), "--json", "--smoke", "off", "--out", out]
    if options.rubric:
        given += ["--rubric", options.rubric]
    for name in options.data or ():
        given += ["--data", name]
    if options.budget is not None:
        given += ["--budget", str(options.budget)]
    if options.state is not None:
        given += ["--state", str(options.state)]
    return [*given, *(word for word in more if word != "--")]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog="Any other option is handed on to autograder run."
    )
    made.add_argument("folder", type=Path, help="Notebooks, or folders of them.")
    made.add_argument("--data", action="append", help="As for autograder run; can be repeated.")
    made.add_argument("--rubric", default=_rubric(), help="Default: the generic one, where there is one.")
    made.add_argument("--budget", type=float, help="Seconds of training per notebook.")
    made.add_argument("--state", type=Path, help="Folder of what is remembered: a second run is quick.")
    made.add_argument("--json", type=Path, metavar="FILE", help="Where to write every line and the totals.")
    return made


def _rubric() -> str:
    return PREFERRED if (HERE.parent / "rubrics" / f"{PREFERRED}.yaml").exists() else ""


def main() -> int:
    options, more = parser().parse_known_args()
    with tempfile.TemporaryDirectory(prefix="fidelity-") as out:
        done = subprocess.run(command(options, more, out), stdout=subprocess.PIPE, check=False, text=True)
    try:
        records = json.loads(done.stdout)
    except ValueError:
        print("autograder run gave no records; what it said stands above", file=sys.stderr)
        return done.returncode or 1
    lines = [line_of(record) for record in records if record["state"] != "missing"]
    sums = totals(lines)
    print(HEADING, *(told(line) for line in lines), "", summed(sums), sep="\n")
    if options.json is not None:
        written = json.dumps({"totals": sums, "notebooks": [asdict(line) for line in lines]}, indent=1)
        options.json.write_text(written + "\n", "utf-8")
    share = sums["reproduced_share"]
    return 0 if share is None or share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
