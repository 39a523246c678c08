"""Failed items that Google may take the next day: each is tried once more by itself.

Google refuses photos in passing with the words it has for damaged ones (google-photos-api.md
§3.2). Nobody may look for a year, and a photo that is sent twice costs less than one that stays
away. What the history shows to have been tried again, by the user or from here, is not.

It failed a day ago: what is left out since then is not sent for that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Protocol

from photosync.errors import (
    FileRefused,
    ItemTrouble,
    RateLimited,
    RequestRefused,
    ServerTrouble,
    TokenLost,
    WriteCollision,
)
from photosync.store.duplicates import promote
from photosync.store.mapping import to_item
from photosync.store.ready import CLOCKS_DIFFER
from photosync.store.waiting import LEAVE_OUT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

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

DUE = f"""
    SELECT * FROM media_items INDEXED BY media_items_by_state
    WHERE state = 'failed' AND error_code IN {MAY_PASS} AND sha1 IS NOT NULL
        AND (updated_at <= :before OR updated_at > :ahead) AND {UNTRIED}
        AND source_id IN (SELECT value FROM json_each(:sources))
    ORDER BY id LIMIT :limit
"""  # noqa: S608 - made of this module's constants

FAILED = """
    SELECT * FROM media_items INDEXED BY media_items_by_state
    WHERE state = 'failed' AND id > :last
        AND source_id IN (SELECT value FROM json_each(:sources))
    ORDER BY id LIMIT :limit
"""

# the code and the tries stay: it is one more try, and not the first of many
GIVE = f"""
    UPDATE media_items SET state = 'mirrored', not_before = 0, updated_at = :now
    WHERE id = :id AND state = 'failed' AND {UNTRIED}
"""  # noqa: S608 - made of this module's constants

HAS_FAILED = "SELECT 1 FROM media_items WHERE id = :id AND state = 'failed'"

IS_UNTRIED = f"SELECT chosen FROM media_items WHERE id = :id AND {UNTRIED}"  # noqa: S608


class Taken(Protocol):
    """What is taken today, by the settings and by the user's choices."""

    def sources(self) -> Collection[int]:
        """The numbers of the sources that are."""

    def why_not(self, item: MediaItem, *, is_chosen: bool) -> str | None:
        """Why an item of such a source is not, in a sentence; None if it is.

        ``is_chosen``: by the user, whatever the settings leave out.
        """


class Given(NamedTuple):
    """How many items go on, and how many are left out instead."""

    items: int
    left_out: int


class SecondChances:
    """Who gets one, and when. Times are seconds UTC."""

    def __init__(self, database: Database, taken: Taken) -> None:
        self._database = database
        self._taken = taken

    def give(self, *, now: int) -> Given:
        """Failed → mirrored, up to ``AT_ONCE`` of those that failed a day ago.

        Also what failed under a clock that was ahead: nobody knows how long ago that was.
        → skipped if they are not taken any more; they come back by sight, as all that is left out.
        """
        values = {
            "before": now - WAIT_SECONDS,
            "ahead": now + CLOCKS_DIFFER,
            "sources": json.dumps(sorted(self._taken.sources())),
            "limit": AT_ONCE,
        }
        due = self._database.rows(DUE, values)
        if not due:
            return Given(0, 0)
        given = left_out = 0
        with self._database.write() as connection:  # a choice of the user's comes before, or after
            for row in due:
                item = to_item(row)
                why = self._taken.why_not(item, is_chosen=bool(row["chosen"]))
                of_it = {"id": item.id, "now": now, "why": why, "alone": False}
                if why is None:
                    given += connection.execute(GIVE, of_it).rowcount
                elif connection.execute(HAS_FAILED, of_it).fetchone() is not None:
                    left_out += connection.execute(LEAVE_OUT, of_it).rowcount
                    promote(connection, item.id, now)
        return Given(given, left_out)

    def failed(self) -> list[int]:
        """The numbers of all failed items that are taken today, whatever they failed for."""
        sources = json.dumps(sorted(self._taken.sources()))
        found: list[int] = []
        last = 0
        while rows := self._database.rows(
            FAILED, {"last": last, "sources": sources, "limit": AT_ONCE}
        ):
            last = rows[-1]["id"]
            found += [row["id"] for row in rows if self._is_taken(row)]
        return found

    def _is_taken(self, row: sqlite3.Row) -> bool:
        return self._taken.why_not(to_item(row), is_chosen=bool(row["chosen"])) is None

    def at(self, item: MediaItem, *, now: int) -> int | None:
        """When that failed item is tried once more by itself; None if it is not."""
        if item.error_code not in MAY_PASS or item.sha1 is None:
            return None
        row = self._database.row(IS_UNTRIED, {"id": item.id})
        if row is None or item.source_id not in self._taken.sources():
            return None
        if self._taken.why_not(item, is_chosen=bool(row["chosen"])) is not None:
            return None
        is_ahead = item.updated_at > now + CLOCKS_DIFFER
        return now if is_ahead else item.updated_at + WAIT_SECONDS
