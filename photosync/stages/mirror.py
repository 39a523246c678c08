"""found → mirrored for watched folders: a file there is its own mirror, hashed where it lies.

Whether the same bytes are known already is decided in the transaction that notes the hash, so
that two equal files never race for being the first.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from photosync.domain.albums import album_title
from photosync.domain.dating import shown_at
from photosync.domain.media import SourceKind, readable
from photosync.domain.media_types import UNKNOWN_MIME, limit_bytes
from photosync.domain.states import State
from photosync.errors import (
    EmptyFile,
    FileTooLarge,
    FileUnreadable,
    ItemError,
    NotMedia,
    SourceMissing,
)
from photosync.stages.outcome import settling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from photosync.domain.media import MediaItem, Source
    from photosync.stages.ports import Bells, Originals
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

TELL_SECONDS = 0.2
"""Workers that are woken for each file take the database and the interpreter from this one."""


class Mirror:
    """Takes found items one by one. ``fixes_dates``: what says no date is sent with one."""

    name = "mirror"

    def __init__(
        self,
        *,
        items: MediaItems,
        originals: Originals,
        sources: Mapping[int, Source],
        bells: Bells,
        source_lost: Callable[[int, SourceMissing], None],
        clock: Callable[[], float],
        fixes_dates: bool = False,
    ) -> None:
        self._fixes_dates = fixes_dates
        self._items = items
        self._originals = originals
        self._sources = sources
        self._bells = bells
        self._source_lost = source_lost
        self._clock = clock
        self._untold = False
        self._told_at = 0.0

    def run_once(self) -> bool:
        """Hash the oldest ready item; False if there was none."""
        claimed = self._items.claim(
            State.FOUND, worker=self.name, now=int(self._clock()), kind=SourceKind.FOLDER
        )
        for item in claimed:
            try:
                with settling(self._items, item, self._clock):
                    self._hash(item)
            except SourceMissing as error:
                self._source_lost(item.source_id, error)
        self._tell(has_hashed=bool(claimed))
        return bool(claimed)

    def _tell(self, *, has_hashed: bool) -> None:
        """Wake who comes next: at once, but not for each of thousands that follow one another."""
        self._untold = self._untold or has_hashed
        now = self._clock()
        if self._untold and (not has_hashed or not 0 <= now - self._told_at < TELL_SECONDS):
            self._untold, self._told_at = False, now
            self._bells.ring("upload", "create", "backup")

    def _hash(self, item: MediaItem) -> None:
        mime = self._looked_at_again(item) if _was_refused(item) else None
        hashes = self._originals.hash(item)
        source = self._sources[item.source_id]
        taken_at = self._originals.taken_at(item)
        title = album_title(
            source.album,
            source_label=source.label,
            source_path=item.source_path,
            at=shown_at(
                taken_at,
                item.source_path,
                item.source_mtime_ns,
                now=self._clock(),
                fixes_dates=self._fixes_dates,
            ),
        )
        state = self._items.mark_hashed(
            item,
            hashes,
            album=title,
            taken_at=taken_at,
            mirror_path=None,
            mime_type=mime,
            now=int(self._clock()),
        )
        log.debug("item.%s id=%d bytes=%d", state, item.id, item.size_bytes)

    def _looked_at_again(self, item: MediaItem) -> str:
        """The MIME type of a file that was no use at first and is to be tried again.

        Raises:
            ItemError: It is none still.
        """
        finding = self._originals.examine(item)
        if finding is None:
            raise NotMedia(f"{readable(item.source_path)} is neither a photo nor a video.")
        if finding.refusal is not None:
            code, message = finding.refusal
            raise REFUSALS[code](message)
        return finding.mime_type


REFUSALS: Mapping[str, type[ItemError]] = {
    one.code: one for one in (EmptyFile, FileTooLarge, FileUnreadable, NotMedia)
}


def _was_refused(item: MediaItem) -> bool:
    """Whether it failed at first sight: nothing but the user's retry brings it here."""
    return (
        item.mime_type == UNKNOWN_MIME
        or item.size_bytes == 0
        or item.size_bytes > limit_bytes(item.mime_type)
    )
