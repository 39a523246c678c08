"""A connection to the adb server: exact reads, a limit to every wait, one error for its end."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from photosync.errors import PhoneGone, PhoneStalled

if TYPE_CHECKING:
    from collections.abc import Sequence

BUFFER_BYTES = 256 * 1024
QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Stream:
    """Reads exactly what is asked for. ``name`` is the phone's, for errors.

    The adb server answers small requests in two parts; without ``TCP_QUICKACK`` the second waits
    for our kernel's delayed acknowledgement, 40 ms for one answer in ten (phone.md §0.3).
    """

    def __init__(self, connection: socket.socket, *, name: str, timeout_seconds: float) -> None:
        self._socket = connection
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._ends: float | None = None
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        with suppress(OSError):  # not TCP, or closed already: the next read says so
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the phone ends what it was doing for us."""
        self._socket.close()

    def interrupt(self) -> None:
        """Wake whoever reads or writes in another thread: it finds the connection at its end."""
        with suppress(OSError):  # it is at its end already
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait_at_most(self, seconds: float) -> None:
        """Set the limit of every single wait from now on."""
        self._timeout_seconds = seconds
        with suppress(OSError):  # closed: the next read says so
            self._socket.settimeout(seconds)

    def end_within(self, seconds: float) -> None:
        """Read no longer than this from now, however little trickles in the while."""
        self._ends = time.monotonic() + seconds
        self.wait_at_most(seconds)

    def send(self, *pieces: bytes | memoryview) -> None:
        """Send all of it.

        Raises:
            PhoneGone, PhoneStalled.
        """
        try:
            if sum(map(len, pieces)) <= DIRECT_BYTES:
                self._socket.sendall(b"".join(pieces))
            else:
                self._send_all(pieces)
        except TimeoutError as error:
            raise self._stalled() from error
        except OSError as error:
            raise self._gone() from error

    def _send_all(self, pieces: Sequence[bytes | memoryview]) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes.

        Raises:
            PhoneGone, PhoneStalled.
        """
        if self._end - self._start >= size:  # most answers are small and here already
            found = bytes(self._view[self._start : self._start + size])
            self._start += size
            return found
        content = bytearray(size)
        self.read_into(memoryview(content))
        return bytes(content)

    def read_into(self, target: memoryview) -> None:
        """Fill ``target``; large ones without another copy.

        Raises:
            PhoneGone, PhoneStalled.
        """
        filled = self._take(target)
        while filled < len(target):
            if len(target) - filled >= DIRECT_BYTES:
                filled += self._receive(target[filled:])
            else:
                self._start, self._end = 0, self._receive(self._view)
                filled += self._take(target[filled:])

    def _take(self, target: memoryview) -> int:
        """Move what is buffered into ``target``; how much."""
        size = min(len(target), self._end - self._start)
        target[:size] = self._view[self._start : self._start + size]
        self._start += size
        return size

    def _receive(self, target: memoryview) -> int:
        try:
            if self._ends is not None:
                self._socket.settimeout(max(LEAST_SECONDS, self._ends - time.monotonic()))
            size = self._socket.recv_into(target)
            if QUICKACK is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        except TimeoutError as error:
            raise self._stalled() from error
        except OSError as error:
            raise self._gone() from error
        if not size:
            raise PhoneGone(f"{self._name} is gone: the connection ended.")
        return size

    def _gone(self) -> PhoneGone:
        return PhoneGone(f"{self._name} is gone: the connection broke.")

    def _stalled(self) -> PhoneStalled:
        return PhoneStalled(
            f"{self._name} has not answered for {self._timeout_seconds:.0f} seconds."
        )


LEAST_SECONDS = 0.001
"""Of a wait that is over: none at all would be a socket that never waits, another kind of error."""

DIRECT_BYTES = 32 * 1024
"""From here on a copy through the buffer costs more than another call of the system."""
