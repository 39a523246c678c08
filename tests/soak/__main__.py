"""``python -m tests.soak [--seconds N] [--hours N] [--seed N]``: everything at once, at random.

Files appear, change, move and vanish; a phone comes and goes (if the lab is there); Google fails;
the disk of the mirror fills up (if it can be mounted); the program is killed, stopped, paused, and
started under a wrong clock. At the end an audit, file by file. The
seed is printed and replays the same plan; threads and processes meet as they like.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.emulator.faults import KINDS
from photosync.emulator.server import Emulator
from tests.crash.staging import AUDITS
from tests.journeys.conftest import World, jpeg, mp4, sha256
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.lab import LabPhone

PROGRAM = [sys.executable, "-m", "tests.soak.program"]
NEED_THE_USER = {"storage-full", "invalid-grant", "api-not-enabled", "scope-missing", "quota-day"}
"""Faults that only somebody or the next day ends; the journeys try them."""

MIB = 1 << 20
SETTINGS = '[upload]\nresumable_above = "1 MiB"\nchunk = "256 KiB"\n'
PATIENCE_SECONDS = 300
MIRROR_MIB = 512
SHORT_SECONDS = 900
"""What a phone takes in longer ones does not fit onto so small a disk."""


@dataclass
class Soak:
    """``ever``: the hash of every version that a file had as a whole."""

    world: SoakWorld
    chance: random.Random
    ever: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    made: int = 0
    process: subprocess.Popen[bytes] | None = None
    phone: LabPhone | None = None
    disks: tuple[Path, ...] = ()

    def go(self, seconds: float) -> None:
        """Do one thing after another."""
        actions: list[tuple[int, Callable[[], None]]] = [
            (40, self.add),
            (4, self.add_film),
            (4, self.add_twin),
            (6, self.change),
            (6, self.move),
            (4, self.vanish),
            (3, self.write_slowly),
            (12, self.fault),
            (3, self.kill),
            (1, self.stop),
            (1, self.pause),
        ]
        if self.phone is not None:
            actions += [(10, self.shoot), (2, self.shoot_film), (6, self.unplug), (1, self.stall)]
        if self.disks:
            actions.append((1, self.fill_a_disk))
        names = [action for _, action in actions]
        weights = [weight for weight, _ in actions]
        self.start()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            action = self.chance.choices(names, weights)[0]
            action()
            self.done[action.__name__] += 1
            time.sleep(self.chance.random() * 0.4)
            self.alive()

    def start(self) -> None:
        """Start the daemon, now and then under a clock that is wrong."""
        ahead = self.chance.choice([0, 0, 0, 3600, -3600, 86_400, -86_400])
        with (self.world.home / "soak.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "run", "--config", str(self.world.config)],
                env={**self.world.environ(), "SOAK_CLOCK_AHEAD": str(ahead)},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def alive(self) -> None:
        """The daemon never ends by itself."""
        assert self.process is not None
        assert self.process.poll() is None, "the daemon ended by itself"

    def end(self, number: int) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def _name(self, suffix: str) -> str:
        self.made += 1
        return f"{self.chance.choice('abc')}/{self.chance.choice('xyz')}/{self.made}{suffix}"

    def _put(self, name: str, content: bytes) -> None:
        """As a file manager copies: under another name first, or straight away."""
        self.ever.add(sha256(content))
        self.world.put(name, content)

    def _files(self) -> list[Path]:
        return sorted(one for one in self.world.pictures.rglob("*.*") if one.is_file())

    def _shots(self) -> list[Path]:
        return [] if self.phone is None else list(self.phone.storage.glob("DCIM/*/[!.]*"))

    def _copies(self) -> list[Path]:
        """What bears its final name in the mirror."""
        return [one for one in self.world.mirror.glob("[!.]*/**/*") if one.is_file()]

    def add(self) -> None:
        for _ in range(self.chance.choice([1, 1, 1, 10])):
            name = self._name(".jpg")
            self._put(name, jpeg(self.made, self.chance.randrange(1000, 60_000)))

    def add_film(self) -> None:
        name = self._name(".mp4")
        self._put(name, mp4(self.made, self.chance.randrange(MIB, 6 * MIB)))

    def add_twin(self) -> None:
        if files := self._files():
            self._put(self._name(".jpg"), self.chance.choice(files).read_bytes())

    def change(self) -> None:
        """Another version under the same name, put there at once."""
        if files := self._files():
            file = self.chance.choice(files)
            self.made += 1
            content = jpeg(self.made, self.chance.randrange(1000, 60_000))
            self.ever.add(sha256(content))
            hidden = file.with_name(f".{file.name}.new")
            hidden.write_bytes(content)
            hidden.replace(file)

    def move(self) -> None:
        if files := self._files():
            file = self.chance.choice(files)
            target = self.world.pictures / self._name(file.suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)

    def vanish(self) -> None:
        if files := self._files():
            self.chance.choice(files).unlink()

    def write_slowly(self) -> None:
        name = self._name(".jpg")
        content = jpeg(self.made, 50_000)
        self.ever.add(sha256(content))
        file = self.world.put(name, b"")
        with file.open("wb") as out:
            for at in range(0, len(content), 10_000):
                out.write(content[at : at + 10_000])
                out.flush()
                time.sleep(0.1)

    def fault(self) -> None:
        name = self.chance.choice(sorted(KINDS.keys() - NEED_THE_USER))
        skip, times = self.chance.randrange(4), self.chance.randrange(1, 3)
        self.world.emulator.faults.add(
            {"fault": name, "skip": skip, "times": times, "seconds": 0.5}
        )

    def kill(self) -> None:
        self.end(signal.SIGKILL)
        self.start()

    def stop(self) -> None:
        """A signal that comes before the program listens ends it like any other program."""
        assert self.end(signal.SIGTERM) in (0, -signal.SIGTERM)
        self.start()

    def pause(self) -> None:
        assert self.world.run("pause").returncode == 0
        assert self.world.run("resume").returncode == 0

    def _shoot(self, content: bytes, suffix: str) -> None:
        """As a camera app does: under a hidden name first."""
        assert self.phone is not None
        self.ever.add(sha256(content))
        folder = self.phone.storage / "DCIM" / self.chance.choice(["Camera", "Screenshots"])
        folder.mkdir(exist_ok=True)
        pending = folder / f".pending-1-{self.made}{suffix}"
        pending.write_bytes(content)
        pending.rename(folder / f"{self.made}{suffix}")

    def shoot(self) -> None:
        self.made += 1
        self._shoot(jpeg(self.made, self.chance.randrange(1000, 60_000)), ".jpg")

    def shoot_film(self) -> None:
        self.made += 1
        self._shoot(mp4(self.made, self.chance.randrange(MIB, 10 * MIB)), ".mp4")

    def unplug(self) -> None:
        """For a moment, or until the next time."""
        assert self.phone is not None
        self.phone.unplug()
        if self.chance.random() < 0.8:
            time.sleep(self.chance.random() * 0.3)
            self.phone.plug()

    def stall(self) -> None:
        """Nothing comes through the cable; then somebody pulls it."""
        assert self.phone is not None
        self.phone.cable.stall()
        time.sleep(self.chance.random())
        self.phone.unplug()
        self.phone.plug()

    def fill_a_disk(self) -> None:
        """For a second or two there is no room at all."""
        filler = self.chance.choice(self.disks) / "filler"
        with suppress(OSError), filler.open("wb") as full:
            while True:
                full.write(bytes(MIB))
                full.flush()
        time.sleep(1 + self.chance.random())
        filler.unlink()

    def settle(self) -> None:
        """No more trouble: everything goes where it belongs."""
        self.end(signal.SIGKILL)
        self.world.emulator.faults.clear()
        if self.phone is not None:
            self.phone.plug()
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            told = subprocess.run(
                [*PROGRAM, "run", "--once", "--json", "--config", str(self.world.config)],
                env=self.world.environ(),
                capture_output=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
            document = json.loads(told.stdout)
            if not document["left"] and not document["being_written"]:
                self.world.run("retry", "--all")  # a token that Google refused five times, say
                if not self.world.json("status")["items"]["found"]:
                    return
            time.sleep(1)

    def audit(self) -> list[str]:
        """What is wrong in the end."""
        import sqlite3

        library = Counter(item.sha256 for item in self.world.emulator.library.items())
        shot = {sha256(one.read_bytes()) for one in self._shots()}
        present = {sha256(one.read_bytes()) for one in self._files()} | shot
        wrong = [f"lost: {len(present - library.keys())} files"] * bool(present - library.keys())
        copies = {sha256(one.read_bytes()) for one in self._copies()}
        wrong += [f"not copied: {len(shot - copies)} files"] * bool(shot - copies)
        wrong += [f"never a file on the phone: {len(copies - shot)}"] * bool(copies - shot)
        wrong += [f"never a file: {one}" for one in library.keys() - self.ever]
        wrong += [f"{times} times: {one}" for one, times in library.items() if times > 1]
        database = sqlite3.connect(self.world.state / "photosync.db")
        for what, sql in AUDITS.items():
            found = database.execute(sql).fetchall()
            if found and what != "sessions":  # one of a file that is gone stays for its week
                wrong.append(f"{what}: {found[:3]}")
        rows = database.execute("SELECT id, state, error_code FROM media_items").fetchall()
        database.close()
        for number, state, code in rows:
            if state not in ("done", "duplicate") and code not in ("vanished", "replaced"):
                wrong.append(f"item {number} is {state} ({code})")
        verified = self.world.run("verify")
        if verified.returncode:
            wrong.append(f"verify: {verified.stdout}")
        if self.world.emulator.requests.overlapping_writes():
            wrong.append("two writes at once")
        if "Traceback" in (self.world.home / "soak.log").read_text("utf-8", "replace"):
            wrong.append("a traceback in the log")
        return wrong


@contextmanager
def _disk(folder: Path, mib: int, *, wanted: bool) -> Iterator[bool]:
    """A disk of its own for a folder, where this user may mount one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if not wanted:
        yield False
        return
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def _phone(folder: Path) -> Iterator[LabPhone | None]:
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


@dataclass
class SoakWorld(World):
    """With a mirror, which has to be all copied in the end."""

    def __post_init__(self) -> None:
        self.mirror = self.home / "mirror"
        super().__post_init__()


def soak(folder: Path, *, seconds: float, seed: int) -> tuple[list[str], Soak]:
    """What was wrong after so long a run."""
    home = folder / "home"
    home.mkdir()
    with (
        Emulator(folder / "google") as emulator,
        _phone(folder) as phone,
        _disk(home / "mirror", MIRROR_MIB, wanted=seconds <= SHORT_SECONDS) as is_small,
    ):
        emulator.options.reused_token = random.Random(seed).choice(["same-id", "code-3"])
        emulator.options.writes_per_minute = 100_000
        emulator.options.daily_limit = 10_000_000
        world = SoakWorld(home, emulator)
        world.configure(
            google="writes_per_minute = 10000\ndaily_requests = 10000000",
            phone="enabled = false" if phone is None else f"adb_port = {phone.host.port}",
            more=f'{SETTINGS}[mirror]\npath = "{world.mirror}"\nmin_free = 0\n',
        )
        disks = (world.mirror,) if is_small else ()
        one = Soak(world, random.Random(seed), phone=phone, disks=disks)
        try:
            one.go(seconds)
            one.settle()
            return one.audit(), one
        finally:
            if one.process is not None:
                one.process.kill()
                one.process.wait()


def main() -> int:
    """Run one soak; 0 if nothing was lost, doubled or left over."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    seconds = given.hours * 3600 or given.seconds
    print(f"seed {given.seed}, {seconds:.0f} seconds", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="photosync-soak-"))
    wrong, one = soak(folder, seconds=seconds, seed=given.seed)
    print(", ".join(f"{name} {times}" for name, times in sorted(one.done.items())))
    items = one.world.emulator.requests.count()
    print(f"{one.made} names, {len(one.ever)} versions, {items} requests")
    for fault in wrong:
        print(f"WRONG: {fault}")
    print(f"see {folder}" if wrong else "nothing lost, nothing doubled, nothing left over")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
