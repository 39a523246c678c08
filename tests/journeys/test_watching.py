"""The daemon runs; files come into its folder in every way that files come."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import jpeg, wait_for

if TYPE_CHECKING:
    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey


def test_a_photo_is_in_the_library_however_it_comes(world: World) -> None:
    outside = world.home / "outside"
    outside.mkdir()
    world.put("early.jpg", jpeg(0))
    with world.daemon() as daemon:
        wait_for(lambda: world.holds(jpeg(0)), daemon)

        (outside / "copied.jpg").write_bytes(jpeg(1))
        shutil.copy2(outside / "copied.jpg", world.pictures / "copied.jpg")
        wait_for(lambda: world.holds(jpeg(1)), daemon)

        (outside / "moved.jpg").write_bytes(jpeg(2))
        (outside / "moved.jpg").rename(world.pictures / "moved.jpg")
        wait_for(lambda: world.holds(jpeg(2)), daemon)

        (outside / "trip" / "day 1").mkdir(parents=True)
        (outside / "trip" / "day 1" / "in a folder.jpg").write_bytes(jpeg(3))
        (outside / "trip").rename(world.pictures / "trip")
        wait_for(lambda: world.holds(jpeg(3)), daemon)

        (world.pictures / "trip" / "day 2").mkdir()
        world.put("trip/day 2/new folder.jpg", jpeg(4))
        wait_for(lambda: world.holds(jpeg(4)), daemon)

        world.put(".pending-5-x.jpg", jpeg(5)).rename(world.pictures / "renamed in place.jpg")
        wait_for(lambda: world.holds(jpeg(5)), daemon)

    names = sorted(world.library().values())
    assert names == [
        "copied.jpg",
        "early.jpg",
        "in a folder.jpg",
        "moved.jpg",
        "new folder.jpg",
        "renamed in place.jpg",
    ]


def test_a_file_is_not_taken_while_it_is_written(world: World) -> None:
    content = jpeg(1, 40_000)
    with world.daemon() as daemon:
        with (world.pictures / "slow.jpg").open("wb") as file:
            for start in range(0, len(content), 10_000):
                file.write(content[start : start + 10_000])
                file.flush()
                time.sleep(1.2)  # slower than a file needs to settle: the writer sets the pace
            assert world.library() == {}
        wait_for(lambda: world.holds(content), daemon)
        wait_for(lambda: world.json("status")["items"]["done"] == 1, daemon)

    assert world.json("status")["items"]["total"] == 1
    assert len(world.library()) == 1


def test_a_renamed_photo_is_not_uploaded_again(world: World) -> None:
    file = world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        (world.pictures / "sorted").mkdir()
        file.rename(world.pictures / "sorted" / "b.jpg")
        wait_for(lambda: world.json("status")["items"]["duplicate"] == 1, daemon)

    assert world.emulator.requests.count("upload.raw") == 1
    assert len(world.library()) == 1


def test_an_unmounted_disk_is_reported_and_taken_up_again(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    with world.daemon() as daemon:
        wait_for(lambda: world.holds(jpeg(1)), daemon)
        world.pictures.rename(world.home / "away")
        wait_for(lambda: _codes(world) == ["source_missing"], daemon)

        (world.home / "away" / "b.jpg").write_bytes(jpeg(2))
        (world.home / "away").rename(world.pictures)
        wait_for(lambda: world.holds(jpeg(2)), daemon)
        wait_for(lambda: _codes(world) == [], daemon)
        world.put("c.jpg", jpeg(3))  # and it is watched again
        wait_for(lambda: world.holds(jpeg(3)), daemon)

    assert world.json("status")["items"]["skipped"] == 0


def test_pause_and_resume_reach_a_running_daemon(world: World) -> None:
    with world.daemon() as daemon:
        wait_for(lambda: any(one["connected"] for one in world.json("status")["sources"]), daemon)
        assert world.run("pause", "on holiday").returncode == 0
        world.put("a.jpg", jpeg(1))
        wait_for(lambda: world.json("status")["items"]["found"] == 1, daemon)
        document = world.json("status")
        assert (document["daemon"]["state"], document["paused"]) == ("paused", "on holiday")
        assert world.library() == {}

        assert world.run("resume").returncode == 0
        wait_for(lambda: world.holds(jpeg(1)), daemon)


def _codes(world: World) -> list[str]:
    return [problem["code"] for problem in world.json("status")["problems"]]
