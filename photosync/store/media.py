"""The queue: claim an item, make one move with it, let it go.

Every move names the state it leaves and the worker that holds the item, and fails loudly
(``IllegalMove``) if either is not so: two workers can never both believe they moved it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from photosync.domain.backoff import tries_so_far
from photosync.domain.states import State
from photosync.store import assumed, ready
from photosync.store.duplicates import (
    FILE_CODES,
    first_with_content,
    hand_over,
    promote,
    skipped_by_user,
    yield_place,
)
from photosync.store.mapping import to_item

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

    from photosync.domain.media import Hashes, MediaItem, SourceKind
    from photosync.store.database import Database, Parameters

SENT_AGAIN_CODES = "('token_lost', 'refused')"
"""Why ``send_again`` is asked for: tries are counted over uploads that end there again."""

FOUND_AGAIN_CODES = "('checksum_mismatch', 'mirror_lost')"
"""The same for ``find_again``, over copies that are hashed anew."""

TOKENS_AHEAD = 3600
"""Seconds. A token from so far ahead was given under a clock gone wrong: nobody knows how old it
is, and Google refuses one that is too old like a bad file."""

IS_IN = "SELECT id FROM media_items WHERE id = :id AND state = :state"

LEASE = "UPDATE media_items SET leased_by = :worker, maybe_created = 1 WHERE id = :id"

HELD_BY_WORKER = "WHERE id = :id AND state = :before AND leased_by = :worker"

MIRRORED = f"""
    UPDATE media_items SET state = 'mirrored', sha256 = :sha256, sha1 = :sha1, album = :album,
        taken_at = :taken_at, mirror_path = :mirror_path,
        mime_type = ifnull(:mime_type, mime_type), leased_by = NULL, not_before = 0,
        attempts = iif(error_code IN {FOUND_AGAIN_CODES}, attempts, 0),
        error_message = iif(error_code IN {FOUND_AGAIN_CODES}, error_message, NULL),
        error_code = iif(error_code IN {FOUND_AGAIN_CODES}, error_code, NULL), updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

DUPLICATE = f"""
    UPDATE media_items SET state = 'duplicate', duplicate_of = :first, sha256 = :sha256,
        sha1 = :sha1, taken_at = :taken_at, mirror_path = :mirror_path, leased_by = NULL,
        error_code = NULL, error_message = NULL, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

LEFT_OUT = f"""
    UPDATE media_items SET state = 'skipped', sha256 = :sha256, sha1 = :sha1,
        taken_at = :taken_at, mirror_path = :mirror_path, leased_by = NULL, error_code = :code,
        error_message = :message, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

UPLOADED = f"""
    UPDATE media_items SET state = 'uploaded', upload_token = :token, token_at = :now,
        maybe_created = 0, leased_by = NULL, not_before = 0, updated_at = :now,
        attempts = iif(error_code IN {SENT_AGAIN_CODES}, attempts, 0),
        error_message = iif(error_code IN {SENT_AGAIN_CODES}, error_message, NULL),
        error_code = iif(error_code IN {SENT_AGAIN_CODES}, error_code, NULL)
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

DONE = f"""
    UPDATE media_items SET state = 'done', google_id = :google_id, upload_token = NULL,
        token_at = NULL, maybe_created = 0, leased_by = NULL, attempts = 0, not_before = 0,
        error_code = NULL, error_message = NULL, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

SEND_AGAIN = f"""
    UPDATE media_items SET state = 'mirrored', upload_token = NULL, token_at = NULL,
        maybe_created = 0, leased_by = NULL, attempts = :attempts, not_before = :not_before,
        error_code = :code, error_message = :message, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

# what its bytes were stays known: the second copy may have them, and nothing else
FIND_AGAIN = f"""
    UPDATE media_items SET state = 'found', mirror_path = NULL, sha1 = NULL,
        upload_token = NULL, token_at = NULL, leased_by = NULL, attempts = :attempts,
        not_before = :not_before, error_code = :code, error_message = :message, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

SET_ASIDE = f"""
    UPDATE media_items SET state = :after, upload_token = NULL, token_at = NULL,
        leased_by = NULL, error_code = :code, error_message = :message, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

DEFER = f"""
    UPDATE media_items SET leased_by = NULL, attempts = :attempts, not_before = :not_before,
        maybe_created = ifnull(:maybe_created, maybe_created), error_code = :code,
        error_message = :message, updated_at = :now
    {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

RELEASE = f"""
    UPDATE media_items SET leased_by = NULL, maybe_created = :maybe_created {HELD_BY_WORKER}
"""  # noqa: S608 - made of this module's constants

HURRY = """
    UPDATE media_items SET not_before = 0, updated_at = :now
    WHERE state IN ('found', 'mirrored', 'uploaded') AND not_before > :now
        AND error_code IN (SELECT value FROM json_each(:codes))
"""

RELEASE_ALL = "UPDATE media_items SET leased_by = NULL WHERE leased_by IS NOT NULL"

RELEASE_OF = "UPDATE media_items SET leased_by = NULL WHERE leased_by = :worker"

UPLOADED_COUNT = "SELECT ifnull(sum(items), 0) AS items FROM tallies WHERE state = 'uploaded'"

UPLOADED_DUE = """
    SELECT count(*) AS items FROM media_items INDEXED BY media_items_to_create
    WHERE state = 'uploaded' AND not_before <= :now
"""

UNTRIED = f"""{UPLOADED_DUE}
    AND token_at >= :since AND ifnull(error_code, '') <> 'request_refused'
"""

AWAY = "SELECT id FROM sources WHERE connected = 0"

OLD_TOKENS = f"""
    UPDATE media_items INDEXED BY media_items_to_create
    SET state = 'mirrored', upload_token = NULL, token_at = NULL, maybe_created = 0,
        updated_at = :now
    WHERE state = 'uploaded' AND leased_by IS NULL
        AND (token_at < :oldest OR token_at > :now + {TOKENS_AHEAD})
"""  # noqa: S608 - made of this module's constants


class IllegalMove(Exception):
    """A move was asked of an item that is not in that state or not the worker's: a bug."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """A found item whose bytes were read to their end.

    ``mirror_path``: where the copy of a phone's file lies; ``mime_type``: what it is by its
    content, None if that was known.
    """

    item: MediaItem
    hashes: Hashes
    album: str
    taken_at: int | None
    mirror_path: str | None = None
    mime_type: str | None = None


class MediaItems:
    """The items and their moves. ``now`` is in seconds UTC everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        state: State,
        *,
        worker: str,
        now: int,
        limit: int = 1,
        enough_bytes: int | None = None,
        kind: SourceKind | None = None,
    ) -> list[MediaItem]:
        """Take up to ``limit`` ready items in ``state``: new ones first, then those due again.

        ``enough_bytes``: no more once those taken come to it; so only the last is ever large.
        ``kind``: only those of folders, or of phones.

        Claimed items belong to ``worker`` until it moves, defers or releases them.
        Empty while photosync is paused.
        """
        values: Parameters = {"state": state, "worker": worker, "now": now, "kind": kind}
        claimed: list[MediaItem] = []
        claimed_bytes = 0
        with self._database.write() as connection:
            while len(claimed) < limit and (enough_bytes is None or claimed_bytes < enough_bytes):
                row = connection.execute(ready.CLAIM, values).fetchone()
                if row is None:
                    connection.execute(ready.FORGIVE, values)
                    break
                claimed.append(to_item(row))
                claimed_bytes += claimed[-1].size_bytes
        return claimed

    def claim_batch(self, *, worker: str, now: int, limit: int) -> list[MediaItem]:
        """Take up to ``limit`` uploaded items that go to the same album, oldest first.

        Each comes as it stood before, and stands on record as maybe created from now on: if the
        answer of batchCreate is lost, a later refusal of its token proves nothing.
        """
        with self._database.write() as connection:
            rows = connection.execute(ready.BATCH, {"now": now, "limit": limit}).fetchall()
            connection.executemany(LEASE, [{"id": row["id"], "worker": worker} for row in rows])
        return [replace(to_item(row), leased_by=worker) for row in rows]

    def mark_hashed(
        self,
        item: MediaItem,
        hashes: Hashes,
        *,
        album: str,
        taken_at: int | None,
        mirror_path: str | None,
        now: int,
        mime_type: str | None = None,
    ) -> State:
        """``mark_all_hashed`` for one."""
        one = Hashed(item, hashes, album, taken_at, mirror_path, mime_type)
        return self.mark_all_hashed([one], now=now)[0]

    def mark_all_hashed(self, hashed: Sequence[Hashed], *, now: int) -> list[State]:
        """Found → mirrored, or → duplicate if the same bytes are another item's.

        → skipped if the user left these bytes out, or takes them as uploaded already, and has
        not chosen this very item since.

        One that waits in a folder that is away yields its place: this file can be sent now.

        All in one transaction, in their order; what became of each.
        """
        with self._database.write() as connection:
            return [_note_hashed(connection, one, now) for one in hashed]

    def mark_uploaded(self, item: MediaItem, *, token: str, now: int) -> None:
        """Mirrored → uploaded: Google holds the bytes and gave ``token``."""
        self._one(UPLOADED, {**_held(item, now), "token": token})

    def mark_done(self, item: MediaItem, *, google_id: str, now: int) -> None:
        """Uploaded → done: the library holds it as ``google_id``."""
        self._one(DONE, {**_held(item, now), "google_id": google_id})

    def send_again(
        self,
        item: MediaItem,
        *,
        not_before: int,
        code: str,
        message: str,
        now: int,
        tries: int = 1,
    ) -> None:
        """Uploaded → mirrored: the token is worthless, the bytes must be sent again.

        Its tries are counted on until it is done, however often the upload itself goes well;
        ``tries``: 0 if it is not this item's token that is worthless, but everyone's.
        """
        values = _failed(item, not_before, code, message, tries)
        self._one(SEND_AGAIN, {**_held(item, now), **values})

    def find_again(
        self, item: MediaItem, *, code: str, message: str, now: int, not_before: int = 0
    ) -> None:
        """Mirrored → found: the local copy is not what was hashed.

        Its tries are counted on, however often hashing it goes well.
        """
        self._leave(FIND_AGAIN, item, _failed(item, not_before, code, message, 1), now)

    def fail(self, item: MediaItem, *, code: str, message: str, now: int) -> None:
        """→ failed, until the user retries; duplicates take the place of a file at fault."""
        values: Parameters = {"after": State.FAILED, "code": code, "message": message}
        if code in FILE_CODES:
            self._leave(SET_ASIDE, item, values, now)
        else:
            self._one(SET_ASIDE, {**_held(item, now), **values})

    def skip(self, item: MediaItem, *, code: str, message: str, now: int) -> None:
        """→ skipped: that version of the file is gone. A duplicate takes its place."""
        values: Parameters = {"after": State.SKIPPED, "code": code, "message": message}
        self._leave(SET_ASIDE, item, values, now)

    def defer(
        self,
        item: MediaItem,
        *,
        not_before: int,
        code: str,
        message: str,
        now: int,
        tries: int = 1,
        was_refused: bool = False,
    ) -> None:
        """Put the item aside until ``not_before``; it stays in its state.

        ``tries``: 0 if it was not this item's turn that failed, but everyone's.
        ``was_refused``: certainly nothing was created.
        """
        values = _failed(item, not_before, code, message, tries)
        maybe_created = None if not was_refused else int(item.maybe_created)
        self._one(DEFER, {**_held(item, now), **values, "maybe_created": maybe_created})

    def release(self, item: MediaItem, *, maybe_created: bool | None = None) -> None:
        """Let the item go untouched. ``maybe_created``: None keeps what stood on record."""
        kept = item.maybe_created if maybe_created is None else maybe_created
        self._one(RELEASE, {**_held(item, 0), "maybe_created": int(kept)})

    def hurry(self, codes: Collection[str], *, now: int) -> int:
        """What was put aside for one of ``codes`` is due at once. How many."""
        values: Parameters = {"codes": json.dumps(sorted(codes)), "now": now}
        with self._database.write() as connection:
            return connection.execute(HURRY, values).rowcount

    def release_all(self) -> int:
        """Take back every lease: called at start, when no worker can hold one. How many."""
        with self._database.write() as connection:
            return connection.execute(RELEASE_ALL).rowcount

    def release_of(self, worker: str) -> int:
        """Take back the leases of one worker whose step broke off. How many."""
        with self._database.write() as connection:
            return connection.execute(RELEASE_OF, {"worker": worker}).rowcount

    def among(self, ids: Iterable[int], state: State) -> set[int]:
        """Those of the items that are in ``state``."""
        rows = (self._database.row(IS_IN, {"id": one, "state": state}) for one in ids)
        return {row["id"] for row in rows if row is not None}

    def drop_old_tokens(self, *, oldest: int, now: int) -> int:
        """Uploaded → mirrored for every token from before ``oldest``, or from ahead. How many."""
        values: Parameters = {"state": State.UPLOADED, "oldest": oldest, "now": now}
        with self._database.write() as connection:
            connection.execute(ready.FORGIVE, values)
            dropped = connection.execute(OLD_TOKENS, values).rowcount
            if dropped:  # what waits in a folder that is away may lie elsewhere too
                for source in connection.execute(AWAY).fetchall():
                    hand_over(connection, source["id"], now)
            return dropped

    def on_the_way(self, *, largest_bytes: int, now: int, limit: int) -> int:
        """How many ready or claimed items of at most ``largest_bytes`` come before creating.

        Counted up to ``limit``.
        """
        values: Parameters = {"largest": largest_bytes, "now": now, "limit": limit}
        row = self._database.row(ready.ON_THE_WAY, values)
        return int(row["items"]) if row else 0

    def uploaded_count(self) -> int:
        """How many items wait to be created, those put aside among them."""
        row = self._database.row(UPLOADED_COUNT)
        return int(row["items"]) if row else 0

    def uploaded_due(self, *, now: int) -> int:
        """How many of them are due."""
        row = self._database.row(UPLOADED_DUE, {"now": now})
        return int(row["items"]) if row else 0

    def untried(self, *, since: int, now: int) -> int:
        """How many of the due ones have a token from ``since`` on that was not refused alone."""
        row = self._database.row(UNTRIED, {"since": since, "now": now})
        return int(row["items"]) if row else 0

    def next_batch(self, *, now: int) -> tuple[int, int | None]:
        """Size of the batch that ``claim_batch`` could take, and its oldest token's time."""
        row = self._database.row(ready.BATCH_SIZE, {"now": now})
        return (int(row["items"]), row["oldest_at"]) if row else (0, None)

    def next_due(self, state: State, *, now: int) -> int | None:
        """When the next item in ``state`` that was put aside is due, in seconds UTC."""
        row = self._database.row(ready.NEXT_DUE, {"state": state, "now": now})
        return None if row is None or row["at"] is None else int(row["at"])

    def _one(self, sql: str, values: Parameters) -> None:
        with self._database.write() as connection:
            _move(connection, sql, values)

    def _leave(self, sql: str, item: MediaItem, values: Parameters, now: int) -> None:
        with self._database.write() as connection:
            _move(connection, sql, {**_held(item, now), **values})
            promote(connection, item.id, now)


def _note_hashed(connection: sqlite3.Connection, hashed: Hashed, now: int) -> State:
    path = hashed.mirror_path
    values = {
        **_held(hashed.item, now),
        "sha256": hashed.hashes.sha256,
        "sha1": hashed.hashes.sha1,
        "album": hashed.album,
        "taken_at": hashed.taken_at,
        "mirror_path": None if path is None else os.fsencode(path),
        "mime_type": hashed.mime_type,
    }
    first = first_with_content(connection, values)
    if first is not None and not first["out_of_reach"]:
        _move(connection, DUPLICATE, {**values, "first": first["id"]})
        return State.DUPLICATE
    why = None if first is not None else _left_out(connection, values)
    if why is not None:
        _move(connection, LEFT_OUT, {**values, **why})
        return State.SKIPPED
    _move(connection, MIRRORED, values)
    if first is not None:
        yield_place(connection, first["id"], heir=hashed.item.id, now=now)
    return State.MIRRORED


def _left_out(connection: sqlite3.Connection, values: Parameters) -> Parameters | None:
    """Why the user wants these bytes left out: code and message; None if they are wanted."""
    like = skipped_by_user(connection, values)
    if like is not None:
        message = f"The same bytes as item {like}, which you skipped."
        return {"code": "by_user", "message": message}
    if assumed.is_assumed(connection, values):
        return {"code": assumed.CODE, "message": assumed.MESSAGE}
    return None


def _held(item: MediaItem, now: int) -> Parameters:
    return {"id": item.id, "before": item.state, "worker": item.leased_by, "now": now}


def _failed(item: MediaItem, not_before: int, code: str, message: str, tries: int) -> Parameters:
    """What goes on record of a try that failed; those for another cause do not count."""
    before = tries_so_far(item.attempts, item.error_code, code)
    attempts = before + tries
    return {"not_before": not_before, "code": code, "message": message, "attempts": attempts}


def _move(connection: sqlite3.Connection, sql: str, values: Parameters) -> None:
    if connection.execute(sql, values).rowcount != 1:
        text = f"item {values['id']} is not {values['before']} in the hands of {values['worker']}"
        raise IllegalMove(text)
