"""Watched folders → found: every file that may be media is an item, whatever becomes of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from operator import attrgetter
from threading import Event
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind, readable
from photosync.domain.shots import EVERYTHING
from photosync.domain.states import State
from photosync.errors import (
    FileInUse,
    ItemGone,
    PhoneGone,
    PhoneNotReady,
    PhoneStalled,
    SourceMissing,
    Stopping,
    TransientError,
)
from photosync.store.control import Problem
from photosync.store.source_choices import NO_CHOICE, SourceChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from photosync.domain.media import Entry, Finding, Source
    from photosync.domain.shots import Rules
    from photosync.stages.ports import Bells, Flag, SourceFiles
    from photosync.store.control import Control
    from photosync.store.intake import Intake, Known
    from photosync.store.sightings import Sight, Sightings
    from photosync.store.sources import Sources

log = logging.getLogger(__name__)

UNREADABLE = "folder_unreadable"
LOST_CODES = (SourceMissing.code, PhoneStalled.code, PhoneNotReady.code)
FIRST = {"auto": State.FOUND, "manual": State.HELD}
"""The state of what is new, by how the user wants it."""
AT_ONCE = 200
"""Files recorded in one transaction: a kill loses no more than so many examinations."""

ASK_EACH = 16
"""Files listed between two questions whether to end: a phone lists them slowly."""

WINDOW = 10_000
"""Files of a folder held in memory at once, to be put in order."""

BY_DATE = attrgetter("mtime_ns", "path")


@dataclass(frozen=True, slots=True)
class Watched:
    """A source and its files. ``gone``: it was taken away, whatever a look at it still finds."""

    source: Source
    files: SourceFiles
    gone: Event = field(default_factory=Event)


@dataclass(slots=True)
class Look:
    """What one look at a folder brought.

    ``later``: files that somebody still writes to, and in how many seconds to ask again.
    ``sight``: what a look at the whole source sees of what is on record. ``takes``: whether what
    is new is taken.
    """

    sight: Sight | None = None
    takes: bool = True
    seen: int = 0
    added: int = 0
    revived: int = 0
    later: dict[str, float] = field(default_factory=dict)


def _as_settings_say(_source_id: int) -> SourceChoice:
    return NO_CHOICE


class Discover:
    """Records what lies in watched folders.

    ``choice_of``: what the user decided about a source besides.
    ``first``: the state of new items of a source, found or held. ``rules``: what is left out of
    shots of many files; such a part waits a moment for the others. ``sightings``: where it is
    noted which items a look at a whole source did not see.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        sources: Sources,
        control: Control,
        first: Callable[[Source], State],
        bells: Bells,
        halt: Flag,
        clock: Callable[[], float],
        choice_of: Callable[[int], SourceChoice] = _as_settings_say,
        rules: Rules = EVERYTHING,
        sightings: Sightings | None = None,
    ) -> None:
        self._rules = rules
        self._sightings = sightings
        self._intake = intake
        self._sources = sources
        self._control = control
        self._first = first
        self._choice_of = choice_of
        self._bells = bells
        self._halt = halt
        self._clock = clock

    def look(self, watched: Watched, under: str = "", *, closed: bool = False) -> Look:
        """Look at the folder, or only at the folder or file ``under`` it.

        ``closed``: a program was seen to finish writing there.

        Raises:
            SourceMissing: The folder is away; noted already, and nothing is taken for deleted.
        """
        sight = None if under or self._sightings is None else self._sightings.begin()
        try:
            watched.files.check()
            look = self._look(watched, under, sight, closed=closed)
            self._beware_of_emptiness(watched, look, under)
        except SourceMissing as error:
            self.lost(watched.source, error)
            raise
        self._there(watched)
        self._tell_of_unreadable(watched)
        if sight is not None and self._sightings is not None and not watched.gone.is_set():
            is_whole = not watched.files.unreadable
            now = int(self._clock())
            self._sightings.end(watched.source.id, sight, is_whole=is_whole, now=now)
        return look

    def lost(self, source: Source, error: SourceMissing) -> None:
        """Note that a source is away: its items wait until it is back.

        A phone that was unplugged is nothing to worry about; a folder is.
        """
        now = int(self._clock())
        if type(error) is PhoneGone:
            log.info("source.away id=%d reason=%s", source.id, error.message)
            self._sources.set_connected(source.id, connected=False, now=now)
            self._clear_lost(source)
            return
        log.warning("source.missing id=%d reason=%s", source.id, error.message)
        self._sources.set_connected(source.id, connected=False, now=now)
        self._control.raise_problem(
            Problem(
                code=error.code,
                subject=str(source.id),
                message=error.message,
                hint=error.hint,
                gate="source",
                needs_user=error.needs_user,
                since=now,
                until=None,
            )
        )

    def _clear_lost(self, source: Source) -> None:
        for code in LOST_CODES:
            self._control.clear_problem(code, str(source.id))

    def _there(self, watched: Watched) -> None:
        self._clear_lost(watched.source)
        self._connect(watched)
        self._bells.ring("mirror", "pull", "upload")

    def _connect(self, watched: Watched) -> None:
        """Its items are within reach, unless it was taken away during the look.

        Whoever takes it away sets ``gone`` first, and then notes that it is not connected.
        """
        now = int(self._clock())
        if not watched.gone.is_set():
            self._sources.set_connected(watched.source.id, connected=True, now=now)
        if watched.gone.is_set():
            self._sources.set_connected(watched.source.id, connected=False, now=now)

    def _tell_of_unreadable(self, watched: Watched) -> None:
        """A folder that may not be listed may hold photos that nobody would ever hear of."""
        subject, unreadable = str(watched.source.id), watched.files.unreadable
        if not unreadable:
            self._control.clear_problem(UNREADABLE, subject)
            return
        path, why = next(iter(unreadable.items()))
        more = f" and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
        self._control.raise_problem(
            Problem(
                code=UNREADABLE,
                subject=subject,
                message=f"The folder {readable(path)} in {watched.files.name}{more} cannot be"
                f" read ({why}); its photos are not backed up.",
                hint="Let the user that runs photosync read it, or put it into select.exclude.",
                gate="",
                needs_user=False,
                since=int(self._clock()),
                until=None,
            )
        )

    def _look(self, watched: Watched, under: str, sight: Sight | None, *, closed: bool) -> Look:
        choice = self._choice_of(watched.source.id)
        look = Look(sight=sight, takes=not choice.is_left)
        first = self._first(watched.source) if choice.mode is None else FIRST[choice.mode]
        intake = _Batch(
            self._intake,
            watched.source.id,
            first=first,
            rules=self._rules,
            clock=self._clock,
            look=look,
        )
        for window in self._by_date(watched.files.entries(under)):
            look.seen += len(window)
            for entry, known in self._of_interest(watched, window, look):
                self._one(watched, entry, known, intake, look, closed=closed)
                if len(intake) >= AT_ONCE:
                    self._record(watched, intake)
        self._record(watched, intake)
        if not self._rules.take_all:
            self._intake.await_no_more(watched.source.id, now=int(self._clock()))
        return look

    def _by_date(self, entries: Iterable[Entry]) -> Iterator[list[Entry]]:
        """The files of each folder oldest first, as far as a window reaches.

        Disks list them in any order. Where each month has an album of its own, say, its photos
        follow one another this way and fill the batches of ``create``.
        """
        window: list[Entry] = []
        before = ""
        for number, entry in enumerate(entries):
            if number % ASK_EACH == 0 and self._halt.is_set():
                raise Stopping
            folder = entry.path.rpartition("/")[0]
            if folder != before or len(window) >= WINDOW:
                yield sorted(window, key=BY_DATE)
                window = []
                before = folder
            window.append(entry)
        yield sorted(window, key=BY_DATE)

    def _of_interest(
        self, watched: Watched, window: Sequence[Entry], look: Look
    ) -> Iterator[tuple[Entry, Known | None]]:
        """What is not on record, or was set aside for a reason that seems to be over."""
        records = self._intake.known(watched.source.id, window)
        if look.sight is not None:
            for known in records:
                if known is not None:
                    look.sight.see(known.id)
        if not look.takes:
            return
        for entry, known in zip(window, records, strict=True):
            if known is None or known.revivable:
                if self._halt.is_set():
                    raise Stopping
                yield entry, known

    def _one(
        self,
        watched: Watched,
        entry: Entry,
        known: Known | None,
        intake: _Batch,
        look: Look,
        *,
        closed: bool,
    ) -> None:
        wait = watched.files.settled_in(entry, closed=closed)
        if wait > 0:
            look.later[entry.path] = wait
            return
        try:
            finding = watched.files.examine(entry)
        except FileInUse as error:
            look.later[entry.path] = error.least_wait
        except ItemGone as error:
            log.debug("file.%s path=%r", error.code, readable(entry.path))
            look.later[entry.path] = TransientError.least_wait
        else:
            if finding is not None:
                intake.take(finding, None if known is None else known.id)

    def _record(self, watched: Watched, intake: _Batch) -> None:
        if intake.record():
            # the files lie there to be read, or they could not have been examined
            self._connect(watched)
            self._bells.ring("mirror", "pull")

    def _beware_of_emptiness(self, watched: Watched, look: Look, under: str) -> None:
        """A folder that held photos and is bare all at once is a disk that is not mounted."""
        if under or look.seen or not watched.files.is_bare():
            return
        if not self._sources.has_items(watched.source.id):
            return
        if watched.source.kind == SourceKind.PHONE:
            raise PhoneNotReady(
                f"{watched.files.name} shows none of its photos, though some were found before.",
                hint="Unlock the phone once, or see photosync folders and phone.folders.",
            )
        raise SourceMissing(
            f"The folder {watched.files.name} is suddenly empty, though photos were found"
            " there before."
        )


class _Batch:
    """Findings on their way into the database."""

    def __init__(
        self,
        intake: Intake,
        source_id: int,
        *,
        first: State,
        rules: Rules,
        clock: Callable[[], float],
        look: Look,
    ) -> None:
        self._intake = intake
        self._source_id = source_id
        self._first = first
        self._rules = rules
        self._clock = clock
        self._look = look
        self._new: list[Finding] = []
        self._back: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._new) + len(self._back)

    def take(self, finding: Finding, known_id: int | None) -> None:
        """One more: new, or back again unless it still cannot be read."""
        if known_id is None:
            awaits = self._rules.may_leave_out(finding.path)
            self._new.append(replace(finding, awaits_parts=True) if awaits else finding)
        elif finding.refusal is None:
            self._back.append((known_id, finding.mime_type))

    def record(self) -> bool:
        """Write them down; whether any item is new or back."""
        if not self:
            return False
        now = int(self._clock())
        added = self._intake.add(self._source_id, self._new, first=self._first, now=now)
        revived = self._intake.revive(self._back, first=self._first, now=now) if self._back else 0
        self._look.added += added
        self._look.revived += revived
        self._new.clear()
        self._back.clear()
        if added or revived:
            log.info("items.found source=%d new=%d back=%d", self._source_id, added, revived)
        return bool(added or revived)
