"""``photosync why``: what became of a file, here or on a phone, and which rule decided."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.answers import Answer
from photosync.app.copies import copies_of
from photosync.app.fates import Record, fate_of, record_of
from photosync.app.local import Local
from photosync.app.mirrors import former_places
from photosync.app.state import looked_at
from photosync.daemon import lock
from photosync.device import storage
from photosync.domain.fates import Fate, Verdict
from photosync.domain.media import SourceKind, readable
from photosync.domain.media_types import HEAD_BYTES, mime_type
from photosync.domain.naming import CARD_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.config import Settings
    from photosync.domain.media import MediaItem, Source

NUMBER = re.compile(r"[0-9]{1,18}")


def why(
    settings: Settings,
    asked: str,
    *,
    folder: Path | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Answer]:
    """What became of ``asked``: a path here or on a phone, a copy, a file's name, an item's number.

    ``folder``: what relative paths begin at, where we are if None. Nothing is changed.

    Raises:
        UnknownItem: There is no item of that number.
    """
    with looked_at(settings, clock) as state:
        record = None if state is None else record_of(settings, state)
        question = _Asked(settings, record, asked, folder=folder or Path.cwd(), clock=clock)
        answers = list(question.answers())
        if state is None:
            return answers
        return [
            replace(one, copies=copies_of(settings, state, one.items[0])) if one.items else one
            for one in answers
        ]


class _Asked:
    """One question."""

    def __init__(
        self,
        settings: Settings,
        record: Record | None,
        asked: str,
        *,
        folder: Path,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._record = record
        self._asked = asked
        on_phone = storage.relative(asked)
        self._is_on_phone = on_phone is not None
        self._path = asked.strip("/") if on_phone is None else on_phone
        self._running = lock.holder(settings.state_dir) is not None
        self._local = Local(settings, record, running=self._running, clock=clock)
        # "..", but no symlinks yet: what is meant is the path as it is written
        self._file = Path(os.path.normpath(folder / asked)) if asked else folder

    def answers(self) -> Iterator[Answer]:
        """The ways to read the question, the surest first."""
        if os.path.lexists(self._file):
            yield self._of_local()
            return
        if NUMBER.fullmatch(self._asked) and self._record is not None:
            item = self._record.state.overview.item(int(self._asked))
            yield self._of_item(item)
            return
        found = self._by_label() or self._on_record() or self._named() or self._on_phones()
        yield from found
        if not found:
            yield self._of_nothing()

    # --- files here

    def _of_local(self) -> Answer:
        copied = self._of_copy()
        if copied is not None:
            return copied
        for at, rel in self._places():
            return self._local.in_folder(at, rel)
        return self._in_no_folder()

    def _of_copy(self) -> Answer | None:
        """A copy of a phone's file."""
        if self._record is None:
            return None
        here = self._settings.mirror.path
        for place in (here, *former_places(self._record.state.control, here)):
            if self._file.is_relative_to(place) and self._file != place:
                rel = str(self._file.relative_to(place))
                items = self._record.state.overview.items_copied_to(rel)
                if items:
                    return self._of_item(items[0])
        return None

    def _places(self) -> Iterator[tuple[int, str]]:
        """Where the file lies in folders of the settings: (number, path); the innermost first."""
        real = Path(os.path.realpath(self._file.parent)) / self._file.name
        found = []
        for at, one in enumerate(self._settings.folder):
            for root, file in ((one.path, self._file), (Path(os.path.realpath(one.path)), real)):
                if file.is_relative_to(root):
                    found.append((at, "" if file == root else str(file.relative_to(root))))
                    break
        yield from sorted(found, key=lambda place: len(place[1]))

    def _in_no_folder(self) -> Answer:
        """A file of this machine that no folder of the settings holds."""
        former = self._in_former_folder()
        if former is not None:
            return former
        name = readable(str(self._file))
        if self._file.is_relative_to(self._settings.mirror.path):
            message = "photosync keeps its copies of phones there; this is none that it knows."
            return Answer("", name, Fate(Verdict.LEFT_OUT, "own_copy", message, "mirror.path"))
        place = self._file if self._file.is_dir() else self._file.parent
        nearest = self._nearest()
        near = f" The nearest is {readable(nearest)}." if nearest else ""
        message = f"It lies in no folder that is backed up.{near}"
        if self._is_other():
            message = f"It is neither a photo nor a video. {message}"
            return Answer("", name, Fate(Verdict.LEFT_OUT, "other_type", message))
        cure = f'Add to the settings:  [[folder]]  path = "{readable(str(place))}"'
        return Answer("", name, Fate(Verdict.LEFT_OUT, "not_watched", message, "[[folder]]", cure))

    def _is_other(self) -> bool:
        """Whether it is a file that would not be taken wherever it lay."""
        try:
            if not stat.S_ISREG(self._file.stat().st_mode):
                return not self._file.is_dir()
            with self._file.open("rb") as file:
                return mime_type(self._file.name, file.read(HEAD_BYTES)) is None
        except OSError:
            return False  # who knows

    def _in_former_folder(self) -> Answer | None:
        """A folder that the settings named once."""
        if self._record is None:
            return None
        for source in self._record.sources.values():
            is_folder = source.kind == SourceKind.FOLDER
            if not is_folder or not self._file.is_relative_to(source.address):
                continue
            items = self._local.items_at(source, str(self._file.relative_to(source.address)))
            if items:
                fate = fate_of(self._record, items[0], lies_there=False, reason=None)
                return Answer(source.label, items[0].source_path, fate, items)
        return None

    def _nearest(self) -> str:
        """The folder of the settings with which the file has the longest way in common."""
        paths = [str(one.path) for one in self._settings.folder]
        common = {one: len(os.path.commonpath([one, str(self._file)])) for one in paths}
        best = max(common, key=lambda one: common[one], default="")
        return best if best and common[best] > 1 else ""

    # --- what is on record

    def _of_item(self, item: MediaItem) -> Answer:
        """That very version; the file is looked at where that is easy."""
        assert self._record is not None, "items are on record"
        source = self._record.sources[item.source_id]
        roots = [str(one.path) for one in self._settings.folder]
        if source.kind == SourceKind.FOLDER and source.address in roots:
            answer = self._local.in_folder(roots.index(source.address), item.source_path)
            if answer.items and answer.items[0].id == item.id:
                return answer
        reason, lies_there = None, False
        if source.kind == SourceKind.PHONE and item.error_code == "excluded":
            from photosync.app.asking import why_not_by_record

            reason = why_not_by_record(self._settings, source.address, item)
            lies_there = True  # as far as anybody knows
        fate = fate_of(self._record, item, lies_there=lies_there, reason=reason)
        others = [
            one for one in self._local.items_at(source, item.source_path) if one.id != item.id
        ]
        return Answer(source.label, item.source_path, fate, [item, *others])

    def _by_label(self) -> list[Answer]:
        """``LABEL:PATH``, a phone's or a folder's; longer labels are tried first."""
        sources = [] if self._record is None else [*self._record.sources.values()]
        roots = [str(one.path) for one in self._settings.folder]
        for source in sorted(sources, key=lambda one: -len(one.label)):
            for name in (source.label, source.address):
                if not self._asked.startswith(f"{name}:"):
                    continue
                given = self._asked.removeprefix(f"{name}:")
                path = given.strip("/")
                if source.kind == SourceKind.PHONE:
                    return self._of_phone(source, storage.relative(given) or path)
                rel = os.path.normpath(path)
                if source.address in roots and not rel.startswith(".."):
                    rel = "" if rel == "." else rel
                    return [self._local.in_folder(roots.index(source.address), rel)]
        return []

    def _on_record(self) -> list[Answer]:
        """A path as ``list`` and ``show`` print it, or one here that is gone by now."""
        if self._record is None:
            return []
        here = [
            item
            for at, rel in self._places()
            if (
                source := self._local.source(SourceKind.FOLDER, str(self._settings.folder[at].path))
            )
            for item in self._local.items_at(source, rel)[:1]
        ]
        copied = self._of_copy()
        found = here or [
            item
            for source in self._record.sources.values()
            for item in self._local.items_at(source, self._path)[:1]
            if not self._is_on_phone or source.kind == SourceKind.PHONE
        ]
        return [self._of_item(one) for one in found] or ([copied] if copied else [])

    def _named(self) -> list[Answer]:
        """A file's name alone, as the library shows it."""
        name = self._path
        if self._record is None or not name or "/" in name or self._is_on_phone:
            return []
        paths = {
            (one.source_id, one.source_path): one
            for one in reversed(self._record.state.overview.items_named(name))
        }
        return [self._of_item(one) for one in paths.values()]

    # --- phones

    def _on_phones(self) -> list[Answer]:
        """A path on a phone of which nothing is on record."""
        path = self._path
        is_here = not self._is_on_phone and (
            self._asked.startswith(("/", ".", "~")) or any(True for _ in self._places())
        )
        if is_here or not self._settings.phone.enabled or not path:
            return []
        if "/" not in path and not path.startswith(CARD_PREFIX):
            return []
        from photosync.app.asking import ask_phones

        return [
            Answer(label, path, fate)
            for label, fate in ask_phones(self._settings, path, running=self._running)
        ]

    def _of_phone(self, source: Source, path: str) -> list[Answer]:
        items = self._local.items_at(source, path)
        if items:
            return [self._of_item(items[0])]
        from photosync.app.asking import ask_phones

        found = ask_phones(self._settings, path, running=self._running, serial=source.address)
        return [Answer(label, path, fate) for label, fate in found]

    def _of_nothing(self) -> Answer:
        for at, rel in self._places():
            return self._local.in_folder(at, rel)
        former = self._in_former_folder()
        if former is not None:
            return former
        message = "There is no such file, and photosync has no record of one."
        cure = "Name it as photosync list shows it, as PHONE:PATH, or by its path here."
        return Answer("", self._asked, Fate(Verdict.UNKNOWN, "unknown", message, cure=cure))
