"""What the stages need from the floors below, as far as they need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from photosync.backup.keys import Keys
    from photosync.backup.places import Place
    from photosync.domain.backups import Kept, Record
    from photosync.domain.media import Entry, Finding, Hashes, Lying, MediaItem
    from photosync.domain.restoring import Landed
    from photosync.errors import ItemError, ItemGone
    from photosync.google.ports import Created, NewItem, UploadFile
    from photosync.store.backups import Target

    Content = Callable[[], Iterator[bytes]]
    """Reads a file from its beginning, block by block, each time it is called."""


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

    def albums(self) -> dict[str, tuple[str, int]]:
        """All that photosync made: title → (id, number of photos)."""

    def album_size(self, album_id: str) -> int | None:
        """How many photos are in it; None if it is gone."""


class OpenOriginals(Protocol):
    """The verified local files, as far as reading them goes."""

    def open(self, item: MediaItem) -> AbstractContextManager[BinaryIO]:
        """The item's very version of the file, open for reading.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing.
        """


class Originals(OpenOriginals, Protocol):
    """The verified local files that are hashed and sent."""

    def examine(self, item: MediaItem) -> Finding | None:
        """What the file is by its content; None if it is no media and does not claim to be.

        Raises:
            FileVanished, FileReplaced, FileInUse, SourceMissing.
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


class SourceFiles(Protocol):
    """The files of one source, as far as finding them goes."""

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


class FolderFiles(SourceFiles, Protocol):
    """One watched folder on disk: its files are hashed and sent where they lie."""

    def open(self, path: str, size_bytes: int, mtime_ns: int) -> AbstractContextManager[BinaryIO]:
        """That very version of a file, open for reading."""

    def hash(self, path: str, size_bytes: int, mtime_ns: int, *, halt: Flag) -> Hashes:
        """Read that very version of a file to its end."""

    def taken_at(self, path: str, size_bytes: int, mtime_ns: int) -> int | None:
        """When the picture was taken by its own word, in seconds UTC, if it says."""


class MirrorFiles(Protocol):
    """The copies of phones' files on the local disk, as far as reading them goes."""

    def open(self, path: str, size_bytes: int) -> AbstractContextManager[BinaryIO]:
        """A copy, open for reading.

        Raises:
            MirrorLost, MirrorAway, FileUnreadable, FileInUse.
        """


class Copy(Protocol):
    """A copy that is being made, hashed while it is written."""

    head: bytes
    size_bytes: int

    def write(self, block: memoryview, /) -> None:
        """Add the next bytes.

        Raises:
            MirrorFull, MirrorAway, Stopping.
        """

    def go_on(self, largest_bytes: int) -> int:
        """Take over what an earlier try left; how many bytes."""

    def start_over(self) -> None:
        """Forget what was written."""

    def hashes(self) -> Hashes:
        """Of all that was written."""

    def taken_at(self, name: str) -> int | None:
        """When the picture was taken by its own word, in seconds UTC."""

    def sync(self, mtime_ns: int) -> None:
        """See to it that the disk has it, with that time."""


class MirrorPlace(MirrorFiles, Protocol):
    """The mirror, as far as making copies goes."""

    def need(self, sizes: Mapping[int, int]) -> None:
        """See to it that there is room for items of these sizes, beside what others were given.

        Raises:
            MirrorFull, MirrorAway.
        """

    def room(self, sizes: Mapping[int, int]) -> AbstractContextManager[None]:
        """The same, and the room is theirs for the block.

        Raises:
            MirrorFull, MirrorAway.
        """

    def part(
        self, number: int, *, halt: Flag, progress: Callable[[int], None], path: str
    ) -> AbstractContextManager[Copy]:
        """The unfinished copy of item ``number``; ``progress`` is told how much is here.

        ``path``: where it is to lie, for messages.
        """

    def parts(self) -> list[int]:
        """The items of which there are unfinished copies."""

    def drop(self, number: int) -> None:
        """Away with an unfinished copy."""

    def drop_abandoned(self, *, before: float) -> None:
        """Away with what other photosyncs left half copied and have not touched since."""

    def place(self, number: int, path: str, hashes: Hashes) -> str:
        """Give the finished copy its name; the one it got. A power cut may still take it back."""

    def sync_names(self, paths: Collection[str]) -> None:
        """See to it that the disk has the names of copies."""

    def remove(self, path: str, size_bytes: int, mtime_ns: int) -> bool:
        """Take a copy away; False if it was not there, or is another file by now."""


class PhoneLink(Protocol):
    """A phone that is plugged in, as far as pulling goes."""

    def pull(self, entry: Entry, target: Copy, *, have_bytes: int = 0) -> None:
        """Copy that very version of a file, from ``have_bytes`` on.

        Raises:
            FileVanished, FileReplaced, FileUnreadable, FileTooLarge, PhoneGone, PhoneGarbled.
        """

    def pull_all(self, files: Sequence[tuple[Entry, Copy]]) -> list[ItemError | ItemGone | None]:
        """Copy many small files; what went wrong with each."""

    def sha256(self, path: str) -> str | None:
        """What the phone itself reads; None if it cannot hash."""

    def tops(self) -> list[str]:
        """The storages that it shows.

        Raises:
            PhoneNotReady: Not even its own: it is locked since it started.
        """


class BackupTarget(Protocol):
    """Where backups go."""

    target: Target
    """What is on record of it."""

    place: Place
    """Its files."""

    def ready(self) -> Keys:
        """See to it that it is there, and is ours; what to seal with.

        Raises:
            BackupAway, BackupFull, KeyMissing, KeyWrong, SettingsError.
        """


class OldPlaces(Protocol):
    """Places where second copies lay before, as far as they can still be read."""

    def open(self, target: Target, record: Record) -> AbstractContextManager[BinaryIO]:
        """The plain content from its beginning; whoever needs certainty hashes it.

        Raises:
            BackupAway, BackupLost, KeyMissing, KeyWrong.
        """


class ReadableTarget(BackupTarget, Protocol):
    """A target whose files are read as well."""

    def adopt(self) -> None:
        """Take over what the place's own index tells of, as far as nothing is on record of it.

        Raises:
            BackupAway: It cannot be read.
            KeyMissing, KeyWrong: Its index cannot be opened.
        """

    def opening_keys(self) -> list[Any]:
        """All secret keys that are here.

        Raises:
            KeyMissing, KeyWrong: There is none, or one cannot be read.
        """


class SecondCopy(Protocol):
    """The backup, as far as reading it goes."""

    @property
    def is_local(self) -> bool:
        """Whether it lies on a disk of this machine (or one that is mounted here)."""

    def find(self, sha256: str) -> Kept | None:
        """What is on record of that content in the target that the settings name, or None."""

    def open(self, kept: Kept) -> AbstractContextManager[BinaryIO]:
        """The plain content from its beginning, opened if it is sealed; streamed, not seekable.

        Reading raises as this does; whoever needs certainty hashes what was read to its end.

        Raises:
            BackupLost: It is gone from there, or was changed or damaged.
            BackupAway: The target cannot be reached.
            KeyMissing, KeyWrong: It is sealed, and cannot be opened.
        """


class RestoreTarget(Protocol):
    """A phone or a folder that items are put back to."""

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        """What lies at each path; None for what is no regular file."""

    def put(
        self, path: str, content: Content, *, size_bytes: int, mtime_ns: int, sha256: str
    ) -> Landed:
        """Put a file there that nobody else can see before it is whole; nothing is overwritten.

        ``content`` is not called if those very bytes lie there.

        Raises:
            FileExists: Something else lies there.
            FileUnreadable, FileTooLarge: It cannot be put there; others can.
            PhoneFull, PhoneGone, TargetAway, DiskFull: Nothing can.
        """


class PhoneSpace(Protocol):
    """A phone that is plugged in, as far as removing from it goes."""

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        """What lies at each path; None for what is no regular file."""

    def remove(self, path: str, *, size_bytes: int, mtime_ns: int, sha256: str) -> None:
        """Remove a file if it is these very bytes, read now by the phone itself.

        Raises:
            FileVanished: It is not there.
            FileReplaced, FileUnreadable: It is something else, or that cannot be told; it stays.
            PhoneGone, PhoneStalled, PhoneGarbled: It is unknown whether it is there.
        """

    def is_gone(self, path: str) -> bool:
        """Whether its folder is there, and it is not in it.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled, PhoneNotReady.
        """


class Asked(Protocol):
    """The library, as far as asking after items goes."""

    def holds(self, ids: Sequence[str]) -> list[bool | None]:
        """Whether it (still) holds each of up to 50 items; None if it will not say."""
