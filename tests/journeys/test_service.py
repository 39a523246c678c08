"""Under a service manager: ready, alive, reloaded, restarted, stopped.

No systemd can run where the tests do, whose first process is another. What stands in for it is a
notify socket of the test's own and, where something has to be started anew, a few lines that do
what the unit file says (``Manager``). The unit files are checked by systemd's own tools.
"""

from __future__ import annotations

import configparser
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

UNITS = Path(__file__).parents[2] / "systemd"


def unit(name: str) -> configparser.SectionProxy:
    """The ``[Service]`` part of a unit file."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their letters
    parser.read(UNITS / name)
    return parser["Service"]


class Manager:
    """Starts ``photosync run`` as the unit file has it, and hears what it says."""

    def __init__(self, world: World, address: str, *, watchdog_seconds: float = 60.0) -> None:
        self._world = world
        self.watchdog_seconds = watchdog_seconds
        self.said: list[str] = []
        self.starts = 0
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self._fed_at = time.monotonic()
        self.start()

    def start(self) -> None:
        self.starts += 1
        self._fed_at = time.monotonic()
        environ = {
            **self._world.environ(),
            "NOTIFY_SOCKET": self._address,
            "WATCHDOG_USEC": str(int(self.watchdog_seconds * 1e6)),
            "JOURNAL_STREAM": "8:1",
        }
        self.log = self._world.home / f"journal-{self.starts}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "run", "--config", str(self._world.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ,
            )

    def hear(self) -> list[str]:
        """All that was said so far, a line each."""
        while True:
            try:
                datagram = self._socket.recv(65536)
            except BlockingIOError:
                return self.said
            self._fed_at = time.monotonic()
            self.said += datagram.decode().splitlines()

    def until(self, line: str, *, times: int = 1) -> None:
        """Wait until a line that begins so was said so often."""
        wait_for(lambda: sum(one.startswith(line) for one in self.hear()) >= times)

    def watch(self) -> bool:
        """Do as systemd does when the watchdog starves: abort, and start anew. Whether it did."""
        self.hear()
        if time.monotonic() - self._fed_at < self.watchdog_seconds:
            return False
        self.process.send_signal(signal.SIGABRT)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(PATIENCE)
        self.start()
        return True

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self._socket.close()


@contextmanager
def managed(world: World, address: str = "", **more: float) -> Iterator[Manager]:
    manager = Manager(world, address or str(world.home / "notify"), **more)
    try:
        yield manager
    finally:
        manager.close()


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_ready_how_it_goes_and_the_end(world: World, kind: str) -> None:
    world.put("a.jpg", jpeg(1))
    address = f"@photosync-test-{os.getpid()}" if kind == "abstract" else ""
    with managed(world, address, watchdog_seconds=1.0) as manager:
        manager.until("READY=1")
        manager.until("STATUS=1 in the library, nothing to do")
        manager.until("WATCHDOG=1", times=3)
        manager.process.send_signal(signal.SIGTERM)
        assert manager.process.wait(PATIENCE) == 0
        manager.until("STOPPING=1")
        assert world.holds(jpeg(1))
        for line in manager.log.read_text().splitlines():
            assert line[0] == "<", "journald knows the time itself"
            assert line[1] in "23467"
            assert not line[3:].startswith("20")


def test_what_is_needed_stands_in_the_status(world: World) -> None:
    (world.state / "token.json").write_text('{"refresh_token": "x"}')
    world.put("a.jpg", jpeg(1))
    with managed(world) as manager:
        manager.until("STATUS=The token file")


def test_a_daemon_that_hangs_is_started_anew_and_doubles_nothing(world: World) -> None:
    world.emulator.options.latency_seconds = 0.2
    contents = [jpeg(number) for number in range(20)]
    for number, content in enumerate(contents):
        world.put(f"{number}.jpg", content)
    with managed(world, watchdog_seconds=3.0) as manager:
        manager.until("READY=1")
        wait_for(lambda: world.emulator.requests.count("upload.raw") >= 3)
        manager.process.send_signal(signal.SIGSTOP)
        wait_for(manager.watch)
        assert manager.starts == 2
        wait_for(lambda: world.holds(*contents))
        assert len(world.emulator.library.items()) == len(contents)


def test_settings_are_read_anew_without_an_end(world: World) -> None:
    other = world.home / "other"
    other.mkdir()
    (other / "b.jpg").write_bytes(jpeg(2))
    os.utime(other / "b.jpg", (1, 1))
    good = world.config.read_text()
    with managed(world) as manager:
        manager.until("READY=1")
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)))

        manager.process.send_signal(signal.SIGHUP)  # nothing is new
        manager.until("RELOADING=1")
        manager.until("READY=1", times=2)

        world.config.write_text(f'{good}\n[[folder]]\npath = "{other}"\n')
        manager.process.send_signal(signal.SIGHUP)
        manager.until("READY=1", times=3)
        wait_for(lambda: world.holds(jpeg(1), jpeg(2)))
        assert world.json("status")["daemon"]["pid"] == manager.process.pid

        world.config.write_text(f"{good}\nnonsense = 1\n")
        manager.process.send_signal(signal.SIGHUP)
        manager.until("READY=1", times=4)
        world.config.write_text(good)
        (problem,) = world.json("status")["problems"]
        assert problem["code"] == "settings_refused"
        assert "nonsense" in problem["message"]
        (other / "c.jpg").write_bytes(jpeg(3))  # the settings of before hold
        wait_for(lambda: world.holds(jpeg(3)))

        manager.process.send_signal(signal.SIGHUP)
        manager.until("READY=1", times=5)
        wait_for(lambda: world.json("status")["problems"] == [])
        manager.process.send_signal(signal.SIGTERM)
        assert manager.process.wait(PATIENCE) == 0
        assert manager.hear().count("RELOADING=1") == 4
        assert manager.hear().count("STOPPING=1") == 1


def test_a_stop_in_the_middle_of_a_reload_is_heard(world: World) -> None:
    good = world.config.read_text()
    with managed(world) as manager:
        for number in range(5):
            manager.until("READY=1", times=number + 1)
            world.config.write_text(f"{good}\n[select]\nexclude = ['x{number}']\n")
            manager.process.send_signal(signal.SIGHUP)
        manager.until("RELOADING=1", times=5)
        manager.process.send_signal(signal.SIGTERM)
        assert manager.process.wait(PATIENCE) == 0


def test_a_terminal_that_is_closed_ends_a_run(world: World) -> None:
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["daemon"]["running"], daemon)
        assert daemon.stop(signal.SIGHUP) == 0


@pytest.mark.parametrize(
    "name", ["photosync.service", "photosync@.service", "user/photosync.service"]
)
def test_what_only_the_user_can_mend_does_not_start_again_and_again(
    world: World, name: str
) -> None:
    service = unit(name)
    assert service["Restart"] == "on-failure"
    final = {int(one) for one in service["RestartPreventExitStatus"].split()}
    good = world.config.read_text()
    world.config.write_text("nonsense = 1")
    assert world.run("run").returncode in final
    world.config.write_text(good)
    (world.state / "token.json").unlink()
    assert world.run("run").returncode in final
