"""The supervisor's view of its workers; all else of it is shown by the journeys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from photosync.daemon import supervisor as supervisor_module
from photosync.daemon.supervisor import Supervisor

if TYPE_CHECKING:
    import pytest


class FakeWorker:
    """A worker that is as a test says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lives = True
        self.silent = 0.0

    def is_alive(self) -> bool:
        return self.lives

    def silent_seconds(self) -> float:
        return self.silent


def test_workers_that_hang_or_died_are_noticed_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers = [FakeWorker("upload-1"), FakeWorker("pull")]
    nobody = cast("Any", SimpleNamespace())
    supervisor = Supervisor(
        workers=cast("Any", workers),
        folders=nobody,
        items=nobody,
        overview=nobody,
        control=nobody,
        gate=nobody,
        bells=nobody,
        board=nobody,
        halt=nobody,
        clock=lambda: 0.0,
        hang_up=lambda: None,
    )
    assert supervisor._are_alive()
    workers[0].silent = supervisor_module.HUNG_SECONDS + 1
    for _ in range(3):
        assert not supervisor._are_alive()
    workers[0].silent = 0.0
    assert supervisor._are_alive()
    workers[1].lives = False
    assert not supervisor._are_alive()
    told = [one.getMessage() for one in caplog.records]
    assert told == ["worker.hangs name=upload-1", "worker.hangs name=pull"]
