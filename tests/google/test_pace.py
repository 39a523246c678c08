"""The pace of all uploads together, by a clock of the test's own: nobody sleeps."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import OutsideHours, Stopping
from photosync.google.pace import BURST_SECONDS, Pace
from tests.google.conftest import QUARTER, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.google.ports import UploadFile
    from tests.google.conftest import Google


class Clock:
    """A stop event that nobody sets, whose waits make the time pass."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.waits: list[float] = []
        self._lock = Lock()

    def __call__(self) -> float:
        return self.at

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        with self._lock:
            self.waits.append(timeout)
            self.at += timeout
        return False


@given(
    rate=st.integers(1024, 100 << 20),
    blocks=st.lists(st.integers(1, 256 * 1024), min_size=1, max_size=200),
)
def test_however_it_is_cut_the_rate_holds(rate: int, blocks: list[int]) -> None:
    clock = Clock()
    pace = Pace(rate, halt=clock, monotonic=clock)
    for block in blocks:
        pace.take(block)
    passed = clock.at - 1000.0
    due = sum(blocks) / rate
    assert due - BURST_SECONDS - 1e-6 <= passed <= due + 1e-6


def test_over_some_seconds_it_is_within_a_tenth() -> None:
    clock = Clock()
    pace = Pace(1 << 20, halt=clock, monotonic=clock)
    sent = 0
    while clock.at < 1005.0:
        block = pace.block(256 * 1024)
        pace.take(block)
        sent += block
    assert sent / (clock.at - 1000.0) == pytest.approx(1 << 20, rel=0.1)


def test_the_workers_share_it() -> None:
    """Real threads; each block takes its place in the line at once, and the waits tell it."""
    clock = Clock()
    frozen = Event()
    waits: list[float] = []
    lock = Lock()

    class Halt(Clock):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            with lock:
                waits.append(timeout)
            return frozen.is_set()

    pace = Pace(1000, halt=Halt(), monotonic=clock)

    def work() -> None:
        for _ in range(5):
            pace.take(100)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # twenty blocks of a tenth of a second each, in one line, less what may be made up for
    assert max(waits) == pytest.approx(2.0 - BURST_SECONDS)
    assert len(set(waits)) == len(waits)


def test_a_pause_is_not_made_up_for() -> None:
    clock = Clock()
    pace = Pace(1000, halt=clock, monotonic=clock)
    pace.take(1000)
    clock.at += 3600
    before = clock.at
    pace.take(1000)
    assert clock.at - before == pytest.approx(1.0 - BURST_SECONDS)


@pytest.mark.parametrize(
    ("rate", "block"), [(0, 1 << 20), (1024, 1024), (80_000, 10_000), (1 << 30, 256 * 1024)]
)
def test_blocks_are_a_part_of_a_second(rate: int, block: int) -> None:
    assert Pace(rate, halt=Clock()).block(1 << 20) == block
    assert Pace(rate, halt=Clock()).block(10) == 10


def test_without_a_limit_nobody_waits() -> None:
    clock = Clock()
    Pace(0, halt=clock, monotonic=clock).take(1 << 40)
    assert clock.waits == []


def test_a_stop_ends_the_wait() -> None:
    halt = Event()
    halt.set()
    with pytest.raises(Stopping):
        Pace(1000, halt=halt).take(1_000_000)


@pytest.mark.parametrize("size", [1000, 3 * QUARTER])
def test_uploads_keep_to_it(
    google: Google, make_file: Callable[..., UploadFile], size: int
) -> None:
    clock = Clock()
    pace = Pace(100_000, halt=clock, monotonic=clock)
    library = google.connect(pace=pace).library
    library.upload(make_file(b"\xff\xd8\xff" + bytes(size - 3)), nothing)
    assert clock.at - 1000.0 == pytest.approx(size / 100_000 - BURST_SECONDS, abs=1e-6) or (
        size / 100_000 < BURST_SECONDS and clock.at == 1000.0
    )


def test_the_end_of_the_hours_stops_between_two_pieces(
    google: Google, make_file: Callable[..., UploadFile]
) -> None:
    asked: list[int] = []

    def may_go_on() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise OutsideHours("Uploads resume at 01:00 (upload.hours).")

    file = make_file(b"\xff\xd8\xff" + bytes(4 * QUARTER))
    with pytest.raises(OutsideHours):
        google.connect(may_go_on=may_go_on).library.upload(file, nothing)
    assert google.emulator.requests.count("upload.chunk") == 2
    google.emulator.requests.clear()
    assert google.connect(may_go_on=may_go_on).library.upload(file, nothing)
    assert google.emulator.requests.count("upload.start") == 0, "it goes on where it stopped"
    assert google.emulator.requests.count("upload.chunk") == 3
