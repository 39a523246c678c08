"""Failed items that Google may take the next day: each is tried once more by itself.

Google refuses photos in passing with the words it has for damaged ones (google-photos-api.md
§3.2). Nobody may look for a year, and a photo that is sent twice costs less than one that stays
away. What the history shows to have been tried again, by the user or from here, is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.errors import (
    FileRefused,
    ItemTrouble,
    RateLimited,
    RequestRefused,
    ServerTrouble,
    TokenLost,
    WriteCollision,
)

if TYPE_CHECKING:
    from photosync.domain.media import MediaItem
    from photosync.store.database import Database

WAIT_SECONDS = 86_400
AT_ONCE = 100

MAY_PASS = tuple(
    one.code
    for one in (
        FileRefused,
        RequestRefused,
        TokenLost,
        ItemTrouble,
        ServerTrouble,
        RateLimited,
        WriteCollision,
    )
)
"""Google's verdicts, not the file's: those of ``duplicates.FILE_CODES`` are never among them."""

UNTRIED = """
    NOT EXISTS (SELECT 1 FROM item_events WHERE item_id = media_items.id AND before = 'failed')
"""

# the code and the tries stay: it is one more try, and not the first of many
GIVE = f"""
    UPDATE media_items SET state = 'mirrored', not_before = 0, updated_at = :now
    WHERE id IN (
        SELECT id FROM media_items
        WHERE state = 'failed' AND error_code IN {MAY_PASS} AND sha1 IS NOT NULL
            AND updated_at <= :before AND {UNTRIED}
        ORDER BY id LIMIT :limit)
"""  # noqa: S608 - made of this module's constants

IS_UNTRIED = f"SELECT 1 FROM media_items WHERE id = :id AND {UNTRIED}"  # noqa: S608


class SecondChances:
    """Who gets one, and when. Times are seconds UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, *, now: int) -> int:
        """Failed → mirrored, up to ``AT_ONCE`` of those that failed a day ago. How many."""
        values = {"now": now, "before": now - WAIT_SECONDS, "limit": AT_ONCE}
        with self._database.write() as connection:
            return connection.execute(GIVE, values).rowcount

    def at(self, item: MediaItem) -> int | None:
        """When that failed item is tried once more by itself; None if it is not."""
        if item.error_code not in MAY_PASS or item.sha1 is None:
            return None
        is_untried = self._database.row(IS_UNTRIED, {"id": item.id}) is not None
        return item.updated_at + WAIT_SECONDS if is_untried else None
