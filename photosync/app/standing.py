"""What stands in the way, or will: what is on record, and what a look at the machine tells."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.not_signed_in import not_signed_in
from photosync.app.signing_in import as_of_now
from photosync.app.signs import silent
from photosync.app.state import no_settings
from photosync.app.waits import COPYING_RESTS
from photosync.daemon import lock
from photosync.daemon.metered import HINT, METERED, RESTS
from photosync.errors import (
    AdbMissing,
    BackupAway,
    BackupFull,
    DiskFull,
    KeyMissing,
    KeyWrong,
    OutsideHours,
    PhotosyncError,
    SignInRequired,
    SourceMissing,
)
from photosync.store.control import Problem

if TYPE_CHECKING:
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.daemon.lock import Holder
    from photosync.store.overview import Counts

LEAST_FREE_BYTES = 1 << 20
BACKUP_RESTS = (BackupAway.code, BackupFull.code, KeyMissing.code, KeyWrong.code)
AUDIENCE = "https://console.cloud.google.com/auth/audience"


def problems_of(settings: Settings, state: OpenState, *, now: int) -> list[Problem]:
    """What stands in the way, or will, as status shows it."""
    holder = lock.holder(settings.state_dir)
    found = on_record(settings, state, holder, state.overview.counts(), now)
    return with_unwritten(settings, state, found, now)


def on_record(
    settings: Settings, state: OpenState, holder: Holder | None, counts: Counts, now: int
) -> list[Problem]:
    """What is on record and may still be so, with what the hour and the network forbid."""
    problems = [
        one
        for known in state.control.problems()
        if (one := as_of_now(known, settings)) is not None and not _is_past(one, counts, now)
    ]
    rests = settings.upload.hours.resting(now) if counts.waiting() else ""
    if rests:
        problems.append(_outside_hours(rests, settings, now))
    if counts.waiting() and state.control.flag(METERED) is not None:
        problems.append(_metered(now))
    ends_at = state.control.sign_in_ends_at()
    if ends_at is not None:
        problems.append(ending(ends_at, now=now))
    if holder is None:
        problems = [one for one in problems if _is_standing(one, settings, state)]
    return [*problems, *silent(settings, state, now=now)]


def _is_past(problem: Problem, counts: Counts, now: int) -> bool:
    """A rest that is over, with nothing left to send that could tell so."""
    is_over = problem.until is not None and problem.until <= now
    return problem.gate == "library" and not problem.needs_user and is_over and not counts.waiting()


def _is_standing(problem: Problem, settings: Settings, state: OpenState) -> bool:
    """Whether what the last run put on record may still be so, as far as a look can tell.

    Nobody follows phones while photosync is stopped: they are asked anew by ``photosync phones``.
    """
    from photosync.files.folder import Folder
    from photosync.files.mirroring import MirrorDisk  # only when there is something to look at

    try:
        if problem.code in COPYING_RESTS:
            disk = MirrorDisk(settings.mirror.path, least_free_bytes=settings.mirror.min_free)
            disk.prepare(known=True)
            disk.need({})
            return False
        if problem.code == SourceMissing.code:
            roots = {str(one.source.id): one.source.address for one in state.overview.sources()}
            folder = Folder(Path(roots.get(problem.subject, "")))
            folder.check()
            return folder.is_bare()
    except PhotosyncError:
        return True
    if problem.code in BACKUP_RESTS:
        return _backup_rests(problem, settings, state)
    if problem.code == AdbMissing.code:
        return shutil.which("adb") is None
    return not problem.code.startswith("phone_")


def _backup_rests(problem: Problem, settings: Settings, state: OpenState) -> bool:
    """Of a disk a look tells; nobody asks a server for a status."""
    from photosync.app.destination import is_away

    if not settings.backup.to:
        return False
    if problem.code == BackupAway.code and "://" not in settings.backup.to:
        return is_away(settings, state)
    return True


def _outside_hours(message: str, settings: Settings, now: int) -> Problem:
    return Problem(
        code=OutsideHours.code,
        subject="",
        message=message,
        hint="",
        gate="",
        needs_user=False,
        since=now,
        until=settings.upload.hours.opens_at(now),
    )


def _metered(now: int) -> Problem:
    return Problem(METERED, "", RESTS, HINT, "", needs_user=False, since=now, until=None)


def ending(at: int, *, now: float) -> Problem:
    """That Google ends the sign-in, or has ended it."""
    does = "ends" if at > now else "ended"
    day = datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
    return Problem(
        code="sign_in_ends",
        subject="",
        message=f"Google {does} this sign-in on {day}, seven days after it was given, because your"
        " consent screen is in 'Testing'.",
        hint=f"Press 'Publish app' at {AUDIENCE}, then: photosync auth",
        gate="",
        needs_user=False,
        since=int(now),
        until=at,
    )


def with_unwritten(
    settings: Settings, state: OpenState | None, problems: list[Problem], now: int
) -> list[Problem]:
    """Add what could not be put on record: no settings, no token, or no room for a record."""
    nothing = no_settings(settings)
    if nothing is not None:  # first things first
        return [_to_do(nothing, now), *problems]
    return [*_full_disk(settings, problems, now), *_with_sign_in(settings, state, problems, now)]


def _full_disk(settings: Settings, problems: list[Problem], now: int) -> list[Problem]:
    if any(one.code == DiskFull.code for one in problems):
        return []
    try:
        free_bytes = shutil.disk_usage(settings.state_dir).free
    except OSError:  # there is no such folder yet
        return []
    if free_bytes >= LEAST_FREE_BYTES:
        return []
    full = DiskFull(f"The disk that holds {settings.state_dir} is full.")
    return [_to_do(full, now)]


def _to_do(error: PhotosyncError, now: int) -> Problem:
    """What is not on record, and needs the user."""
    return Problem(
        error.code, "", error.message, error.hint, "", needs_user=True, since=now, until=None
    )


def _with_sign_in(
    settings: Settings, state: OpenState | None, problems: list[Problem], now: int
) -> list[Problem]:
    """Say that there is no token, and where one signs in now: a record may be of another day."""
    if settings.google.token_file.exists():
        return problems
    known = [one for one in problems if one.code == SignInRequired.code]
    missing = not_signed_in(settings, state)
    return [
        Problem(
            missing.code,
            "",
            missing.message,
            missing.hint,
            "library",
            needs_user=True,
            since=known[0].since if known else now,
            until=None,
        ),
        *(one for one in problems if one not in known),
    ]
