"""Takes copies out of the mirror once their photos are in the library, as ``mirror.keep`` says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from photosync.stages.ports import MirrorPlace
    from photosync.store.copies import Copies

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400
AT_ONCE = 100


class Prune:
    """Removes copies ``keep_days`` after their photo was done; 0: at once.

    ``alone``: a lock; whoever frees phones of what has its copy here holds it.
    """

    name = "prune"

    def __init__(
        self,
        *,
        copies: Copies,
        mirror: MirrorPlace,
        keep_days: int,
        clock: Callable[[], float],
        alone: Callable[[], AbstractContextManager[bool]],
    ) -> None:
        self._copies = copies
        self._mirror = mirror
        self._keep_seconds = keep_days * DAY_SECONDS
        self._clock = clock
        self._alone = alone

    def run_once(self) -> bool:
        """Remove what is due; False if nothing was, or somebody relies on the copies right now.

        The file goes first: a kill in between finds it gone the next time, which is as well.
        A copy that was changed since is the user's own file by now, and stays.

        Raises:
            MirrorAway: The mirror is not there, or cannot be written.
        """
        with self._alone() as is_alone:
            return is_alone and self._remove_due()

    def _remove_due(self) -> bool:
        due = self._copies.due(before=int(self._clock()) - self._keep_seconds, limit=AT_ONCE)
        removed = sum(self._mirror.remove(one.path, one.size_bytes, one.mtime_ns) for one in due)
        self._copies.forget([one.item_id for one in due])
        if due:
            log.info("mirror.pruned copies=%d left=%d", removed, len(due) - removed)
        return bool(due)
