"""The user's say over items: retry, skip, choose."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photosync.errors import UnknownItem
from photosync.store import assumed
from photosync.store.duplicates import FILE_CODES, go_on

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from photosync.domain.states import State
    from photosync.store.database import Database, Parameters

AT_FAULT = f"(sha1 IS NULL OR error_code IN {FILE_CODES})"
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
    UPDATE media_items SET state = 'found', chosen = 1, {GO_ON}
    WHERE id = :id AND leased_by IS NULL AND state IN ('held', 'skipped')
"""  # noqa: S608 - made of this module's constants

# the bytes were left out with this item, or with one like it: all of them may come back
CHOOSE_ALIKE = f"""
    UPDATE media_items SET state = 'found', chosen = 1, {GO_ON}
    WHERE id <> :id AND state = 'skipped' AND error_code IN ('by_user', 'assumed') AND sha256 = (
        SELECT sha256 FROM media_items
        WHERE id = :id AND leased_by IS NULL AND state IN ('held', 'skipped'))
    RETURNING id
"""  # noqa: S608 - made of this module's constants

# neither a duplicate nor a file at fault speaks for its bytes: what stands for them goes on
SKIP = f"""
    UPDATE media_items SET state = 'skipped', chosen = 0, upload_token = NULL, token_at = NULL,
        sha256 = iif(state = 'duplicate' OR (state = 'failed' AND {AT_FAULT}), NULL, sha256),
        duplicate_of = NULL, error_code = 'by_user', error_message = 'Skipped by you.',
        updated_at = :now
    WHERE id = :id AND leased_by IS NULL
        AND state IN ('held', 'found', 'mirrored', 'uploaded', 'duplicate', 'failed')
"""  # noqa: S608 - made of this module's constants

SKIP_ALIKE = """
    UPDATE media_items SET state = 'skipped', chosen = 0, duplicate_of = NULL,
        error_code = 'by_user',
        error_message = 'The same bytes as item ' || :id || ', which you skipped.',
        updated_at = :now
    WHERE duplicate_of = :id
    RETURNING id
"""

PICK = "SELECT id, state, leased_by FROM media_items WHERE id = :id"

UNKNOWN = """
    SELECT value AS id FROM json_each(:ids)
    WHERE NOT EXISTS (SELECT 1 FROM media_items WHERE id = value) LIMIT 1
"""

AT_ONCE = 1000

IDS_IN_STATE = "SELECT id FROM media_items WHERE state = :state ORDER BY id"

IDS_WAITING = """
    SELECT id FROM media_items
    WHERE state IN ('found', 'mirrored', 'uploaded') AND not_before > :now ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a choice did: ``changed`` items, and for the others why not, by item.

    ``alike``: items that were not named, but hold the same bytes and share the fate.
    """

    changed: list[int]
    refused: dict[int, str]
    alike: set[int]


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
        """Held and skipped items are to be backed up, and what was skipped for the same bytes."""
        return self._each(CHOOSE, ids, now, "it is neither held nor skipped")

    def skip(self, ids: Sequence[int], *, now: int) -> Answer:
        """Items are left out, whatever became of them so far; done ones stay done.

        It holds for the bytes: duplicates are left out too, and so is the same file when it
        turns up under another name. ``choose`` takes it back.
        """
        return self._each(SKIP, ids, now, "it cannot be skipped")

    def _each(self, sql: str, ids: Sequence[int], now: int, otherwise: str) -> Answer:
        """Short transactions, so that a million items do not hold up the workers."""
        self._refuse_unknown(ids)
        answer = Answer([], {}, set())
        for begin in range(0, len(ids), AT_ONCE):
            with self._database.write() as connection:
                for one in ids[begin : begin + AT_ONCE]:
                    _one(connection, sql, {"id": one, "now": now}, answer, otherwise)
        return replace(answer, alike=answer.alike - set(answer.changed))

    def _refuse_unknown(self, ids: Sequence[int]) -> None:
        row = self._database.row(UNKNOWN, {"ids": json.dumps(list(ids))})
        if row is not None:
            raise UnknownItem(
                f"There is no item {row['id']}.",
                hint="photosync list shows items and their numbers.",
            )


def _one(
    connection: sqlite3.Connection, sql: str, values: Parameters, answer: Answer, otherwise: str
) -> None:
    number = values["id"]
    alike = []
    if sql is CHOOSE:
        alike = connection.execute(CHOOSE_ALIKE, values).fetchall()
        assumed.forget(connection, number)
    if connection.execute(sql, values).rowcount == 1:
        answer.changed.append(number)
        if sql is SKIP:
            alike = connection.execute(SKIP_ALIKE, values).fetchall()
        if sql is CHOOSE:
            for one in (number, *(row["id"] for row in alike)):
                go_on(connection, one)
        answer.alike.update(row["id"] for row in alike)
    elif number in answer.alike:
        answer.changed.append(number)  # named too, and left out with its like already
    else:
        answer.refused[number] = _why(connection, number, otherwise)


def _why(connection: sqlite3.Connection, item_id: int, otherwise: str) -> str:
    row = connection.execute(PICK, {"id": item_id}).fetchone()
    if row["leased_by"] is not None:
        return "it is being worked on right now; try again in a moment"
    return f"{otherwise}: it is {row['state']}"
