from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.dating import FIRST_YEAR, Dated, Origin, date_in_name, date_of
from tests.domain.names import NAMES, NO_DATE, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = "Europe/Berlin"
NS = 1_000_000_000


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", ZONE)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))
    return int(moment.timestamp()) * NS


def _says(name: str) -> str | None:
    named = date_in_name(name, latest=NOW)
    if named is None:
        return None
    return f"{named.day}" + (f" {named.time:%H:%M:%S}" if named.time else "")


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case.name)
def test_what_apps_write_into_names_is_read(case: Case) -> None:
    named = date_in_name(case.name, latest=NOW)

    assert _says(case.name) == case.says
    assert named is not None
    assert named.is_utc is case.is_utc


@pytest.mark.parametrize("name", NO_DATE)
def test_what_only_looks_like_a_date_is_none(name: str) -> None:
    assert _says(name) is None


@given(st.integers(min_value=0, max_value=10**13).filter(lambda one: len(str(one)) not in (14, 17)))
def test_a_number_is_no_date(number: int) -> None:
    """But one of 14 digits that is a day and a time, and milliseconds since 1970."""
    if number // 10**12 != 1:
        assert _says(f"{number}.jpg") is None


@given(st.binary(min_size=16, max_size=32))
def test_a_hash_is_no_date(content: bytes) -> None:
    digits = sum(one.isdigit() for one in content.hex())
    if digits < len(content.hex()):
        assert _says(f"{content.hex()}.jpg") is None


@given(st.text(max_size=40), st.integers(min_value=-(2**63), max_value=2**64))
def test_any_name_and_time_is_judged(name: str, mtime_ns: int) -> None:
    dated = date_of(name, mtime_ns, now=NOW.timestamp())

    if dated is not None:
        first = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - timedelta(days=1)
        assert first.timestamp() <= dated.at <= NOW.timestamp() + 2 * 86_400


def test_local_time_is_the_computers_and_pixels_is_utc() -> None:
    local = date_of("IMG_20210731_101112.jpg", 0, now=NOW.timestamp())
    pixel = date_of("PXL_20210731_101112345.jpg", 0, now=NOW.timestamp())

    assert local == Dated(_ns("2021-07-31 10:11:12") // NS, 7200, Origin.NAME)
    assert pixel == Dated(_ns("2021-07-31 12:11:12") // NS, 7200, Origin.NAME)


@pytest.mark.parametrize(
    ("mtime", "expected"),
    [
        ("2021-01-31 18:30:05", "2021-01-31 18:30:05"),
        ("2021-01-31 00:00:01", "2021-01-31 00:00:01"),
        ("2021-02-01 00:00:01", "2021-01-31 12:00:00"),
        ("1970-01-01 01:00:00", "2021-01-31 12:00:00"),
    ],
)
def test_a_day_takes_its_time_from_the_last_change_on_that_day(mtime: str, expected: str) -> None:
    dated = date_of("IMG-20210131-WA0007.jpg", _ns(mtime), now=NOW.timestamp())

    assert dated == Dated(_ns(expected) // NS, 3600, Origin.NAME)


def test_without_a_date_in_the_name_it_is_that_of_the_last_change() -> None:
    dated = date_of("cat.jpg", _ns("2019-05-04 03:02:01") + 999, now=NOW.timestamp())

    assert dated == Dated(_ns("2019-05-04 03:02:01") // NS, 7200, Origin.MTIME)


@pytest.mark.parametrize(
    "mtime", ["1970-01-01 01:00:00", "1989-12-31 12:00:00", "2027-01-01 00:00"]
)
def test_a_last_change_that_is_nonsense_tells_nothing(mtime: str) -> None:
    assert date_of("cat.jpg", _ns(mtime), now=NOW.timestamp()) is None


def test_an_hour_that_there_is_twice_or_never_is_a_moment_all_the_same() -> None:
    twice = date_of("IMG_20211031_023000.jpg", 0, now=NOW.timestamp())
    never = date_of("IMG_20210328_023000.jpg", 0, now=NOW.timestamp())

    assert twice is not None
    assert never is not None
    assert twice.offset_seconds == 7200  # the first of the two
    assert datetime.fromtimestamp(never.at, UTC) == datetime(2021, 3, 28, 0, 30, tzinfo=UTC)
