"""Files in the second copy that were found damaged, and what stands there for each by now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosync.store.database import Database

# noted by a trigger, when their content gets another path
FIND = """
    SELECT backups.path AS path FROM backups_replaced AS old
    JOIN backups ON backups.target_id = old.target_id AND backups.sha256 = old.sha256
    WHERE old.target_id = :target_id AND old.path = :path
        AND verified_at > 0 AND is_lost = 0
"""


class ReplacedFiles:
    """By their paths in one target."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stand_in(self, target_id: int, path: str) -> str | None:
        """Where the same content lies, read back; None if ``path`` is none that was replaced."""
        row = self._database.row(FIND, {"target_id": target_id, "path": os.fsencode(path)})
        return None if row is None else os.fsdecode(row["path"])
