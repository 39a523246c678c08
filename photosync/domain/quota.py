"""Google's day: quotas reset at midnight in California (google-photos-api.md §6.1)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
WRITE_WINDOW_SECONDS = 60.0
EARLY_SECONDS = 1800
"""So far our clock may be ahead of Google's, or Google's reset late."""


def google_day(now: float) -> str:
    """The Pacific calendar day at ``now`` (seconds UTC), as ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(now, PACIFIC).date().isoformat()


def next_reset(now: float) -> int:
    """When the daily quota next resets, in seconds UTC; right across daylight saving."""
    tomorrow = datetime.fromtimestamp(now, PACIFIC).date() + timedelta(days=1)
    return int(datetime.combine(tomorrow, time(), PACIFIC).astimezone(UTC).timestamp())


def clock_may_be_early(now: float) -> bool:
    """Whether Google's midnight may still be ahead though it is past by our clock."""
    return google_day(now) != google_day(now - EARLY_SECONDS)


def write_wait(recent: list[float], *, now: float, per_minute: int) -> float:
    """Seconds until one more write keeps every 60 s window at ``per_minute`` or fewer.

    ``recent`` holds the times of earlier writes, oldest first. 0.0: write now.
    Times from a clock that was set back count as just now.
    """
    within = [min(at, now) for at in recent if min(at, now) > now - WRITE_WINDOW_SECONDS]
    if len(within) < per_minute:
        return 0.0
    return max(0.0, within[-per_minute] + WRITE_WINDOW_SECONDS - now)
