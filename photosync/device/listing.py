"""Lists folders of a phone and everything below them, level by level, requests sent ahead."""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

from photosync.device import storage, wire
from photosync.domain.media import Entry, readable
from photosync.domain.media_types import IMAGES, extension_of
from photosync.domain.selection import Selection, name_left_out
from photosync.errors import PhoneNotReady

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photosync.device.sync import Sync
    from photosync.device.wire import Named, Stat
    from photosync.domain.reasons import Reason

log = logging.getLogger(__name__)

NANOSECONDS = 1_000_000_000
NO_MEDIA = b"/.nomedia"
DEEPEST = 100
MOST_UNREADABLE = 1000
WRAPPED_BYTES = 1 << 32
EVERYTHING = Selection()


class Walk:
    """One walk through ``tops`` and everything below.

    Symlinks are never followed. Folders in ``leave_out`` are not entered, and those in ``shallow``
    no deeper than their own files. ``folders``: every folder that was listed, with its mtime in
    seconds UTC as the phone said it. ``unreadable``: what could not be listed, and why.
    ``complete``: whether everything was seen, so that what was not seen is not there.
    """

    def __init__(
        self,
        sync: Sync,
        *,
        selection: Selection = EVERYTHING,
        leave_out: frozenset[str] = frozenset(),
        shallow: frozenset[str] = frozenset(),
    ) -> None:
        self._sync = sync
        self._selection = selection
        self._leave_out = leave_out
        self._shallow = shallow
        self.folders: dict[str, int] = {}
        self.unreadable: dict[str, str] = {}
        self.complete = False

    def entries(self, tops: Sequence[str]) -> Iterator[Entry]:
        """Every file that may be media. Tops that are not there are left out.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled: Nothing follows from what was not seen.
        """
        self.complete = False
        level = list(dict.fromkeys(tops))
        named = frozenset(level)  # a .nomedia in them does not count: the user named them
        for _ in range(DEEPEST):
            level = self._there(level, named)
            if not level:
                break
            below: list[str] = []
            found = self._level(level, below)
            if self._sync.wraps_sizes:
                found = filter(self._is_taken, exact(self._sync, list(found)))
            yield from found
            level = below
        for path in level:
            self._report(path, f"more than {DEEPEST} folders within one another")
        self.complete = not self.unreadable

    def _there(self, level: list[str], named: frozenset[str]) -> list[str]:
        """Those of the folders that are there, may be searched, and hold no .nomedia."""
        short = [path for path in level if self._is_short(path)]
        stats = self._sync.stats(storage.absolute(path) + b"/." for path in short)
        found = []
        for path, stat in zip(short, stats, strict=True):
            if stat.is_folder:
                self.folders[path] = stat.mtime
                found.append(path)
            elif stat.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                self._report(path, os.strerror(stat.errno))
        marks = self._sync.stats(storage.absolute(path) + NO_MEDIA for path in found)
        return [
            path
            for path, mark in zip(found, marks, strict=True)
            if path in named or mark.errno != 0 or self._forget(path)
        ]

    def _forget(self, path: str) -> bool:
        self.folders.pop(path, None)
        return False

    def _is_short(self, path: str) -> bool:
        """Whether adb can be asked about what lies in the folder."""
        if len(storage.absolute(path)) + len(NO_MEDIA) <= wire.LONGEST_PATH:
            return True
        self._report(path, "its path is too long for adb")
        return False

    def _level(self, folders: list[str], below: list[str]) -> Iterator[Entry]:
        listings = self._sync.lists(storage.absolute(path) for path in folders)
        for folder, listed in zip(folders, listings, strict=True):
            yield from self._sorted_out(folder, listed, below)

    def _sorted_out(
        self, folder: str, listed: Iterator[Named], below: list[str]
    ) -> Iterator[Entry]:
        """The files of one folder; its folders go to ``below``."""
        longest_name = wire.LONGEST_PATH - len(storage.absolute(folder)) - 1
        for one in listed:
            path = storage.below(folder, one.name)
            if path is None:
                self._report(folder, f"it lists a name that cannot be: {one.name[:80]!r}")
            elif name_left_out(os.fsdecode(one.name), is_folder=True) is not None:
                continue
            elif one.stat.errno:
                self._report(path, os.strerror(one.stat.errno))
            elif one.stat.is_folder:
                if folder in self._shallow:
                    continue
                if path not in self._leave_out and self._selection.folder_left_out(path) is None:
                    below.append(path)
            elif one.stat.is_file:
                entry = self._entry(path, one, longest_name)
                if entry is not None:
                    yield entry

    def _entry(self, path: str, one: Named, longest_name: int) -> Entry | None:
        if len(one.name) <= longest_name:
            size_bytes = None if self._sync.wraps_sizes else one.stat.size_bytes
            reason = why_no_entry(path, one.stat, self._selection, size_bytes)
            return None if reason is not None else _entry(path, one.stat)
        if name_left_out(path.rpartition("/")[2]) is None:
            self._report(path, "its path is too long for adb")
        return None

    def _is_taken(self, entry: Entry) -> bool:
        why = self._selection.why_not(entry.path, entry.mtime_ns, entry.size_bytes)
        return why is None

    def _report(self, path: str, reason: str) -> None:
        if path in self.unreadable:
            return
        if len(self.unreadable) < MOST_UNREADABLE:
            self.unreadable[path] = reason
            log.warning("phone.unreadable path=%r reason=%s", readable(path), reason)


def entry_of(path: str, stat: Stat, selection: Selection) -> Entry | None:
    """The file as an entry; None if its name says it is no media, or the user leaves it out."""
    reason = why_no_entry(path, stat, selection, stat.size_bytes)
    return None if reason is not None else _entry(path, stat)


def why_no_entry(
    path: str, stat: Stat, selection: Selection, size_bytes: int | None
) -> Reason | None:
    """Why a file in a folder that is read is not listed; ``size_bytes`` None: not known yet."""
    reason = name_left_out(path.rpartition("/")[2])
    return reason or selection.why_not(path, stat.mtime * NANOSECONDS, size_bytes)


def _entry(path: str, stat: Stat) -> Entry:
    return Entry(path, stat.size_bytes, stat.mtime * NANOSECONDS)


def exact(sync: Sync, entries: Sequence[Entry]) -> list[Entry]:
    """The entries with their sizes beyond 4 GiB, for phones whose listings have only 32 bits.

    Photos are never that large; each other file is asked for by itself.
    """
    doubtful = [one for one in entries if extension_of(one.path) not in IMAGES]
    stats = sync.stats(storage.absolute(one.path) for one in doubtful)
    sizes = {
        one.path: stat.size_bytes
        for one, stat in zip(doubtful, stats, strict=True)
        if stat.is_file and stat.size_bytes % WRAPPED_BYTES == one.size_bytes
    }
    return [Entry(one.path, sizes.get(one.path, one.size_bytes), one.mtime_ns) for one in entries]


def tops_of(sync: Sync) -> list[str]:
    """The storages of the phone: "" is the internal one, then the SD cards.

    Raises:
        PhoneNotReady: There is no internal storage: the phone is locked since it started.
    """
    if not sync.stat(storage.INTERNAL + b"/.").is_folder:
        raise PhoneNotReady(
            "The phone does not show its storage.", hint="Unlock the phone once; it goes on then."
        )
    names = [one.name for one in next(sync.lists([storage.STORAGE])) if one.stat.is_folder]
    return ["", *(storage.on_card(name) for name in sorted(names) if storage.CARD.fullmatch(name))]
