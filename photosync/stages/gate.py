"""The gate to the library: what blocks one request to Google blocks them all, across restarts."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import ConnectionLost, RateLimited, ServerTrouble, WriteCollision
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
SHARE = 1 / 12
"""Trouble that lasts is asked after less often: a rest may be such a part of it, up to an hour."""

PROBE_SECONDS = 60
"""One request asks whether it is over; if nothing is heard of it for so long, another may."""

SIGN_IN_CODES = frozenset({"auth_required", "scope_missing", "client_invalid"})
ENOUGH_TOKENS = {"storage_full": 1, "requests_refused": 8}
"""What only creating can tell: Google takes bytes all the same. So many tokens are enough to ask
with; where Google refuses what we send, some of those that wait may be to blame."""


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
        self._rests_since = 0
        self._rested_until = 0
        self._probe_ends = 0.0

    def is_open(self) -> bool:
        """Whether something might be sent now: all that stood in the way may be over."""
        return self._is_open(self._control.library_gates())

    def _is_open(self, problems: list[Problem]) -> bool:
        now = self._clock()
        if any(one.until is not None and _is_live(one.until, now) for one in problems):
            return False
        return all(one.until is not None for one in problems) or self._signed_in()

    def is_open_for_bytes(self, *, tokens_waiting: int) -> bool:
        """The same for uploads: sending more is in vain while creating alone can tell.

        ``tokens_waiting``: uploads that could be created, or are being created, now.
        """
        problems = self._control.library_gates()
        enough = [ENOUGH_TOKENS[one.code] for one in problems if one.code in ENOUGH_TOKENS]
        return tokens_waiting < min(enough, default=tokens_waiting + 1) and self._is_open(problems)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether this very worker may send in the block: while there is trouble, one asks for all.

        If nothing is sent in the end, the next one may ask.
        """
        may, mine = self._take_turn()
        try:
            yield may
        finally:
            with self._lock:
                if mine and self._probe_ends == mine:
                    self._probe_ends = 0.0

    def _take_turn(self) -> tuple[bool, float]:
        """Whether it may send, and until when nobody else may; 0 if all may."""
        problems = self._control.library_gates()
        if not self._is_open(problems):
            return False, 0.0
        if all(one.until is None for one in problems):
            return True, 0.0
        with self._lock:
            now = self._clock()
            if now < self._probe_ends <= now + PROBE_SECONDS:
                return False, 0.0
            self._probe_ends = now + PROBE_SECONDS
            return True, self._probe_ends

    def opens_by(self, at: int) -> bool:
        """Whether it is known to open by then (seconds UTC)."""
        problems = self._control.library_gates()
        return all(one.until is not None and one.until <= at for one in problems)

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

        30 s doubling to 10 min while nothing passes; after hours of it, up to one hour.
        """
        now = int(self._clock())
        with self._lock:
            if now > self._rested_until + HOUR_SECONDS:
                self._rests = 0  # nobody has asked since: this is another trouble
            is_first = self._rests == 0
            if is_first:
                self._rests_since = now
            if self.is_open():  # else it was sent before the rest began
                self._rests += 1
            doubled = FIRST_REST_SECONDS * 2 ** min(max(self._rests, 1) - 1, 10)
            wait = min(max(doubled, error.retry_after or 0.0), LONGEST_REST_SECONDS)
            long = (now - self._rests_since) * SHARE
            until = now + int(max(wait, min(long, HOUR_SECONDS)))
            self._rested_until = until
        self._record(error, until, needs_user=False)
        return Rest(until, is_first)

    def _record(
        self, error: BlockedError | TransientError, until: int | None, *, needs_user: bool
    ) -> None:
        known = {one.code for one in self._control.library_gates()}
        level = logging.DEBUG if error.code in known else logging.WARNING
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
        if self._control.open_library_gate(but=() if created else tuple(ENOUGH_TOKENS)):
            log.info("library.open")


def _is_live(until: int, now: float) -> bool:
    return now < until <= now + LONGEST_SECONDS
