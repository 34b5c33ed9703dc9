"""Rooms: what they may do, what they may not, and that nothing is left of them."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from autograder.errors import ConfigError, OutputError, SandboxError, SandboxUnavailable
from autograder.frames import Frame
from autograder.records import Limits
from autograder.sandbox import choose, examine, ruleset
from autograder.sandbox.arguments import Plan, inner, rebound, room_variables
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.container import Container
from autograder.sandbox.job import Job, interpreter, lay, private, sweep
from autograder.sandbox.landlock import _reachable_sockets
from autograder.sandbox.limits import MB, ceiling
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import Outcome, Room, Sandbox
from autograder.sandbox.unmapped import Unmapped
from autograder.sandbox.watch import Child, Clock, Storage, Usage, Watch, breach, measure, plain_text, tree

GUEST = Path(__file__).parents[1] / "autograder" / "guest"
LIMITS = Limits(run_seconds=20, memory_mb=256, disk_mb=32, processes=80, output_mb=1)
START = """
import os, sys, time, json
sys.path.insert(0, os.environ["AUTOGRADER_JOB"] + "/in")
from frames import Pipe, harden
pipe = Pipe.from_environment()
harden()
"""


def never() -> bool:
    return False


def speak(
    sandbox: Sandbox,
    program: str,
    *,
    limits: Limits = LIMITS,
    inputs: Mapping[str, bytes | Path] | None = None,
    on_frame: Callable[[Frame], bytes | None] | None = None,
    cancelled: Callable[[], bool] = never,
    shell: bool = False,
    places: tuple[str, ...] = (),
) -> tuple[list[Frame], Outcome]:
    frames: list[Frame] = []

    def listen(frame: Frame) -> bytes | None:
        frames.append(frame)
        return on_frame(frame) if on_frame else None

    files = {"main.py": (START + program).encode(), "frames.py": GUEST / "frames.py", **(inputs or {})}
    room = Room(program="main.py", inputs=files, limits=limits, shell=shell, places=places)
    return frames, sandbox.run(room, listen, cancelled)


@pytest.fixture(scope="module")
def bubble() -> Bubblewrap:
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    return Bubblewrap(grace=0.5)


def container(name: str) -> Container:
    try:
        choose(name)
    except SandboxUnavailable as error:
        pytest.skip(f"{name} does not work here: {error}")
    return Container(name, grace=0.5)


@pytest.fixture(params=["bubblewrap", "plain", *filter(shutil.which, ("docker", "podman"))])
def anywhere(request: pytest.FixtureRequest) -> Sandbox:
    """Promises that every kind of room keeps."""
    if request.param == "plain":
        return Plain(grace=0.5)
    sandbox: Sandbox = request.getfixturevalue("bubble") if request.param == "bubblewrap" else container(request.param)
    return sandbox


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After each test: no child, no open descriptor, no temporary folder (in a place of this test's own)."""
    place = tmp_path_factory.mktemp("rooms")
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    def found() -> set[str]:
        below = {path.name for path in place.iterdir()}
        return (
            below
            | {f"child {pid}" for pid in _children(os.getpid())}
            | {path.name for path in Path("/proc/self/fd").iterdir()}
        )

    before = found()
    yield
    assert found() <= before


def _children(pid: int) -> list[str]:
    found = (_content(task / "children") for task in Path(f"/proc/{pid}/task").iterdir())
    return [child for content in found for child in content.decode().split()]


def _alive(marker: str) -> list[str]:
    """Pids of programs with this word on their command line."""
    pids = [entry for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208
    return [pid for pid in pids if marker.encode() in _content(Path(f"/proc/{pid}/cmdline"))]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Look again and again, for what the kernel does in its own time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _content(path: Path) -> bytes:
    """Empty for a process or thread that has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


pytestmark = pytest.mark.sandbox


# --- talking ---


def test_hello(anywhere: Sandbox) -> None:
    frames, outcome = speak(anywhere, 'pipe.send({"kind": "ready"}, b"x" * 3_000_000); print("bye")')
    assert [(dict(frame.head), len(frame.body)) for frame in frames] == [({"kind": "ready"}, 3_000_000)]
    assert outcome.exit_code == 0
    assert outcome.killed == ""
    assert outcome.log == "bye\n"


def test_a_question_is_answered(anywhere: Sandbox) -> None:
    question = 'answer = pipe.ask({"kind": "images?"}); pipe.send({"kind": "got", "bytes": len(answer)}, answer[-3:])'
    frames, _ = speak(
        anywhere, question, on_frame=lambda f: b"a" * 2_000_000 + b"end" if "?" in f.head["kind"] else None
    )
    assert frames[1].head["bytes"] == 2_000_003
    assert frames[1].body == b"end"


def test_an_answer_that_nobody_reads_holds_nothing_up(anywhere: Sandbox) -> None:
    _, outcome = speak(anywhere, 'pipe.send({"kind": "images?"})', on_frame=lambda frame: b"a" * 5_000_000)
    assert outcome.exit_code == 0


def test_inputs_are_shown_and_cannot_be_changed(bubble: Bubblewrap, tmp_path: Path) -> None:
    given = tmp_path / "data.bin"
    given.write_bytes(b"data")
    tmp_path.chmod(0o755)
    given.chmod(0o600)  # only ours to read: the room is shown it all the same
    program = """
tried = []
for name in ("data.bin", "small.txt", "main.py", "below/data.bin"):
    try:
        open(f"/job/in/{name}", "r+b")
    except OSError as error:
        tried.append(type(error).__name__)
small = open("/job/in/small.txt").read()
pipe.send({"small": small, "tried": tried, "cwd": os.getcwd()}, open("/job/in/data.bin", "rb").read())
"""
    frames, outcome = speak(bubble, program, inputs={"data.bin": given, "small.txt": b"text", "below/data.bin": given})
    assert outcome.exit_code == 0, outcome.log
    assert frames[0].body == b"data"
    assert frames[0].head["small"] == "text"
    assert frames[0].head["cwd"] == "/job/out"
    assert set(frames[0].head["tried"]) <= {"OSError", "PermissionError"}
    assert len(frames[0].head["tried"]) == 4


def test_inputs_may_lie_in_a_folder(anywhere: Sandbox, tmp_path: Path) -> None:
    shown = tmp_path / "shown.py"
    shown.write_bytes(b"there = 2")
    for open_to_all in (tmp_path, shown):
        open_to_all.chmod(0o755)
    program = """
below = os.path.join(os.environ["AUTOGRADER_JOB"], "in", "below")
found = [open(os.path.join(below, name)).read() for name in sorted(os.listdir(below))]
pipe.send({"found": found})
"""
    frames, outcome = speak(anywhere, program, inputs={"below/a.py": b"here = 1", "below/b.py": shown})
    assert outcome.exit_code == 0, outcome.log
    assert frames[0].head["found"] == ["here = 1", "there = 2"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../x",
            "",
            ".",
            "..",
            ".hidden",
            "a\0b",
            "é",
            "/x",
            "/etc/x",
            "a/",
            "/",
            "a//b",
            "a/b/c",
            "a/../b",
            "../a/b",
        ),
        *("a/..", "./a", "a/.", "a/.hidden", ".hidden/a", "a\\b", "a/b\n", "frames.py/x"),
    ],
)
def test_input_names_lead_no_further_than_one_folder(anywhere: Sandbox, name: str) -> None:
    with pytest.raises(SandboxError, match="not a name"):
        speak(anywhere, "", inputs={name: b""})


def test_an_exit_code_is_reported(anywhere: Sandbox) -> None:
    assert speak(anywhere, "os._exit(7)")[1].exit_code == 7
    assert speak(anywhere, "os.kill(os.getpid(), 9)")[1].exit_code == 137


def test_a_frame_that_breaks_the_rules_ends_the_room(anywhere: Sandbox) -> None:
    program = 'pipe.send({"kind": "ready"}); os.write(pipe._out, b"\\xff" * 64); time.sleep(30)'
    frames, outcome = speak(anywhere, program)
    assert [frame.head["kind"] for frame in frames] == ["ready"]
    assert outcome.killed == "protocol"
    assert outcome.seconds < 10


def test_the_log_is_harmless(anywhere: Sandbox) -> None:
    _, outcome = speak(anywhere, r'print("a\x1b]0;title\x07b\x1b[31mc\u202e\rd", file=sys.stderr)')
    assert outcome.log == "abc\nd\n"


def test_an_exception_of_the_listener_passes_through(anywhere: Sandbox) -> None:
    def stumble(frame: Frame) -> bytes | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        speak(anywhere, 'pipe.send({"kind": "ready"}); time.sleep(60)', on_frame=stumble)


def test_rooms_run_side_by_side(bubble: Bubblewrap) -> None:
    """Each waits for its answer, and the host answers neither before both have asked."""
    both = threading.Barrier(2, timeout=20)
    got: dict[int, bytes] = {}

    def one(number: int) -> None:
        def reply(frame: Frame) -> bytes | None:
            if frame.head["kind"] == "got":
                got[number] = frame.body
                return None
            both.wait()
            return bytes([number]) * 10

        speak(bubble, 'pipe.send({"kind": "got"}, pipe.ask({"kind": "?"}))', on_frame=reply)

    threads = [threading.Thread(target=one, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {1: b"\1" * 10, 2: b"\2" * 10}


# --- limits ---


def test_the_wall_clock(anywhere: Sandbox) -> None:
    _, outcome = speak(anywhere, "time.sleep(60)", limits=Limits(run_seconds=1))
    assert outcome.killed == "wall"
    assert outcome.exit_code is None
    assert outcome.detail == "2 s allowed, 2 s used"
    assert (outcome.allowed, round(outcome.used)) == (1.5, 2)
    assert outcome.seconds < 10


def test_cancelling(anywhere: Sandbox) -> None:
    began = threading.Event()

    def note(frame: Frame) -> None:
        began.set()

    _, outcome = speak(anywhere, "pipe.send({}); time.sleep(60)", on_frame=note, cancelled=began.is_set)
    assert outcome.killed == "cancelled"
    assert outcome.seconds < 10


def test_a_memory_bomb_of_many_processes(anywhere: Sandbox) -> None:
    """Each process stays within RLIMIT_DATA; their sum does not."""
    bomb = """
for _ in range(4):
    if not os.fork():
        x = bytearray(150 << 20)
        for at in range(0, len(x), 4096): x[at] = 1
        time.sleep(60)
time.sleep(60)
"""
    _, outcome = speak(anywhere, bomb)
    assert outcome.killed == "memory"
    assert re.fullmatch(r"256 MB allowed, \d+ MB used", outcome.detail)
    assert outcome.peak_memory_mb >= 256


def test_a_memory_bomb_of_one_process_is_an_exception_inside(anywhere: Sandbox) -> None:
    bomb = """
try:
    x = bytearray(1 << 30)
except MemoryError:
    pipe.send({"kind": "survived"})
"""
    frames, outcome = speak(anywhere, bomb)
    assert [frame.head["kind"] for frame in frames] == ["survived"]
    assert outcome.killed == ""


def test_shared_pages_are_not_counted_twice(bubble: Bubblewrap) -> None:
    forks = """
x = bytearray(80 << 20)
for at in range(0, len(x), 4096): x[at] = 1
for _ in range(8):
    if not os.fork():
        time.sleep(1.5); os._exit(0)
for _ in range(8): os.wait()
"""
    _, outcome = speak(bubble, forks)
    assert outcome.killed == ""
    assert 80 < outcome.peak_memory_mb < 256


def test_files_in_memory_count_as_memory(bubble: Bubblewrap) -> None:
    program = """
for place in ("/tmp", "/dev/shm", "/job/out", "/home/student"):
    try:
        with open(place + "/x", "wb") as file:
            while True: file.write(b"x" * 100_000)
    except OSError as error:
        pipe.send({"place": place, "error": str(error), "bytes": os.path.getsize(place + "/x")})
time.sleep(60)
"""
    frames, outcome = speak(bubble, program, limits=Limits(run_seconds=20, memory_mb=80, disk_mb=48))
    assert frames[0].head["bytes"] == 48 * MB
    assert outcome.killed == "memory"


FILLING = """
found = {}
for place in ("/content", "/kaggle", "/elsewhere"):
    try:
        with open(place + "/x", "wb") as file:
            while True: file.write(b"x" * 100_000)
    except OSError:
        found[place] = os.path.getsize(place + "/x") if os.path.exists(place) else None
pipe.send(found)
"""


def test_further_places_are_writable_and_sized(bubble: Bubblewrap) -> None:
    enough = Limits(run_seconds=20, memory_mb=512, disk_mb=48)
    frames, outcome = speak(bubble, FILLING, limits=enough, places=("/content", "/kaggle"))
    assert frames[0].head == {"/content": 48 * MB, "/kaggle": 48 * MB, "/elsewhere": None}
    assert outcome.killed == ""


def test_further_places_count_as_memory_together(bubble: Bubblewrap) -> None:
    few = Limits(run_seconds=20, memory_mb=80, disk_mb=48)
    _, outcome = speak(bubble, FILLING + "time.sleep(60)", limits=few, places=("/content", "/kaggle"))
    assert outcome.killed == "memory"


def test_a_room_has_no_place_that_was_not_asked_for(bubble: Bubblewrap) -> None:
    frames, _ = speak(bubble, 'pipe.send({"root": sorted(os.listdir("/"))})')
    assert not {"content", "kaggle"} & set(frames[0].head["root"])


def test_files_on_disk_are_limited() -> None:
    program = """
for n in range(8): open(f"x{n}", "wb").write(os.urandom(8 << 20))
time.sleep(60)
"""
    _, outcome = speak(Plain(), program)
    assert outcome.killed == "disk"
    assert re.fullmatch(r"32 MB of files allowed, \d+ MB written", outcome.detail)


def test_a_fork_bomb(bubble: Bubblewrap) -> None:
    bomb = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    _, outcome = speak(bubble, bomb)
    assert outcome.killed == "processes"
    assert outcome.seconds < 15


def test_a_room_yields_to_who_watches_it(bubble: Bubblewrap) -> None:
    program = """
try:
    os.nice(-1)
    risen = True
except OSError:
    risen = False
pipe.send({"nice": os.nice(0), "risen": risen})
"""
    frames, _ = speak(bubble, program)
    assert frames[0].head == {"nice": max(10, os.nice(0)), "risen": False}


def test_a_flood_of_raw_output(anywhere: Sandbox) -> None:
    _, outcome = speak(anywhere, "while True: os.write(1, b'x' * 65536)")
    assert outcome.killed == "output"
    assert re.fullmatch(r"1 MB of raw output allowed, \d+\.\d MB written", outcome.detail)
    assert outcome.seconds < 10
    assert len(outcome.log) == 64 << 10


# --- getting away ---


def test_kill_everything(bubble: Bubblewrap) -> None:
    _, outcome = speak(bubble, "os.kill(-1, 9); time.sleep(60)")
    assert outcome.seconds < 10


def test_a_daemon_does_not_survive(anywhere: Sandbox) -> None:
    marker = f"daemon-{os.getpid()}-{time.monotonic_ns()}"
    program = f"""
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "{marker}"])
    os._exit(0)
os.wait()
while not any(b"{marker}" in open(f"/proc/{{p}}/cmdline", "rb").read() for p in os.listdir("/proc") if p.isdigit()
              and os.path.exists(f"/proc/{{p}}/cmdline")):
    time.sleep(0.01)
pipe.send({{"kind": "started"}})
"""
    frames, outcome = speak(anywhere, program)
    assert [frame.head["kind"] for frame in frames] == ["started"], outcome.log
    assert _alive(marker) == []


def test_what_a_room_sees(bubble: Bubblewrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_SECRET", "s3cret-of-the-grader")
    secret = tmp_path / "labels.npy"
    secret.write_text("labels")
    program = f"""
def listed(path):
    try: return os.listdir(path)
    except OSError as error: return type(error).__name__
others = [p for p in os.listdir("/proc") if p.isdigit() and p != str(os.getpid())]
environments = b"".join(open(f"/proc/{{p}}/environ", "rb").read() for p in others)
pipe.send({{
    "secret": os.path.exists({str(secret)!r}), "env": sorted(os.environ), "environments": environments.decode(),
    "pids": [p for p in os.listdir("/proc") if p.isdigit()], "uid": os.getuid(), "bin": listed("/usr/bin"),
    "sys": listed("/sys"), "shadow": os.path.exists("/etc/shadow"), "passwd": open("/etc/passwd").read(),
    "fds": sorted(map(int, os.listdir("/proc/self/fd"))), "ours": (pipe._out, pipe._back),
    "tests": os.path.exists({str(Path(__file__))!r}),
}})
"""
    frames, outcome = speak(bubble, program)
    assert outcome.exit_code == 0, outcome.log
    seen = frames[0].head
    assert not seen["secret"]
    assert not seen["tests"]
    assert "GRADER_SECRET" not in seen["env"]
    assert "s3cret" not in seen["environments"]
    assert len(seen["pids"]) == 2
    assert seen["uid"] == 1000
    assert not {"bash", "sh", "bwrap"} & set(seen["bin"])  # at most a system's own Python
    assert seen["sys"] == "FileNotFoundError"
    assert not seen["shadow"]
    assert seen["passwd"].startswith("student:x:1000")
    assert len(set(seen["fds"]) - {0, 1, 2, *seen["ours"]}) == 1  # the folder being listed


def test_the_shell_is_there_on_request(bubble: Bubblewrap) -> None:
    _, outcome = speak(bubble, 'os.system("echo from the shell")', shell=True)
    assert "from the shell" in outcome.log


def test_the_hosts_loopback_is_out_of_reach(bubble: Bubblewrap) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = f"""
import socket
try:
    socket.create_connection(("127.0.0.1", {listener.getsockname()[1]}), timeout=2)
except OSError as error:
    pipe.send({{"error": type(error).__name__}})
"""
        frames, _ = speak(bubble, program)
    assert frames[0].head["error"] == "ConnectionRefusedError"


def test_nothing_outside_can_be_written(bubble: Bubblewrap) -> None:
    program = """
written = []
for folder, below, _ in os.walk("/"):
    if folder == "/":
        below.remove("proc")
    if folder.count("/") > 4:
        below.clear()
    try:
        open(folder + "/mark", "w").close()
        written.append(folder)
    except OSError:
        pass
try:
    open("/proc/sys/kernel/core_pattern", "w")
    written.append("core_pattern")
except OSError:
    pass
pipe.send({"written": written})
"""
    frames, outcome = speak(bubble, program)
    assert outcome.exit_code == 0, outcome.log
    places = ("/tmp", "/home/student", "/job/out", "/dev/shm")
    assert all(folder.startswith(places) for folder in frames[0].head["written"])
    assert set(places) <= set(frames[0].head["written"])


def test_a_hardened_program_is_closed_to_what_it_starts(bubble: Bubblewrap) -> None:
    program = """
import subprocess
look = f'''
import os
for name in ("mem", "environ", "fd/{pipe._out}"):
    try:
        open("/proc/{os.getpid()}/" + name, "rb").read(1)
        print("read", name)
    except OSError: pass
print(sorted(os.listdir("/proc/self/fd")), "AUTOGRADER_OUT" in os.environ)
'''
done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, close_fds=False)
pipe.send({"said": done.stdout})
"""
    frames, outcome = speak(bubble, program)
    assert frames[0].head["said"] == "['0', '1', '2', '3'] False\n", outcome.log


def test_dangerous_calls_are_refused(bubble: Bubblewrap) -> None:
    program = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {"ptrace": (0, 0, 0, 0), "unshare": (0x10000000,), "memfd_create": (b"x", 0), "setns": (0, 0),
         "mount": (b"none", b"/tmp", b"tmpfs", 0, 0)}
pipe.send({name: [getattr(libc, name)(*arguments), ctypes.get_errno()] for name, arguments in calls.items()})
"""
    frames, outcome = speak(bubble, program)
    assert frames, outcome.log
    assert set(map(tuple, frames[0].head.values())) == {(-1, 1)}


@pytest.mark.kernel
def test_a_real_kernel(bubble: Bubblewrap) -> None:
    program = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
said = []
reply = client.execute_interactive("import os; print('hello from', os.getcwd())", timeout=30,
    output_hook=lambda message: said.append(message["content"].get("text", "")))
client.stop_channels()
manager.shutdown_kernel()
pipe.send({"status": reply["content"]["status"], "said": "".join(said)})
"""
    frames, outcome = speak(bubble, program, limits=Limits(run_seconds=60, memory_mb=1024))
    assert frames, outcome.log
    assert frames[0].head == {"status": "ok", "said": "hello from /job/out\n"}


# --- as an ordinary user ---

_AS_USER = """
import json, sys
sys.path.insert(0, {root!r})
sys.path.insert(0, {tests!r})
from test_sandbox import *
from autograder.sandbox.landlock import Landlock
sandbox = {sandbox}
program = sys.stdin.read()
try:
    frames, outcome = speak(sandbox, program)
except SandboxUnavailable as error:
    print(json.dumps({{"unavailable": str(error)}}))
else:
    heads = [dict(frame.head) for frame in frames]
    print(json.dumps({{"heads": heads, "code": outcome.exit_code, "killed": outcome.killed, "log": outcome.log}}))
"""


def as_user(sandbox: str, program: str, *, drop: bool = True) -> dict[str, object]:
    """Run a room as an ordinary user would; for root, in a view of the host where Python is readable."""
    script = _AS_USER.format(root=str(GUEST.parents[1]), tests=str(Path(__file__).parent), sandbox=sandbox)
    command = [sys.executable, "-c", script]
    if os.geteuid() == 0:
        command = [*opened_to_others(drop), *command]
    done = subprocess.run(command, input=program, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    if "unavailable" in answer:
        pytest.skip(str(answer["unavailable"]))
    return answer


def closed_above(folder: Path) -> Path | None:
    """The outermost folder above it that others cannot enter."""
    return next((parent for parent in reversed(folder.parents) if not parent.stat().st_mode & 0o001), None)


def opened_to_others(drop: bool) -> list[str]:
    """A command prefix: the host as it is, but with a Python and a checkout that everyone can read."""
    bwrap, setpriv = shutil.which("bwrap"), shutil.which("setpriv")
    if bwrap is None or setpriv is None:
        pytest.skip("needs bubblewrap and setpriv")
    arguments = [bwrap, "--die-with-parent", "--dev-bind", "/", "/"]
    hidden = {folder: top for folder in (GUEST.parents[1], *interpreter().folders) if (top := closed_above(folder))}
    arguments += [part for top in sorted(set(hidden.values())) for part in ("--tmpfs", str(top))]
    for folder, top in sorted(hidden.items()):
        between = [parent for parent in reversed(folder.parents) if top in parent.parents]
        arguments += [*(part for parent in between for part in ("--dir", str(parent))), "--ro-bind", *[str(folder)] * 2]
    for name in ("SETUID", "SETGID", "CHOWN", "KILL", "DAC_OVERRIDE", "FOWNER"):
        arguments += ["--cap-add", f"CAP_{name}"]
    if not drop:
        return [*arguments, "--"]
    return [*arguments, "--", setpriv, "--reuid=54321", "--regid=54321", "--clear-groups", "--no-new-privs", "--"]


def test_bubblewrap_in_one_stage(bubble: Bubblewrap) -> None:
    answer = as_user("Bubblewrap(grace=0.5)", 'pipe.send({"uid": os.getuid(), "root": sorted(os.listdir("/"))})')
    assert answer["code"] == 0, answer["log"]
    assert answer["heads"][0]["uid"] == 1000  # type: ignore[index]
    assert "sys" not in answer["heads"][0]["root"]  # type: ignore[index]


def test_memory_in_files_is_seen_in_one_stage(bubble: Bubblewrap) -> None:
    fill = """
for place in ("/tmp", "/dev/shm", "/job/out", "/home/student"):
    for n in range(40):
        try: open(f"{place}/{n}", "wb").write(b"x" * (1 << 20))
        except OSError: break
x = bytearray(160 << 20)
for at in range(0, len(x), 4096): x[at] = 1
time.sleep(60)
"""
    assert as_user("Bubblewrap(grace=0.5)", fill)["killed"] == "memory"


def test_landlock(bubble: Bubblewrap) -> None:
    tried = """
import socket
def attempt(call):
    try: call()
    except Exception as error: return type(error).__name__
    return "done"
pipe.send({
    "write": attempt(lambda: open("/tmp/escaped", "w")), "shadow": attempt(lambda: open("/etc/hostname")),
    "tcp": attempt(lambda: socket.socket(socket.AF_INET)), "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
    "kill": attempt(lambda: os.kill(os.getppid(), 0)), "own": attempt(lambda: open("note.txt", "w").write("x")),
    "input": attempt(lambda: open(os.environ["AUTOGRADER_JOB"] + "/in/main.py", "a")),
    "temporary": attempt(lambda: open(os.environ["TMPDIR"] + "/x", "w")),
    "transport": os.environ["AUTOGRADER_TRANSPORT"],
})
"""
    answer = as_user("Landlock(grace=0.5)", tried)
    assert answer["heads"], answer["log"]
    assert answer["heads"][0] == {  # type: ignore[index]
        "write": "PermissionError",
        "shadow": "PermissionError",
        "tcp": "OSError",
        "unix": "done",
        "kill": "PermissionError",
        "own": "done",
        "input": "PermissionError",
        "temporary": "done",
        "transport": "ipc",
    }


def test_landlock_hides_what_the_grader_knows(bubble: Bubblewrap) -> None:
    program = """
read = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        for name in ("environ", "maps", "cwd", "fd/0"):
            try: found = open(f"/proc/{pid}/{name}", "rb").read(1)
            except OSError: continue
            if found: read.append((pid, name))
pipe.send({"read": str(read)})
"""
    assert as_user("Landlock(grace=0.5)", program)["heads"] == [{"read": "[]"}]


def test_landlock_closes_single_files_among_packages(tmp_path: Path) -> None:
    if ruleset.version() == 0:
        pytest.skip("this kernel has no Landlock")
    for name in ("a/b/open.txt", "a/b/closed.txt", "a/other/open.txt", "a/open.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    program = f"""
import os
from pathlib import Path
from autograder.sandbox import ruleset, seccomp
from autograder.sandbox.landlock import _but
closed = (Path({str(tmp_path)!r}, "link", "closed.txt").resolve(),)
rules = list(_but({str(tmp_path)!r}, closed))
filtered = seccomp.program(internet=False)
ruleset.enter(rules, filtered)
def attempt(name):
    try: return open(os.path.join({str(tmp_path)!r}, name)).read()
    except OSError as error: return type(error).__name__
print([attempt(name) for name in ("a/b/open.txt", "link/open.txt", "a/other/open.txt", "a/open.txt")])
print([attempt(name) for name in ("a/b/closed.txt", "link/closed.txt")], len(os.listdir({str(tmp_path)!r} + "/a/b")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{['x'] * 4}\n{['PermissionError'] * 2} 2\n"


def test_landlock_started_by_root_takes_another_user(bubble: Bubblewrap) -> None:
    answer = as_user("Landlock(grace=0.5)", 'pipe.send({"uid": os.getuid(), "groups": os.getgroups()})', drop=False)
    if os.geteuid() != 0:
        pytest.skip("needs root")
    head = answer["heads"][0]  # type: ignore[index]
    assert head["uid"] >= 1000
    assert head["groups"] == []


@pytest.mark.parametrize("sandbox", ["Bubblewrap()", "Plain()"])
def test_a_room_does_not_outlive_its_host(bubble: Bubblewrap, sandbox: str, tmp_path: Path) -> None:
    """The host is killed outright, so that it can clean nothing up."""
    marker = f"orphan-{os.getpid()}-{time.monotonic_ns()}"
    script = _AS_USER.format(root=str(GUEST.parents[1]), tests=str(Path(__file__).parent), sandbox=sandbox)
    listener = "on_frame=lambda frame: print('up', flush=True)"
    loud = script.replace("speak(sandbox, program)", f"speak(sandbox, program, {listener})")
    program = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{marker}"])
pipe.send({{}})
time.sleep(60)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    host = subprocess.Popen(
        [sys.executable, "-c", loud], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    with host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(program)
        host.stdin.close()
        assert host.stdout.readline() == "up\n"
        assert eventually(lambda: bool(_alive(marker)))
        host.kill()
    assert eventually(lambda: not _alive(marker))


@pytest.mark.parametrize("place", ["/tmp", "/home"])
def test_python_may_lie_below_a_writable_place(bubble: Bubblewrap, place: str) -> None:
    """An environment in ``/tmp`` or ``/home`` is not hidden by the room's own."""
    try:
        folder = Path(tempfile.mkdtemp(dir=place, prefix="room-test-"))
    except OSError as error:
        pytest.skip(f"{place} is not writable: {error}")
    try:
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        script = _AS_USER.format(root=str(GUEST.parents[1]), tests=str(folder), sandbox="Bubblewrap(grace=0.5)")
        script = script.replace("from test_sandbox import *", _MINIMAL)
        python = str(folder / "venv" / "bin" / "python")
        done = subprocess.run([python, "-c", script], input="", capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["log"] == f"{folder / 'venv'}\n"
    finally:
        shutil.rmtree(folder)


_MINIMAL = """
from autograder.records import Limits
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.probe import speak as say
from autograder.errors import SandboxUnavailable
def speak(sandbox, program):
    return say(sandbox, {"main.py": b"import sys; print(sys.prefix)"})
"""


def test_landlock_ends_daemons(bubble: Bubblewrap) -> None:
    marker = f"daemon-{os.getpid()}-{time.monotonic_ns()}"
    program = f"""
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "{marker}"])
    os._exit(0)
os.wait()
time.sleep(0.2)
"""
    assert as_user("Landlock(grace=0.5)", program)["code"] == 0
    assert _alive(marker) == []


def test_a_socket_that_others_listen_to_is_found(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        bus.listen()
        assert str(tmp_path / "bus") in set(_reachable_sockets())


# --- the pure parts ---


def test_breach_names_what_was_allowed_and_used() -> None:
    allowed = ceiling(Limits(run_seconds=10, memory_mb=100, disk_mb=10), grace=5)

    def told(usage: Usage, seconds: float = 1.0) -> tuple[str, str]:
        found = breach(usage, seconds, allowed)
        assert found is not None
        return found.killed, found.detail

    assert breach(Usage(memory=100 * MB, processes=1, disk=10 * MB), 15.0, allowed) is None
    assert told(Usage(0, 1), 16.6) == ("wall", "15 s allowed, 17 s used")
    assert told(Usage(101 * MB, 1)) == ("memory", "100 MB allowed, 101 MB used")
    assert told(Usage(0, 1, 11 * MB)) == ("disk", "10 MB of files allowed, 11 MB written")
    most = allowed.processes
    assert told(Usage(0, most + 1)) == ("processes", f"{most} processes allowed, {most + 1} running")


def test_plain_text_keeps_words_only() -> None:
    assert plain_text(b"a\x1b[2Jb\x9bc\xff\r\nd\te\x00\xe2\x80\xae") == "ab\ufffdc\ufffd\nd\te"


def _plan(device: str, root: bool) -> Plan:
    job = Job(Path("/somewhere/job"), {"data.npz": Path("/elsewhere/data.npz")})
    room = Room(program="main.py", inputs={}, limits=LIMITS, device=device)
    python = interpreter()
    return Plan(
        room=room,
        job=job,
        python=python,
        variables=room_variables(room, python),
        status_fd=5,
        seccomp_fd=6,
        stage=rebound(job, python) if root else {},
        features=frozenset({"--size", "--disable-userns"}),
    )


def _pairs(arguments: list[str], option: str) -> set[tuple[str, str]]:
    return {(arguments[at + 1], arguments[at + 2]) for at, part in enumerate(arguments) if part == option}


def test_a_gpu_room() -> None:
    arguments = inner(_plan("gpu:3", root=False))
    variables = _pairs(arguments, "--setenv")
    assert ("CUDA_VISIBLE_DEVICES", "3") in variables
    assert ("TF_FORCE_GPU_ALLOW_GROWTH", "true") in variables
    nodes = {str(path) for path in Path("/dev").glob("nvidia*")}
    assert _pairs(arguments, "--dev-bind") == {(node, node) for node in nodes}


def test_the_working_folder_has_the_names_of_colab_and_kaggle_where_notebooks_run() -> None:
    plan = _plan("cpu", root=False)
    assert not {place for _, place in _pairs(inner(plan), "--symlink")} & {"/content", "/kaggle/working"}
    notebooks = replace(plan, room=replace(plan.room, shell=True))
    assert {("/job/out", "/content"), ("/job/out", "/kaggle/working")} <= _pairs(inner(notebooks), "--symlink")


def test_a_systems_python_is_not_mounted_upon_its_own_link() -> None:
    """/usr/bin/python3 is a link, which is seen already where /usr/bin is; elsewhere it has to be shown by itself."""
    plan = _plan("cpu", root=False)
    hops = (Path("/opt/venv/bin/python"), Path("/usr/bin/python3"), Path("/bin/python3.13"))
    python = replace(plan.python, hops=hops, folders=(Path("/opt/venv"), Path("/usr/lib")))
    for shell, wanted in ((True, set()), (False, {"/usr/bin/python3", "/bin/python3.13"})):
        arguments = inner(replace(plan, python=python, room=replace(plan.room, shell=shell)))
        assert {place for _, place in _pairs(arguments, "--ro-bind") if "python3" in place} == wanted


def test_a_cpu_room_sees_no_gpu() -> None:
    arguments = inner(_plan("cpu", root=False))
    assert ("CUDA_VISIBLE_DEVICES", "-1") in _pairs(arguments, "--setenv")
    assert "--dev-bind" not in arguments


def test_a_device_is_named_strictly() -> None:
    with pytest.raises(SandboxError, match="not a device"):
        inner(_plan("gpu:../../dev/sda", root=False))


def test_every_writable_place_has_a_size() -> None:
    arguments = inner(_plan("cpu", root=False))
    unsized = [
        arguments[at + 1] for at, part in enumerate(arguments) if part == "--tmpfs" and arguments[at - 2] != "--size"
    ]
    assert unsized == []
    assert "--bind" not in arguments


def test_two_stages_show_the_same_room() -> None:
    one, two = (_pairs(inner(_plan("cpu", root)), "--ro-bind") for root in (False, True))
    assert {place for _, place in one} == {place for _, place in two}
    assert ("/elsewhere/data.npz", "/job/in/data.npz") in one
    assert all(not source.startswith("/elsewhere") for source, _ in two)


def test_choosing_never_falls_to_plain() -> None:
    with pytest.raises(ConfigError, match="no such sandbox"):
        choose("dolphin")
    assert choose("plain").name == "plain"
    try:
        assert choose().name in {"bubblewrap", "landlock"}
    except SandboxUnavailable as error:
        assert "--sandbox plain" in error.remedy


def test_the_doctor_tries_to_escape(bubble: Bubblewrap) -> None:
    rows = {row.name: row for row in examine()}
    assert rows["sandbox bubblewrap"].ok
    walls = [row for name, row in rows.items() if name.startswith("bubblewrap: ")]
    assert len(walls) == 14
    assert all(row.ok for row in walls), walls


def test_what_a_killed_grader_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = next(number for number in range(4_000_000, 2_000_000, -1) if not psutil.pid_exists(number))
    others = ("autograder-letters-x", "autograder-²-x")
    for name in (f"autograder-{dead}-left", f"autograder-{os.getpid()}-in-use", *others):
        (tmp_path / name / "job").mkdir(parents=True)
    sweep.cache_clear()
    with private() as own:
        assert own.name.startswith(f"autograder-{os.getpid()}-")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"autograder-{os.getpid()}-in-use", *others}


def test_a_full_disk_names_the_place_of_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        lay(tmp_path / "cells.json", b"[]")
    assert caught.value.place == str(tmp_path / "cells.json")
    assert "TMPDIR" in caught.value.remedy


def test_what_another_grader_removes_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "autograder-1-gone").mkdir()

    def runs(process: int) -> bool:
        (tmp_path / f"autograder-{process}-gone").rmdir()
        return False

    monkeypatch.setattr("autograder.sandbox.job.runs", runs)
    sweep.cache_clear()
    sweep()
    assert not list(tmp_path.iterdir())


# --- what a look finds ---


def test_of_too_many_processes_nothing_else_is_asked() -> None:
    """Not how much memory they have, nor what they wrote: of hundreds that compute that takes seconds."""

    def storage() -> Storage:
        raise AssertionError("asked for files")

    process = subprocess.Popen(["/bin/sh", "-c", "sleep 60 & sleep 60 & wait"], start_new_session=True)
    child = Child(process=process, root=process.pid, frames=-1, answers=-1, log=-1, end=lambda: None, storage=storage)
    try:
        assert eventually(lambda: len(tree(child.root)) == 3)
        found = measure(child, replace(ceiling(LIMITS), processes=2, memory=1), Unmapped())
    finally:
        os.killpg(child.root, 9)
        process.wait()
    assert found == Usage(0, 3)


# --- the end of a room ---------------------------------------------------------------------------------------------


def test_who_does_not_die_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.sandbox.watch.BURIAL_SECONDS", 0.1)
    process = subprocess.Popen(["/bin/sleep", "60"])
    child = Child(
        process=process, root=process.pid, frames=-1, answers=-1, log=-1, end=lambda: None, storage=lambda: Storage()
    )
    watch = Watch(child, ceiling(Limits()), Clock(), lambda: 0.0)
    try:
        watch.close()
        with pytest.raises(SandboxError, match="did not die") as caught:
            watch.outcome(None)  # type: ignore[arg-type]
    finally:
        process.kill()
        process.wait()
    assert caught.value.remedy
