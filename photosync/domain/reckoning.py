"""Adds up where everything lies: by source, folder and month, and what lies in one place only.

What it holds grows with the folders and months that there are, not with the items.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from photosync.domain.media import NANOSECONDS
from photosync.domain.places import DANGER, Place, Standing, is_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from photosync.domain.states import State

Key = TypeVar("Key")
Marks = tuple[bool, bool, bool, bool, bool, bool, bool]
"""In its source, mirror, backup, library; taken as uploaded; in one place; in none."""

NO_MONTH = ""
"""The month of a file whose time no calendar has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One item to show. ``path`` is that on its source; ``mirror_path`` that of its copy."""

    id: int
    source_id: int
    path: str
    size_bytes: int
    mtime_ns: int
    mirror_path: str | None
    is_at_source: bool


@dataclass(slots=True)
class Sum:
    """How much of something there is, and in how many of the places it lies."""

    items: int = 0
    size_bytes: int = 0
    in_source: int = 0
    in_mirror: int = 0
    in_backup: int = 0
    in_library: int = 0
    assumed: int = 0
    in_one_place: int = 0
    nowhere: int = 0
    newest: list[Sample] = field(default_factory=list)

    def add(self, marks: Marks, size_bytes: int) -> None:
        """One more item."""
        self.items += 1
        self.size_bytes += size_bytes
        self.in_source += marks[0]
        self.in_mirror += marks[1]
        self.in_backup += marks[2]
        self.in_library += marks[3]
        self.assumed += marks[4]
        self.in_one_place += marks[5]
        self.nowhere += marks[6]


def marks_of(standing: Standing) -> Marks:
    """What an item that stands so adds to each of the numbers of ``Sum``."""
    held = (standing.at_source, standing.in_mirror, standing.in_backup, standing.in_library)
    places = sum(held)
    return (*held, standing.is_assumed, places == 1, places == 0)


@dataclass(slots=True)
class Heap:
    """All items that stand alike."""

    standing: Standing
    marks: Marks
    items: int = 0
    size_bytes: int = 0
    samples: list[Sample] = field(default_factory=list)


class Reckoning:
    """Told of each item once, the newest first.

    ``samples``: so many of those that stand alike are kept to be shown; ``newest``: so many of
    each of the first ``groups`` folders.
    """

    def __init__(self, *, samples: int = 5, newest: int = 0, groups: int = 0) -> None:
        self._samples = samples
        self._newest = newest
        self._groups = groups
        self._heaps: dict[Standing, Heap] = {}
        self.states: Counter[State] = Counter()
        self.folders: dict[tuple[int, str], Sum] = {}
        self.months: dict[tuple[int, str], Sum] = {}

    def add(self, standing: Standing, sample: Sample, *, month: str) -> None:
        """One more item."""
        heap = self._heaps.get(standing)
        if heap is None:
            heap = self._heaps[standing] = Heap(standing, marks_of(standing))
        heap.items += 1
        heap.size_bytes += sample.size_bytes
        if len(heap.samples) < self._samples:
            heap.samples.append(sample)
        self.states[standing.state] += 1
        source, folder = sample.source_id, sample.path.rpartition("/")[0]
        _sum(self.months, (source, month)).add(heap.marks, sample.size_bytes)
        of_folder = _sum(self.folders, (source, folder))
        of_folder.add(heap.marks, sample.size_bytes)
        if len(of_folder.newest) < self._newest and len(self.folders) <= self._groups:
            of_folder.newest.append(sample)

    def of_source(self, number: int) -> Sum:
        """All of one source."""
        return total(one for (source, _), one in self.months.items() if source == number)

    def in_all(self) -> Sum:
        """All there is."""
        return total(self.months.values())

    def in_one_place(self) -> list[Heap]:
        """What lies in one place only: the most endangered first, then the largest."""
        alone = self._of(lambda one: len(one.places) == 1)
        return sorted(alone, key=lambda heap: (DANGER.index(heap.standing.places[0]), -heap.items))

    def nowhere(self) -> list[Heap]:
        """What lies in no place that is known of."""
        return self._of(lambda one: not one.places)

    def stopped(self) -> list[Heap]:
        """What does not go to the library by itself, but for versions of files that are past.

        A heap for each reason, wherever it lies.
        """
        found: dict[tuple[State, str], Heap] = {}
        for heap in self._of(lambda one: is_stopped(one) and not one.is_past):
            key = (heap.standing.fate, heap.standing.fate_code)
            whole = found.setdefault(key, Heap(heap.standing, heap.marks))
            whole.items += heap.items
            whole.size_bytes += heap.size_bytes
            whole.samples += heap.samples[: self._samples - len(whole.samples)]
        return sorted(found.values(), key=lambda heap: -heap.items)

    def counted(self, place: Place) -> int:
        """How many items lie in a place."""
        heaps = self._heaps.values()
        return sum(heap.items for heap in heaps if place in heap.standing.places)

    def _of(self, wanted: Callable[[Standing], bool]) -> list[Heap]:
        found = [heap for heap in self._heaps.values() if wanted(heap.standing)]
        return sorted(found, key=lambda heap: -heap.items)


def month_of(taken_at: int | None, mtime_ns: int) -> str:
    """The month in local time, "2024-05": when it was taken if that is known, else its file's."""
    try:
        found = time.localtime(mtime_ns // NANOSECONDS if taken_at is None else taken_at)
    except (OverflowError, ValueError, OSError):
        return NO_MONTH
    return f"{found.tm_year:04}-{found.tm_mon:02}"


def total(sums: Iterable[Sum]) -> Sum:
    """All of them as one."""
    whole = Sum()
    for one in sums:
        for name in COUNTED:
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return whole


COUNTED = (
    *("items", "size_bytes", "in_source", "in_mirror", "in_backup", "in_library"),
    *("assumed", "in_one_place", "nowhere"),
)


def _sum(sums: dict[Key, Sum], key: Key) -> Sum:
    found = sums.get(key)
    if found is None:
        found = sums[key] = Sum()
    return found
