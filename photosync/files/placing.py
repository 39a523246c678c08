"""A folder that photos are put back into: each written beside its place, then linked there.

Every folder on the way is opened from the one before it, never through a link, so that nothing
is ever written outside of the root.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from photosync.domain.media import Lying, readable
from photosync.domain.naming import plain_path
from photosync.domain.restoring import Landed
from photosync.errors import (
    NO_ROOM,
    DiskFull,
    FileExists,
    FileTooLarge,
    FileUnreadable,
    SourceMissing,
    TargetAway,
)
from photosync.files.entries import is_bare
from photosync.files.opening import FOLDER_FLAGS, folder_beneath, open_beneath, open_root, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from photosync.errors import PhotosyncError

    Content = Callable[[], Iterator[bytes]]

BLOCK_BYTES = 1 << 20
TEMPORARY = ".photosync-{}-{}.tmp"
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
REFUSED_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG})
IN_THE_WAY = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EEXIST})
NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class FolderTarget:
    """Puts files into ``root``. ``owner``: letters and digits of this photosync's own.

    ``is_own``: it is a watched folder, to which files go back under their very names; it is
    never made, for where it is not, its disk is not mounted.
    """

    def __init__(self, root: Path, *, owner: str, is_own: bool = False) -> None:
        self.root = root
        self._owner = owner
        self._is_own = is_own

    def prepare(self) -> None:
        """See to it that the folder is there.

        Raises:
            TargetAway: It is not, or cannot be written.
            DiskFull: There is no room for it.
        """
        try:
            if not self._is_own:
                self.root.mkdir(parents=True, exist_ok=True)
            with folder_beneath(self.root, "") as descriptor:
                if self._is_own and is_bare(self.root):
                    raise TargetAway(
                        f"The folder {readable(str(self.root))} is empty: is its disk mounted?",
                        hint="If it is, make a folder in it; or put them elsewhere: --to-folder.",
                    )
                if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except SourceMissing as error:
            raise TargetAway(error.message) from error
        except OSError as error:
            raise self._explained(error, "") from error

    def sweep(self, folders: Iterable[str]) -> int:
        """Take away what earlier restores left there half written; how many files.

        None of this owner may be under way.
        """
        pattern = TEMPORARY.replace(".", r"\.").format(re.escape(self._owner), "[0-9a-f]{16}")
        ours = re.compile(pattern)
        swept = 0
        for folder in folders:
            with suppress(OSError, SourceMissing), folder_beneath(self.root, folder) as descriptor:
                names = os.listdir(descriptor)  # noqa: PTH208 - of a descriptor
                for name in filter(ours.fullmatch, names):
                    os.unlink(name, dir_fd=descriptor)
                    swept += 1
        return swept

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        """What lies at each path; None for what is no regular file."""
        return [self._lying(path) for path in paths]

    def _lying(self, path: str) -> Lying | None:
        folder, _, name = path.rpartition("/")
        try:
            with folder_beneath(self.root, folder) as descriptor:
                return _lying_at(descriptor, name)
        except (OSError, SourceMissing):
            return None

    def put(
        self,
        path: str,
        content: Content,
        *,
        size_bytes: int,
        mtime_ns: int,
        sha256: str,
    ) -> Landed:
        """Write it beside its place, see it onto the disk, and give it its name.

        A disk that refuses the name gets a plainer one, unless the file goes back to its own.

        Raises:
            FileExists: Something else lies there.
            FileUnreadable, FileTooLarge: It cannot be put there; others can.
            TargetAway, DiskFull: Nothing can.
        """
        try:
            try:
                return self._put(path, content, size_bytes, mtime_ns, sha256)
            except OSError as error:
                if error.errno not in REFUSED_NAME or self._is_own:
                    raise
                return self._put(plain_path(path), content, size_bytes, mtime_ns, sha256)
        except SourceMissing as error:
            raise TargetAway(error.message) from error
        except OSError as error:
            raise self._explained(error, path) from error

    def _put(
        self, path: str, content: Content, size_bytes: int, mtime_ns: int, sha256: str
    ) -> Landed:
        *folders, name = parts_of(path)
        with self._made(folders) as descriptor:
            lying = self._there(descriptor, path, size_bytes, sha256)
            if lying is not None:
                return Landed(fresh=False, mtime_ns=lying.mtime_ns)
            passing = TEMPORARY.format(self._owner, secrets.token_hex(8))
            try:
                if _write(descriptor, passing, content(), mtime_ns) != sha256:
                    raise FileUnreadable(
                        f"What was written for {readable(path)} is not what it was.", hint=""
                    )
                is_named = _named(descriptor, passing, name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(passing, dir_fd=descriptor)
            _sync(descriptor)
            lying = self._there(descriptor, path, size_bytes, sha256, is_read=not is_named)
            if lying is None:
                raise FileUnreadable(f"{readable(path)} was there and is gone again.", hint="")
            return Landed(fresh=is_named, mtime_ns=lying.mtime_ns)

    @contextmanager
    def _made(self, folders: Sequence[str]) -> Iterator[int]:
        """A descriptor of a folder beneath the root, which is made with all above it."""
        descriptor = open_root(self.root)
        try:
            for part in folders:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
                    _sync(descriptor)
                below = os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _there(
        self, descriptor: int, path: str, size_bytes: int, sha256: str, *, is_read: bool = True
    ) -> Lying | None:
        """The file, if those very bytes lie there; None if nothing does.

        Raises:
            FileExists: Something else does.
        """
        name = path.rpartition("/")[2]
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        is_it = stat.S_ISREG(found.st_mode) and found.st_size == size_bytes
        if is_it and is_read:
            is_it = _sha256(self.root, path) == sha256
        if not is_it:
            raise FileExists(f"Another file lies at {readable(str(self.root / path))}.")
        return Lying(found.st_size, found.st_mtime_ns)

    def end(self) -> None:
        """Nothing more is put there for now."""

    def _explained(self, error: OSError, path: str) -> PhotosyncError:
        name = readable(str(self.root / path))
        if error.errno in NO_ROOM:
            return DiskFull(f"The disk that holds {name} is full.")
        if error.errno == errno.EFBIG:
            return FileTooLarge(f"The disk takes no file as large as {name}.", hint="")
        if error.errno in REFUSED_NAME:
            return FileUnreadable(f"The disk takes no file named {name}.", hint="")
        if error.errno in IN_THE_WAY:
            return FileExists(f"A file lies in the place of a folder on the way to {name}.")
        return TargetAway(f"{name} cannot be written: {error.strerror or error}.")


def _lying_at(descriptor: int, name: str) -> Lying | None:
    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    return Lying(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _write(descriptor: int, name: str, blocks: Iterator[bytes], mtime_ns: int) -> str:
    """A new file, on the disk when this returns; its SHA-256."""
    digest = hashlib.sha256()
    file = os.open(name, NEW_FILE, 0o666, dir_fd=descriptor)
    try:
        for block in blocks:
            digest.update(block)
            view = memoryview(block)
            while view:
                view = view[os.write(file, view) :]
        with suppress(OverflowError):  # a time that no disk can hold
            os.utime(file, ns=(mtime_ns, mtime_ns))
        os.fsync(file)
    finally:
        os.close(file)
    return digest.hexdigest()


def _named(descriptor: int, passing: str, name: str) -> bool:
    """Give the file its name without ever taking one away; False if it is taken."""
    try:
        os.link(passing, name, src_dir_fd=descriptor, dst_dir_fd=descriptor, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with suppress(FileNotFoundError):  # a file system without links, like FAT
            os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            return False
        os.rename(passing, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    return True


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # shares that cannot
            raise


def _sha256(root: Path, path: str) -> str:
    digest = hashlib.sha256()
    with os.fdopen(open_beneath(root, path), "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
