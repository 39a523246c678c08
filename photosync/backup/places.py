"""A place where backups lie: what every kind of storage has to do for them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, BinaryIO, Protocol

from photosync.domain.backups import Kept
from photosync.errors import BackupUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from photosync.config import BackupSettings

__all__ = ["Kept", "NameRefused", "Part", "Place", "place_of", "prepare"]

OWN = ".photosync"
MARK = f"{OWN}/backup"
README = f"{OWN}/README.txt"
KEY = f"{OWN}/key.age"
INDEX = f"{OWN}/index"
PARTS = f"{OWN}/part"
BLOCK_BYTES = 1 << 20
LARGEST_SMALL_BYTES = 64 << 20

MARK_TEXT = """\
photosync keeps a second copy of photos here. It knows the place by this file:
without it, it takes the disk for not mounted.
id: {mark}
"""

README_TEXT = """\
This is a second copy of photos and videos, made by photosync. It can be read without it.

Files that do not end in .age are the photos and videos themselves, by source, year and month.

Files that end in .age are sealed (https://age-encryption.org). With the program "age" and your
key, which is not here (unless you seal with a passphrase: then it is .photosync/key.age, and age
asks for the passphrase):

    age -d -i YOUR-KEY.txt -o photo.jpg photo.jpg.age

.photosync/index tells of every file, a line each, with tabs between: where it lies, what it is
called, SHA-256 and size of its content, when it was last changed (seconds since 1970), SHA-256
and size of the file as it lies here, when it was put here, and a number for the keys it is sealed
for. If the files here are sealed, so is
the index. Where names are sealed too, this brings all of it back under the right names:

    for index in .photosync/index/*.age; do age -d -i YOUR-KEY.txt "$index"; done |
    while IFS="$(printf '\\t')" read -r lies called rest; do
        mkdir -p "restored/$(dirname "$called")"
        age -d -i YOUR-KEY.txt -o "restored/$called" "$lies"
    done
"""


class NameRefused(Exception):
    """The disk does not take that name."""


class Part(Protocol):
    """A file on its way to a place."""

    def write(self, block: bytes, /) -> None:
        """Add the next bytes.

        Raises:
            BackupFull, BackupAway, FileTooLarge.
        """

    def give(self, path: str, *, mtime_ns: int | None) -> bool:
        """Finish it and give it its name, with that time; False if the name is taken.

        Raises:
            BackupFull, BackupAway, NameRefused.
        """


class Place(Protocol):
    """One target. Paths are relative, with "/" between their parts; ours begin with ``OWN``."""

    @property
    def name(self) -> str:
        """What it is called for people; without a password."""

    @property
    def is_local(self) -> bool:
        """Whether it lies on a disk of this machine."""

    def check(self) -> None:
        """See to it that it is there.

        Raises:
            BackupAway: It is not, or cannot be reached.
        """

    def exists(self, path: str) -> bool:
        """Whether something has that name."""

    def part(self, path: str, token: str) -> AbstractContextManager[Part]:
        """A new file that is to be called ``path``; what is left in the block is dropped.

        ``token`` tells it from other unfinished files.
        """

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """The bytes as they lie there now, from the beginning.

        Raises:
            BackupLost: There is no such file.
            BackupAway: It cannot be read.
        """

    def vouches(self, path: str, md5: str, size_bytes: int) -> bool:
        """Whether the storage itself tells that it holds these bytes, by its own checksum."""

    def take_back(self, path: str) -> None:
        """Away with a file for good, and with the folders that it leaves empty.

        Raises:
            BackupAway, BackupLost: It cannot be removed; or it leads out of the place.
        """

    def walk(self) -> Iterator[tuple[str, int]]:
        """Path and size of every file but ours."""

    def put(self, path: str, content: bytes) -> None:
        """Write a small file of ours, at once or not at all."""

    def get(self, path: str) -> bytes | None:
        """A small file of ours, None if there is none."""

    def names(self, folder: str) -> list[str]:
        """The files in a folder of ours."""

    def drop_parts(self, owner: str) -> None:
        """Away with unfinished files whose token begins with ``owner``."""


def place_of(backup: BackupSettings, owner: str = "") -> Place:
    """The place that the settings name. Nothing is asked of it yet.

    ``owner`` tells this photosync from others that write there.
    """
    if "://" in backup.to:
        from photosync.backup.remote import RemotePlace

        return RemotePlace(backup.to, backup.address, backup.options)
    from pathlib import Path

    from photosync.backup.local import LocalPlace

    return LocalPlace(Path(backup.to), owner)


def prepare(place: Place, known: str | None) -> tuple[str, bool]:
    """See to it that the place is there, and is the one that is meant.

    ``known``: its mark, if something was put there before. Its mark, and whether it had one.

    Raises:
        BackupAway, BackupFull: It is not there, or another one is, or it cannot be written.
    """
    place.check()
    text = place.get(MARK)
    if text is not None:
        mark = _mark_in(text)
        if known not in (None, mark):
            raise BackupUnusable(
                f"What lies at {place.name} is another backup than the one that was made there.",
                hint="Put its own disk back, or name another folder in backup.to.",
            )
        return mark, True
    if known is not None:
        raise BackupUnusable(
            f"The backup at {place.name} is not there: its file {MARK} is missing.",
        )
    mark = secrets.token_hex(8)
    place.put(README, README_TEXT.encode())
    place.put(MARK, MARK_TEXT.format(mark=mark).encode())
    return mark, False


def _mark_in(text: bytes) -> str:
    for line in text.decode("utf-8", "replace").splitlines():
        if line.startswith("id: "):
            return line.removeprefix("id: ").strip()
    return "unmarked"


def is_safe(path: str) -> bool:
    """Whether ``path`` stays within a place, and out of what is ours."""
    parts = path.split("/")
    return "\0" not in path and not {"", ".", ".."} & set(parts) and parts[0] != OWN


def options_for(scheme: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What fsspec is told besides the address: nothing may wait for ever."""
    found: dict[str, Any] = dict(options)
    if scheme in ("s3", "s3a"):
        limits = {"connect_timeout": 20, "read_timeout": 60, "retries": {"max_attempts": 3}}
        found["use_listings_cache"] = False
        found["config_kwargs"] = {**limits, **found.get("config_kwargs", {})}
    return found
