"""``backup --reseal``: what lies in the second copy is sealed as the settings of today say."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from photosync.app.destination import Destination
from photosync.app.exposed import exposed
from photosync.app.state import opened, own_name
from photosync.daemon import lock
from photosync.errors import PhotosyncError, SettingsError, Stopping
from photosync.stages.resealing import Reseal, Resealed
from photosync.store.backups import Backups
from photosync.store.resealing import Reseals

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from photosync.config import Settings
    from photosync.domain.backups import Exposed

log = logging.getLogger(__name__)

TURN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Sealing:
    """What came of it; ``exposed``: what is still otherwise than the settings say."""

    address: str
    found: Resealed
    exposed: Exposed
    error: PhotosyncError | None


def reseal(settings: Settings, *, halt: Event, tick: Callable[[int, int], None]) -> Sealing:
    """Seal all of it as the settings say; ``tick``: files done, in all. It may break off anywhere.

    A daemon that runs and this take turns.

    Raises:
        SettingsError: They do not say that it is to be sealed.
        DatabaseError: See there. What the target does is part of the result.
    """
    backup = settings.backup
    if not backup.encrypt:
        raise SettingsError(
            "backup.encrypt is off: nothing in the second copy is to be sealed.",
            hint="Switch it on first:  [backup]  encrypt = true",
        )
    with opened(settings) as state:
        backups = Backups(state.database)
        target = backups.target(backup.address) or backups.aim(backup.address, stay=False)
        owner = own_name(state)
        stage = Reseal(
            backups=backups,
            reseals=Reseals(state.database),
            target=Destination(settings, state, backups=backups, target=target, owner=owner),
            turn=partial(lock.turn, settings.state_dir),
            owner=owner,
            hides_names=backup.encrypt_names,
            progress=lambda _more: None,
            halt=halt,
            clock=state.clock,
        )
        error = _work(stage, halt, lambda: _tell(tick, stage.found, exposed(settings, state)))
        found = stage.found
        log.info("backup.resealed files=%d removed=%d", found.files, found.removed)
        if found.lost:
            state.control.ring(now=state.now())
        return Sealing(backup.address, found, exposed(settings, state), error)


def _tell(tick: Callable[[int, int], None], found: Resealed, left: Exposed) -> None:
    tick(found.files, found.files + left.plain + max(left.named, left.for_others))


def _work(stage: Reseal, halt: Event, tell: Callable[[], None]) -> PhotosyncError | None:
    try:
        while (went := stage.run_once()) is not False:
            tell()
            if went is None:
                halt.wait(TURN_SECONDS)  # the daemon's turn
            if halt.is_set():
                return Stopping()
    except PhotosyncError as error:
        return error
    return None
