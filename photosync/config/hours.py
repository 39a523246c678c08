"""Hours of the day in which uploads run: windows of local time, over midnight if need be.

The clock on the wall decides, also on the two days a year on which it jumps: what falls into the
hour that is left out does not open that day, and an hour that comes twice is open twice.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime

DAY_MINUTES = 24 * 60
WINDOW = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
FAR_MINUTES = 8 * DAY_MINUTES
MOST_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class Hours:
    """Windows as (first, past the last) minute of the day; none: always."""

    windows: tuple[tuple[int, int], ...] = ()

    def is_open(self, at: float) -> bool:
        """Whether uploads run at that time (seconds UTC)."""
        local = time.localtime(at)
        minute = local.tm_hour * 60 + local.tm_min
        return not self.windows or any(_holds(one, minute) for one in self.windows)

    def opens_at(self, at: float) -> int:
        """When they run again, not before ``at`` (seconds UTC); ``at`` itself if they do."""
        if self.is_open(at):
            return int(at)
        opens = (int(at) // 60 + 1) * 60
        ends = opens + FAR_MINUTES * 60
        while not self.is_open(opens) and opens < ends:
            opens += 60
        return opens

    def resting(self, at: float) -> str:
        """Why no uploads run at that time, in one sentence; "" if they do."""
        if self.is_open(at):
            return ""
        now, opens = (datetime.fromtimestamp(one).astimezone() for one in (at, self.opens_at(at)))
        day = "" if opens.date() == now.date() else f"on {opens:%A} "
        return f"Uploads resume {day}at {opens:%H:%M} (upload.hours)."

    def __str__(self) -> str:
        return ",".join(f"{_said(first)}-{_said(last)}" for first, last in self.windows)


def parse_hours(text: str) -> Hours:
    """``"01:00-07:00"``, ``"22:00-06:00"``, several with commas; "" is always.

    Raises:
        ValueError: It is none of these.
    """
    if not text.strip():
        return Hours()
    parts = text.split(",")
    if len(parts) > MOST_WINDOWS:
        raise ValueError("too many windows")
    return Hours(tuple(_window(part.strip()) for part in parts))


def _window(text: str) -> tuple[int, int]:
    found = WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("no window")
    first, last = (_minute(found[one], found[one + 1]) for one in (1, 3))
    if first in (last, DAY_MINUTES):
        raise ValueError("an empty window")
    return first, last


def _minute(hour: str, minute: str) -> int:
    found = int(hour) * 60 + int(minute)
    if int(minute) > 59 or found > DAY_MINUTES:  # noqa: PLR2004 - an hour has sixty
        raise ValueError("no time of day")
    return found


def _holds(window: tuple[int, int], minute: int) -> bool:
    first, last = window
    return first <= minute < last if first < last else minute >= first or minute < last


def _said(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
