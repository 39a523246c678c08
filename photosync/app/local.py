"""What became of a file in a watched folder: looked at now, and by the record."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from photosync.app.answers import Answer
from photosync.app.fates import failed, fate_of, not_seen
from photosync.app.selecting import of_folder
from photosync.domain.fates import Fate, Verdict, left_out
from photosync.domain.media import Entry, SourceKind, readable
from photosync.errors import ItemGone, PhotosyncError, SourceMissing
from photosync.files.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.app.fates import Record
    from photosync.config import Settings
    from photosync.domain.media import MediaItem, Source


class Local:
    """Watched folders of this machine. ``running``: whether a daemon is at work."""

    def __init__(
        self,
        settings: Settings,
        record: Record | None,
        *,
        running: bool,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._record = record
        self._running = running
        self._clock = clock

    def items_at(self, source: Source, path: str) -> list[MediaItem]:
        """Every version on record of a file, newest first."""
        if self._record is None:
            return []
        return self._record.state.overview.items_at(source.id, path)

    def source(self, kind: SourceKind, address: str) -> Source | None:
        """What is on record of a source, or None."""
        sources = () if self._record is None else self._record.sources.values()
        return next((one for one in sources if (one.kind, one.address) == (kind, address)), None)

    def in_folder(self, at: int, rel: str) -> Answer:
        """What became of the file ``rel`` in the folder of that number, from 0."""
        root = self._settings.folder[at].path
        source, label = self.source(SourceKind.FOLDER, str(root)), readable(str(root))
        items = [] if source is None else self.items_at(source, rel)
        files = Folder(root, selection=of_folder(self._settings, at), clock=self._clock)
        try:
            fate, item = self._fate_in(files, rel, items)
        except SourceMissing as error:
            fate, item = self._fate_of_away(error, items)
        ordered = [one for one in items if item is None or one.id != item.id]
        shown = label if source is None else source.label
        return Answer(shown, rel, fate, ordered if item is None else [item, *ordered])

    def _fate_of_away(
        self, error: SourceMissing, items: list[MediaItem]
    ) -> tuple[Fate, MediaItem | None]:
        if items and self._record is not None:
            return fate_of(self._record, items[0], lies_there=False, reason=None), items[0]
        return Fate(Verdict.ACT, error.code, error.message, cure=error.hint), None

    def _fate_in(
        self, files: Folder, rel: str, items: list[MediaItem]
    ) -> tuple[Fate, MediaItem | None]:
        """Raises SourceMissing: The folder is away."""
        files.check()
        try:
            found = (files.root / rel).lstat()
        except OSError:
            return self._fate_of_gone(files, rel, items)
        if stat.S_ISDIR(found.st_mode):
            return _fate_of_folder(files, rel), None
        version = (found.st_size, found.st_mtime_ns)
        seen = [one for one in items if (one.size_bytes, one.source_mtime_ns) == version]
        reason = files.why_left_out(rel)
        if seen and self._record is not None:
            return fate_of(self._record, seen[0], lies_there=True, reason=reason), seen[0]
        if reason is not None:
            return left_out(reason), None
        return self._fate_of_new(files, Entry(rel, *version, found.st_ctime_ns)), None

    def _fate_of_gone(
        self, files: Folder, rel: str, items: list[MediaItem]
    ) -> tuple[Fate, MediaItem | None]:
        if items and self._record is not None:
            return fate_of(self._record, items[0], lies_there=False, reason=None), items[0]
        reason = files.why_left_out(rel)
        return not_seen(running=self._running) if reason is None else left_out(reason), None

    def _fate_of_new(self, files: Folder, entry: Entry) -> Fate:
        """A file that no rule leaves out, and that is not on record."""
        try:
            unsettled = files.why_unsettled(entry.path)
            finding = None if unsettled else files.examine(entry)
        except ItemGone as error:
            return Fate(Verdict.UNKNOWN, error.code, error.message)
        except PhotosyncError as error:
            return Fate(Verdict.FAILED, error.code, error.message, cure=error.hint)
        if finding is not None and finding.refusal is not None:
            return failed(*finding.refusal)
        fate = not_seen(running=self._running)
        if unsettled is None:
            return fate
        message = f"{unsettled} It is taken when nobody writes to it."
        return Fate(fate.verdict, "unsettled", message, "files being written wait", fate.cure)


def _fate_of_folder(files: Folder, rel: str) -> Fate:
    reason = files.why_not_entered(rel)
    if reason is not None:
        return left_out(reason)
    message = "This folder is backed up, with what lies in it; ask about a file for more."
    return Fate(Verdict.TAKEN, "folder", message)
