from __future__ import annotations

import errno
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.app.state import looked_at, make_state_dir, opened
from photosync.errors import DatabaseDamaged, DatabaseTooNew, DiskFull, StateFolderUnusable

if TYPE_CHECKING:
    from photosync.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(f'state_dir = "{tmp_path / "a" / "state"}"\n')
    return config.load(file, {})


def test_looking_before_anything_ran_makes_nothing(settings: Settings) -> None:
    with looked_at(settings) as state:
        assert state is None
    assert not settings.state_dir.exists()


def test_the_state_folder_is_the_owners_alone(settings: Settings) -> None:
    with opened(settings) as state:
        assert state.now() > 0
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700
    with looked_at(settings) as state_again:
        assert state_again is not None
        assert state_again.overview.counts().total() == 0


def test_a_database_that_is_being_made_is_not_there_yet(settings: Settings) -> None:
    make_state_dir(settings.state_dir)
    sqlite3.connect(settings.state_dir / "photosync.db").close()
    (settings.state_dir / "photosync.db").touch()
    with looked_at(settings) as state:
        assert state is None


def test_many_may_make_it_at_once(settings: Settings) -> None:
    def once(_: int) -> int:
        with opened(settings) as state:
            return state.overview.counts().total()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(once, range(16))) == [0] * 16


def test_a_newer_database_is_refused(settings: Settings) -> None:
    with opened(settings) as state:
        state.database.run("PRAGMA user_version = 99")
    with pytest.raises(DatabaseTooNew), looked_at(settings):
        pass
    with pytest.raises(DatabaseTooNew), opened(settings):
        pass


def test_a_damaged_database_is_refused(settings: Settings) -> None:
    make_state_dir(settings.state_dir)
    (settings.state_dir / "photosync.db").write_bytes(b"x" * 5000)
    with pytest.raises(DatabaseDamaged), looked_at(settings):
        pass


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EROFS, StateFolderUnusable)]
)
def test_a_state_folder_that_cannot_be_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(kind):
        make_state_dir(settings.state_dir)


def test_a_state_folder_that_may_not_be_entered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_state_dir(settings.state_dir)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StateFolderUnusable):
        make_state_dir(settings.state_dir)


def test_a_state_folder_that_may_not_be_looked_into(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", fail)
    with pytest.raises(StateFolderUnusable), looked_at(settings):
        pass
