"""IPython's magics as a notebook without a screen, a network and a person needs them."""

from __future__ import annotations

import importlib.util
import os
import re

from ..imports import Actions
from ..things import Thing
from . import commands
from . import shell as rules
from .prompts import NO_DEBUGGER

INLINE = "pictures are shown inline"
INSTALLED_VERSION = "the installed version was used"
NOT_LOADED = "the extension is not here; it was left out"
ONCE = "it was run once"
NOTHING = "nothing was done"
FOLDER_KEPT = "the folder is not here; the working folder was kept"

IDLE = (
    "tensorboard",
    "watermark",
    "nb_black",
    "lab_black",
    "wandb",
    "autosave",
    "gui",
    "qtconsole",
    "skip",
    "blackcellmagic",
    "recall",
    "edit",
)
"""Line magics of other places that nothing depends on."""

PLAIN = ("memit", "mprun", "lprun", "wandb", "heat", "black", "blacken", "notify")
"""Magics that look at the code they are given from outside: here it is just run."""

_TIMING = re.compile(r"(?:^|\s)-[nr]\s*\d+")
_OPTIONS = re.compile(r"^(?:\s*-\w(?:\s+\S+)?)*\s*")


def install(session: Thing, shell: Thing) -> None:
    """Put ours in the place of IPython's, which are still called where they do what is wanted."""
    _pictures(session, shell)
    _installers(session, shell)
    _timing(session, shell)
    _shells(session, shell)
    _extensions(session, shell)
    _folder(session, shell)
    _idle(session, shell)


def _line(shell: Thing, name: str, function: Thing) -> None:
    shell.register_magic_function(function, magic_kind="line", magic_name=name)


def _pictures(session: Thing, shell: Thing) -> None:
    matplotlib, pylab = shell.find_line_magic("matplotlib"), shell.find_line_magic("pylab")

    def inline(line: str) -> Thing:
        wanted = line.split("#")[0].strip()
        if wanted in ("-l", "--list"):
            return matplotlib(wanted)
        if wanted != "inline":
            session.adapt("absent", f"%matplotlib {wanted}".strip(), INLINE)
        return matplotlib("inline")

    def populated(line: str) -> Thing:
        return pylab("--no-import-all inline" if "--no-import-all" in line else "inline")

    _line(shell, "matplotlib", inline)
    _line(shell, "pylab", populated)


def figures(session: Thing) -> Actions:
    """A hook that keeps plots in a format which feedback can show: ``%config InlineBackend.figure_format = 'svg'``."""

    def kept(module: Thing) -> None:
        select = module.select_figure_formats

        def selected(shell: Thing, formats: Thing, **options: Thing) -> None:
            wanted = {formats} if isinstance(formats, str) else set(formats)
            if wanted and wanted <= {"svg", "pdf"}:
                session.adapt("absent", f"figure_format = {sorted(wanted)[0]!r}", INLINE)
                wanted = {"png"}
            select(shell, wanted, **options)

        module.select_figure_formats = selected

    return {"IPython.core.pylabtools": kept}


def _installers(session: Thing, shell: Thing) -> None:
    for program in ("pip", "conda", "mamba", "micromamba", "uv"):

        def answer(line: str, program: str = program) -> None:
            commands.run(commands.answered(session, f"{program} {line}"))

        _line(shell, program, answer)

    def version(line: str) -> None:
        session.adapt("absent", f"%tensorflow_version {line.split('#')[0].strip()}", INSTALLED_VERSION)

    _line(shell, "tensorflow_version", version)


def _timing(session: Thing, shell: Thing) -> None:
    timeit = shell.find_line_magic("timeit")

    def once(line: str, cell: str | None = None) -> Thing:
        session.adapt("absent", "%timeit" if cell is None else "%%timeit", ONCE)
        return timeit(f"-n1 -r1 {_TIMING.sub('', line)}", cell)

    shell.register_magic_function(once, magic_kind="line_cell", magic_name="timeit")
    for name in PLAIN:

        def plain(line: str, cell: str | None = None, name: str = name) -> None:
            session.adapt("absent", f"%{name}", ONCE)
            _execute(shell, _OPTIONS.sub("", line) if cell is None else cell)

        shell.register_magic_function(plain, magic_kind="line_cell", magic_name=name)


def _execute(shell: Thing, text: str) -> None:
    """Run text as a cell's own, so that its errors are the cell's."""
    code = shell.transform_cell(text)
    name = shell.compile.cache(code, session_count(shell), raw_code=text)
    exec(compile(code, name, "exec"), shell.user_ns)


def session_count(shell: Thing) -> int:
    return int(shell.execution_count) - 1


def _shells(session: Thing, shell: Thing) -> None:
    for name in ("bash", "sh", "script"):
        original = shell.find_cell_magic(name)

        def scripted(line: str, cell: str, name: str = name, original: Thing = original) -> Thing:
            if name == "script" and not re.match(r"(?:/\S*/)?(?:ba|z)?sh\b", line.strip()):
                return original(line, cell)
            instead = commands.answered(session, cell)
            # A script whose last command fetches nothing would count as an error of the cell's.
            forgiving = "--no-raise-error " if rules.NOT_FETCHED in instead else ""
            return original(forgiving + line, instead)

        shell.register_magic_function(scripted, magic_kind="cell", magic_name=name)

    def colab(line: str, cell: str | None = None) -> None:
        commands.run(commands.answered(session, line if cell is None else cell))

    shell.register_magic_function(colab, magic_kind="line_cell", magic_name="shell")


def _extensions(session: Thing, shell: Thing) -> None:
    for name in ("load_ext", "reload_ext"):
        original = shell.find_line_magic(name)

        def loaded(line: str, name: str = name, original: Thing = original) -> Thing:
            module = line.split("#")[0].strip()
            if module and (module.partition(".")[0] in ("tensorboard", "google") or not _is_there(module)):
                session.adapt("absent", f"%{name} {module}", NOT_LOADED)
                return None
            return original(module)

        _line(shell, name, loaded)


def _is_there(module: str) -> bool:
    try:
        return module in ("storemagic", "autoreload") or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _folder(session: Thing, shell: Thing) -> None:
    original = shell.find_line_magic("cd")

    def changed(line: str) -> Thing:
        before = os.getcwd()  # noqa: PTH109
        answer = original(line)
        if line.strip() not in ("", ".") and os.getcwd() == before and not os.path.isdir(line.strip(" '\"")):  # noqa: PTH109, PTH112
            session.adapt("absent", f"%cd {line.strip()}", FOLDER_KEPT)
        return answer

    _line(shell, "cd", changed)


def _idle(session: Thing, shell: Thing) -> None:
    for name in (*IDLE, "debug", "pdb"):

        def idle(line: str, name: str = name) -> None:
            what = NO_DEBUGGER if name in ("debug", "pdb") else NOTHING
            session.adapt("absent", f"%{name} {line.strip()}".strip(), what)

        _line(shell, name, idle)

    def unread(line: str, cell: str) -> None:
        session.adapt("absent", "%%skip", NOTHING)

    def debugged(line: str, cell: str) -> None:
        session.adapt("absent", "%%debug", NO_DEBUGGER)
        _execute(shell, cell)

    shell.register_magic_function(unread, magic_kind="cell", magic_name="skip")
    shell.register_magic_function(debugged, magic_kind="cell", magic_name="debug")
