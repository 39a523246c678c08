"""What was asked back on the web page: which items, where to, and how far it is."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from photosync.domain.restoring import Target, TargetKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from photosync.store.database import Database

Json = dict[str, Any]
Home = Literal["home"]
HOME: Home = "home"
KEPT_ENDED = 20
"""So many requests that have ended are remembered."""

ASK = """
    INSERT INTO restore_requests (goal, address, items, asked_at)
    VALUES (:goal, :address, :items, :now) RETURNING id
"""

ASK_ITEM = "INSERT INTO restore_request_items (request_id, item_id) VALUES (:id, :item_id)"

ALL = "SELECT * FROM restore_requests ORDER BY state = 'ended', id"

NEXT = """
    SELECT * FROM restore_requests WHERE state = 'waiting' AND not_before <= :now
    ORDER BY not_before, id LIMIT 1
"""

WANTED = "SELECT 1 FROM restore_requests WHERE id = :id AND state = 'waiting'"

ITEMS = "SELECT item_id FROM restore_request_items WHERE request_id = :id ORDER BY item_id"

SEEN = "UPDATE restore_requests SET seen = :seen WHERE id = :id AND state = 'waiting'"

PUT_OFF = """
    UPDATE restore_requests SET told = :told, tries = tries + 1, not_before = :until
    WHERE id = :id AND state = 'waiting'
"""

END = """
    UPDATE restore_requests SET state = 'ended', told = :told, seen = items
    WHERE id = :id AND state = 'waiting'
"""

HURRY = "UPDATE restore_requests SET not_before = 0 WHERE state = 'waiting'"

HURRY_ONE = "UPDATE restore_requests SET not_before = 0 WHERE id = :id AND state = 'waiting'"

# what was done stays done; what was asked for otherwise too is asked anew by whoever wants it
DROP_ORDERS = """
    DELETE FROM restores WHERE state = 'wanted'
        AND item_id IN (SELECT value FROM json_each(:ids))
        AND CASE WHEN :address IS NOT NULL THEN kind = :goal AND address = :address
            ELSE EXISTS (
                SELECT 1 FROM media_items JOIN sources ON sources.id = source_id
                WHERE media_items.id = restores.item_id AND sources.kind = restores.kind
                    AND sources.address = restores.address)
            END
"""

DROP_ITEMS = "DELETE FROM restore_request_items WHERE request_id = :id"

DROP = "DELETE FROM restore_requests WHERE id = :id"

OLD = """
    SELECT id FROM restore_requests WHERE state = 'ended' ORDER BY id DESC LIMIT -1 OFFSET :kept
"""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """``to`` HOME: each item where it came from. ``told``: what came of it, or what it waits for.

    ``seen``: how many of its ``items`` were looked after at this try. ``not_before`` and
    ``asked_at`` in seconds UTC.
    """

    id: int
    to: Target | Home
    items: int
    seen: int
    is_ended: bool
    told: Json
    tries: int
    not_before: int
    asked_at: int


class RestoreRequests:
    """One line for each time that somebody pressed the button. ``now`` is in seconds UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, ids: Sequence[int], to: Target | Home, *, now: int) -> int:
        """Note items that are wanted back, at least one; the number of the request."""
        values = {**_of(to), "items": len(ids), "now": now}
        with self._database.write() as connection:
            (row,) = connection.execute(ASK, values).fetchall()
            number = int(row["id"])
            connection.executemany(ASK_ITEM, ({"id": number, "item_id": one} for one in ids))
        return number

    def all(self) -> list[RestoreRequest]:
        """Those that wait first."""
        return [_request(row) for row in self._database.rows(ALL)]

    def next(self, *, now: int) -> RestoreRequest | None:
        """The one that is due."""
        row = self._database.row(NEXT, {"now": now})
        return None if row is None else _request(row)

    def is_wanted(self, number: int) -> bool:
        """Whether nobody has called it off."""
        return self._database.row(WANTED, {"id": number}) is not None

    def items(self, number: int) -> tuple[int, ...]:
        """The numbers of its items."""
        return tuple(row["item_id"] for row in self._database.rows(ITEMS, {"id": number}))

    def seen(self, number: int, count: int) -> None:
        """So many of its items were looked after."""
        self._database.run(SEEN, {"id": number, "seen": count})

    def put_off(self, number: int, told: Json, *, until: int) -> None:
        """Something is in the way: it is tried again then."""
        self._database.run(PUT_OFF, {"id": number, "told": json.dumps(told), "until": until})

    def end(self, number: int, told: Json) -> None:
        """It is worked off."""
        with self._database.write() as connection:
            connection.execute(END, {"id": number, "told": json.dumps(told)})
            connection.execute(DROP_ITEMS, {"id": number})
            for row in connection.execute(OLD, {"kept": KEPT_ENDED}).fetchall():
                connection.execute(DROP, {"id": row["id"]})

    def hurry(self, number: int | None = None) -> None:
        """Try that one, or all, at once."""
        if number is None:
            self._database.run(HURRY)
        else:
            self._database.run(HURRY_ONE, {"id": number})

    def drop(self, number: int) -> None:
        """Nobody wants it any more; what was put back of it stays."""
        ids = self.items(number)
        for one in self.all():
            if one.id == number:
                self.drop_orders(ids, one.to)
        with self._database.write() as connection:
            connection.execute(DROP_ITEMS, {"id": number})
            connection.execute(DROP, {"id": number})

    def drop_orders(self, ids: Sequence[int], to: Target | Home) -> None:
        """What is left to do of those items is not wanted there any more."""
        self._database.run(DROP_ORDERS, {**_of(to), "ids": json.dumps(list(ids))})

    def drop_waiting(self) -> None:
        """Nobody wants any of them any more."""
        for one in self.all():
            if not one.is_ended:
                self.drop(one.id)


def _of(to: Target | Home) -> Json:
    if isinstance(to, str):
        return {"goal": HOME, "address": None}
    return {"goal": to.kind, "address": os.fsencode(to.address)}


def _request(row: sqlite3.Row) -> RestoreRequest:
    address = row["address"]
    to: Target | Home = HOME
    if address is not None:
        to = Target(TargetKind(row["goal"]), os.fsdecode(address))
    return RestoreRequest(
        id=row["id"],
        to=to,
        items=row["items"],
        seen=row["seen"],
        is_ended=row["state"] == "ended",
        told=json.loads(row["told"]),
        tries=row["tries"],
        not_before=row["not_before"],
        asked_at=row["asked_at"],
    )
