"""Resumable uploads that have begun: kept, so that a restart goes on where it stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from photosync.domain.uploads import UploadSession

if TYPE_CHECKING:
    from photosync.store.database import Database

LOAD = (
    "SELECT url, granularity_bytes, fingerprint, begun_at FROM upload_sessions WHERE item_id = :key"
)

SAVE = """
    INSERT INTO upload_sessions (item_id, url, granularity_bytes, fingerprint, begun_at)
    VALUES (:key, :url, :granularity_bytes, :fingerprint, :begun_at)
    ON CONFLICT (item_id) DO UPDATE SET url = excluded.url, begun_at = excluded.begun_at,
        granularity_bytes = excluded.granularity_bytes, fingerprint = excluded.fingerprint
"""

FORGET = "DELETE FROM upload_sessions WHERE item_id = :key"


class UploadSessions:
    """Begun uploads by item."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, key: int) -> UploadSession | None:
        """The session of item ``key``, if one has begun."""
        row = self._database.row(LOAD, {"key": key})
        return None if row is None else UploadSession(*row)

    def save(self, key: int, session: UploadSession) -> None:
        """Remember ``session`` in place of an earlier one."""
        self._database.run(SAVE, {"key": key, **asdict(session)})

    def forget(self, key: int) -> None:
        """Drop it; nothing happens if there is none."""
        self._database.run(FORGET, {"key": key})
