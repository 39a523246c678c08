"""Copies in the mirror that may go: those of photos that are in the library, for all we know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.backups import TAKEN_OVER_AT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.store.database import Database

# what was freed from its phone keeps its copy, unless a backup has it: else it is the only one;
# so does what the library did not hold when it was last asked
DUE = f"""
    SELECT id, mirror_path, size_bytes, source_mtime_ns
    FROM media_items AS copy INDEXED BY media_items_to_prune
    WHERE mirror_path IS NOT NULL AND state IN ('done', 'duplicate') AND updated_at <= :before
        AND (:address IS NULL OR EXISTS (
            SELECT 1 FROM backup_targets JOIN backups ON target_id = backup_targets.id
            WHERE address = :address AND backups.sha256 = copy.sha256
                AND backups.verified_at > {TAKEN_OVER_AT} AND is_lost = 0))
        AND (state = 'done' AND NOT is_missing
             OR EXISTS (SELECT 1 FROM media_items
                WHERE id = copy.duplicate_of AND state = 'done' AND NOT is_missing))
        AND (:address IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM freed INDEXED BY freed_by_content
            WHERE freed.sha256 = copy.sha256 AND outcome IN ('begun', 'gone')))
    ORDER BY updated_at LIMIT :limit
"""  # noqa: S608 - made of a constant

FORGET = """
    UPDATE media_items SET mirror_path = NULL
    WHERE id = :id AND state IN ('done', 'duplicate')
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A copy that may go, as it was made."""

    item_id: int
    path: str
    size_bytes: int
    mtime_ns: int


WAIT = """
    SELECT 1 FROM media_items INDEXED BY media_items_copied
    WHERE state = 'mirrored' AND mirror_path IS NOT NULL LIMIT 1
"""


class Copies:
    """What lies in the mirror, by the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, *, before: int, limit: int, backup: str | None = None) -> list[Due]:
        """Copies whose photo was done before then, oldest first.

        ``backup``: the address of a target that has to hold them too; None: there is none.
        """
        values = {"before": before, "limit": limit, "address": backup}
        rows = self._database.rows(DUE, values)
        return [
            Due(
                row["id"],
                os.fsdecode(row["mirror_path"]),
                row["size_bytes"],
                row["source_mtime_ns"],
            )
            for row in rows
        ]

    def wait(self) -> bool:
        """Whether any copy still has to be uploaded."""
        return self._database.row(WAIT) is not None

    def forget(self, ids: Sequence[int]) -> None:
        """They are gone. Their items stay what they are and are not pulled again."""
        with self._database.write() as connection:
            connection.executemany(FORGET, [{"id": one} for one in ids])
