"""The power fails: of what the program wrote only that is left which it had synced."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from photosync.emulator.server import Emulator
from tests.journeys.conftest import World, jpeg, mp4, sha256, wait_for
from tests.lab import lab
from tests.powercut.disk import Disk, built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import AdbHost, LabPhone

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

CUTS = 10
PHOTOS = 122
LONG_AGO = 1_600_000_000


@dataclass
class OnDisk(World):
    """A user's machine whose home lies on a disk that may lose its power."""

    disk: Disk | None = None

    def environ(self) -> dict[str, str]:
        return {**super().environ(), **(self.disk.environ() if self.disk else {})}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        lab.want("needs gcc: sudo apt install gcc libc6-dev")
    return built(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbHost]:
    with lab.host(tmp_path_factory.mktemp("adb-home")) as made:
        yield made


@pytest.fixture
def phone(host: AdbHost, tmp_path: Path) -> Iterator[LabPhone]:
    with lab.phone(host, tmp_path / "phone", "LAB1111") as made:
        yield made


def test_the_disk_keeps_what_was_synced_and_nothing_else(shim: Path, tmp_path: Path) -> None:
    """The test of the test: what a careless program does is lost."""
    import subprocess
    import sys

    root = tmp_path / "root"
    root.mkdir()
    (root / "old").write_bytes(b"old")
    disk = Disk(root, tmp_path / "kept", shim)
    disk.begin()
    program = """if True:
        import os
        for name in ("careless", "synced", "named"):
            with open(name, "wb") as file:
                file.write(b"new")
                file.flush()
                if name != "careless":
                    os.fsync(file.fileno())
            if name == "named":
                os.fsync(os.open(".", os.O_RDONLY))
        with open("old", "wb") as file:
            file.write(b"half")
        os.rename("named", "renamed")
        open("after", "wb").close()
    """
    command = [sys.executable, "-c", program]
    subprocess.run(command, check=True, cwd=root, env={**os.environ, **disk.environ()})
    disk.cut(None)
    assert {one.name: one.read_bytes() for one in root.iterdir()} == {
        "old": b"old",
        "careless": b"",  # its name was synced with the folder, its content never
        "synced": b"new",
        "named": b"new",
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_power_cuts_lose_nothing_double_nothing_and_leave_no_half_copy(
    shim: Path, phone: LabPhone, host: AdbHost, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    with Emulator(tmp_path / "google") as emulator:
        emulator.options.bandwidth_bytes_per_second = 4 << 20
        world = OnDisk(tmp_path / "home", emulator)
        mirror = world.home / "mirror"
        world.configure(
            google="writes_per_minute = 600",
            phone=f"adb_port = {host.port}",
            more='[upload]\nresumable_above = "1 MiB"\nchunk = "256 KiB"\n'
            f'[mirror]\npath = "{mirror}"\nmin_free = 0',
        )
        emulator.options.writes_per_minute = 10_000
        contents = _make_photos(world, phone)
        disk = Disk(world.home, tmp_path / "kept", shim)
        disk.begin()
        world.disk = disk
        copied = set(map(sha256, contents["phone"]))
        for number in range(CUTS):
            wanted = emulator.requests.count() + chance.randrange(1, 45)
            with world.daemon(code=None) as daemon:
                wait_for(partial(_got_so_far, world, mirror, wanted, number), daemon)
                daemon.kill()
            disk.cut(chance if number % 2 else None)
            assert {sha256(one.read_bytes()) for one in _copies(mirror)} <= copied
        emulator.options.bandwidth_bytes_per_second = 0
        document = world.once()

        everything = [*contents["folder"], *contents["phone"]]
        held = sorted(item.sha256 for item in emulator.library.items())
        assert held == sorted(set(map(sha256, everything)))
        assert document["left"] == document["failed"] == 0
        items = world.json("status")["items"]
        assert items["done"] == items["total"] == len(everything)
        assert {sha256(one.read_bytes()) for one in _copies(mirror)} == copied
        findings = world.json("doctor")["findings"]
        assert [one for one in findings if one["verdict"] == "bad"] == []


def _got_so_far(world: World, mirror: Path, wanted: int, number: int) -> bool:
    """Requests count, and copies: the first cuts come before anything was sent."""
    requests, copies = world.emulator.requests.count(), len(_copies(mirror))
    return requests >= wanted or number < copies < CUTS or len(world.library()) == PHOTOS


def _make_photos(world: World, phone: LabPhone) -> dict[str, list[bytes]]:
    made = {
        "folder": [*(jpeg(number) for number in range(60)), mp4(1, 3 << 20)],
        "phone": [*(jpeg(1000 + number, 50_000) for number in range(60)), mp4(2, 12 << 20)],
    }
    for number, content in enumerate(made["folder"]):
        _old(world.put(f"{number % 3}/{number}.jpg", content))
    for number, content in enumerate(made["phone"]):
        file = phone.storage / "DCIM/Camera" / f"{number}.jpg"
        file.write_bytes(content)
        _old(file)
    return made


def _copies(mirror: Path) -> list[Path]:
    """Every file that bears its final name."""
    return [one for one in mirror.glob("[!.]*/**/*") if one.is_file()]


def _old(file: Path) -> None:
    os.utime(file, (LONG_AGO, LONG_AGO))
