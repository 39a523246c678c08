"""What was asked back, where to, and what of it is there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind, readable
from photosync.domain.restoring import Restorable, Target, TargetKind
from photosync.store.mapping import from_int64, to_int64
from photosync.store.overview import RESTORED, RESTORED_TO

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from photosync.domain.restoring import Wanted
    from photosync.store.database import Database, Parameters

AT_ONCE = 500

# of the versions of one file the newest whose bytes are known, unless its number is asked for
SELECT = """
    SELECT media_items.id AS id, source_path, sha256, size_bytes, kind, address, label
    FROM media_items JOIN sources ON sources.id = source_id
    WHERE media_items.id > :after AND sha256 IS NOT NULL
        AND (:state IS NULL OR state = :state)
        AND (:source_id IS NULL OR source_id = :source_id)
        AND (:begins_at IS NULL OR shown_at BETWEEN :begins_at AND :ends_at - 1)
        AND (:folder = x'' OR source_path = :folder
             OR substr(source_path, 1, length(:folder) + 1) = CAST(:folder || '/' AS BLOB))
        AND (:ids IS NULL OR media_items.id IN (SELECT value FROM json_each(:ids)))
        AND (:ids IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM media_items AS newer
            WHERE newer.source_id = media_items.source_id
                AND newer.source_path = media_items.source_path
                AND newer.id > media_items.id AND newer.sha256 IS NOT NULL))
    ORDER BY media_items.id LIMIT :limit
"""

NOT_READ = """
    SELECT id, state FROM media_items
    WHERE sha256 IS NULL AND id IN (SELECT value FROM json_each(:ids)) ORDER BY id
"""

ASK = """
    INSERT INTO restores (kind, address, item_id, path, state, asked_at, updated_at)
    VALUES (:kind, :address, :item_id, :path, 'wanted', :now, :now)
    ON CONFLICT (kind, address, item_id) DO UPDATE SET asked_at = :now,
        state = iif(state = 'done', 'done', 'wanted'), error_code = NULL, error_message = NULL
"""

ASK_AGAIN = """
    UPDATE restores SET asked_at = :now, state = 'wanted', error_code = NULL, error_message = NULL
    WHERE kind = :kind AND address = :address AND state = 'wanted'
"""

LEFT = """
    SELECT kind, address, count(*) AS orders FROM restores INDEXED BY restores_left
    WHERE state <> 'done' AND state = 'wanted' GROUP BY kind, address ORDER BY kind, address
"""

FORGET = "DELETE FROM restores WHERE state = 'wanted'"

ASKED = """
    SELECT restores.id AS id, restores.state AS state, path, has_mtime_ns, item_id, sha256,
        size_bytes, source_mtime_ns, source_path, media_items.source_id AS source_id
    FROM restores INDEXED BY restores_asked JOIN media_items ON media_items.id = item_id
    WHERE asked_at = :asked_at AND restores.kind = :kind AND address = :address
        AND restores.id > :after
    ORDER BY restores.id LIMIT :limit
"""

COUNT = """
    SELECT count(*) AS orders FROM restores INDEXED BY restores_asked
    WHERE asked_at = :asked_at AND kind = :kind AND address = :address
"""

LATEST = "SELECT ifnull(max(asked_at), 0) AS at FROM restores"

BEGUN_PATHS = """
    SELECT path FROM restores INDEXED BY restores_left
    WHERE kind = :kind AND address = :address AND state <> 'done'
"""

DONE = """
    UPDATE restores SET state = 'done', has_mtime_ns = :mtime_ns, error_code = NULL,
        error_message = NULL, updated_at = :now
    WHERE id = :id
"""

EVENT = """
    INSERT INTO item_events (item_id, at, before, after, code)
    SELECT id, :now, state, state, :code FROM media_items WHERE id = :item_id
"""

ELSEWHERE = """
    SELECT restores.address AS address FROM restores
        JOIN media_items ON media_items.id = restores.item_id
        JOIN sources ON sources.id = source_id
    WHERE restores.id = :id
        AND NOT (restores.kind = sources.kind AND restores.address = sources.address)
"""

# on its own phone again: what was freed is not freed any more
BACK = """
    UPDATE freed SET outcome = 'back'
    WHERE item_id = :item_id AND outcome = 'gone' AND EXISTS (
        SELECT 1 FROM restores JOIN media_items ON media_items.id = restores.item_id
            JOIN sources ON sources.id = source_id
        WHERE restores.id = :id AND restores.kind = sources.kind
            AND restores.address = sources.address AND restores.path = source_path)
"""

SEEN = """
    UPDATE media_items SET unseen_at = NULL
    WHERE id = :item_id AND unseen_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM restores JOIN sources ON sources.id = source_id
        WHERE restores.id = :id AND restores.kind = sources.kind
            AND restores.address = sources.address AND restores.path = source_path)
"""

FAILED = """
    UPDATE restores SET state = 'failed', error_code = :code, error_message = :message,
        updated_at = :now
    WHERE id = :id
"""

WANTED_AGAIN = "UPDATE restores SET state = 'wanted', updated_at = :now WHERE id = :id"

ALIKE = """
    SELECT id, source_id, source_path, size_bytes, source_mtime_ns, mirror_path, kind
    FROM (SELECT * FROM media_items INDEXED BY media_items_by_content WHERE sha256 = :sha256)
        AS alike JOIN (SELECT id AS its_source, kind FROM sources) ON its_source = source_id
    ORDER BY mirror_path IS NULL, id LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Order:
    """One item that was asked back to ``path`` of a target, and what the item is.

    ``has_mtime_ns``: the time that the file got there, once it was put; None before.
    """

    id: int
    item_id: int
    path: str
    is_done: bool
    has_mtime_ns: int | None
    sha256: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Alike:
    """One file with the same bytes, by the record. ``mirror_path``: its copy, if it has one."""

    item_id: int
    source_id: int
    kind: SourceKind
    path: str
    size_bytes: int
    mtime_ns: int
    mirror_path: str | None


class Restores:
    """The record of what is put back. Times are seconds UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def select(self, wanted: Wanted) -> Iterator[Restorable]:
        """The items that are meant, oldest number first; those that were never read are not."""
        if wanted.ids is None:
            yield from self._selected(wanted, None)
            return
        ids = sorted(wanted.ids)
        for begin in range(0, len(ids), AT_ONCE):
            yield from self._selected(wanted, json.dumps(ids[begin : begin + AT_ONCE]))

    def _selected(self, wanted: Wanted, ids: str | None) -> Iterator[Restorable]:
        span = wanted.span
        values: Parameters = {
            "after": -1,
            "limit": AT_ONCE,
            "ids": ids,
            "state": wanted.state,
            "source_id": wanted.source_id,
            "begins_at": None if span is None else span.begins_at,
            "ends_at": None if span is None else span.ends_at,
            "folder": os.fsencode(wanted.folder.strip("/")),
        }
        while rows := self._database.rows(SELECT, values):
            yield from map(_restorable, rows)
            values["after"] = rows[-1]["id"]

    def never_read(self, ids: Sequence[int]) -> dict[int, str]:
        """Those of the items whose bytes are not known, and their state."""
        rows = self._database.rows(NOT_READ, {"ids": json.dumps(list(ids))})
        return {row["id"]: row["state"] for row in rows}

    def moment(self, *, now: int) -> int:
        """A moment for the next orders that no others bear."""
        row = self._database.row(LATEST)
        return max(now, 1 + (0 if row is None else int(row["at"])))

    def ask(self, target: Target, orders: Iterable[tuple[int, str]], *, at: int) -> int:
        """Note items with their paths at the target; how many. What is done there stays so."""
        shared = {**_of(target), "now": at}
        count = 0
        for some in _pages(orders):
            lines = [{**shared, "item_id": one, "path": os.fsencode(path)} for one, path in some]
            with self._database.write() as connection:
                connection.executemany(ASK, lines)
            count += len(lines)
        return count

    def ask_again(self, target: Target, *, at: int) -> None:
        """What is left for that target is asked for once more."""
        self._database.run(ASK_AGAIN, {**_of(target), "now": at})

    def left(self) -> dict[Target, int]:
        """The targets that still wait for something, and for how much."""
        return {
            Target(TargetKind(row["kind"]), os.fsdecode(row["address"])): row["orders"]
            for row in self._database.rows(LEFT)
        }

    def forget(self) -> None:
        """What is left is not wanted any more."""
        self._database.run(FORGET)

    def asked(self, target: Target, *, at: int) -> Iterator[list[Order]]:
        """The orders of that moment, page by page."""
        values: Parameters = {**_of(target), "asked_at": at, "after": 0, "limit": AT_ONCE}
        while rows := self._database.rows(ASKED, values):
            yield [_order(row) for row in rows]
            values["after"] = rows[-1]["id"]

    def count(self, target: Target, *, at: int) -> int:
        """How many orders those are."""
        row = self._database.row(COUNT, {**_of(target), "asked_at": at})
        return 0 if row is None else int(row["orders"])

    def open_folders(self, target: Target) -> set[str]:
        """The folders of the target in which something was begun and not ended."""
        rows = self._database.rows(BEGUN_PATHS, _of(target))
        return {os.fsdecode(row["path"]).rpartition("/")[0] for row in rows}

    def put(self, order: Order, *, mtime_ns: int, now: int, fresh: bool) -> None:
        """It lies there, with that time; ``fresh``: since just now."""
        values = {
            "id": order.id,
            "item_id": order.item_id,
            "mtime_ns": to_int64(mtime_ns),
            "now": now,
        }
        with self._database.write() as connection:
            connection.execute(DONE, values)
            connection.execute(BACK, values)
            connection.execute(SEEN, values)
            if fresh:
                elsewhere = connection.execute(ELSEWHERE, values).fetchone()
                to = "" if elsewhere is None else readable(os.fsdecode(elsewhere["address"]))
                connection.execute(EVENT, {**values, "code": RESTORED_TO + to if to else RESTORED})

    def fail(self, order: Order, *, code: str, message: str, now: int) -> None:
        """It cannot be put there."""
        values = {"id": order.id, "code": code, "message": message, "now": now}
        self._database.run(FAILED, values)

    def want_again(self, order: Order, *, now: int) -> None:
        """It is not there any more."""
        self._database.run(WANTED_AGAIN, {"id": order.id, "now": now})

    def alike(self, sha256: str) -> list[Alike]:
        """Every file on record with those bytes; those with a copy in the mirror first."""
        return [_alike(row) for row in self._database.rows(ALIKE, {"sha256": sha256})]


def _of(target: Target) -> Parameters:
    return {"kind": target.kind, "address": os.fsencode(target.address)}


def _pages(orders: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    page: list[tuple[int, str]] = []
    for one in orders:
        page.append(one)
        if len(page) == AT_ONCE:
            yield page
            page = []
    if page:
        yield page


def _restorable(row: sqlite3.Row) -> Restorable:
    return Restorable(
        id=row["id"],
        kind=SourceKind(row["kind"]),
        address=os.fsdecode(row["address"]),
        label=row["label"],
        path=os.fsdecode(row["source_path"]),
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
    )


def _order(row: sqlite3.Row) -> Order:
    has = row["has_mtime_ns"]
    return Order(
        id=row["id"],
        item_id=row["item_id"],
        path=os.fsdecode(row["path"]),
        is_done=row["state"] == "done",
        has_mtime_ns=None if has is None else from_int64(has),
        sha256=row["sha256"] or "",
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["source_mtime_ns"]),
    )


def _alike(row: sqlite3.Row) -> Alike:
    copy = row["mirror_path"]
    return Alike(
        item_id=row["id"],
        source_id=row["source_id"],
        kind=SourceKind(row["kind"]),
        path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        mtime_ns=from_int64(row["source_mtime_ns"]),
        mirror_path=None if copy is None else os.fsdecode(copy),
    )
