"""failed → mirrored, once, a day after Google refused: it may have been in passing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.stages.ports import Bells
    from photosync.store.second_chances import SecondChances as Records

log = logging.getLogger(__name__)

LOOK_SECONDS = 3600
"""A million failed items are gone over at each look."""


class SecondChances:
    """Sets failed photos going once more. ``clock`` gives seconds UTC."""

    name = "second-chances"

    def __init__(self, chances: Records, *, bells: Bells, clock: Callable[[], float]) -> None:
        self._chances = chances
        self._bells = bells
        self._clock = clock
        self._next_look_at = 0.0

    def run_once(self) -> bool:
        """Some of those that are due; False if there was none, or the last look is not long ago."""
        now = self._clock()
        if 0 <= self._next_look_at - now <= LOOK_SECONDS:
            return False
        given = self._chances.give(now=int(now))
        if not any(given):
            self._next_look_at = now + LOOK_SECONDS
            return False
        log.info("items.tried_once_more items=%d left_out=%d", given.items, given.left_out)
        self._bells.ring("upload")
        return True
