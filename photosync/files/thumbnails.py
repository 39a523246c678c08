"""Small pictures of photos, made in a process that can be given up.

What decodes pictures is large, and pictures come from everywhere: some are made to take all
memory or never to end. So a process of its own does it, with little memory and time, a low priority
and no name of any file: it gets an open file, answers with a JPEG, and ends when nobody asks it.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import BinaryIO, Self

log = logging.getLogger(__name__)

EDGE = 320
"""Pixels of the longer side."""
SECONDS = 20.0
"""After so long a picture is given up, and the process with it."""
IDLE_SECONDS = 30.0
MOST_BYTES = 4 << 20
"""No thumbnail is larger."""
QUESTION = struct.Struct("!HH")
ANSWER = struct.Struct("!I")
COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "photosync.files.drawing")
ENVIRON = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
"""Threads of their own would take address space by the piece of 64 MiB."""


def thumbnail(file: BinaryIO, name: str, *, edge: int = EDGE) -> bytes | None:
    """A JPEG of ``file``, ``edge`` pixels long at most; None if there is no picture to be had.

    Upright, in sRGB, and without a word of what the file says of itself. For one picture; for many
    keep a ``Thumbnailer``.
    """
    with Thumbnailer() as maker:
        return maker.thumbnail(file, name, edge=edge)


class Thumbnailer:
    """Keeps the process from one picture to the next. Any number of threads: one at a time."""

    def __init__(self, *, seconds: float = SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._seconds = seconds
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._left: list[_Worker] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        worker = self._worker
        return None if worker is None else worker.process.pid

    def close(self) -> None:
        """End the process at once, whatever it is at; nothing more is made."""
        self._closed = True
        worker = self._worker
        if worker is not None:
            worker.process.kill()  # whoever waits for it hears so, and lets go of the lock
        with self._lock:
            self._give_up()

    def thumbnail(self, file: BinaryIO, name: str, *, edge: int = EDGE) -> bytes | None:
        """See ``thumbnail``. ``file`` has a descriptor; its position moves.

        Whatever is in the file, it is over within ``seconds`` and the next picture is made.
        """
        with self._lock:
            for _ in range(2):  # the one that is there may end of idleness at this moment
                try:
                    return self._asked(file, edge)
                except _IdleEnd:
                    self._give_up()
                except (OSError, _Lost) as error:
                    log.info("thumbnail.given_up name=%r reason=%s", name, error)
                    self._give_up()
                    return None
        return None

    def of_bytes(self, content: bytes, name: str, *, edge: int = EDGE) -> bytes | None:
        """The same for the beginning of a file that lies elsewhere."""
        with os.fdopen(os.memfd_create("picture", os.MFD_CLOEXEC), "w+b") as file:
            file.write(content)
            file.flush()
            return self.thumbnail(file, name, edge=edge)

    def _asked(self, file: BinaryIO, edge: int) -> bytes | None:
        if self._closed:
            raise _Lost("the program ends")
        if self._worker is None:
            self._worker = _Worker(self._idle_seconds)
        content = self._worker.ask(file.fileno(), edge, self._seconds)
        return content or None

    def _give_up(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            self._left.append(worker)
        self._left = [one for one in self._left if one.process.poll() is None]


class _Lost(Exception):
    """The process is gone, or does not answer."""


class _IdleEnd(Exception):
    """The process had ended before it was asked."""


class _Worker:
    def __init__(self, idle_seconds: float) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves; no word of it from outside
                [*COMMAND, str(theirs.fileno()), str(idle_seconds)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ENVIRON},
            )

    def ask(self, descriptor: int, edge: int, seconds: float) -> bytes:
        """The thumbnail; b"" if there is none.

        Raises:
            _Lost, _IdleEnd: See there.
        """
        ends = time.monotonic() + seconds
        self._ours.settimeout(seconds)
        try:
            socket.send_fds(self._ours, [QUESTION.pack(edge, 0)], [descriptor])
            (size_bytes,) = ANSWER.unpack(self._exactly(ANSWER.size, ends))
            if size_bytes > MOST_BYTES:
                raise _Lost("it answered nonsense")
            return self._exactly(size_bytes, ends)
        except TimeoutError:
            raise _Lost(f"it took longer than {seconds:.0f} s") from None
        except (BrokenPipeError, ConnectionResetError):
            raise self._ended() from None

    def _exactly(self, size_bytes: int, ends: float) -> bytes:
        content = bytearray()
        while len(content) < size_bytes:
            self._ours.settimeout(max(0.01, ends - time.monotonic()))
            block = self._ours.recv(size_bytes - len(content))
            if not block:
                raise self._ended()
            content += block
        return bytes(content)

    def _ended(self) -> _Lost | _IdleEnd:
        try:
            code = self.process.wait(1.0)
        except subprocess.TimeoutExpired:
            return _Lost("it hung up")
        return _IdleEnd() if code == 0 else _Lost(f"its process ended with {code}")

    def kill(self) -> None:
        """End it; one that hangs in the kernel is left behind, not waited for."""
        self._ours.close()
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
