"""How long to wait: growing, bounded, and never less than asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.backoff import (
    CALL_LONGEST_WAIT,
    ITEM_FIRST_WAIT,
    ITEM_LONGEST_WAIT,
    call_wait,
    item_wait,
    tries_so_far,
)

ATTEMPTS = st.integers(-5, 10**9)
ASKED = st.none() | st.floats(0, 1e300)


def test_items_wait_30_seconds_doubling_to_6_hours() -> None:
    assert [item_wait(tries) for tries in (1, 2, 3, 4)] == [30, 60, 120, 240]
    assert item_wait(10) == 15_360
    assert item_wait(11) == item_wait(10**9) == 6 * 3600
    assert item_wait(0) == item_wait(1)


def test_a_server_may_ask_for_more_up_to_a_day() -> None:
    assert item_wait(1, retry_after=3600) == 3600
    assert item_wait(5, retry_after=1) == item_wait(5)
    assert item_wait(1, retry_after=1e12) == ITEM_LONGEST_WAIT


@given(ATTEMPTS, ASKED)
def test_an_item_waits_a_while_and_never_for_good(attempts: int, asked: float | None) -> None:
    wait = item_wait(attempts, retry_after=asked)

    assert ITEM_FIRST_WAIT <= wait <= ITEM_LONGEST_WAIT
    assert wait >= min(asked or 0.0, ITEM_LONGEST_WAIT)
    assert item_wait(attempts + 1, retry_after=asked) >= wait


def test_calls_wait_a_second_doubling_to_a_minute() -> None:
    assert [call_wait(tries, least=1.0) for tries in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert call_wait(7, least=1.0) == call_wait(10**9, least=1.0) == 60
    assert call_wait(1, least=30.0) == 30
    assert call_wait(1, least=1.0, jitter=1.0) == 1.5
    assert call_wait(5, least=1.0, retry_after=3.0) == 3.0
    assert call_wait(5, least=30.0, retry_after=3.0) == 30.0


@given(ATTEMPTS, st.floats(0, 30), ASKED, st.floats(0, 1))
def test_a_call_waits_at_least_what_is_due(
    tries: int, least: float, asked: float | None, jitter: float
) -> None:
    wait = call_wait(tries, least=least, retry_after=asked, jitter=jitter)

    assert wait >= max(least, asked or 0.0)
    assert asked is not None or wait <= 1.5 * CALL_LONGEST_WAIT


@pytest.mark.parametrize(
    ("before", "code", "expected"),
    [
        ("server_trouble", "server_trouble", 5),
        ("server_trouble", "connection_lost", 5),
        ("server_trouble", "item_trouble", 0),
        ("token_lost", "refused", 5),
        ("item_trouble", "item_trouble", 5),
        (None, "bug", 0),
    ],
)
def test_tries_for_another_cause_do_not_count(before: str | None, code: str, expected: int) -> None:
    assert tries_so_far(5, before, code) == expected
