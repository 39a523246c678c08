"""mirrored → uploaded: Google holds the bytes and gave a token."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from photosync.domain.backoff import item_wait, tries_so_far
from photosync.domain.states import State
from photosync.errors import (
    BlockedError,
    ChecksumMismatch,
    DatesFull,
    DiskFull,
    ExiftoolMissing,
    ItemTrouble,
    MirrorAway,
    MirrorLost,
    OutsideHours,
    SourceMissing,
)
from photosync.stages.gate import TROUBLE
from photosync.stages.outcome import fail, rest, settling

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.domain.media import MediaItem
    from photosync.stages.dating import Dating
    from photosync.stages.gate import LibraryGate
    from photosync.stages.ports import Bells, Library, Originals
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

MOST_MISMATCHES = 5
"""Bytes that arrive as others time after time: a disk or memory that fails, not an accident."""

AHEAD = 100
"""So many items may wait to be created; more tokens would only grow old."""

FIRST_AHEAD = 50
"""The same until Google has made a photo: what a full account will not have is sent in vain."""

MOST_AHEAD = 1000
"""And so many with those that were put aside on their way."""


class Upload:
    """Sends one item after another. ``name`` tells the workers apart.

    ``resting``: why no uploads run now, by the clock; "" if they do. ``has_room``: whether the
    line carries this one, too.
    """

    def __init__(
        self,
        name: str,
        *,
        items: MediaItems,
        originals: Originals,
        dating: Dating,
        library: Library,
        gate: LibraryGate,
        bells: Bells,
        progress: Callable[[int, int], None],
        source_lost: Callable[[int, SourceMissing], None],
        clock: Callable[[], float],
        resting: Callable[[], str] = lambda: "",
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._has_room = has_room
        self._resting = resting
        self.name = name
        self._items = items
        self._originals = originals
        self._dating = dating
        self._library = library
        self._gate = gate
        self._bells = bells
        self._progress = progress
        self._source_lost = source_lost
        self._clock = clock

    def run_once(self) -> bool:
        """Send the oldest ready item; False if there was none or nothing may be sent."""
        now = int(self._clock())
        if not self._has_room() or self._resting():
            return False
        if not self._gate.is_open_for_bytes(
            lambda since: self._items.untried(since=since, now=now)
        ):
            return False
        if self._is_far_ahead(now):
            return False
        with self._gate.turn() as may_send:
            if not may_send:
                return False  # another worker asks for all of us
            claimed = self._items.claim(State.MIRRORED, worker=self.name, now=now)
            for item in claimed:
                self._one(item)
        if claimed:
            self._bells.ring("create")
        return bool(claimed)

    def _is_far_ahead(self, now: int) -> bool:
        waiting = self._items.uploaded_count()
        most = AHEAD if self._gate.has_created else FIRST_AHEAD
        return waiting >= MOST_AHEAD or (
            waiting >= most and self._items.uploaded_due(now=now) >= most
        )

    def _one(self, item: MediaItem) -> None:
        try:
            with settling(self._items, item, self._clock):
                self._send(item)
        except SourceMissing as error:
            self._source_lost(item.source_id, error)
        except (DiskFull, MirrorAway):
            raise  # nothing is wrong with the library: this worker rests
        except OutsideHours as error:
            log.info("item.rests id=%d reason=%s", item.id, error.message)
        except BlockedError as error:
            self._gate.close(error)

    def _send(self, item: MediaItem) -> None:
        try:
            with self._originals.open(item) as file, self._dating.to_send(item, file) as sent:
                token = self._library.upload(sent, self._progress)
        except (ExiftoolMissing, DatesFull) as error:
            self._dating.put_aside(item, error)
            return
        except (ChecksumMismatch, MirrorLost) as error:
            self._hash_anew(item, error)
            return
        except ItemTrouble as error:
            pause = self._gate.doubt(error, item.id)
            if pause is None:
                raise
            rest(self._items, item, error, pause, now=int(self._clock()))
            return
        except TROUBLE as error:
            rest(self._items, item, error, self._gate.trouble(error), now=int(self._clock()))
            return
        self._items.mark_uploaded(item, token=token, now=int(self._clock()))
        self._gate.passed(created=False)
        log.info("item.uploaded id=%d bytes=%d", item.id, item.size_bytes)

    def _hash_anew(self, item: MediaItem, error: ChecksumMismatch | MirrorLost) -> None:
        """At once the first time: most likely the file was written to; then later and later."""
        now = int(self._clock())
        tries = tries_so_far(item.attempts, item.error_code, error.code)
        if tries >= MOST_MISMATCHES:
            fail(self._items, item, error, now=now)
            return
        log.warning("item.changed id=%d reason=%s", item.id, error.message)
        wait = int(item_wait(tries)) if tries else 0
        self._items.find_again(
            item, code=error.code, message=error.message, now=now, not_before=now + wait
        )
