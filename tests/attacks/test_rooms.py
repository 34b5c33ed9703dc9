"""Hostile cells in real rooms: nothing is reached, nothing is left, and what must be stopped is stopped in time."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from autograder.errors import SandboxUnavailable
from autograder.records import Ending
from autograder.sandbox import choose
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from tests.attacks import canary, ground
from tests.attacks.bombs import BOMBS
from tests.attacks.probes import PRELUDE, PROBES
from tests.attacks.record import Bomb, Probe

pytestmark = [pytest.mark.sandbox, pytest.mark.kernel]

SPARE_SECONDS = 10.0
"""Beyond a limit, until everything is over."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    folder = tmp_path_factory.mktemp("rooms")
    with ground.temporary(folder):
        yield folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ground.Desk]:
    with pytest.MonkeyPatch.context() as patch:
        where = ground.desk(tmp_path_factory.mktemp("teacher"))
        patch.setenv(ground.VARIABLE, where.secret.decode())
        yield where


@pytest.fixture(scope="module")
def probed(place: Path, teacher: ground.Desk, tmp_path_factory: pytest.TempPathFactory) -> ground.Ran:
    """All probes, one cell each, in one kernel."""
    with ground.targets(teacher) as known:
        cells = [known + PRELUDE, *(probe.source for probe in PROBES)]
        return ground.run(cells, Store(tmp_path_factory.mktemp("store")))


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_probe_reaches_nothing(probe: Probe, probed: ground.Ran) -> None:
    number = PROBES.index(probe) + 1
    assert probed.states[number] in probe.states, probed.execution.cells[number].error
    assert "REACHED" not in probed.printed(number)


def test_a_run_full_of_probes_ends_by_itself(probed: ground.Ran, place: Path) -> None:
    assert probed.states[0] == "ran", "the prelude"
    assert probed.execution.ending is Ending.RAISED
    assert probed.execution.reason is not None
    assert probed.left == ()
    assert ground.leftovers(place) == []


def test_no_secret_comes_out_of_a_room(probed: ground.Ran, teacher: ground.Desk) -> None:
    secrets = {**teacher.secrets, "what seeds the order of images": probed.store.secret()}
    for name, content in probed.everything():
        for what, secret in secrets.items():
            assert not canary.found(secret, content), f"{what} in {name}"


def test_what_probes_left_behind_does_not_meet_the_next_room(
    probed: ground.Ran, tmp_path_factory: pytest.TempPathFactory
) -> None:
    look = "import glob, os, sys\nhome = os.path.expanduser('~')\nprint(os.listdir('.'), os.listdir(home))"
    ran = ground.run([look], Store(tmp_path_factory.mktemp("next")))
    assert ran.states == ["ran"]
    assert ran.printed(0) == "[] []\n"


# --- what must be stopped --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(
    request: pytest.FixtureRequest, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[ground.Ran]]]:
    """Rooms of all bombs that were asked for, some at a time: most of them wait for a limit."""
    asked = {item.callspec.params["bomb"].id for item in request.session.items if "stopped" in item.fixturenames}
    with ThreadPoolExecutor(4) as pool:
        yield {
            bomb.id: pool.submit(dropped, bomb, tmp_path_factory.mktemp(bomb.id)) for bomb in BOMBS if bomb.id in asked
        }


def dropped(bomb: Bomb, folder: Path, wall: Sandbox | None = None) -> ground.Ran:
    limits = {"run_seconds": 60, "cell_seconds": 2, "memory_mb": 768, **bomb.limits}
    return ground.run(["print('before')", bomb.cell, "print('after')"], Store(folder), wall=wall, **limits)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.id)
def test_a_bomb_is_contained(bomb: Bomb, stopped: Mapping[str, Future[ground.Ran]]) -> None:
    ran = stopped[bomb.id].result()
    assert ran.execution.ending in bomb.endings, ran.execution.reason
    assert ran.states[0] == "ran" and ran.states[2] == bomb.after
    assert ran.printed(0) == "before\n", "what came before is kept"
    reason = ran.execution.reason
    if bomb.after != "ran" or reason is not None:
        assert reason is not None and reason.values["cell"] == 2, "the cell to blame is named"
    assert ran.since_cell[2] <= bomb.seconds + SPARE_SECONDS
    assert ran.left == ()
    assert sum(len(content) for _, content in ran.everything()) < 32 << 20, "no flood reaches the host"


def test_nothing_is_left_of_any_room(stopped_all: Path) -> None:
    assert ground.leftovers(stopped_all) == []


@pytest.fixture
def stopped_all(request: pytest.FixtureRequest, place: Path) -> Path:
    """The place of the rooms, once no room is there any more."""
    if any("bomb" in getattr(item, "fixturenames", ()) for item in request.session.items):
        for future in request.getfixturevalue("stopped").values():
            future.result()
    return place


# --- the search itself -----------------------------------------------------------------------------------------------

SECRET = b"canary-0123456789abcdef0123456789abcdef"
CLOTHES = {
    "plain": SECRET,
    "reversed": SECRET[::-1],
    "hex": SECRET.hex().encode(),
    "base64": base64.b64encode(b"ab" + SECRET + b"c"),
    "url": base64.urlsafe_b64encode(b"a" + SECRET),
    "base32": base64.b32encode(SECRET),
    "utf-16": SECRET.decode().encode("utf-16"),
    "numbers": str(list(SECRET)).encode(),
    "zlib": zlib.compress(SECRET),
    "gzip": gzip.compress(SECRET),
    "zlib in base64": base64.b64encode(zlib.compress(b"many words " * 20 + SECRET)),
    "reversed in hex in base64": base64.b64encode(SECRET[::-1].hex().encode()),
}


@pytest.mark.parametrize("worn", CLOTHES.values(), ids=CLOTHES.keys())
def test_a_secret_is_known_in_other_clothes(worn: bytes) -> None:
    assert canary.found(SECRET, b'{"text": "before ' + worn + b' after"}')
    assert not canary.found(SECRET, b"before " + worn[:12] + b" after")
