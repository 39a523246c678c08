"""The mirror on disk: copies are made beside it, checked, and then given their names at once.

Nothing in it is ever overwritten. What is half copied lies in ``.photosync/part``, named by the
number of its item, on the same file system.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media import Hashes, readable
from photosync.domain.naming import apart, plain_path
from photosync.errors import (
    ItemGone,
    MirrorAway,
    MirrorFull,
    MirrorLost,
    SourceMissing,
    Stopping,
)
from photosync.files.dates import taken_at
from photosync.files.lanes import Lanes
from photosync.files.opening import OpenFile, open_beneath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.files.folder import Halt

log = logging.getLogger(__name__)

OWN = ".photosync"
PARTS = f"{OWN}/part"
MARK = f"{OWN}/mirror"
BLOCK_BYTES = 1 << 20
RESUMED_BYTES = 64 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
REFUSED_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG, errno.ENOTDIR})
MOST_NAMES = 1000
HEAD_BYTES = 4096
SIDE_BY_SIDE_BYTES = 8 << 20
"""From here on a copy is worth two threads of its own."""
README = """\
This folder holds copies that photosync made of the photos on your phones.
It knows it by this file: without it, photosync takes the disk for not mounted.
"""


class Part:
    """A copy that is being made: hashed while it is written.

    ``have_bytes``: so much of it is there from an earlier try.
    """

    def __init__(self, file: Path, halt: Halt) -> None:
        self._halt = halt
        self._path = file
        self._file = file.open("a+b", buffering=0)
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._lanes: Lanes | None = None
        self._streamed_bytes = 0
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
            self._lanes = Lanes(self._put, self._hash)
        self._streamed_bytes += len(block)
        try:
            if self._lanes is not None:
                self._lanes.write(block)
            else:
                self._put(block)
                self._hash(block)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def _put(self, block: memoryview | bytes) -> None:
        written = self._file.write(block)
        while written < len(block):
            written += self._file.write(block[written:])

    def _settle(self) -> None:
        """Until all that was written is hashed, and in the file."""
        if self._lanes is None:
            return
        try:
            self._lanes.drain()
        except OSError as error:
            raise unwritable(self._path, error) from error
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
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        """Leave it as it is."""
        self._end_lanes()
        self._file.close()

    def _see(self, block: memoryview | bytes) -> None:
        if len(self.head) < HEAD_BYTES:
            self.head += bytes(block[: HEAD_BYTES - len(self.head)])
        self.size_bytes += len(block)

    def _hash(self, block: memoryview | bytes) -> None:
        self._sha256.update(block)
        self._sha1.update(block)


class MirrorDisk:
    """The folder of copies. ``least_free_bytes`` are never used up."""

    def __init__(self, root: Path, *, least_free_bytes: int) -> None:
        self.root = root
        self._least_free_bytes = least_free_bytes

    def prepare(self, *, known: bool) -> None:
        """See to it that the mirror is there. ``known``: it was made before.

        Raises:
            MirrorAway: It was made before and is not there, or it cannot be written.
            MirrorFull: The disk is full.
        """
        if (self.root / MARK).is_file():
            return
        if known:
            raise MirrorAway(f"The mirror {readable(str(self.root))} is not there.")
        try:
            (self.root / PARTS).mkdir(parents=True, exist_ok=True)
            (self.root / MARK).write_text(README)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def need(self, size_bytes: int) -> None:
        """See to it that there is room for so many more bytes.

        Raises:
            MirrorFull: There is not.
        """
        try:
            found = os.statvfs(self.root)
        except OSError as error:
            raise unwritable(self.root, error) from error
        left = found.f_bavail * found.f_frsize - size_bytes
        if left < self._least_free_bytes:
            raise MirrorFull(
                f"The disk of the mirror {readable(str(self.root))} has too little room: photos"
                f" of phones need {size_bytes:,} bytes more, and mirror.min_free keeps"
                f" {self._least_free_bytes:,} free."
            )

    @contextmanager
    def part(self, number: int, *, halt: Halt) -> Iterator[Part]:
        """The unfinished copy of item ``number``; what was written stays for the next try."""
        file = self.root / PARTS / str(number)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part = Part(file, halt)
        except OSError as error:
            raise unwritable(file, error) from error
        try:
            yield part
        finally:
            part.close()

    def drop(self, number: int) -> None:
        """Away with an unfinished copy."""
        (self.root / PARTS / str(number)).unlink(missing_ok=True)

    def place(self, number: int, path: str, hashes: Hashes) -> str:
        """Give the finished copy its name; the one it got.

        The name may be taken: by an older version, or by one that differs only in case. If that
        is this very copy, made before a crash, it is taken over.

        Raises:
            MirrorFull, MirrorAway: It cannot be written.
        """
        try:
            try:
                return self._place(number, path, hashes)
            except OSError as error:
                if error.errno not in REFUSED_NAME:
                    raise
                return self._place(number, plain_path(path), hashes)
        except OSError as error:
            raise unwritable(self.root / path, error) from error

    def _place(self, number: int, path: str, hashes: Hashes) -> str:
        part = self.root / PARTS / str(number)
        for attempt in range(MOST_NAMES):
            name = path if attempt == 0 else apart(path, number + attempt - 1)
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if _named(part, target) or _same(target, hashes):
                part.unlink(missing_ok=True)
                _sync_folder(target.parent)
                return name
        text = f"no name is free beside {path!r}"
        raise RuntimeError(text)

    @contextmanager
    def open(self, path: str, size_bytes: int) -> Iterator[BinaryIO]:
        """A copy, open for reading.

        Raises:
            MirrorLost: It is gone, or another size.
            MirrorAway: The mirror's disk is not there.
            FileUnreadable, FileInUse: It cannot be read (now).
        """
        try:
            descriptor = open_beneath(self.root, path)
        except SourceMissing as error:
            raise MirrorAway(error.message) from error
        except ItemGone as error:
            self.prepare(known=True)
            raise MirrorLost(f"The copy {readable(path)} is gone from the mirror.") from error
        with OpenFile(descriptor, root=self.root, path=path) as file:
            if os.fstat(descriptor).st_size != size_bytes:
                raise MirrorLost(f"The copy {readable(path)} in the mirror was changed.")
            yield file

    def remove(self, path: str) -> bool:
        """Take a copy away; whether it was there."""
        try:
            (self.root / path).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unwritable(self.root / path, error) from error
        return True


def _named(part: Path, target: Path) -> bool:
    """Give ``part`` a second name without ever taking one away; False if it is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if target.exists():  # a file system without links: nobody else writes here
            return False
        part.rename(target)
    return True


def _same(target: Path, hashes: Hashes) -> bool:
    """Whether those very bytes lie there already."""
    if target.is_symlink() or not target.is_file() or target.stat().st_size != hashes.size_bytes:
        return False
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == hashes.sha256


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # shares that cannot
            raise
    finally:
        os.close(descriptor)


def unwritable(file: Path, error: OSError) -> MirrorFull | MirrorAway:
    """An error of the system while a copy is made, as one of ours."""
    name = readable(str(file))
    if error.errno in FULL:
        return MirrorFull(f"The disk that holds {name} is full.")
    return MirrorAway(
        f"{name} cannot be written: {error.strerror or error}.",
        hint="Let the user that runs photosync write there, or set another mirror.path.",
    )
