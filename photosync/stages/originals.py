"""The local file of each item, wherever its source keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media import Entry
from photosync.errors import FileVanished, SourceMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from photosync.domain.media import Finding, Hashes, MediaItem
    from photosync.stages.ports import Flag, FolderFiles, MirrorFiles


class LocalOriginals:
    """Files in watched folders, and copies of phones' files in the mirror.

    A file that is gone from a folder that is empty altogether counts as an unmounted disk.
    """

    def __init__(
        self, folders: Mapping[int, FolderFiles], *, mirror: MirrorFiles, halt: Flag
    ) -> None:
        self._folders = folders
        self._mirror = mirror
        self._halt = halt

    @contextmanager
    def open(self, item: MediaItem) -> Iterator[BinaryIO]:
        """The item's very version of the file, open for reading."""
        if item.mirror_path is not None:
            with self._mirror.open(item.mirror_path, item.size_bytes) as file:
                yield file
            return
        folder = self._folder(item)
        with (
            _unmounted(folder),
            folder.open(item.source_path, item.size_bytes, item.source_mtime_ns) as file,
        ):
            yield file

    def examine(self, item: MediaItem) -> Finding | None:
        """What the file is by its content."""
        folder = self._folder(item)
        with _unmounted(folder):
            return folder.examine(Entry(item.source_path, item.size_bytes, item.source_mtime_ns))

    def hash(self, item: MediaItem) -> Hashes:
        """Read the whole file."""
        folder = self._folder(item)
        with _unmounted(folder):
            return folder.hash(
                item.source_path, item.size_bytes, item.source_mtime_ns, halt=self._halt
            )

    def taken_at(self, item: MediaItem) -> int | None:
        """When the picture was taken by its own word, in seconds UTC, if it says."""
        folder = self._folder(item)
        return folder.taken_at(item.source_path, item.size_bytes, item.source_mtime_ns)

    def _folder(self, item: MediaItem) -> FolderFiles:
        folder = self._folders.get(item.source_id)
        if folder is None:
            raise SourceMissing(
                f"Item {item.id} belongs to a folder that is no longer in the settings."
            )
        return folder


@contextmanager
def _unmounted(folder: FolderFiles) -> Iterator[None]:
    try:
        yield
    except FileVanished as error:
        if folder.is_bare():
            raise SourceMissing(f"The folder {folder.name} is suddenly empty.") from error
        raise
