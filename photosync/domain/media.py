"""What an item is: values that travel between the store and the stages."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from photosync.domain.states import State

KIB = 1024
NANOSECONDS = 1_000_000_000
SHA256_DIGITS = 64
HEX_DIGITS = frozenset("0123456789abcdef")
COARSEST_NS = 2 * NANOSECONDS
"""FAT keeps times to two seconds."""


class SourceKind(StrEnum):
    """Where items come from."""

    FOLDER = "folder"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Source:
    """A watched folder or a phone.

    ``address`` is an absolute folder or a phone's serial number; ``album`` the template of
    the album that its items go to ("" for none).
    """

    id: int
    kind: SourceKind
    address: str
    label: str
    album: str
    connected: bool


class Entry(NamedTuple):
    """A file as its source lists it, before anybody has looked into it: one of 100,000.

    ``path`` is relative to the source, with "/" between its parts; bytes that are not UTF-8
    stand as surrogate escapes. ``ctime_ns`` is 0 where the source does not tell it.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int = 0


@dataclass(frozen=True, slots=True)
class Lying:
    """A regular file as its place tells of it."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A file as a source lists it, before it is an item.

    ``path`` is relative to the source, with "/" between its parts; bytes that are not UTF-8
    stand as surrogate escapes. ``refusal`` is set if it is known already that it cannot be
    uploaded: (error code, message). ``awaits_parts``: another file of its shot may stand for it.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    mime_type: str
    refusal: tuple[str, str] | None = None
    awaits_parts: bool = False


@dataclass(frozen=True, slots=True)
class Hashes:
    """What reading the whole file told: lower-case hex digests of ``size_bytes`` bytes."""

    size_bytes: int
    sha256: str
    sha1: str


@dataclass(frozen=True, slots=True)
class MediaItem:
    """One version of one file on one source, and what has become of it.

    Times are seconds UTC except ``source_mtime_ns``. ``mirror_path`` is None for a watched
    folder's file, which is its own mirror.
    """

    id: int
    source_id: int
    source_path: str
    size_bytes: int
    source_mtime_ns: int
    mime_type: str
    state: State
    mirror_path: str | None
    sha256: str | None
    sha1: str | None
    taken_at: int | None
    album: str
    upload_token: str | None
    token_at: int | None
    maybe_created: bool
    google_id: str | None
    duplicate_of: int | None
    attempts: int
    not_before: int
    leased_by: str | None
    error_code: str | None
    error_message: str | None
    found_at: int
    updated_at: int

    @property
    def file_name(self) -> str:
        """The last part of the path, as text Google accepts: at most 255 characters."""
        return text_name(self.source_path.rpartition("/")[2])


def text_name(name: str) -> str:
    """``name`` as valid text of at most 255 characters that keeps its extension.

    Bytes that are not UTF-8 and control characters become U+FFFD and spaces
    (batchCreate takes a fileName of at most 255 characters, google-photos-api.md §3.1).
    """
    text = readable(name)
    if len(text) <= MAX_NAME_CHARACTERS:
        return text
    stem, dot, extension = text.rpartition(".")
    if not dot or len(extension) > LONGEST_EXTENSION:
        return text[:MAX_NAME_CHARACTERS]
    return stem[: MAX_NAME_CHARACTERS - len(extension) - 1] + dot + extension


def is_sha256(text: str) -> bool:
    """Whether ``text`` is a SHA-256 as it stands on record: 64 digits, in small letters."""
    return len(text) == SHA256_DIGITS and not set(text) - HEX_DIGITS


def readable(path: str) -> str:
    """``path`` for people and JSON: no surrogates, no control characters."""
    whole = NO_BYTE.sub("\ufffd", path)
    text = whole.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)


def in_units(size_bytes: float) -> str:
    """A size for people: ``3.1 MiB``."""
    amount, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < KIB:
            break
        amount, unit = amount / KIB, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def path_base64(path: str) -> str | None:
    """The exact bytes of a path that ``readable`` had to change, else None."""
    if readable(path) == path:
        return None
    return base64.b64encode(path.encode("utf-8", "surrogateescape")).decode("ascii")


NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters, as JSON may bring them, that stand for no byte of a path."""

MAX_NAME_CHARACTERS = 255
LONGEST_EXTENSION = 16
