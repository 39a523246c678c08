"""``backup --reseal`` dies at every border, is run again, and no photo is ever without a copy."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pyrage
import pytest

from photosync.emulator.server import Emulator
from tests.crash.staging import borders_of, started
from tests.crash.zygote import DIED
from tests.journeys.conftest import World, jpeg, mp4

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1500)]

LONG_AGO = 1_600_000_000
CONTENTS = {f"{number}.jpg": jpeg(number) for number in range(3)} | {"f.mp4": mp4(1, 300_000)}
SEALED = "encrypt = true\nencrypt_names = true"


def contents_of(disk: Path, key: pyrage.x25519.Identity) -> list[bytes]:
    """Each content that lies there, be it sealed or not."""
    return [
        pyrage.decrypt(one.read_bytes(), [key]) if one.suffix == ".age" else one.read_bytes()
        for one in disk.rglob("*")
        if one.is_file() and ".photosync" not in one.parts
    ]


def proven(world: World, disk: Path) -> set[Path]:
    """The files that count on record."""
    with closing(sqlite3.connect(world.state / "photosync.db")) as database:
        rows = database.execute("SELECT path FROM backups WHERE verified_at > 1 AND NOT is_lost")
        return {disk / os.fsdecode(path) for (path,) in rows}


def test_sealing_anew_dies_anywhere_and_the_next_one_ends_it(tmp_path: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    kept_state, kept_disk = tmp_path / "kept-state", tmp_path / "kept-disk"
    with Emulator(tmp_path / "google") as emulator, started() as program:
        world = World(tmp_path / "home", emulator)
        disk = world.home / "backup"
        disk.mkdir()
        (world.state / "backup-key.txt").write_text(f"{key}\n")
        world.configure(more=f'[backup]\nto = "{disk}"\n')
        for name, content in CONTENTS.items():
            file = world.put(name, content)
            os.utime(file, (LONG_AGO, LONG_AGO))
        world.once()
        world.configure(more=f'[backup]\nto = "{disk}"\n{SEALED}\n')
        shutil.copytree(world.state, kept_state)
        shutil.copytree(disk, kept_disk)

        def set_back() -> None:
            for kept, here in ((kept_state, world.state), (kept_disk, disk)):
                shutil.rmtree(here)
                shutil.copytree(kept, here)

        verb, deaths = ("backup", "--reseal"), 0
        code, told = program.run(world, *verb)
        assert code == 0
        matrix = borders_of([(kind, site, times) for kind, site, times in told["crossed"]])
        for border in matrix:
            set_back()
            died, _ = program.run(world, *verb, die=border)
            deaths += died == DIED
            assert set(contents_of(disk, key)) == set(CONTENTS.values()), border
            counts = proven(world, disk)
            assert len(counts) == len(CONTENTS), border
            assert all(one.is_file() for one in counts), border
            code, _ = program.run(world, *verb)
            assert code == 0, (border, (world.home / "log").read_text()[-3000:])
            assert sorted(contents_of(disk, key)) == sorted(CONTENTS.values()), border
            left = [one for one in disk.rglob("*.*") if one.suffix != ".age"]
            assert [one.name for one in left if one.is_file()] == ["README.txt"], border
            assert proven(world, disk) == set(disk.glob("??/*.age")), border
        assert deaths > len(matrix) * 0.8
