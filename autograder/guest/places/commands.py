"""Runs a notebook's shell commands: no terminal to wait at, and what ``shell`` answers is not run."""

from __future__ import annotations

import codecs
import functools
import os
import select
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

from ..things import Thing
from . import shell as rules


def install(session: Thing, shell: Thing) -> None:
    """For ``!x``, ``y = !x``, ``%%bash`` and what Python's own modules start."""

    def system(command: str) -> None:
        shell.user_ns["_exit_code"] = run(answered(session, shell.var_expand(command, depth=1)))

    def getoutput(command: str, split: bool = True, depth: int = 0) -> Thing:
        from IPython.utils.text import LSString, SList

        pieces: list[str] = []
        expanded = shell.var_expand(command, depth=depth + 1)
        shell.user_ns["_exit_code"] = run(answered(session, expanded), pieces.append)
        text = "".join(pieces)
        return SList(text.splitlines()) if split else LSString(text)

    shell.system = shell.system_piped = shell.system_raw = system
    shell.getoutput = getoutput
    _inside_python(session)


def answered(session: Thing, command: str) -> str:
    """The command to run instead, with what was answered noted; a failure of ours runs it as it is."""
    try:
        instead, notes = rules.rewritten(command)
    except Exception as error:
        session.recorder.note(f"shell: {type(error).__name__}: {error}")
        return command
    for note in notes:
        session.adapt(note.kind, note.old, note.new)
    return instead


def show(text: str) -> None:
    print(text, end="", flush=True)


def run(command: str, tell: Callable[[str], object] = show) -> int:
    """Run a command line to its end, without input; the exit status as IPython gives it."""
    background = command.rstrip().endswith("&") and not command.rstrip().endswith("&&")
    output = subprocess.DEVNULL if background else subprocess.PIPE
    program = shutil.which("bash") or "/bin/sh"
    process = subprocess.Popen(
        [program, "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    if process.stdout is None:
        return 0
    try:
        with process.stdout:
            for text in _pieces(process.stdout.fileno(), process):
                tell(text)
        status = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return 256 + status if status < 0 else status


def _pieces(descriptor: int, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Output as it comes, until the process has ended: what it left behind may keep the pipe open for ever."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        ended = process.poll() is not None
        if select.select([descriptor], [], [], 0.0 if ended else 0.2)[0]:
            content = os.read(descriptor, 1 << 16)
            if not content:
                return
            yield decoder.decode(content)
        elif ended:
            return


def _inside_python(session: Thing) -> None:
    """``subprocess.check_call([sys.executable, "-m", "pip", "install", ...])``, and ``os.system``."""
    begin, system = subprocess.Popen.__init__, os.system

    @functools.wraps(begin)
    def begun(self: Thing, args: Thing, *rest: Thing, **options: Thing) -> None:
        begin(self, _arguments(session, args, bool(options.get("shell"))), *rest, **options)

    @functools.wraps(system)
    def started(command: Thing) -> int:
        return system(answered(session, command) if isinstance(command, str) else command)

    subprocess.Popen.__init__ = begun  # type: ignore[method-assign]
    os.system = started


def _arguments(session: Thing, args: Thing, shell: bool) -> Thing:
    if isinstance(args, str):
        return answered(session, args) if shell else args
    if shell or not isinstance(args, list | tuple) or not all(isinstance(part, str) for part in args):
        return args
    command = shlex.join(args)
    instead = answered(session, command)
    return args if instead == command else ["/bin/sh", "-c", instead]
