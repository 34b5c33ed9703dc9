"""Containers: their command line to the last word, and real ones where there is an engine."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from autograder.datasets import load, room_file
from autograder.errors import SandboxError, SandboxUnavailable
from autograder.execution import Job, execute
from autograder.records import Limits
from autograder.sandbox import arguments, container, cuda, engine, entry
from autograder.sandbox.arguments import OURS
from autograder.sandbox.container import USER, Plan, judged, line, order, require
from autograder.sandbox.job import Interpreter
from autograder.sandbox.job import Job as Prepared
from autograder.sandbox.room import Outcome, Room
from autograder.store import Store
from tests.notebooks import notebook
from tests.test_sandbox import GUEST, eventually, speak
from tests.test_sandbox import container as started

ENGINES = ("docker", "podman")
PYTHON = Interpreter(
    executable=Path("/opt/course/bin/python"),
    hops=(Path("/opt/course/bin/python"), Path("/usr/bin/python3.11")),
    folders=(Path("/opt/course"),),
    prefix=Path("/opt/course"),
)
LIBRARIES = {"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/bin", "/bin", "/etc/ld.so.cache", "/usr/share/zoneinfo"}


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has the same libraries and devices everywhere."""

    def system(shell: bool) -> tuple[list[str], dict[str, str]]:
        return ["/usr/lib", *(["/usr/bin"] if shell else [])], {"/lib": "usr/lib"}

    monkeypatch.setattr(container, "system", system)
    monkeypatch.setattr(cuda, "nodes", lambda: ["/dev/nvidia0", "/dev/nvidiactl"])
    monkeypatch.setattr(cuda, "folders", lambda: ["/usr/local/nvidia"])


def plan(name: str = "docker", **options: object) -> Plan:
    room = Room(program="main.py", inputs={}, limits=Limits(memory_mb=2048, disk_mb=64), **options)  # type: ignore[arg-type]
    job = Prepared(Path("/tmp/autograder-1-x/job"), {"data.npz": Path("/data/with, comma/data.npz")})
    return Plan(
        engine=name, name="room-0123", image="localhost/autograder-room:abc", room=room, job=job, python=PYTHON, cores=2
    )


def values(words: list[str], option: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == option]


def mounts(words: list[str]) -> dict[str, str]:
    """Place in the room -> source; all of them read-only binds."""
    found = {}
    for value in values(words, "--mount"):
        (fields,) = csv.reader(io.StringIO(value))
        assert fields[0] == "type=bind"
        assert fields[3] == "readonly"
        found[fields[2].removeprefix("destination=")] = fields[1].removeprefix("source=")
    return found


# --- the command line ---


def test_the_whole_command() -> None:
    no_proxies = [word for name in ("HTTP", "HTTPS", "FTP", "ALL", "NO") for word in ("--env", f"{name}_PROXY=")]
    folder = "/tmp/autograder-1-x/job"
    shown = {
        "/usr/lib": "/usr/lib",
        "/opt/course": "/opt/course",
        "/usr/bin/python3.11": "/usr/bin/python3.11",
        **{f"/etc/{name}": f"{folder}/etc/{name}" for name in ("passwd", "group", "hosts", "nsswitch.conf")},
        "/job/entry": f"{folder}/entry",
        "/job/in": f"{folder}/in",
    }
    assert line(plan()) == [
        *("run", "--rm", "--interactive", "--name", "room-0123", "--pull", "never", "--log-driver", "none"),
        *("--network", "none", "--ipc", "private", "--hostname", "sandbox", "--read-only"),
        *("--user", "60999:60999", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
        *("--memory", "2048m", "--memory-swap", "2048m"),
        *("--pids-limit", line(plan())[line(plan()).index("--pids-limit") + 1], "--cpus", "2"),
        *("--ulimit", "nofile=1024:1024", "--ulimit", "core=0:0"),
        *("--shm-size", str(32 << 20)),
        *("--tmpfs", f"/tmp:rw,exec,size={64 << 20},mode=1777"),
        *("--tmpfs", f"/home/student:rw,exec,size={16 << 20},mode=1777"),
        *("--tmpfs", f"/job/out:rw,exec,size={64 << 20},mode=1777"),
        *(
            word
            for place, source in shown.items()
            for word in ("--mount", f"type=bind,source={source},destination={place},readonly")
        ),
        *("--mount", 'type=bind,"source=/data/with, comma/data.npz",destination=/job/in/data.npz,readonly'),
        *no_proxies,
        *(word.lower() if word.endswith("=") else word for word in no_proxies),
        *("--workdir", "/job/out", "localhost/autograder-room:abc"),
        *("/opt/course/bin/python", "-I", "/job/entry/entry.py"),
    ]


@pytest.mark.parametrize("name", ENGINES)
def test_what_no_room_may_have(name: str) -> None:
    words = line(plan(name, shell=True, device="gpu:1", places=("/kaggle",)))
    assert not {"--privileged", "--volume", "-v", "--cap-add", "--env-file", "--publish", "--gpus"} & set(words)
    assert not [word for word in words if "docker.sock" in word or word.startswith(("--pid=", "--net=", "--userns"))]
    assert not {"/", "/home", "/root", "/var", "/run", "/proc", "/sys", "/dev", "/etc"} & set(mounts(words).values())
    assert all("size=" in value for value in values(words, "--tmpfs"))
    assert USER not in (0, os.getuid())


def test_podman_has_words_of_its_own() -> None:
    """By itself it would add writable places without a size, and the proxies of its environment."""
    assert {"--read-only-tmpfs=false", "--http-proxy=false"} <= set(line(plan("podman")))
    assert not [word for word in line(plan("docker")) if word.startswith("--read-only-") or "http-proxy" in word]


def test_a_gpu_is_its_device_files() -> None:
    words = line(plan(device="gpu:1"))
    assert values(words, "--device") == ["/dev/nvidia0", "/dev/nvidiactl"]
    assert mounts(words)["/usr/local/nvidia"] == "/usr/local/nvidia"
    assert "--device" not in line(plan())
    with pytest.raises(SandboxError, match="not a device"):
        line(plan(device="gpu:all"))


def test_a_shell_and_further_places_on_request() -> None:
    words = line(plan(shell=True, places=("/kaggle",)))
    assert "/usr/bin" in mounts(words)
    assert f"/kaggle:rw,exec,size={64 << 20},mode=1777" in values(words, "--tmpfs")
    assert "/usr/bin" not in mounts(line(plan()))


def test_what_must_not_be_read_is_covered() -> None:
    words = line(plan(unreadable=(Path("/opt/course/labels.csv"),)))
    assert mounts(words)["/opt/course/labels.csv"] == "/tmp/autograder-1-x/job/closed"
    assert not [value for value in values(words, "--tmpfs") if str(OURS) in value]


def test_this_package_is_hidden_where_it_lies_among_the_packages() -> None:
    installed = Interpreter(PYTHON.executable, PYTHON.hops, (OURS.parent,), PYTHON.prefix)
    given = plan()
    words = line(Plan(**{name: getattr(given, name) for name in given.__slots__} | {"python": installed}))
    assert f"{OURS}:ro,size=4096" in values(words, "--tmpfs")


def test_what_the_first_process_is_told() -> None:
    told = order(plan(), 30.0, b"\x06\x00")
    assert told["argv"] == ["/opt/course/bin/python", "-I", "/job/in/main.py"]
    assert told["filter"] == "0600"
    assert (told["seconds"], told["memory"]) == (90.0, 2048 << 20)
    variables = told["variables"]
    assert isinstance(variables, dict)
    assert variables["HOME"] == "/home/student"
    assert "threads" not in json.loads(variables["AUTOGRADER_LIMITS"]), "rooms of all graders have one user"


def test_the_image_holds_links_and_nothing_else() -> None:
    content = engine.empty((("/lib", "usr/lib"), ("/content", "/job/out")))
    assert content == engine.empty((("/lib", "usr/lib"), ("/content", "/job/out")))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert {entry.name: entry.linkname for entry in archive} == {"lib": "usr/lib", "content": "/job/out"}
        assert all(entry.issym() for entry in archive)


def test_libraries_are_shown_at_their_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, links = arguments.system(shell=True)
    assert {"/usr/lib", "/usr/bin"} <= set(bound)
    assert all(Path(place).exists() for place in bound)
    assert all(not target.startswith("/home") for target in links.values())


# --- what it said ---


def test_the_kernels_word_for_too_much_memory() -> None:
    room = plan().room
    for code in (entry.OUT_OF_MEMORY, 137):
        outcome = judged(Outcome(exit_code=code, seconds=1.0), room, "docker")
        assert (outcome.killed, outcome.exit_code) == ("memory", None)
        assert (outcome.allowed, outcome.used) == (2048, 2048)


@pytest.mark.parametrize(("code", "told"), [(0, 0), (1, 1), (entry.SIGNALLED + 9, 137), (entry.SIGNALLED + 11, 139)])
def test_how_the_program_ended(code: int, told: int) -> None:
    outcome = judged(Outcome(exit_code=code, seconds=1.0), plan().room, "docker")
    assert (outcome.killed, outcome.exit_code) == ("", told)


def test_a_fault_of_the_engine_is_ours() -> None:
    outcome = Outcome(exit_code=125, seconds=0.1, log="docker: Error response from daemon: invalid mount\n")
    with pytest.raises(SandboxError, match="docker failed: docker: Error response from daemon: invalid mount"):
        judged(outcome, plan().room, "docker")
    assert judged(Outcome(exit_code=None, killed="wall", seconds=9.0), plan().room, "docker").killed == "wall"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client that a test can write; no other is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for remembered in (engine.program, engine.image, require):
        remembered.cache_clear()
    yield tmp_path  # type: ignore[misc]
    for remembered in (engine.program, engine.image, require):
        remembered.cache_clear()


def client(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(stat.S_IRWXU)


@pytest.mark.parametrize("name", ENGINES)
def test_no_engine(fake: Path, name: str) -> None:
    with pytest.raises(SandboxUnavailable, match=f"{name} is not installed") as raised:
        require(name)
    assert "Install it" in raised.value.remedy


@pytest.mark.parametrize(
    ("said", "problem", "remedy"),
    [
        (
            "Cannot connect to the Docker daemon. Is it running?",
            "does not run .*Cannot connect",
            "systemctl start docker",
        ),
        (
            "permission denied while trying to connect to the daemon socket",
            "does not let this user in",
            "rootless mode",
        ),
    ],
)
def test_an_engine_that_does_not_answer(fake: Path, said: str, problem: str, remedy: str) -> None:
    client(fake, "docker", f"echo '{said}' >&2; exit 1")
    with pytest.raises(SandboxUnavailable, match=problem) as raised:
        require("docker")
    assert remedy in raised.value.remedy


def test_an_engine_that_hangs(fake: Path) -> None:
    client(fake, "podman", "exec /bin/sleep 60")
    with pytest.raises(SandboxUnavailable, match="does not answer"):
        engine.ask("podman", "info", seconds=0.2)


def test_an_engine_in_a_virtual_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    require.cache_clear()
    monkeypatch.setattr(container.os, "uname", lambda: os.uname_result(("Darwin", "", "", "", "arm64")))  # type: ignore[attr-defined]
    with pytest.raises(SandboxUnavailable, match="virtual machine") as raised:
        require("docker")
    assert "Lima" in raised.value.remedy
    require.cache_clear()


def test_an_image_is_made_once(fake: Path) -> None:
    client(fake, "docker", f'echo "$*" >> {fake}/asked; [ "$1" = import ] && exec /bin/cat > {fake}/image; exit 1')
    name = engine.image("docker", (("/lib", "usr/lib"),))
    assert engine.image("docker", (("/lib", "usr/lib"),)) == name
    assert (fake / "asked").read_text().splitlines() == [f"image inspect {name}", f"import - {name}"]
    assert (fake / "image").read_bytes() == engine.empty((("/lib", "usr/lib"),))


# --- the first process, without a container ---


def enter(tmp_path: Path, program: str, seconds: float = 30.0) -> subprocess.Popen[bytes]:
    told = {
        "argv": [sys.executable, "-c", program],
        "variables": {"ONLY": "this"},
        "filter": "",
        "memory": 0,
        "seconds": seconds,
    }
    (tmp_path / "order.json").write_text(json.dumps(told))
    shutil.copyfile(entry.__file__, tmp_path / "entry.py")
    line = [sys.executable, "-I", str(tmp_path / "entry.py")]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_is_printed_does_not_mix_with_frames(tmp_path: Path) -> None:
    program = """
import os
print("printed", flush=True)
os.write(int(os.environ["AUTOGRADER_OUT"]), os.read(int(os.environ["AUTOGRADER_IN"]), 9) + b"!")
print(sorted(os.environ)[-1], os.read(0, 1), flush=True)
raise SystemExit(7)
"""
    with enter(tmp_path, program) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"an answer")
        process.stdin.flush()
        assert process.stdout.read() == b"an answer!"
        assert process.stderr.read() == b"printed\nONLY b''\n"
        assert process.wait() == 7


def test_a_room_ends_with_its_grader(tmp_path: Path) -> None:
    with enter(tmp_path, "import time; time.sleep(60)") as process:
        assert process.stdin is not None
        time.sleep(0.3)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(5) == 1
        for file in (process.stdout, process.stderr):
            assert file is not None
            file.close()  # outside a container, the program itself lives on and holds them
    subprocess.run(["/bin/true"], check=True)


def test_a_room_ends_when_all_patience_does(tmp_path: Path) -> None:
    with enter(tmp_path, "import time; time.sleep(3)", seconds=0.2) as process:
        assert process.wait(5) == 1


def test_too_little_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = tmp_path / "memory.events"
    monkeypatch.setattr(entry, "_EVENTS", (str(tmp_path / "none"), str(events)))
    assert not entry._short_of_memory()
    for text, short in (("oom_kill_disable 1\noom_kill 0\n", False), ("oom 1\noom_kill 3\n", True)):
        events.write_text(text)
        assert entry._short_of_memory() is short


@pytest.mark.parametrize(
    ("found", "kept"), [("1000", True), ("999", True), ("1001", False), ("max", False), (None, False)]
)
def test_an_engine_that_leaves_the_limit_out_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, kept: bool
) -> None:
    monkeypatch.setattr(entry, "_LIMITS", (str(tmp_path / "memory.max"),))
    if found is not None:
        (tmp_path / "memory.max").write_text(f"{found}\n")
    assert (entry._unlimited(1000) == "") is kept


# --- real ones ---


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ENGINES)
def test_what_a_container_sees(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sandbox = started(name)
    monkeypatch.setenv("GRADER_SECRET", "s3cret-of-the-grader")
    monkeypatch.setenv("HTTP_PROXY", "http://user:password@proxy.example")
    secret = tmp_path / "labels.npy"
    secret.write_text("labels")
    program = f"""
import pwd
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def attempt(call):
    try: return call()
    except OSError as error: return type(error).__name__
pipe.send({{
    "secret": os.path.exists({str(secret)!r}), "env": str(dict(os.environ)), "uid": os.getuid(),
    "user": pwd.getpwuid(os.getuid()).pw_name, "pids": [p for p in os.listdir("/proc") if p.isdigit()],
    "capabilities": status["CapBnd"], "new": status["NoNewPrivs"], "filters": status["Seccomp"],
    "first": attempt(lambda: open("/proc/1/environ").read()), "bin": attempt(lambda: os.listdir("/usr/bin")),
    "tests": os.path.exists({str(Path(__file__))!r}), "root": attempt(lambda: open("/mark", "w")),
    "input": attempt(lambda: open("/job/in/main.py", "a")),
    "order": attempt(lambda: open("/job/entry/order.json", "a")),
}})
"""
    frames, outcome = speak(sandbox, program)
    assert outcome.exit_code == 0, outcome.log
    seen = frames[0].head
    assert not seen["secret"]
    assert not seen["tests"]
    assert "s3cret" not in seen["env"]
    assert "password" not in seen["env"]
    assert (seen["uid"], seen["user"]) == (USER, "student")
    assert len(seen["pids"]) == 2
    assert (seen["capabilities"].strip("0"), seen["new"], seen["filters"]) == ("", "1", "2")
    assert seen["first"] == "PermissionError"
    assert not {"bash", "sh"} & set(seen["bin"])
    assert {seen[name] for name in ("root", "input", "order")} <= {"OSError", "PermissionError"}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ENGINES)
def test_memory_in_files_of_a_container_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    fill = """
for place in ("/tmp", "/dev/shm", "/job/out", "/home/student"):
    try:
        with open(place + "/x", "wb") as file:
            while True: file.write(b"x" * 100_000)
    except OSError as error:
        pipe.send({"place": place, "bytes": os.path.getsize(place + "/x")})
time.sleep(60)
"""
    frames, outcome = speak(started(name), fill, limits=Limits(run_seconds=20, memory_mb=80, disk_mb=48))
    assert frames[0].head["bytes"] == 48 << 20
    assert outcome.killed == "memory"


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ENGINES)
def test_a_fork_bomb_in_a_container(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sandbox = started(name)
    bomb = "while True:\n    try: os.fork()\n    except OSError: pass"
    _, outcome = speak(sandbox, bomb)
    assert outcome.killed == "processes"
    assert outcome.seconds < 15
    assert engine.ask(name, "ps", "--all", "--quiet", "--filter", "name=room-")[1] == ""


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ENGINES)
def test_a_container_does_not_outlive_its_host(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    started(name)
    script = f"""
import sys
sys.path.insert(0, {str(GUEST.parents[1])!r})
from tests.test_sandbox import *
speak(Container({name!r}), "pipe.send({{}}); time.sleep(60)", on_frame=lambda frame: print("up", flush=True))
"""
    place = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed outright leaves a folder behind
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=place) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "up\n"
        host.kill()
    assert eventually(lambda: engine.ask(name, "ps", "--all", "--quiet", "--filter", "name=room-")[1] == "")


@pytest.mark.kernel
@pytest.mark.sandbox
@pytest.mark.parametrize("name", ENGINES)
def test_a_notebook_in_a_container(name: str, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sandbox = started(name)
    data = load("digits", split_seed=20, hidden_images=100)
    job = Job(
        notebook=notebook(
            "import os\nprint(os.getcwd(), os.path.isdir('/kaggle'))", "!echo from the shell", "os._exit(3)"
        ),
        data=data,
        data_file=room_file(data, tmp_path),
        limits=Limits(run_seconds=60, memory_mb=1024),
    )
    execution = execute(job, sandbox, store)
    assert [run.state.value for run in execution.cells] == ["ran", "ran", "unfinished"]
    assert execution.sandbox == name
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"][1:]
    assert [cell["outputs"][0]["text"] for cell in cells[:2]] == ["/job/out True\n", "from the shell\n"]
