"""Equal bytes: one item stands for them, the others are its duplicates.

An item stands for its bytes while it is mirrored, uploaded, done, or failed for a reason that
lies in the bytes. As soon as it does not, its duplicates are found items again: each is read
anew, since its file may have changed meanwhile, and the first of them stands from then on.
Only what the user leaves out takes its duplicates along: a skip holds for the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from photosync.store.database import Parameters

FILE_CODES = (
    "unreadable",
    "vanished",
    "replaced",
    "empty",
    "too_large",
    "not_media",
    "checksum_mismatch",
)
"""Reasons that lie in one file, not in its bytes: another file with those bytes may be fine."""

# out_of_reach: its folder is away, so that it could not be uploaded though another file can
FIRST_WITH_CONTENT = f"""
    SELECT id, state = 'mirrored' AND leased_by IS NULL AND mirror_path IS NULL
        AND source_id IN (SELECT id FROM sources WHERE connected = 0) AS out_of_reach
    FROM media_items
    WHERE sha256 = :sha256 AND id <> :id
        AND (state IN ('mirrored', 'uploaded', 'done')
             OR (state = 'failed' AND sha1 IS NOT NULL AND error_code NOT IN {FILE_CODES}))
    ORDER BY state = 'done' DESC, id LIMIT 1
"""  # noqa: S608 - made of this module's constants

# without a SHA-1 it was to be read anew: what its bytes were says nothing of what was left out
SKIPPED_BY_USER = """
    SELECT id FROM media_items
    WHERE sha256 = :sha256 AND id <> :id AND state = 'skipped' AND error_code = 'by_user'
        AND sha1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM media_items WHERE id = :id AND chosen)
    ORDER BY id LIMIT 1
"""

YIELD = """
    UPDATE media_items SET state = 'duplicate', duplicate_of = :heir, attempts = 0,
        not_before = 0, error_code = NULL, error_message = NULL, updated_at = :now
    WHERE id = :id
"""

FOLLOW_HEIR = "UPDATE media_items SET duplicate_of = :heir WHERE duplicate_of = :id"

# what its bytes were stays known: if its file is gone by now, the second copy may have them
READ_ANEW = """
    UPDATE media_items SET state = 'found', duplicate_of = NULL, sha1 = NULL,
        mirror_path = NULL, attempts = 0, not_before = 0, updated_at = :now
"""

# a phone's file was copied before it was left out: the phone may be anywhere by now. The hash is
# told anew so that the second copy hears of it, which dropped it when it was left out
TAKE_COPY = """
    UPDATE media_items SET state = 'mirrored', sha256 = sha256
    WHERE id = :id AND state = 'found' AND mirror_path IS NOT NULL AND sha256 IS NOT NULL
        AND sha1 IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM media_items AS other
            WHERE other.sha256 = media_items.sha256 AND other.id <> media_items.id
                AND (other.state IN ('mirrored', 'uploaded', 'done', 'failed')
                    OR (other.state = 'skipped' AND other.error_code = 'by_user'
                        AND other.sha1 IS NOT NULL)))
"""

# what its bytes were stays known: if its file is gone by now, another place may have them
NO_COPY = """
    UPDATE media_items SET sha1 = NULL, mirror_path = NULL
    WHERE id = :id AND state IN ('held', 'found')
"""

PROMOTE = f"{READ_ANEW} WHERE duplicate_of = :id"

HAND_OVER = f"""
    {READ_ANEW}
    WHERE source_id <> :source_id AND duplicate_of IN (
        SELECT id FROM media_items INDEXED BY media_items_by_source
        WHERE source_id = :source_id AND state = 'mirrored' AND leased_by IS NULL
            AND mirror_path IS NULL)
"""  # noqa: S608 - made of this module's constants


def first_with_content(connection: sqlite3.Connection, values: Parameters) -> sqlite3.Row | None:
    """The item that stands for the bytes ``sha256`` of item ``id``, if another one does."""
    found: sqlite3.Row | None = connection.execute(FIRST_WITH_CONTENT, values).fetchone()
    return found


def skipped_by_user(connection: sqlite3.Connection, values: Parameters) -> int | None:
    """The item with the bytes ``sha256`` that the user left out; None if ``id`` was chosen."""
    row = connection.execute(SKIPPED_BY_USER, values).fetchone()
    return None if row is None else int(row["id"])


def yield_place(connection: sqlite3.Connection, item_id: int, *, heir: int, now: int) -> None:
    """Mirrored → duplicate of ``heir``, which is mirrored too and within reach."""
    values = {"id": item_id, "heir": heir, "now": now}
    connection.execute(YIELD, values)
    connection.execute(FOLLOW_HEIR, values)


def promote(connection: sqlite3.Connection, item_id: int, now: int) -> None:
    """Duplicate → found, for all duplicates of an item that no longer stands for its bytes."""
    connection.execute(PROMOTE, {"id": item_id, "now": now})


def go_on(connection: sqlite3.Connection, item_id: int) -> None:
    """An item is taken after all, and is found: on with the copy that it has, or read anew."""
    connection.execute(TAKE_COPY, {"id": item_id})
    connection.execute(NO_COPY, {"id": item_id})


def hand_over(connection: sqlite3.Connection, source_id: int, now: int) -> int:
    """A source is away: files elsewhere with the bytes that wait there are read. How many."""
    return connection.execute(HAND_OVER, {"source_id": source_id, "now": now}).rowcount
