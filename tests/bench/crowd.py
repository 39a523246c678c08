"""A state folder with as many items as one likes, written past the triggers for speed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind
from photosync.store.database import Database
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

FILL = """
    WITH RECURSIVE numbers (n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count
    )
    INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type, state,
        sha256, sha1, google_id, error_code, found_at, updated_at)
    SELECT iif(n % 5 = 0, :phone, :folder), CAST('DCIM/' || n || '.jpg' AS BLOB), 3000000, n,
        'image/jpeg', CASE WHEN n % 5 = 0 THEN 'found' WHEN n % 1000 = 1 THEN 'failed'
            ELSE 'done' END,
        iif(n % 5 = 0, NULL, printf('%064x', n)), iif(n % 5 = 0, NULL, printf('%040x', n)),
        iif(n % 5 = 0, NULL, 'g' || n), iif(n % 1000 = 1, 'refused', NULL), :now, :now
    FROM numbers
"""

TALLY = """
    INSERT OR REPLACE INTO tallies
    SELECT source_id, state, count(*), sum(size_bytes), max(updated_at)
    FROM media_items GROUP BY source_id, state
"""

HELD_BACK = """
    SELECT type, name, sql FROM sqlite_schema
    WHERE tbl_name = 'media_items' AND type IN ('index', 'trigger') AND sql IS NOT NULL
"""


def fill(state: Path, pictures: Path, count: int) -> None:
    """Four of five are in the library, the fifth waits on a phone that is not there."""
    with Database(state) as database:
        database.migrate()
        sources = Sources(database)
        folder = sources.register(SourceKind.FOLDER, str(pictures), label="photos", album="")
        phone = sources.register(SourceKind.PHONE, "AWAY1", label="Pixel", album="")
        connection = database.connection()
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        held_back = connection.execute(HELD_BACK).fetchall()
        for one in held_back:
            connection.execute(f"DROP {one['type']} {one['name']}")
        values = {"count": count, "folder": folder.id, "phone": phone.id, "now": int(time.time())}
        with database.write() as writing:
            writing.execute(FILL, values)
            writing.execute(TALLY)
        for one in held_back:
            connection.execute(one["sql"])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
