"""uploaded → done: up to 50 tokens become media items in one request.

There is one create worker and one request at a time, because Google refuses writes that meet
(google-photos-api.md §3.4). The batch is filled by waiting while more small uploads are on the
way: one request for 50 photos is what keeps the day's 10,000 requests enough for 9,800 photos.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from photosync.domain.backoff import item_wait
from photosync.errors import (
    AlbumGone,
    BlockedError,
    FileRefused,
    ItemError,
    PhotosyncError,
    RequestRefused,
    Stopping,
    TokenLost,
    TransientError,
)
from photosync.google.ports import NewItem
from photosync.stages.outcome import BUG, fail, put_aside, put_bug_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photosync.domain.media import MediaItem
    from photosync.google.ports import Created
    from photosync.stages.gate import LibraryGate
    from photosync.stages.ports import Library
    from photosync.store.albums import Albums
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

BATCH = 50  # google-photos-api.md §3.1
LINGER_SECONDS = 300
FULL_HOUSE = 96
"""Near ``upload.AHEAD`` waiting items no upload comes any more: create what there is."""

TOKEN_SECONDS = 23 * 3600  # Google says one day (google-photos-api.md §3.1)
MOST_TROUBLE = 8
"""A code that "may pass" for so many tries (a good hour) does not pass (§3.2)."""

MOST_SENT_AGAIN = 5
"""Google that refuses token after token will not be won over by sending the bytes once more."""


class Create:
    """Turns tokens into media items.

    ``more_expected`` tells of photos that nobody has found yet but that are about to be.
    """

    name = "create"

    def __init__(
        self,
        *,
        items: MediaItems,
        albums: Albums,
        library: Library,
        gate: LibraryGate,
        small_bytes: int,
        clock: Callable[[], float],
        more_expected: Callable[[], bool] = lambda: False,
        linger_seconds: int = LINGER_SECONDS,
    ) -> None:
        self._items = items
        self._albums = albums
        self._library = library
        self._gate = gate
        self._small_bytes = small_bytes
        self._clock = clock
        self._more_expected = more_expected
        self._linger_seconds = linger_seconds

    def run_once(self) -> bool:
        """Create one batch; False if there is none yet.

        Raises:
            TransientError: Google wants a rest; the batch is put aside already.
        """
        now = int(self._clock())
        if not self._gate.is_open():
            return False
        self._items.drop_old_tokens(oldest=now - TOKEN_SECONDS, now=now)
        if not self._is_time(now):
            return False
        batch = self._items.claim_batch(worker=self.name, now=now, limit=BATCH)
        try:
            self._create(batch)
        except BlockedError as error:
            self._gate.close(error)
        return bool(batch)

    def _is_time(self, now: int) -> bool:
        """A full batch, or nobody else on the way, or waited long enough."""
        size, oldest_at = self._items.next_batch(now=now)
        if size == 0 or size >= BATCH or oldest_at is None:
            return size > 0
        if now - oldest_at >= self._linger_seconds or self._items.uploaded_count() >= FULL_HOUSE:
            return True
        if self._more_expected():
            return False
        return self._items.on_the_way(largest_bytes=self._small_bytes, now=now, limit=1) == 0

    def _create(self, batch: Sequence[MediaItem]) -> None:
        """Send ``batch``; when Google refuses the whole without naming one, halve it."""
        if not batch:
            return
        try:
            results = self._send(batch)
        except (RequestRefused, TokenLost) as error:
            self._refused(batch, error)
        except AlbumGone as error:
            self._album_gone(batch, error)
        except Exception as error:
            self._unanswered(batch, error)
            if isinstance(error, (TransientError, BlockedError, Stopping)):
                raise
        else:
            self._gate.passed()
            log.info("batch.created items=%d", sum(one.google_id is not None for one in results))
            for item, created in zip(batch, results, strict=True):
                self._settle(item, created)

    def _unanswered(self, batch: Sequence[MediaItem], error: Exception) -> None:
        """No line got an answer of its own: each item shares the request's fate."""
        now = int(self._clock())
        if not isinstance(error, PhotosyncError):
            log.error("create.bug items=%d", len(batch), exc_info=error)
        for item in batch:
            if isinstance(error, Stopping):
                self._items.release(item, maybe_created=True)  # it may have been under way
            elif isinstance(error, BlockedError):
                self._items.release(item)
            elif isinstance(error, TransientError):
                put_aside(self._items, item, error, now=now)
            elif isinstance(error, PhotosyncError):
                fail(self._items, item, error, now=now)
            else:
                put_bug_aside(self._items, item, error, now=now)

    def _send(self, batch: Sequence[MediaItem]) -> list[Created]:
        album_id = self._album_id(batch[0].album)
        lines = [NewItem(item.upload_token or "", item.file_name) for item in batch]
        return self._library.create(lines, album_id=album_id)

    def _album_id(self, title: str) -> str | None:
        """The id of the album of that title, made if need be, exactly once."""
        if not title:
            return None
        began, google_id = self._albums.find(title)
        if google_id is None and began:
            google_id = self._library.find_album(title)  # the answer to creating it was lost
        if google_id is None:
            self._albums.begin(title, now=int(self._clock()))
            google_id = self._library.create_album(title)
            log.info("album.created title=%r", title)
        self._albums.remember(title, google_id, now=int(self._clock()))
        return google_id

    def _refused(self, batch: Sequence[MediaItem], error: RequestRefused | TokenLost) -> None:
        if len(batch) > 1:
            middle = len(batch) // 2
            log.info("create.halved items=%d reason=%s", len(batch), error.message)
            waiting = list(batch[middle:])
            try:
                self._create(batch[:middle])
            except (PhotosyncError, Stopping):
                for item in waiting:
                    self._items.release(item)
                raise
            self._create(waiting)
            return
        now = int(self._clock())
        if isinstance(error, TokenLost):
            self._again(batch[0], error, now)
        else:
            fail(self._items, batch[0], error, now=now)

    def _album_gone(self, batch: Sequence[MediaItem], error: AlbumGone) -> None:
        """The user deleted the album: forget its id, and the next try makes a new one."""
        title = batch[0].album
        log.warning("album.gone title=%r reason=%s", title, error.message)
        self._albums.forget(title)
        now = int(self._clock())
        for item in batch:
            wait = item_wait(item.attempts) if item.attempts else 0
            self._items.defer(
                item, not_before=now + int(wait), code=error.code, message=error.message, now=now
            )

    def _settle(self, item: MediaItem, created: Created) -> None:
        now = int(self._clock())
        error = created.error
        if created.google_id is not None:
            self._items.mark_done(item, google_id=created.google_id, now=now)
            log.debug("item.done id=%d", item.id)
        elif isinstance(error, BlockedError):
            self._items.release(item, maybe_created=False)
            self._gate.close(error)
        elif isinstance(error, TokenLost) or (
            isinstance(error, FileRefused) and item.maybe_created
        ):
            # a token used up by a create whose answer was lost is refused like a bad file is
            self._again(item, error, now)
        elif isinstance(error, TransientError) and item.attempts < MOST_TROUBLE:
            put_aside(self._items, item, error, now=now)
        elif isinstance(error, (ItemError, TransientError)):
            fail(self._items, item, error, now=now)
        else:
            log.error("create.bug id=%d error=%r", item.id, error)
            message = "Google answered something that photosync does not understand."
            not_before = now + int(item_wait(item.attempts + 1))
            self._items.defer(item, not_before=not_before, code=BUG, message=message, now=now)

    def _again(self, item: MediaItem, error: PhotosyncError, now: int) -> None:
        """Send the bytes again: at once the first time, then later and later, then no more."""
        if item.attempts >= MOST_SENT_AGAIN:
            fail(self._items, item, error, now=now)
            return
        log.warning("item.sent_again id=%d reason=%s", item.id, error.message)
        wait = int(item_wait(item.attempts)) if item.attempts else 0
        self._items.send_again(
            item, not_before=now + wait, code=error.code, message=error.message, now=now
        )
