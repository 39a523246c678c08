"""Rows to values and paths to bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from photosync.domain.media import MediaItem, Source, SourceKind
from photosync.domain.states import State

if TYPE_CHECKING:
    import sqlite3


def to_item(row: sqlite3.Row) -> MediaItem:
    """A row of media_items."""
    mirror_path = row["mirror_path"]
    return MediaItem(
        id=row["id"],
        source_id=row["source_id"],
        source_path=os.fsdecode(row["source_path"]),
        size_bytes=row["size_bytes"],
        source_mtime_ns=row["source_mtime_ns"],
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
