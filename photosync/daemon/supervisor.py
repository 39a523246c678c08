"""Starts the workers, keeps the record of what they do, and ends them within seconds."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.daemon.notify import Notifier
from photosync.daemon.reports import UPLOAD, Rate
from photosync.domain.media import SourceKind, in_units
from photosync.domain.states import READY_STATES, State
from photosync.errors import PhotosyncError
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from photosync.daemon.bells import Bells
    from photosync.daemon.everywhere import Everywhere
    from photosync.daemon.reports import Board
    from photosync.daemon.worker import Worker
    from photosync.stages.gate import LibraryGate
    from photosync.store.control import Beat, Control
    from photosync.store.media import MediaItems
    from photosync.store.overview import Counts, Overview, SourceView

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
ONCE_TICK_SECONDS = 0.2
JOIN_SECONDS = 4.0
COPY_SECONDS = 60.0
SOON_SECONDS = 60
"""``run --once`` waits that long for items put aside and for files still being written."""

BACKUP = "backup"
"""The worker that brings content to the second copy."""

REFUSED_SETTINGS = "settings_refused"
HUNG_SECONDS = 1800.0
"""A worker that gave no sign of life for so long hangs. Longer than any honest call takes: two
minutes for an answer of Google's, a minute for a full disk to write a block, and the copy of a
database of many gigabytes on a slow card."""

STUCK_SECONDS = 15.0
"""So long ``run --once`` sees workers fail at what is left; a copy that goes makes room earlier."""

TAKERS = (
    (State.FOUND, SourceKind.PHONE, "pull"),
    (State.FOUND, SourceKind.FOLDER, "mirror"),
    (State.MIRRORED, None, "upload"),
    (State.UPLOADED, None, "create"),
)
"""Which workers take items of a state, by the beginning of their names."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand at one tick. ``rate`` in bytes a second."""

    counts: Counts
    beats: tuple[Beat, ...]
    rate: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``left``: items that still wait; ``failed``: failed during this run.

    ``away``: how many wait on each phone (by its label) or folder that is not there.
    """

    done: int
    duplicates: int
    failed: int
    left: int
    unsettled: int
    away: dict[str, int]


class Supervisor:
    """Runs the workers until the stop event is set, or, with ``once``, until nothing is left."""

    def __init__(
        self,
        *,
        workers: Sequence[Worker],
        folders: Everywhere,
        items: MediaItems,
        overview: Overview,
        control: Control,
        gate: LibraryGate,
        bells: Bells,
        board: Board,
        halt: Event,
        clock: Callable[[], float],
        hang_up: Callable[[], None],
        notifier: Notifier | None = None,
        resting: Callable[[], str] = lambda: "",
        undecided: Callable[[], bool] = lambda: False,
        backing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._undecided = undecided
        self._backing = backing
        self._resting = resting
        self._workers = workers
        self._folders = folders
        self._items = items
        self._overview = overview
        self._control = control
        self._gate = gate
        self._bells = bells
        self._board = board
        self._halt = halt
        self._clock = clock
        self._hang_up = hang_up
        self._notifier = notifier or Notifier({})
        self._hanging: set[str] = set()
        self._is_reloading = False
        self._rate = Rate()
        self._told: tuple[tuple[int, int], ...] = ()
        self._fatal: PhotosyncError | None = None
        self._was_stopped = False
        self._untold: PhotosyncError | None = None
        self._seen_at = 0.0

    @property
    def was_stopped(self) -> bool:
        """Whether the run was told to end before its work was done."""
        return self._was_stopped

    def silent_seconds(self) -> dict[str, float]:
        """How long ago each worker gave a sign of life, by name; a dead one's grows for ever."""
        return {one.name: one.silent_seconds() for one in self._workers}

    def end_with(self, error: PhotosyncError) -> None:
        """End the run because of ``error``."""
        self._fatal = error
        self._halt.set()

    def end_for_reload(self) -> None:
        """End the run, for another with new settings."""
        self._is_reloading = True
        self._halt.set()

    def refuse_settings(self, error: PhotosyncError) -> None:
        """The settings were to be read anew, and cannot be: those of before stay."""
        self._notifier.reloading()
        log.error("settings.refused reason=%s", error.message)
        message = f"The settings cannot be taken over: {error.message}"
        now = int(self._clock())
        self._control.raise_problem(
            Problem(
                code=REFUSED_SETTINGS,
                subject="settings",
                message=message,
                hint="photosync goes on with those of before. Mend them, then reload it once more.",
                gate="",
                needs_user=True,
                since=now,
                until=None,
            )
        )
        self._notifier.ready()

    def keep_settings(self) -> None:
        """What was to be read anew is as it was."""
        self._notifier.reloading()
        self._control.clear_problem(REFUSED_SETTINGS, "settings")
        self._notifier.ready()

    def run(self, *, once: bool, tick: Callable[[Snapshot], None] | None = None) -> Outcome:
        """Work until told to stop; ``tick`` is called about once a second.

        Raises:
            PhotosyncError: Something that ends the daemon, like a damaged database.
        """
        freed = self._items.release_all()
        log.info("daemon.started workers=%d freed=%d", len(self._workers), freed)
        before = self._overview.counts()
        self._folders.start()
        for worker in self._workers:
            worker.start()
        self._control.be_brief()
        self._notifier.ready()
        try:
            self._watch_over(once=once, tick=tick)
            self._was_stopped = self._halt.is_set()
        finally:
            self._end()
        if self._fatal is not None:
            raise self._fatal
        return self._outcome(before)

    def _watch_over(self, *, once: bool, tick: Callable[[Snapshot], None] | None) -> None:
        rung = self._control.rung()
        began = self._seen_at = time.monotonic()
        while not self._halt.wait(ONCE_TICK_SECONDS if once else TICK_SECONDS):
            if self._are_alive():
                self._notifier.feed()
            snapshot = self._look()
            if snapshot is None:
                if once and time.monotonic() - self._seen_at > SOON_SECONDS:
                    self._fatal = self._untold
                    return
                continue
            self._seen_at = time.monotonic()
            self._notifier.status(self._words(snapshot))
            if tick is not None:
                tick(snapshot)
            now_rung = self._control.rung()
            if now_rung != rung:
                rung = now_rung
                self._bells.ring_all()
            if once and self._nothing_left(time.monotonic() - began):
                return

    def _look(self) -> Snapshot | None:
        """How things stand, written down for others where it changed."""
        try:
            now = int(self._clock())
            beats = self._board.under_way(self._overview.in_hand(), now=now)
            counts = self._overview.counts()
            gone = sum(counts.size_bytes(state) for state in (State.UPLOADED, State.DONE)) + sum(
                one.sent_bytes for one in beats if one.doing == UPLOAD
            )
            rate = self._rate.sample(gone)
            told = tuple((one.item_id or 0, one.sent_bytes) for one in beats)
            if told != self._told or rate > 0:
                self._control.tell(beats, rate=int(rate), now=now)
                self._told = told
        except PhotosyncError as error:
            level = logging.DEBUG if self._untold else logging.WARNING  # once, not every second
            log.log(level, "status.unwritten reason=%s", error)
            self._untold = error
            return None
        self._untold = None
        return Snapshot(counts, tuple(beats), rate)

    def _are_alive(self) -> bool:
        """Whether every worker moves: else systemd has to start us anew."""
        hanging = {
            worker.name
            for worker in self._workers
            if not worker.is_alive() or worker.silent_seconds() > HUNG_SECONDS
        }
        for name in hanging - self._hanging:
            log.error("worker.hangs name=%s", name)
        self._hanging = hanging
        return not hanging

    def _words(self, snapshot: Snapshot) -> str:
        """How it goes, in a line for ``systemctl status``."""
        paused = self._control.flag("paused")
        if paused is not None:
            return f"paused: {paused}" if paused else "paused"
        shut = [one for one in self._control.problems() if one.gate == "library" or one.needs_user]
        if shut and not self._gate.is_open():
            return shut[0].message
        counts = snapshot.counts
        waiting = counts.waiting()
        if waiting and self._resting():
            return self._resting()
        if not waiting:
            return f"{counts.items(State.DONE):,} in the library, nothing to do"
        uploading = sum(one.doing == UPLOAD for one in snapshot.beats)
        return f"{uploading} of {waiting:,} uploading, {in_units(int(snapshot.rate))}/s"

    def _nothing_left(self, since_start: float) -> bool:
        patient = since_start < SOON_SECONDS
        if not self._folders.looked() or (patient and self._folders.unsettled()):
            return False
        if self._undecided() and self._control.flag("paused") is None:
            return False  # what was left out for the sake of another file may come back
        if self._backs_up():
            return False
        with self._overview.one_moment():  # an item that moves on meanwhile is never overlooked
            return self._is_idle(int(self._clock()))

    def _is_idle(self, now: int) -> bool:
        if self._overview.in_hand():
            return False
        if self._control.flag("paused") is not None:
            return True
        workable = self._workable(now)
        if State.FOUND in workable:
            return False
        aside = self._overview.put_aside(now=now)
        soon = aside.next_at is not None and aside.next_at <= now + SOON_SECONDS
        if not self._gate.is_open() and not self._gate.opens_within(SOON_SECONDS):
            return True
        return not soon and not workable

    def _backs_up(self) -> bool:
        """Whether something goes to the second copy, and its worker gets on with it."""
        return self._backing() and any(
            not worker.is_stuck(STUCK_SECONDS) for worker in self._workers if worker.name == BACKUP
        )

    def _workable(self, now: int) -> set[State]:
        """States with items that are ready, and with a worker that gets on with them."""
        return {
            state
            for state, kind, taker in TAKERS
            if not (state == State.MIRRORED and self._resting())
            and self._overview.ready(state, kind=kind, now=now)
            and any(
                not worker.is_stuck(STUCK_SECONDS)
                for worker in self._workers
                if worker.name.startswith(taker)
            )
        }

    def _end(self) -> None:
        if self._is_reloading:
            self._notifier.reloading()
        else:
            self._notifier.stopping()
        patience = JOIN_SECONDS
        if self._halt.is_set():
            self._control.hurry()
        else:
            patience = COPY_SECONDS  # nobody waits: the copy of the database may be made
        self._halt.set()
        self._hang_up()
        self._bells.ring_all()
        self._folders.stop()
        ends = time.monotonic() + patience
        for worker in self._workers:
            worker.join(max(0.0, ends - time.monotonic()))
            if worker.is_alive():
                log.warning("worker.left_behind name=%s", worker.name)
        self._control.hurry()
        try:
            self._control.forget_heartbeats()
        except PhotosyncError as error:
            log.warning("status.unwritten reason=%s", error)
        log.info("daemon.stopped")

    def _outcome(self, before: Counts) -> Outcome:
        """What changed since ``before``; items of folders no longer watched are nobody's to do."""
        after = self._overview.counts()

        def grown(state: State) -> int:
            return max(0, after.items(state) - before.items(state))

        def within_reach(view: SourceView, state: State) -> bool:
            """Whether the bytes can be had: from their source, from the mirror, or at Google."""
            is_copied = view.source.kind == SourceKind.PHONE and state != State.FOUND
            return view.source.connected or is_copied or state == State.UPLOADED

        sources = self._overview.sources()
        return Outcome(
            done=grown(State.DONE),
            duplicates=grown(State.DUPLICATE),
            failed=grown(State.FAILED),
            left=sum(
                after.items(state, view.source.id)
                for view in sources
                for state in READY_STATES
                if within_reach(view, state)
            ),
            unsettled=len(self._folders.unsettled()),
            away={
                view.source.label: waiting
                for view in sources
                if (
                    waiting := sum(
                        after.items(state, view.source.id)
                        for state in READY_STATES
                        if not within_reach(view, state)
                    )
                )
            },
        )
