"""What a class costs beside its notebooks: memory of the host, and seconds per submission, by the size of the class.

    python benchmarks/host.py STATE [--sizes 10,100,1000]

STATE is the state folder of any former ``autograder run`` on the data set digits; it is only read. Recorded executions
are played back, as in ``regrade.py``. The first run of a class has everything but its rooms to do: evidence, checks,
sheets, gradebook. Then the same again, where all is remembered, and once more with a changed rubric.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from regrade import RUBRIC, Recorded, grade, lay_out, other_threshold


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        status = grade(options.state, options.child)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(f"used {used.ru_maxrss / 1024:.0f} {used.ru_utime + used.ru_stime:.2f}", file=sys.stderr)
        return status
    print(
        f"{'students':>8} {'step':16}{'wall s':>9}{'CPU s':>9}{'CPU ms each':>13}{'peak RSS MB':>13}{'summary KB':>12}"
    )
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="host-") as folder:
            desk = Path(folder) / "desk"
            lay_out(Recorded(options.state), desk, size)
            for step in ("first run", "again", "changed rubric"):
                if step == "changed rubric":
                    other_threshold(desk)
                if not timed(step, size, options.state, desk):
                    return 1
    return 0


def timed(step: str, size: int, state: Path, desk: Path) -> bool:
    """A process of its own: its memory is that of this step alone."""
    command = [sys.executable, __file__, str(state.resolve()), "--child", str(desk)]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    wall = time.monotonic() - start
    used = re.search(r"used (\d+) ([\d.]+)", done.stderr)
    own = re.search(r"own ([\d.]+) ([\d.]+)", done.stderr)
    if done.returncode or not used or not own:
        print(done.stdout[-2000:], done.stderr[-3000:])
        return False
    cpu = float(own[2])
    summary = (desk / "feedback" / RUBRIC / "summary.html").stat().st_size / 1000
    print(
        f"{size:8} {step:16}{wall:9.1f}{cpu:9.1f}{1000 * cpu / size:13.0f}{int(used[1]):13}{summary:12.0f}", flush=True
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
