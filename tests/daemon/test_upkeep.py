"""A day's copy of the database, and what it is good for."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from photosync.daemon.upkeep import DAY_SECONDS, Upkeep
from photosync.errors import DatabaseDamaged, Stopping
from photosync.store.control import Control
from photosync.store.database import Database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path)
    database.migrate()
    return database


def test_a_copy_is_made_at_once_and_then_daily(database: Database) -> None:
    now = time.time()
    upkeep = Upkeep(database, clock=lambda: now)
    assert not upkeep.run_once()
    (copy,) = database.copies()
    assert copy.name == "photosync.db.daily.bak"
    os.utime(copy, (now - 9, now - 9))
    first = copy.stat().st_mtime

    Control(database).set_flag("x", "y", now=1)
    upkeep.run_once()
    assert copy.stat().st_mtime == first  # it is not a day old

    os.utime(copy, (now - DAY_SECONDS, now - DAY_SECONDS))
    upkeep.run_once()
    assert copy.stat().st_mtime > first
    assert database.copies() == [copy]
    database.close()


def test_what_did_not_change_is_not_copied_again(database: Database) -> None:
    ahead = time.time() + 10
    Upkeep(database, clock=lambda: ahead).run_once()
    (copy,) = database.copies()
    os.utime(copy, (ahead, ahead))
    first = copy.stat().st_ino
    Upkeep(database, clock=lambda: ahead + 2 * DAY_SECONDS).run_once()
    assert copy.stat().st_ino == first
    database.close()


def test_an_emptied_database_is_told_of_and_comes_back(database: Database, tmp_path: Path) -> None:
    Control(database).set_flag("x", "y", now=1)
    Upkeep(database, clock=time.time).run_once()
    (copy,) = database.copies()
    database.close()
    (tmp_path / "photosync.db").write_bytes(b"")
    (tmp_path / "photosync.db-wal").unlink(missing_ok=True)

    with Database(tmp_path) as emptied, pytest.raises(DatabaseDamaged) as caught:
        emptied.migrate()
    assert str(copy) in caught.value.hint

    shutil.copy(copy, tmp_path / "photosync.db")
    with Database(tmp_path) as back:
        back.migrate()
        assert Control(back).flag("x") == "y"


def test_it_never_fills_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upkeep = Upkeep(database, clock=time.time)
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    upkeep.run_once()
    upkeep.run_once()
    assert database.copies() == []
    assert [one.getMessage().split()[0] for one in caplog.records] == ["database.not_copied"]
    database.close()


def test_the_end_of_the_program_does_not_wait_for_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photosync.store.database.STEPS", 10)
    database.hurry()
    with pytest.raises(Stopping):
        Upkeep(database, clock=time.time).run_once()
    assert list(tmp_path.glob("*.bak*")) == []
    Control(database).set_flag("x", "y", now=1)  # the connection is as good as before
    database.close()


def test_what_a_killed_process_left_goes(database: Database, tmp_path: Path) -> None:
    old = tmp_path / "photosync.db.daily.bak.99.part"
    new = tmp_path / "photosync.db.daily.bak.98.part"
    for one in (old, new):
        one.write_bytes(b"half")
    os.utime(old, (1, 1))
    Upkeep(database, clock=time.time).run_once()
    assert not old.exists()
    assert new.exists()
    database.close()
