"""Windows of the day, over midnight and over the two days a year that are not a day long."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.config.hours import Hours, parse_hours

if TYPE_CHECKING:
    from collections.abc import Iterator

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True, scope="module")
def in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def at(text: str, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("01:00-07:00", "01:00-07:00"),
        (" 1:00 - 7:00 , 22:00-24:00", "01:00-07:00,22:00-24:00"),
        ("22:00-06:00", "22:00-06:00"),
    ],
)
def test_hours_that_are_understood(text: str, said: str) -> None:
    assert str(parse_hours(text)) == said


NO_HOURS = (
    *("7", "07:00", "7-9", "25:00-26:00", "07:60-08:00", "07:00-07:00", "24:00-01:00", "a,b", ","),
    "01:00-02:00," * 30,
)


@pytest.mark.parametrize("text", NO_HOURS)
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|time of day"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-06-01T21:59:59", False),
        ("2026-06-01T22:00:00", True),
        ("2026-06-02T00:30:00", True),
        ("2026-06-02T05:59:59", True),
        ("2026-06-02T06:00:00", False),
    ],
)
def test_over_midnight(when: str, is_open: bool) -> None:
    assert parse_hours("22:00-06:00").is_open(at(when)) is is_open


def test_the_night_that_lacks_an_hour() -> None:
    """On 2026-03-29 the clock goes from 02:00 to 03:00."""
    inside = parse_hours("02:10-02:50")
    assert inside.opens_at(at("2026-03-29T01:00")) == at("2026-03-30T02:10")
    across = parse_hours("01:30-03:30")
    assert across.is_open(at("2026-03-29T01:59"))
    assert across.is_open(at("2026-03-29T03:00"))
    assert not across.is_open(at("2026-03-29T03:30"))
    begins = parse_hours("02:30-05:00")
    assert begins.opens_at(at("2026-03-29T00:00")) == at("2026-03-29T03:00")


def test_the_night_that_has_an_hour_twice() -> None:
    """On 2026-10-25 the clock goes from 03:00 back to 02:00."""
    hours = parse_hours("02:15-02:45")
    for fold in (0, 1):
        assert hours.is_open(at("2026-10-25T02:30", fold=fold))
        assert not hours.is_open(at("2026-10-25T02:50", fold=fold))
    assert hours.opens_at(at("2026-10-25T02:50", fold=0)) == at("2026-10-25T02:15", fold=1)


def test_the_sentence() -> None:
    hours = parse_hours("01:00-07:00")
    assert hours.resting(at("2026-06-01T02:00")) == ""
    assert hours.resting(at("2026-06-01T00:30")) == "Uploads resume at 01:00 (upload.hours)."
    later = hours.resting(at("2026-06-01T08:00"))
    assert later == "Uploads resume on Tuesday at 01:00 (upload.hours)."


minutes = st.integers(0, 1439)
windows = st.tuples(minutes, minutes).filter(lambda one: one[0] != one[1])


@given(
    hours=st.lists(windows, min_size=1, max_size=3).map(lambda some: Hours(tuple(some))),
    when=st.integers(1_767_222_000, 1_798_758_000),  # all of 2026
)
def test_open_is_what_the_clock_on_the_wall_says(hours: Hours, when: int) -> None:
    wall = datetime.fromtimestamp(when, BERLIN)
    minute = wall.hour * 60 + wall.minute
    expected = any(
        first <= minute < last if first < last else not last <= minute < first
        for first, last in hours.windows
    )
    assert hours.is_open(when) == expected
    opens = hours.opens_at(when)
    assert opens >= when
    assert hours.is_open(opens)
    assert opens - when < 50 * 3600
    assert opens == when or not hours.is_open(opens - 1)
    assert parse_hours(str(hours)) == hours
