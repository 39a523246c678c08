"""Full disks, folders that may not be written, and what works again afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.errors import DiskFull, PhotosyncError
from photosync.store.database import Database, shipped_migrations
from tests.store.conftest import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount and become another")

TRY = """
import os, pathlib, sys
from photosync.errors import PhotosyncError
from photosync.store.database import Database, shipped_migrations

shipped = shipped_migrations()  # while the program's own files may be read
os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
try:
    with Database(pathlib.Path(sys.argv[1]), read_only=sys.argv[3] == "ro") as database:
        if sys.argv[3] == "rw":
            database.migrate(shipped)
        print("version", database.version())
except PhotosyncError as error:
    print(error.code, error)
"""


def as_nobody(folder: Path, mode: str) -> str:
    """What another user is told. The interpreter starts as root: its own files may be private."""
    command = [sys.executable, "-c", TRY, str(folder), str(NOBODY), mode]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def open_to_all(folder: Path) -> Path:
    """A folder that other users reach, though pytest's are private."""
    for one in (folder, *folder.parents):
        if one.stat().st_mode & 0o001 == 0:
            one.chmod(one.stat().st_mode | 0o011)
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)],
        check=False,
        capture_output=True,
    )
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return ballast


def _until_full(shelf: Shelf, numbers: Iterator[int]) -> None:
    for number in numbers:
        shelf.found(f"{number:0200}.jpg")


@AS_ROOT
def test_a_full_disk_says_so_and_work_goes_on_once_there_is_room(tiny: Path) -> None:
    with Database(tiny) as database:
        database.migrate()
        shelf = Shelf(database)
        shelf.found("before.jpg")
        ballast = fill(tiny)

        numbers = iter(range(2000))
        with pytest.raises(DiskFull, match="is full"):
            _until_full(shelf, numbers)
        assert next(numbers) < 2000
        kept = shelf.overview.counts().total()
        assert kept >= 1
        assert shelf.overview.counts().items(State.FOUND) == len(shelf.overview.items(limit=5000))

        ballast.unlink()
        shelf.found("after.jpg")
        assert shelf.overview.counts().total() == kept + 1
        assert shelf.items.claim(State.FOUND, worker="w", now=2_000_000_000)
        assert [tuple(row) for row in database.rows("PRAGMA integrity_check")] == [("ok",)]


@AS_ROOT
def test_a_disk_that_is_full_from_the_beginning(tiny: Path) -> None:
    ballast = fill(tiny)
    with Database(tiny) as database, pytest.raises(PhotosyncError) as caught:
        database.migrate()
    assert caught.value.code in ("disk_full", "state_folder")

    ballast.unlink()
    with Database(tiny) as database:
        database.migrate()
        assert Shelf(database).found("a.jpg") == [1]


def test_no_page_more_is_a_full_disk(database: Database) -> None:
    shelf = Shelf(database)
    database.connection().execute("PRAGMA max_page_count = 1")  # never below what there is

    with pytest.raises(DiskFull):
        shelf.found(*(f"{number:0200}.jpg" for number in range(2000)))
    assert shelf.overview.counts().total() == 0
    database.connection().execute("PRAGMA max_page_count = 1000000")
    assert shelf.found("a.jpg") == [1]


@AS_ROOT
@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_a_folder_of_somebody_else(tmp_path: Path, mode: str) -> None:
    with Database(tmp_path) as database:
        database.migrate()
    tmp_path.chmod(0o700)

    assert as_nobody(tmp_path, mode).startswith("state_folder The ")


@AS_ROOT
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    """Without its -shm beside it, SQLite cannot even read a write-ahead log's database."""
    folder = open_to_all(tmp_path)
    with Database(folder) as database:
        database.migrate()
    (folder / "photosync.db").chmod(0o644)
    folder.chmod(0o755)

    assert as_nobody(folder, "rw").startswith("state_folder ")
    answer = as_nobody(folder, "ro")
    assert answer.startswith(("state_folder ", "version 1"))


@AS_ROOT
def test_a_reader_needs_no_right_to_write_while_the_daemon_runs(tmp_path: Path) -> None:
    folder = open_to_all(tmp_path)
    with Database(folder) as database:
        database.migrate()
        Shelf(database).found("a.jpg")
        for file in folder.iterdir():
            file.chmod(0o644)
        folder.chmod(0o755)

        assert as_nobody(folder, "ro") == f"version {len(shipped_migrations())}\n"
