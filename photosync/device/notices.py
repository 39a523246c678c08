"""Tells of new files on a phone while it is plugged in: by its events, and by looking.

The times of folders are asked for every second or two, which costs next to nothing and works on
every phone; ``inotifyd`` makes it instant where the phone has it and its storage passes events on
(phone.md §5). Both only hint at a folder to look at again.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from photosync.device import shell, storage, wire
from photosync.domain.media_types import Claim, claim
from photosync.domain.selection import junk
from photosync.errors import PhoneGarbled, PhoneGone, PhotosyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from photosync.device.phone import Phone
    from photosync.device.stream import Stream

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RELAXED_SECONDS = 2.0
"""Between two looks while events come, too: storage that hides some shows them so."""

COARSE_SECONDS = 3.0
"""Times of folders are whole seconds: a change soon after another may not show."""

MOST_WATCHED = 200
LONGEST_LINE = 8192
LONGEST_COMMAND = 32_000
EVENTS_SECONDS = 24 * 3600.0
MASK = b":wwymdn"  # toybox before 0.8.11 ignores the first letter (phone.md §5)
FINISHED = frozenset("wy")  # closed after writing, moved here
CHANGED = frozenset("ydo")  # moved here, gone, events lost
NEW = "n"
ODD = frozenset(b":\n\t")  # what inotifyd cannot be told or cannot tell
NO_SUCH_COMMAND = b"\x7f"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of inotifyd."""

    events: str
    folder: bytes
    name: bytes


def parse(line: bytes) -> Notice | None:
    """``events TAB folder TAB name``; None if it is none or its name cannot be trusted."""
    parts = line.split(b"\t")
    if len(parts) not in (2, 3):
        return None
    events = parts[0].decode("ascii", "replace")
    return Notice(events, parts[1], parts[2] if len(parts) == 3 else b"")  # noqa: PLR2004


class Notices:
    """Watches the folders that ``listed`` names (relative paths, with their times of change).

    ``hint(folder, None)``: look at that folder, "" for all; ``hint(folder, path)``: that file in it
    is whole.
    """

    def __init__(
        self,
        phone: Phone,
        listed: Callable[[], Mapping[str, int]],
        hint: Callable[[str, str | None], None],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._phone = phone.another()
        self._listed = listed
        self._hint = hint
        self._clock = clock
        self._monotonic = monotonic
        self._halt = Event()
        self._lock = Lock()
        self._stream: Stream | None = None
        self._hearing = False
        self._tops: list[str] = []
        self._watched: frozenset[str] = frozenset()
        self._times: dict[str, int] = {}
        self._again: dict[str, float] = {}
        self._threads = [
            Thread(target=self._look_on, name="phone-looks", daemon=True),
            Thread(target=self._listen_on, name="phone-events", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._halt.set()
        with self._lock:
            if self._stream is not None:
                self._stream.interrupt()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=2.0)

    def alive(self) -> bool:
        """Whether hints can still be expected."""
        return self._threads[0].is_alive()

    def _look_on(self) -> None:
        try:
            while not self._halt.wait(RELAXED_SECONDS if self._hearing else POLL_SECONDS):
                self._look()
        except PhotosyncError as error:
            log.debug("phone.looks_end reason=%s", error)
        finally:
            self._phone.close()

    def _look(self) -> None:
        """Compare the times of all folders with those of the last look."""
        tops = self._phone.tops()
        if tops != self._tops:  # an SD card was put in, or taken out
            if self._tops:
                self._hint("", None)
            self._tops = tops
        listed = dict(self._listed())
        now = self._monotonic()
        phone_now = self._clock() + self._phone.identity.ahead_seconds
        with self._phone.sync() as sync:
            stats = list(sync.stats(storage.absolute(path) + b"/." for path in listed))
        for (path, known), stat in zip(listed.items(), stats, strict=True):
            if path not in self._times and stat.mtime > phone_now - COARSE_SECONDS:
                self._again[path] = now + COARSE_SECONDS
            before = self._times.get(path, known)
            self._times[path] = stat.mtime
            if stat.is_folder and stat.mtime != before:
                self._again[path] = now + COARSE_SECONDS
                self._hint(path, None)
            elif self._again.get(path, now + 1) <= now:
                del self._again[path]
                self._hint(path, None)
        if _there(listed) != self._watched:
            self._rewatch()

    def _rewatch(self) -> None:
        """Another folder came or went: the events of all are asked for anew."""
        with self._lock:
            if self._stream is not None:
                self._stream.interrupt()

    def _listen_on(self) -> None:
        """Hear the phone's events, again and again, until it is gone or knows of none."""
        while not self._halt.is_set() and self.alive():
            listed = dict(self._listed())
            by_path = _to_watch(listed)
            try:
                if by_path and not self._listen(by_path, _there(listed)):
                    log.info("phone.no_events transport=%r", self._phone.transport)
                    return
            except (PhoneGone, PhoneGarbled) as error:
                log.debug("phone.events_end reason=%s", error)
            finally:
                self._hearing = False
            self._halt.wait(POLL_SECONDS)

    def _listen(self, by_path: Mapping[bytes, str], there: frozenset[str]) -> bool:
        """Hear events until the connection ends; False if the phone has no inotifyd."""
        words = [b"inotifyd", b"-", *(path + MASK for path in by_path)]
        with self._phone.command(b"exec " + shell.command(words)) as stream:
            with self._lock:
                self._stream, self._watched = stream, there
            if self._halt.is_set():
                return True
            stream.wait_at_most(EVENTS_SECONDS)
            self._hearing = True
            rest = b""
            for kind, content in shell.packets(stream):
                if kind == wire.EXIT:
                    return content != NO_SUCH_COMMAND
                if kind == wire.STDOUT:
                    *lines, rest = (rest + content).split(b"\n")
                    self._heard(lines, by_path)
                    rest = rest[-LONGEST_LINE:]
        return True

    def _heard(self, lines: Sequence[bytes], by_path: Mapping[bytes, str]) -> None:
        """Pass on what the events say; a name with a line break in it only names its folder."""
        folders: dict[str, None] = {}
        for notice in filter(None, map(parse, lines)):
            folder = by_path.get(notice.folder)
            if folder is None:
                continue
            name = os.fsdecode(notice.name)
            if not FINISHED.isdisjoint(notice.events) and junk(name) is None and name:
                path = storage.below(folder, notice.name)
                if path is not None:
                    self._hint(folder, path)
                    continue
            if not CHANGED.isdisjoint(notice.events) or _may_be_folder(notice.events, name):
                folders[folder] = None
        for folder in folders:
            self._hint(folder, None)


def _there(listed: Mapping[str, int]) -> frozenset[str]:
    """The folders that are there; the others were only named."""
    return frozenset(path for path, at in listed.items() if at)


def _may_be_folder(events: str, name: str) -> bool:
    """Whether something new is worth a look before anything is written to it."""
    return NEW in events and junk(name) is None and claim(name) is Claim.NOTHING


def _to_watch(listed: Mapping[str, int]) -> dict[bytes, str]:
    """Absolute path → relative path of the folders whose events are asked for: the newest.

    One that is not there would end ``inotifyd``.
    """
    found: dict[bytes, str] = {}
    size = 0
    there = _there(listed)
    for path in sorted(there, key=lambda one: -listed[one])[:MOST_WATCHED]:
        absolute = storage.absolute(path)
        if ODD.isdisjoint(absolute) and size + len(absolute) < LONGEST_COMMAND:
            found[absolute] = path
            size += len(wire.quoted(absolute)) + len(MASK) + 1
    return found
