"""An original on its way to the second copy: hashed as it is read, and as it is written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

from photosync.backup.sealing import seal
from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.backup.keys import Keys
    from photosync.backup.places import Part
    from photosync.stages.ports import Flag

BLOCK_BYTES = 1 << 20


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
