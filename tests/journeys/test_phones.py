"""A phone on a cable, the real program, and a library that holds each of its photos once."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, mp4, sha256, wait_for
from tests.lab import lab
from tests.lab.server import FakeServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey


@pytest.fixture
def phone_world(world: World, host: AdbHost, tmp_path: Path) -> World:
    configure(world, host, tmp_path)
    return world


def configure(world: World, host: AdbHost, tmp_path: Path, mirror: str = "") -> None:
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f'[mirror]\npath = "{tmp_path / "mirror"}"\nmin_free = 0\n{mirror}',
    )


def shoot(phone: LabPhone, name: str, content: bytes) -> Path:
    """Take a photo the way a camera app does: written under another name, then named."""
    file = phone.storage / name
    file.parent.mkdir(parents=True, exist_ok=True)
    pending = file.with_name(f".pending-1-{file.name}")
    pending.write_bytes(content)
    pending.rename(file)
    return file


def old(file: Path) -> Path:
    os.utime(file, (1_600_000_000, 1_600_000_000))
    return file


def test_a_phone_is_copied_and_uploaded_once(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    contents = {f"DCIM/Camera/{number}.jpg": jpeg(number) for number in range(30)}
    contents["DCIM/Camera/it's $(odd).jpg"] = jpeg(100)
    contents["Pictures/App/film.mp4"] = mp4(101, 9_000_000)
    for name, content in contents.items():
        old(shoot(phone, name, content))
    old(shoot(phone, "DCIM/Camera/text.jpg", b"no picture"))
    old(shoot(phone, "Download/not chosen.jpg", jpeg(102)))
    assert phone_world.once(code=1)["failed"] == 1
    assert phone_world.holds(*contents.values())
    assert len(phone_world.library()) == len(contents)
    for name, content in contents.items():
        copy = tmp_path / "mirror/Lab Pixel Lab" / name
        assert copy.read_bytes() == content
        assert copy.stat().st_mtime == 1_600_000_000
    assert not any((tmp_path / "mirror/.photosync/part").glob("*/*"))
    (line,) = (one for one in phone_world.json("list")["items"] if one["path"].endswith("film.mp4"))
    where = phone_world.json("show", str(line["id"]))["item"]["mirror_path"]
    assert where == str(tmp_path / "mirror/Lab Pixel Lab/Pictures/App/film.mp4")
    used = phone_world.requests_counted()
    phone_world.once()
    assert phone_world.requests_counted() == used
    assert len(phone_world.library()) == len(contents)


def test_a_photo_taken_while_it_is_plugged_in_is_uploaded_within_seconds(
    phone_world: World, phone: LabPhone
) -> None:
    old(shoot(phone, "DCIM/Camera/first.jpg", jpeg(1)))
    with phone_world.daemon() as daemon:
        wait_for(lambda: phone_world.holds(jpeg(1)), daemon)
        wait_for(lambda: phone_world.json("status")["daemon"]["state"] == "idle", daemon)
        began = time.monotonic()
        shoot(phone, "DCIM/Camera/second.jpg", jpeg(2))
        wait_for(lambda: phone_world.holds(jpeg(2)), daemon)
        took = time.monotonic() - began
        print(f"photo to library: {took:.2f} s")
        status = phone_world.json("status")
    assert [one["connected"] for one in status["sources"] if one["kind"] == "phone"] == [True]


def test_unplugged_and_plugged_in_again_and_again(
    phone_world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    """Two phones, thirty times at random moments, one video that is cut off: all there once."""
    chance = random.Random(3)
    with lab.phone(host, tmp_path / "phone-2", "LAB2222") as other:
        wanted = []
        for number in range(60):
            for at, one in enumerate((phone, other)):
                content = jpeg(1000 * at + number) + bytes(200_000)
                wanted.append(content)
                old(shoot(one, f"DCIM/Camera/{number}.jpg", content))
        for at, one in enumerate((phone, other)):
            film = mp4(7 + at, 60_000_000)
            wanted.append(film)
            old(shoot(one, "DCIM/Camera/film.mp4", film))
        with phone_world.daemon() as daemon:
            for _ in range(15):
                for one in (phone, other):
                    time.sleep(chance.uniform(0.0, 0.4))
                    one.unplug()
                    time.sleep(chance.uniform(0.0, 0.2))
                    one.plug()
            # the library holds the last one a moment before that is on record
            wait_for(lambda: phone_world.json("status")["items"]["done"] == len(wanted), daemon)
        assert phone_world.holds(*wanted)
        assert len(phone_world.library()) == len({sha256(one) for one in wanted})
        items = phone_world.json("status")["items"]
        assert items["failed"] == items["skipped"] == 0
        assert items["done"] == items["total"] == len(wanted)


def test_an_adb_server_that_is_killed_in_the_middle(
    phone_world: World, phone: LabPhone, host: AdbHost
) -> None:
    wanted = [jpeg(number) + bytes(300_000) for number in range(40)]
    wanted.append(mp4(99, 80_000_000))
    for number, content in enumerate(wanted):
        old(shoot(phone, f"DCIM/Camera/{number}.{'mp4' if number == 40 else 'jpg'}", content))
    chance = random.Random(5)
    with phone_world.daemon() as daemon:
        for _ in range(6):
            time.sleep(chance.uniform(0.05, 0.6))
            host.stop()
            host.start()
            phone.plug()
        # the library holds the last one a moment before that is on record
        wait_for(lambda: phone_world.json("status")["items"]["done"] == len(wanted), daemon)
    items = phone_world.json("status")["items"]
    assert items["done"] == items["total"] == len(phone_world.library()) == len(wanted)
    assert phone_world.holds(*wanted)


def test_phones_says_who_is_there(phone_world: World, phone: LabPhone) -> None:
    (line,) = phone_world.json("phones")["phones"]
    assert (line["serial"], line["state"], line["advice"]) == ("LAB1111", "ready", "")
    assert line["wireless"]
    shown = phone_world.run("phones")
    assert shown.returncode == 0
    assert "LAB1111" in shown.stdout
    assert "ready" in shown.stdout
    bare = phone_world.run("folders")
    assert (bare.returncode, "shows no folder with photos" in bare.stderr) == (3, True)

    phone.unplug()
    gone = phone_world.run("phones")
    assert gone.returncode == 3
    assert "No phone is plugged in" in gone.stdout
    assert phone_world.run("folders").returncode == 3


def test_folders_of_a_phone_that_does_not_allow_it_yet(world: World, tmp_path: Path) -> None:
    with FakeServer() as fake:
        fake.show("R58M30ABCDE\tunauthorized")
        world.configure(phone=f"adb_port = {fake.port}")
        told = world.run("folders", "--choose", "Download")
    assert told.returncode == 3
    assert "R58M30ABCDE cannot be looked at yet. Unlock the phone and tap Allow" in told.stderr


def test_folders_are_shown_chosen_and_left(phone_world: World, phone: LabPhone) -> None:
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    old(shoot(phone, "Download/b.jpg", jpeg(2)))
    old(shoot(phone, "Download/c.mp4", mp4(3, 5000)))
    old(shoot(phone, "Pictures/App's $(x)/d.jpg", jpeg(4)))
    before = {one["path"]: one for one in phone_world.json("folders")["folders"]}
    download = before["Download"]
    assert (download["photos"], download["videos"], download["taken"]) == (1, 1, False)
    assert before["DCIM/Camera"]["taken"]

    for arguments, code in (
        (["Download"], 2),
        (["--choose", "--leave", "Download"], 2),
        (["--leave"], 2),
        (["--choose"], 2),
        (["--choose", "Nowhere"], 2),
        (["--phone", "OTHER"], 2),
        (["--choose", "Download"], 0),
        (["--leave", "Pictures/App's $(x)"], 0),
    ):
        done = phone_world.run("folders", *arguments)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
    after = {one["path"]: one["taken"] for one in phone_world.json("folders")["folders"]}
    assert after == {"DCIM/Camera": True, "Download": True, "Pictures/App's $(x)": False}

    phone_world.once()
    assert phone_world.library().keys() == {sha256(one) for one in (jpeg(1), jpeg(2), mp4(3, 5000))}


def test_what_waits_in_a_folder_that_is_left_is_not_uploaded(
    phone_world: World, phone: LabPhone
) -> None:
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    old(shoot(phone, "Pictures/Private/b.jpg", jpeg(2)))
    assert phone_world.run("pause").returncode == 0
    phone_world.once(code=1)
    assert phone_world.json("status")["items"]["found"] == 2

    assert phone_world.run("folders", "--leave", "Pictures/Private").returncode == 0
    assert phone_world.run("resume").returncode == 0
    phone_world.once()
    assert phone_world.library().keys() == {sha256(jpeg(1))}
    assert phone_world.json("status")["items"]["skipped"] == 1

    assert phone_world.run("folders", "--choose", "Pictures/Private").returncode == 0
    phone_world.once()
    assert phone_world.holds(jpeg(1), jpeg(2))


def states(world: World) -> dict[str, str]:
    """By name, without folders."""
    items = world.json("list")["items"]
    return {one["path"].rpartition("/")[2]: one["state"] for one in items}


def test_a_folder_that_is_left_while_the_daemon_runs_stays_left(
    phone_world: World, phone: LabPhone
) -> None:
    old(shoot(phone, "DCIM/Camera/1.jpg", jpeg(1)))
    old(shoot(phone, "DCIM/Screenshots/2.jpg", jpeg(2)))
    with phone_world.daemon() as daemon:
        wait_for(lambda: phone_world.holds(jpeg(1), jpeg(2)), daemon)
        assert phone_world.run("pause").returncode == 0
        shoot(phone, "DCIM/Screenshots/3.jpg", jpeg(3))
        wait_for(lambda: phone_world.json("status")["items"]["total"] == 3, daemon)
        left = phone_world.run("folders", "--leave", "DCIM/Screenshots")
        assert left.returncode == 0
        assert phone_world.run("resume").returncode == 0
        shoot(phone, "DCIM/Screenshots/4.jpg", jpeg(4))
        shoot(phone, "DCIM/Screenshots/Deep/5.jpg", jpeg(5))
        shoot(phone, "DCIM/Camera/6.jpg", jpeg(6))
        # the library holds the last one a moment before that is on record
        wait_for(lambda: states(phone_world).get("6.jpg") == "done", daemon)
        assert states(phone_world) == {
            "1.jpg": "done",
            "2.jpg": "done",
            "3.jpg": "skipped",
            "6.jpg": "done",
        }

        assert phone_world.run("folders", "--choose", "DCIM/Screenshots").returncode == 0
        wait_for(lambda: phone_world.holds(*map(jpeg, range(1, 7))), daemon)
    assert len(phone_world.library()) == 6


def test_what_waits_on_a_phone_that_is_not_there_is_said_in_one_line(
    phone_world: World, phone: LabPhone
) -> None:
    """A phone that is away is nothing that failed, as README says of the exit code."""
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    assert phone_world.run("pause").returncode == 0
    phone_world.once(code=1)
    phone.unplug()
    assert phone_world.run("resume").returncode == 0
    done = phone_world.run("run", "--once")
    assert done.returncode == 0, done.stderr
    assert "1 photo or video waits on Lab Pixel Lab, which is out of reach now." in done.stdout
    assert phone_world.json("status")["items"]["found"] == 1
    assert phone_world.run("status").returncode == 0
    phone.plug()
    phone_world.once()
    assert phone_world.holds(jpeg(1))


def test_a_phone_that_is_away_is_known_all_the_same(phone_world: World, phone: LabPhone) -> None:
    assert "Lab Pixel Lab" in phone_world.run("phones").stdout
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    old(shoot(phone, "Download/b.jpg", jpeg(2)))
    old(shoot(phone, "top.jpg", jpeg(3)))
    phone_world.once()
    asked = phone_world.run("status").stdout
    assert "folders that are not backed up: (the top) (1), Download (1)." in asked
    phone.unplug()

    phones = phone_world.run("phones")
    assert phones.returncode == 0
    assert "USB debugging" not in phones.stdout
    (line,) = phone_world.json("phones")["phones"]
    assert (line["label"], line["state"]) == ("Lab Pixel Lab", "away")
    assert line["last_seen_at"]
    folders = phone_world.run("folders")
    assert folders.returncode == 0
    assert "not plugged in: as last seen" in folders.stdout
    assert "new: not chosen" in folders.stdout
    assert phone_world.run("folders", "--choose", "Download").returncode == 0
    assert phone_world.run("folders", "--choose", "(the top)").returncode == 0
    assert phone_world.run("folders", "--choose", "Nowhere").returncode == 2

    phone.plug()
    phone_world.once()
    assert phone_world.holds(jpeg(1), jpeg(2), jpeg(3))
    assert phone_world.json("status")["problems"] == []


def test_a_folder_above_others_is_left_with_all_that_is_in_it(
    phone_world: World, phone: LabPhone
) -> None:
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    old(shoot(phone, "DCIM/Face/b.jpg", jpeg(2)))
    old(shoot(phone, "Pictures/c.jpg", jpeg(3)))
    assert phone_world.run("folders", "--leave", "DCI").returncode == 2
    assert phone_world.run("folders", "--leave", "DCIM/").returncode == 0
    taken = {one["path"]: one["taken"] for one in phone_world.json("folders")["folders"]}
    assert taken == {"DCIM/Camera": False, "DCIM/Face": False, "Pictures": True}
    phone_world.once()
    assert phone_world.library().keys() == {sha256(jpeg(3))}


def test_a_phone_that_the_settings_leave_out_is_told_of(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    world.configure(
        phone=f'adb_port = {host.port}\nserials = ["TYPO"]',
        more=f'[mirror]\npath = "{tmp_path / "mirror"}"\nmin_free = 0\n',
    )
    words = f"({phone.serial}) is plugged in, but phone.serials leaves it out."
    with world.daemon() as daemon:
        wait_for(lambda: words in world.run("status").stdout, daemon)
        assert world.run("status").returncode == 0
    doctor = world.run("doctor").stdout
    assert "is plugged in and ready, but phone.serials leaves it out" in doctor
    assert "No phone TYPO was ever here" in doctor


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_another_program_where_the_adb_server_should_be(world: World, says: bytes | None) -> None:
    """One that waits for more, one that answers nonsense, one that hangs up."""
    kept: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                connection, _ = listener.accept()
                kept.append(connection)
                if says is None:
                    connection.close()
                    continue
                with suppress(OSError):  # who asked has hung up by now
                    connection.sendall(says)

    with socket.create_server(("127.0.0.1", 0)) as stranger:
        Thread(target=serve, args=(stranger,), daemon=True).start()
        port = stranger.getsockname()[1]
        world.configure(phone=f"adb_port = {port}")
        words = f"What answers at 127.0.0.1:{port} is no adb server."
        for verb in ("phones", "folders"):
            said = world.run(verb)
            assert said.returncode == 3, said.stderr
            assert words in said.stderr
            assert "phone.adb_port" in said.stderr
        assert words in world.run("doctor").stdout
        with world.daemon() as daemon:
            world.put("a.jpg", jpeg(1))
            wait_for(lambda: world.holds(jpeg(1)), daemon)
            assert daemon.stop(signal.SIGINT) == 0
        stranger.shutdown(socket.SHUT_RDWR)
    for one in kept:
        one.close()


def test_phones_without_adb_name_the_package(world: World, tmp_path: Path) -> None:
    world.configure(phone=f"adb_port = {lab.free_port()}")
    done = subprocess.run(
        [*PROGRAM, "phones", "--config", str(world.config)],
        capture_output=True,
        text=True,
        env={**world.environ(), "PATH": str(tmp_path)},
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "sudo apt install adb" in done.stderr


def test_phones_that_are_switched_off(world: World) -> None:
    for verb in ("phones", "folders"):
        done = world.run(verb)
        assert done.returncode == 2
        assert "phone.enabled = true" in done.stderr
