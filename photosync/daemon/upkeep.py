"""A copy of the database a day, so that a damaged one costs a day and not the record."""

from __future__ import annotations

import logging
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.store.database import Database

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400
DAILY = "daily"
ROOM = 3
"""A copy is made where so many more would fit: it must not be what fills the disk."""


class Upkeep:
    """Looks after the state folder. ``clock`` gives seconds UTC."""

    name = "upkeep"

    def __init__(self, database: Database, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._too_full = False

    def run_once(self) -> bool:
        """Copy the database if the last copy is a day old and anything changed since."""
        made_at, changed_at = self._database.copied_at(DAILY), self._database.changed_at()
        if made_at is not None and (changed_at < made_at or self._is_fresh(made_at)):
            return False
        size_bytes = self._database.file.stat().st_size
        if shutil.disk_usage(self._database.file.parent).free < ROOM * size_bytes:
            if not self._too_full:
                log.warning("database.not_copied size_bytes=%d reason=no room", size_bytes)
            self._too_full = True
            return False
        self._too_full = False
        today = time.strftime("%Y%m%d", time.gmtime(self._clock()))
        self._database.keep_copy(f"{DAILY}-{today}")
        log.info("database.copied size_bytes=%d", size_bytes)
        return False

    def _is_fresh(self, made_at: float) -> bool:
        """A copy from far in the future was made by a clock that was ahead."""
        return abs(self._clock() - made_at) < DAY_SECONDS
