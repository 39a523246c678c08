"""The ledger of requests: Google's day, our own budget, Google's word, and writes a minute."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from photosync.errors import DailyQuotaSpent
from photosync.store.database import Database
from photosync.store.overview import Overview
from photosync.store.spending import Spending

if TYPE_CHECKING:
    from pathlib import Path

PACIFIC = ZoneInfo("America/Los_Angeles")


def at(text: str) -> float:
    """Pacific wall clock → seconds UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=PACIFIC).timestamp()


class Ledger(Spending):
    """With a clock that a test sets."""

    def __init__(
        self, database: Database, now: float, daily: int = 3, per_minute: int = 30
    ) -> None:
        super().__init__(database, daily=daily, per_minute=per_minute, clock=lambda: self.now)
        self.now = now
        self.overview = Overview(database)

    def spend_all(self) -> int:
        """Until there is no more; how many."""
        for count in range(100):
            try:
                self.spend("upload")
            except DailyQuotaSpent as error:
                self.until = error.until
                self.words = error.message
                return count
        pytest.fail("no end")


def test_the_budget_is_spent_to_the_last_and_no_further(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"))

    assert ledger.spend_all() == 3
    assert ledger.until == at("2026-11-24T00:00")
    assert "3 by our own count" in ledger.words
    assert ledger.overview.requests_today(now=ledger.now) == (3, False)
    assert ledger.spend_all() == 0


def test_no_budget_is_no_request(database: Database) -> None:
    assert Ledger(database, 0.0, daily=0).spend_all() == 0


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25), ("2026-11-23", 24)]
)
def test_each_pacific_day_has_its_own_budget_whatever_its_length(
    database: Database, day: str, hours: int
) -> None:
    ledger = Ledger(database, at(f"{day}T00:00"))
    assert ledger.spend_all() == 3
    assert ledger.until == at(f"{day}T00:00") + hours * 3600
    ledger.now += hours * 3600 - 1
    assert ledger.spend_all() == 0
    ledger.now += 1
    assert ledger.spend_all() == 3


def test_the_count_outlives_a_restart(tmp_path: Path) -> None:
    now = at("2026-11-23T12:00")
    for left in (3, 0):
        with Database(tmp_path) as database:
            database.migrate()
            assert Ledger(database, now).spend_all() == left


def test_requests_are_told_by_kind(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"))
    for kind in ("upload", "create", "upload"):
        ledger.spend(kind)

    assert ledger.overview.requests_by_kind(now=ledger.now) == {"create": 1, "upload": 2}
    assert ledger.overview.requests_by_kind(now=ledger.now + 86_400) == {}
    assert ledger.overview.requests_today(now=ledger.now + 86_400) == (0, False)


@pytest.mark.parametrize("spent_before", [0, 1])
def test_googles_word_ends_the_day(database: Database, spent_before: int) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"))
    for _ in range(spent_before):
        ledger.spend("upload")

    assert ledger.quota_spent() == at("2026-11-24T00:00")
    assert ledger.spend_all() == 0
    assert "Google says so" in ledger.words
    assert ledger.overview.requests_today(now=ledger.now) == (spent_before, True)
    ledger.now = at("2026-11-24T00:00")
    assert ledger.spend_all() == 3


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01", "2026-11-23"])
def test_googles_word_right_after_midnight_does_not_cost_a_whole_day(
    database: Database, day: str
) -> None:
    """Our clock is a second ahead, or an answer from before midnight came late."""
    ledger = Ledger(database, at(f"{day}T00:00") + 1)

    again = ledger.quota_spent()

    assert ledger.now < again <= ledger.now + 600
    ledger.now = again
    assert ledger.spend_all() == 3


def test_googles_word_counts_once_midnight_is_well_past(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T00:31"))

    assert ledger.quota_spent() == at("2026-11-24T00:00")
    assert ledger.spend_all() == 0


def test_a_clock_set_back_a_day_does_not_reopen_the_day(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"))
    ledger.spend_all()
    ledger.now -= 86_400
    assert ledger.spend_all() == 3
    ledger.now += 86_400
    assert ledger.spend_all() == 0


def test_writes_keep_to_their_number_a_minute(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"), per_minute=2)

    assert ledger.write_wait() == 0.0
    ledger.now += 10
    assert ledger.write_wait() == 0.0
    assert ledger.write_wait() == pytest.approx(50)
    ledger.now += 50
    assert ledger.write_wait() == 0.0
    assert ledger.write_wait() == pytest.approx(10)


def test_a_write_that_waits_takes_no_place(database: Database) -> None:
    ledger = Ledger(database, 1000.0, per_minute=1)
    assert ledger.write_wait() == 0.0
    for _ in range(5):
        assert ledger.write_wait() == 60.0
    ledger.now += 60
    assert ledger.write_wait() == 0.0


def test_a_clock_set_back_never_stops_writing_for_long(database: Database) -> None:
    ledger = Ledger(database, at("2026-11-23T12:00"), per_minute=1)
    ledger.write_wait()
    ledger.now -= 3600

    assert ledger.write_wait() <= 60.0
    ledger.now += 60
    assert ledger.write_wait() == 0.0


def test_old_writes_are_forgotten(database: Database) -> None:
    ledger = Ledger(database, 0.0)
    for _ in range(50):
        ledger.write_wait()
        ledger.now += 100

    assert len(database.rows("SELECT * FROM recent_writes")) <= 3


def test_what_never_left_is_taken_back(database: Database) -> None:
    now = at("2026-11-23T12:00")
    spending = Ledger(database, now, daily=2)
    overview = spending.overview
    for _ in range(50):
        spending.spend("upload")
        spending.refund("upload")
    assert overview.requests_today(now=now) == (0, False)
    spending.refund("upload")
    assert overview.requests_by_kind(now=now) == {"upload": 0}
    spending.spend("upload")
    spending.spend("upload")
    with pytest.raises(DailyQuotaSpent):
        spending.spend("upload")
