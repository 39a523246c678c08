"""A file changes while it is in hand: what arrives is a state that it really had, once."""

from __future__ import annotations

import os
from collections import Counter
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from photosync import config
from photosync.app.building import running
from photosync.app.state import opened
from photosync.daemon.bells import Bell
from photosync.domain.states import State
from photosync.files import settling
from photosync.files.folder import Folder
from photosync.files.opening import OpenFile
from photosync.stages.upload import Upload
from photosync.store.media import MediaItems
from tests.journeys.conftest import jpeg, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

MIB = 1 << 20
LONG_AGO = 1_600_000_000
OLD, NEW = jpeg(1, 3 * MIB), jpeg(2, 3 * MIB)


def _write(file: Path, content: bytes) -> None:
    """In place: whoever has it open sees it."""
    with file.open("r+b") as opened_file:
        opened_file.write(content)
        opened_file.truncate()


def overwritten(file: Path) -> bytes | None:
    _write(file, NEW)
    return NEW


def overwritten_unnoticed(file: Path) -> bytes | None:
    """The same size and the same time: only the bytes tell."""
    _write(file, NEW)
    os.utime(file, (LONG_AGO, LONG_AGO))
    return NEW


def longer(file: Path) -> bytes | None:
    _write(file, OLD + NEW)
    return OLD + NEW


def cut_short(file: Path) -> bytes | None:
    _write(file, OLD[: MIB + 5])
    return OLD[: MIB + 5]


def replaced(file: Path) -> bytes | None:
    fresh = file.with_name(".fresh")
    fresh.write_bytes(NEW)
    fresh.rename(file)
    return NEW


def removed(file: Path) -> bytes | None:
    file.unlink()
    return None


class Moment:
    """Calls ``change`` once, at that moment of the file's way."""

    def __init__(self, change: Callable[[], None]) -> None:
        self._change = change
        self._is_over = False
        self.inside = False

    def come(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._change()


def _arm(monkeypatch: pytest.MonkeyPatch, when: str, moment: Moment) -> None:
    """``hashed`` and ``sent``: after the first block that is read for it."""
    read, hashed, send = OpenFile.read, Folder.hash, Upload._send
    mark_uploaded = MediaItems.mark_uploaded

    def within(function: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **more: Any) -> Any:
            moment.inside = True
            try:
                return function(*arguments, **more)
            finally:
                moment.inside = False

        return around

    def before(function: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **more: Any) -> Any:
            moment.come()
            return function(*arguments, **more)

        return around

    def reading(self: OpenFile, size: int | None = -1) -> bytes:
        block = read(self, size)
        if moment.inside:
            moment.come()
        return block

    arms: dict[str, tuple[type, str, Callable[..., Any]]] = {
        "before it is hashed": (Folder, "hash", before(hashed)),
        "while it is hashed": (Folder, "hash", within(hashed)),
        "before it is sent": (Upload, "_send", before(send)),
        "while it is sent": (Upload, "_send", within(send)),
        "while it is sent in pieces": (Upload, "_send", within(send)),
        "after it was sent": (MediaItems, "mark_uploaded", before(mark_uploaded)),
    }
    monkeypatch.setattr(*arms[when])
    monkeypatch.setattr(OpenFile, "read", reading)


@pytest.mark.parametrize(
    "change", [overwritten, overwritten_unnoticed, longer, cut_short, replaced, removed]
)
@pytest.mark.parametrize(
    "when",
    [
        "before it is hashed",
        "while it is hashed",
        "before it is sent",
        "while it is sent",
        "while it is sent in pieces",
        "after it was sent",
    ],
)
def test_a_file_that_changes(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], bytes | None],
    when: str,
) -> None:
    pieces = "512 KiB" if when.endswith("pieces") else "64 MiB"
    world.configure(more=f'[upload]\nresumable_above = "{pieces}"\nchunk = "512 KiB"')
    world.put("notes.txt", b"not to be taken for an unmounted disk")
    file = world.put("a.jpg", OLD)
    os.utime(file, (LONG_AGO, LONG_AGO))
    made: list[bytes | None] = []
    moment = Moment(lambda: made.append(change(file)))
    with monkeypatch.context() as armed:
        _arm(armed, when, moment)
        _run(world)
    if file.exists() and change is not overwritten_unnoticed:
        os.utime(file, (LONG_AGO + 1, LONG_AGO + 1))  # it has been quiet for a while
    _run(world)

    (last,) = made
    arrived = Counter(item.sha256 for item in world.emulator.library.items())
    had = {sha256(one) for one in (OLD, last) if one is not None}
    assert set(arrived) <= had, "a mixture of two states"
    assert set(arrived.values()) <= {1}
    unnoticed = change is overwritten_unnoticed and when == "after it was sent"
    if last is not None:
        assert sha256(OLD if unnoticed else last) in arrived
    elif when == "after it was sent":
        assert set(arrived) == {sha256(OLD)}
    with opened(_settings(world)) as state:
        states = {one.state for one in state.overview.items(limit=10)}
        assert states <= {State.DONE, State.SKIPPED}
        assert state.overview.in_hand() == {}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long: how quiet a file has to be is tested elsewhere."""
    monkeypatch.setattr(settling, "QUIET_SECONDS", 0.05)
    wait = Bell.wait
    monkeypatch.setattr(
        Bell, "wait", lambda self, heard, seconds: wait(self, heard, min(seconds, 0.05))
    )


def _settings(world: World) -> config.Settings:
    return config.load(world.config, {"HOME": str(world.home)})


def _run(world: World) -> None:
    with running(_settings(world), once=True, halt=Event()) as supervisor:
        supervisor.run(once=True)
