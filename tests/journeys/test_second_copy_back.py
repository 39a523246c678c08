"""The second copy, plain and sealed, when it is all that is left: restore and free-space."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import jpeg
from tests.journeys.test_phones import old, shoot
from tests.journeys.test_restoring import CONTENTS, lies_on, take_all, wipe
from tests.journeys.test_verify import delete

if TYPE_CHECKING:
    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

PLAIN, SEALED = "", "encrypt = true\nencrypt_names = true"


def configure(world: World, host: AdbHost, tmp_path: Path, how: str, mirror: str = "") -> None:
    disk = tmp_path / "disk"
    disk.mkdir(exist_ok=True)
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f'[mirror]\npath = "{tmp_path / "mirror"}"\nmin_free = 0\n{mirror}\n'
        f"[backup]\nto = {json.dumps(str(disk))}\n{how}\n",
    )


def backed_up(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path, how: str
) -> dict[str, tuple[bytes, float]]:
    """A phone in the library, the mirror and the backup; what lies on it."""
    configure(world, host, tmp_path, how)
    if how:
        assert world.run("backup", "--new-key").returncode == 0
    take_all(phone)
    before = lies_on(phone)
    world.once()
    assert world.json("status")["backup"]["waiting"] == 0
    return before


@pytest.mark.parametrize("how", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_a_wiped_phone_out_of_the_backup_alone(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path, how: str
) -> None:
    before = backed_up(world, phone, host, tmp_path, how)
    wipe(phone)
    shutil.rmtree(tmp_path / "mirror/Lab Pixel Lab")
    done = world.json("restore", "--all")
    assert done["parts"][0]["out_of"] == {"backup": len(CONTENTS)}
    assert lies_on(phone) == before
    items = world.json("status")["items"]
    world.once()
    assert world.json("status")["items"] == items


@pytest.mark.parametrize("how", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_show_and_why_say_where_each_copy_lies(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path, how: str
) -> None:
    configure(world, host, tmp_path, how)
    if how:
        world.run("backup", "--new-key")
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    world.once()
    copies = (world.json("show", "1")["item"], *world.json("why", "1")["answers"])
    for one in copies:
        assert one["mirror_path"] == str(tmp_path / "mirror/Lab Pixel Lab/DCIM/Camera/a.jpg")
        second = one["second_copy"]
        assert (second["to"], second["sealed"]) == (str(tmp_path / "disk"), bool(how))
        lies = second["path"]
        content = Path(lies).read_bytes()
        assert content.startswith(b"age-encryption") if how else content == jpeg(1)
    for verb in ("show", "why"):
        told = world.run(verb, "1").stdout.replace("\n", "").replace(" ", "")
        assert "readback20" in told
        assert all(one.replace(" ", "") in told for one in (lies, copies[0]["mirror_path"]))


def test_a_photo_that_is_not_in_the_second_copy_yet_is_said_to_be_on_its_way(
    world: World, tmp_path: Path
) -> None:
    world.configure(more=f'[backup]\nto = "{tmp_path}/away"\n')
    world.put("a.jpg", jpeg(1))
    world.once(code=3)
    assert world.json("show", "1")["item"]["second_copy"]["path"] is None
    assert f"second copy: not yet in {tmp_path}/away" in world.run("why", "1").stdout
    world.configure()
    assert world.json("show", "1")["item"]["second_copy"] is None


def test_a_path_as_the_phone_shows_it_is_known(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    configure(world, host, tmp_path, PLAIN)
    old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    world.once()
    tops = ("/sdcard", "/storage/emulated/0", "Lab Pixel Lab:/sdcard", "/mnt/sdcard/")
    for top in tops:
        (answer,) = world.json("why", f"{top}/DCIM/Camera/a.jpg")["answers"]
        assert (answer["code"], answer["path"]) == ("done", "DCIM/Camera/a.jpg"), top
    (left,) = world.json("why", "/sdcard/Documents/b.jpg")["answers"]
    assert (left["source"], left["path"]) == ("Lab Pixel Lab", "Documents/b.jpg")
    assert left["verdict"] in {"left_out", "unknown"}
    assert "[[folder]]" not in left["cure"]


def test_without_the_key_nothing_is_put_back_and_it_is_said(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    before = backed_up(world, phone, host, tmp_path, SEALED)
    wipe(phone)
    shutil.rmtree(tmp_path / "mirror/Lab Pixel Lab")
    key = world.state / "backup-key.txt"
    kept = key.read_bytes()
    key.unlink()
    told = world.run("restore", "--all")
    assert (told.returncode, lies_on(phone)) == (3, {})
    assert "it goes on from here: photosync restore --resume" in told.stdout
    key.write_bytes(kept)
    key.chmod(0o600)
    assert world.run("restore", "--resume").returncode == 0
    assert lies_on(phone) == before


@pytest.mark.parametrize("how", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_what_is_not_in_the_backup_as_it_was_is_not_freed(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path, how: str
) -> None:
    before = backed_up(world, phone, host, tmp_path, how)
    for one in (tmp_path / "disk").rglob("*"):
        if one.is_file() and ".photosync" not in one.parts and one.stat().st_size > 1_000_000:
            content = bytearray(one.read_bytes())
            content[len(content) // 2] ^= 1
            one.write_bytes(content)
    done = world.json("free-space", "--older-than", "0d", "--yes")
    assert done["removed"]["items"] == len(CONTENTS) - 1
    assert list(lies_on(phone)) == ["Pictures/App/film.mp4"]
    assert [one["reason"] for one in done["stays"]] == [
        "the backup does not hold it, or not as it was"
    ]
    log = world.json("free-space", "--log")["log"]
    assert {one["kept_in"] for one in log} == {"backup"}
    shutil.rmtree(tmp_path / "mirror/Lab Pixel Lab/DCIM")
    assert world.run("restore", "--all").returncode == 0
    assert lies_on(phone) == before


def test_a_backup_that_is_away_keeps_everything_on_the_phone(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    before = backed_up(world, phone, host, tmp_path, PLAIN)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    told = world.run("free-space", "--older-than", "0d", "--yes")
    assert (told.returncode, lies_on(phone)) == (3, before), told.stdout


def test_what_was_freed_is_pruned_only_once_a_backup_has_it(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    from tests.journeys.test_phones import configure as without_backup

    copy = tmp_path / "mirror/Lab Pixel Lab/DCIM/Camera/a.jpg"
    without_backup(world, host, tmp_path)
    take_all(phone)
    before = lies_on(phone)
    world.once()
    assert world.run("free-space", "--older-than", "0d", "--yes").returncode == 0
    without_backup(world, host, tmp_path, mirror='keep = "until-done"')
    world.once()
    assert copy.read_bytes() == jpeg(1)
    configure(world, host, tmp_path, PLAIN, mirror='keep = "until-done"')
    world.once()
    world.once()
    assert not copy.exists()
    assert world.run("restore", "--all").returncode == 0
    assert lies_on(phone) == before


def test_nothing_is_pruned_on_the_word_of_a_backup_that_is_not_there(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    copy, disk = tmp_path / "mirror/Lab Pixel Lab/DCIM/Camera/a.jpg", tmp_path / "disk"
    backed_up(world, phone, host, tmp_path, PLAIN)
    disk.rename(tmp_path / "unplugged")
    configure(world, host, tmp_path, PLAIN, mirror='keep = "until-done"')  # another disk is there
    world.once()
    assert copy.read_bytes() == jpeg(1)
    disk.rmdir()
    world.once()
    assert copy.read_bytes() == jpeg(1)
    (tmp_path / "unplugged").rename(disk)
    world.once()
    assert not copy.exists()


def test_what_the_backup_alone_holds_comes_back_after_it_was_to_be_sent_again(
    world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    """Its bytes stay known, though the phone, the mirror and the library have it no more."""
    configure(world, host, tmp_path, PLAIN, mirror='keep = "until-done"')
    file = old(shoot(phone, "DCIM/Camera/a.jpg", jpeg(1)))
    world.once()
    world.once()
    assert not (tmp_path / "mirror/Lab Pixel Lab/DCIM/Camera/a.jpg").exists()
    file.unlink()
    delete(world, jpeg(1))
    world.run("verify")
    assert "1 photo or video goes up once more" in world.run("verify", "--again").stdout
    world.once()
    assert world.json("status")["items"]["skipped"] == 1
    assert world.run("restore", "--all").returncode == 0
    assert file.read_bytes() == jpeg(1)
