"""Unfinished items of one source, page by page, for settings that changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.store.duplicates import promote
from photosync.store.mapping import from_int64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from photosync.store.database import Database

AT_ONCE = 1000

AFTER = """
    SELECT id, source_path, size_bytes, source_mtime_ns, mime_type, taken_at, album, chosen,
        sha1 IS NOT NULL AS is_hashed
    FROM media_items INDEXED BY media_items_waiting
    WHERE source_id = :source_id AND id > :last
        AND state IN ('held', 'found', 'mirrored', 'uploaded', 'duplicate')
    ORDER BY id LIMIT :limit
"""

LEAVE_OUT = """
    UPDATE media_items SET state = 'skipped', upload_token = NULL, token_at = NULL,
        duplicate_of = NULL, leased_by = NULL, error_code = 'excluded', error_message = :why,
        updated_at = :now
    WHERE id = :id AND (leased_by IS NULL OR :alone)
"""

MOVE_TO_ALBUM = "UPDATE media_items SET album = :album WHERE id = :id"


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """What settings are held against."""

    id: int
    path: str
    size_bytes: int
    mtime_ns: int
    mime_type: str
    taken_at: int | None
    album: str
    is_hashed: bool
    is_chosen: bool


class Waiting:
    """The items that are held, found, mirrored or uploaded, and duplicates, which may be found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, last: int, *, source_id: int, limit: int) -> list[WaitingItem]:
        """Up to ``limit`` of them with numbers above ``last``, in order."""
        values = {"source_id": source_id, "last": last, "limit": limit}
        return [
            WaitingItem(
                id=row["id"],
                path=os.fsdecode(row["source_path"]),
                size_bytes=row["size_bytes"],
                mtime_ns=from_int64(row["source_mtime_ns"]),
                mime_type=row["mime_type"],
                taken_at=row["taken_at"],
                album=row["album"],
                is_hashed=bool(row["is_hashed"]),
                is_chosen=bool(row["chosen"]),
            )
            for row in self._database.rows(AFTER, values)
        ]

    def pages(self, source_id: int) -> Iterator[list[WaitingItem]]:
        """All of them, ``AT_ONCE`` at a time."""
        last = 0
        while some := self.after(last, source_id=source_id, limit=AT_ONCE):
            yield some
            last = some[-1].id

    def change(
        self,
        *,
        left_out: Mapping[int, str],
        albums: Mapping[int, str],
        now: int,
        alone: bool,
    ) -> None:
        """→ skipped, with one sentence why, and other albums; in one transaction.

        Another file with the bytes of one that is left out is read anew: it may be taken.
        ``alone``: no worker runs, so that leases are of no account; else what is in hand goes on.
        """
        if not left_out and not albums:
            return
        with self._database.write() as connection:
            for number, album in albums.items():
                connection.execute(MOVE_TO_ALBUM, {"id": number, "album": album})
            for number, why in left_out.items():
                values = {"id": number, "why": why, "now": now, "alone": alone}
                if connection.execute(LEAVE_OUT, values).rowcount:
                    promote(connection, number, now)
