"""What the library was asked after: when, and what it does not hold any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.store.duplicates import promote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photosync.store.database import Database

ROUND = "verify_round"

GET_ROUND = f"SELECT value FROM flags WHERE name = '{ROUND}'"  # noqa: S608 - a constant

BEGIN_ROUND = f"""
    INSERT INTO flags (name, value, at)
    SELECT '{ROUND}', max(:now, 1 + ifnull((
        SELECT max(verified_at) FROM media_items INDEXED BY media_items_to_verify
        WHERE state = 'done'), 0)), :now
    WHERE true ON CONFLICT (name) DO NOTHING
"""  # noqa: S608 - a constant

END_ROUND = f"DELETE FROM flags WHERE name = '{ROUND}'"  # noqa: S608 - a constant

NEXT = """
    SELECT id, google_id FROM media_items INDEXED BY media_items_to_verify
    WHERE state = 'done' AND verified_at < :began ORDER BY verified_at, id LIMIT :limit
"""

LEFT = """
    SELECT count(*) AS items FROM media_items INDEXED BY media_items_to_verify
    WHERE state = 'done' AND verified_at < :began
"""

ANSWERED = """
    UPDATE media_items SET verified_at = :now, is_missing = ifnull(:is_missing, is_missing)
    WHERE id = :id AND state = 'done' AND google_id = :google_id
"""

MISSING = """
    SELECT media_items.id AS id, source_path, sources.label AS label
    FROM media_items INDEXED BY media_items_missing JOIN sources ON sources.id = source_id
    WHERE is_missing = 1 AND state = 'done' ORDER BY media_items.id
"""

PULL_AGAIN = """
    UPDATE media_items SET state = 'found', sha1 = NULL
    WHERE id = :id AND state = 'mirrored' AND mirror_path IS NULL
        AND source_id IN (SELECT id FROM sources WHERE kind = 'phone')
"""
"""The copy of a phone's photo that was pruned has to be made anew.

What its bytes were stays known: if the phone has it no more, another place may.
"""

SEND_AGAIN = """
    UPDATE media_items SET state = 'mirrored', google_id = NULL, verified_at = 0, is_missing = 0,
        attempts = 0, not_before = 0, updated_at = :now
    WHERE id = :id AND state = 'done' AND is_missing = 1 AND leased_by IS NULL
        AND (mirror_path IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM freed WHERE item_id = :id AND outcome IN ('begun', 'gone')))
"""
"""What was freed from its phone, and has no copy in the mirror, has to be restored there first."""


@dataclass(frozen=True, slots=True)
class Held:
    """A done item by the record."""

    id: int
    google_id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A done item that the library does not hold any more."""

    id: int
    path: str
    source: str


class Verified:
    """A round asks after every done item once; one that was broken off is gone on with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, *, now: int) -> int:
        """When the round began that is under way, or begins now; seconds UTC.

        It is later than anything that was asked before, whatever the clock said then.
        """
        with self._database.write() as connection:
            connection.execute(BEGIN_ROUND, {"now": now})
            return int(connection.execute(GET_ROUND).fetchone()["value"])

    def end(self) -> None:
        """Everything was asked after."""
        self._database.run(END_ROUND)

    def next(self, began: int, *, limit: int) -> list[Held]:
        """Items that were not asked after since the round ``began``, the longest ago first."""
        rows = self._database.rows(NEXT, {"began": began, "limit": limit})
        return [Held(row["id"], row["google_id"]) for row in rows]

    def left(self, began: int) -> int:
        """How many those are."""
        row = self._database.row(LEFT, {"began": began})
        return 0 if row is None else int(row["items"])

    def note(self, answers: Iterable[tuple[Held, bool | None]], *, now: int) -> None:
        """Of each whether the library holds it; None if it would not say.

        ``now`` is not before the round began.
        """
        with self._database.write() as connection:
            for item, is_held in answers:
                values = {
                    "id": item.id,
                    "google_id": item.google_id,
                    "is_missing": None if is_held is None else int(not is_held),
                    "now": now,
                }
                connection.execute(ANSWERED, values)

    def missing(self) -> list[Missing]:
        """What the library did not hold when it was last asked."""
        return [
            Missing(row["id"], os.fsdecode(row["source_path"]), row["label"])
            for row in self._database.rows(MISSING)
        ]

    def send_again(self, *, now: int) -> list[int]:
        """Done → mirrored for all of those, or on to found where no copy is left; which ones."""
        sent = []
        for one in self.missing():
            values = {"id": one.id, "now": now}
            with self._database.write() as connection:
                if connection.execute(SEND_AGAIN, values).rowcount:
                    sent.append(one.id)
                if connection.execute(PULL_AGAIN, values).rowcount:
                    promote(connection, one.id, now)
        return sent
