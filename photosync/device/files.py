"""The media files of one phone, as the discover stage looks at any source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync.device import storage
from photosync.device.listing import NO_MEDIA, entry_of, why_no_entry
from photosync.device.scope import Scope, is_on, not_chosen, outermost_of
from photosync.device.survey import is_top
from photosync.domain.media import Finding, readable
from photosync.domain.media_types import (
    BY_EXTENSION,
    extension_of,
    limit_bytes,
    mime_type,
)
from photosync.domain.reasons import Reason, no_media
from photosync.domain.selection import Selection, name_left_out
from photosync.errors import EmptyFile, FileTooLarge, ItemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from photosync.device.listing import Walk
    from photosync.device.phone import Phone
    from photosync.device.wire import Stat
    from photosync.domain.media import Entry

NANOSECONDS = 1_000_000_000
SETTLED_SECONDS = 2.0
"""A file whose time of change is that old, or that stayed the same for so long, is whole."""

FUTURE_SECONDS = 5.0
MOST_REMEMBERED = 10_000
SNIFFED_BYTES = 4096
NOT_THERE = 0
EVERYTHING = Selection()

Version = tuple[str, int, int]


class PhoneFiles:
    """Files in folders of a phone: those that the settings name, on every storage, and taken ones.

    ``decided`` gives the folders that are taken and those that are left, by their exact paths;
    asked folder by folder, for the user may choose at any time.

    ``listed``: what was last seen of them, with mtimes, for whoever watches them; 0 for one of
    the named that is not there yet.
    """

    def __init__(
        self,
        phone: Phone,
        named: Sequence[str],
        decided: Callable[[], tuple[Sequence[str], Sequence[str]]] = lambda: ((), ()),
        *,
        selection: Selection = EVERYTHING,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.phone = phone
        self._named = named
        self._decided = decided
        self._selection = selection
        self._clock = clock
        self._monotonic = monotonic
        self._unreadable: dict[str, str] = {}
        self._first_seen: dict[Version, float] = {}
        self._no_media: dict[Version, None] = {}
        self._tops: list[str] = []
        self._bare = False
        self.listed: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The phone for people."""
        return readable(self.phone.identity.label)

    @property
    def unreadable(self) -> dict[str, str]:
        """Folders that could not be listed at the last look, and why."""
        return dict(self._unreadable)

    def check(self) -> None:
        """Look whether the phone is there and shows its storage.

        Raises:
            PhoneGone: It is not.
            PhoneNotReady: It is locked since it started.
        """
        self.phone.tops()

    def is_bare(self) -> bool:
        """Whether the last look found none of the folders: a phone that is locked, not emptied."""
        return self._bare

    def entries(self, under: str = "") -> Iterator[Entry]:
        """Every file that may be media, in all folders or in the folder or file ``under`` them.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled: Nothing follows from what was not seen.
        """
        if under:
            yield from self._below(under)
            return
        self._tops = self.phone.tops()
        scope = self._scope()
        with self._walk(scope) as walk:
            yield from self._within(walk.entries(scope.outermost))
        self._bare = not walk.folders
        self._unreadable = walk.unreadable
        self.listed = dict.fromkeys(scope.outermost, NOT_THERE) | walk.folders

    def settled_in(self, entry: Entry, *, closed: bool = False) -> float:
        """Seconds until it is worth asking again; 0.0 if nobody is writing to it."""
        version = (entry.path, entry.size_bytes, entry.mtime_ns)
        if closed:
            self._first_seen.pop(version, None)
            return 0.0
        age = self._clock() + self.phone.identity.ahead_seconds - entry.mtime_ns / NANOSECONDS
        if age >= SETTLED_SECONDS:
            return 0.0
        now = self._monotonic()
        since = self._first_seen.setdefault(version, now)
        _forget_oldest(self._first_seen)
        left = SETTLED_SECONDS - (now - since)
        if age > -FUTURE_SECONDS:
            left = min(left, SETTLED_SECONDS - age)
        if left <= 0:
            self._first_seen.pop(version, None)
        return max(0.0, left)

    def examine(self, entry: Entry) -> Finding | None:
        """What the file is, by its name; by its beginning where the name does not say.

        The content is looked at again once it is copied.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled.
        """
        mime = BY_EXTENSION.get(extension_of(entry.path))
        if mime is None:
            mime = self._by_content(entry)
            if mime is None or self._why_not_of_type(entry, mime) is not None:
                return None
        refusal = _refusal(entry, mime)
        return Finding(
            path=entry.path,
            size_bytes=entry.size_bytes,
            mtime_ns=entry.mtime_ns,
            mime_type=mime,
            refusal=None if refusal is None else (refusal.code, refusal.message),
        )

    def why_left_out(self, path: str) -> Reason | None:
        """Why a file is not looked at, or None if it is: what a look that finds it decides by.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled, PhoneNotReady: It cannot be told.
            ValueError: No such path can be on a phone.
        """
        storage.parts_of(path)
        self._tops = self.phone.tops()
        with self.phone.sync() as sync:
            stat = sync.stat(storage.absolute(path))
        if not stat.is_file:
            return Reason("gone", f"There is no file {readable(path)} on the phone.")
        return self._why_not_above(path) or self._why_no_entry(path, stat)

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of that path."""
        with self.phone.sync() as sync:
            return sync.stat(storage.absolute(path) + b"/.").is_folder

    def _why_not_above(self, path: str) -> Reason | None:
        """Which folder keeps the file from being listed."""
        folder = path.rpartition("/")[0]
        top = self._scope().top_of(folder)
        if top is None:
            return not_chosen(folder)
        at = folder
        below: list[str] = []
        while at != top:
            below.append(at)
            at = at.rpartition("/")[0]
        for one in reversed(below):
            name = one.rpartition("/")[2]
            reason = name_left_out(name, is_folder=True) or self._selection.folder_left_out(one)
            if reason is not None:
                return reason
        with self.phone.sync() as sync:
            marks = list(sync.stats(storage.absolute(one) + NO_MEDIA for one in below))
        marked = [one for one, mark in zip(below, marks, strict=True) if mark.errno == 0]
        return no_media(marked[-1]) if marked else None

    def _why_no_entry(self, path: str, stat: Stat) -> Reason | None:
        reason = why_no_entry(path, stat, self._selection, stat.size_bytes)
        if reason is not None or extension_of(path) in BY_EXTENSION:
            return reason
        entry = entry_of(path, stat, EVERYTHING)
        mime = None if entry is None else self._by_content(entry)
        if entry is None or mime is None:
            return Reason("no_media", "It is neither a photo nor a video by its content.")
        return self._why_not_of_type(entry, mime)

    def _why_not_of_type(self, entry: Entry, mime: str) -> Reason | None:
        return self._selection.why_not(entry.path, entry.mtime_ns, entry.size_bytes, mime)

    def _by_content(self, entry: Entry) -> str | None:
        version = (entry.path, entry.size_bytes, entry.mtime_ns)
        if version in self._no_media or not entry.size_bytes:
            return None
        head = next(self.phone.heads([entry.path], size_bytes=SNIFFED_BYTES))
        mime = None if head is None else mime_type(entry.path.rpartition("/")[2], head)
        if mime is None:
            self._no_media[version] = None
            _forget_oldest(self._no_media)
        return mime

    def _scope(self) -> Scope:
        """What is taken as of now."""
        taken, left = self._decided()
        named = {path for one in self._named for path in storage.on_each(one, self._tops)}
        there = {one for one in taken if any(is_on(one, top) for top in self._tops)}
        # what was decided is about one folder on one storage, and about a top for its own files
        shallow = frozenset(one for one in taken if is_top(one))
        apart = frozenset(left)
        outermost = outermost_of((named - apart) | there, apart, shallow)
        return Scope(tuple(outermost), apart, shallow)

    def _walk(self, scope: Scope) -> AbstractContextManager[Walk]:
        return self.phone.walk(self._selection, leave_out=scope.left, shallow=scope.shallow)

    def _within(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those in folders that are still taken: a walk takes time, and the user may leave some."""
        folder, is_taken = None, False
        for entry in entries:
            its_folder = entry.path.rpartition("/")[0]
            if its_folder != folder:
                folder, is_taken = its_folder, self._scope().reaches(its_folder)
            if is_taken:
                yield entry

    def _below(self, under: str) -> Iterator[Entry]:
        """What lies in a folder that was listed before, or one file in it; else nothing."""
        scope = self._scope()
        if under in self.listed:
            if not scope.reaches(under):
                return
            with self._walk(scope) as walk:
                yield from self._within(walk.entries([under]))
            self.listed.update(walk.folders)
            self._unreadable.update(walk.unreadable)
        elif (folder := under.rpartition("/")[0]) in self.listed and scope.reaches(folder):
            with self.phone.sync() as sync:
                stat = sync.stat(storage.absolute(under))
            entry = entry_of(under, stat, self._selection) if stat.is_file else None
            if entry is not None:
                yield entry


def _forget_oldest(known: dict[Version, float] | dict[Version, None]) -> None:
    while len(known) > MOST_REMEMBERED:
        known.pop(next(iter(known)))


def _refusal(entry: Entry, mime: str) -> ItemError | None:
    name = readable(entry.path)
    if entry.size_bytes == 0:
        return EmptyFile(f"{name} is empty.")
    if entry.size_bytes > limit_bytes(mime):
        kind = "videos up to 20 GB" if mime.startswith("video/") else "photos up to 200 MB"
        return FileTooLarge(
            f"{name} has {entry.size_bytes:,} bytes, but Google Photos takes {kind}."
        )
    return None
