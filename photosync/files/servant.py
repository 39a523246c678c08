"""A process of our own that answers a line with a line, and can be given up at any time."""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
MOST_ANSWER_BYTES = 1 << 16
MOST_TASKS = 500
"""Then it gives back what it has taken of memory."""


class Halt(Protocol):
    """The stop event."""

    def is_set(self) -> bool:
        """Whether the program is ending."""


class ServantFailed(Exception):
    """It died, or did not answer in time."""


class Servant:
    """Started when it is needed. One task at a time, from any thread."""

    def __init__(self, command: Sequence[str], *, halt: Halt) -> None:
        self._command = command
        self._halt = halt
        self._process: subprocess.Popen[bytes] | None = None
        self._tasks = 0
        self._asked_at = 0.0
        self._lock = Lock()

    def ask(self, task: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Its answer.

        Raises:
            ServantFailed: There is none within ``seconds``; it is started anew for the next one.
            Stopping: The program is ending.
        """
        with self._lock:
            try:
                return self._answer(self._running(), task, seconds)
            except BaseException:
                self._end()
                raise
            finally:
                self._asked_at = time.monotonic()

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()

    def rest(self, *, idle_seconds: float) -> None:
        """End it if nobody has asked it anything for so long."""
        if self._process is None or not self._lock.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._asked_at >= idle_seconds:
                self._end()
        finally:
            self._lock.release()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._tasks >= MOST_TASKS:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves; nothing comes from outside
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches us alone
            )
        self._tasks += 1
        return self._process

    def _answer(
        self, process: subprocess.Popen[bytes], task: dict[str, Any], seconds: float
    ) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        ends = time.monotonic() + seconds
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise ServantFailed("it is gone") from error
        said = b""
        while not said.endswith(b"\n"):
            if self._halt.is_set():
                raise Stopping
            if time.monotonic() > ends:
                raise ServantFailed("it did not answer in time")
            if not select.select([process.stdout], [], [], TICK_SECONDS)[0]:
                continue
            block = os.read(process.stdout.fileno(), MOST_ANSWER_BYTES)
            if not block or len(said) > MOST_ANSWER_BYTES:
                raise ServantFailed("it died")
            said += block
        try:
            answer = json.loads(said)
        except ValueError as error:
            raise ServantFailed("it talks nonsense") from error
        if not isinstance(answer, dict):
            raise ServantFailed("it talks nonsense")
        return answer

    def _end(self) -> None:
        process, self._process, self._tasks = self._process, None, 0
        if process is not None:
            process.kill()
            process.communicate()
