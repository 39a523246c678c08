"""The index in a target: what lies where, and what it is called, for whoever lost the rest.

Files of lines with tabs between the fields, each written once. Sealed if the photos are.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any

from photosync.backup.keys import opened_bytes, sealed_bytes
from photosync.backup.places import INDEX, is_safe
from photosync.backup.sealing import SUFFIX
from photosync.domain.backups import Record
from photosync.domain.media import HEX_DIGITS, NANOSECONDS, is_sha256, readable
from photosync.errors import BackupLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from photosync.backup.keys import Keys
    from photosync.backup.places import Place

log = logging.getLogger(__name__)

MOST_BYTES = 2**62
JUST_NOW_SECONDS = 10


def write_index(place: Place, keys: Keys, records: Sequence[Record], *, now: int) -> None:
    """One more file of the index.

    Raises:
        BackupFull, BackupAway.
    """
    content = "".join(map(_line, records)).encode()
    suffix = ".tsv"
    if keys.seals:
        content, suffix = sealed_bytes(content, keys.recipients), f".tsv{SUFFIX}"
    place.put(f"{INDEX}/{time_for_index(place, now)}-{secrets.token_hex(4)}{suffix}", content)


def time_for_index(place: Place, now: int) -> int:
    """A second later than that of an index that was made just now: the newest one is to be told.

    Raises:
        BackupAway.
    """
    made = [name.partition("-")[0] for name in place.names(INDEX)]
    latest = max((int(one) for one in made if one.isdecimal()), default=0)
    return latest + 1 if now <= latest <= now + JUST_NOW_SECONDS else now


def read_index(place: Place, identities: Callable[[], Sequence[Any]]) -> Iterator[list[Record]]:
    """What each file of the index tells, the newest first; a damaged one is told of in the log.

    What was brought there again lies elsewhere than an older one tells.

    ``identities`` is asked once, if one is sealed; what it raises is raised.

    Raises:
        KeyWrong: Another key is needed.
        BackupAway: The place cannot be read.
    """
    known: Sequence[Any] | None = None
    for name in reversed(place.names(INDEX)):
        if name.endswith(SUFFIX) and known is None:
            known = identities()
        told = read_one(place, name, known or ())
        if told is not None:
            yield told


def read_one(place: Place, name: str, identities: Sequence[Any]) -> list[Record] | None:
    """What that file of the index tells; None if it is damaged. Errors as in ``read_index``."""
    content = place.get(f"{INDEX}/{name}") or b""
    if name.endswith(SUFFIX):
        try:
            content = opened_bytes(content, identities)
        except BackupLost as error:
            log.warning("backup.index_damaged name=%s reason=%s", readable(name), error.message)
            return None
    return [one for one in map(_read, content.splitlines()) if one is not None]


def is_old(name: str, *, keys_since: int) -> bool:
    """Whether that file of the index is plain, or was sealed before then, for other keys."""
    made_at = name.partition("-")[0]
    is_older = made_at.isdecimal() and int(made_at) < keys_since
    return not name.endswith(SUFFIX) or is_older


def _line(one: Record) -> str:
    lies = one.path
    fields = (
        lies,
        one.name,
        one.sha256,
        one.size_bytes,
        f"{one.mtime_ns // NANOSECONDS}.{one.mtime_ns % NANOSECONDS:09d}",
        one.stored_sha256,
        one.stored_bytes,
        one.made_at,
        one.sealed_for,
    )
    return "\t".join(map(str, fields)) + "\n"


def _read(line: bytes) -> Record | None:
    """A line; None if it is none, or leads elsewhere: it may have been tampered with."""
    try:
        fields = line.decode().split("\t")
        lies, name, sha256, size, mtime, stored, stored_bytes, made_at, *more = fields
        (sealed_for,) = more or ("",)
        seconds, _, fraction = mtime.partition(".")
        record = Record(
            sha256=sha256,
            path=lies,
            name=name,
            size_bytes=int(size),
            stored_bytes=int(stored_bytes),
            stored_sha256=stored,
            is_sealed=lies.endswith(SUFFIX) and not name.endswith(SUFFIX),
            mtime_ns=int(seconds) * NANOSECONDS + int(fraction),
            made_at=int(made_at),
            sealed_for=sealed_for,
        )
    except ValueError:
        return None
    return record if _is_good(record) else None


def _is_good(one: Record) -> bool:
    hashes = all(is_sha256(text) for text in (one.sha256, one.stored_sha256))
    sizes = all(
        0 <= number < MOST_BYTES for number in (one.size_bytes, one.stored_bytes, one.made_at)
    )
    hashes = hashes and not set(one.sealed_for) - HEX_DIGITS
    if not one.is_sealed:  # it lies there as it is; else another's file were taken for it
        is_itself = (one.stored_sha256, one.stored_bytes) == (one.sha256, one.size_bytes)
        hashes = hashes and is_itself
    return hashes and sizes and is_safe(one.path) and is_safe(one.name) and one.made_at > 0
