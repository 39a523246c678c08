"""Repeats a call that failed in passing: the lower of the house's two levels of retry."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from photosync.domain.backoff import call_wait
from photosync.errors import Stopping, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.ports import Halt

Result = TypeVar("Result")

log = logging.getLogger(__name__)

MOST_TRIES = 4
LONGEST_PATIENCE = 120.0
"""A server that asks for a longer rest gets it from the item's own wait, not from a thread."""


class Patience:
    """Calls again after 1-60 s, 30 s or more after a 429; Retry-After wins."""

    def __init__(self, halt: Halt, *, jitter: Callable[[], float] = random.random) -> None:
        self._halt = halt
        self._jitter = jitter

    def call(self, what: Callable[[], Result]) -> Result:
        """The result of ``what``, tried up to four times.

        Raises:
            Stopping: The program is ending; at once, also in the middle of a wait.
            TransientError: The last try failed too.
        """
        policy = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=self._is_enough,
            wait=self._wait,
            sleep=self.rest,
            before_sleep=_tell,
            reraise=True,
        )
        return policy(what)

    def rest(self, seconds: float) -> None:
        """Wait, unless the program ends.

        tenacity's own ``sleep_using_event`` would make one more call after the stop event.

        Raises:
            Stopping: It does.
        """
        if self._halt.wait(seconds):
            raise Stopping

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        return call_wait(
            state.attempt_number,
            least=error.least_wait,
            retry_after=error.retry_after,
            jitter=self._jitter(),
        )

    def _is_enough(self, state: RetryCallState) -> bool:
        asked = _error(state).retry_after or 0.0
        return stop_after_attempt(MOST_TRIES)(state) or asked > LONGEST_PATIENCE


def _error(state: RetryCallState) -> TransientError:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, TransientError)
    return error


def _tell(state: RetryCallState) -> None:
    error = _error(state)
    seconds = state.next_action.sleep if state.next_action else 0.0
    log.info(
        "call.again code=%s try=%d wait_seconds=%.1f reason=%s",
        error.code,
        state.attempt_number,
        seconds,
        error.message,
    )
