"""One watched folder: what lies in it, and the bytes of each file."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from photosync.domain.media import Entry, Finding, Hashes, readable
from photosync.domain.media_types import (
    HEAD_BYTES,
    UNKNOWN_MIME,
    Claim,
    claim,
    limit_bytes,
    mime_type,
)
from photosync.domain.reasons import Reason
from photosync.domain.selection import Selection
from photosync.errors import (
    EmptyFile,
    FileInUse,
    FileReplaced,
    FileTooLarge,
    FileUnreadable,
    ItemError,
    ItemGone,
    NotMedia,
    Stopping,
)
from photosync.files.dates import taken_at
from photosync.files.entries import Listing, is_bare
from photosync.files.opening import (
    OpenFile,
    check_version,
    folder_beneath,
    open_beneath,
    root_missing,
)
from photosync.files.settling import LOOK_AGAIN_SECONDS, Settling, Writer, writer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Entry", "Folder"]

BLOCK_BYTES = 1 << 20
EVERYTHING = Selection()


class Halt(Protocol):
    """The stop event."""

    def is_set(self) -> bool:
        """Whether the program is ending."""


class Folder:
    """The files below ``root``. Nothing outside of it is ever opened."""

    def __init__(
        self,
        root: Path,
        *,
        selection: Selection = EVERYTHING,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self._selection = selection
        self._listing = Listing(root, selection)
        self._settling = Settling(clock=clock, monotonic=monotonic)

    @property
    def name(self) -> str:
        """The folder for people: its absolute path, without control characters."""
        return readable(str(self.root))

    @property
    def unreadable(self) -> dict[str, str]:
        """Folders in it that could not be listed, and why."""
        return dict(self._listing.unreadable)

    def check(self) -> None:
        """Look whether the folder is there.

        Raises:
            SourceMissing: It is not, or may not be read.
        """
        with folder_beneath(self.root, "") as descriptor:
            try:
                os.stat(".", dir_fd=descriptor)  # reading its list is not enough
            except OSError as error:
                raise root_missing(self.root, error) from error

    def is_bare(self) -> bool:
        """Whether there is no file or folder at all in it, or not even the folder itself."""
        return is_bare(self.root)

    def entries(self, under: str = "") -> Iterator[Entry]:
        """Every file that may be media, in the folder or file ``under`` it.

        Raises:
            SourceMissing: The folder is away.
        """
        return self._listing.entries(under)

    def settled_in(self, entry: Entry, *, closed: bool = False) -> float:
        """Seconds until it is worth asking again; 0.0 if nobody is writing to it.

        Raises:
            SourceMissing: The folder is away.
        """
        try:
            descriptor = open_beneath(self.root, entry.path)
        except FileUnreadable:
            return 0.0  # examining it says why
        except (ItemGone, FileInUse):
            return LOOK_AGAIN_SECONDS
        try:
            return self._settling.settled_in(entry, descriptor, closed=closed)
        finally:
            os.close(descriptor)

    def examine(self, entry: Entry) -> Finding | None:
        """What the file is by its content; None if it is no media and does not claim to be.

        Raises:
            FileVanished, FileReplaced, FileInUse, SourceMissing.
        """
        try:
            with self.open(entry.path, entry.size_bytes, entry.mtime_ns) as file:
                head = file.read(HEAD_BYTES)
        except FileUnreadable as error:
            return _finding(entry, UNKNOWN_MIME, error)
        mime = mime_type(entry.path.rpartition("/")[2], head)
        if self._why_not_of_content(entry, mime) is not None:
            return None
        return _finding(entry, mime or UNKNOWN_MIME, _refusal(entry, mime, head))

    @contextmanager
    def open(self, path: str, size_bytes: int, mtime_ns: int) -> Iterator[BinaryIO]:
        """That very version of a file, open for reading.

        It is looked at again when the block ends well: what was read may be of two versions.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing.
        """
        descriptor = open_beneath(self.root, path)
        with OpenFile(descriptor, root=self.root, path=path) as file:
            check_version(descriptor, path, size_bytes=size_bytes, mtime_ns=mtime_ns)
            yield file
            check_version(descriptor, path, size_bytes=size_bytes, mtime_ns=mtime_ns)

    def hash(self, path: str, size_bytes: int, mtime_ns: int, *, halt: Halt) -> Hashes:
        """Read that very version of a file to its end; SHA-256 and SHA-1 in one pass.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing, Stopping.
        """
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
        hashed_bytes = 0
        with self.open(path, size_bytes, mtime_ns) as file:
            while block := file.read(BLOCK_BYTES):
                sha256.update(block)
                sha1.update(block)
                hashed_bytes += len(block)
                if halt.is_set():
                    raise Stopping
        if hashed_bytes != size_bytes:
            raise FileReplaced(f"{readable(path)} gave {hashed_bytes:,} bytes, not {size_bytes:,}.")
        return Hashes(size_bytes, sha256.hexdigest(), sha1.hexdigest())

    def taken_at(self, path: str, size_bytes: int, mtime_ns: int) -> int | None:
        """When the picture was taken by its own word, in seconds UTC, if it says."""
        with self.open(path, size_bytes, mtime_ns) as file:
            return taken_at(file, readable(path))

    def why_left_out(self, path: str) -> Reason | None:
        """Why the file is not looked at, or None if it is: what a look that finds it decides by.

        Raises:
            SourceMissing: The folder is away.
            ValueError: The path would lead out of the folder.
        """
        return self._listing.why_not(path) or self._why_not_examined(path)

    def why_not_entered(self, path: str) -> Reason | None:
        """Why nothing in a folder is looked at; "" is the whole of it.

        Raises:
            SourceMissing: The folder is away.
            ValueError: The path would lead out of it.
        """
        return self._listing.why_not_entered(path)

    def _why_not_examined(self, path: str) -> Reason | None:
        try:
            descriptor = open_beneath(self.root, path)
            with OpenFile(descriptor, root=self.root, path=path) as file:
                head = file.read(HEAD_BYTES)
                entry = _entry(path, os.fstat(descriptor))
        except FileUnreadable:
            return None  # it is an item, and its error says why
        except (ItemGone, FileInUse) as error:
            return Reason(error.code, error.message)
        return self._why_not_of_content(entry, mime_type(path.rpartition("/")[2], head))

    def _why_not_of_content(self, entry: Entry, mime: str | None) -> Reason | None:
        """Why the file is no item once its beginning was read; ``mime`` None: it is no media."""
        if mime is None and claim(entry.path.rpartition("/")[2]) is not Claim.MEDIA:
            message = "It is neither a photo nor a video by its content."
            return Reason("no_media", message, "what it is by its content")
        return self._selection.why_not(entry.path, entry.mtime_ns, entry.size_bytes, mime or "")

    def why_unsettled(self, path: str) -> str | None:
        """One sentence why the file is not taken at this moment, or None if nobody writes to it.

        Raises:
            FileVanished, FileUnreadable, FileInUse, SourceMissing.
        """
        descriptor = open_beneath(self.root, path)
        try:
            entry = _entry(path, os.fstat(descriptor))
            wait = self._settling.settled_in(entry, descriptor, closed=False)
            if wait <= 0:
                return None
            if writer_of(descriptor) is Writer.OPEN:
                return "A program still has it open for writing."
            return f"It changed a moment ago; it is taken after {wait:.0f} more seconds of quiet."
        finally:
            os.close(descriptor)


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _refusal(entry: Entry, mime: str | None, head: bytes) -> ItemError | None:
    """What is wrong with the file, as far as its size and beginning tell."""
    name = readable(entry.path)
    if entry.size_bytes == 0:
        return EmptyFile(f"{name} is empty.")
    if mime is None:
        if not any(head):
            return NotMedia(f"{name} holds nothing but zeros: it was never written completely.")
        return NotMedia(f"{name} is neither a photo nor a video by its content.")
    limit = limit_bytes(mime)
    if entry.size_bytes > limit:
        kind = "videos up to 20 GB" if mime.startswith("video/") else "photos up to 200 MB"
        return FileTooLarge(
            f"{name} has {entry.size_bytes:,} bytes, but Google Photos takes {kind}."
        )
    return None


def _finding(entry: Entry, mime: str, refusal: ItemError | None) -> Finding:
    return Finding(
        path=entry.path,
        size_bytes=entry.size_bytes,
        mtime_ns=entry.mtime_ns,
        mime_type=mime,
        refusal=None if refusal is None else (refusal.code, refusal.message),
    )
