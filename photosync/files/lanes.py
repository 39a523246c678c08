"""Several things done to the same bytes at once: hashing and writing a film side by side.

hashlib and the system's write let other threads run, so that a large copy takes as long as its
slowest step and not as long as all of them together.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Filled = tuple[memoryview, int]
    """A buffer, and how much of it counts."""

BUFFERS = 8
BUFFER_BYTES = 1 << 20


class Lanes:
    """A ring of buffers that go from one of ``steps`` to the next, each in a thread of its own.

    What a step raises is raised to whoever writes next, or drains; later blocks are let go.
    """

    def __init__(self, *steps: Callable[[memoryview], object]) -> None:
        self._free: SimpleQueue[Filled | None] = SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put((memoryview(bytearray(BUFFER_BYTES)), 0))
        ways: list[SimpleQueue[Filled | None]] = [SimpleQueue() for _ in steps]
        ways.append(self._free)
        self._first = ways[0]
        self._buffer: memoryview | None = None
        self._filling = 0
        self._error: Exception | None = None
        self._threads = [
            Thread(target=self._walk, args=(step, *ways[at : at + 2]), name="copy", daemon=True)
            for at, step in enumerate(steps)
        ]
        for thread in self._threads:
            thread.start()

    def write(self, block: memoryview | bytes) -> None:
        """Take over ``block``; waits while all buffers are in use."""
        at = 0
        while at < len(block):
            if self._buffer is None:
                self._buffer = self._freed()
            size = min(len(block) - at, BUFFER_BYTES - self._filling)
            self._buffer[self._filling : self._filling + size] = block[at : at + size]
            self._filling += size
            at += size
            if self._filling == BUFFER_BYTES:
                self._hand_on()
        self._tell()

    def drain(self) -> None:
        """Until everything that was written has gone through every step."""
        self._hand_on()
        for buffer in [self._freed() for _ in range(BUFFERS)]:
            self._free.put((buffer, 0))
        self._tell()

    def close(self) -> None:
        """End the threads; what was handed on already still goes through."""
        self._first.put(None)
        for thread in self._threads:
            thread.join()

    def _freed(self) -> memoryview:
        filled = self._free.get()
        assert filled is not None
        return filled[0]

    def _hand_on(self) -> None:
        if self._buffer is not None:
            self._first.put((self._buffer, self._filling))
            self._buffer, self._filling = None, 0

    def _tell(self) -> None:
        if self._error is not None:
            raise self._error

    def _walk(
        self,
        step: Callable[[memoryview], object],
        come: SimpleQueue[Filled | None],
        go: SimpleQueue[Filled | None],
    ) -> None:
        while filled := come.get():
            buffer, size = filled
            try:
                if self._error is None:
                    step(buffer[:size])
            except Exception as error:  # noqa: BLE001 - raised to whoever writes next
                self._error = error
            go.put(filled)
        go.put(None)
