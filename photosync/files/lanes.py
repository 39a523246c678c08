"""Several things done to the same bytes at once: hashing and writing a film side by side.

hashlib and the system's write let other threads run, so that a large copy takes as long as its
slowest step and not as long as all of them together.
"""

from __future__ import annotations

from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFERS = 8
BUFFER_BYTES = 1 << 20


class Lanes:
    """A ring of buffers that each of ``steps`` goes through in its own thread, in order.

    What a step raises is raised to whoever writes next, or drains; later blocks are let go.
    """

    def __init__(self, *steps: Callable[[memoryview], object]) -> None:
        self._buffers = [memoryview(bytearray(BUFFER_BYTES)) for _ in range(BUFFERS)]
        self._sizes = [0] * BUFFERS
        self._turn = Condition()
        self._filled = 0
        self._filling = 0
        self._done = [0] * len(steps)
        self._ends = False
        self._error: Exception | None = None
        self._threads = [
            Thread(target=self._walk, args=(lane, step), name="copy", daemon=True)
            for lane, step in enumerate(steps)
        ]
        for thread in self._threads:
            thread.start()

    def write(self, block: memoryview | bytes) -> None:
        """Take over ``block``; waits while all buffers are in use."""
        at = 0
        while at < len(block):
            buffer = self._buffers[self._filled % BUFFERS]
            size = min(len(block) - at, BUFFER_BYTES - self._filling)
            buffer[self._filling : self._filling + size] = block[at : at + size]
            self._filling += size
            at += size
            if self._filling == BUFFER_BYTES:
                self._hand_on()

    def drain(self) -> None:
        """Until everything that was written has gone through every step."""
        if self._filling:
            self._hand_on()
        with self._turn:
            while self._error is None and min(self._done) < self._filled:
                self._turn.wait()
        self._tell()

    def close(self) -> None:
        """End the threads; what is in a buffer already still goes through."""
        with self._turn:
            self._ends = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join()

    def _hand_on(self) -> None:
        with self._turn:
            self._sizes[self._filled % BUFFERS] = self._filling
            self._filled += 1
            self._filling = 0
            self._turn.notify_all()
            while self._error is None and self._filled - min(self._done) >= BUFFERS:
                self._turn.wait()
        self._tell()

    def _tell(self) -> None:
        if self._error is not None:
            raise self._error

    def _walk(self, lane: int, step: Callable[[memoryview], object]) -> None:
        while True:
            with self._turn:
                while self._done[lane] == self._filled:
                    if self._ends:
                        return
                    self._turn.wait()
                number = self._done[lane] % BUFFERS
                is_wanted = self._error is None
            try:
                if is_wanted:
                    step(self._buffers[number][: self._sizes[number]])
            except Exception as error:  # noqa: BLE001 - raised to whoever writes next
                with self._turn:
                    self._error = self._error or error
            with self._turn:
                self._done[lane] += 1
                self._turn.notify_all()
