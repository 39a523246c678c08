"""Looks at everything that a run needs, and says of each thing whether it is there."""

from __future__ import annotations

import logging
import os
import shlex
import time
from typing import TYPE_CHECKING

from photosync.app import machine, service
from photosync.app.backup_health import second_copy
from photosync.app.connecting import speaks
from photosync.app.finding import Finding, Verdict, of
from photosync.app.looking import AWAY, phone_lines
from photosync.app.machine import clock_by
from photosync.app.not_signed_in import not_signed_in
from photosync.app.report import status
from photosync.app.standing import ending
from photosync.app.state import MIRROR_MADE, looked_at, opened
from photosync.app.times import local
from photosync.daemon import lock
from photosync.domain.media import SourceKind, readable
from photosync.domain.silence import CODES
from photosync.errors import (
    AdbMissing,
    ExiftoolMissing,
    MirrorAway,
    NotAdb,
    PhotosyncError,
    ScopeMissing,
    ServiceRefused,
)
from photosync.files.dating import exiftool, exiftool_version
from photosync.files.folder import Folder
from photosync.files.mirroring import MARK, MirrorDisk
from photosync.google.auth import read_token, scopes_of
from photosync.google.scopes import WANTED
from photosync.google.sign_in import check as check_sign_in
from photosync.store.health import faults, is_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event

    from photosync.config import Settings

log = logging.getLogger(__name__)

SEEN_TO = (
    *("auth_required", "adb_missing", "mirror_away", "mirror_full", "disk_full"),
    *("source_missing", "phone_", "backup_", "key_", "exiftool_missing"),
)
"""How problems on record begin that the doctor looks for himself."""


def examine(settings: Settings, *, halt: Event, offline: bool = False) -> Iterator[Finding]:
    """Everything, one thing after another; what is broken does not keep the rest from it.

    ``offline``: Google is not asked.
    """
    asked: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("sign-in", lambda: _sign_in(settings)),
        ("Google Photos", lambda: _library(settings, halt)),
    )
    unasked: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("sign-in", lambda: _sign_in_unasked(settings)),
        ("Google Photos", lambda: _quota(settings)),
    )
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("settings", lambda: _settings(settings)),
        ("clock", machine.clock),
        ("state folder", lambda: machine.state_folder(settings)),
        ("database", lambda: _database(settings)),
        ("daemon", lambda: _daemon(settings)),
        ("service", _service),
        ("folders", lambda: _folders(settings)),
        ("watching", lambda: machine.watching(settings, halt)),
        ("phones", lambda: _phones(settings)),
        ("udev", lambda: machine.udev(settings)),
        ("mirror", lambda: _mirror(settings)),
        ("dates", lambda: _dates(settings)),
        ("second copy", lambda: second_copy(settings)),
        ("notices", lambda: _notices(settings)),
        *(unasked if offline else asked),
        ("queue", lambda: _queue(settings)),
    )
    for about, check in checks:
        if halt.is_set():
            return
        try:
            yield from check()
        except PhotosyncError as error:
            yield of(about, error)


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
    at = local(sound[0].stat().st_mtime)
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


def _dates(settings: Settings) -> Iterator[Finding]:
    """Whether exiftool is there, where it is wanted; and that it runs."""
    if not settings.upload.fix_dates:
        return
    if exiftool() is None:
        yield Finding(
            "dates",
            Verdict.BAD,
            "exiftool is not there: photos without a date of their own wait for it.",
            ExiftoolMissing.default_hint,
        )
        return
    version = exiftool_version()
    if version is None:
        yield Finding(
            "dates",
            Verdict.BAD,
            "exiftool does not run.",
            "Install it anew: sudo apt install --reinstall libimage-exiftool-perl",
        )
    else:
        yield Finding("dates", Verdict.OK, f"exiftool {version} gives photos their dates.")


def _service() -> Iterator[Finding]:
    """Whether it starts by itself; nothing where there is no systemd, nor where cron does it."""
    found = []
    for system in (False, True):
        try:
            found.append(service.look(service.place(os.environ, system=system)))
        except ServiceRefused as error:
            log.debug("doctor.no_service reason=%s", error.message)
    there = [one for one in found if one["installed"]]
    if found and not there:
        message = "It does not start by itself when this computer does."
        yield Finding("service", Verdict.NOTE, message, "photosync service install")
    for one in there:
        is_fine = one["enabled"] and one["active"] == "active"
        words = "starts by itself" if one["enabled"] else "does not start by itself"
        yield Finding(
            "service",
            Verdict.OK if is_fine else Verdict.NOTE,
            f"{one['unit']} is {one['active']}, and {words}.",
            "" if is_fine else f"See {one['log']}; then: photosync service install",
        )


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
            yield of("folders", error)
            continue
        empty = " It is empty." if files.is_bare() else ""
        yield Finding("folders", Verdict.OK, f"{files.name} can be read.{empty}")


def _phones(settings: Settings) -> Iterator[Finding]:
    if not settings.phone.enabled:
        yield Finding("phones", Verdict.OK, "They are switched off (phone.enabled).")
        return
    try:
        known = phone_lines(settings)
    except (AdbMissing, NotAdb) as error:
        yield of("phones", error, Verdict.NOTE if settings.folder else Verdict.BAD)
        return
    lines = [one for one in known if one.state != AWAY]
    if not lines:
        yield Finding("phones", Verdict.NOTE, "adb works. No phone is plugged in.")
    for line in lines:
        name = readable(line.label or line.serial)
        if line.advice:
            yield Finding("phones", Verdict.BAD, f"{name} cannot be used yet.", line.advice)
        elif line.taken:
            yield Finding("phones", Verdict.OK, f"{name} is plugged in and ready.")
        else:
            yield Finding(
                "phones",
                Verdict.NOTE,
                f"{name} is plugged in and ready, but phone.serials leaves it out.",
                f'To back it up: add "{line.serial}" to phone.serials.',
            )
    for serial in settings.phone.serials:
        if serial not in {one.serial for one in known}:
            yield Finding(
                "phones",
                Verdict.NOTE,
                f"No phone {readable(serial)} was ever here, but phone.serials names it.",
                "Compare: photosync phones",
            )


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
        disk.need({0: next_bytes} if next_bytes else {})
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


def _notices(settings: Settings) -> Iterator[Finding]:
    """Whether anybody hears of it when something needs the user."""
    from photosync.notify.sending import deliver

    rules = settings.notify
    if not rules.urls and not rules.ping:
        message = "Nobody is told when something needs you."
        yield Finding("notices", Verdict.NOTE, message, "Set notify.urls or notify.ping.")
        return
    unknown = [one for one in deliver(rules.urls, "", "") if one.reason]
    for one in unknown:
        yield Finding("notices", Verdict.NOTE, f"{one}.", "Mend it in notify.urls.")
    good = len(rules.urls) - len(unknown) + bool(rules.ping)
    if good:
        told = "1 address is" if good == 1 else f"{good} addresses are"
        message = f"{told} told when something needs you. To try: photosync notify"
        yield Finding("notices", Verdict.OK, message)
    file = settings.file
    if file is not None and file.stat().st_mode & 0o004:
        quoted = shlex.quote(str(file))
        message = f"{quoted} holds addresses that are secrets, and everybody here can read it."
        yield Finding("notices", Verdict.NOTE, message, f"chmod o= {quoted}")


def _refuse_unsigned(settings: Settings) -> None:
    """See to it that somebody has signed in.

    Raises:
        SignInRequired: There is no token yet; it says where to sign in.
    """
    if not settings.google.token_file.exists():
        with looked_at(settings) as state:
            raise not_signed_in(settings, state)


def _sign_in(settings: Settings) -> Iterator[Finding]:
    _refuse_unsigned(settings)
    found = check_sign_in(settings.google.token_file)
    with opened(settings) as state:
        state.control.sign_in_ends(found.ends_at, now=state.now())
    if found.is_whole:
        yield Finding("sign-in", Verdict.OK, "Google accepts it, with both permissions.")
    else:
        yield Finding(
            "sign-in",
            Verdict.NOTE,
            "Google accepts it, but photosync may not see what it has added.",
            "Leave both boxes ticked: photosync auth",
        )
    if found.ends_at is not None:
        note = ending(found.ends_at, now=time.time())
        yield Finding("sign-in", Verdict.NOTE, note.message, note.hint)
    yield from clock_by(found.ahead_seconds)


def _sign_in_unasked(settings: Settings) -> Iterator[Finding]:
    """What can be said of it without asking anybody."""
    _refuse_unsigned(settings)
    scopes = scopes_of(read_token(settings.google.token_file))
    few = "" if not scopes or set(WANTED) <= set(scopes) else " Not all permissions were given."
    message = f"There is one; Google was not asked whether it is good (--offline).{few}"
    yield Finding("sign-in", Verdict.NOTE if few else Verdict.OK, message)


def _library(settings: Settings, halt: Event) -> Iterator[Finding]:
    """One request: after an item that nobody has."""
    if not settings.google.token_file.exists():
        return
    with opened(settings) as state:
        try:
            speaks(settings, state, halt=halt)
        except ScopeMissing as error:
            yield of("Google Photos", error, Verdict.NOTE)
            return
    yield from _quota(settings, "It answers. ")


def _quota(settings: Settings, before: str = "") -> Iterator[Finding]:
    with looked_at(settings) as state:
        if state is None:
            return
        used, spent = state.overview.requests_today(now=state.now())
    limit = settings.google.daily_requests
    left = 0 if spent else max(0, limit - used)
    message = f"{before}{used:,} of {limit:,} requests are used today, {left:,} are left."
    hint = "" if left else "It goes on by itself after Google's midnight."
    yield Finding("Google Photos", Verdict.OK if left else Verdict.NOTE, message, hint)


def _queue(settings: Settings) -> Iterator[Finding]:
    """What status would say that was not said above."""
    with looked_at(settings) as state:
        document = status(settings, state, now=int(time.time()))
    for problem in document["problems"]:
        if problem["code"] in CODES or not problem["code"].startswith(SEEN_TO):
            verdict = Verdict.BAD if problem["needs_user"] else Verdict.NOTE
            yield Finding("queue", verdict, problem["message"], problem["hint"])
    items = document["items"]
    if items["failed"]:
        count = items["failed"]
        yield Finding(
            "queue", Verdict.FAILED, f"{count:,} failed.", "photosync list --state failed"
        )
    waiting = items["found"] + items["mirrored"] + items["uploaded"]
    yield Finding(
        "queue", Verdict.OK, f"{items['done']:,} are in the library, {waiting:,} on their way."
    )
