"""One SQLite file, a connection per thread, short transactions.

WAL with ``synchronous=NORMAL``: a power cut may take back the last moves but never tears the
file, and every move may be made again (the library knows bytes it has already).
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from photosync.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseTooNew,
    DiskFull,
    PhotosyncError,
    StateFolderUnusable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Row = sqlite3.Row

DATABASE_NAME = "photosync.db"
BUSY_SECONDS = 30.0
BACKUPS_KEPT = 3
LARGEST_LEFT_JOURNAL = 4 << 20
"""A burst of writes may grow the write-ahead log; so much of it stays on the disk."""
Parameters = dict[str, Any]


def shipped_migrations() -> list[str]:
    """The SQL of every migration, oldest first; number n brings the file to version n."""
    folder = resources.files("photosync.store").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


class Database:
    """The state database under ``state_dir``.

    Every thread gets a connection of its own on first use. ``read_only`` opens the file without
    ever writing to it, for commands that only look.
    """

    def __init__(self, state_dir: Path, *, read_only: bool = False) -> None:
        self.file = state_dir / DATABASE_NAME
        self._read_only = read_only
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._all_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def exists(self) -> bool:
        """Whether there is a database yet."""
        return self.file.exists()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            with translated(self.file):
                found = self._connect()
            self._local.connection = found
            with self._all_lock:
                self._all.append(found)
        return found

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # close() runs in the main thread
        )
        connection.row_factory = sqlite3.Row
        if self._read_only:
            return connection
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LEFT_JOURNAL}")
        except BaseException:
            connection.close()
            raise
        return connection

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[sqlite3.Row]:
        """Every row of one query."""
        with translated(self.file):
            return self.connection().execute(sql, parameters or {}).fetchall()

    def row(self, sql: str, parameters: Parameters | None = None) -> sqlite3.Row | None:
        """The first row of one query, or None."""
        with translated(self.file):
            found: sqlite3.Row | None = self.connection().execute(sql, parameters or {}).fetchone()
            return found

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, begun at once so that it never has to be upgraded; never nested."""
        connection = self.connection()
        with translated(self.file):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        """One statement in a transaction of its own; the rows it returns."""
        with self.write() as connection:
            return connection.execute(sql, dict(parameters or {})).fetchall()

    def version(self) -> int:
        """How many migrations the file has seen."""
        with translated(self.file):
            return int(self.connection().execute("PRAGMA user_version").fetchone()[0])

    def migrate(self, migrations: Sequence[str] | None = None, *, today: str = "") -> None:
        """Bring the file to the newest version, keeping a copy of the older one beside it.

        Raises:
            DatabaseTooNew: A newer photosync wrote it.
            DatabaseDamaged: It is no database any more.
            StateFolderUnusable: It cannot be created or written.
        """
        steps = shipped_migrations() if migrations is None else migrations
        self._refuse_emptied_file()
        version = self.version()
        if version > len(steps):
            raise DatabaseTooNew(
                f"The database {self.file} was written by a newer photosync (its version is"
                f" {version}, this one knows {len(steps)}).",
                hint="Update photosync, or use another state_dir.",
            )
        if 0 < version < len(steps):
            self.keep_copy(f"v{version}-{today}" if today else f"v{version}")
        for number, sql in enumerate(steps[version:], start=version + 1):
            self._step(number, sql)
        self._look_around()

    def _refuse_emptied_file(self) -> None:
        """A file of 0 bytes beside kept copies was emptied by an accident: never start over it."""
        if self.exists and self.file.stat().st_size == 0 and self.copies():
            raise self._damaged("it is empty")

    def _step(self, number: int, sql: str) -> None:
        """One migration in one transaction, unless another process was quicker."""
        with self.write() as connection:
            if int(connection.execute("PRAGMA user_version").fetchone()[0]) >= number:
                return
            for statement in statements_of(sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")

    def _look_around(self) -> None:
        """Read a little of every table: a damaged file should say so now, not at midnight."""
        names = self.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for row in names:
            quoted = str(row["name"]).replace('"', '""')
            self.rows(f'SELECT * FROM "{quoted}" LIMIT 1')  # noqa: S608 - names of our own schema

    def keep_copy(self, mark: str) -> Path:
        """Write a consistent copy ``photosync.db.MARK.bak``; the newest few are kept."""
        target = self.file.with_name(f"{DATABASE_NAME}.{mark}.bak")
        fresh = target.with_name(target.name + ".part")
        fresh.unlink(missing_ok=True)
        with translated(self.file):
            self.connection().execute("VACUUM INTO :target", {"target": str(fresh)})
        fresh.replace(target)
        for old in self.copies()[BACKUPS_KEPT:]:
            old.unlink()
        return target

    def copies(self) -> list[Path]:
        """The kept copies, newest first."""
        found = self.file.parent.glob(f"{DATABASE_NAME}.*.bak")
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    def _damaged(self, why: str) -> DatabaseDamaged:
        return damaged(self.file, why, self.copies())

    def close(self) -> None:
        """Close every thread's connection."""
        with self._all_lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()


def statements_of(script: str) -> Iterator[str]:
    """The statements of an SQL script, one by one, triggers whole.

    ``executescript`` would commit before it begins, and leave its own transaction open should
    a statement fail.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """SQLite's words about the file as our own errors; everything else passes."""
    try:
        yield
    except PhotosyncError:
        raise
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        known = _explain(file, error)
        if known is None:
            raise
        raise known from error


def _explain(file: Path, error: sqlite3.DatabaseError) -> PhotosyncError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        copies = sorted(file.parent.glob(f"{DATABASE_NAME}.*.bak"), reverse=True)
        return damaged(file, str(error), copies)
    if name.startswith("SQLITE_FULL"):
        return DiskFull(f"The disk that holds {file} is full.")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")):
        return StateFolderUnusable(
            f"The database {file} cannot be opened or written: {error}.",
            hint="Give the user that runs photosync that folder, or set another state_dir.",
        )
    if name.startswith("SQLITE_BUSY"):
        return DatabaseError(
            f"The database {file} was locked by another program for {BUSY_SECONDS:.0f} s.",
            hint="Close the program that has it open.",
        )
    if name.startswith("SQLITE_IOERR"):
        return DiskFull(
            f"The disk that holds {file} answers with an error: {error}.",
            hint="Check that it is mounted, healthy and not full; work goes on by itself.",
        )
    return None


def damaged(file: Path, why: str, copies: Sequence[Path]) -> DatabaseDamaged:
    """The error for a file that is no sound database, with the way back."""
    if copies:
        cure = f"Stop photosync, then: mv {file} {file}.damaged && cp {copies[0]} {file}"
    else:
        cure = (
            f"No copy is kept. Stop photosync and move {file} away to start anew: photos that are"
            " in the library already are recognised by their bytes and not doubled."
        )
    return DatabaseDamaged(f"The database {file} is damaged ({why}).", hint=cure)
