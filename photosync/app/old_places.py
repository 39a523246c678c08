"""Where second copies lay before ``backup.to`` named another place: read while they can be."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from photosync.backup.local import LocalPlace
from photosync.backup.places import prepare
from photosync.backup.sealing import unsealed
from photosync.domain.media import readable
from photosync.errors import BackupAway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.domain.backups import Record
    from photosync.store.backups import Target


class OldFolders:
    """Those that are folders: of a server nobody knows the password any more.

    ``identities``: the secret keys that are here; asked for only if a file is sealed.
    """

    def __init__(self, identities: Callable[[], list[Any]]) -> None:
        self._identities = identities

    @contextmanager
    def open(self, target: Target, record: Record) -> Iterator[BinaryIO]:
        """The plain content; see ``OldPlaces``."""
        if "://" in target.address or target.mark is None:
            raise BackupAway(f"{readable(target.address)} is not what backup.to names any more.")
        place = LocalPlace(Path(target.address))
        prepare(place, target.mark)
        with place.open(record.path) as source:
            if not record.is_sealed:
                yield source
                return
            with unsealed(source, self._identities()) as plain:
                yield plain
