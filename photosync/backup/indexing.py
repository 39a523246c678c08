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
from photosync.domain.media import NANOSECONDS, readable
from photosync.errors import BackupLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from photosync.backup.keys import Keys
    from photosync.backup.places import Place

log = logging.getLogger(__name__)

FIELDS = 8
SHA256_DIGITS = 64
MOST_BYTES = 2**62


def write_index(place: Place, keys: Keys, records: Sequence[Record], *, now: int) -> None:
    """One more file of the index.

    Raises:
        BackupFull, BackupAway.
    """
    content = "".join(map(_line, records)).encode()
    suffix = ".tsv"
    if keys.seals:
        content, suffix = sealed_bytes(content, keys.recipients), f".tsv{SUFFIX}"
    place.put(f"{INDEX}/{now}-{secrets.token_hex(4)}{suffix}", content)


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
        content = place.get(f"{INDEX}/{name}") or b""
        if name.endswith(SUFFIX):
            if known is None:
                known = identities()
            try:
                content = opened_bytes(content, known)
            except BackupLost as error:
                log.warning("backup.index_damaged name=%s reason=%s", readable(name), error.message)
                continue
        yield [one for one in map(_read, content.splitlines()) if one is not None]


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
    )
    return "\t".join(map(str, fields)) + "\n"


def _read(line: bytes) -> Record | None:
    """A line; None if it is none, or leads elsewhere: it may have been tampered with."""
    try:
        lies, name, sha256, size, mtime, stored, stored_bytes, made_at = line.decode().split("\t")
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
        )
    except ValueError:
        return None
    return record if _is_good(record) else None


def _is_good(one: Record) -> bool:
    hashes = all(_is_sha256(text) for text in (one.sha256, one.stored_sha256))
    sizes = all(
        0 <= number < MOST_BYTES for number in (one.size_bytes, one.stored_bytes, one.made_at)
    )
    return hashes and sizes and is_safe(one.path) and is_safe(one.name) and one.made_at > 0


def _is_sha256(text: str) -> bool:
    return len(text) == SHA256_DIGITS and not set(text) - set("0123456789abcdef")
