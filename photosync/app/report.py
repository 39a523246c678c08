"""What status says: the same facts as a value for people, scripts and the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.app.copies import copies_of
from photosync.app.exposed import exposed, exposed_document
from photosync.app.standing import on_record, with_unwritten
from photosync.app.times import rfc3339
from photosync.app.waits import COPYING_RESTS, waits_for
from photosync.daemon import lock
from photosync.daemon.metered import METERED
from photosync.daemon.reports import COPY, UPLOAD
from photosync.domain.backups import Exposed
from photosync.domain.media import SourceKind, path_base64, readable
from photosync.domain.quota import next_reset
from photosync.domain.states import READY_STATES, State
from photosync.errors import (
    OutsideHours,
)
from photosync.store.assumed import AssumedFiles
from photosync.store.backups import Backups, Tally
from photosync.store.dated import DatedRecords

if TYPE_CHECKING:
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.daemon.lock import Holder
    from photosync.domain.media import MediaItem, Source
    from photosync.store.control import Problem
    from photosync.store.overview import Counts, SourceView

Json = dict[str, Any]

DAY_SECONDS = 86_400
REQUESTS_A_PHOTO = 1.02
HEALTHY, FAILED, USER_MUST_ACT, NOT_RUNNING = 0, 1, 3, 4


def status(settings: Settings, state: OpenState | None, *, now: int) -> Json:
    """The document of ``photosync status --json``, version 1. ``state`` None: nothing ran yet."""
    holder = lock.holder(settings.state_dir)
    if state is None:
        return _nothing_yet(settings, holder, now)
    counts = state.overview.counts()
    problems = on_record(settings, state, holder, counts, now)
    used, spent = state.overview.requests_today(now=now)
    rate = state.control.rate(now=now) if holder else 0
    limit = settings.google.daily_requests
    aside = state.overview.put_aside(now=now)
    uploads, copies = _under_way(state) if holder else ([], [])
    only_copies = bool(copies) and not uploads
    doing = _doing(state, holder, counts, problems, now)
    document: Json = {
        "version": 1,
        "daemon": _daemon(holder, doing),
        "items": _items(counts),
        "bytes": {"done": counts.size_bytes(State.DONE), "waiting": counts.waiting_bytes()},
        "rate": {
            "bytes_per_second": rate,
            "eta_seconds": None
            if only_copies or doing == "blocked"
            else _eta(counts, rate, limit if spent else used, limit, now),
        },
        "quota": {
            "used": used,
            "limit": limit,
            "spent": spent or used >= limit,
            "resets_at": rfc3339(next_reset(now)),
            "by_kind": state.overview.requests_by_kind(now=now),
        },
        "sources": [
            _source(view, counts, running=bool(holder))
            for view in state.overview.sources()
            if _is_shown(view.source, settings, counts)
        ],
        "problems": [_problem(one) for one in with_unwritten(settings, state, problems, now)],
        "last_done_at": rfc3339(counts.last_at(State.DONE)),
        "sign_in_ends_at": rfc3339(state.control.sign_in_ends_at()),
        "put_aside": {"items": aside.items, "next_at": rfc3339(aside.next_at)},
        "failed": [
            {"code": code, "items": items, "example": message}
            for code, items, message in state.overview.reasons(State.FAILED)
        ],
        "uploads": uploads,
        "copies": copies,
        "backup": second_copy(settings, state),
        "paused": state.control.flag("paused"),
        "assumed": AssumedFiles(state.database).items()[0],
    }
    return document


def exit_code(document: Json) -> int:
    """0 healthy, 1 something failed, 3 the user must act, 4 not running though work waits."""
    if any(problem["needs_user"] for problem in document["problems"]):
        return USER_MUST_ACT
    if not document["daemon"]["running"] and _has_work(document):
        return NOT_RUNNING
    return FAILED if document["items"]["failed"] else HEALTHY


def _has_work(document: Json) -> bool:
    """Whether a daemon would have something to do: not with what is on a phone that is away."""
    items = document["items"]
    return bool(items["mirrored"] or items["uploaded"]) or any(
        one["waiting"] and (one["connected"] or one["kind"] != SourceKind.PHONE)
        for one in document["sources"]
    )


def item_line(item: MediaItem, label: str) -> Json:
    """One item as ``list`` shows it."""
    line: Json = {
        "id": item.id,
        "state": item.state,
        "source": label,
        "path": readable(item.source_path),
        "size_bytes": item.size_bytes,
        "mime_type": item.mime_type,
        "modified_at": rfc3339(item.source_mtime_ns // 1_000_000_000),
        "updated_at": rfc3339(item.updated_at),
        "error": None
        if item.error_code is None
        else {"code": item.error_code, "message": item.error_message or ""},
        "duplicate_of": item.duplicate_of,
        "next_try_at": rfc3339(item.not_before) if item.state in READY_STATES else None,
    }
    exact = path_base64(item.source_path)
    if exact is not None:
        line["path_base64"] = exact
    return line


def item_page(settings: Settings, state: OpenState, item: MediaItem, *, running: bool) -> Json:
    """One item as ``show`` shows it: everything that is no secret."""
    source = next(one.source for one in state.overview.sources() if one.source.id == item.source_id)
    history = state.overview.history(item.id)
    problems = state.control.problems()
    wait = waits_for(state, source, item, running=running, problems=problems)
    return {
        **item_line(item, source.label),
        "file_name": item.file_name,
        "taken_at": rfc3339(item.taken_at),
        "sha256": item.sha256,
        "album": item.album,
        "google_id": item.google_id,
        **copies_of(settings, state, item),
        "dated_copy": _dated_copy(state, item),
        "waits_for": "" if wait is None else wait.message,
        "attempts": item.attempts,
        "found_at": rfc3339(item.found_at),
        "history": [
            {
                "at": rfc3339(one.at),
                "before": one.before,
                "after": one.after,
                "code": one.code,
                "to": one.to or None,
            }
            for one in history
        ],
    }


def _dated_copy(state: OpenState, item: MediaItem) -> Json | None:
    """The copy with a date that is sent in place of the photo's own bytes, if one is."""
    record = None if item.sha256 is None else DatedRecords(state.database).find(item.sha256)
    if record is None:
        return None
    return {
        "at": rfc3339(record.dated.at),
        "from": record.dated.origin,
        "sha256": record.copy_sha256,
    }


def _nothing_yet(settings: Settings, holder: Holder | None, now: int) -> Json:
    return {
        "version": 1,
        "daemon": _daemon(holder, "idle" if holder else "stopped"),
        "items": {**{str(state): 0 for state in State}, "total": 0},
        "bytes": {"done": 0, "waiting": 0},
        "rate": {"bytes_per_second": 0, "eta_seconds": None},
        "quota": {
            "used": 0,
            "limit": settings.google.daily_requests,
            "spent": False,
            "resets_at": rfc3339(next_reset(now)),
            "by_kind": {},
        },
        "sources": [],
        "problems": [_problem(one) for one in with_unwritten(settings, None, [], now)],
        "last_done_at": None,
        "sign_in_ends_at": None,
        "put_aside": {"items": 0, "next_at": None},
        "failed": [],
        "uploads": [],
        "copies": [],
        "backup": second_copy(settings, None),
        "paused": None,
        "assumed": 0,
    }


def second_copy(settings: Settings, state: OpenState | None) -> Json | None:
    """How it stands with what ``backup.to`` names; None if it names nothing."""
    address = settings.backup.address
    if not address:
        return None
    tally, aside, bare = Tally(), [], Exposed()
    if state is not None:
        backups = Backups(state.database)
        tally, target = backups.tally(address), backups.target(address)
        aside = [] if target is None else backups.reasons(target)
        bare = exposed(settings, state)
    return {
        "to": readable(address),
        "items": tally.items,
        "bytes": tally.size_bytes,
        "waiting": tally.waiting,
        "last_at": rfc3339(tally.last_at),
        "exposed": exposed_document(bare),
        "put_aside": [
            {"code": code, "items": items, "example": message} for code, items, message in aside
        ],
    }


def _daemon(holder: Holder | None, doing: str) -> Json:
    return {
        "running": holder is not None,
        "pid": None if holder is None else holder.pid,
        "since": None if holder is None else rfc3339(holder.since),
        "state": doing,
    }


def _doing(
    state: OpenState, holder: Holder | None, counts: Counts, problems: list[Problem], now: int
) -> str:
    """working, idle, paused, blocked, waiting or stopped."""
    if holder is None:
        return "stopped"
    if state.control.flag("paused") is not None:
        return "paused"
    shut = [one for one in problems if one.gate == "library"]
    if any(one.needs_user for one in shut):
        return "blocked"
    if shut and counts.waiting():
        return "waiting"
    if state.overview.in_hand():
        return "working"
    return _resting(state, {one.code for one in problems}, now)


def _resting(state: OpenState, codes: set[str], now: int) -> str:
    """The same while no worker has anything in hand."""
    ready = {one for one in READY_STATES if state.overview.ready(one, now=now)}
    if not codes.isdisjoint((OutsideHours.code, METERED)) and ready <= {State.MIRRORED}:
        return "waiting"
    folders = state.overview.ready(State.FOUND, now=now, kind=SourceKind.FOLDER)
    if not codes.isdisjoint(COPYING_RESTS) and ready <= {State.FOUND} and not folders:
        return "blocked"
    return "working" if ready else "idle"


def _items(counts: Counts) -> dict[str, int]:
    return {**{str(state): counts.items(state) for state in State}, "total": counts.total()}


def _eta(counts: Counts, rate: int, used: int, limit: int, now: int) -> int | None:
    """Seconds until nothing waits any more, by the present rate and the days the quota takes."""
    waiting = counts.waiting()
    if not waiting:
        return 0
    if rate <= 0:
        return None
    needed = waiting * REQUESTS_A_PHOTO
    left = max(0, limit - used)
    by_rate = counts.waiting_bytes() / rate
    if needed <= left:
        return int(by_rate)
    more_days = int((needed - left) // limit)
    return int(max(by_rate, next_reset(now) - now + more_days * DAY_SECONDS))


def _is_shown(source: Source, settings: Settings, counts: Counts) -> bool:
    """All but folders without a photo that the settings name no more: misspelt once, say."""
    named = {str(one.path) for one in settings.folder}
    return source.kind == SourceKind.PHONE or source.address in named or counts.total(source.id) > 0


def _source(view: SourceView, counts: Counts, *, running: bool) -> Json:
    source = view.source
    needed = (State.FOUND,) if source.kind == SourceKind.PHONE else (State.FOUND, State.MIRRORED)
    connected = source.connected
    if not running and source.kind == SourceKind.FOLDER:
        connected = Path(source.address).is_dir()
    return {
        "id": source.id,
        "kind": source.kind,
        "address": readable(source.address),
        "label": source.label,
        "connected": connected,
        "last_seen_at": rfc3339(view.last_seen_at),
        "items": counts.total(source.id),
        "waiting": sum(counts.items(one, source.id) for one in needed),
        "failed": counts.items(State.FAILED, source.id),
        "held": counts.items(State.HELD, source.id),
        "skipped": counts.items(State.SKIPPED, source.id),
    }


def _problem(problem: Problem) -> Json:
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "needs_user": problem.needs_user,
        "since": rfc3339(problem.since),
        "until": rfc3339(problem.until),
    }


def _under_way(state: OpenState) -> tuple[list[Json], list[Json]]:
    """Uploads, and copies from phones."""
    beats = state.control.heartbeats()
    uploads = [
        {"id": one.item_id, "sent_bytes": one.sent_bytes, "size_bytes": one.size_bytes}
        for one in beats
        if one.doing == UPLOAD
    ]
    copies = [
        {"id": one.item_id, "copied_bytes": one.sent_bytes, "size_bytes": one.size_bytes}
        for one in beats
        if one.doing == COPY
    ]
    return uploads, copies
