"""Settings → a supervisor with everything in its place."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from photosync.app.answering import answering
from photosync.app.connecting import connection_of, refuse_without_token
from photosync.app.crew import Crew, Ground, Step
from photosync.app.leaving import TakenToday, leave_out_all
from photosync.app.not_signed_in import not_signed_in
from photosync.app.noticing import noticing, telling_of_the_end
from photosync.app.reselected import apply_to_all, tell_of_dropped
from photosync.app.selecting import first_state, of_phones, rules_of
from photosync.app.state import (
    MIRROR_MADE,
    WEB_PORT,
    make_state_dir,
    no_settings,
    opened,
    own_name,
)
from photosync.app.watched import watched_folders
from photosync.daemon import lock
from photosync.daemon.bells import Bells
from photosync.daemon.everywhere import Everywhere
from photosync.daemon.folders import Folders
from photosync.daemon.metered import METERED, Meter
from photosync.daemon.network import Network
from photosync.daemon.reports import Board, Troubles
from photosync.daemon.supervisor import Supervisor
from photosync.daemon.upkeep import Upkeep
from photosync.daemon.worker import Worker
from photosync.errors import (
    DailyQuotaSpent,
    PhotosyncError,
    SettingsError,
    SourceMissing,
)
from photosync.files.dating import DatedCopies
from photosync.files.mirroring import MirrorDisk
from photosync.files.watching import Watching
from photosync.google.width import Width
from photosync.stages.discover import Discover, Watched
from photosync.stages.gate import NO_WAY, LibraryGate
from photosync.stages.originals import LocalOriginals
from photosync.stages.parts import Parts
from photosync.stages.second_chances import SecondChances
from photosync.store.copies import Copies
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.second_chances import SecondChances as SecondChanceRecords
from photosync.store.shots import Shots
from photosync.store.sightings import Sightings
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from photosync.app.phones import PhoneSide
    from photosync.app.site import DaemonSide
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.daemon.notify import Notifier
    from photosync.daemon.phones import Phones
    from photosync.device.phone import Phone
    from photosync.files.folder import Folder
    from photosync.stages.backup import Backup

log = logging.getLogger(__name__)

BELLS = (
    "folders",
    "phones",
    "phone-looks",
    "surveys",
    "mirror",
    "pull",
    "parts",
    "prune",
    "network",
    "notices",
    "upkeep",
    "upload",
    "create",
    "dating",
    "backup",
    "restore",
)
DATED_COPIES = "cache/dated"

IDLE_SECONDS = {"folders": 0.0, "phone-looks": 0.0, "network": 0.0, "parts": 1.0}
"""Workers that wait by themselves for what is due, and one that nobody rings for."""

CALLED_SECONDS = 30.0
"""Of several that do the same, the first looks for what has become due, and calls the others."""


FIRST = "-1"


def _idle_seconds(name: str) -> float:
    is_called = name.rpartition("-")[2].isdigit() and not name.endswith(FIRST)
    return CALLED_SECONDS if is_called else IDLE_SECONDS.get(name, 5.0)


@contextmanager
def running(
    settings: Settings,
    *,
    once: bool,
    halt: Event,
    notifier: Notifier | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Supervisor]:
    """The supervisor of a daemon that holds the lock of its state folder.

    Raises:
        SettingsError: There is nothing to watch.
        SignInRequired: There is no token yet, and no page that could get one.
        AlreadyRunning, DatabaseError: See there.
    """
    _refuse_idleness(settings)
    make_state_dir(settings.state_dir)
    with ExitStack() as stack:
        stack.enter_context(lock.held(settings.state_dir, now=int(clock())))
        with telling_of_the_end(settings, clock) as telling:
            telling.state = state = stack.enter_context(opened(settings, clock))
            state.control.drop_flag(WEB_PORT)  # of a daemon that was killed: nobody answers there
            waits_for_sign_in = settings.web.enabled and not once  # its page signs in
            if not waits_for_sign_in:
                refuse_without_token(settings)
            network = None if once else stack.enter_context(closing(Network()))
            builder = _Builder(settings, state, halt, network=network)
            supervisor = builder.supervisor(notifier)
            if settings.web.enabled and not once:
                stack.enter_context(
                    answering(settings, state, supervisor, side=builder.daemon_side)
                )
            if waits_for_sign_in and not settings.google.token_file.exists():
                builder.wait_for_sign_in()
            yield supervisor
            try:
                _part(settings, state, supervisor, once=once)
            except PhotosyncError as error:  # the run itself came to its end
                log.warning("run.untold reason=%s", error)


def _part(settings: Settings, state: OpenState, supervisor: Supervisor, *, once: bool) -> None:
    """What is left to say when a run has ended."""
    if not once:
        state.control.drop_flag(WEB_PORT)
        if state.control.flag(METERED) is not None:
            state.control.drop_flag(METERED)  # who knows by which network the next run goes
    elif not supervisor.was_stopped:
        noticing(settings, state, clock=state.clock).look(settled=True)


def _is_elsewhere(url: str) -> bool:
    """Whether requests leave this machine: not those to the emulator."""
    return urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost")


def _refuse_idleness(settings: Settings) -> None:
    if settings.folder:
        return
    nothing = no_settings(settings)
    if nothing is not None:
        raise nothing
    if not settings.phone.enabled:
        raise SettingsError(
            f"{settings.file} names no folder to back up, and phones are switched off.",
            hint='Add one:  [[folder]]  path = "~/Pictures"',
        )


class _Builder:
    """Makes each part once. One method a part, in the order in which they need each other."""

    def __init__(
        self, settings: Settings, state: OpenState, halt: Event, *, network: Network | None
    ) -> None:
        self._settings = settings
        self._state = state
        self._halt = halt
        self._network = network
        self._once = network is None
        self._backup: Backup | None = None
        self._clock = state.clock
        watches = not settings.upload.metered and _is_elsewhere(settings.google.api_url)
        self._meter = Meter(self._metered) if watches else None
        self._items = MediaItems(state.database)
        self._sources = Sources(state.database)
        self._source_choices = SourceChoices(state.database)
        self._bells = Bells(*BELLS)
        self._board = Board()
        self._files: dict[int, Folder] = {}
        self._width = Width(
            settings.upload.workers,
            settings.upload.most_workers,
            grown=lambda: self._bells.ring("upload"),
        )
        self._connection = connection_of(settings, state, halt=halt, width=self._width)
        self._dated_copies = DatedCopies(settings.state_dir / DATED_COPIES, halt=halt)
        self._gate = LibraryGate(
            state.control, clock=self._clock, signed_in=self._connection.signed_in
        )
        self._parts = self._made_parts()
        chances = SecondChanceRecords(state.database, TakenToday(settings, state))
        self._chances = SecondChances(chances, bells=self._bells, clock=self._clock)
        self._discover = Discover(
            intake=Intake(state.database),
            sources=self._sources,
            control=state.control,
            first=first_state(settings),
            rules=rules_of(settings),
            bells=self._bells,
            halt=halt,
            clock=self._clock,
            choice_of=self._source_choices.of,
            sightings=Sightings(state.database),
        )
        self._originals: LocalOriginals | None = None
        self._phones: Phones | None = None

    def daemon_side(self) -> DaemonSide:
        """What the web page shares with the workers."""
        from photosync.app.site import DaemonSide
        from photosync.errors import PhoneGone

        def phone_of(source_id: int) -> Phone:
            if self._phones is None:
                raise PhoneGone("No phone is looked for.")
            return self._phones.of_source(source_id)[1]

        assert self._originals is not None, "the workers are made first"
        return DaemonSide(self._originals, phone_of)

    def wait_for_sign_in(self) -> None:
        """Nobody has signed in: nothing is sent until somebody does, and all else goes on."""
        needed = not_signed_in(self._settings, self._state)
        log.warning("sign_in.needed reason=%s", needed)
        self._gate.close(needed)

    def _is_undecided(self) -> bool:
        return not rules_of(self._settings).take_all and self._parts.is_behind()

    def supervisor(self, notifier: Notifier | None) -> Supervisor:
        """Everything, ready to run."""
        self._state.control.start_afresh()
        self._dated_copies.sweep()
        self._state.control.drop_flag(METERED)
        if self._meter is not None:
            self._meter.look()
        self._reopen_after_raised_quota()
        self._chances.run_once()  # run --once ends when nothing waits: what is due has to by now
        self._sources.disconnect_all()
        watched = self._watched()
        tell_of_dropped(self._settings, self._state, [one.source for one in watched])
        apply_to_all(self._settings, self._state, [one.source for one in watched])
        self._parts.apply()
        folders = self._folders(watched)
        mirror = MirrorDisk(
            self._settings.mirror.path,
            least_free_bytes=self._settings.mirror.min_free,
            owner=own_name(self._state),
            moved_from=self._moved_from(),
        )
        side = self._phone_side(mirror) if self._settings.phone.enabled else None
        everywhere = Everywhere(
            folders,
            None if side is None else side.phones,
            None if side is None else side.looks,
            None if side is None else side.surveys,
        )
        ground = self._ground(watched, mirror, side)
        troubles = Troubles(self._state.control, clock=self._clock, fatal=self._end_with)
        self._supervisor = Supervisor(
            workers=[
                Worker(
                    name,
                    step,
                    bell=self._bells[bell],
                    halt=self._halt,
                    reports=troubles,
                    let_go=self._items.release_of,
                    idle_seconds=_idle_seconds(name),
                    calls=name.endswith(FIRST),
                )
                for name, bell, step in self._steps(ground, folders, everywhere)
            ],
            folders=everywhere,
            items=self._items,
            overview=self._state.overview,
            control=self._state.control,
            gate=self._gate,
            bells=self._bells,
            board=self._board,
            halt=self._halt,
            clock=self._clock,
            hang_up=self._hang_up,
            notifier=notifier,
            resting=self._resting,
            undecided=self._is_undecided,
            backing=lambda: self._backup is not None and self._backup.has_work(),
        )
        return self._supervisor

    def _hang_up(self) -> None:
        self._connection.close()
        self._dated_copies.close()

    def _watch_network(self, network: Network) -> bool:
        has_changed = network.run_once(self._network_changed)
        if self._meter is not None:
            self._meter.look(anew=has_changed)
        return has_changed

    def _metered(self, is_metered: bool) -> None:  # noqa: FBT001 - told by its meter
        if is_metered:
            self._state.control.set_flag(METERED, "1", now=self._state.now())
            return
        self._state.control.drop_flag(METERED)
        self._bells.ring("upload")

    def _network_changed(self) -> None:
        if lost := self._connection.network_changed():
            log.info("network.lost connections=%s", lost)
        if self._gate.network_changed():
            log.info("network.changed")
            self._items.hurry(NO_WAY, now=self._state.now())
            self._bells.ring("upload", "create")

    def _resting(self) -> str:
        said = self._settings.upload.hours.resting(self._clock())
        return said or ("" if self._meter is None else self._meter.resting())

    def _moved_from(self) -> str:
        """Where the mirror was before the settings moved it, if copies there are still needed."""
        made = self._state.control.flag(MIRROR_MADE)
        if made in (None, str(self._settings.mirror.path)):
            return ""
        return str(made) if Copies(self._state.database).wait() else ""

    def _reopen_after_raised_quota(self) -> None:
        """Our own count shut the gate: by today's settings there may be requests left."""
        used, said_by_google = self._state.overview.requests_today(now=self._state.now())
        if not said_by_google and used < self._settings.google.daily_requests:
            self._state.control.clear_problem(DailyQuotaSpent.code)

    def _end_with(self, error: PhotosyncError) -> None:
        self._supervisor.end_with(error)

    def _watched(self) -> list[Watched]:
        watched = []
        for one in watched_folders(self._settings):
            source = one.register(self._sources)
            self._files[source.id] = one.files
            watched.append(Watched(source, one.files))
        return watched

    def _made_parts(self) -> Parts:
        return Parts(
            shots=Shots(self._state.database),
            sources=self._sources,
            control=self._state.control,
            rules=rules_of(self._settings),
            first=first_state(self._settings),
            bells=self._bells,
            clock=self._clock,
        )

    def _folders(self, watched: list[Watched]) -> Folders:
        roots = {
            one.source.id: folder.path
            for one, folder in zip(watched, self._settings.folder, strict=True)
        }
        return Folders(
            watched,
            discover=self._discover,
            control=self._state.control,
            watch=None if self._once else lambda one, hint: Watching(roots[one.source.id], hint),
            halt=self._halt,
            clock=self._clock,
            looked=lambda: self._bells.ring("create"),
        )

    def _phone_side(self, disk: MirrorDisk) -> PhoneSide:
        from photosync.app.phones import (
            phone_side,
        )  # adbutils takes 30 MB: only for those with phones

        return phone_side(
            self._settings,
            self._state,
            sources=self._sources,
            discover=self._discover,
            bells=self._bells,
            disk=disk,
            selection=of_phones(self._settings),
            once=self._once,
            halt=self._halt,
        )

    def _ground(self, watched: list[Watched], disk: MirrorDisk, side: PhoneSide | None) -> Ground:
        sources = {one.source.id: one.source for one in watched}

        def source_lost(source_id: int, error: SourceMissing) -> None:
            if source_id in sources:
                self._discover.lost(sources[source_id], error)
            elif side is not None:
                side.phones.was_lost(source_id, error)

        self._originals = LocalOriginals(self._files, mirror=disk, halt=self._halt)
        self._phones = None if side is None else side.phones
        return Ground(sources, self._originals, disk, side, source_lost)

    def _steps(self, ground: Ground, folders: Folders, everywhere: Everywhere) -> Iterator[Step]:
        """Each worker's, in the order in which a photo meets them."""
        crew = Crew(
            settings=self._settings,
            state=self._state,
            halt=self._halt,
            items=self._items,
            bells=self._bells,
            board=self._board,
            gate=self._gate,
            connection=self._connection,
            width=self._width,
            dated_copies=self._dated_copies,
            resting=self._resting,
        )
        yield from self._looking(folders, ground.side)
        yield from crew.copying(ground)
        if self._network is not None:
            yield from self._staying(self._network)
            yield from crew.putting_back()
        upkeep = Upkeep(self._state.database, clock=self._clock)
        yield upkeep.name, "upkeep", upkeep.run_once
        yield self._chances.name, "upkeep", self._chances.run_once
        if not rules_of(self._settings).take_all:
            yield self._parts.name, "parts", self._parts.run_once
        yield from crew.pruning(ground)
        yield from crew.hashing(ground)
        yield from crew.sending(ground, everywhere)
        self._backup = crew.backup(ground)
        if self._backup is not None:
            yield self._backup.name, "backup", self._backup.run_once

    def _looking(self, folders: Folders, side: PhoneSide | None) -> Iterator[Step]:
        yield "folders", "folders", self._heeding(folders)
        if side is not None:
            yield "phones", "phones", side.phones.run_once
            yield "surveys", "surveys", side.surveys.run_once
            yield "phone-looks", "phone-looks", side.looks.run_once

    def _staying(self, network: Network) -> Iterator[Step]:
        """Those of a daemon that stays."""
        yield "network", "network", partial(self._watch_network, network)
        notices = noticing(self._settings, self._state, halt=self._halt, clock=self._clock)
        yield notices.name, "notices", notices.run_once

    def _heeding(self, folders: Folders) -> Callable[[], bool]:
        """The looks at folders; at all of them anew once the user has switched one off or on."""
        known = self._source_choices.all()

        def step() -> bool:
            nonlocal known
            chosen = self._source_choices.all()
            if chosen != known:
                left = [one for one, choice in chosen.items() if choice.is_left]
                for source_id in left:  # also what a look found while the user was deciding
                    leave_out_all(self._state, source_id)
                known = chosen
                folders.look_at_everything()
            return folders.run_once()

        return step
