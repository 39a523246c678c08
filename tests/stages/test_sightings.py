"""Which items a look at a whole source did not see any more, and what does not follow from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from photosync.errors import SourceMissing
from photosync.store.sightings import Sightings
from photosync.store.whereabouts import AllWhereabouts

if TYPE_CHECKING:
    from tests.stages.conftest import House


def unseen(house: House) -> set[str]:
    return {one.path for one in AllWhereabouts(house.database).all() if not one.is_seen}


def looked_at(house: House) -> int | None:
    return Sightings(house.database).looked_at()[house.source.id]


def test_what_a_whole_look_misses_is_noted_until_it_is_back(house: House) -> None:
    gone = house.put("a.jpg")
    house.put("b.jpg")
    house.discover().look(house.watched)
    assert unseen(house) == set()
    content, times = gone.read_bytes(), gone.stat()

    gone.unlink()
    house.discover().look(house.watched)
    assert unseen(house) == {"a.jpg"}
    assert house.states().keys() == {"a.jpg", "b.jpg"}

    gone.write_bytes(content)
    os.utime(gone, ns=(times.st_atime_ns, times.st_mtime_ns))
    house.discover().look(house.watched)
    assert unseen(house) == set()


def test_a_look_at_a_part_says_nothing_of_the_rest(house: House) -> None:
    house.put("a.jpg")
    house.put("sub/b.jpg")
    house.discover().look(house.watched)
    at = looked_at(house)
    house.clock.at += 1000

    house.discover().look(house.watched, "sub")

    assert unseen(house) == set()
    assert looked_at(house) == at == house.clock.at - 1000


def test_a_source_that_is_away_or_suddenly_bare_loses_nothing(house: House) -> None:
    file = house.put("a.jpg")
    house.discover().look(house.watched)
    file.unlink()

    with pytest.raises(SourceMissing):
        house.discover().look(house.watched)

    assert unseen(house) == set()


def test_a_folder_that_cannot_be_read_leaves_it_open(house: House) -> None:
    gone = house.put("a.jpg")
    house.put("sub/b.jpg")
    house.discover().look(house.watched)
    at = looked_at(house)
    gone.unlink()
    house.clock.at += 1000
    deep = house.root / "/".join("d" * 200)
    deep.mkdir(parents=True)

    house.discover().look(house.watched)

    assert house.watched.files.unreadable
    assert unseen(house) == set()
    assert looked_at(house) == at


def test_a_changed_file_leaves_its_older_version_behind(house: House) -> None:
    file = house.put("a.jpg")
    house.discover().look(house.watched)
    file.write_bytes(file.read_bytes() + b"more")

    house.discover().look(house.watched)

    items = {one.id: one for one in AllWhereabouts(house.database).all()}
    assert [items[one].is_seen for one in sorted(items)] == [False, True]
