"""found → mirrored for watched folders: a file there is its own mirror, hashed where it lies.

Whether the same bytes are known already is decided in the transaction that notes the hash, so
that two equal files never race for being the first. Small files go on record many at a time, for
a transaction costs as much as hashing one; after a death they are hashed anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.albums import album_of
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
from photosync.stages.outcome import record, settling
from photosync.store.media import Hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from photosync.domain.media import MediaItem, Source
    from photosync.stages.ports import Bells, Originals
    from photosync.store.media import MediaItems

AT_ONCE = 32
ENOUGH_BYTES = 16 << 20
"""What is taken at once is in no other worker's reach: no more than is hashed within a moment."""

TELL_SECONDS = 0.2
"""What is hashed goes on record no later than that, and who comes next is told no more often:
workers that are woken for each file take the database and the interpreter from this one."""


@dataclass(slots=True)
class Told:
    """When who comes next was woken last, by whichever of those that work side by side."""

    at: float = 0.0


class Mirror:
    """Takes found items, a few at a time; several work side by side, for reading is waiting.

    ``fixes_dates``: what says no date is sent with one. ``told`` is all of theirs.
    """

    def __init__(
        self,
        name: str,
        *,
        items: MediaItems,
        originals: Originals,
        sources: Mapping[int, Source],
        bells: Bells,
        source_lost: Callable[[int, SourceMissing], None],
        clock: Callable[[], float],
        fixes_dates: bool = False,
        told: Told | None = None,
    ) -> None:
        self.name = name
        self._fixes_dates = fixes_dates
        self._items = items
        self._originals = originals
        self._sources = sources
        self._bells = bells
        self._source_lost = source_lost
        self._clock = clock
        self._untold = False
        self._told = told or Told()

    def run_once(self) -> bool:
        """Hash the oldest ready items; False if there was none."""
        claimed = self._items.claim(
            State.FOUND,
            worker=self.name,
            now=int(self._clock()),
            limit=AT_ONCE,
            enough_bytes=ENOUGH_BYTES,
            kind=SourceKind.FOLDER,
        )
        if claimed:
            self._all(claimed)
        self._tell(has_hashed=bool(claimed))
        return bool(claimed)

    def _all(self, claimed: Sequence[MediaItem]) -> None:
        """Hash one after another; those that it did not come to are let go."""
        waiting = deque(claimed)
        hashed: list[Hashed] = []
        began = self._clock()
        try:
            while waiting:
                item = waiting.popleft()
                if item.size_bytes >= ENOUGH_BYTES or not 0 <= self._clock() - began < TELL_SECONDS:
                    self._record(hashed)
                    began = self._clock()
                self._one(item, hashed, waiting)
        finally:
            self._record(hashed)
            if waiting:
                self._items.release_of(self.name)

    def _one(self, item: MediaItem, hashed: list[Hashed], waiting: deque[MediaItem]) -> None:
        try:
            with settling(self._items, item, self._clock):
                hashed.append(self._hashed(item))
        except SourceMissing as error:
            self._source_lost(item.source_id, error)
            for other in [one for one in waiting if one.source_id == item.source_id]:
                waiting.remove(other)
                self._items.release(other)

    def _record(self, hashed: list[Hashed]) -> None:
        if hashed:
            record(self._items, hashed, self._clock)
            hashed.clear()
            self._tell(has_hashed=True)

    def _tell(self, *, has_hashed: bool) -> None:
        """Wake who comes next: at once, but not for each of thousands that follow one another."""
        self._untold = self._untold or has_hashed
        now = self._clock()
        if self._untold and (not has_hashed or not 0 <= now - self._told.at < TELL_SECONDS):
            self._untold, self._told.at = False, now
            self._bells.ring("upload", "create", "backup")

    def _hashed(self, item: MediaItem) -> Hashed:
        mime = self._looked_at_again(item) if _was_refused(item) else None
        hashes = self._originals.hash(item)
        source = self._sources[item.source_id]
        taken_at = self._originals.taken_at(item)
        title = album_of(
            source,
            item.source_path,
            item.source_mtime_ns,
            taken_at=taken_at,
            now=self._clock(),
            fixes_dates=self._fixes_dates,
        )
        return Hashed(item, hashes, title, taken_at, mime_type=mime)

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
