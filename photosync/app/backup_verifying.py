"""Reads the second copy back: is everything still there, byte for byte, and can it be opened?"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from photosync.app.destination import Destination
from photosync.app.exposed import exposed
from photosync.app.state import opened
from photosync.backup.sealing import unseal
from photosync.domain.backups import Exposed
from photosync.errors import BackupLost, KeyMissing, KeyWrong, PhotosyncError, Stopping
from photosync.stages.backup import ELSEWHERE
from photosync.store.backups import Backups
from photosync.store.replaced import ReplacedFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.backups import Record
    from photosync.store.backups import Target

log = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 20
LEAST_READ = 100
READ_SHARE = 100
"""A sample is one in so many, those that were not read for the longest time."""

ROUND = "backup_round:"
MISSING, CHANGED, DAMAGED, LOST = "missing", "changed", "damaged", "lost"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it was put there. ``what``: missing, changed (another size), damaged.

    ``lost``: found so by an earlier run, and not brought there again since.
    """

    what: str
    path: str
    name: str
    sha256: str


@dataclass(slots=True)
class BackupVerification:
    """What came of it.

    ``held``: all that should be there; ``read``: read back by this run; ``left``: what a whole
    round still has to read. ``opened``: whether sealed files were opened, None if none was read.
    ``unknown``: files that photosync did not put there, or does not know any more;
    ``replaced``: those of them that were found damaged and are there anew, and where that is.
    ``elsewhere``: how many are in an old place alone, and why an example was not fetched.
    ``exposed``: what lies there otherwise than it is to be sealed today.
    """

    address: str
    held: int = 0
    read: int = 0
    read_bytes: int = 0
    left: int = 0
    opened: bool | None = None
    differences: list[Difference] = field(default_factory=list)
    back: int = 0
    unknown: list[str] = field(default_factory=list)
    exposed: Exposed = field(default_factory=Exposed)
    replaced: dict[str, str] = field(default_factory=dict)
    elsewhere: tuple[int, str] = (0, "")
    error: PhotosyncError | None = None


def verify_backup(
    settings: Settings,
    *,
    whole: bool,
    halt: Event,
    tick: Callable[[int, int], None] | None = None,
) -> BackupVerification:
    """List all of it, and read a sample, or the ``whole``; ``tick``: read, in all.

    What is not as it should be counts no longer, and is backed up again by the next run.

    Raises:
        DatabaseError: See there. What the target does is part of the result.
    """
    with opened(settings) as state:
        found = BackupVerification(settings.backup.address)
        try:
            _Look(settings, state, found, halt, tick or (lambda _read, _all: None)).go(whole=whole)
        except PhotosyncError as error:
            found.error = error
        found.exposed = exposed(settings, state)
        found.elsewhere = _elsewhere(Backups(state.database), settings.backup.address)
        log.info(
            "backup.verified read=%d differences=%d left=%d",
            found.read,
            len(found.differences),
            found.left,
        )
        if found.differences:
            state.control.ring(now=state.now())
        return found


def _elsewhere(backups: Backups, address: str) -> tuple[int, str]:
    target = backups.target(address)
    for code, items, message in [] if target is None else backups.reasons(target):
        if code == ELSEWHERE:
            return items, message
    return 0, ""


class _Look:
    def __init__(
        self,
        settings: Settings,
        state: State,
        found: BackupVerification,
        halt: Event,
        tick: Callable[[int, int], None],
    ) -> None:
        self._state = state
        self._found = found
        self._halt = halt
        self._tick = tick
        self._backups = Backups(state.database)
        address = settings.backup.address
        target = self._backups.target(address) or self._backups.aim(address, stay=False)
        self._to = Destination(settings, state, backups=self._backups, target=target)
        self._identities: list[Any] | None = None

    @property
    def _target(self) -> Target:
        return self._to.target

    def go(self, *, whole: bool) -> None:
        """List, look after what was lost, and read."""
        self._to.look()
        lies = self._list()
        self._look_after_lost(lies)
        began = self._begin(whole=whole)
        limit = 2**62 if whole else max(LEAST_READ, self._found.held // READ_SHARE)
        in_all = min(limit, self._backups.left(self._target, before=began))
        try:
            while self._found.read < in_all and not self._halt.is_set():
                at_once = min(100, in_all - self._found.read)
                some = self._backups.oldest(self._target, before=began, limit=at_once)
                if not some:
                    break
                for one in some:
                    self._tick(self._found.read, in_all)
                    self._read(one, began)
            if self._halt.is_set():
                raise Stopping("Stopped before the end.")
        finally:
            self._end(began, whole=whole)

    def _list(self) -> dict[str, int]:
        """What lies there, held against what should."""
        lies = dict(self._to.place.walk())
        self._to.look()  # a disk that went meanwhile has lost nothing
        last = ""
        while page := self._backups.after(self._target, last):
            last = page[-1].sha256
            self._found.held += len(page)
            for one in page:
                size_bytes = lies.get(one.path)
                if size_bytes is None:
                    if not self._to.place.exists(one.path):  # brought there meanwhile
                        self._differs(one, MISSING)
                elif size_bytes != one.stored_bytes:
                    self._differs(one, CHANGED)
        self._found.unknown = [
            path for path in lies if self._backups.at_path(self._target, path) is None
        ]
        replaced = ReplacedFiles(self._state.database)
        self._found.replaced = {
            path: instead
            for path in self._found.unknown
            if (instead := replaced.stand_in(self._target.id, path)) is not None
        }
        return lies

    def _look_after_lost(self, lies: dict[str, int]) -> None:
        """What was lost may be back; what is not is told of until it was brought there again."""
        told = {one.sha256 for one in self._found.differences}
        for one in self._backups.lost(self._target):
            if one.sha256 in told:
                continue
            if lies.get(one.path) == one.stored_bytes and self._what_is_wrong(one) is None:
                self._backups.confirm(self._target, one.sha256, now=self._state.now())
                self._found.back += 1
                self._found.held += 1
            else:
                self._found.differences.append(_difference(one, LOST))

    def _begin(self, *, whole: bool) -> int:
        """What was read since then is done with; a whole round that broke off is gone on with."""
        name = f"{ROUND}{self._target.id}"
        known = self._state.control.flag(name)
        if whole and known is not None:
            return int(known)
        began = max(self._state.now(), 1 + self._backups.newest_verified_at(self._target))
        if whole:
            self._state.control.set_flag(name, str(began), now=self._state.now())
        return began

    def _end(self, began: int, *, whole: bool) -> None:
        if not whole:
            return
        self._found.left = self._backups.left(self._target, before=began)
        if not self._found.left:
            self._state.control.drop_flag(f"{ROUND}{self._target.id}")

    def _read(self, one: Record, began: int) -> None:
        if self._halt.is_set():
            return
        wrong = self._what_is_wrong(one)
        self._found.read += 1
        self._found.read_bytes += one.stored_bytes
        if wrong is not None:
            self._differs(one, wrong)
        else:
            now = max(began, self._state.now())  # a clock set back must not read for ever
            self._backups.confirm(self._target, one.sha256, now=now)

    def _what_is_wrong(self, one: Record) -> str | None:
        try:
            with self._to.place.open(one.path) as file:
                return None if self._is_whole(one, file) else DAMAGED
        except BackupLost:
            self._to.look()
            return MISSING if not self._to.place.exists(one.path) else DAMAGED

    def _is_whole(self, one: Record, file: BinaryIO) -> bool:
        stored, plain = hashlib.sha256(), hashlib.sha256()

        def read(size: int) -> bytes:
            if self._halt.is_set():
                raise Stopping
            block = file.read(size)
            stored.update(block)
            return block

        identities = self._keys() if one.is_sealed else []
        not_ours: KeyWrong | None = None
        if identities:
            try:
                unseal(read, plain.update, identities)
            except KeyWrong as error:  # or what tells for whom it is was damaged
                not_ours = error
        while read(BLOCK_BYTES):
            pass
        if stored.hexdigest() != one.stored_sha256:
            return False
        if not_ours is not None:
            raise not_ours
        return not identities or plain.hexdigest() == one.sha256

    def _keys(self) -> list[Any]:
        """What is here to open with; none: the bytes alone are held against the record."""
        if self._identities is None:
            try:
                self._identities = self._to.opening_keys()
            except KeyMissing as error:
                log.info("backup.unopened reason=%s", error.message)
                self._identities = []
            self._found.opened = bool(self._identities)
        return self._identities

    def _differs(self, one: Record, what: str) -> None:
        self._backups.lose(self._target, one.sha256)
        self._found.differences.append(_difference(one, what))


def _difference(one: Record, what: str) -> Difference:
    return Difference(what, one.path, one.name, one.sha256)
