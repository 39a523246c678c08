"""A USB cable between the adb server and a phone of the lab: it can be pulled and can stall."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_BYTES = 64 * 1024


class Cable:
    """Relays connections on ``port`` to the port that ``reach`` names."""

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._plugged = True
        self._flows = Event()
        self._flows.set()
        self._lock = Lock()
        self._ends: set[socket.socket] = set()
        self._looking = Lock()
        self._due: tuple[Callable[[], object], Callable[[], None], Event] | None = None
        self.carried_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, name="cable", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take it away for good."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._flows.set()

    def cut(self) -> None:
        """Pull it out: what is under way is lost, and nobody gets through."""
        with self._lock:
            self._plugged = False
            ends, self._ends = self._ends, set()
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def plug(self) -> None:
        """Put it in again."""
        with self._lock:
            self._plugged = True
        self._flows.set()

    def stall(self) -> None:
        """Nothing comes through any more, though both sides believe they are connected."""
        self._flows.clear()

    def cut_after(self, size_bytes: int) -> Event:
        """Pull it out once so many more bytes came from the phone; the event says that it did."""
        wanted = self.carried_bytes + size_bytes
        return self.once(lambda: self.carried_bytes >= wanted, self.cut)

    def once(self, holds: Callable[[], object], do: Callable[[], None]) -> Event:
        """``cut`` it, say, as soon as ``holds``; the event says that it did.

        That is looked at before each piece goes on: nothing gets through in between, however late
        who waits for the event is woken.
        """
        done = Event()
        with self._looking:
            self._due = (holds, do, done)
        return done

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._plugged:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._reach))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends |= {near, far}
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, from_phone: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                self._look()
                self._flows.wait()
                sink.sendall(piece)
                if from_phone:
                    self._count(len(piece))
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _count(self, size_bytes: int) -> None:
        with self._lock:
            self.carried_bytes += size_bytes

    def _look(self) -> None:
        with self._looking:
            if self._due is None:
                return
            holds, do, done = self._due
            if not holds():
                return
            self._due = None
            do()
        done.set()
