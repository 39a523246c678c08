"""Whether a file still lies where the record has it, and holds what it held."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

from photosync.errors import FileInUse, FileUnreadable, ItemGone, SourceMissing, Stopping
from photosync.files.opening import OpenFile, open_beneath

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.files.folder import Halt

BLOCK_BYTES = 1 << 20


class Lying:
    """The files below ``root``, by their paths in it. ``is_there``: whether the root is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._bytes = os.fsencode(root)
        self.is_there = root.is_dir()

    def version(self, path: str, size_bytes: int, mtime_ns: int) -> bool:
        """Whether that very version of a file lies there."""
        found = self._stat(path)
        return found is not None and (found.st_size, found.st_mtime_ns) == (size_bytes, mtime_ns)

    def copy(self, path: str, size_bytes: int) -> bool:
        """Whether a file of that size lies there: disks keep times in different ways."""
        found = self._stat(path)
        return found is not None and found.st_size == size_bytes

    def holds(self, path: str, sha256: str, *, halt: Halt) -> bool:
        """Whether it can be read to its end and is what was hashed.

        Raises:
            Stopping: The program is ending.
        """
        try:
            with OpenFile(open_beneath(self.root, path), root=self.root, path=path) as file:
                found = hashlib.sha256()
                while block := file.read(BLOCK_BYTES):
                    found.update(block)
                    if halt.is_set():
                        raise Stopping
        except (ItemGone, FileUnreadable, FileInUse, SourceMissing):
            return False
        return found.hexdigest() == sha256

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            found = os.lstat(self._bytes + b"/" + os.fsencode(path))
        except (OSError, ValueError):  # not there, or no name that this disk could have
            return None
        return found if stat.S_ISREG(found.st_mode) else None
