"""Brings content to the second copy: sealed if wanted, read back, and only then on record.

Before a file gets its name in the target, what it will be stands in the database. So a death at
any point leaves a file that the next run knows, or none.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from photosync.backup.indexing import write_index
from photosync.backup.places import NameRefused
from photosync.backup.sealing import SUFFIX
from photosync.domain.backoff import item_wait, tries_so_far
from photosync.domain.backups import Record, is_worth_keeping
from photosync.domain.media import NANOSECONDS, readable
from photosync.domain.naming import backup_name, plain_path
from photosync.errors import (
    BackupFull,
    BackupLost,
    BlockedError,
    ItemError,
    ItemGone,
    MirrorAway,
    MirrorLost,
    PhotosyncError,
    SourceMissing,
    Stopping,
    TransientError,
)
from photosync.stages.backup_writing import Written, hidden_path, lies_there, read_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from photosync.backup.keys import Keys
    from photosync.backup.places import Part
    from photosync.domain.media import MediaItem
    from photosync.stages.ports import BackupTarget, Flag, OldPlaces, OpenOriginals
    from photosync.store.backups import Backups, NextItem, Target
    from photosync.store.resealing import Reseals

log = logging.getLogger(__name__)

MOST_NAMES = 1000
INDEXED_AT_ONCE = 500
INDEXED_SECONDS = 300.0
"""So much, and what came in so long, no index may tell of yet if the program is killed."""

NO_COPY = "no_copy"
NO_COPY_TEXT = (
    "It is not in the second copy, and its copy in the mirror is gone (mirror.keep) or was changed."
)

ELSEWHERE = "elsewhere"
ELSEWHERE_HINT = "Connect that place once more: what is in a folder is fetched from there."


class Backup:
    """Takes what waits, the oldest first.

    ``owner`` tells this photosync's unfinished files from those of others. ``turn``: whether it
    may work now. ``hides_names``: files are called after nothing. ``resting``: why nothing is
    brought there now; "" if it is. ``progress`` is told how many bytes more were read.
    """

    name = "backup"

    def __init__(
        self,
        *,
        backups: Backups,
        reseals: Reseals,
        target: BackupTarget,
        originals: OpenOriginals,
        old_places: OldPlaces,
        label: Callable[[int], str],
        taken_at: Callable[[BinaryIO, str], int | None],
        turn: Callable[[], AbstractContextManager[bool]],
        owner: str,
        hides_names: bool,
        resting: Callable[[], str],
        is_paused: Callable[[], bool],
        source_lost: Callable[[int, SourceMissing], None],
        progress: Callable[[int], None],
        halt: Flag,
        clock: Callable[[], float],
    ) -> None:
        self._backups = backups
        self._reseals = reseals
        self._to = target
        self._originals = originals
        self._old_places = old_places
        self._label = label
        self._taken_at = taken_at
        self._turn = turn
        self._owner = owner
        self._hides_names = hides_names
        self._resting = resting
        self._is_paused = is_paused
        self._source_lost = source_lost
        self._progress = progress
        self._halt = halt
        self._clock = clock
        self._since_index = 0
        self._first_unlisted_at = 0.0
        self._is_swept = False

    def has_work(self) -> bool:
        """Whether a step would do anything now."""
        if self._is_paused() or self._resting():
            return False
        target, now = self._to.target, int(self._clock())
        return bool(self._backups.next(target, now=now) or self._backups.unlisted(target, limit=1))

    def run_once(self) -> bool:
        """Back up the oldest that waits; False if nothing does, or nothing may be done now.

        Raises:
            BackupAway, BackupFull, KeyMissing, KeyWrong: The target cannot be written now.
        """
        if not self.has_work():
            return False  # a disk that sleeps is not woken for nothing
        with self._turn() as is_mine:
            if not is_mine:
                return False
            keys = self._to.ready()
            self._sweep()
            found = self._backups.next(self._to.target, now=int(self._clock()))
            if found is None or self._is_index_due():
                return self._index(keys) or found is not None
            try:
                self._one(found, keys)
            except (Stopping, BackupFull):
                self._index_at_the_end(keys)
                raise
            if self._halt.is_set():
                self._index_at_the_end(keys)
            return True

    def end(self) -> None:
        """No step comes any more: what no index tells of yet is told of now, if that can be."""
        try:
            with self._turn() as is_mine:
                if is_mine and self._backups.unlisted(self._to.target, limit=1):
                    self._index_at_the_end(self._to.ready())
        except PhotosyncError as error:
            log.info("backup.unlisted reason=%s", error.message)

    def _is_index_due(self) -> bool:
        is_old = not 0 <= self._clock() - self._first_unlisted_at <= INDEXED_SECONDS
        return self._since_index >= INDEXED_AT_ONCE or (self._since_index > 0 and is_old)

    def _index_at_the_end(self, keys: Keys) -> None:
        """Without it a state that is lost now would not know what came last."""
        try:
            while self._index(keys):
                pass
        except PhotosyncError as error:
            log.info("backup.unlisted reason=%s", error.message)

    def _sweep(self) -> None:
        if not self._is_swept:
            self._to.place.drop_parts(self._owner)
            self._is_swept = True

    def _index(self, keys: Keys) -> bool:
        """Tell in the target itself what lies where."""
        some = self._backups.unlisted(self._to.target, limit=INDEXED_AT_ONCE)
        self._since_index = 0
        if some:
            if not keys.seals:
                self._reseals.note_old_index(self._to.target, has=True)
            write_index(self._to.place, keys, some, now=int(self._clock()))
            self._backups.note_listed(self._to.target, some)
        return bool(some)

    def _one(self, found: NextItem, keys: Keys) -> None:
        item, target = found.item, self._to.target
        if item.sha256 is None or not is_worth_keeping(item.state, item.error_code):
            self._backups.drop(target, item.id)
            return
        known = self._backups.record(target, item.sha256)
        if known is not None and known.is_proven:
            self._backups.drop(target, item.id)
            return
        if known is not None and lies_there(self._to.place, known, self._halt):
            self._confirm(known, item)
            return
        self._from_any(found, item.sha256, keys)

    def _from_any(self, found: NextItem, sha256: str, keys: Keys) -> None:
        """From the first file on this machine that still has those bytes."""
        item, target = found.item, self._to.target
        candidates = self._backups.with_content(sha256)
        candidates.sort(key=lambda one: one.id != item.id)
        wrong: PhotosyncError | None = None
        for one in candidates:
            try:
                self._copy(one, item.id, sha256, keys)
            except ItemGone as error:
                log.info("backup.gone id=%d reason=%s", one.id, error.message)
            except SourceMissing as error:
                self._source_lost(one.source_id, error)
                wrong = error
            except (MirrorLost, MirrorAway, BackupLost, ItemError, TransientError) as error:
                wrong = error
            else:
                return
        elsewhere = self._backups.elsewhere(target, sha256)
        if elsewhere:
            self._from_elsewhere(found, sha256, elsewhere, keys)
        elif wrong is not None:
            self._put_aside(found, wrong.code, wrong.message)
        elif item.id in {one.id for one in candidates}:
            self._backups.drop(target, item.id)  # its file is gone, and nothing can be done
        else:
            self._put_aside(found, NO_COPY, NO_COPY_TEXT)

    def _from_elsewhere(
        self, found: NextItem, sha256: str, elsewhere: list[tuple[Target, Record]], keys: Keys
    ) -> None:
        """Out of the second copy of before, if that can be read; else it is told where it is."""
        item, told = found.item, ""
        for target, record in elsewhere:
            try:
                with self._old_places.open(target, record) as file:
                    at = item.source_mtime_ns / NANOSECONDS if not item.taken_at else item.taken_at
                    made = self._sent(item, sha256, at, file, keys)
            except (BackupLost, MirrorLost) as error:
                told = told or error.message
            except BackupFull:
                raise  # nothing of that is the old place's
            except BlockedError as error:
                self._to.ready()  # if that cannot be reached, it is not the old place either
                told = f"It is in the second copy at {readable(target.address)} alone."
                log.info("backup.elsewhere id=%d reason=%s", item.id, error.message)
            else:
                self._made(made, item, item.id)
                return
        self._put_aside(found, ELSEWHERE, f"{told} {ELSEWHERE_HINT}")

    def _put_aside(self, found: NextItem, code: str, message: str) -> None:
        now = int(self._clock())
        tries = tries_so_far(found.tries, found.code, code) + 1
        log.warning("backup.put_aside id=%d code=%s reason=%s", found.item.id, code, message)
        self._backups.put_aside(
            self._to.target,
            found.item.id,
            tries=tries,
            not_before=now + int(item_wait(tries)),
            code=code,
            message=message,
        )

    def _copy(self, item: MediaItem, for_id: int, sha256: str, keys: Keys) -> None:
        with self._originals.open(item) as file:
            at = item.taken_at
            if at is None:
                at = self._taken_at(file, readable(item.source_path))
                file.seek(0)
            named_by = item.source_mtime_ns / NANOSECONDS if at is None else at
            record = self._taken_over(item, sha256, named_by, keys)
            if record is None:
                record = self._sent(item, sha256, named_by, file, keys)
        self._made(record, item, for_id)

    def _made(self, record: Record, item: MediaItem, for_id: int) -> None:
        self._confirm(record, item, for_id)
        if not self._since_index:
            self._first_unlisted_at = self._clock()
        self._since_index += 1
        log.info("backup.made id=%d bytes=%d", item.id, item.size_bytes)

    def _sent(self, item: MediaItem, sha256: str, at: float, file: BinaryIO, keys: Keys) -> Record:
        """Write it under a name that is free, and read it back."""
        name, path = self._free(item, sha256, at, keys)
        place = self._to.place
        with place.part(path, f"{self._owner}-{item.id}") as part:
            written = Written(file, part, self._halt, self._progress, wants_md5=not place.is_local)
            written.stream(keys)
            if written.plain.hexdigest() != sha256:
                raise MirrorLost(
                    f"{readable(item.source_path)} gives other bytes than when it was hashed."
                )
            record = Record(
                sha256=sha256,
                path=path,
                name=name,
                size_bytes=written.size_bytes,
                stored_bytes=written.stored_bytes,
                stored_sha256=written.stored.hexdigest(),
                is_sealed=keys.seals,
                sealed_for=keys.sealed_for,
                mtime_ns=item.source_mtime_ns,
                made_at=int(self._clock()),
            )
            record = self._named(part, record)
        read_back(place, record, written, self._halt)
        return record

    def _named(self, part: Part, record: Record) -> Record:
        """On record first, then under its name; a plainer one if the disk refuses it."""
        mtime_ns = None if self._hides_names else record.mtime_ns
        for one in (record, replace(record, path=plain_path(record.path))):
            self._backups.begin(self._to.target, one, now=one.made_at)
            try:
                if part.give(one.path, mtime_ns=mtime_ns):
                    return one
            except NameRefused:
                continue
            break
        raise TransientError(f"The name {readable(record.path)} was taken in the backup meanwhile.")

    def _free(self, item: MediaItem, sha256: str, at: float, keys: Keys) -> tuple[str, str]:
        """(name, path) that no other file has."""
        suffix = SUFFIX if keys.seals else ""
        for number in range(MOST_NAMES):
            name = self._name(item, at, number, suffix)
            path = f"{name}{suffix}"
            if self._hides_names:
                path = hidden_path(suffix)
            taken = self._backups.is_named(self._to.target, name, sha256)
            if not taken and not self._to.place.exists(path):
                return name, path
        text = f"no name is free beside {name!r}"
        raise RuntimeError(text)

    def _name(self, item: MediaItem, at: float, number: int, suffix: str) -> str:
        base = item.source_path.rpartition("/")[2]
        return backup_name(self._label(item.source_id), at, base, number=number, suffix=suffix)

    def _taken_over(self, item: MediaItem, sha256: str, at: float, keys: Keys) -> Record | None:
        """That very file, if it lies there under its name though nobody has it on record."""
        if keys.seals:
            return None
        path = self._name(item, at, 0, "")
        target = self._to.target
        if self._backups.is_named(target, path, sha256) or not self._to.place.exists(path):
            return None
        record = Record(
            sha256=sha256,
            path=path,
            name=path,
            size_bytes=item.size_bytes,
            stored_bytes=item.size_bytes,
            stored_sha256=sha256,
            is_sealed=False,
            mtime_ns=item.source_mtime_ns,
            made_at=int(self._clock()),
        )
        if not lies_there(self._to.place, record, self._halt):
            return None
        self._backups.begin(target, record, now=record.made_at)
        return record

    def _confirm(self, record: Record, item: MediaItem, for_id: int | None = None) -> None:
        self._backups.confirm(
            self._to.target,
            record.sha256,
            now=int(self._clock()),
            item_id=item.id if for_id is None else for_id,
        )
