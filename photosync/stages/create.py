"""uploaded → done: up to 50 tokens become media items in one request.

There is one create worker and one request at a time, because Google refuses writes that meet
(google-photos-api.md §3.4). The batch is filled by waiting while more small uploads are on the
way: one request for 50 photos is what keeps the day's 10,000 requests enough for 9,800 photos.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosync.domain.albums import ALBUM_LIMIT
from photosync.domain.backoff import item_wait, tries_so_far
from photosync.errors import (
    AlbumGone,
    BlockedError,
    DatabaseError,
    DiskFull,
    FileRefused,
    ItemError,
    PhotosyncError,
    RequestRefused,
    RequestsRefused,
    Stopping,
    TokenLost,
    TransientError,
)
from photosync.google.ports import NewItem
from photosync.stages.albums import AlbumKeeper
from photosync.stages.outcome import BUG, fail, put_aside, put_bug_aside, rest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photosync.domain.media import MediaItem
    from photosync.errors import AlbumFull
    from photosync.google.ports import Created
    from photosync.stages.gate import LibraryGate
    from photosync.stages.ports import Bells, Library
    from photosync.store.albums import Albums
    from photosync.store.control import Control
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

BATCH = 50  # google-photos-api.md §3.1
LINGER_SECONDS = 300
FULL_HOUSE = 96
"""Near ``upload.AHEAD`` waiting items no upload comes any more: create what there is."""

FIRST_FULL_HOUSE = 50
"""The same for ``upload.FIRST_AHEAD``."""

TOKEN_SECONDS = 23 * 3600  # Google says one day (google-photos-api.md §3.1)
MOST_TROUBLE = 8
"""A code that "may pass" for so many tries (a good hour) does not pass (§3.2)."""

MOST_SENT_AGAIN = 5
"""Google that refuses token after token will not be won over by sending the bytes once more."""


TOKEN = TokenLost.code

PROOF = 3
"""So many requests for one photo refused, and none taken: it is not the photos.

They come from all over the batch, and the next batch holds others: the first three may be bad.
"""

Refusal = RequestRefused | TokenLost


@dataclass(slots=True)
class _Round:
    """One batch: the parts that are still to be sent, and what came of the others.

    ``refused`` items, each refused alone, are still in hand: whose fault it is shows at the end.
    """

    parts: list[list[MediaItem]]
    was_taken: bool = False
    measured: set[str] = field(default_factory=set)
    refused: list[tuple[MediaItem, Refusal]] = field(default_factory=list)

    def halve(self, batch: list[MediaItem]) -> None:
        """The first half comes next, the other after it."""
        middle = len(batch) // 2
        self.parts += [batch[middle:], batch[:middle]]

    def call_witness(self) -> None:
        """A photo from the other end comes next, after the second refusal one from anywhere."""
        others = [item for part in self.parts for item in part]
        witness = self.parts[0][-1] if len(self.refused) == 1 else random.choice(others)  # noqa: S311
        left = [[item for item in part if item is not witness] for part in self.parts]
        self.parts = [*filter(None, left), [witness]]


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
        control: Control,
        gate: LibraryGate,
        bells: Bells,
        small_bytes: int,
        clock: Callable[[], float],
        more_expected: Callable[[], bool] = lambda: False,
        linger_seconds: int = LINGER_SECONDS,
        album_limit: int = ALBUM_LIMIT,
    ) -> None:
        self._items = items
        self._albums = AlbumKeeper(albums, library, control, limit=album_limit, clock=clock)
        self._library = library
        self._gate = gate
        self._bells = bells
        self._small_bytes = small_bytes
        self._clock = clock
        self._more_expected = more_expected
        self._linger_seconds = linger_seconds
        self._most = BATCH
        self._was_in_trouble = False
        self._refused_in_a_row = 0
        self._made = 0
        self._suspects: dict[int, int] = {}  # item → how many were made when it was refused
        self._lost_again: set[int] = set()  # items whose new token was unknown, too

    def run_once(self) -> bool:
        """Create one batch; False if there is none yet."""
        now = int(self._clock())
        if not self._gate.is_open():
            return False
        self._items.drop_old_tokens(oldest=now - TOKEN_SECONDS, now=now)
        if not self._is_time(now):
            return False
        with self._gate.turn() as may_send:
            has_asked = may_send and self._one_batch(now)
        if has_asked:
            self._bells.ring("upload")  # which may have waited for room
        return has_asked

    def _one_batch(self, now: int) -> bool:
        batch = self._items.claim_batch(worker=self.name, now=now, limit=self._most)
        this = _Round([batch] if batch else [])
        try:
            while this.parts and self._gate.is_open():  # a line may have shut it
                self._create(this.parts.pop(), this)
            if not this.parts:
                self._judge(this)
        except DiskFull:
            raise  # nothing is wrong with the library: this worker rests
        except BlockedError as error:
            self._gate.close(error)
        except TransientError as error:
            log.debug("create.rests reason=%s", error)  # the gate is closed, and tells
        finally:
            for part in this.parts:
                for item in part:
                    self._items.release(item)
            self._give_back(this.refused)
        return bool(batch)

    def _give_back(self, refused: Sequence[tuple[MediaItem, Refusal]]) -> None:
        """Nobody knows whose fault it is: the next to be asked about are others."""
        now = int(self._clock())
        for item, error in refused:
            self._suspects[item.id] = self._made
            code, message = error.code, error.message
            if isinstance(error, TokenLost):
                self._items.send_again(
                    item, not_before=now, code=code, message=message, now=now, tries=0
                )
            else:
                self._items.defer(
                    item,
                    not_before=now,
                    code=code,
                    message=message,
                    now=now,
                    tries=0,
                    was_refused=True,
                )

    def _is_time(self, now: int) -> bool:
        """A full batch, or nobody else on the way, or waited long enough."""
        size, oldest_at = self._items.next_batch(now=now)
        if size == 0 or size >= BATCH or oldest_at is None:
            return size > 0
        if now - oldest_at >= self._linger_seconds:
            return True
        full_house = FULL_HOUSE if self._gate.has_created else FIRST_FULL_HOUSE
        if self._items.uploaded_due(now=now) >= full_house:
            return True
        if self._more_expected():
            return False
        return self._items.on_the_way(largest_bytes=self._small_bytes, now=now, limit=1) == 0

    def _create(self, batch: list[MediaItem], this: _Round) -> None:
        """Send ``batch``; when Google refuses the whole without naming one, halve it."""
        try:
            try:
                results = self._send(batch)
            except RequestRefused:
                if not self._has_filled(batch, this):
                    raise
                this.parts.append(batch)
                return
        except (RequestRefused, TokenLost) as error:
            self._refused(batch, error, this)
        except AlbumGone as error:
            self._album_gone(batch[0].album, batch, error)
        except Exception as error:
            self._unanswered(batch, error)
            if isinstance(error, (TransientError, BlockedError, DatabaseError, Stopping)):
                raise
        else:
            self._was_in_trouble = False
            self._most = min(self._most * 2, BATCH)
            self._settle_all(batch, results, this)
            made = sum(one.google_id is not None for one in results)
            self._albums.took(batch[0].album, made)

    def _settle_all(
        self, batch: Sequence[MediaItem], results: Sequence[Created], this: _Round
    ) -> None:
        """Each line has an answer of its own, unless all have the same: that is Google's trouble.

        Raises:
            RequestsRefused: Google knows none of the tokens that it has just given.
        """
        made = sum(one.google_id is not None for one in results)
        log.info("batch.created items=%d", made)
        later = [one.error for one in results if isinstance(one.error, TransientError)]
        lost = [one.error for one in results if isinstance(one.error, TokenLost)]
        if len(batch) > 1 and len(later) == len(batch):
            pause = self._gate.trouble(later[0])
            now = int(self._clock())
            for item, error in zip(batch, later, strict=True):
                rest(self._items, item, error, pause, now=now, alone=False)
            return
        if len(lost) == len(batch) and all(one.error_code == TOKEN for one in batch):
            self._lost_again.update(one.id for one in batch)
            if len(self._lost_again) >= PROOF:
                this.refused += zip(batch, lost, strict=True)
                raise _not_the_photos(lost[0])
        if made:
            self._lost_again.clear()
        this.was_taken = True
        self._refused_in_a_row = 0
        self._made += made
        self._gate.passed(created=made > 0)
        for item, created in zip(batch, results, strict=True):
            self._settle(item, created, others_made=made > 0)

    def _unanswered(self, batch: Sequence[MediaItem], error: Exception) -> None:
        """No line got an answer of its own: each item shares the request's fate."""
        now = int(self._clock())
        if not isinstance(error, PhotosyncError):
            log.error("create.bug items=%d", len(batch), exc_info=error)
        pause = self._gate.trouble(error) if isinstance(error, TransientError) else None
        if pause is not None:  # if one photo is too much for Google, a smaller batch will tell
            self._most = max(1, len(batch) // 2) if self._was_in_trouble else self._most
            self._was_in_trouble = True
        for item in batch:
            if isinstance(error, Stopping):
                self._items.release(item, maybe_created=True)  # it may have been under way
            elif isinstance(error, (BlockedError, DatabaseError)):
                self._items.release(item)
            elif isinstance(error, TransientError) and pause is not None:
                rest(self._items, item, error, pause, now=now, alone=len(batch) == 1)
            elif isinstance(error, PhotosyncError):
                fail(self._items, item, error, now=now)
            else:
                put_bug_aside(self._items, item, error, now=now)

    def _send(self, batch: Sequence[MediaItem], *, with_album: bool = True) -> list[Created]:
        album_id = self._albums.id_of(batch[0].album, len(batch)) if with_album else None
        lines = [NewItem(item.upload_token or "", item.file_name) for item in batch]
        return self._library.create(lines, album_id=album_id)

    def _has_filled(self, batch: Sequence[MediaItem], this: _Round) -> bool:
        """Whether the batch was refused because its album has no room; asked once for each."""
        title = batch[0].album
        if title in this.measured or self._albums.goes_without(title):
            return False
        this.measured.add(title)
        return self._albums.has_filled(title, len(batch))

    def _refused(self, batch: list[MediaItem], error: Refusal, this: _Round) -> None:
        if len(batch) > 1:
            log.info("create.halved items=%d reason=%s", len(batch), error.message)
            this.halve(batch)
            return
        item = batch[0]
        if self._suspects.get(item.id, self._made) < self._made:
            self._blame(item, error)  # others were made since it was refused before
            return
        this.refused.append((item, error))
        if this.was_taken:
            return
        if len(this.refused) < PROOF:
            if this.parts:
                this.call_witness()
        elif not self._is_the_albums_fault(this):
            self._refused_in_a_row += len(this.refused)
            raise _not_the_photos(error)

    def _judge(self, this: _Round) -> None:
        """The batch is through: refused are the photos, unless Google took no other either.

        Raises:
            RequestsRefused: It has not for a while.
        """
        if not this.was_taken and this.refused and not self._is_the_albums_fault(this):
            self._refused_in_a_row += len(this.refused)
            if self._refused_in_a_row >= PROOF or self._gate.is_known(RequestsRefused.code):
                raise _not_the_photos(this.refused[0][1])
        while this.refused:
            self._blame(*this.refused.pop())

    def _is_the_albums_fault(self, this: _Round) -> bool:
        """Whether the last one refused is taken without its album; then all others go back."""
        item, error = this.refused[-1]
        if self._albums.goes_without(item.album):
            return False
        this.refused.pop()
        try:
            results = self._send([item], with_album=False)
        except (RequestRefused, TokenLost) as again:
            this.refused.append((item, again))
            return False
        except Exception as trouble:
            self._unanswered([item], trouble)
            raise
        self._settle_all([item], results, this)
        others = [one for one, _ in this.refused] + [one for part in this.parts for one in part]
        this.refused.clear()
        this.parts.clear()
        self._album_gone(item.album, others, self._albums.fault_of(item.album, error))
        return True

    def _blame(self, item: MediaItem, error: Refusal) -> None:
        """It is this one's own fault, or its token's."""
        self._suspects.pop(item.id, None)
        now = int(self._clock())
        if isinstance(error, TokenLost):
            self._again(item, error, now)
        else:
            fail(self._items, item, error, now=now)

    def _album_gone(
        self, title: str, batch: Sequence[MediaItem], error: AlbumGone | AlbumFull
    ) -> None:
        """The next try is with a new album, or with none."""
        self._albums.lost(title, error)
        now = int(self._clock())
        for item in batch:
            tries = _tries(item, error)
            wait = item_wait(tries) if tries else 0
            self._items.defer(
                item, not_before=now + int(wait), code=error.code, message=error.message, now=now
            )

    def _settle(self, item: MediaItem, created: Created, *, others_made: bool) -> None:
        now = int(self._clock())
        error = created.error
        if created.google_id is not None:
            self._suspects.pop(item.id, None)
            self._items.mark_done(item, google_id=created.google_id, now=now)
            log.debug("item.done id=%d", item.id)
        elif isinstance(error, BlockedError):
            self._items.release(item, maybe_created=False)
            self._gate.close(error)
        elif isinstance(error, TokenLost) or (
            isinstance(error, FileRefused)
            and _may_be_the_token(item, error, created, others_made=others_made)
        ):
            self._again(item, error, now)
        elif isinstance(error, TransientError) and _tries(item, error) < MOST_TROUBLE:
            put_aside(self._items, item, error, now=now)
        elif isinstance(error, (ItemError, TransientError)):
            fail(self._items, item, error, now=now)
        else:
            log.error("create.bug id=%d error=%r", item.id, error)
            message = "Google answered something that photosync does not understand."
            not_before = now + int(item_wait(tries_so_far(item.attempts, item.error_code, BUG) + 1))
            self._items.defer(item, not_before=not_before, code=BUG, message=message, now=now)

    def _again(self, item: MediaItem, error: PhotosyncError, now: int) -> None:
        """Send the bytes again: at once the first time, then later and later, then no more."""
        tries = _tries(item, error)
        if tries >= MOST_SENT_AGAIN:
            fail(self._items, item, error, now=now)
            return
        log.warning("item.sent_again id=%d reason=%s", item.id, error.message)
        wait = int(item_wait(tries)) if tries else 0
        self._items.send_again(
            item, not_before=now + wait, code=error.code, message=error.message, now=now
        )


def _may_be_the_token(
    item: MediaItem, error: FileRefused, created: Created, *, others_made: bool
) -> bool:
    """Whether the bytes are sent once more before the file is called bad.

    A token that is used up (the answer to its create was lost, or a power cut took the record of
    it) or another account's is refused like a bad file is. One that is fresh, while Google takes
    others beside it, leaves only the bytes.
    """
    if item.maybe_created:
        return True
    is_proven = created.token_is_good and others_made
    return not is_proven and item.error_code != error.code


def _tries(item: MediaItem, error: PhotosyncError) -> int:
    return tries_so_far(item.attempts, item.error_code, error.code)


def _not_the_photos(error: Refusal) -> RequestsRefused:
    return RequestsRefused(f"Google refuses every photo we send it: {error.message}")
