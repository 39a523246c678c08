"""Settings → what is taken of each source."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync.config.settings import NO_DAY
from photosync.domain.media import SourceKind
from photosync.domain.selection import Selection
from photosync.domain.shots import Rules
from photosync.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.config import FolderSettings, PhoneSettings, Settings
    from photosync.domain.media import Source

OWN = ("include", "exclude", "since", "types")


def of_folder(settings: Settings, number: int) -> Selection:
    """What is taken of the folder of that number in the settings, from 0."""
    folder = settings.folder[number]
    own = _beneath(folder.path, settings.mirror.path)
    return _selection(settings, folder, f"folder[{number + 1}]", own)


def of_phones(settings: Settings) -> Selection:
    """What is taken of phones."""
    return _selection(settings, settings.phone, "phone", ())


def rules_of(settings: Settings) -> Rules:
    """What is taken of shots of many files."""
    select = settings.select
    return Rules(select.raw_with_jpeg, select.live_video, select.bursts)


def first_state(settings: Settings) -> Callable[[Source], State]:
    """What new items of a source are: found, or held until the user chooses."""
    folders = {str(one.path): one.mode for one in settings.folder}

    def first(source: Source) -> State:
        is_phone = source.kind == SourceKind.PHONE
        own = settings.phone.mode if is_phone else folders.get(source.address)
        return State.HELD if (own or settings.select.mode) == "manual" else State.FOUND

    return first


def _selection(
    settings: Settings, source: FolderSettings | PhoneSettings, place: str, own: tuple[str, ...]
) -> Selection:
    select = settings.select
    said = frozenset(name for name in OWN if getattr(source, name) is not None)
    since = select.since if source.since is None else source.since
    return Selection(
        include=select.include if source.include is None else source.include,
        exclude=select.exclude if source.exclude is None else source.exclude,
        since=None if since in (None, NO_DAY) else time.mktime(since.timetuple()),
        own=own,
        min_size=select.min_size,
        max_size=select.max_size,
        types=select.types if source.types is None else source.types,
        screenshots=select.screenshots,
        place=place,
        said=said,
    )


def _beneath(folder: Path, mirror: Path) -> tuple[str, ...]:
    """Where the mirror lies in a watched folder, if it does."""
    return (str(mirror.relative_to(folder)),) if folder in mirror.parents else ()
