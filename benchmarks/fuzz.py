"""A coverage-guided fuzzer over every place on the host that touches a student's bytes.

    python benchmarks/fuzz.py --seconds 1200 [--target NAME ...] [--findings FOLDER]

It needs atheris (``pip install atheris``, a wheel of 35 MB for CPython on Linux), which nothing else of this project
does: install it into an environment of its own that sees this project's packages. The entry points and what must hold
of them are in ``targets.py``. The seconds are shared out among the targets, one process after the other.

An input may take ``--each`` seconds and ``--memory`` MiB. What breaks a promise is written to the folder of findings:
``NAME-KIND-HASH`` holds the bytes, ``.txt`` beside it says what was raised. One of a kind is kept, and the fuzzer goes
on; ``--replay FILE`` feeds one again. The exit status is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONGEST = 16_384
"""Bytes of an input; what only much longer ones do is for ``pace.py`` to find."""
_STATE = re.compile(r"#(\d+)\s.*cov: (\d+) ft: (\d+)")


@dataclass(slots=True)
class Outcome:
    """What became of one target."""

    target: str
    executions: int = 0
    edges: int = 0
    seconds: float = 0.0
    findings: set[str] = field(default_factory=set)


# --- the process that fuzzes -----------------------------------------------------------------------------------------


class Watch:
    """Feeds one target and writes down what it raises, one of a kind."""

    def __init__(self, name: str, findings: Path) -> None:
        self.name = name
        self._findings = findings
        self._known: set[str] = set()

    def __call__(self, data: bytes) -> None:
        import targets

        try:
            targets.TARGETS[self.name].feed(data)
        except Exception as error:
            self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        kind = signature(error)
        if kind in self._known:
            return
        self._known.add(kind)
        place = self._findings / f"{self.name}-raised-{hashlib.sha256(kind.encode()).hexdigest()[:10]}"
        place.write_bytes(data)
        told = "".join(traceback.format_exception(error)[-12:])
        place.with_suffix(".txt").write_text(f"{kind}\n\n{told}", "utf-8", "backslashreplace")


def signature(error: BaseException) -> str:
    """The kind of an error and the place of ours that it came through last."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/autograder/" in frame.filename] or frames
    said = re.sub(r"['\"].*|[0-9]+", "0", str(error), flags=re.DOTALL)[:60] if type(error).__name__ == "Unsafe" else ""
    return f"{type(error).__name__} {said} {Path(own[-1].filename).name}:{own[-1].name}".replace("  ", " ")


def _fuzz(name: str, findings: Path, flags: Sequence[str]) -> None:
    """Does not come back: the fuzzer ends its process."""
    import atheris

    with atheris.instrument_imports(include=["autograder", "markdown_it"]):
        import targets
    targets.TARGETS[name].feed(b"")
    atheris.Setup([sys.argv[0], *flags], Watch(name, findings))
    atheris.Fuzz()


# --- the process that shares out the time ----------------------------------------------------------------------------


def _round(outcome: Outcome, given: argparse.Namespace, corpus: Path, seconds: float) -> None:
    """One process on one target; a hang or a memory bomb ends it, and the next one goes on from the corpus."""
    command = [
        *(sys.executable, str(Path(__file__).resolve()), "--inside", outcome.target, "--findings", str(given.findings)),
        *("--", str(corpus), f"-max_total_time={max(1, round(seconds))}", f"-timeout={given.each}"),
        *(
            f"-rss_limit_mb={given.memory}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={given.findings}/{outcome.target}-",
        ),
        *("-print_final_stats=1", "-len_control=0", "-report_slow_units=5"),
    ]
    started = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        limit = (given.memory + 4096) << 20
        try:
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=said,
                check=False,
                timeout=seconds + 4 * given.each + 120,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
            )
        except subprocess.TimeoutExpired:  # the fuzzer's own alarm did not end it: the other targets have their turn
            (given.findings / f"{outcome.target}-stuck").write_bytes(b"")
        said.seek(0)
        states = [match for line in said if (match := _STATE.search(line))]
    outcome.seconds += time.monotonic() - started
    if states:
        outcome.executions += int(states[-1][1])
        outcome.edges = max(outcome.edges, *(int(state[2]) for state in states))


def _target(name: str, given: argparse.Namespace, seconds: float, folder: Path) -> Outcome:
    import targets

    corpus = folder / name
    corpus.mkdir()
    for seed in targets.TARGETS[name].seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed[:LONGEST])
    outcome = Outcome(name)
    before = set(_found(given.findings, name))
    while (left := seconds - outcome.seconds) > 1:
        _round(outcome, given, corpus, left)
    outcome.findings = set(_found(given.findings, name)) - before
    return outcome


def _found(findings: Path, name: str) -> Iterator[str]:
    """Slow units are kept too: as hints, they are no findings before ``--each`` seconds have passed."""
    kinds = ("raised", "timeout", "oom", "crash", "leak", "stuck")
    return (path.name for path in findings.iterdir() if path.suffix != ".txt" and _kind(path, name) in kinds)


def _kind(path: Path, name: str) -> str:
    return path.name.removeprefix(f"{name}-").partition("-")[0] if path.name.startswith(f"{name}-") else ""


def table(outcomes: Sequence[Outcome]) -> str:
    lines = ["| target | executions | edges | minutes | findings |", "|---|---|---|---|---|"]
    for one in outcomes:
        told = ", ".join(sorted(one.findings)[:4]) + (" …" if len(one.findings) > 4 else "") or "none"
        lines.append(f"| {one.target} | {one.executions:,} | {one.edges} | {one.seconds / 60:.1f} | {told} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1200, help="for all targets together")
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "autograder-fuzz")
    parser.add_argument("--each", type=int, default=10, help="seconds that one input may take")
    parser.add_argument("--memory", type=int, default=2048, help="MiB that a process may use")
    parser.add_argument("--replay", type=Path, help="feed the bytes of this file to the one target")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given, flags = parser.parse_known_args()
    given.findings.mkdir(parents=True, exist_ok=True)
    if given.inside:
        _fuzz(given.inside, given.findings, [flag for flag in flags if flag != "--"])
    import targets

    if unknown := set(given.target) - set(targets.TARGETS):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(targets.TARGETS)}")
    if given.replay:
        targets.TARGETS[given.target[0]].feed(given.replay.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install atheris")
    chosen = given.target or list(targets.TARGETS)
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        outcomes = [_target(name, given, given.seconds / len(chosen), Path(folder)) for name in chosen]
    print(table(outcomes))
    return int(any(one.findings for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
