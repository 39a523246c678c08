"""Coming from another program: what is taken as uploaded, and what a wrong guess costs."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

from photosync.domain.xxhash32 import XxHash32
from tests.files.leveldb.writing import batch, journal, write_leveldb
from tests.journeys.conftest import PATIENCE, PROGRAM, World, jpeg, mp4, sha256, wait_for

pytestmark = pytest.mark.journey


def by_another_program(world: World, *contents: bytes) -> None:
    """Put photos into the library from another state folder, as another program would."""
    other = World(world.home / "other", world.emulator)
    for number, content in enumerate(contents):
        other.put(f"{number}.jpg", content)
    other.once()


def states(world: World) -> dict[str, tuple[str, str | None]]:
    """Path → (state, code)."""
    items = world.json("list", "--limit", "1000")["items"]
    return {one["path"]: (one["state"], (one["error"] or {}).get("code")) for one in items}


def tracked(file: Path, content: bytes | None = None, *, before: str = "") -> tuple[bytes, bytes]:
    """What gphotos-uploader-cli notes of a file that it has uploaded."""
    hashed = XxHash32(0xCAFE)
    hashed.update(file.read_bytes() if content is None else content)
    return os.fsencode(file), f"{before}{hashed.digest()}".encode()


def test_nothing_of_the_folder_is_sent_and_every_file_is_accounted_for(world: World) -> None:
    for number in range(6):
        world.put(f"old/{number}.jpg", jpeg(number))
    world.put("old/notes.txt", b"no photo")
    world.put("old/empty.jpg", b"")
    world.put("new.jpg", jpeg(100))

    done = world.run("import", str(world.pictures / "old"), "--assume-uploaded")
    assert done.returncode == 0, done.stderr
    assert "6 photos and videos" in done.stdout
    world.once(code=1)  # the empty file fails, as it would without

    assert world.library().keys() == {sha256(jpeg(100))}
    found = states(world)
    assert {found[f"old/{number}.jpg"] for number in range(6)} == {("skipped", "assumed")}
    assert found["old/empty.jpg"] == ("failed", "empty")
    status = world.json("status")
    assert status["assumed"] == 6
    assert status["items"]["skipped"] == 6
    assert status["items"]["done"] == 1
    assert "6 taken as uploaded (photosync import)" in world.run("status").stdout
    report = world.json("report")
    assert report["in_all"]["assumed"] == 6
    assert report["in_all"]["library"] == 1
    page = world.json("show", str(next(iter(items_of(world, "old/0.jpg")))))
    assert "photosync import" in page["item"]["error"]["message"]


def test_what_is_taken_as_uploaded_is_in_the_second_copy(world: World) -> None:
    disk = world.home / "disk"
    disk.mkdir()
    world.configure(more=f'[backup]\nto = "{disk}"\n')
    world.put("before.jpg", jpeg(1))
    world.put("after.jpg", jpeg(2))
    world.run("import", str(world.pictures), "--assume-uploaded")
    world.put("later.jpg", jpeg(1))
    world.once()

    assert world.library() == {}
    kept = [one.read_bytes() for one in disk.rglob("*.jpg")]
    assert sorted(kept) == sorted([jpeg(1), jpeg(2)])


def items_of(world: World, path: str) -> list[int]:
    items = world.json("list", "--limit", "1000")["items"]
    return [one["id"] for one in items if one["path"] == path]


def test_a_wrong_guess_costs_quota_and_a_right_one_doubles_nothing(world: World) -> None:
    """One photo is in the library by another program, one is not: choose sends both."""
    there, missing = jpeg(1), jpeg(2)
    by_another_program(world, there)
    before = {item.id for item in world.emulator.library.items()}
    world.put("old/there.jpg", there)
    world.put("old/missing.jpg", missing)
    world.run("import", str(world.pictures / "old"), "--assume-uploaded")
    world.once()
    assert {item.id for item in world.emulator.library.items()} == before

    world.run("choose", "--state", "skipped")
    world.once()

    items = list(world.emulator.library.items())
    assert len(items) == 2
    assert before < {item.id for item in items}
    assert world.holds(there, missing)
    assert set(states(world).values()) == {("done", None)}
    shown = world.json("show", str(items_of(world, "old/there.jpg")[0]))["item"]
    assert shown["google_id"] in before


def test_the_same_bytes_found_elsewhere_are_left_out_too(world: World) -> None:
    """The folder need not be watched: its bytes are remembered."""
    elsewhere = world.home / "Takeout"
    elsewhere.mkdir()
    (elsewhere / "a.jpg").write_bytes(jpeg(1))
    done = world.run("import", str(elsewhere), "--assume-uploaded", "--json")
    assert done.returncode == 0, done.stderr
    world.put("renamed.jpg", jpeg(1))
    world.put("other.jpg", jpeg(2))

    world.once()

    assert world.library().keys() == {sha256(jpeg(2))}
    assert states(world)["renamed.jpg"] == ("skipped", "assumed")


def test_what_is_in_the_library_stays_so_and_what_was_skipped_too(world: World) -> None:
    world.put("done.jpg", jpeg(1))
    world.once()
    world.put("mine.jpg", jpeg(2))
    world.run("run", "--once")
    requests = world.emulator.requests.count()

    world.run("import", str(world.pictures), "--assume-uploaded")

    assert world.emulator.requests.count() == requests
    assert set(states(world).values()) == {("done", None)}


def test_beside_a_running_daemon(world: World) -> None:
    world.put("first.jpg", jpeg(0))
    with world.daemon():
        wait_for(lambda: world.holds(jpeg(0)))
        elsewhere = world.home / "Old"
        elsewhere.mkdir()
        for number in range(1, 30):
            (elsewhere / f"{number}.jpg").write_bytes(jpeg(number))
        assert world.run("import", str(elsewhere), "--assume-uploaded").returncode == 0
        for number in range(1, 30):
            world.put(f"{number}.jpg", jpeg(number))
        world.put("last.jpg", jpeg(100))
        wait_for(lambda: world.holds(jpeg(100)))
        wait_for(lambda: world.json("status")["assumed"] == 29)

    assert world.library().keys() == {sha256(jpeg(0)), sha256(jpeg(100))}


def test_a_rehearsal_changes_nothing(world: World) -> None:
    world.put("a.jpg", jpeg(1))

    said = world.json("import", str(world.pictures), "--assume-uploaded", "--dry-run")

    assert (said["files"], said["items"]) == (1, 0)
    assert not (world.state / "photosync.db").exists()
    world.once()
    assert world.holds(jpeg(1))


def test_ctrl_c_ends_it_within_a_file_and_says_how_to_go_on(world: World) -> None:
    film = world.put("film.mp4", mp4(1, 4096))
    os.truncate(film, 15 << 30)  # a hole: no room, and half a minute of reading
    command = ["import", str(world.pictures), "--assume-uploaded", "--config", str(world.config)]
    process = subprocess.Popen(
        [*PROGRAM, *command], env=world.environ(), stdout=subprocess.PIPE, text=True
    )
    wait_for((world.state / "photosync.db").exists)
    wait_for(lambda: is_reading(process.pid, film))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "The same command goes on from here." in out
    assert world.json("status")["assumed"] == 0


def is_reading(pid: int, file: Path) -> bool:
    """Whether a process has a file open."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return any(os.path.realpath(one) == str(file) for one in links)


def test_a_folder_is_never_taken_without_the_users_word(world: World) -> None:
    world.put("a.jpg", jpeg(1))

    done = world.run("import", str(world.pictures))

    assert done.returncode == 2
    assert "--assume-uploaded" in done.stderr


def test_what_gphotos_uploader_cli_has_uploaded_is_left_out_if_it_is_still_that(
    world: World,
) -> None:
    same = world.put("same.jpg", jpeg(1))
    touched = world.put("touched.jpg", jpeg(2))
    changed = world.put("changed.jpg", jpeg(3))
    gone = world.put("gone.jpg", jpeg(4))
    world.put("never.jpg", jpeg(5))
    home = world.home / ".gphotos-uploader-cli"
    write_leveldb(
        home / "uploaded_files",
        dict(
            [
                tracked(same, before=f"{same.stat().st_mtime_ns}|"),
                tracked(touched, before="1600000000|"),
                tracked(changed),
                tracked(gone),
                (b"relative/a.jpg", b"5"),
                (b"\x01\x02\x03\x04", b""),
            ]
        ),
    )
    changed.write_bytes(jpeg(30))
    gone.unlink()

    said = world.json("import", "gphotos-uploader-cli")
    world.once()

    assert (said["files"], said["changed"], said["gone"], said["unknown"]) == (2, 1, 1, 2)
    assert world.library().keys() == {sha256(jpeg(30)), sha256(jpeg(5))}
    found = states(world)
    assert found["same.jpg"] == found["touched.jpg"] == ("skipped", "assumed")


def test_a_record_in_use_is_left_alone_and_said_to_be(world: World) -> None:
    folder = write_leveldb(world.home / "state-of-it" / "uploads.db", {b"/a.jpg": b"1"})
    with (folder / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = world.run("import", "gphotos-uploader-cli", str(folder.parent))
    assert done.returncode == 1
    assert "is in use by its own program" in done.stderr

    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    assert world.run("import", "gphotos-uploader-cli", str(folder.parent)).returncode == 0
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before


def test_a_damaged_record_takes_nothing(world: World) -> None:
    file = world.put("a.jpg", jpeg(1))
    folder = write_leveldb(world.home / "uploads.db", dict([tracked(file)]))
    (written,) = folder.glob("*.log")
    content = bytearray(written.read_bytes() + journal(batch(2, {b"/b.jpg": b"1"})))
    content[12] ^= 0xFF
    written.write_bytes(content)

    done = world.run("import", "gphotos-uploader-cli", str(folder))

    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    world.once()
    assert world.holds(jpeg(1))


def test_no_record_is_said_with_where_it_was_sought(world: World) -> None:
    done = world.run("import", "gphotos-uploader-cli")

    assert done.returncode == 1
    assert ".gphotos-uploader-cli" in done.stderr
