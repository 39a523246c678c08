"""Albums at Google: one for each title, for ever, whatever becomes of them or of the state."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.journeys.conftest import jpeg, sha256

if TYPE_CHECKING:
    from tests.journeys.conftest import World

pytestmark = pytest.mark.journey

LIMIT = 20_000


def trip(world: World) -> None:
    world.configure(folder='album = "Trip"')


def albums(world: World) -> dict[str, int]:
    found = world.emulator.library.albums()
    assert len({one.title for one in found}) == len(found), "two albums of one title"
    return {one.title: len(one.item_ids) for one in found}


def lose_the_state(world: World) -> None:
    shutil.rmtree(world.state)
    world.state.mkdir(mode=0o700)
    world.sign_in()


def test_a_title_is_one_album_after_a_restart_and_after_the_state_was_lost(world: World) -> None:
    trip(world)
    world.put("a.jpg", jpeg(1))
    world.once()
    world.put("b.jpg", jpeg(2))
    world.once()
    assert world.emulator.requests.count("albums.list") == 1  # once in a life
    lose_the_state(world)
    world.put("c.jpg", jpeg(3))

    world.once()

    assert albums(world) == {"Trip": 3}
    assert world.emulator.requests.count("albums.list") == 2


def test_a_renamed_album_stays_and_a_deleted_one_is_made_anew(world: World) -> None:
    trip(world)
    world.put("a.jpg", jpeg(1))
    world.once()
    (album,) = world.emulator.library.albums()
    world.emulator.library.retitle(album.id, "Our summer")
    world.put("b.jpg", jpeg(2))
    world.once()
    assert albums(world) == {"Our summer": 2}

    world.emulator.library.delete_album_by_hand(album.id)
    world.put("c.jpg", jpeg(3))
    world.once()

    assert albums(world) == {"Trip": 1}
    assert len(world.library()) == 3


def test_what_was_in_the_library_before_gets_into_the_album(world: World) -> None:
    """Its bytes came by hand, or from an earlier life: the item is not the app's to add later."""
    world.emulator.library.upload_by_hand("old.jpg", jpeg(1))
    world.put("b.jpg", jpeg(2))
    world.once()
    lose_the_state(world)
    trip(world)
    world.put("a.jpg", jpeg(1))

    world.once()

    assert albums(world) == {"Trip": 2}
    assert len(world.emulator.library.items()) == 2


def test_the_album_of_20_000_is_followed_by_another(world: World) -> None:
    """Also in the life after this one, which knows of neither."""
    trip(world)
    world.put("a.jpg", jpeg(1))
    world.once()
    (album,) = world.emulator.library.albums()
    others = [f"other-{number}" for number in range(LIMIT - 4)]
    fill(world, album.id, others)
    for number in range(2, 12):
        world.put(f"{number}.jpg", jpeg(number))

    world.once()

    sizes = {one.title: len(one.item_ids) for one in world.emulator.library.albums()}
    assert sum(sizes.values()) == LIMIT - 4 + 11
    assert list(sizes) == ["Trip", "Trip (2)"]
    assert sizes["Trip"] <= LIMIT
    lose_the_state(world)
    world.put("later.jpg", jpeg(99))
    world.once()
    assert [one.title for one in world.emulator.library.albums()] == ["Trip", "Trip (2)"]
    held = Counter(item.sha256 for item in world.emulator.library.items())
    assert held[sha256(jpeg(99))] == 1
    assert max(held.values()) == 1


def fill(world: World, album_id: str, entries: list[str]) -> None:
    database = world.emulator.library._database
    with database.transaction():
        for position, entry in enumerate(entries, start=1000):
            database.run(
                "INSERT INTO album_entries VALUES (:album, :entry, :position, NULL)",
                album=album_id,
                entry=entry,
                position=position,
            )


def test_an_album_of_the_month_goes_by_the_date_that_the_copy_gets(world: World) -> None:
    """Exiftool is not asked for that: the name says it."""
    world.configure(
        folder='album = "{year}-{month}"', more="[upload]\nfix_dates = true\nworkers = 1\n"
    )
    file = world.put("IMG-20210131-WA0007.jpg", jpeg(1))
    at = datetime(2024, 5, 5, tzinfo=UTC).timestamp()
    os.utime(file, (at, at))
    world.variables["TZ"] = "UTC"

    world.run("run", "--once")

    assert world.json("show", "1")["item"]["album"] == "2021-01"
