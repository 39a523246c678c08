"""Bad input and bad days: one sentence with the cure, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What a verb that failed said, which must be for people."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith("photosync: ") or "Error:" in done.stderr, done.stderr
    return done.stderr


def test_no_settings_file(world: World) -> None:
    done = subprocess.run(
        [*PROGRAM, "run"], capture_output=True, text=True, env=world.environ(), check=False
    )
    assert done.returncode == 2
    assert "no settings file" in told(done)
    assert "photosync config init" in done.stderr


def test_a_settings_file_that_was_named_but_is_not_there(world: World) -> None:
    world.config.unlink()
    done = world.run("run", "--once")
    assert done.returncode == 2
    assert str(world.config) in told(done)


def test_a_wrong_setting_names_file_key_value_and_cure(world: World) -> None:
    world.configure(more='[upload]\nworkers = "many"\nwurkers = 3')
    done = world.run("status")
    assert done.returncode == 2
    for part in (str(world.config), "upload.workers", "many", "wurkers", "did you mean workers"):
        assert part in told(done).replace("\n", " ")


def test_no_token(world: World) -> None:
    (world.state / "token.json").unlink()
    world.put("a.jpg", jpeg(1))
    done = world.run("run", "--once")
    assert done.returncode == 3
    assert "photosync auth" in told(done)
    assert world.run("status").returncode == 3


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"refresh_token": 5}'])
def test_a_damaged_token(world: World, content: str) -> None:
    (world.state / "token.json").write_text(content)
    (world.state / "token.json").chmod(0o600)
    world.put("a.jpg", jpeg(1))
    document = world.once(code=3)
    assert [one["code"] for one in document["problems"]] == ["auth_required"]
    assert world.json("status")["items"]["mirrored"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no OAuth client"),
        ("nonsense", "is no JSON"),
        ('{"web": {"client_id": "x"}}', "Web application"),
        ('{"type": "service_account"}', "service account"),
    ],
)
def test_a_client_secret_that_is_missing_or_of_the_wrong_kind(
    world: World, content: str | None, words: str
) -> None:
    if content is not None:
        (world.home / "client_secret.json").write_text(content)
    done = world.run("auth")
    assert done.returncode == 3
    assert words in told(done)
    assert "Desktop app" in done.stderr


def test_a_token_revoked_in_the_middle_keeps_the_queue_and_goes_on_after_a_new_sign_in(
    world: World,
) -> None:
    with world.daemon() as daemon:
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        world.emulator.revoke_all()
        world.put("b.jpg", jpeg(2))
        wait_for(lambda: world.json("status")["daemon"]["state"] == "blocked", daemon)

        status = world.run("status")
        assert status.returncode == 3
        assert "photosync auth" in status.stdout
        refreshes = world.emulator.requests.count("token")

        world.sign_in()
        wait_for(lambda: world.holds(jpeg(2)), daemon)
        wait_for(lambda: world.run("status").returncode == 0, daemon)

    # Google was asked about the dead token once, not again and again
    assert world.emulator.requests.count("token") <= refreshes + 1


def test_a_full_account_is_one_banner_and_goes_on_by_itself(world: World) -> None:
    world.emulator.options.storage_bytes = 3000
    world.put("a.jpg", jpeg(1))
    world.once()
    world.put("b.jpg", jpeg(2))
    document = world.once(code=3)
    assert [one["code"] for one in document["problems"]] == ["storage_full"]
    assert document["left"] == 1

    world.emulator.options.storage_bytes = 0
    _expire_gate(world)
    world.once()
    assert world.holds(jpeg(1), jpeg(2))


def test_room_that_was_made_is_used_as_soon_as_the_user_says_so(world: World) -> None:
    world.emulator.options.storage_bytes = 3000
    world.put("a.jpg", jpeg(1))
    world.once()
    world.put("b.jpg", jpeg(2))
    with world.daemon() as daemon:
        wait_for(lambda: "or at once: photosync resume" in world.run("status").stdout, daemon)
        world.emulator.options.storage_bytes = 0
        assert world.run("resume").stdout == "Google is asked again now.\n"
        wait_for(lambda: world.holds(jpeg(2)), daemon)


def test_a_spent_day_is_waited_out(noon_world: World) -> None:
    world = noon_world
    world.configure(google="daily_requests = 10")
    for number in range(30):
        world.put(f"{number}.jpg", jpeg(number))

    document = world.once(code=1)

    assert [one["code"] for one in document["problems"]] == ["quota_exhausted"]
    assert world.emulator.requests.count() <= 10 + 1  # and the refresh of the token
    status = world.json("status")
    assert (status["quota"]["used"], status["quota"]["limit"]) == (10, 10)
    assert document["left"] == 30 - document["done"]


def test_a_state_folder_that_cannot_be_written(world: World) -> None:
    world.config.write_text(
        world.config.read_text().replace(str(world.state), "/proc/photosync-state")
    )
    done = world.run("run", "--once")
    assert done.returncode == 2
    assert "/proc/photosync-state" in told(done)
    assert "state_dir" in done.stderr


def test_a_database_of_a_newer_version(world: World) -> None:
    world.once()
    _sql(world, "PRAGMA user_version = 999")
    for verb in (["run", "--once"], ["status"], ["pause"]):
        done = world.run(*verb)
        assert done.returncode == 1
        assert "newer photosync" in told(done)


def test_a_damaged_database_is_never_started_over(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    database = world.state / "photosync.db"
    shutil.copy(database, world.state / "photosync.db.v0-20260101.bak")
    database.write_bytes(b"garbage" * 1000)
    (world.state / "photosync.db-wal").unlink(missing_ok=True)
    for verb in (["run", "--once"], ["status"], ["list"]):
        done = world.run(*verb)
        assert done.returncode == 1
        assert "damaged" in told(done)
        assert "photosync.db.v0-20260101.bak" in done.stderr.replace("\n", "")
    assert database.read_bytes().startswith(b"garbage")


def test_a_second_daemon_is_told_who_holds_the_state(world: World) -> None:
    with world.daemon() as daemon:
        wait_for(lambda: world.json("status")["daemon"]["running"], daemon)
        done = world.run("run")
        assert done.returncode == 1
        assert f"process {daemon.process.pid}" in told(done)
        assert world.json("status")["daemon"]["pid"] == daemon.process.pid
    assert not world.json("status")["daemon"]["running"]


def test_work_waits_while_no_daemon_runs(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.emulator.faults.add({"fault": "503", "on": "upload.raw", "times": 100})
    with world.daemon(code=None) as daemon:
        wait_for(lambda: world.json("status")["items"]["total"] == 1, daemon)
        daemon.kill()
    assert world.run("status").returncode == 4


def test_the_emulators_port_is_taken(world: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = world.run("emulate", "--port", str(port), "--directory", str(tmp_path / "g"))
    assert done.returncode == 1
    assert f"Port {port} is taken" in told(done)


@pytest.mark.parametrize(
    "arguments",
    [["uplaod"], ["show", "12345"], ["retry", "12345"], ["skip"], ["list", "--state", "gone"]],
)
def test_an_unknown_verb_item_or_state(world: World, arguments: list[str]) -> None:
    world.once()
    done = world.run(*arguments)
    assert done.returncode == 2
    told(done)


def test_an_error_is_json_too(world: World) -> None:
    world.once()
    done = world.run("show", "12345", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "unknown_item"


@pytest.fixture
def small_disk(world: World) -> Iterator[Path]:
    """The state folder on a file system of its own."""
    small = world.home / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        if os.environ.get("PHOTOSYNC_REQUIRE_ALL") == "1":
            pytest.fail("mounting a file system needs root")
        pytest.skip("mounting a file system needs root")
    try:
        shutil.copytree(world.state, small / "state")
        (small / "state").chmod(0o700)
        world.state = small / "state"
        world.configure()
        yield small
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_start_without_room_says_so(world: World, small_disk: Path) -> None:
    world.once()
    _fill(small_disk / "filler")
    world.put("a.jpg", jpeg(1))

    done = world.run("run", "--once", timeout=200)

    assert done.returncode == 3
    assert "full" in told(done)
    (small_disk / "filler").unlink()
    world.once()
    assert world.holds(jpeg(1))


def test_a_disk_that_fills_up_loses_nothing_and_goes_on_by_itself(
    world: World, small_disk: Path
) -> None:
    with world.daemon() as daemon:
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        _fill(small_disk / "filler")
        for number in range(2, 200):
            world.put(f"{number}.jpg", jpeg(number))
        wait_for(lambda: re.search("worker.rests .* is full", daemon.log()), daemon)
        document = json.loads((told_now := world.run("status", "--json")).stdout)
        assert "disk_full" in [one["code"] for one in document["problems"]]
        assert told_now.returncode == 3

        (small_disk / "filler").unlink()
        wait_for(lambda: len(world.library()) == 199, daemon)
        wait_for(lambda: world.json("status")["problems"] == [], daemon)

    assert "Traceback" not in daemon.log()
    assert len(world.emulator.library.items()) == 199


def test_it_ends_at_once_though_another_program_holds_the_database(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    with world.daemon(code=None) as daemon:
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        file = world.state / "photosync.db"
        other = sqlite3.connect(file, isolation_level=None, timeout=PATIENCE)
        other.execute("BEGIN IMMEDIATE")
        world.put("b.jpg", jpeg(2))
        wait_for(lambda: "is locked by another program" in daemon.log(), daemon)
        assert daemon.stop() == 0
        other.execute("ROLLBACK")
        other.close()
    world.once()
    assert world.holds(jpeg(1), jpeg(2))


def _fill(file: Path) -> None:
    """Take all the room there is."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError:
        pass  # full, as wanted
    finally:
        os.close(descriptor)


def _sql(world: World, sql: str) -> list[tuple[int, ...]]:
    connection = sqlite3.connect(world.state / "photosync.db", isolation_level=None)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def _expire_gate(world: World) -> None:
    """An hour later: storage is probed again."""
    _sql(world, "UPDATE problems SET until = 0 WHERE gate = 'library'")


def test_nobody_else_can_read_what_it_keeps(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    for file in world.state.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
