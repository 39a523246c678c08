"""The folders that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.app.selecting import of_folder
from photosync.domain.media import SourceKind, readable
from photosync.files.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings
    from photosync.domain.media import Source
    from photosync.store.sources import Sources


@dataclass(frozen=True, slots=True)
class WatchedFolder:
    """A folder that the settings name, with the selection that holds for it."""

    files: Folder
    label: str
    album: str

    def register(self, sources: Sources) -> Source:
        """Its source, added if it is new."""
        return sources.register(
            SourceKind.FOLDER, str(self.files.root), label=self.label, album=self.album
        )


def watched_folders(settings: Settings) -> list[WatchedFolder]:
    """All of them, in the order of the settings."""
    labels = _labels([one.path for one in settings.folder])
    return [
        WatchedFolder(Folder(one.path, selection=of_folder(settings, number)), label, one.album)
        for number, (one, label) in enumerate(zip(settings.folder, labels, strict=True))
    ]


def _labels(paths: list[Path]) -> list[str]:
    """A short name for each folder: its own, with its parents' where two are alike."""
    depth = dict.fromkeys(range(len(paths)), 1)
    while True:
        labels = [
            readable("/".join(path.parts[-depth[index] :])) for index, path in enumerate(paths)
        ]
        alike = [
            index
            for index, label in enumerate(labels)
            if labels.count(label) > 1 and depth[index] < len(paths[index].parts)
        ]
        if not alike:
            return labels
        for index in alike:
            depth[index] += 1
