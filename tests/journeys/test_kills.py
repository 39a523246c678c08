"""At least once on the wire, exactly once in the library, whatever is killed."""

from __future__ import annotations

import random
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import jpeg, mp4, sha256, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

MIB = 1 << 20
KILLS = 20
SMALL, LARGE = 500, 5


@pytest.mark.timeout(900)
def test_twenty_kills_lose_nothing_and_double_nothing(world: World) -> None:
    world.configure(
        google="writes_per_minute = 600",
        more='[upload]\nresumable_above = "1 MiB"\nchunk = "256 KiB"',
    )
    world.emulator.options.writes_per_minute = 10_000
    world.emulator.options.bandwidth_bytes_per_second = 4 * MIB
    contents = [jpeg(number) for number in range(SMALL)]
    contents += [mp4(number, 6 * MIB + number) for number in range(LARGE)]
    for number, content in enumerate(contents):
        world.put(f"{number % 7}/{number}.{'jpg' if number < SMALL else 'mp4'}", content)
    chance = random.Random(7)

    for _ in range(KILLS):
        requests = world.emulator.requests.count()
        with world.daemon(code=None) as daemon:
            # well into its work: the kill comes in the middle of whatever it does then
            wanted = requests + chance.randrange(2, 25)
            wait_for(partial(_busy_until, world, wanted), daemon)
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        world.let_google_finish()
    world.emulator.options.bandwidth_bytes_per_second = 0
    document = world.once()

    items = world.emulator.library.items()
    assert sorted(item.sha256 for item in items) == sorted(map(sha256, contents))
    assert document["left"] == 0
    status = world.json("status")
    assert status["items"]["done"] == status["items"]["total"] == SMALL + LARGE
    assert world.emulator.requests.overlapping_writes() == 0


def _busy_until(world: World, wanted: int) -> bool:
    return world.emulator.requests.count() >= wanted or len(world.library()) == SMALL + LARGE


def test_a_large_upload_goes_on_where_the_kill_left_it(world: World) -> None:
    world.configure(more='[upload]\nresumable_above = "1 MiB"\nchunk = "1 MiB"')
    world.emulator.faults.add(
        {"fault": "hang", "on": "upload.chunk", "skip": 5, "seconds": 240, "times": 1}
    )
    content = mp4(1, 24 * MIB)
    world.put("film.mp4", content)

    with world.daemon(code=None) as daemon:
        wait_for(lambda: world.emulator.requests.count("upload.chunk") == 6, daemon)
        daemon.kill()
    world.once()

    assert world.holds(content)
    assert world.emulator.requests.count("upload.start") == 1
    assert world.emulator.requests.count("upload.query") >= 1
    # what had arrived was not sent again: 24 chunks and the one that the kill cut
    assert world.emulator.requests.count("upload.chunk") <= 24 + 1


def test_google_is_still_at_the_write_of_the_dead_one(world: World) -> None:
    """The next program's create meets it, and the photos are there once all the same."""
    world.emulator.faults.add({"fault": "hang", "on": "batchCreate", "seconds": 20, "times": 1})
    contents = [jpeg(number) for number in range(3)]
    for number, content in enumerate(contents):
        world.put(f"{number}.jpg", content)

    with world.daemon(code=None) as daemon:
        wait_for(world.emulator.requests.is_writing, daemon)
        daemon.kill()
    with world.daemon() as daemon:
        wait_for(lambda: world.emulator.requests.count("batchCreate") == 2, daemon)
        assert world.emulator.requests.overlapping_writes() == 1
        wait_for(lambda: world.json("status")["items"]["done"] == len(contents), daemon)

    assert sorted(one.sha256 for one in world.emulator.library.items()) == sorted(
        map(sha256, contents)
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["upload", "hang", "create", "hash"])
def test_it_stops_at_once_wherever_it_is(world: World, number: signal.Signals, where: str) -> None:
    world.configure(more='[upload]\nresumable_above = "1 MiB"')
    if where == "hash":
        _sparse(world.pictures / "huge.mp4")
        ready = lambda: world.json("status")["items"]["found"] == 1  # noqa: E731
    else:
        world.put("film.mp4", mp4(1, 20 * MIB))
        kinds = {"upload": "upload.chunk", "hang": "upload.start", "create": "batchCreate"}
        if where == "upload":
            world.emulator.options.bandwidth_bytes_per_second = MIB
        else:
            world.emulator.faults.add({"fault": "hang", "on": kinds[where], "seconds": 60})
        ready = lambda: _under_way(world, kinds[where])  # noqa: E731

    with world.daemon(code=None) as daemon:
        wait_for(ready, daemon)
        assert daemon.stop(number) == 0, daemon.log()  # within half a minute; it hangs for one

    assert "Traceback" not in daemon.log()
    world.emulator.faults.clear()


def _under_way(world: World, kind: str) -> bool:
    return any(one.kind == kind and one.ended_at is None for one in world.emulator.requests.all())


def _sparse(file: Path) -> None:
    """A video of 15 GB that takes no room: hashing it takes long."""
    with file.open("wb") as out:
        out.write(mp4(1, 1000))
        out.truncate(15_000_000_000)
