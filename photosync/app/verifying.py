"""Asks the library after every photo that is done, 50 in a request, within the day's quota."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.app.connecting import connected
from photosync.app.state import opened
from photosync.domain.quota import next_reset
from photosync.errors import DailyQuotaSpent, PhotosyncError
from photosync.google.library import MOST_ITEMS
from photosync.stages.asking import held_by
from photosync.store.verified import Verified

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.google.library import PhotosLibrary
    from photosync.store.verified import Missing

log = logging.getLogger(__name__)

KEPT_SHARE = 10
"""One in so many of the day's requests is left for new photos."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it.

    ``asked``: items asked after by this run, of which Google would not say anything about
    ``unknown``; ``left``: those that this round still has to ask after, because of ``error``.
    ``missing``: all that the library did not hold when it was last asked.
    """

    asked: int
    unknown: int
    left: int
    missing: list[Missing]
    error: PhotosyncError | None


def verify(
    settings: Settings, *, halt: Event, tick: Callable[[int, int], None] | None = None
) -> Verification:
    """Ask after everything that was not asked after in this round; ``tick``: asked, in all.

    Raises:
        DatabaseError: See there. What Google or the network do is part of the result.
    """
    with opened(settings) as state, connected(settings, state, halt=halt) as connection:
        return _Round(settings, state, connection.library, tick or (lambda _asked, _all: None)).go()


def send_again(settings: Settings) -> list[int]:
    """What the last verification missed goes up once more; the numbers of the items."""
    with opened(settings) as state:
        again = Verified(state.database).send_again(now=state.now())
        state.control.ring(now=state.now())
        return again


class _Round:
    def __init__(
        self,
        settings: Settings,
        state: State,
        library: PhotosLibrary,
        tick: Callable[[int, int], None],
    ) -> None:
        self._daily = settings.google.daily_requests
        self._state = state
        self._library = library
        self._tick = tick
        self._verified = Verified(state.database)
        self._asked = 0
        self._unknown = 0

    def go(self) -> Verification:
        """Ask until nothing is left, or until something is in the way."""
        began = self._verified.begin(now=self._state.now())
        error = None
        try:
            self._ask_all(began)
        except PhotosyncError as found:
            error = found
        left = self._verified.left(began)
        if not left:
            self._verified.end()
        missing = self._verified.missing()
        log.info("library.verified asked=%d missing=%d left=%d", self._asked, len(missing), left)
        return Verification(self._asked, self._unknown, left, missing, error)

    def _ask_all(self, began: int) -> None:
        in_all = self._verified.left(began)
        while some := self._verified.next(began, limit=MOST_ITEMS):
            self._tick(self._asked, in_all)
            self._leave_room()
            held = held_by(self._library, [one.google_id for one in some])
            answers = [held[one.google_id] for one in some]
            now = max(began, self._state.now())  # a clock set back must not ask for ever
            self._verified.note(zip(some, answers, strict=True), now=now)
            self._asked += len(some)
            self._unknown += sum(one is None for one in answers)

    def _leave_room(self) -> None:
        leave_room(self._daily, self._state)


def leave_room(daily_requests: int, state: State) -> None:
    """See to it that some of the day's requests are left for new photos.

    Raises:
        DailyQuotaSpent: Nobody should ask for anything else today.
    """
    now = state.now()
    used, _ = state.overview.requests_today(now=now)
    if used >= daily_requests - daily_requests // KEPT_SHARE:
        raise DailyQuotaSpent(
            "What is left of the day's requests is kept for new photos.", until=next_reset(now)
        )
