"""Dead-man rules: what has not happened for days. Silence is how backups die."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_SECONDS = 86_400

CODES = frozenset({"phone_unseen", "nothing_new", "nothing_done"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Days of silence that are too many; None: no rule."""

    phone_unseen: int | None
    nothing_new: int | None
    nothing_done: int | None


@dataclass(frozen=True, slots=True)
class LastSigns:
    """When what last happened, in seconds UTC; None: never.

    ``phones``: those that are away, as (serial number, label, when it was last there).
    ``waits_since``: since when something waits that could be sent, and nothing was finished.
    """

    phones: tuple[tuple[str, str, int | None], ...]
    found_at: int | None
    waits_since: int | None
    waiting: int
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """One of them, with what may be done. ``since``: when the rule began to hold."""

    code: str
    subject: str
    message: str
    hint: str
    since: int


def silences(limits: Limits, last: LastSigns, *, now: int) -> Iterator[Silence]:
    """What has been silent for too long by ``now``, in seconds UTC."""
    for serial, label, seen_at in last.phones:
        days = _too_long(limits.phone_unseen, seen_at, now)
        if days is not None:
            yield Silence(
                "phone_unseen",
                serial,
                f"The phone {label} was not here for {_days(days)}.",
                "Plug it in. If it is gone for good, name the others in phone.serials.",
                _since(limits.phone_unseen, seen_at),
            )
    days = _too_long(limits.nothing_new, last.found_at, now)
    if days is not None:
        yield Silence(
            "nothing_new",
            "",
            f"No new photo was found for {_days(days)}.",
            "See that the phone is plugged in now and then, and that what fills the folders runs.",
            _since(limits.nothing_new, last.found_at),
        )
    days = _too_long(limits.nothing_done, last.waits_since, now)
    if days is not None:
        photos = "1 photo waits" if last.waiting == 1 else f"{last.waiting:,} photos wait"
        paused = ": photosync is paused" if last.is_paused else ""
        yield Silence(
            "nothing_done",
            "",
            f"{photos}, and none reached the library for {_days(days)}{paused}.",
            "photosync resume" if last.is_paused else "See what is in the way: photosync doctor",
            _since(limits.nothing_done, last.waits_since),
        )


def _too_long(limit_days: int | None, at: int | None, now: int) -> int | None:
    """The whole days since ``at`` if they reach the limit."""
    if limit_days is None or at is None:
        return None
    days = (now - at) // DAY_SECONDS
    return days if days >= limit_days else None


def _since(limit_days: int | None, at: int | None) -> int:
    return (at or 0) + (limit_days or 0) * DAY_SECONDS


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days:,} days"
