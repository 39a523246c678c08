"""Parts of shots: what has moved, what lies beside it, and which of it is left out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.shots import OTHER_PART, Part
from photosync.domain.states import State
from photosync.store.duplicates import go_on, promote
from photosync.store.mapping import from_int64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from photosync.domain.shots import Places
    from photosync.store.database import Database, Parameters

AT_ONCE = 1000
MOST_PARTS = 2000
"""More files than that are no burst; what is decided by a part of them loses nothing."""

LAST_EVENT = "SELECT ifnull(max(id), 0) AS id FROM item_events"

# what becomes of an item becomes of its duplicates
MOVED = """
    SELECT moved.id AS event_id, source_id, source_path
    FROM (SELECT id, item_id FROM item_events WHERE id > :last ORDER BY id LIMIT :limit) AS moved
        JOIN media_items ON media_items.id = item_id OR duplicate_of = item_id
    ORDER BY moved.id
"""

UNDECIDED = f"""
    SELECT id, source_id, source_path FROM media_items
    WHERE id > :last AND (state IN ('held', 'found', 'mirrored', 'uploaded')
        OR (state = 'skipped' AND error_code = '{OTHER_PART}'))
    ORDER BY id LIMIT :limit
"""  # noqa: S608 - made of constants

PARTS = """
    SELECT id, source_path, size_bytes, source_mtime_ns, error_code, chosen,
        iif((SELECT state FROM media_items AS first WHERE first.id = part.duplicate_of) = 'failed',
            'failed', state) AS state
    FROM media_items AS part
    WHERE source_id = :source_id AND source_path >= :begin AND source_path < :end
        AND instr(source_path, :holds) > 0
    ORDER BY source_path, id LIMIT :limit
"""

LEAVE_OUT = f"""
    UPDATE media_items SET state = 'skipped', upload_token = NULL, token_at = NULL,
        error_code = '{OTHER_PART}', error_message = :why, updated_at = :now
    WHERE id = :id AND leased_by IS NULL AND NOT chosen
        AND state IN ('held', 'found', 'mirrored', 'uploaded')
"""  # noqa: S608 - made of constants

IS_IN_HAND = "SELECT 1 FROM media_items WHERE id = :id AND leased_by IS NOT NULL"

TAKE = f"""
    UPDATE media_items SET state = iif(chosen, 'found', :first), error_code = NULL,
        error_message = NULL, attempts = 0, not_before = 0, updated_at = :now
    WHERE id = :id AND state = 'skipped' AND error_code = '{OTHER_PART}'
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Moved:
    """A file of a source that may be part of a shot; ``number``: to go on after it."""

    number: int
    source_id: int
    path: str


class Shots:
    """Files that belong together, by the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_event(self) -> int:
        """The number of the newest line of history."""
        row = self._database.row(LAST_EVENT)
        return 0 if row is None else int(row["id"])

    def moved_since(self, last: int) -> list[Moved]:
        """Files that have moved after that line of history, and their like; ``AT_ONCE`` lines."""
        rows = self._database.rows(MOVED, {"last": last, "limit": AT_ONCE})
        return [
            Moved(row["event_id"], row["source_id"], os.fsdecode(row["source_path"]))
            for row in rows
        ]

    def undecided(self) -> Iterator[list[Moved]]:
        """Every file that could be left out, or is so for its shot's sake; page by page."""
        last = 0
        while rows := self._database.rows(UNDECIDED, {"last": last, "limit": AT_ONCE}):
            yield [
                Moved(row["id"], row["source_id"], os.fsdecode(row["source_path"])) for row in rows
            ]
            last = rows[-1]["id"]

    def parts(self, source_id: int, places: Places) -> list[Part]:
        """Every version of every file at ``places``; a duplicate of what failed has failed, too."""
        found: dict[int, Part] = {}
        for prefix in places.prefixes:
            begin = os.fsencode(prefix)
            values: Parameters = {
                "source_id": source_id,
                "begin": begin,
                "end": _after(begin),
                "holds": os.fsencode(places.holds),
                "limit": MOST_PARTS,
            }
            for row in self._database.rows(PARTS, values):
                found[row["id"]] = _part(row)
        return list(found.values())

    def change(
        self, *, left_out: Mapping[int, str], taken: Iterable[int], first: State, now: int
    ) -> set[int]:
        """→ skipped, with one sentence why; and skipped → ``first``, or on with its copy.

        In one transaction. Returns those that a worker has in hand: they go on for now.
        """
        in_hand: set[int] = set()
        with self._database.write() as connection:
            for number, why in left_out.items():
                values: Parameters = {"id": number, "why": why, "now": now}
                if connection.execute(LEAVE_OUT, values).rowcount:
                    promote(connection, number, now)
                elif connection.execute(IS_IN_HAND, values).fetchone() is not None:
                    in_hand.add(number)
            for number in taken:
                values = {"id": number, "first": first, "now": now}
                if connection.execute(TAKE, values).rowcount:
                    go_on(connection, number)
        return in_hand


def _after(prefix: bytes) -> bytes:
    """The first bytes after all that begin with ``prefix``."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\xff" * (len(prefix) + 4096)


def _part(row: sqlite3.Row) -> Part:
    return Part(
        id=row["id"],
        path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["source_mtime_ns"]),
        state=State(row["state"]),
        code=row["error_code"] or "",
        is_chosen=bool(row["chosen"]),
    )
