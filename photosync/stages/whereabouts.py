"""Every place that has some bytes, the nearest first: mirror, watched folders, backup."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media import readable
from photosync.errors import (
    BackupLost,
    BlockedError,
    MirrorLost,
    NoCopy,
    PhotosyncError,
    Stopping,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from photosync.domain.backups import Kept
    from photosync.stages.ports import Flag, FolderFiles, MirrorFiles, SecondCopy
    from photosync.store.restores import Alike, Restores

BLOCK_BYTES = 1 << 20


class PlaceFailed(Exception):
    """A place did not give the bytes; another may."""

    def __init__(self, error: PhotosyncError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes should be. ``kind``: mirror, folder or backup."""

    kind: str
    opened: Callable[[], AbstractContextManager[BinaryIO]]
    spoilt: Callable[[], PhotosyncError]

    def blocks(self, sha256: str, size_bytes: int, *, halt: Flag) -> Iterator[bytes]:
        """The bytes, and an error after the last of them if they are not those.

        Raises:
            PlaceFailed: The place does not give them, or gives others.
            Stopping: The program is ending.
        """
        digest, read_bytes = hashlib.sha256(), 0
        with self._open() as file:
            while block := self._read(file):
                if halt.is_set():
                    raise Stopping
                digest.update(block)
                read_bytes += len(block)
                if read_bytes > size_bytes:
                    break
                yield block
        if read_bytes != size_bytes or digest.hexdigest() != sha256:
            raise PlaceFailed(self.spoilt())

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        try:
            opening = self.opened()
            file = opening.__enter__()
        except (PhotosyncError, OSError) as error:
            raise _failed(error) from error
        try:
            yield file
        except BaseException:  # it was not read to its end
            with suppress(PhotosyncError, OSError):
                opening.__exit__(None, None, None)
            raise
        try:
            opening.__exit__(None, None, None)
        except (PhotosyncError, OSError) as error:
            raise _failed(error) from error

    def _read(self, file: BinaryIO) -> bytes:
        try:
            return file.read(BLOCK_BYTES)
        except (PhotosyncError, OSError) as error:
            raise _failed(error) from error

    def proves(self, sha256: str, size_bytes: int, *, halt: Flag) -> bool:
        """Whether those very bytes can be read there from beginning to end, now.

        Raises:
            Stopping.
        """
        try:
            for _ in self.blocks(sha256, size_bytes, halt=halt):
                pass
        except PlaceFailed:
            return False
        return True


def _failed(error: PhotosyncError | OSError) -> Exception:
    if isinstance(error, Stopping):
        return error
    if isinstance(error, PhotosyncError):
        return PlaceFailed(error)
    return PlaceFailed(NoCopy(f"It cannot be read: {error.strerror or error}."))


class Whereabouts:
    """Knows all places. ``mirrors``: where copies lie now, then where they lay before.

    ``backup_error``: why the backup cannot be reached or opened; it is not tried again then.
    """

    def __init__(
        self,
        *,
        restores: Restores,
        mirrors: Sequence[MirrorFiles],
        folders: Mapping[int, FolderFiles],
        second: SecondCopy | None,
    ) -> None:
        self._restores = restores
        self._mirrors = mirrors
        self._folders = folders
        self._second = second
        self.backup_error: BlockedError | None = None

    @property
    def wants_backup(self) -> bool:
        """Whether the settings name a second copy."""
        return self._second is not None

    def places(self, sha256: str) -> Iterator[Place]:
        """Where those bytes should be, by the record; the backup is asked last."""
        alike = self._restores.alike(sha256)
        for one in alike:
            if one.mirror_path is not None:
                yield from self.in_mirror(one.mirror_path, one.size_bytes)
        for one in alike:
            folder = self._folders.get(one.source_id)
            if folder is not None and one.mirror_path is None:
                yield _in_folder(folder, one)
        backup = self.in_backup(sha256)
        if backup is not None:
            yield backup

    def in_mirror(self, path: str, size_bytes: int) -> Iterator[Place]:
        """A copy in the mirror, or where that was before."""
        name = readable(path)
        for mirror in self._mirrors:
            yield Place(
                "mirror",
                partial(mirror.open, path, size_bytes),
                lambda: MirrorLost(f"The copy {name} in the mirror is damaged."),
            )

    def in_backup(self, sha256: str) -> Place | None:
        """The second copy; None if there is none on record."""
        if self._second is None:
            return None
        if self.backup_error is not None:
            return Place("backup", partial(_raise, self.backup_error), _damaged)
        kept = self._second.find(sha256)
        return None if kept is None else Place("backup", partial(self._opened, kept), _damaged)

    @contextmanager
    def _opened(self, kept: Kept) -> Iterator[BinaryIO]:
        assert self._second is not None
        try:
            with self._second.open(kept) as file:
                yield file
        except BlockedError as error:
            self.backup_error = error
            raise


def _in_folder(folder: FolderFiles, one: Alike) -> Place:
    name = readable(one.path)
    return Place(
        "folder",
        partial(folder.open, one.path, one.size_bytes, one.mtime_ns),
        lambda: NoCopy(f"{name} in {folder.name} is not what it was."),
    )


def _damaged() -> PhotosyncError:
    return BackupLost("What lies in the backup is damaged.", hint="photosync verify --all")


def _raise(error: PhotosyncError) -> AbstractContextManager[BinaryIO]:
    raise error


def may_pass(errors: Sequence[PhotosyncError]) -> PhotosyncError | None:
    """The first that time or the user can cure, so that the bytes may be had later."""
    return next((one for one in errors if isinstance(one, (BlockedError, TransientError))), None)
