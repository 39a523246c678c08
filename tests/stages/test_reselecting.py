"""Settings that change while photos wait hold for those photos too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from photosync.domain.selection import Selection
from photosync.domain.states import State
from photosync.files.folder import Folder
from photosync.stages.discover import Watched
from photosync.stages.reselecting import apply_settings
from photosync.store.waiting import Waiting

if TYPE_CHECKING:
    from tests.stages.conftest import House


def apply(house: House, *exclude: str, since: float | None = None, album: str = "") -> None:
    apply_settings(
        replace(house.source, album=album),
        Selection(exclude=exclude, since=since),
        waiting=Waiting(house.database),
        control=house.control,
        now=int(house.clock()),
    )


def states(house: House) -> dict[str, State]:
    return {one.source_path: one.state for one in house.overview.items()}


def look(house: House, *exclude: str, first: State = State.FOUND) -> None:
    house.watched = Watched(
        house.source,
        Folder(house.root, selection=Selection(exclude=exclude), clock=lambda: 4e9),
    )
    house.discover(first).look(house.watched)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_what_is_excluded_by_now_is_not_sent(house: House, steps: int) -> None:
    house.put("private/a.jpg")
    house.put("b.jpg")
    look(house)
    for _ in range(2 * (steps > 0)):
        house.mirror().run_once()
    for _ in range(2 * (steps > 1)):
        house.upload().run_once()
    before = states(house)["b.jpg"]

    apply(house, "private/")

    assert states(house) == {"private/a.jpg": State.SKIPPED, "b.jpg": before}
    (item,) = house.overview.items(state=State.SKIPPED)
    assert (item.error_code, item.upload_token) == ("excluded", None)
    assert item.error_message == "select.exclude leaves it out: private/"

    look(house, "private/")
    assert states(house)["private/a.jpg"] == State.SKIPPED
    apply(house)
    look(house)
    assert states(house)["private/a.jpg"] == State.FOUND


def test_what_is_excluded_while_it_was_held_is_held_again(house: House) -> None:
    house.put("a.jpg")
    look(house, first=State.HELD)
    apply(house, "*.jpg")
    assert states(house) == {"a.jpg": State.SKIPPED}
    look(house, first=State.HELD)
    assert states(house) == {"a.jpg": State.HELD}


def test_sizes_types_and_screenshots_reach_what_waits(house: House) -> None:
    for name in ("a.jpg", "b.png", "Screenshot_1.jpg"):
        house.put(name)
    house.put("large.jpg", bytes(1000))
    look(house)

    def left(selection: Selection) -> set[str]:
        apply_settings(
            house.source,
            selection,
            waiting=Waiting(house.database),
            control=house.control,
            now=int(house.clock()),
        )
        found = {name for name, state in states(house).items() if state == State.SKIPPED}
        for item in house.overview.items(state=State.SKIPPED):
            assert item.error_code == "excluded"
        look(house)  # by its own settings everything is taken again
        assert set(states(house).values()) == {State.FOUND}
        return found

    assert left(Selection(max_size=500)) == {"large.jpg"}
    assert left(Selection(min_size=500)) == {"a.jpg", "b.png", "Screenshot_1.jpg"}
    assert left(Selection(screenshots=False)) == {"Screenshot_1.jpg"}
    assert left(Selection(types=("png",))) == {"a.jpg", "large.jpg", "Screenshot_1.jpg"}


def test_what_the_user_chose_stays_chosen_when_a_new_setting_is_not_said(house: House) -> None:
    house.put("a.jpg")
    look(house)
    apply(house, "*.jpg")
    house.choices.choose([1], now=1)
    for place in ("select", "folder[1]"):  # where it is said does not matter
        apply_settings(
            house.source,
            Selection(exclude=("*.jpg",), place=place, said=frozenset({"exclude"})),
            waiting=Waiting(house.database),
            control=house.control,
            now=1,
        )
    assert states(house) == {"a.jpg": State.FOUND}
    apply_settings(
        house.source,
        Selection(exclude=("*.jpg",), min_size=1),
        waiting=Waiting(house.database),
        control=house.control,
        now=1,
    )
    assert states(house) == {"a.jpg": State.SKIPPED}


def test_older_ones_are_left_out_when_since_says_so(house: House) -> None:
    house.put("a.jpg")
    look(house)
    apply(house, since=4e9)
    assert states(house) == {"a.jpg": State.SKIPPED}


def test_what_the_user_chose_since_stays_until_the_selection_changes(house: House) -> None:
    house.put("private/a.jpg")
    look(house)
    apply(house, "private/")
    house.choices.choose([1], now=1)
    apply(house, "private/", album="Trip")
    assert states(house) == {"private/a.jpg": State.FOUND}
    apply(house, "private/", "*.gif", album="Trip")
    assert states(house) == {"private/a.jpg": State.SKIPPED}


@pytest.mark.parametrize(("excluded", "kept"), [("y.jpg", "z.jpg"), ("z.jpg", "y.jpg")])
def test_a_copy_elsewhere_takes_the_place_of_what_is_left_out(
    house: House, excluded: str, kept: str
) -> None:
    house.put("y.jpg", b"same")
    house.put("z.jpg", b"same")
    look(house)
    house.mirror().run_once()
    house.mirror().run_once()
    assert State.DUPLICATE in states(house).values()

    apply(house, excluded)

    house.mirror().run_once()
    assert states(house) == {excluded: State.SKIPPED, kept: State.MIRRORED}


def test_done_and_failed_and_skipped_ones_stay(house: House) -> None:
    for name in "abc":
        house.put(f"{name}.jpg")
    look(house)
    house.choices.skip([1], now=1)
    item = house.items.claim(State.FOUND, worker="w", now=1)[0]
    house.items.fail(item, code="unreadable", message="m", now=1)
    before = states(house)
    left = next(name for name, state in before.items() if state == State.FOUND)

    apply(house, "*.jpg")

    assert states(house) == {**before, left: State.SKIPPED}


def test_another_album_is_that_of_all_that_wait(house: House) -> None:
    house.put("a.jpg")
    look(house)
    house.mirror().run_once()
    house.put("b.jpg")
    look(house)
    apply(house, album="Holidays")
    assert [one.album for one in house.overview.items(state=State.MIRRORED)] == ["Holidays"]
    house.upload().run_once()
    apply(house, album="{folder}")
    titles = [one.album for one in house.overview.items(state=State.UPLOADED)]
    assert titles == ["pictures"]


def test_the_same_settings_are_held_against_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(house, "*.gif")
    monkeypatch.setattr(Waiting, "after", None)
    apply(house, "*.gif")
    with pytest.raises(TypeError):
        apply(house, "*.png")


def test_page_by_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photosync.store.waiting.AT_ONCE", 2)
    for name in "abcde":
        house.put(f"{name}.jpg")
    look(house)
    apply(house, "*.jpg")
    assert set(states(house).values()) == {State.SKIPPED}
