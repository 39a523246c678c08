"""The media files of one phone, as the discover stage looks at any source."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.device import storage
from photosync.device.listing import entry_of
from photosync.device.survey import is_top
from photosync.domain.media import Finding, readable
from photosync.domain.media_types import (
    BY_EXTENSION,
    extension_of,
    limit_bytes,
    mime_type,
)
from photosync.domain.naming import CARD_PREFIX
from photosync.domain.selection import Selection
from photosync.errors import EmptyFile, FileTooLarge, ItemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from photosync.device.listing import Walk
    from photosync.device.phone import Phone
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
            if mime is None:
                return None
        refusal = _refusal(entry, mime)
        return Finding(
            path=entry.path,
            size_bytes=entry.size_bytes,
            mtime_ns=entry.mtime_ns,
            mime_type=mime,
            refusal=None if refusal is None else (refusal.code, refusal.message),
        )

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
        there = {one for one in taken if any(_is_on(one, top) for top in self._tops)}
        # what was decided is about one folder on one storage, and about a top for its own files
        shallow = frozenset(one for one in taken if is_top(one))
        apart = frozenset(left)
        outermost = _outermost((named - apart) | there, apart, shallow)
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


@dataclass(frozen=True, slots=True)
class Scope:
    """The folders to walk from, those that are not entered, and those whose own files count."""

    outermost: tuple[str, ...]
    left: frozenset[str]
    shallow: frozenset[str]

    def reaches(self, folder: str) -> bool:
        """Whether the files directly in a folder are taken."""
        return any(
            one == folder or (one not in self.shallow and _comes_to(one, folder, self.left))
            for one in self.outermost
        )


def _outermost(folders: Iterable[str], left: frozenset[str], shallow: frozenset[str]) -> list[str]:
    """The folders without those that a walk through others of them comes to anyway."""
    kept: list[str] = []
    for path in sorted(set(folders), key=len):
        if not any(_comes_to(one, path, left) for one in kept if one not in shallow):
            kept.append(path)
    return kept


def _comes_to(top: str, path: str, left: frozenset[str]) -> bool:
    """Whether a walk from ``top`` comes to ``path``: it does not enter folders that are left."""
    at = path
    while at != top:
        if at in left or is_top(at):  # a card does not lie in the internal storage
            return False
        at = at.rpartition("/")[0]
    return True


def _is_on(path: str, top: str) -> bool:
    """Whether the folder lies on that storage; "" is the internal one."""
    return path.partition("/")[0] == top if top else not path.startswith(CARD_PREFIX)


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
