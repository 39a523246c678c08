"""One file: made, migrated, copied, and never taken for sound when it is not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from photosync.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseTooNew,
    DiskFull,
    PhotosyncError,
    StateFolderUnusable,
    Stopping,
)
from photosync.store import database as database_module
from photosync.store.database import CACHE_KIB, Database, shipped_migrations, statements_of
from photosync.store.explaining import translated
from photosync.store.overview import Overview
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.store.database import Connection

ONE = "CREATE TABLE one (a INTEGER) STRICT;\nINSERT INTO one VALUES (1);"
TWO = "CREATE TABLE two (b INTEGER) STRICT;"


def tables(database: Database) -> set[str]:
    rows = database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {row["name"] for row in rows}


def make(folder: Path, *migrations: str) -> None:
    with Database(folder) as database:
        database.migrate(list(migrations) or None)


def sound(file: Path) -> bool:
    with sqlite3.connect(file) as connection:
        answer = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return answer == [("ok",)]


def test_from_nothing_to_the_newest_and_nothing_more(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        before = database.exists
        database.migrate()
        first = tables(database)
        database.migrate()

        assert (before, database.exists) == (False, True)
        assert database.version() == len(shipped_migrations())
        assert tables(database) == first > {"media_items", "item_events", "tallies", "sources"}
        assert database.copies() == []
        assert [tuple(row) for row in database.rows("PRAGMA journal_mode")] == [("wal",)]
        assert [tuple(row) for row in database.rows("PRAGMA foreign_keys")] == [(1,)]


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path, ONE, TWO)

    with Database(tmp_path) as database, pytest.raises(DatabaseTooNew, match="version is 2"):
        database.migrate([ONE])


def test_only_the_steps_that_are_missing_are_made_and_a_copy_is_kept(tmp_path: Path) -> None:
    make(tmp_path, ONE)

    with Database(tmp_path) as database:
        database.migrate([ONE, TWO], today="20261123")

        assert tables(database) == {"one", "two"}
        (copy,) = database.copies()
    assert copy.name == "photosync.db.v1-20261123.bak"
    with sqlite3.connect(copy) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT a FROM one").fetchall() == [(1,)]
    connection.close()


def test_the_newest_three_copies_are_kept(tmp_path: Path) -> None:
    make(tmp_path, ONE)
    with Database(tmp_path) as database:
        for number in (8, 9, 10, 11):
            os.utime(database.keep_copy(f"v{number}"), ns=(number, number))
        (tmp_path / "photosync.db.v11.bak.part").write_bytes(b"a copy that a kill broke off")
        database.keep_copy("v11")

        assert [copy.name for copy in database.copies()] == [
            f"photosync.db.v{number}.bak" for number in (11, 10, 9)
        ]
        assert sound(database.copies()[0])


def test_a_migration_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    make(tmp_path, ONE)
    broken = f"{TWO}\nINSERT INTO one VALUES (2);\nINSERT INTO nowhere VALUES (3);"

    with Database(tmp_path) as database:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            database.migrate([ONE, broken])

        assert database.version() == 1
        assert tables(database) == {"one"}
        assert len(database.rows("SELECT * FROM one")) == 1
        database.migrate([ONE, TWO])
        assert database.version() == 2


def test_a_quicker_process_made_the_step_already(tmp_path: Path) -> None:
    with Database(tmp_path) as slow:
        assert slow.version() == 0
        make(tmp_path, ONE)
        slow._climb([ONE])
        assert len(slow.rows("SELECT * FROM one")) == 1
        slow._climb([ONE, TWO])
        slow._climb([ONE])
        assert slow.version() == 2


def test_triggers_are_kept_whole() -> None:
    script = (
        "CREATE TABLE t (a);\nCREATE TRIGGER g AFTER INSERT ON t\nBEGIN\n"
        " SELECT 1;\n SELECT 2;\nEND;\nSELECT 3"
    )

    assert [one.split()[1] for one in statements_of(script)] == ["TABLE", "TRIGGER", "3"]
    assert "".join(statements_of(script)) == script


def damage_header(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\xff" * 100)


def damage_schema(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(os.urandom(3996))


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 - 100)


@pytest.mark.parametrize("damage", [damage_header, damage_schema, cut])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_file_says_so_at_once(tmp_path: Path, damage: object, read_only: bool) -> None:
    make(tmp_path)
    assert callable(damage)
    damage(tmp_path / "photosync.db")

    with (
        Database(tmp_path, read_only=read_only) as database,
        pytest.raises(DatabaseDamaged, match="is damaged") as caught,
    ):
        database.migrate()
    assert "No copy is kept" in caught.value.hint


def test_damage_in_the_middle_says_so_when_it_is_met(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.migrate()
        shelf = Shelf(database)
        shelf.found(*(f"{number:0200}.jpg" for number in range(500)))
    file = tmp_path / "photosync.db"
    pages = file.stat().st_size // 4096
    with file.open("r+b") as opened:
        for page in range(pages // 2, pages):
            opened.seek(page * 4096)
            opened.write(b"\x5a" * 4096)

    with Database(tmp_path) as database:
        overview = Overview(database)
        with pytest.raises(DatabaseDamaged):
            overview.items(limit=1000)


def test_an_emptied_file_beside_copies_is_never_started_over(tmp_path: Path) -> None:
    make(tmp_path, ONE)
    make(tmp_path, ONE, TWO)
    os.truncate(tmp_path / "photosync.db", 0)

    with Database(tmp_path) as database, pytest.raises(DatabaseDamaged, match="it is empty"):
        database.migrate([ONE, TWO])


@pytest.mark.parametrize("folder", ["plain", "it's a folder"])
def test_the_hint_really_brings_back_the_copy(tmp_path: Path, folder: str) -> None:
    state = tmp_path / folder
    state.mkdir()
    make(state, ONE)
    for mark, at in (("v10", 2), ("v9", 1)):
        with Database(state) as database:
            os.utime(database.keep_copy(mark), ns=(at, at))
            if mark == "v10":
                database.run("INSERT INTO one VALUES (2)")
    reader = sqlite3.connect(state / "photosync.db")  # its write-ahead log stays on the disk
    with Database(state) as database:
        database.run("INSERT INTO one VALUES (3)")
        shutil.copy(state / "photosync.db-wal", state / "kept")
    reader.close()
    damage_header(state / "photosync.db")

    with Database(state) as database, pytest.raises(DatabaseDamaged) as caught:
        database.migrate([ONE])
    shutil.move(state / "kept", state / "photosync.db-wal")
    command = caught.value.hint.removeprefix("Stop photosync, then: ")
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - the hint is a line for a shell

    with Database(state) as database:
        database.migrate([ONE])
        assert [row["a"] for row in database.rows("SELECT a FROM one")] == [1]
    assert sound(state / "photosync.db")
    assert (state / "photosync.db.damaged" / "photosync.db-wal").exists()


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with Database(tmp_path / "state") as database, pytest.raises(StateFolderUnusable):
        database.migrate()


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "photosync.db").mkdir()

    with Database(tmp_path) as database, pytest.raises(StateFolderUnusable):
        database.migrate()


def test_no_folder_at_all(tmp_path: Path) -> None:
    with Database(tmp_path / "none") as database, pytest.raises(StateFolderUnusable):
        database.migrate()


@pytest.mark.parametrize("read_only", [False, True])
def test_trouble_with_the_folder_is_told_in_our_words(tmp_path: Path, read_only: bool) -> None:
    database = Database(tmp_path / ("n" * 300), read_only=read_only)

    with pytest.raises(StateFolderUnusable):
        database.migrate()


def test_no_room_for_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, ONE)

    def full(_self: Database, _mark: str) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Database, "keep_copy", full)
    with Database(tmp_path) as database, pytest.raises(DiskFull):
        database.migrate([ONE, TWO])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("SQLITE_CORRUPT", DatabaseDamaged),
        ("SQLITE_CORRUPT_INDEX", DatabaseDamaged),
        ("SQLITE_NOTADB", DatabaseDamaged),
        ("SQLITE_FULL", DiskFull),
        ("SQLITE_IOERR_WRITE", DiskFull),
        ("SQLITE_NOLFS", DiskFull),
        ("SQLITE_CANTOPEN", StateFolderUnusable),
        ("SQLITE_READONLY_DBMOVED", StateFolderUnusable),
        ("SQLITE_PERM", StateFolderUnusable),
        ("SQLITE_AUTH", StateFolderUnusable),
        ("SQLITE_BUSY_SNAPSHOT", DatabaseError),
        ("SQLITE_LOCKED", DatabaseError),
        ("SQLITE_PROTOCOL", DatabaseError),
    ],
)
def test_every_word_of_sqlite_about_the_file_is_one_of_ours(
    tmp_path: Path, name: str, error: type[PhotosyncError]
) -> None:
    theirs = sqlite3.OperationalError("what it says")
    theirs.sqlite_errorname = name

    with pytest.raises(error) as caught, translated(tmp_path / "photosync.db"):
        raise theirs
    assert type(caught.value) is error
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "error",
    [sqlite3.IntegrityError("CHECK"), sqlite3.OperationalError("no such table"), ValueError()],
)
def test_bugs_are_not_dressed_up(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated(tmp_path / "photosync.db"):
        raise error
    assert caught.value is error


def test_a_locked_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.0)
    make(tmp_path, ONE)
    other = sqlite3.connect(tmp_path / "photosync.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with Database(tmp_path) as database:
        with pytest.raises(DatabaseError, match="locked by another program"):
            database.run("INSERT INTO one VALUES (2)")
        other.execute("ROLLBACK")
        other.close()
        database.run("INSERT INTO one VALUES (2)")


def test_a_failed_transaction_is_undone_and_the_next_goes_through(database: Database) -> None:
    def half() -> None:
        with database.write() as connection:
            connection.execute("INSERT INTO flags (name, value, at) VALUES ('a', '', 1)")
            text = "in the middle"
            raise ValueError(text)

    with pytest.raises(ValueError, match="in the middle"):
        half()
    assert database.rows("SELECT * FROM flags") == []
    database.run("INSERT INTO flags (name, value, at) VALUES ('b', '', 1)")


@pytest.mark.parametrize("and_rollback", [False, True])
def test_a_commit_that_fails_does_not_hold_up_the_next(
    database: Database, and_rollback: bool
) -> None:
    first = database.connection()
    refused = {"COMMIT", "ROLLBACK"} if and_rollback else {"COMMIT"}

    def judge(action: int, name: str | None, *_: object) -> int:
        is_refused = action == sqlite3.SQLITE_TRANSACTION and name in refused
        return sqlite3.SQLITE_DENY if is_refused else sqlite3.SQLITE_OK

    first.set_authorizer(judge)
    with pytest.raises(StateFolderUnusable):
        database.run("INSERT INTO flags (name, value, at) VALUES ('a', '', 1)")
    if not and_rollback:
        assert database.connection() is first
        first.set_authorizer(None)

    database.run("INSERT INTO flags (name, value, at) VALUES ('b', '', 1)")
    assert [row["name"] for row in database.rows("SELECT name FROM flags")] == ["b"]


def test_reading_only_never_writes(tmp_path: Path) -> None:
    make(tmp_path)
    with Database(tmp_path, read_only=True) as database:
        assert database.version() == len(shipped_migrations())
        assert Overview(database).counts().total() == 0
        with pytest.raises(StateFolderUnusable):
            database.run("INSERT INTO flags (name, value, at) VALUES ('a', '', 1)")


def test_reading_only_makes_no_file(tmp_path: Path) -> None:
    with Database(tmp_path, read_only=True) as database, pytest.raises(StateFolderUnusable):
        database.version()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_database_opens_again_on_use(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.migrate()
    shelf = Shelf(database)
    shelf.found("a")
    database.close()

    assert shelf.overview.counts().total() == 1
    shelf.control.set_flag("a", "b", now=NOW)
    database.close()
    database.close()


def test_the_switch_to_the_write_ahead_log_waits_for_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(tmp_path / "photosync.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    waits = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("ROLLBACK")

    monkeypatch.setattr("photosync.store.database.time.sleep", wait)
    connection = sqlite3.connect(tmp_path / "photosync.db", timeout=0)
    database_module._use_wal(connection)

    assert len(waits) == 1
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    other.close()


def test_a_new_file_that_another_program_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.0)
    other = sqlite3.connect(tmp_path / "photosync.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with Database(tmp_path) as database:
        with pytest.raises(DatabaseError, match="locked by another program"):
            database.migrate()
        other.execute("ROLLBACK")
        other.close()
        database.migrate()
        assert database.version() == len(shipped_migrations())


def test_each_thread_keeps_few_pages(database: Database) -> None:
    """Forty threads with SQLite's own 2 MB each took 80 MB once they had seen a large database."""

    def kept() -> int:
        return int(database.connection().execute("PRAGMA cache_size").fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        assert {kept(), pool.submit(kept).result()} == {-CACHE_KIB}
    assert CACHE_KIB <= 512


ENDLESS = """
    WITH RECURSIVE some (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM some) SELECT sum(x) FROM some
"""
CLOSED_UNDER_A_QUERY = f"""
import sys, threading
from pathlib import Path
from photosync.errors import Stopping
from photosync.store.database import Database

database = Database(Path(sys.argv[1]))
database.migrate()
began = threading.Event()

def ask():
    database.connection().create_function("began", 0, began.set)
    database.rows("SELECT began()")
    try:
        database.rows({ENDLESS!r})
    except Stopping as error:
        print(error.code)

asking = threading.Thread(target=ask)
asking.start()
began.wait()
database.close()
asking.join()
print("whole")
"""


def test_what_is_closed_under_a_query_takes_nobody_along(tmp_path: Path) -> None:
    """SQLite has no mercy: a process of its own tries it."""
    ended = subprocess.run(
        [sys.executable, "-c", CLOSED_UNDER_A_QUERY, tmp_path],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "stopping\nwhole\n"), ended.stderr


class Watched(Database):
    """Tells whenever somebody has got a connection."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.got = threading.Semaphore(0)

    def connection(self) -> Connection:
        found = super().connection()
        self.got.release()
        return found


@pytest.mark.parametrize(
    "use",
    [
        lambda database: database.rows("SELECT 1"),
        lambda database: database.row("SELECT 1"),
        lambda database: database.run("CREATE TABLE late (a INTEGER) STRICT"),
    ],
)
def test_who_comes_while_it_is_closed_is_told_to_stop(
    tmp_path: Path, use: Callable[[Database], object]
) -> None:
    """Else a worker that is left behind takes it for a fault of the photo in its hands."""
    database = Watched(tmp_path)
    database.migrate([ONE])
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(database.connection).result()
        with theirs.busy:  # as close() holds it, a moment before it is closed
            while database.got.acquire(blocking=False):
                pass
            late = pool.submit(use, database)
            assert database.got.acquire(timeout=60)
            database.close()
        with pytest.raises(Stopping):
            late.result()
    assert "late" not in tables(database)
    database.close()
