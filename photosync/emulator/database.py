"""The emulator's memory: one SQLite file, so that a kill -9 forgets nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS grants (
    id INTEGER PRIMARY KEY, user TEXT NOT NULL, scopes TEXT NOT NULL, refresh_token TEXT UNIQUE,
    created_at REAL NOT NULL, used_at REAL NOT NULL, expires_at REAL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS access_tokens (
    token TEXT PRIMARY KEY, grant_id INTEGER NOT NULL REFERENCES grants (id),
    expires_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, user TEXT NOT NULL, scopes TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL, challenge_method TEXT NOT NULL, offline INTEGER NOT NULL,
    expires_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS upload_sessions (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, state TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    file_name TEXT NOT NULL, hash_header TEXT NOT NULL, corrupt INTEGER NOT NULL DEFAULT 0,
    granularity_bytes INTEGER NOT NULL, upload_token TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS upload_tokens (
    token TEXT PRIMARY KEY, user TEXT NOT NULL, sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    file_name TEXT NOT NULL, created_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS items (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL,
    sha256 TEXT NOT NULL, size_bytes INTEGER NOT NULL, file_name TEXT NOT NULL,
    description TEXT NOT NULL, mime_type TEXT NOT NULL, width INTEGER NOT NULL,
    height INTEGER NOT NULL, taken_at REAL NOT NULL, created_at REAL NOT NULL,
    by_app INTEGER NOT NULL, UNIQUE (user, sha256)
) STRICT;
CREATE TABLE IF NOT EXISTS albums (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL,
    title TEXT NOT NULL, cover_id TEXT NOT NULL DEFAULT '', by_app INTEGER NOT NULL,
    writeable INTEGER NOT NULL DEFAULT 1, created_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS album_entries (
    album_id TEXT NOT NULL REFERENCES albums (id), entry_id TEXT NOT NULL,
    position INTEGER NOT NULL, enrichment TEXT, PRIMARY KEY (album_id, entry_id)
) STRICT;
CREATE INDEX IF NOT EXISTS album_entries_order ON album_entries (album_id, position);
CREATE INDEX IF NOT EXISTS album_entries_of ON album_entries (entry_id);
CREATE TABLE IF NOT EXISTS spent (
    day TEXT NOT NULL, kind TEXT NOT NULL, requests INTEGER NOT NULL, counted INTEGER NOT NULL,
    PRIMARY KEY (day, kind)
) STRICT;
CREATE TABLE IF NOT EXISTS recent (
    user TEXT NOT NULL, meter TEXT NOT NULL, at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS recent_at ON recent (user, meter, at);
"""


class Database:
    """One connection, shared by the server's thread and the test's behind a lock."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # NORMAL does not survive a power cut, but it does survive kill -9, which is what we test.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def run(self, sql: str, **values: Any) -> int:
        """Run one statement; how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, **values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, **values: Any) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def number(self, sql: str, **values: Any) -> int:
        """The one number a query yields; 0 for none."""
        row = self.row(sql, **values)
        return int(row[0] or 0) if row else 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; other threads wait."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
