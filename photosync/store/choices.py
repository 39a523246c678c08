"""The user's say over items: retry, skip, choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.errors import UnknownItem
from photosync.store.duplicates import FILE_CODES, promote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from photosync.domain.states import State
    from photosync.store.database import Database, Parameters

AT_FAULT = f"(sha256 IS NULL OR error_code IN {FILE_CODES})"
"""A failed item whose file has to be read anew; nothing is a duplicate of it."""

GO_ON = "attempts = 0, not_before = 0, error_code = NULL, error_message = NULL, updated_at = :now"

RETRY = f"""
    UPDATE media_items SET
        state = CASE WHEN state <> 'failed' THEN state
            WHEN {AT_FAULT} THEN 'found' ELSE 'mirrored' END,
        sha256 = iif(state = 'failed' AND {AT_FAULT}, NULL, sha256),
        sha1 = iif(state = 'failed' AND {AT_FAULT}, NULL, sha1), {GO_ON}
    WHERE id = :id AND leased_by IS NULL
        AND (state = 'failed' OR (state IN ('found', 'mirrored', 'uploaded') AND not_before > :now))
"""  # noqa: S608 - made of this module's constants

CHOOSE = f"""
    UPDATE media_items SET state = 'found', sha256 = NULL, sha1 = NULL, mirror_path = NULL, {GO_ON}
    WHERE id = :id AND leased_by IS NULL AND state IN ('held', 'skipped')
"""  # noqa: S608 - made of this module's constants

SKIP = """
    UPDATE media_items SET state = 'skipped', duplicate_of = NULL, upload_token = NULL,
        token_at = NULL, error_code = 'by_user', error_message = 'Skipped by you.',
        updated_at = :now
    WHERE id = :id AND leased_by IS NULL
        AND state IN ('held', 'found', 'mirrored', 'uploaded', 'duplicate', 'failed')
"""

PICK = "SELECT id, state, leased_by FROM media_items WHERE id = :id"

IDS_IN_STATE = "SELECT id FROM media_items WHERE state = :state ORDER BY id"

IDS_WAITING = """
    SELECT id FROM media_items
    WHERE state IN ('found', 'mirrored', 'uploaded') AND not_before > :now ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a choice did: ``changed`` items, and for the others why not, by item."""

    changed: list[int]
    refused: dict[int, str]


class Choices:
    """Each verb takes item numbers and says of each whether it took effect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ids(self, state: State) -> list[int]:
        """The numbers of all items in ``state``."""
        return [row["id"] for row in self._database.rows(IDS_IN_STATE, {"state": state})]

    def ids_waiting(self, *, now: int) -> list[int]:
        """The numbers of all items that were put aside for a while."""
        return [row["id"] for row in self._database.rows(IDS_WAITING, {"now": now})]

    def retry(self, ids: Sequence[int], *, now: int) -> Answer:
        """Failed items go on where they stopped; items put aside are due at once."""
        return self._each(RETRY, ids, now, "it has not failed")

    def choose(self, ids: Sequence[int], *, now: int) -> Answer:
        """Held and skipped items are to be backed up."""
        return self._each(CHOOSE, ids, now, "it is neither held nor skipped")

    def skip(self, ids: Sequence[int], *, now: int) -> Answer:
        """Items are left out, whatever became of them so far; done ones stay done."""
        return self._each(SKIP, ids, now, "it cannot be skipped")

    def _each(self, sql: str, ids: Sequence[int], now: int, otherwise: str) -> Answer:
        changed: list[int] = []
        refused: dict[int, str] = {}
        with self._database.write() as connection:
            for one in ids:
                values: Parameters = {"id": one, "now": now}
                if connection.execute(sql, values).rowcount == 1:
                    changed.append(one)
                    if sql is SKIP:
                        promote(connection, one, now)
                else:
                    refused[one] = _why(connection, one, otherwise)
        return Answer(changed, refused)


def _why(connection: sqlite3.Connection, item_id: int, otherwise: str) -> str:
    row = connection.execute(PICK, {"id": item_id}).fetchone()
    if row is None:
        raise UnknownItem(
            f"There is no item {item_id}.", hint="photosync list shows items and their numbers."
        )
    if row["leased_by"] is not None:
        return "it is being worked on right now; try again in a moment"
    return f"{otherwise}: it is {row['state']}"
