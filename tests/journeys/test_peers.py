"""What goes wrong with other programs of this kind, row by row, does not go wrong with this one.

The rows are failures that users of other uploaders reported: all 20 are here.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.journeys.conftest import PATIENCE, jpeg, mp4, sha256, wait_for
from tests.lab import lab
from tests.samples import picture, want_exiftool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.journeys.conftest import Daemon, World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

MIB = 1 << 20
PIECES = '[upload]\nresumable_above = "1 MiB"\nchunk = "1 MiB"\n'
LONG_AGO = 1_600_000_000


@pytest.fixture
def phone_world(world: World, host: AdbHost) -> World:
    with_phone(world, host)
    return world


def with_phone(world: World, host: AdbHost, more: str = "", mirror: str = "") -> None:
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f'{more}[mirror]\npath = "{mirror or world.home / "mirror"}"\nmin_free = 0\n',
    )


def shoot(phone: LabPhone, name: str, content: bytes) -> Path:
    """A photo on the phone, taken long ago."""
    file = phone.storage / "DCIM/Camera" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (LONG_AGO, LONG_AGO))
    return file


def faults(world: World, *names: dict[str, object]) -> None:
    for one in names:
        world.emulator.faults.add(one)


def requests(world: World, kind: str) -> int:
    return world.emulator.requests.count(kind)


@contextmanager
def killed_when(world: World, it_is_time: Callable[[], object]) -> Iterator[None]:
    """A daemon that is killed before it hears Google's answer."""
    with world.daemon(code=None) as daemon:
        wait_for(it_is_time, daemon)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    world.let_google_finish()
    world.emulator.faults.clear()
    pass_by(world)
    yield


def test_row_1_one_refused_item_in_a_batch_of_fifty(world: World) -> None:
    for number in range(50):
        world.put(f"{number}.jpg", jpeg(number))
    faults(
        world, {"fault": "item-code", "on": "batchCreate", "item": "7.jpg", "code": 3, "times": 99}
    )
    document = world.once(code=1)
    assert (document["done"], document["failed"]) == (49, 1)
    (failed,) = world.json("list", "--state", "failed")["items"]
    assert failed["path"] == "7.jpg"
    assert failed["error"]["message"]
    assert len(list(world.pictures.iterdir())) == 50
    assert requests(world, "upload.raw") == 50, "no byte twice"
    assert "It is tried once more by itself, from " in world.run("why", "7.jpg").stdout

    world.emulator.faults.clear()
    with closing(sqlite3.connect(world.state / "photosync.db")) as database, database:
        database.execute("UPDATE media_items SET updated_at = updated_at - 86400")
    document = world.once()
    assert (document["done"], world.holds(jpeg(7))) == (1, True), "the next day, by itself"


def test_row_2_a_kill_after_the_bytes_and_before_the_photo(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    faults(world, {"fault": "reset-before", "on": "batchCreate", "times": 100})
    with killed_when(world, lambda: requests(world, "batchCreate") > 0):
        sent = requests(world, "upload.raw")
        world.emulator.requests.clear()
        world.once()
    assert (sent, requests(world, "upload.raw"), requests(world, "batchCreate")) == (1, 0, 1)
    assert world.holds(jpeg(1))


def test_row_3_a_kill_after_the_photo_and_before_the_answer(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    faults(world, {"fault": "lost-answer", "on": "batchCreate", "times": 100})
    with killed_when(world, world.library):
        (before,) = world.emulator.library.items()
        world.once()
    (after,) = world.emulator.library.items()
    assert after.id == before.id
    (line,) = world.json("list", "--state", "done")["items"]
    assert world.json("show", str(line["id"]))["item"]["google_id"] == after.id


def test_row_4_the_last_answer_of_an_upload_is_lost(world: World) -> None:
    world.configure(more=PIECES)
    world.put("film.mp4", mp4(1, 3 * MIB))
    faults(world, {"fault": "lost-answer", "on": "upload.chunk", "skip": 2})
    faults(world, {"fault": "lost-answer", "on": "upload.finalize"})
    world.once()
    assert world.holds(mp4(1, 3 * MIB))
    assert len(world.emulator.library.items()) == 1
    assert requests(world, "upload.start") <= 2


def test_row_5_trouble_three_times_while_bytes_are_sent(world: World) -> None:
    world.configure(more=PIECES)
    world.put("film.mp4", mp4(1, 6 * MIB))
    faults(world, {"fault": "503", "on": "upload.chunk", "times": 3, "skip": 2})
    world.once()
    assert world.holds(mp4(1, 6 * MIB))
    assert requests(world, "upload.start") == 1
    assert requests(world, "upload.chunk") <= 6 + 3


def test_row_6_the_daily_limit_at_item_60_of_100(noon_world: World) -> None:
    world = noon_world
    world.emulator.options.daily_limit = 60
    contents = [jpeg(number) for number in range(100)]
    for number, content in enumerate(contents):
        world.put(f"{number}.jpg", content)
    document = world.once(code=1)
    assert [one["code"] for one in document["problems"]] == ["quota_exhausted"]
    assert document["problems"][0]["until"] == world.json("status")["quota"]["resets_at"]
    asked = world.emulator.requests.count()
    world.once(code=1)
    assert world.emulator.requests.count() == asked, "nobody asks before the day is over"

    world.emulator.options.daily_limit = 10_000  # the next day
    pass_by(world)
    world.once()
    assert world.holds(*contents)
    assert len(world.emulator.library.items()) == 100


def pass_by(world: World) -> None:
    """What the gate waited for has come."""
    with sqlite3.connect(world.state / "photosync.db") as database:
        database.execute("UPDATE problems SET until = 0 WHERE gate = 'library'")
        database.execute("UPDATE quota_days SET spent_at = NULL")
        database.execute("UPDATE media_items SET not_before = 0")


def test_row_7_the_account_is_full(world: World) -> None:
    world.emulator.options.storage_bytes = 5000
    for number in range(20):
        world.put(f"{number}.jpg", jpeg(number))
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["daemon"]["state"] == "blocked", daemon)
        assert world.run("status").returncode == 3
        sent = requests(world, "upload.raw")
        for number in range(20, 30):
            world.put(f"{number}.jpg", jpeg(number))
        wait_for(lambda: world.json("status")["items"]["mirrored"] >= 10, daemon)
        assert requests(world, "upload.raw") == sent, "no bytes go into a full account"
        assert daemon.log().count("storage_full") <= 3
    codes = [one["code"] for one in world.json("status")["problems"]]
    assert codes == ["storage_full"]


def test_row_8_the_sign_in_is_revoked(world: World) -> None:
    expire(world)
    world.emulator.revoke_all()
    world.put("a.jpg", jpeg(1))
    world.once(code=3)
    world.once(code=3)
    assert requests(world, "token") == 1
    status = world.json("status")
    (problem,) = status["problems"]
    assert "photosync auth" in problem["hint"]
    assert status["items"]["total"] == 1
    world.sign_in()
    world.once()
    assert world.holds(jpeg(1))


def expire(world: World) -> None:
    token = world.state / "token.json"
    token.write_text(json.dumps(json.loads(token.read_text()) | {"expiry": "2020-01-01T00:00:00Z"}))


def copies(world: World) -> dict[str, str]:
    """SHA-256 → path, of everything in the mirror that bears its final name."""
    mirror = world.home / "mirror"
    return {
        hashlib.sha256(one.read_bytes()).hexdigest(): one.relative_to(mirror).as_posix()
        for one in mirror.glob("[!.]*/**/*")
        if one.is_file()
    }


def test_row_9_unplugged_in_the_middle_of_a_copy(phone_world: World, phone: LabPhone) -> None:
    film = mp4(1, 40 * MIB)
    shoot(phone, "film.mp4", film)
    cut = phone.cable.cut_after(20 * MIB)
    with phone_world.daemon() as daemon:
        wait_for(cut.is_set, daemon)
        phone.unplug()
        wait_for(lambda: not phone_world.json("status")["sources"][-1]["connected"], daemon)
        assert copies(phone_world) == {}
        phone.plug()
        wait_for(lambda: phone_world.holds(film), daemon)
    assert list(copies(phone_world)) == [sha256(film)]


def test_row_10_a_phone_that_stalls(phone_world: World, phone: LabPhone) -> None:
    film = mp4(1, 40 * MIB)
    shoot(phone, "film.mp4", film)
    with phone_world.daemon() as daemon:
        wait_for(lambda: phone_world.json("status")["items"]["total"] == 1, daemon)
        phone.cable.stall()
        phone_world.put("other.jpg", jpeg(1))
        wait_for(lambda: phone_world.holds(jpeg(1)), daemon)
        phone.cable.cut()
        phone.plug()
        wait_for(lambda: phone_world.holds(film), daemon)


FILES, RUNS = 50_000, 3


@pytest.mark.timeout(900)
def test_row_11_50_000_files_in_one_folder(world: World, phone: LabPhone, host: AdbHost) -> None:
    """Held, so that it is only about finding them."""
    with_phone(world, host, more='[select]\nmode = "manual"\n')
    folder = phone.storage / "DCIM/Camera"
    for number in range(FILES):
        (folder / f"{number}.jpg").write_bytes(b"x")
        os.utime(folder / f"{number}.jpg", (LONG_AGO, LONG_AGO))
    world.emulator.requests.clear()
    for _ in range(RUNS):
        world.once()
        items = world.json("status")["items"]
        assert (items["held"], items["total"]) == (FILES, FILES)
    assert world.emulator.requests.count() == 0


@pytest.mark.timeout(900)
def test_row_12_a_film_beyond_4_gib(world: World, phone: LabPhone, host: AdbHost) -> None:
    """It is copied, and then held up: sending it takes a minute more and is measured elsewhere."""
    with_phone(world, host, more='[upload]\nresumable_above = "16 MiB"\n')
    world.emulator.faults.add({"fault": "storage-full", "on": "batchCreate", "times": 100})
    film = phone.storage / "DCIM/Camera/film.mp4"
    size_bytes = (4 << 30) + 12_345
    film.write_bytes(mp4(1, 64))
    os.truncate(film, size_bytes)
    os.utime(film, (LONG_AGO, LONG_AGO))
    world.put("small.jpg", jpeg(1))
    with world.daemon() as daemon:
        peak = 0
        copy = world.home / "mirror/Lab Pixel Lab/DCIM/Camera/film.mp4"
        wait_for(lambda: world.json("status")["daemon"]["state"] == "blocked", daemon)
        for _ in range(4):
            if is_copied(world):
                break
            wait_for_two_minutes(partial(is_copied, world), daemon)
        peak = peak_mib(daemon)
    assert copy.stat().st_size == size_bytes
    (line,) = (one for one in world.json("list")["items"] if one["path"].endswith("film.mp4"))
    with film.open("rb") as original:
        wanted = hashlib.file_digest(original, "sha256").hexdigest()
    assert world.json("show", str(line["id"]))["item"]["sha256"] == wanted
    assert subprocess.run(["cmp", str(film), str(copy)], check=False).returncode == 0
    assert peak < 150


def is_copied(world: World) -> bool:
    """Whether the film is in the mirror, and that is on record, too."""
    return any(
        one["path"].endswith("film.mp4") and one["state"] == "mirrored"
        for one in world.json("list")["items"]
    )


def wait_for_two_minutes(what: Callable[[], bool], daemon: Daemon) -> None:
    with suppress(AssertionError):
        wait_for(what, daemon)


def peak_mib(daemon: Daemon) -> int:
    """The most memory that the process ever held."""
    told = Path(f"/proc/{daemon.process.pid}/status").read_text()
    (line,) = (one for one in told.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


def test_row_13_a_recording_that_goes_on(world: World, phone: LabPhone, host: AdbHost) -> None:
    with_phone(world, host)
    for prefix in (".pending-123-", ".trashed-123-"):
        shoot(phone, f"{prefix}a.mp4", mp4(1, 5000))
    whole = mp4(2, 200_000)
    film = world.pictures / "film.mp4"
    with world.daemon() as daemon:
        with film.open("wb") as recording:
            for at in range(0, len(whole), 20_000):
                recording.write(whole[at : at + 20_000])
                recording.flush()
                world.put(f"{at}.jpg", jpeg(at))
                wait_for(lambda at=at: world.holds(jpeg(at)), daemon)  # type: ignore[misc]
        wait_for(lambda: world.holds(whole), daemon)
    names = set(world.library().values())
    assert [one for one in names if one.endswith(".mp4")] == ["film.mp4"]
    assert world.json("status")["items"]["total"] == 11


def test_row_14_a_folder_is_renamed_on_the_phone(phone_world: World, phone: LabPhone) -> None:
    for number in range(5):
        shoot(phone, f"{number}.jpg", jpeg(number))
    phone_world.once()
    sent = phone_world.emulator.requests.count("upload.raw")
    (phone.storage / "DCIM/Camera").rename(phone.storage / "DCIM/Holidays")
    phone_world.once()
    assert phone_world.emulator.requests.count("upload.raw") == sent
    assert len(phone_world.emulator.library.items()) == 5
    items = phone_world.json("status")["items"]
    assert (items["done"], items["duplicate"]) == (5, 5)


def test_row_15_a_whatsapp_picture_without_a_date(
    world: World, phone: LabPhone, host: AdbHost
) -> None:
    """What is uploaded carries the date; the local copy and the file on the phone stay."""
    want_exiftool()
    with_phone(world, host, more="[upload]\nfix_dates = true\n")
    world.variables["TZ"] = "Europe/Berlin"
    content = picture(1)
    chats = phone.storage / "Android/media/com.whatsapp/WhatsApp/Media/WhatsApp Images"
    file = chats / "IMG-20210131-WA0007.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    os.utime(file, (LONG_AGO, LONG_AGO))

    assert world.once()["done"] == 1

    (item,) = world.emulator.library.items()
    sent = world.emulator.library.blob(item.sha256).read_bytes()
    with Image.open(io.BytesIO(sent)) as dated, Image.open(io.BytesIO(content)) as original:
        assert dated.getexif().get_ifd(0x8769)[0x9003] == "2021:01:31 12:00:00"
        assert dated.getexif().get_ifd(0x8769)[0x9011] == "+01:00"
        assert dated.tobytes() == original.tobytes()
    (copy,) = world.home.glob("mirror/*/Android/media/**/IMG-20210131-WA0007.jpg")
    for one in (file, copy):
        assert one.read_bytes() == content
        assert one.stat().st_mtime == LONG_AGO


def test_row_16_a_folder_disappears(world: World) -> None:
    contents = [jpeg(number) for number in range(5)]
    for number, content in enumerate(contents):
        world.put(f"{number}.jpg", content)
    world.once()
    away = world.home / "away"
    world.pictures.rename(away)
    world.once(code=3)
    world.pictures.mkdir()  # the empty mount point
    world.once(code=3)
    status = world.json("status")
    assert status["items"]["done"] == status["items"]["total"] == 5
    assert [one["code"] for one in status["problems"]] == ["source_missing"]
    world.pictures.rmdir()
    away.rename(world.pictures)
    world.emulator.requests.clear()
    world.once()
    assert world.emulator.requests.count() == 0
    assert len(world.emulator.library.items()) == 5


def test_row_17_two_daemons(world: World) -> None:
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["daemon"]["running"], daemon)
        second = world.run("run")
    assert second.returncode == 1
    first_line = second.stderr.splitlines()[0]
    assert f"already runs on {world.state} as process {daemon.process.pid}" in first_line


def test_row_18_the_disk_of_the_copies_is_full(
    world: World, phone: LabPhone, host: AdbHost
) -> None:
    film, large = mp4(1, 12 * MIB), jpeg(2, 2 * MIB)
    photos = [jpeg(number, 60_000) for number in range(10, 19)]
    shoot(phone, "film.mp4", film)
    shoot(phone, "large.jpg", large)
    for number, content in enumerate(photos):
        shoot(phone, f"{number}.jpg", content)
    with small_disk(world.home / "small") as small:
        with_phone(world, host, mirror=str(small / "mirror"))
        filler = small / "filler"
        filler.write_bytes(bytes(19 * MIB))
        with world.daemon() as daemon:
            wait_for(lambda: world.holds(*photos), daemon)  # what fits does not wait for the rest
            wait_for(lambda: world.json("status")["daemon"]["state"] == "blocked", daemon)
            assert not list(small.glob("mirror/[!.]*/**/*.mp4"))
            status = world.run("status")
            assert status.returncode == 3
            assert "too little for what waits on phones" in " ".join(status.stdout.split())
            assert " left\n" not in status.stdout
            doctor = world.run("doctor")
            assert doctor.returncode == 3
            assert "too little" in doctor.stdout
            (waiting,) = (
                one for one in world.json("list")["items"] if one["path"].endswith("film.mp4")
            )
            assert "too little" in world.run("show", str(waiting["id"])).stdout
            filler.unlink()
            wait_for(lambda: world.holds(film, large), daemon)
            wait_for(lambda: world.json("status")["problems"] == [], daemon)
        (copy,) = small.glob("mirror/[!.]*/**/*.mp4")
        assert sha256(copy.read_bytes()) == sha256(film)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 20 MiB."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        lab.want("mounting a file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_row_19_the_database_is_cut_short(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    database = world.state / "photosync.db"
    os.truncate(database, 8192 + 100)
    done = world.run("run", "--once")
    assert done.returncode == 1
    (copy,) = world.state.glob("photosync.db.daily-*.bak")
    assert f"cp {copy} {database}" in done.stderr
    assert database.stat().st_size == 8192 + 100, "nothing is written over it"
    command = done.stderr.partition("Stop photosync, then: ")[2].strip()
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - a line for a shell
    world.once()
    assert len(world.emulator.library.items()) == 1


def test_row_20_a_page_of_elsewhere_asks_the_web_page(world: World) -> None:
    world.variables |= {"PHOTOSYNC_WEB__ENABLED": "true", "PHOTOSYNC_WEB__PORT": "0"}
    world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        address = wait_for(lambda: world.json("web")["address"], daemon)
        port = int(address.rpartition(":")[2].rstrip("/"))
        own = f"http://127.0.0.1:{port}"
        found = re.search('name="token" content="([0-9a-f]+)"', asked(port, "/")[1])
        assert found is not None
        form = f"token={found[1]}"
        assert asked(port, "/", host="evil.example")[0] == 403
        assert asked(port, "/control/pause", form, origin="http://evil.example")[0] == 403
        assert asked(port, "/control/pause", form)[0] == 403
        assert asked(port, "/control/pause", "token=", origin=own)[0] == 403
        assert asked(port, "/control/pause", form, host="evil.example", origin=own)[0] == 403
        assert world.json("status")["paused"] is None
        assert asked(port, "/control/pause", form, origin=own)[0] == 303
        assert world.json("status")["paused"] == ""


def asked(port: int, path: str, form: str | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of an answer of the web page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    connection.request("GET" if form is None else "POST", path, form, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found
