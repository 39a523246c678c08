"""What the user takes as uploaded already: its bytes are remembered, and left out.

It is the user's word and no proof. An item that is left out for it is ``skipped`` and never
``done``: nothing that asks whether the library holds a photo may count it. ``choose`` takes the
word back, for the item and for its bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.backups import ASSUMED
from photosync.domain.states import State
from photosync.store.duplicates import FILE_CODES, promote
from photosync.store.intake import insert
from photosync.store.mapping import from_int64, to_int64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from photosync.domain.media import Finding
    from photosync.store.database import Database, Parameters

CODE = ASSUMED
MESSAGE = "Taken as uploaded already, by photosync import."

REMEMBER = """
    INSERT INTO assumed_files (path, size_bytes, mtime_ns, sha256, origin, at)
    VALUES (:path, :size_bytes, :mtime_ns, :sha256, :origin, :now)
    ON CONFLICT (path) DO UPDATE SET size_bytes = excluded.size_bytes,
        mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, origin = excluded.origin,
        at = excluded.at
"""

READ_BEFORE = "SELECT size_bytes, mtime_ns, sha256 FROM assumed_files WHERE path = :path"

SET_OUT = f"""
    UPDATE media_items SET state = 'skipped', chosen = 0, upload_token = NULL, token_at = NULL,
        duplicate_of = NULL, attempts = 0, not_before = 0, error_code = '{CODE}',
        error_message = '{MESSAGE}', updated_at = :now
"""  # noqa: S608 - made of this module's constants

# whatever stood on record of its bytes, the import has read them now
LEAVE_OUT_FILE = f"""
    {SET_OUT}, sha256 = :sha256, sha1 = NULL
    WHERE source_id = :source_id AND source_path = :source_path AND size_bytes = :size_bytes
        AND source_mtime_ns = :mtime_ns AND leased_by IS NULL
        AND (state IN ('held', 'found', 'mirrored', 'uploaded', 'failed')
             OR (state = 'skipped' AND error_code NOT IN ('by_user', '{CODE}')))
    RETURNING id
"""

LEAVE_OUT_BYTES = f"""
    {SET_OUT}
    WHERE sha256 = :sha256 AND leased_by IS NULL
        AND (state IN ('mirrored', 'uploaded')
             OR (state = 'failed' AND error_code NOT IN {FILE_CODES}))
    RETURNING id
"""

LEAVE_OUT_ALIKE = f"{SET_OUT} WHERE duplicate_of = :id AND sha256 = :sha256 RETURNING id"

IS_ASSUMED = """
    SELECT 1 FROM assumed_files
    WHERE sha256 = :sha256
        AND NOT EXISTS (SELECT 1 FROM media_items WHERE id = :id AND chosen) LIMIT 1
"""

FORGET = """
    DELETE FROM assumed_files WHERE sha256 = (
        SELECT sha256 FROM media_items
        WHERE id = :id AND leased_by IS NULL AND state IN ('held', 'skipped'))
"""

TALLY = "SELECT items, bytes FROM assumed_tally"


@dataclass(frozen=True, slots=True)
class Assumed:
    """A file that was read: ``path`` is absolute, ``mtime_ns`` and ``size_bytes`` its version.

    ``source_id``, ``finding``: of the watched folder that it lies in, if it lies in one.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    source_id: int | None = None
    finding: Finding | None = None


class AssumedFiles:
    """Files whose bytes are taken as uploaded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sha256_of(self, path: str, size_bytes: int, mtime_ns: int) -> str | None:
        """The hash of exactly this version, if an import has read it before."""
        row = self._database.row(READ_BEFORE, {"path": os.fsencode(path)})
        if row is None:
            return None
        known = (row["size_bytes"], from_int64(row["mtime_ns"]))
        return str(row["sha256"]) if known == (size_bytes, mtime_ns) else None

    def take(self, files: Sequence[Assumed], *, origin: str, now: int) -> int:
        """Remember their bytes, and leave out every item that has them; how many items.

        An item in a worker's hands goes on, and costs a little quota; what is done stays done.
        """
        with self._database.write() as connection:
            return sum(_take(connection, one, origin, now) for one in files)

    def items(self) -> tuple[int, int]:
        """How many items are left out for it, and their bytes."""
        row = self._database.row(TALLY)
        return (0, 0) if row is None else (row["items"], row["bytes"])


def is_assumed(connection: sqlite3.Connection, values: Parameters) -> bool:
    """Whether the bytes ``sha256`` are taken as uploaded; False if item ``id`` was chosen."""
    return connection.execute(IS_ASSUMED, values).fetchone() is not None


def forget(connection: sqlite3.Connection, item_id: int) -> None:
    """The bytes of that item are not taken as uploaded any more."""
    connection.execute(FORGET, {"id": item_id})


def _take(connection: sqlite3.Connection, file: Assumed, origin: str, now: int) -> int:
    values: Parameters = {
        "path": os.fsencode(file.path),
        "size_bytes": file.size_bytes,
        "mtime_ns": to_int64(file.mtime_ns),
        "sha256": file.sha256,
        "origin": origin,
        "now": now,
    }
    connection.execute(REMEMBER, values)
    gone = connection.execute(LEAVE_OUT_BYTES, values).fetchall()
    if file.source_id is not None and file.finding is not None:
        insert(connection, file.source_id, file.finding, first=State.FOUND, now=now)
        values |= {"source_id": file.source_id, "source_path": os.fsencode(file.finding.path)}
        gone += connection.execute(LEAVE_OUT_FILE, values).fetchall()
    return len(gone) + sum(_with_it(connection, row["id"], values) for row in gone)


def _with_it(connection: sqlite3.Connection, item_id: int, values: Parameters) -> int:
    """Its duplicates share its fate; those of other bytes, by the record, are read anew."""
    alike = connection.execute(LEAVE_OUT_ALIKE, {**values, "id": item_id}).fetchall()
    promote(connection, item_id, values["now"])
    return len(alike)
