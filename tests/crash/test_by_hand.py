"""Restore and free-space die at every border, are run again, and nothing is lost or left over."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from photosync.emulator.server import Emulator
from tests.crash.staging import Border, Crossed, Program, borders_of, started
from tests.crash.zygote import DIED
from tests.journeys.conftest import World, jpeg, mp4, sha256
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import LabPhone

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]

LONG_AGO = 1_600_000_000
CONTENTS = {f"DCIM/Camera/{number}.jpg": jpeg(number) for number in range(3)}
CONTENTS["DCIM/Camera/twin.jpg"] = jpeg(1)
CONTENTS["DCIM/Camera/film.mp4"] = mp4(1, 700_000)


@dataclass
class Ground:
    """A world whose photos are copied and in the library, and that can be set back to there."""

    world: World
    phone: LabPhone
    program: Program
    kept: Path

    def set_back(self, *, on_phone: bool) -> None:
        """As it was before; the phone full of photos, or wiped."""
        shutil.rmtree(self.world.state)
        shutil.copytree(self.kept, self.world.state)
        for one in self.phone.storage.iterdir():
            shutil.rmtree(one)
        shutil.rmtree(self.out, ignore_errors=True)
        (self.phone.storage / "DCIM/Camera").mkdir(parents=True)
        if on_phone:
            self.shoot()

    def shoot(self) -> None:
        for name, content in CONTENTS.items():
            file = self.phone.storage / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            os.utime(file, (LONG_AGO, LONG_AGO))

    @property
    def out(self) -> Path:
        return self.world.home / "out"

    @property
    def mirror(self) -> Path:
        return self.world.home / "mirror"

    def crossed(self, *verb: str) -> list[Border]:
        code, told = self.program.run(self.world, *verb)
        assert code == 0, (self.world.home / "log").read_text()[-3000:]
        crossed: list[Crossed] = [(kind, site, times) for kind, site, times in told["crossed"]]
        return borders_of(crossed)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        database = sqlite3.connect(self.world.state / "photosync.db")
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()


def lie_in(root: Path) -> dict[str, tuple[bytes, float]]:
    return {
        str(one.relative_to(root)): (one.read_bytes(), one.stat().st_mtime)
        for one in root.rglob("*")
        if one.is_file()
    }


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("by-hand")
    with (
        lab.host(tmp_path_factory.mktemp("adb-home")) as host,
        lab.phone(host, folder / "phone", "LAB1111") as phone,
        Emulator(folder / "google") as emulator,
        started() as program,
    ):
        world = World(folder / "home", emulator)
        world.configure(
            phone=f"adb_port = {host.port}",
            more=f'[mirror]\npath = "{world.home}/mirror"\nmin_free = 0',
        )
        made = Ground(world, phone, program, folder / "kept")
        made.shoot()
        world.once()
        shutil.copytree(world.state, made.kept)
        yield made


def die_everywhere(
    ground: Ground, matrix: list[Border], verb: list[str], again: list[str], *, on_phone: bool
) -> Iterator[tuple[Border, bool]]:
    """After each death and another run: where it was, and whether it did die there."""
    for border in matrix:
        ground.set_back(on_phone=on_phone)
        died, _ = ground.program.run(ground.world, *verb, die=border)
        code, _ = ground.program.run(ground.world, *again)
        assert code == 0, (border, (ground.world.home / "log").read_text()[-3000:])
        yield border, died == DIED


@pytest.mark.parametrize("to", ["phone", "folder"])
def test_restore_dies_anywhere_and_the_same_command_ends_it(ground: Ground, to: str) -> None:
    verb = ["restore", "--all"]
    if to == "folder":
        verb += ["--to-folder", str(ground.out)]
    there = ground.phone.storage if to == "phone" else ground.out / "Lab Pixel Lab"
    wanted = {name: (content, LONG_AGO) for name, content in CONTENTS.items()}
    ground.set_back(on_phone=False)
    matrix = ground.crossed(*verb)
    deaths = 0
    for border, died in die_everywhere(ground, matrix, verb, verb, on_phone=False):
        assert lie_in(there) == wanted, border
        assert ground.rows("SELECT DISTINCT state FROM restores") == [("done",)], border
        deaths += died
    print(f"deaths of restore to a {to}: {deaths} of {len(matrix)}")
    assert deaths > len(matrix) * 0.8


def test_free_space_dies_anywhere_and_the_log_is_whole(ground: Ground) -> None:
    verb = ["free-space", "--older-than", "0d", "--yes"]
    copies = lie_in(ground.mirror)
    held = ground.world.library()
    ground.set_back(on_phone=True)
    matrix = ground.crossed(*verb)
    deaths = 0
    for border, died in die_everywhere(ground, matrix, verb, verb, on_phone=True):
        assert lie_in(ground.phone.storage) == {}, border
        assert lie_in(ground.mirror) == copies, border
        assert ground.rows("SELECT count(*) FROM freed WHERE outcome = 'begun'") == [(0,)], border
        gone = ground.rows("SELECT item_id FROM freed WHERE outcome = 'gone' ORDER BY item_id")
        assert gone == [(number,) for number in range(1, len(CONTENTS) + 1)], border
        deaths += died
    print(f"deaths of free-space: {deaths} of {len(matrix)}")
    assert deaths > len(matrix) * 0.8
    assert ground.world.library() == held
    assert {sha256(one) for one in CONTENTS.values()} <= held.keys()
