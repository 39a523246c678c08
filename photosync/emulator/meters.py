"""Google's quotas: requests per project and Pacific day, writes per user and minute (§6)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from photosync.emulator import bodies

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.emulator.database import Database
    from photosync.emulator.options import Options

_PACIFIC: Final = ZoneInfo("America/Los_Angeles")
_MINUTE: Final = 60.0


class Meters:
    """Counts requests and refuses those beyond the limits; on disk, so a restart resets nothing."""

    def __init__(self, database: Database, options: Options, clock: Callable[[], float]) -> None:
        self._database = database
        self._options = options
        self._clock = clock

    def today(self) -> str:
        """The Pacific day, ``2026-03-31``; Google's daily quotas reset when it changes."""
        return datetime.fromtimestamp(self._clock(), _PACIFIC).date().isoformat()

    def note(self, kind: str) -> None:
        """Count a request for the overview; it may still be refused."""
        self._add(kind, requests=1, counted=0)

    def spend(self, kind: str) -> None:
        """Take one request from the day's quota.

        Raises:
            Refusal: 429: the day is spent.
        """
        if kind.startswith(bodies.UPLOAD_PREFIX) and not self._options.count_uploads:
            return
        if self.spent_today() >= self._options.daily_limit:
            raise bodies.quota_day(
                kind, self._options.daily_limit, self._options.retry_after_seconds
            )
        self._add(kind, requests=0, counted=1)

    def spent_today(self) -> int:
        """Requests counted against today's quota."""
        return self._database.number(
            "SELECT sum(counted) FROM spent WHERE day = :day", day=self.today()
        )

    def requests_today(self) -> dict[str, int]:
        """Requests by kind on this Pacific day, refused ones too."""
        rows = self._database.rows(
            "SELECT kind, requests FROM spent WHERE day = :day ORDER BY requests DESC, kind",
            day=self.today(),
        )
        return {row["kind"]: row["requests"] for row in rows}

    def write(self, user: str, kind: str) -> None:
        """Take one write of ``user`` from the minute's quota.

        Raises:
            Refusal: 429: too many within 60 seconds.
        """
        limit = self._options.writes_per_minute
        if not self._fits(user, "write", limit):
            raise bodies.quota_minute(kind, limit, self._options.retry_after_seconds)

    def upload(self, user: str) -> None:
        """Take one upload request of ``user`` from the minute's quota.

        Raises:
            Refusal: 400 (not 429, §2.2): too many within 60 seconds.
        """
        limit = self._options.uploads_per_minute
        if limit and not self._fits(user, "upload", limit):
            raise bodies.bare(400, bodies.UPLOADS_QUOTA)

    def _fits(self, user: str, meter: str, limit: int) -> bool:
        now = self._clock()
        run = self._database.run
        run("DELETE FROM recent WHERE at <= :gone OR at > :now", gone=now - _MINUTE, now=now)
        taken = self._database.number(
            "SELECT count(*) FROM recent WHERE user = :user AND meter = :meter",
            user=user,
            meter=meter,
        )
        if taken >= limit:
            return False
        run("INSERT INTO recent VALUES (:user, :meter, :now)", user=user, meter=meter, now=now)
        return True

    def _add(self, kind: str, *, requests: int, counted: int) -> None:
        self._database.run(
            "INSERT INTO spent VALUES (:day, :kind, :requests, :counted) "
            "ON CONFLICT (day, kind) DO UPDATE SET requests = requests + :requests, "
            "counted = counted + :counted",
            day=self.today(),
            kind=kind,
            requests=requests,
            counted=counted,
        )
