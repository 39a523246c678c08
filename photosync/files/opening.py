"""Opens files beneath a root without ever leaving it.

Every part of the path is opened from the folder before it, never through a symlink, so that a
folder that is swapped for a link between two looks leads nowhere.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.domain.media import readable
from photosync.errors import (
    FileInUse,
    FileReplaced,
    FileUnreadable,
    FileVanished,
    PhotosyncError,
    SourceMissing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
BUSY = frozenset(
    {
        *(errno.EAGAIN, errno.EBUSY, errno.ETXTBSY, errno.EINTR),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    }
)
ROOT_LOST = frozenset({errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EHOSTDOWN})


def open_root(root: Path) -> int:
    """A descriptor of the root folder; the root itself may be a symlink.

    Raises:
        SourceMissing: It is not there, no folder, or may not be read.
    """
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise root_missing(root, error) from error


@contextmanager
def folder_beneath(root: Path, path: str) -> Iterator[int]:
    """A descriptor of the folder ``path`` beneath ``root`` ("" is the root).

    Raises:
        SourceMissing: The root is away.
        OSError: The folder cannot be opened.
    """
    descriptor = open_root(root)
    try:
        for part in parts_of(path):
            below = os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def open_beneath(root: Path, path: str) -> int:
    """A descriptor of the regular file ``path`` beneath ``root``, for reading.

    What is no regular file is not even opened: opening a device may set it to work.

    Raises:
        FileVanished: There is no regular file there (any more).
        FileUnreadable, FileInUse: It cannot be read (now).
        SourceMissing: The root is away.
        ValueError: The path would lead elsewhere.
    """
    *folders, name = parts_of(path) or [""]
    try:
        with folder_beneath(root, "/".join(folders)) as descriptor:
            _require_regular(os.stat(name, dir_fd=descriptor, follow_symlinks=False), path)
            opened = os.open(name, FILE_FLAGS, dir_fd=descriptor)
    except OSError as error:
        raise explain(root, path, error) from error
    try:
        _require_regular(os.fstat(opened), path)
    except BaseException:
        os.close(opened)
        raise
    return opened


def _require_regular(found: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise FileVanished(f"{readable(path)} is no regular file (any more).")


class OpenFile(io.FileIO):
    """A file open for reading that tells in our words why it cannot be read any further."""

    def __init__(self, descriptor: int, *, root: Path, path: str) -> None:
        super().__init__(descriptor, "rb")
        self._root = root
        self._path = path

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to ``size`` bytes, fewer only at the end.

        Raises:
            FileUnreadable, FileInUse, FileVanished: The disk failed.
            SourceMissing: The root is away.
        """
        try:
            return super().read(-1 if size is None else size) or b""
        except OSError as error:
            raise explain(self._root, self._path, error) from error

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The same into a buffer; how many bytes."""
        try:
            return super().readinto(buffer) or 0
        except OSError as error:
            raise explain(self._root, self._path, error) from error


def parts_of(path: str) -> list[str]:
    """The parts of a relative path.

    Raises:
        ValueError: It would lead elsewhere; a bug or an attack.
    """
    if not path:
        return []
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        text = f"not a path beneath a folder: {path!r}"
        raise ValueError(text)
    return parts


def check_version(descriptor: int, path: str, *, size_bytes: int, mtime_ns: int) -> None:
    """See to it that the open file is the version that was found.

    Raises:
        FileReplaced: It is another one.
    """
    found = os.fstat(descriptor)
    if (found.st_size, found.st_mtime_ns) != (size_bytes, mtime_ns):
        raise FileReplaced(f"{readable(path)} has changed since it was found.")


def explain(root: Path, path: str, error: OSError) -> PhotosyncError:
    """An error of the system about a file as one of ours.

    A file is only gone, or damaged, if the root is still there and can be listed: an unplugged
    disk answers the same about each of its files.
    """
    name, why = readable(path), error.strerror or type(error).__name__
    if error.errno in BUSY:
        return FileInUse(f"{name} cannot be opened at the moment: {why}.")
    lost = error if error.errno in ROOT_LOST else _error_of_root(root)
    if lost is not None:
        return root_missing(root, lost)
    if error.errno in GONE:
        return FileVanished(f"{name} is not there any more.")
    return FileUnreadable(f"{name} cannot be read: {why}.")


def _error_of_root(root: Path) -> OSError | None:
    try:
        with os.scandir(root) as scan:
            next(scan, None)
    except OSError as error:
        return error
    return None


def root_missing(root: Path, error: OSError) -> SourceMissing:
    """The error for a root that cannot be opened."""
    name = readable(str(root))
    if error.errno == errno.ENOENT:
        return SourceMissing(f"The folder {name} is not there.")
    if error.errno == errno.ENOTDIR:
        return SourceMissing(f"{name} is no folder.", hint="Correct its path in the settings.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceMissing(
            f"The folder {name} may not be read by this user.",
            hint="Let the user that runs photosync read it.",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return SourceMissing(
            f"The folder {name} cannot be read: too many files are open.",
            hint="Allow more: ulimit -n, or LimitNOFILE= in the systemd unit.",
        )
    return SourceMissing(f"The folder {name} cannot be read: {error.strerror}.")
