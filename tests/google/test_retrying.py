"""Calls made again: how long after, how often, and not once after a stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from photosync.errors import (
    ConnectionLost,
    FileRefused,
    PhotosyncError,
    RateLimited,
    ServerTrouble,
    SignInRequired,
    Stopping,
    TransientError,
)
from photosync.google.retrying import LONGEST_PATIENCE, MOST_TRIES, Patience
from tests.google.conftest import Halt

if TYPE_CHECKING:
    from collections.abc import Callable


class Calls:
    """Fails with one error after another, then works."""

    def __init__(self, *errors: PhotosyncError) -> None:
        self.errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def halt() -> Halt:
    return Halt()


@pytest.fixture
def patient(halt: Halt) -> Callable[..., Patience]:
    return lambda jitter=0.0: Patience(halt, jitter=lambda: jitter)


def test_what_works_is_done_once(halt: Halt, patient: Callable[..., Patience]) -> None:
    calls = Calls()
    assert patient().call(calls) == "done"
    assert (calls.count, halt.waits) == (1, [])


def test_waits_double(halt: Halt, patient: Callable[..., Patience]) -> None:
    calls = Calls(*[ServerTrouble("x") for _ in range(3)])
    assert patient().call(calls) == "done"
    assert halt.waits == [1.0, 2.0, 4.0]


def test_waits_are_stretched_so_that_clients_do_not_march_in_step(
    halt: Halt, patient: Callable[..., Patience]
) -> None:
    patient(1.0).call(Calls(ServerTrouble("x"), RateLimited("x")))
    assert halt.waits == [1.5, 45.0]


def test_after_429_it_is_half_a_minute_at_least(
    halt: Halt, patient: Callable[..., Patience]
) -> None:
    patient().call(Calls(RateLimited("x"), RateLimited("x", retry_after=2.0)))
    assert halt.waits == [30.0, 30.0]


def test_the_servers_word_wins(halt: Halt, patient: Callable[..., Patience]) -> None:
    patient(1.0).call(Calls(ServerTrouble("x", retry_after=77.0), RateLimited("x", retry_after=99)))
    assert halt.waits == [77.0, 99.0]


def test_no_thread_waits_for_hours(halt: Halt, patient: Callable[..., Patience]) -> None:
    calls = Calls(ServerTrouble("x", retry_after=LONGEST_PATIENCE + 1))
    with pytest.raises(ServerTrouble) as raised:
        patient().call(calls)
    assert raised.value.retry_after == LONGEST_PATIENCE + 1
    assert (calls.count, halt.waits) == (1, [])


def test_the_last_error_is_told(halt: Halt, patient: Callable[..., Patience]) -> None:
    errors: list[PhotosyncError] = [TransientError(str(number)) for number in range(9)]
    calls = Calls(*errors)
    with pytest.raises(TransientError) as raised:
        patient().call(calls)
    assert calls.count == MOST_TRIES
    assert raised.value is errors[MOST_TRIES - 1]
    assert len(halt.waits) == MOST_TRIES - 1


@pytest.mark.parametrize("error", [SignInRequired("x"), FileRefused("x"), Stopping()])
def test_nothing_else_is_tried_again(
    halt: Halt, patient: Callable[..., Patience], error: PhotosyncError
) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)):
        patient().call(calls)
    assert (calls.count, halt.waits) == (1, [])


def test_a_stop_ends_the_wait_and_makes_no_more_call(
    halt: Halt, patient: Callable[..., Patience]
) -> None:
    halt.stop_in_wait = True
    calls = Calls(ConnectionLost("x"))
    with pytest.raises(Stopping):
        patient().call(calls)
    assert calls.count == 1


def test_a_stop_before_a_wait_ends_it_at_once(halt: Halt, patient: Callable[..., Patience]) -> None:
    halt.event.set()
    with pytest.raises(Stopping):
        patient().rest(5.0)


def test_each_new_try_is_one_line_in_the_log(
    patient: Callable[..., Patience], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    patient().call(Calls(ServerTrouble("Google is in trouble.")))
    assert [one.getMessage() for one in caplog.records] == [
        "call.again code=server_trouble try=1 wait_seconds=1.0 reason=Google is in trouble."
    ]
