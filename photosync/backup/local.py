"""A folder on a disk of this machine, or on one that is mounted here."""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from photosync.backup.places import (
    BLOCK_BYTES,
    LARGEST_SMALL_BYTES,
    MARK,
    OWN,
    PARTS,
    README,
    NameRefused,
)
from photosync.domain.media import readable
from photosync.errors import (
    NO_ROOM,
    BackupAway,
    BackupFull,
    BackupLost,
    BackupUnusable,
    FileTooLarge,
    PhotosyncError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR})
REFUSED_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG})
NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
DAMAGED = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN})


class LocalPart:
    """A file under a temporary name, on the same file system; in messages it is ``meant``."""

    def __init__(self, root: Path, file: Path, meant: Path) -> None:
        self._root = root
        self._path = file
        self._meant = meant
        self._file = file.open("wb", buffering=0)

    def write(self, block: bytes, /) -> None:
        """Add the next bytes."""
        try:
            self._put(block)
        except OSError as error:
            raise unwritable(self._meant, error) from error

    def _put(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def give(self, path: str, *, mtime_ns: int | None) -> bool:
        """Finish it and give it its name, which is never taken from another file."""
        target = self._root / path
        try:
            if mtime_ns is not None:
                with suppress(OverflowError):  # a time that no disk can hold
                    os.utime(self._file.fileno(), ns=(mtime_ns, mtime_ns))
            os.fsync(self._file.fileno())
            self._path.lstat()  # else no folder is made either: the disk went meanwhile
            _make_folder(target.parent, self._root)
            _require_within(self._root, target)
            if not _named(self._path, target):
                return False
            sync_folder(target.parent)
        except (FileExistsError, NotADirectoryError):
            return False  # a file has the name of a folder on the way
        except OSError as error:
            if error.errno in REFUSED_NAME:
                raise NameRefused from error
            raise unwritable(target, error) from error
        return True

    def close(self) -> None:
        """Away with what has no name yet."""
        self._file.close()
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._meant, error) from error


class LocalFile(io.FileIO):
    """A file open for reading that tells in our words why it cannot be read any further."""

    def __init__(self, descriptor: int, path: str) -> None:
        super().__init__(descriptor, "rb")
        self._path = path

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The next bytes; how many."""
        try:
            return super().readinto(buffer) or 0
        except OSError as error:
            raise _unreadable(self._path, error) from error


class LocalPlace:
    """The folder ``root``, which is never made by us: its disk may not be mounted.

    Nor is ``OWN`` in it, but for the first files: a disk that was unmounted a moment ago leaves a
    bare folder, in which nothing may be put.

    ``owner`` tells this photosync from others that write there.
    """

    is_local = True

    def __init__(self, root: Path, owner: str = "") -> None:
        self._root = root
        self._owner = owner

    @property
    def name(self) -> str:
        """What it is called for people."""
        return readable(str(self._root))

    def check(self) -> None:
        """See to it that the folder is there."""
        try:
            found = self._root.stat()
        except FileNotFoundError as error:
            raise BackupUnusable(
                f"The folder {self.name}, where the second copy goes, is not there.",
                hint=f"Mount its disk; or, if there never was one, make it: mkdir -p {self.name}",
            ) from error
        except OSError as error:
            raise BackupAway(f"{self.name} cannot be reached: {error.strerror}.") from error
        if not stat.S_ISDIR(found.st_mode):
            raise BackupUnusable(f"{self.name} is no folder.", hint="Name a folder in backup.to.")

    def exists(self, path: str) -> bool:
        """Whether something has that name."""
        return os.path.lexists(self._root / path)

    @contextmanager
    def part(self, path: str, token: str) -> Iterator[LocalPart]:
        """A new file that is to be called ``path``."""
        file, meant = self._root / PARTS / token, self._root / path
        try:
            _make_folder(file.parent, self._root / OWN)
            file.unlink(missing_ok=True)
            part = LocalPart(self._root, file, meant)
        except OSError as error:
            raise unwritable(meant, error) from error
        try:
            yield part
        finally:
            part.close()

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        """The bytes as the disk has them: what the kernel remembers of them is forgotten first."""
        file = self._root / path
        try:
            _require_within(self._root, file)
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in GONE:
                self.check()
            raise _unreadable(path, error) from error
        with LocalFile(descriptor, path) as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BackupLost(f"{readable(path)} is no regular file any more.")
            with suppress(OSError):  # a file system without a cache
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            yield io.BufferedReader(opened, BLOCK_BYTES)

    def vouches(self, path: str, md5: str, size_bytes: int) -> bool:
        """A disk says nothing of what it holds: it has to be read."""
        del path, md5, size_bytes
        return False

    def take_back(self, path: str) -> None:
        """Away with a file for good, and with the folders that it leaves empty."""
        file = self._root / path
        try:
            _require_within(self._root, file)
            file.unlink(missing_ok=True)
            folder = file.parent
            while path.partition("/")[0] != OWN and folder != self._root:
                if not _is_removed(folder):
                    break
                folder = folder.parent
            if folder.is_dir():
                sync_folder(folder)
        except OSError as error:
            raise unwritable(file, error) from error

    def walk(self) -> Iterator[tuple[str, int]]:
        """Path and size of every file but ours."""

        def refuse(error: OSError) -> None:
            raise BackupAway(
                f"{readable(str(error.filename))} cannot be listed: {error.strerror}."
            ) from error

        for folder, below, files in os.walk(self._root, onerror=refuse):
            here = os.path.relpath(folder, self._root)
            if here == ".":
                below[:] = [one for one in below if one not in (OWN, "lost+found")]
            below.sort()
            for name in sorted(files):
                path = name if here == "." else f"{here}/{name}"
                with suppress(FileNotFoundError):
                    yield path, os.lstat(f"{folder}/{name}").st_size

    def put(self, path: str, content: bytes) -> None:
        """Write a small file of ours, at once or not at all."""
        file = self._root / path
        fresh = file.with_name(f".{self._owner}.new")
        try:
            is_first = path in (README, MARK)
            _make_folder(file.parent, self._root if is_first else self._root / OWN)
            with fresh.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(file)
            sync_folder(file.parent)
        except OSError as error:
            raise unwritable(file, error) from error

    def get(self, path: str) -> bytes | None:
        """A small file of ours, None if there is none."""
        try:
            with (self._root / path).open("rb") as source:
                return source.read(LARGEST_SMALL_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackupAway(
                f"{readable(str(self._root / path))} cannot be read: {error.strerror}."
            ) from error

    def names(self, folder: str) -> list[str]:
        """The files in a folder of ours."""
        try:
            found = os.listdir(self._root / folder)  # noqa: PTH208 - names are all that is wanted
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackupAway(
                f"{readable(str(self._root / folder))} cannot be listed: {error.strerror}."
            ) from error
        return sorted(one for one in found if not one.startswith("."))

    def drop_parts(self, owner: str) -> None:
        """Away with unfinished files whose token begins with ``owner``."""
        for name in self.names(PARTS):
            if name.startswith(owner):
                file = self._root / PARTS / name
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    raise unwritable(file, error) from error


def _named(part: Path, target: Path) -> bool:
    """Give ``part`` another name without ever taking one away; False if it is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(target):  # a file system without links
            return False
        part.rename(target)
    return True


def _is_removed(folder: Path) -> bool:
    """Whether a folder was empty, and is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _require_within(root: Path, file: Path) -> None:
    """A folder in the backup that was swapped for a link leads nowhere."""
    real, inside = os.path.realpath(file.parent), os.path.realpath(root)
    if real != inside and not real.startswith(inside.rstrip("/") + "/"):
        raise BackupLost(f"{readable(str(file))} leads out of the backup.")


def _make_folder(folder: Path, root: Path) -> None:
    """Make a folder and those above it up to ``root``, so that a power cut does not undo it."""
    missing = []
    while not folder.is_dir():
        if folder == root:
            raise FileNotFoundError(errno.ENOENT, "its disk is not there", str(root))
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """See to it that a power cut takes no name in it away."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # shares that cannot
            raise
    finally:
        os.close(descriptor)


def unwritable(file: Path, error: OSError) -> PhotosyncError:
    """An error of the system while something is written, as one of ours."""
    name = readable(str(file))
    if error.errno == errno.EFBIG:
        return FileTooLarge(
            f"The disk of the backup takes no file as large as {name} has to be.",
            hint="Put backup.to on a disk with another file system than FAT.",
        )
    if error.errno == errno.ENOENT:
        return BackupAway(
            f"{name} cannot be written: the disk of the backup is not there.",
            hint="Mount it; it goes on by itself.",
        )
    if error.errno in NO_ROOM:
        return BackupFull(f"The disk of the backup is full: {name} does not fit.")
    return BackupAway(
        f"{name} cannot be written: {error.strerror or error}.",
        hint="Let the user that runs photosync write there, or set another backup.to.",
    )


def _unreadable(path: str, error: OSError) -> PhotosyncError:
    name = readable(path)
    if error.errno in GONE:
        return BackupLost(f"{name} is gone from the backup.")
    if error.errno in DAMAGED:
        return BackupLost(f"{name} cannot be read from the backup's disk: {error.strerror}.")
    return BackupAway(f"{name} cannot be read from the backup: {error.strerror}.")
