"""What may go from a phone by the record, and the log of what went."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.freeing import Record
from photosync.domain.states import State
from photosync.store.mapping import from_int64, to_int64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from photosync.domain.freeing import Gone
    from photosync.store.database import Database, Parameters

AT_ONCE = 500

FACTS = """
    SELECT item.id AS id, item.source_path AS path, item.state AS state, item.sha256 AS sha256,
        item.size_bytes AS size_bytes, item.source_mtime_ns AS mtime_ns,
        item.mirror_path AS mirror_path,
        ifnull(item.taken_at, first.taken_at) AS taken_at, first.state AS stands,
        ifnull(first.google_id, '') AS google_id, first.sha256 IS item.sha256 AS is_same,
        first.mirror_path AS first_path, first.is_missing AS is_missing,
        max(item.updated_at, first.updated_at) AS settled_at,
        item.leased_by IS NOT NULL OR first.leased_by IS NOT NULL AS is_leased
    FROM media_items AS item
        JOIN media_items AS first ON first.id = ifnull(item.duplicate_of, item.id)
"""

CANDIDATES = f"""
    {FACTS}
    WHERE item.source_id = :source_id AND item.id > :after
        AND item.state IN ('done', 'duplicate') AND item.sha256 IS NOT NULL
    ORDER BY item.id LIMIT :limit
"""

ONE = f"{FACTS} WHERE item.id = :id AND item.sha256 IS NOT NULL"

BEGIN = """
    INSERT INTO freed (item_id, sha256, google_id, kept_in, outcome, at)
    SELECT item.id, item.sha256, first.google_id, :kept_in, 'begun', :now
    FROM media_items AS item
        JOIN media_items AS first ON first.id = ifnull(item.duplicate_of, item.id)
    WHERE item.id = :id AND item.state IN ('done', 'duplicate') AND first.state = 'done'
        AND item.sha256 = :sha256 AND first.sha256 = :sha256 AND first.google_id = :google_id
        AND item.leased_by IS NULL AND first.leased_by IS NULL AND NOT first.is_missing
    RETURNING id
"""

END = "UPDATE freed SET outcome = :outcome, reason = :reason, at = :now WHERE id = :id"

EVENT = """
    INSERT INTO item_events (item_id, at, before, after, code)
    SELECT media_items.id, :now, state, state, 'freed' FROM media_items
        JOIN freed ON freed.item_id = media_items.id
    WHERE freed.id = :id
"""

UNSEEN = """
    UPDATE media_items SET unseen_at = :now WHERE id = (SELECT item_id FROM freed WHERE id = :id)
"""

LINES = """
    SELECT freed.id AS id, freed.item_id AS item_id, outcome, reason, kept_in, freed.at AS at,
        freed.sha256 AS sha256, freed.google_id AS google_id, source_path, size_bytes,
        source_mtime_ns, label
    FROM freed JOIN media_items ON media_items.id = item_id JOIN sources ON sources.id = source_id
"""

OPEN_ENDS = f"""
    {LINES} WHERE source_id = :source_id AND outcome = 'begun' ORDER BY freed.id
"""

LOG = f"{LINES} ORDER BY freed.id DESC LIMIT :limit"


RECALL = """
    INSERT INTO freed (item_id, sha256, google_id, kept_in, outcome, at)
    SELECT media_items.id, :sha256, :google_id, :kept_in, 'gone', :at
    FROM media_items JOIN sources ON sources.id = source_id
    WHERE kind = 'phone' AND address = :address AND source_path = :path
        AND size_bytes = :size_bytes AND source_mtime_ns = :mtime_ns
        AND NOT EXISTS (SELECT 1 FROM freed WHERE item_id = media_items.id
            AND (outcome = 'begun' OR outcome IN ('gone', 'back') AND freed.at >= :at))
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file on a phone, by the record, with the copies in the mirror that count for it."""

    item_id: int
    path: str
    copies: tuple[str, ...]
    record: Record


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. ``at`` is in seconds UTC, ``outcome`` begun, gone, kept or back."""

    id: int
    item_id: int
    label: str
    path: str
    size_bytes: int
    mtime_ns: int
    outcome: str
    reason: str
    kept_in: str
    at: int
    sha256: str
    google_id: str


class Freed:
    """Each removal stands on record before it is tried."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def candidates(self, source_id: int) -> Iterator[Candidate]:
        """Every file of the source that the library has by the record."""
        values: Parameters = {"source_id": source_id, "after": 0, "limit": AT_ONCE}
        while rows := self._database.rows(CANDIDATES, values):
            yield from map(_candidate, rows)
            values["after"] = rows[-1]["id"]

    def candidate(self, item_id: int) -> Candidate | None:
        """One of them, as it stands now."""
        row = self._database.row(ONE, {"id": item_id})
        return None if row is None else _candidate(row)

    def begin(self, candidate: Candidate, *, kept_in: str, now: int) -> int | None:
        """Note that it is about to be removed; None if it is not what it was any more."""
        values = {
            "id": candidate.item_id,
            "sha256": candidate.record.sha256,
            "google_id": candidate.record.google_id,
            "kept_in": kept_in,
            "now": now,
        }
        rows = self._database.run(BEGIN, values)
        return int(rows[0]["id"]) if rows else None

    def gone(self, number: int, *, now: int) -> None:
        """It is not on the phone any more."""
        values = {"id": number, "outcome": "gone", "reason": "", "now": now}
        with self._database.write() as connection:
            connection.execute(END, values)
            connection.execute(EVENT, values)
            connection.execute(UNSEEN, values)

    def kept(self, number: int, reason: str, *, now: int) -> None:
        """It was not removed, and why."""
        values = {"id": number, "outcome": "kept", "reason": reason, "now": now}
        self._database.run(END, values)

    def recall(self, gone: Iterable[Gone]) -> int:
        """Note what went and is not on record: the database is older than that. How many."""
        recalled = 0
        for one in gone:
            with self._database.write() as connection:
                for row in connection.execute(RECALL, _recalled(one)).fetchall():
                    values = {"id": row["id"], "now": one.at}
                    connection.execute(EVENT, values)
                    connection.execute(UNSEEN, values)
                    recalled += 1
        return recalled

    def open_ends(self, source_id: int) -> list[Line]:
        """Removals of which nobody knows whether they happened."""
        return [_line(row) for row in self._database.rows(OPEN_ENDS, {"source_id": source_id})]

    def log(self, *, limit: int) -> list[Line]:
        """What was removed or kept, the latest first."""
        return [_line(row) for row in self._database.rows(LOG, {"limit": limit})]


def _recalled(one: Gone) -> Parameters:
    return {
        "address": os.fsencode(one.address),
        "path": os.fsencode(one.path),
        "size_bytes": one.size_bytes,
        "mtime_ns": to_int64(one.mtime_ns),
        "sha256": one.sha256,
        "google_id": one.google_id,
        "kept_in": one.kept_in,
        "at": one.at,
    }


def _candidate(row: sqlite3.Row) -> Candidate:
    copies = dict.fromkeys(one for one in (row["mirror_path"], row["first_path"]) if one)
    record = Record(
        state=State(row["state"]),
        stands=State(row["stands"]),
        google_id=row["google_id"] if row["is_same"] else "",
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["mtime_ns"]),
        taken_at=row["taken_at"],
        settled_at=row["settled_at"],
        is_missing=bool(row["is_missing"]),
        is_leased=bool(row["is_leased"]),
    )
    return Candidate(row["id"], os.fsdecode(row["path"]), tuple(map(os.fsdecode, copies)), record)


def _line(row: sqlite3.Row) -> Line:
    return Line(
        id=row["id"],
        item_id=row["item_id"],
        label=row["label"],
        path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["source_mtime_ns"]),
        outcome=row["outcome"],
        reason=row["reason"],
        kept_in=row["kept_in"],
        at=row["at"],
        sha256=row["sha256"],
        google_id=row["google_id"],
    )
