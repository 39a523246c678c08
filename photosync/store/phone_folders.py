"""What the user decided about folders of phones that the settings do not name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photosync.store.database import Database

Choice = Literal["new", "take", "leave"]

SEEN = """
    INSERT INTO phone_folders (source_id, path, choice, photos, bytes, newest_at, seen_at)
    VALUES (:source_id, :path, :choice, :photos, :bytes, :newest_at, :now)
    ON CONFLICT (source_id, path) DO UPDATE SET photos = excluded.photos, bytes = excluded.bytes,
        newest_at = excluded.newest_at, seen_at = excluded.seen_at
"""

CHOOSE = """
    INSERT INTO phone_folders (source_id, path, choice, seen_at)
    VALUES (:source_id, :path, :choice, :now)
    ON CONFLICT (source_id, path) DO UPDATE SET choice = excluded.choice
"""

OF_SOURCE = "SELECT * FROM phone_folders WHERE source_id = :source_id ORDER BY path"


@dataclass(frozen=True, slots=True)
class PhoneFolder:
    """A folder as it was last seen. ``photos``: photos and videos; ``newest_at`` seconds UTC."""

    path: str
    choice: Choice
    photos: int
    size_bytes: int
    newest_at: int | None


class PhoneFolders:
    """Folders with photos outside of ``phone.folders``, and the user's say over any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(
        self,
        source_id: int,
        folders: Iterable[tuple[str, int, int, int]],
        *,
        choice: Choice,
        now: int,
    ) -> None:
        """Note (path, photos, bytes, newest); ``choice`` is for those never seen before."""
        with self._database.write() as connection:
            for path, photos, size_bytes, newest_at in folders:
                values = {
                    "source_id": source_id,
                    "path": os.fsencode(path),
                    "choice": choice,
                    "photos": photos,
                    "bytes": size_bytes,
                    "newest_at": newest_at,
                    "now": now,
                }
                connection.execute(SEEN, values)

    def choose(self, source_id: int, paths: Iterable[str], *, choice: Choice, now: int) -> None:
        """Take folders from now on, or leave them."""
        with self._database.write() as connection:
            for path in paths:
                values = {"source_id": source_id, "path": os.fsencode(path)}
                connection.execute(CHOOSE, {**values, "choice": choice, "now": now})

    def of_source(self, source_id: int) -> list[PhoneFolder]:
        """Everything on record of one phone."""
        return [
            PhoneFolder(
                os.fsdecode(row["path"]),
                row["choice"],
                row["photos"],
                row["bytes"],
                row["newest_at"],
            )
            for row in self._database.rows(OF_SOURCE, {"source_id": source_id})
        ]
