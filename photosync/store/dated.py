"""Which photos are sent as a copy that carries a date, and which copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.dating import Dated, Origin

if TYPE_CHECKING:
    from photosync.store.database import Database

FIND = """
    SELECT dated_at, offset_seconds, origin, copy_sha256, may_be_there FROM dated
    WHERE sha256 = :sha256
"""

NOTE = """
    INSERT INTO dated (sha256, dated_at, offset_seconds, origin, copy_sha256, copy_bytes)
    VALUES (:sha256, :dated_at, :offset_seconds, :origin, :copy_sha256, :copy_bytes)
    ON CONFLICT (sha256) DO UPDATE SET dated_at = excluded.dated_at, origin = excluded.origin,
        offset_seconds = excluded.offset_seconds, copy_sha256 = excluded.copy_sha256,
        copy_bytes = excluded.copy_bytes
    WHERE NOT may_be_there
"""

FORGET = "DELETE FROM dated WHERE sha256 = :sha256 AND NOT may_be_there"

WAS_SENT = """
    SELECT 1 FROM media_items INDEXED BY media_items_by_content
    JOIN item_events INDEXED BY item_events_by_item ON item_events.item_id = media_items.id
    WHERE sha256 = :sha256 AND (after IN ('uploaded', 'done') OR code = 'assumed') LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Record:
    """The copy that is sent for a photo. ``may_be_there``: Google may have made a photo of it."""

    dated: Dated
    copy_sha256: str
    may_be_there: bool


class DatedRecords:
    """By the SHA-256 of the original."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, sha256: str) -> Record | None:
        """The copy on record, or None."""
        row = self._database.row(FIND, {"sha256": sha256})
        if row is None:
            return None
        dated = Dated(row["dated_at"], row["offset_seconds"], Origin(row["origin"]))
        return Record(dated, row["copy_sha256"], bool(row["may_be_there"]))

    def note(self, sha256: str, dated: Dated, *, copy_sha256: str, copy_bytes: int) -> None:
        """Before a byte of it is sent. One that may be there already stays on record."""
        values = {
            "sha256": sha256,
            "dated_at": dated.at,
            "offset_seconds": dated.offset_seconds,
            "origin": dated.origin,
            "copy_sha256": copy_sha256,
            "copy_bytes": copy_bytes,
        }
        self._database.run(NOTE, values)

    def forget(self, sha256: str) -> None:
        """It is sent as it is, after all."""
        self._database.run(FORGET, {"sha256": sha256})

    def was_sent(self, sha256: str) -> bool:
        """Whether these bytes were uploaded at any time, here or, as the user says, elsewhere."""
        return self._database.row(WAS_SENT, {"sha256": sha256}) is not None
