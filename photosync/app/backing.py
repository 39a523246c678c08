"""The second copy being made: by the daemon's worker, or by hand."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.destination import Destination
from photosync.app.exposed import exposed
from photosync.app.old_places import OldFolders
from photosync.app.state import opened, own_name
from photosync.backup.keys import new_identity
from photosync.daemon import lock
from photosync.domain.media import SourceKind
from photosync.errors import PhotosyncError
from photosync.files.dates import taken_at
from photosync.files.folder import Folder
from photosync.files.holding import BACKING_UP, hold
from photosync.files.mirroring import MirrorDisk
from photosync.stages.backup import Backup
from photosync.stages.originals import LocalOriginals
from photosync.store.backups import Backups
from photosync.store.resealing import Reseals

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.backups import Exposed
    from photosync.errors import SourceMissing
    from photosync.stages.ports import Flag
    from photosync.store.backups import Target

log = logging.getLogger(__name__)

TURN_SECONDS = 0.2
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What came of it. ``made`` by this run; ``items`` and ``waiting`` of the target as it is now.

    ``reasons``: why some were put aside, as (code, how many, an example's message).
    ``exposed``: what lies there otherwise than it is to be sealed today.
    """

    address: str
    made: int
    made_bytes: int
    items: int
    waiting: int
    reasons: list[tuple[str, int, str]]
    exposed: Exposed
    error: PhotosyncError | None


def no_backup(settings: Settings, state: State) -> None:
    """The settings name no target: nothing waits for one."""
    with hold(settings.state_dir / BACKING_UP) as is_alone:
        Backups(state.database).unwant(forget=is_alone)


def _aimed(settings: Settings, backups: Backups, *, stay: bool) -> Target:
    """The target of the settings; what somebody brings elsewhere by hand right now still waits."""
    with hold(settings.state_dir / BACKING_UP) as is_alone:
        return backups.aim(settings.backup.address, stay=stay, forget=is_alone)


def backup_stage(
    settings: Settings,
    state: State,
    *,
    originals: LocalOriginals,
    halt: Flag,
    stay: bool = True,
    resting: Callable[[], str] = lambda: "",
    is_paused: Callable[[], bool] = lambda: False,
    source_lost: Callable[[int, SourceMissing], None] = lambda _source, _error: None,
    progress: Callable[[int], None] = lambda _more: None,
) -> Backup:
    """The stage that brings what waits to the target of the settings.

    ``stay``: the target is the one from now on, not for one time.
    """
    backups = Backups(state.database)
    target = _aimed(settings, backups, stay=stay)
    owner = own_name(state)
    labels: dict[int, str] = {}

    def label(source_id: int) -> str:
        if source_id not in labels:
            labels.update({one.source.id: one.source.label for one in state.overview.sources()})
        return labels[source_id]

    destination = Destination(settings, state, backups=backups, target=target, owner=owner)
    return Backup(
        backups=backups,
        reseals=Reseals(state.database),
        target=destination,
        old_places=OldFolders(destination.opening_keys),
        originals=originals,
        label=label,
        taken_at=taken_at,
        turn=partial(lock.turn, settings.state_dir),
        owner=owner,
        hides_names=settings.backup.encrypt_names,
        resting=resting,
        is_paused=is_paused,
        source_lost=source_lost,
        progress=progress,
        halt=halt,
        clock=state.clock,
    )


def back_up(
    settings: Settings,
    *,
    stay: bool,
    halt: Event,
    tick: Callable[[int, int], None] | None = None,
) -> BackedUp:
    """Bring over all that waits; ``tick``: how many are there, and how many there will be.

    ``stay``: see ``backup_stage``. A daemon that runs and this take turns.

    Raises:
        DatabaseError: See there. What the target does is part of the result.
    """
    with opened(settings) as state, _elsewhere(settings, stay=stay):
        read_bytes = 0

        def progress(more_bytes: int) -> None:
            nonlocal read_bytes
            read_bytes += more_bytes

        stage = backup_stage(
            settings,
            state,
            originals=_originals(settings, state, halt),
            halt=halt,
            stay=stay,
            progress=progress,
        )
        backups, address = Backups(state.database), settings.backup.address
        target = _aimed(settings, backups, stay=stay)
        backups.hurry(target)
        before = backups.tally(address)
        error = _work(stage, halt, lambda: _tell(tick, backups, address))
        now = backups.tally(address)
        if stay:
            state.control.ring(now=state.now())
        return BackedUp(
            address=address,
            made=max(0, now.items - before.items),
            made_bytes=max(0, now.size_bytes - before.size_bytes),
            items=now.items,
            waiting=now.waiting,
            reasons=backups.reasons(target),
            exposed=exposed(settings, state),
            error=error,
        )


def _elsewhere(settings: Settings, *, stay: bool) -> AbstractContextManager[object]:
    """Where it is for one time, no daemon that starts takes its queue away meanwhile."""
    if stay:
        return nullcontext()
    return hold(settings.state_dir / BACKING_UP, patience_seconds=PATIENCE_SECONDS, shared=True)


def _tell(tick: Callable[[int, int], None] | None, backups: Backups, address: str) -> None:
    if tick is not None:
        now = backups.tally(address)
        tick(now.items, now.items + now.waiting)


def _work(stage: Backup, halt: Event, tell: Callable[[], None]) -> PhotosyncError | None:
    """Step by step, until nothing is left or something is in the way: that."""
    try:
        while not halt.is_set() and stage.has_work():
            tell()
            if not stage.run_once():
                halt.wait(TURN_SECONDS)  # the daemon's turn
    except PhotosyncError as error:
        return error
    stage.end()
    return None


def _originals(settings: Settings, state: State, halt: Event) -> LocalOriginals:
    """Every file that is here, of folders that left the settings too."""
    folders = {
        one.source.id: Folder(Path(one.source.address))
        for one in state.overview.sources()
        if one.source.kind == SourceKind.FOLDER
    }
    disk = MirrorDisk(settings.mirror.path, least_free_bytes=0)
    return LocalOriginals(folders, mirror=disk, halt=halt)


def new_key(file: Path, *, now: float) -> str:
    """Write a new secret key to ``file``; its public key. Errors as in ``new_identity``."""
    return new_identity(file, now=now)
