"""What keeps an item that is on its way from its next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.daemon.metered import METERED
from photosync.domain.media import SourceKind
from photosync.domain.states import READY_STATES, State
from photosync.errors import MirrorAway, MirrorFull, OutsideHours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from photosync.app.state import State as OpenState
    from photosync.domain.media import MediaItem, Source
    from photosync.store.control import Problem

COPYING_RESTS = (MirrorFull.code, MirrorAway.code)
UPLOADS_REST = (OutsideHours.code, METERED)


@dataclass(frozen=True, slots=True)
class Wait:
    """One sentence, what ends it, and whether that is for the user to do."""

    code: str
    message: str
    hint: str = ""
    needs_user: bool = False


def waits_for(
    state: OpenState,
    source: Source,
    item: MediaItem,
    *,
    running: bool,
    problems: Iterable[Problem],
) -> Wait | None:
    """What an item waits for besides its turn; None if nothing stands in its way."""
    if item.state not in READY_STATES or item.leased_by is not None:
        return None
    is_copied = item.mirror_path is not None and item.state != State.FOUND
    if state.control.flag("paused") is not None:
        message = "photosync is paused (photosync resume)."
        return Wait("paused", message, "photosync resume", needs_user=True)
    if not source.connected and not is_copied and item.state != State.UPLOADED:
        return _away(source)
    if not running:
        message = "photosync is not running (photosync run)."
        return Wait("not_running", message, "photosync run", needs_user=True)
    for problem in problems:
        if _stands_in_the_way(problem, source, item):
            return Wait(problem.code, problem.message, problem.hint, problem.needs_user)
    return None


def _away(source: Source) -> Wait:
    if source.kind == SourceKind.PHONE:
        message = f"{source.label} is not plugged in."
        return Wait("phone_gone", message, "Plug it in; it goes on by itself.", needs_user=True)
    hint = "Mount its disk, or correct the path in the settings."
    return Wait("source_missing", f"{source.label} is not there.", hint, needs_user=True)


def _stands_in_the_way(problem: Problem, source: Source, item: MediaItem) -> bool:
    if item.state == State.FOUND:
        return source.kind == SourceKind.PHONE and problem.code in COPYING_RESTS
    is_resting = item.state == State.MIRRORED and problem.code in UPLOADS_REST
    return problem.gate == "library" or is_resting
