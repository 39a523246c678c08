"""Which folders of a phone hold photos: counts, sizes, newest date, on every storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.device import storage
from photosync.device.listing import NANOSECONDS
from photosync.domain.media_types import BY_EXTENSION, extension_of
from photosync.domain.naming import CARD_PREFIX
from photosync.domain.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photosync.device.phone import Phone

APPS = ("Android/data", "Android/obb")
"""What apps keep for themselves: caches by the hundred thousand, nothing that a person took."""

EVERYTHING = Selection()


@dataclass(slots=True)
class MediaFolder:
    """A folder with media directly in it. ``newest_at`` in seconds UTC."""

    path: str
    photos: int = 0
    videos: int = 0
    size_bytes: int = 0
    newest_at: int = 0


def survey(phone: Phone, selection: Selection = EVERYTHING) -> list[MediaFolder]:
    """Every folder that holds media by its files' names, the one with the newest first.

    Raises:
        PhoneGone, PhoneStalled, PhoneGarbled: Nothing follows from what was not seen.
    """
    tops = phone.tops()
    apart = frozenset(path for one in APPS for path in storage.on_each(one, tops))
    found: dict[str, MediaFolder] = {}
    with phone.walk(selection, leave_out=apart) as walk:
        for entry in walk.entries(tops):
            mime = BY_EXTENSION.get(extension_of(entry.path))
            if mime is None:
                continue
            path = entry.path.rpartition("/")[0]
            folder = found.setdefault(path, MediaFolder(path))
            folder.videos += mime.startswith("video/")
            folder.photos += not mime.startswith("video/")
            folder.size_bytes += entry.size_bytes
            folder.newest_at = max(folder.newest_at, entry.mtime_ns // NANOSECONDS)
    return sorted(found.values(), key=lambda one: (-one.newest_at, one.path))


def is_top(path: str) -> bool:
    """Whether it is the top of a storage: what is decided about it holds for its own files."""
    return not path or (path.startswith(CARD_PREFIX) and "/" not in path)


def nearest(path: str, decided: Mapping[str, str], named: Sequence[str]) -> str:
    """What holds for a folder: "settings", what was decided about it or one above, or "".

    ``decided``: path → "take", "leave" or "new", exact paths; ``named``: folders of the settings,
    on any storage.
    """
    at = path
    while True:
        choice = decided.get(at, "new")
        if choice != "new" and (at == path or not is_top(at)):
            return choice
        if is_top(at):
            return ""
        above = at.rpartition("/")[0]
        if is_beneath(at, named) and not is_beneath(above, named):
            return "settings"
        at = above


def is_beneath(path: str, folders: Sequence[str]) -> bool:
    """Whether a folder is one of ``folders`` (of the settings, on any storage), or in one."""
    card, inner = "", path
    if path.startswith(CARD_PREFIX):
        card, _, inner = path.partition("/")
    for one in folders:
        whole = path if one.startswith(CARD_PREFIX) else inner
        if whole == one or whole.startswith(f"{one}/"):
            return True
    return card in folders
