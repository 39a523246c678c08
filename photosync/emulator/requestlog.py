"""What was asked of the emulator, for assertions about a client's manners."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """One request. Times are the emulator's clock, seconds; ``status`` 0 means no answer."""

    kind: str
    method: str
    path: str
    began_at: float
    user: str = ""
    status: int = 0
    ended_at: float | None = None
    bytes: int = 0
    summary: dict[str, Any] = field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        """The record as JSON."""
        return asdict(self)


class RequestLog:
    """The last ``limit`` requests, and counts of all. Safe between threads."""

    def __init__(self, limit: int = 100_000) -> None:
        self._lock = threading.Lock()
        self._records: deque[Record] = deque(maxlen=limit)
        self._counts: Counter[str] = Counter()
        self._writing: Counter[str] = Counter()
        self._overlaps = 0

    def begin(self, record: Record) -> None:
        """A request has arrived."""
        with self._lock:
            self._records.append(record)
            self._counts[record.kind] += 1

    def begin_write(self, user: str) -> int:
        """A write of ``user`` has arrived; how many of theirs are under way besides."""
        with self._lock:
            others = self._writing[user]
            self._writing[user] += 1
            self._overlaps += others > 0
            return others

    def end_write(self, user: str) -> None:
        """The write is over, answered or not."""
        with self._lock:
            self._writing[user] -= 1

    def all(self) -> list[Record]:
        """The requests in the order they arrived, as far back as the limit."""
        with self._lock:
            return list(self._records)

    def count(self, kind: str | None = None) -> int:
        """How many requests of ``kind`` (of every kind) arrived since the start or a clear."""
        with self._lock:
            return self._counts.total() if kind is None else self._counts[kind]

    def counts(self) -> dict[str, int]:
        """The counts by kind."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Forget records and counts; writes under way stay known."""
        with self._lock:
            self._records.clear()
            self._counts.clear()
            self._overlaps = 0

    def is_writing(self) -> bool:
        """Whether a write is under way, be its client still there or not."""
        with self._lock:
            return self._writing.total() > 0

    def overlapping_writes(self) -> int:
        """How many writes arrived while another one of the same user was under way."""
        with self._lock:
            return self._overlaps
