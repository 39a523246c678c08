"""Frees space on a phone: proves, file by file, that it is elsewhere, and then removes it.

Never by itself: whoever calls ``remove`` has shown the proven files to the user before.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from photosync.domain.freeing import (
    Facts,
    Gone,
    by_copies,
    by_library,
    by_phone,
    by_record,
    kept_in,
    why_kept,
)
from photosync.errors import (
    FileReplaced,
    FileUnreadable,
    FileVanished,
    PhoneGarbled,
    PhoneGone,
    Stopping,
)
from photosync.stages.asking import held_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from photosync.domain.freeing import Record
    from photosync.stages.ports import Asked, Flag, PhoneSpace
    from photosync.stages.whereabouts import Place, Whereabouts
    from photosync.store.freeing import Candidate, Freed, Line

log = logging.getLogger(__name__)

AT_ONCE = 50
"""So many items the library is asked after in one request."""

PROOF_SECONDS = 3600
"""What was proven longer ago is proven anew before anything is removed."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A file that may go, as long as it is the very bytes."""

    candidate: Candidate
    facts: Facts
    proved_at: float


@dataclass(frozen=True, slots=True)
class Stays:
    """A file that has to stay on the phone, and why."""

    candidate: Candidate
    reason: str


@dataclass(slots=True)
class Removal:
    """What became of the proven files."""

    gone: int = 0
    gone_bytes: int = 0
    stays: list[Stays] = field(default_factory=list)


class FreeSpace:
    """One phone. ``leave_room`` raises if the day's requests should be left to new photos.

    ``note`` keeps what went from the phone at ``address`` beyond the database.
    """

    def __init__(
        self,
        *,
        freed: Freed,
        whereabouts: Whereabouts,
        phone: PhoneSpace,
        library: Asked,
        older_than_seconds: int,
        leave_room: Callable[[], None],
        halt: Flag,
        clock: Callable[[], float],
        note: Callable[[Gone], None] = lambda _gone: None,
        address: str = "",
    ) -> None:
        self._freed = freed
        self._note = note
        self._address = address
        self._whereabouts = whereabouts
        self._phone = phone
        self._library = library
        self._older_than_seconds = older_than_seconds
        self._leave_room = leave_room
        self._halt = halt
        self._clock = clock

    def settle(self, source_id: int) -> None:
        """Look what became of removals whose end was not seen.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled, PhoneNotReady.
        """
        for line in self._freed.open_ends(source_id):
            if self._phone.is_gone(line.path):
                self._gone(line.id, line.path, line, line.kept_in)
            else:
                self._freed.kept(line.id, "it was not removed after all", now=int(self._clock()))

    def prove(self, source_id: int) -> Iterator[Proven | Stays]:
        """Every file of the phone that the library has by the record, and whether it may go.

        What is not on the phone any more is left out.

        Raises:
            PhoneGone, ...: The phone cannot be looked at.
            TransientError, BlockedError: The library or the backup cannot be asked: then nothing
                can be proven.
            Stopping.
        """
        batch: list[Candidate] = []
        for candidate in self._freed.candidates(source_id):
            reason = self._by_record(candidate)
            if reason:
                yield Stays(candidate, reason)
                continue
            batch.append(candidate)
            if len(batch) == AT_ONCE:
                yield from self._proved(batch)
                batch = []
        yield from self._proved(batch)

    def _by_record(self, candidate: Candidate) -> str:
        return by_record(
            candidate.record,
            now=int(self._clock()),
            older_than_seconds=self._older_than_seconds,
        )

    def _proved(self, batch: Sequence[Candidate]) -> Iterator[Proven | Stays]:
        lying = self._phone.look([one.path for one in batch])
        there = [(one, found) for one, found in zip(batch, lying, strict=True) if found is not None]
        same = []
        for one, found in there:
            reason = by_phone(one.record, found)
            if reason:
                yield Stays(one, reason)
            else:
                same.append((one, found))
        if not same:
            return
        self._leave_room()
        held = held_by(self._library, [one.record.google_id for one, _ in same])
        for one, found in same:
            in_library = held[one.record.google_id]
            reason = by_library(in_library=in_library)
            if reason:
                yield Stays(one, reason)
                continue
            mirror, backup = self._read_back(one)
            facts = Facts(
                record=one.record,
                on_phone=found,
                in_library=in_library,
                mirror_sha256=mirror,
                backup_sha256=backup,
                wants_backup=self._whereabouts.wants_backup,
            )
            yield self._judged(one, facts)

    def _judged(self, one: Candidate, facts: Facts) -> Proven | Stays:
        now = self._clock()
        reason = why_kept(facts, now=int(now), older_than_seconds=self._older_than_seconds)
        return Stays(one, reason) if reason else Proven(one, facts, now)

    def _read_back(self, one: Candidate) -> tuple[str | None, str | None]:
        """The SHA-256 of its copy in the mirror and in the backup, if they are as they were.

        Where the settings want a backup it has to be there, and is place enough.

        Raises:
            BackupAway, KeyMissing, KeyWrong: The backup cannot be read.
        """
        if self._whereabouts.wants_backup:
            place = self._whereabouts.in_backup(one.record.sha256)
            found = place is not None and self._proves(place, one)
            if self._whereabouts.backup_error is not None:
                raise self._whereabouts.backup_error
            return None, one.record.sha256 if found else None
        for path in one.copies:
            for place in self._whereabouts.in_mirror(path, one.record.size_bytes):
                if self._proves(place, one):
                    return one.record.sha256, None
        return None, None

    def _proves(self, place: Place, one: Candidate) -> bool:
        return place.proves(one.record.sha256, one.record.size_bytes, halt=self._halt)

    def remove(
        self, proven: Sequence[Proven], removal: Removal, progress: Callable[[], None]
    ) -> None:
        """Remove what was proven, one by one; ``removal`` is kept up.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled: The phone is away; what became of the last one
                is looked at the next time.
            TransientError, BlockedError: Something had to be proven anew and could not be.
            Stopping.
        """
        for at in range(0, len(proven), AT_ONCE):
            for one in self._still_proven(proven[at : at + AT_ONCE]):
                if self._halt.is_set():
                    raise Stopping
                if isinstance(one, Stays):
                    removal.stays.append(one)
                else:
                    self._remove(one, removal)
                progress()

    def _still_proven(self, some: Sequence[Proven]) -> Iterator[Proven | Stays]:
        oldest = min(one.proved_at for one in some)
        if 0 <= self._clock() - oldest <= PROOF_SECONDS:
            yield from some
            return
        judged = {
            one.candidate.item_id: one for one in self._proved([each.candidate for each in some])
        }
        for one in some:
            gone = Stays(one.candidate, by_phone(one.candidate.record, None))
            yield judged.get(one.candidate.item_id, gone)

    def _remove(self, one: Proven, removal: Removal) -> None:
        number, told = self._begin(one)
        if number is None:
            removal.stays.append(Stays(one.candidate, told))
            return
        record, now = one.candidate.record, int(self._clock())
        try:
            self._phone.remove(
                one.candidate.path,
                size_bytes=record.size_bytes,
                mtime_ns=record.mtime_ns,
                sha256=record.sha256,
            )
        except (FileVanished, FileReplaced, FileUnreadable) as error:
            self._freed.kept(number, error.message, now=now)
            removal.stays.append(Stays(one.candidate, error.message))
            return
        except (PhoneGone, PhoneGarbled):
            log.warning("item.maybe_freed id=%d", one.candidate.item_id)
            raise
        self._gone(number, one.candidate.path, record, told)
        log.info("item.freed id=%d bytes=%d", one.candidate.item_id, record.size_bytes)
        removal.gone += 1
        removal.gone_bytes += record.size_bytes

    def _gone(self, number: int, path: str, known: Record | Line, kept: str) -> None:
        """It is not on the phone any more: first beyond the database, then in it."""
        now = int(self._clock())
        gone = Gone(
            self._address,
            path,
            known.size_bytes,
            known.mtime_ns,
            known.sha256,
            known.google_id,
            kept,
            now,
        )
        self._note(gone)
        self._freed.gone(number, now=now)

    def _begin(self, one: Proven) -> tuple[int | None, str]:
        """The number of the removal in the log, and where its copies are; None, and why not.

        The record is looked at again, and the copy that is relied on is read to its end once
        more: whoever changes files there by hand asks nobody, and the look may be an hour old.

        Raises:
            BackupAway, KeyMissing, KeyWrong: The backup cannot be read.
            Stopping.
        """
        now = self._freed.candidate(one.candidate.item_id)
        if now is None or now.record != one.candidate.record:
            return None, "what is known of it has changed meanwhile"
        mirror, backup = self._read_back(now)
        facts = replace(one.facts, mirror_sha256=mirror, backup_sha256=backup)
        reason = by_copies(facts)
        if reason:
            return None, reason
        kept = kept_in(facts)
        number = self._freed.begin(one.candidate, kept_in=kept, now=int(self._clock()))
        return number, "what is known of it has changed meanwhile" if number is None else kept
