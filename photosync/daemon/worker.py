"""The only loop with a thread in it: do one step after another until the program ends."""

from __future__ import annotations

import logging
import time
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from photosync.daemon.pulse import Pulse
from photosync.errors import BlockedError, DatabaseError, PhotosyncError, Stopping, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from photosync.daemon.bells import Bell

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0
BLOCKED_SECONDS = 10.0
BUG_SECONDS = 30.0
LONGEST_REST_SECONDS = 60.0


class Reports(Protocol):
    """Where a worker says how it is."""

    def well(self, worker: str) -> None:
        """A step went through."""

    def trouble(self, worker: str, error: Exception) -> None:
        """A step could not be made; the worker rests."""


class Worker(Thread):
    """Calls ``step`` while it returns True; otherwise waits for the bell or a few seconds.

    ``let_go`` frees whatever the worker still holds after a step that broke off. ``calls``: it
    rings when it finds something to do after a while without, so that others who do the same may
    wait for longer.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], bool],
        *,
        bell: Bell,
        halt: Event,
        reports: Reports,
        let_go: Callable[[str], object],
        idle_seconds: float = IDLE_SECONDS,
        calls: bool = False,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._do = step
        self._bell = bell
        self._halt = halt
        self._reports = reports
        self._let_go = let_go
        self._idle_seconds = idle_seconds
        self._calls = calls
        self._was_busy = False
        self._troubled_by = ""
        self._troubled_since: float | None = None
        self._may_pass = True
        self._holds_on = False

    def is_stuck(self, seconds: float) -> bool:
        """Whether no step went through for so long, or none will before the user has acted."""
        since = self._troubled_since
        if since is None:
            return False
        return not self._may_pass or time.monotonic() - since >= seconds

    def silent_seconds(self) -> float:
        """For how long it gave no sign of life; 0 where nobody counts."""
        return self._halt.silent_seconds(self.ident) if isinstance(self._halt, Pulse) else 0.0

    def run(self) -> None:
        """Step after step until the stop event is set."""
        while True:
            heard = self._bell.rings  # before the stop event: its ring cannot be missed
            if self._halt.is_set():
                return
            try:
                busy = self._step()
            except Stopping:
                return
            except TransientError as error:
                self._troubled_since = None  # it passes
                asked = max(error.least_wait, error.retry_after or 0.0)
                self._rest(error, min(asked, LONGEST_REST_SECONDS))
            except (BlockedError, DatabaseError) as error:
                self._trouble(may_pass=not isinstance(error, BlockedError) or error.may_pass)
                self._rest(error, BLOCKED_SECONDS)
            except Exception as error:  # a bug must not end the worker
                log.exception("worker.bug name=%s", self.name)
                self._trouble()
                self._rest(error, BUG_SECONDS)
            else:
                self._troubled_by, self._troubled_since = "", None
                self._reports.well(self.name)
                if busy and self._calls and not self._was_busy:
                    self._bell.ring()
                self._was_busy = busy
                if not busy:
                    self._bell.wait(heard, self._idle_seconds)

    def _step(self) -> bool:
        if self._holds_on:
            self._let_go(self.name)
            self._holds_on = False
        return self._do()

    def _trouble(self, *, may_pass: bool = True) -> None:
        self._may_pass = may_pass
        if self._troubled_since is None:
            self._troubled_since = time.monotonic()

    def _rest(self, error: Exception, seconds: float) -> None:
        known = str(error) == self._troubled_by  # told already: a full disk stays full for hours
        level = logging.DEBUG if known else logging.WARNING
        log.log(level, "worker.rests name=%s seconds=%.0f reason=%s", self.name, seconds, error)
        self._troubled_by = str(error)
        self._reports.trouble(self.name, error)
        self._halt.wait(seconds)
        self._holds_on = True
        try:
            self._let_go(self.name)
            self._holds_on = False
        except PhotosyncError as again:  # the disk is still full, say: before the next step, then
            log.debug("worker.holds_on name=%s reason=%s", self.name, again)
