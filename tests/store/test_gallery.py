"""The gallery's order, its filters, and that a hundred thousand items cost no more than ten."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.domain.media import Finding
from photosync.domain.states import State
from photosync.store import gallery as module
from photosync.store.gallery import END, Gallery, Sought
from photosync.store.source_choices import NO_CHOICE, SourceChoice, SourceChoices
from tests.store.conftest import NOW, Shelf
from tests.store.crowd import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400
FEW_STEPS = 60_000
"""SQLite's: some hundred rows. A look at each of the hundred thousand takes a million and more."""


@pytest.fixture
def gallery(shelf: Shelf) -> Gallery:
    return Gallery(shelf.database)


def put(shelf: Shelf, path: str, at: int, *, video: bool = False, source: int = 0) -> int:
    source = source or shelf.here
    mime = "video/mp4" if video else "image/jpeg"
    shelf.intake.add(source, [Finding(path, 10, at * 10**9, mime)], first=State.FOUND, now=NOW)
    return shelf.overview.items_at(source, path)[0].id


def test_the_newest_comes_first_by_when_it_was_taken(shelf: Shelf, gallery: Gallery) -> None:
    old, new = put(shelf, "old.jpg", 1000), put(shelf, "new.jpg", 2000)
    other = put(shelf, "other.jpg", 1500, source=shelf.there)
    assert [item.id for item in gallery.page()] == [new, other, old]
    shelf.database.run("UPDATE media_items SET taken_at = 5000 WHERE id = :id", {"id": old})
    assert [item.id for item in gallery.page()] == [old, new, other]


def test_each_filter_shows_what_it_says_and_nothing_else(shelf: Shelf, gallery: Gallery) -> None:
    photo = put(shelf, "DCIM/Camera/a.jpg", 1000)
    film = put(shelf, "DCIM/Camera/b.mp4", 2000, video=True)
    above = put(shelf, "DCIM/c.jpg", 3000)
    top = put(shelf, "d.jpg", 4000)
    away = put(shelf, "DCIM/Camera/a.jpg", 5000, source=shelf.there)
    shelf.choices.skip([above], now=NOW)

    def shown(sought: Sought) -> list[int]:
        return [item.id for item in gallery.page(sought)]

    assert shown(Sought()) == [away, top, above, film, photo]
    assert shown(Sought(states=(State.SKIPPED,))) == [above]
    assert shown(Sought(states=(State.SKIPPED, State.FOUND), video=True)) == [film]
    assert shown(Sought(source_id=shelf.there)) == [away]
    assert shown(Sought(source_id=shelf.here, folder="DCIM/Camera")) == [film, photo]
    assert shown(Sought(source_id=shelf.here, folder="DCIM/Camera", video=False)) == [photo]
    assert shown(Sought(source_id=shelf.here, folder="")) == [top]
    assert shown(Sought(source_id=shelf.here, folder="DCIM", states=(State.FOUND,))) == []
    assert shown(Sought(first_at=2000, end_at=4000)) == [above, film]
    assert shown(Sought(states=(State.DONE,))) == []
    assert gallery.ahead_of((2000, film)) == above
    assert gallery.ahead_of((5000, away)) is None
    assert gallery.ahead_of((1000, photo), Sought(video=False)) == above


ODD = ["a\udcff/b\udce9.jpg", "ü/é.jpg", " / .jpg", "a'b\"c/%_.jpg", "x/\udc80y/z.jpg"]


@pytest.mark.parametrize("path", ODD)
def test_a_folder_of_any_name_is_found(shelf: Shelf, gallery: Gallery, path: str) -> None:
    number = put(shelf, path, 1000)
    put(shelf, "elsewhere/a.jpg", 1000)
    folder = path.rpartition("/")[0]
    assert [item.id for item in gallery.page(Sought(source_id=shelf.here, folder=folder))] == [
        number
    ]
    tallies = {one.path: one.items for one in gallery.folders(shelf.here)}
    assert tallies == {folder: 1, "elsewhere": 1}


def test_folders_are_counted_the_newest_first(shelf: Shelf, gallery: Gallery) -> None:
    put(shelf, "a/1.jpg", 1000)
    put(shelf, "a/2.mp4", 3000, video=True)
    put(shelf, "b/1.jpg", 2000)
    put(shelf, "top.jpg", 1)
    found = gallery.folders(shelf.here)
    assert [(one.path, one.items, one.size_bytes, one.newest_at) for one in found] == [
        ("a", 2, 20, 3000),
        ("b", 1, 10, 2000),
        ("", 1, 10, 1),
    ]


def test_days_are_those_of_local_time(
    shelf: Shelf, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        put(shelf, "a.jpg", 1_700_000_000)  # 2023-11-14 22:13 UTC
        put(shelf, "b.jpg", 1_700_000_000 + DAY)
        put(shelf, "c.jpg", 1_700_000_001)
        assert gallery.days() == [("2023-11-16", 1), ("2023-11-15", 2)]
        assert gallery.days(Sought(end_at=1_700_000_001)) == [("2023-11-15", 1)]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_history_is_told_from_where_one_stands(shelf: Shelf, gallery: Gallery) -> None:
    before = gallery.last_event()
    number = put(shelf, "a.jpg", 1000)
    last, changes = gallery.events_after(before)
    assert [(one.item_id, one.is_new, one.state) for one in changes] == [(number, True, "found")]
    shelf.choices.skip([number], now=NOW)
    last, changes = gallery.events_after(last)
    assert [(one.item_id, one.is_new, one.state) for one in changes] == [(number, False, "skipped")]
    assert gallery.events_after(last) == (last, [])


def test_it_is_seen_that_somebody_wrote(shelf: Shelf, gallery: Gallery) -> None:
    from concurrent.futures import ThreadPoolExecutor

    before = gallery.changes()
    assert gallery.changes() == before
    with ThreadPoolExecutor(1) as other:
        other.submit(shelf.control.set_flag, "x", "1", now=NOW).result()
    assert gallery.changes() != before


@given(
    items=st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.booleans(), st.booleans()), max_size=12
    ),
    limit=st.integers(1, 4),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_page_by_page_everything_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[tuple[int, bool, bool, bool]],
    limit: int,
) -> None:
    from photosync.store.database import Database

    with Database(tmp_path_factory.mktemp("pages")) as database:
        database.migrate()
        shelf, gallery = Shelf(database), Gallery(database)
        wanted = []
        for number, (at, video, there, skipped) in enumerate(items):
            source = shelf.there if there else shelf.here
            one = put(shelf, f"{number}.jpg", at, video=video, source=source)
            if skipped:
                shelf.choices.skip([one], now=NOW)
            wanted.append((at, one))
        found, after = [], END
        while places := gallery.places(after=after, limit=limit):
            found += places
            after = places[-1]
        assert found == sorted(wanted, reverse=True)
        skipping = [gallery.places(skip=at, limit=limit) for at in range(0, len(items), limit)]
        assert [place for some in skipping for place in some] == found


# A hundred thousand


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    from photosync.store.database import Database

    with Database(tmp_path_factory.mktemp("crowd")) as database:
        database.migrate()
        shelf = Shelf(database)
        with database.write() as connection:
            fill(connection, shelf.here, shelf.there)
        yield shelf


OLD = 1_400_300_000
"""Only a hundred are older."""


def sights(shelf: Shelf) -> dict[str, Sought]:
    return {
        "everything": Sought(),
        "state": Sought(states=(State.HELD,)),
        "states": Sought(states=(State.HELD, State.DONE)),
        "source": Sought(source_id=shelf.there),
        "videos": Sought(video=True),
        "folder": Sought(source_id=shelf.here, folder="DCIM/1"),
        "day": Sought(first_at=1_500_000_000, end_at=1_500_086_400),
        "all together": Sought(
            (State.HELD,), shelf.there, None, video=True, first_at=OLD, end_at=1_600_000_000
        ),
    }


SIGHTS = ("everything", "state", "states", "source", "videos", "folder", "day", "all together")


@pytest.mark.parametrize("sight", SIGHTS)
def test_a_page_of_a_hundred_thousand_touches_a_few_rows(crowd: Shelf, sight: str) -> None:
    gallery, sought = Gallery(crowd.database), sights(crowd)[sight]
    for after in (END, (OLD, 0)):
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 100
            return 0

        connection = crowd.database.connection()
        connection.set_progress_handler(count, 100)
        try:
            found = gallery.page(sought, after=after, limit=100)
        finally:
            connection.set_progress_handler(None, 0)
        assert steps < FEW_STEPS, steps
        if after == END:
            assert len(found) > 10


@pytest.mark.parametrize("sight", SIGHTS)
def test_no_page_is_sorted_when_it_is_asked_for(crowd: Shelf, sight: str) -> None:
    gallery = Gallery(crowd.database)
    sql, values = gallery._asked(sights(crowd)[sight], module.AFTER)
    values |= {"at": END[0], "id": END[1]}
    plan = crowd.database.rows(
        f"EXPLAIN QUERY PLAN {sql} ORDER BY shown_at DESC, id DESC LIMIT 10", values
    )
    told = "\n".join(row["detail"] for row in plan)
    assert "TEMP B-TREE" not in told, told
    assert "SCAN media_items" not in told, told


def test_more_sources_than_a_statement_takes_are_shown_all_the_same(
    shelf: Shelf, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [put(shelf, f"{one}.jpg", one) for one in range(5)]
    monkeypatch.setattr(module, "MOST_LANES", 1)
    assert [item.id for item in gallery.page()] == numbers[::-1]


def test_the_numbers_are_those_of_every_item(
    shelf: Shelf, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(12):
        source = shelf.here if at % 3 else shelf.there
        put(shelf, f"{'ab'[at % 2]}/{at}.jpg", at * 1000, video=at % 4 == 0, source=source)
    shelf.choices.skip([3, 4], now=NOW)
    in_a = Sought(source_id=shelf.here, folder="a")
    for sought in (
        Sought(),
        Sought(first_at=2000, end_at=9000),
        in_a,
        Sought(source_id=shelf.here, folder="a", first_at=2000, end_at=6000),
    ):
        wanted: dict[tuple[int, str, bool], int] = {}
        for item in gallery.page(sought):
            key = (item.source_id, str(item.state), item.mime_type == "video/mp4")
            wanted[key] = wanted.get(key, 0) + 1
        found = gallery.numbers(sought)
        assert found is not None
        told = {(one.source_id, one.state, one.video): one.items for one in found if one.items}
        assert told == wanted
    monkeypatch.setattr(module, "MOST_COUNTED", 3)
    assert gallery.numbers(in_a) is None
    few = Sought(source_id=shelf.here, folder="a", first_at=2000, end_at=6000)
    assert gallery.numbers(few) is not None


def test_a_hundred_thousand_are_counted_in_a_moment(crowd: Shelf) -> None:
    """20 ms of this machine's time, whoever else is at it."""
    gallery = Gallery(crowd.database)
    for sought in (
        Sought(),
        Sought(first_at=1_500_000_000, end_at=1_500_000_000 + DAY),
        Sought(source_id=crowd.here, folder="DCIM/1"),
        Sought(source_id=crowd.here, folder="DCIM/1", end_at=1_400_000_000 + 60_000 * 3000),
    ):
        taken = []
        for _ in range(5):
            began = time.thread_time()
            gallery.numbers(sought)
            taken.append(time.thread_time() - began)
        print(f"{min(taken) * 1000:.1f} ms")
        assert min(taken) < 0.02


# What was chosen for a source


def test_what_is_chosen_for_a_source_survives(shelf: Shelf) -> None:
    choices = SourceChoices(shelf.database)
    assert choices.of(shelf.here) == NO_CHOICE
    choices.set_mode(shelf.here, "manual")
    choices.set_left(shelf.here, is_left=True)
    choices.set_left(shelf.there, is_left=True)
    assert choices.all() == {
        shelf.here: SourceChoice("manual", is_left=True),
        shelf.there: SourceChoice(None, is_left=True),
    }
    choices.set_mode(shelf.here, None)
    choices.set_left(shelf.here, is_left=False)
    assert choices.of(shelf.here) == NO_CHOICE


def test_a_path_without_a_folder_is_at_the_top(shelf: Shelf, gallery: Gallery) -> None:
    put(shelf, os.fsdecode(b"\xff.jpg"), 5)
    assert [one.path for one in gallery.folders(shelf.here)] == [""]
