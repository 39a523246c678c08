"""What looks at whole sources saw, and what they did not see any more: a fact for reports.

Nothing follows from it. What a look misses may be on a card that was taken out, or in a folder
that is not taken any more; nothing is forgotten or removed because of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.store.database import Database

AT_ONCE = 2000

NEWEST = "SELECT ifnull(max(id), 0) AS id FROM media_items"

SEEN_SO_FAR = """
    SELECT id FROM media_items INDEXED BY media_items_seen
    WHERE source_id = :source_id AND unseen_at IS NULL AND id > :last AND id <= :newest
    ORDER BY id LIMIT :limit
"""

UNSEEN_SO_FAR = """
    SELECT id FROM media_items INDEXED BY media_items_unseen
    WHERE source_id = :source_id AND unseen_at IS NOT NULL AND id > :last AND id <= :newest
    ORDER BY id LIMIT :limit
"""

NOTE = "UPDATE media_items SET unseen_at = :unseen_at WHERE id = :id"

LOOKED = "UPDATE sources SET looked_at = :now WHERE id = :source_id"

LOOKED_AT = "SELECT id, looked_at FROM sources"


class Sight:
    """The items that one look at a source has seen: a bit for each that there was before."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self._bits = bytearray(newest // 8 + 1)

    def see(self, item_id: int) -> None:
        """It lies there."""
        if item_id <= self.newest:
            self._bits[item_id // 8] |= 1 << item_id % 8

    def saw(self, item_id: int) -> bool:
        """Whether it does."""
        return bool(self._bits[item_id // 8] & 1 << item_id % 8)


class Sightings:
    """``now`` is in seconds UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> Sight:
        """For a look that begins now. What is found during it is there."""
        row = self._database.row(NEWEST)
        return Sight(0 if row is None else row["id"])

    def end(self, source_id: int, sight: Sight, *, is_whole: bool, now: int) -> None:
        """The look at the whole source ended well.

        ``is_whole``: it could read all of it; else what it did not see may be there.
        """
        for ids in self._pages(UNSEEN_SO_FAR, source_id, sight):
            self._note([one for one in ids if sight.saw(one)], None)
        if is_whole:
            for ids in self._pages(SEEN_SO_FAR, source_id, sight):
                self._note([one for one in ids if not sight.saw(one)], now)
            self._database.run(LOOKED, {"source_id": source_id, "now": now})

    def looked_at(self) -> dict[int, int | None]:
        """When the last whole look at each source ended, in seconds UTC."""
        return {row["id"]: row["looked_at"] for row in self._database.rows(LOOKED_AT)}

    def _pages(self, sql: str, source_id: int, sight: Sight) -> Iterator[list[int]]:
        values = {"source_id": source_id, "newest": sight.newest, "limit": AT_ONCE}
        last = 0
        while rows := self._database.rows(sql, {**values, "last": last}):
            yield [row["id"] for row in rows]
            last = rows[-1]["id"]

    def _note(self, ids: list[int], unseen_at: int | None) -> None:
        if ids:
            with self._database.write() as connection:
                values = [{"id": one, "unseen_at": unseen_at} for one in ids]
                connection.executemany(NOTE, values)
