"""How many uploads go side by side: as many as the line carries well.

Bytes may be sent in parallel, unlike writes (google-photos-api.md §3.4). One photo after another
spends most of its time on the way there and back, so more at a time are sooner through. Over a
slow line they only hinder each other: a break then costs all of them, and each block takes longer.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK_SECONDS = 1.0
QUICK_RATE = 256 * 1024
"""Bytes a second of one upload. A request that is either way quick leaves room for one more."""

LONGEST_WAIT_SECONDS = 3.0
"""So much of what the quickest request took may have been waiting for Google's answer: however few
the bytes, others would have been on their way meanwhile."""

WAIT_GROWS_SECONDS = 0.1
"""With each answer, lest a quick one count for ever: Google has slow hours."""

SLOW_RATE = 64 * 1024
FORGET_SECONDS = 120.0
"""After such a pause it may be another line."""


class Width:
    """Grows with each quick request, shrinks with each slow one, and is halved by trouble.

    ``first`` until the line has shown what it can do, and never more than ``most``. ``grown`` is
    called when there is room for more.
    """

    def __init__(
        self,
        first: int,
        most: int,
        *,
        grown: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first = min(first, most)
        self._most = most
        self._grown = grown
        self._monotonic = monotonic
        self._lock = Lock()
        self._width = self._first
        self._under_way = 0
        self._ended_at = monotonic()
        self._wait_seconds = LONGEST_WAIT_SECONDS

    def has_room_for(self, number: int) -> bool:
        """Whether the ``number``-th worker may send, counted from 1."""
        with self._lock:
            rested = self._monotonic() - self._ended_at
            if not self._under_way and rested > FORGET_SECONDS:
                self._width = self._first
                self._wait_seconds = LONGEST_WAIT_SECONDS
            return number <= self._width

    @contextmanager
    def sending(self, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """Around a request with so many bytes; what it gives is told the answer's status."""
        began = self._monotonic()
        with self._lock:
            self._under_way += 1
        try:
            yield lambda status: self._heard(status, size_bytes, self._monotonic() - began)
        except ConnectionLost:
            self._change(lambda width: width // 2)
            raise
        finally:
            with self._lock:
                self._under_way -= 1
                self._ended_at = self._monotonic()

    def _heard(self, status: int, size_bytes: int, seconds: float) -> None:
        if status == 429 or status >= 500:  # noqa: PLR2004 - too many; the server's own trouble
            self._change(lambda width: width // 2)
            return
        with self._lock:
            grown = self._wait_seconds + WAIT_GROWS_SECONDS
            self._wait_seconds = min(grown, LONGEST_WAIT_SECONDS, seconds)
            seconds -= self._wait_seconds
        if seconds <= QUICK_SECONDS or size_bytes >= QUICK_RATE * seconds:
            self._change(lambda width: width + 1)
        elif size_bytes < SLOW_RATE * seconds:
            self._change(lambda width: width - 1)

    def _change(self, change: Callable[[int], int]) -> None:
        with self._lock:
            before, self._width = self._width, min(max(change(self._width), 1), self._most)
            has_grown = self._width > before
        if has_grown:
            self._grown()
