"""Every item with what is on record of where its bytes lie, page by page, the newest first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.states import State
from photosync.store.mapping import from_int64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from photosync.store.database import Database

AT_ONCE = 2000
NO_LIMIT = 2**62

ANY_TARGET = "SELECT 1 FROM backup_targets WHERE wanted = 1 LIMIT 1"

# of the backup the targets first: contents are found by target and hash
PAGE = """
    SELECT item.id, item.source_id, item.source_path, item.size_bytes, item.source_mtime_ns,
        item.taken_at, item.mime_type, item.state, item.error_code, item.mirror_path, item.sha256,
        item.unseen_at IS NULL AS is_seen,
        ifnull(stands.state, item.state) AS fate,
        iif(stands.id IS NULL, item.error_code, stands.error_code) AS fate_code,
        ifnull(stands.is_missing, item.is_missing) AS is_missing,
        EXISTS (
            SELECT 1 FROM backup_targets CROSS JOIN backups
            WHERE wanted = 1 AND backups.target_id = backup_targets.id
                AND backups.sha256 = item.sha256
                AND backups.verified_at > 0 AND backups.is_lost = 0) AS in_backup
    FROM media_items AS item LEFT JOIN media_items AS stands ON stands.id = item.duplicate_of
    WHERE item.id < :before AND (:source_id IS NULL OR item.source_id = :source_id)
    ORDER BY item.id DESC LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """One item by the record. ``fate``: the state of the item that stands for its bytes."""

    id: int
    source_id: int
    path: str
    size_bytes: int
    mtime_ns: int
    taken_at: int | None
    mime_type: str
    state: State
    mirror_path: str | None
    sha256: str | None
    is_seen: bool
    fate: State
    fate_code: str
    is_missing: bool
    in_backup: bool


class AllWhereabouts:
    """Reads the record; nothing of it is held longer than a page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_backup(self) -> bool:
        """Whether there is a second copy by the settings of the last run."""
        return self._database.row(ANY_TARGET) is not None

    def all(self, *, source_id: int | None = None) -> Iterator[Whereabouts]:
        """Each item that there is now, once; one that comes meanwhile is left to the next time."""
        values = {"source_id": source_id, "limit": AT_ONCE}
        before = NO_LIMIT
        while rows := self._database.rows(PAGE, {**values, "before": before}):
            yield from map(_whereabouts, rows)
            before = rows[-1]["id"]


STATES = {str(one): one for one in State}


def _whereabouts(row: sqlite3.Row) -> Whereabouts:
    mirror_path = row["mirror_path"]
    return Whereabouts(
        id=row["id"],
        source_id=row["source_id"],
        path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["source_mtime_ns"]),
        taken_at=row["taken_at"],
        mime_type=row["mime_type"],
        state=STATES[row["state"]],
        mirror_path=None if mirror_path is None else os.fsdecode(mirror_path),
        sha256=row["sha256"],
        is_seen=bool(row["is_seen"]),
        fate=STATES[row["fate"]],
        fate_code=row["fate_code"] or "",
        is_missing=bool(row["is_missing"]),
        in_backup=bool(row["in_backup"]),
    )
