"""The real program in its own process, against the emulator."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as hour_of_day
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from photosync.domain.quota import PACIFIC
from photosync.emulator.server import Emulator
from tests.journeys.looking import VERBS, can_run_with, look, run
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.lab.lab import AdbHost, LabPhone

Found = TypeVar("Found")
PATIENCE = 120.0
PROGRAM = [sys.executable, "-m", "photosync"]
ELSEWHERE = re.compile(r'(to = ")?[a-z0-9]+://')
AHEAD = [sys.executable, str(Path(__file__).with_name("ahead.py"))]


@dataclass
class World:
    """A user's machine: folders, settings, a token, and a Google of its own.

    ``program``: what starts photosync there.
    """

    home: Path
    emulator: Emulator
    variables: dict[str, str] = field(default_factory=dict)
    program: list[str] = field(default_factory=PROGRAM.copy)

    def __post_init__(self) -> None:
        self.pictures = self.home / "Pictures"
        self.state = self.home / "state"
        self.config = self.home / "config.toml"
        self.pictures.mkdir(parents=True)
        self.state.mkdir(mode=0o700)
        self.configure()
        self.sign_in()

    def configure(
        self,
        *,
        google: str = "",
        folder: str = "",
        more: str = "",
        phone: str = "enabled = false",
    ) -> None:
        """Write the settings file; each argument is TOML for its table.

        No photo of most tests has a date, and none of those needs one.
        """
        if "fix_dates" not in more:
            head, table, rest = more.partition("[upload]\n")
            more = f"{head}\n[upload]\nfix_dates = false\n{rest if table else ''}"
        self.config.write_text(
            f"state_dir = {json.dumps(str(self.state))}\n"
            f"[google]\napi_url = {json.dumps(self.emulator.url)}\n{google}\n"
            f"[phone]\n{phone}\n"
            f"[[folder]]\npath = {json.dumps(str(self.pictures))}\n{folder}\n{more}\n"
        )

    def sign_in(self) -> None:
        """Put a fresh token where ``photosync auth`` would."""
        fresh = self.state / "token.json.new"
        fresh.write_text(json.dumps(self.emulator.grant()))
        fresh.chmod(0o600)
        fresh.replace(self.state / "token.json")

    def environ(self) -> dict[str, str]:
        """Nothing of the tester's own settings reaches the program."""
        kept = {name: value for name, value in os.environ.items() if "PHOTOSYNC" not in name}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "PHOTOSYNC_WEB__ENABLED": "false",  # its port can be one daemon's only
            **self.variables,
        }

    def run(self, *arguments: str, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
        """One verb, to its end."""
        environ = self.environ()
        if self.program == PROGRAM and can_run_with(environ) and not self._reaches_out(arguments):
            arguments = (*arguments, "--config", str(self.config))
            return run(arguments, environ, timeout=timeout)
        return subprocess.run(
            [*self.program, *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environ,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def _reaches_out(self, arguments: Sequence[str]) -> bool:
        """Whether it may speak to another storage: what fsspec has begun is of no use in a fork."""
        told = list(arguments)
        if self.config.exists():
            told += self.config.read_text("utf-8").splitlines()
        return any(ELSEWHERE.match(one) for one in told)

    def json(self, *arguments: str) -> Any:
        """One verb's JSON document."""
        arguments = (*arguments, "--json")
        if arguments[0] in VERBS and self.program == PROGRAM:
            done = look([*arguments, "--config", str(self.config)], self.environ())
        else:
            done = self.run(*arguments)
        return json.loads(done.stdout)

    def json_without_settings(self, *arguments: str) -> Any:
        """The JSON document of a verb that needs no settings."""
        done = subprocess.run(
            [*self.program, *arguments, "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environ(),
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return json.loads(done.stdout)

    def once(self, *, code: int = 0, timeout: float = 300.0) -> dict[str, Any]:
        """``run --once``, which has to end with ``code``; its document."""
        done = self.run("run", "--once", "--json", timeout=timeout)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr[-3000:])
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @contextmanager
    def daemon(self, *, code: int | None = 0) -> Iterator[Daemon]:
        """``photosync run`` during the block; SIGTERM ends it, with exit code ``code``."""
        daemon = Daemon(self)
        try:
            yield daemon
            if code is not None:
                assert daemon.stop() == code, daemon.log()
        finally:
            daemon.kill()

    def put(self, name: str, content: bytes) -> Path:
        """A file in the pictures folder, as ``cp`` makes one."""
        file = self.pictures / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def requests_counted(self) -> int:
        """What its own count has come to, whichever days of Google's they fell into."""
        with closing(sqlite3.connect(self.state / "photosync.db", timeout=PATIENCE)) as database:
            (requests,) = database.execute("SELECT sum(requests) FROM quota_days").fetchone()
        return int(requests)

    def let_google_finish(self) -> None:
        """Until it is through with what a program that is dead by now had asked of it.

        The next program knows nothing of that: what it writes meanwhile is no overlap of its own.
        Google takes up requests in their order: the last of the dead before this one.
        """
        with urllib.request.urlopen(f"{self.emulator.url}/emulator/healthz", timeout=PATIENCE):
            pass
        wait_for(lambda: not self.emulator.requests.is_writing())

    def library(self) -> dict[str, str]:
        """SHA-256 → file name of what the library holds."""
        return {item.sha256: item.file_name for item in self.emulator.library.items()}

    def holds(self, *contents: bytes) -> bool:
        """Whether the library holds each content."""
        return {sha256(one) for one in contents} <= self.library().keys()


class Daemon:
    """A running ``photosync run``."""

    def __init__(self, world: World) -> None:
        self._log_file = world.home / f"daemon-{time.monotonic_ns()}.log"
        with self._log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*world.program, "run", "--verbose", "--config", str(world.config)],
                stderr=log,
                stdout=log,
                stdin=subprocess.DEVNULL,
                env=world.environ(),
            )

    def log(self) -> str:
        return self._log_file.read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


def wait_for(what: Callable[[], Found], daemon: Daemon | None = None) -> Found:
    """Until ``what`` is true, for two minutes at most; what it was then.

    Who looks a second time may see something else. It rests as long as a look takes: the daemon
    needs the time as well.
    """
    patience_ends = time.monotonic() + PATIENCE
    while True:
        began = time.monotonic()
        if found := what():
            return found
        told = daemon.log()[-4000:] if daemon else ""
        assert daemon is None or daemon.process.poll() is None, told
        assert time.monotonic() < patience_ends, told
        time.sleep(min(max(0.02, time.monotonic() - began), 0.5))


def interrupt(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to a verb at work, and wait until it has heard it: a second one would kill it.

    It leaves that to the kernel from then on (proc_pid_status(5): SigCgt).
    """
    process.send_signal(number)
    status = Path(f"/proc/{process.pid}/status")

    def is_heard() -> bool:
        if process.poll() is not None:
            return True
        caught = int(status.read_text().partition("SigCgt:")[2].split()[0], 16)
        return not caught >> (number - 1) & 1

    wait_for(is_heard)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def jpeg(number: int, size_bytes: int = 2000) -> bytes:
    """Bytes that everybody takes for a JPEG; each number's are different.

    They begin with its scan: who looks for a date need not look through all of them.
    """
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffda0008010100003f00")
    filler = hashlib.sha256(str(number).encode()).digest()
    body = filler * (size_bytes // len(filler) + 1)
    return head + body[: size_bytes - len(head) - 2] + b"\xff\xd9"


def mp4(number: int, size_bytes: int) -> bytes:
    """Bytes that everybody takes for an MP4; each number's are different."""
    head = bytes.fromhex("0000001866747970") + b"mp42\x00\x00\x00\x00mp42isom"
    filler = hashlib.sha256(f"video {number}".encode()).digest()
    body = (filler * (size_bytes // len(filler) + 1))[: size_bytes - len(head) - 8]
    return head + (len(body) + 8).to_bytes(4, "big") + b"mdat" + body


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Emulator(tmp_path / "google") as emulator:
        yield World(tmp_path / "home", emulator)


@pytest.fixture
def noon_world(tmp_path: Path) -> Iterator[World]:
    """One where it is noon in California: Google's day ends while no test runs."""
    ahead = _seconds_to_noon(time.time())
    with Emulator(tmp_path / "google", clock=lambda: time.time() + ahead) as emulator:
        program = [*AHEAD, str(ahead)]
        yield World(tmp_path / "home", emulator, program=program)


def _seconds_to_noon(now: float) -> int:
    here = datetime.fromtimestamp(now, PACIFIC)
    noon = datetime.combine(here.date(), hour_of_day(12), PACIFIC)
    return int(noon.astimezone(UTC).timestamp() - now)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbHost]:
    with lab.host(tmp_path_factory.mktemp("adb-home")) as made:
        yield made


@pytest.fixture
def phone(host: AdbHost, tmp_path: Path) -> Iterator[LabPhone]:
    with lab.phone(host, tmp_path / "phone-1", "LAB1111") as made:
        yield made
