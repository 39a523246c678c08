"""The gate to the library: what blocks one request to Google blocks them all, across restarts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import ConnectionLost, RateLimited, ServerTrouble, WriteCollision
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.errors import BlockedError, TransientError
    from photosync.store.control import Control

log = logging.getLogger(__name__)

OFFLINE_SECONDS = 10
HOUR_SECONDS = 3600
LONGEST_SECONDS = 26 * 3600
"""Nothing is shut for longer than Google's day; what says so was written by a clock gone wrong."""

TROUBLE = (ConnectionLost, ServerTrouble, RateLimited, WriteCollision)
"""Not about one photo: Google, or the way to it, has a bad moment."""

FIRST_REST_SECONDS = 30
LONGEST_REST_SECONDS = 600
PROBE_SECONDS = 60
"""One request asks whether it is over; if nothing is heard of it for so long, another may."""

SIGN_IN_CODES = frozenset({"auth_required", "scope_missing", "client_invalid"})
CREATE_CODES = frozenset({"storage_full", "requests_refused"})
"""What only creating can tell: Google takes bytes all the same."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when nothing is sent (seconds UTC); ``is_first``: something had passed just before."""

    until: int
    is_first: bool


class LibraryGate:
    """Closed while something stands between us and the library.

    ``signed_in`` says whether asking again makes sense after a missing sign-in: it is asked
    before anything is sent, and costs no request. One gate serves all workers of a process.
    """

    def __init__(
        self, control: Control, *, clock: Callable[[], float], signed_in: Callable[[], bool]
    ) -> None:
        self._control = control
        self._clock = clock
        self._signed_in = signed_in
        self._lock = Lock()
        self._rests = 0
        self._probe_ends = 0.0

    def is_open(self) -> bool:
        """Whether something might be sent now."""
        return self._is_open(self._control.library_gate())

    def _is_open(self, problem: Problem | None) -> bool:
        if problem is None:
            return True
        if problem.until is not None:
            now = self._clock()
            return now >= problem.until or problem.until - now > LONGEST_SECONDS
        return self._signed_in()

    def is_open_for_bytes(self, *, tokens_waiting: int) -> bool:
        """The same for uploads: sending more is in vain while creating alone can tell."""
        problem = self._control.library_gate()
        if problem is not None and problem.code in CREATE_CODES and tokens_waiting:
            return False
        return self._is_open(problem)

    def may_pass(self) -> bool:
        """Whether this very worker may send now: while there is trouble, one asks for all."""
        problem = self._control.library_gate()
        if problem is None:
            return True
        if not self._is_open(problem):
            return False
        if problem.until is None:
            return True
        with self._lock:
            now = self._clock()
            if now < self._probe_ends <= now + PROBE_SECONDS:
                return False
            self._probe_ends = now + PROBE_SECONDS
            return True

    def opens_by(self, at: int) -> bool:
        """Whether it is known to open by then (seconds UTC)."""
        problem = self._control.library_gate()
        return problem is None or (problem.until is not None and problem.until <= at)

    def close(self, error: BlockedError) -> None:
        """Nothing is sent until ``error.until``, or, if that is unknown, until a new sign-in."""
        now = int(self._clock())
        until = error.until
        if until is None and error.code == "offline":
            until = now + OFFLINE_SECONDS
        elif until is None and error.code not in SIGN_IN_CODES:
            until = now + HOUR_SECONDS
        self._record(error, until, needs_user=error.needs_user)

    def trouble(self, error: TransientError) -> Rest:
        """Google has a bad moment: everyone rests, for as long as it asks for but not for hours.

        30 s doubling to 10 min while nothing passes.
        """
        now = int(self._clock())
        with self._lock:
            known = self._control.library_gate()
            is_first = self._rests == 0
            if known is None or known.until is None or known.until <= now:
                self._rests += 1
            doubled = FIRST_REST_SECONDS * 2 ** min(max(self._rests, 1) - 1, 10)
        wait = min(max(doubled, error.retry_after or 0.0), LONGEST_REST_SECONDS)
        self._record(error, now + int(wait), needs_user=False)
        return Rest(now + int(wait), is_first)

    def _record(
        self, error: BlockedError | TransientError, until: int | None, *, needs_user: bool
    ) -> None:
        known = self._control.library_gate()
        level = logging.DEBUG if known and known.code == error.code else logging.WARNING
        log.log(level, "library.blocked code=%s reason=%s", error.code, error.message)
        self._probe_ends = 0.0
        self._control.raise_problem(
            Problem(
                code=error.code,
                subject="",
                message=error.message,
                hint=error.hint or "Nothing to do: it is tried again by itself.",
                gate="library",
                needs_user=needs_user,
                since=int(self._clock()),
                until=until,
            )
        )

    def passed(self, *, created: bool = True) -> None:
        """Google took a request: what stood in its way is over.

        ``created``: it was one that creates; bytes alone say nothing of a full account.
        """
        self._rests = 0
        self._probe_ends = 0.0
        if self._control.open_library_gate(but=() if created else tuple(CREATE_CODES)):
            log.info("library.open")
