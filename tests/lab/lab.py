"""Phones in folders: a real adbd each, a real adb server, and cables between them.

What a real phone has and these have not: USB, the content and am commands, MediaProvider's FUSE
with its case-insensitive names, and dd. Tests of those use recorded output and say so.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.cable import Cable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = Path(__file__).with_name("phone-lab.sh")
HOME = SCRIPT.parents[2] / ".cache" / "phone-lab"
ROOT = HOME / "phone-root" / "usr" / "sbin" / "adbd"
PATIENCE_SECONDS = 120.0
OUR_PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to whoever asks for any (ip_local_port_range)."""

NEEDED = {
    "adb": "adb",
    "gcc": "gcc and libc6-dev",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
    "unshare": "util-linux",
}


def want(missing: str | None) -> None:
    """Skip the test for what is missing, or fail it where nothing may be missing."""
    if missing is None:
        return
    if os.environ.get("PHOTOSYNC_REQUIRE_ALL") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def missing_adb() -> str | None:
    """Why there is no adb server to be had, or None."""
    return None if shutil.which("adb") else "needs adb: sudo apt install adb"


def missing_lab() -> str | None:
    """Why there can be no phone, or None; builds what phones are made of the first time."""
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            return f"the phone lab needs {program}: sudo apt install {package}"
    if not ROOT.exists():
        built = _script("build", timeout=240.0)
        if built.returncode:
            return f"the phone lab could not be built (it needs Debian's archive): {built.stderr}"
    allowed = (
        os.getuid() == 0
        or not subprocess.run(
            ["unshare", "-r", "-m", "true"], check=False, capture_output=True
        ).returncode
    )
    return None if allowed else "the phone lab needs root, or user namespaces for everybody"


def _script(
    *arguments: str, more: dict[str, str] | None = None, timeout: float = PATIENCE_SECONDS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PHONE_LAB_HOME": str(HOME), **(more or {})},
    )


class AdbHost:
    """An adb server of the tests' own: the usual one on 5037 belongs to somebody."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def environ(self) -> dict[str, str]:
        """What a program needs to use this server and its keys."""
        return {
            **os.environ,
            "HOME": str(self._home),
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "ADB_MDNS": "0",
        }

    def start(self) -> None:
        """Start it, in the foreground of a process that can be killed."""
        self._process = subprocess.Popen(
            ["adb", "-P", str(self.port), "nodaemon", "server"],
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, "the adb server")

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            return True
        return False

    def stop(self) -> None:
        """Kill it without a word, and what others started in its place."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=PATIENCE_SECONDS)
            self._process = None
        with suppress(OSError):
            self._ask("host:kill")

    def connect(self, address: str) -> None:
        """Like plugging in."""
        self._ask(f"host:connect:{address}")

    def is_ready(self, address: str) -> bool:
        """Whether what is plugged in can be spoken to."""
        return self._ask(f"host-serial:{address}:get-state") == b"OKAY0006device"

    def disconnect(self, address: str) -> None:
        """Like unplugging."""
        self._ask(f"host:disconnect:{address}")

    def _ask(self, request: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall(b"%04x" % len(request) + request.encode())
            said = b""
            while piece := connection.recv(4096):
                said += piece
            return said

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """The real adb, as a peer to compare with."""
        return subprocess.run(
            ["adb", "-P", str(self.port), *arguments],
            env=self.environ(),
            capture_output=True,
            check=False,
            timeout=600,
        )


@contextmanager
def host(folder: Path, *, with_phones: bool = True) -> Iterator[AdbHost]:
    """A computer with an adb server of its own; the test is skipped where there can be none."""
    want(missing_adb())
    if with_phones:
        want(missing_lab())
    made = AdbHost(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def free_port() -> int:
    """A port that nobody listens on (never 5555 to 5585: adb takes those for emulators).

    Whoever is to listen there does so later: the kernel must not give it to anybody meanwhile.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.choice(OUR_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port


@dataclass
class LabPhone:
    """A phone; ``storage`` is its internal storage, seen from here."""

    host: AdbHost
    storage: Path
    serial: str
    model: str = "Pixel Lab"
    card: Path | None = None
    port: int = field(default_factory=free_port)
    cable: Cable = field(init=False)

    def __post_init__(self) -> None:
        self.cable = Cable(self.port)

    @property
    def transport(self) -> str:
        """What adb calls it."""
        return f"127.0.0.1:{self.cable.port}"

    def switch_on(self) -> None:
        """Start its adbd."""
        more = {"PHONE_SERIAL": self.serial, "PHONE_MODEL": self.model}
        if self.card is not None:
            more["PHONE_SD"] = str(self.card)
        started = _script("start", str(self.port), str(self.storage), more=more)
        assert started.returncode == 0, started.stderr

    def switch_off(self) -> None:
        """Take out its battery."""
        _script("stop", str(self.port))

    def pids(self) -> list[int]:
        """Every process in it, by their numbers out here."""
        outer = int((HOME / "run" / f"{self.port}.pid").read_text().split()[0])
        found, todo = [], [outer]
        while todo:
            pid = todo.pop()
            for task in Path(f"/proc/{pid}/task").iterdir():
                todo += map(int, (task / "children").read_text().split())
            found.append(pid)
        return found

    def plug(self) -> None:
        """Put the cable in, and wait until the phone answers."""
        self.cable.plug()

        def answers() -> bool:
            self.host.connect(self.transport)
            return self.host.is_ready(self.transport)

        eventually(answers, "a phone that answers")

    def unplug(self) -> None:
        """Pull the cable out."""
        self.cable.cut()
        with suppress(OSError):  # the adb server may be dead, too
            self.host.disconnect(self.transport)

    def close(self) -> None:
        """Away with it."""
        self.unplug()
        self.cable.close()
        self.switch_off()


@contextmanager
def phone(host: AdbHost, storage: Path, serial: str, **more: object) -> Iterator[LabPhone]:
    """A phone that is switched on and plugged in."""
    (storage / "DCIM" / "Camera").mkdir(parents=True, exist_ok=True)
    made = LabPhone(host, storage, serial, **more)  # type: ignore[arg-type] # handed through
    try:
        made.switch_on()
        made.plug()
        yield made
    finally:
        made.close()


def eventually(
    holds: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until it holds."""
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            pytest.fail(f"{what} did not come about within {seconds:.0f} seconds")
        time.sleep(0.02)
