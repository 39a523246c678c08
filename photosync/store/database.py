"""One SQLite file, a connection per thread, short transactions.

WAL with ``synchronous=NORMAL``: a power cut may take back the last moves but never tears the
file, and every move may be made again (the library knows bytes it has already).
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from photosync.errors import (
    NO_ROOM,
    DatabaseDamaged,
    DatabaseTooNew,
    DiskFull,
    PhotosyncError,
    Stopping,
)
from photosync.store.explaining import (
    BUSY_SECONDS,
    DATABASE_NAME,
    closed,
    damaged,
    kept_copies,
    translated,
)
from photosync.store.mapping import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Row = sqlite3.Row

log = logging.getLogger(__name__)

BACKUPS_KEPT = 3
KIND = re.compile("[a-z]+")
LEFT_OVER_SECONDS = 3600
"""An unfinished copy that is older was left by a process that is no more."""

SWITCH_SECONDS = 0.01
ASK_SECONDS = 0.5
"""So long SQLite waits by itself; then we see whether waiting on makes sense."""

STEPS = 10_000
"""Of SQLite's virtual machine; well under a millisecond."""

CLOSE_SECONDS = 5.0
"""A query that is broken off ends well before."""

CACHE_KIB = 512
"""Of pages, for each connection, and so for each thread: the kernel has them all anyway."""

LARGEST_LEFT_JOURNAL = 4 << 20
"""A burst of writes may grow the write-ahead log; so much of it stays on the disk."""
Parameters = dict[str, Any]


def shipped_migrations() -> list[str]:
    """The SQL of every migration, oldest first; number n brings the file to version n."""
    folder = resources.files("photosync.store").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


class Connection(sqlite3.Connection):
    """Takes any text: what UTF-8 cannot express is replaced before it reaches SQLite.

    ``busy`` is held by the thread that uses it, so that nobody closes it under its hands;
    ``is_over``: it was closed by somebody else, who ends the program.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.busy = threading.RLock()
        self.is_over = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        return super().execute(sql, _storable(parameters))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run one statement once for each of ``parameters``."""
        return super().executemany(sql, map(_storable, parameters))


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, which stays so for good.

    Two that switch a new file at once refuse each other without waiting, lest they deadlock:
    SQLite's own timeout does not hold here (https://sqlite.org/c3ref/busy_handler.html).
    """
    ends = time.monotonic() + BUSY_SECONDS
    while not _run_unless_busy(
        connection, "PRAGMA journal_mode = WAL", last=time.monotonic() >= ends
    ):
        time.sleep(SWITCH_SECONDS)


def _run_unless_busy(connection: sqlite3.Connection, sql: str, *, last: bool) -> bool:
    """Whether another process let it through; on the ``last`` try its refusal is raised."""
    try:
        connection.execute(sql)
    except sqlite3.OperationalError as error:
        if last or not error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        return False
    return True


def _storable(parameters: Any) -> Any:
    if isinstance(parameters, dict):
        return {name: storable(value) for name, value in parameters.items()}
    return [storable(value) for value in parameters]


class Database:
    """The state database under ``state_dir``.

    Every thread gets a connection of its own on first use. ``read_only`` opens the file without
    ever writing to it, for commands that only look.
    """

    def __init__(self, state_dir: Path, *, read_only: bool = False) -> None:
        self.file = state_dir / DATABASE_NAME
        self._read_only = read_only
        self._local = threading.local()
        self._all: list[Connection] = []
        self._all_lock = threading.Lock()
        self._writing = threading.RLock()  # a nested one is told so by SQLite
        self._hurried = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def exists(self) -> bool:
        """Whether there is a database yet."""
        return self.file.exists()

    def connection(self) -> Connection:
        """This thread's connection."""
        found: Connection | None = getattr(self._local, "connection", None)
        if found is None:
            with translated(self.file):
                found = self._connect()
            self._local.connection = found
            with self._all_lock:
                self._all.append(found)
        return found

    def _connect(self) -> Connection:
        mode = "ro" if self._read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=min(BUSY_SECONDS, ASK_SECONDS),
            isolation_level=None,
            check_same_thread=False,  # close() runs in the main thread
            factory=Connection,
        )
        connection.row_factory = sqlite3.Row
        if self._read_only:
            return connection
        try:
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LEFT_JOURNAL}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _kept(self, connection: Connection) -> Iterator[None]:
        """Nobody closes this thread's connection within the block; ``Stopping`` if it is by now."""
        with translated(self.file), connection.busy:
            if connection.is_over:
                raise Stopping
            yield

    def rows(
        self, sql: str, parameters: Parameters | Sequence[Any] | None = None
    ) -> list[sqlite3.Row]:
        """Every row of one query."""
        connection = self.connection()
        with self._kept(connection):
            return connection.execute(sql, parameters or {}).fetchall()

    def tuples(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Every row of one query, bare, for thousands at a time; ``parameters`` without text."""
        connection = self.connection()
        with self._kept(connection):
            cursor = connection.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters | None = None) -> sqlite3.Row | None:
        """The first row of one query, or None."""
        connection = self.connection()
        with self._kept(connection):
            found: sqlite3.Row | None = connection.execute(sql, parameters or {}).fetchone()
            return found

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Every query of this thread in the block sees the database as it was at the first."""
        connection = self.connection()
        with self._kept(connection):
            connection.execute("BEGIN")
            try:
                yield
            finally:
                self._undo(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, begun at once so that it never has to be upgraded; never nested."""
        connection = self.connection()
        ends = time.monotonic() + self._patience()
        with self._kept(connection), self._in_turn(ends):
            self._begin(connection, ends)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._undo(connection)
                raise

    @contextmanager
    def _in_turn(self, ends: float) -> Iterator[None]:
        """Threads wait for one another here, for SQLite would have them sleep, and look again.

        Who has waited for long enough asks SQLite all the same: that knows what is to be said.
        """
        is_mine = self._writing.acquire(timeout=ASK_SECONDS)
        while not is_mine and not self._hurried and time.monotonic() < ends:
            is_mine = self._writing.acquire(timeout=ASK_SECONDS)
        try:
            yield
        finally:
            if is_mine:
                self._writing.release()

    def _patience(self) -> float:
        return float(getattr(self._local, "patience", BUSY_SECONDS))

    def _begin(self, connection: sqlite3.Connection, ends: float) -> None:
        """Wait while another process writes: as long as this thread likes, unless all hurry."""
        while not _run_unless_busy(
            connection, "BEGIN IMMEDIATE", last=self._hurried or time.monotonic() >= ends
        ):
            pass  # SQLite itself has waited a little

    def be_brief(self) -> None:
        """This thread does not wait for other processes: what it writes is not that important."""
        self._local.patience = 0.0

    def hurry(self) -> None:
        """The program ends: nobody waits long for other processes any more."""
        self._hurried = True

    def _undo(self, connection: Connection) -> None:
        """End the transaction, whatever state it is in; SQLite may have ended it already."""
        if not connection.in_transaction:
            return
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error as error:  # what broke the transaction is raised; begin anew after it
            log.warning("database.reopened reason=%s", error)
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """Close this thread's connection; the next use opens another."""
        with self._all_lock, suppress(ValueError):  # close() may have been quicker
            self._all.remove(connection)
        self._local.connection = None
        connection.close()

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
            DiskFull: There is no room for it, or for the copy of the older one.
        """
        try:
            self._migrate(shipped_migrations() if migrations is None else migrations, today)
        except OSError as error:
            raise self._unusable(error) from error

    def _migrate(self, steps: Sequence[str], today: str) -> None:
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
        if version < len(steps):
            self._climb(steps)
        self._look_around()

    def _refuse_emptied_file(self) -> None:
        """A file of 0 bytes beside kept copies was emptied by an accident: never start over it."""
        if self.exists and self.file.stat().st_size == 0 and self.copies():
            raise self.damaged("it is empty")

    def _climb(self, steps: Sequence[str]) -> None:
        """All steps in one transaction: nobody ever sees a version between, or half of one.

        Another process may have been quicker.
        """
        with self.write() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            for sql in steps[version:]:
                for statement in statements_of(sql):
                    connection.execute(statement)
            if version < len(steps):
                connection.execute(f"PRAGMA user_version = {len(steps)}")

    def _look_around(self) -> None:
        """Read a little of every table: a damaged file should say so now, not at midnight."""
        names = self.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for row in names:
            quoted = str(row["name"]).replace('"', '""')
            self.rows(f'SELECT * FROM "{quoted}" LIMIT 1')  # noqa: S608 - names of our own schema

    def keep_copy(self, mark: str) -> Path:
        """Write a consistent copy ``photosync.db.MARK.bak``; the newest few of a kind are kept.

        The kind is what the mark begins with, before a hyphen or a number: ``daily``, ``v``.

        Raises:
            Stopping: The program ended before it was written.
            DiskFull, StateFolderUnusable: It could not be.
        """
        try:
            return self._keep_copy(mark)
        except OSError as error:
            raise self._unusable(error) from error

    def _keep_copy(self, mark: str) -> Path:
        target = self._copy(mark)
        for old in self.file.parent.glob(f"{DATABASE_NAME}.*.part"):
            if time.time() - old.stat().st_mtime > LEFT_OVER_SECONDS:
                old.unlink(missing_ok=True)
        fresh = target.with_name(f"{target.name}.{os.getpid()}.part")  # two may upgrade at once
        fresh.unlink(missing_ok=True)
        try:
            self._vacuum_into(fresh)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(target)
        _sync(target.parent)
        kind = KIND.match(mark)
        beginning = kind[0] if kind else mark
        others = [one for one in self.copies() if one != target]  # whatever the clock said then
        family = [one for one in others if _mark(one).startswith(beginning)]
        for old in family[BACKUPS_KEPT - 1 :]:
            old.unlink()
        return target

    def _vacuum_into(self, target: Path) -> None:
        """Gigabytes take long; nobody waits for them once the program ends."""
        connection = self.connection()
        connection.set_progress_handler(lambda: self._hurried, STEPS)
        try:
            with translated(self.file):
                connection.execute("VACUUM INTO :target", {"target": str(target)})
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_INTERRUPT":
                raise
            raise Stopping from error
        finally:
            connection.set_progress_handler(None, 0)
        _sync(target)  # before it takes the place of an older one

    def _copy(self, mark: str) -> Path:
        return self.file.with_name(f"{DATABASE_NAME}.{mark}.bak")

    def copied_at(self, kind: str) -> float | None:
        """When the newest copy of a kind was made, in seconds UTC; None if there is none."""
        made = [one.stat().st_mtime for one in self.copies() if _mark(one).startswith(kind)]
        return max(made, default=None)

    def changed_at(self) -> float:
        """When the database was last written to, in seconds UTC."""
        log_file = self.file.with_name(f"{DATABASE_NAME}-wal")
        return max(one.stat().st_mtime for one in (self.file, log_file) if one.exists())

    def copies(self) -> list[Path]:
        """The kept copies, newest first."""
        return kept_copies(self.file)

    def damaged(self, why: str) -> DatabaseDamaged:
        """The error that says so, with the way back."""
        return damaged(self.file, why, self.copies())

    def _unusable(self, error: OSError) -> PhotosyncError:
        if error.errno in NO_ROOM:
            return DiskFull(f"The disk that holds {self.file} is full.")
        return closed(self.file, str(error))

    def close(self) -> None:
        """Close every thread's connection; a query that runs is broken off: ``Stopping``.

        Whoever uses one for much longer keeps it: closed under a query, it would take the process
        along. It is as good as closed when that ends.
        """
        with self._all_lock:
            for connection in self._all:
                if not connection.busy.acquire(timeout=ASK_SECONDS):
                    connection.interrupt()
                    if not connection.busy.acquire(timeout=CLOSE_SECONDS):
                        log.warning("database.left_open")
                        continue
                try:
                    connection.is_over = True
                    connection.close()
                finally:
                    connection.busy.release()
            self._all.clear()
        self._local = threading.local()


def _mark(copy: Path) -> str:
    return copy.name.removeprefix(f"{DATABASE_NAME}.").removesuffix(".bak")


def _sync(path: Path) -> None:
    """See to it that a power cut does not take back a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # folders of some shares
            raise
    finally:
        os.close(descriptor)


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
