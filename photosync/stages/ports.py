"""What the stages need from the floors below, as far as they need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from photosync.domain.media import Hashes, MediaItem
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
