"""What the gallery shows: items by day, newest first, by whatever they are sought.

A lane is what one source has in one state of one kind, photos or videos: an index has each lane in
order, so that the newest of all are merged from a few beginnings, however many items there are.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.store.mapping import to_item

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from photosync.domain.media import MediaItem
    from photosync.domain.states import State
    from photosync.store.database import Database, Parameters

MOST_COUNTED = 40_000
"""A folder with more is not counted by state and kind: that would take too long."""
MOST_LANES = 200
"""SQLite takes 500 parts in one statement, and a lane may take two."""
FIRST, LAST = -(2**62), 2**62
"""Before and after every time and number."""

LANES = "SELECT source_id, state, items FROM tallies WHERE items > 0"

NUMBER = """
    SELECT :source{0} AS source_id, :state{0} AS state, :video{0} AS is_video, count(*) AS items
    FROM media_items INDEXED BY media_items_gallery
    WHERE source_id = :source{0} AND state = :state{0} AND is_video = :video{0}
        AND shown_at >= :first_at AND shown_at < :end_at
"""

NUMBERS_OF_FOLDER = """
    SELECT source_id, state, is_video, count(*) AS items
    FROM media_items INDEXED BY media_items_by_folder
    WHERE source_id = :source_id AND folder = :folder
        AND shown_at >= :first_at AND shown_at < :end_at
    GROUP BY state, is_video
"""

IS_LARGE = """
    SELECT 1 FROM media_items INDEXED BY media_items_by_folder
    WHERE source_id = :source_id AND folder = :folder
        AND shown_at >= :first_at AND shown_at < :end_at
    LIMIT 1 OFFSET :most
"""

BETWEEN = ("shown_at >= :first_at AND shown_at < :end_at",)
AFTER = ("shown_at = :at AND id < :id", "shown_at < :at AND shown_at >= :first_at")
AHEAD = ("shown_at = :at AND id > :id", "shown_at > :at AND shown_at < :end_at")
"""Two parts: of a pair of bounds SQLite looks for the first alone, and a whole folder may have been
copied within one second."""

LANE = """
    SELECT shown_at, id FROM media_items INDEXED BY media_items_gallery
    WHERE source_id = :source{0} AND state = :state{0} AND is_video = :video{0} AND {1}
"""

OF_FOLDER = """
    SELECT shown_at, id FROM media_items INDEXED BY media_items_by_folder
    WHERE source_id = :source_id AND folder = :folder AND {0}
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:video IS NULL OR is_video = :video)
"""

OF_ALL = """
    SELECT shown_at, id FROM media_items
    WHERE (:source_id IS NULL OR source_id = :source_id) AND {0}
        AND (:states IS NULL OR state IN (SELECT value FROM json_each(:states)))
        AND (:video IS NULL OR is_video = :video)
"""

BY_IDS = """
    SELECT * FROM media_items WHERE id IN (SELECT value FROM json_each(:ids))
    ORDER BY shown_at DESC, id DESC
"""

DAYS = """
    SELECT strftime('%Y-%m-%d', shown_at, 'unixepoch', 'localtime') AS day, count(*) AS items
    FROM ({0}) GROUP BY day ORDER BY day DESC
"""

FOLDERS = """
    SELECT folder, count(*) AS items, sum(size_bytes) AS bytes, max(shown_at) AS newest_at
    FROM media_items INDEXED BY media_items_by_folder WHERE source_id = :source_id
    GROUP BY folder ORDER BY newest_at DESC, folder
"""

EVENTS = """
    SELECT item_events.id AS event, item_id, before, state FROM item_events
    JOIN media_items ON media_items.id = item_id
    WHERE item_events.id > :last ORDER BY item_events.id LIMIT :limit
"""

LAST_EVENT = "SELECT ifnull(max(id), 0) AS id FROM item_events"

CHANGES = "PRAGMA data_version"


@dataclass(frozen=True, slots=True)
class Sought:
    """What is to be shown; a default does not narrow it.

    ``folder``: the exact path of one within its source, "" for its top. ``first_at`` and
    ``end_at``: seconds UTC, the end not included.
    """

    states: tuple[State, ...] = ()
    source_id: int | None = None
    folder: str | None = None
    video: bool | None = None
    first_at: int = FIRST
    end_at: int = LAST


@dataclass(frozen=True, slots=True)
class FolderTally:
    """One folder of a source, without those beneath. ``newest_at`` in seconds UTC."""

    path: str
    items: int
    size_bytes: int
    newest_at: int


@dataclass(frozen=True, slots=True)
class Change:
    """An item came to be, or moved; ``state`` is where it stands by now."""

    item_id: int
    is_new: bool
    state: str


@dataclass(frozen=True, slots=True)
class Number:
    """How many of one source are in one state, photos or videos."""

    source_id: int
    state: str
    video: bool
    items: int


EVERYTHING = Sought()
Place = tuple[int, int]
"""When an item is shown, and its number: where it stands in the gallery."""
END: Place = (LAST, LAST)


class Gallery:
    """Everything is answered in a few milliseconds with a hundred thousand items."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, sought: Sought = EVERYTHING, *, after: Place = END, skip: int = 0, limit: int = 100
    ) -> list[MediaItem]:
        """The newest items, or those that follow ``after`` and ``skip`` more."""
        return self._items(self.places(sought, after=after, skip=skip, limit=limit))

    def places(
        self, sought: Sought = EVERYTHING, *, after: Place = END, skip: int = 0, limit: int = 100
    ) -> list[Place]:
        """The same, but only where they stand."""
        sql, values = self._asked(sought, AFTER)
        at, number = min(after, (sought.end_at, FIRST))
        values |= {"at": at, "id": number, "skip": skip, "limit": limit}
        sql += " ORDER BY shown_at DESC, id DESC LIMIT :limit OFFSET :skip"
        return [(row["shown_at"], row["id"]) for row in self._database.rows(sql, values)]

    def pages(self, sought: Sought, *, limit: int) -> Iterator[list[int]]:
        """The numbers of them all, so many at a time; what changes meanwhile is passed by once."""
        after = END
        while places := self.places(sought, after=after, limit=limit):
            after = places[-1]
            yield [number for _, number in places]

    def ahead_of(self, place: Place, sought: Sought = EVERYTHING) -> int | None:
        """The number of the next newer item."""
        sql, values = self._asked(sought, AHEAD)
        values |= {"at": place[0], "id": place[1]}
        row = self._database.row(f"{sql} ORDER BY shown_at, id LIMIT 1", values)
        return None if row is None else int(row["id"])

    def days(self, sought: Sought = EVERYTHING) -> list[tuple[str, int]]:
        """Each day of local time with something on it, and how much: the newest first."""
        sql, values = self._asked(sought, BETWEEN)
        rows = self._database.rows(DAYS.format(sql), values)
        return [(row["day"], row["items"]) for row in rows]

    def numbers(self, sought: Sought = EVERYTHING) -> list[Number] | None:
        """How many there are of each source, state and kind, of its days and folder alone.

        None: its folder is too large to be counted while somebody waits.
        """
        if sought.folder is not None and sought.source_id is not None:
            return self._numbers_of_folder(sought)
        known = {
            (row["source_id"], row["state"]): row["items"] for row in self._database.rows(LANES)
        }
        if (sought.first_at, sought.end_at) != (FIRST, LAST):
            return self._counted(sought, [(*one, kind) for one in known for kind in (0, 1)])
        # mostly photos: what is no video is known without counting it
        videos = self._counted(sought, [(*one, 1) for one in known])
        for one in videos:
            known[one.source_id, one.state] -= one.items
        photos = [Number(*lane, video=False, items=items) for lane, items in known.items()]
        return [*photos, *videos]

    def _counted(self, sought: Sought, lanes: list[tuple[int, str, int]]) -> list[Number]:
        found: list[Number] = []
        for begin in range(0, len(lanes), MOST_LANES):
            values: Parameters = {"first_at": sought.first_at, "end_at": sought.end_at}
            some = lanes[begin : begin + MOST_LANES]
            for number, (source_id, state, video) in enumerate(some):
                values |= {f"source{number}": source_id, f"state{number}": state}
                values[f"video{number}"] = video
            sql = " UNION ALL ".join(NUMBER.format(number) for number in range(len(some)))
            found += [_number(row) for row in self._database.rows(sql, values)]
        return found

    def _numbers_of_folder(self, sought: Sought) -> list[Number] | None:
        values: Parameters = {
            "source_id": sought.source_id,
            "folder": _folder(sought),
            "first_at": sought.first_at,
            "end_at": sought.end_at,
            "most": MOST_COUNTED,
        }
        if self._database.row(IS_LARGE, values) is not None:
            return None
        return [_number(row) for row in self._database.rows(NUMBERS_OF_FOLDER, values)]

    def folders(self, source_id: int) -> list[FolderTally]:
        """Every folder of a source that holds items; the one with the newest first."""
        return [
            FolderTally(
                os.fsdecode(row["folder"]).rstrip("/"),
                row["items"],
                row["bytes"],
                row["newest_at"],
            )
            for row in self._database.rows(FOLDERS, {"source_id": source_id})
        ]

    def last_event(self) -> int:
        """The number of the newest line in the history of all items."""
        row = self._database.row(LAST_EVENT)
        assert row is not None
        return int(row["id"])

    def events_after(self, last: int, *, limit: int = 500) -> tuple[int, list[Change]]:
        """What happened since the event ``last``, and the number of the newest that is told."""
        rows = self._database.rows(EVENTS, {"last": last, "limit": limit})
        changes = [Change(row["item_id"], row["before"] is None, row["state"]) for row in rows]
        return (rows[-1]["event"] if rows else last), changes

    def changes(self) -> int:
        """Another number for this thread whenever another connection has written anything."""
        row = self._database.row(CHANGES)
        assert row is not None
        return int(row[0])

    def _items(self, places: list[Place]) -> list[MediaItem]:
        ids = json.dumps([number for _, number in places])
        return [to_item(row) for row in self._database.rows(BY_IDS, {"ids": ids})]

    def _asked(self, sought: Sought, bounds: tuple[str, ...]) -> tuple[str, Parameters]:
        """The statement for what is sought, without an order, and its values."""
        values: Parameters = {
            "source_id": sought.source_id,
            "states": json.dumps(sought.states) if sought.states else None,
            "video": sought.video,
            "first_at": sought.first_at,
            "end_at": sought.end_at,
        }
        lanes = [] if sought.folder is not None else self._lanes(sought)
        if sought.folder is not None and sought.source_id is not None:
            values["folder"] = _folder(sought)
            parts = [OF_FOLDER.format(one) for one in bounds]
        elif 0 < len(lanes) <= MOST_LANES:
            parts = [LANE.format(n, one) for n in range(len(lanes)) for one in bounds]
        else:
            parts = [OF_ALL.format(one) for one in bounds]
        for number, (source_id, state, video) in enumerate(lanes):
            values |= {f"source{number}": source_id, f"state{number}": state}
            values[f"video{number}"] = video
        return " UNION ALL ".join(parts), values

    def _lanes(self, sought: Sought) -> list[tuple[int, str, int]]:
        kinds = (0, 1) if sought.video is None else (int(sought.video),)
        return [
            (row["source_id"], row["state"], kind)
            for row in self._database.rows(LANES)
            if sought.source_id in (None, row["source_id"])
            and (not sought.states or row["state"] in sought.states)
            for kind in kinds
        ]


def _folder(sought: Sought) -> bytes:
    return os.fsencode(f"{sought.folder}/" if sought.folder else "")


def _number(row: sqlite3.Row) -> Number:
    return Number(row["source_id"], row["state"], bool(row["is_video"]), row["items"])
