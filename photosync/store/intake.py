"""How files become items."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from photosync.domain.shots import AWAITS_PARTS
from photosync.domain.states import State
from photosync.store.mapping import to_int64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from photosync.domain.media import Entry, Finding
    from photosync.store.database import Database, Parameters

AWAIT_SECONDS = 20
"""A camera writes the files of one shot within seconds."""

LONGEST_AWAIT_SECONDS = 3600
"""So long a look may take until it comes to the other files; its end ends the waiting, too."""

INSERT = """
    INSERT INTO media_items
        (source_id, source_path, size_bytes, source_mtime_ns, mime_type, state, found_at,
         updated_at)
    VALUES (:source_id, :source_path, :size_bytes, :mtime_ns, :mime_type, :state, :now, :now)
    ON CONFLICT (source_id, source_path, size_bytes, source_mtime_ns) DO NOTHING
    RETURNING id
"""

PUT_ASIDE = f"""
    UPDATE media_items SET not_before = :until, error_code = '{AWAITS_PARTS}',
        error_message = 'It waits for the other files of its shot.'
    WHERE id = :id AND state = 'found'
"""  # noqa: S608 - made of constants

AWAIT_NO_MORE = f"""
    UPDATE media_items INDEXED BY media_items_ready SET not_before = :until
    WHERE source_id = :source_id AND state = 'found' AND leased_by IS NULL
        AND not_before > :until AND error_code = '{AWAITS_PARTS}'
"""  # noqa: S608 - made of constants

REFUSE = """
    UPDATE media_items SET state = 'failed', error_code = :code, error_message = :message
    WHERE id = :id
"""

BY_SIGHT = """
    (state = 'skipped' AND error_code IN ('vanished', 'replaced', 'excluded'))
    OR (state = 'failed' AND error_code = 'unreadable')
"""
"""Set aside by us, not by the user: undone when the very same file is taken and readable."""

ASKED_AT_ONCE = (8, 32, 128, 512)
"""Paths in one query: a query for each file would take longer than looking at the file."""

KNOWN = {
    many: f"""
        SELECT source_path, size_bytes, source_mtime_ns, id, {BY_SIGHT} FROM media_items
        WHERE source_id = ? AND source_path IN ({",".join("?" * many)})
    """  # noqa: S608 - made of this module's constants
    for many in ASKED_AT_ONCE
}

_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
"""As ``os.fsencode`` does it: a look at 100,000 files need not call a function for each."""

REVIVE = f"""
    UPDATE media_items SET state = iif(chosen, 'found', :first), error_code = NULL,
        error_message = NULL, attempts = 0, not_before = 0, sha256 = NULL, sha1 = NULL,
        mirror_path = NULL, mime_type = :mime_type,
        updated_at = :now
    WHERE id = :id AND ({BY_SIGHT})
"""  # noqa: S608 - made of this module's constants


class Known(NamedTuple):
    """What is on record of a file. ``revivable``: set aside for a reason that seems to be over."""

    id: int
    revivable: bool


class Intake:
    """Turns findings into items, each version of a file once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, source_id: int, entries: Sequence[Entry]) -> list[Known | None]:
        """What is on record of exactly these versions of files, in their order, or None."""
        found: dict[tuple[bytes, int, int], Known] = {}
        paths = [one.path.encode(_ENCODING, _ERRORS) for one in entries]
        for at in range(0, len(paths), ASKED_AT_ONCE[-1]):
            rows = self._versions(source_id, paths[at : at + ASKED_AT_ONCE[-1]])
            found |= {row[:3]: Known(row[3], bool(row[4])) for row in rows}
        return [
            found.get((path, size_bytes, to_int64(mtime_ns)))
            for path, (_, size_bytes, mtime_ns, _) in zip(paths, entries, strict=True)
        ]

    def _versions(self, source_id: int, paths: list[bytes]) -> list[tuple[Any, ...]]:
        """Every version on record of up to so many files."""
        many = next(one for one in ASKED_AT_ONCE if one >= len(paths))
        rest = [b""] * (many - len(paths))  # no file has that name
        return self._database.tuples(KNOWN[many], [source_id, *paths, *rest])

    def add(self, source_id: int, findings: Iterable[Finding], *, first: State, now: int) -> int:
        """Record new files in state ``first`` (found or held); those refused fail at once.

        Returns how many were new. All in one transaction.
        """
        with self._database.write() as connection:
            return sum(insert(connection, source_id, one, first=first, now=now) for one in findings)

    def await_no_more(self, source_id: int, *, now: int) -> None:
        """A look is over: what waits for other files of its shot waits a moment longer."""
        values: Parameters = {"source_id": source_id, "until": now + AWAIT_SECONDS}
        self._database.run(AWAIT_NO_MORE, values)

    def revive(self, ids: Sequence[tuple[int, str]], *, first: State, now: int) -> int:
        """Failed or skipped → ``first`` for (id, MIME type) pairs whose file is back. How many.

        What the user chose once is found again, whatever ``first`` is.
        """
        shared: Parameters = {"first": first, "now": now}
        with self._database.write() as connection:
            return sum(
                connection.execute(REVIVE, {**shared, "id": one, "mime_type": mime}).rowcount
                for one, mime in ids
            )


def insert(
    connection: sqlite3.Connection, source_id: int, finding: Finding, *, first: State, now: int
) -> int:
    """1 if the file is a new item now, 0 if that version of it was one already."""
    values: Parameters = _version(source_id, finding.path, finding.size_bytes, finding.mtime_ns)
    refused = finding.refusal
    state = State.FOUND if refused else first
    values |= {"mime_type": finding.mime_type, "state": state, "now": now}
    row = connection.execute(INSERT, values).fetchone()
    if row is None:
        return 0
    if refused:
        code, message = refused
        connection.execute(REFUSE, {"id": row["id"], "code": code, "message": message})
    elif finding.awaits_parts:
        connection.execute(PUT_ASIDE, {"id": row["id"], "until": now + LONGEST_AWAIT_SECONDS})
    return 1


def _version(source_id: int, path: str, size_bytes: int, mtime_ns: int) -> Parameters:
    return {
        "source_id": source_id,
        "source_path": os.fsencode(path),
        "size_bytes": size_bytes,
        "mtime_ns": to_int64(mtime_ns),
    }
