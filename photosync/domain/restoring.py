"""Where an item goes that is put back, and which items are meant."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind
from photosync.domain.naming import CARD_PREFIX, apart, local_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from photosync.domain.states import State

ON_A_PHONE = "Pictures"
"""Where files of watched folders go on a phone: its gallery shows what lies there."""


class TargetKind(StrEnum):
    """What items are put back to."""

    PHONE = "phone"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Target:
    """A phone by its serial number, or an absolute folder.

    ``is_own``: a watched folder whose files go back to their very places.
    """

    kind: TargetKind
    address: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Landed:
    """A file at its target. ``fresh``: it was put there just now, else it lay there already.

    ``mtime_ns``: the time that it has there; not every disk keeps the one that it was given.
    """

    fresh: bool
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Span:
    """Local days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def begins_at(self) -> int:
        """Its first second (UTC)."""
        return _midnight(self.first)

    @property
    def ends_at(self) -> int:
        """The first second after it (UTC)."""
        return _midnight(self.last + timedelta(days=1))


def _midnight(day: date) -> int:
    return int(time.mktime((day.year, day.month, day.day, 0, 0, 0, 0, 0, -1)))


def span_of(text: str) -> Span:
    """``2024-05-01``, or ``2024-05-01..2024-05-31``.

    Raises:
        ValueError: It is neither.
    """
    first, dots, last = text.partition("..")
    span = Span(date.fromisoformat(first), date.fromisoformat(last if dots else first))
    if span.last < span.first:
        text = "the days run backwards"
        raise ValueError(text)
    if not date(1902, 1, 1) <= span.first <= span.last <= date(9000, 1, 1):
        text = "no photo is of that day"
        raise ValueError(text)
    return span


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items: those of these numbers, or all; in one state, of one source, of some days.

    ``folder``: a path relative to the source; "" for all of it.
    """

    ids: tuple[int, ...] | None = None
    state: State | None = None
    source_id: int | None = None
    span: Span | None = None
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Restorable:
    """An item whose content is known, and where it came from."""

    id: int
    kind: SourceKind
    address: str
    label: str
    path: str
    sha256: str
    size_bytes: int


def path_at(item: Restorable, target: Target, tops: Collection[str] = ("",)) -> str:
    """Where ``item`` goes, relative to the target.

    ``tops``: the storages of the phone that it goes to. Another phone has other SD cards: what
    was on a card that it has not goes to the same folders of its internal storage.
    """
    if _is_home(item, target):
        return item.path
    if target.kind is TargetKind.FOLDER:
        return local_path(item.label, item.path)
    if item.kind is SourceKind.FOLDER:
        return f"{ON_A_PHONE}/{local_path(item.label, item.path)}"
    top, _, below = item.path.partition("/")
    if top.startswith(CARD_PREFIX) and top not in tops:
        return below
    return item.path


def _is_home(item: Restorable, target: Target) -> bool:
    """Whether the item came from there, and goes back to where it was."""
    is_phone = target.kind is TargetKind.PHONE and item.kind is SourceKind.PHONE
    return (target.is_own or is_phone) and item.address == target.address


def plan(
    items: Iterable[Restorable], target: Target, tops: Collection[str] = ("",)
) -> Iterator[tuple[Restorable, str]]:
    """Each item with its path at the target; two that are not the same never get one path.

    Names that differ only in case are one to a phone, and to some disks.
    """
    taken: dict[str, str] = {}
    for item in items:
        path = path_at(item, target, tops)
        number = item.id
        while taken.setdefault(path.casefold(), item.sha256) != item.sha256:
            if _is_home(item, target):  # it has this one place: what lies there is not overwritten
                break
            path = apart(path_at(item, target, tops), number)
            number += 1
        yield item, path
