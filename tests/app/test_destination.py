"""From when on an index is of the keys of today."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from photosync import config
from photosync.app.destination import Destination
from photosync.app.state import opened
from photosync.backup.indexing import is_old, write_index
from photosync.backup.keys import new_identity
from photosync.backup.places import INDEX
from photosync.store.backups import Backups
from photosync.store.resealing import Reseals

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.app.state import State
    from photosync.config import Settings

NOW = 1_800_000_000


def sealing_for(settings: Settings, state: State, key: Path) -> Destination:
    """The target, from when on it is sealed for that key."""
    if not key.exists():
        new_identity(key, now=NOW)
    changed: Any = replace(settings.backup, encrypt=True, identity_file=key)
    backups = Backups(state.database)
    target = backups.aim(settings.backup.address)
    return Destination(
        replace(settings, backup=changed), state, backups=backups, target=target, owner="me"
    )


def test_indexes_of_one_moment_are_all_older_than_keys_of_that_moment(tmp_path: Path) -> None:
    """Each is named a second later than the one before: as if it were of the time to come."""
    (tmp_path / "disk").mkdir()
    file = tmp_path / "config.toml"
    file.write_text(f'state_dir = "state"\n[backup]\nto = "{tmp_path / "disk"}"\n')
    settings = config.load(file, {"HOME": str(tmp_path)})
    with opened(settings, lambda: float(NOW)) as state:
        before = sealing_for(settings, state, tmp_path / "old.txt")
        old_keys = before.ready()
        for _ in range(3):
            write_index(before.place, old_keys, [], now=NOW)
        old = before.place.names(INDEX)

        today = sealing_for(settings, state, tmp_path / "new.txt")
        keys = today.ready()
        write_index(today.place, keys, [], now=NOW)
        since = Reseals(state.database).keys_since(today.target)
        names = today.place.names(INDEX)
        assert [one for one in names if is_old(one, keys_since=since)] == old
        assert len(names) == len(old) + 1
