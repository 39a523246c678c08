"""``photosync run --once``: everything is worked off and accounted for."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.conftest import PROGRAM, jpeg, mp4, sha256, wait_for

if TYPE_CHECKING:
    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey


def test_good_files_arrive_bit_for_bit_and_bad_ones_are_accounted_for(world: World) -> None:
    from photosync.files.samples import make_broken, make_samples

    good = make_samples(world.pictures / "good", 12)
    broken = make_broken(world.pictures / "broken")
    document = world.once(code=1)

    assert sorted(item.sha256 for item in world.emulator.library.items()) == sorted(
        sha256(file.read_bytes()) for file in good
    )
    items = world.json("list", "--limit", "1000")["items"]
    failed = {item["path"]: item["error"] for item in items if item["state"] == "failed"}
    assert {f"broken/{name}" for name in broken} == set(failed)
    assert {error["message"][-1] for error in failed.values()} == {"."}
    assert (document["done"], document["failed"]) == (len(good), len(broken))
    status = world.json("status")
    assert status["items"]["total"] == len(good) + len(broken)


def test_a_second_run_sends_nothing(world: World) -> None:
    for number in range(5):
        world.put(f"{number}.jpg", jpeg(number))
    world.once()
    requests = world.emulator.requests.count()

    document = world.once()

    assert world.emulator.requests.count() == requests
    assert document["done"] == 0


def test_each_run_tells_of_what_is_not_in_the_library(world: World) -> None:
    world.put("a.jpg", b"no photo")
    first = world.run("run", "--once")
    assert "1 failed. Why: photosync list --state failed" in first.stdout
    assert "failed earlier" not in first.stdout
    again = world.run("run", "--once")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        "Nothing new to put into your library.",
        "1 failed earlier. Why: photosync list --state failed",
    ]


def test_a_lost_database_doubles_nothing(world: World) -> None:
    for number in range(5):
        world.put(f"{number}.jpg", jpeg(number))
    world.once()
    for file in world.state.glob("photosync.db*"):
        file.unlink()

    world.once()

    assert len(world.emulator.library.items()) == 5


def test_strange_names_arrive(world: World) -> None:
    names = [
        "new\nline.jpg",
        "quote'\"`$(touch pwned).jpg",
        "emoji 📷 üñí.jpg",
        "x" * 251 + ".jpg",
        os.fsdecode(b"not \xff\xfe utf-8.jpg"),
        "-rf --help.jpg",
        "<b>bold</b>.jpg",
    ]
    for number, name in enumerate(names):
        world.put(name, jpeg(number))

    document = world.once()

    assert document["done"] == len(names)
    assert world.library().keys() == {sha256(jpeg(number)) for number in range(len(names))}
    listed = world.run("list")
    assert listed.returncode == 0, listed.stderr
    assert not any(0 < ord(one) < 32 and one != "\n" for one in listed.stdout)
    exact = [item for item in world.json("list")["items"] if "path_base64" in item]
    assert len(exact) == 2


def test_four_hundred_photos_take_few_requests(world: World) -> None:
    for number in range(400):
        world.put(f"{number}.jpg", jpeg(number))

    world.once()

    api = world.emulator.requests.count() - world.emulator.requests.count("token")
    assert len(world.library()) == 400
    assert api / 400 <= 1.03
    assert world.requests_counted() == api


def test_hundreds_that_were_written_just_now_are_waited_for(world: World) -> None:
    picture = jpeg(1)
    for number in range(600):
        world.put(f"{number}.jpg", picture + b"%d" % number)

    assert world.once()["done"] == 600


def test_large_files_are_sent_resumably(world: World) -> None:
    world.configure(more='[upload]\nresumable_above = "1 MiB"\nchunk = "1 MiB"')
    content = mp4(1, 5 << 20)
    world.put("film.mp4", content)

    world.once()

    assert world.holds(content)
    assert world.emulator.requests.count("upload.start") == 1
    assert world.emulator.requests.count("upload.raw") == 0


def test_faults_of_every_kind_pass(world: World) -> None:
    """What Google and the network do to a request costs a retry, never a photo."""
    world.configure(more='[upload]\nresumable_above = "100 KiB"\nchunk = "256 KiB"')
    contents = [jpeg(number) for number in range(10)] + [mp4(1, 3 << 20)]
    for number, content in enumerate(contents):
        world.put(f"{number}.{'mp4' if number == 10 else 'jpg'}", content)
    for fault in (
        {"fault": "503", "on": "upload.raw"},
        {"fault": "reset-before", "on": "upload.raw", "skip": 2},
        {"fault": "reset-after", "on": "upload.raw", "skip": 4},
        {"fault": "html", "on": "upload.raw", "skip": 6},
        {"fault": "reset-middle", "on": "upload.chunk", "after_bytes": 100_000},
        {"fault": "503", "on": "upload.chunk", "skip": 2},
        {"fault": "lost-answer", "on": "batchCreate"},
    ):
        world.emulator.faults.add(fault)

    document = world.once()

    assert sorted(item.sha256 for item in world.emulator.library.items()) == sorted(
        map(sha256, contents)
    )
    assert document["left"] == 0
    assert world.emulator.faults.remaining() == []


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_terminal_without_letters_of_every_language(world: World, encoding: str) -> None:
    world.put("Übung \N{CAMERA}.jpg", jpeg(1))
    world.once()
    for verb in (["list"], ["doctor"], ["status"], ["list", "--json"]):
        done = subprocess.run(
            [*PROGRAM, *verb, "--config", str(world.config)],
            capture_output=True,
            env={**world.environ(), "PYTHONIOENCODING": encoding},
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        assert b"Traceback" not in done.stderr
        if "--json" in verb:
            (item,) = json.loads(done.stdout)["items"]
            assert item["path"] == "Übung \N{CAMERA}.jpg"


def status_if_waiting(world: World) -> Any:
    """What status says; None unless the daemon waits."""
    status = world.json("status")
    return status if status["daemon"]["state"] == "waiting" else None


def test_outside_the_hours_everything_but_uploading_goes_on(world: World) -> None:
    now = time.time()
    shut, open_now = (
        "-".join(time.strftime("%H:%M", time.localtime(now + one * 3600)) for one in two)
        for two in ((2, 3), (-1, 2))
    )
    world.put("a.jpg", jpeg(1))
    world.configure(more=f'[upload]\nhours = "{shut}"\n')
    done = world.run("run", "--once")
    assert done.returncode == 1, done.stderr
    nothing, waits, *_ = done.stdout.splitlines()
    assert nothing == "Nothing was put into your library."
    assert waits.startswith("1 photo or video still waits")
    assert f"at {shut[:5]} (upload.hours)." in done.stdout
    assert world.emulator.requests.count() == 0
    with world.daemon() as daemon:
        status = wait_for(lambda: status_if_waiting(world), daemon)
        assert status["items"]["mirrored"] == 1
        assert [one["code"] for one in status["problems"]] == ["outside_hours"]
        assert world.run("status").returncode == 0
    world.configure(more=f'[upload]\nhours = "{open_now}"\nmax_rate = "1 MiB/s"\n')
    world.once()
    assert world.holds(jpeg(1))
    assert world.json("status")["problems"] == []
