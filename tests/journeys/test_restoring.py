"""photosync restore: a phone is wiped, and every byte and time comes back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import PATIENCE, PROGRAM, interrupt, jpeg, mp4, wait_for
from tests.journeys.test_phones import configure, old, shoot
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

THEN = 1_600_000_000
CONTENTS = {
    "DCIM/Camera/a.jpg": jpeg(1),
    "DCIM/Camera/twin of a.jpg": jpeg(1),
    "DCIM/Camera/it's $(odd)\n.jpg": jpeg(2),
    "DCIM/Camera/b\udce9.jpg": jpeg(3),
    "Pictures/App/film.mp4": mp4(4, 9_000_000),
}


@pytest.fixture
def phone_world(world: World, host: AdbHost, tmp_path: Path) -> World:
    configure(world, host, tmp_path)
    return world


def take_all(phone: LabPhone) -> None:
    for number, (name, content) in enumerate(CONTENTS.items()):
        file = shoot(phone, name, content)
        os.utime(file, (THEN + number, THEN + number))


def wipe(phone: LabPhone) -> None:
    for one in phone.storage.iterdir():
        shutil.rmtree(one)


def names_on(phone: LabPhone) -> list[str]:
    """Paths of all files; unlike their bytes they can be asked for while files come and go."""
    return sorted(
        str(one.relative_to(phone.storage)) for one in phone.storage.rglob("*") if one.is_file()
    )


def lies_on(phone: LabPhone) -> dict[str, tuple[bytes, float]]:
    """Path → bytes and time of every file."""
    files = {name: phone.storage / name for name in names_on(phone)}
    return {name: (one.read_bytes(), one.stat().st_mtime) for name, one in files.items()}


def restorer_name(world: World) -> str:
    """What this photosync marks with what it has half restored."""
    with sqlite3.connect(world.state / "photosync.db") as database:
        ((name,),) = database.execute("SELECT value FROM flags WHERE name = 'own_name'")
    database.close()
    return str(name)


def test_a_wiped_phone_gets_every_byte_and_time_back(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    take_all(phone)
    before = lies_on(phone)
    phone_world.once()
    items = phone_world.json("status")["items"]
    requests = phone_world.requests_counted()
    wipe(phone)

    foreseen = phone_world.json("restore", "--all", "--dry-run")
    assert {one["would"] for one in foreseen["parts"][0]["items"]} == {"mirror"}
    assert lies_on(phone) == {}
    done = phone_world.json("restore", "--all")
    (part,) = done["parts"]
    assert (part["put"], part["there"], part["left"], part["failed"]) == (5, 0, 0, [])
    assert part["out_of"] == {"mirror": 5}
    assert lies_on(phone) == before

    # it is no news to anybody
    phone_world.once()
    status = phone_world.json("status")
    assert status["items"] == items
    assert (phone_world.requests_counted(), status["problems"]) == (requests, [])
    history = phone_world.json("show", "1")["item"]["history"]
    assert [one["code"] for one in history][-1] == "restored"

    # and asked again it costs a look
    told = phone_world.run("restore", "--all")
    assert told.returncode == 0
    assert "0 photos and videos put back (0 B), 5 lay there already." in told.stdout
    assert lies_on(phone) == before
    assert (tmp_path / "mirror/Lab Pixel Lab/DCIM/Camera/a.jpg").read_bytes() == jpeg(1)


def test_a_choice_of_items(phone_world: World, phone: LabPhone) -> None:
    take_all(phone)
    os.utime(phone.storage / "DCIM/Camera/a.jpg", (1_500_000_000, 1_500_000_000))
    phone_world.once()
    wipe(phone)

    def put(*arguments: str) -> set[str]:
        before = set(lies_on(phone))
        assert phone_world.run("restore", *arguments).returncode == 0
        return set(lies_on(phone)) - before

    assert put("--day", "2017-07-14") == {"DCIM/Camera/a.jpg"}
    assert put("--folder", "Pictures/App", "--source", "Lab Pixel Lab") == {"Pictures/App/film.mp4"}
    assert put("--state", "duplicate") == {"DCIM/Camera/twin of a.jpg"}
    assert len(put("--day", "2020-09-12..2020-09-14")) == 2
    assert len(lies_on(phone)) == 5


def test_what_cannot_be_meant_is_refused(phone_world: World) -> None:
    for arguments in (
        (),
        ("--all", "--resume"),
        ("1", "--all"),
        ("--day", "yesterday"),
        ("--day", "2024-02-02..2024-01-01"),
        ("--all", "--to-phone", "X", "--to-folder", "y"),
        ("--folder", "/nowhere"),
        ("--source", "nobody", "--all"),
        ("7",),
        ("--resume", "--dry-run"),
    ):
        assert phone_world.run("restore", *arguments).returncode == 2, arguments
    told = phone_world.run("restore", "--all")
    assert (told.returncode, "No item is meant by that" in told.stdout) == (0, True)


def test_nothing_is_overwritten_and_the_others_go_on(phone_world: World, phone: LabPhone) -> None:
    take_all(phone)
    phone_world.once()
    wipe(phone)
    mine = old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(77)))
    told = phone_world.run("restore", "--all")
    assert told.returncode == 1
    assert "1 was not put back:" in told.stdout
    assert "Another file lies at /storage/emulated/0/DCIM/Camera/a.jpg" in told.stdout
    assert mine.read_bytes() == jpeg(77)
    assert len(lies_on(phone)) == 5
    assert "nothing left to go on with" in phone_world.run("restore", "--resume").stdout


def test_another_phone_gets_them_and_the_library_holds_each_once(
    phone_world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    take_all(phone)
    phone_world.put("holiday/c.jpg", jpeg(9))
    phone_world.once()
    held = phone_world.library()
    with lab.phone(host, tmp_path / "phone-2", "LAB2222") as other:
        done = phone_world.json("restore", "--all", "--to-phone", "LAB2222")
        assert done["parts"][0]["put"] == 6
        wanted = CONTENTS | {"Pictures/Pictures/holiday/c.jpg": jpeg(9)}
        assert {path: found[0] for path, found in lies_on(other).items()} == wanted
        phone_world.once()
    assert phone_world.library() == held
    assert len(phone_world.emulator.library.items()) == len(held)
    items = phone_world.json("status")["items"]
    assert (items["done"], items["duplicate"], items["total"]) == (5, 7, 12)


def test_into_a_folder_with_names_that_every_disk_takes(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    take_all(phone)
    phone_world.put("holiday/c.jpg", jpeg(9))
    phone_world.once()
    phone.unplug()
    out = tmp_path / "out"
    assert phone_world.run("restore", "--all", "--to-folder", str(out)).returncode == 0
    a = out / "Lab Pixel Lab/DCIM/Camera/a.jpg"
    assert (a.read_bytes(), a.stat().st_mtime) == (jpeg(1), THEN)
    assert (out / "Pictures/holiday/c.jpg").read_bytes() == jpeg(9)
    names = [one.name for one in out.rglob("*") if one.is_file()]
    assert len(names) == 6
    assert all(name.isprintable() for name in names)
    a.unlink()
    again = phone_world.json("restore", "--all", "--to-folder", str(out))
    assert (again["parts"][0]["put"], again["parts"][0]["there"]) == (1, 5)


def test_a_phone_that_is_away_is_named_and_what_to_do(phone_world: World, phone: LabPhone) -> None:
    take_all(phone)
    kept = phone_world.put("c.jpg", jpeg(9))
    phone_world.put("d.jpg", jpeg(10))
    phone_world.once()
    phone.unplug()
    kept.unlink()
    told = phone_world.run("restore", "--all")
    assert told.returncode == 3
    assert "! Lab Pixel Lab is not plugged in." in told.stdout
    assert "photosync phones" in told.stdout


def test_a_watched_folders_file_comes_back_to_its_place_from_its_like(
    phone_world: World, phone: LabPhone
) -> None:
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    lost = old(phone_world.put("trip/a.jpg", jpeg(1)))
    phone_world.put("other.jpg", jpeg(2))
    phone_world.once()
    lost.unlink()
    told = phone_world.json("restore", "--source", "Pictures", "--folder", str(lost.parent))
    assert told["parts"][0]["out_of"] == {"mirror": 1}
    assert (lost.read_bytes(), lost.stat().st_mtime) == (jpeg(1), THEN)
    lost.unlink()
    phone_world.json("restore", "--folder", "trip")
    assert lost.read_bytes() == jpeg(1)


def test_a_damaged_copy_is_not_put_back(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    take_all(phone)
    phone_world.once()
    wipe(phone)
    copy = tmp_path / "mirror/Lab Pixel Lab/Pictures/App/film.mp4"
    spoilt = bytearray(copy.read_bytes())
    spoilt[5_000_000] ^= 1
    copy.write_bytes(spoilt)
    told = phone_world.run("restore", "--all")
    assert told.returncode == 1
    assert "film.mp4 in the mirror is damaged" in told.stdout
    assert len(lies_on(phone)) == 4
    assert not list(phone.storage.rglob(".photosync*"))


def test_a_cable_that_is_cut_in_the_middle_and_the_same_command_again(
    phone_world: World, phone: LabPhone, host: AdbHost
) -> None:
    wanted = {f"DCIM/Camera/{number}.jpg": jpeg(number, 400_000) for number in range(60)}
    wanted["DCIM/Camera/film.mp4"] = mp4(1, 60_000_000)
    for name, content in wanted.items():
        old(shoot(phone, name, content))
    phone_world.once()
    wipe(phone)
    cut = phone.cable.once(lambda: len(names_on(phone)) > 20, phone.cable.cut)
    with subprocess.Popen(
        [*PROGRAM, "restore", "--all", "--config", str(phone_world.config)],
        env=phone_world.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        wait_for(cut.is_set)
        phone.unplug()
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode in (1, 3)
    assert "it goes on from here: photosync restore --resume" in told
    assert 10 < len(names_on(phone)) < len(wanted)
    assert phone_world.run("restore", "--resume").returncode == 3  # not plugged in
    owner = restorer_name(phone_world)
    for name in (
        f".photosync-{owner}-0123456789abcdef.tmp",
        ".photosync-else-0123456789abcdef.tmp",
    ):
        (phone.storage / "DCIM/Camera" / name).write_bytes(b"half of it")
    phone.plug()
    done = phone_world.json("restore", "--resume")
    assert done["parts"][0]["left"] == 0
    # what a push leaves on a phone whose battery is taken out is swept: our own alone
    (other,) = phone.storage.rglob(".photosync*")
    assert other.name == ".photosync-else-0123456789abcdef.tmp"
    other.unlink()
    assert {path: found[0] for path, found in lies_on(phone).items()} == wanted


def test_ctrl_c_ends_it_and_it_can_be_forgotten(phone_world: World, phone: LabPhone) -> None:
    wanted = {f"DCIM/Camera/{number}.jpg": jpeg(number, 200_000) for number in range(80)}
    for name, content in wanted.items():
        old(shoot(phone, name, content))
    phone_world.once()
    wipe(phone)
    stalled = phone.cable.once(lambda: len(names_on(phone)) > 5, phone.cable.stall)
    with subprocess.Popen(
        [*PROGRAM, "restore", "--all", "--config", str(phone_world.config)],
        env=phone_world.environ(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(stalled.is_set)
        interrupt(process)
        phone.cable.plug()  # it flows again
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "stopped" in told
    assert not list(phone.storage.rglob(".photosync*"))
    assert phone_world.json("restore", "--forget")["forgotten"] > 0
    assert phone_world.json("restore", "--resume")["parts"] == []
