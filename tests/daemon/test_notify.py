"""Words for systemd, and signs of life."""

from __future__ import annotations

import os
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from photosync.daemon.notify import Notifier
from photosync.daemon.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Ear:
    """A socket that hears, and a clock."""

    def __init__(self, address: Path) -> None:
        self.at = 0.0
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    def notifier(self, **environ: str) -> Notifier:
        return Notifier({"NOTIFY_SOCKET": self.address, **environ}, monotonic=lambda: self.at)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(65536).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    made = Ear(tmp_path / "notify")
    yield made
    made.close()


def test_a_status_is_one_line_and_sent_when_it_changes(ear: Ear) -> None:
    notifier = ear.notifier()
    assert notifier.is_there
    for text in ("idle", "idle", "two\nlines \x1b", "x" * 9000):
        notifier.status(text)
    first, second, third = ear.heard()
    assert first == "STATUS=idle"
    assert second == "STATUS=two\\nlines \\x1b"
    assert len(third) < 600


def test_the_watchdog_is_fed_twice_as_often_as_it_wants(ear: Ear) -> None:
    notifier = ear.notifier(WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid()))
    for at in (0.0, 1.0, 4.9, 5.0, 6.0, 10.1):
        ear.at = at
        notifier.feed()
    assert ear.heard() == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
    ],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(ear: Ear, environ: dict[str, str]) -> None:
    ear.notifier(**environ).feed()
    assert ear.heard() == []


def test_a_reload_says_when(ear: Ear) -> None:
    ear.at = 12.5
    ear.notifier().reloading()
    assert ear.heard() == ["RELOADING=1\nMONOTONIC_USEC=12500000"]


def test_nobody_listening_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nobody = Notifier({})
    nobody.ready()
    assert not nobody.is_there
    gone = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.ready()
    gone.status("x")
    gone.stopping()
    assert [one.levelname for one in caplog.records] == ["WARNING"]


def test_who_does_not_ask_whether_to_stop_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [100.0]
    monkeypatch.setattr("photosync.daemon.pulse.time.monotonic", lambda: at[0])
    pulse, asked, go_on = Pulse(), Event(), Event()

    def work() -> None:
        assert not pulse.is_set()
        asked.set()
        go_on.wait(30)

    thread = Thread(target=work)
    thread.start()
    assert asked.wait(30)
    at[0] += 50
    assert pulse.silent_seconds(thread.ident) == 50
    assert pulse.silent_seconds(None) == 0
    assert pulse.silent_seconds(1) == 0, "one that never asked"
    pulse.wait(0)
    go_on.set()
    thread.join()
    pulse.set()
    assert pulse.is_set()
