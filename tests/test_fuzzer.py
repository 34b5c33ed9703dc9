"""The fuzzer's own bookkeeping: what it keeps of a finding, and what it tells of a run; fuzzing needs atheris."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import fuzz  # type: ignore[import-not-found]
import pace  # type: ignore[import-not-found]
import targets  # type: ignore[import-not-found]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A target that breaks its promise for bytes with an x."""

    def feed(data: bytes) -> None:
        if b"x" in data:
            raise ValueError(f"x at {data.index(b'x')}")

    monkeypatch.setitem(targets.TARGETS, "broken", targets.Entry(feed, lambda: [b"a"], "nothing"))
    yield


@pytest.mark.usefixtures("broken")
def test_one_of_a_kind_is_kept_with_what_was_raised(tmp_path: Path) -> None:
    watch = fuzz.Watch("broken", tmp_path)
    for data in (b"a", b"bx", b"cccx"):
        watch(data)
    (kept,) = (path for path in tmp_path.iterdir() if not path.suffix)
    assert kept.read_bytes() == b"bx"
    assert "ValueError" in kept.with_suffix(".txt").read_text("utf-8")
    assert list(fuzz._found(tmp_path, "broken")) == [kept.name]
    assert list(fuzz._found(tmp_path, "bro")) == []


def test_broken_promises_are_told_apart_by_what_they_say() -> None:
    def raised(text: str) -> str:
        try:
            raise targets.oracles.Unsafe(text)
        except AssertionError as error:
            return str(fuzz.signature(error))

    assert raised("address 'a'") == raised("address 'b'")
    assert raised("address 'a'") != raised("element p")


def test_a_run_is_told_as_a_table() -> None:
    told = fuzz.table([fuzz.Outcome("tables", 1234, 56, 90.0, {"tables-raised-1"}), fuzz.Outcome("html")])
    assert "| tables | 1,234 | 56 | 1.5 | tables-raised-1 |" in told
    assert "| html | 0 | 0 | 0.0 | none |" in told


@pytest.mark.parametrize(("arguments", "status"), [(["--target", "nothing"], 2), (["--target", "html"], 0)])
def test_an_input_is_fed_again_without_the_fuzzer(arguments: list[str], status: int, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"<table><tr><td>x")
    command = [sys.executable, str(Path(fuzz.__file__)), *arguments, "--replay", str(tmp_path / "input")]
    done = subprocess.run([*command, "--findings", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert ("no such target" in done.stderr) is bool(status)


def test_what_grows_with_the_square_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "seconds", lambda _, text: (len(text) / 100) ** (2 if text.startswith("|") else 1))
    found = {one.unit for one in pace.slow("html", 1000, 0.5) if not one.start}
    assert found >= {"|", "|a\n"}
    assert "a" not in found


def test_each_entry_point_has_something_to_start_from() -> None:
    assert set(pace.TEXTS) <= set(targets.TARGETS)
    for name, entry in targets.TARGETS.items():
        for seed in list(entry.seeds())[:2]:
            entry.feed(seed)
        assert list(entry.seeds()), name
