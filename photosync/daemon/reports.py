"""What the workers are doing and what troubles them, for status."""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import BlockedError, DatabaseDamaged, PhotosyncError, TransientError
from photosync.store.control import Beat, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.store.control import Control

log = logging.getLogger(__name__)

WINDOW_SECONDS = 30.0
HERE = "this computer"
UPLOAD, COPY = "upload", "pull"
"""What a worker does with an item that it holds, by the beginning of its name."""


class Board:
    """How far each upload and each copy is. Told by many threads, read by one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sent: dict[tuple[str, int], int] = {}

    def progress(self, key: int, sent_bytes: int) -> None:
        """``sent_bytes`` of item ``key`` are on their way or there."""
        with self._lock:
            self._sent[UPLOAD, key] = sent_bytes

    def copied(self, key: int, have_bytes: int) -> None:
        """``have_bytes`` of item ``key`` are copied from a phone."""
        with self._lock:
            self._sent[COPY, key] = have_bytes

    def under_way(self, leased: dict[int, tuple[str, int]], *, now: int) -> list[Beat]:
        """A beat for each of ``leased`` (item → (worker, size)); others are forgotten."""
        doing = {
            key: COPY if worker.startswith(COPY) else UPLOAD for key, (worker, _) in leased.items()
        }
        with self._lock:
            self._sent = {
                (what, key): sent
                for (what, key), sent in self._sent.items()
                if doing.get(key) == what
            }
            sent = dict(self._sent)
        return [
            Beat(worker, now, doing[key], key, min(sent[doing[key], key], size), size)
            for key, (worker, size) in leased.items()
            if (doing[key], key) in sent
        ]


class Rate:
    """Bytes per second over the last half minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, moved_bytes: int) -> float:
        """Note how many bytes have moved in all; the rate by now."""
        now = self._clock()
        self._samples.append((now, moved_bytes))
        while now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()
        began, before = self._samples[0]
        if now <= began:
            return 0.0
        return max(0.0, (moved_bytes - before) / (now - began))


class Troubles:
    """Turns what stops a worker into a problem on record, and takes it back when it is over.

    ``fatal`` is called with an error that ends the daemon.
    """

    def __init__(
        self,
        control: Control,
        *,
        clock: Callable[[], float],
        fatal: Callable[[PhotosyncError], None],
    ) -> None:
        self._control = control
        self._clock = clock
        self._fatal = fatal
        self._open: dict[str, tuple[str, str]] = {}

    def well(self, worker: str) -> None:
        """A step of ``worker`` went through: its trouble is over."""
        known = self._open.get(worker)
        if known is not None:
            self._control.clear_problem(*known)
            del self._open[worker]

    def trouble(self, worker: str, error: Exception) -> None:
        """A step of ``worker`` could not be made."""
        if isinstance(error, DatabaseDamaged):
            self._fatal(error)
        if isinstance(error, TransientError):
            return  # the items that wait say why
        problem = self._problem(worker, error)
        self._open[worker] = (problem.code, problem.subject)
        try:
            self._control.raise_problem(problem)
        except PhotosyncError as full:  # the disk that holds the database, say; the log has it
            log.debug("problem.unwritten code=%s reason=%s", problem.code, full)

    def _problem(self, worker: str, error: Exception) -> Problem:
        now = int(self._clock())
        if isinstance(error, PhotosyncError):
            needs_user = not isinstance(error, BlockedError) or error.needs_user
            # not the subject "" of the gate to the library: those end when Google takes a request
            return Problem(error.code, HERE, error.message, error.hint, "", needs_user, now, None)
        return Problem(
            "bug",
            worker,
            f"An unexpected {type(error).__name__} stopped a step of {worker}; it is tried again.",
            "Please report it with the log.",
            "",
            needs_user=False,
            since=now,
            until=None,
        )
