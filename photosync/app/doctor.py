"""Looks at everything that a run needs, and says of each thing whether it is there."""

from __future__ import annotations

import os
import shlex
import stat
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from photosync.app.connecting import speaks
from photosync.app.looking import phone_lines
from photosync.app.report import status
from photosync.app.state import MIRROR_MADE, looked_at, make_state_dir, opened
from photosync.daemon import lock
from photosync.domain.media import SourceKind, in_units, readable
from photosync.errors import (
    AdbMissing,
    MirrorAway,
    PhotosyncError,
    ScopeMissing,
)
from photosync.files.folder import Folder
from photosync.files.mirroring import MARK, MirrorDisk
from photosync.google.sign_in import check as check_sign_in
from photosync.store.health import faults, is_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event

    from photosync.config import Settings

Json = dict[str, Any]

LEAST_STATE_BYTES = 64 << 20
BEFORE_THIS_WAS_WRITTEN = 1_760_000_000
"""Seconds UTC, in October 2025: a clock before it is wrong."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SEEN_TO = (
    *("auth_required", "adb_missing", "mirror_away", "mirror_full", "disk_full"),
    *("source_missing", "phone_"),
)
"""How problems on record begin that the doctor looks for himself."""


class Verdict(StrEnum):
    """``note``: good to know, but nothing that keeps a run from its work."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing, and what to do about it."""

    about: str
    verdict: Verdict
    message: str
    hint: str = ""

    def document(self) -> Json:
        """As JSON."""
        return {
            "about": self.about,
            "verdict": self.verdict,
            "message": self.message,
            "hint": self.hint,
        }


def examine(settings: Settings, *, halt: Event) -> Iterator[Finding]:
    """Everything, one thing after another; what is broken does not keep the rest from it."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("settings", lambda: _settings(settings)),
        ("clock", _clock),
        ("state folder", lambda: _state_folder(settings)),
        ("database", lambda: _database(settings)),
        ("daemon", lambda: _daemon(settings)),
        ("folders", lambda: _folders(settings)),
        ("phones", lambda: _phones(settings)),
        ("mirror", lambda: _mirror(settings)),
        ("sign-in", lambda: _sign_in(settings)),
        ("Google Photos", lambda: _library(settings, halt)),
        ("queue", lambda: _queue(settings)),
    )
    for about, check in checks:
        if halt.is_set():
            return
        try:
            yield from check()
        except PhotosyncError as error:
            yield _of(about, error)


def _of(about: str, error: PhotosyncError, verdict: Verdict = Verdict.BAD) -> Finding:
    return Finding(about, verdict, error.message, error.hint)


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.file is None:
        yield Finding(
            "settings",
            Verdict.NOTE,
            "There is no settings file; the defaults are in use.",
            "Write one: photosync config init",
        )
    else:
        yield Finding("settings", Verdict.OK, f"{settings.file} is fine.")


def _local(at: float) -> str:
    """A time of the clock on the wall here."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _clock() -> Iterator[Finding]:
    now = time.time()
    if now < BEFORE_THIS_WAS_WRITTEN:
        yield Finding(
            "clock",
            Verdict.BAD,
            f"This computer believes that it is {_local(now)}.",
            "Set its clock: sudo timedatectl set-ntp true",
        )
    else:
        yield Finding("clock", Verdict.OK, f"It is {_local(now)}, as far as this computer knows.")


def _state_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir
    make_state_dir(folder)
    found = os.statvfs(folder)
    free_bytes = found.f_bavail * found.f_frsize
    if free_bytes < LEAST_STATE_BYTES:
        yield Finding(
            "state folder",
            Verdict.BAD,
            f"{folder} has only {in_units(free_bytes)} left.",
            "Free some space on that disk.",
        )
    elif folder.stat().st_mode & OTHERS:
        yield Finding(
            "state folder",
            Verdict.NOTE,
            f"{folder} is open to others on this computer.",
            f"Close it: chmod 700 {shlex.quote(str(folder))}",
        )
    else:
        yield Finding(
            "state folder", Verdict.OK, f"{folder} can be written; {in_units(free_bytes)} are free."
        )


def _database(settings: Settings) -> Iterator[Finding]:
    with looked_at(settings) as state:
        if state is None:
            yield Finding("database", Verdict.OK, "There is none yet: photosync never ran here.")
            return
        wrong = faults(state.database)
        if wrong:
            raise state.database.damaged("; ".join(wrong))
        items = state.overview.counts().total()
        yield Finding("database", Verdict.OK, f"{state.database.file} is sound: {items:,} items.")
        yield _copies(state.database.copies())


def _copies(copies: list[Path]) -> Finding:
    sound = [one for one in copies if is_sound(one)]
    if not sound:
        return Finding(
            "database",
            Verdict.NOTE,
            "There is no sound copy of it yet.",
            "photosync run makes one each day.",
        )
    at = _local(sound[0].stat().st_mtime)
    if len(sound) < len(copies):
        broken = shlex.quote(str(next(one for one in copies if one not in sound)))
        return Finding(
            "database", Verdict.NOTE, f"The copy {broken} is not sound.", f"Remove it: rm {broken}"
        )
    return Finding("database", Verdict.OK, f"Copies of it: {len(sound)}, the newest of {at}.")


def _daemon(settings: Settings) -> Iterator[Finding]:
    holder = lock.holder(settings.state_dir)
    if holder is None:
        yield Finding("daemon", Verdict.NOTE, "It is not running.", "Start it: photosync run")
    else:
        yield Finding("daemon", Verdict.OK, f"It runs as process {holder.pid}.")


def _folders(settings: Settings) -> Iterator[Finding]:
    if not settings.folder and not settings.phone.enabled:
        yield Finding(
            "folders",
            Verdict.BAD,
            "No folder is watched, and phones are switched off: there is nothing to do.",
            'Add one to the settings:  [[folder]]  path = "~/Pictures"',
        )
    for one in settings.folder:
        files = Folder(one.path)
        try:
            files.check()
        except PhotosyncError as error:
            yield _of("folders", error)
            continue
        empty = " It is empty." if files.is_bare() else ""
        yield Finding("folders", Verdict.OK, f"{files.name} can be read.{empty}")


def _phones(settings: Settings) -> Iterator[Finding]:
    if not settings.phone.enabled:
        yield Finding("phones", Verdict.OK, "They are switched off (phone.enabled).")
        return
    try:
        lines = phone_lines(settings)
    except AdbMissing as error:
        yield _of("phones", error, Verdict.NOTE if settings.folder else Verdict.BAD)
        return
    if not lines:
        yield Finding("phones", Verdict.NOTE, "adb works. No phone is plugged in.")
    for line in lines:
        name = readable(line.label or line.serial)
        if line.advice:
            yield Finding("phones", Verdict.BAD, f"{name} cannot be used yet.", line.advice)
        elif line.taken:
            yield Finding("phones", Verdict.OK, f"{name} is plugged in and ready.")
        else:
            yield Finding("phones", Verdict.NOTE, f"{name} is not in phone.serials.")


def _mirror(settings: Settings) -> Iterator[Finding]:
    root = settings.mirror.path
    disk = MirrorDisk(root, least_free_bytes=settings.mirror.min_free)
    with looked_at(settings) as state:
        made = state is not None and state.control.flag(MIRROR_MADE) == str(root)
        next_bytes = 0 if state is None else state.overview.smallest_found(SourceKind.PHONE)
    if not settings.phone.enabled and not made:
        return
    if made:
        disk.prepare(known=True)
        disk.need(next_bytes, parts=range(bool(next_bytes)))
    above = root
    while not above.exists():
        above = above.parent
    if not os.access(above, os.W_OK | os.X_OK):
        raise MirrorAway(
            f"{readable(str(above))} cannot be written, and copies of phones' photos go there.",
            hint="Let the user that runs photosync write there, or set another mirror.path.",
        )
    words = "is there" if (root / MARK).is_file() else "will be made for phones' photos"
    yield Finding("mirror", Verdict.OK, f"{readable(str(root))} {words}.")


def _sign_in(settings: Settings) -> Iterator[Finding]:
    check_sign_in(settings.google.token_file)
    yield Finding("sign-in", Verdict.OK, "Google accepts it.")


def _library(settings: Settings, halt: Event) -> Iterator[Finding]:
    """One request: after an item that nobody has."""
    if not settings.google.token_file.exists():
        return
    with opened(settings) as state:
        try:
            speaks(settings, state, halt=halt)
        except ScopeMissing as error:
            yield _of("Google Photos", error, Verdict.NOTE)
            return
        used, spent = state.overview.requests_today(now=state.now())
    limit = settings.google.daily_requests
    verdict = Verdict.NOTE if spent or used >= limit else Verdict.OK
    yield Finding(
        "Google Photos", verdict, f"It answers. {used:,} of {limit:,} requests are used today."
    )


def _queue(settings: Settings) -> Iterator[Finding]:
    """What status would say that was not said above."""
    with looked_at(settings) as state:
        document = status(settings, state, now=int(time.time()))
    for problem in document["problems"]:
        if not problem["code"].startswith(SEEN_TO):
            verdict = Verdict.BAD if problem["needs_user"] else Verdict.NOTE
            yield Finding("queue", verdict, problem["message"], problem["hint"])
    items = document["items"]
    if items["failed"]:
        count = items["failed"]
        yield Finding("queue", Verdict.NOTE, f"{count:,} failed.", "photosync list --state failed")
    waiting = items["found"] + items["mirrored"] + items["uploaded"]
    yield Finding(
        "queue", Verdict.OK, f"{items['done']:,} are in the library, {waiting:,} on their way."
    )


def is_healthy(findings: list[Finding]) -> bool:
    """Whether nothing keeps a run from its work."""
    return all(one.verdict is not Verdict.BAD for one in findings)
