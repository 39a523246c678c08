"""Google's day in California, and the window of writes."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.domain.quota import (
    EARLY_SECONDS,
    clock_may_be_early,
    google_day,
    next_reset,
    write_wait,
)

PACIFIC = ZoneInfo("America/Los_Angeles")
TIMES = st.floats(0, 4e9)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PACIFIC).timestamp()


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-08", 23), ("2026-03-09", 24), ("2026-11-01", 25), ("2026-12-31", 24)],
)
def test_a_day_is_as_long_as_it_is_in_california(day: str, hours: int) -> None:
    midnight = at(f"{day}T00:00")

    assert google_day(midnight) == day
    assert google_day(midnight - 0.001) != day
    assert next_reset(midnight) == next_reset(midnight + 3600 * hours - 1)
    assert next_reset(midnight) - midnight == hours * 3600


@given(TIMES)
@example(at("2026-11-01T01:30"))
@example(at("2026-03-08T03:00"))
def test_the_reset_is_the_first_second_of_the_next_day(now: float) -> None:
    reset = next_reset(now)

    assert now < reset <= now + 25 * 3600
    assert google_day(reset - 1) == google_day(now)
    today, tomorrow = (date.fromisoformat(google_day(one)) for one in (now, reset))
    assert (tomorrow - today).days == 1


@given(TIMES)
def test_the_clock_may_be_early_only_right_after_midnight(now: float) -> None:
    began = next_reset(now - EARLY_SECONDS)

    assert clock_may_be_early(now) == (began <= now)


def windows_are_kept(writes: list[float], per_minute: int) -> bool:
    return all(
        writes[later] - writes[later - per_minute] >= 60.0 - 1e-6
        for later in range(per_minute, len(writes))
    )


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 10))
def test_no_minute_ever_holds_more_writes(pauses: list[float], per_minute: int) -> None:
    now, writes = 1000.0, [0.0] * 0
    for pause in pauses:
        now += pause
        now += write_wait(writes, now=now, per_minute=per_minute)
        assert write_wait(writes, now=now + 1e-6, per_minute=per_minute) == 0.0
        now += 1e-6
        writes.append(now)

    assert windows_are_kept(writes, per_minute)


@given(st.lists(st.floats(0, 2000)), st.integers(1, 10))
def test_a_wait_is_never_longer_than_the_window(recent: list[float], per_minute: int) -> None:
    wait = write_wait(sorted(recent), now=1000.0, per_minute=per_minute)

    assert 0.0 <= wait <= 60.0
    within = [one for one in recent if one > 940.0]
    assert (wait == 0.0) == (len(within) < per_minute)
