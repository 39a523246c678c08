"""What in the second copy is not sealed as the settings say, for whoever tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photosync.domain.backups import RESEAL_HINT, Exposed
from photosync.store.resealing import Reseals

if TYPE_CHECKING:
    from photosync.app.state import State
    from photosync.config import Settings


def exposed(settings: Settings, state: State) -> Exposed:
    """What in the target of the settings is not sealed as they say, by the record."""
    backup = settings.backup
    if not (backup.to and backup.encrypt):
        return Exposed()
    return Reseals(state.database).exposed(backup.address, hides_names=backup.encrypt_names)


def exposed_document(bare: Exposed) -> dict[str, Any] | None:
    """The same as part of a JSON document; None if all is sealed as it should be."""
    if not bare:
        return None
    return {
        "plain": bare.plain,
        "plain_bytes": bare.plain_bytes,
        "old_index": bare.has_old_index,
        "named": bare.named,
        "for_other_keys": bare.for_others,
        "leaving": bare.leaving,
        "message": bare.words(),
        "hint": RESEAL_HINT,
    }
