"""photosync verify: what the library holds by its own word."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from photosync.google.scopes import APPEND
from tests.journeys.conftest import PATIENCE, PROGRAM, jpeg, sha256, wait_for

if TYPE_CHECKING:
    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey


def delete(world: World, content: bytes) -> None:
    """The user puts a photo into the bin of Google Photos."""
    library = world.emulator.library
    (item,) = (one for one in library.items() if one.sha256 == sha256(content))
    library.delete_item_by_hand(item.id)


def asked(world: World) -> int:
    return world.emulator.requests.count("mediaItems.batchGet")


def test_what_is_gone_is_told_and_sent_again_only_when_asked(world: World) -> None:
    for number in range(120):
        world.put(f"{number}.jpg", jpeg(number))
    world.once()
    all_there = world.run("verify")
    assert all_there.returncode == 0, all_there.stderr
    assert all_there.stdout == "120 photos and videos asked after: the library holds all of them.\n"
    assert asked(world) == 3

    delete(world, jpeg(7))
    found = world.run("verify")
    assert found.returncode == 1
    assert "The library does not hold 1 photo or video any more" in found.stdout
    assert "pictures: 7.jpg" in found.stdout.lower()
    world.once()
    assert not world.holds(jpeg(7))
    document = world.json("verify")
    assert [one["path"] for one in document["missing"]] == ["7.jpg"]
    assert (document["asked"], document["left"], document["error"]) == (120, 0, None)

    again = world.run("verify", "--again")
    assert (again.returncode, again.stdout) == (0, "1 photo or video goes up once more.\n")
    assert "missed nothing" in world.run("verify", "--again").stdout
    assert world.once()["done"] == 1
    assert world.holds(jpeg(7))
    assert len(world.emulator.library.items()) == 120
    assert world.run("verify").returncode == 0


def test_before_anything_is_done(world: World) -> None:
    told = world.run("verify")
    assert (told.returncode, asked(world)) == (0, 0)
    assert "nothing to ask after" in told.stdout


def test_it_leaves_room_for_new_photos_and_goes_on_later(noon_world: World) -> None:
    world = noon_world
    for number in range(120):
        world.put(f"{number}.jpg", jpeg(number))
    world.configure(google="daily_requests = 10000")
    world.once()
    spent = world.json("status")["quota"]["used"]
    world.configure(google=f"daily_requests = {(spent + 1) * 10 // 9 + 1}")

    stopped = world.run("verify")
    assert stopped.returncode == 1
    assert "kept for new photos" in stopped.stdout
    assert "to go; it goes on from here: photosync verify" in stopped.stdout
    before = asked(world)
    assert 0 < before < 3

    world.configure(google="daily_requests = 10000")
    assert world.run("verify").returncode == 0
    assert asked(world) == 3


def test_without_a_sign_in_or_the_permission_to_look(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    token = world.state / "token.json"
    token.write_text(json.dumps(world.emulator.grant([APPEND])))
    told = world.run("verify")
    assert told.returncode == 3
    assert "leave every box ticked: photosync auth" in told.stdout
    assert "1 photo or video to go" in told.stdout

    token.unlink()
    told = world.run("verify")
    assert told.returncode == 3
    assert "Sign in: photosync auth" in told.stderr


def test_google_out_of_reach_is_told(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    world.emulator.faults.add({"fault": "500", "on": "mediaItems.batchGet", "times": 1})
    assert world.run("verify").returncode == 0  # tried again
    token = world.state / "token.json"
    expired = json.loads(token.read_text()) | {"expiry": "2020-01-01T00:00:00Z"}
    token.write_text(json.dumps(expired))
    world.emulator.revoke_all()
    told = world.json("verify")
    assert (told["error"]["code"], told["left"]) == ("auth_required", 1)


def test_ctrl_c_ends_it_and_the_next_one_goes_on(world: World) -> None:
    world.put("a.jpg", jpeg(1))
    world.once()
    world.emulator.faults.add({"fault": "hang", "on": "mediaItems.batchGet", "seconds": 240})
    with subprocess.Popen(
        [*PROGRAM, "verify", "--config", str(world.config)],
        env=world.environ(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: asked(world) == 1)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "it goes on from here: photosync verify" in told
    world.emulator.faults.clear()
    assert world.run("verify").returncode == 0
