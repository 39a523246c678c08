"""When a picture was made, by its file's name, or else by the time of its last change.

For pictures that do not say it themselves: messengers take the date out, screenshots never had
one. Google dates those by the day of the upload (google-photos-api.md §7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from photosync.domain.media import NANOSECONDS

FIRST_YEAR = 1990
"""Nothing that names pictures by date is older."""

AHEAD = timedelta(days=1)
"""Clocks and zones of others differ; what is later than that is no date."""

NOON = time(12)


class Origin(StrEnum):
    """Where a date comes from."""

    NAME = "name"
    MTIME = "mtime"


@dataclass(frozen=True, slots=True)
class Dated:
    """A moment (``at``: seconds UTC), and what local time was ahead of UTC by then, in seconds."""

    at: int
    offset_seconds: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says: a day, perhaps a time of day, in UTC or in the zone of this computer."""

    day: date
    time: time | None
    is_utc: bool = False


def date_of(name: str, mtime_ns: int, *, now: float) -> Dated | None:
    """The date for a file called ``name`` that says none itself; None if nothing tells.

    Local time is the zone of this computer. A name that tells only the day takes the time of
    day of the last change if that was on that day, else noon.
    """
    latest = datetime.fromtimestamp(now, UTC) + AHEAD
    changed = _changed(mtime_ns, latest)
    named = date_in_name(name, latest=latest)
    if named is None:
        return None if changed is None else _dated(changed, Origin.MTIME)
    clock = named.time
    if clock is None:
        is_that_day = changed is not None and changed.astimezone().date() == named.day
        clock = changed.astimezone().time() if is_that_day and changed is not None else NOON
    moment = datetime.combine(named.day, clock.replace(microsecond=0))
    return _dated(moment.replace(tzinfo=UTC) if named.is_utc else moment.astimezone(), Origin.NAME)


def shown_at(
    taken_at: int | None, path: str, mtime_ns: int, *, now: float, fixes_dates: bool
) -> float:
    """The moment (seconds UTC) by which a photo is put into albums of months and years.

    Its own word, else the date that its copy gets if ``fixes_dates``, else its last change.
    """
    if taken_at is not None:
        return taken_at
    dated = date_of(path.rpartition("/")[2], mtime_ns, now=now) if fixes_dates else None
    return mtime_ns / NANOSECONDS if dated is None else dated.at


def _changed(mtime_ns: int, latest: datetime) -> datetime | None:
    seconds = mtime_ns // NANOSECONDS
    if not datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp() <= seconds <= latest.timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _dated(moment: datetime, origin: Origin) -> Dated:
    offset = moment.astimezone().utcoffset() or timedelta()
    # EXIF knows no seconds of an offset, as zones had them a century ago
    return Dated(int(moment.timestamp()), int(offset.total_seconds()) // 60 * 60, origin)


def date_in_name(name: str, *, latest: datetime) -> Named | None:
    """The date that a file's name holds; None if it holds none, or an impossible one."""
    stem = name.rpartition("/")[2]
    stem, dot, extension = stem.rpartition(".") if "." in stem else (stem, "", "")
    if not stem or (dot and not extension.isalnum()):
        stem = f"{stem}{dot}{extension}"
    for pattern in PATTERNS:
        for found in pattern.finditer(stem):
            named = _named(found, stem)
            if named is not None and _is_possible(named, latest):
                return named
    return None


def _is_possible(named: Named, latest: datetime) -> bool:
    moment = datetime.combine(named.day, named.time or time(), tzinfo=UTC)
    return named.day.year >= FIRST_YEAR and moment <= latest


def _named(found: re.Match[str], stem: str) -> Named | None:
    parts = found.groupdict()
    if parts.get("epoch"):
        moment = datetime.fromtimestamp(int(parts["epoch"]) // 1000, UTC)
        return Named(moment.date(), moment.time(), is_utc=True)
    try:
        day = date(_year(parts["y"]), int(parts["m"]), int(parts["d"]))
        clock = _clock(parts)
    except ValueError:
        return None
    return Named(day, clock, is_utc=clock is not None and IN_UTC.search(stem) is not None)


def _year(text: str) -> int:
    return int(text) if len(text) == len("2021") else 2000 + int(text)


def _clock(parts: dict[str, str | None]) -> time | None:
    hour, minute, second = parts.get("H"), parts.get("M"), parts.get("S")
    if hour is None or minute is None:
        return None
    hours, half = int(hour), (parts.get("half") or "").lower()
    if half:
        if not 1 <= hours <= 12:  # noqa: PLR2004 - of a clock's face
            raise ValueError(hour)
        hours = hours % 12 + (12 if half == "p" else 0)
    return time(hours, int(minute), int(second or 0))


IN_UTC = re.compile(r"(?i)^PXL_|_iOS(?![a-z])|\dZ(?![a-z0-9])")
"""Pixel phones, OneDrive on iPhones, and ISO's own mark."""

_APPS = (
    "IMG|VID|MVIMG|PANO|BURST|TRIM|SAVE|DSC|PXL|Screenshot|Screenrecord(?:er|ing)?"
    "|Screen_Recording|SVID|Photo|Video|Image|WIN|WP|P|V|C|AUD|STK|PTT|LRM_EXPORT|GIF|Scan|Collage"
)
_START = rf"(?:(?<![0-9A-Za-z])|(?<![0-9A-Za-z])(?:{_APPS}))"
_Y = r"(?P<y>(?:19|20)\d\d)"
_M, _D = r"(?P<m>\d\d)", r"(?P<d>\d\d)"
_DAY = rf"{_Y}(?P<between>[-_. ]?){_M}(?P=between){_D}"
_GLUE = r"(?:(?:,|[-_ ]at)?[-_. T]|)"
_TIME = r"(?P<H>\d\d)(?P<apart>[-_.: h]?)(?P<M>\d\d)(?P=apart)(?P<S>\d\d)"
_END = r"(?![0-9A-Za-z])"
_AM_PM = r"\s?(?P<half>[AaPp])\.?[Mm]\b"

PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(one)
    for one in (
        # of milliseconds since 1970, from apps that are known to write such names
        r"(?i)^(?:FB_IMG|FB_VID|mmexport|wx_camera|IMG|VID)_?(?P<epoch>[67]\d{11}|1\d{12})" + _END,
        r"^(?P<epoch>1[0-9]\d{11})$",  # LINE, and others that write nothing else
        # the clock of macOS in America: Screenshot 2021-01-31 at 1.11.12 PM
        rf"{_START}{_DAY}{_GLUE}(?P<H>\d\d?)[-_.:](?P<M>\d\d)[-_.:](?P<S>\d\d){_AM_PM}",
        # day and time, to the second
        rf"{_START}[-_]?{_DAY}{_GLUE}{_TIME}(?:[-_.]?\d{{3}})?(?:Z?(?![0-9A-Za-z]))",
        # Telegram's export: photo_1@31-01-2021_10-11-12
        rf"@{_D}-{_M}-{_Y}_(?P<H>\d\d)-(?P<M>\d\d)-(?P<S>\d\d){_END}",
        # Dropbox: Photo 31-01-21, 10 11 12
        (
            r"(?i)^(?:Photo|Video) (?P<d>\d\d)-(?P<m>\d\d)-(?P<y>(?:20)?\d\d),? "
            rf"(?P<H>\d\d) (?P<M>\d\d) (?P<S>\d\d){_END}"
        ),
        # Picsart_21-01-31_10-11-12-345, and Nextcloud's 21-01-31 10-11-12 0123
        (
            r"(?i)^(?:Picsart_)?(?P<y>[0-4]\d)-(?P<m>\d\d)-(?P<d>\d\d)[_ ]"
            r"(?P<H>\d\d)-(?P<M>\d\d)-(?P<S>\d\d)(?![0-9A-Za-z])"
        ),
        # XRecorder_31012021_101112
        rf"(?i)^XRecorder_{_D}{_M}{_Y}_(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d){_END}",
        # dash cameras: 2021_0131_101112
        rf"^{_Y}_{_M}{_D}_(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d){_END}",
        # day and minute: Scan 2021-01-31 10.11
        rf"{_START}[-_ ]?{_Y}-{_M}-{_D}{_GLUE}(?P<H>\d\d)[-.:h](?P<M>\d\d)(?![-_.:]?\d){_END}",
        # the day alone; without separators only after the name of an app
        (
            rf"(?<![0-9A-Za-z])(?<![0-9][-_. ]){_Y}(?P<between>[-_.]){_M}(?P=between){_D}"
            r"(?![0-9A-Za-z]|[-.]\d)"
        ),
        rf"(?i)^(?:{_APPS})[-_ ]?{_Y}{_M}{_D}(?=$|[-_ (~]|[-_]WA\d)",
    )
)
