"""Whether the database is sound, and which of its copies are: for doctor and the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.store.database import Database

MOST_FAULTS = 10

WRONG_TALLIES = """
    SELECT count(*) AS wrong FROM (
        SELECT source_id, state, count(*) AS items, sum(size_bytes) AS bytes
        FROM media_items GROUP BY source_id, state
        EXCEPT SELECT source_id, state, items, bytes FROM tallies)
"""


def faults(database: Database) -> list[str]:
    """What is wrong with the database, in SQLite's words and ours; it is read from end to end.

    Raises:
        DatabaseDamaged: It cannot even be read that far.
    """
    found = [str(row[0]) for row in database.rows(f"PRAGMA integrity_check({MOST_FAULTS})")]
    if found != ["ok"]:
        return found
    loose = database.rows("PRAGMA foreign_key_check")
    if loose:
        return [f"{len(loose)} rows of {loose[0]['table']} and others belong to nothing"]
    wrong = database.row(WRONG_TALLIES)
    return ["its counts are not those of its items"] if wrong and wrong["wrong"] else []


def is_sound(copy: Path) -> bool:
    """Whether a kept copy can take the place of the database."""
    try:
        uri = f"{copy.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            return bool(version) and connection.execute("PRAGMA quick_check(1)").fetchone() == (
                "ok",
            )
    except sqlite3.Error:
        return False
