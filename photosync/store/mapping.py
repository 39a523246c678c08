"""Rows to values and paths to bytes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from photosync.domain.media import MediaItem, Source, SourceKind
from photosync.domain.states import State

if TYPE_CHECKING:
    import sqlite3

_SURROGATES = re.compile("[\ud800-\udfff]")


def storable(value: Any) -> Any:
    """``value``, with U+FFFD for every half character: SQLite's TEXT is UTF-8, which has none.

    Such text comes from file names that are not UTF-8, from command lines and from JSON.
    """
    return _SURROGATES.sub("\ufffd", value) if isinstance(value, str) else value


_EARLIEST_NS = -(2**31) * 1_000_000_000
"""What no file system with 64-bit nanoseconds goes below: 1901 (ext4 reaches 2446, XFS 2486)."""


def to_int64(mtime_ns: int) -> int:
    """A file's time as SQLite can hold it: times after 2262 stand below 1901."""
    return (mtime_ns + 2**63) % 2**64 - 2**63


def from_int64(stored_ns: int) -> int:
    """The file's time of ``to_int64``."""
    return stored_ns if stored_ns >= _EARLIEST_NS else stored_ns + 2**64


def to_item(row: sqlite3.Row) -> MediaItem:
    """A row of media_items."""
    mirror_path = row["mirror_path"]
    return MediaItem(
        id=row["id"],
        source_id=row["source_id"],
        source_path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        source_mtime_ns=from_int64(row["source_mtime_ns"]),
        mime_type=row["mime_type"],
        state=State(row["state"]),
        mirror_path=None if mirror_path is None else os.fsdecode(mirror_path),
        sha256=row["sha256"],
        sha1=row["sha1"],
        taken_at=row["taken_at"],
        album=row["album"],
        upload_token=row["upload_token"],
        token_at=row["token_at"],
        maybe_created=bool(row["maybe_created"]),
        google_id=row["google_id"],
        duplicate_of=row["duplicate_of"],
        attempts=row["attempts"],
        not_before=row["not_before"],
        leased_by=row["leased_by"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        found_at=row["found_at"],
        updated_at=row["updated_at"],
    )


def to_source(row: sqlite3.Row) -> Source:
    """A row of sources."""
    return Source(
        id=row["id"],
        kind=SourceKind(row["kind"]),
        address=os.fsdecode(row["address"]),
        label=row["label"],
        album=row["album"],
        connected=bool(row["connected"]),
    )
