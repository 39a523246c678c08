"""An item as the gallery shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.web import words
from photosync.web.pictures import key_of

if TYPE_CHECKING:
    from photosync.domain.media import MediaItem


@dataclass(frozen=True, slots=True)
class Tile:
    """An item as the gallery shows it."""

    id: int
    name: str
    state: str
    is_video: bool
    thumbnail: str
    day: str
    at: int

    @classmethod
    def of(cls, item: MediaItem) -> Tile:
        """That of an item."""
        at = shown_at(item)
        return cls(
            item.id,
            item.file_name,
            item.state,
            item.mime_type.startswith("video/"),
            f"/thumbnails/{item.id}?v={key_of(item)[:12]}",
            words.day_of(at),
            at,
        )


def shown_at(item: MediaItem) -> int:
    """Where in the gallery an item stands, in seconds UTC: as the database has it."""
    if item.taken_at is not None:
        return item.taken_at
    ns = item.source_mtime_ns
    stored = (ns + 2**63) % 2**64 - 2**63
    return int(stored / 10**9) if stored < 0 else stored // 10**9
