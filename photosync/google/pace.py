"""At most so many bytes a second, over all uploads together."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.ports import Halt

BURST_SECONDS = 0.25
"""So much may be made up for after a pause."""

BLOCKS_A_SECOND = 8
LEAST_BLOCK, MOST_BLOCK = 1024, 256 * 1024


class Pace:
    """A token bucket kept as the time at which all that was taken will have been sent.

    Each block takes its place in the line, so that no upload starves. ``bytes_per_second`` 0: no
    limit.
    """

    def __init__(
        self,
        bytes_per_second: int,
        *,
        halt: Halt,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = bytes_per_second
        self._halt = halt
        self._monotonic = monotonic
        self._lock = Lock()
        self._free_at = 0.0

    def block(self, wanted: int) -> int:
        """How many of ``wanted`` bytes to send at once: a part of a second's worth."""
        if not self._rate:
            return wanted
        return min(wanted, max(LEAST_BLOCK, min(MOST_BLOCK, self._rate // BLOCKS_A_SECOND)))

    def take(self, sent_bytes: int) -> None:
        """Wait until so many more bytes may leave.

        Raises:
            Stopping: The program is ending.
        """
        if not self._rate:
            return
        with self._lock:
            now = self._monotonic()
            begins_at = max(self._free_at, now - BURST_SECONDS)
            self._free_at = begins_at + sent_bytes / self._rate
            wait = self._free_at - now
        if wait > 0 and self._halt.wait(wait):
            raise Stopping
