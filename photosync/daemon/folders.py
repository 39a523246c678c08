"""Looks at sources: all of each at start, then what changed, and all again at times."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Protocol

from photosync.errors import SourceMissing, WatchUnavailable
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from photosync.stages.discover import Discover, Watched
    from photosync.store.control import Control

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.3
CLOSED_SECONDS = 0.5
LOOK_AGAIN_SECONDS = 15 * 60.0  # hints may be lost; a full look loses nothing
POLL_SECONDS = 30.0
MISSING_SECONDS = 5.0
MOST_SINGLE_FILES = 500
"""More files than that in one folder are looked at together."""


class Watcher(Protocol):
    """Hints that something changed below a folder."""

    def start(self) -> None:
        """Begin.

        Raises:
            WatchUnavailable: The kernel will not tell.
        """

    def stop(self) -> None:
        """End."""

    def alive(self) -> bool:
        """Whether hints can still be expected."""


@dataclass(slots=True)
class Job:
    """A look that is due at a time of the monotonic clock.

    ``closed``: a file that was seen closed, or moved there. ``again``: it was looked at before
    and somebody still wrote to it.
    """

    due: float
    closed: bool = False
    again: bool = False


@dataclass(slots=True, eq=False)
class Round:
    """What one folder waits for: looks by the path they begin at.

    ``crowd``: files being written that are too many for a look each; a whole one is due for them.
    ``asked``: the one that is asked after at this moment.
    """

    watched: Watched
    jobs: dict[str, Job] = field(default_factory=dict)
    crowd: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    watcher: Watcher | None = None
    looked: bool = False
    gone: bool = False


class Folders:
    """The looks that are due. ``watch`` makes a watcher that calls back with hints; None: none.

    ``looked`` is called after each look.
    """

    def __init__(
        self,
        watched: Sequence[Watched],
        *,
        discover: Discover,
        control: Control,
        watch: Callable[[Watched, Callable[[str, str | None], None]], Watcher] | None,
        halt: Event,
        clock: Callable[[], float],
        looked: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told_of_looks = looked
        self._looking = False
        self._rounds = [Round(one) for one in watched]
        self._discover = discover
        self._control = control
        self._watch = watch
        self._halt = halt
        self._clock = clock
        self._monotonic = monotonic
        self._changed = Condition()
        self.look_at_everything()

    def add(self, watched: Watched) -> None:
        """Look at another source from now on."""
        with self._changed:
            self._rounds.append(Round(watched, {"": Job(self._monotonic())}))
            self._changed.notify_all()

    def remove(self, source_id: int) -> None:
        """Look at a source no more; a look that is under way goes on to its end."""
        with self._changed:
            gone = [one for one in self._rounds if one.watched.source.id == source_id]
            self._rounds = [one for one in self._rounds if one not in gone]
        for one in gone:
            one.gone = True
            if one.watcher is not None:
                one.watcher.stop()

    def look_at_everything(self) -> None:
        """Look at all folders as soon as possible."""
        with self._changed:
            for one in self._rounds:
                one.jobs[""] = Job(self._monotonic())
            self._changed.notify_all()

    def looked(self) -> bool:
        """Whether every folder was looked at once, or found to be away."""
        with self._changed:
            return all(one.looked for one in self._rounds)

    def expecting(self) -> bool:
        """Whether new photos are likely within a second: a look goes on, or files were closed.

        Files that somebody still writes to do not count: that may take hours.
        """
        with self._changed:
            return self._looking or any(
                job.closed and not job.again for one in self._rounds for job in one.jobs.values()
            )

    def unsettled(self) -> list[str]:
        """Paths that somebody still writes to."""
        with self._changed:
            return [
                path
                for one in self._rounds
                for path in dict.fromkeys([*one.crowd, *one.asked, *filter(None, one.jobs)])
            ]

    def run_once(self) -> bool:
        """Make the look that is due; wait for one up to a second. Whether there was one."""
        found = self._next()
        if found is None:
            self._miss_no_watcher()
            return False
        try:
            self._look(*found)
        finally:
            found[0].asked = []
            self._looking = False
            self._told_of_looks()
        return True

    def _look(self, one: Round, under: str, job: Job) -> None:
        if under == "":
            self._attend(one)
        try:
            look = self._discover.look(one.watched, under, closed=job.closed)
        except SourceMissing:
            self._after(one, {}, job, full_in=MISSING_SECONDS)
        except Exception:
            with self._changed:  # the look was not made: it stays due
                self._add(one, under, Job(self._monotonic() + DEBOUNCE_SECONDS, job.closed))
            raise
        else:
            if look.added or look.revived:
                log.debug("folder.looked seen=%d new=%d", look.seen, look.added)
            full_in = None if under else self._interval(one)
            if not under:
                one.crowd = []
            self._after(one, look.later, job, full_in=full_in)

    def stop(self) -> None:
        """Stop watching and wake whoever waits."""
        with self._changed:
            self._changed.notify_all()
            rounds = list(self._rounds)
        for one in rounds:
            if one.watcher is not None:
                one.watcher.stop()

    def _next(self) -> tuple[Round, str, Job] | None:
        with self._changed:
            now = self._monotonic()
            due = [
                (job.due, index, path)
                for index, one in enumerate(self._rounds)
                for path, job in one.jobs.items()
            ]
            if due and min(due)[0] <= now:
                _, index, path = min(due)
                one = self._rounds[index]
                self._looking = True
                one.asked = [path] if path else []
                return one, path, one.jobs.pop(path)
            wait = min([at - now for at, _, _ in due], default=1.0)
            if not self._halt.is_set():
                self._changed.wait(min(wait, 1.0))
            return None

    def _after(
        self, one: Round, later: dict[str, float], job: Job, *, full_in: float | None
    ) -> None:
        now = self._monotonic()
        with self._changed:
            one.looked = True
            if len(later) > MOST_SINGLE_FILES:
                one.crowd = list(later)
                full_in, later = min(later.values()), {}
            for path, wait in later.items():
                self._add(one, path, Job(now + wait, job.closed, again=True))
            if full_in is not None:
                self._add(one, "", Job(now + full_in))

    def _add(self, one: Round, path: str, job: Job) -> None:
        """Add a look; the earlier of two stays, and what was seen closed stays closed."""
        known = one.jobs.get(path)
        if known is not None:
            job = Job(
                min(known.due, job.due), known.closed or job.closed, known.again and job.again
            )
        one.jobs[path] = job

    def _hint(self, one: Round, folder: str, closed_path: str | None) -> None:
        with self._changed:
            now = self._monotonic()
            if closed_path is not None and len(one.jobs) < MOST_SINGLE_FILES:
                one.jobs.pop(closed_path, None)  # whatever was due before is out of date
                one.jobs[closed_path] = Job(now + CLOSED_SECONDS, closed=True)
            else:
                self._add(one, folder, Job(now + DEBOUNCE_SECONDS))
            self._changed.notify_all()

    def _miss_no_watcher(self) -> None:
        """A watcher that died (its folder was unmounted, say) told nothing since: look anew."""
        with self._changed:
            rounds = list(self._rounds)
        for one in rounds:
            if one.watcher is not None and not one.watcher.alive():
                with self._changed:
                    self._add(one, "", Job(self._monotonic() + DEBOUNCE_SECONDS))

    def _interval(self, one: Round) -> float:
        return POLL_SECONDS if one.watcher is None and self._watch else LOOK_AGAIN_SECONDS

    def _attend(self, one: Round) -> None:
        """See to it that the folder is watched, before it is looked at."""
        if self._watch is None or (one.watcher is not None and one.watcher.alive()):
            return
        if one.watcher is not None:
            one.watcher.stop()
            one.watcher = None
        watcher = self._watch(one.watched, lambda folder, closed: self._hint(one, folder, closed))
        subject = str(one.watched.source.id)
        try:
            one.watched.files.check()
            watcher.start()
        except SourceMissing:
            return  # the look that follows says so
        except WatchUnavailable as error:
            watcher.stop()
            log.warning("folder.unwatched id=%s reason=%s", subject, error)
            self._control.raise_problem(_unwatched(error, subject, int(self._clock())))
        else:
            one.watcher = watcher
            if one.gone:  # while its watcher was made
                watcher.stop()
            self._control.clear_problem(WatchUnavailable.code, subject)


def _unwatched(error: WatchUnavailable, subject: str, now: int) -> Problem:
    return Problem(
        code=error.code,
        subject=subject,
        message=error.message,
        hint=error.hint,
        gate="",
        needs_user=False,
        since=now,
        until=None,
    )
