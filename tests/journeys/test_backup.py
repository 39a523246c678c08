"""The second copy, made by the real program: to a folder and to S3, plain and sealed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync import config as configuration
from photosync.app.backup_verifying import verify_backup
from photosync.backup.local import LocalPlace
from photosync.errors import BackupAway, BackupLost
from tests.journeys.conftest import PATIENCE, PROGRAM, World, jpeg, mp4, sha256, wait_for
from tests.lab.lab import want

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.journey

TAKEN = 1_600_000_000  # 2020-09-13


def backup_to(world: World, to: Path | str, more: str = "") -> None:
    world.configure(more=f"[backup]\nto = {json.dumps(str(to))}\n{more}\n")


def put(world: World, name: str, content: bytes) -> Path:
    file = world.put(name, content)
    os.utime(file, (TAKEN, TAKEN))
    return file


def files(root: Path) -> dict[str, bytes]:
    """What somebody sees who looks into the backup."""
    return {
        str(one.relative_to(root)): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file() and ".photosync" not in one.parts
    }


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def test_a_run_leaves_a_tree_that_anybody_can_read(world: World, disk: Path) -> None:
    backup_to(world, disk)
    first = put(world, "a/one.jpg", jpeg(1))
    put(world, "b/one.jpg", jpeg(2))
    put(world, "film.mp4", mp4(1, 300_000))
    world.once()
    put(world, "twin.jpg", jpeg(1))
    world.once()
    month = "Pictures/2020/09"
    found = files(disk)
    assert sorted(found) == [f"{month}/film.mp4", f"{month}/one.jpg", f"{month}/one~1.jpg"]
    assert sorted(found.values()) == sorted([jpeg(1), jpeg(2), mp4(1, 300_000)])
    there = disk / "Pictures/2020/09/one.jpg"
    assert there.stat().st_mtime_ns == first.stat().st_mtime_ns
    status = world.json("status")["backup"]
    assert (status["to"], status["items"], status["waiting"]) == (str(disk), 3, 0)
    assert not list((disk / ".photosync/part").iterdir())


def age(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["age", *arguments], capture_output=True, text=True, check=False, input=stdin
    )


def opened(root: Path, key: Path) -> dict[str, bytes]:
    """What Debian's age makes of each file."""
    found = {}
    for name in files(root):
        out = root.parent / "opened"
        done = age("-d", "-i", str(key), "-o", str(out), str(root / name))
        assert done.returncode == 0, done.stderr
        found[name] = out.read_bytes()
        out.unlink()
    return found


def test_sealed_with_a_new_key_and_opened_by_age(world: World, disk: Path) -> None:
    want(None if shutil.which("age") else "needs age: sudo apt install age")
    backup_to(world, disk, "encrypt = true")
    put(world, "one.jpg", jpeg(1))
    put(world, "film.mp4", mp4(1, 3_000_000))
    refused = world.run("backup")
    assert (refused.returncode, "photosync backup --new-key" in refused.stderr) == (0, False)

    world.once(code=3)  # photos are in the library; there is no key
    assert world.holds(jpeg(1))
    assert files(disk) == {}
    refused = world.run("backup")
    assert refused.returncode == 3
    assert "there is no key to seal with" in refused.stdout
    assert "photosync backup --new-key" in refused.stdout

    made = world.run("backup", "--new-key")
    assert made.returncode == 0
    key = world.state / "backup-key.txt"
    assert (key.stat().st_mode & 0o777, "Store a copy" in made.stdout) == (0o600, True)
    assert "AGE-SECRET-KEY" not in made.stdout + made.stderr
    before = key.read_bytes()
    assert world.run("backup", "--new-key").returncode == 2
    assert key.read_bytes() == before

    done = world.json("backup")
    assert (done["made"], done["waiting"], done["error"]) == (2, 0, None)
    assert opened(disk, key) == {
        "Pictures/2020/09/one.jpg.age": jpeg(1),
        "Pictures/2020/09/film.mp4.age": mp4(1, 3_000_000),
    }
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["opened"], verified["differences"]) == (2, True, [])


def test_names_are_sealed_and_come_back_as_the_readme_in_the_backup_says(
    world: World, disk: Path, tmp_path: Path
) -> None:
    want(None if shutil.which("age") else "needs age: sudo apt install age")
    world.run("backup", "--new-key")
    backup_to(world, disk, "encrypt = true\nencrypt_names = true")
    put(world, "Lisa & Tom.jpg", jpeg(1))
    put(world, "b/Lisa & Tom.jpg", jpeg(2))
    put(world, "film.mp4", mp4(1, 300_000))
    world.once()
    told = " ".join(str(one) for one in disk.rglob("*"))
    assert "Lisa" not in told
    assert "Pictures" not in told
    assert b"Lisa" not in b"".join(one.read_bytes() for one in disk.rglob("*") if one.is_file())
    readme = (disk / ".photosync/README.txt").read_text()
    lines = readme.split("names:\n\n")[1].replace(
        "YOUR-KEY.txt", str(world.state / "backup-key.txt")
    )
    subprocess.run(["sh", "-ec", lines], cwd=disk, check=True)
    restored = files(disk / "restored")
    month = "Pictures/2020/09"
    assert sorted(restored) == [
        f"{month}/Lisa & Tom.jpg",
        f"{month}/Lisa & Tom~1.jpg",
        f"{month}/film.mp4",
    ]
    assert sorted(restored.values()) == sorted([jpeg(1), jpeg(2), mp4(1, 300_000)])


def test_a_passphrase_opens_it_too(world: World, disk: Path) -> None:
    passphrase = world.home / "passphrase"
    passphrase.write_text("correct horse\nbattery\n")
    backup_to(world, disk, f'encrypt = true\npassphrase_file = "{passphrase}"')
    put(world, "one.jpg", jpeg(1))
    world.once()
    kept = next(world.state.glob("backup-key-*.age"))
    assert kept.read_bytes() == (disk / ".photosync/key.age").read_bytes()
    assert world.json("verify", "--backup")["backup"]["opened"] is True
    put(world, "two.jpg", jpeg(2))
    world.once()
    assert len(files(disk)) == 2

    passphrase.write_text("wrong\n")
    put(world, "three.jpg", jpeg(3))
    told = world.once(code=3)
    assert "The passphrase does not open" in told["problems"][0]["message"]
    assert len(files(disk)) == 2, "nothing is sealed that cannot be opened"
    refused = world.run("verify", "--backup")
    assert refused.returncode == 3
    assert "The passphrase does not open" in refused.stdout


def test_a_passphrase_named_later_does_not_hide_the_key_that_is_here(
    world: World, disk: Path
) -> None:
    backup_to(world, disk, "encrypt = true")
    assert world.run("backup", "--new-key").returncode == 0
    put(world, "one.jpg", jpeg(1))
    world.once()
    passphrase = world.home / "passphrase"
    passphrase.write_text("correct horse\n")
    backup_to(world, disk, f'encrypt = true\npassphrase_file = "{passphrase}"')
    assert world.json("verify", "--backup")["backup"]["opened"] is True


def test_what_has_nothing_to_bring_claims_nothing_of_a_disk_that_is_away(
    world: World, disk: Path
) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    disk.rename(disk.with_name("elsewhere"))
    told = world.run("backup").stdout
    assert told == f"Nothing waits for {disk}; 1 was brought there before.\n"
    put(world, "two.jpg", jpeg(2))
    world.once(code=3)
    told = world.run("backup").stdout
    assert told.startswith(f"! The folder {disk}, where the second copy goes, is not there.")
    assert "read back" not in told


def test_whatever_is_wrong_in_the_target_is_named_and_mended(world: World, disk: Path) -> None:
    backup_to(world, disk)
    for number in range(6):
        put(world, f"{number}.jpg", jpeg(number, 5000))
    world.once()
    month = disk / "Pictures/2020/09"
    (month / "0.jpg").unlink()
    (month / "1.jpg").write_bytes(jpeg(1, 5000)[:-1])
    rotten = bytearray(jpeg(2, 5000))
    rotten[2500] ^= 1
    (month / "2.jpg").write_bytes(rotten)
    (month / "notes.txt").write_text("mine")
    found = world.run("verify", "--backup")
    assert found.returncode == 1
    for line in (
        "0.jpg is gone",
        "1.jpg has another size",
        "2.jpg is not what was put there",
        "notes.txt",
    ):
        assert f"Pictures/2020/09/{line}" in found.stdout
    assert world.json("status")["backup"]["items"] == 3
    done = world.json("backup")
    assert (done["made"], done["items"], done["waiting"]) == (3, 6, 0)
    assert (month / "2.jpg").read_bytes() == rotten, "what somebody may want is left alone"
    contents = [*files(disk).values()]
    assert all(jpeg(number, 5000) in contents for number in range(6))
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["differences"], verified["left"]) == (6, [], 0)


def test_what_comes_while_the_target_is_listed_is_not_missing(
    world: World, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon brings photos there all the time."""
    backup_to(world, disk)
    put(world, "first.jpg", jpeg(1))
    world.once()
    walk = LocalPlace.walk

    def and_then_another_comes(place: LocalPlace) -> Iterator[tuple[str, int]]:
        yield from walk(place)
        put(world, "second.jpg", jpeg(2))
        world.once()

    monkeypatch.setattr(LocalPlace, "walk", and_then_another_comes)
    settings = configuration.load(world.config, {})
    found = verify_backup(settings, whole=True, halt=Event())
    assert (found.differences, found.held, found.read) == ([], 2, 2)
    assert world.json("status")["backup"]["waiting"] == 0


def test_a_disk_that_was_away_is_nothing_lost(world: World, disk: Path) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    shutil.move(disk, disk.with_name("unmounted"))
    disk.mkdir()  # the bare mount point
    put(world, "two.jpg", jpeg(2))
    told = world.once(code=3)
    assert world.holds(jpeg(2)), "the library does not wait for the disk"
    assert told["not_backed_up"] == 1
    (problem,) = told["problems"]
    assert problem["code"] == "backup_away"
    assert list(disk.iterdir()) == [], "a bare mount point is never written to"
    refused = world.json("verify", "--backup")["backup"]
    assert (refused["error"]["code"], refused["differences"]) == ("backup_away", [])
    assert world.json("status")["backup"]["items"] == 1
    assert world.run("doctor", "--offline").returncode != 0

    disk.rmdir()
    shutil.move(disk.with_name("unmounted"), disk)
    assert world.json("status")["problems"] == []
    world.once()
    assert len(files(disk)) == 2


def test_the_daemon_goes_on_when_the_disk_is_back(world: World, disk: Path) -> None:
    backup_to(world, disk)
    disk.rmdir()
    put(world, "one.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["problems"], daemon)
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        disk.mkdir()
        wait_for(lambda: files(disk), daemon)
        put(world, "two.jpg", jpeg(2))
        wait_for(lambda: len(files(disk)) == 2, daemon)
        wait_for(lambda: not world.json("status")["problems"], daemon)
        by_hand = world.json("backup")
        assert (by_hand["waiting"], by_hand["error"]) == (0, None)


def test_another_disk_at_the_same_place_is_not_written_to(world: World, disk: Path) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    mark = disk / ".photosync/backup"
    mark.write_text(mark.read_text().replace("id: ", "id: f"))
    put(world, "two.jpg", jpeg(2))
    assert "another backup" in world.once(code=3)["problems"][0]["message"]
    assert len(files(disk)) == 1


def test_a_state_that_was_lost_doubles_nothing_in_the_target(world: World, disk: Path) -> None:
    world.run("backup", "--new-key")
    backup_to(world, disk, "encrypt = true")
    for number in range(4):
        put(world, f"{number}.jpg", jpeg(number))
    world.once()
    before = files(disk)
    for file in world.state.glob("photosync.db*"):
        file.unlink()
    put(world, "4.jpg", jpeg(4))
    world.once()
    now = files(disk)
    assert before.items() <= now.items()
    assert len(now) == 5


def test_verify_works_on_another_machine_with_the_key_alone(
    world: World, disk: Path, tmp_path: Path
) -> None:
    world.run("backup", "--new-key")
    backup_to(world, disk, "encrypt = true\nencrypt_names = true")
    for number in range(3):
        put(world, f"{number}.jpg", jpeg(number))
    world.once()
    other = World(tmp_path / "other", world.emulator)
    (other.state / "token.json").unlink()
    backup_to(other, disk, "encrypt = true\nencrypt_names = true")
    assert other.run("verify", "--backup").returncode == 3  # without the key
    shutil.copy(world.state / "backup-key.txt", other.state)
    first = next(iter(files(disk)))
    (disk / first).write_bytes((disk / first).read_bytes()[:-1] + b"x")
    found = other.json("verify", "--backup", "--all")["backup"]
    assert (found["held"], found["read"], found["opened"]) == (3, 3, True)
    assert [(one["what"], one["path"]) for one in found["differences"]] == [("damaged", first)]


def test_the_wrong_key_is_told_and_nothing_is_called_lost(world: World, disk: Path) -> None:
    world.run("backup", "--new-key")
    backup_to(world, disk, "encrypt = true")
    put(world, "one.jpg", jpeg(1))
    world.once()
    (world.state / "backup-key.txt").unlink()
    unopened = world.json("verify", "--backup")["backup"]
    assert (unopened["read"], unopened["opened"], unopened["differences"]) == (1, False, [])
    world.run("backup", "--new-key")
    found = world.run("verify", "--backup")
    assert found.returncode == 3
    assert "sealed for another key" in found.stdout
    assert world.json("status")["backup"]["items"] == 1


def test_keys_that_do_not_belong_together_are_refused_at_once(world: World, disk: Path) -> None:
    world.run("backup", "--new-key")
    import pyrage

    public = pyrage.x25519.Identity.generate().to_public()
    backup_to(world, disk, f'encrypt = true\nrecipients = ["{public}"]')
    put(world, "one.jpg", jpeg(1))
    world.once(code=3)
    assert files(disk) == {}
    told = world.run("doctor", "--offline").stdout
    assert "belongs to none of backup.recipients" in told


def test_once_to_another_place_does_not_change_where_backups_go(
    world: World, disk: Path, tmp_path: Path
) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    (tmp_path / "stick").mkdir()
    once = world.json("backup", "--to", str(tmp_path / "stick"))
    assert (once["made"], once["waiting"]) == (1, 0)
    assert files(tmp_path / "stick") == files(disk)
    put(world, "two.jpg", jpeg(2))
    world.once()
    assert (len(files(disk)), len(files(tmp_path / "stick"))) == (2, 1)
    assert world.json("backup", "--to", str(tmp_path / "stick"))["made"] == 1
    assert world.run("backup", "--to", str(world.pictures)).returncode == 2


def test_a_start_meanwhile_ends_no_backup_to_another_place(
    world: World, disk: Path, tmp_path: Path
) -> None:
    from photosync.daemon.lock import turn

    backup_to(world, disk)
    for number in range(5):
        put(world, f"{number}.jpg", jpeg(number))
    world.once()
    stick = tmp_path / "stick"
    stick.mkdir()
    command = [*PROGRAM, "backup", "--json", "--to", str(stick), "--config", str(world.config)]
    with turn(world.state) as is_ours:
        assert is_ours
        by_hand = subprocess.Popen(command, stdout=subprocess.PIPE, env=world.environ(), text=True)
        wait_for(lambda: waiting_for(world, stick) == 5)
        world.once()
    told, _ = by_hand.communicate(timeout=PATIENCE)
    assert (json.loads(told)["made"], json.loads(told)["waiting"]) == (5, 0)
    assert files(stick) == files(disk)


def waiting_for(world: World, place: Path) -> int:
    with closing(sqlite3.connect(world.state / "photosync.db", timeout=PATIENCE)) as database:
        (count,) = database.execute(
            "SELECT ifnull(sum(waiting), 0) FROM backup_tallies"
            " JOIN backup_targets ON id = target_id WHERE address = ?",
            (str(place),),
        ).fetchone()
        return int(count)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    want("mounting a file system needs root" if mounted.returncode else None)
    try:
        yield small
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_full_disk_is_waited_for_and_holds_nothing_half(world: World, small_disk: Path) -> None:
    backup_to(world, small_disk)
    put(world, "1.jpg", jpeg(1))
    world.once()
    put(world, "2.mp4", mp4(2, 3_000_000))
    told = world.once(code=3)
    assert world.holds(mp4(2, 3_000_000)), "the library does not wait for the disk"
    assert (told["not_backed_up"], told["problems"][0]["code"]) == (1, "backup_full")
    assert "backup.to" in told["problems"][0]["hint"]
    where = f"{small_disk}/Pictures/2020/09/2.mp4"
    assert (
        told["problems"][0]["message"] == f"The disk of the backup is full: {where} does not fit."
    )
    assert files(small_disk) == {"Pictures/2020/09/1.jpg": jpeg(1)}
    assert not [*(small_disk / ".photosync/part").iterdir()]
    assert world.run("backup").returncode == 3
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    done = world.json("backup")
    assert (done["made"], done["waiting"], done["error"]) == (1, 0, None)
    assert files(small_disk)["Pictures/2020/09/2.mp4"] == mp4(2, 3_000_000)


def test_a_file_that_changed_is_not_backed_up_as_what_it_was(world: World, disk: Path) -> None:
    backup_to(world, disk)
    disk.rmdir()
    rotten, edited, gone = (put(world, f"{one}.jpg", jpeg(one, 5000)) for one in range(3))
    world.once(code=3)
    content = bytearray(jpeg(0, 5000))
    content[2500] ^= 1
    rotten.write_bytes(content)
    os.utime(rotten, (TAKEN, TAKEN))  # by its size and time it is what it was
    edited.write_bytes(jpeg(9, 5000))
    gone.unlink()
    disk.mkdir()
    done = world.json("backup")
    assert (done["made"], done["waiting"]) == (0, 1)
    assert "gives other bytes than when it was hashed" in done["put_aside"][0]["example"]
    assert files(disk) == {}
    assert world.json("status")["backup"]["put_aside"][0]["items"] == 1


def test_a_pause_holds_for_the_second_copy_too(world: World, disk: Path) -> None:
    backup_to(world, disk)
    disk.rmdir()
    put(world, "one.jpg", jpeg(1))
    world.once(code=3)
    disk.mkdir()
    world.run("pause")
    world.once(code=1)
    assert files(disk) == {}
    assert world.json("backup")["made"] == 1, "who asks for it by hand gets it"


def test_two_at_once_bring_each_photo_once(world: World, disk: Path) -> None:
    backup_to(world, disk)
    disk.rmdir()
    contents = [jpeg(number, 200_000) for number in range(40)]
    for number, content in enumerate(contents):
        put(world, f"{number}.jpg", content)
    world.once(code=3)
    disk.mkdir()
    command = [*PROGRAM, "backup", "--json", "--config", str(world.config)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=world.environ()) for _ in range(2)
    ]
    for one in both:
        assert one.wait(PATIENCE) == 0
        assert one.stdout is not None
        one.stdout.close()
    assert sorted(files(disk).values()) == sorted(contents)


def films_that_wait(world: World, disk: Path, count: int, *, size_bytes: int) -> list[str]:
    """The command that brings them to a disk that was away so far."""
    backup_to(world, disk)
    disk.rmdir()
    for number in range(count):
        put(world, f"{number}.mp4", mp4(number, size_bytes))
    world.once(code=3)
    disk.mkdir()
    return [*PROGRAM, "backup", "--config", str(world.config)]


def test_ctrl_c_ends_it_well_and_the_next_goes_on(world: World, disk: Path) -> None:
    command = films_that_wait(world, disk, 4, size_bytes=30_000_000)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=world.environ()) as one:
        wait_for(lambda: [*disk.rglob("*.mp4")])
        one.send_signal(signal.SIGINT)
        told, _ = one.communicate(timeout=PATIENCE)
    if one.returncode:  # else it was quicker
        assert one.returncode == 1
        assert "it goes on from here: photosync backup" in told
    assert not [*(disk / ".photosync/part").iterdir()]
    assert world.run("backup").returncode == 0
    assert len(files(disk)) == 4


def test_the_second_copy_is_read_as_others_read_it(world: World, disk: Path) -> None:
    """What restore and free-space build on."""
    from photosync import config
    from photosync.app.second_copy import second_copy
    from photosync.app.state import opened as state_of

    world.run("backup", "--new-key")
    backup_to(world, disk, "encrypt = true")
    large = mp4(1, 9_000_000)
    put(world, "one.jpg", jpeg(1))
    put(world, "film.mp4", large)
    world.once()
    settings = config.load(world.config, {"HOME": str(world.home)})
    with state_of(settings) as state:
        copy = second_copy(settings, state)
        assert copy is not None
        assert copy.is_local
        assert copy.find("0" * 64) is None
        kept = copy.find(sha256(large))
        assert kept is not None
        assert (kept.is_sealed, kept.size_bytes, kept.target) == (True, 9_000_000, str(disk))
        with copy.open(kept) as file:
            assert file.read() == large
        with copy.open(kept) as file:
            assert file.read(10) == large[:10]
        whole = (disk / kept.path).read_bytes()
        for at in (30, 150, 5_000_000, len(whole) - 1):
            (disk / kept.path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(BackupLost), copy.open(kept) as file:
                file.read()
        (disk / kept.path).unlink()
        with pytest.raises(BackupLost), copy.open(kept) as file:
            file.read()
        (disk / ".photosync/backup").unlink()
        with pytest.raises(BackupAway), copy.open(kept) as file:
            file.read()
        (world.state / "backup-key.txt").unlink()
    without = dataclasses.replace(settings, backup=config.BackupSettings(world.home / "key"))
    with state_of(without) as state:
        assert second_copy(without, state) is None


def test_a_state_that_was_lost_takes_over_the_good_file_of_two(world: World, disk: Path) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    spoilt = disk / "Pictures/2020/09/one.jpg"
    spoilt.chmod(0o600)
    spoilt.write_bytes(b"\0" * len(jpeg(1)))
    assert world.run("verify", "--backup", "--all").returncode == 1
    world.once()
    for one in world.state.glob("photosync.db*"):
        one.unlink()
    world.once()
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["differences"], verified["unknown"]) == ([], ["Pictures/2020/09/one.jpg"])
    assert files(disk)["Pictures/2020/09/one~1.jpg"] == jpeg(1)


def test_a_file_that_was_away_while_the_disk_came_is_asked_for_anew(
    world: World, disk: Path, tmp_path: Path
) -> None:
    disk.rmdir()
    backup_to(world, disk)
    file = put(world, "one.jpg", jpeg(1))
    put(world, "two.jpg", jpeg(2))
    world.once(code=3)
    file.rename(tmp_path / "away.jpg")
    disk.mkdir()
    world.once()
    (tmp_path / "away.jpg").rename(file)
    world.once()
    assert world.json("backup")["made"] == 1
    assert sorted(files(disk).values()) == sorted([jpeg(1), jpeg(2)])


def told_by_the_index(disk: Path) -> str:
    return "".join(one.read_text() for one in (disk / ".photosync/index").glob("*.tsv"))


def lose_the_state(world: World) -> None:
    for one in world.state.glob("photosync.db*"):
        one.unlink()


def test_ctrl_c_leaves_an_index_of_all_that_came(world: World, disk: Path) -> None:
    command = films_that_wait(world, disk, 40, size_bytes=4_000_000)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=world.environ()) as one:
        wait_for(lambda: len([*disk.rglob("*.mp4")]) >= 3)
        one.send_signal(signal.SIGTERM)
        one.communicate(timeout=PATIENCE)
    came = files(disk)
    told = told_by_the_index(disk)
    assert len(came) >= 3
    sound = world.json("status")["backup"]["items"]
    assert told.count("\n") == sound
    assert len(came) - sound <= 1, "but for one that was not read back yet"


def test_a_full_disk_has_an_index_of_all_that_came(world: World, small_disk: Path) -> None:
    for number in range(3):
        put(world, f"{number}.jpg", jpeg(number))
    world.once()
    put(world, "4.mp4", mp4(2, 3_000_000))
    world.once()
    backup_to(world, small_disk)  # what was found last comes last: the film
    world.once(code=3)
    told = told_by_the_index(small_disk)
    assert all(f"/{number}.jpg\t" in told for number in range(3))


def test_what_was_taken_over_counts_only_once_it_was_read_back(world: World, disk: Path) -> None:
    backup_to(world, disk)
    for number in range(3):
        put(world, f"{number}.jpg", jpeg(number, 5000))
    world.once()
    lose_the_state(world)
    rotten = disk / "Pictures/2020/09/1.jpg"
    rotten.chmod(0o600)
    rotten.write_bytes(b"\0" * 5000)  # of the right size
    world.once()
    assert jpeg(1, 5000) in files(disk).values(), "it was read back, and brought there again"
    assert world.json("status")["backup"]["waiting"] == 0

    lose_the_state(world)
    (disk / "Pictures/2020/09/1~1.jpg").write_bytes(b"\0" * 5000)
    for one in world.pictures.rglob("*.jpg"):
        one.unlink()
    found = world.json("verify", "--backup")["backup"]
    assert [(one["what"], one["path"]) for one in found["differences"]] == [
        ("damaged", "Pictures/2020/09/1~1.jpg")
    ]


def test_a_damaged_file_that_is_there_anew_may_go_and_others_are_left_alone(
    world: World, disk: Path
) -> None:
    backup_to(world, disk)
    put(world, "one.jpg", jpeg(1))
    world.once()
    month = "Pictures/2020/09"
    (disk / month / "mine.txt").write_text("of my own")
    spoilt = disk / month / "one.jpg"
    spoilt.chmod(0o600)
    spoilt.write_bytes(b"\0" * len(jpeg(1)))
    found = world.json("verify", "--backup", "--all")["backup"]
    assert (found["unknown"], found["replaced"]) == ([f"{month}/mine.txt"], []), (
        "not there anew yet"
    )
    world.once()
    found = world.json("verify", "--backup")["backup"]
    assert found["unknown"] == [f"{month}/mine.txt", f"{month}/one.jpg"]
    assert found["replaced"] == [{"path": f"{month}/one.jpg", "by": f"{month}/one~1.jpg"}]
    told = world.run("verify", "--backup").stdout
    assert "1 file there that photosync does not know" in told
    assert "may be removed:" in told
    assert f"  {month}/one.jpg (now {month}/one~1.jpg)" in told
    spoilt.unlink()
    assert world.json("verify", "--backup")["backup"]["replaced"] == []


@pytest.mark.parametrize("sealed", ["", "encrypt = true"])
def test_what_the_old_place_alone_has_is_fetched_from_there_or_told_of(
    world: World, disk: Path, tmp_path: Path, sealed: str
) -> None:
    world.run("backup", "--new-key")
    backup_to(world, disk, sealed)
    gone = put(world, "gone.jpg", jpeg(1))
    put(world, "stays.jpg", jpeg(2))
    world.once()
    gone.unlink()
    world.once()
    away = tmp_path / "unmounted"
    disk.rename(away)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    backup_to(world, fresh, sealed)
    world.once(code=1)
    assert len(files(fresh)) == 1
    (told,) = world.json("status")["backup"]["put_aside"]
    assert (told["items"], str(disk) in told["example"]) == (1, True)
    found = world.run("verify", "--backup").stdout
    assert " missing in it: It is in the second copy at" in found
    away.rename(disk)
    done = world.json("backup")
    assert (done["made"], done["waiting"], done["put_aside"]) == (1, 0, [])
    assert len(files(fresh)) == 2
    if not sealed:
        assert sorted(files(fresh).values()) == sorted([jpeg(1), jpeg(2)])
    verified = world.json("verify", "--backup", "--all")["backup"]
    assert (verified["read"], verified["differences"], verified["elsewhere"]) == (2, [], 0)
