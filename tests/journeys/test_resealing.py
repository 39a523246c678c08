"""What was brought to the second copy before it was to be sealed is told of, and sealed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pyrage
import pytest

from tests.journeys.conftest import PROGRAM, World, jpeg, mp4, wait_for
from tests.journeys.test_backup import backup_to, files, put

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.journey

SEALED, HIDDEN = "encrypt = true", "encrypt = true\nencrypt_names = true"
CONTENTS = {"Lisa.jpg": jpeg(1), "Tom.jpg": jpeg(2), "film.mp4": mp4(1, 300_000)}


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def plain_backup(world: World, disk: Path) -> None:
    backup_to(world, disk)
    for name, content in CONTENTS.items():
        put(world, name, content)
    world.once()
    world.run("backup", "--new-key")


def opened(root: Path, key: Path) -> list[bytes]:
    """What the key makes of every file that lies there."""
    identity = pyrage.x25519.Identity.from_str(key.read_text().split("\n")[2])
    return [pyrage.decrypt(content, [identity]) for content in files(root).values()]


def whole(root: Path) -> bytes:
    """All that somebody sees who has the disk: names and bytes."""
    names = "\n".join(str(one.relative_to(root)) for one in root.rglob("*"))
    return names.encode() + b"".join(one.read_bytes() for one in root.rglob("*") if one.is_file())


def index_files(disk: Path) -> list[str]:
    return sorted(one.name for one in (disk / ".photosync/index").iterdir())


def test_what_is_plain_is_told_of_everywhere_and_sealed_when_asked(
    world: World, disk: Path
) -> None:
    plain_backup(world, disk)
    assert world.json("status")["backup"]["exposed"] is None, "nobody wants it sealed"
    assert world.run("backup", "--reseal").returncode == 2
    backup_to(world, disk, HIDDEN)
    put(world, "new.jpg", jpeg(3))
    world.once()
    size = sum(map(len, CONTENTS.values()))
    told = world.json("status")["backup"]["exposed"]
    assert (told["plain"], told["plain_bytes"], told["old_index"]) == (3, size, True)
    for verb in (["status"], ["backup"], ["verify", "--backup"], ["doctor", "--offline"]):
        text = re.sub(r"\s+", " ", world.run(*verb).stdout)
        assert "In the second copy 3 files (" in text, verb
        assert "can still be read without the key; its index tells names" in text, verb
        assert "photosync backup --reseal" in text, verb

    done = world.json("backup", "--reseal")
    assert (done["sealed"], done["removed"], done["error"]) == (3, 3, None)
    assert (done["exposed"], done["lost"], done["left"]) == (None, [], [])
    contents = [*CONTENTS.values(), jpeg(3)]
    assert sorted(opened(disk, world.state / "backup-key.txt")) == sorted(contents)
    seen = whole(disk)
    assert not [one for one in (b"Lisa", b"Pictures", b"2020", jpeg(1)) if one in seen]
    assert all(one.endswith(".tsv.age") for one in index_files(disk))
    assert world.json("status")["backup"]["exposed"] is None
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["differences"], verified["unknown"]) == (4, [], [])
    assert world.json("backup", "--reseal")["sealed"] == 0


def test_the_names_come_back_from_the_sealed_index_alone(world: World, disk: Path) -> None:
    plain_backup(world, disk)
    backup_to(world, disk, HIDDEN)
    assert world.run("backup", "--reseal").returncode == 0
    before = files(disk)
    for one in world.state.glob("photosync.db*"):
        one.unlink()
    world.once()
    assert files(disk) == before, "all of it was taken over, and nothing brought there twice"
    assert world.json("status")["backup"]["waiting"] == 0


@pytest.mark.parametrize("was", ["", SEALED])
def test_names_alone_are_sealed_later(world: World, disk: Path, was: str) -> None:
    world.run("backup", "--new-key")
    backup_to(world, disk, SEALED)
    for name, content in CONTENTS.items():
        put(world, name, content)
    world.once()
    backup_to(world, disk, HIDDEN if was else SEALED)
    told = world.json("status")["backup"]["exposed"]
    if not was:
        assert told is None
        return
    assert (told["plain"], told["named"], told["old_index"]) == (0, 3, False)
    assert "3 files still show their names" in told["message"]
    kept = sorted(files(disk).values())
    assert world.run("backup", "--reseal").returncode == 0
    assert sorted(files(disk).values()) == kept, "they are not sealed a second time"
    assert b"Lisa" not in whole(disk)
    assert world.json("verify", "--backup", "--all")["backup"]["differences"] == []


def test_what_is_sealed_for_other_keys_is_told_of_and_sealed_anew(world: World, disk: Path) -> None:
    world.run("backup", "--new-key")
    key = world.state / "backup-key.txt"
    backup_to(world, disk, HIDDEN)
    for name, content in CONTENTS.items():
        put(world, name, content)
    world.once()
    old = world.home / "old-key.txt"
    shutil.copy(key, old)
    fresh = pyrage.x25519.Identity.generate()
    publics = [old.read_text().split("public key: ")[1].split("\n")[0], str(fresh.to_public())]
    backup_to(world, disk, f"{HIDDEN}\nrecipients = {json.dumps(publics)}")
    put(world, "new.jpg", jpeg(3))
    world.once()
    told = world.json("status")["backup"]["exposed"]
    assert (told["plain"], told["for_other_keys"]) == (0, 3)
    assert "3 files are sealed for other keys" in told["message"]
    assert world.run("backup", "--reseal").returncode == 0
    for content in (*files(disk).values(), *_indexes(disk)):
        assert pyrage.decrypt(content, [fresh])
    assert world.json("status")["backup"]["exposed"] is None
    assert world.json("verify", "--backup", "--all")["backup"]["opened"] is True


def _indexes(disk: Path) -> list[bytes]:
    return [one.read_bytes() for one in (disk / ".photosync/index").iterdir()]


def test_a_file_that_is_not_what_was_put_there_stays_and_is_named(world: World, disk: Path) -> None:
    plain_backup(world, disk)
    spoilt = disk / "Pictures/2020/09/Lisa.jpg"
    spoilt.chmod(0o600)
    spoilt.write_bytes(b"\0" * len(jpeg(1)))
    backup_to(world, disk, SEALED)
    done = world.json("backup", "--reseal")
    assert (done["sealed"], done["lost"]) == (2, ["Pictures/2020/09/Lisa.jpg"])
    assert world.json("backup")["made"] == 1
    done = world.json("backup", "--reseal")
    assert (done["sealed"], done["left"]) == (0, ["Pictures/2020/09/Lisa.jpg"])
    assert world.json("status")["backup"]["exposed"]["leaving"] == 1
    spoilt.unlink()
    assert world.json("backup", "--reseal")["exposed"] is None
    assert sorted(opened(disk, world.state / "backup-key.txt")) == sorted(CONTENTS.values())


def test_what_another_put_there_as_plain_is_sealed_too(
    world: World, disk: Path, tmp_path: Path
) -> None:
    """Another photosync with the same folder's name, and one photo that both have."""
    plain_backup(world, disk)
    other = World(tmp_path / "other", world.emulator)
    backup_to(other, disk)
    put(other, "theirs.jpg", jpeg(7))
    put(other, "Tom.jpg", jpeg(8))
    other.once()
    assert len(files(disk)) == 5
    backup_to(world, disk, SEALED)
    assert world.run("backup", "--reseal").returncode == 0
    key = world.state / "backup-key.txt"
    assert sorted(opened(disk, key)) == sorted([*CONTENTS.values(), jpeg(7), jpeg(8)])


def test_killed_anywhere_it_goes_on_and_no_photo_is_without_a_copy(
    world: World, disk: Path
) -> None:
    backup_to(world, disk)
    contents = {f"{number}.jpg": jpeg(number, 20_000) for number in range(60)}
    for name, content in contents.items():
        put(world, name, content)
    world.once()
    world.run("backup", "--new-key")
    backup_to(world, disk, SEALED)
    command = [*PROGRAM, "backup", "--reseal", "--config", str(world.config)]
    identity = _identity(world)
    for killed in range(4):
        many = 12 * (killed + 1)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=world.environ()) as one:
            wait_for(partial(_is_so_far, disk, many, one))
            one.send_signal(signal.SIGKILL)
            one.wait()
        there = {
            pyrage.decrypt(content, [identity]) if name.endswith(".age") else content
            for name, content in files(disk).items()
        }
        assert there == set(contents.values())
    assert world.run("backup", "--reseal").returncode == 0
    assert sorted(opened(disk, world.state / "backup-key.txt")) == sorted(contents.values())
    assert all(one.endswith(".age") for one in index_files(disk))


def _is_so_far(disk: Path, many: int, running: subprocess.Popen[bytes]) -> bool:
    return len([*disk.rglob("*.age")]) >= many or running.poll() is not None


def _identity(world: World) -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.from_str(
        (world.state / "backup-key.txt").read_text().split("\n")[2]
    )
