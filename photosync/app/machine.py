"""What the doctor checks of the machine: clock, disks, and the kernel's limits."""

from __future__ import annotations

import os
import shlex
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.finding import Finding, Verdict
from photosync.app.state import make_state_dir
from photosync.app.times import local
from photosync.domain.media import in_units, readable
from photosync.files.mounts import network_disk
from photosync.files.watching import most_watched, raise_watches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from photosync.config import Settings

LEAST_STATE_BYTES = 64 << 20
BEFORE_THIS_WAS_WRITTEN = 1_760_000_000
"""Seconds UTC, in October 2025: a clock before it is wrong."""

CLOCK_SECONDS = 300
"""So far from Google's a clock may be."""

RULES = tuple(map(Path, ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d")))
ADB_SIGNS = ("ff4201", "android_adb", "adb_user")
"""What the rules that are about have in them: ours, Debian's and Google's."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def clock() -> Iterator[Finding]:
    """Whether the clock can be right at all."""
    now = time.time()
    if now < BEFORE_THIS_WAS_WRITTEN:
        yield Finding(
            "clock",
            Verdict.BAD,
            f"This computer believes that it is {local(now)}.",
            "Set its clock: sudo timedatectl set-ntp true",
        )
    else:
        yield Finding("clock", Verdict.OK, f"It is {local(now)}, as far as this computer knows.")


def state_folder(settings: Settings) -> Iterator[Finding]:
    """Whether it can be written, has room, and is on a disk that keeps a database whole."""
    folder = settings.state_dir
    make_state_dir(folder)
    kind = network_disk(folder)
    found = os.statvfs(folder)
    free_bytes = found.f_bavail * found.f_frsize
    if free_bytes < LEAST_STATE_BYTES:
        yield Finding(
            "state folder",
            Verdict.BAD,
            f"{folder} has only {in_units(free_bytes)} left.",
            "Free some space on that disk.",
        )
    elif kind:
        yield Finding(
            "state folder",
            Verdict.BAD,
            f"{folder} lies on a network disk ({kind}), where databases come to harm.",
            "Set state_dir to a folder on a disk of this machine.",
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


def clock_by(ahead_seconds: float | None) -> Iterator[Finding]:
    """The clock by what Google's answers say; nothing if they do not."""
    if ahead_seconds is None:
        return
    if abs(ahead_seconds) > CLOCK_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        minutes = f"{abs(ahead_seconds) / 60:,.0f}"
        yield Finding(
            "clock",
            Verdict.BAD,
            f"It is {minutes} minutes {way} Google's.",
            "Set this computer's clock: sudo timedatectl set-ntp true",
        )
    else:
        yield Finding("clock", Verdict.OK, "It agrees with Google's.")


def watching(settings: Settings, halt: Event) -> Iterator[Finding]:
    """Whether the kernel watches as many folders as there are."""
    if not settings.folder:
        return
    limit = most_watched()
    there = 0
    for one in settings.folder:
        kind = network_disk(one.path)
        if kind:
            yield Finding(
                "watching",
                Verdict.NOTE,
                f"{readable(str(one.path))} lies on a network disk ({kind}): it is looked at every"
                " half minute.",
                "Nothing to do; run photosync on the machine that holds the disk to be quicker.",
            )
            continue
        for _ in os.walk(one.path):
            there += 1
            if there > limit or halt.is_set():
                break
    if limit and there > limit:
        yield Finding(
            "watching",
            Verdict.NOTE,
            f"There are more folders than the {limit:,} that the kernel watches for one user.",
            raise_watches(),
        )
    elif limit:
        some = "1 folder" if there == 1 else f"{there:,} folders"
        yield Finding("watching", Verdict.OK, f"{some}, of {limit:,} that the kernel watches.")


def udev(settings: Settings) -> Iterator[Finding]:
    """Whether a rule lets this user open phones that are plugged in."""
    if not settings.phone.enabled or os.geteuid() == 0:
        return
    if any(_speaks_of_adb(rules) for folder in RULES for rules in sorted(folder.glob("*.rules"))):
        yield Finding("udev", Verdict.OK, "There are rules for phones.")
    else:
        yield Finding(
            "udev",
            Verdict.NOTE,
            "There is no rule that lets this user open phones by cable.",
            "On Debian and Ubuntu: sudo apt install android-sdk-platform-tools-common",
        )


def _speaks_of_adb(rules: Path) -> bool:
    try:
        text = rules.read_text("utf-8", "replace")
    except OSError:
        return False
    return any(sign in text for sign in ADB_SIGNS)
