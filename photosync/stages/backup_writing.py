"""An original on its way to the second copy: hashed as it is read, and as it is written."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, BinaryIO

from photosync.backup.sealing import seal
from photosync.errors import BackupAway, BackupLost, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.backup.keys import Keys
    from photosync.backup.places import Part, Place
    from photosync.domain.backups import Leaving, Record
    from photosync.stages.ports import Flag

BLOCK_BYTES = 1 << 20


def hidden_path(suffix: str) -> str:
    """A path that tells nothing."""
    token = secrets.token_hex(16)
    return f"{token[:2]}/{token}{suffix}"


def lies_there(place: Place, one: Record | Leaving, halt: Flag) -> bool:
    """Whether the file is there and can be read, byte for byte as it was put there.

    Raises:
        BackupAway, Stopping.
    """
    digest, found_bytes = hashlib.sha256(), 0
    try:
        with place.open(one.path) as file:
            while block := file.read(BLOCK_BYTES):
                if halt.is_set():
                    raise Stopping
                digest.update(block)
                found_bytes += len(block)
                if found_bytes > one.stored_bytes:
                    return False
    except BackupLost:
        return False
    return digest.hexdigest() == one.stored_sha256


def read_back(place: Place, record: Record, written: Written, halt: Flag) -> None:
    """What the place gives back is what was written.

    Raises:
        BackupAway: It is not.
        Stopping.
    """
    if written.md5 is not None and place.vouches(
        record.path, written.md5.hexdigest(), record.stored_bytes
    ):
        return
    if not lies_there(place, record, halt):
        place.take_back(record.path)
        raise BackupAway(
            f"{place.name} gives other bytes back than were written there.",
            hint="Check that disk or storage, and the cable; or name another backup.to.",
        )


class Written:
    """What was read of an original and what was written of it, while both are hashed."""

    def __init__(
        self,
        file: BinaryIO,
        part: Part,
        halt: Flag,
        progress: Callable[[int], None],
        *,
        wants_md5: bool,
    ) -> None:
        self._progress = progress
        self._file = file
        self._part = part
        self._halt = halt
        self.plain = hashlib.sha256()
        self.stored = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False) if wants_md5 else None
        self.size_bytes = self.stored_bytes = 0

    def read(self, size: int) -> bytes:
        """The next bytes of the original."""
        if self._halt.is_set():
            raise Stopping
        block = self._file.read(size)
        self.plain.update(block)
        self.size_bytes += len(block)
        self._progress(len(block))
        return block

    def write(self, block: bytes) -> None:
        """To the target."""
        self._part.write(block)
        self.stored.update(block)
        if self.md5 is not None:
            self.md5.update(block)
        self.stored_bytes += len(block)

    def stream(self, keys: Keys) -> None:
        """All of it, sealed if there are keys to seal with."""
        if keys.seals:
            seal(self.read, self.write, keys.recipients)
            return
        while block := self.read(BLOCK_BYTES):
            self.write(block)
