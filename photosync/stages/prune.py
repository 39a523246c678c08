"""Takes copies out of the mirror once their photos are in every other place they should be in."""

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
LOOK_SECONDS = 60
"""While a backup lacks a million copies, each look goes over all of them."""


class Prune:
    """Removes copies ``keep_days`` after their photo was done; 0: at once (``mirror.keep``).

    ``backup``: the address of the target that has to hold them too; None: there is none.
    ``backup_is_there``: whether that can be reached now, and is the one that was written to.
    ``alone``: a lock; whoever frees phones of what has its copy here holds it.
    """

    name = "prune"

    def __init__(
        self,
        *,
        copies: Copies,
        mirror: MirrorPlace,
        keep_days: int,
        backup: str | None = None,
        backup_is_there: Callable[[], bool] = lambda: True,
        clock: Callable[[], float],
        alone: Callable[[], AbstractContextManager[bool]],
    ) -> None:
        self._copies = copies
        self._mirror = mirror
        self._keep_seconds = keep_days * DAY_SECONDS
        self._clock = clock
        self._alone = alone
        self._backup = backup
        self._backup_is_there = backup_is_there
        self._next_look_at = 0.0

    def run_once(self) -> bool:
        """Remove what is due; False if nothing was, or somebody relies on the copies right now.

        The file goes first: a kill in between finds it gone the next time, which is as well.
        A copy that was changed since is the user's own file by now, and stays.

        Raises:
            MirrorAway: The mirror is not there, or cannot be written.
        """
        now = self._clock()
        if 0 <= self._next_look_at - now <= LOOK_SECONDS:
            return False
        with self._alone() as is_alone:
            return is_alone and self._remove_due(now)

    def _remove_due(self, now: float) -> bool:
        before = int(now) - self._keep_seconds
        due = self._copies.due(before=before, limit=AT_ONCE, backup=self._backup)
        if self._backup is not None and not (due and self._backup_is_there()):
            self._next_look_at = now + LOOK_SECONDS
            return False
        removed = sum(self._mirror.remove(one.path, one.size_bytes, one.mtime_ns) for one in due)
        self._copies.forget([one.item_id for one in due])
        if due:
            log.info("mirror.pruned copies=%d left=%d", removed, len(due) - removed)
        return bool(due)
