"""Where the copies of one item's bytes lie: in the mirror, and in the second copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photosync.app.mirrors import place_of
from photosync.app.times import rfc3339
from photosync.domain.backups import is_worth_keeping
from photosync.domain.media import readable
from photosync.store.backups import Backups

if TYPE_CHECKING:
    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.domain.media import MediaItem

Json = dict[str, Any]


def copies_of(settings: Settings, state: OpenState, item: MediaItem) -> Json:
    """``mirror_path``, ``mirror_there`` and ``second_copy``; nothing is read but the mirror's list.

    ``second_copy`` is None if there is none by the settings, or the item has no place in it; its
    ``path`` is None until the bytes were read back there.
    """
    copy = None
    if item.mirror_path is not None:
        copy = place_of(state.control, settings.mirror.path, item.mirror_path)
    lies = copy or (item.mirror_path and settings.mirror.path / item.mirror_path)
    return {
        "mirror_path": readable(str(lies)) if lies else None,
        "mirror_there": copy is not None,
        "second_copy": _second_copy(settings, state, item),
    }


def _second_copy(settings: Settings, state: OpenState, item: MediaItem) -> Json | None:
    address = settings.backup.address
    if not address:
        return None
    kept = item.sha256 and Backups(state.database).find(address, item.sha256)
    if not kept:
        if not is_worth_keeping(item.state, item.error_code):
            return None
        return {"to": readable(address), "path": None, "sealed": None, "verified_at": None}
    return {
        "to": readable(address),
        "path": readable(f"{address.rstrip('/')}/{kept.path}"),
        "sealed": kept.is_sealed,
        "verified_at": rfc3339(kept.verified_at),
    }
