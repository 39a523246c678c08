"""A link between two programs: it takes time, has a speed, and is cut; a process of its own.

``python -m tests.bench.link '{"reach": ["127.0.0.1", 8420], "delay": 0.025}'`` prints the port to
connect to. When its standard input ends it prints what it carried, as JSON, and ends.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from fcntl import ioctl
from termios import FIONREAD
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 256 * 1024
UNDER_WAY = 64
"""Pieces: at 25 ms each way that is 640 MB/s."""


@dataclass(frozen=True, slots=True)
class Line:
    """``delay``: seconds each way. ``rate``: bytes a second each way; 0: as fast as it goes.

    ``cut_every``: after so many bytes towards ``reach`` every connection is lost, ``cuts`` times.
    """

    reach: tuple[str, int]
    listen: tuple[str, int] = ("127.0.0.1", 0)
    delay: float = 0.0
    rate: int = 0
    cut_every: int = 0
    cuts: int = 0


@dataclass(slots=True)
class Carried:
    """Bytes taken from whoever connects, those lost in a cut too, and the cuts."""

    sent: int = 0
    cuts: int = 0


@dataclass(slots=True)
class Link:
    """A running one. ``carried`` is told when it has ended."""

    address: tuple[str, int]
    carried: Carried = field(default_factory=Carried)


@contextmanager
def link(line: Line) -> Iterator[Link]:
    """Run one during the block."""
    command = [sys.executable, "-m", "tests.bench.link", json.dumps(asdict(line))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = process.stdout.readline()
        if not told:
            raise OSError(f"nothing can listen on {line.listen}")
        made = Link((line.listen[0], int(told)))
        try:
            yield made
        finally:
            process.stdin.close()
            made.carried = Carried(**json.loads(process.stdout.readline() or "{}"))
            process.kill()


class Relay:
    """Carries connections both ways."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._lock = Lock()
        self._ends: set[socket.socket] = set()
        self.carried = Carried()
        self.listener = socket.create_server(line.listen, backlog=256)
        if line.cuts:  # what waits unread at a cut was sent as well: let it be little, and counted
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)

    def run(self) -> None:
        """Take connections until killed."""
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(self._line.reach)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends |= {near, far}
            self._carry(near, far, counts=True)
            self._carry(far, near, counts=False)

    def _carry(self, source: socket.socket, sink: socket.socket, *, counts: bool) -> None:
        room = UNDER_WAY if self._line.delay else 1  # what lies here is lost in a cut
        pieces: queue.Queue[tuple[float, bytes]] = queue.Queue(room)
        Thread(target=self._read, args=(source, pieces, counts), daemon=True).start()
        Thread(target=self._write, args=(sink, pieces), daemon=True).start()

    def _read(
        self, source: socket.socket, pieces: queue.Queue[tuple[float, bytes]], counts: bool
    ) -> None:
        free_at = 0.0
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                if counts:
                    self._count(len(piece))
                now = time.monotonic()
                if self._line.rate:
                    free_at = max(free_at, now - 0.01) + len(piece) / self._line.rate
                    if free_at > now + 0.001:
                        time.sleep(free_at - now)
                        now = free_at
                pieces.put((now + self._line.delay, piece))
        pieces.put((time.monotonic() + self._line.delay, b""))

    def _write(self, sink: socket.socket, pieces: queue.Queue[tuple[float, bytes]]) -> None:
        while True:
            due, piece = pieces.get()
            if self._line.delay:
                time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if piece:
                    sink.sendall(piece)
                else:
                    sink.shutdown(socket.SHUT_WR)
            if not piece:
                return

    def _count(self, size: int) -> None:
        with self._lock:
            self.carried.sent += size
            mark = self._line.cut_every * (self.carried.cuts + 1)
            if self.carried.cuts >= self._line.cuts or self.carried.sent < mark:
                return
            self.carried.cuts += 1
            ends, self._ends = self._ends, set()
            for end in ends:
                with suppress(OSError):
                    self.carried.sent += _unread(end)
                    end.shutdown(socket.SHUT_RDWR)


def _unread(end: socket.socket) -> int:
    return int.from_bytes(ioctl(end, FIONREAD, bytes(4)), sys.byteorder)


def main(given: dict[str, Any]) -> None:
    """Carry until standard input ends."""
    given |= {name: tuple(given[name]) for name in ("reach", "listen") if name in given}
    relay = Relay(Line(**given))
    print(relay.listener.getsockname()[1], flush=True)
    Thread(target=relay.run, daemon=True).start()
    sys.stdin.read()
    print(json.dumps(asdict(relay.carried)), flush=True)
    os._exit(0)  # threads that wait for the network are nobody's business any more


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
