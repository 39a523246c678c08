"""Read models: what status, list and show need, each in a few cheap queries."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.quota import google_day
from photosync.domain.states import READY_STATES, State
from photosync.errors import UnknownItem
from photosync.store import ready
from photosync.store.mapping import to_item, to_source

if TYPE_CHECKING:
    import sqlite3
    from contextlib import AbstractContextManager

    from photosync.domain.media import MediaItem, Source, SourceKind
    from photosync.store.database import Database, Parameters

TALLIES = "SELECT source_id, state, items, bytes, last_at FROM tallies"

SOURCES = "SELECT * FROM sources ORDER BY id"

USED = "SELECT requests, spent_at FROM quota_days WHERE day = :day"

USED_BY_KIND = "SELECT kind, requests FROM quota_usage WHERE day = :day ORDER BY kind"

LIST = "SELECT * FROM media_items WHERE id < :before ORDER BY id DESC LIMIT :limit"

LIST_STATE = """
    SELECT * FROM media_items INDEXED BY media_items_by_state
    WHERE state = :state AND id < :before ORDER BY id DESC LIMIT :limit
"""

LIST_SOURCE = """
    SELECT * FROM media_items INDEXED BY media_items_by_source
    WHERE source_id = :source_id AND state = :state AND id < :before
    ORDER BY id DESC LIMIT :limit
"""

ONE = "SELECT * FROM media_items WHERE id = :id"

BY_PATH = """
    SELECT * FROM media_items WHERE source_id = :source_id AND source_path = :path
    ORDER BY id DESC
"""

BY_COPY = "SELECT * FROM media_items WHERE mirror_path = :path ORDER BY id DESC LIMIT :limit"

BY_NAME = """
    SELECT * FROM media_items
    WHERE source_path = :name OR substr(source_path, -length(:tail)) = :tail
    ORDER BY id DESC LIMIT :limit
"""

EVENTS = "SELECT at, before, after, code FROM item_events WHERE item_id = :id ORDER BY id"

REASONS = """
    SELECT error_code AS code, count(*) AS items, min(error_message) AS message
    FROM media_items INDEXED BY media_items_by_state WHERE state = :state
    GROUP BY error_code ORDER BY items DESC
"""

SMALLEST = """
    SELECT min(size_bytes) AS bytes FROM sources CROSS JOIN media_items
        INDEXED BY media_items_by_size
    WHERE kind = :kind AND source_id = sources.id AND state IN ('found', 'mirrored')
        AND state = 'found'
"""

NEWEST = "SELECT found_at FROM media_items ORDER BY id DESC LIMIT 1"

IN_HAND = "SELECT id, leased_by, size_bytes FROM media_items WHERE leased_by IS NOT NULL"

NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items and bytes of one source are in one state."""

    source_id: int
    state: State
    items: int
    size_bytes: int
    last_at: int | None


RESTORED = "restored"
RESTORED_TO = f"{RESTORED} to "
"""Before the folder, or a phone's serial number, where that is not where the item is from."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an item's history; ``before`` is None for the first.

    ``to``: where it was restored to, if that is not where it came from; else "".
    """

    at: int
    before: str | None
    after: str
    code: str | None
    to: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Items and bytes by state, whole and by source."""

    tallies: tuple[Tally, ...]

    def items(self, state: State, source_id: int | None = None) -> int:
        """Items in ``state``."""
        return sum(one.items for one in self._of(state, source_id))

    def size_bytes(self, state: State) -> int:
        """Bytes of the items in ``state``."""
        return sum(one.size_bytes for one in self._of(state, None))

    def last_at(self, state: State) -> int | None:
        """When an item last came to ``state``, in seconds UTC."""
        return max((one.last_at or 0 for one in self._of(state, None)), default=0) or None

    def total(self, source_id: int | None = None) -> int:
        """All items."""
        return sum(self.items(state, source_id) for state in State)

    def waiting(self) -> int:
        """Items that still have to reach the library by themselves."""
        return sum(self.items(state) for state in READY_STATES)

    def waiting_bytes(self) -> int:
        """Bytes that still have to be sent."""
        return self.size_bytes(State.FOUND) + self.size_bytes(State.MIRRORED)

    def _of(self, state: State, source_id: int | None) -> list[Tally]:
        return [
            one for one in self.tallies if one.state == state and source_id in (None, one.source_id)
        ]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source and when it was last there."""

    source: Source
    last_seen_at: int | None


@dataclass(frozen=True, slots=True)
class Aside:
    """Items put aside for a while, and when the first is due."""

    items: int
    next_at: int | None


class Overview:
    """Everything that is only looked at. Works on a read-only database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def one_moment(self) -> AbstractContextManager[None]:
        """All that is asked for in the block is of the same moment."""
        return self._database.one_moment()

    def counts(self) -> Counts:
        """Items and bytes by state and source: a handful of rows, however many items."""
        return Counts(
            tuple(
                Tally(
                    row["source_id"],
                    State(row["state"]),
                    row["items"],
                    row["bytes"],
                    row["last_at"],
                )
                for row in self._database.rows(TALLIES)
            )
        )

    def sources(self) -> list[SourceView]:
        """Every source."""
        rows = self._database.rows(SOURCES)
        return [SourceView(to_source(row), row["last_seen_at"]) for row in rows]

    def requests_today(self, *, now: float) -> tuple[int, bool]:
        """(requests spent this Pacific day, whether Google declared the day spent)."""
        row = self._database.row(USED, {"day": google_day(now)})
        return (0, False) if row is None else (row["requests"], row["spent_at"] is not None)

    def requests_by_kind(self, *, now: float) -> dict[str, int]:
        """Requests spent this Pacific day, by kind."""
        rows = self._database.rows(USED_BY_KIND, {"day": google_day(now)})
        return {row["kind"]: row["requests"] for row in rows}

    def items(
        self,
        *,
        state: State | None = None,
        source_id: int | None = None,
        before: int = NO_LIMIT,
        limit: int = 50,
    ) -> list[MediaItem]:
        """The newest items, at most ``limit``, with numbers under ``before``."""
        values: Parameters = {"source_id": source_id, "before": before, "limit": limit}
        if source_id is None:
            sql = LIST if state is None else LIST_STATE
            return self._items(sql, {**values, "state": state})
        # state by state, so that the few items of one source are not sought among millions
        found = [
            item
            for one in (State if state is None else (state,))
            for item in self._items(LIST_SOURCE, {**values, "state": one})
        ]
        return sorted(found, key=lambda item: item.id, reverse=True)[:limit]

    def _items(self, sql: str, values: Parameters) -> list[MediaItem]:
        return [to_item(row) for row in self._database.rows(sql, values)]

    def item(self, item_id: int) -> MediaItem:
        """One item.

        Raises:
            UnknownItem: There is none of that number.
        """
        row = self._database.row(ONE, {"id": item_id})
        if row is None:
            raise UnknownItem(
                f"There is no item {item_id}.",
                hint="photosync list shows items and their numbers.",
            )
        return to_item(row)

    def items_at(self, source_id: int, path: str) -> list[MediaItem]:
        """Every version of one file, newest first."""
        values: Parameters = {"source_id": source_id, "path": os.fsencode(path)}
        return [to_item(row) for row in self._database.rows(BY_PATH, values)]

    def items_copied_to(self, mirror_path: str, *, limit: int = 50) -> list[MediaItem]:
        """Those whose copy lies there, newest first. Reads the whole table."""
        return self._items(BY_COPY, {"path": os.fsencode(mirror_path), "limit": limit})

    def items_named(self, name: str, *, limit: int = 50) -> list[MediaItem]:
        """Those whose file has that name, in whatever folder, newest first.

        ``name`` may be the end of a path. Reads the whole table.
        """
        exact = os.fsencode(name)
        return self._items(BY_NAME, {"name": exact, "tail": b"/" + exact, "limit": limit})

    def history(self, item_id: int) -> list[Event]:
        """Every move of an item, oldest first."""
        rows = self._database.rows(EVENTS, {"id": item_id})
        return [_event(row) for row in rows]

    def reasons(self, state: State) -> list[tuple[str, int, str]]:
        """Why items are in ``state``: (code, how many, an example's message)."""
        rows = self._database.rows(REASONS, {"state": state})
        return [(row["code"] or "", row["items"], row["message"] or "") for row in rows]

    def put_aside(self, *, now: int) -> Aside:
        """Items that wait for another try."""
        items, next_at = 0, None
        for state in READY_STATES:
            row = self._database.row(ready.PUT_ASIDE, {"state": state, "now": now})
            if row is not None and row["items"]:
                items += row["items"]
                next_at = min(next_at or row["next_at"], row["next_at"])
        return Aside(items, next_at)

    def ready(self, state: State, *, now: int, kind: SourceKind | None = None) -> bool:
        """Whether a worker could take an item in ``state`` (a pause left aside), of a kind."""
        values = {"state": state, "now": now, "kind": kind}
        return self._database.row(ready.READY_NOW, values) is not None

    def smallest_found(self, kind: SourceKind) -> int:
        """Bytes of the smallest item that is found and nothing more; 0 if there is none."""
        row = self._database.row(SMALLEST, {"kind": kind})
        return 0 if row is None else row["bytes"] or 0

    def last_found_at(self) -> int | None:
        """When the newest item was found, in seconds UTC; None if there is none."""
        row = self._database.row(NEWEST)
        return None if row is None else int(row["found_at"])

    def in_hand(self) -> dict[int, tuple[str, int]]:
        """The claimed items: by number, whose they are and how many bytes they have."""
        return {
            row["id"]: (row["leased_by"], row["size_bytes"]) for row in self._database.rows(IN_HAND)
        }


def _event(row: sqlite3.Row) -> Event:
    code, to = row["code"], ""
    if code is not None and code.startswith(RESTORED_TO):
        code, to = RESTORED, code.removeprefix(RESTORED_TO)
    return Event(row["at"], row["before"], row["after"], code, to)
