"""``python -m tests.soak [--seconds N] [--hours N] [--seed N]``: everything at once, at random.

Files appear, change, move and vanish; Google fails; the program is killed, stopped, paused, and
started under a wrong clock. At the end an audit, file by file. The seed is printed and replays
the same plan; threads and processes meet as they like.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.emulator.faults import KINDS
from photosync.emulator.server import Emulator
from tests.crash.test_matrix import AUDITS
from tests.journeys.conftest import World, jpeg, mp4, sha256

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = [sys.executable, "-m", "tests.soak.program"]
NEED_THE_USER = {"storage-full", "invalid-grant", "api-not-enabled", "scope-missing", "quota-day"}
"""Faults that only somebody or the next day ends; the journeys try them."""

MIB = 1 << 20
SETTINGS = '[upload]\nresumable_above = "1 MiB"\nchunk = "256 KiB"\n'
PATIENCE_SECONDS = 300


@dataclass
class Soak:
    """``ever``: the hash of every version that a file had as a whole."""

    world: World
    chance: random.Random
    ever: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    made: int = 0
    process: subprocess.Popen[bytes] | None = None

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
        assert self.end(signal.SIGTERM) == 0
        self.start()

    def pause(self) -> None:
        assert self.world.run("pause").returncode == 0
        assert self.world.run("resume").returncode == 0

    def settle(self) -> None:
        """No more trouble: everything goes where it belongs."""
        self.end(signal.SIGKILL)
        self.world.emulator.faults.clear()
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
        present = {sha256(one.read_bytes()) for one in self._files()}
        wrong = [f"lost: {len(present - library.keys())} files"] * bool(present - library.keys())
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


def soak(folder: Path, *, seconds: float, seed: int) -> tuple[list[str], Soak]:
    """What was wrong after so long a run."""
    with Emulator(folder / "google") as emulator:
        emulator.options.reused_token = random.Random(seed).choice(["same-id", "code-3"])
        emulator.options.writes_per_minute = 100_000
        emulator.options.daily_limit = 10_000_000
        world = World(folder / "home", emulator)
        world.configure(
            google="writes_per_minute = 10000\ndaily_requests = 10000000", more=SETTINGS
        )
        one = Soak(world, random.Random(seed))
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
