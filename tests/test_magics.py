"""IPython's commands are taken out where IPython sees them, and nowhere else."""

from __future__ import annotations

import time

import pytest

from autograder.notebook.magics import without


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("for a in b:\n    !ls\n    c()", "for a in b:\n    pass\n    c()"),
        ("files = !ls\nx = 1", "pass\nx = 1"),
        ("model?\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  numpy\nx = 1", "pass\n\nx = 1"),
        ("/print 1 y\n,f a b\n  ;f a b", "print(1, y)\nf('a', 'b')\n  f('a b')"),
        ("# it's\n%time\nx = 'it\\'s'\n%time", "# it's\npass\nx = 'it\\'s'\npass"),
    ],
    ids=["line", "block", "result", "help", "continued", "calls", "marks"],
)
def test_a_command_becomes_what_python_would_run(source: str, left: str) -> None:
    assert without(source) == left


@pytest.mark.parametrize(
    "source",
    [
        "x = '''\n!'''; hidden()\ny = '''\n'''",
        'x = """\n%"""; hidden()\ny = ""',
        "x = (1\n% hidden())",
        "x = f[\n/2, {\n'(': 3}]",
        "x = 5 \\\n% hidden()",
        "x = '\\\n!'; hidden()",
        "x = 'a''''b'\n'''\n!'''",
    ],
)
def test_what_stands_within_something_that_is_open_is_no_command(source: str) -> None:
    assert without(f"%time\n{source}\n!ls") == f"pass\n{source}\npass"


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("command", ["%time", "!ls", "x = !ls", "x?", "x? "])
def test_what_ends_a_line_for_ipython_ends_a_command(command: str, sign: str) -> None:
    assert without(f"{command}{sign}hidden()\ny = 1") == "pass\nhidden()\ny = 1"


@pytest.mark.parametrize("unit", ["!a\x0b", "'", "'''", "(", "\\", "!\\\n", "%\n", "a, ", "\x0c", "a = ", "#\u2028"])
def test_commands_take_no_longer_than_other_text(unit: str) -> None:
    began = time.process_time()
    without(unit * (100_000 // len(unit)))
    assert time.process_time() - began < 1
