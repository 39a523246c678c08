"""What a soak stands on: the user's machine by a seed, the daemon, and what is known of both."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.journeys.conftest import World, sha256
from tests.lab import lab
from tests.soak.holds import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.emulator.server import Emulator
    from tests.lab.lab import LabPhone

PROGRAM = [sys.executable, "-m", "tests.soak.program"]
SETTINGS = '[upload]\nresumable_above = "1 MiB"\nchunk = "256 KiB"\n'


@dataclass(frozen=True)
class Plan:
    """How the user has set it up. ``sealed``: "", "files", or "names" as well."""

    sealed: str
    keep: str
    mode: str
    reused_token: str

    @classmethod
    def of(cls, seed: int) -> Plan:
        chance = random.Random(f"plan {seed}")
        return cls(
            sealed=chance.choice(["", "files", "names"]),
            keep=chance.choice(["forever", "until-done"]),
            mode=chance.choice(["auto", "auto", "manual"]),
            reused_token=chance.choice(["same-id", "code-3"]),
        )


@dataclass
class SoakWorld(World):
    """With a mirror and a second copy, each of which may have a disk of its own."""

    def __post_init__(self) -> None:
        self.mirror = self.home / "mirror" / "photos"  # its disk has room for another name
        self.second = self.home / "second" / "photos"
        self.restored = self.home / "restored"
        self.second.mkdir(parents=True, exist_ok=True)
        super().__post_init__()
        self.variables = {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": "0"}
        self.variables["MALLOC_ARENA_MAX"] = "2"  # as the units have it

    def set_up(self, plan: Plan, phone: LabPhone | None) -> None:
        """Write the settings, and make the key that they need."""
        sealed = {
            "": "",
            "files": "encrypt = true",
            "names": "encrypt = true\nencrypt_names = true",
        }
        self.configure(
            google="writes_per_minute = 10000\ndaily_requests = 10000000",
            phone="enabled = false" if phone is None else f"adb_port = {phone.host.port}",
            folder=f'mode = "{plan.mode}"',
            more=f'{SETTINGS}[mirror]\npath = "{self.mirror}"\nmin_free = 0\nkeep = "{plan.keep}"\n'
            f'[backup]\nto = "{self.second}"\n{sealed[plan.sealed]}\n',
        )
        if plan.sealed:
            assert self.run("backup", "--new-key").returncode == 0


@dataclass
class Ground:
    """What the actions share.

    ``ever``: the hash of every version that a file had as a whole. ``shot``: path on the phone →
    hash; nobody but ``free-space`` takes anything from there. ``spoilt``: files of the second copy
    that were damaged at some time. ``kills``: how the daemon and verbs were ended. ``wrong``: what
    was seen to be wrong on the way.
    """

    world: SoakWorld
    plan: Plan
    chance: random.Random
    phone: LabPhone | None = None
    disks: tuple[Path, ...] = ()
    ever: set[str] = field(default_factory=set)
    shot: dict[str, str] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    made: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.meter = Meter(self.world.state, self.world.emulator.library.count)

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.world.home / "soak.log"

    def start(self, *, is_right: bool = False) -> None:
        """Start the daemon, now and then under a clock that is wrong, unless it has to be right."""
        ahead = 0 if is_right else self.chance.choice([0, 0, 0, 3600, -3600, 86_400, -86_400])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "run", "--config", str(self.world.config)],
                env={**self.world.environ(), "SOAK_CLOCK_AHEAD": str(ahead)},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.meter.watch(self.process.pid)

    def alive(self) -> None:
        """The daemon never ends by itself."""
        assert self.process is not None
        assert self.process.poll() is None, "the daemon ended by itself"

    def end(self, number: int) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.meter.watch(None)
        self.process.send_signal(number)
        code = self.process.wait(180)
        self.world.let_google_finish()
        return code

    def kill(self) -> None:
        """The daemon dies without a word, and is started again."""
        self.end(signal.SIGKILL)
        self.kills["daemon killed"] += 1
        self.start()

    def stop(self) -> None:
        """A signal that comes before the program listens ends it like any other program."""
        assert self.end(signal.SIGTERM) in (0, -signal.SIGTERM)
        self.kills["daemon stopped"] += 1
        self.start()

    def put_away(self) -> None:
        """Whatever comes, no daemon is left."""
        self.meter.watch(None)
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def files(self) -> list[Path]:
        """What lies in the watched folder."""
        return sorted(one for one in self.world.pictures.rglob("*.*") if one.is_file())

    def shots(self) -> dict[str, str]:
        """Path → hash of what lies on the phone."""
        if self.phone is None:
            return {}
        storage = self.phone.storage
        found = storage.glob("DCIM/*/[!.]*")
        return {str(one.relative_to(storage)): sha256(one.read_bytes()) for one in found}

    def copies(self) -> list[Path]:
        """What bears its final name in the mirror."""
        return [one for one in self.world.mirror.glob("[!.]*/**/*") if one.is_file()]

    def ids(self, *how: str) -> list[int]:
        """Numbers of items, as ``photosync list`` tells them."""
        told = self.world.run("list", "--json", *how)
        if told.returncode == 2:  # the phone was never seen yet
            return []
        if told.returncode:
            self.wrong.append(f"list {how}: {told.stdout} {told.stderr}")
            return []
        return [one["id"] for one in json.loads(told.stdout)["items"]]


@contextmanager
def a_phone(folder: Path) -> Iterator[LabPhone | None]:
    """A phone of the lab, if there can be one."""
    if lab.missing_adb() or lab.missing_lab():
        yield None
        return
    (folder / "adb-home").mkdir()
    with (
        lab.host(folder / "adb-home") as host,
        lab.phone(host, folder / "phone", "SOAK1") as made,
    ):
        yield made


def world_of(home: Path, emulator: Emulator, plan: Plan, phone: LabPhone | None) -> SoakWorld:
    """The user's machine, with an emulator whose limits do not hold it up."""
    emulator.options.reused_token = plan.reused_token
    emulator.options.writes_per_minute = 100_000
    emulator.options.daily_limit = 10_000_000
    world = SoakWorld(home, emulator)
    world.set_up(plan, phone)
    return world
