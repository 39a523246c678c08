"""The stop event, and with it a sign of life from each thread.

Whoever works for long asks the stop event time and again, so as to end within seconds. A thread
that has not asked for very long would not notice an order to stop: it hangs.
"""

from __future__ import annotations

import time
from threading import Event, get_ident


class Pulse(Event):
    """An event that remembers when each thread last asked it."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[int, float] = {}

    def is_set(self) -> bool:
        """Whether it is set; a sign of life of this thread."""
        self._asked[get_ident()] = time.monotonic()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; a sign of life of this thread, before and after."""
        self._asked[get_ident()] = time.monotonic()
        try:
            return super().wait(timeout)
        finally:
            self._asked[get_ident()] = time.monotonic()

    def silent_seconds(self, thread: int | None) -> float:
        """For how long that thread has not asked; 0 if it never did."""
        if thread is None:
            return 0.0
        return time.monotonic() - self._asked.get(thread, time.monotonic())
