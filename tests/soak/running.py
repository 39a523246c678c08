"""One soak from its beginning to its end."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.emulator.faults import KINDS
from photosync.emulator.server import Emulator
from tests.soak import sources
from tests.soak.disks import Disk, fill, mounted
from tests.soak.figures import REST_SECONDS
from tests.soak.ground import PROGRAM, Ground, Plan, a_phone, world_of
from tests.soak.second import Second
from tests.soak.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEED_THE_USER = {"storage-full", "invalid-grant", "api-not-enabled", "scope-missing", "quota-day"}
"""Faults that only somebody or the next day ends; the journeys try them."""

PATIENCE_SECONDS = 900
SETTLED_SECONDS = 300
MIRROR_MIB, SECOND_MIB = 16 << 10, 32 << 10
QUIET_FROM = 2 / 3
"""From here on nobody kills the daemon: what grows in it is to be seen."""


class Soak:
    """Does one thing after another, then waits until everything is where it belongs."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.verbs = Verbs(ground)
        self.second = Second(ground)
        self.mirror = Disk(ground, ground.world.mirror, ".photosync/mirror")

    def go(self, seconds: float, least: int = 0) -> None:
        """All of it, then the last third without a kill; at rest before and after.

        ``least``: so many files come, however slow the machine.
        """
        self.ground.start(is_right=True)
        time.sleep(REST_SECONDS if seconds > SETTLED_SECONDS else 0)
        began = time.monotonic()
        calm = self._calm()
        kills: list[tuple[int, Callable[[], None]]] = [
            (3, self.ground.kill),
            (1, self.ground.stop),
        ]
        self._do(calm + kills, began + seconds * QUIET_FROM, least)
        self.ground.end(signal.SIGKILL)
        self.ground.start(is_right=True)
        self._do(calm, began + seconds)
        self._rest(seconds)

    def _calm(self) -> list[tuple[int, Callable[[], None]]]:
        actions = sources.Folder(self.ground).actions()
        if self.ground.phone is not None:
            actions += [*sources.Phone(self.ground).actions(), (1, self.mirror.take_away)]
        if self.ground.disks:
            actions.append((1, self.fill_a_disk))
        return [*actions, (12, self.fault), *self.verbs.actions(), *self.second.actions()]

    def _do(
        self, weighed: list[tuple[int, Callable[[], None]]], ends: float, least: int = 0
    ) -> None:
        weights = [weight for weight, _ in weighed]
        actions = [action for _, action in weighed]
        while time.monotonic() < ends or self.ground.made < least:
            action = self.ground.chance.choices(actions, weights)[0]
            action()
            self.ground.done[action.__name__] += 1
            time.sleep(self.ground.chance.random() * 0.4)
            self.ground.alive()
            self.verbs.reap()

    def fill_a_disk(self) -> None:
        """No room at all."""
        fill(self.ground)

    def fault(self) -> None:
        """Google fails in some way, soon."""
        chance = self.ground.chance
        name = chance.choice(sorted(KINDS.keys() - NEED_THE_USER))
        skip, times = chance.randrange(4), chance.randrange(1, 3)
        self.ground.world.emulator.faults.add(
            {"fault": name, "skip": skip, "times": times, "seconds": 0.5}
        )

    def _mend_all(self) -> None:
        self.verbs.wait()
        self.ground.world.emulator.faults.clear()
        if self.ground.phone is not None:
            self.ground.phone.plug()
        self.mirror.bring_back()
        self.second.disk.bring_back()
        self.second.mend()

    def _rest(self, seconds: float) -> None:
        """The daemon has worked everything off, and is looked at for a while."""
        self._mend_all()
        ends = time.monotonic() + SETTLED_SECONDS
        while self._state() != "idle" and time.monotonic() < ends:
            time.sleep(1)
        time.sleep(REST_SECONDS if seconds > SETTLED_SECONDS else 0)
        self.ground.alive()

    def _state(self) -> str:
        return str(self.ground.world.json("status")["daemon"]["state"])

    def settle(self) -> None:
        """No more trouble: everything goes where it belongs."""
        self.ground.end(signal.SIGKILL)
        self._mend_all()
        world = self.ground.world
        for how in (("--resume",), ("--forget",)):
            world.run("restore", *how, timeout=PATIENCE_SECONDS)
        world.run("verify", "--backup", "--all", timeout=PATIENCE_SECONDS)
        ends = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends:
            world.run("choose", "--all")
            if self._once():
                world.run("retry", "--all")  # a token that Google refused five times, say
                items = world.json("status")["items"]
                if not any(items[one] for one in ("held", "found", "mirrored", "uploaded")):
                    return
            time.sleep(1)
        self.ground.wrong.append(f"it did not settle: {world.json('status')}")

    def _once(self) -> bool:
        """Whether one run has left nothing to do."""
        told = subprocess.run(
            [*PROGRAM, "run", "--once", "--json", "--config", str(self.ground.world.config)],
            env=self.ground.world.environ(),
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        document = json.loads(told.stdout)
        return not any(document[one] for one in ("left", "being_written", "not_backed_up"))


@contextmanager
def soaked(folder: Path, *, seconds: float, seed: int, least: int = 0) -> Iterator[Ground]:
    """What so long a run leaves behind, everything settled, for an audit."""
    home = folder / "home"
    home.mkdir()
    plan = Plan.of(seed)
    with (
        Emulator(folder / "google") as emulator,
        a_phone(folder) as phone,
        mounted(home / "mirror", MIRROR_MIB) as has_mirror,
        mounted(home / "second", SECOND_MIB) as has_second,
    ):
        world = world_of(home, emulator, plan, phone)
        disks = [world.mirror.parent] * has_mirror + [world.second.parent] * has_second
        ground = Ground(world, plan, random.Random(seed), phone=phone, disks=tuple(disks))
        one = Soak(ground)
        try:
            one.go(seconds, least)
            one.settle()
            yield ground
        finally:
            ground.put_away()
            ground.meter.end()
            one.verbs.wait()
