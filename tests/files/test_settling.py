"""Whether somebody still writes to a file: real writers, real leases, clocks that a test sets."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from photosync.files.folder import Entry, Folder
from photosync.files.settling import (
    CLOSED_SECONDS,
    LOOK_AGAIN_SECONDS,
    OPEN_SECONDS,
    QUIET_SECONDS,
    UNKNOWN_SECONDS,
    Writer,
    writer_of,
)
from tests.files.conftest import Clock, the_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.files.conftest import AsNobody

WRITER = """
import os, sys
descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
print("open", flush=True)
for line in sys.stdin:
    if line == "write\\n":
        os.write(descriptor, b"x" * 1000)
    elif line == "keep times\\n":
        os.utime(descriptor, (1, 1))
    elif line == "close\\n":
        os.close(descriptor)
    print("done", flush=True)
"""


class SlowWriter:
    """A program that writes to a file step by step, as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, step: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def writing(file: Path) -> Iterator[SlowWriter]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, os.fspath(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield SlowWriter(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.fixture
def clock() -> Clock:
    """The computer's clock; a test sets it beside the times that the kernel gives files."""
    return Clock(0.0)


@pytest.fixture
def monotonic() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def folder(root: Path, clock: Clock, monotonic: Clock) -> Folder:
    return Folder(root, clock=clock, monotonic=monotonic)


@pytest.fixture
def passing(clock: Clock, monotonic: Clock) -> Callable[[float], None]:
    def pass_by(seconds: float) -> None:
        clock.pass_by(seconds)
        monotonic.pass_by(seconds)

    return pass_by


def changed_at(entry: Entry) -> float:
    return max(entry.mtime_ns, entry.ctime_ns) / 1e9


def test_a_slow_writer_is_waited_for_until_it_closes(
    root: Path, folder: Folder, clock: Clock, passing: Callable[[float], None]
) -> None:
    with writing(root / "a.jpg") as writer:
        writer.do("write")
        entry = the_entry(folder, "a.jpg")
        clock.at = changed_at(entry)
        for _ in range(5):
            passing(60.0)  # a pause in writing is not its end
            assert folder.settled_in(entry) == LOOK_AGAIN_SECONDS
            assert folder.settled_in(entry, closed=True) == LOOK_AGAIN_SECONDS
        writer.do("write")
        entry = the_entry(folder, "a.jpg")
        clock.at = changed_at(entry)
        writer.do("close")
        assert folder.settled_in(entry) == pytest.approx(QUIET_SECONDS, abs=1e-3)
        assert folder.settled_in(entry, closed=True) == pytest.approx(CLOSED_SECONDS, abs=1e-3)
        passing(CLOSED_SECONDS + 0.01)
        assert folder.settled_in(entry) == pytest.approx(1.49, abs=1e-3)
        assert folder.settled_in(entry, closed=True) == 0.0
        passing(QUIET_SECONDS)
        assert folder.settled_in(entry) == 0.0


def test_a_writer_that_sets_the_time_back_is_seen_by_the_change_time(
    root: Path, folder: Folder, clock: Clock
) -> None:
    with writing(root / "a.jpg") as writer:
        writer.do("write")
        writer.do("keep times")  # cp -p, rsync -t, tar
        writer.do("close")
    entry = the_entry(folder, "a.jpg")
    assert entry.mtime_ns == 1_000_000_000
    clock.at = entry.ctime_ns / 1e9 + 0.5
    assert folder.settled_in(entry) == pytest.approx(1.5, abs=1e-3)


def test_a_program_that_holds_a_file_open_for_ever_is_given_ten_minutes(
    root: Path, folder: Folder, clock: Clock, passing: Callable[[float], None]
) -> None:
    with writing(root / "a.jpg") as writer:
        writer.do("write")
        entry = the_entry(folder, "a.jpg")
        clock.at = changed_at(entry)
        assert folder.settled_in(entry) > 0
        passing(OPEN_SECONDS - 1)
        assert folder.settled_in(entry) > 0
        writer.do("write")
        entry = the_entry(folder, "a.jpg")
        assert folder.settled_in(entry) > 0  # it wrote: they begin anew
        passing(OPEN_SECONDS - 1)
        assert folder.settled_in(entry) > 0
        passing(1.0)
        assert folder.settled_in(entry) == 0.0


def test_a_clock_that_jumps_does_not_end_the_wait_for_a_writer(
    root: Path, folder: Folder, clock: Clock
) -> None:
    with writing(root / "a.jpg") as writer:
        writer.do("write")
        entry = the_entry(folder, "a.jpg")
        clock.at = changed_at(entry)
        assert folder.settled_in(entry) > 0
        clock.pass_by(365 * 86400.0)  # a Raspberry Pi hears of the time
        assert folder.settled_in(entry) > 0


def test_an_old_file_is_taken_at_once(root: Path, folder: Folder, clock: Clock) -> None:
    write(root / "a.jpg")
    entry = the_entry(folder, "a.jpg")
    clock.at = changed_at(entry) + 3600
    assert folder.settled_in(entry) == 0.0


@pytest.mark.parametrize("ahead_seconds", [1.0, 86400.0, 1e9])
def test_times_in_the_future_are_not_waited_for(
    root: Path, clock: Clock, monotonic: Clock, folder: Folder, ahead_seconds: float
) -> None:
    write(root / "a.jpg")
    found = (root / "a.jpg").stat()
    ahead_ns = found.st_mtime_ns + int(ahead_seconds * 1e9)
    entry = Entry("a.jpg", found.st_size, ahead_ns, found.st_ctime_ns)
    clock.at = found.st_mtime
    assert folder.settled_in(entry) == pytest.approx(QUIET_SECONDS)
    monotonic.pass_by(QUIET_SECONDS)
    assert folder.settled_in(entry) == 0.0


def test_each_change_begins_the_wait_anew(
    root: Path, folder: Folder, clock: Clock, monotonic: Clock
) -> None:
    write(root / "a.jpg")
    found = (root / "a.jpg").stat()
    clock.at = 0.0  # all times lie in the future
    for change in range(3):
        entry = Entry("a.jpg", found.st_size + change, found.st_mtime_ns, found.st_ctime_ns)
        assert folder.settled_in(entry) == pytest.approx(QUIET_SECONDS)
        monotonic.pass_by(1.5)
        assert folder.settled_in(entry) == pytest.approx(0.5)
    for times in ((1, 0), (0, 1)):
        again = Entry("a.jpg", 1, found.st_mtime_ns + times[0], found.st_ctime_ns + times[1])
        assert folder.settled_in(again) == pytest.approx(QUIET_SECONDS)


def test_a_file_of_another_user_gives_no_lease_and_has_to_be_quiet_for_longer(
    shared: Path, as_nobody: AsNobody, clock: Clock, monotonic: Clock
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a file of another user")
    write(shared / "a.jpg")
    folder = Folder(shared, clock=clock, monotonic=monotonic)
    with as_nobody():
        entry = the_entry(folder, "a.jpg")
        clock.at = changed_at(entry)
        with (shared / "a.jpg").open("rb") as file:
            assert writer_of(file.fileno()) is Writer.UNKNOWN
        for closed in (False, True):
            assert folder.settled_in(entry, closed=closed) == pytest.approx(UNKNOWN_SECONDS)
        monotonic.pass_by(UNKNOWN_SECONDS - 1)
        assert folder.settled_in(entry) == pytest.approx(1.0)
        monotonic.pass_by(1.0)
        assert folder.settled_in(entry) == 0.0


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOLCK, errno.EACCES, errno.ENOSYS])
def test_a_file_system_without_leases_leaves_it_open(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fcntl_of_a_network_disk(*_: object) -> int:
        """No such disk is at hand: answer like one."""
        raise OSError(number, os.strerror(number))

    with write(root / "a.jpg").open("rb") as file:
        monkeypatch.setattr(fcntl, "fcntl", fcntl_of_a_network_disk)
        assert writer_of(file.fileno()) is Writer.UNKNOWN


def test_readers_do_not_count_and_the_lease_is_given_back(root: Path) -> None:
    file = write(root / "a.jpg")
    with file.open("rb") as reading, file.open("rb"):
        assert writer_of(reading.fileno()) is Writer.NONE
        assert fcntl.fcntl(reading.fileno(), fcntl.F_GETLEASE) == fcntl.F_UNLCK
        with file.open("ab"):
            assert writer_of(reading.fileno()) is Writer.OPEN
        assert writer_of(reading.fileno()) is Writer.NONE


def test_a_writer_is_not_held_up_by_our_asking(root: Path) -> None:
    file = write(root / "a.jpg")
    with file.open("rb") as reading:
        for _ in range(100):
            assert writer_of(reading.fileno()) is Writer.NONE
            os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK))  # would fail if a lease were left


def test_a_file_that_vanished_meanwhile_is_looked_for_again(root: Path, folder: Folder) -> None:
    file = write(root / "a.jpg")
    entry = the_entry(folder, "a.jpg")
    file.unlink()
    assert folder.settled_in(entry) == LOOK_AGAIN_SECONDS
