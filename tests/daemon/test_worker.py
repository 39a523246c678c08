from __future__ import annotations

import logging
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.daemon.bells import Bell, Bells
from photosync.daemon.worker import Worker
from photosync.errors import (
    BackupAway,
    BackupUnusable,
    ConnectionLost,
    DatabaseError,
    DiskFull,
    KeyMissing,
    KeyWrong,
    PhotosyncError,
    RateLimited,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Halt(Event):
    """A stop event whose waits take no time and are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return self.is_set()


class Reports:
    def __init__(self) -> None:
        self.said: list[str] = []

    def well(self, worker: str) -> None:
        self.said.append(f"{worker} well")

    def trouble(self, worker: str, error: Exception) -> None:
        self.said.append(f"{worker} {type(error).__name__}")


class Script:
    """Steps that return or raise one after another, then stop the worker."""

    def __init__(self, halt: Halt, *outcomes: bool | Exception) -> None:
        self._halt = halt
        self._outcomes = list(outcomes)
        self.calls = 0

    def __call__(self) -> bool:
        self.calls += 1
        if not self._outcomes:
            self._halt.set()
            return True
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def run(
    *outcomes: bool | Exception, let_go: Callable[[str], object] = lambda _: None
) -> tuple[Script, Halt, Reports]:
    halt, reports = Halt(), Reports()
    script = Script(halt, *outcomes)
    Worker(
        "w", script, bell=Bell(), halt=halt, reports=reports, let_go=let_go, idle_seconds=0.0
    ).run()
    return script, halt, reports


def test_it_goes_on_while_there_is_work() -> None:
    script, halt, reports = run(True, True, True)
    assert script.calls == 4
    assert halt.waits == []
    assert reports.said == ["w well"] * 4


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (ConnectionLost("x"), 1.0),
        (RateLimited("x"), 30.0),
        (RateLimited("x", retry_after=45.0), 45.0),
        (RateLimited("x", retry_after=86_400.0), 60.0),
        (DiskFull("x"), 10.0),
        (DatabaseError("x"), 10.0),
        (ZeroDivisionError(), 30.0),
    ],
)
def test_trouble_is_reported_and_rested_out(error: Exception, seconds: float) -> None:
    held: list[str] = []
    script, halt, reports = run(error, let_go=held.append)
    assert script.calls == 2
    assert halt.waits == [seconds]
    assert reports.said == [f"w {type(error).__name__}", "w well"]
    assert held == ["w"]


@pytest.mark.parametrize(
    ("error", "after_none", "after_long"),
    [
        (DiskFull("x"), False, True),
        (BackupAway("a server"), False, True),
        (BackupUnusable("a disk"), True, True),
        (KeyMissing("x"), True, True),
        (KeyWrong("x"), True, True),
        (DatabaseError("x"), False, True),
        (ZeroDivisionError(), False, True),
        (ConnectionLost("x"), False, False),
    ],
)
def test_who_waits_for_the_user_is_stuck_at_once_and_others_after_a_while(
    error: Exception, after_none: bool, after_long: bool
) -> None:
    seen: list[bool] = []
    halt = Halt()
    worker = Worker(
        "w",
        Script(halt, error),
        bell=Bell(),
        halt=halt,
        reports=Reports(),
        let_go=lambda _: seen.extend((worker.is_stuck(3600.0), worker.is_stuck(0.0))),
    )
    assert not worker.is_stuck(0.0)
    worker.run()
    assert seen == [after_none, after_long]
    assert not worker.is_stuck(0.0)  # the next step went through


def test_the_same_trouble_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run(DiskFull("full"), DiskFull("full"), DiskFull("full"), True, DiskFull("full"))
    assert sum("worker.rests" in one.message for one in caplog.records) == 2


def test_stopping_ends_it() -> None:
    script, halt, reports = run(Stopping())
    assert script.calls == 1
    assert (halt.waits, reports.said) == ([], [])


def test_a_bell_wakes_an_idle_worker_at_once() -> None:
    halt, bell, woken = Event(), Bell(), Event()
    turns = iter([False, False])

    def step() -> bool:
        if next(turns, None) is None:
            woken.set()
            halt.set()
        return False

    worker = Worker(
        "w", step, bell=bell, halt=halt, reports=Reports(), let_go=print, idle_seconds=60.0
    )
    worker.start()
    while not woken.wait(0.01):
        bell.ring()
    bell.ring()  # as the supervisor does after the stop event
    worker.join(60)
    assert not worker.is_alive()


@pytest.mark.parametrize(("calls", "rings"), [(True, 2), (False, 0)])
def test_who_finds_something_after_a_while_calls_the_others_once(calls: bool, rings: int) -> None:
    halt, bell = Halt(), Bell()
    script = Script(halt, True, True, False, True, True)
    Worker(
        "w-1",
        script,
        bell=bell,
        halt=halt,
        reports=Reports(),
        let_go=print,
        idle_seconds=0.0,
        calls=calls,
    ).run()
    assert bell.rings == rings


def test_a_ring_before_the_wait_is_not_lost() -> None:
    bell = Bell()
    heard = bell.rings
    bell.ring()
    assert bell.wait(heard, 0.0)
    assert not bell.wait(bell.rings, 0.0)


def test_bells_ring_by_name() -> None:
    bells = Bells("a", "b")
    bells.ring("a")
    assert (bells["a"].rings, bells["b"].rings) == (1, 0)
    bells.ring_all()
    assert (bells["a"].rings, bells["b"].rings) == (2, 1)
    with pytest.raises(KeyError):
        bells.ring("c")


def test_errors_of_ours_that_nobody_foresaw_are_bugs_too() -> None:
    _, halt, reports = run(PhotosyncError("odd"))
    assert halt.waits == [30.0]
    assert reports.said[0] == "w PhotosyncError"


def test_what_it_could_not_let_go_is_let_go_before_the_next_step() -> None:
    """Else the item would be its own for ever, and a run until nothing is left would not end."""
    tries: list[str] = []

    def full_for_a_while(name: str) -> None:
        tries.append(name)
        if len(tries) < 3:
            raise DiskFull("still full")

    script, halt, reports = run(DiskFull("full"), False, False, let_go=full_for_a_while)
    assert len(tries) == 3  # after the step, before the next, and after that rest
    assert script.calls == 4
    assert reports.said[:3] == ["w DiskFull", "w DiskFull", "w well"]
    assert halt.waits == [10.0, 10.0]
