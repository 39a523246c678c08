"""Writes the report as a page with small pictures in it, within bounds."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.app.mirrors import place_of
from photosync.app.reconciled import document, sample_lines
from photosync.app.reconciling import reconcile
from photosync.domain.media import SourceKind, readable
from photosync.errors import PhotosyncError, SettingsError, Stopping
from photosync.files.opening import OpenFile, open_beneath
from photosync.files.thumbnails import Thumbnailer
from photosync.web.report_page import is_report, page, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from photosync.app.reconciling import Asked, Report
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.reckoning import Sample

Json = dict[str, Any]

EDGE = 192
MOST_PICTURES = 400
MOST_PICTURE_BYTES = 6 << 20
SAMPLES = 200
"""Of what stands alike; enough that what is in one place only is seen whole, mostly."""

NEWEST, GROUPS = 4, 40
HEAD_BYTES = 200


def write_page(
    file: Path,
    settings: Settings,
    state: OpenState,
    asked: Asked,
    *,
    halt: Event,
    tick: Callable[[int], None],
) -> Json:
    """Write the page; the document that it shows, without its pictures.

    Raises:
        SettingsError: ``file`` is something else, or cannot be written.
        Stopping: The user wants no more of it; ``file`` is as it was.
    """
    _refuse_foreign(file)
    wanted = replace(asked, samples=SAMPLES, newest=NEWEST, groups=GROUPS)
    report = reconcile(settings, state, wanted, halt=halt, tick=tick)
    found = document(report)
    with Thumbnailer() as maker:
        album = _Album(settings, state, report, maker, halt)
        shown = album.illustrated(found)
        newest = album.newest()
    pieces = page(shown, newest=newest, pictures_shown=album.pictures, left_out=album.left_out())
    try:
        _write(file, pieces)
    except OSError as error:
        raise _unwritable(file, error) from error
    return found


def _refuse_foreign(file: Path) -> None:
    try:
        with file.open("rb") as old:
            if is_report(old.read(HEAD_BYTES)):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(file, error) from error
    raise SettingsError(
        f"{readable(str(file))} is there already, and photosync did not write it.",
        hint="Name another file.",
    )


def _unwritable(file: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{readable(str(file))} cannot be written: {error.strerror}.")


def _write(file: Path, pieces: Iterable[bytes]) -> None:
    """All of it or nothing: a page that is half written would lie."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with fresh.open("xb") as written:
            written.writelines(pieces)
        fresh.replace(file)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


@dataclass
class _Album:
    """Makes the pictures, until there are enough of them."""

    settings: Settings
    state: OpenState
    report: Report
    maker: Thumbnailer
    halt: Event
    pictures: int = 0
    size_bytes: int = 0
    without: int = 0
    shown: set[int] = field(default_factory=set)

    def illustrated(self, found: Json) -> Json:
        """The document with a picture in each example that has one: the most endangered first."""
        reckoning = self.report.reckoning
        heaps = {
            "one_place": reckoning.in_one_place(),
            "nowhere": reckoning.nowhere(),
            "stopped": reckoning.stopped(),
        }
        shown = {
            name: [
                {**line, "examples": self._lines(heap.samples)}
                for line, heap in zip(found[name], heaps[name], strict=True)
            ]
            for name in heaps
        }
        damaged = {**found["damaged"], "examples": self._lines(self.report.damaged)}
        return {**found, **shown, "damaged": damaged}

    def newest(self) -> list[Json]:
        """The newest of the folders that were last added to."""
        folders = self.report.reckoning.folders.items()
        lines = []
        for (source, folder), one in folders:
            fresh = [sample for sample in one.newest if sample.id not in self.shown]
            if fresh:
                label = readable(self.report.places[source].view.source.label)
                samples = self._lines(fresh)
                lines.append({"source": label, "folder": readable(folder), "samples": samples})
        return lines

    def left_out(self) -> list[str]:
        """Sentences on what is not shown."""
        lines = []
        heaps = self.report.reckoning.in_one_place()
        hidden = sum(heap.items - len(heap.samples) for heap in heaps)
        if hidden:
            lines.append(f"{hidden:,} more items lie in one place only; photosync list has them.")
        if self.without:
            lines.append(f"{self.without:,} are shown by name alone, to keep the page small.")
        return lines

    def _lines(self, samples: Iterable[Sample]) -> list[Json]:
        samples = list(samples)
        lines = sample_lines(self.report, samples)
        return [
            {**line, "picture": self._picture(sample)}
            for line, sample in zip(lines, samples, strict=True)
        ]

    def _picture(self, sample: Sample) -> str | None:
        if self.halt.is_set():
            raise Stopping
        if sample.id in self.shown:  # once is enough: further down its name will do
            return None
        if self.pictures >= MOST_PICTURES or self.size_bytes >= MOST_PICTURE_BYTES:
            self.without += 1
            return None
        jpeg = self._thumbnail(sample)
        self.shown.add(sample.id)
        if jpeg is None:
            return None
        made = picture(jpeg)
        self.pictures += 1
        self.size_bytes += len(made)
        return made

    def _thumbnail(self, sample: Sample) -> bytes | None:
        """None if the file is not on this computer, or no picture is to be had of it."""
        place = self._place(sample)
        if place is None:
            return None
        root, path = place
        name = readable(path)
        try:
            with OpenFile(open_beneath(root, path), root=root, path=path) as file:
                return self.maker.thumbnail(file, name, edge=EDGE)
        except (PhotosyncError, ValueError):
            return None

    def _place(self, sample: Sample) -> tuple[Path, str] | None:
        source = self.report.places[sample.source_id].view.source
        if source.kind == SourceKind.FOLDER:
            return (Path(source.address), sample.path) if sample.is_at_source else None
        if sample.mirror_path is None:
            return None
        found = place_of(self.state.control, self.settings.mirror.path, sample.mirror_path)
        if found is None:
            return None
        depth = sample.mirror_path.count("/")
        return found.parents[depth], sample.mirror_path
