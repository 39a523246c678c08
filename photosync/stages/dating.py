"""Which bytes are sent for an item: its own, or a copy of them that carries a date.

What is decided once holds: Google knows photos by their bytes alone, so whatever may be in the
library already is sent again as it was, whatever the settings say by now.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.dating import date_of
from photosync.domain.media import readable
from photosync.errors import CopyUnproven, DatedAnew, DatesFull, ExiftoolMissing
from photosync.files.dates import taken_at
from photosync.files.dating import EXTENSIONS
from photosync.google.ports import UploadFile
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.domain.dating import Dated
    from photosync.domain.media import MediaItem
    from photosync.files.dating import DatedCopies, DatedCopy
    from photosync.stages.ports import Bells
    from photosync.store.control import Control
    from photosync.store.dated import DatedRecords, Record
    from photosync.store.media import MediaItems

log = logging.getLogger(__name__)

CODES = (ExiftoolMissing.code, DatesFull.code)
AGAIN_SECONDS = 3600
"""What waits is hurried when it can go on; this is for what nobody noticed."""

FULL_SECONDS = 600


class Dating:
    """Decides for each item; keeps those that wait for exiftool. ``wanted``: by the settings."""

    name = "dating"

    def __init__(
        self,
        *,
        wanted: bool,
        items: MediaItems,
        records: DatedRecords,
        copies: DatedCopies,
        control: Control,
        bells: Bells,
        clock: Callable[[], float],
    ) -> None:
        self._wanted = wanted
        self._items = items
        self._records = records
        self._copies = copies
        self._control = control
        self._bells = bells
        self._clock = clock
        self._lock = Lock()
        self._waits: dict[str, int] = {}
        self._is_fresh = True

    def run_once(self) -> bool:
        """What waited for exiftool, or for room, goes on once that is there. False: that is all."""
        is_fresh, self._is_fresh = self._is_fresh, False
        with self._lock:
            waits = dict(self._waits)
        if not waits and not is_fresh:  # what an earlier run put aside is tried at once
            self._copies.rest()
            return False
        try:
            self._copies.check(max(waits.values(), default=0))
        except (ExiftoolMissing, DatesFull) as error:
            if error.code in waits:
                return False
        with self._lock:
            self._waits.clear()
        for code in waits:
            self._control.clear_problem(code, self.name)
        if self._items.hurry(CODES, now=int(self._clock())):
            self._bells.ring("upload")
        return False

    def close(self) -> None:
        """At the end: what makes copies ends with us."""
        self._copies.close()

    def put_aside(self, item: MediaItem, error: ExiftoolMissing | DatesFull) -> None:
        """It waits; those with a date go on. It is not its fault: its tries are not counted."""
        now = int(self._clock())
        wait = FULL_SECONDS if isinstance(error, DatesFull) else AGAIN_SECONDS
        with self._lock:
            is_known = self._waits.get(error.code, -1) >= item.size_bytes
            self._waits[error.code] = max(self._waits.get(error.code, 0), item.size_bytes)
        if not is_known:
            log.warning("item.waits id=%d reason=%s", item.id, error)
            self._control.raise_problem(
                Problem(
                    code=error.code,
                    subject=self.name,
                    message=error.message,
                    hint=error.hint,
                    gate="",
                    needs_user=error.needs_user,
                    since=now,
                    until=None,
                )
            )
        self._items.defer(
            item, not_before=now + wait, code=error.code, message=error.message, now=now, tries=0
        )

    @contextmanager
    def to_send(self, item: MediaItem, original: BinaryIO) -> Iterator[UploadFile]:
        """What is to be sent for ``item``, whose file is ``original``.

        Raises:
            ExiftoolMissing, DatesFull: It needs a dated copy, and none can be made now.
            DatedAnew: Another copy than this may be in the library.
            ChecksumMismatch: The file is not what was hashed.
        """
        assert item.sha256 is not None
        record = self._records.find(item.sha256)
        dated = self._date(item, original, record)
        if dated is None:
            yield as_it_is(item, original)
            return
        with ExitStack() as stack:
            try:
                copy = stack.enter_context(
                    self._copies.copy(
                        original,
                        number=item.id,
                        size_bytes=item.size_bytes,
                        sha256=item.sha256,
                        mime_type=item.mime_type,
                        dated=dated,
                    )
                )
            except CopyUnproven as error:
                self._leave(item, record, error)
                yield as_it_is(item, original)
                return
            self._note(item, dated, record, copy)
            yield UploadFile(
                key=item.id,
                fingerprint=copy.sha256,
                file=copy.file,
                size_bytes=copy.size_bytes,
                sha1=copy.sha1,
                mime_type=item.mime_type,
            )

    def _date(self, item: MediaItem, original: BinaryIO, record: Record | None) -> Dated | None:
        """The date that its copy gets; None if it is sent as it is."""
        assert item.sha256 is not None
        if record is not None:
            if self._wanted or record.may_be_there:
                return record.dated
            self._records.forget(item.sha256)
            return None
        if not self._wanted or item.taken_at is not None or item.mime_type not in EXTENSIONS:
            return None
        name = item.source_path.rpartition("/")[2]
        if taken_at(original, readable(name)) is not None or self._records.was_sent(item.sha256):
            return None
        return date_of(name, item.source_mtime_ns, now=self._clock())

    def _note(self, item: MediaItem, dated: Dated, record: Record | None, copy: DatedCopy) -> None:
        """Before a byte is sent: what may be there already is sent again as it was."""
        assert item.sha256 is not None
        if record is not None and record.may_be_there and record.copy_sha256 != copy.sha256:
            raise DatedAnew(
                f"A dated copy of {readable(item.source_path)} was sent and may be in the library,"
                " and exiftool makes another one by now."
            )
        if record is None or record.copy_sha256 != copy.sha256:
            self._records.note(
                item.sha256, dated, copy_sha256=copy.sha256, copy_bytes=copy.size_bytes
            )
        log.debug("item.dated id=%d origin=%s at=%d", item.id, dated.origin, dated.at)

    def _leave(self, item: MediaItem, record: Record | None, error: CopyUnproven) -> None:
        """It is sent as it is, but not if its copy may be there."""
        assert item.sha256 is not None
        if record is not None and record.may_be_there:
            raise DatedAnew(
                f"A dated copy of {readable(item.source_path)} was sent and may be in the library,"
                f" and cannot be made again: {error.message}."
            ) from error
        self._records.forget(item.sha256)
        log.info("item.undated id=%d reason=%s", item.id, error.message)


def as_it_is(item: MediaItem, original: BinaryIO) -> UploadFile:
    """The item's own bytes."""
    assert item.sha256 is not None
    assert item.sha1 is not None
    return UploadFile(
        key=item.id,
        fingerprint=item.sha256,
        file=original,
        size_bytes=item.size_bytes,
        sha1=item.sha1,
        mime_type=item.mime_type,
    )
