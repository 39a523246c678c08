"""The ledger of requests: per Pacific day, and writes within a minute (google-photos-api.md §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.domain.quota import clock_may_be_early, google_day, next_reset, write_wait
from photosync.errors import DailyQuotaSpent

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.store.database import Database

TODAY = "SELECT requests, spent_at FROM quota_days WHERE day = :day"

COUNT_DAY = """
    INSERT INTO quota_days (day, requests) VALUES (:day, 1)
    ON CONFLICT (day) DO UPDATE SET requests = requests + 1
"""

COUNT_KIND = """
    INSERT INTO quota_usage (day, kind, requests) VALUES (:day, :kind, 1)
    ON CONFLICT (day, kind) DO UPDATE SET requests = requests + 1
"""

UNCOUNT_DAY = "UPDATE quota_days SET requests = requests - 1 WHERE day = :day AND requests > 0"

UNCOUNT_KIND = """
    UPDATE quota_usage SET requests = requests - 1
    WHERE day = :day AND kind = :kind AND requests > 0
"""

SPENT = """
    INSERT INTO quota_days (day, spent_at) VALUES (:day, :now)
    ON CONFLICT (day) DO UPDATE SET spent_at = :now
"""

WRITES = "SELECT at FROM recent_writes ORDER BY at"

WRITTEN = "INSERT INTO recent_writes (at) VALUES (:now)"

FORGET_WRITES = "DELETE FROM recent_writes WHERE at < :before OR at > :now"

ASK_AGAIN_SECONDS = 300


class Spending:
    """Counts every request before it is sent, so that a crash can only count too many.

    ``daily`` and ``per_minute`` are the limits; ``clock`` gives seconds UTC.
    """

    def __init__(
        self, database: Database, *, daily: int, per_minute: int, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._daily = daily
        self._per_minute = per_minute
        self._clock = clock

    def spend(self, kind: str) -> None:
        """Count one request of ``kind``.

        Raises:
            DailyQuotaSpent: The day is used up; the request must not be sent.
        """
        now = self._clock()
        day = google_day(now)
        with self._database.write() as connection:
            row = connection.execute(TODAY, {"day": day}).fetchone()
            said = row is not None and row["spent_at"] is not None
            if said or (0 if row is None else row["requests"]) >= self._daily:
                raise self._exhausted(now, said_by_google=said)
            connection.execute(COUNT_DAY, {"day": day})
            connection.execute(COUNT_KIND, {"day": day, "kind": kind})

    def refund(self, kind: str) -> None:
        """Take back one request of ``kind`` that never left this computer."""
        values = {"day": google_day(self._clock()), "kind": kind}
        with self._database.write() as connection:
            connection.execute(UNCOUNT_DAY, values)
            connection.execute(UNCOUNT_KIND, values)

    def write_wait(self) -> float:
        """Take a place for one write; seconds to wait if there is none yet, else 0.0."""
        now = self._clock()
        with self._database.write() as connection:
            connection.execute(FORGET_WRITES, {"before": now - 120.0, "now": now + 1.0})
            recent = [row["at"] for row in connection.execute(WRITES)]
            wait = write_wait(recent, now=now, per_minute=self._per_minute)
            if wait == 0.0:
                connection.execute(WRITTEN, {"now": now})
        return wait

    def quota_spent(self) -> int:
        """Google says that the day is spent: note it. Returns when it resets, seconds UTC.

        Right after midnight it may still mean the day before: then nothing is noted, and it is
        worth asking again soon. Noting it would leave a whole day unused.
        """
        now = self._clock()
        if clock_may_be_early(now):
            return int(now) + ASK_AGAIN_SECONDS
        self._database.run(SPENT, {"day": google_day(now), "now": int(now)})
        return next_reset(now)

    def _exhausted(self, now: float, *, said_by_google: bool) -> DailyQuotaSpent:
        who = "Google says so" if said_by_google else f"{self._daily} by our own count"
        return DailyQuotaSpent(
            f"The requests that Google allows a day are used up ({who}).", until=next_reset(now)
        )
