"""Where items come from: watched folders and phones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind
from photosync.store.duplicates import hand_over
from photosync.store.mapping import to_source

if TYPE_CHECKING:
    from photosync.domain.media import Source
    from photosync.store.database import Database

UPSERT = """
    INSERT INTO sources (kind, address, label, album)
    VALUES (:kind, :address, :label, :album)
    ON CONFLICT (kind, address) DO UPDATE SET label = excluded.label, album = excluded.album
    RETURNING *
"""

CONNECTED = """
    UPDATE sources SET connected = :connected,
        last_seen_at = CASE WHEN :connected OR connected THEN :now ELSE last_seen_at END
    WHERE id = :id
"""

STILL_THERE = "UPDATE sources SET last_seen_at = :now WHERE connected = 1"

DISCONNECT_ALL = "UPDATE sources SET connected = 0"

ALL = "SELECT * FROM sources ORDER BY id"

EVER_HELD = "SELECT 1 FROM media_items WHERE source_id = :id LIMIT 1"


class Sources:
    """The sources that the settings name, now or earlier."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, kind: SourceKind, address: str, *, label: str, album: str) -> Source:
        """The source at ``address``, added if it is new."""
        values = {"kind": kind, "address": os.fsencode(address), "label": label, "album": album}
        return to_source(self._database.run(UPSERT, values)[0])

    def register_phone(self, serial: str, *, label: str, album: str | None = None) -> Source:
        """The phone of that serial number; its label stays as it was, its album unless given.

        Copies lie in a folder of that label: two phones of one model get different ones.
        """
        phones = [one for one in self.all() if one.kind == SourceKind.PHONE]
        for one in phones:
            if one.address == serial:
                kept = one.album if album is None else album
                return self.register(one.kind, serial, label=one.label, album=kept)
        if label.casefold() in {one.label.casefold() for one in phones}:
            label = f"{label} {serial}"
        return self.register(SourceKind.PHONE, serial, label=label, album=album or "")

    def phones_there(self) -> list[Source]:
        """The phones that are plugged in."""
        return [one for one in self.all() if one.kind == SourceKind.PHONE and one.connected]

    def set_connected(self, source_id: int, *, connected: bool, now: int) -> None:
        """Note that the source can be reached, or that it cannot: its items wait then.

        Each time it is found away, equal files in other sources are read anew, to take the place
        of those that wait there: one may have been in a worker's hands the last time.
        """
        with self._database.write() as connection:
            connection.execute(CONNECTED, {"id": source_id, "connected": connected, "now": now})
            if not connected:
                hand_over(connection, source_id, now)

    def still_there(self, *, now: int) -> None:
        """Those that are connected are here: for when the program ends and cannot say so."""
        self._database.run(STILL_THERE, {"now": now})

    def disconnect_all(self) -> None:
        """At start nothing is known to be connected; sources dropped from the settings stay so."""
        self._database.run(DISCONNECT_ALL)

    def all(self) -> list[Source]:
        """Every source ever registered."""
        return [to_source(row) for row in self._database.rows(ALL)]

    def has_items(self, source_id: int) -> bool:
        """Whether the source ever held a file."""
        return self._database.row(EVER_HELD, {"id": source_id}) is not None
