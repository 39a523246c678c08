"""What lies in each backup target, by content, and what waits to be brought there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photosync.domain.backups import (
    ASSUMED,
    HASHED,
    TAKEN_OVER_AT,
    Kept,
    Record,
)
from photosync.domain.states import State
from photosync.store.mapping import from_int64, to_int64, to_item

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from photosync.domain.media import MediaItem
    from photosync.store.database import Database, Parameters, Row

STATES_KEPT = ", ".join(f"'{state}'" for state in sorted(HASHED))

WORTH_KEEPING = (
    f"(state IN ({STATES_KEPT}) OR (state = '{State.SKIPPED}' AND error_code = '{ASSUMED}'))"
)
"""What ``domain.backups.is_worth_keeping`` says; a test holds the trigger to it, too."""

SOUND = "verified_at > 0 AND is_lost = 0"

PROVEN = f"backups.verified_at > {TAKEN_OVER_AT} AND backups.is_lost = 0"
"""Read back by this photosync: what is merely taken over does not count where photos go for it."""

TARGET = "SELECT id, mark, wanted FROM backup_targets WHERE address = :address"

ADD_TARGET = "INSERT INTO backup_targets (address) VALUES (:address) ON CONFLICT DO NOTHING"

WANT = (
    "UPDATE backup_targets SET wanted = (address = :address) WHERE wanted <> (address = :address)"
)

FORGET_WAITING = """
    DELETE FROM backup_waiting
    WHERE target_id IN (SELECT id FROM backup_targets WHERE wanted = 0 AND address <> :address)
"""

QUEUE_ALL = f"""
    INSERT INTO backup_waiting (target_id, item_id)
    SELECT :target_id, media_items.id FROM media_items JOIN sources ON sources.id = source_id
    WHERE sha256 IS NOT NULL AND {WORTH_KEEPING}
        AND (mirror_path IS NOT NULL OR sources.kind = 'folder' AND unseen_at IS NULL
            OR EXISTS (SELECT 1 FROM backups
                WHERE target_id IN (SELECT id FROM backup_targets WHERE id <> :target_id)
                    AND backups.sha256 = media_items.sha256 AND {SOUND}))
        AND NOT EXISTS (SELECT 1 FROM backups WHERE target_id = :target_id
            AND backups.sha256 = media_items.sha256 AND {PROVEN})
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of this module's constants

SET_MARK = "UPDATE backup_targets SET mark = :mark WHERE id = :target_id"

FIND = f"""
    SELECT backups.*, address FROM backups JOIN backup_targets ON backup_targets.id = target_id
    WHERE address = :address AND sha256 = :sha256 AND {SOUND}
"""  # noqa: S608 - made of this module's constants

RECORD = "SELECT * FROM backups WHERE target_id = :target_id AND sha256 = :sha256"

BY_PATH = "SELECT * FROM backups WHERE target_id = :target_id AND path = :path"

IS_NAMED = (
    "SELECT 1 FROM backups WHERE target_id = :target_id AND name = :name AND sha256 <> :sha256"
)

NEXT = """
    SELECT media_items.*, backup_waiting.attempts AS tries, backup_waiting.error_code AS code
    FROM backup_waiting INDEXED BY backup_waiting_due
    JOIN media_items ON media_items.id = item_id
    WHERE target_id = :target_id AND backup_waiting.not_before <= :now
    ORDER BY backup_waiting.not_before, item_id LIMIT 1
"""

NEXT_DUE = """
    SELECT min(not_before) AS at FROM backup_waiting INDEXED BY backup_waiting_due
    WHERE target_id = :target_id
"""

DROP = "DELETE FROM backup_waiting WHERE target_id = :target_id AND item_id = :item_id"

PUT_ASIDE = """
    UPDATE backup_waiting SET not_before = :not_before, attempts = :attempts,
        error_code = :code, error_message = :message
    WHERE target_id = :target_id AND item_id = :item_id
"""

HURRY = "UPDATE backup_waiting SET not_before = 0 WHERE target_id = :target_id AND not_before > 0"

REASONS = """
    SELECT error_code AS code, count(*) AS items, min(error_message) AS message
    FROM backup_waiting WHERE target_id = :target_id AND error_code IS NOT NULL
    GROUP BY error_code ORDER BY items DESC
"""

# a plain file whose content is sealed from now on: what it was is not forgotten until it is gone
LEAVES = """
    INSERT INTO backup_leaving (target_id, path, sha256, stored_bytes, stored_sha256)
    SELECT target_id, path, sha256, stored_bytes, stored_sha256 FROM backups
    WHERE target_id = :target_id AND sha256 = :sha256 AND path <> :path
        AND is_sealed = 0 AND :is_sealed = 1
    ON CONFLICT DO NOTHING
"""

BEGIN = """
    INSERT INTO backups (target_id, sha256, path, name, size_bytes, stored_bytes, stored_sha256,
        is_sealed, sealed_for, mtime_ns, made_at)
    VALUES (:target_id, :sha256, :path, :name, :size_bytes, :stored_bytes, :stored_sha256,
        :is_sealed, :sealed_for, :mtime_ns, :now)
    ON CONFLICT (target_id, sha256) DO UPDATE SET path = excluded.path, name = excluded.name,
        size_bytes = excluded.size_bytes, stored_bytes = excluded.stored_bytes,
        stored_sha256 = excluded.stored_sha256, is_sealed = excluded.is_sealed,
        sealed_for = excluded.sealed_for, mtime_ns = excluded.mtime_ns,
        made_at = excluded.made_at, verified_at = 0, is_lost = 0, is_listed = 0
"""

CONFIRM = """
    UPDATE backups SET verified_at = :now, is_lost = 0
    WHERE target_id = :target_id AND sha256 = :sha256
"""

ADOPT = f"""
    INSERT INTO backups (target_id, sha256, path, name, size_bytes, stored_bytes, stored_sha256,
        is_sealed, sealed_for, mtime_ns, made_at, verified_at, is_listed)
    VALUES (:target_id, :sha256, :path, :name, :size_bytes, :stored_bytes, :stored_sha256,
        :is_sealed, :sealed_for, :mtime_ns, :made_at, {TAKEN_OVER_AT}, 1)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of this module's constants

FORGET_KEPT = f"""
    DELETE FROM backup_waiting WHERE target_id = :target_id AND EXISTS (
        SELECT 1 FROM media_items JOIN backups
            ON backups.target_id = :target_id AND backups.sha256 = media_items.sha256
        WHERE media_items.id = item_id AND {PROVEN})
"""  # noqa: S608 - made of this module's constants

LOSE = f"""
    UPDATE backups SET is_lost = 1, is_listed = 0
    WHERE target_id = :target_id AND sha256 = :sha256 AND {SOUND}
"""  # noqa: S608 - made of this module's constants

QUEUE_CONTENT = f"""
    INSERT INTO backup_waiting (target_id, item_id)
    SELECT :target_id, id FROM media_items INDEXED BY media_items_by_content
    WHERE sha256 = :sha256 AND {WORTH_KEEPING}
    ON CONFLICT DO UPDATE SET not_before = 0
"""  # noqa: S608 - made of this module's constants

LOST = """
    SELECT * FROM backups INDEXED BY backups_lost
    WHERE target_id = :target_id AND is_lost = 1 ORDER BY sha256
"""

UNLISTED = f"""
    SELECT * FROM backups INDEXED BY backups_unlisted
    WHERE target_id = :target_id AND {SOUND} AND is_listed = 0 ORDER BY sha256 LIMIT :limit
"""  # noqa: S608 - made of this module's constants

LISTED = "UPDATE backups SET is_listed = 1 WHERE target_id = :target_id AND sha256 = :sha256"

OLDEST = f"""
    SELECT * FROM backups INDEXED BY backups_to_verify
    WHERE target_id = :target_id AND {SOUND} AND verified_at < :before
    ORDER BY verified_at, sha256 LIMIT :limit
"""  # noqa: S608 - made of this module's constants

LEFT_TO_VERIFY = f"""
    SELECT count(*) AS items FROM backups INDEXED BY backups_to_verify
    WHERE target_id = :target_id AND {SOUND} AND verified_at < :before
"""  # noqa: S608 - made of this module's constants

NEWEST_VERIFIED = f"""
    SELECT max(verified_at) AS at FROM backups INDEXED BY backups_to_verify
    WHERE target_id = :target_id AND {SOUND}
"""  # noqa: S608 - made of this module's constants

ALL = f"""
    SELECT * FROM backups WHERE target_id = :target_id AND sha256 > :after AND {SOUND}
    ORDER BY sha256 LIMIT :limit
"""  # noqa: S608 - made of this module's constants

WITH_CONTENT = f"""
    SELECT media_items.* FROM media_items INDEXED BY media_items_by_content
        JOIN sources ON sources.id = source_id
    WHERE sha256 = :sha256 AND {WORTH_KEEPING}
        AND (mirror_path IS NOT NULL OR sources.kind = 'folder')
    ORDER BY media_items.id
"""  # noqa: S608 - made of this module's constants

ELSEWHERE = f"""
    SELECT backups.*, address, mark FROM backup_targets
        JOIN backups ON backups.target_id = backup_targets.id
    WHERE backup_targets.id <> :target_id AND sha256 = :sha256 AND {SOUND}
    ORDER BY verified_at DESC
"""  # noqa: S608 - made of this module's constants

TALLY = """
    SELECT items, bytes, waiting, last_at FROM backup_tallies
    JOIN backup_targets ON backup_targets.id = target_id WHERE address = :address
"""

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A place for backups. ``mark``: what photosync wrote there to know it by; None: nothing."""

    id: int
    address: str
    mark: str | None

    def marked(self, mark: str) -> Target:
        """The same with a mark."""
        return replace(self, mark=mark)


@dataclass(frozen=True, slots=True)
class NextItem:
    """An item whose turn it is; ``tries``: how often it was put aside for ``code``."""

    item: MediaItem
    tries: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How much lies in a target, how much waits, and when something last came there."""

    items: int = 0
    size_bytes: int = 0
    waiting: int = 0
    last_at: int | None = None


class Backups:
    """The record of every target. ``now`` is in seconds UTC everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def aim(self, address: str, *, stay: bool = True, forget: bool = True) -> Target:
        """The target at ``address``, with all in its queue that it lacks.

        ``stay``: what is hashed from now on goes there too, and no longer to any other. What
        was given up meanwhile, as its file was gone, is asked for anew: files come back.
        ``forget``: what waits for other targets does so no longer.
        """
        with self._database.write() as connection:
            connection.execute(ADD_TARGET, {"address": address})
            row = connection.execute(TARGET, {"address": address}).fetchone()
            if stay:
                connection.execute(WANT, {"address": address})
            if stay and forget:
                connection.execute(FORGET_WAITING, {"address": address})
            if stay or not row["wanted"]:
                connection.execute(QUEUE_ALL, {"target_id": row["id"]})
        return Target(row["id"], address, row["mark"])

    def unwant(self, *, forget: bool = True) -> None:
        """No target is named any more: nothing waits for one. ``forget``: as of ``aim``."""
        with self._database.write() as connection:
            connection.execute(WANT, {"address": ""})
            if forget:
                connection.execute(FORGET_WAITING, {"address": ""})

    def target(self, address: str) -> Target | None:
        """The target at ``address``, if it was ever aimed at."""
        row = self._database.row(TARGET, {"address": address})
        return None if row is None else Target(row["id"], address, row["mark"])

    def note_mark(self, target: Target, mark: str) -> None:
        """By this the target is known from now on."""
        self._database.run(SET_MARK, {"target_id": target.id, "mark": mark})

    def find(self, address: str, sha256: str) -> Kept | None:
        """The content in the target at ``address``, if it was read back there."""
        row = self._database.row(FIND, {"address": address, "sha256": sha256})
        if row is None:
            return None
        found = record_of(row)
        return Kept(
            target=address,
            sha256=found.sha256,
            path=found.path,
            size_bytes=found.size_bytes,
            stored_bytes=found.stored_bytes,
            is_sealed=found.is_sealed,
            mtime_ns=found.mtime_ns,
            made_at=found.made_at,
            verified_at=found.verified_at,
        )

    def record(self, target: Target, sha256: str) -> Record | None:
        """What is on record of a content, proven or not."""
        row = self._database.row(RECORD, {"target_id": target.id, "sha256": sha256})
        return None if row is None else record_of(row)

    def at_path(self, target: Target, path: str) -> Record | None:
        """What is on record of the file at ``path``."""
        values: Parameters = {"target_id": target.id, "path": os.fsencode(path)}
        row = self._database.row(BY_PATH, values)
        return None if row is None else record_of(row)

    def is_named(self, target: Target, name: str, sha256: str) -> bool:
        """Whether another content has that name."""
        values: Parameters = {"target_id": target.id, "name": os.fsencode(name), "sha256": sha256}
        return self._database.row(IS_NAMED, values) is not None

    def next(self, target: Target, *, now: int) -> NextItem | None:
        """The oldest item that is due; None if none is."""
        row = self._database.row(NEXT, {"target_id": target.id, "now": now})
        return None if row is None else NextItem(to_item(row), row["tries"], row["code"])

    def next_due(self, target: Target) -> int | None:
        """When the next is due, in seconds UTC; None if none waits."""
        row = self._database.row(NEXT_DUE, {"target_id": target.id})
        return None if row is None or row["at"] is None else int(row["at"])

    def with_content(self, sha256: str) -> list[MediaItem]:
        """Items whose bytes are on this machine, the first one first."""
        rows = self._database.rows(WITH_CONTENT, {"sha256": sha256})
        return [to_item(row) for row in rows]

    def elsewhere(self, target: Target, sha256: str) -> list[tuple[Target, Record]]:
        """The same content in other targets, what was read back last first."""
        rows = self._database.rows(ELSEWHERE, {"target_id": target.id, "sha256": sha256})
        return [
            (Target(row["target_id"], row["address"], row["mark"]), record_of(row)) for row in rows
        ]

    def drop(self, target: Target, item_id: int) -> None:
        """There is nothing to do for it."""
        self._database.run(DROP, {"target_id": target.id, "item_id": item_id})

    def put_aside(
        self, target: Target, item_id: int, *, tries: int, not_before: int, code: str, message: str
    ) -> None:
        """Not before then, for that reason."""
        values: Parameters = {
            "target_id": target.id,
            "item_id": item_id,
            "attempts": tries,
            "not_before": not_before,
            "code": code,
            "message": message,
        }
        self._database.run(PUT_ASIDE, values)

    def hurry(self, target: Target) -> None:
        """All that was put aside is due now: the user asks for it."""
        self._database.run(HURRY, {"target_id": target.id})

    def reasons(self, target: Target) -> list[tuple[str, int, str]]:
        """Why items were put aside: (code, how many, an example's message)."""
        rows = self._database.rows(REASONS, {"target_id": target.id})
        return [(row["code"], row["items"], row["message"] or "") for row in rows]

    def begin(self, target: Target, record: Record, *, now: int) -> None:
        """The file is about to get its name. It counts for nothing until it is confirmed."""
        values = {**values_of(target, record), "now": now}
        with self._database.write() as connection:
            connection.execute(LEAVES, values)
            connection.execute(BEGIN, values)

    def confirm(self, target: Target, sha256: str, *, now: int, item_id: int | None = None) -> None:
        """It was read back whole, and is as it was sent; ``item_id`` waits no longer."""
        values: Parameters = {"target_id": target.id, "sha256": sha256, "now": now}
        with self._database.write() as connection:
            connection.execute(CONFIRM, values)
            if item_id is not None:
                connection.execute(DROP, {"target_id": target.id, "item_id": item_id})

    def adopt(self, target: Target, records: Iterable[Record]) -> int:
        """Take over what the target's own index tells of it; how many were not known."""
        taken = 0
        with self._database.write() as connection:
            for one in records:
                values = {**values_of(target, one), "made_at": one.made_at}
                taken += connection.execute(ADOPT, values).rowcount
        return taken

    def forget_kept(self, target: Target) -> None:
        """What lies there waits no longer."""
        self._database.run(FORGET_KEPT, {"target_id": target.id})

    def lose(self, target: Target, sha256: str) -> bool:
        """It is not there, or not as it was: it waits anew. Whether it counted until now."""
        values: Parameters = {"target_id": target.id, "sha256": sha256}
        with self._database.write() as connection:
            was_sound = connection.execute(LOSE, values).rowcount == 1
            connection.execute(QUEUE_CONTENT, values)
        return was_sound

    def lost(self, target: Target) -> list[Record]:
        """All that was lost, and did not come back."""
        return _records(self._database.rows(LOST, {"target_id": target.id}))

    def unlisted(self, target: Target, *, limit: int) -> list[Record]:
        """Sound contents that no index in the target tells of yet."""
        values: Parameters = {"target_id": target.id, "limit": limit}
        return _records(self._database.rows(UNLISTED, values))

    def note_listed(self, target: Target, records: Sequence[Record]) -> None:
        """An index tells of them."""
        with self._database.write() as connection:
            values = [{"target_id": target.id, "sha256": one.sha256} for one in records]
            connection.executemany(LISTED, values)

    def oldest(self, target: Target, *, before: int, limit: int) -> list[Record]:
        """What was last read back before then, the longest ago first."""
        values: Parameters = {"target_id": target.id, "before": before, "limit": limit}
        return _records(self._database.rows(OLDEST, values))

    def left(self, target: Target, *, before: int) -> int:
        """How many those are."""
        row = self._database.row(LEFT_TO_VERIFY, {"target_id": target.id, "before": before})
        return 0 if row is None else int(row["items"])

    def newest_verified_at(self, target: Target) -> int:
        """When something was last read back, in seconds UTC; 0: never."""
        row = self._database.row(NEWEST_VERIFIED, {"target_id": target.id})
        return 0 if row is None or row["at"] is None else int(row["at"])

    def after(self, target: Target, sha256: str, *, limit: int = AT_ONCE) -> list[Record]:
        """Sound contents beyond ``sha256``, in order: page by page, all there are."""
        values: Parameters = {"target_id": target.id, "after": sha256, "limit": limit}
        return _records(self._database.rows(ALL, values))

    def tally(self, address: str) -> Tally:
        """How it stands with the target at ``address``."""
        row = self._database.row(TALLY, {"address": address})
        if row is None:
            return Tally()
        return Tally(row["items"], row["bytes"], row["waiting"], row["last_at"])


def values_of(target: Target, one: Record) -> Parameters:
    """A record as it is bound."""
    return {
        "target_id": target.id,
        "sha256": one.sha256,
        "path": os.fsencode(one.path),
        "name": os.fsencode(one.name),
        "size_bytes": one.size_bytes,
        "stored_bytes": one.stored_bytes,
        "stored_sha256": one.stored_sha256,
        "is_sealed": int(one.is_sealed),
        "sealed_for": one.sealed_for,
        "mtime_ns": to_int64(one.mtime_ns),
    }


def _records(rows: Iterable[sqlite3.Row]) -> list[Record]:
    return [record_of(row) for row in rows]


def record_of(row: Row) -> Record:
    """A row of ``backups``."""
    return Record(
        sha256=row["sha256"],
        path=os.fsdecode(row["path"]),
        name=os.fsdecode(row["name"]),
        size_bytes=row["size_bytes"],
        stored_bytes=row["stored_bytes"],
        stored_sha256=row["stored_sha256"],
        is_sealed=bool(row["is_sealed"]),
        mtime_ns=from_int64(row["mtime_ns"]),
        made_at=row["made_at"],
        verified_at=row["verified_at"],
        is_lost=bool(row["is_lost"]),
        sealed_for=row["sealed_for"],
    )
