"""The gate to the library: what blocks one request to Google blocks them all, across restarts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.errors import BlockedError
    from photosync.store.control import Control

log = logging.getLogger(__name__)

OFFLINE_SECONDS = 10
PROBE_SECONDS = 3600
LONGEST_SECONDS = 26 * 3600
"""Nothing is shut for longer than Google's day; what says so was written by a clock gone wrong."""


class LibraryGate:
    """Closed while something stands between us and the library.

    ``signed_in`` says whether asking again makes sense after a missing sign-in: it is asked
    before anything is sent, and costs no request.
    """

    def __init__(
        self, control: Control, *, clock: Callable[[], float], signed_in: Callable[[], bool]
    ) -> None:
        self._control = control
        self._clock = clock
        self._signed_in = signed_in

    def is_open(self) -> bool:
        """Whether something may be sent now."""
        problem = self._control.library_gate()
        if problem is None:
            return True
        if problem.until is not None:
            now = self._clock()
            return now >= problem.until or problem.until - now > LONGEST_SECONDS
        return self._signed_in()

    def opens_by(self, at: int) -> bool:
        """Whether it is known to open by then (seconds UTC)."""
        problem = self._control.library_gate()
        return problem is None or (problem.until is not None and problem.until <= at)

    def close(self, error: BlockedError) -> None:
        """Nothing is sent until ``error.until``, or, if that is unknown, until a new sign-in."""
        now = int(self._clock())
        known = self._control.library_gate()
        level = logging.DEBUG if known and known.code == error.code else logging.WARNING
        log.log(level, "library.blocked code=%s reason=%s", error.code, error.message)
        until = error.until
        if until is None and error.code == "offline":
            until = now + OFFLINE_SECONDS
        elif until is None and error.code not in SIGN_IN_CODES:
            until = now + PROBE_SECONDS
        self._control.raise_problem(
            Problem(
                code=error.code,
                subject="",
                message=error.message,
                hint=error.hint,
                gate="library",
                needs_user=error.needs_user,
                since=now,
                until=until,
            )
        )

    def passed(self) -> None:
        """Google took a request: everything that stood in the way is over."""
        if self._control.open_library_gate():
            log.info("library.open")


SIGN_IN_CODES = frozenset({"auth_required", "scope_missing", "client_invalid"})
