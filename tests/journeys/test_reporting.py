"""What lies where, as people and scripts see it: on a terminal, in a pipe, in a browser."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.journeys.chromium import chromium
from tests.journeys.conftest import World, jpeg, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import LabPhone

pytestmark = pytest.mark.journey


def photo(number: int) -> bytes:
    """A photo that can be seen."""
    file = io.BytesIO()
    Image.new("RGB", (640, 480), (number * 37 % 256, 90, 150)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def phone_world(world: World, phone: LabPhone) -> World:
    world.configure(
        phone=f"adb_port = {phone.host.port}\nfolders = ['DCIM']",
        more=f"[mirror]\npath = '{world.home}/mirror'\nmin_free = '1 MiB'",
    )
    return world


def alone(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in world.json("report")["one_place"]:
        place = one["places"][0]
        found[place] = found.get(place, 0) + one["items"]
    return found


def test_a_phone_that_is_looked_through_again_and_again(
    phone_world: World, phone: LabPhone
) -> None:
    """Copied and uploaded; deleted on the phone; the copy lost: each time it is said."""
    camera = phone.storage / "DCIM" / "Camera"
    camera.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (camera / f"{number}.jpg").write_bytes(photo(number))
    phone.plug()
    phone_world.once()
    found = phone_world.json("report")
    (row,) = [one for one in found["sources"] if one["kind"] == "phone"]
    assert (row["items"], row["at_source"], row["mirror"], row["library"]) == (3, 3, 3, 3)
    assert row["looked_at"] is not None
    assert alone(phone_world) == {}
    assert phone_world.run("report", "--missing").returncode == 0

    (camera / "0.jpg").unlink()
    phone_world.once()
    found = phone_world.json("report")
    (row,) = [one for one in found["sources"] if one["kind"] == "phone"]
    assert (row["items"], row["at_source"], row["mirror"], row["library"]) == (3, 2, 3, 3)

    next(phone_world.home.joinpath("mirror").rglob("0.jpg")).unlink()
    assert alone(phone_world) == {"library": 1}
    missing = phone_world.run("report", "--missing")
    assert missing.returncode == 1
    assert "DCIM/Camera/0.jpg" in missing.stdout


def test_the_text_fits_a_terminal_and_a_pipe(world: World) -> None:
    long = "a folder with quite a long name " * 4
    world.put(f"{long}/photo with a long name.jpg", photo(1))
    world.put("failed.jpg", b"this is no photo")
    world.once(code=1)
    world.variables["COLUMNS"] = "80"

    narrow = world.run("report")
    assert narrow.returncode == 0
    tables = [line for line in narrow.stdout.splitlines() if not line.startswith("  ")]
    assert max(map(len, tables)) <= 80
    del world.variables["COLUMNS"]
    wide = world.run("report").stdout

    assert f"{long.strip()}" in wide
    assert "in a watched folder only" in wide
    assert "photosync skip ITEM" in wide
    assert wide.count("failed.jpg is neither") == 1


def test_by_month_and_by_source(world: World) -> None:
    file = world.put("a.jpg", photo(1))
    os.utime(file, (1_600_000_000, 1_600_000_000))
    world.once()

    assert "2020-09" in world.run("report", "--by", "month").stdout
    assert world.json("report", "--source", "Pictures")["items"]["total"] == 1
    assert world.run("report", "--source", "Nokia").returncode == 2
    assert world.run("report", "--by", "weather").returncode == 2


def test_before_anything_was_found(world: World) -> None:
    said = world.run("report")

    assert said.returncode == 0
    assert "photosync run" in said.stdout


def test_the_page_opens_from_the_disk_and_asks_for_nothing(world: World) -> None:
    """Names are hostile, pictures are shown, and no other computer hears of it."""
    evil = '<img src=x onerror="document.title=1"><script>document.title=2<'
    (world.pictures / evil).parent.mkdir(exist_ok=True)
    for number in range(3):
        world.put(f"2024/{number}.jpg", photo(number))
    file = world.pictures / f"{evil.replace('/', '_')}.jpg"
    file.write_bytes(photo(9))
    (world.pictures / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(photo(10))
    world.once()
    (world.pictures / "2024" / "0.jpg").unlink()
    world.run("import", str(world.home / "Pictures"), "--assume-uploaded")
    page_file = world.home / "what is where.html"

    said = world.run("report", "--html", str(page_file))

    assert said.returncode == 0, said.stderr
    assert page_file.stat().st_mode & 0o777 == 0o600
    text = page_file.read_text("utf-8")
    assert not re.search(r"<script|https?://|\burl\(|@import|<link", text.replace("&lt;script", ""))
    asked: list[str] = []
    complaints: list[str] = []
    with chromium() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri())
        for summary in page.locator("details:not([open]) summary").all():
            summary.click()
        images = page.locator("img").all()
        for image in images:
            image.scroll_into_view_if_needed()
        wait_for(lambda: all(one.evaluate("image => image.naturalWidth") > 0 for one in images))
        assert page.title() == "What is where"
        assert page.get_by_text("onerror=").count() >= 1
        dark = "getComputedStyle(document.documentElement).colorScheme"
        assert page.evaluate(dark) == "light dark"
    assert len(images) >= 4
    assert complaints == []
    assert [one for one in asked if not one.startswith(("file:", "data:"))] == []


def test_a_page_is_written_over_only_if_it_is_one(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    target = world.home / "page.html"
    assert world.run("report", "--html", str(target)).returncode == 0
    assert world.run("report", "--html", str(target)).returncode == 0
    photo_file = world.pictures / "a.jpg"

    said = world.run("report", "--html", str(photo_file))

    assert said.returncode == 2
    assert "did not write it" in said.stderr
    assert photo_file.read_bytes() == jpeg(1)
    assert world.run("report", "--html", str(world.home / "no" / "page.html")).returncode == 2


def test_the_page_stays_small_and_says_what_it_left_out(world: World, tmp_path: Path) -> None:
    """More photos than it shows: most are in one place, for nothing was sent."""
    for number in range(450):
        world.put(f"{number % 3}/{number}.jpg", photo(number))
    world.put("broken.jpg", b"no photo at all")
    world.configure(folder='album = ""', more='[select]\nmode = "manual"')
    world.run("run", "--once")
    target = tmp_path / "page.html"

    said = world.run("report", "--html", str(target))

    assert said.returncode == 0, said.stderr
    text = target.read_text("utf-8")
    assert target.stat().st_size < 10 << 20
    assert 200 <= text.count("data:image/jpeg") <= 400
    assert "250 more items lie in one place only" in text
