"""Settings → every place that copies lie in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.mirrors import former_places
from photosync.app.second_copy import second_copy
from photosync.domain.media import SourceKind
from photosync.files.folder import Folder
from photosync.files.mirroring import MirrorDisk
from photosync.stages.whereabouts import Whereabouts
from photosync.store.restores import Restores

if TYPE_CHECKING:
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.stages.ports import FolderFiles


def whereabouts_of(settings: Settings, state: State) -> Whereabouts:
    """The mirror, where it was before, every watched folder there ever was, and the backup."""
    here = settings.mirror.path
    mirrors = [here, *former_places(state.control, here)]
    sources = [view.source for view in state.overview.sources()]
    folders: dict[int, FolderFiles] = {
        one.id: Folder(Path(one.address)) for one in sources if one.kind is SourceKind.FOLDER
    }
    return Whereabouts(
        restores=Restores(state.database),
        mirrors=[MirrorDisk(one, least_free_bytes=0) for one in mirrors],
        folders=folders,
        second=second_copy(settings, state),
    )
