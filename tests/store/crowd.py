"""A hundred thousand items, written at once past the rule for first states."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

RULE = "SELECT sql FROM sqlite_schema WHERE name = 'media_items_legal_start'"

FILL = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type, state,
        sha256, sha1, google_id, found_at, updated_at)
    SELECT iif(n % 4, :here, :there), CAST('DCIM/' || (n % 5) || '/' || n || '.jpg' AS BLOB), n,
        (1400000000 + n * 3000) * 1000000000, iif(n % 20, 'image/jpeg', 'video/mp4'),
        iif(n % 10, 'done', 'held'), printf('%064x', n), printf('%040x', n), 'g' || n, 1, 1
    FROM numbers
"""


def fill(connection: sqlite3.Connection, here: int, there: int, count: int = 100_000) -> None:
    """Nine of ten are done, the others held; one of twenty is a film. 29 a day, for ten years."""
    (rule,) = connection.execute(RULE).fetchone()
    connection.execute("DROP TRIGGER media_items_legal_start")
    connection.execute(FILL, {"here": here, "there": there, "count": count})
    connection.execute(rule)
