"""What the stages need from the floors below, as far as they need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from photosync.domain.media import Finding, Hashes, MediaItem
    from photosync.files.folder import Entry
    from photosync.google.ports import Created, NewItem, UploadFile


class Library(Protocol):
    """The user's Google Photos."""

    def upload(self, file: UploadFile, progress: Callable[[int, int], None]) -> str:
        """Send the bytes; the upload token."""

    def create(self, items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        """Make media items of up to 50 tokens; what became of each, in the same order."""

    def create_album(self, title: str) -> str:
        """Make an album; its id."""

    def find_album(self, title: str) -> str | None:
        """The id of an album that photosync made, or None."""


class Originals(Protocol):
    """The verified local files that are hashed and sent."""

    def open(self, item: MediaItem) -> AbstractContextManager[BinaryIO]:
        """The item's very version of the file, open for reading.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing.
        """

    def hash(self, item: MediaItem) -> Hashes:
        """Read the whole file.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing, Stopping.
        """

    def taken_at(self, item: MediaItem) -> int | None:
        """When the picture was taken by its own word, in seconds UTC, if it says."""


class Bells(Protocol):
    """Wakes the workers that come next."""

    def ring(self, *names: str) -> None:
        """Wake the named workers."""


class Flag(Protocol):
    """The stop event, as far as a stage needs it."""

    def is_set(self) -> bool:
        """Whether the program is ending."""


class FolderFiles(Protocol):
    """One watched folder on disk."""

    @property
    def name(self) -> str:
        """The folder for people: its absolute path, without control characters."""

    @property
    def unreadable(self) -> dict[str, str]:
        """Folders in it that could not be listed at the last look, and why."""

    def check(self) -> None:
        """Look whether the folder is there.

        Raises:
            SourceMissing: It is not, or may not be read.
        """

    def is_bare(self) -> bool:
        """Whether there is no file or folder at all in it, or not even the folder itself."""

    def entries(self, under: str = "") -> Iterator[Entry]:
        """Every file that may be media, in the folder or file ``under`` it."""

    def settled_in(self, entry: Entry, *, closed: bool = False) -> float:
        """Seconds until it is worth asking again; 0.0 if nobody is writing to it."""

    def examine(self, entry: Entry) -> Finding | None:
        """What the file is by its content; None if it is no media and does not claim to be.

        Raises:
            FileVanished, FileReplaced, FileInUse, SourceMissing.
        """

    def open(self, path: str, size_bytes: int, mtime_ns: int) -> AbstractContextManager[BinaryIO]:
        """That very version of a file, open for reading."""

    def hash(self, path: str, size_bytes: int, mtime_ns: int, *, halt: Flag) -> Hashes:
        """Read that very version of a file to its end."""

    def taken_at(self, path: str, size_bytes: int, mtime_ns: int) -> int | None:
        """When the picture was taken by its own word, in seconds UTC, if it says."""
