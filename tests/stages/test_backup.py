"""The stage that makes the second copy, step by step, on a disk and with a clock of the test's."""

from __future__ import annotations

import io
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

import pytest

from photosync.app.old_places import OldFolders
from photosync.backup.keys import Keys
from photosync.backup.local import LocalPlace
from photosync.backup.places import prepare
from photosync.files.holding import hold
from photosync.stages import backup as stage_module
from photosync.stages.backup import INDEXED_SECONDS, Backup
from photosync.store.backups import Backups
from photosync.store.database import Database
from photosync.store.resealing import Reseals
from tests.stages.conftest import Clock
from tests.store.conftest import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.backup.places import Place
    from photosync.domain.media import MediaItem
    from photosync.store.backups import Target


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Database(tmp_path) as database:
        database.migrate()
        yield Shelf(database)


class Originals:
    """Each holds its own name, as a Shelf has it."""

    @contextmanager
    def open(self, item: MediaItem) -> Iterator[BinaryIO]:
        yield io.BytesIO(item.source_path.encode())


class Disk:
    def __init__(self, root: Path, target: Target) -> None:
        root.mkdir()
        self.target = target
        self.place: Place = LocalPlace(root, "me")

    def ready(self) -> Keys:
        prepare(self.place, None)
        return Keys()


def stage_of(shelf: Shelf, tmp_path: Path, clock: Clock) -> Backup:
    backups = Backups(shelf.database)
    target = backups.aim(str(tmp_path / "disk"))
    return Backup(
        backups=backups,
        reseals=Reseals(shelf.database),
        target=Disk(tmp_path / "disk", target),
        originals=Originals(),
        old_places=OldFolders(list),
        label=lambda _source: "Pictures",
        taken_at=lambda _file, _name: None,
        turn=lambda: hold(tmp_path / "turn"),
        owner="me",
        hides_names=False,
        resting=lambda: "",
        is_paused=lambda: False,
        source_lost=lambda _source, _error: None,
        progress=lambda _more: None,
        halt=Event(),
        clock=clock,
    )


def told(root: Path) -> int:
    index = root / ".photosync/index"
    return sum(one.read_text().count("\n") for one in index.glob("*.tsv"))


def test_what_no_index_tells_of_yet_is_a_few_minutes_worth(shelf: Shelf, tmp_path: Path) -> None:
    """Killed now, with the state lost, it would copy that much again."""
    for number in range(6):
        shelf.mirrored(f"{number}.jpg")
    clock = Clock()
    stage = stage_of(shelf, tmp_path, clock)
    for _ in range(3):
        assert stage.run_once()
    assert told(tmp_path / "disk") == 0
    clock.pass_by(INDEXED_SECONDS + 1)
    assert stage.run_once()
    assert told(tmp_path / "disk") == 3
    assert stage.run_once()
    clock.pass_by(-3600)  # a clock set back must not hold it up
    assert stage.run_once()
    assert told(tmp_path / "disk") == 4


def test_so_many_are_told_of_together(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "INDEXED_AT_ONCE", 2)
    for number in range(3):
        shelf.mirrored(f"{number}.jpg")
    stage = stage_of(shelf, tmp_path, Clock())
    found = []
    while stage.run_once():
        found.append(told(tmp_path / "disk"))
    assert found == [0, 0, 2, 2, 3]
