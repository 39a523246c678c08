"""When what last happened: what the dead-man rules are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind
from photosync.domain.silence import LastSigns, Limits, silences
from photosync.domain.states import State
from photosync.store.control import Problem

if TYPE_CHECKING:
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.media import Source

WAITS = "waits_since"


def silent(settings: Settings, state: OpenState, *, now: int) -> list[Problem]:
    """What has not happened for longer than the settings allow."""
    rules = settings.notify
    limits = Limits(rules.phone_unseen, rules.nothing_new, rules.nothing_done)
    return [
        Problem(
            code=one.code,
            subject=one.subject,
            message=one.message,
            hint=one.hint,
            gate="",
            needs_user=True,
            since=one.since,
            until=None,
        )
        for one in silences(limits, _last_signs(settings, state), now=now)
    ]


def note_waiting(state: OpenState, *, now: int) -> None:
    """Put on record since when something waits without any photo being finished."""
    known = state.control.flag(WAITS)
    if not reachable(state):
        if known is not None:
            state.control.drop_flag(WAITS)
        return
    done_at = state.overview.counts().last_at(State.DONE) or 0
    if _waits_since(known, done_at) is None:
        state.control.set_flag(WAITS, f"{now} {done_at}", now=now)


def reachable(state: OpenState) -> int:
    """How many items wait that could be sent: not what lies on a phone or disk that is away."""
    counts = state.overview.counts()
    waiting = 0
    for source in (one.source for one in state.overview.sources()):
        waiting += counts.items(State.UPLOADED, source.id)
        if source.connected:
            waiting += counts.items(State.FOUND, source.id)
        if source.connected or source.kind == SourceKind.PHONE:  # those are copied
            waiting += counts.items(State.MIRRORED, source.id)
    return waiting


def is_wanted(source: Source, settings: Settings) -> bool:
    """Whether it is a phone that the settings take."""
    wanted = settings.phone
    is_named = not wanted.serials or source.address in wanted.serials
    return source.kind == SourceKind.PHONE and wanted.enabled and is_named


def _last_signs(settings: Settings, state: OpenState) -> LastSigns:
    phones = [
        (one.source.address, one.source.label, one.last_seen_at)
        for one in state.overview.sources()
        if is_wanted(one.source, settings)
    ]
    done_at = state.overview.counts().last_at(State.DONE) or 0
    return LastSigns(
        phones=tuple(phones),
        found_at=state.overview.last_found_at(),
        waits_since=_waits_since(state.control.flag(WAITS), done_at),
        waiting=reachable(state),
        is_paused=state.control.flag("paused") is not None,
    )


def _waits_since(text: str | None, done_at: int) -> int | None:
    """As noted; None if there is no note, or a photo was finished since."""
    since, _, then = (text or "").partition(" ")
    return int(since) if then == str(done_at) else None
