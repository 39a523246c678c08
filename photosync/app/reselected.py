"""What earlier runs left behind, held against the settings of this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from photosync.app.selecting import of_folder, of_phones
from photosync.app.signs import is_wanted
from photosync.domain.media import SourceKind, readable
from photosync.domain.states import READY_STATES, State
from photosync.stages.reselecting import apply_settings
from photosync.store.control import Problem
from photosync.store.sources import Sources
from photosync.store.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.media import Source


def apply_to_all(settings: Settings, state: OpenState, watched: Sequence[Source]) -> None:
    """What is queued from earlier runs, held against the settings of this one."""
    phones = [one for one in Sources(state.database).all() if one.kind == SourceKind.PHONE]
    album, of_all = settings.phone.album, of_phones(settings)
    chosen = [(one, of_folder(settings, at)) for at, one in enumerate(watched)]
    chosen += [(replace(one, album=album), of_all) for one in phones]
    for source, selection in chosen:
        apply_settings(
            source,
            selection,
            waiting=Waiting(state.database),
            control=state.control,
            now=state.now(),
            fixes_dates=settings.upload.fix_dates,
        )
    if phones and settings.phone.enabled:
        from photosync.app.looking import leave_out

        for source in phones:
            leave_out(state, settings, source.address)


def tell_of_dropped(settings: Settings, state: OpenState, watched: Sequence[Source]) -> None:
    """A folder or a phone that left the settings while photos of it still wait."""
    sources = Sources(state.database)
    now = state.now()
    counts = state.overview.counts()
    kept = {one.id for one in watched}
    for source in sources.all():
        if source.id in kept or is_wanted(source, settings):
            continue
        sources.set_connected(source.id, connected=False, now=now)
        is_phone = source.kind == SourceKind.PHONE
        needed = (State.FOUND,) if is_phone else READY_STATES  # copies are uploaded all the same
        waiting = sum(counts.items(one, source.id) for one in needed)
        if not waiting:
            continue
        name = f"phone {source.label}" if is_phone else f"folder {readable(source.address)}"
        state.control.raise_problem(
            Problem(
                code="source_dropped",
                subject=str(source.id),
                message=f"The {name} is no longer in the settings, though {waiting} of its"
                " photos are not backed up.",
                hint="Put it back into the settings, or skip its items.",
                gate="",
                needs_user=False,
                since=now,
                until=None,
            )
        )
