"""Seals what lies in the second copy otherwise than the settings of today say.

Each file is sealed beside the old one and read back, then takes its place on record, then an
index tells of it, and only then the old one goes. Every file that is there for a while stands on
record as one that has to go: a death at any point leaves what the next run finishes.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from photosync.backup.indexing import is_old, read_one, write_index
from photosync.backup.keys import Keys
from photosync.backup.places import INDEX, NameRefused
from photosync.backup.sealing import SUFFIX, unsealed
from photosync.domain.backups import Leaving, is_for_others
from photosync.domain.media import readable
from photosync.domain.naming import name_beside, plain_path
from photosync.errors import BackupLost, Stopping, TransientError
from photosync.stages.backup_writing import Written, hidden_path, lies_there, read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from photosync.domain.backups import Record
    from photosync.stages.ports import Flag, ReadableTarget
    from photosync.store.backups import Backups
    from photosync.store.resealing import Reseals

log = logging.getLogger(__name__)

TIDIED_AT_ONCE = 100
"""So many files lie there twice before the old ones go."""

MOST_NAMES = 1000


@dataclass(slots=True)
class Resealed:
    """What came of it.

    ``lost``: not as they were put there, so that they wait for a backup anew. ``left``: files
    that photosync does not remove, since they are not what it put there.
    """

    files: int = 0
    size_bytes: int = 0
    removed: int = 0
    lost: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Reseal:
    """One target. ``owner``, ``turn``, ``hides_names``, ``progress``: as of ``Backup``."""

    def __init__(
        self,
        *,
        backups: Backups,
        reseals: Reseals,
        target: ReadableTarget,
        turn: Callable[[], AbstractContextManager[bool]],
        owner: str,
        hides_names: bool,
        progress: Callable[[int], None],
        halt: Flag,
        clock: Callable[[], float],
    ) -> None:
        self._backups = backups
        self._reseals = reseals
        self._to = target
        self._turn = turn
        self._owner = owner
        self._hides_names = hides_names
        self._progress = progress
        self._halt = halt
        self._clock = clock
        self._identities: list[Any] | None = None
        self._steps: Iterator[None] | None = None
        self._just_read: set[str] = set()
        self.found = Resealed()

    def run_once(self) -> bool | None:
        """One file on; False once all is done, None if somebody else writes there right now.

        Raises:
            BackupAway, BackupFull, KeyMissing, KeyWrong: The target cannot be written now.
            Stopping.
        """
        with self._turn() as is_mine:
            if not is_mine:
                return None
            keys = self._to.ready()
            if self._steps is None:
                self._steps = self._all(keys)
            return next(self._steps, False) is None

    def _all(self, keys: Keys) -> Iterator[None]:
        """Between any two steps others may write there."""
        self._to.place.drop_parts(self._owner)
        self._to.adopt()  # what others put there, or this one before its state was lost
        yield
        last = ""
        while page := self._reseals.next(
            self._to.target,
            after=last,
            sealed_for=keys.sealed_for,
            hides_names=self._hides_names,
        ):
            for one in page:
                self._one(one, keys)
                last = one.sha256
                if len(self._just_read) >= TIDIED_AT_ONCE:
                    self._tidy(keys)
                yield
        self._tidy(keys)
        yield
        yield from self._indexes(keys)

    def _one(self, one: Record, keys: Keys) -> None:
        if self._halt.is_set():
            raise Stopping
        try:
            fresh = self._sealed(one, keys)
        except BackupLost as error:
            log.warning("backup.lost path=%s reason=%s", readable(one.path), error.message)
            self._to.ready()  # a disk that went meanwhile has lost nothing
            self._backups.lose(self._to.target, one.sha256)
            self.found.lost.append(one.path)
            return
        if self._reseals.exchange(self._to.target, one.path, fresh):
            self._just_read.add(one.path)
            self.found.files += 1
            self.found.size_bytes += one.size_bytes

    def _sealed(self, one: Record, keys: Keys) -> Record:
        """Another file beside ``one``, read back.

        Raises:
            BackupLost: The one that lies there is not what was put there.
        """
        place, target = self._to.place, self._to.target
        name, path = self._free(one)
        with (
            self._content(one, keys) as (file, sha256, with_keys),
            place.part(path, f"{self._owner}-reseal") as part,
        ):
            wants_md5 = not place.is_local
            written = Written(file, part, self._halt, self._progress, wants_md5=wants_md5)
            written.stream(with_keys)
            if written.plain.hexdigest() != sha256:
                raise BackupLost(f"{readable(one.path)} in the backup is not what was put there.")
            fresh = replace(
                one,
                name=name,
                path=path,
                stored_bytes=written.stored_bytes,
                stored_sha256=written.stored.hexdigest(),
                is_sealed=True,
                sealed_for=keys.sealed_for if with_keys.seals else one.sealed_for,
                made_at=int(self._clock()),
            )
            for named in (fresh, replace(fresh, path=plain_path(path))):
                self._reseals.promise(target, _leaving(named))
                try:
                    if not part.give(
                        named.path, mtime_ns=None if self._hides_names else one.mtime_ns
                    ):
                        raise TransientError(
                            f"The name {readable(named.path)} was taken in the backup meanwhile."
                        )
                except NameRefused:
                    self._reseals.went(target, named.path)
                    continue
                fresh = named
                break
        read_back(place, fresh, written, self._halt)
        return fresh

    @contextmanager
    def _content(self, one: Record, keys: Keys) -> Iterator[tuple[BinaryIO, str, Keys]]:
        """What is to be written, its hash, and what to seal it with.

        What is sealed for the keys of today already gets another name, and stays as it is.
        """
        with self._to.place.open(one.path) as source:
            if not one.is_sealed:
                yield source, one.sha256, keys
            elif not is_for_others(one.sealed_for, keys.sealed_for):
                yield source, one.stored_sha256, Keys()
            else:
                with unsealed(source, self._opening_keys()) as plain:
                    yield plain, one.sha256, keys

    def _opening_keys(self) -> list[Any]:
        if self._identities is None:
            self._identities = self._to.opening_keys()
        return self._identities

    def _free(self, one: Record) -> tuple[str, str]:
        """(name, path) that no other file has."""
        if self._hides_names:
            return one.name, hidden_path(SUFFIX)
        for number in range(MOST_NAMES):
            name = name_beside(one.name, number=number, suffix=SUFFIX)
            path = f"{name}{SUFFIX}"
            taken = self._backups.is_named(self._to.target, name, one.sha256)
            if not taken and not self._to.place.exists(path):
                return name, path
        text = f"no name is free beside {one.name!r}"
        raise RuntimeError(text)

    def _tidy(self, keys: Keys) -> None:
        """An index tells of what was sealed; then what it took the place of goes."""
        target = self._to.target
        while some := self._backups.unlisted(target, limit=1000):
            write_index(self._to.place, keys, some, now=self._index_time())
            self._backups.note_listed(target, some)
        last = ""
        while page := self._reseals.leaving(target, after=last):
            last = page[-1].path
            for one in page:
                self._remove(one)
        self._just_read.clear()

    def _index_time(self) -> int:
        """Never before the keys of today were there, whatever the clock says."""
        return max(int(self._clock()), self._reseals.keys_since(self._to.target))

    def _remove(self, one: Leaving) -> None:
        """Away with it if its content lies there once more, and it is what photosync put there.

        What took its place was read back a moment ago, or, if an earlier run did that, is now.
        """
        if self._halt.is_set():
            raise Stopping
        place, target = self._to.place, self._to.target
        record = self._backups.record(target, one.sha256)
        if record is not None and record.path == one.path:
            self._reseals.went(target, one.path)  # it is the one that counts
            return
        if place.exists(one.path):
            if record is None or not record.is_proven:
                return  # for all that is known it is the only one
            if one.path not in self._just_read and not self._lies_there(record):
                self._lost(record, one)
                return
            if not self._is_ours(one):
                self.found.left.append(one.path)
                return
            place.take_back(one.path)
            self.found.removed += 1
        self._reseals.went(target, one.path)

    def _lost(self, record: Record, one: Leaving) -> None:
        """What took its place is not as it was sealed: it counts again itself, if it is plain."""
        log.warning("backup.lost path=%s reason=not as it was sealed", readable(record.path))
        self._to.ready()  # a disk that went meanwhile has lost nothing
        target, now = self._to.target, int(self._clock())
        if one.stored_sha256 == record.sha256 and self._lies_there(one):
            plain = replace(
                record,
                path=one.path,
                name=one.path,
                stored_bytes=one.stored_bytes,
                stored_sha256=one.stored_sha256,
                is_sealed=False,
                sealed_for="",
            )
            self._backups.begin(target, plain, now=now)
            self._backups.confirm(target, record.sha256, now=now)
            self._reseals.went(target, one.path)
            return
        self._backups.lose(target, record.sha256)
        self.found.lost.append(record.path)

    def _is_ours(self, one: Leaving) -> bool:
        """What was read a moment ago is read again only where that costs nothing."""
        if one.path in self._just_read and not self._to.place.is_local:
            return True
        return self._lies_there(one)

    def _lies_there(self, one: Leaving | Record) -> bool:
        return lies_there(self._to.place, one, self._halt)

    def _indexes(self, keys: Keys) -> Iterator[None]:
        """All that an old index tells is told by a sealed one; then the old one goes."""
        place, target = self._to.place, self._to.target
        since = self._reseals.keys_since(target)
        for name in place.names(INDEX):
            if not is_old(name, keys_since=since):
                continue
            identities = self._opening_keys() if name.endswith(SUFFIX) else []
            told = read_one(place, name, identities)
            if told is None:
                self.found.left.append(f"{INDEX}/{name}")
                continue
            self._reseals.unlist(target, told)
            for one in told:
                self._twice(one)
            self._tidy(keys)
            place.take_back(f"{INDEX}/{name}")
            yield
        if not any(is_old(name, keys_since=since) for name in place.names(INDEX)):
            self._reseals.note_old_index(target, has=False)

    def _twice(self, told: Record) -> None:
        """A plain file of another photosync's whose content is sealed under another name."""
        record = self._backups.record(self._to.target, told.sha256)
        if (
            not told.is_sealed
            and record is not None
            and record.is_proven
            and record.path != told.path
            and self._backups.at_path(self._to.target, told.path) is None
            and self._to.place.exists(told.path)
        ):
            self._reseals.promise(self._to.target, _leaving(told))


def _leaving(one: Record) -> Leaving:
    return Leaving(one.path, one.sha256, one.stored_bytes, one.stored_sha256)
