"""Real leases on real files, and what is made of them where they do not work."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Entry
from photosync.files import settling
from photosync.files.settling import (
    FORGOTTEN_SECONDS,
    QUIET_SECONDS,
    UNKNOWN_SECONDS,
    Settling,
    Writer,
    filesystem_number,
    writer_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000
FUTURE_NS = (NOW + 86_400) * 1_000_000_000


class Clock:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "a.jpg"
    made.write_bytes(b"\xff\xd8\xff")
    return made


@pytest.fixture
def descriptor(file: Path) -> Iterator[int]:
    opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    yield opened
    os.close(opened)


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
def settle(clock: Clock) -> Settling:
    return Settling(clock=lambda: NOW, monotonic=clock)


def from_the_future(name: str, size_bytes: int = 3) -> Entry:
    """A file whose own times tell nothing, so that only our own clock counts."""
    return Entry(name, size_bytes, FUTURE_NS, FUTURE_NS)


def refuse_leases(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refused(_descriptor: int, command: int, _argument: int = 0) -> int:
        if command == fcntl.F_SETLEASE:
            raise OSError(number, os.strerror(number))
        return 0

    monkeypatch.setattr(fcntl, "fcntl", refused)


def test_a_writer_in_another_process_is_seen_until_it_closes_the_file(
    file: Path, descriptor: int
) -> None:
    program = (
        "import sys; file = open(sys.argv[1], 'ab'); print('open', flush=True);"
        "sys.stdin.readline(); file.close(); print('closed', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        held = writer_of(descriptor)
        writer.stdin.write("\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "closed\n"
        after = writer_of(descriptor)
        writer.stdin.write("\n")
    assert (held, after) == (Writer.OPEN, Writer.NONE)


def test_the_lease_is_given_back(file: Path, descriptor: int) -> None:
    assert writer_of(descriptor) is Writer.NONE

    opened = os.open(file, os.O_WRONLY | os.O_NONBLOCK)  # refused if the lease were still held

    os.close(opened)
    assert fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_UNLCK


def test_a_program_is_not_ended_by_a_writer_who_comes_while_the_lease_is_held(file: Path) -> None:
    """In a process of its own, in which SIGIO is deadly as it is by default (signal(7))."""
    program = """
import errno, fcntl, os, signal, subprocess, sys, time
from photosync.files import settling
signal.signal(signal.SIGIO, signal.SIG_DFL)  # whatever was inherited
real = fcntl.fcntl
broken = []
def with_an_intruder(descriptor, command, argument=0):
    answer = real(descriptor, command, argument)
    if command == fcntl.F_SETLEASE and argument == fcntl.F_RDLCK:
        try:
            os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
        except BlockingIOError:
            broken.append(descriptor)
    return answer
fcntl.fcntl = with_an_intruder
descriptor = os.open(sys.argv[1], os.O_RDONLY)
print(settling.writer_of(descriptor).value, len(broken))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "none 1\n"), done.stderr


def test_where_leases_are_refused_only_quiet_tells(
    settle: Settling, clock: Clock, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_leases(monkeypatch, errno.EINVAL)
    entry = from_the_future("a.jpg")

    waits = []
    for at in (0.0, 4.0, UNKNOWN_SECONDS - 0.1, UNKNOWN_SECONDS):
        clock.at = 100.0 + at
        waits.append(settle.settled_in(entry, descriptor, closed=True))

    assert waits == pytest.approx([UNKNOWN_SECONDS, 6.0, 0.1, 0.0])


@pytest.mark.parametrize("number", sorted(settling.LEASELESS))
def test_a_network_file_system_that_grants_no_lease_says_nothing_of_writers(
    number: int, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_leases(monkeypatch, errno.EAGAIN)
    here = writer_of(descriptor)
    monkeypatch.setattr(settling, "filesystem_number", lambda _: number)

    assert (here, writer_of(descriptor)) == (Writer.OPEN, Writer.UNKNOWN)


def test_the_kernel_tells_the_type_of_a_file_system(descriptor: int) -> None:
    proc = os.open("/proc/self/stat", os.O_RDONLY)
    try:
        assert filesystem_number(proc) == 0x9FA0  # PROC_SUPER_MAGIC, statfs(2)
    finally:
        os.close(proc)
    by_coreutils = subprocess.run(
        ["stat", "-f", "-c", "%t", f"/proc/{os.getpid()}/fd/{descriptor}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert filesystem_number(descriptor) == int(by_coreutils.stdout, 16)


def test_the_type_of_a_closed_descriptor_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        filesystem_number(-1)


def test_more_files_than_can_be_remembered_settle_in_turns(
    settle: Settling, clock: Clock, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_REMEMBERED", 10)
    waiting = [from_the_future(f"{number}.jpg") for number in range(35)]

    turns: list[int] = []
    while waiting and len(turns) < 10:
        before = len(waiting)
        waiting = [one for one in waiting if settle.settled_in(one, descriptor, closed=False)]
        turns.append(before - len(waiting))
        assert len(settle._seen) <= 10
        clock.at += QUIET_SECONDS

    assert turns == [0, 10, 10, 10, 5]


def test_files_that_nobody_asks_about_any_more_make_room(
    settle: Settling, clock: Clock, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_REMEMBERED", 2)
    for name in ("gone.jpg", "away.jpg"):
        settle.settled_in(from_the_future(name), descriptor, closed=False)
    new = from_the_future("new.jpg")

    settle.settled_in(new, descriptor, closed=False)
    crowded = list(settle._seen)
    clock.at += FORGOTTEN_SECONDS + 1
    settle.settled_in(new, descriptor, closed=False)

    assert crowded == ["gone.jpg", "away.jpg"]
    assert list(settle._seen) == ["away.jpg", "new.jpg"]


def test_a_file_that_changes_begins_anew_and_as_the_youngest(
    settle: Settling, clock: Clock, descriptor: int
) -> None:
    for name in ("a.jpg", "b.jpg"):
        settle.settled_in(from_the_future(name), descriptor, closed=False)
    clock.at += 1.5

    wait = settle.settled_in(from_the_future("a.jpg", 4), descriptor, closed=False)

    assert wait == QUIET_SECONDS
    assert list(settle._seen) == ["b.jpg", "a.jpg"]
