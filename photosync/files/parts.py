"""A copy while it is made: taken over from an earlier try, hashed as it is written, synced."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from photosync.domain.media import Hashes, readable
from photosync.errors import NO_ROOM, FileTooLarge, MirrorAway, MirrorFull, Stopping
from photosync.files.dates import taken_at
from photosync.files.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.files.folder import Halt

BLOCK_BYTES = 1 << 20
RESUMED_BYTES = 64 * 1024

FLUSHED_BYTES = 1 << 20
FLUSH = os.POSIX_FADV_DONTNEED
"""Makes Linux begin to write what is dirty (mm/fadvise.c), without waiting for it."""

HEAD_BYTES = 4096
SIDE_BY_SIDE_BYTES = 8 << 20
"""From here on a copy is worth three threads of its own."""


def tell_nobody(_have_bytes: int) -> None:
    """For a copy that nobody watches."""


class Part:
    """A copy that is being made: hashed while it is written.

    ``progress`` is told how many bytes are here. In messages it is the ``meant`` file.
    """

    def __init__(
        self,
        file: Path,
        halt: Halt,
        progress: Callable[[int], None] = tell_nobody,
        *,
        meant: Path | None = None,
    ) -> None:
        self._meant = meant or file
        self._halt = halt
        self._progress = progress
        self._path = file
        self._file = file.open("a+b", buffering=0)
        if os.fstat(self._file.fileno()).st_nlink > 1:  # it got its name, and then came a death
            self._file.close()
            file.unlink()
            self._file = file.open("a+b", buffering=0)
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._lanes: Lanes | None = None
        self._streamed_bytes = 0
        self._unflushed_bytes = 0
        self.head = b""
        self.size_bytes = 0

    def write(self, block: memoryview | bytes) -> None:
        """Add the next bytes; those of a large file are hashed and written side by side.

        Raises:
            MirrorFull: The disk is full.
            Stopping: The program is ending.
        """
        if self._halt.is_set():
            raise Stopping
        self._see(block)
        if self._lanes is None and self._streamed_bytes >= SIDE_BY_SIDE_BYTES:
            self._lanes = Lanes(self._put, self._sha256.update, self._sha1.update)
        self._streamed_bytes += len(block)
        try:
            if self._lanes is not None:
                self._lanes.write(block)
            else:
                self._put(block)
                self._hash(block)
        except OSError as error:
            raise unwritable(self._meant, error) from error

    def _put(self, block: memoryview | bytes) -> None:
        written = self._file.write(block)
        while written < len(block):
            written += self._file.write(block[written:])
        self._unflushed_bytes += len(block)
        if self._unflushed_bytes >= FLUSHED_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Let the disk begin with what was written; whoever syncs it waits the less for it.

        What is still to be written stays in memory, whatever the name of the advice.
        """
        at = self._file.tell()
        with suppress(OSError):  # a file system that takes no advice
            os.posix_fadvise(
                self._file.fileno(), at - self._unflushed_bytes, self._unflushed_bytes, FLUSH
            )
        self._unflushed_bytes = 0

    def _settle(self) -> None:
        """Until all that was written is hashed, and in the file."""
        if self._lanes is None:
            return
        try:
            self._lanes.drain()
        except OSError as error:
            raise unwritable(self._meant, error) from error
        finally:
            self._end_lanes()

    def _end_lanes(self) -> None:
        lanes, self._lanes, self._streamed_bytes = self._lanes, None, 0
        if lanes is not None:
            lanes.close()

    def go_on(self, largest_bytes: int) -> int:
        """Take over what an earlier try left, up to whole blocks; how many bytes."""
        there = self._file.seek(0, os.SEEK_END)
        kept = min(there, largest_bytes) // RESUMED_BYTES * RESUMED_BYTES
        self._file.truncate(kept)
        self._file.seek(0)
        while self.size_bytes < kept:
            block = self._file.read(BLOCK_BYTES)
            if not block or self._halt.is_set():
                raise Stopping
            self._see(block)
            self._hash(block)
        return kept

    def start_over(self) -> None:
        """Forget what was written."""
        self._end_lanes()
        self._file.truncate(0)
        self._unflushed_bytes = 0
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self.head, self.size_bytes = b"", 0

    def hashes(self) -> Hashes:
        """Of all that was written.

        Raises:
            MirrorFull, MirrorAway: It could not be.
        """
        self._settle()
        return Hashes(self.size_bytes, self._sha256.hexdigest(), self._sha1.hexdigest())

    def taken_at(self, name: str) -> int | None:
        """When the picture was taken by its own word, in seconds UTC."""
        self._settle()
        return taken_at(self._file, name)

    def sync(self, mtime_ns: int) -> None:
        """See to it that the disk has it, with the time that the phone gave it."""
        self._settle()
        try:
            with suppress(OverflowError):  # a time that no disk can hold
                os.utime(self._file.fileno(), ns=(mtime_ns, mtime_ns))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self._meant, error) from error

    def close(self) -> None:
        """Leave it as it is."""
        self._end_lanes()
        self._file.close()

    def _see(self, block: memoryview | bytes) -> None:
        if len(self.head) < HEAD_BYTES:
            self.head += bytes(block[: HEAD_BYTES - len(self.head)])
        self.size_bytes += len(block)
        self._progress(self.size_bytes)

    def _hash(self, block: memoryview | bytes) -> None:
        self._sha256.update(block)
        self._sha1.update(block)


def unwritable(file: Path, error: OSError) -> MirrorFull | MirrorAway | FileTooLarge:
    """An error of the system while a copy is made, as one of ours."""
    name = readable(str(file))
    if error.errno == errno.EFBIG:
        return FileTooLarge(
            f"The disk of the mirror takes no file as large as {name} has to be.",
            hint="Put mirror.path on a disk with another file system than FAT.",
        )
    if error.errno in NO_ROOM:
        return MirrorFull(f"The disk that holds {name} is full.")
    return MirrorAway(
        f"{name} cannot be written: {error.strerror or error}.",
        hint="Let the user that runs photosync write there, or set another mirror.path.",
    )
