"""found → mirrored for phones: copied into the mirror, hashed on the way, compared, on the disk.

Small files are pulled many at a time, for each would cost a round trip through the cable; a large
one goes on where a cable was pulled, and is then compared with the phone's own hash. Several
workers do so side by side.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from photosync.domain.albums import album_of
from photosync.domain.media import Entry, SourceKind, readable
from photosync.domain.media_types import mime_type
from photosync.domain.naming import local_path
from photosync.domain.states import State
from photosync.errors import (
    CopyStalled,
    FileReplaced,
    ItemError,
    ItemGone,
    MirrorFull,
    NotMedia,
    PhoneGarbled,
    PhoneGone,
    PhoneStalled,
)
from photosync.stages.outcome import put_aside, record, settling
from photosync.store.media import Hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from photosync.domain.media import MediaItem, Source
    from photosync.errors import SourceMissing
    from photosync.stages.ports import Bells, Copy, Flag, MirrorPlace, PhoneLink
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

AT_ONCE = 16
SYNCED_AT_ONCE = 4
"""A disk that is asked to keep several files at once keeps them in one go."""

MOST_ROUNDS = 20
"""So often it looks further for what fits onto the disk."""

ABANDONED_SECONDS = 30 * 86400
"""So long nobody has gone on with a copy that another photosync began."""

SMALL_BYTES = 8 << 20
RESUMED_BYTES = 32 << 20
"""From here on a copy that was cut off is kept and goes on; below it is as quickly begun anew."""


class Pull:
    """Copies what lies on phones. ``name`` tells the workers apart.

    ``phones``: the phone of a source, or PhoneGone.

    ``fixes_dates``: what says no date is sent with one.
    """

    def __init__(
        self,
        name: str,
        *,
        items: MediaItems,
        mirror: MirrorPlace,
        phones: Callable[[int], tuple[Source, PhoneLink]],
        bells: Bells,
        progress: Callable[[int, int], None],
        source_lost: Callable[[int, SourceMissing], None],
        halt: Flag,
        clock: Callable[[], float],
        fixes_dates: bool = False,
    ) -> None:
        self.name = name
        self._fixes_dates = fixes_dates
        self._progress = progress
        self._swept = False
        self._items = items
        self._mirror = mirror
        self._phones = phones
        self._bells = bells
        self._source_lost = source_lost
        self._halt = halt
        self._clock = clock

    def run_once(self) -> bool:
        """Copy the oldest ready items of one phone; False if there was none.

        Raises:
            MirrorFull, MirrorAway: Nothing can be copied; everything is let go untouched.
        """
        self._sweep()
        unfit: list[tuple[MediaItem, MirrorFull]] = []
        claimed: list[MediaItem] = []
        try:
            for _ in range(MOST_ROUNDS):
                before = len(unfit)
                claimed = self._claim()
                self._all(claimed, unfit)
                if not claimed or len(unfit) - before < len(claimed):
                    break  # there are no more, or some did fit
        finally:
            for item, _ in unfit:
                self._items.release(item)
        if unfit and len(unfit) - before == len(claimed):
            raise unfit[0][1]
        return bool(claimed or unfit)

    def _claim(self) -> list[MediaItem]:
        return self._items.claim(
            State.FOUND,
            worker=self.name,
            now=int(self._clock()),
            limit=AT_ONCE,
            kind=SourceKind.PHONE,
        )

    def _all(self, claimed: Sequence[MediaItem], unfit: list[tuple[MediaItem, MirrorFull]]) -> None:
        """Copy them phone by phone; ``unfit`` gets those that are too large for the disk now."""
        groups = _by_source(claimed)
        try:
            while groups:
                self._of_one(groups.pop(), unfit)
        finally:
            for item in chain.from_iterable(groups):
                self._items.release(item)

    def _sweep(self) -> None:
        """At start: away with unfinished copies of what is not copied any more."""
        if self._swept:
            return
        parts = self._mirror.parts()
        for number in set(parts) - self._items.among(parts, State.FOUND):
            self._mirror.drop(number)
        self._mirror.drop_abandoned(before=self._clock() - ABANDONED_SECONDS)
        self._swept = True

    def _of_one(self, group: list[MediaItem], unfit: list[tuple[MediaItem, MirrorFull]]) -> None:
        """Items of one phone; those that it did not come to are let go."""
        waiting = list(group)
        source_id = group[0].source_id
        try:
            source, phone = self._phones(source_id)
            small = self._fitting([one for one in group if _goes_with_others(one)], waiting, unfit)
            if small:
                with self._room(small):
                    self._many(source, phone, small, waiting)
            for item in group:
                if item not in waiting:
                    continue
                waiting.remove(item)
                with ExitStack() as stack:
                    try:
                        stack.enter_context(self._room([item]))
                    except MirrorFull as error:
                        unfit.append((item, error))  # it makes way for others that do fit
                    else:
                        self._large(source, phone, item)
        except PhoneGone as error:
            self._source_lost(source_id, error)
        finally:
            for item in waiting:
                self._items.release(item)

    def _fitting(
        self,
        items: Sequence[MediaItem],
        waiting: list[MediaItem],
        unfit: list[tuple[MediaItem, MirrorFull]],
    ) -> list[MediaItem]:
        """Those that fit onto the disk together; the others make way."""
        with suppress(MirrorFull):  # they nearly always do, and asking for each takes longer
            self._need(items)
            return list(items)
        fitting: list[MediaItem] = []
        for item in items:
            try:
                self._need([*fitting, item])
            except MirrorFull as error:
                waiting.remove(item)
                unfit.append((item, error))
            else:
                fitting.append(item)
        return fitting

    def _need(self, items: Sequence[MediaItem]) -> None:
        self._mirror.need({one.id: one.size_bytes for one in items})

    def _room(self, items: Sequence[MediaItem]) -> AbstractContextManager[None]:
        return self._mirror.room({one.id: one.size_bytes for one in items})

    def _many(
        self, source: Source, phone: PhoneLink, small: list[MediaItem], waiting: list[MediaItem]
    ) -> None:
        with ExitStack() as stack:
            copies = [stack.enter_context(self._part(source, item)) for item in small]
            for copy in copies:
                copy.start_over()
            entries = map(_entry, small)
            try:
                wrong = phone.pull_all(list(zip(entries, copies, strict=True)))
            except (PhoneStalled, PhoneGarbled) as stall:
                self._first_to_wait(list(zip(small, copies, strict=True)), waiting, stall.message)
                raise
            if any(isinstance(error, ItemGone) for error in wrong):
                phone.tops()  # a phone that is locked by now shows nothing: it is all still there
            whole = []
            for item, copy, error in zip(small, copies, wrong, strict=True):
                if error is None:
                    whole.append((item, copy))
                    continue
                waiting.remove(item)
                with self._settled(item):
                    raise error
            self._finish_all(source, whole, waiting)
        self._bells.ring("upload", "create", "backup")

    def _finish_all(
        self, source: Source, whole: Sequence[tuple[MediaItem, Copy]], waiting: list[MediaItem]
    ) -> None:
        """See them onto the disk side by side, and then on record together.

        Each has its bytes and its name on the disk before any is on record.
        """
        hashed: list[Hashed] = []
        try:
            with ThreadPoolExecutor(SYNCED_AT_ONCE, "sync") as pool:
                synced = [pool.submit(copy.sync, item.source_mtime_ns) for item, copy in whole]
                for (item, copy), on_disk in zip(whole, synced, strict=True):
                    waiting.remove(item)
                    with self._settled(item):
                        on_disk.result()
                        hashed.append(self._named(source, item, copy))
        finally:
            waiting.extend(one.item for one in hashed)  # until they are on record
            self._record(hashed)
            for one in hashed:
                waiting.remove(one.item)

    def _record(self, hashed: Sequence[Hashed]) -> None:
        """Names first: a row that tells of a copy is never there without it."""
        self._mirror.sync_names([one.mirror_path for one in hashed if one.mirror_path])
        record(self._items, hashed, self._clock)

    def _large(self, source: Source, phone: PhoneLink, item: MediaItem) -> None:
        stalled: PhoneStalled | None = None
        with self._settled(item), self._part(source, item) as copy:
            try:
                self._copy(phone, item, copy)
            except ItemGone:
                phone.tops()  # as above
                raise
            except PhoneStalled as error:
                stalled = error
                raise CopyStalled(error.message) from error  # it waits, and others go first
            copy.sync(item.source_mtime_ns)
            self._record([self._named(source, item, copy)])
        if stalled is not None:
            raise stalled
        self._bells.ring("upload", "create", "backup")

    def _first_to_wait(
        self, under_way: Sequence[tuple[MediaItem, Copy]], waiting: list[MediaItem], why: str
    ) -> None:
        """The phone failed at the first that is not whole: it must not hold up the others."""
        for item, copy in under_way:
            if copy.size_bytes < item.size_bytes:
                waiting.remove(item)
                put_aside(self._items, item, CopyStalled(why), now=int(self._clock()))
                return

    def _copy(self, phone: PhoneLink, item: MediaItem, copy: Copy) -> None:
        entry = _entry(item)
        if item.size_bytes >= RESUMED_BYTES:
            have_bytes = copy.go_on(item.size_bytes)
            if have_bytes:
                log.info("item.resumed id=%d have_bytes=%d", item.id, have_bytes)
                phone.pull(entry, copy, have_bytes=have_bytes)
                if phone.sha256(item.source_path) == copy.hashes().sha256:
                    return
                log.warning("item.begun_anew id=%d", item.id)  # a power cut may leave holes
        copy.start_over()
        phone.pull(entry, copy)

    def _named(self, source: Source, item: MediaItem, copy: Copy) -> Hashed:
        """The bytes are on the disk: judge them, and give them their name."""
        name = item.file_name
        mime = mime_type(name, copy.head)
        if mime is None:
            raise NotMedia(
                f"{readable(item.source_path)} is neither a photo nor a video by its content."
            )
        if copy.size_bytes != item.size_bytes:
            raise FileReplaced(f"{readable(item.source_path)} came with another size.")
        at = copy.taken_at(name)
        hashes = copy.hashes()
        path = self._mirror.place(item.id, local_path(source.label, item.source_path), hashes)
        album = album_of(
            source,
            item.source_path,
            item.source_mtime_ns,
            taken_at=at,
            now=self._clock(),
            fixes_dates=self._fixes_dates,
        )
        return Hashed(item, hashes, album, at, mirror_path=path, mime_type=mime)

    @contextmanager
    def _settled(self, item: MediaItem) -> Iterator[None]:
        """Turn what goes wrong into the item's fate; nothing is left of a copy in vain."""
        with settling(self._items, item, self._clock):
            try:
                yield
            except (ItemError, ItemGone):
                self._mirror.drop(item.id)
                raise

    def _part(self, source: Source, item: MediaItem) -> AbstractContextManager[Copy]:
        return self._mirror.part(
            item.id,
            halt=self._halt,
            progress=partial(self._progress, item.id),
            path=local_path(source.label, item.source_path),
        )


def _by_source(items: Sequence[MediaItem]) -> list[list[MediaItem]]:
    groups: dict[int, list[MediaItem]] = {}
    for item in items:
        groups.setdefault(item.source_id, []).append(item)
    return list(groups.values())


def _goes_with_others(item: MediaItem) -> bool:
    return item.size_bytes < SMALL_BYTES and item.error_code != CopyStalled.code


def _entry(item: MediaItem) -> Entry:
    return Entry(item.source_path, item.size_bytes, item.source_mtime_ns)
