"""Photos without a date of their own, from a folder and a phone into the library."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.domain.names import NAMES, Case
from tests.journeys.conftest import sha256, wait_for
from tests.samples import film, picture, want_exiftool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

ZONE = "Europe/Berlin"
LATER = int(datetime(2021, 2, 5, 15, 0, tzinfo=ZoneInfo(ZONE)).timestamp())
KINDS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


@pytest.fixture(autouse=True)
def _dated(request: pytest.FixtureRequest) -> None:
    want_exiftool()
    world: World = request.getfixturevalue("world")
    world.variables["TZ"] = ZONE
    world.configure(more="[upload]\nfix_dates = true\n")


def put(world: World, name: str, content: bytes, at: int = LATER) -> Path:
    file = world.put(name, content)
    os.utime(file, (at, at))
    return file


def received(world: World) -> dict[str, dict[str, Any]]:
    """What exiftool reads from each file that Google got, by the name it got."""
    items = {item.sha256: item.file_name for item in world.emulator.library.items()}
    files = [str(world.emulator.library.blob(one)) for one in items]
    said = subprocess.run(
        ["exiftool", "-config", "", "-j", "-G1", "-a", *files], check=True, capture_output=True
    ).stdout
    return {items[one["SourceFile"].rpartition("/")[2]]: one for one in json.loads(said)}


def expected(case: Case) -> datetime:
    text = case.says if " " in case.says else f"{case.says} 12:00:00"
    zone = ZoneInfo("UTC" if case.is_utc else ZONE)
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_dates_of_names_read_back_from_what_google_received(world: World) -> None:
    cases = NAMES
    assert len(cases) >= 40
    originals = {}
    for number, case in enumerate(cases):
        kind = KINDS.get(case.name.rpartition(".")[2].lower())
        content = film(number) if kind is None else picture(number, kind)
        originals[put(world, case.name, content)] = content

    assert world.once()["done"] == len(cases)

    found = received(world)
    for case in cases:
        tags, wanted = found[case.name.replace("\u202f", " ")], expected(case)
        if "QuickTime:CreateDate" in tags:
            utc = wanted.astimezone(ZoneInfo("UTC"))
            assert tags["QuickTime:CreateDate"] == f"{utc:%Y:%m:%d %H:%M:%S}", case
        else:
            local = wanted.astimezone(ZoneInfo(ZONE))
            assert tags["ExifIFD:DateTimeOriginal"] == f"{local:%Y:%m:%d %H:%M:%S}", case
            assert tags["ExifIFD:OffsetTimeOriginal"] == "+01:00", case
    for file, content in originals.items():
        assert file.read_bytes() == content
        assert file.stat().st_mtime == LATER
    assert not list((world.state / "cache/dated").iterdir())


def test_what_has_a_date_or_cannot_get_one_is_sent_byte_for_byte(world: World) -> None:
    own = picture(1, exif=_exif("2019:01:02 03:04:05"))
    bitmap, damaged = picture(2, "BMP"), picture(3)[:-200]
    old = picture(4)
    put(world, "IMG_20210131_101112.jpg", own)
    put(world, "IMG_20210131_101113.bmp", bitmap)
    put(world, "IMG_20210131_101114.jpg", damaged)
    put(world, "nothing.jpg", old, at=1000)

    world.once()

    assert world.holds(own, bitmap, damaged, old)
    assert len(world.library()) == 4


def _exif(text: str) -> Any:
    from PIL import Image

    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = text
    return exif


def test_the_setting_leaves_all_as_it_is(world: World) -> None:
    world.configure(more="[upload]\nfix_dates = false\n")
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    world.once()
    assert world.holds(picture(1))


def test_every_verb_and_the_second_copy_go_by_one_date(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo's own, where it says one, of equal photos too; whatever the settings say."""
    own, without = picture(1, exif=_exif("2020:05:03 04:05:06")), picture(2)
    disk = tmp_path / "disk"
    disk.mkdir()
    world.configure(more=f"[upload]\nfix_dates = false\n[backup]\nto = {json.dumps(str(disk))}\n")
    for name, content in (("a.jpg", own), ("twin.jpg", own), ("b.jpg", without)):
        put(world, name, content)
    world.once()
    assert world.json("status")["items"]["duplicate"] == 1
    items = [world.json("show", str(number))["item"] for number in (1, 2, 3)]
    told = {one["file_name"]: one["taken_at"] for one in items}
    assert told == {"b.jpg": None, **dict.fromkeys(("a.jpg", "twin.jpg"), "2020-05-03T02:05:06Z")}
    months = {one["month"]: one["items"] for one in world.json("report")["months"]}
    assert months == {"2020-05": 2, "2021-02": 1}
    monkeypatch.setenv("TZ", ZONE)
    time.tzset()
    gallery = _gallery(world)
    assert gallery == {"2020-05-03": 2, "2021-02-05": 1}
    copies = {str(one.relative_to(disk)) for one in disk.rglob("*.jpg")}
    assert {one[:16] for one in copies} == {"Pictures/2020/05", "Pictures/2021/02"}
    for day, count in gallery.items():
        back = world.json("restore", "--day", day, "--to-folder", str(tmp_path), "--dry-run")
        assert sum(len(part["items"]) for part in back["parts"]) == count


def _gallery(world: World) -> dict[str, int]:
    """The days of the web page, and how much each has."""
    from photosync.store.database import Database
    from photosync.store.gallery import Gallery

    with Database(world.state, read_only=True) as database:
        return dict(Gallery(database).days())


def test_without_exiftool_those_with_a_date_go_on_and_the_others_wait_for_it(
    world: World, tmp_path: Path
) -> None:
    own, without = picture(1, exif=_exif("2019:01:02 03:04:05")), picture(2)
    put(world, "a.jpg", own)
    put(world, "IMG-20210131-WA0007.jpg", without)
    tools = tmp_path / "tools"
    tools.mkdir()
    world.variables["PATH"] = str(tools)

    document = world.once(code=3)

    assert (document["done"], document["left"]) == (1, 1)
    assert world.holds(own)
    with world.daemon() as daemon:
        (problem,) = wait_for(lambda: world.json("status")["problems"], daemon)
        assert (problem["code"], problem["needs_user"]) == ("exiftool_missing", True)
        assert "libimage-exiftool-perl" in problem["hint"]
        (found,) = [one for one in _checks(world) if one["about"] == "dates"]
        assert "exiftool is not there" in found["message"]

        (tools / "exiftool").write_text(
            f'#!/bin/sh\nPATH={os.environ["PATH"]}\nexec exiftool "$@"\n'
        )
        (tools / "exiftool").chmod(0o755)

        wait_for(lambda: len(world.library()) == 2, daemon)
        wait_for(lambda: not world.json("status")["problems"], daemon)
    assert received(world)["IMG-20210131-WA0007.jpg"]["ExifIFD:DateTimeOriginal"]
    (found,) = [one for one in _checks(world) if one["about"] == "dates"]
    assert shutil.which("exiftool")
    assert "gives photos their dates" in found["message"]


def _checks(world: World) -> list[dict[str, Any]]:
    document = world.json("doctor", "--offline")
    found: list[dict[str, Any]] = document["findings"]
    return found


def test_show_says_which_date_was_sent_and_where_it_is_from(world: World) -> None:
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    put(world, "cat.jpg", picture(2))
    world.once()

    items = {one["path"]: one["id"] for one in world.json("list")["items"]}
    pages = {path: world.json("show", str(one))["item"] for path, one in items.items()}

    named, other = pages["IMG-20210131-WA0007.jpg"], pages["cat.jpg"]
    assert named["sha256"] == sha256(picture(1))
    assert named["dated_copy"]["from"] == "name"
    assert named["dated_copy"]["at"] == "2021-01-31T11:00:00Z"
    assert named["dated_copy"]["sha256"] in world.library()
    assert other["dated_copy"]["from"] == "mtime"
    shown = world.run("show", str(items["cat.jpg"])).stdout
    assert "from its last change" in shown


def test_the_same_picture_under_another_name_is_a_duplicate_of_the_original(world: World) -> None:
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    put(world, "other.jpg", picture(1))
    assert world.once()["duplicates"] == 1
    assert len(world.library()) == 1


def test_what_was_done_before_stays_and_is_sent_again_as_it_was(world: World) -> None:
    """The setting came with an update; verify --again does not make a second photo of it."""
    world.configure(more="[upload]\nfix_dates = false\n")
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    world.once()
    world.configure(more="[upload]\nfix_dates = true\n")
    put(world, "IMG-20210131-WA0008.jpg", picture(2))

    assert world.once()["done"] == 1
    before = world.library()
    assert sha256(picture(1)) in before
    for item in world.emulator.library.items():
        world.emulator.library.delete_item_by_hand(item.id)
    world.run("verify")
    world.run("verify", "--again")
    world.once()

    assert world.library() == before


def test_what_another_program_uploaded_is_sent_as_it_is_if_it_is_chosen(world: World) -> None:
    """A wrong guess of import costs quota alone: equal bytes are the same photo to Google."""
    world.emulator.library.upload_by_hand("IMG-20210131-WA0007.jpg", picture(1))
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    done = world.run("import", str(world.pictures), "--assume-uploaded")
    assert done.returncode == 0, done.stderr
    world.run("run", "--once")
    (line,) = world.json("list")["items"]
    assert line["state"] == "skipped"

    world.run("choose", str(line["id"]))
    world.once()

    assert len(world.emulator.library.items()) == 1


def test_the_answer_to_creating_it_is_lost_and_it_is_there_once(world: World) -> None:
    """Also with the clock of another zone, and with the setting switched off, by then."""
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    world.emulator.options.reused_token = "code-3"
    world.emulator.faults.add({"fault": "lost-answer", "on": "batchCreate", "times": 100})
    with world.daemon(code=None) as daemon:
        wait_for(world.library, daemon)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    before = world.library()
    world.emulator.faults.clear()
    _hurry(world)
    world.variables["TZ"] = "Asia/Tokyo"
    world.configure(more="[upload]\nfix_dates = false\n")

    world.once()

    assert world.library() == before
    (line,) = world.json("list", "--state", "done")["items"]
    assert line["path"] == "IMG-20210131-WA0007.jpg"


def _hurry(world: World) -> None:
    with sqlite3.connect(world.state / "photosync.db") as database:
        database.execute("UPDATE media_items SET not_before = 0")
    database.close()


def test_a_large_film_goes_on_where_a_kill_stopped_it(world: World) -> None:
    """In pieces, of the very copy that was begun."""
    world.configure(
        more='[upload]\nfix_dates = true\nresumable_above = "1 MiB"\nchunk = "256 KiB"\n'
    )
    content = film(1) + (4 << 20).to_bytes(4, "big") + b"free" + bytes((4 << 20) - 8)
    put(world, "VID-20210131-WA0001.mp4", content)
    world.emulator.faults.add(
        {"fault": "hang", "on": "upload.chunk", "skip": 3, "seconds": 30, "times": 1}
    )
    with world.daemon(code=None) as daemon:
        wait_for(lambda: world.emulator.requests.count("upload.chunk") > 3, daemon)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    world.emulator.faults.clear()
    starts = world.emulator.requests.count("upload.start")
    _hurry(world)

    world.once()

    assert world.emulator.requests.count("upload.start") == starts == 1
    assert received(world)["VID-20210131-WA0001.mp4"]["QuickTime:CreateDate"]
    assert len(world.library()) == 1


def test_an_exiftool_that_makes_other_copies_by_now_does_not_double_a_photo(
    world: World, tmp_path: Path
) -> None:
    put(world, "IMG-20210131-WA0007.jpg", picture(1))
    world.emulator.options.reused_token = "code-3"
    world.emulator.faults.add({"fault": "lost-answer", "on": "batchCreate", "times": 100})
    with world.daemon(code=None) as daemon:
        wait_for(world.library, daemon)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    world.emulator.faults.clear()
    before = world.library()
    _hurry(world)
    newer = tmp_path / "newer"
    newer.mkdir()
    code = (
        "import ctypes, os, subprocess, sys\n"
        "die_with_us = lambda: ctypes.CDLL(None).prctl(1, 9)\n"  # it polls for more for ever
        "p = subprocess.Popen([os.environ['REAL'], *sys.argv[1:]], stdin=subprocess.PIPE,\n"
        "                     preexec_fn=die_with_us)\n"
        "for line in iter(sys.stdin.readline, ''):\n"
        "    if line.startswith('-EXIF:CreateDate'):\n"
        "        continue\n"
        "    p.stdin.write(line.encode()); p.stdin.flush()\n"
    )
    (newer / "exiftool").write_text(f"#!{shutil.which('python3')}\n{code}")
    (newer / "exiftool").chmod(0o755)
    world.variables |= {
        "REAL": str(shutil.which("exiftool")),
        "PATH": f"{newer}:{os.environ['PATH']}",
    }

    world.once(code=1)

    (failed,) = world.json("list", "--state", "failed")["items"]
    assert failed["error"]["code"] == "dated_anew"
    assert world.library() == before
    world.run("retry", str(failed["id"]))  # the user looked: it is not there
    world.once()
    assert len(world.library()) == 2
    assert hashlib.sha256(picture(1)).hexdigest() not in world.library()
