"""What the daemon holds, second by second: memory, descriptors, threads, write-ahead log."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from tests.bench.measuring import holds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PAUSE_SECONDS = 1.0
WARM_SECONDS = 20.0
"""What a fresh process takes in hand meanwhile, it takes once."""

LONG_ENOUGH = 300.0
"""A stretch that is shorter tells nothing of growth."""

MORE_MEMORY, MORE_FILES, MORE_THREADS = 1.25, 10, 5
"""What the end of a long stretch may hold beyond its beginning; work comes and goes in between."""

PARTS = 6


@dataclass(frozen=True)
class Sample:
    """``at``: seconds since the soak began; ``age``: since this process did; ``items``: in the
    library by then."""

    at: float
    age: float
    memory_mb: float
    files: int
    threads: int
    wal_mb: float
    items: int
    process: int


@dataclass
class Meter:
    """Looks each second at the process that it is told to watch."""

    state: Path
    items: Callable[[], int]
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._born = 0.0
        self._pid: int | None = None
        self._lives = 0
        self._lock = Lock()
        self._ended = Event()
        Thread(target=self._go, name="meter", daemon=True).start()

    def watch(self, pid: int | None) -> None:
        """This process from now on; None: none."""
        with self._lock:
            self._pid, self._born = pid, time.monotonic()
            self._lives += pid is not None

    def end(self) -> None:
        """No more samples."""
        self._ended.set()

    @property
    def lives(self) -> int:
        """How many processes were watched."""
        return self._lives

    def _go(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            with self._lock, suppress(OSError, IndexError):  # it is just dying
                self._look()

    def _look(self) -> None:
        if self._pid is None:
            return
        memory, files, threads = holds_of(self._pid)
        now = time.monotonic()
        self.samples.append(
            Sample(
                at=round(now - self._began, 1),
                age=round(now - self._born, 1),
                memory_mb=round(memory, 1),
                files=files,
                threads=threads,
                wal_mb=round(self._wal_bytes() / 1e6, 2),
                items=self.items(),
                process=self._lives,
            )
        )

    def _wal_bytes(self) -> int:
        return (self.state / "photosync.db-wal").stat().st_size

    def life(self, number: int) -> list[Sample]:
        """Of the process with that number, from 1 on."""
        return [one for one in self.samples if one.process == number]

    def to_json(self) -> list[dict[str, Any]]:
        """All samples."""
        return [asdict(one) for one in self.samples]


def middle(samples: Sequence[Sample]) -> Sample:
    """The medians, at the time of the sample in the middle."""
    one = samples[len(samples) // 2]
    return Sample(
        at=one.at,
        age=one.age,
        memory_mb=round(statistics.median(each.memory_mb for each in samples), 1),
        files=round(statistics.median(each.files for each in samples)),
        threads=round(statistics.median(each.threads for each in samples)),
        wal_mb=round(statistics.median(each.wal_mb for each in samples), 2),
        items=one.items,
        process=one.process,
    )


def parts(life: Sequence[Sample]) -> list[Sample]:
    """The medians of equal parts of a life, but for its first seconds."""
    warm = [one for one in life if one.age >= WARM_SECONDS]
    if len(warm) < PARTS:
        return []
    cuts = [len(warm) * number // PARTS for number in range(PARTS + 1)]
    return [middle(warm[low:high]) for low, high in pairwise(cuts)]


def growth(life: Sequence[Sample]) -> list[str]:
    """What grew that should not have, in a process that lived long."""
    found = parts(life)
    if not found or life[-1].age < LONG_ENOUGH:
        return []
    first, last = found[0], found[-1]
    wrong = []
    if last.memory_mb > first.memory_mb * MORE_MEMORY:
        wrong.append(f"memory grew from {first.memory_mb} to {last.memory_mb} MB")
    if last.files > first.files + MORE_FILES:
        wrong.append(f"open files grew from {first.files} to {last.files}")
    if last.threads > first.threads + MORE_THREADS:
        wrong.append(f"threads grew from {first.threads} to {last.threads}")
    return wrong


def table(rows: Sequence[tuple[str, Sample]]) -> str:
    """One line for each."""
    head = f"{'':<34}{'age s':>8}{'items':>8}{'MB':>8}{'files':>7}{'threads':>9}{'WAL MB':>8}"
    lines = [
        f"{name:<34}{one.age:>8.0f}{one.items:>8}{one.memory_mb:>8.1f}{one.files:>7}"
        f"{one.threads:>9}{one.wal_mb:>8.2f}"
        for name, one in rows
    ]
    return "\n".join([head, *lines])
