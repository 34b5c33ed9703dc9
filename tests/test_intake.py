"""Whatever lies in an inbox becomes a record per student; nothing is lost, guessed in silence, or written elsewhere."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import stat
import struct
import time
import weakref
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import checks, pipeline, zips
from autograder.errors import ConfigError
from autograder.intake import (
    Caps,
    Person,
    Reading,
    choice,
    collect,
    grouping,
    inbox,
    missing,
    names,
    read_notebook,
    read_roster,
)
from autograder.intake.roster import match
from autograder.messages import render
from autograder.records import Json, Message, Submission
from autograder.rubric.loading import load as read_rubric
from autograder.store import Store

RUBRIC = Path(__file__).resolve().parent.parent / "rubrics" / "mnist-individuel.yaml"
SAFE_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def code(source: str, **more: object) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None, **more}


def notebook(*cells: str | dict[str, Any], metadata: Mapping[str, Any] | None = None, **more: object) -> bytes:
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": made, **more}).encode()


def put(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(files: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, content)
    return buffer.getvalue()


def by_student(submissions: Sequence[Submission]) -> dict[str, Submission]:
    return {submission.student: submission for submission in submissions}


def sources(submission: Submission, store: Store) -> list[str]:
    assert submission.notebook is not None, submission.refusal
    return [cell["source"] for cell in json.loads(store.get(submission.notebook))["cells"]]


def texts(messages: Sequence[Message]) -> str:
    return "\n".join(message.text for message in messages)


def only(submissions: Sequence[Submission]) -> Submission:
    [submission] = submissions
    return submission


def refusal(raw: bytes, caps: Caps | None = None) -> str:
    reading = read_notebook(raw, caps)
    assert reading.notebook is None
    assert reading.refusal is not None
    return reading.refusal.text


# --- shapes of inboxes -------------------------------------------------------------------------------------------


def test_a_folder_of_notebooks_holds_one_student_each(tmp_path: Path, store: Store) -> None:
    inbox = put(
        tmp_path / "in",
        {"bob.ipynb": notebook("b"), "alice.ipynb": notebook("a"), "README.md": b"x", "data/x.csv": b"1"},
    )
    found = collect([inbox], store)
    assert [one.student for one in found] == ["alice", "bob"]
    assert sources(found[0], store) == ["a"]
    assert found[0].source == "alice.ipynb"
    assert store.get(found[0].handed_in or found[0].student) == notebook("a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("two\nlines.ipynb", "two-lines"),
        ("ada.ipynb\n", "ada"),
        ("ada.ipynb ", "ada"),
        ("ada.ipynb\u200b", "ada"),
        ("ada\n_12_assignsubmission_file_/w.ipynb", "ada"),
        ("ada\n.zip", "ada"),
    ],
)
def test_no_name_hides_a_hand_in(name: str, student: str, tmp_path: Path, store: Store) -> None:
    work = notebook("x = 1")
    content = zipped({"in\nside.ipynb": work}) if name.endswith(".zip") else work
    other = "bob_13_assignsubmission_file_/w.ipynb" if "_file_" in name else "bob.ipynb"
    root = put(tmp_path / "class", {name: content, other: work})
    found = collect([root], store)
    assert [one.student for one in found] == sorted([student, "bob"])
    assert all(one.notebook for one in found)


def test_a_folder_of_folders_holds_one_student_each_with_their_files(tmp_path: Path, store: Store) -> None:
    inbox = put(
        tmp_path / "in",
        {
            "Zoé Müller/projet.ipynb": notebook("z"),
            "Zoé Müller/modèles/réseau.py": b"x = 1",
            "Zoé Müller/.ipynb_checkpoints/projet-checkpoint.ipynb": notebook("old"),
            "Zoé Müller/__MACOSX/._projet.ipynb": b"\0",
            "bob/notes.txt": b"I forgot",
            "requirements.txt": b"",
        },
    )
    (inbox / "carol").mkdir()
    found = by_student(collect([inbox], store))
    assert set(found) == {"zoe-muller", "bob", "carol"}
    zoe = found["zoe-muller"]
    assert zoe.name == "Zoé Müller"
    assert sources(zoe, store) == ["z"]
    assert set(zoe.files) == {"modèles/réseau.py"}
    assert "No notebook" in texts([found["bob"].refusal or Message("")])
    assert "empty" in texts([found["carol"].refusal or Message("")])


def test_beside_loose_notebooks_a_folder_is_a_student_unless_it_is_called_as_no_student_is(
    tmp_path: Path, store: Store
) -> None:
    files = {"alice.ipynb": notebook("a"), "Données/x.csv": b"1", "carol/report.pdf": b"%PDF", "sujet.pdf": b"%PDF"}
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert set(found) == {"alice", "carol"}
    assert found["carol"].refusal is not None


def test_a_loose_file_of_another_kind_is_a_hand_in_when_the_class_list_knows_its_name(
    tmp_path: Path, store: Store
) -> None:
    inbox = put(tmp_path / "in", {"alice.ipynb": notebook("a"), "Carol Roy.pdf": b"%PDF", "sujet.pdf": b"%PDF"})
    people = [Person(id="alice"), Person(id="c9", name="Carol Roy")]
    found = by_student(collect([inbox], store, roster=people))
    assert set(found) == {"alice", "c9"}
    refused = found["c9"].refusal
    assert refused is not None
    assert refused.values == {"files": "Carol Roy.pdf"}


def test_a_single_notebook_brings_its_modules_when_it_lies_alone(tmp_path: Path, store: Store) -> None:
    put(tmp_path / "one", {"mine.ipynb": notebook("import helper"), "helper.py": b"x = 1", "roster.csv": b"id\n1"})
    submission = only(collect([tmp_path / "one" / "mine.ipynb"], store))
    assert submission.student == "mine"
    assert set(submission.files) == {"helper.py"}
    put(tmp_path / "one", {"other.ipynb": notebook("x")})
    assert only(collect([tmp_path / "one" / "mine.ipynb"], store)).files == {}


MOODLE_FOLDERS = {
    "Marie Dupont_101_assignsubmission_file_/projet.ipynb": notebook("m"),
    "Marie Dupont_101_assignsubmission_file_/img/a.png": b"png",
    "Jean Martin_102_assignsubmission_file/tp final.ipynb": notebook("j"),
    "Anne Roy_103_assignsubmission_onlinetext/onlinetext.html": b"<p>here",
}
MOODLE_FLAT = {
    "Marie Dupont_101_assignsubmission_file_projet.ipynb": notebook("m"),
    "Marie Dupont_101_assignsubmission_file_a.png": b"png",
    "Jean Martin_102_assignsubmission_file_projet.zip": zipped({"tp/tp.ipynb": notebook("j")}),
    "Anne Roy_103_assignsubmission_onlinetext_onlinetext.html": b"<p>here",
}


@pytest.mark.parametrize("files", [MOODLE_FOLDERS, MOODLE_FLAT], ids=["folders", "flat"])
@pytest.mark.parametrize("packed", ["folder", "zip", "zip with a wrapper", "zip in a folder"])
def test_moodle(files: dict[str, bytes], packed: str, tmp_path: Path, store: Store) -> None:
    inbox = tmp_path / "TP-Mini projet-4242.zip"
    if packed == "folder":
        inbox = put(tmp_path / "in", files)
    elif packed == "zip":
        inbox.write_bytes(zipped(files))
    elif packed == "zip with a wrapper":
        inbox.write_bytes(zipped({f"Mini projet/{name}": content for name, content in files.items()}))
    else:
        inbox = put(tmp_path / "in", {"all.zip": zipped(files)})
    found = by_student(collect([inbox], store))
    assert set(found) == {"marie-dupont", "jean-martin", "anne-roy"}
    assert sources(found["marie-dupont"], store) == ["m"]
    assert sources(found["jean-martin"], store) == ["j"]
    assert found["marie-dupont"].name == "Marie Dupont"
    assert [PurePosixPath(name).name for name in found["marie-dupont"].files] == ["a.png"]
    assert found["anne-roy"].refusal is not None


def test_blind_moodle_names_stay_apart(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {f"Participant_{n}_assignsubmission_file_/x.ipynb": notebook(str(n)) for n in (7, 8)})
    assert [one.student for one in collect([inbox], store)] == ["participant-7", "participant-8"]


def test_canvas_keeps_the_newest_attempt_and_sees_lateness(tmp_path: Path, store: Store) -> None:
    inbox = tmp_path / "submissions.zip"
    inbox.write_bytes(
        zipped(
            {
                "dupontmarie_4321_900001_projet.ipynb": notebook("first"),
                "dupontmarie_4321_900077_projet-1.ipynb": notebook("second"),
                "martinjean_LATE_4322_900050_tp.ipynb": notebook("j"),
                "royanne_4323_900060_text.html": b"<p>",
            }
        )
    )
    found = by_student(collect([inbox], store))
    assert set(found) == {"dupontmarie", "martinjean", "royanne"}
    assert sources(found["dupontmarie"], store) == ["second"]
    assert "older attempt" in texts(found["dupontmarie"].notes)
    assert "late" in texts(found["martinjean"].notes)
    assert found["royanne"].refusal is not None


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("alice", {"alice/Bob_222_assignsubmission_file/x.ipynb": notebook("false")}),
        ("alice", {"alice/a.ipynb": notebook("a"), "alice/Bob_222_assignsubmission_file_/x.ipynb": notebook("false")}),
        ("alice", {"alice.zip": zipped({"Bob_222_assignsubmission_file/x.ipynb": notebook("false")})}),
        ("alice", {"alice.zip": zipped({"bob_222_333_x.ipynb": notebook("false")})}),
    ],
    ids=["a folder", "beside a notebook", "in a zip", "as Canvas does"],
)
@pytest.mark.parametrize("other", ["bob/x.ipynb", "bob.ipynb"])
def test_names_that_a_student_chose_are_nobody_elses(
    own: str, files: dict[str, bytes], other: str, tmp_path: Path, store: Store
) -> None:
    found = by_student(collect([put(tmp_path / "in", {**files, other: notebook("b")})], store))
    assert set(found) == {own, "bob"} and sources(found["bob"], store) == ["b"]
    moodles = any("assignsubmission" in name or b"assignsubmission" in content for name, content in files.items())
    assert ("called as Moodle calls" in texts(found[own].notes)) is moodles


BOB = {
    "Moodle, flat": (
        "Bob B_22_assignsubmission_file_tp.ipynb",
        "Eve E_33_assignsubmission_file_Bob B_22_assignsubmission_file_tp.ipynb",
    ),
    "Canvas": ("bobb_22_333_tp.ipynb", "evee_33_444_tp.zip"),
}


@pytest.mark.parametrize(("honest", "false"), BOB.values(), ids=BOB.keys())
@pytest.mark.parametrize("listed", [True, False])
def test_a_file_is_not_handed_in_for_somebody_else_by_its_name(
    honest: str, false: str, listed: bool, tmp_path: Path, store: Store
) -> None:
    people = [Person(id="eve", name="evee", participant="33"), Person(id="bob", name="bobb", participant="22")]
    packed = zipped({"bobb_22_999_tp.ipynb": notebook("false")})
    files = {honest: notebook("b"), false: packed if false.endswith(".zip") else notebook("false")}
    found = by_student(collect([put(tmp_path / "in", files)], store, roster=people if listed else None))
    [bob], [eve] = [[one for name, one in found.items() if name.startswith(who)] for who in ("bob", "eve")]
    assert sources(bob, store) == ["b"] and sources(eve, store) == ["false"]


def test_the_only_zip_of_a_class_is_its_students(tmp_path: Path, store: Store) -> None:
    packed = zipped({"bobb_22_999_tp.ipynb": notebook("false")})
    (tmp_path / "submissions.zip").write_bytes(zipped({"evee_33_444_tp.zip": packed}))
    assert only(collect([tmp_path / "submissions.zip"], store)).student == "evee"


def test_several_downloads_of_moodles_in_one_folder(tmp_path: Path, store: Store) -> None:
    files = {"group 1/Marie_101_assignsubmission_file/x.ipynb": notebook("m"),
             "group 2.zip": zipped({"Jean_102_assignsubmission_file/x.ipynb": notebook("j")}),
             "corrige/solution.ipynb": notebook("s")}  # fmt: skip
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert {"marie", "jean"} <= set(found) and sources(found["jean"], store) == ["j"]


def test_students_whom_nbgrader_would_call_folders(tmp_path: Path, store: Store) -> None:
    files = {f"{name}/x.ipynb": notebook(name) for name in ("alice", "submitted", "source")}
    assert [one.student for one in collect([put(tmp_path / "in", files)], store)] == ["alice", "source", "submitted"]


def test_names_in_an_old_encoding_are_read_and_stay_apart(tmp_path: Path, store: Store) -> None:
    for name in (b"Andr\xe9", b"Andr\xe8", b"Ren\x81", "Andr\xe9".encode()):
        put(tmp_path / "in" / os.fsdecode(name), {"x.ipynb": notebook(repr(name))})
    found = collect([tmp_path / "in"], store)
    assert sorted(one.name for one in found) == ["Andr\\xe9", "Andr\xe8", "Andr\xe9", "Ren\\x81"]


def test_what_no_parser_foresaw_costs_one_student_nothing_and_the_class_goes_on(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = inbox.choose

    def choose(group: grouping.Group, assignment: str, caps: Caps) -> choice.Choice:
        if group.name == "alice":
            raise ZeroDivisionError
        return original(group, assignment, caps)

    monkeypatch.setattr(inbox, "choose", choose)
    files = {f"{name}/x.ipynb": notebook(name) for name in ("alice", "bob")}
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert found["bob"].refusal is None and found["alice"].fault and found["alice"].notebook is None
    assert "(ZeroDivisionError)" in render(found["alice"].refusal or Message(""), "en")
    grade = pipeline.not_run(found["alice"], read_rubric(RUBRIC, checks.signatures())).grade
    assert all(award.points is None for award in grade.awards) and grade.total is None


@pytest.mark.parametrize("root", ["course", "course/submitted"])
def test_nbgrader_tree(root: str, tmp_path: Path, store: Store) -> None:
    put(
        tmp_path / "course",
        {
            "source/ps1/p.ipynb": notebook("solution"),
            "release/ps1/p.ipynb": notebook("release"),
            "submitted/alice/ps1/p.ipynb": notebook("a"),
            "submitted/alice/ps1/timestamp.txt": b"2026-11-20",
            "submitted/bob/ps1/p.ipynb": notebook("b"),
        },
    )
    found = collect([tmp_path / root], store)
    assert [(one.student, sources(one, store)) for one in found] == [("alice", ["a"]), ("bob", ["b"])]


def test_github_classroom_clones_lose_the_assignment_in_their_names(tmp_path: Path, store: Store) -> None:
    inbox = put(
        tmp_path / "tp1-submissions",
        {f"tp1-{user}/{name}": content for user in ("alice", "alain") for name, content in
         {"tp.ipynb": notebook(user), ".git/HEAD": b"x"}.items()},
    )  # fmt: skip
    assert [one.student for one in collect([inbox], store)] == ["alain", "alice"]


def test_folders_that_are_no_clones_keep_their_whole_name(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {"marie-a/x.ipynb": notebook("a"), "marie-b/x.ipynb": notebook("b")})
    assert [one.student for one in collect([inbox], store)] == ["marie-a", "marie-b"]


def test_a_zip_per_student(tmp_path: Path, store: Store) -> None:
    inbox = put(
        tmp_path / "in",
        {"alice.zip": zipped({"tp/nb.ipynb": notebook("a"), "tp/m.py": b""}), "bob.zip": zipped({"x.txt": b"nothing"})},
    )
    found = by_student(collect([inbox], store))
    assert sources(found["alice"], store) == ["a"]
    assert set(found["alice"].files) == {"m.py"}, "a notebook finds its files beside itself"
    assert found["bob"].refusal is not None


@pytest.mark.parametrize("wrapper", ["", "promo 2026/"])
def test_a_plain_zip_of_a_class(wrapper: str, tmp_path: Path, store: Store) -> None:
    inbox = tmp_path / "promo 2026 (1).zip"
    inbox.write_bytes(zipped({f"{wrapper}{one}/nb.ipynb": notebook(one) for one in ("alice", "bob")}))
    assert [one.student for one in collect([inbox], store)] == ["alice", "bob"]


def test_a_path_named_twice_counts_once(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {"alice.ipynb": notebook("a")})
    assert len(collect([inbox, inbox / "alice.ipynb", inbox / "."], store)) == 1


# --- paths of the teacher ----------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_named_with_the_nearest_one(tmp_path: Path, store: Store) -> None:
    (tmp_path / "submissions").mkdir()
    with pytest.raises(ConfigError, match="no such file or folder") as caught:
        collect([tmp_path / "submisions"], store)
    assert str(tmp_path / "submissions") in caught.value.remedy


@pytest.mark.parametrize("name", ["notes.txt", "broken.zip"])
def test_a_file_that_is_no_inbox_is_refused(name: str, tmp_path: Path, store: Store) -> None:
    put(tmp_path, {name: b"hello"})
    with pytest.raises(ConfigError) as caught:
        collect([tmp_path / name], store)
    assert caught.value.remedy


def test_an_empty_inbox_is_said(tmp_path: Path, store: Store) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigError, match="nothing to grade"):
        collect([tmp_path / "in"], store)


# --- two notebooks -----------------------------------------------------------------------------------------------


def test_two_notebooks_the_one_named_like_the_assignment_counts(tmp_path: Path, store: Store) -> None:
    files = {"a/brouillon.ipynb": notebook("x\n" * 50), "a/Projet MNIST.ipynb": notebook("y")}
    submission = only(collect([put(tmp_path / "in", files)], store, assignment="mnist-individuel"))
    assert sources(submission, store) == ["y"]
    assert any("brouillon.ipynb" in message.values.values() for message in submission.notes)


def test_two_notebooks_the_one_with_more_code_counts(tmp_path: Path, store: Store) -> None:
    files = {"a/1.ipynb": notebook("x"), "a/2.ipynb": notebook("y\nz")}
    assert sources(only(collect([put(tmp_path / "in", files)], store)), store) == ["y\nz"]


def test_two_notebooks_that_nothing_tells_apart_are_refused(tmp_path: Path, store: Store) -> None:
    files = {"a/1.ipynb": notebook("x"), "a/2.ipynb": notebook("y")}
    submission = only(collect([put(tmp_path / "in", files)], store))
    assert submission.notebook is None
    assert submission.refusal is not None
    assert {"1.ipynb", "2.ipynb"} <= set(submission.refusal.values.values())


def test_the_same_code_twice_is_no_riddle(tmp_path: Path, store: Store) -> None:
    submission = only(collect([put(tmp_path / "in", {"a/1.ipynb": notebook("x"), "a/2.ipynb": notebook("x")})], store))
    assert submission.notebook is not None
    assert "same code" in texts(submission.notes)


def test_a_damaged_second_notebook_does_not_harm(tmp_path: Path, store: Store) -> None:
    submission = only(collect([put(tmp_path / "in", {"a/a.ipynb": b"{", "a/b.ipynb": notebook("x")})], store))
    assert sources(submission, store) == ["x"]
    assert "cannot be used" in texts(submission.notes)


def test_copies_and_older_attempts_are_left_aside_and_said(tmp_path: Path, store: Store) -> None:
    files = {
        "a/tp.ipynb": notebook("now"),
        "a/tp-Copy1.ipynb": notebook("copy\ncopy"),
        "b_2026-11-19_10-00-00.ipynb": notebook("old"),
        "b_2026-11-20_09-00-00.ipynb": notebook("new"),
        "c_LATE.ipynb": notebook("c"),
    }
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert sources(found["a"], store) == ["now"]
    assert sources(found["b"], store) == ["new"]
    assert "older attempt" in texts(found["b"].notes)
    assert "late" in texts(found["c"].notes)


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("alice_2026-11-20_10-15-30", ("alice", "20261120101530")),
        ("alice 2026.11.20", ("alice", "20261120000000")),
        ("ps1_alice_attempt_2016-01-30-20-30-10_problem1", ("ps1_alice_problem1", "20160130203010")),
        ("alice_20261120T1015", ("alice", "20261120101500")),
        ("projet_20211015", ("projet_20211015", "")),
        ("20211015", ("20211015", "")),
        ("2026-11-20", ("2026-11-20", "")),
        ("alice_v2", ("alice_v2", "")),
    ],
)
def test_times_in_names(stem: str, split: tuple[str, str]) -> None:
    assert names.attempt(stem) == split


def test_canvas_attempts_in_zips_and_of_one_name(tmp_path: Path, store: Store) -> None:
    files = {
        "roy_11_100_tp.zip": zipped({"nb.ipynb": notebook("old\nold")}),
        "roy_11_200_tp-1.zip": zipped({"nb.ipynb": notebook("new")}),
        "dac_12_100_tp.ipynb": notebook("old\nold"),
        "dac_12_200_tp.ipynb": notebook("new"),
    }
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert {name: sources(one, store) for name, one in found.items()} == {"roy": ["new"], "dac": ["new"]}


def test_numbered_downloads_in_one_folder_are_attempts(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {"a/tp.ipynb": notebook("old\nold"), "a/tp (1).ipynb": notebook("new")})
    os.utime(inbox / "a/tp.ipynb", (1000, 1000))
    os.utime(inbox / "a/tp (1).ipynb", (2000, 2000))
    assert sources(only(collect([inbox], store)), store) == ["new"]


def test_numbered_downloads_beside_each_other_are_different_students(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {"projet.ipynb": notebook("one"), "projet (1).ipynb": notebook("two")})
    assert len(collect([inbox], store)) == 2


# --- the notebook itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "not valid JSON"),
        (notebook("x")[:-20], "not valid JSON"),
        (b"\x80\x81", "cannot be read as JSON"),
        (b"[" * 100_000, "nested"),
        (b"9" * 5000, "cannot be read as JSON"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04....", "archive"),
        (b"%PDF-1.7", "PDF"),
        (b"import keras\nprint(1)", "script"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b'{"cells": [\n<<<<<<< HEAD\n]}', "conflict"),
        (b"[]", "no notebook"),
        (b"null", "no notebook"),
        (b'"cells"', "no notebook"),
        (b'{"cells": {}}', "no notebook"),
        (b'{"nbformat": true, "cells": []}', "no format"),
        (b'{"nbformat": "4", "cells": []}', "no format"),
        (b'{"nbformat": 4.5, "cells": []}', "no format"),
        (b'{"nbformat": NaN, "cells": []}', "no format"),
        (b'{"nbformat": 1e308, "worksheets": []}', "no format"),
        (b'{"nbformat": "4"}', "no notebook"),
        (b'{"nbformat": 3, "worksheets": 4}', "no notebook"),
        (notebook("x", nbformat=5), "newer"),
        (notebook(), "empty"),
        (notebook("", "  \n", {"cell_type": "markdown", "source": []}), "empty"),
        (notebook(*["x"] * 1001), "cells"),
        (notebook("x", metadata={"language_info": {"name": "R"}}), "only Python"),
        (notebook("x", metadata={"kernelspec": {"name": "ir", "display_name": "R"}}), "only Python"),
        (notebook("x", metadata={"kernelspec": {"name": "julia-1.9", "language": "julia"}}), "only Python"),
    ],
)
def test_a_notebook_that_cannot_be_run_is_refused_with_the_reason(raw: bytes, said: str) -> None:
    assert said in refusal(raw)


def test_a_format_with_a_point_is_that_number() -> None:
    assert read_notebook(notebook("x", nbformat=4.0)) == read_notebook(notebook("x", nbformat=4))
    assert "newer" in refusal(notebook("x", nbformat=5.0))


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "my-venv", "display_name": "Python (mine)"}},
        {"kernelspec": {"name": "conda-env-tf-py", "language": "python"}},
        {"kernelspec": "broken", "language_info": None},
        {"language_info": {"name": "ipython"}},
    ],
)
def test_any_python_kernel_will_do(metadata: dict[str, Any]) -> None:
    assert read_notebook(notebook("x", metadata=metadata)).notebook is not None


FOREIGN = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}


def test_python_under_the_name_of_another_kernel_is_python() -> None:
    cells = ("%matplotlib inline\nimport numpy as np", "x = np.zeros(3)", "library(keras)\ny <- c(1, 2)")
    assert read_notebook(notebook(*cells, metadata=FOREIGN)).notebook is not None
    assert "only Python" in refusal(notebook("library(keras)\nx <- 3", "y = c(1, 2)", metadata=FOREIGN))
    assert "only Python" in refusal(notebook("x = 1", "print(x)", metadata=FOREIGN)), "could be many a language"


def test_format_3_is_converted_with_its_outputs_and_said() -> None:
    old = {
        "nbformat": 3,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 10**9, "source": ["Intro", "duction"]},
                    {"cell_type": "heading", "level": 2, "source": "Titre"},
                    {"cell_type": "markdown", "source": ["Du ", "texte"]},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": ["x = 1\n", "x"],
                        "prompt_number": 3,
                        "outputs": [
                            {"output_type": "pyout", "prompt_number": 3, "text": ["1"], "png": "aGk="},
                            {"output_type": "stream", "stream": "stderr", "text": "hm"},
                            {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]},
                        ],
                    },
                ]
            }
        ],
    }
    reading = read_notebook(json.dumps(old).encode())
    assert reading.notebook is not None
    assert "old format" in texts(reading.notes)
    made = nbformat.reads(reading.notebook.decode(), 4)
    nbformat.validate(made)
    assert [cell.source for cell in made.cells] == ["###### Introduction", "## Titre", "Du texte", "x = 1\nx"]
    assert [output.output_type for output in made.cells[3].outputs] == ["execute_result", "stream", "error"]
    assert made.cells[3].outputs[0].data == {"text/plain": "1", "image/png": "aGk="}


def test_sources_are_strings_and_ids_are_unique() -> None:
    raw = notebook(code("a", id="same"), {**code("b", id="same"), "source": ["b\n", "c"]}, code("d", id="no valid id!"))
    first, second = read_notebook(raw), read_notebook(raw)
    assert first.notebook is not None
    assert first.notebook == second.notebook, "the same bytes must lead to the same digest"
    cells = json.loads(first.notebook)["cells"]
    assert [cell["source"] for cell in cells] == ["a", "b\nc", "d"]
    assert len({cell["id"] for cell in cells}) == 3
    assert cells[0]["id"] == "same"


def test_damaged_cells_keep_their_place_and_are_said() -> None:
    raw = notebook("a", 7, {"cell_type": "code", "source": 3}, {"cell_type": "slide", "source": "?"}, "e")  # type: ignore[arg-type]
    reading = read_notebook(raw)
    assert reading.notebook is not None
    cells = json.loads(reading.notebook)["cells"]
    assert [cell["source"] for cell in cells] == ["a", "", "", "?", "e"]
    assert [message.values for message in reading.notes] == [{"cells": "2, 3, 4"}]


def test_a_cell_that_asks_papermill_to_be_replaced_stays() -> None:
    raw = notebook(code("mine", metadata={"tags": ["injected-parameters", "parameters", 7, "a,b"]}))
    reading = read_notebook(raw)
    assert reading.notebook is not None
    assert json.loads(reading.notebook)["cells"][0]["metadata"] == {"tags": ["parameters"]}


def test_a_notebook_pasted_into_a_cell_is_opened() -> None:
    inner = notebook("import keras", {"cell_type": "markdown", "source": ["# Title"]}, "model.fit(x)").decode()
    reading = read_notebook(notebook("x = 1", inner, "y = 2"))
    assert opened(reading) == ["x = 1", "import keras", "# Title", "model.fit(x)", "y = 2"]
    assert [message.values for message in reading.notes] == [{"cell": 2, "cells": 3}]
    assert "whole notebook" in reading.notes[0].text


def opened(reading: Reading) -> list[str]:
    assert reading.notebook is not None
    return [cell["source"] for cell in json.loads(reading.notebook)["cells"]]


@pytest.mark.parametrize(
    ("text", "cells", "whole"),
    [
        (notebook("a", "b").decode() + "\n\nend of file", ["a", "b"], True),
        ("# my notebook\n\n" + notebook("a", "b").decode(), ["a", "b"], True),
        (json.dumps({"cells": [code("a"), code("b")]}, indent=1), ["a", "b"], True),
        (json.dumps({"cells": [code("a"), code("b"), code("c")]}, indent=1)[:-60], ["a", "b"], False),
        (json.dumps({"nbformat": 4, "cells": [code("a"), code("b")]})[:-2], ["a", "b"], False),
        ('{"cells": [' + json.dumps(code("a")) + ", 7]", ["a"], False),
    ],
    ids=["text after it", "a comment above it", "short", "cut off", "only its end is cut off", "no cell"],
)
def test_a_pasted_notebook_is_opened_as_far_as_it_goes(text: str, cells: list[str], whole: bool) -> None:
    reading = read_notebook(notebook(text))
    assert opened(reading) == cells
    assert ("breaks off" not in reading.notes[0].text) == whole


@pytest.mark.parametrize(
    "text",
    [
        '{"cells": 7, "nbformat": 4}',
        '{"cells": []}',
        '{"cells": [{"a": 1}]}',
        '{"cells": [',
        'x = {"cells": [{"cell_type": "code"}]}',
        "{'cells': [__import__('os').abort()]}",
        '{"cells": ' + "[" * 5000,
    ],
)
def test_what_only_looks_like_a_pasted_notebook_stays(text: str) -> None:
    assert opened(read_notebook(notebook(text))) == [text]


def test_only_one_level_of_pasted_notebooks_is_opened() -> None:
    deep = notebook("deep").decode()
    reading = read_notebook(notebook(notebook(deep, "flat").decode()))
    assert opened(reading) == [deep, "flat"]
    assert [message.values for message in reading.notes] == [{"cell": 1, "cells": 2}, {"cell": 1}]


def test_a_pasted_notebook_of_too_many_cells_stays_closed() -> None:
    text = notebook(*map(str, range(20))).decode()
    reading = read_notebook(notebook(text), Caps(cells=10))
    assert opened(reading) == [text]
    assert "cannot run" in reading.notes[0].text


def test_the_cells_of_a_pasted_notebook_are_repaired_like_others() -> None:
    text = json.dumps({"cells": [code("a", id="same"), code("b", id="same"), {"cell_type": "code"}]})
    reading = read_notebook(notebook(code("first", id="same"), text))
    assert opened(reading) == ["first", "a", "b", ""]
    assert {"cells": "4"} in [message.values for message in reading.notes]
    nbformat.validate(nbformat.reads(reading.notebook or b"", as_version=4))


COLAB_SCRIPT = '''# -*- coding: utf-8 -*-
"""Projet.ipynb

Automatically generated by Colab.
"""

# Commented out IPython magic to ensure Python compatibility.
# %matplotlib inline
import keras
!pip install seaborn

"""# Modèle

Un texte."""

model.fit(x)
'''
PERCENT_SCRIPT = """# ---
# jupyter:
# ---

# %% [markdown]
# # Title
# text

# %%
import keras

# %% training
model.fit(x)
"""
NUMBERED_SCRIPT = """#!/usr/bin/env python
# coding: utf-8

# # Title

# In[1]:


import keras


# In[ ]:


get_ipython().run_line_magic('matplotlib', 'inline')
"""


@pytest.mark.parametrize(
    ("script", "cells"),
    [
        (
            COLAB_SCRIPT,
            [
                "Projet.ipynb\n\nAutomatically generated by Colab.",
                "%matplotlib inline\nimport keras\n!pip install seaborn",
                "# Modèle\n\nUn texte.",
                "model.fit(x)",
            ],
        ),
        (PERCENT_SCRIPT, ["# Title\ntext", "import keras", "model.fit(x)"]),
        (NUMBERED_SCRIPT, ["# # Title", "import keras", "get_ipython().run_line_magic('matplotlib', 'inline')"]),
    ],
    ids=["Colab", "percent", "nbconvert"],
)
def test_a_notebook_exported_as_a_script_is_read_by_its_marks(script: str, cells: list[str]) -> None:
    reading = read_notebook(script.encode())
    assert opened(reading) == cells
    assert "exported as a Python script" in reading.notes[0].text


def test_a_script_that_was_never_a_notebook_is_refused() -> None:
    reading = read_notebook(b"import keras\n\n# %% one mark\nmodel.fit(x)\n")
    assert reading.refusal is not None
    assert "Python script" in reading.refusal.text


def test_a_script_in_one_cell_stays_one_cell() -> None:
    assert opened(read_notebook(notebook(PERCENT_SCRIPT))) == [PERCENT_SCRIPT]


def test_a_lone_surrogate_does_not_travel() -> None:
    reading = read_notebook(notebook("print('\ud800')", "y"))
    assert reading.notebook is not None
    assert json.loads(reading.notebook.decode("utf-8"))["cells"][0]["source"] == "print('?')"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_other_unicode_encodings_are_read(encoding: str) -> None:
    reading = read_notebook(notebook("é = 1").decode().encode(encoding))
    assert reading.notebook is not None
    assert json.loads(reading.notebook)["cells"][0]["source"] == "é = 1"


def test_stored_outputs_are_dropped_where_that_makes_room() -> None:
    heavy = code("x", outputs=[{"output_type": "stream", "name": "stdout", "text": "o" * 5000}])
    caps = Caps(notebook=2000, read=10_000)
    reading = read_notebook(notebook(heavy), caps)
    assert reading.notebook is not None
    assert json.loads(reading.notebook)["cells"][0]["outputs"] == []
    assert "outputs were dropped" in texts(reading.notes)
    assert "without its stored outputs" in refusal(notebook("x" * 5000), caps)
    assert "at most" in refusal(notebook("x" * 20_000), caps)


def test_pictures_pasted_into_text_are_dropped_where_that_makes_room() -> None:
    pasted = {"image.png": {"image/png": "A" * 3000}}
    inline = "![plot](data:image/png;base64," + "A" * 3000 + ") seen"
    cells: list[Json] = [
        {"cell_type": "markdown", "metadata": {}, "source": "![plot](attachment:image.png)", "attachments": pasted},
        {"cell_type": "markdown", "metadata": {}, "source": inline},
        code("x = 1"),
    ]
    raw = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    reading = read_notebook(raw, Caps(notebook=2000, read=10_000))
    assert reading.notebook is not None
    kept = json.loads(reading.notebook)["cells"]
    assert [cell["source"] for cell in kept] == ["![plot](attachment:image.png)", "![plot](data:) seen", "x = 1"]
    assert "pictures pasted into its text, were dropped" in texts(reading.notes)


def test_json_that_would_fill_the_memory_is_not_parsed() -> None:
    assert "nested values" in refusal(b"[" + b"[]," * 2000 + b"[]]", Caps(containers=1000))
    assert "nested values" in refusal(b"[" + b"1," * 2000 + b"1]", Caps(values=1000))


def test_notebooks_of_many_megabytes_are_recorded_with_their_size(tmp_path: Path, store: Store) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 50_000_000}, "metadata": {}}
    inbox = put(
        tmp_path / "in",
        {"a.ipynb": b"", "b.ipynb": notebook("#" * 50_000_000), "c.ipynb": notebook(code("x", outputs=[picture]))},
    )
    os.truncate(inbox / "a.ipynb", 80_000_000)
    found = by_student(collect([inbox], store))
    for name, size in {"a": 80, "b": 50}.items():
        refused = found[name].refusal
        assert refused is not None
        assert refused.values["size"] == pytest.approx(size, abs=0.1)
    assert found["a"].handed_in is None, "too large to be read at all"
    assert sources(found["c"], store) == ["x"]


# --- names -------------------------------------------------------------------------------------------------------


def test_accents_cases_scripts_and_length(tmp_path: Path, store: Store) -> None:
    stems = [
        "Élodie Nuñez",
        "elodie nunez",
        "ELODIE NUNEZ",
        "王小明",
        "Œdipe Łoś",
        "con",
        "x" * 240,
        "a\u202eb\x07c",
        "..b",
    ]
    found = collect(
        [put(tmp_path / "in", {f"{stem}.ipynb": notebook(stem) for stem in stems if stem[0] != "."})], store
    )
    ids = [one.student for one in found]
    assert len(set(ids)) == len(ids) == len(stems) - 1, "a hidden file is nobody's"
    assert {"elodie-nunez", "elodie-nunez-2", "elodie-nunez-3", "oedipe-los", "s-con"} <= set(ids)
    assert all(SAFE_ID.fullmatch(name) for name in ids)
    people = {one.name for one in found}
    assert {"王小明", "a b c", "Élodie Nuñez"} <= people


def test_a_suffix_never_takes_the_name_of_another_student() -> None:
    wanted = [names.student_id(name) for name in ("A", "a", "a-2", "b" * 64, "B" * 64)]
    made = list(names.unique(wanted))
    assert made[:3] == ["a", "a-3", "a-2"]
    assert made[4].endswith("-2")
    assert len(made[4]) == 64


@given(st.lists(st.text(max_size=90), max_size=6))
def test_ids_are_always_safe_and_unique(people: list[str]) -> None:
    made = list(names.unique(names.student_id(name) for name in people))
    assert len(set(made)) == len(people)
    assert all(SAFE_ID.fullmatch(name) and ".." not in name for name in made)


def test_a_name_with_signs_that_nobody_sees_is_told_as_it_was(tmp_path: Path, store: Store) -> None:
    names_ = ["an\u200bna", "\u202ebob\u202c", "Zoé ☀\ufe0f"]
    found = collect([put(tmp_path / "in", {f"{name}.ipynb": notebook(name) for name in names_})], store)
    notes = {one.name: [render(note, "en") for note in one.notes] for one in found}
    assert notes["an na"] == ["Signs that nobody sees stand in the name: an[U+200B]na."]
    assert notes["bob"] == ["Signs that nobody sees stand in the name: [U+202E]bob[U+202C]."]
    assert notes["Zoé ☀\ufe0f"] == [], "a selector that has its part in an emoji"


def test_no_name_takes_long_to_read(tmp_path: Path, store: Store) -> None:
    """Each would take minutes with a pattern that backtracks; the cap is generous, for slow machines."""
    long = [
        "_" * 900,
        "a_1" * 300,
        "20" * 450,
        "2026-11-20_" * 80,
        " (" * 450,
        "-Copy" * 180,
        "_1_assignsubmission_" * 45,
    ]
    inbox = tmp_path / "all.zip"
    inbox.write_bytes(zipped({f"{name}.ipynb": notebook(name) for name in long}))
    began = time.process_time()
    assert len(collect([inbox], store)) == len(long)
    assert time.process_time() - began < 20


ALIKE = [
    "alice", "alice\u200b", "alice\U000e0101", "al\ufe0fice", "alice\ufe00", "ali\u034fce", "alice\u3164",
    "alice\u2800", "\u115falice", "al\U000e01efice", "\U000e0041alice", "alice\u180b",
]  # fmt: skip
"""All but the first hold what nobody sees."""


@pytest.mark.parametrize("name", ALIKE)
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert names.clean(name) == "alice"


def test_people_whose_names_look_the_same_are_told_apart(tmp_path: Path, store: Store) -> None:
    put(tmp_path, {f"{name}.ipynb": notebook(f"'{number}'") for number, name in enumerate(ALIKE[:6])})
    found = collect([tmp_path], store)
    assert {one.name for one in found} == {"alice"}
    assert {one.student for one in found} == {"alice", *(f"alice-{number}" for number in range(2, 7))}
    assert sum(any("same name" in note.text for note in one.notes) for one in found) == 5


@pytest.mark.parametrize("name", ["\x01alice", "\u200balice", "al\U000e0101ice", "alice\x1b"])
def test_nobody_takes_the_id_of_another_by_what_is_not_seen(name: str, tmp_path: Path, store: Store) -> None:
    put(tmp_path, {f"{name}.ipynb": notebook("'mallory'"), "alice.ipynb": notebook("'alice'")})
    first, second = collect([tmp_path], store)
    assert (first.student, second.student) == ("alice", "alice-2")
    assert second.notebook is not None and b"mallory" in store.get(second.notebook)


@pytest.mark.parametrize(
    "name", ["葛\U000e0100城", "Léa ❤\ufe0f", "José", "Σωκράτης", "Анна Smith", "µ-Team", "β Alice"]
)
def test_honest_names_stay_and_are_not_remarked_on(name: str) -> None:
    assert names.clean(name) == name
    assert not names.mixed(name)


@pytest.mark.parametrize("name", ["alicе", "Аlice Martin", "Jean-Мarie", "αlice", "Ꭺlice", "alօce"])
def test_letters_of_another_alphabet_within_a_word_are_noted(name: str, tmp_path: Path, store: Store) -> None:
    put(tmp_path, {f"{name}.ipynb": notebook("x"), "alice.ipynb": notebook("y")})
    noted = [one.name for one in collect([tmp_path], store) if any("alphabets" in note.text for note in one.notes)]
    assert noted == [name]


def test_a_heap_of_accents_is_left_out_of_a_name_and_told(tmp_path: Path, store: Store) -> None:
    put(tmp_path, {f"Zoe{chr(0x316) * 40}.ipynb": notebook("x"), "Nguye\u0302\u0303n.ipynb": notebook("y")})
    found = collect([tmp_path], store)
    notes = {one.name: [render(note, "en") for note in one.notes] for one in found}
    kept = "Zoe" + "\u0316" * 3
    assert notes[kept] == [f"More accents than can be read stand on a letter of the name: {kept}[37 × U+0316]."]
    assert notes["Nguyễn"] == []


def notes_of(folder: Path, store: Store, *people: str) -> dict[str, list[str]]:
    put(folder, {f"{name}.ipynb": notebook(f"'{number}'") for number, name in enumerate(people)})
    return {one.name: [render(note, "en") for note in one.notes] for one in collect([folder], store)}


@pytest.mark.parametrize("name", ["Сара Хорр", "ΑΝΝΑ", "Օօ", "ᎠᎡ"])
def test_a_name_of_another_alphabet_is_a_fair_name(name: str, tmp_path: Path, store: Store) -> None:
    assert notes_of(tmp_path, store, name, "Anna Petit") == {name: [], "Anna Petit": []}


def test_names_that_look_like_each_other_are_told_to_both(tmp_path: Path, store: Store) -> None:
    found = notes_of(tmp_path, store, "Сара Хорр", "Capa Xopp", "MARIE", "MARLE")
    told = "looks like that of another hand-in, whose letters are not all the same."
    assert found["Сара Хорр"] == [f"The name Сара Хорр {told}"]
    assert found["Capa Xopp"] == [f"The name Capa Xopp {told}"]
    assert found["MARIE"] == found["MARLE"] == []


@pytest.mark.parametrize("name", ["ꓮꓡꓲꓚꓰ", "Ａｌｉｃｅ"])
def test_letters_that_are_drawn_as_latin_ones_are_noted(name: str, tmp_path: Path, store: Store) -> None:
    assert notes_of(tmp_path, store, name)[name] == [
        f"The name {name} has letters that look like Latin ones and are others."
    ]


@given(st.text())
def test_clean_names_hold_one_line_without_control_or_direction(text: str) -> None:
    made = names.clean(text)
    assert made.isprintable()
    assert names.clean(made) == made
    made.encode()


# --- things that are no files ------------------------------------------------------------------------------------


def test_links_and_pipes_are_never_followed_or_opened(tmp_path: Path, store: Store) -> None:
    put(tmp_path, {"secret.ipynb": notebook("secret"), "in/ok.ipynb": notebook("x"), "in2/bob/tp.ipynb": notebook("x")})
    (tmp_path / "in/link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(tmp_path / "in/pipe.ipynb")
    (tmp_path / "in2/bob/data.csv").symlink_to("/etc/passwd")
    (tmp_path / "in2/alice").symlink_to(tmp_path / "in2/bob")
    loose = by_student(collect([tmp_path / "in"], store))
    assert {name: one.notebook is None for name, one in loose.items()} == {"ok": False, "link": True, "pipe": True}
    folders = by_student(collect([tmp_path / "in2"], store))
    assert folders["alice"].notebook is None
    assert folders["bob"].files == {}
    assert "link" in texts(folders["bob"].notes)


@pytest.mark.usefixtures("permissions")
def test_an_unreadable_file_is_recorded(tmp_path: Path, store: Store) -> None:
    inbox = put(tmp_path / "in", {"a.ipynb": notebook("x"), "b.ipynb": notebook("y")})
    (inbox / "a.ipynb").chmod(0)
    found = by_student(collect([inbox], store))
    assert "cannot be read" in texts([found["a"].refusal or Message("")])
    assert found["b"].notebook is not None
    inbox.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        collect([inbox], store)
    inbox.chmod(0o700)


def test_what_the_system_does_not_let_us_read_costs_nobody_points(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def damaged(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("a.ipynb"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, flags, mode)

    folder = put(tmp_path / "in", {"a.ipynb": notebook("x"), "b.ipynb": notebook("y"), "c.ipynb": b"{"})
    monkeypatch.setattr(os, "open", damaged)
    found = by_student(collect([folder], store))
    assert {name: one.fault for name, one in found.items()} == {"a": True, "b": False, "c": False}
    assert pipeline.not_run(found["a"], read_rubric(RUBRIC, checks.signatures())).grade.total is None


def test_a_file_that_vanishes_between_listing_and_reading_is_recorded(tmp_path: Path) -> None:
    from autograder.intake.leaves import Leaf, leaf_of

    path = put(tmp_path, {"a.ipynb": b"x"}) / "a.ipynb"
    leaf = leaf_of(path, PurePosixPath("a.ipynb"))
    assert isinstance(leaf, Leaf)
    assert leaf.load(10) == b"x"
    path.unlink()
    assert isinstance(leaf.load(10), Message)
    path.symlink_to("/etc/passwd")
    assert isinstance(leaf.load(10_000), Message)


def test_caps_on_other_files_are_said(tmp_path: Path, store: Store) -> None:
    files = {f"a/f{n}.txt": b"12345" for n in range(6)} | {"a/tp.ipynb": notebook("x"), "a/big.bin": b"1" * 100}
    submission = only(collect([put(tmp_path / "in", files)], store, caps=Caps(files=4, file=50, files_total=17)))
    assert len(submission.files) == 3
    assert "left out" in texts(submission.notes)
    crowd = put(tmp_path / "crowd", {f"a/{n:03}.txt": b"" for n in range(50)} | {"a/deep/b/c/tp.ipynb": notebook("x")})
    assert "More than" in texts(only(collect([crowd], store, caps=Caps(entries=20))).notes)
    assert "too deep" in texts([only(collect([crowd], store, caps=Caps(depth=2, files=0))).notes[0]])
    heap = put(tmp_path / "heap", {f"a/{n:03}.txt": b"" for n in range(50)} | {"a/tp.ipynb": notebook("x")})
    assert only(collect([heap], store, caps=Caps(entries=20))).notebook is not None


# --- archives ----------------------------------------------------------------------------------------------------


def test_zip_slip_writes_nowhere_and_is_said(tmp_path: Path, store: Store) -> None:
    evil = ["../../evil.py", "/abs.py", "C:/win.py", "a/../../b.py", "..\\back.py", "nul\0.py"]
    put(tmp_path / "in", {"a.zip": zipped([(name, b"x") for name in evil] + [("tp.ipynb", notebook("x"))])})
    before = {path for path in tmp_path.rglob("*") if store.root not in path.parents}
    submission = only(collect([tmp_path / "in"], store))
    assert sources(submission, store) == ["x"]
    assert submission.files == {}
    assert "forbidden name" in texts(submission.notes)
    assert {path for path in tmp_path.rglob("*") if store.root not in path.parents} - {store.root} == before


def test_links_and_devices_in_an_archive_are_not_taken(tmp_path: Path, store: Store) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, kind in (("link.py", stat.S_IFLNK), ("device.py", stat.S_IFCHR)):
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
        archive.writestr("tp.ipynb", notebook("x"))
    submission = only(collect([put(tmp_path / "in", {"a.zip": buffer.getvalue()})], store))
    assert submission.files == {}
    assert {"link" in message.text or "regular" in message.text for message in submission.notes} == {True}
    assert len(submission.notes) == 2


def directory(members: int) -> bytes:
    """An archive with a list of so many members, of which there is none."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    body = entry * members
    return body + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, members & 0xFFFF, members & 0xFFFF, len(body), 0, 0)


def test_a_list_of_members_is_sized_before_it_is_read(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zips.opened(directory(1000), 1000) as archive:
        assert len(archive.infolist()) == 1000
    with pytest.raises(zips.TooManyMembersError):
        zips.opened(directory(300_000), 50_000)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    for where in ("in", "in/a.zip"):
        put(tmp_path / "in", {"a.zip": directory(300_000)})
        if where == "in":
            found = only(collect([tmp_path / where], store))
            assert "holds more than {cap:int} members" in texts([found.refusal or Message("")])
        else:
            with pytest.raises(ConfigError, match="no readable zip"):
                collect([tmp_path / where], store)


def test_members_are_counted_before_they_are_listed() -> None:
    """Entries that are as short as can be: four times as many as a list of that size may have."""
    with pytest.raises(zips.TooManyMembersError):
        zips.opened(directory(60_000), 50_000)
    with zips.opened(b"before" + directory(5000), 1) as archive:
        assert len(archive.infolist()) == 5000


def test_zips_that_hold_more_members_together_than_one_may(tmp_path: Path, store: Store) -> None:
    many = {f"{at}.zip": zipped({f"{at}-{number}": b"" for number in range(20)}) for at in range(8)}
    files = {"ada.zip": zipped({"x.ipynb": notebook("own"), **many})}
    found = only(collect([put(tmp_path / "in", files)], store, caps=Caps(members=20)))
    assert sources(found, store) == ["own"] and len(found.files) == 40
    assert "in one hand-in" in texts(found.notes)


def test_files_that_are_left_out_take_no_time(tmp_path: Path, store: Store) -> None:
    deep = {f"{'d/' * 450}{number}": b"" for number in range(2000)}
    began = time.process_time()
    found = only(collect([put(tmp_path / "in", {"ada.zip": zipped({"x.ipynb": notebook("x"), **deep})})], store))
    assert found.files == {} and time.process_time() - began < 2


def test_archives_in_archives_are_held_one_at_a_time(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: weakref.WeakSet[zipfile.ZipFile] = weakref.WeakSet()
    most, opened = [0], zips.opened

    def watched(source: Path | bytes, members: int) -> zipfile.ZipFile:
        archive = opened(source, members)
        there.add(archive)
        most[0] = max(most[0], len(there))
        return archive

    monkeypatch.setattr(zips, "opened", watched)
    names = [f"student {number}" for number in range(8)]
    inner = {f"{name}.zip": zipped({f"x/{name}.ipynb": notebook(name), "a.csv": b"1"}) for name in names}
    found = collect([put(tmp_path / "in", {"class.zip": zipped({f"c/{k}": v for k, v in inner.items()})})], store)
    assert len(found) == 1 and most[0] <= 3, "the one that is read, the one that it takes the place of, and around them"
    (tmp_path / "class.zip").write_bytes(zipped(inner))
    again = by_student(collect([tmp_path / "class.zip"], store))
    assert [sources(again[f"student-{number}"], store) for number in range(8)] == [[name] for name in names]
    assert all(list(one.files) == ["a.csv"] for one in again.values())


def test_zips_that_hold_many_times_their_own_size_in_zips(tmp_path: Path, store: Store) -> None:
    padded = zipped({"x.ipynb": notebook("x")}) + b""
    swollen = {f"{at}.zip": b"\0" * 300_000 + padded for at in range(8)}
    files = {"ada.zip": zipped({"x.ipynb": notebook("own"), **swollen})}
    found = only(collect([put(tmp_path / "in", files)], store, caps=Caps(archive=1_000_000)))
    assert "at most {cap:num1} MB are read" in texts(found.notes), texts(found.notes)


def test_bombs_are_left_packed(tmp_path: Path, store: Store) -> None:
    bomb = zipped({"tp.ipynb": notebook("x"), "zeros.csv": b"0" * (3 << 20)})
    nested = zipped({"tp.ipynb": notebook("y"), "a.zip": zipped({"b.zip": zipped({"c.zip": b"x"})})})
    found = by_student(collect([put(tmp_path / "in", {"a.zip": bomb, "b.zip": nested})], store))
    assert found["a"].files == {}
    assert "almost nothing" in texts(found["a"].notes)
    assert sources(found["b"], store) == ["y"]
    assert "inside an archive" in texts(found["b"].notes)


def test_a_size_in_a_header_is_not_believed(tmp_path: Path, store: Store) -> None:
    raw = bytearray(zipped({"tp.ipynb": notebook("x" * 9000)}))
    size = struct.pack("<L", len(notebook("x" * 9000)))
    while size in raw:  # both headers claim ten bytes
        raw[raw.index(size) : raw.index(size) + 4] = struct.pack("<L", 10)
    submission = only(collect([put(tmp_path / "in", {"a.zip": bytes(raw)})], store))
    assert submission.notebook is None
    assert submission.refusal is not None


def encrypted(content: bytes) -> bytes:
    """The same archive with the bit of encryption set in every header."""
    raw = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(magic)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(magic, at + 4)
    return bytes(raw)


def test_locked_damaged_empty_and_foreign_archives_are_refused_with_the_reason(tmp_path: Path, store: Store) -> None:
    whole = zipped({"tp.ipynb": notebook(*(str(n) for n in range(200)))})
    files = {
        "locked.zip": encrypted(whole),
        "cut.zip": whole[: len(whole) // 2],
        "flipped.zip": whole[:60] + bytes([whole[60] ^ 255, whole[61] ^ 255]) + whole[62:],
        "empty.zip": zipped({}),
        "other.rar": b"Rar!",
        "ok.ipynb": notebook("x"),
    }
    found = by_student(collect([put(tmp_path / "in", files)], store))
    assert {name: one.notebook is None for name, one in found.items()} == {
        "locked": True, "cut": True, "flipped": True, "empty": True, "other": True, "ok": False,
    }  # fmt: skip
    said = {name: texts([one.refusal or Message("")]) for name, one in found.items()}
    assert "password" in said["locked"]
    assert "no readable zip" in said["cut"]
    assert "damaged" in said["flipped"]
    assert "empty" in said["empty"]
    assert "No notebook" in said["other"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_duplicate_members_the_last_counts(tmp_path: Path, store: Store) -> None:
    content = zipped([("tp.ipynb", notebook("first")), ("tp.ipynb", notebook("last"))])
    submission = only(collect([put(tmp_path / "in", {"a.zip": content})], store))
    assert sources(submission, store) == ["last"]
    assert "twice" in texts(submission.notes)


def test_one_name_is_not_a_file_and_a_folder(tmp_path: Path, store: Store) -> None:
    """A zip can hold that, and the room that unpacks it would fail."""
    members = {"b/tp.ipynb": notebook("x"), "b/a": b"1", "b/a/one.txt": b"2", "c/d.txt": b"3", "b/c": b"4"}
    submission = only(collect([put(tmp_path / "in", {"a.zip": zipped(members)})], store))
    assert sorted(submission.files) == ["a", "c"]
    assert "left out" in texts(submission.notes)


def test_names_without_the_unicode_flag_are_read_as_utf_8(tmp_path: Path, store: Store) -> None:
    raw = zipped({"Zoe~/tp.ipynb": notebook("x")}).replace(b"Zoe~", "Zoé".encode())
    inbox = tmp_path / "all.zip"
    inbox.write_bytes(raw)
    assert only(collect([inbox], store)).name == "Zoé"


# --- the class list ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,name,email\ne1,Marie Dupont,m@x.fr\ne2,Jean Martin,\n", "utf-8"),
        ("Numéro d'identification;Prénom;Nom\ne1;Marie;Dupont\ne2;Jean;Martin\n", "cp1252"),
        ("Student ID\tFull name\r\ne1\tMarie Dupont\r\ne2\tJean Martin\r\n", "utf-8-sig"),
    ],
)
def test_the_class_list_lends_ids_and_tells_who_is_missing(
    text: str, encoding: str, tmp_path: Path, store: Store
) -> None:
    roster = put(tmp_path, {"roster.csv": text.encode(encoding)}) / "roster.csv"
    inbox = put(tmp_path / "in", {"dupont_marie.ipynb": notebook("x"), "guest.ipynb": notebook("y")})
    found = collect([inbox], store, roster=roster)
    assert [(one.student, one.name) for one in found] == [("e1", "Marie Dupont"), ("guest", "guest")]
    assert "not on the class list" in texts(found[1].notes)
    absent = only(missing(found, roster))
    assert (absent.student, absent.name, absent.notebook, absent.source) == ("e2", "Jean Martin", None, "")


def test_moodles_numbers_and_canvas_names_find_their_person() -> None:
    people = read_people("Identifiant,Nom complet\nParticipant101,Marie Dupont\nParticipant 102,Jean Le Goff\n")
    assert [person.participant for person in people] == ["101", "102"]
    assert match(people, "whoever", "102") == people[1]
    assert match(people, "legoffjean", "") == people[1]
    assert match(people, "Dupont Marie", "") == people[0]
    assert match((people[0], people[0]), "Marie Dupont", "") is None, "two of one name: a person decides"


def read_people(text: str) -> tuple[Person, ...]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return read_roster(put(Path(folder), {"r.csv": text.encode()}) / "r.csv")


def test_a_class_list_that_names_nobody_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"r.csv": b"colour,shape\nred,round\n"})
    with pytest.raises(ConfigError, match="no column") as caught:
        read_roster(tmp_path / "r.csv")
    assert caught.value.place.endswith("r.csv:1")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_roster(tmp_path / "absent.csv")


# --- anything at all ---------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ODD_CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading"]) | JSON,
        "source": st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=3) | JSON,
        "input": st.text(max_size=9) | JSON,
        "level": JSON,
        "id": st.sampled_from(["a", "cell-1", "cell-2"]) | JSON,
        "metadata": st.fixed_dictionaries({}, optional={"tags": st.lists(st.text(max_size=4)) | JSON}) | JSON,
        "execution_count": JSON,
        "attachments": JSON,
        "outputs": st.lists(
            st.fixed_dictionaries(
                {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result", "pyout"])},
                optional={
                    "text": JSON, "name": JSON, "data": st.dictionaries(st.sampled_from(
                        ["text/plain", "application/json", "image/png", "application/vnd.x+json"]), JSON) | JSON,
                    "metadata": JSON, "traceback": JSON, "ename": JSON, "execution_count": JSON, "png": JSON,
                },
            )
            | JSON,
            max_size=3,
        )
        | JSON,
    },
)  # fmt: skip
ODD_NOTEBOOK = st.fixed_dictionaries(
    {"nbformat": st.sampled_from([1, 2, 3, 4, 4, 4, 5]) | JSON},
    optional={
        "nbformat_minor": JSON,
        "metadata": st.fixed_dictionaries({}, optional={"kernelspec": JSON, "language_info": JSON}) | JSON,
        "cells": st.lists(ODD_CELL | JSON, max_size=4) | JSON,
        "worksheets": st.lists(
            st.fixed_dictionaries({"cells": st.lists(ODD_CELL | JSON, max_size=3)}) | JSON, max_size=2
        ),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_end_in_a_sentence(raw: bytes) -> None:
    reading = read_notebook(raw)
    assert (reading.notebook is None) != (reading.refusal is None)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ODD_NOTEBOOK)
def test_whatever_is_accepted_is_a_valid_notebook(made: dict[str, Any]) -> None:
    reading = read_notebook(json.dumps(made).encode())
    assert (reading.notebook is None) != (reading.refusal is None)
    if reading.notebook is not None:
        nbformat.validate(nbformat.reads(reading.notebook.decode("utf-8"), 4))
        again = read_notebook(reading.notebook)
        assert again.notebook == reading.notebook, "normalising twice changes nothing"


# Python's own zipfile cuts a name at NUL, and cannot write the empty one that is left.
WRITABLE = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30).filter(lambda n: n[0] != "\0")
NAME = WRITABLE | st.sampled_from(
    [
        "../x.ipynb",
        "/etc/passwd",
        "a/b.ipynb",
        "A_1_assignsubmission_file_/x.ipynb",
        "x_11_22_y.ipynb",
        "a/",
        "con.py",
        "a//b",
    ]
)


@pytest.mark.parametrize("name", ["grades.csv", "Summary.HTML", "results.json", "writing-x"])
def test_nobody_is_called_like_a_file_of_ours(name: str) -> None:
    assert names.student_id(name) == f"s-{name.lower()}"
    assert names.student_id("summary") == "summary", "the names of folders that are nobody's stay free"
    assert names.student_id(name + "." + "b" * 90) == f"s-{name.lower()}." + "b" * (61 - len(name))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    members=st.lists(st.tuples(NAME, st.sampled_from([b"x", notebook("x"), b""])), min_size=1, max_size=6),
    inside=st.booleans(),
)
def test_any_archive_names_stay_inside(
    members: list[tuple[str, bytes]], inside: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root: Path = tmp_path_factory.mktemp("any")
    store = Store(root / "state")
    inbox = root / "in.zip"
    inbox.write_bytes(zipped(members))
    if inside:
        (root / "in").mkdir()
        inbox = inbox.rename(root / "in" / "one.zip").parent
    before = set(root.rglob("*"))
    try:
        found = collect([inbox], store)
    except ConfigError:
        found = ()
    assert all(SAFE_ID.fullmatch(one.student) for one in found)
    assert len({one.student for one in found}) == len(found)
    for one in found:
        assert (one.notebook is None) != (one.refusal is None)
        assert all(names.safe_path(PurePosixPath(name)) for name in one.files)
        assert one.name.isprintable()
    written = set(root.rglob("*")) - before
    assert all(path == store.root or store.root in path.parents for path in written)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_archive_never_raises(tail: bytes, at: int, value: int) -> None:
    from autograder.intake.archive import expand, members

    raw = bytearray(zipped({"a/tp.ipynb": notebook("x"), "b.csv": b"1,2"}) + tail)
    raw[at % len(raw)] = value
    listing = members(bytes(raw), PurePosixPath(), Caps())
    if not isinstance(listing, Message):
        for leaf in expand(listing, Caps()).leaves:
            assert isinstance(leaf.load(10_000), bytes | Message)


def test_a_hostile_cell_is_not_searched_for_a_notebook_for_ever() -> None:
    text = "   # x\n" * 3000 + "["
    start = time.monotonic()
    assert opened(read_notebook(notebook(text))) == [text]
    assert time.monotonic() - start < 5


def test_one_id_is_one_person(tmp_path: Path) -> None:
    path = tmp_path / "class.csv"
    path.write_text("id,name\nada,Ada\nada,Ada\nbob,Bob\n", "utf-8")
    assert [person.id for person in read_roster(path)] == ["ada", "bob"], "a line that stands there twice"
    path.write_text("id,name\nada,Ada\nada,Adam\n", "utf-8")
    with pytest.raises(ConfigError, match="different people have one id: ada"):
        read_roster(path)
