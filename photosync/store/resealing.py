"""What in a target is not sealed as it should be, and the exchange of it for what is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from photosync.domain.backups import Exposed, Kind, Leaving, exposed
from photosync.store.backups import SOUND, record_of, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.domain.backups import Record
    from photosync.store.backups import Target
    from photosync.store.database import Database, Parameters

AT_ONCE = 500

NEXT = f"""
    SELECT * FROM backups
    WHERE target_id = :target_id AND sha256 > :after AND {SOUND}
        AND (is_sealed = 0 OR (:hides_names AND shows_name)
             OR sealed_for NOT IN ('', :sealed_for))
    ORDER BY sha256 LIMIT :limit
"""  # noqa: S608 - made of a constant

PROMISE = """
    INSERT INTO backup_leaving (target_id, path, sha256, stored_bytes, stored_sha256)
    VALUES (:target_id, :path, :sha256, :stored_bytes, :stored_sha256)
    ON CONFLICT DO UPDATE SET sha256 = excluded.sha256, stored_bytes = excluded.stored_bytes,
        stored_sha256 = excluded.stored_sha256
"""

LEAVE = """
    INSERT INTO backup_leaving (target_id, path, sha256, stored_bytes, stored_sha256)
    SELECT target_id, path, sha256, stored_bytes, stored_sha256 FROM backups
    WHERE target_id = :target_id AND sha256 = :sha256 AND path = :old_path
    ON CONFLICT DO NOTHING
"""

EXCHANGE = f"""
    UPDATE backups SET path = :path, name = :name, stored_bytes = :stored_bytes,
        stored_sha256 = :stored_sha256, is_sealed = :is_sealed, sealed_for = :sealed_for,
        made_at = :made_at, verified_at = max(verified_at, :made_at), is_listed = 0
    WHERE target_id = :target_id AND sha256 = :sha256 AND path = :old_path AND {SOUND}
"""  # noqa: S608 - made of a constant

STAY = "DELETE FROM backup_leaving WHERE target_id = :target_id AND path = :path"

LEAVING = """
    SELECT path, sha256, stored_bytes, stored_sha256 FROM backup_leaving
    WHERE target_id = :target_id AND path > :after ORDER BY path LIMIT :limit
"""

UNLIST = f"""
    UPDATE backups SET is_listed = 0
    WHERE target_id = :target_id AND sha256 = :sha256 AND path = :path AND {SOUND}
"""  # noqa: S608 - made of a constant

OLD_INDEX = "UPDATE backup_targets SET has_old_index = :has WHERE id = :target_id"

# the first keys there ever were took the place of none
TODAY = """
    UPDATE backup_targets SET sealed_for = :sealed_for,
        keys_since = iif(sealed_for = '', keys_since, max(:now, keys_since + 1)),
        has_old_index = iif(sealed_for = '', has_old_index, 1)
    WHERE id = :target_id AND sealed_for <> :sealed_for
"""

KEYS_SINCE = "SELECT keys_since FROM backup_targets WHERE id = :target_id"

STANDING = """
    SELECT id, sealed_for, has_old_index,
        (SELECT count(*) FROM backup_leaving WHERE target_id = backup_targets.id) AS leaving
    FROM backup_targets WHERE address = :address
"""

KINDS = """
    SELECT is_sealed, shows_name, sealed_for, items, bytes FROM backup_kinds
    WHERE target_id = :target_id AND items > 0
"""


class Reseals:
    """The record of what is sealed anew. ``now`` is in seconds UTC everywhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note_keys(self, target: Target, sealed_for: str, *, now: int) -> None:
        """For these keys files are sealed from now on."""
        values: Parameters = {"target_id": target.id, "sealed_for": sealed_for, "now": now}
        self._database.run(TODAY, values)

    def note_old_index(self, target: Target, *, has: bool) -> None:
        """Whether an index lies there that is not sealed for the keys of today."""
        self._database.run(OLD_INDEX, {"target_id": target.id, "has": has})

    def keys_since(self, target: Target) -> int:
        """An index file that is older is not sealed for the keys of today."""
        row = self._database.row(KEYS_SINCE, {"target_id": target.id})
        return 0 if row is None else int(row["keys_since"])

    def next(
        self, target: Target, *, after: str, sealed_for: str, hides_names: bool
    ) -> list[Record]:
        """Sound contents beyond ``after`` that do not lie there as they should, in order."""
        values: Parameters = {
            "target_id": target.id,
            "after": after,
            "sealed_for": sealed_for,
            "hides_names": hides_names,
            "limit": AT_ONCE,
        }
        return [record_of(row) for row in self._database.rows(NEXT, values)]

    def promise(self, target: Target, one: Leaving) -> None:
        """That file has to go, unless it takes another one's place."""
        self._database.run(PROMISE, _leaving_values(target, one))

    def exchange(self, target: Target, old_path: str, now_there: Record) -> bool:
        """What was read back takes the place of the file at ``old_path``, which has to go.

        False if the content has another file meanwhile, or none.
        """
        values: Parameters = {
            **values_of(target, now_there),
            "made_at": now_there.made_at,
            "old_path": os.fsencode(old_path),
        }
        with self._database.write() as connection:
            connection.execute(LEAVE, values)
            if connection.execute(EXCHANGE, values).rowcount != 1:
                connection.execute(STAY, {"target_id": target.id, "path": values["old_path"]})
                return False
            connection.execute(STAY, values)
        return True

    def leaving(self, target: Target, *, after: str = "") -> list[Leaving]:
        """Files that have to go, in order of their paths."""
        values: Parameters = {
            "target_id": target.id,
            "after": os.fsencode(after),
            "limit": AT_ONCE,
        }
        return [
            Leaving(
                os.fsdecode(row["path"]), row["sha256"], row["stored_bytes"], row["stored_sha256"]
            )
            for row in self._database.rows(LEAVING, values)
        ]

    def went(self, target: Target, path: str) -> None:
        """It is not there any more."""
        self._database.run(STAY, {"target_id": target.id, "path": os.fsencode(path)})

    def unlist(self, target: Target, told: Sequence[Record]) -> None:
        """What an index tells of them has to be told by another, as far as it is still so."""
        with self._database.write() as connection:
            values = [values_of(target, one) for one in told]
            connection.executemany(UNLIST, values)

    def exposed(self, address: str, *, hides_names: bool) -> Exposed:
        """What lies at ``address`` otherwise than the keys of today would have it."""
        row = self._database.row(STANDING, {"address": address})
        if row is None:
            return Exposed()
        kinds = [
            Kind(
                bool(one["is_sealed"]),
                bool(one["shows_name"]),
                one["sealed_for"],
                one["items"],
                one["bytes"],
            )
            for one in self._database.rows(KINDS, {"target_id": row["id"]})
        ]
        return exposed(
            kinds,
            has_old_index=bool(row["has_old_index"]),
            leaving=row["leaving"],
            sealed_for=row["sealed_for"],
            hides_names=hides_names,
        )


def _leaving_values(target: Target, one: Leaving) -> Parameters:
    return {
        "target_id": target.id,
        "path": os.fsencode(one.path),
        "sha256": one.sha256,
        "stored_bytes": one.stored_bytes,
        "stored_sha256": one.stored_sha256,
    }
