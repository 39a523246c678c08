"""The gate to the library: what blocks one request to Google blocks them all, across restarts."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from photosync.errors import (
    ConnectionLost,
    DailyQuotaSpent,
    Offline,
    RateLimited,
    ServerTrouble,
    WriteCollision,
)
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.errors import BlockedError, TransientError
    from photosync.store.control import Control

log = logging.getLogger(__name__)

OFFLINE_SECONDS = 10
HOUR_SECONDS = 3600
LONGEST_SECONDS = 2 * HOUR_SECONDS
LONGEST_DAY_SECONDS = 26 * HOUR_SECONDS
"""Nothing is shut for longer, or than Google's day; what says so was written by a clock gone wrong.
"""

TROUBLE = (ConnectionLost, ServerTrouble, RateLimited, WriteCollision)
"""Not about one photo: Google, or the way to it, has a bad moment."""

NO_WAY = frozenset({Offline.code, ConnectionLost.code})
"""What a network that comes or changes may put an end to."""

FIRST_REST_SECONDS = 30
LONGEST_REST_SECONDS = 600
SHARE = 1 / 12
"""Trouble that lasts is asked after less often: a rest may be such a part of it, up to an hour."""

PROBE_SECONDS = 60
"""One request asks whether it is over; if nothing is heard of it for so long, another may."""

SIGN_IN_CODES = frozenset({"auth_required", "scope_missing", "client_invalid"})
REFUSED = "requests_refused"
CREATE_CODES = {"storage_full": 1, REFUSED: 4}
"""What only creating can tell: Google takes bytes all the same. So many tokens are enough to ask
with; where Google refuses what we send, those that it has refused are not asked with again."""

FIRST_REFUSAL_SECONDS = 300
MOST_DOUBTS = 3
"""So many files in a row with a trouble of their own have one in common."""


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
        self._shut_since: float | None = None
        self._doubted: set[int] = set()
        self._refusals = 0
        self._refused_at = 0
        self._has_created = False

    def is_open(self) -> bool:
        """Whether something might be sent now: all that stood in the way may be over."""
        return self._is_open(self._control.library_gates())

    def _is_open(self, problems: list[Problem]) -> bool:
        now = self._clock()
        if any(_is_live(one, now) for one in problems):
            return False
        return all(one.until is not None for one in problems) or self._signed_in()

    def is_known(self, code: str) -> bool:
        """Whether that is on record, over or not."""
        return any(one.code == code for one in self._control.library_gates())

    def is_open_for_bytes(self, untried: Callable[[int], int]) -> bool:
        """The same for uploads: sending more is in vain while creating alone can tell.

        ``untried(since)``: how many tokens from then on (seconds UTC) creating can ask with.
        """
        problems = self._control.library_gates()
        for one in problems:
            enough = CREATE_CODES.get(one.code)
            since = self._refused_at if one.code == REFUSED else 0
            if enough is not None and untried(since) >= enough:
                return False
        return self._is_open(problems)

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

    def opens_within(self, seconds: int) -> bool:
        """Whether it opens by then, and has not been shut for longer than that already."""
        now = self._clock()
        if self._shut_since is not None and now > self._shut_since + seconds:
            return False
        problems = self._control.library_gates()
        return all(one.until is not None and one.until <= now + seconds for one in problems)

    def close(self, error: BlockedError) -> None:
        """Nothing is sent until ``error.until``, or, if that is unknown, until a new sign-in."""
        now = int(self._clock())
        until = error.until
        if until is None and error.code == "offline":
            until = now + OFFLINE_SECONDS
        elif until is None and error.code == REFUSED:
            until = now + min(FIRST_REFUSAL_SECONDS * 2**self._refusals, HOUR_SECONDS)
            self._refusals = min(self._refusals + 1, 10)
            self._refused_at = now
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

    def doubt(self, error: TransientError, item_id: int) -> Rest | None:
        """One file has a trouble of its own; None, or the rest if so many have it in a row."""
        with self._lock:
            self._doubted.add(item_id)
            is_everyones = len(self._doubted) >= MOST_DOUBTS
        return self.trouble(error) if is_everyones else None

    def _record(
        self, error: BlockedError | TransientError, until: int | None, *, needs_user: bool
    ) -> None:
        known = {one.code for one in self._control.library_gates()}
        level = logging.DEBUG if error.code in known else logging.WARNING
        log.log(level, "library.blocked code=%s reason=%s", error.code, error.message)
        self._probe_ends = 0.0
        if self._shut_since is None:
            self._shut_since = self._clock()
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

    def network_changed(self) -> bool:
        """What was out of reach may be reached: the next request asks. Whether anything was."""
        codes = {one.code for one in self._control.library_gates()} & NO_WAY
        for code in codes:
            self._control.clear_problem(code)
        if codes:
            self._rests = 0
            self._probe_ends = 0.0
        return bool(codes)

    @property
    def has_created(self) -> bool:
        """Whether Google has made a photo of its bytes in this run: a full account takes bytes."""
        return self._has_created

    def passed(self, *, created: bool = True) -> None:
        """Google took a request: what stood in its way is over.

        ``created``: it was one that creates; bytes alone say nothing of a full account.
        """
        self._rests = 0
        self._probe_ends = 0.0
        self._shut_since = None
        self._has_created = self._has_created or created
        self._refusals = 0 if created else self._refusals
        with self._lock:
            self._doubted.clear()
        if self._control.open_library_gate(but=() if created else tuple(CREATE_CODES)):
            log.info("library.open")


def _is_live(problem: Problem, now: float) -> bool:
    is_for_the_day = problem.code == DailyQuotaSpent.code
    longest = LONGEST_DAY_SECONDS if is_for_the_day else LONGEST_SECONDS
    return problem.until is not None and now < problem.until <= now + longest
