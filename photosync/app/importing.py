"""Begins with what another program has uploaded: its files are read, and left out from then on.

Everything is written in short transactions while it goes on, beside a running daemon or without
one. Whatever was read is known the next time, so that a broken-off import goes on where it was.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.state import opened
from photosync.app.watched import watched_folders
from photosync.domain.media import readable
from photosync.domain.other_programs import (
    FOLDERS,
    GPHOTOS_UPLOADER,
    HOMES,
    SEED,
    Tracked,
    tracked,
)
from photosync.errors import (
    FileInUse,
    FileUnreadable,
    ItemGone,
    OtherStateUnreadable,
    SettingsError,
    Stopping,
)
from photosync.files.folder import Folder
from photosync.files.leveldb import contents, is_leveldb
from photosync.files.reading import read_whole
from photosync.store.assumed import Assumed, AssumedFiles
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

    from photosync.app.state import State
    from photosync.app.watched import WatchedFolder
    from photosync.config import Settings
    from photosync.domain.media import Entry, Finding
    from photosync.files.reading import Known

FROM_FOLDER = "folder"
AT_ONCE = 50
"""Files noted in one transaction: a kill loses no more than the reading of so many."""

MOST_NAMED = 50


@dataclass(slots=True)
class Import:
    """What came of it, in files unless it says otherwise.

    ``taken``: their bytes are known as uploaded now, ``read_before`` of them from an earlier
    import; ``items``: items that are left out for it. ``other``: neither photos nor videos, or
    such as are never taken. ``gone``, ``changed``: tracked, but not there, or not that version;
    ``unknown``: lines of a record that name no file of this computer. ``unread``: (path, why).
    """

    taken: int = 0
    taken_bytes: int = 0
    read_before: int = 0
    items: int = 0
    other: int = 0
    gone: int = 0
    changed: int = 0
    unknown: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    unread_files: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be taken. ``watched``: the watched folder that would find it."""

    files: Folder
    entry: Entry
    watched: WatchedFolder | None
    xxhash32: int | None = None

    @property
    def path(self) -> str:
        """Where it lies."""
        return f"{self.files.root}/{self.entry.path}"


@dataclass(frozen=True, slots=True)
class Told:
    """What goes on meanwhile: the user may want no more of it, and sees files and bytes."""

    halt: Event
    tick: Callable[[int, int], None] = lambda _files, _bytes: None


def import_folder(settings: Settings, folder: Path, *, dry_run: bool, told: Told) -> Import:
    """Take every photo and video below ``folder`` as uploaded.

    Raises:
        SettingsError: It is no folder.
        SourceMissing: It went away.
    """
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {readable(str(folder))}.", hint="Name one.")
    found = Import()
    candidates = _below(Path(os.path.realpath(folder)), watched_folders(settings))
    _take_all(settings, candidates, found, FROM_FOLDER, dry_run=dry_run, told=told)
    return found


def import_gphotos_uploader(
    settings: Settings, folder: Path | None, *, dry_run: bool, told: Told
) -> Import:
    """Take what gphotos-uploader-cli has uploaded, if it is still the same, as uploaded.

    Raises:
        OtherStateUnreadable: There is no record, or it is in use or damaged.
    """
    found = Import()
    lines = []
    for key, value in sorted(contents(record_of(folder)).items()):
        line = tracked(key, value)
        if line is None:
            found.unknown += 1
        else:
            lines.append(line)
    candidates = _of_record(lines, watched_folders(settings), found)
    _take_all(settings, candidates, found, GPHOTOS_UPLOADER, dry_run=dry_run, told=told)
    return found


def record_of(folder: Path | None) -> Path:
    """Where the record of gphotos-uploader-cli is: in ``folder``, or where it is usually.

    Raises:
        OtherStateUnreadable: Nowhere.
    """
    homes = [Path(one).expanduser() for one in HOMES] if folder is None else [folder]
    for home in homes:
        for place in (home, *(home / name for name in FOLDERS)):
            if is_leveldb(place):
                return place
    names = ", ".join(readable(str(one)) for one in homes)
    raise OtherStateUnreadable(
        f"gphotos-uploader-cli has left no record of uploads in {names}.",
        hint="Name its folder: photosync import gphotos-uploader-cli DIR",
    )


def _below(folder: Path, watched: Sequence[WatchedFolder]) -> Iterator[Candidate]:
    """Every file in the folder that may be media: as the watched folder around it finds them."""
    one, under = _around(folder, watched)
    files = Folder(folder) if one is None else one.files
    for entry in files.entries(under):
        yield Candidate(files, entry, one)


def _around(path: Path, watched: Sequence[WatchedFolder]) -> tuple[WatchedFolder | None, str]:
    """The innermost watched folder that ``path`` is or lies in, and the path below it."""
    roots = {Path(os.path.realpath(one.files.root)): one for one in watched}
    for root in (path, *path.parents):
        if root in roots:
            below = path.relative_to(root)
            return roots[root], "" if below == Path() else str(below)
    return None, ""


def _of_record(
    lines: Sequence[Tracked], watched: Sequence[WatchedFolder], found: Import
) -> Iterator[Candidate]:
    for line in lines:
        path = Path(os.path.realpath(line.path))
        if not path.is_file():
            found.gone += 1
            continue
        candidate = _one(path, watched)
        if candidate is None:
            found.other += 1
        else:
            files, entry, one = candidate
            yield Candidate(files, entry, one, line.xxhash32)


def _one(
    path: Path, watched: Sequence[WatchedFolder]
) -> tuple[Folder, Entry, WatchedFolder | None] | None:
    """The file as its watched folder finds it; else as it lies, if it may be media at all."""
    one, under = _around(path, watched)
    if one is not None:
        for entry in one.files.entries(under):
            return one.files, entry, one
    files = Folder(path.parent)
    for entry in files.entries(path.name):
        return files, entry, None
    return None


def _take_all(
    settings: Settings,
    candidates: Iterator[Candidate],
    found: Import,
    origin: str,
    *,
    dry_run: bool,
    told: Told,
) -> None:
    try:
        if dry_run:
            _Rehearsal(found, told).all(candidates)
            return
        with opened(settings) as state:
            taking = _Taking(state, found, origin, told)
            try:
                taking.all(candidates)
            finally:
                taking.note()
                state.control.ring(now=state.now())
    except Stopping:
        found.stopped = True


class _Rehearsal:
    """Counts what would be taken, and reads no more of it than what tells media from the rest."""

    def __init__(self, found: Import, told: Told) -> None:
        self._found = found
        self._told = told

    def all(self, candidates: Iterator[Candidate]) -> None:
        """Each of them."""
        for one in candidates:
            if self._told.halt.is_set():
                raise Stopping
            self._told.tick(1, 0)
            self._one(one)

    def _one(self, one: Candidate) -> None:
        found = self._found
        try:
            finding = one.files.examine(one.entry)
            if finding is None or finding.refusal is not None:
                found.other += 1
            elif self._take(one, finding):
                found.taken += 1
                found.taken_bytes += one.entry.size_bytes
        except (FileUnreadable, FileInUse, ItemGone) as error:
            found.unread_files += 1
            if len(found.unread) < MOST_NAMED:
                found.unread.append((readable(one.path), error.message))

    def _take(self, one: Candidate, finding: Finding) -> bool:
        """Whether its bytes are as they were tracked."""
        del finding
        return one.xxhash32 is None or self._is_same(one, self._read(one))

    def _read(self, one: Candidate) -> Known:
        return read_whole(
            one.files,
            one.entry,
            halt=self._told.halt,
            seed=None if one.xxhash32 is None else SEED,
            tick=lambda count: self._told.tick(0, count),
        )

    def _is_same(self, one: Candidate, read: Known) -> bool:
        if one.xxhash32 is None or read.xxhash32 == one.xxhash32:
            return True
        self._found.changed += 1
        return False


class _Taking(_Rehearsal):
    """Takes them for good."""

    def __init__(self, state: State, found: Import, origin: str, told: Told) -> None:
        super().__init__(found, told)
        self._state = state
        self._origin = origin
        self._record = AssumedFiles(state.database)
        self._sources = Sources(state.database)
        self._numbers: dict[str, int] = {}
        self._waiting: list[Assumed] = []

    def note(self) -> None:
        """Write down what was read."""
        some, self._waiting = self._waiting, []
        if some:
            now = self._state.now()
            self._found.items += self._record.take(some, origin=self._origin, now=now)

    def _take(self, one: Candidate, finding: Finding) -> bool:
        entry = one.entry
        sha256 = self._record.sha256_of(one.path, entry.size_bytes, entry.mtime_ns)
        if sha256 is not None:
            self._found.read_before += 1
        else:
            read = self._read(one)
            if not self._is_same(one, read):
                return False
            sha256 = read.sha256
        self._waiting.append(
            Assumed(one.path, entry.size_bytes, entry.mtime_ns, sha256, self._number(one), finding)
        )
        if len(self._waiting) >= AT_ONCE:
            self.note()
        return True

    def _number(self, one: Candidate) -> int | None:
        """The source that finds it."""
        if one.watched is None:
            return None
        root = str(one.files.root)
        if root not in self._numbers:
            self._numbers[root] = one.watched.register(self._sources).id
        return self._numbers[root]
