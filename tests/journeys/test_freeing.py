"""photosync free-space: only what is proven to be in two other places ever goes."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from photosync.google.scopes import APPEND
from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, mp4, wait_for
from tests.journeys.test_phones import configure, old, shoot
from tests.journeys.test_restoring import lies_on, names_on
from tests.journeys.test_verify import delete
from tests.lab import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

THEN = 1_600_000_000
NAMES = [f"DCIM/Camera/{number}.jpg" for number in range(6)]


@pytest.fixture
def phone_world(world: World, host: AdbHost, phone: LabPhone, tmp_path: Path) -> World:
    """Six photos that are a day too young to go, unless any age will do."""
    configure(world, host, tmp_path)
    for number, name in enumerate(NAMES):
        old(shoot(phone, name, jpeg(number)))
    world.once()
    return world


def mirror_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "mirror/Lab Pixel Lab" / name


def test_what_is_proven_goes_and_comes_back(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    before = lies_on(phone)
    young = phone_world.run("free-space", "--yes")
    assert (young.returncode, names_on(phone)) == (0, NAMES)
    assert "it is not old enough" in young.stdout

    shown = phone_world.run("free-space", "--older-than", "0d", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "Lab Pixel Lab: 6 photos and videos (11.7 KiB) may go." in shown.stdout
    assert "DCIM/Camera" in shown.stdout
    assert "Nothing was removed (--dry-run)." in shown.stdout
    assert names_on(phone) == NAMES
    asked = phone_world.run("free-space", "--older-than", "0d")
    assert (asked.returncode, names_on(phone)) == (2, NAMES)
    assert "nobody to ask" in asked.stderr

    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert (done["removed"]["items"], done["stays"], done["error"]) == (6, [], None)
    assert names_on(phone) == []
    assert (phone.storage / "DCIM/Camera").is_dir()
    log = phone_world.json("free-space", "--log")["log"]
    assert [one["outcome"] for one in log] == ["gone"] * 6
    assert {one["kept_in"] for one in log} == {"mirror"}
    assert "it is in the library and in the mirror" in phone_world.run("free-space", "--log").stdout
    history = phone_world.json("show", "1")["item"]["history"]
    assert history[-1]["code"] == "freed"

    # an emptied phone is nothing to worry about, and nothing is sent or copied again
    used = phone_world.requests_counted()
    phone_world.once()
    status = phone_world.json("status")
    assert (status["problems"], phone_world.requests_counted()) == ([], used)
    assert status["items"]["done"] == status["items"]["total"] == 6
    assert all(mirror_of(tmp_path, name).exists() for name in NAMES)

    assert phone_world.run("restore", "--all").returncode == 0
    assert lies_on(phone) == before
    log = phone_world.json("free-space", "--log")["log"]
    assert [one["outcome"] for one in log] == ["back"] * 6
    phone_world.once()
    assert phone_world.json("status")["items"]["total"] == 6


def test_under_attack_only_what_is_still_proven_goes(
    phone_world: World, phone: LabPhone, tmp_path: Path
) -> None:
    changed, alike, missing, damaged, linked, good = (phone.storage / name for name in NAMES)
    old(changed).write_bytes(jpeg(100))
    alike.write_bytes(jpeg(101))  # the same size, and the same time
    old(alike)
    delete(phone_world, jpeg(2))
    spoilt = bytearray(mirror_of(tmp_path, NAMES[3]).read_bytes())
    spoilt[1000] ^= 1
    mirror_of(tmp_path, NAMES[3]).write_bytes(spoilt)
    kept = linked.with_name("elsewhere.bin")
    linked.rename(kept)
    linked.symlink_to(kept.name)

    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["removed"]["items"] == 1
    assert not good.exists()
    assert changed.read_bytes() == jpeg(100)
    assert alike.read_bytes() == jpeg(101)
    assert missing.read_bytes() == jpeg(2)
    assert damaged.read_bytes() == jpeg(3)
    assert kept.read_bytes() == jpeg(4)
    assert linked.is_symlink()
    reasons = {one["id"]: one["reason"] for one in done["stays"]}
    assert "has changed on the phone" in reasons[1]
    assert "holds other bytes than were uploaded" in reasons[2]
    assert reasons[3] == "the library does not hold it any more"
    assert reasons[4] == "no copy on this computer could be read back as it was"
    assert "is a link by now" in reasons[5]
    assert phone_world.run("free-space", "--older-than", "0d", "--yes").returncode in (0, 1)
    assert damaged.exists()


def test_a_folder_that_became_a_link_or_a_file_that_became_a_folder(
    phone_world: World, phone: LabPhone
) -> None:
    """The link leads to the very bytes: still it is not the file that was backed up."""
    camera = phone.storage / "DCIM/Camera"
    camera.rename(phone.storage / "Real")
    camera.symlink_to("../Real")
    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["removed"]["items"] == 0
    assert all("lies behind a link" in one["reason"] for one in done["stays"])
    assert len(list((phone.storage / "Real").iterdir())) == 6

    camera.unlink()
    (phone.storage / "Real").rename(camera)
    for name in NAMES:
        (phone.storage / name).unlink()
        (phone.storage / name).mkdir()
        (phone.storage / name / "precious").write_bytes(b"the user's own")
    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["may_go"]["items"] == 0
    assert len(list(phone.storage.rglob("precious"))) == 6


def test_what_never_reached_the_library_stays(phone_world: World, phone: LabPhone) -> None:
    old(shoot(phone, "DCIM/Camera/skipped.jpg", jpeg(10)))
    old(shoot(phone, "DCIM/Camera/text.jpg", b"no picture"))
    old(shoot(phone, "DCIM/Camera/uploaded.jpg", jpeg(11)))
    phone_world.emulator.faults.add({"fault": "storage-full", "on": "batchCreate", "times": 100})
    phone_world.run("run", "--once")
    states = {one["path"]: one["state"] for one in phone_world.json("list")["items"]}
    assert states["DCIM/Camera/uploaded.jpg"] == "uploaded"
    numbers = {one["path"]: one["id"] for one in phone_world.json("list")["items"]}
    assert phone_world.run("skip", str(numbers["DCIM/Camera/skipped.jpg"])).returncode == 0
    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["removed"]["items"] == 6
    assert names_on(phone) == [
        f"DCIM/Camera/{name}.jpg" for name in ("skipped", "text", "uploaded")
    ]


def test_a_library_that_cannot_be_asked(phone_world: World, phone: LabPhone) -> None:
    token = phone_world.state / "token.json"
    token.write_text(json.dumps(phone_world.emulator.grant([APPEND])))
    told = phone_world.run("free-space", "--older-than", "0d", "--yes")
    assert (told.returncode, names_on(phone)) == (3, NAMES)
    assert "leave every box ticked" in told.stderr
    token.unlink()
    told = phone_world.run("free-space", "--older-than", "0d", "--yes")
    assert (told.returncode, names_on(phone)) == (3, NAMES)


def test_a_mirror_that_is_away(phone_world: World, phone: LabPhone, tmp_path: Path) -> None:
    (tmp_path / "mirror").rename(tmp_path / "unmounted")
    told = phone_world.run("free-space", "--older-than", "0d", "--yes")
    assert (told.returncode, names_on(phone)) == (3, NAMES)
    assert "is not there" in told.stderr


def test_other_phones_are_left_alone(
    phone_world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    with lab.phone(host, tmp_path / "phone-2", "LAB2222") as other:
        for number, name in enumerate(NAMES):
            old(shoot(other, name, jpeg(number)))
        told = phone_world.run("free-space", "--older-than", "0d", "--yes")
        assert (told.returncode, "Several phones" in told.stderr) == (2, True)
        told = phone_world.run("free-space", "--older-than", "0d", "--yes", "--phone", "LAB2222")
        assert (told.returncode, "was ever backed up" in told.stderr) == (2, True)
        done = phone_world.json("free-space", "--older-than", "0d", "--yes", "--phone", "LAB1111")
        assert done["removed"]["items"] == 6
        assert names_on(other) == NAMES
    told = phone_world.run("free-space", "--older-than", "0d", "--yes", "--phone", "NONE")
    assert (told.returncode, "is not plugged in" in told.stderr) == (3, True)


def answered(world: World, *words: str) -> tuple[int, str]:
    """``free-space`` at a terminal, and what was typed."""
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "free-space", "--older-than", "0d", "--config", str(world.config)],
        env={**world.environ(), "COLUMNS": "200", "TERM": "dumb"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        while b"Type yes" not in said:
            said += os.read(mine, 4096)
        for word in words:
            os.write(mine, f"{word}\n".encode())
        out, _ = process.communicate(timeout=PATIENCE)
        os.close(mine)
    return process.returncode, said.decode() + out.decode()


def test_it_asks_and_only_yes_is_yes(phone_world: World, phone: LabPhone) -> None:
    for word in ("y", "no", ""):
        code, said = answered(phone_world, word)
        assert (code, names_on(phone)) == (0, NAMES)
        assert "6 photos and videos (11.7 KiB) may go." in said
        assert "Nothing was removed." in said
        assert said.count("may go.") == 1
    code, said = answered(phone_world, "yes")
    assert (code, names_on(phone)) == (0, [])
    assert "6 photos and videos (11.7 KiB) are removed from Lab Pixel Lab." in said


def test_what_was_freed_keeps_its_copy_though_the_mirror_is_pruned(
    phone_world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    for name in NAMES[3:]:
        (phone.storage / name).rename(phone.storage / f"{name}.away")
    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["removed"]["items"] == 3
    configure(phone_world, host, tmp_path, mirror='keep = "until-done"')
    phone_world.once()
    kept = [name for name in NAMES if mirror_of(tmp_path, name).exists()]
    assert kept == NAMES[:3]


def test_an_older_database_that_is_put_back_knows_what_was_freed_since(
    phone_world: World, phone: LabPhone, host: AdbHost, tmp_path: Path
) -> None:
    """Else the copy in the mirror, the second place it was freed for, would be pruned."""
    shutil.copytree(phone_world.state, tmp_path / "yesterday")
    for name in NAMES[3:]:
        (phone.storage / name).rename(phone.storage / f"{name}.away")
    assert phone_world.json("free-space", "--older-than", "0d", "--yes")["removed"]["items"] == 3
    before = phone_world.json("free-space", "--log")["log"]
    library = phone_world.library()
    for one in phone_world.state.glob("photosync.db*"):
        one.unlink()
    for one in (tmp_path / "yesterday").glob("photosync.db*"):
        shutil.copy(one, phone_world.state)
    with (phone_world.state / "freed.log").open("a") as out:
        out.write('{"address": "torn')
    configure(phone_world, host, tmp_path, mirror='keep = "until-done"')
    phone_world.once()
    kept = [name for name in NAMES if mirror_of(tmp_path, name).exists()]
    assert kept == NAMES[:3]
    assert names_on(phone) == [f"{name}.away" for name in NAMES[3:]], "nothing is put back"
    assert phone_world.library() == library
    after = phone_world.json("free-space", "--log")["log"]
    assert [{**one, "id": 0} for one in after] == [{**one, "id": 0} for one in before]
    assert phone_world.run("restore", "--all").returncode == 0
    for _ in range(2):
        phone_world.once()
        log = phone_world.json("free-space", "--log")["log"]
        assert [one["outcome"] for one in log] == ["back"] * 3, "and it is recalled only once"


def test_a_cable_that_is_cut_while_files_are_removed(phone_world: World, phone: LabPhone) -> None:
    for number in range(100, 130):
        old(shoot(phone, f"DCIM/Camera/{number}.mp4", mp4(number, 3_000_000)))
    phone_world.once()
    cut = phone.cable.once(lambda: len(names_on(phone)) < 30, phone.cable.cut)
    with subprocess.Popen(
        [
            *PROGRAM,
            "free-space",
            "--older-than",
            "0d",
            "--yes",
            "--config",
            str(phone_world.config),
        ],
        env=phone_world.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        wait_for(cut.is_set)
        phone.unplug()
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode in (1, 3), told
    assert 0 < len(names_on(phone)) < 30
    phone.plug()
    done = phone_world.json("free-space", "--older-than", "0d", "--yes")
    assert done["error"] is None
    assert names_on(phone) == []
    log = phone_world.json("free-space", "--log", "--limit", "1000")["log"]
    gone = [one["id"] for one in log if one["outcome"] == "gone"]
    assert sorted(gone) == list(range(1, 37))
    assert not [one for one in log if one["outcome"] == "begun"]
    assert phone_world.run("restore", "--all").returncode == 0
    assert len(names_on(phone)) == 36


def test_nonsense_is_refused(phone_world: World) -> None:
    for text in ("30", "a month", "-1d", "999999d"):
        assert phone_world.run("free-space", "--older-than", text, "--yes").returncode == 2
    assert "Nothing was ever removed" in phone_world.run("free-space", "--log").stdout
