"""What pages say: states, sizes, times and what happens now, in words of people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from photosync.domain.media import in_units
from photosync.domain.states import READY_STATES, State
from photosync.errors import NO_PHOTO_HINT, EmptyFile, NotMedia

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

STATES: dict[str, tuple[str, str]] = {
    State.HELD: ("Waits for you", "hand"),
    State.FOUND: ("Found", "clock"),
    State.MIRRORED: ("Waits for upload", "clock"),
    State.UPLOADED: ("Sent", "up"),
    State.DONE: ("In the library", "check"),
    State.DUPLICATE: ("Same as another", "twins"),
    State.SKIPPED: ("Left out", "minus"),
    State.FAILED: ("Failed", "cross"),
}
"""Each state in words, and its sign."""

HISTORY = {
    None: "Found",
    State.HELD: "Held for your choice",
    State.FOUND: "To be read and copied",
    State.MIRRORED: "Read and checked",
    State.UPLOADED: "Sent to Google",
    State.DONE: "In the library",
    State.DUPLICATE: "The same bytes are another item's",
    State.SKIPPED: "Left out",
    State.FAILED: "Failed",
}
BECAUSE = {"by_user": "by you", "not_media": "no photo or video"}
"""Reasons in the history that need other words than their code."""
NO_PHOTOS = frozenset({EmptyFile.code, NotMedia.code})
"""Failures that no other try can help."""
NOT_SAFE = {
    "waiting": "to go",
    "failed": "failed",
    "held": "for you to choose",
    "skipped": "left out",
}
"""What keeps a source from being all safe, the most pressing first."""
BUTTONS = (
    ("Sign in: photosync auth", ""),
    (": photosync auth", "."),
    (", then: photosync auth", ", then sign in."),
    ("After mending it: photosync retry --all", "Once it is mended, try again."),
    (
        "if it is not there: photosync retry ITEM, else skip it.",
        "try again only if it is not there.",
    ),
    (NO_PHOTO_HINT, "Leave it out; once it is mended, it is taken by itself."),
    ("Decide about them: photosync folders", ""),
    (", or at once: photosync resume", "."),
)
"""How a hint ends that names a command, and how beside a button that does the same."""
SIGN_IN_HERE = re.compile(r"Sign in at \S+, or: photosync auth")
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Headline:
    """What happens now. ``tone``: good, busy, rest or alarm; ``detail`` may be ""."""

    tone: str
    title: str
    detail: str


def headline(status: Mapping[str, Any]) -> Headline:
    """One line that a person understands."""
    state, items = status["daemon"]["state"], status["items"]
    waiting = sum(items[one] for one in READY_STATES)
    if state == "paused":
        return Headline("rest", "Paused", status["paused"] or f"{things(waiting)} wait.")
    needed = [one for one in status["problems"] if one["needs_user"]]
    if needed:
        return Headline("alarm", "photosync needs you", needed[0]["message"])
    if state == "waiting":
        resting = status["problems"]
        return Headline("rest", "Waiting", resting[0]["message"] if resting else "")
    if state in ("working", "blocked"):
        return Headline("busy", *_busy(status, waiting))
    return _quiet(status)


def can_try_again(status: Mapping[str, Any]) -> bool:
    """Whether another try may help any of what failed."""
    return any(one["code"] not in NO_PHOTOS for one in status["failed"])


def how_safe(source: Mapping[str, Any]) -> str:
    """What is still to do for what came from a source; all of it safe only if nothing is."""
    for name, words in NOT_SAFE.items():
        if source[name]:
            return f"{source[name]:,} {words}"
    return "all safe" if source["items"] else "nothing yet"


def _busy(status: Mapping[str, Any], waiting: int) -> tuple[str, str]:
    size_bytes = status["bytes"]["waiting"]  # none once they only wait to be put into the library
    sizes = f"{things(waiting)} to go{f', {in_units(size_bytes)}' if size_bytes else ''}"
    if status["uploads"]:
        return "Uploading", sizes
    if status["copies"]:
        return "Copying from your phone", sizes
    return "Working", sizes


def _quiet(status: Mapping[str, Any]) -> Headline:
    items = status["items"]
    waiting = sum(items[one] for one in READY_STATES)
    if items["failed"] and not waiting:
        cure = "See why, and try again." if can_try_again(status) else "See why."
        return Headline("alarm", f"{things(items['failed'])} failed", cure)
    if items["held"] and not waiting:
        wait = "waits" if items["held"] == 1 else "wait"
        return Headline("rest", f"{things(items['held'])} {wait} for your choice", "")
    if waiting:
        return Headline("rest", f"{things(waiting)} to go", "What they need is not there now.")
    if not items["total"]:
        return Headline("good", "Nothing found yet", "photosync watches your folders and phones.")
    return Headline("good", "Everything is in the library", "")


def because(code: str) -> str:
    """A reason in an item's history."""
    return BECAUSE.get(code) or code.replace("_", " ")


def things(count: int) -> str:
    """So many photos and videos."""
    return f"{count:,} {'photo or video' if count == 1 else 'photos and videos'}"


def plural(count: int, one: str, many: str) -> str:
    """The number with the word that fits it."""
    return f"{count:,} {one if count == 1 else many}"


def lasts(seconds: float | None) -> str:
    """About how long: ``about 5 minutes``; "" if nobody knows."""
    if seconds is None:
        return ""
    if seconds < MINUTE:
        return "less than a minute"
    if seconds < HOUR:
        return f"about {plural(round(seconds / MINUTE), 'minute', 'minutes')}"
    if seconds < 2 * DAY:
        return f"about {plural(round(seconds / HOUR), 'hour', 'hours')}"
    return f"about {plural(round(seconds / DAY), 'day', 'days')}"


def moment(at: float | str | None) -> datetime | None:
    """A time of the status document, or seconds UTC, in local time; None if there is none."""
    if at is None or at == "":
        return None
    try:
        if isinstance(at, str):
            return datetime.fromisoformat(at).astimezone()
        return datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError):  # a file from the year 300,000,000,000
        return None


def when(at: float | str | None) -> str:
    """``today, 14:05``, ``30 Nov 2026, 14:05``; "" if there is none."""
    found = moment(at)
    if found is None:
        return ""
    return f"{_short_day(found.date())}, {found:%H:%M}"


def _short_day(day: date) -> str:
    today = datetime.now().astimezone().date()
    if day == today:
        return "today"
    if day == today - timedelta(days=1):
        return "yesterday"
    if day == today + timedelta(days=1):
        return "tomorrow"
    return f"{day.day} {day:%b %Y}"


def day_of(at: float) -> str:
    """The day of local time as ``2026-11-30``."""
    found = moment(at)
    return "" if found is None else found.strftime("%Y-%m-%d")


def day_words(day: str) -> str:
    """``Monday, 30 November 2026``, for the heading of a day."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return "At no known time"
    return f"{found:%A}, {found.day} {found:%B %Y}"


def by_button(text: str) -> str:
    """A hint for a terminal in words that fit the button beside it; "" if that says all."""
    if SIGN_IN_HERE.fullmatch(text):
        return ""
    for command, click in sorted(BUTTONS, key=lambda one: -len(one[0])):
        if text.endswith(command):
            return (text.removesuffix(command) + click).strip()
    return text


def size(size_bytes: float) -> str:
    """``3.1 MiB``."""
    return in_units(size_bytes)


def restored(told: Mapping[str, Any]) -> str:
    """What came of putting items back, in a sentence; "" if nobody knows yet."""
    there, missing = told.get("there", 0), told.get("not_there", 0)
    parts = []
    if there:
        parts.append(f"{things(there)} {'is' if there == 1 else 'are'} there now.")
    if missing:
        parts.append(f"{things(missing)} could not be put there.")
    if not parts and "there" in told and not told.get("error"):
        parts.append("There was nothing to put there.")
    return " ".join(parts)


def rate(bytes_per_second: float) -> str:
    """``3.1 MiB/s``; "" if nothing goes."""
    return f"{in_units(bytes_per_second)}/s" if bytes_per_second else ""
