"""Whether a photo may go from a phone: only what is proven to be in two other places."""

from __future__ import annotations

from dataclasses import dataclass

from photosync.domain.media import Lying
from photosync.domain.states import State

SETTLED = (State.DONE, State.DUPLICATE)

PLACES = ("mirror", "backup", "mirror and backup")
"""What ``kept_in`` may say."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the database says of an item. Times are seconds UTC.

    ``stands``: the state of the item that stands for the bytes: itself, or the one that it is a
    duplicate of. ``google_id`` and ``is_missing`` are that item's. ``settled_at``: when the later
    of the two came to where it is.
    """

    state: State
    stands: State
    google_id: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    taken_at: int | None
    settled_at: int
    is_missing: bool
    is_leased: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about one file on a phone; None: not known, which proves nothing.

    ``in_library``: by the library's own word. ``mirror_sha256``, ``backup_sha256``: of what was
    read back from there to its end. ``wants_backup``: the settings name a second copy.
    """

    record: Record
    on_phone: Lying | None
    in_library: bool | None
    mirror_sha256: str | None
    backup_sha256: str | None
    wants_backup: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """A file that went from a phone, as it was. ``address``: of the phone; ``at``: seconds UTC."""

    address: str
    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    google_id: str
    kept_in: str
    at: int


def by_record(record: Record, *, now: int, older_than_seconds: int) -> str:
    """What the record alone has against it, in words that follow "is kept:"; "" for nothing."""
    if record.state not in SETTLED:
        return f"it is not in the library: it is {record.state}"
    if record.stands is not State.DONE or not record.google_id:
        return f"the item with the same bytes is not in the library: it is {record.stands}"
    if record.is_leased:
        return "it is being worked on right now"
    if record.is_missing:
        return "the library did not hold it when it was last asked (photosync verify)"
    if now - newest_at(record) < older_than_seconds or now < newest_at(record):
        return "it is not old enough"
    return ""


def newest_at(record: Record) -> int:
    """The latest of what could be called its age: taken, changed, brought to the library."""
    seconds = -(-record.mtime_ns // 1_000_000_000)
    return max(record.taken_at or seconds, seconds, record.settled_at)


def by_phone(record: Record, on_phone: Lying | None) -> str:
    """What the phone has against it."""
    if on_phone is None:
        return "it is not on the phone any more"
    if on_phone != Lying(record.size_bytes, record.mtime_ns):
        return "it has changed on the phone since it was uploaded"
    return ""


def by_library(*, in_library: bool | None) -> str:
    """What the library has against it."""
    if in_library is None:
        return "the library would not say whether it holds it"
    return "" if in_library else "the library does not hold it any more"


def by_copies(facts: Facts) -> str:
    """What the copies have against it."""
    sha256 = facts.record.sha256
    if facts.wants_backup and facts.backup_sha256 != sha256:
        return "the backup does not hold it, or not as it was"
    if sha256 not in (facts.mirror_sha256, facts.backup_sha256):
        return "no copy on this computer could be read back as it was"
    return ""


def why_kept(facts: Facts, *, now: int, older_than_seconds: int) -> str:
    """The first reason why the file has to stay on the phone; "" if it may go."""
    return (
        by_record(facts.record, now=now, older_than_seconds=older_than_seconds)
        or by_phone(facts.record, facts.on_phone)
        or by_library(in_library=facts.in_library)
        or by_copies(facts)
    )


def kept_in(facts: Facts) -> str:
    """Which copies were read back as they were: one of ``PLACES``."""
    read = (("mirror", facts.mirror_sha256), ("backup", facts.backup_sha256))
    return " and ".join(name for name, sha256 in read if sha256 == facts.record.sha256)
