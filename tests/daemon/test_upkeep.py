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
    assert copy.name == f"photosync.db.daily-{day(now)}.bak"
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


def test_three_days_are_kept_and_what_was_there_before_an_upgrade(database: Database) -> None:
    now = time.time()
    os.utime(database.keep_copy("v3-20200101"), (1, 1))
    for number in range(5):
        Control(database).set_flag("x", str(number), now=1)
        at = now + number * (DAY_SECONDS + 60)
        Upkeep(database, clock=lambda at=at: at).run_once()  # type: ignore[misc]
        os.utime(database.file.with_name(f"photosync.db.daily-{day(at)}.bak"), (at, at))
        os.utime(database.file, (at + 5, at + 5))
    days = [day(now + number * (DAY_SECONDS + 60)) for number in (4, 3, 2)]
    assert [one.name for one in database.copies()] == [
        *(f"photosync.db.daily-{one}.bak" for one in days),
        "photosync.db.v3-20200101.bak",
    ]
    database.close()


def test_a_damaged_copy_is_not_what_the_way_back_leads_to(
    database: Database, tmp_path: Path
) -> None:
    older, newer = database.keep_copy("daily-1"), database.keep_copy("daily-2")
    os.utime(older, (1, 1))
    content = bytearray(newer.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    newer.write_bytes(content)
    database.close()
    (tmp_path / "photosync.db").write_bytes(b"no database")
    with Database(tmp_path) as damaged, pytest.raises(DatabaseDamaged) as caught:
        damaged.migrate()
    assert f"cp {older}" in caught.value.hint

    older.write_bytes(b"")
    with Database(tmp_path) as damaged, pytest.raises(DatabaseDamaged, match="None of its copies"):
        damaged.migrate()


def day(at: float) -> str:
    return time.strftime("%Y%m%d", time.gmtime(at))


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
